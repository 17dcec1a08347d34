//! The state of a run: the fold of its events. Answers questions about it; decides nothing.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};

use crate::domain::event::{NoteLevel, PlannedBy};
use crate::domain::hash::short_hash;
use crate::domain::usage::add_costs;
use crate::domain::{
    Decision, Goal, InputFile, Ledger, Plan, Question, QuestionId, RelPath, RunStatus, Scope, Step, StepId, StepStatus, Subject, Usage, Via,
};

use super::step::StepState;

/// What the first record of a run says, with the latest values of what a resume may change.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFacts {
    pub run_id: String,
    pub goal: Goal,
    pub project: String,
    pub inputs: Vec<InputFile>,
    pub provider: String,
    pub model: Option<String>,
    pub approvals: crate::domain::policy::ApprovalMode,
    pub started_at: DateTime<FixedOffset>,
    pub version: String,
    pub budget_usd: Option<f64>,
    pub budget_tokens: Option<u64>,
}

/// The plan in force.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanState {
    pub plan: Plan,
    pub text: String,
    pub by: PlannedBy,
    pub approved: bool,
    /// What the steps declared when a person said yes: step, word.
    pub declared: BTreeSet<(StepId, String)>,
}

/// A question that was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    pub question: Question,
    pub decision: Decision,
    pub via: Via,
    pub at: DateTime<FixedOffset>,
}

/// Who first wrote a file, and its content as we last wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFact {
    pub path: RelPath,
    pub owner: StepId,
    pub sha256: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NoteFact {
    pub at: DateTime<FixedOffset>,
    pub level: NoteLevel,
    pub text: String,
    pub step: Option<StepId>,
}

/// The state of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Workflow {
    pub run: Option<RunFacts>,
    pub plan: Option<PlanState>,
    pub plan_rejected: Option<Decision>,
    pub steps: BTreeMap<StepId, StepState>,
    pub questions: Vec<Question>,
    pub decided: Vec<Decided>,
    /// Set by the last record when the process let go.
    pub finished: Option<(RunStatus, Option<String>)>,
    /// Why the provider refuses, until the run is taken up again.
    pub parked: Option<String>,
    /// By folded path.
    pub files: BTreeMap<String, FileFact>,
    /// Text of the project or of an attached file reached an agent.
    pub read_private: bool,
    /// Addresses that searches of this run found, in their normal form.
    pub found_addresses: BTreeSet<String>,
    /// What was read from outside and from attached files.
    pub evidence: Arc<Ledger>,
    pub notes: Vec<NoteFact>,
    /// By the step that reviewed: each time its findings went back to authors.
    pub reviews: BTreeMap<StepId, Vec<super::review::Round>>,
    /// The planner's conversation, where a model plans.
    pub planner: super::step::Conversation,
    /// The conversation about the rest, after a step failed for good.
    pub replanner: super::step::Conversation,
    pub replanned: bool,
    /// Planner and other calls that belong to no step.
    pub other_usage: Usage,
    /// Planner calls sent again because their end was not known.
    pub repeated_other: u32,
    pub other_cost: Option<f64>,
    pub last_seq: u64,
    pub(super) held_since: Option<DateTime<FixedOffset>>,
    pub(super) held_ms: u64,
    pub last_at: Option<DateTime<FixedOffset>>,
    pub questions_asked: usize,
}

