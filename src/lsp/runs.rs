//! The runs that the editor knows of: live ones, and ended ones of this session or found on disk. Knows their last state; asks nobody.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::plan::StepId;
use crate::domain::view::{PendingApproval, RunState, RunSummary};
use crate::domain::{Event, RunStatus};
use crate::orchestrator::{RunHandle, Update};

use super::goals::Origin;

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
}

impl Run {
    pub fn is_live(&self) -> bool {
        !self.status.is_end() && !matches!(self.status, RunStatus::Paused | RunStatus::Parked)
    }

    pub fn pending(&self) -> &[PendingApproval] {
        self.state.as_ref().map(|state| state.pending_approvals.as_slice()).unwrap_or_default()
    }

    fn set_state(&mut self, state: Arc<RunState>) {
        self.status = state.status;
        self.steps = state.steps.len();
        self.steps_done = state.steps.iter().filter(|step| step.status.is_end()).count();
        self.cost_usd = state.totals.cost_usd;
        self.goal.clone_from(&state.goal);
        self.state = Some(state);
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
        }
    }
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

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.0.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Run> {
        self.0.iter_mut()
    }

    fn entry(&mut self, run_id: &str, workspace: &Path) -> &mut Run {
        let index = self.0.iter().position(|run| run.run_id == run_id).unwrap_or_else(|| {
            self.0.push(Run::named(run_id, workspace));
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    pub fn update(&mut self, update: &Update) {
        let run = self.entry(&update.run_id, &update.workspace);
        if let Event::StepStarted { step, log, .. } = &update.record.event {
            run.logs.insert(step.clone(), log.clone());
        }
        run.set_state(update.state.clone());
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
    pub fn listed(&mut self, rows: Vec<RunSummary>) {
        for row in rows.into_iter().rev() {
            if self.get(&row.run_id).is_some() {
                continue;
            }
            let run = Run::named(&row.run_id, &row.workspace);
            // Older than everything of this session.
            self.0.insert(
                0,
                Run { goal: row.goal, status: row.status, steps_done: row.steps_done, steps: row.steps, cost_usd: row.cost_usd, ..run },
            );
        }
        self.0.sort_by_key(|run| run.state.is_some());
    }
}
