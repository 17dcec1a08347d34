//! The goals of one open document, kept up to date by the lines that change. Knows states across lines (fences, front matter, continuations).
//! Never reads more of the document than an edit forces it to.
use std::borrow::Cow;

use ropey::Rope;

use super::front_matter;
use super::goal_file;
use super::goal_line::{self, Markers, Start};
use super::goals::{Checkbox, FoundGoal, TextKind};
use super::place::Span;

/// A goal in the midst of a document covers at most this many lines, so that no keystroke has to read more.
const MAX_GOAL_LINES: usize = 500;
/// Of a line only so many bytes are read.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// What surrounds a line: nothing, or an open code fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    Fence { mark: char, length: usize },
}

/// A goal with the lines it covers; the words are read again when they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    line: usize,
    /// Lines it covers, the first included.
    lines: usize,
    start: Start,
}

/// The goals of one document. Equal, after any edits, to a fresh scan of the text.
#[derive(Debug, Clone)]
pub struct GoalIndex {
    rope: Rope,
    kind: TextKind,
    markers: Markers,
    /// What surrounds each line, seen from its start.
    around: Vec<Around>,
    /// The line that closes the front matter.
    front_end: Option<usize>,
    found: Vec<Found>,
}

impl GoalIndex {
    /// Scans the whole document.
    pub fn new(rope: &Rope, kind: TextKind, markers: &[String]) -> Self {
        let mut index =
            GoalIndex { rope: rope.clone(), kind, markers: Markers::new(markers), around: Vec::new(), front_end: None, found: Vec::new() };
        index.rescan();
        index
    }

    /// Follows an edit: `old_line_count` lines from `first_line` on became `new_line_count` lines of `rope`, which is the text afterwards.
    /// Counts that do not add up to the new text cost a whole scan instead.
    pub fn edit(&mut self, rope: &Rope, first_line: usize, old_line_count: usize, new_line_count: usize) {
        let before = self.around.len();
        self.rope = rope.clone();
        if self.kind == TextKind::GoalFile {
            return;
        }
        let fits = first_line + old_line_count <= before && before - old_line_count + new_line_count == self.rope.len_lines();
        if !fits {
            return self.rescan();
        }
        let (old_end, new_end) = (first_line + old_line_count, first_line + new_line_count);
        let moved = |line: usize| if line < first_line { line } else { line.max(old_end) + new_line_count - old_line_count };
        self.around.splice(first_line..old_end, std::iter::repeat_n(Around::Nothing, new_line_count));
        self.found.retain(|found| !(first_line..old_end).contains(&found.line));
        for found in self.found.iter_mut() {
            found.line = moved(found.line);
        }
        let front_before = self.front_end.map(moved);
        // Front matter that ends before the edit cannot change; a block longer than the limit is none.
        if first_line <= self.front_end.unwrap_or(front_matter::MAX_LINES) {
            self.front_end = self.find_front_end();
        }
        let (from, upto) = match front_before.max(self.front_end) {
            Some(end) if front_before != self.front_end => (0, new_end.max(end + 1)),
            _ => (first_line, new_end),
        };
        let end = self.update_around(from, upto);
        self.update_found(from, end);
    }

    /// The goals as they stand, in order.
    pub fn goals(&self) -> Vec<FoundGoal> {
        if self.kind == TextKind::GoalFile {
            return vec![goal_file::read(&Cow::from(&self.rope))];
        }
        self.found.iter().filter_map(|found| self.spell_out(found)).collect()
    }

    /// The goals that cover any of the lines `first..=last`: for code actions, without reading the rest.
    pub fn goals_in(&self, first: usize, last: usize) -> Vec<FoundGoal> {
        if self.kind == TextKind::GoalFile {
            return self.goals();
        }
        let upto = self.found.partition_point(|found| found.line <= last);
        let near = self.found.iter().take(upto).filter(|found| found.line + found.lines > first);
        near.filter_map(|found| self.spell_out(found)).collect()
    }

    fn rescan(&mut self) {
        self.found.clear();
        self.around = vec![Around::Nothing; self.rope.len_lines()];
        if self.kind == TextKind::GoalFile {
            return;
        }
        self.front_end = self.find_front_end();
        let end = self.update_around(0, self.around.len());
        self.update_found(0, end);
    }

    fn is_prose(&self) -> bool {
        matches!(self.kind, TextKind::Markdown | TextKind::Plain)
    }

