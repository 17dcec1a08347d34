//! approvals.md: its text from open and past questions, and from two versions of the text what a person decided. Decides nothing by itself.
//! What agents wrote is escaped so that it can neither pass for an entry or a note nor hide from the reader.
use std::collections::BTreeMap;

use crate::domain::view::PendingApproval;

use super::front_matter::FrontMatter;
use super::mark::{self, Mark};
use super::place::{Lines, Span, apply, span_of};

/// The first front matter value of an approvals document.
pub const FORMAT: &str = "approvals/1";
const PENDING: &str = "## Pending";
const DECIDED: &str = "## Decided";
const HELP: &str = "Change `[ ]` to `[x]` to approve or to `[-]` to reject, add a note if you like, and save.";
const NOTHING: &str = "Nothing waits for a decision.";

/// A question that was answered, as one line of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedLine {
    pub id: String,
    pub what: String,
    pub approved: bool,
    /// Local time, `HH:MM`.
    pub at: String,
    pub note: Option<String>,
}

/// An open question as it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEntry {
    pub id: String,
    /// The six digits that bind a decision to what was shown.
    pub hash: String,
    pub mark: Mark,
    /// What the person wrote behind `note:` and in quoted lines below it.
    pub note: Option<String>,
    /// The line of the entry, from 0.
    pub line: usize,
    /// From the bullet to the end of the entry's last line.
    pub span: Span,
    /// What stands between the brackets.
    pub mark_span: Span,
    /// The note's words, or the place to write them.
    pub note_span: Span,
}

/// An answered question as it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedEntry {
    pub id: String,
    pub approved: bool,
    /// The words after the id: what was asked, the outcome, the time and the note.
    pub text: String,
    pub line: usize,
    pub span: Span,
}

/// An approvals document as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovalsDocument {
    pub run: Option<String>,
    pub pending: Vec<PendingEntry>,
    pub decided: Vec<DecidedEntry>,
}

/// A mark that a person changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkDecision {
    pub id: String,
    pub hash: String,
    pub approved: bool,
    pub note: Option<String>,
}

/// The text of approvals.md in the contract's form; what a question needs to show stands quoted below its line.
pub fn render(run_id: &str, pending: &[PendingApproval], decided: &[DecidedLine]) -> String {
    let mut text = format!("---\norchestrator: {FORMAT}\nrun: {run_id}\n---\n{PENDING}\n");
    text.push_str(if pending.is_empty() { NOTHING } else { HELP });
    text.push_str("\n\n");
    for approval in pending {
        let what = harmless_line(&approval.what);
        text.push_str(&format!("- [ ] {} {what} <!-- {} {} -->\n", approval.id, approval.id, approval.hash));
        for line in detail_lines(&approval.detail) {
            text.push_str(if line.is_empty() { "  >" } else { "  > " });
            text.push_str(&line);
            text.push('\n');
        }
        text.push_str("  > note:\n");
    }
    if !pending.is_empty() {
        text.push('\n');
    }
    text.push_str(DECIDED);
    text.push('\n');
    for line in decided {
        text.push_str(&decided_line(line));
    }
    text
}

/// `fresh` (as [`render`] made it) with the notes that a person had already written in `previous` for the same questions as they stand.
/// Marks are not carried over: one that has not decided must be set again.
pub fn keep_notes(fresh: &str, previous: &str) -> String {
    let written = parse(previous).pending;
    let written = by_id(&written);
    let edits: Vec<(Span, String)> = parse(fresh)
        .pending
        .iter()
        .filter_map(|entry| {
            let old = written.get(entry.id.as_str()).filter(|old| old.hash == entry.hash)?;
            let note = old.note.as_deref().filter(|note| !note.is_empty())?;
            Some((entry.note_span, format!(" {}", note.replace('\n', "\n  > "))))
        })
        .collect();
    apply(fresh, &edits)
}

fn decided_line(line: &DecidedLine) -> String {
    let (mark, outcome) = if line.approved { (Mark::Done, "approved") } else { (Mark::Skip, "rejected") };
    let note = line.note.as_deref().map(harmless_line).filter(|note| !note.is_empty());
    let note = note.map(|note| format!(": {note}")).unwrap_or_default();
    format!("- [{}] {} {} {outcome} {}{note}\n", mark.symbol(), line.id, harmless_line(&line.what), line.at)
}

/// One line, no comment that could hide words or pass for an entry's own, no character that turns the reading direction.
fn harmless_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    harmless(&words.join(" "))
}

fn harmless(text: &str) -> String {
    let visible: String = text.chars().map(|c| if is_deceptive(c) { '\u{fffd}' } else { c }).collect();
    visible.replace("<!--", "<\\!--").replace("-->", "--\\>")
}

