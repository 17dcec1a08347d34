//! The library's two handles: the orchestrator, and a run that lives in this process.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Settings;
use crate::domain::view::{RunResult, RunSummary};
use crate::domain::{Agent, Command, Error, Goal, Result, RunState};

use super::builder::Builder;
use super::feed::Subscription;

/// Runs goals. Cheap to clone; all clones share their runs.
#[derive(Clone)]
pub struct Orchestrator;

/// A run that lives in this process.
#[derive(Clone)]
pub struct RunHandle {
    pub run_id: String,
    /// The workspace folder, absolute.
    pub workspace: Arc<PathBuf>,
}

/// What came of a command to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    /// Whether it took effect.
    pub done: bool,
    /// Why not: `already decided`, `changed since you read it`, a plan's problems.
    pub reason: Option<String>,
}

fn not_yet<T>() -> Result<T> {
    Err(Error::internal("the orchestrator is not joined up yet"))
}

impl Orchestrator {
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Creates the workspace and starts to work on `goal` in the background; returns once the folder exists.
    pub async fn start(&self, _goal: Goal) -> Result<RunHandle> {
        not_yet()
    }

    /// Goes on with a workspace: planned, paused, parked, crashed, or with failed steps (which are done again).
    /// A completed one is an error of kind `Usage` that says so; a cancelled one too, with a hint.
    pub async fn resume(&self, _workspace: &Path) -> Result<RunHandle> {
        not_yet()
    }

    /// Starts and waits for the end.
    pub async fn execute_goal(&self, goal: impl Into<String>) -> Result<RunResult> {
        self.start(Goal::new(goal)?).await?.finished().await
    }

    /// One agent, one step; `output_file` and `custom_instructions` as in the source document.
    pub async fn spawn_agent(
        &self,
        _agent: &str,
        _task: &str,
        _output_file: Option<&str>,
        _custom_instructions: Option<&str>,
    ) -> Result<RunResult> {
        not_yet()
    }

    /// Workspaces under the base folder, newest first.
    pub async fn list(&self, _limit: usize) -> Result<Vec<RunSummary>> {
        not_yet()
    }

    /// Removes ended workspaces whose end is older than `days` days; returns their folders. `dry_run` only lists them.
    pub async fn cleanup(&self, _days: u64, _dry_run: bool) -> Result<Vec<PathBuf>> {
        not_yet()
    }

    /// Every update of every run in this process, from now on.
    pub fn subscribe(&self) -> Subscription {
        tokio::sync::mpsc::unbounded_channel().1
    }

    /// The runs that live in this process.
    pub fn runs(&self) -> Vec<RunHandle> {
        Vec::new()
    }

    pub fn run(&self, run_id: &str) -> Option<RunHandle> {
        self.runs().into_iter().find(|run| run.run_id == run_id)
    }

    /// The agents in force, built-in and custom.
    pub fn agents(&self) -> Vec<Agent> {
        Vec::new()
    }

    /// `offline`, `anthropic`, `openai`.
    pub fn provider_name(&self) -> &str {
        "offline"
    }

    pub fn settings(&self) -> &Settings {
        unimplemented!()
    }

    /// The state of any workspace on disk, live here or not.
    pub async fn state_of(&self, _workspace: &Path) -> Result<RunState> {
        not_yet()
    }

    /// Decides an open question of a workspace that may live in this process, in another one, or nowhere (then it is recorded there).
    pub async fn answer(&self, _workspace: &Path, _command: Command) -> Result<CommandOutcome> {
        not_yet()
    }
}

impl RunHandle {
    /// The state as of now.
    pub fn state(&self) -> Arc<RunState> {
        unimplemented!()
    }

    /// Gives an order to the run and waits until it took effect or was refused.
    pub async fn command(&self, _command: Command) -> Result<CommandOutcome> {
        not_yet()
    }

    /// Waits until the process lets go of the run: an end, a pause, or blocked on a person with [`super::WhenBlocked::LetGo`].
    pub async fn finished(&self) -> Result<RunResult> {
        not_yet()
    }
}
