//! What one source file says about itself: its declarations and its imports as written. Resolves nothing and reads no other file.
use tree_sitter::Node;

use crate::tools::finding::is_remote;
use crate::tools::syntax::{Language, line, text_of, walk};

/// An import as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Import {
    /// Rust: the segments of one path, how many inline modules it stands in, and how it is written.
    Rust { path: Vec<String>, depth: usize, form: Form },
    /// Rust: `mod name;`, with its `#[path]`.
    RustModule { name: String, file: Option<String> },
    /// Python: dots in front, module, names taken from it.
    Python { dots: usize, module: Vec<String>, names: Vec<String> },
    /// JavaScript and TypeScript: what stands between the quotes.
    Script(String),
}

/// How a Rust path is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Use,
    /// `pub use`.
    Export,
    /// Written out in an expression or a type.
    InPlace,
}

/// Facts about one source file.
#[derive(Debug, Default)]
pub struct Source {
    /// `12: pub fn run`.
    pub declares: Vec<String>,
    pub imports: Vec<Import>,
    /// `if __name__ == "__main__"`.
    pub runs_as_script: bool,
    /// A Rust file with a `main` function of its own.
    pub has_main: bool,
}

/// Reads one file; a language without a module system has no facts.
pub fn read(language: Language, text: &str) -> Source {
    let mut source = Source::default();
    if language == Language::Css {
        return source;
    }
    let Some(tree) = language.parse(text) else { return source };
    let mut cursor = tree.root_node().walk();
    for node in tree.root_node().children(&mut cursor) {
        declaration(&mut source, node, text);
    }
    // Ends of the inline Rust modules that are open at a node, by byte.
    let mut inline = Vec::new();
    walk(tree.root_node(), &mut |node| match language {
        Language::Rust => rust(&mut source, &mut inline, node, text),
        Language::Python => python(&mut source, node, text),
        Language::Html => page(&mut source, node, text),
        _ => script(&mut source, node, text),
    });
    source
}

fn declaration(source: &mut Source, node: Node<'_>, text: &str) {
    let inner = match node.kind() {
        "decorated_definition" => node.child_by_field_name("definition"),
        "export_statement" => node.child_by_field_name("declaration").or_else(|| node.child_by_field_name("value")),
        _ => Some(node),
    };
    let Some(inner) = inner else { return };
    let exported = node.kind() == "export_statement" || has_child(inner, "visibility_modifier");
    let word = match inner.kind() {
        "function_item" => "fn",
        "struct_item" => "struct",
        "enum_item" | "enum_declaration" => "enum",
        "trait_item" => "trait",
        "macro_definition" => "macro",
        "function_definition" => "def",
        "class_definition" | "class_declaration" | "abstract_class_declaration" | "class" => "class",
        "function_declaration" | "generator_function_declaration" | "function_expression" | "arrow_function" => "function",
        "interface_declaration" => "interface",
        "type_alias_declaration" | "type_item" => "type",
        "lexical_declaration" if node.kind() == "export_statement" => "const",
        _ => return,
    };
    let name_of = |node: Node<'_>| node.child_by_field_name("name").map(|name| text_of(name, text).to_owned());
    let name = name_of(inner).or_else(|| inner.named_child(0).and_then(name_of)).unwrap_or_else(|| "default".to_owned());
    source.has_main |= word == "fn" && name == "main";
    let mark = match (exported, inner.kind()) {
        (true, kind) if kind.ends_with("_item") => "pub ",
        (true, _) => "export ",
        (false, _) => "",
    };
    source.declares.push(format!("{}: {mark}{word} {name}", line(inner)));
}

fn has_child(node: Node<'_>, kind: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| child.kind() == kind)
}

