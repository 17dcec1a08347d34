//! The tick of a task item whose goal is done, with a link to the summary. Ticked once: a person who takes the tick away means it. An edit that the editor
//! did not apply is tried again, not for ever.
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tower_lsp::lsp_types::Url;

use crate::documents::Span;
use crate::domain::RunStatus;

use super::from_proto::Key;
use super::goals::LINK;
use super::runs::Run;
use super::state::State;
use super::to_proto;

/// An edit that was not applied is sent again after this long.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// So often at most in all.
const MOST: u8 = 3;

/// What became of one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// An edit is on its way, one was applied, or enough were sent.
    Over,
    /// Not applied: again then.
    Later(Instant),
    /// Again as soon as its document is open.
    Now,
}

#[derive(Debug)]
struct Tick {
    sent: u8,
    stage: Stage,
}

/// What became of the ticks, by run.
#[derive(Debug, Default)]
pub struct Ticks(BTreeMap<String, Tick>);

impl Ticks {
    fn may(&self, run_id: &str) -> bool {
        self.0.get(run_id).is_none_or(|tick| tick.stage == Stage::Now)
    }

    fn sent(&mut self, run_id: &str) {
        let tick = self.0.entry(run_id.to_owned()).or_insert(Tick { sent: 0, stage: Stage::Now });
        *tick = Tick { sent: tick.sent.saturating_add(1), stage: Stage::Over };
    }

    /// What the editor said to the edit.
    pub fn told(&mut self, run_id: &str, applied: bool, now: Instant) {
        if let Some(tick) = self.0.get_mut(run_id) {
            tick.stage = if applied || tick.sent >= MOST { Stage::Over } else { Stage::Later(now + AGAIN_AFTER) };
        }
    }

    /// When one is to be sent again.
    pub fn due(&self) -> Option<Instant> {
        let later = self.0.values().filter_map(|tick| match tick.stage {
            Stage::Later(at) => Some(at),
            Stage::Over | Stage::Now => None,
        });
        later.min()
    }

    /// Whether the time of one has come.
    pub fn wake(&mut self, now: Instant) -> bool {
        let mut woken = false;
        for tick in self.0.values_mut() {
            if matches!(tick.stage, Stage::Later(at) if at <= now) {
                (tick.stage, woken) = (Stage::Now, true);
            }
        }
        woken
    }
}

/// An edit that ticks: the document, the run, and what is put where.
type Wanted = (Key, String, Vec<(Span, String)>);

impl State {
    /// A task item that holds a goal is ticked when its run has completed, with a link to the summary.
    pub fn tick_goals(&mut self) {
        let mut wanted = Vec::new();
        // Of this session: a goal that an earlier one left unticked was left so by its author.
        for run in self.runs.iter().filter(|run| run.status == RunStatus::Completed && run.state.is_some()) {
            if self.ticks.may(&run.run_id) {
                wanted.extend(self.tick(run));
            }
        }
        for (key, run_id, edits) in wanted {
            if self.send_edit(&key, &edits, None, Some(&run_id)) {
                self.ticks.sent(&run_id);
            }
        }
    }

    /// The edit that ticks a run's goal, where its item stands unticked in an open document.
    fn tick(&self, run: &Run) -> Option<Wanted> {
        let origin = run.origin.as_ref().filter(|origin| origin.here)?;
        let document = self.documents.by_key(&origin.document)?;
        let marker = document.goals.known().iter().find(|marker| marker.line == origin.line)?;
        let checkbox = marker.checkbox.filter(|checkbox| !checkbox.checked)?;
        let line = document.rope.line(marker.line).to_string();
        let end = document.rope.line_to_byte(marker.line) + line.trim_end().len();
        let mut edits = vec![(checkbox.span, "x".to_owned())];
        let link = link(&document.uri, run).filter(|_| !line.contains(LINK));
        edits.extend(link.map(|link| (Span::at(end), format!(" {LINK}{link}))"))));
        Some((origin.document.clone(), run.run_id.clone(), edits))
    }
}

/// The address of a run's summary, as short as it can be said in the document.
fn link(document: &Url, run: &Run) -> Option<String> {
    let summary = to_proto::uri(&run.workspace.join("execution-summary.md"))?;
    let folder = document.as_str().rsplit_once('/').map(|(folder, _)| format!("{folder}/"))?;
    let whole = summary.as_str();
    Some(whole.strip_prefix(&folder).unwrap_or(whole).replace(')', "%29"))
}
