//! Which run belongs to which goal of a document. A run follows its marker through edits above it and changes of its words, and finds it again after a
//! restart: where it stood is journalled with the run, where it stands now is kept beside it when the document is saved. Decides nothing.
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tower_lsp::lsp_types::Url;

use crate::documents::goals::FoundGoal;
use crate::domain::goal::GoalOrigin;
use crate::sys::Disk;

use super::from_proto::{Key, key};
use super::goals::{LINK, words};
use super::runs::Run;
use super::state::State;

/// Goals that share less than this are two goals, not one with other words (Sørensen–Dice, 0 to 1).
const ALIKE: f64 = 0.5;
/// The file beside the journal that says where a goal stands now.
const KEPT: &str = "origin.json";
const MAX_KEPT_BYTES: u64 = 256 * 1024;

/// Where a run was started from, and where that place is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub document: Key,
    /// As the client spelled it.
    pub uri: String,
    /// The goal's words, spaces evened out, as they were last seen.
    pub words: String,
    /// The line of the marker; follows the edits above it.
    pub line: usize,
    /// The marker stood there when last looked for.
    pub here: bool,
    /// plan.md is to be shown as soon as it is there.
    pub show_plan: bool,
    /// It moved or changed its words since that was last written down.
    moved: bool,
}

/// Lines that became others: `old` lines from `first` on became `new` lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    pub first: usize,
    pub old: usize,
    pub new: usize,
}

impl Shift {
    fn moved(self, line: usize) -> usize {
        if line < self.first {
            line
        } else if line >= self.first + self.old {
            line + self.new - self.old
        } else {
            line.min(self.first + self.new.saturating_sub(1))
        }
    }
}

/// Where a goal stands now, as it is kept with its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    uri: String,
    line: usize,
    words: String,
}

impl Origin {
    pub fn new(uri: &Url, words: String, line: usize) -> Self {
        let (document, uri) = (key(uri), uri.as_str().to_owned());
        Origin { document, uri, words, line, here: true, show_plan: false, moved: false }
    }

    /// The same, with its plan shown as soon as it is there.
    pub fn showing_plan(self, show_plan: bool) -> Self {
        Origin { show_plan, ..self }
    }

    /// The origin of a goal that stands in no document: its plan is shown all the same.
    pub fn nowhere(goal: &str) -> Self {
        Origin { document: Key::default(), uri: String::new(), words: words(goal), line: 0, here: false, show_plan: false, moved: false }
    }

    /// Of a run found on disk: where its goal stood at the start, or where it was last seen.
    pub fn found(origin: &GoalOrigin, goal: &str, kept: Option<Kept>) -> Option<Self> {
        let (uri, line, words) = match kept {
            Some(kept) => (kept.uri, kept.line, kept.words),
            None => (origin.uri.clone(), origin.line, words(goal)),
        };
        Some(Origin { here: false, ..Origin::new(&Url::parse(&uri).ok()?, words, line) })
    }

    /// Finds the marker again after edits: by the link to the run's summary, by its words, or as what its line has become. `before` are the
    /// words of all markers before the edits: a marker that was there already is another goal, not this one with other words.
    fn follow(&mut self, (shifts, workspace): (&[Shift], &Path), found: &[Marker<'_>], before: &dyn Fn(&str) -> bool) {
        let was = (self.line, self.words.clone());
        self.line = shifts.iter().fold(self.line, |line, shift| shift.moved(line));
        let nearest = |marker: &&Marker<'_>| marker.line.abs_diff(self.line);
        let linked = found.iter().find(|marker| marker.links_to(workspace));
        let same = || found.iter().filter(|marker| marker.words == self.words).min_by_key(nearest);
        let changed = || {
            let here = found.iter().find(|marker| marker.line == self.line)?;
            (!before(&here.words) && strsim::sorensen_dice(&here.words, &self.words) >= ALIKE).then_some(here)
        };
        let marker = linked.or_else(same).or_else(changed);
        self.here = marker.is_some();
        if let Some(marker) = marker {
            self.line = marker.line;
            self.words.clone_from(&marker.words);
        }
        self.moved |= self.here && (self.line, &self.words) != (was.0, &was.1);
    }
}

/// A goal of a document as runs look for it.
struct Marker<'a> {
    line: usize,
    words: String,
    text: &'a str,
}

impl Marker<'_> {
    fn links_to(&self, workspace: &Path) -> bool {
        let Some((_, link)) = self.text.split_once(LINK) else { return false };
        let name = workspace.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        link.contains(&format!("/{name}/execution-summary.md"))
    }
}

impl State {
    /// Looks for goals again where the text changed, and keeps runs with their markers.
    pub fn tidy(&mut self) {
        for key in std::mem::take(&mut self.untidy) {
            let Some(document) = self.documents.by_key_mut(&key) else { continue };
            let shifts = std::mem::take(&mut document.shifts);
            let rope = document.rope.clone();
            let (before, found) = document.goals.renewed(&rope);
            let mut of_here =
                self.runs.iter_mut().filter(|run| run.origin.as_ref().is_some_and(|origin| origin.document == key)).peekable();
            if of_here.peek().is_none() {
                continue;
            }
            let marker = |goal| Marker { line: FoundGoal::clone(goal).line, words: words(&goal.text), text: &goal.text };
            let markers: Vec<Marker<'_>> = found.iter().map(marker).collect();
            let was_there = |wanted: &str| before.iter().any(|goal| words(&goal.text) == wanted);
            for run in of_here {
                let workspace = run.workspace.clone();
                if let Some(origin) = &mut run.origin {
                    origin.follow((&shifts, &workspace), &markers, &was_there);
                }
            }
        }
    }