    fn line(&self, number: usize) -> Cow<'_, str> {
        let Some(slice) = self.rope.get_line(number) else { return Cow::Borrowed("") };
        // Of a longer line only the start is looked at: a goal is shorter, and reading megabytes for a keystroke is felt.
        let slice = if slice.len_bytes() > MAX_LINE_BYTES { slice.slice(..slice.byte_to_char(MAX_LINE_BYTES)) } else { slice };
        match Cow::from(slice) {
            Cow::Borrowed(line) => Cow::Borrowed(line.trim_end_matches(['\n', '\r'])),
            Cow::Owned(line) => Cow::Owned(line.trim_end_matches(['\n', '\r']).to_owned()),
        }
    }

    fn find_front_end(&self) -> Option<usize> {
        if !self.is_prose() || !front_matter::opens(&self.line(0)) {
            return None;
        }
        let last = self.rope.len_lines().min(front_matter::MAX_LINES);
        (1..last).find(|number| front_matter::closes(&self.line(*number)))
    }

    /// Recomputes what surrounds the lines from `from` to `upto`, and on until nothing differs. Returns the line where it stopped.
    fn update_around(&mut self, from: usize, upto: usize) -> usize {
        if !self.is_prose() {
            return upto;
        }
        let mut around = match from.checked_sub(1) {
            Some(previous) => self.after(previous),
            None => Around::Nothing,
        };
        let mut number = from;
        while number < self.around.len() {
            let known = self.around.get_mut(number);
            let same = known.as_deref() == Some(&around);
            if number >= upto && same {
                return number;
            }
            if let Some(known) = known {
                *known = around;
            }
            around = self.after(number);
            number += 1;
        }
        number
    }

    /// What surrounds the line after `number`.
    fn after(&self, number: usize) -> Around {
        if self.front_end.is_some_and(|end| number <= end) {
            return Around::Nothing;
        }
        let line = self.line(number);
        match self.around.get(number) {
            Some(Around::Fence { mark, length }) if goal_line::closes_fence(&line, *mark, *length) => Around::Nothing,
            Some(fence @ Around::Fence { .. }) => *fence,
            _ => goal_line::fence(&line).map_or(Around::Nothing, |(mark, length)| Around::Fence { mark, length }),
        }
    }

    fn start(&self, number: usize) -> Option<Start> {
        let hidden = self.front_end.is_some_and(|end| number <= end) || !matches!(self.around.get(number), Some(Around::Nothing));
        if hidden { None } else { goal_line::start(&self.line(number), self.kind, &self.markers) }
    }

    /// Finds the goals that start in `from..upto` again, and how far the one above reaches.
    fn update_found(&mut self, from: usize, upto: usize) {
        let first = self.found.partition_point(|found| found.line < from);
        let above = first.checked_sub(1);
        if let Some(mut found) = above.and_then(|above| self.found.get(above)).filter(|found| found.line + found.lines >= from).cloned() {
            found.lines = self.reach(&found.start, found.line);
            if let Some(slot) = above.and_then(|above| self.found.get_mut(above)) {
                *slot = found;
            }
        }
        let last = self.found.partition_point(|found| found.line < upto).max(first);
        let fresh: Vec<Found> = (from..upto.min(self.around.len()))
            .filter_map(|line| {
                let start = self.start(line)?;
                Some(Found { line, lines: self.reach(&start, line), start })
            })
            .collect();
        self.found.splice(first..last, fresh);
    }

    /// How many lines the goal that `start` opened in `line` covers.
    fn reach(&self, start: &Start, line: usize) -> usize {
        let mut next = line + 1;
        let last = self.around.len().min(line + MAX_GOAL_LINES);
        while next < last {
            let Some((_, ends)) = goal_line::continuation(start, &self.line(next)) else { break };
            if self.start(next).is_some() {
                break;
            }
            next += 1;
            if ends {
                break;
            }
        }
        next - line
    }

    /// The words and places of a goal; `None` when it has no words.
    fn spell_out(&self, found: &Found) -> Option<FoundGoal> {
        let offset = self.rope.try_line_to_byte(found.line).ok()?;
        let first = self.line(found.line);
        let mut end = offset + if found.start.text.is_empty() { found.start.marker.end } else { found.start.text.end };
        let mut below = Vec::new();
        for number in found.line + 1..found.line + found.lines {
            let line = self.line(number).into_owned();
            let (span, _) = goal_line::continuation(&found.start, &line)?;
            end = self.rope.try_line_to_byte(number).ok()? + span.end;
            below.push(span.of(&line).to_owned());
        }
        let text = join(found.start.text.of(&first), &below);
        text.chars().any(|c| !c.is_whitespace() && !c.is_ascii_punctuation()).then(|| FoundGoal {
            kind: self.kind,
            span: Span::new(offset + found.start.marker.start, end),
            line: found.line,
            text,
            checkbox: found.start.checkbox.map(|checkbox| Checkbox { span: checkbox.span.shifted(offset), ..checkbox }),
            file: None,
            problems: Vec::new(),
        })
    }
}

/// The first line and those below it, the indentation they share taken off.
fn join(first: &str, below: &[String]) -> String {
    let indent = |line: &String| line.chars().take_while(|c| c.is_whitespace()).count();
    let shared = below.iter().map(indent).min().unwrap_or_default();
    let rest = below.iter().map(|line| line.chars().skip(shared).collect::<String>().trim_end().to_owned());
    let lines: Vec<String> = std::iter::once(first.to_owned()).chain(rest).collect();
    lines.join("\n").trim().to_owned()
}
