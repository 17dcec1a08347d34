//! What earlier tool calls of a step have told: files read, search hits, refusals, checks. Parses results liberally; calls nothing.
use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::{ModelRequest, Role, ToolCall};

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Workspace,
    Project,
}

/// A file as far as it has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub path: String,
    pub place: Place,
    /// Line number (from 1) and text.
    pub lines: BTreeMap<usize, String>,
    /// The line at which reading stopped short, if it did.
    pub more_from: Option<usize>,
    /// How many lines it has in all, where the tool said so.
    pub total: Option<usize>,
}

/// One line found by a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub path: String,
    pub place: Place,
    pub line: usize,
    pub text: String,
    pub query: String,
}

/// A call that was refused or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub tool: String,
    pub target: String,
    pub reason: String,
}

/// A file that was checked, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub path: String,
    pub problems: Vec<String>,
}

/// Everything the step knows so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    pub documents: Vec<Document>,
    pub listed: Vec<String>,
    pub hits: Vec<Hit>,
    pub refusals: Vec<Refusal>,
    pub written: Vec<String>,
    pub checks: Vec<Check>,
    /// The number under which each file that was read is cited, by its path.
    pub sources: BTreeMap<String, usize>,
    /// How many replies came before this one.
    pub turn: usize,
}

impl Document {
    /// The lines that were read, joined.
    pub fn text(&self) -> String {
        self.lines.values().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Whether some of it has not been read.
    pub fn is_partial(&self) -> bool {
        self.more_from.is_some() && self.total.is_none() || self.total.is_some_and(|total| self.lines.len() < total)
    }

    /// The highest line number that was read.
    pub fn last_line(&self) -> usize {
        self.lines.last_key_value().map_or(0, |(number, _)| *number)
    }
}

impl Gathered {
    /// Reads the results of every earlier call, oldest first.
    pub fn from(request: &ModelRequest) -> Self {
        let turn = request.messages.iter().filter(|message| message.role == Role::Assistant).count();
        let mut gathered = Gathered { turn, sources: request.sources(), ..Gathered::default() };
        for (call, content, ok) in request.tool_results() {
            gathered.take(call, content, ok);
        }
        gathered
    }

    /// The file, if any part of it was read.
    pub fn document(&self, path: &str, place: Place) -> Option<&Document> {
        self.documents.iter().find(|document| document.path == path && document.place == place)
    }

    /// Whether a read of this file was tried, whatever came of it.
    pub fn tried(&self, path: &str, place: Place) -> bool {
        let tool = if place == Place::Project { "read_project" } else { "read_file" };
        self.document(path, place).is_some() || self.refusals.iter().any(|refusal| refusal.tool == tool && refusal.target == path)
    }

    fn take(&mut self, call: &ToolCall, content: &str, ok: bool) {
        let target = text_of(&call.input, "path");
        if !ok {
            let reason = content.lines().next().unwrap_or("no reason given").trim().to_owned();
            let target = if target.is_empty() { text_of(&call.input, "query") } else { target };
            self.refusals.push(Refusal { tool: call.name.clone(), target, reason });
            return;
        }
        match call.name.as_str() {
            "read_file" => self.add_text(target, Place::Workspace, &call.input, content),
            "read_project" => self.add_text(target, Place::Project, &call.input, content),
            "list_files" => self.listed.extend(listed(content)),
            "search_files" => self.add_hits(Place::Workspace, &call.input, content),
            "search_project" => self.add_hits(Place::Project, &call.input, content),
            "write_file" | "edit_file" => self.written.push(target),
            "check_file" => self.checks.push(check(target, content)),
            _ => {}
        }
    }

