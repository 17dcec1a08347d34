//! Documentation of a project from its own README, manifest, source comments, tests and earlier outputs. Everything stated is quoted with its place.
use std::collections::BTreeMap;

use serde_json::json;

use super::code_items::{self, Item};
use super::material::Material;
use super::prose::{self, link};
use super::readme::{self, Part};
use crate::domain::message::Brief;
use crate::llm::offline::markdown::{self, count};
use crate::llm::offline::passages;
use crate::llm::offline::reading::Calls;
use crate::llm::offline::results::{Document, Gathered, Place};

const MANIFESTS: [&str; 3] = ["Cargo.toml", "pyproject.toml", "package.json"];
/// What a search for public items looks for, and in which files.
const PATTERNS: [(&str, &str); 8] = [
    ("pub fn ", "*.rs"),
    ("pub struct ", "*.rs"),
    ("def ", "*.py"),
    ("class ", "*.py"),
    ("export ", "*.{js,mjs,ts,tsx,jsx}"),
    ("router.", "*.{js,mjs,ts}"),
    ("route(", "*.{py,js,ts,rs,go}"),
    ("func ", "*.go"),
];
const MOST_FILES: usize = 12;
const MOST_ITEMS: usize = 80;
const MOST_EXAMPLES: usize = 4;
const LONGEST_EXAMPLE: usize = 16;

/// Manifests and searches for public items; the README is read by everyone who reads the project.
pub fn first_calls() -> Calls {
    let mut calls: Calls = MANIFESTS.iter().map(|path| ("read_project", json!({ "path": path }))).collect();
    calls.extend(PATTERNS.iter().map(|(query, glob)| ("search_project", json!({ "query": query, "glob": glob }))));
    calls
}

/// The files with most public items, then two with tests or examples.
pub fn next_calls(gathered: &Gathered) -> Calls {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for hit in gathered.hits.iter().filter(|hit| hit.place == Place::Project) {
        // Routes are what a reader of API documentation looks for first.
        *counts.entry(&hit.path).or_insert(0) += if hit.query.contains("route") { 5 } else { 1 };
    }
    let mut order: Vec<(&str, usize)> = counts.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let (tests, code): (Vec<&str>, Vec<&str>) = order.into_iter().map(|(path, _)| path).partition(|path| passages::is_aside(path));
    let (examples, code): (Vec<&str>, Vec<&str>) =
        code.into_iter().partition(|path| path.starts_with("examples/") || path.contains("/examples/"));
    let wanted = code.into_iter().take(MOST_FILES).chain(examples.into_iter().take(2)).chain(tests.into_iter().take(2));
    wanted.filter(|path| !gathered.tried(path, Place::Project)).map(|path| ("read_project", json!({ "path": path }))).collect()
}

/// The documentation and the closing text.
pub fn write(brief: &Brief, gathered: &Gathered, material: &Material) -> (String, String) {
    let mut project: Vec<&Document> = gathered.documents.iter().filter(|document| document.place == Place::Project).collect();
    project.sort_by_key(|document| (document.path.contains('/'), document.path.clone()));
    let readme = project.iter().find(|document| document.path.eq_ignore_ascii_case("readme.md"));
    let parts = readme.map(|document| readme::parts(document)).unwrap_or_default();
    let attached = gathered.documents.iter().filter(|document| document.place == Place::Workspace);
    let items: Vec<Item> = project
        .iter()
        .copied()
        .chain(attached)
        .filter(|document| !passages::is_aside(&document.path) && !document.path.contains("examples/"))
        .flat_map(code_items::items)
        .collect();
    let kind = if brief.goal.to_lowercase().contains("api") { "API documentation" } else { "Documentation" };
    let fields = project
        .iter()
        .filter(|document| MANIFESTS.contains(&document.path.as_str()))
        .flat_map(|document| readme::manifest_fields(document));
    let name = fields.into_iter().find(|(key, _, _)| key == "name").map(|(_, value, _)| value);
    let mut text = prose::heading_of(kind, &name.unwrap_or_else(|| markdown::title(&brief.goal)));
    text.push_str(&overview(&project, &parts));
    text.push_str(&from_readme("Installation", &parts, &["install", "setup", "set up", "getting started", "requirement", "prerequisite"]));
    text.push_str(&from_readme(
        "Usage",
        &parts,
        &["usage", "quick start", "quickstart", "how to use", "running", "command line", "tutorial"],
    ));
    text.push_str(&endpoints(&items));
    text.push_str(&reference(&items));
    text.push_str(&examples(&project, &parts));
    text.push_str(&from_readme(
        "Further notes from the README",
        &parts,
        &["config", "environment", "error", "limit", "security", "licen", "troubleshoot"],
    ));
    text.push_str(&upstream(material));
    text.push_str(&gaps(gathered, &parts, &items, material));
    let cited = prose::cited(material, &text);
    text.push_str(&sources(brief, &project, &cited));
    let documented = items.iter().filter(|item| !item.doc.is_empty()).count();
    let closing = format!(
        "Wrote {} from {} of the project: {}, {} of them with a doc comment to quote. Thin: what the sources do not say is listed under Gaps, and no code was run.",
        brief.output,
        count(project.len(), "file"),
        count(items.len(), "public item"),
        documented
    );
    (markdown::with_contents(&text), closing)
}

