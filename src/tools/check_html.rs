//! Defects of a page: syntax, its scripts and styles, ids given twice, local links and sources that lead nowhere. Renders nothing.
use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use crate::tools::finding::{Around, Finding, is_remote, percent_decoded, resolve};
use crate::tools::syntax::{Language, line, text_of, walk};
use crate::tools::{check_code, check_data};

/// What the walk over a page collects.
#[derive(Default)]
struct Page {
    findings: Vec<Finding>,
    ids: BTreeMap<String, usize>,
    names: BTreeSet<String>,
    /// Attribute, value, line.
    links: Vec<(String, String, usize)>,
}

/// The defects of one HTML file.
pub fn check(path: &str, text: &str, around: &Around<'_>) -> Vec<Finding> {
    let Some(tree) = Language::Html.parse(text) else { return Vec::new() };
    let mut page = Page::default();
    walk(tree.root_node(), &mut |node| {
        page.take(node, text);
        !node.is_error()
    });
    for (attribute, value, line) in &page.links {
        page.findings.extend(link_problem(path, value, &page, around).map(|what| {
            let rule = if attribute == "src" { "missing-source" } else { "broken-link" };
            Finding::error(*line, rule, format!("{attribute} `{value}` {what}"))
        }));
    }
    page.findings
}

impl Page {
    fn take(&mut self, node: Node<'_>, text: &str) {
        match node.kind() {
            "erroneous_end_tag" => {
                let message = format!("`{}` closes nothing that is open", check_code::excerpt(node, text));
                self.findings.push(Finding::error(line(node), "syntax-error", message));
            }
            "attribute" => self.take_attribute(node, text),
            "script_element" | "style_element" => self.take_embedded(node, text),
            _ if node.is_missing() => {
                self.findings.push(Finding::error(line(node), "syntax-error", format!("`{}` is missing", node.kind())));
            }
            _ if node.is_error() => {
                let message = format!("this cannot be parsed as HTML: `{}`", check_code::excerpt(node, text));
                self.findings.push(Finding::error(line(node), "syntax-error", message));
            }
            _ => {}
        }
    }

    fn take_attribute(&mut self, node: Node<'_>, text: &str) {
        let (name, value) = text_of(node, text).split_once('=').unwrap_or_default();
        let value = value.trim().trim_matches(['"', '\'']).trim();
        match name.trim().to_lowercase().as_str() {
            "id" if !value.is_empty() => match self.ids.get(value) {
                Some(first) => {
                    let message = format!("the id `{value}` is already used on line {first}");
                    self.findings.push(Finding::error(line(node), "repeated-id", message));
                }
                None => {
                    self.ids.insert(value.to_owned(), line(node));
                }
            },
            "name" => {
                self.names.insert(value.to_owned());
            }
            attribute @ ("src" | "href") => self.links.push((attribute.to_owned(), value.to_owned(), line(node))),
            _ => {}
        }
    }

    /// The script or style inside the page, checked by its own grammar.
    fn take_embedded(&mut self, node: Node<'_>, text: &str) {
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        let tag = children.first().map_or("", |tag| text_of(*tag, text)).to_lowercase();
        let Some(raw) = children.iter().find(|child| child.kind() == "raw_text") else { return };
        let source = text_of(*raw, text);
        let found = match node.kind() {
            "style_element" => check_code::check(Language::Css, source),
            _ if tag.contains("json") || tag.contains("importmap") => check_data::json(source),
            _ if tag.contains("type=") && !tag.contains("javascript") && !tag.contains("module") => Vec::new(),
            _ => check_code::check(Language::JavaScript, source),
        };
        let shift = line(*raw) - 1;
        self.findings.extend(found.into_iter().map(|finding| Finding { line: finding.line + shift, ..finding }));
    }
}

fn link_problem(path: &str, value: &str, page: &Page, around: &Around<'_>) -> Option<&'static str> {
    let is_template = value.contains("{{") || value.contains("${") || value.contains("<%");
    if value.is_empty() || is_remote(value) || is_template {
        return None;
    }
    let (file, anchor) = value.split_once('#').unwrap_or((value, ""));
    let file = percent_decoded(file.split('?').next().unwrap_or_default());
    if file.is_empty() {
        let known = anchor.is_empty() || anchor == "top" || page.ids.contains_key(anchor) || page.names.contains(anchor);
        return (!known).then_some("names an id that the page does not have");
    }
    match resolve(path, &file) {
        None => Some("leads out of the workspace"),
        Some(found) if !(around.exists)(&found) => Some("leads to a file that does not exist"),
        Some(_) => None,
    }
}