fn is_deceptive(c: char) -> bool {
    c.is_control() && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The lines of a detail. One that opens with `note:` gets a backslash before its colon, which Markdown does not show: only the person's own line is a note.
fn detail_lines(detail: &str) -> Vec<String> {
    let detail = detail.replace("\r\n", "\n").replace('\r', "\n");
    let detail = detail.trim_matches('\n');
    if detail.trim().is_empty() {
        return Vec::new();
    }
    let line = |line: &str| {
        let line = harmless(line).trim_end().to_owned();
        match note_words(&line) {
            Some(words) => {
                let upto = line.len() - words.len() - 1;
                format!("{}\\:{words}", line.get(..upto).unwrap_or_default())
            }
            None => line,
        }
    };
    detail.split('\n').map(line).collect()
}

/// What follows `note:` in a quoted line, if it is a note; further quote signs are looked through.
fn note_words(quoted: &str) -> Option<&str> {
    let body = quoted.trim_start_matches(|c: char| c == '>' || c.is_whitespace());
    let head = body.get(..5)?;
    if head.eq_ignore_ascii_case("note:") { body.get(5..) } else { None }
}

/// Reads an approvals document. Never fails: a line that is no entry is passed over. Entries stand unindented in their section; everything
/// indented or quoted belongs to the entry above it.
pub fn parse(text: &str) -> ApprovalsDocument {
    let front = FrontMatter::read(text);
    let lines = Lines::new(text);
    let mut document = ApprovalsDocument { run: front.string("run"), ..ApprovalsDocument::default() };
    let mut section = "";
    let mut entry_is_open = false;
    for number in 0..lines.count() {
        let span = lines.span(text, number);
        let line = span.of(text);
        if span.start < front.body {
            continue;
        }
        if line.starts_with("## ") || line.starts_with("# ") {
            section = [PENDING, DECIDED].into_iter().find(|known| *known == line.trim_end()).unwrap_or_default();
            entry_is_open = false;
        } else if line.starts_with([' ', '\t', '>']) {
            if let Some(entry) = document.pending.last_mut().filter(|_| entry_is_open) {
                quoted_line(entry, line, span);
            }
        } else if !line.trim().is_empty() {
            entry_is_open = false;
            if section == PENDING {
                let entry = pending_entry(line, number, span);
                entry_is_open = entry.is_some();
                document.pending.extend(entry);
            } else if section == DECIDED {
                document.decided.extend(decided_entry(line, number, span));
            }
        }
    }
    document
}

fn pending_entry(line: &str, number: usize, span: Span) -> Option<PendingEntry> {
    let item = mark::item(line)?;
    let mark = Mark::read(item.mark?)?;
    let (words, comment) = item.rest.trim_end().strip_suffix("-->")?.rsplit_once("<!--")?;
    let id = words.split_whitespace().next()?;
    let (bound, hash) = comment.trim().split_once(char::is_whitespace)?;
    let hash = hash.trim();
    if bound != id || hash.is_empty() || !hash.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    Some(PendingEntry {
        id: id.to_owned(),
        hash: hash.to_owned(),
        mark,
        note: None,
        line: number,
        span: Span::new(span.start, span.start + line.trim_end().len()),
        mark_span: item.mark_span(line)?.shifted(span.start),
        note_span: Span::at(span.end),
    })
}

/// A line below an entry: detail, the note, or more of the note. The last `note:` counts, since the person's line is rendered last.
fn quoted_line(entry: &mut PendingEntry, line: &str, span: Span) {
    let Some(quoted) = line.trim_start_matches([' ', '\t']).strip_prefix('>') else { return };
    entry.span.end = span.start + line.trim_end().len();
    match (note_words(quoted), &mut entry.note) {
        (Some(words), note) => {
            let trimmed = words.trim();
            *note = Some(trimmed.to_owned());
            let place = if trimmed.is_empty() { Span::at(span_of(line, words).start) } else { span_of(line, trimmed) };
            entry.note_span = place.shifted(span.start);
        }
        (None, Some(note)) => {
            if !note.is_empty() {
                note.push('\n');
            }
            note.push_str(quoted.trim());
            entry.note_span.end = span.start + line.trim_end().len();
        }
        (None, None) => entry.note_span = Span::at(span.end),
    }
}

fn decided_entry(line: &str, number: usize, span: Span) -> Option<DecidedEntry> {
    let item = mark::item(line)?;
    let approved = match Mark::read(item.mark?)? {
        Mark::Done => true,
        Mark::Skip => false,
        Mark::Todo => return None,
    };
    let (id, text) = item.rest.trim_end().split_once(' ')?;
    Some(DecidedEntry { id: id.to_owned(), approved, text: text.trim().to_owned(), line: number, span })
}

/// What a person decided between two versions of the text: only entries that both have with one hash and whose mark changed to `[x]` or `[-]`.
/// An id that stands twice in either text is no one's and decides nothing.
pub fn decisions(before: &str, after: &str) -> Vec<MarkDecision> {
    let (before, after) = (parse(before).pending, parse(after).pending);
    let (old, new) = (by_id(&before), by_id(&after));
    let changed = after.iter().filter(|entry| new.contains_key(entry.id.as_str())).filter_map(|entry| {
        let known = old.get(entry.id.as_str())?;
        (known.hash == entry.hash && known.mark != entry.mark && entry.mark != Mark::Todo).then(|| MarkDecision {
            id: entry.id.clone(),
            hash: entry.hash.clone(),
            approved: entry.mark == Mark::Done,
            note: entry.note.clone().filter(|note| !note.trim().is_empty()),
        })
    });
    changed.collect()
}

fn by_id(entries: &[PendingEntry]) -> BTreeMap<&str, &PendingEntry> {
    let mut counted: BTreeMap<&str, (usize, &PendingEntry)> = BTreeMap::new();
    for entry in entries {
        counted.entry(entry.id.as_str()).or_insert((0, entry)).0 += 1;
    }
    counted.into_iter().filter(|(_, (count, _))| *count == 1).map(|(id, (_, entry))| (id, entry)).collect()
}

#[cfg(test)]
#[path = "approvals_tests.rs"]
mod tests;
