//! What happened: the closed list of journal events. The state of a run is the fold of these; their JSON is the journal's format.
use chrono::{DateTime, FixedOffset};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::goal::{Goal, InputFile};
use super::message::{CallFailure, Said};
use super::path::RelPath;
use super::plan::{Plan, StepId};
use super::policy::ApprovalMode;
use super::question::{Decision, Question, QuestionId, Via};
use super::tool::Touched;
use super::view::{RunStatus, StepStatus};

/// The version of every view.
pub const SCHEMA: u32 = 1;
/// The version of the journal; a greater one is shown read-only, lesser ones are read and written on. 2: texts told before are named by
/// their place, and a reply's figures stand in its event alone. 3: the texts to begin with are newer, and what says nothing is left out.
pub const JOURNAL_SCHEMA: u32 = 3;

/// One line of `journal.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// 1 for the first line, then one more each.
    pub seq: u64,
    pub at: DateTime<FixedOffset>,
    #[serde(flatten)]
    pub event: Event,
}

/// Who made a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlannedBy {
    Rules,
    Model,
    /// A saved edit of plan.md.
    User,
    /// One agent, one step: nothing was planned.
    Single,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoteLevel {
    Info,
    Warning,
    Error,
}

/// A text file as it was at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    pub path: RelPath,
    pub sha256: String,
    pub text: String,
}

/// Everything that can happen in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A process took the run up: at its start, and (`resumed`) at each resume.
    RunStarted {
        schema: u32,
        run_id: String,
        goal: Goal,
        /// The project's folder.
        project: String,
        inputs: Vec<InputFile>,
        provider: String,
        model: Option<String>,
        approvals: ApprovalMode,
        resumed: bool,
        /// The version of the program that wrote the record.
        version: String,
        /// The run's budgets in force, where set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        budget_usd: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        budget_tokens: Option<u64>,
    },
    Planned {
        plan: Plan,
        text: String,
        by: PlannedBy,
    },
    Asked {
        question: Question,
    },
    Answered {
        id: QuestionId,
        hash: String,
        decision: Decision,
        via: Via,
    },
    StepStarted {
        step: StepId,
        attempt: u32,
        agent: String,
        /// The transcript's path in the workspace: `agent_outputs/coder_143042.log`.
        log: String,
        /// The names of the tools on offer, fixed for the whole conversation.
        tools: Vec<String>,
        max_turns: u32,
        system: String,
        prompt: String,
    },
    /// Durable before the request leaves. `note` is text added at the tail of the conversation for this call.
    CallStarted {
        step: StepId,
        ordinal: u32,
        /// The first digits of the request's hash: enough to tell it from the others of its run.
        request_hash: String,
        model: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_output_tokens: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Durable before anyone acts on the reply. Exactly one of `reply` and `failure` is there.
    CallFinished {
        step: StepId,
        ordinal: u32,
        request_id: Option<String>,
        stop: super::message::StopReason,
        usage: super::usage::Usage,
        cost_usd: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Said>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<CallFailure>,
    },
    Retry {
        step: StepId,
        ordinal: u32,
        reason: String,
        wait_ms: u64,
    },
    ToolStarted {
        step: StepId,
        call_id: String,
        tool: String,
        /// What the call is about: a path or a host. Its input stands in the reply that asked for it.
        target: String,
    },
    ToolFinished {
        step: StepId,
        call_id: String,
        tool: String,
        ok: bool,
        summary: String,
        content: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        touched: Vec<Touched>,
    },
    /// A file was written by us for a step (its closing text), outside a tool call.
    Saved {
        step: StepId,
        path: RelPath,
        sha256: String,
        bytes: u64,
    },
    StepFinished {
        step: StepId,
        status: StepStatus,
        output_file: Option<RelPath>,
        error: Option<String>,
    },
    /// A reviewer's findings go back to a step that had finished: its agent goes on in the same conversation, with `note` at its tail.
    Returned {
        step: StepId,
        /// The step that reviewed.
        review: StepId,
        /// From 1.
        round: u32,
        note: String,
        /// The files as they were reviewed, so that the best version can be kept.
        kept: Vec<Kept>,
    },
    /// The step goes on in a fresh conversation, which opens with its prompt and this hand-over.
    HandedOver {
        step: StepId,
        text: String,
        /// The model's window was too small; else the hand-over came before that happened.
        exceeded: bool,
    },
    /// A finished step is to be done again; what needs it is done again too.
    StepReopened {
        step: StepId,
        note: Option<String>,
    },
    /// The process let go of the run: an end, or a pause that can be resumed.
    RunFinished {
        status: RunStatus,
        reason: Option<String>,
    },
    Note {
        level: NoteLevel,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
    },
}

impl Event {
    /// Whether the disk must have it before anyone goes on: it was paid for or decided.
    pub fn is_durable(&self) -> bool {
        matches!(
            self,
            Event::CallStarted { .. }
                | Event::CallFinished { .. }
                | Event::Answered { .. }
                | Event::RunFinished { .. }
                | Event::StepReopened { .. }
                | Event::Returned { .. }
        )
    }

    /// Whether it tells of a tool that wrote a file.
    pub fn is_written_file(&self) -> bool {
        matches!(self, Event::ToolFinished { touched, .. } if touched.iter().any(|touch| touch.wrote))
    }

    /// The name under which it is journalled and published: `call_started`.
    pub fn name(&self) -> &'static str {
        match self {
            Event::RunStarted { .. } => "run_started",
            Event::Planned { .. } => "planned",
            Event::Asked { .. } => "asked",
            Event::Answered { .. } => "answered",
            Event::StepStarted { .. } => "step_started",
            Event::CallStarted { .. } => "call_started",
            Event::CallFinished { .. } => "call_finished",
            Event::Retry { .. } => "retry",
            Event::ToolStarted { .. } => "tool_started",
            Event::ToolFinished { .. } => "tool_finished",
            Event::Saved { .. } => "saved",
            Event::StepFinished { .. } => "step_finished",
            Event::Returned { .. } => "returned",
            Event::HandedOver { .. } => "handed_over",
            Event::StepReopened { .. } => "step_reopened",
            Event::RunFinished { .. } => "run_finished",
            Event::Note { .. } => "note",
        }
    }

    /// The step it is about, if it is about one.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Event::StepStarted { step, .. }
            | Event::CallStarted { step, .. }
            | Event::CallFinished { step, .. }
            | Event::Retry { step, .. }
            | Event::ToolStarted { step, .. }
            | Event::ToolFinished { step, .. }
            | Event::Saved { step, .. }
            | Event::StepFinished { step, .. }
            | Event::Returned { step, .. }
            | Event::HandedOver { step, .. }
            | Event::StepReopened { step, .. } => Some(step),
            Event::Asked { question } => question.step.as_ref(),
            Event::Note { step, .. } => step.as_ref(),
            _ => None,
        }
    }
}
