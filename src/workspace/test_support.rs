//! What the tests of this floor share: a scratch base folder on a disk that can fail, and records of a small run.
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};

use super::{Owner, Workspace};
use crate::domain::event::{PlannedBy, SCHEMA};
use crate::domain::policy::ApprovalMode;
use crate::domain::{Event, Goal, Plan, RunStatus, Step, StepId, StepStatus};
use crate::sys::disk::{Disk, RealDisk};
use crate::sys::disk_faulty::{DiskControl, FaultyDisk};

pub struct Scratch {
    pub folder: tempfile::TempDir,
    pub root: Arc<dyn Disk>,
    pub control: Arc<DiskControl>,
}

impl Scratch {
    pub fn new() -> Scratch {
        let (root, control) = FaultyDisk::over(RealDisk::root().unwrap());
        Scratch { folder: tempfile::tempdir().unwrap(), root, control }
    }

    pub fn base(&self) -> PathBuf {
        self.folder.path().join("workspaces")
    }

    pub fn create(&self, goal: &str, now: &str) -> Workspace {
        Workspace::create(&self.root, &self.base(), &Goal::new(goal).unwrap(), at(now)).unwrap()
    }

    /// A workspace whose journal holds `events`, all at `now`.
    pub fn with_events(&self, goal: &str, now: &str, events: Vec<Event>) -> Workspace {
        let workspace = self.create(goal, now);
        let (mut journal, ..) = workspace.open_journal().unwrap();
        events.into_iter().for_each(|event| drop(journal.append(at(now), event).unwrap()));
        workspace
    }
}

pub fn at(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

pub const NOON: &str = "2026-11-22T14:30:22+01:00";

pub fn owner() -> Owner {
    Owner { pid: 123, host: "host".into(), program: "ai-orchestrator lsp".into(), since: at("2026-11-22T14:31:00+01:00") }
}

pub fn started(goal: &str) -> Event {
    Event::RunStarted {
        schema: SCHEMA,
        run_id: "143022-k7".into(),
        goal: Goal::new(goal).unwrap(),
        project: "/project".into(),
        inputs: Vec::new(),
        provider: "offline".into(),
        model: None,
        approvals: ApprovalMode::Plan,
        resumed: false,
        version: "0.1.0".into(),
        budget_usd: None,
        budget_tokens: None,
    }
}

pub fn planned(steps: usize) -> Event {
    let step = |number| Step {
        id: StepId::numbered(number),
        agent: "writer".into(),
        title: "Write".into(),
        instructions: String::new(),
        needs: Vec::new(),
        output: crate::domain::RelPath::new(&format!("out{number}.md")).unwrap(),
        approve: false,
        uses: Vec::new(),
        skip: false,
    };
    Event::Planned {
        plan: Plan { title: "Plan".into(), steps: (1..=steps).map(step).collect() },
        text: "# Plan".into(),
        by: PlannedBy::Rules,
    }
}

pub fn step_done(number: usize) -> Event {
    Event::StepFinished { step: StepId::numbered(number), status: StepStatus::Completed, output_file: None, error: None }
}

pub fn finished(status: RunStatus) -> Event {
    Event::RunFinished { status, reason: None }
}

pub fn note(text: &str) -> Event {
    Event::Note { level: crate::domain::event::NoteLevel::Info, text: text.into(), step: None }
}
