//! The runs that the editor knows of: live ones, and ended ones of this session or found on disk. Knows their last state; asks nobody.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::documents::approvals::DecidedLine;
use crate::domain::finding::{REPORT_FINDINGS, reported};
use crate::domain::plan::StepId;
use crate::domain::view::{PendingApproval, RunState, RunSummary};
use crate::domain::{Event, Finding, Record, RunStatus};
use crate::orchestrator::{RunHandle, Update};

use super::origins::{Kept, Origin};

/// Ended runs of a session that are known in full; of older ones only what a list shows is kept.
const KNOWN_IN_FULL: usize = 50;

/// One run.
#[derive(Clone)]
pub struct Run {
    pub run_id: String,
    pub workspace: PathBuf,
    pub goal: String,
    pub status: RunStatus,
    /// `None` for a run of which only its row in the list is known.
    pub state: Option<Arc<RunState>>,
    pub steps_done: usize,
    pub steps: usize,
    pub cost_usd: Option<f64>,
    pub origin: Option<Origin>,
    /// The run lives in this process.
    pub handle: Option<RunHandle>,
    /// The transcript of each step's last attempt, as a path in the workspace.
    pub logs: BTreeMap<StepId, String>,
    /// The goal's words with spaces evened out.
    pub words: String,
    /// Known from its folder, from before this session.
    pub from_disk: bool,
    pub reason: Option<String>,
    /// What was decided in this session, oldest first.
    pub answered: Vec<DecidedLine>,
    /// What reviewers reported, by the step that reported it.
    pub findings: BTreeMap<StepId, Vec<Finding>>,
}

impl Run {
    pub fn is_live(&self) -> bool {
        !self.status.is_end() && !matches!(self.status, RunStatus::Paused | RunStatus::Parked)
    }

    /// Whether it can be taken up again here.
    pub fn stands_still(&self) -> bool {
        stands_still(self.status, self.is_held())
    }

    /// Whether this process works on it.
    pub fn is_held(&self) -> bool {
        self.handle.as_ref().is_some_and(|handle| !handle.has_ended())
    }

    pub fn pending(&self) -> &[PendingApproval] {
        self.state.as_ref().map(|state| state.pending_approvals.as_slice()).unwrap_or_default()
    }

    fn set_state(&mut self, state: Arc<RunState>) {
        self.status = state.status;
        (self.steps_done, self.steps) = super::words::counts(&state);
        self.cost_usd = state.totals.cost_usd;
        self.reason.clone_from(&state.status_reason);
        self.name(&state.goal);
        self.state = Some(state);
    }

    fn take_row(&mut self, row: &RunSummary) {
        self.name(&row.goal);
        (self.status, self.cost_usd) = (row.status, row.cost_usd);
        (self.steps_done, self.steps) = (row.steps_done, row.steps);
        self.reason.clone_from(&row.status_reason);
    }

    fn name(&mut self, goal: &str) {
        if self.goal != goal {
            self.words = super::goals::words(goal);
            goal.clone_into(&mut self.goal);
        }
    }

