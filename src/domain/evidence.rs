//! The evidence ledger: what agents read from outside and from attached files, numbered in the order of reading. A fold of tool results; reads no file.
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence_read::{Reading, readings};
use super::hash::sha256;
use super::path::RelPath;
use super::plan::StepId;
use super::tool::{ToolCall, Touched};

/// The folder in the workspace that holds the text of each source as it was read.
pub const FOLDER: &str = "evidence";
/// How the last line of a tool's result begins that says how its sources are cited.
const TOLD: &str = "[cite as: ";
/// Sources that one result names at the most.
const MOST_TOLD: usize = 40;

/// Where a source came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A file of `inputs/`.
    Input,
    /// A file of the user's project.
    Project,
    /// A page of the web.
    Page,
    /// A result of a web search: title and excerpt.
    Search,
    /// The answer of an MCP server.
    Server,
    /// What a query or a profile told about data.
    Data,
}

/// A piece of a source's text; `partial` where a search showed only part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub partial: bool,
}

/// One source.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// From 1; cited as `[^s1]`.
    pub number: usize,
    pub kind: SourceKind,
    /// An address, a path, or a tool with its input.
    pub origin: String,
    pub title: String,
    /// When it was first read.
    pub read_at: DateTime<FixedOffset>,
    /// The steps that read it, in the order of reading.
    pub steps: Vec<StepId>,
    /// Of the whole file, where it is known.
    pub file_sha256: Option<String>,
    /// Lines by number for files; for pages pieces by the character they start at; else one piece at 0.
    pub pieces: BTreeMap<usize, Piece>,
}

impl Source {
    /// `[^s3]`
    pub fn mark(&self) -> String {
        mark(self.number)
    }

    /// Whether its pieces are lines with the numbers of the file.
    pub fn has_lines(&self) -> bool {
        matches!(self.kind, SourceKind::Input | SourceKind::Project)
    }

    /// The text as far as it was read. Lines keep their numbers: what was not read is an empty line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut next = usize::from(self.has_lines());
        for (at, piece) in &self.pieces {
            if self.has_lines() {
                text.extend(std::iter::repeat_n('\n', at.saturating_sub(next)));
                text.push_str(&piece.text);
                text.push('\n');
                next = at + 1;
                continue;
            }
            if *at > next {
                text.push_str("\n[…]\n");
            }
            text.push_str(&piece.text);
            next = at + piece.text.chars().count();
        }
        text
    }

    /// SHA-256 of the file where that is known, else of the text that was read.
    pub fn sha256(&self) -> String {
        self.file_sha256.clone().unwrap_or_else(|| sha256(self.text().as_bytes()))
    }

    /// The file in the workspace that holds its text: the attached file itself, or what was kept.
    pub fn kept_at(&self) -> String {
        if self.kind == SourceKind::Input { self.origin.clone() } else { format!("{FOLDER}/s{}.txt", self.number) }
    }

    /// The footnote that stands for it at the end of a document: `[^s3]: [Title](https://…), read 2026-11-24`.
    pub fn definition(&self) -> String {
        let day = self.read_at.format("%Y-%m-%d");
        let mark = self.mark();
        let title = self.title.replace(['[', ']', '\n'], " ");
        match self.kind {
            SourceKind::Input => format!("{mark}: `{}`, attached", self.origin.replace('`', "'")),
            SourceKind::Project => format!("{mark}: `{}` of the project, read {day}", self.origin.replace('`', "'")),
            SourceKind::Page | SourceKind::Search if title.trim().is_empty() => format!("{mark}: <{}>, read {day}", self.origin),
            SourceKind::Page => format!("{mark}: {}, <{}>, read {day}", title.trim(), self.origin),
            SourceKind::Search => format!("{mark}: {}, <{}>, as a search showed it on {day}", title.trim(), self.origin),
            SourceKind::Server | SourceKind::Data => {
                format!("{mark}: {}, {day}", self.origin.split_whitespace().collect::<Vec<_>>().join(" ").replace(['[', ']'], " "))
            }
        }
    }

    fn agrees_with(&self, reading: &Reading) -> bool {
        reading.pieces.iter().all(|(at, new)| match self.pieces.get(at) {
            Some(old) if !old.partial && !new.partial => old.text == new.text,
            _ => true,
        })
    }

    fn take(&mut self, reading: Reading, step: &StepId) {
        for (at, new) in reading.pieces {
            match self.pieces.get(&at) {
                Some(old) if new.partial || !old.partial => {}
                _ => {
                    self.pieces.insert(at, new);
                }
            }
        }
        if self.title.is_empty() {
            self.title = reading.title;
        }
        self.file_sha256 = self.file_sha256.take().or(reading.sha256);
        if !self.steps.contains(step) {
            self.steps.push(step.clone());
        }
    }
}

/// `[^s3]`
pub fn mark(number: usize) -> String {
    format!("[^s{number}]")
}

/// All sources of a run, in the order of their numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger(Vec<Arc<Source>>);

