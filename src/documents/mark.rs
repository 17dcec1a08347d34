//! The mark of a task item: `[ ]`, `[x]`, `[-]`. Knows nothing of what the item is about.
use super::place::{Span, span_of};

/// What the mark of a step or an approval says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mark {
    /// `[ ]`: to do, undecided.
    #[default]
    Todo,
    /// `[x]`: done, approved.
    Done,
    /// `[-]`: skip, rejected.
    Skip,
}

impl Mark {
    /// The character between the brackets.
    pub fn symbol(self) -> char {
        match self {
            Mark::Todo => ' ',
            Mark::Done => 'x',
            Mark::Skip => '-',
        }
    }

    /// Reads what stands between the brackets; `None` for a mark we do not know.
    pub fn read(inside: &str) -> Option<Self> {
        match inside.trim() {
            "" => Some(Mark::Todo),
            "x" | "X" => Some(Mark::Done),
            "-" => Some(Mark::Skip),
            _ => None,
        }
    }
}

/// A list item cut into its parts; all slices of the line it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    /// White space before the bullet, in bytes.
    pub indent: usize,
    /// What stands between the brackets, if the item has any.
    pub mark: Option<&'a str>,
    /// The text after bullet and brackets, not trimmed at the end.
    pub rest: &'a str,
}

impl Item<'_> {
    /// The place between the brackets, relative to `line`.
    pub fn mark_span(&self, line: &str) -> Option<Span> {
        self.mark.map(|mark| span_of(line, mark))
    }
}

/// Reads a list item: `-`, `*`, `+`, `1.` or `1)`, then an optional pair of brackets with at most three characters inside.
pub(crate) fn item(line: &str) -> Option<Item<'_>> {
    let unindented = line.trim_start_matches([' ', '\t']);
    let after_bullet = match unindented.strip_prefix(['-', '*', '+']) {
        Some(rest) => rest,
        None => {
            let digits = unindented.trim_start_matches(|c: char| c.is_ascii_digit());
            let count = unindented.len() - digits.len();
            digits.strip_prefix(['.', ')']).filter(|_| (1..=9).contains(&count))?
        }
    };
    if !after_bullet.starts_with([' ', '\t']) {
        return None;
    }
    let text = after_bullet.trim_start_matches([' ', '\t']);
    let indent = line.len() - unindented.len();
    let marked = text.strip_prefix('[').and_then(|inner| inner.split_once(']'));
    let marked = marked.filter(|(inside, rest)| inside.chars().count() <= 3 && (rest.is_empty() || rest.starts_with([' ', '\t'])));
    Some(match marked {
        Some((inside, rest)) => Item { indent, mark: Some(inside), rest: rest.trim_start_matches([' ', '\t']) },
        None => Item { indent, mark: None, rest: text },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_liberally() {
        assert_eq!(item("  * [X]  a "), Some(Item { indent: 2, mark: Some("X"), rest: "a " }));
        assert_eq!(item("12) a"), Some(Item { indent: 0, mark: None, rest: "a" }));
        assert_eq!(item("- []"), Some(Item { indent: 0, mark: Some(""), rest: "" }));
        assert_eq!(item("- [link](a)"), Some(Item { indent: 0, mark: None, rest: "[link](a)" }));
        assert_eq!(item("-a"), None);
        assert_eq!(item("---"), None);
    }

    #[test]
    fn the_place_of_a_mark_is_what_stands_between_the_brackets() {
        let line = "\t- [-] b";
        assert_eq!(item(line).and_then(|item| item.mark_span(line)), Some(Span::new(4, 5)));
    }
}
