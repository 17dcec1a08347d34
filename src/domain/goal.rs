//! What a person wants: the goal in plain words with its limits. Valid once built.
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::path::RelPath;
use super::policy::ApprovalMode;

/// The longest goal we take, in bytes; longer material belongs in an attached file.
pub const MAX_GOAL_BYTES: usize = 64 * 1024;

/// A goal with everything its author said about how to reach it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Goal {
    pub text: String,
    /// Only these agents may be planned with; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// The attached files must lie in the project and hold no secret: a program states this goal, not a person.
    #[serde(skip)]
    pub attach_guarded: bool,
    /// Files to copy into the workspace's `inputs/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attach: Vec<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<ApprovalMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider that was chosen for this run, in the words of `model.provider`; a resume keeps it. `None` follows the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<usize>,
    /// The name of the last step's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<RelPath>,
    /// One agent, one step: no planning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single: Option<SingleStep>,
    /// The agents may read the project without asking.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_project: bool,
    /// Stop once the plan is written and waits for approval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plan_only: bool,
    /// The document it stands in, where it stands in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<GoalOrigin>,
}

/// Where a goal stood when it was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoalOrigin {
    /// The document's address, as its editor spells it.
    pub uri: String,
    /// The line of its marker, from 0.
    pub line: usize,
}

/// A run of one agent (the source document's `spawn_agent`); the goal's text is the task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SingleStep {
    pub agent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_file: Option<RelPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

/// A file as it was when the goal started, now in the workspace's `inputs/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    /// Path inside the workspace: `inputs/sales.csv`.
    pub path: RelPath,
    /// Where it came from, as given.
    pub source: String,
    pub bytes: u64,
    pub sha256: String,
}

impl Goal {
    /// A goal from plain words. Fails when there are none, or more than [`MAX_GOAL_BYTES`].
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into().trim().to_owned();
        if !text.chars().any(char::is_alphanumeric) && !text.chars().any(|c| !c.is_ascii() && !c.is_whitespace()) {
            return Err(Error::usage("the goal is empty")
                .hint("say in plain words what you want, for example: ai-orchestrator \"Write documentation for my REST API\""));
        }
        if text.len() > MAX_GOAL_BYTES {
            let what = format!("the goal is {} kB long, more than {} kB", text.len() / 1024, MAX_GOAL_BYTES / 1024);
            return Err(Error::usage(what).hint("put the material in a file and attach it: --attach PATH"));
        }
        Ok(Goal {
            text: text.replace('\0', " "),
            agents: Vec::new(),
            attach_guarded: false,
            attach: Vec::new(),
            budget_usd: None,
            approvals: None,
            model: None,
            provider: None,
            max_parallel: None,
            output: None,
            single: None,
            read_project: false,
            plan_only: false,
            origin: None,
        })
    }

    /// The first line, cut to 80 characters: for titles and lists.
    pub fn title(&self) -> String {
        shorten(&self.text, 80)
    }
}

/// The first line of `text`, cut at a character boundary to `limit` characters with an ellipsis.
pub fn shorten(text: &str, limit: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(limit) {
        None => line.to_owned(),
        Some(_) => line.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}
