//! Public items and routes in source text, with their place and doc comment. Reads line by line for Python, Rust, JavaScript, TypeScript and Go; resolves nothing.
use crate::llm::offline::results::Document;

/// Something a reader can call, use or request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// `function`, `class`, `trait`…
    pub kind: String,
    pub name: String,
    /// The declaring line, verbatim but for its indentation and its opening brace.
    pub signature: String,
    /// The doc comment without its marks.
    pub doc: Vec<String>,
    pub path: String,
    pub line: usize,
    /// Method and path, if the item answers requests.
    pub route: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    Rust,
    Script,
    Go,
}

impl Item {
    /// The first sentence of the doc comment.
    pub fn says(&self) -> String {
        let paragraph: Vec<&str> = self.doc.iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
        crate::llm::offline::quotes::first_sentence(&paragraph.join(" "))
    }
}

fn language(path: &str) -> Option<Language> {
    match path.rsplit_once('.')?.1 {
        "py" => Some(Language::Python),
        "rs" => Some(Language::Rust),
        "js" | "mjs" | "ts" | "tsx" | "jsx" => Some(Language::Script),
        "go" => Some(Language::Go),
        _ => None,
    }
}

/// All public items of a file, in order.
pub fn items(document: &Document) -> Vec<Item> {
    let Some(language) = language(&document.path) else { return Vec::new() };
    let lines: Vec<(usize, &str)> = document.lines.iter().map(|(number, line)| (*number, line.as_str())).collect();
    let tests_from = lines.iter().position(|(_, line)| line.trim() == "#[cfg(test)]").unwrap_or(lines.len());
    let mut found = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate().take(tests_from) {
        if let Some((kind, name)) = declared(language, line) {
            let name = owner(language, &lines, index).map_or(name.clone(), |owner| format!("{owner}::{name}"));
            let doc = doc(language, &lines, index);
            let route = route_above(&lines, index);
            found.push(Item { kind, name, signature: signature(line), doc, path: document.path.clone(), line: *number, route });
        } else if let Some(route) = route(line).filter(|_| !line.trim_start().starts_with(['@', '#', '/', '*'])) {
            let doc = doc(language, &lines, index);
            found.push(Item {
                kind: "route".into(),
                name: format!("{} {}", route.0, route.1),
                signature: signature(line),
                doc,
                path: document.path.clone(),
                line: *number,
                route: Some(route),
            });
        }
    }
    found
}

/// The type whose `impl` block an indented Rust item stands in.
fn owner(language: Language, lines: &[(usize, &str)], index: usize) -> Option<String> {
    let indented = lines.get(index).is_some_and(|(_, line)| line.starts_with(char::is_whitespace));
    let above = lines.get(..index)?.iter().rev().map(|(_, line)| *line);
    let header = above.filter(|_| language == Language::Rust && indented).find(|line| line.starts_with("impl") || line.starts_with('}'))?;
    let rest = header.strip_prefix("impl")?;
    let rest = if rest.starts_with('<') { rest.split_once('>')?.1 } else { rest };
    let rest = rest.split_once(" for ").map_or(rest, |(_, rest)| rest);
    name_of(rest.trim_start())
}

fn signature(line: &str) -> String {
    line.trim().trim_end_matches(['{', ':', ';']).trim_end().to_owned()
}

fn name_of(rest: &str) -> Option<String> {
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
    rest.get(..end).filter(|name| !name.is_empty()).map(str::to_owned)
}

