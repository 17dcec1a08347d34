//! What a person tells a running run. Imperative; the outcome comes back as events.
use super::plan::StepId;
use super::question::{Decision, QuestionId, Via};

/// An order to a live run.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Decide an open question; refused when `hash` is not the one now shown. `None` binds to the current hash (command line only).
    Answer {
        id: QuestionId,
        hash: Option<String>,
        decision: Decision,
        via: Via,
    },
    /// A saved edit of plan.md.
    EditPlan {
        text: String,
    },
    /// The proposal of a step was edited and saved: what is asked about is its text as it stands now.
    EditResult {
        step: StepId,
    },
    RetryStep {
        step: StepId,
        note: Option<String>,
    },
    SkipStep {
        step: StepId,
        note: Option<String>,
    },
    /// Cancel: an end.
    Stop {
        reason: Option<String>,
    },
    /// Let go resumably.
    Pause {
        reason: Option<String>,
    },
}