impl Ledger {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter().map(Arc::as_ref)
    }

    pub fn get(&self, number: usize) -> Option<&Source> {
        self.0.get(number.checked_sub(1)?).map(Arc::as_ref)
    }

    /// Takes in what a successful call told, and returns the numbers of the sources it told of.
    pub fn take(&mut self, call: &ToolCall, told: (&str, &[Touched]), (step, at): (&StepId, DateTime<FixedOffset>)) -> Vec<usize> {
        let (content, touched) = told;
        if let Some(number) = kept_number(call).filter(|number| self.get(*number).is_some()) {
            return vec![number];
        }
        readings(call, content, touched).into_iter().map(|reading| self.enter(reading, step, at)).collect()
    }

    /// The same for what a provider's own search found: address, title, excerpt.
    pub fn take_found(&mut self, found: Vec<(String, String, String)>, (step, at): (&StepId, DateTime<FixedOffset>)) {
        for (address, title, excerpt) in found {
            let piece = Piece { text: format!("{title}\n{excerpt}\n"), partial: false };
            let pieces = BTreeMap::from([(0, piece)]);
            self.enter(Reading { kind: SourceKind::Search, origin: address, title, sha256: None, pieces }, step, at);
        }
    }

    /// The same thing read again is the same source, unless it says something else now.
    fn enter(&mut self, reading: Reading, step: &StepId, at: DateTime<FixedOffset>) -> usize {
        let same =
            |source: &&mut Arc<Source>| source.kind == reading.kind && source.origin == reading.origin && source.agrees_with(&reading);
        if let Some(source) = self.0.iter_mut().rev().find(same) {
            Arc::make_mut(source).take(reading, step);
            return source.number;
        }
        let number = self.0.len() + 1;
        let mut source = Source {
            number,
            kind: reading.kind,
            origin: reading.origin.clone(),
            title: String::new(),
            read_at: at,
            steps: Vec::new(),
            file_sha256: None,
            pieces: BTreeMap::new(),
        };
        source.take(reading, step);
        self.0.push(Arc::new(source));
        number
    }

    /// A tool's result with a last line that says how its sources are cited; as it was where it has none.
    pub fn told(&self, content: &str, numbers: &[usize]) -> String {
        let mut named: Vec<&Source> = numbers.iter().filter_map(|number| self.get(*number)).collect();
        named.sort_by_key(|source| source.number);
        named.dedup_by_key(|source| source.number);
        if named.is_empty() {
            return content.to_owned();
        }
        let name = |source: &&Source| {
            let origin: String = source.origin.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
            format!("{origin} is {}", source.mark())
        };
        let list: Vec<String> = named.iter().take(MOST_TOLD).map(name).collect();
        let line_break = if content.ends_with('\n') || content.is_empty() { "" } else { "\n" };
        format!("{content}{line_break}{TOLD}{}]\n", list.join("; "))
    }

    /// A document with a footnote for each source that it cites and does not define, at its end.
    pub fn completed(&self, path: &RelPath, text: &str) -> String {
        if !matches!(path.extension().as_deref(), Some(".md")) || !text.contains("[^s") {
            return text.to_owned();
        }
        let (mut cited, mut defined) = (Vec::new(), Vec::new());
        for line in outside_code(text) {
            let mut rest = line;
            let mut first = true;
            while let Some(at) = rest.find("[^s") {
                let tail = rest.get(at + 3..).unwrap_or_default();
                let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
                let number: Option<usize> = tail.get(..digits).and_then(|digits| digits.parse().ok());
                let after = tail.get(digits..).unwrap_or_default();
                if let (Some(number), Some(after)) = (number, after.strip_prefix(']')) {
                    let is_definition = first && rest.get(..at).is_some_and(|head| head.trim().is_empty()) && after.starts_with(':');
                    if is_definition { defined.push(number) } else { cited.push(number) }
                }
                first = false;
                rest = after;
            }
        }
        cited.sort_unstable();
        cited.dedup();
        let missing = cited.into_iter().filter(|number| !defined.contains(number)).filter_map(|number| self.get(number));
        let list: String = missing.map(|source| format!("{}\n", source.definition())).collect();
        if list.is_empty() {
            return text.to_owned();
        }
        // Definitions that stand at the end already are joined by the others.
        let ends_in_one = text.trim_end().lines().last().is_some_and(|line| line.starts_with("[^") && line.contains("]:"));
        let between = if ends_in_one { "\n" } else { "\n\n" };
        format!("{}{between}{list}", text.trim_end())
    }
}

/// The lines of a Markdown text that are not in a code fence.
pub fn outside_code(text: &str) -> impl Iterator<Item = &str> {
    let mut fence: Option<(char, usize)> = None;
    text.lines().filter(move |line| {
        let trimmed = line.trim_start();
        let sign = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'));
        let length = sign.map_or(0, |sign| trimmed.chars().take_while(|c| *c == sign).count());
        match (fence, sign) {
            (None, Some(sign)) if length >= 3 => {
                fence = Some((sign, length));
                false
            }
            (Some((open, least)), Some(sign)) if sign == open && length >= least && trimmed.trim_start_matches(sign).trim().is_empty() => {
                fence = None;
                false
            }
            (open, _) => open.is_none(),
        }
    })
}

/// The source whose kept text a call reads: `evidence/s3.txt`.
fn kept_number(call: &ToolCall) -> Option<usize> {
    let path = call.input.get("path")?.as_str().filter(|_| call.name == "read_file")?;
    path.trim_start_matches("./").strip_prefix(FOLDER)?.strip_prefix("/s")?.strip_suffix(".txt")?.parse().ok()
}

/// A tool's result without the line about its sources, and the sources it names: origin, number.
pub fn split_told(content: &str) -> (&str, Vec<(&str, usize)>) {
    let whole = content.strip_suffix('\n').unwrap_or(content);
    let start = whole.rfind('\n').map_or(0, |at| at + 1);
    let line = whole.get(start..).unwrap_or_default();
    let Some(list) = line.strip_prefix(TOLD).and_then(|line| line.strip_suffix(']')) else { return (content, Vec::new()) };
    let entry = |entry| -> Option<(&str, usize)> {
        let (origin, mark): (&str, &str) = str::rsplit_once(entry, " is [^s")?;
        Some((origin, mark.strip_suffix(']')?.parse().ok()?))
    };
    // A query may hold the sign that parts entries; what cannot be read is left out.
    (content.get(..start).unwrap_or_default(), list.split("; ").filter_map(entry).collect())
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
