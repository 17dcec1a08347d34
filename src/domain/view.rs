//! What people and scripts see of a run: the shapes of workflow-state.json, of list rows and of the final result. Derived, never the truth.
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::goal::GoalOrigin;
use super::path::RelPath;
use super::plan::StepId;
use super::question::{QuestionId, Subject};
use super::usage::Usage;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Planning,
    WaitingApproval,
    Running,
    Paused,
    Parked,
    Completed,
    Failed,
    Cancelled,
}

impl RunStatus {
    /// Whether nothing will happen any more without reopening a step.
    pub fn is_end(self) -> bool {
        matches!(self, RunStatus::Completed | RunStatus::Failed | RunStatus::Cancelled)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Planning => "planning",
            RunStatus::WaitingApproval => "waiting_approval",
            RunStatus::Running => "running",
            RunStatus::Paused => "paused",
            RunStatus::Parked => "parked",
            RunStatus::Completed => "completed",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    #[default]
    Pending,
    Running,
    WaitingApproval,
    Completed,
    Failed,
    Skipped,
    Cancelled,
}

impl StepStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            StepStatus::Pending => "pending",
            StepStatus::Running => "running",
            StepStatus::WaitingApproval => "waiting_approval",
            StepStatus::Completed => "completed",
            StepStatus::Failed => "failed",
            StepStatus::Skipped => "skipped",
            StepStatus::Cancelled => "cancelled",
        }
    }

    pub fn is_end(self) -> bool {
        matches!(self, StepStatus::Completed | StepStatus::Failed | StepStatus::Skipped | StepStatus::Cancelled)
    }
}

/// `workflow-state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunState {
    pub schema: u32,
    pub run_id: String,
    pub goal: String,
    /// When the run began. With this, its end and its origin a list needs no other view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<FixedOffset>>,
    /// When the last of its steps ended; left out until the run is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<FixedOffset>>,
    /// The line of a document that it was started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<GoalOrigin>,
    pub status: RunStatus,
    pub status_reason: Option<String>,
    pub steps: Vec<StepView>,
    pub pending_approvals: Vec<PendingApproval>,
    pub totals: Totals,
    /// Completed steps by steps that are not skipped; 0 to 1.
    pub success_rate: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    pub id: StepId,
    pub agent: String,
    pub title: String,
    pub depends_on: Vec<StepId>,
    pub status: StepStatus,
    pub attempt: u32,
    pub output_file: Option<RelPath>,
    /// Model calls made.
    pub turns: u32,
    #[serde(default)]
    pub max_turns: u32,
    pub usage: Usage,
    pub cost_usd: Option<f64>,
    pub started_at: Option<DateTime<FixedOffset>>,
    pub ended_at: Option<DateTime<FixedOffset>>,
    pub error: Option<String>,
    /// What a reviewing step found; left out for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewView>,
}

/// What a review came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was finished and found nothing that has to be mended.
    Passed,
    Findings,
    /// It failed, ran out of turns or reported nothing: nobody knows.
    Unknown,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Findings => "findings",
            Verdict::Unknown => "unknown",
        }
    }
}

/// The outcome of a reviewing step, for the version of the files that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewView {
    pub verdict: Verdict,
    /// How often findings went back to authors.
    pub rounds: u32,
    pub errors: usize,
    pub warnings: usize,
    pub infos: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PendingApproval {
    pub id: QuestionId,
    pub step: Option<StepId>,
    pub what: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    pub hash: String,
    pub asked_at: Option<DateTime<FixedOffset>>,
    /// What is asked about; decides how far an approval can reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// For a step's result: the file in the workspace where it waits and may be edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<RelPath>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    pub usage: Usage,
    pub cost_usd: Option<f64>,
    /// Time during which a process held the run, in milliseconds.
    pub duration_ms: u64,
}

/// `workspace-info.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceInfo {
    pub schema: u32,
    pub run_id: String,
    pub goal: String,
    pub workspace: PathBuf,
    pub project: String,
    pub created_at: DateTime<FixedOffset>,
    pub provider: String,
    pub model: Option<String>,
    pub version: String,
    /// The document the goal stood in when it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<GoalOrigin>,
}

/// One row of `--list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    pub run_id: String,
    pub goal: String,
    pub status: RunStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    pub steps_done: usize,
    pub steps: usize,
    pub cost_usd: Option<f64>,
    pub workspace: PathBuf,
    pub started_at: DateTime<FixedOffset>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<FixedOffset>>,
    /// The document the goal stood in when it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<GoalOrigin>,
}

/// The end of a command-line run: the last line of `--json`, and what the library returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    pub status: RunStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    pub run_id: String,
    pub workspace: PathBuf,
    pub results: Vec<StepResult>,
    pub summary: Summary,
}

impl RunResult {
    /// The result of a run, live or not, from its state.
    pub fn of(state: &RunState, workspace: &Path) -> RunResult {
        let count = |status| state.steps.iter().filter(|step| step.status == status).count();
        RunResult {
            status: state.status,
            status_reason: state.status_reason.clone(),
            run_id: state.run_id.clone(),
            workspace: workspace.to_owned(),
            results: state.steps.iter().map(StepResult::of).collect(),
            summary: Summary {
                steps: state.steps.len(),
                completed: count(StepStatus::Completed),
                failed: count(StepStatus::Failed),
                success_rate: state.success_rate,
                duration_ms: state.totals.duration_ms,
                usage: state.totals.usage,
                cost_usd: state.totals.cost_usd,
            },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepResult {
    pub step: StepId,
    pub agent: String,
    pub title: String,
    pub status: StepStatus,
    pub output_file: Option<RelPath>,
    pub turns: u32,
    pub usage: Usage,
    pub cost_usd: Option<f64>,
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewView>,
}

impl StepResult {
    fn of(step: &StepView) -> StepResult {
        StepResult {
            step: step.id.clone(),
            agent: step.agent.clone(),
            title: step.title.clone(),
            status: step.status,
            output_file: step.output_file.clone(),
            turns: step.turns,
            usage: step.usage,
            cost_usd: step.cost_usd,
            error: step.error.clone(),
            review: step.review,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub steps: usize,
    pub completed: usize,
    pub failed: usize,
    pub success_rate: f64,
    pub duration_ms: u64,
    pub usage: Usage,
    pub cost_usd: Option<f64>,
}

/// One entry of workflow-history.json: a journal record with its bulk left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryEntry {
    pub seq: u64,
    pub at: DateTime<FixedOffset>,
    pub event: String,
    #[serde(flatten)]
    pub details: serde_json::Map<String, serde_json::Value>,
}
