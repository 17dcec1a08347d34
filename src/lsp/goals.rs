//! Goals in one open document, looked for again when somebody wants to know. Which run belongs to which of them is known in `origins`.
use ropey::Rope;

use crate::documents::goal_index::GoalIndex;
use crate::documents::goals::{FoundGoal, TextKind, is_own_document};

/// The goals of one document, kept in step by the lines that change.
#[derive(Debug)]
pub struct Goals {
    kind: TextKind,
    /// It is written by a run and holds nothing to be run, whatever the markers are.
    is_own: bool,
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
        let is_own = is_own_document(path);
        let markers = if is_own { Vec::new() } else { markers.to_vec() };
        Goals { kind: TextKind::of(path, Some(language)), is_own, markers, index: None, found: Vec::new(), fresh: false }
    }

    /// The settings name other markers now.
    pub fn remark(&mut self, markers: &[String]) {
        if !self.is_own {
            self.markers = markers.to_vec();
            self.replaced();
        }
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

    /// The markers as they were before the last edits, where there were any, and as they are now.
    pub fn renewed(&mut self, rope: &Rope) -> (Vec<FoundGoal>, &[FoundGoal]) {
        let before = if self.fresh { Vec::new() } else { std::mem::take(&mut self.found) };
        (before, self.markers(rope))
    }

    /// The markers as last found.
    pub fn known(&self) -> &[FoundGoal] {
        &self.found
    }
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
