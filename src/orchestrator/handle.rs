//! The library's front door: start, resume, list, clean up, subscribe. Work goes on in drivers.
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use crate::config::Settings;
use crate::domain::goal::SingleStep;
use crate::domain::view::{RunResult, RunSummary};
use crate::domain::{Agent, Command, Error, Goal, RelPath, Result, RunState, RunStatus, StepId};
use crate::engine::{Workflow, report};
use crate::workspace::{Workspace, catalog, cleanup};

use super::feed::Subscription;
use super::proposals::Changes;
use super::run::{CommandOutcome, RunHandle};
use super::shared::{Shared, blocking};
use super::start::{ResumeOptions, StartOptions};

/// Runs goals. Cheap to clone; all clones share their runs.
#[derive(Clone)]
pub struct Orchestrator(pub(super) Arc<Shared>);

impl Orchestrator {
    /// Creates the workspace and starts to work on `goal` in the background; returns once the folder exists.
    pub async fn start(&self, goal: Goal) -> Result<RunHandle> {
        self.start_with(goal, StartOptions::default()).await
    }

    /// The same with a plan of your own, or with a provider other than the configured one.
    pub async fn start_with(&self, goal: Goal, options: StartOptions) -> Result<RunHandle> {
        super::start::start(&self.0, goal, options).await
    }

    /// Goes on with a workspace: planned, paused, parked, crashed, or with failed steps (which are done again).
    /// A completed one is an error of kind `Usage` that says so; a cancelled one too, with a hint.
    pub async fn resume(&self, workspace: &Path) -> Result<RunHandle> {
        self.resume_with(workspace, ResumeOptions::default()).await
    }

    /// The same with a new budget, or with an order that reopens a step first.
    pub async fn resume_with(&self, workspace: &Path, options: ResumeOptions) -> Result<RunHandle> {
        super::start::resume(&self.0, workspace, options).await
    }

    /// Starts and waits for the end.
    pub async fn execute_goal(&self, goal: impl Into<String>) -> Result<RunResult> {
        self.start(Goal::new(goal)?).await?.finished().await
    }

    /// One agent, one step. `output_file` goes before the agent's own; `custom_instructions` are added to its task.
    ///
    /// ```
    /// # use ai_orchestrator::{config::{Settings, settings::ProviderChoice}, orchestrator::Orchestrator};
    /// # let scratch = tempfile::tempdir()?;
    /// # std::fs::write(scratch.path().join("notes.md"), "# Tides\n\nThe moon moves the sea twice a day.\n")?;
    /// # let settings = Settings { provider: ProviderChoice::Offline, ..Settings::defaults(scratch.path()) };
    /// # let orchestrator = Orchestrator::builder().settings(settings).interactive(false).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let result = orchestrator.spawn_agent("researcher", "What do notes.md say about the moon?", Some("moon.md"), None).await?;
    /// assert!(result.workspace.join("moon.md").exists());
    /// # Ok::<_, ai_orchestrator::domain::Error>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub async fn spawn_agent(
        &self,
        agent: &str,
        task: &str,
        output_file: Option<&str>,
        custom_instructions: Option<&str>,
    ) -> Result<RunResult> {
        let goal = single_goal(agent, task, output_file, custom_instructions)?;
        self.start(goal).await?.finished().await
    }

    /// Workspaces under the base folder, newest first.
    pub async fn list(&self, limit: usize) -> Result<Vec<RunSummary>> {
        let (disk, base_dir) = (Arc::clone(&self.0.disk), self.0.settings.base_dir.clone());
        blocking(move || catalog::list(&disk, &base_dir, limit)).await
    }

    /// Removes ended workspaces whose end is older than `days` days; returns their folders. `dry_run` only lists them.
    pub async fn cleanup(&self, days: u64, dry_run: bool) -> Result<Vec<PathBuf>> {
        let (disk, base_dir, now) = (Arc::clone(&self.0.disk), self.0.settings.base_dir.clone(), self.0.clock.now());
        blocking(move || cleanup::cleanup(&disk, &base_dir, days, now, dry_run)).await
    }

    /// Every update of every run in this process, from now on.
    pub fn subscribe(&self) -> Subscription {
        self.0.feed.subscribe()
    }

    /// The runs that live in this process.
    pub fn runs(&self) -> Vec<RunHandle> {
        self.0.live_runs()
    }

    pub fn run(&self, run_id: &str) -> Option<RunHandle> {
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner).get(run_id).cloned()
    }

    /// The agents in force, built-in and custom.
    pub fn agents(&self) -> Vec<Agent> {
        self.0.team.agents.clone()
    }

    /// What is wrong with custom agents: file, line (1-based), message.
    pub fn agent_problems(&self) -> &[super::team::AgentProblem] {
        &self.0.team.problems
    }

    /// `offline`, `anthropic`, `openai`.
    pub fn provider_name(&self) -> &str {
        self.0.models.name(&self.0.settings, &self.0.environment)
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The state of any workspace on disk, live here or not.
    pub async fn state_of(&self, workspace: &Path) -> Result<RunState> {
        if let Some(run) = self.runs().into_iter().find(|run| run.workspace.as_path() == workspace) {
            return Ok(run.state().as_ref().clone());
        }
        let (disk, path) = (Arc::clone(&self.0.disk), workspace.to_owned());
        blocking(move || {
            let workspace = Workspace::open(&disk, &path)?;
            let (records, _) = workspace.read_journal()?;
            let mut state = report::state(&Workflow::replay(&records));
            if matches!(state.status, RunStatus::Planning | RunStatus::Running) && workspace.lease_holder().is_none() {
                (state.status, state.status_reason) = (RunStatus::Paused, Some("interrupted".into()));
            }
            Ok(state)
        })
        .await
    }

    /// What changed in the result of a step that waits for approval, since the version before it.
    pub async fn changes(&self, workspace: &Path, step: &StepId) -> Result<Changes> {
        let (disk, path, step) = (Arc::clone(&self.0.disk), workspace.to_owned(), step.clone());
        blocking(move || {
            let workspace = Workspace::open(&disk, &path)?;
            let workflow = Workflow::replay(&workspace.read_journal()?.0);
            let known = workflow.plan_step(&step).ok_or_else(|| Error::usage(format!("there is no step {step}")))?;
            super::proposals::changes(&workspace, &step, &known.output)
        })
        .await
    }

    /// Decides an open question of a workspace that may live in this process, in another one, or nowhere (then it is recorded there).
    pub async fn answer(&self, workspace: &Path, command: Command) -> Result<CommandOutcome> {
        super::answer::answer(&self.0, workspace, command).await
    }
}

/// The goal of one agent, one step.
pub fn single_goal(agent: &str, task: &str, output_file: Option<&str>, custom_instructions: Option<&str>) -> Result<Goal> {
    let output_file = match output_file {
        None => None,
        Some(path) => {
            let wrong = |problem| Error::usage(format!("the output file cannot be used: {problem}"));
            Some(RelPath::new(path).map_err(wrong)?)
        }
    };
    let single = SingleStep { agent: agent.to_owned(), output_file, instructions: custom_instructions.map(str::to_owned) };
    Ok(Goal { single: Some(single), ..Goal::new(task)? })
}