fn overview(project: &[&Document], parts: &[Part]) -> String {
    let mut text = String::new();
    if let Some(first) = parts.first().filter(|part| part.heading.is_empty()) {
        text.push_str(&readme::carried(first));
    }
    let manifests = project.iter().filter(|document| MANIFESTS.contains(&document.path.as_str()));
    let rows: Vec<Vec<String>> = manifests
        .flat_map(|document| {
            readme::manifest_fields(document).into_iter().map(|(key, value, line)| vec![key, value, format!("`{}:{line}`", document.path)])
        })
        .collect();
    if !rows.is_empty() {
        text.push_str(&format!("{}\n", markdown::table(&["field", "value", "place"], &rows)));
    }
    section("Overview", &text)
}

fn section(title: &str, text: &str) -> String {
    if text.trim().is_empty() { String::new() } else { format!("## {title}\n\n{text}") }
}

fn from_readme(title: &str, parts: &[Part], words: &[&str]) -> String {
    let mut text = String::new();
    for part in readme::about(parts, words) {
        if !part.heading.eq_ignore_ascii_case(title) {
            text.push_str(&format!("### {}\n\n", part.heading));
        }
        text.push_str(&readme::carried(part));
    }
    section(title, &text)
}

fn endpoints(items: &[Item]) -> String {
    let row = |item: &Item| {
        let (method, path) = item.route.clone()?;
        Some(vec![method, format!("`{path}`"), format!("`{}`", item.name), item.says(), format!("`{}:{}`", item.path, item.line)])
    };
    let rows: Vec<Vec<String>> = items.iter().filter_map(row).collect();
    section(
        "Endpoints",
        &if rows.is_empty() {
            String::new()
        } else {
            markdown::table(&["method", "path", "handler", "what its comment says", "place"], &rows) + "\n"
        },
    )
}

/// A table of all items, then the doc comments that say more than one sentence, by file.
fn reference(items: &[Item]) -> String {
    let named: Vec<&Item> = items.iter().filter(|item| item.kind != "route").collect();
    let row = |item: &&Item| vec![format!("`{}`", item.name), item.kind.clone(), item.says(), format!("`{}:{}`", item.path, item.line)];
    let rows: Vec<Vec<String>> = named.iter().take(MOST_ITEMS).map(row).collect();
    let mut text = markdown::table(&["item", "kind", "what its comment says", "place"], &rows);
    if named.len() > MOST_ITEMS {
        text.push_str(&format!("\n{} more were found in the files read and are left out here.\n", named.len() - MOST_ITEMS));
    }
    text.push('\n');
    let long = named
        .iter()
        .take(MOST_ITEMS)
        .filter(|item| item.doc.iter().filter(|line| !line.is_empty()).count() > 1 || item.signature.contains('('));
    let mut path = "";
    for item in long.filter(|item| !item.doc.is_empty()).take(MOST_ITEMS / 2) {
        if item.path != path {
            path = &item.path;
            text.push_str(&format!("### `{path}`\n\n"));
        }
        let doc = markdown::quoted(item.doc.iter().map(String::as_str));
        text.push_str(&format!("**`{}`** — line {}\n\n{doc}\n", item.signature, item.line));
    }
    section("Reference", if rows.is_empty() { "" } else { &text })
}

