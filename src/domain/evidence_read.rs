//! What a tool's result tells of the world outside the conversation: files with their lines, pages, search results, answers of servers. Keeps nothing.
use std::collections::BTreeMap;

use serde_json::Value;

use super::address::WebAddress;
use super::evidence::{Piece, SourceKind};
use super::path::fold;
use super::tool::{ToolCall, Touched, WEB_FETCH, WEB_SEARCH};

/// What was read of one source by one call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub kind: SourceKind,
    pub origin: String,
    pub title: String,
    /// Of the whole file.
    pub sha256: Option<String>,
    pub pieces: BTreeMap<usize, Piece>,
}

/// What a successful call read, each source once.
pub(super) fn readings(call: &ToolCall, content: &str, touched: &[Touched]) -> Vec<Reading> {
    let text = |key: &str| call.input.get(key).and_then(Value::as_str).unwrap_or_default();
    let path = text("path").trim_start_matches("./");
    match call.name.as_str() {
        "read_file" => {
            let Some(touched) = touched.first().filter(|touched| is_input(touched.path.as_str())) else { return Vec::new() };
            vec![file(SourceKind::Input, touched.path.as_str(), (content, Some(touched.sha256.clone())))]
        }
        "read_project" if !path.is_empty() => vec![file(SourceKind::Project, path, (content, None))],
        "search_files" => hits(SourceKind::Input, content),
        "search_project" => hits(SourceKind::Project, content),
        "profile_data" => vec![whole(SourceKind::Data, format!("profile of {path}"), content)],
        "query_data" => vec![whole(SourceKind::Data, format!("query {}", text("sql").trim()), content)],
        WEB_FETCH => page(call, content).into_iter().collect(),
        WEB_SEARCH => results(content),
        name if name.starts_with("mcp__") => vec![whole(SourceKind::Server, format!("{name} {}", call.input), content)],
        _ => Vec::new(),
    }
}

fn is_input(path: &str) -> bool {
    fold(path).starts_with("inputs/")
}

fn whole(kind: SourceKind, origin: String, content: &str) -> Reading {
    let piece = Piece { text: content.to_owned(), partial: false };
    Reading { kind, origin, title: String::new(), sha256: None, pieces: BTreeMap::from([(0, piece)]) }
}

/// Lines as `12<tab>text`; a remark in brackets is not the file's.
fn file(kind: SourceKind, path: &str, (content, sha256): (&str, Option<String>)) -> Reading {
    let line = |line: &str| {
        let (number, text) = line.split_once('\t')?;
        let cut = text.rsplit_once(" [line cut: ").filter(|(_, remark)| remark.ends_with(" in all]"));
        let piece = Piece { text: cut.map_or(text, |(kept, _)| kept).to_owned(), partial: cut.is_some() };
        Some((line_number(number)?, piece))
    };
    Reading { kind, origin: path.to_owned(), title: String::new(), sha256, pieces: content.lines().filter_map(line).collect() }
}

/// Lines as `path:12: text`, trimmed and perhaps cut.
fn hits(kind: SourceKind, content: &str) -> Vec<Reading> {
    let mut found: BTreeMap<&str, BTreeMap<usize, Piece>> = BTreeMap::new();
    for line in content.lines() {
        let Some((path, number, text)) = hit(line) else { continue };
        if kind == SourceKind::Project || is_input(path) {
            let text = text.trim_matches('…').to_owned();
            found.entry(path).or_default().insert(number, Piece { text, partial: true });
        }
    }
    let reading = |(path, pieces): (&str, _)| Reading { kind, origin: path.to_owned(), title: String::new(), sha256: None, pieces };
    found.into_iter().map(reading).collect()
}

/// No file that is read has more lines; a larger number was made up by a name or a text.
fn line_number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number <= 8 << 20)
}

fn hit(line: &str) -> Option<(&str, usize, &str)> {
    for (at, _) in line.match_indices(':') {
        let rest = line.get(at + 1..)?;
        let Some((number, text)) = rest.split_once(": ") else { continue };
        if at > 0 && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some((line.get(..at)?, line_number(number)?, text));
        }
    }
    None
}

/// `Address: …`, further lines of the head, an empty line, the text.
fn page(call: &ToolCall, content: &str) -> Option<Reading> {
    let (head, body) = content.split_once("\n\n")?;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let origin = field("Address:")?.to_owned();
    let offset = call.input.get("offset").and_then(|offset| offset.as_u64().or_else(|| offset.as_str()?.trim().parse().ok()));
    let remark = body
        .rfind("\n[characters ")
        .filter(|at| body.trim_end().ends_with(']') && !body.get(at + 1..).unwrap_or("\n").trim_end().contains('\n'));
    let text = remark.and_then(|at| body.get(..at)).unwrap_or(body).to_owned();
    let at = usize::try_from(offset.unwrap_or(0)).unwrap_or(0);
    let pieces = BTreeMap::from([(at, Piece { text, partial: false })]);
    Some(Reading { kind: SourceKind::Page, origin, title: field("Title:").unwrap_or_default().to_owned(), sha256: None, pieces })
}

/// Entries of three lines: `1. Title`, the address, the excerpt.
fn results(content: &str) -> Vec<Reading> {
    let lines: Vec<&str> = content.lines().collect();
    let entry = |window: &[&str]| {
        let [first, second, third] = window else { return None };
        let (number, title) = first.split_once(". ")?;
        number.parse::<u32>().ok()?;
        let address = WebAddress::parse(second.trim()).ok().filter(|_| second.starts_with(' '))?;
        let piece = Piece { text: format!("{title}\n{}\n", third.trim()), partial: false };
        let pieces = BTreeMap::from([(0, piece)]);
        let origin = address.as_str().to_owned();
        Some(Reading { kind: SourceKind::Search, origin, title: title.to_owned(), sha256: None, pieces })
    };
    lines.windows(3).filter_map(entry).collect()
}