    /// Keeps what an event says beyond the state.
    fn take(&mut self, record: &Record) {
        match &record.event {
            Event::StepStarted { step, log, .. } => {
                self.logs.insert(step.clone(), log.clone());
                self.findings.remove(step);
            }
            Event::Answered { id, decision, .. } => {
                let what = self.pending().iter().find(|pending| pending.id == *id).map(|pending| pending.what.clone());
                self.answered.push(DecidedLine {
                    id: id.to_string(),
                    what: what.unwrap_or_default(),
                    approved: decision.approved,
                    at: record.at.format("%H:%M").to_string(),
                    note: decision.note.clone(),
                });
            }
            Event::ToolFinished { step, tool, ok: true, content, .. } if tool == REPORT_FINDINGS => {
                self.findings.entry(step.clone()).or_default().extend(reported(content).unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Ended, and with more in memory than its row in the list.
    fn is_laid_down(&self) -> bool {
        self.state.is_some() && self.status.is_end() && self.handle.as_ref().is_none_or(RunHandle::has_ended)
    }

    /// What its folder tells as well is let go.
    fn lighten(&mut self) {
        (self.state, self.handle) = (None, None);
        (self.logs, self.answered, self.findings) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    }

    fn named(run_id: &str, workspace: &Path) -> Self {
        Run {
            run_id: run_id.to_owned(),
            workspace: workspace.to_owned(),
            goal: String::new(),
            status: RunStatus::Planning,
            state: None,
            steps_done: 0,
            steps: 0,
            cost_usd: None,
            origin: None,
            handle: None,
            logs: BTreeMap::new(),
            words: String::new(),
            from_disk: false,
            reason: None,
            answered: Vec::new(),
            findings: BTreeMap::new(),
        }
    }
}

/// Whether a run can be taken up again by a process that may hold it. One that waits for a person keeps its status when its process is gone.
pub fn stands_still(status: RunStatus, is_held: bool) -> bool {
    let waits_alone = status == RunStatus::WaitingApproval && !is_held;
    waits_alone || matches!(status, RunStatus::Paused | RunStatus::Parked)
}

/// All runs, oldest first.
#[derive(Default)]
pub struct Runs(Vec<Run>);

impl Runs {
    pub fn get(&self, run_id: &str) -> Option<&Run> {
        self.0.iter().find(|run| run.run_id == run_id)
    }

    pub fn at(&self, workspace: &Path) -> Option<&Run> {
        self.0.iter().find(|run| run.workspace == workspace)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs whose folders were removed.
    pub fn forget(&mut self, workspaces: &[PathBuf]) {
        self.0.retain(|run| run.handle.is_some() || !workspaces.contains(&run.workspace));
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Run> + Clone {
        self.0.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Run> {
        self.0.iter_mut()
    }

    fn entry(&mut self, run_id: &str, workspace: &Path) -> &mut Run {
        let index = self.0.iter().position(|run| run.run_id == run_id || run.workspace == workspace).unwrap_or_else(|| {
            self.0.push(Run::named(run_id, workspace));
            self.0.len() - 1
        });
        let run = &mut self.0[index];
        // A folder that was listed before its journal had a word in it went by another name.
        if run.run_id != run_id {
            run_id.clone_into(&mut run.run_id);
        }
        run
    }

    pub fn update(&mut self, update: &Update) {
        let run = self.entry(&update.run_id, &update.workspace);
        run.take(&update.record);
        run.set_state(update.state.clone());
        if matches!(update.record.event, Event::RunFinished { .. }) {
            let laid_down = self.0.iter().filter(|run| run.is_laid_down()).count();
            let oldest = self.0.iter_mut().filter(|run| run.is_laid_down());
            oldest.take(laid_down.saturating_sub(KNOWN_IN_FULL)).for_each(Run::lighten);
        }
    }

    pub fn started(&mut self, handle: RunHandle, origin: Option<Origin>) {
        let run = self.entry(&handle.run_id, &handle.workspace);
        if origin.is_some() {
            run.origin = origin;
        }
        // Its state comes with the news alone: the handle's would be older or newer than what is still on its way, and the run would seem to go back.
        run.handle = Some(handle);
    }

    /// Rows found on disk; what is known better already stays.
    pub fn listed(&mut self, rows: Vec<RunSummary>, mut kept: BTreeMap<PathBuf, Kept>) {
        let mut older = Vec::new();
        for row in rows.into_iter().rev() {
            let known = self.0.iter_mut().find(|run| run.run_id == row.run_id || run.workspace == row.workspace);
            if let Some(run) = known {
                // Of a run that lives elsewhere its row is all there is, and the newer one counts.
                let is_ours = run.is_held();
                let went_on = !run.status.is_end() && row.status.is_end();
                if !is_ours && (run.state.is_none() || went_on) {
                    // It was brought to its end by another process since.
                    run.state = None;
                    run.take_row(&row);
                }
                continue;
            }
            let mut run = Run { from_disk: true, ..Run::named(&row.run_id, &row.workspace) };
            run.take_row(&row);
            run.origin = row.origin.and_then(|origin| Origin::found(&origin, &row.goal, kept.remove(&row.workspace)));
            older.push(run);
        }
        // Older than everything of this session.
        self.0.splice(0..0, older);
        self.0.sort_by_key(|run| run.state.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_run_that_nobody_holds_stands_still() {
        let mut run = Run::named("143022-k7", Path::new("/w/a"));
        let still = |run: &mut Run, status| {
            run.status = status;
            run.stands_still()
        };
        assert!(still(&mut run, RunStatus::WaitingApproval) && still(&mut run, RunStatus::Paused) && still(&mut run, RunStatus::Parked));
        assert!(!still(&mut run, RunStatus::Running) && !still(&mut run, RunStatus::Completed) && !still(&mut run, RunStatus::Cancelled));
    }

    #[test]
    fn a_folder_listed_before_its_run_had_a_name_is_no_second_run() {
        let mut runs = Runs::default();
        let row = |run_id: &str| RunSummary {
            run_id: run_id.into(),
            goal: String::new(),
            status: RunStatus::Paused,
            status_reason: None,
            steps_done: 0,
            steps: 0,
            cost_usd: None,
            workspace: "/w/a".into(),
            started_at: chrono::DateTime::parse_from_rfc3339("2026-11-22T14:30:22Z").unwrap(),
            ended_at: None,
            origin: None,
        };
        runs.listed(vec![row("a")], BTreeMap::new());
        assert_eq!(runs.entry("143022-k7", Path::new("/w/a")).run_id, "143022-k7");
        runs.listed(vec![row("a"), row("143022-k7")], BTreeMap::new());
        assert_eq!(runs.iter().count(), 1);
        assert!(runs.get("143022-k7").is_some() && runs.at(Path::new("/w/a")).is_some());
    }

    /// The news that a run has ended.
    fn ended(number: usize) -> Update {
        let run_id = format!("143022-{number:04}");
        let status = RunStatus::Completed;
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-22T14:30:22Z").unwrap();
        let state = RunState {
            schema: 1,
            run_id: run_id.clone(),
            goal: "Write".into(),
            started_at: None,
            ended_at: None,
            origin: None,
            status,
            status_reason: None,
            steps: Vec::new(),
            pending_approvals: Vec::new(),
            totals: Default::default(),
            success_rate: 1.0,
        };
        let record = Record { seq: 9, at, event: Event::RunFinished { status, reason: None } };
        Update { workspace: Arc::new(format!("/w/{run_id}").into()), run_id, record: Arc::new(record), state: Arc::new(state) }
    }

    #[test]
    fn of_many_ended_runs_the_newest_are_known_in_full_and_none_is_forgotten() {
        let mut runs = Runs::default();
        for number in 0..KNOWN_IN_FULL + 7 {
            runs.update(&ended(number));
        }
        let known: Vec<bool> = runs.iter().map(|run| run.state.is_some()).collect();
        assert_eq!(known, [vec![false; 7], vec![true; KNOWN_IN_FULL]].concat());
        assert!(runs.iter().all(|run| run.status == RunStatus::Completed && run.goal == "Write"));
    }
}
