//! Syntax errors of source text, by tree-sitter. Runs no code and checks no meaning.
use tree_sitter::Node;

use crate::tools::check_python;
use crate::tools::finding::{Finding, Severity};
use crate::tools::syntax::{Language, line, text_of, walk};

/// Syntax errors told of one file.
const MOST: usize = 10;

/// Where the text does not follow the grammar; in sound Python, habits that hide errors.
pub fn check(language: Language, text: &str) -> Vec<Finding> {
    let Some(tree) = language.parse(text) else { return Vec::new() };
    let mut findings = Vec::new();
    walk(tree.root_node(), &mut |node| {
        findings.extend(problem(language, node, text));
        findings.len() < MOST && (node.has_error() || language == Language::Python) && !node.is_error()
    });
    if language == Language::Python && findings.is_empty() {
        findings = check_python::check(tree.root_node(), text);
    }
    findings
}

fn problem(language: Language, node: Node<'_>, text: &str) -> Option<Finding> {
    let message = if node.is_missing() {
        format!("`{}` is missing", node.kind())
    } else if node.is_error() {
        format!("this cannot be parsed as {}: `{}`", language.name(), excerpt(node, text))
    } else if matches!(node.kind(), "print_statement" | "exec_statement") {
        "`print` and `exec` need parentheses in Python 3".to_owned()
    } else {
        return None;
    };
    // The CSS grammar is behind the newest at-rules: what it cannot read may still be right.
    let severity = if language == Language::Css { Severity::Warning } else { Severity::Error };
    Some(Finding { severity, ..Finding::error(line(node), "syntax-error", message) })
}

/// The first words of a node.
pub fn excerpt(node: Node<'_>, text: &str) -> String {
    let first = text_of(node, text).lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    first.chars().take(60).collect()
}
