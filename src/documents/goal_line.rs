//! One line of text: does it start a goal, and does a line below it continue that goal? Knows no state across lines; `goal_index` keeps that.
use super::goals::{Checkbox, TextKind};
use super::mark::{self, Mark};
use super::place::{Span, span_of};

/// The markers in force. One that ends in a colon opens a line of prose; any other stands in a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Markers {
    line: Vec<String>,
    comment: Vec<String>,
}

impl Markers {
    /// Sorts the settings' markers by what they are for; empty ones are passed over.
    pub fn new(markers: &[String]) -> Self {
        let usable = markers.iter().map(|marker| marker.trim().to_owned()).filter(|marker| !marker.is_empty());
        let (line, comment) = usable.partition(|marker| marker.ends_with(':'));
        Markers { line, comment }
    }
}

/// Where a goal starts in its line; spans are relative to the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    pub marker: Span,
    pub text: Span,
    pub checkbox: Option<Checkbox>,
    form: Form,
}

/// What a line below must look like to continue the goal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// Indented deeper than this column.
    Indented(usize),
    /// The same comment leader, its text deeper than this column.
    Comment { leader: String, column: usize },
    /// Inside a block comment that is still open: indented deeper than this column, up to the closer.
    Block { column: usize, closer: &'static str },
    /// Nothing continues it.
    Alone,
}

/// Comment leaders that may stand at the start of a line.
const LEADERS: [&str; 16] = ["//", "/*", "{/*", "#", "--", ";", "%", "*", "<!--", "<%", "(*", "{-", "{#", "\"\"\"", "'''", "!"];
/// Comment leaders that may follow code on their line.
const TRAILING: [&str; 9] = ["//", "/*", "{/*", "#", "--", ";", "%", "<!--", "(*"];
/// Block comments: leader and closer, the longer leader first.
const BLOCKS: [(&str, &str); 9] = [
    ("{/*", "*/"),
    ("/*", "*/"),
    ("<!--", "-->"),
    ("<%", "%>"),
    ("(*", "*)"),
    ("{-", "-}"),
    ("{#", "#}"),
    ("\"\"\"", "\"\"\""),
    ("'''", "'''"),
];

/// Reads the start of a goal from `line` (no line break), which must stand outside of code fences and front matter.
pub(crate) fn start(line: &str, kind: TextKind, markers: &Markers) -> Option<Start> {
    // Nearly every line ends here, so this comes first.
    if !markers.line.iter().chain(&markers.comment).any(|marker| line.contains(marker.as_str())) {
        return None;
    }
    match kind {
        TextKind::Markdown | TextKind::Plain => prose(line, markers).or_else(|| comment(line, kind, markers)),
        TextKind::Code => comment(line, kind, markers),
        TextKind::GoalFile => None,
    }
}

fn prose(line: &str, markers: &Markers) -> Option<Start> {
    let line = line.trim_end();
    let item = mark::item(line);
    let (indent, body) = match &item {
        Some(item) => (column(line.get(..item.indent)?), item.rest),
        None => {
            let body = line.trim_start_matches([' ', '\t', '\u{feff}']);
            (column(line.get(..line.len() - body.len())?), body)
        }
    };
    // Four columns without a bullet are an indented code block.
    if item.is_none() && indent > 3 {
        return None;
    }
    let (marker, rest) = markers.line.iter().find_map(|marker| Some((marker, body.strip_prefix(marker.as_str())?)))?;
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let at = span_of(line, body).start;
    let checkbox = item.and_then(|item| Some((item.mark?, item.mark_span(line)?)));
    Some(Start {
        marker: Span::new(at, at + marker.len()),
        text: trimmed(line, rest),
        checkbox: checkbox.map(|(inside, span)| Checkbox { span, checked: Mark::read(inside) == Some(Mark::Done) }),
        form: Form::Indented(indent),
    })
}

fn comment(line: &str, kind: TextKind, markers: &Markers) -> Option<Start> {
    let places = markers.comment.iter().flat_map(|marker| line.match_indices(marker.as_str()));
    let mut found: Vec<Start> = places.filter_map(|(at, marker)| comment_at(line, Span::new(at, at + marker.len()), kind)).collect();
    found.sort_by_key(|start| start.marker);
    found.into_iter().next()
}

fn comment_at(line: &str, marker: Span, kind: TextKind) -> Option<Start> {
    let (before, after) = (line.get(..marker.start)?, line.get(marker.end..)?);
    let colon = after.starts_with(':');
    let rest = after.strip_prefix(':').unwrap_or(after);
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let lead = before.trim_end();
    let code = lead.trim_end_matches(|c: char| "/*#-;%!<({\"'".contains(c));
    let leader = lead.get(code.len()..)?;
    if !is_comment(line, (code, leader), kind, colon) || matches!(leader, "\"" | "'") && (before == lead || rest.contains(leader)) {
        return None;
    }
    let closer = BLOCKS.iter().find(|(opener, _)| leader.starts_with(opener)).map(|(_, closer)| *closer);
    let closed = closer.and_then(|closer| rest.find(closer));
    let rest = rest.get(..closed.unwrap_or(rest.len()))?;
    // A line inside a block comment may carry the closer of a leader that stands further up.
    let rest = ["*/", "-->", "*)", "-}", "%>", "\"\"\"", "'''"].iter().find_map(|end| rest.trim_end().strip_suffix(end)).unwrap_or(rest);
    let form = if !code.trim().is_empty() {
        Form::Alone
    } else {
        match closer {
            Some(_) if closed.is_some() => Form::Alone,
            Some(closer) => Form::Block { column: column(code), closer },
            None => Form::Comment { leader: leader.to_owned(), column: column(before) },
        }
    };
    Some(Start { marker, text: trimmed(line, rest), checkbox: None, form })
}

