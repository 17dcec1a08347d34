//! Source text to syntax trees: which grammar reads which file, and a walk that never recurses. Judges nothing.
use tree_sitter::{Node, Parser, Tree};

/// A language we have a grammar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    Css,
    Html,
    JavaScript,
    Python,
    Rust,
    Tsx,
    TypeScript,
}

impl Language {
    /// By the extension of a path.
    pub fn of(path: &str) -> Option<Language> {
        let (_, extension) = path.rsplit_once('.')?;
        Some(match extension.to_lowercase().as_str() {
            "css" => Language::Css,
            "html" | "htm" => Language::Html,
            "js" | "mjs" | "cjs" | "jsx" => Language::JavaScript,
            "py" | "pyi" => Language::Python,
            "rs" => Language::Rust,
            "tsx" => Language::Tsx,
            "ts" | "mts" | "cts" => Language::TypeScript,
            _ => return None,
        })
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Language::Css => "CSS",
            Language::Html => "HTML",
            Language::JavaScript => "JavaScript",
            Language::Python => "Python",
            Language::Rust => "Rust",
            Language::Tsx | Language::TypeScript => "TypeScript",
        }
    }

    /// The syntax tree; tree-sitter always gives one, with error nodes where the text makes no sense.
    pub fn parse(self, text: &str) -> Option<Tree> {
        let grammar = match self {
            Language::Css => tree_sitter_css::LANGUAGE,
            Language::Html => tree_sitter_html::LANGUAGE,
            Language::JavaScript => tree_sitter_javascript::LANGUAGE,
            Language::Python => tree_sitter_python::LANGUAGE,
            Language::Rust => tree_sitter_rust::LANGUAGE,
            Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
            Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        };
        let mut parser = Parser::new();
        parser.set_language(&grammar.into()).ok()?;
        parser.parse(text, None)
    }
}

/// Visits nodes in the order of the text; `visit` says whether to look inside.
pub fn walk<'tree>(root: Node<'tree>, visit: &mut dyn FnMut(Node<'tree>) -> bool) {
    let mut cursor = root.walk();
    loop {
        if visit(cursor.node()) && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// The text of a node.
pub fn text_of<'a>(node: Node<'_>, source: &'a str) -> &'a str {
    source.get(node.byte_range()).unwrap_or_default()
}

/// The line, from 1, on which a node starts.
pub fn line(node: Node<'_>) -> usize {
    node.start_position().row + 1
}