/// Code blocks of the README, whole small tests, and openings of example programs.
fn examples(project: &[&Document], parts: &[Part]) -> String {
    let mut text = String::new();
    for part in readme::about(parts, &["example"]) {
        text.push_str(&readme::carried(part));
    }
    for document in project.iter().filter(|document| document.path.contains("examples/") && !document.path.ends_with(".md")).take(2) {
        let lines: Vec<&str> = document.lines.values().take(40).map(String::as_str).collect();
        let rest = if document.lines.len() > 40 { format!(", its first 40 of {} lines", document.lines.len()) } else { String::new() };
        text.push_str(&format!("From `{}`{rest}:\n\n{}\n", document.path, markdown::fenced(fence(&document.path), &lines.join("\n"))));
    }
    let tests = project.iter().filter(|document| passages::is_aside(&document.path));
    let cases =
        tests.flat_map(|document| code_items::test_examples(document, LONGEST_EXAMPLE).into_iter().map(move |case| (document, case)));
    for (document, (line, lines)) in cases.take(MOST_EXAMPLES) {
        text.push_str(&format!(
            "From the tests, `{}:{line}`:\n\n{}\n",
            document.path,
            markdown::fenced(fence(&document.path), &lines.join("\n"))
        ));
    }
    section("Examples", &text)
}

fn fence(path: &str) -> &str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("py") => "python",
        Some("rs") => "rust",
        Some("ts" | "tsx") => "typescript",
        Some("js" | "mjs" | "jsx") => "javascript",
        Some(other) => other,
        None => "",
    }
}

/// Passages that earlier steps found, and links to what they left.
fn upstream(material: &Material) -> String {
    let mut text = String::new();
    for (theme, quotes) in
        material.themes().into_iter().filter(|(_, quotes)| quotes.iter().all(|quote| !quote.path.eq_ignore_ascii_case("readme.md"))).take(5)
    {
        text.push_str(&format!("### {}\n\n", markdown::capital(theme)));
        text.extend(quotes.iter().take(3).map(|quote| format!("{}\n", quote.render())));
    }
    section("What earlier steps found", &text)
}

fn gaps(gathered: &Gathered, parts: &[Part], items: &[Item], material: &Material) -> String {
    let mut lines = Vec::new();
    for (title, words) in [
        ("installation", ["install", "setup"]),
        ("usage", ["usage", "start"]),
        ("errors", ["error", "troubleshoot"]),
        ("licence", ["licen", "copyright"]),
    ] {
        if !parts.is_empty() && readme::about(parts, &words).next().is_none() {
            lines.push(format!("The README has no section on {title}."));
        }
    }
    if parts.is_empty() {
        lines.push("No README.md was read, so there is nothing to quote on purpose, installation and usage.".to_owned());
    }
    let silent: Vec<String> =
        items.iter().filter(|item| item.doc.is_empty()).map(|item| format!("`{}` ({}:{})", item.name, item.path, item.line)).collect();
    if !silent.is_empty() {
        let rest = if silent.len() > 12 { format!(" and {} more", silent.len() - 12) } else { String::new() };
        lines.push(format!("Public without a doc comment: {}{rest}.", silent.iter().take(12).cloned().collect::<Vec<_>>().join(", ")));
    }
    let unread: std::collections::BTreeSet<&str> = gathered
        .hits
        .iter()
        .filter(|hit| hit.place == Place::Project && !gathered.tried(&hit.path, Place::Project))
        .map(|hit| hit.path.as_str())
        .collect();
    if !unread.is_empty() {
        lines.push(format!(
            "{} with matching lines {} not read, among them {}.",
            count(unread.len(), "more file"),
            if unread.len() == 1 { "was" } else { "were" },
            unread.iter().take(5).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
        ));
    }
    for document in gathered.documents.iter().filter(|document| document.place == Place::Project && document.is_partial()) {
        lines.push(format!("`{}` was read up to line {} only.", document.path, document.last_line()));
    }
    if let Some(refusal) = gathered.refusals.iter().find(|refusal| refusal.tool == "search_project") {
        lines.push(format!("The project could not be searched: {}.", refusal.reason.trim_end_matches('.')));
    }
    lines.extend(material.unread.iter().cloned());
    section("Gaps", &if lines.is_empty() { String::new() } else { prose::list(&lines) + "\n" })
}

fn sources(brief: &Brief, project: &[&Document], cited: &str) -> String {
    let mut text: String = project.iter().map(|document| format!("- `{}` (project)\n", document.path)).collect();
    for upstream in &brief.upstream {
        text.push_str(&format!("- {} — step {} ({})\n", link(upstream.output.as_str()), upstream.step, upstream.agent));
    }
    text.extend(brief.inputs.iter().map(|input| format!("- {} — attached\n", link(input.path.as_str()))));
    if !cited.is_empty() {
        text.push_str(&format!("\n{cited}"));
    }
    section("Sources", &text)
}