fn declared(language: Language, line: &str) -> Option<(String, String)> {
    match language {
        Language::Python => {
            let rest = line.strip_prefix("async ").unwrap_or(line);
            let (kind, rest) = rest
                .strip_prefix("def ")
                .map(|rest| ("function", rest))
                .or_else(|| rest.strip_prefix("class ").map(|rest| ("class", rest)))?;
            name_of(rest).filter(|name| !name.starts_with('_')).map(|name| (kind.to_owned(), name))
        }
        Language::Rust => {
            let rest = line.trim_start().strip_prefix("pub ")?;
            let rest = ["const fn ", "async fn ", "unsafe fn "]
                .iter()
                .find_map(|start| rest.strip_prefix(start))
                .map_or_else(|| rest.to_owned(), |rest| format!("fn {rest}"));
            let (kind, rest) = rest.split_once(' ')?;
            let kind = match kind {
                "fn" => "function",
                "struct" | "enum" | "trait" | "type" | "const" | "static" => kind,
                _ => return None,
            };
            name_of(rest).map(|name| (kind.to_owned(), name))
        }
        Language::Script => {
            let rest = line.strip_prefix("export ")?;
            let rest = rest.strip_prefix("default ").unwrap_or(rest);
            let rest = rest.strip_prefix("async ").unwrap_or(rest);
            let (kind, rest) = rest.split_once(' ')?;
            let kind = kind.trim_end_matches('*');
            matches!(kind, "function" | "class" | "const" | "interface" | "type" | "enum")
                .then(|| name_of(rest.trim_start_matches('*').trim()))?
                .map(|name| (kind.to_owned(), name))
        }
        Language::Go => {
            let (kind, rest) = line
                .strip_prefix("func ")
                .map(|rest| ("function", rest))
                .or_else(|| line.strip_prefix("type ").map(|rest| ("type", rest)))?;
            let rest = if rest.starts_with('(') { rest.split_once(')').map_or(rest, |(_, rest)| rest.trim_start()) } else { rest };
            name_of(rest).filter(|name| name.starts_with(char::is_uppercase)).map(|name| (kind.to_owned(), name))
        }
    }
}

/// A doc comment: a docstring below in Python, comment lines above elsewhere.
fn doc(language: Language, lines: &[(usize, &str)], index: usize) -> Vec<String> {
    if language == Language::Python {
        return docstring(lines.get(index..).unwrap_or_default());
    }
    let mut doc: Vec<String> = Vec::new();
    for (_, line) in lines.get(..index).unwrap_or_default().iter().rev() {
        let line = line.trim();
        let is_code_mark = line.starts_with("#[") || line.starts_with('@');
        let text = match language {
            Language::Rust => line.strip_prefix("///"),
            Language::Go => line.strip_prefix("//"),
            _ => line.strip_prefix("/**").or_else(|| line.strip_prefix('*')).or_else(|| line.strip_prefix("//")),
        };
        match text {
            _ if line == "*/" => {}
            Some(text) => doc.push(text.trim_end_matches("*/").strip_prefix(' ').unwrap_or(text).trim_end().to_owned()),
            None if is_code_mark => {}
            None => break,
        }
        if line.starts_with("/**") {
            break;
        }
    }
    doc.reverse();
    trimmed(doc)
}

fn docstring(lines: &[(usize, &str)]) -> Vec<String> {
    // The signature may run over several lines; its end is the first line that ends with a colon.
    let Some(end) = lines.iter().take(12).position(|(_, line)| line.trim_end().ends_with(':')) else { return Vec::new() };
    let mut body = lines.iter().skip(end + 1).map(|(_, line)| line.trim());
    let Some(first) = body.next() else { return Vec::new() };
    let Some((mark, rest)) =
        ["\"\"\"", "'''"].iter().find_map(|mark| Some((*mark, first.trim_start_matches(['r', 'R']).strip_prefix(mark)?)))
    else {
        return Vec::new();
    };
    if let Some((text, _)) = rest.split_once(mark) {
        return trimmed(vec![text.trim().to_owned()]);
    }
    let mut doc = vec![rest.trim().to_owned()];
    for line in body.take(60) {
        match line.split_once(mark) {
            Some((text, _)) => {
                doc.push(text.trim().to_owned());
                break;
            }
            None => doc.push(line.to_owned()),
        }
    }
    trimmed(doc)
}

fn trimmed(mut doc: Vec<String>) -> Vec<String> {
    let start = doc.iter().take_while(|line| line.is_empty()).count();
    doc.drain(..start);
    while doc.last().is_some_and(String::is_empty) {
        doc.pop();
    }
    doc
}

/// The route of a decorator or attribute right above a declaration.
fn route_above(lines: &[(usize, &str)], index: usize) -> Option<(String, String)> {
    let above = lines.get(..index)?.iter().rev().map(|(_, line)| line.trim());
    above.take_while(|line| line.starts_with(['@', '#', ')']) || line.ends_with(',')).take(6).find_map(route)
}

