//! The views of one run on disk: when they are due, and their texts. Never more than four times a second, never for an unchanged text.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::documents::{approvals, plan as plan_text};
use crate::domain::{Buffers, Event, Record, Result, RunState};
use crate::engine::{Workflow, evidence_report, report, transcript};
use crate::workspace::{History, ViewCache, ViewTexts, Workspace, views};

use super::evidence;
use super::shared::Shared;
use super::start::marks;

/// The shortest time between two refreshes.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// What has to be written, and what was.
#[derive(Default)]
pub(super) struct Outlook {
    /// Shared with the views under way, so that nothing is copied.
    pub history: History,
    /// Passages not yet appended, by log.
    passages: BTreeMap<String, String>,
    cache: ViewCache,
    /// Sources whose text is on disk, with how many pieces of it.
    kept: BTreeMap<usize, (usize, usize)>,
    /// plan.md as we last wrote or read it.
    pub plan_on_disk: Option<String>,
    pub dirty: bool,
    /// A person waits for this: do not put it off.
    pub urgent: bool,
    logging: bool,
}

impl Outlook {
    pub fn new(logging: bool) -> Self {
        Outlook { logging, ..Outlook::default() }
    }

    /// Takes note of a record. `log` is the transcript of its step.
    pub fn take(&mut self, record: &Record, log: Option<&str>) {
        self.history.take(record);
        self.dirty = true;
        self.urgent |= matches!(
            record.event,
            Event::Asked { .. } | Event::Answered { .. } | Event::Planned { .. } | Event::RunFinished { .. } | Event::RunStarted { .. }
        );
        if let (true, Some(log), Some(passage)) = (self.logging, log, transcript::passage(record)) {
            let text = self.passages.entry(log.to_owned()).or_default();
            text.push_str(&passage);
            text.push('\n');
        }
    }

    /// Everything that is due, as owned texts, so that the writing can happen elsewhere.
    pub fn due(&mut self, workflow: &Workflow, state: &RunState, workspace: &Workspace, buffers: &Arc<dyn Buffers>) -> Option<Due> {
        let info = report::info(workflow, workspace.path())?;
        let open = |name: &str| buffers.text(&workspace.path().join(name)).is_some();
        let plan = self.plan(workflow).filter(|_| !open("plan.md"));
        let texts = ViewTexts {
            state: state.clone(),
            context: report::context(workflow),
            summary: None,
            evidence: evidence_report::view(workflow).and_then(|view| serde_json::to_value(view).ok()),
            sources: evidence::kept_texts(workflow, &mut self.kept),
            plan: plan.clone(),
            approvals: approvals_text(workflow, state),
            history: self.history.clone(),
            info,
        };
        if plan.is_some() {
            self.plan_on_disk = plan;
        }
        self.dirty = false;
        self.urgent = false;
        Some(Due {
            texts,
            ended: report::has_summary(workflow).then(|| Box::new(workflow.clone())),
            skip_approvals: open("approvals.md"),
            logs: std::mem::take(&mut self.passages),
            cache: std::mem::take(&mut self.cache),
        })
    }

    fn plan(&self, workflow: &Workflow) -> Option<String> {
        let plan = workflow.plan.as_ref()?;
        Some(marked(workflow, &plan.text))
    }

    /// This text of plan.md is known and in the journal: from here on we may write over it.
    pub fn plan_taken(&mut self, text: String) {
        self.cache.took_in("plan.md", &text);
        self.plan_on_disk = Some(text);
    }

    pub fn written(&mut self, cache: ViewCache) {
        self.cache = cache;
    }
}

/// The text of a plan with the marks of its steps as they are now.
pub(super) fn marked(workflow: &Workflow, text: &str) -> String {
    plan_text::set_marks(text, &marks(workflow)).unwrap_or_else(|| text.to_owned())
}

/// Views that are about to be written.
pub(super) struct Due {
    texts: ViewTexts,
    /// Set when the summary is due: it says how the claims of the artifacts stand, which are read when it is written.
    ended: Option<Box<Workflow>>,
    skip_approvals: bool,
    logs: BTreeMap<String, String>,
    cache: ViewCache,
}

impl Due {
    /// Writes what changed. Blocks.
    pub fn write(mut self, workspace: &Workspace) -> Result<ViewCache> {
        if self.skip_approvals {
            self.texts.approvals = workspace.read_text("approvals.md").unwrap_or_default();
        }
        self.texts.summary = self.ended.take().map(|workflow| report::summary(&workflow, &evidence::tallies(&workflow, workspace)));
        views::write_views(workspace, &self.texts, &mut self.cache)?;
        for (log, text) in &self.logs {
            views::append_log(workspace, log, text)?;
        }
        Ok(self.cache)
    }
}

/// approvals.md as it should stand.
pub(super) fn approvals_text(workflow: &Workflow, state: &RunState) -> String {
    let decided: Vec<approvals::DecidedLine> = workflow
        .decided
        .iter()
        .map(|decided| approvals::DecidedLine {
            id: decided.question.id.to_string(),
            what: decided.question.what.clone(),
            approved: decided.decision.approved,
            at: decided.at.format("%H:%M").to_string(),
            note: decided.decision.note.clone(),
        })
        .collect();
    approvals::render(workflow.run_id(), &state.pending_approvals, &decided)
}

/// Writes every view of a run that nobody drives.
pub(super) fn write_all(shared: &Shared, workspace: &Workspace, workflow: &Workflow, records: &[Record]) -> Result<()> {
    let mut outlook = Outlook { history: History::of(records), ..Outlook::new(false) };
    if let Some(plan) = &workflow.plan {
        outlook.plan_taken(marked(workflow, &plan.text));
    }
    match outlook.due(workflow, &report::state(workflow), workspace, &shared.buffers) {
        Some(due) => due.write(workspace).map(|_| ()),
        None => Ok(()),
    }
}