/// Whether `leader`, with `code` before it on `line`, opens a comment. `colon`: the marker is followed by one, which no language has in code.
fn is_comment(line: &str, (code, leader): (&str, &str), kind: TextKind, colon: bool) -> bool {
    if kind == TextKind::Markdown {
        return leader.starts_with("<!--") && code.matches('`').count() % 2 == 0;
    }
    if code.trim_start_matches('\u{feff}').trim().is_empty() {
        let quote = matches!(leader, "\"" | "'");
        return quote || leader.is_empty() && colon || LEADERS.iter().any(|known| leader.starts_with(known));
    }
    if leader.is_empty() {
        return code.trim().eq_ignore_ascii_case("rem");
    }
    TRAILING.iter().any(|known| leader.starts_with(known)) && code.ends_with(char::is_whitespace) && !is_in_string(line, code.len())
}

/// Whether a string literal is still open in `line` at byte `upto`: quotes are counted; an apostrophe inside a word, or without a partner, is none.
fn is_in_string(line: &str, upto: usize) -> bool {
    let mut open: Option<char> = None;
    let mut previous = ' ';
    for (at, c) in line.char_indices().take_while(|(at, _)| *at < upto) {
        match open {
            Some(quote) if c == quote && previous != '\\' => open = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => open = Some(c),
            None if c == '\'' && !previous.is_alphanumeric() && has_partner(line.get(at + 1..).unwrap_or_default()) => open = Some(c),
            None => {}
        }
        previous = if previous == '\\' && c == '\\' { ' ' } else { c };
    }
    open.is_some()
}

fn has_partner(rest: &str) -> bool {
    let mut after = rest.match_indices('\'').filter_map(|(at, _)| rest.get(at + 1..));
    after.any(|after| !after.starts_with(char::is_alphanumeric))
}

/// What `line` adds to the goal that `start` opened: a span relative to `line` with its indentation kept after the first `usize` columns,
/// and whether the goal ends with it. `None` when it does not continue the goal.
pub(crate) fn continuation(start: &Start, line: &str) -> Option<(Span, bool)> {
    if line.trim().is_empty() {
        return None;
    }
    let body = line.trim_start_matches([' ', '\t']);
    let indent = column(line.get(..line.len() - body.len())?);
    match &start.form {
        Form::Alone => None,
        Form::Indented(column) => (indent > *column).then(|| (whole(line), false)),
        Form::Comment { leader, column: marker } => {
            let text = body.strip_prefix(leader.as_str())?;
            let words = text.trim_start_matches([' ', '\t']);
            let at = column(line.get(..line.len() - words.len())?);
            let words = words.trim_end();
            let ends = words.ends_with("*/");
            let words = words.strip_suffix("*/").unwrap_or(words).trim_end();
            (at > *marker && !words.is_empty()).then(|| (Span::new(span_of(line, text).start, span_of(line, words).end), ends))
        }
        Form::Block { column, closer } => {
            let upto = line.find(closer);
            let text = line.get(..upto.unwrap_or(line.len()))?;
            (indent > *column && !text.trim().is_empty()).then(|| (Span::new(0, text.trim_end().len()), upto.is_some()))
        }
    }
}

fn whole(line: &str) -> Span {
    Span::new(0, line.trim_end().len())
}

fn trimmed(line: &str, part: &str) -> Span {
    let words = part.trim();
    if words.is_empty() { Span::at(span_of(line, part).start) } else { span_of(line, words) }
}

/// The column after `text`: a tab goes to the next multiple of four.
pub(crate) fn column(text: &str) -> usize {
    text.chars().fold(0, |column, c| match c {
        '\t' => (column / 4 + 1) * 4,
        '\u{feff}' => column,
        _ => column + 1,
    })
}

/// The code fence that `line` opens: its character and length. Any indentation counts, since fences stand in list items too.
pub(crate) fn fence(line: &str) -> Option<(char, usize)> {
    let body = match mark::item(line) {
        Some(item) => item.rest,
        None => line.trim_start_matches([' ', '\t']),
    };
    let mark = body.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = body.chars().take_while(|c| *c == mark).count();
    let info = body.get(length..).unwrap_or_default();
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, length))
}

/// Whether `line` closes a fence of `length` marks: only marks, at least as many.
pub(crate) fn closes_fence(line: &str, mark: char, length: usize) -> bool {
    let body = line.trim();
    body.chars().count() >= length && !body.is_empty() && body.chars().all(|c| c == mark)
}