/// A call such as `@app.get("/items")`, `router.post('/x', …)`, `@route("GET", "/x")`, `.route("/x", get(f))`.
fn route(line: &str) -> Option<(String, String)> {
    const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
    let lower = line.to_lowercase();
    let start = lower.trim_start();
    let marked = start.starts_with('@') || start.starts_with("#[") || start.starts_with(".route(");
    let called = ["app.", "router.", "api.", "bp.", "blueprint.", "server."].iter().any(|object| start.starts_with(object));
    if !marked && !called {
        return None;
    }
    let quote = line.find(['"', '\'', '`']).filter(|_| line.contains('('))?;
    let literals: Vec<&str> = line.get(quote..)?.split(['"', '\'', '`']).skip(1).step_by(2).collect();
    let path = literals.iter().find(|literal| literal.starts_with('/'))?;
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphabetic()).collect();
    let method = METHODS.iter().find(|method| words.contains(method)).map_or("ANY".to_owned(), |method| method.to_uppercase());
    Some((method, (*path).to_owned()))
}

/// Test functions as they stand, each at most `most` lines long, with their first line.
pub fn test_examples(document: &Document, most: usize) -> Vec<(usize, Vec<String>)> {
    let lines: Vec<(usize, &str)> = document.lines.iter().map(|(number, line)| (*number, line.as_str())).collect();
    let starts = |line: &str| {
        line.starts_with("def test_") || line.starts_with("async def test_") || line.starts_with("test(") || line.starts_with("it(")
    };
    let mut found = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate().filter(|(_, (_, line))| starts(line)) {
        let rest = lines.iter().skip(index + 1).map(|(_, line)| *line);
        let body: Vec<&str> = rest.take_while(|line| line.is_empty() || line.starts_with([' ', '\t', '}'])).collect();
        let mut text: Vec<String> = std::iter::once(*line).chain(body).map(str::to_owned).collect();
        while text.last().is_some_and(|line| line.trim().is_empty()) {
            text.pop();
        }
        if text.len() > 1 && text.len() <= most {
            found.push((*number, text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::offline::results::Place;

    fn read(path: &str, text: &str) -> Vec<Item> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned())).collect();
        items(&Document { path: path.into(), place: Place::Project, lines, more_from: None, total: None })
    }

    #[test]
    fn python_items_carry_docstrings_and_routes() {
        let found = read(
            "a.py",
            "@app.get(\"/items\")\nasync def list_items(\n    limit: int,\n):\n    \"\"\"List items.\n\n    More.\n    \"\"\"\n\n\ndef _hidden():\n    pass\n",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].name.as_str(), found[0].line, found[0].route.clone()),
            ("list_items", 2, Some(("GET".into(), "/items".into())))
        );
        assert_eq!(found[0].doc, ["List items.", "", "More."]);
        assert_eq!(found[0].says(), "List items.");
    }

    #[test]
    fn rust_items_carry_their_comments_and_stop_at_the_tests() {
        let found = read(
            "a.rs",
            "/// Adds.\n/// Twice.\n#[must_use]\npub const fn add(a: u8) -> u8 {\n}\npub(crate) fn no() {}\npub mod x;\n#[cfg(test)]\npub fn test_only() {}\n",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].signature, "pub const fn add(a: u8) -> u8");
        assert_eq!(found[0].doc, ["Adds.", "Twice."]);
    }

    #[test]
    fn methods_are_named_with_their_type() {
        let found = read(
            "a.rs",
            "impl<T> Store<T> {\n    /// Opens.\n    pub fn open() {}\n}\npub fn free() {}\nimpl Default for X {\n    pub fn y() {}\n}\n",
        );
        assert_eq!(found.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["Store::open", "free", "X::y"]);
    }

    #[test]
    fn script_exports_and_express_routes_are_found() {
        let found =
            read("a.ts", "/**\n * Opens it.\n */\nexport async function open(path: string) {\n}\n\nrouter.post('/orders', create);\n");
        assert_eq!(found.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["open", "POST /orders"]);
        assert_eq!(found[0].says(), "Opens it.");
    }
}