    /// A document was saved: what moved in it since is written down beside its run, so that a later session finds it. Done beside the loop;
    /// what cannot be written is found by its words, as before.
    pub fn keep_origins(&mut self, uri: &Url) {
        let document = key(uri);
        let mut moved: Vec<(PathBuf, Kept)> = Vec::new();
        for run in self.runs.iter_mut() {
            let Some(origin) = run.origin.as_mut().filter(|origin| origin.document == document && origin.moved) else { continue };
            origin.moved = false;
            let kept = Kept { uri: origin.uri.clone(), line: origin.line, words: origin.words.clone() };
            moved.push((run.workspace.clone(), kept));
        }
        if moved.is_empty() {
            return;
        }
        let disk = self.setup.machine.disk.clone();
        tokio::task::spawn_blocking(move || {
            for (workspace, kept) in moved {
                if let Err(error) = write(&*disk, &workspace, &kept) {
                    tracing::debug!("keeping where a goal stands: {error}");
                }
            }
        });
    }
}

fn write(disk: &dyn Disk, workspace: &Path, kept: &Kept) -> std::io::Result<()> {
    let text = serde_json::to_string(kept)?;
    disk.open(workspace)?.sub(".orchestrator")?.replace(KEPT, text.as_bytes(), false)
}

/// Where the goal of a workspace was last seen, if that was written down. Blocks.
pub fn kept(disk: &dyn Disk, workspace: &Path) -> Option<Kept> {
    let folder = disk.open(workspace).and_then(|folder| folder.sub(".orchestrator")).ok()?;
    serde_json::from_slice(&folder.read(KEPT, MAX_KEPT_BYTES).ok()?).ok()
}

/// The run that belongs to a marker now: the latest one started from it, else the latest one with the same words that came from no document.
pub fn run_of<'a>(runs: impl DoubleEndedIterator<Item = &'a Run> + Clone, document: &Key, marker: &FoundGoal) -> Option<&'a Run> {
    let is_here = |origin: &Origin| origin.here && origin.line == marker.line && origin.document == *document;
    let started_here = runs.clone().rev().find(|run| run.origin.as_ref().is_some_and(is_here));
    started_here.or_else(|| {
        let mut loose = runs.rev().filter(|run| run.from_disk && run.origin.is_none()).peekable();
        loose.peek()?;
        let here = words(&marker.text);
        loose.find(|run| run.words == here)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::goals::{TextKind, scan};

    fn uri() -> Url {
        "file:///a.md".parse().unwrap()
    }

    fn follow(origin: &mut Origin, before: &str, after: &str, shifts: &[Shift]) -> (bool, usize) {
        let scan = |text: &str| scan(text, TextKind::Markdown, &["goal:".into()]);
        let (before, found) = (scan(before), scan(after));
        let markers: Vec<Marker<'_>> =
            found.iter().map(|goal| Marker { line: goal.line, words: words(&goal.text), text: &goal.text }).collect();
        origin.follow((shifts, Path::new("/w/tides-143022")), &markers, &|wanted| before.iter().any(|goal| words(&goal.text) == wanted));
        (origin.here, origin.line)
    }

    const TWO: &str = "goal: same\n\n\ngoal: same\ngoal: other\n";

    #[test]
    fn a_run_follows_its_words_to_the_nearest_line() {
        let mut origin = Origin::new(&uri(), "same".into(), 4);
        assert_eq!(follow(&mut origin, TWO, TWO, &[]), (true, 3));
        let mut gone = Origin::new(&uri(), "gone".into(), 4);
        assert_eq!(follow(&mut gone, TWO, TWO, &[]), (false, 4));
    }

    #[test]
    fn of_two_equal_goals_each_keeps_its_own_run_when_lines_come_in_above() {
        let mut origin = Origin::new(&uri(), "same".into(), 3);
        let after = format!("one\ntwo\nthree\nfour\n{TWO}");
        assert_eq!(follow(&mut origin, TWO, &after, &[Shift { first: 0, old: 1, new: 5 }]), (true, 7));
        let mut first = Origin::new(&uri(), "same".into(), 0);
        let between = "goal: same\nx\ny\nz\n\n\ngoal: same\ngoal: other\n";
        assert_eq!(follow(&mut first, TWO, between, &[Shift { first: 0, old: 1, new: 4 }]), (true, 0));
    }

    #[test]
    fn other_words_on_its_line_are_the_same_goal_unless_they_are_another_one() {
        let mut origin = Origin::new(&uri(), "write about the tides".into(), 0);
        let (before, after) = ("goal: write about the tides\n", "goal: write a lot about the tides\n");
        assert_eq!(follow(&mut origin, before, after, &[Shift { first: 0, old: 1, new: 1 }]), (true, 0));
        assert_eq!((origin.words.as_str(), origin.moved), ("write a lot about the tides", true));
        assert_eq!(follow(&mut origin, after, "goal: feed the cat\n", &[]), (false, 0), "nothing in common");

        let mut deleted = Origin::new(&uri(), "write part 1".into(), 0);
        let (before, after) = ("goal: write part 1\ngoal: write part 2\n", "goal: write part 2\n");
        let shift = Shift { first: 0, old: 2, new: 1 };
        assert_eq!(follow(&mut deleted, before, after, &[shift]), (false, 0), "the goal below moved up: it is another one");
    }

    #[test]
    fn a_ticked_goal_is_known_by_its_link_whatever_its_words_are() {
        let mut origin = Origin::new(&uri(), "study the tides".into(), 9);
        let text = "- [x] goal: everything else ([summary](workspaces/w/d/tides-143022/execution-summary.md))\n";
        assert_eq!(follow(&mut origin, text, text, &[]), (true, 0));
        assert_eq!(origin.words, "everything else");
    }
}
