//! Places in a text: byte spans, lines, and problems with their quick fixes. Knows no document format and no editor protocol.
use std::ops::Range;

/// A stretch of a text in byte offsets; `end` is exclusive. Always at character boundaries of the text it was made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    /// The span from `start` to `end`; an end before the start gives an empty span.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end: end.max(start) }
    }

    /// An empty span: a place to insert at.
    pub fn at(offset: usize) -> Self {
        Span { start: offset, end: offset }
    }

    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether `offset` lies inside or at either edge, as a cursor does.
    pub fn touches(self, offset: usize) -> bool {
        self.start <= offset && offset <= self.end
    }

    /// The stretch of `text`, empty when the span does not fit it.
    pub fn of(self, text: &str) -> &str {
        text.get(self.range()).unwrap_or_default()
    }

    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// The same stretch, `by` bytes further on.
    #[must_use]
    pub fn shifted(self, by: usize) -> Self {
        Span { start: self.start + by, end: self.end + by }
    }
}

/// How much a problem matters: an error keeps something from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
    Info,
}

/// A change of the text that mends a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    pub title: String,
    /// Replacements that do not overlap; an empty span inserts.
    pub edits: Vec<(Span, String)>,
}

/// Something wrong with a text, where it is, and how to mend it where we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub span: Span,
    pub severity: Severity,
    pub message: String,
    pub fix: Option<Fix>,
}

impl Problem {
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Problem { span, severity: Severity::Error, message: message.into(), fix: None }
    }

    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Problem { span, severity: Severity::Warning, message: message.into(), fix: None }
    }

    pub fn info(span: Span, message: impl Into<String>) -> Self {
        Problem { span, severity: Severity::Info, message: message.into(), fix: None }
    }

    /// Adds the fix that replaces `span` by `text`.
    #[must_use]
    pub fn replace(mut self, span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        let title = if span.is_empty() { format!("Insert `{}`", text.trim()) } else { format!("Change to `{text}`") };
        self.fix = Some(Fix { title, edits: vec![(span, text)] });
        self
    }
}

/// Where each line of a text starts. Lines end at `\n`, `\r\n` or `\r`, as in the Language Server Protocol, and are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// Start of each line, then the text's length.
    starts: Vec<usize>,
}

impl Lines {
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (offset, byte) in bytes.iter().enumerate() {
            let ends = *byte == b'\n' || *byte == b'\r' && bytes.get(offset + 1) != Some(&b'\n');
            if ends {
                starts.push(offset + 1);
            }
        }
        starts.push(text.len());
        Lines { starts }
    }

    /// Number of lines; at least 1, and a line break at the end opens one more.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The line that holds `offset`; the last line for an offset beyond the text.
    pub fn line_of(&self, offset: usize) -> usize {
        let upto = self.starts.partition_point(|start| *start <= offset);
        upto.saturating_sub(1).min(self.count() - 1)
    }

    /// Where `line` starts; the end of the text for a line beyond it.
    pub fn start(&self, line: usize) -> usize {
        self.starts.get(line).or(self.starts.last()).copied().unwrap_or_default()
    }

    /// The span of `line` in `text` without its line break.
    pub fn span(&self, text: &str, line: usize) -> Span {
        let start = self.start(line);
        let whole = text.get(start..self.start(line + 1)).unwrap_or_default();
        Span::new(start, start + whole.trim_end_matches(['\n', '\r']).len())
    }
}

/// `text` with `edits` applied. They are applied in order of place; one that overlaps an earlier one or does not fit is passed over.
pub fn apply(text: &str, edits: &[(Span, String)]) -> String {
    let mut sorted: Vec<&(Span, String)> = edits.iter().collect();
    sorted.sort_by_key(|(span, _)| *span);
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for (span, new) in sorted {
        let Some(before) = text.get(done..span.start).filter(|_| text.get(span.range()).is_some()) else { continue };
        result.push_str(before);
        result.push_str(new);
        done = span.end;
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

/// The span of `part`, which must be a slice of `whole` (compared by address); an empty span at the start otherwise.
pub(crate) fn span_of(whole: &str, part: &str) -> Span {
    let offset = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    if offset <= whole.len() && offset + part.len() <= whole.len() { Span::new(offset, offset + part.len()) } else { Span::at(0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_end_as_the_protocol_says() {
        let text = "a\nb\r\nc\rd\u{2028}e\n";
        let lines = Lines::new(text);
        let parts: Vec<&str> = (0..lines.count()).map(|line| lines.span(text, line).of(text)).collect();
        assert_eq!(parts, ["a", "b", "c", "d\u{2028}e", ""]);
        assert_eq!((lines.line_of(0), lines.line_of(2), lines.line_of(4), lines.line_of(99)), (0, 1, 1, 4));
    }

    #[test]
    fn overlapping_edits_are_passed_over() {
        let edits = [(Span::new(2, 4), "X".to_owned()), (Span::new(3, 5), "Y".to_owned()), (Span::at(6), "!".to_owned())];
        assert_eq!(apply("abcdef", &edits), "abXef!");
    }

    proptest! {
        #[test]
        fn every_offset_lies_in_the_line_that_is_named(text in "[a\r\nü]{0,40}", offset in 0usize..50) {
            let lines = Lines::new(&text);
            let line = lines.line_of(offset.min(text.len()));
            prop_assert!(lines.start(line) <= offset.min(text.len()));
            let rope = ropey::Rope::from_str(&text);
            prop_assert_eq!(rope.len_lines(), lines.count());
        }
    }
}