    fn add_text(&mut self, path: String, place: Place, input: &Value, content: &str) {
        let first = input.get("offset").and_then(Value::as_u64).and_then(|offset| usize::try_from(offset).ok()).unwrap_or(1).max(1);
        let (lines, more_from) = numbered(content, first);
        let total = content.lines().rev().take(3).filter(|line| line.starts_with('[')).find_map(total);
        match self.documents.iter_mut().find(|document| document.path == path && document.place == place) {
            Some(document) => {
                document.lines.extend(lines);
                document.more_from = more_from;
                document.total = document.total.max(total);
            }
            None => self.documents.push(Document { path, place, lines, more_from, total }),
        }
    }

    fn add_hits(&mut self, place: Place, input: &Value, content: &str) {
        let query = text_of(input, "query");
        for line in content.lines() {
            if let Some((path, number, text)) = hit(line) {
                self.hits.push(Hit { path: path.to_owned(), place, line: number, text: text.to_owned(), query: query.clone() });
            }
        }
    }
}

fn text_of(input: &Value, key: &str) -> String {
    let text = input.get(key).and_then(Value::as_str).unwrap_or_default();
    text.strip_prefix("./").unwrap_or(text).to_owned()
}

/// Lines with their numbers, and where the tool stopped. A result without numbers counts from `first`.
fn numbered(content: &str, first: usize) -> (BTreeMap<usize, String>, Option<usize>) {
    let split: Vec<Option<(usize, &str)>> = content.lines().map(number_and_text).collect();
    let marked = split.iter().flatten().count();
    if marked == 0 && (content.trim().is_empty() || content.trim_end().lines().count() == 1 && content.starts_with('[')) {
        return (BTreeMap::new(), None);
    }
    if marked * 2 < split.len() {
        return (content.lines().enumerate().map(|(index, line)| (first + index, line.to_owned())).collect(), None);
    }
    let lines: BTreeMap<usize, String> = split.iter().flatten().map(|(number, text)| (*number, whole(text).to_owned())).collect();
    let notice = content.lines().zip(&split).filter(|(_, part)| part.is_none()).map(|(line, _)| line);
    let stopped = notice.filter(|line| line.contains("offset") || line.contains("more line")).last();
    let next = lines.last_key_value().map_or(first, |(number, _)| number + 1);
    (lines, stopped.map(|_| next))
}

/// `[lines 1 to 120 of 900; …]`
fn total(remark: &str) -> Option<usize> {
    remark.split_once(" of ")?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A very long line comes cut, with a remark that is not part of the file.
fn whole(text: &str) -> &str {
    match text.rsplit_once(" [line cut: ") {
        Some((kept, remark)) if remark.ends_with("in all]") => kept,
        _ => text,
    }
}

/// `   12\ttext`, `12: text`, `12 | text` or `12→text`.
fn number_and_text(line: &str) -> Option<(usize, &str)> {
    let trimmed = line.trim_start();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = trimmed.split_at_checked(digits)?;
    let rest = rest
        .strip_prefix('\t')
        .or_else(|| rest.strip_prefix('→'))
        .or_else(|| rest.strip_prefix(" | "))
        .or_else(|| rest.strip_prefix(": "))
        .or_else(|| (rest == " |" || rest == ":").then_some(""))?;
    Some((number.parse().ok()?, rest))
}

/// `path:line: text`; the path may hold colons of its own only if no number follows them.
fn hit(line: &str) -> Option<(&str, usize, &str)> {
    let mut from = 0;
    while let Some(at) = line.get(from..)?.find(':').map(|at| from + at) {
        let rest = line.get(at + 1..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if let (Some(number), Some(text)) = (rest.get(..digits), rest.get(digits..).and_then(|text| text.strip_prefix(':')))
            && let Ok(number) = number.parse()
            && at > 0
        {
            let path = line.get(..at)?;
            return Some((path.strip_prefix("./").unwrap_or(path), number, text.strip_prefix(' ').unwrap_or(text)));
        }
        from = at + 1;
    }
    None
}

/// Paths of a listing: the first word of each line that looks like a file, or a JSON array of paths.
fn listed(content: &str) -> Vec<String> {
    if let Ok(Value::Array(items)) = serde_json::from_str(content) {
        return items.iter().filter_map(|item| item.as_str().or_else(|| item.get("path")?.as_str()).map(str::to_owned)).collect();
    }
    let path = |line: &str| {
        let line = line.trim().trim_start_matches("- ");
        let end = line.find(['\t']).or_else(|| line.find("  ")).or_else(|| line.find(" (")).unwrap_or(line.len());
        let path = line.get(..end)?.trim();
        (!path.is_empty() && !path.ends_with('/') && (path.contains('.') || path.contains('/'))).then(|| path.to_owned())
    };
    content.lines().filter_map(path).collect()
}

/// `{"ok": …, "problems": […]}`, whatever shape a problem has; other text counts as one problem unless it says ok.
fn check(path: String, content: &str) -> Check {
    let problems = match serde_json::from_str::<Value>(content) {
        Ok(value) => value.get("problems").and_then(Value::as_array).map(|list| list.iter().map(problem).collect()).unwrap_or_default(),
        Err(_) if content.trim_start().to_lowercase().starts_with("ok") => Vec::new(),
        Err(_) => content.lines().map(str::to_owned).filter(|line| !line.trim().is_empty()).take(5).collect(),
    };
    Check { path, problems }
}

fn problem(value: &Value) -> String {
    let field =
        |names: &[&str]| names.iter().find_map(|name| value.get(name)).map(|found| found.as_str().map_or(found.to_string(), str::to_owned));
    match (value.as_str(), field(&["message", "evidence", "problem"]), field(&["line"])) {
        (Some(text), _, _) => text.to_owned(),
        (None, Some(message), Some(line)) => format!("line {line}: {message}"),
        (None, Some(message), None) => message,
        (None, None, _) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_lines_are_read_in_every_usual_form() {
        for content in ["     1\tone\n     2\ttwo", "1: one\n2: two", "1 | one\n2 | two", "one\ntwo"] {
            let (lines, more) = numbered(content, 1);
            assert_eq!(lines.into_values().collect::<Vec<_>>(), ["one", "two"], "{content}");
            assert_eq!(more, None);
        }
    }

    #[test]
    fn a_result_that_stops_short_says_where_to_go_on() {
        let (lines, more) = numbered("   10\tten\n   11\televen\n[120 more lines; read on with offset 12]", 10);
        assert_eq!((lines.len(), more), (2, Some(12)));
    }

    #[test]
    fn remarks_of_the_tool_are_no_lines_of_the_file() {
        assert_eq!(numbered("[the file is empty]\n", 1), (BTreeMap::new(), None));
        assert_eq!(numbered("1\tabc [line cut: 30 kB in all]", 1).0.get(&1).map(String::as_str), Some("abc"));
    }

    #[test]
    fn hits_keep_colons_of_the_text_and_of_the_path() {
        assert_eq!(hit("src/a.rs:12: let a: u8 = 1;"), Some(("src/a.rs", 12, "let a: u8 = 1;")));
        assert_eq!(hit("odd:name.md:3:text"), Some(("odd:name.md", 3, "text")));
        assert_eq!(hit("3 files searched"), None);
        assert_eq!(hit("a: b"), None);
    }

    #[test]
    fn listings_and_checks_come_in_several_shapes() {
        assert_eq!(listed("inputs/a.md  1.2 kB\ninputs/\n- b.csv (20 bytes)"), ["inputs/a.md", "b.csv"]);
        assert_eq!(listed(r#"[{"path":"a.md"},"b.md"]"#), ["a.md", "b.md"]);
        assert!(check("a".into(), r#"{"ok":true,"problems":[]}"#).problems.is_empty());
        assert_eq!(check("a".into(), r#"{"ok":false,"problems":[{"line":3,"message":"open"}]}"#).problems, ["line 3: open"]);
    }
}