impl Workflow {
    /// The state after these records.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a crate::domain::Record>) -> Self {
        let mut workflow = Workflow { other_cost: Some(0.0), ..Workflow::default() };
        for record in records {
            workflow.apply(record);
        }
        workflow
    }

    pub fn run_id(&self) -> &str {
        self.run.as_ref().map_or("", |run| run.run_id.as_str())
    }

    pub fn goal(&self) -> Option<&Goal> {
        self.run.as_ref().map(|run| &run.goal)
    }

    /// The steps of the plan in its order.
    pub fn plan_steps(&self) -> &[Step] {
        self.plan.as_ref().map(|plan| plan.plan.steps.as_slice()).unwrap_or_default()
    }

    pub fn plan_step(&self, id: &StepId) -> Option<&Step> {
        self.plan_steps().iter().find(|step| &step.id == id)
    }

    pub fn step(&self, id: &StepId) -> Option<&StepState> {
        self.steps.get(id)
    }

    /// The status of a step; pending where nothing happened yet.
    pub fn step_status(&self, id: &StepId) -> StepStatus {
        let status = self.step(id).map(|step| step.status).unwrap_or_default();
        let waits = self.questions.iter().any(|question| question.step.as_ref() == Some(id) && question.subject != Subject::Retry);
        if status == StepStatus::Running && waits { StepStatus::WaitingApproval } else { status }
    }

    /// Whether a step was ever started or ended: its part of the plan is fixed.
    pub fn has_begun(&self, id: &StepId) -> bool {
        self.step(id).is_some_and(|step| step.status != StepStatus::Pending)
    }

    pub fn question(&self, id: &QuestionId) -> Option<&Question> {
        self.questions.iter().find(|question| &question.id == id)
    }

    /// The hash that binds an approval of the plan to its text.
    pub fn plan_hash(&self) -> String {
        short_hash(self.plan.as_ref().map_or("", |plan| plan.text.as_str()))
    }

    /// The id of the next question.
    pub fn next_question_id(&self) -> QuestionId {
        QuestionId(format!("A{}", self.questions_asked + 1))
    }

    /// Whether a person allowed this kind of thing for the rest of the run: same tool and target.
    pub fn is_granted(&self, tool: &str, target: &str) -> bool {
        self.decided.iter().any(|decided| {
            decided.decision.approved
                && decided.decision.scope != Scope::Once
                && matches!(&decided.question.subject, Subject::Tool { tool: t, target: g, .. } if t == tool && g == target)
        })
    }

    /// What was decided about reading the project in this run.
    pub fn project_decision(&self) -> Option<&Decided> {
        self.decided.iter().rev().find(|decided| matches!(decided.question.subject, Subject::ReadProject { .. }))
    }

    /// The decision about one tool call.
    pub fn call_decision(&self, step: &StepId, id: &str) -> Option<&Decided> {
        self.decided.iter().rev().find(|decided| {
            decided.question.step.as_ref() == Some(step)
                && matches!(&decided.question.subject, Subject::Tool { call_id, .. } if call_id == id)
        })
    }

    /// The status of the run: as the last record says, or by what is going on.
    pub fn status(&self) -> RunStatus {
        if let Some((status, _)) = &self.finished {
            return *status;
        }
        let Some(plan) = &self.plan else { return RunStatus::Planning };
        if !plan.approved && self.goal().is_none_or(|goal| goal.single.is_none()) {
            // Nobody is waited for before the question stands.
            let asked = self.questions.iter().any(|question| question.subject == Subject::Plan);
            return if asked { RunStatus::WaitingApproval } else { RunStatus::Planning };
        }
        let active = plan.plan.steps.iter().any(|step| self.step_status(&step.id) == StepStatus::Running || self.is_ready(step));
        if !self.questions.is_empty() && !active { RunStatus::WaitingApproval } else { RunStatus::Running }
    }

    /// Whether everything a pending step needs is there.
    pub fn is_ready(&self, step: &Step) -> bool {
        self.step_status(&step.id) == StepStatus::Pending
            && !step.skip
            && step.needs.iter().all(|need| matches!(self.step_status(need), StepStatus::Completed | StepStatus::Skipped))
    }

    /// Tokens of all steps and of the planner.
    pub fn usage(&self) -> Usage {
        self.steps.values().fold(self.other_usage, |sum, step| sum.plus(step.usage))
    }

    /// Money of all steps and of the planner; unknown if any part is.
    pub fn cost_usd(&self) -> Option<f64> {
        let spent = self.steps.values().filter(|step| step.cost_known);
        spent.fold(self.other_cost, |sum, step| add_costs(sum, step.cost_usd))
    }

    /// Milliseconds during which a process held the run, up to the last record.
    pub fn duration_ms(&self) -> u64 {
        let open = match (self.held_since, self.last_at) {
            (Some(since), Some(last)) => u64::try_from((last - since).num_milliseconds()).unwrap_or(0),
            _ => 0,
        };
        self.held_ms + open
    }
}