fn rust(source: &mut Source, inline: &mut Vec<usize>, node: Node<'_>, text: &str) -> bool {
    inline.retain(|end| *end > node.start_byte());
    let depth = inline.len();
    match node.kind() {
        "use_declaration" => {
            let argument = node.child_by_field_name("argument").map_or("", |argument| text_of(argument, text));
            let form = if has_child(node, "visibility_modifier") { Form::Export } else { Form::Use };
            let mut paths = Vec::new();
            expand(argument, &[], &mut paths);
            source.imports.extend(paths.into_iter().map(|path| Import::Rust { path, depth, form }));
            false
        }
        "mod_item" if node.child_by_field_name("body").is_none() => {
            let name = node.child_by_field_name("name").map_or("", |name| text_of(name, text)).to_owned();
            source.imports.push(Import::RustModule { name, file: path_attribute(node, text) });
            false
        }
        "mod_item" => {
            inline.push(node.end_byte());
            true
        }
        "scoped_identifier" | "scoped_type_identifier" => {
            let path: Vec<String> = text_of(node, text).split("::").map(|name| name.trim().to_owned()).collect();
            let plain = path.iter().all(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
            if plain && path.first().is_some_and(|first| first.starts_with(|c: char| c.is_lowercase())) {
                source.imports.push(Import::Rust { path, depth, form: Form::InPlace });
            }
            false
        }
        _ => true,
    }
}

/// The file of a `#[path = "…"]` before a module.
fn path_attribute(node: Node<'_>, text: &str) -> Option<String> {
    let before = std::iter::successors(node.prev_sibling(), Node::prev_sibling).take_while(|node| node.kind() == "attribute_item");
    before.map(|node| text_of(node, text)).find_map(|attribute| {
        let value = attribute.strip_prefix("#[path")?.trim_start().strip_prefix('=')?;
        value.split('"').nth(1).map(str::to_owned)
    })
}

/// `a::{b, c::{d as e, self}}` as single paths.
fn expand(text: &str, prefix: &[String], paths: &mut Vec<Vec<String>>) {
    if prefix.len() > 16 || paths.len() > 400 {
        return;
    }
    let text = text.trim().trim_start_matches("::");
    let (head, list) = match text.find('{') {
        Some(at) => (text[..at].trim_end_matches("::"), text[at + 1..].rsplit_once('}').map(|(list, _)| list)),
        None => (text.split(" as ").next().unwrap_or_default(), None),
    };
    let names = head.split("::").map(str::trim).filter(|name| !name.is_empty() && *name != "*");
    let mut path: Vec<String> = prefix.to_vec();
    path.extend(names.map(str::to_owned));
    match list {
        Some(list) => split_top(list).into_iter().for_each(|part| expand(part, &path, paths)),
        None => {
            if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            paths.push(path);
        }
    }
}

/// The parts of a list between commas that stand in no inner braces.
fn split_top(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

fn python(source: &mut Source, node: Node<'_>, text: &str) -> bool {
    let dotted = |node: Node<'_>| -> Vec<String> {
        let plain = if node.kind() == "aliased_import" { node.child_by_field_name("name").unwrap_or(node) } else { node };
        text_of(plain, text).split('.').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    };
    let mut cursor = node.walk();
    match node.kind() {
        "import_statement" => {
            for name in node.children_by_field_name("name", &mut cursor) {
                source.imports.push(Import::Python { dots: 0, module: dotted(name), names: Vec::new() });
            }
            false
        }
        "import_from_statement" => {
            let from = node.child_by_field_name("module_name").map_or("", |from| text_of(from, text)).to_owned();
            let dots = from.chars().take_while(|c| *c == '.').count();
            let module =
                from.trim_start_matches('.').split('.').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
            let names = node.children_by_field_name("name", &mut cursor).map(|name| dotted(name).join(".")).collect();
            source.imports.push(Import::Python { dots, module, names });
            false
        }
        "if_statement" => {
            let condition = node.child_by_field_name("condition").map_or("", |condition| text_of(condition, text));
            source.runs_as_script |= condition.contains("__name__") && condition.contains("__main__");
            true
        }
        _ => true,
    }
}

/// Scripts, styles and pages that a page names are its imports.
fn page(source: &mut Source, node: Node<'_>, text: &str) -> bool {
    if node.kind() == "attribute" {
        let (name, value) = text_of(node, text).split_once('=').unwrap_or_default();
        let value = value.trim_matches(['"', '\'', ' ']).split(['?', '#']).next().unwrap_or_default();
        if matches!(name.trim(), "src" | "href") && !value.is_empty() && !is_remote(value) {
            source.imports.push(Import::Script(format!("./{}", value.trim_start_matches("./").trim_start_matches('/'))));
        }
    }
    true
}

fn script(source: &mut Source, node: Node<'_>, text: &str) -> bool {
    let quoted = |node: Node<'_>| {
        let target = text_of(node, text).trim_matches(['"', '\'', '`']);
        (node.kind() == "string" && !target.is_empty()).then(|| Import::Script(target.to_owned()))
    };
    match node.kind() {
        "import_statement" | "export_statement" => {
            source.imports.extend(node.child_by_field_name("source").and_then(quoted));
        }
        "call_expression" => {
            let function = node.child_by_field_name("function").map_or("", |function| text_of(function, text));
            let argument = node.child_by_field_name("arguments").and_then(|arguments| arguments.named_child(0));
            if matches!(function, "require" | "import" | "require.resolve") {
                source.imports.extend(argument.and_then(quoted));
            }
        }
        _ => {}
    }
    true
}
