//! Goals in documents, and which run belongs to which marker. A run is tied to a goal's words and nearest line, so that edits above it do no harm.
use ropey::Rope;

use crate::documents::goal_index::GoalIndex;
use crate::documents::goals::{FoundGoal, TextKind, is_own_document};

use super::from_proto::Key;

/// The goals of one document, kept in step by the lines that change.
#[derive(Debug)]
pub struct Goals {
    kind: TextKind,
    markers: Vec<String>,
    /// `None` until somebody looks, and after the whole text was replaced.
    index: Option<GoalIndex>,
    found: Vec<FoundGoal>,
    fresh: bool,
}

impl Goals {
    /// For a document with this path or name.
    pub fn new(path: &str, language: &str, markers: &[String]) -> Self {
        // What a run writes for people carries its goal, but not as something to be run.
        let markers = if is_own_document(path) { Vec::new() } else { markers.to_vec() };
        Goals { kind: TextKind::of(path, Some(language)), markers, index: None, found: Vec::new(), fresh: false }
    }

    /// The settings name other markers now.
    pub fn remark(&mut self, markers: &[String]) {
        self.markers = markers.to_vec();
        self.replaced();
    }

    /// The whole text was replaced.
    pub fn replaced(&mut self) {
        self.index = None;
        self.fresh = false;
    }

    /// Lines were changed: `old_lines` from `first_line` on became `new_lines`.
    pub fn edited(&mut self, rope: &Rope, first_line: usize, (old_lines, new_lines): (usize, usize)) {
        if let Some(index) = &mut self.index {
            index.edit(rope, first_line, old_lines, new_lines);
        }
        self.fresh = false;
    }

    pub fn markers(&mut self, rope: &Rope) -> &[FoundGoal] {
        if !self.fresh {
            let index = self.index.get_or_insert_with(|| GoalIndex::new(rope, self.kind, &self.markers));
            self.found = index.goals();
            self.fresh = true;
        }
        &self.found
    }

    /// The markers as last found.
    pub fn known(&self) -> &[FoundGoal] {
        &self.found
    }
}

/// Where a run was started from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub document: Key,
    /// The goal's words, spaces evened out.
    pub words: String,
    /// The line of the marker when last seen.
    pub line: usize,
    /// plan.md is to be shown as soon as it is there.
    pub show_plan: bool,
}

/// What stands before the address of the link that a finished goal gets.
pub const LINK: &str = "([summary](";

/// The goal without the link to its summary.
pub fn bare(goal: &str) -> String {
    let Some((before, rest)) = goal.split_once(LINK) else { return goal.to_owned() };
    let after = rest.split_once("))").map_or("", |(_, after)| after);
    format!("{}{after}", before.trim_end_matches(' '))
}

/// The words of a goal with its spaces evened out.
pub fn words(goal: &str) -> String {
    bare(goal).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The marker that an origin belongs to now: the same words, nearest to where they were.
pub fn marker_of<'a>(found: &'a [FoundGoal], origin: &Origin) -> Option<&'a FoundGoal> {
    found.iter().filter(|goal| words(&goal.text) == origin.words).min_by_key(|goal| goal.line.abs_diff(origin.line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_follows_its_words_to_the_nearest_line() {
        let found = crate::documents::goals::scan("goal: same\n\n\ngoal: same\ngoal: other\n", TextKind::Markdown, &["goal:".into()]);
        let origin = Origin {
            document: crate::lsp::from_proto::key(&"file:///a.md".parse().unwrap()),
            words: "same".into(),
            line: 4,
            show_plan: false,
        };
        assert_eq!(marker_of(&found, &origin).map(|goal| goal.line), Some(3));
        assert_eq!(marker_of(&found, &Origin { words: "gone".into(), ..origin }), None);
    }
}
