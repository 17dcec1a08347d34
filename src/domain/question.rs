//! What a person is asked and what they decide. A question is bound to the hash of what was shown; silence is never consent.
use std::fmt;

use chrono::{DateTime, FixedOffset};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::path::RelPath;
use super::plan::StepId;

/// The id of a question in its run: `A1`, `A2`, ….
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct QuestionId(pub String);

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// The whole plan.
    Plan,
    /// The output of a finished step.
    StepResult,
    /// One tool call; `target` is the path or host it is about.
    Tool { call_id: String, tool: String, target: String },
    /// Reading the project, once a run; `call_id` is the call that waits.
    ReadProject { call_id: String },
    /// Going past a budget.
    Budget { limit_usd: Option<f64>, limit_tokens: Option<u64> },
    /// Replanning the rest.
    Replan,
    /// Doing a finished step again, which pays for it again.
    Retry,
}

/// A question that waits for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    pub id: QuestionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    pub subject: Subject,
    /// One line: `plan`, `s4 coder wants to read the project`.
    pub what: String,
    /// What a person needs to see to decide, in Markdown; empty where `what` says it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Six hexadecimal digits over what was shown.
    pub hash: String,
    /// Set by the record that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<DateTime<FixedOffset>>,
}

/// How far an approval reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    #[default]
    Once,
    Run,
    Always,
}

/// Where the result of a step waits for a person who may edit it, as a path in the workspace; no agent can write there.
pub fn proposal(step: &StepId, output: &RelPath) -> Option<RelPath> {
    RelPath::new(&format!(".orchestrator/proposed/{step}/{output}")).ok()
}

/// Where the version before it lies.
pub fn before_proposal(step: &StepId, output: &RelPath) -> Option<RelPath> {
    RelPath::new(&format!(".orchestrator/proposed/{step}.before/{output}")).ok()
}

/// What a person decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    pub approved: bool,
    #[serde(default)]
    pub scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The way a decision came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    Prompt,
    Lens,
    Action,
    Document,
    CommandLine,
    Library,
    /// A saved rule answered.
    Rule,
    /// `--non-interactive` or mode `none`.
    Policy,
}
