//! The exit code of a run (contract, section 1) and what to tell a person whose run did not complete. Prints nothing.
use std::path::Path;

use crate::domain::RunStatus;
use crate::domain::view::RunResult;

/// Interrupted by SIGINT or SIGTERM; the run can be resumed.
pub const INTERRUPTED: i32 = 130;

/// What the face knows about a run's end beyond its result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// A signal of ours paused it.
    pub interrupted: bool,
    /// The person chose to decide later.
    pub decide_later: bool,
    /// Only a plan was asked for.
    pub plan_only: bool,
    /// An open question is about a budget.
    pub budget_open: bool,
}

/// The exit code of a run that was let go of.
pub fn code(result: &RunResult, circumstances: Circumstances) -> i32 {
    let budget = circumstances.budget_open || reason_starts_with(result, "budget");
    match result.status {
        RunStatus::Completed => 0,
        RunStatus::Failed | RunStatus::Cancelled => 1,
        _ if circumstances.interrupted => INTERRUPTED,
        RunStatus::Parked if reason_starts_with(result, "unknown model") => 2,
        RunStatus::Parked => 5,
        RunStatus::WaitingApproval | RunStatus::Paused if budget => 4,
        RunStatus::WaitingApproval if circumstances.plan_only => 0,
        RunStatus::Paused if reason_starts_with(result, "disk") => 2,
        RunStatus::WaitingApproval | RunStatus::Paused => 3,
        RunStatus::Planning | RunStatus::Running => 1,
    }
}

/// What the person can do now; `None` when nothing is left to do.
pub fn hint(result: &RunResult, circumstances: Circumstances, first_open: Option<&str>) -> Option<String> {
    let path = quoted(&result.workspace);
    let resume = format!("ai-orchestrator --resume {path}");
    match (result.status, code(result, circumstances)) {
        (RunStatus::Completed, _) => None,
        (RunStatus::Cancelled, _) => {
            Some("a cancelled run is over; start the goal again, or retry one of its steps from the editor".into())
        }
        (RunStatus::Failed, _) => Some(format!("the failed steps are done again by: {resume}")),
        (_, INTERRUPTED) => Some(format!("go on with: {resume}")),
        (_, 4) => Some(format!("go on with a new limit: {resume} --budget USD")),
        (RunStatus::WaitingApproval, 0) => Some(format!("read or edit the plan, then: {resume}")),
        (_, 3) if circumstances.decide_later || first_open.is_none() => Some(format!("decide and go on with: {resume}")),
        (_, 3) => {
            let id = first_open.unwrap_or_default();
            Some(format!("decide with: ai-orchestrator approve {path} {id}, then go on with: {resume} (or run with --non-interactive)"))
        }
        _ => Some(format!("mend the cause, then: {resume}")),
    }
}

/// A path that a shell takes as one word.
pub fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '\\');
    if text.chars().all(plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn reason_starts_with(result: &RunResult, word: &str) -> bool {
    result.status_reason.as_deref().is_some_and(|reason| reason.starts_with(word))
}

#[cfg(test)]
#[path = "exit_tests.rs"]
mod tests;
