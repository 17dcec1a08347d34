//! Values that tests of this face render. Compiled for tests only.
use std::path::PathBuf;

use chrono::{DateTime, FixedOffset};

use crate::domain::view::{PendingApproval, RunResult, RunState, RunSummary, StepView, Totals};
use crate::domain::{Plan, QuestionId, RelPath, RunStatus, Step, StepId, StepStatus, Usage};

pub fn time(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

pub fn pending(id: &str, hash: &str) -> PendingApproval {
    PendingApproval {
        id: QuestionId(id.into()),
        step: None,
        what: "plan".into(),
        detail: String::new(),
        hash: hash.into(),
        asked_at: None,
        subject: None,
        proposal: None,
    }
}

fn plan_step(number: usize, agent: &str, title: &str, output: &str) -> Step {
    Step {
        id: StepId::numbered(number),
        agent: agent.into(),
        title: title.into(),
        instructions: String::new(),
        needs: (number > 1).then(|| StepId::numbered(number - 1)).into_iter().collect(),
        output: RelPath::new(output).unwrap(),
        approve: false,
        uses: Vec::new(),
        skip: false,
    }
}

pub fn plan() -> Plan {
    let mut steps = vec![
        plan_step(1, "designer", "Plan the dashboard architecture", "architecture_design.md"),
        plan_step(2, "researcher", "Find the best visualisation libraries for monthly sales 売上の可視化", "research_notes.md"),
        plan_step(3, "coder", "Write it", "dashboard.py"),
    ];
    steps[1].uses = vec!["project".into(), "web".into()];
    steps[2].approve = true;
    Plan { title: "Create a Python dashboard for monthly sales".into(), steps }
}

fn view(step: &Step, status: StepStatus) -> StepView {
    let started = !matches!(status, StepStatus::Pending);
    StepView {
        id: step.id.clone(),
        agent: step.agent.clone(),
        title: step.title.clone(),
        depends_on: step.needs.clone(),
        status,
        attempt: 1,
        output_file: Some(step.output.clone()),
        turns: if started { 2 } else { 0 },
        max_turns: 6,
        usage: Usage { input_tokens: 1200, output_tokens: 300, ..Usage::default() },
        cost_usd: started.then_some(0.0123),
        started_at: started.then(|| time("2026-11-22T14:30:00+01:00")),
        ended_at: status.is_end().then(|| time("2026-11-22T14:30:09+01:00")),
        error: None,
        review: None,
    }
}

/// One step done, one running, one to do.
pub fn state() -> RunState {
    let plan = plan();
    let statuses = [StepStatus::Completed, StepStatus::Running, StepStatus::Pending];
    RunState {
        schema: 1,
        run_id: "143022-k7".into(),
        goal: plan.title.clone(),
        started_at: None,
        ended_at: None,
        origin: None,
        status: RunStatus::Running,
        status_reason: None,
        steps: plan.steps.iter().zip(statuses).map(|(step, status)| view(step, status)).collect(),
        pending_approvals: Vec::new(),
        totals: Totals {
            usage: Usage { input_tokens: 2400, output_tokens: 600, ..Usage::default() },
            cost_usd: Some(0.0246),
            duration_ms: 75_000,
        },
        success_rate: 1.0 / 3.0,
    }
}

/// The end of a run whose last step failed.
pub fn result() -> RunResult {
    let mut state = state();
    state.status = RunStatus::Failed;
    state.steps.iter_mut().for_each(|step| step.status = StepStatus::Completed);
    state.steps[2].status = StepStatus::Failed;
    state.steps[2].turns = 6;
    state.steps[2].error =
        Some("the turn limit was reached without a usable output\nhint: raise agent.max_turns.coder, then resume".into());
    crate::domain::view::RunResult::of(
        &state,
        &PathBuf::from("/home/ada/sales/workspaces/week-47/2026-11-22/create-a-python-dashboard-143022"),
    )
}

pub fn runs() -> Vec<RunSummary> {
    let run = |goal: &str, status, started: &str, cost| RunSummary {
        run_id: "143022-k7".into(),
        goal: goal.into(),
        status,
        status_reason: None,
        steps_done: 2,
        steps: 3,
        cost_usd: cost,
        workspace: PathBuf::from("/home/ada/sales/workspaces/week-47/2026-11-22/create-a-python-dashboard-143022"),
        started_at: time(started),
        ended_at: None,
        origin: None,
    };
    vec![
        run("Create a Python dashboard for monthly sales", RunStatus::Running, "2026-11-22T14:25:00+01:00", Some(0.0246)),
        run("売上を分析する\nand write a report", RunStatus::WaitingApproval, "2026-11-21T10:00:00+01:00", None),
    ]
}

/// The text without its colours.
pub fn without_colours(text: &str) -> String {
    regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(text, "").into_owned()
}
