//! How an orchestrator is made: its settings and the hands it is given.
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Settings;
use crate::domain::{Buffers, NoBuffers, Result};
use crate::llm::Provider;
use crate::sys::{Clock, Disk, Environment};
use crate::tools::Tool;

use super::handle::Orchestrator;

/// What a run does when it can go no further without a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenBlocked {
    /// Stays alive and waits for the answer.
    #[default]
    Wait,
    /// Lets go of the workspace with status `waiting_approval`; a resume goes on.
    LetGo,
}

/// Builds an [`Orchestrator`]. Everything not given is the machine's own.
#[derive(Default)]
pub struct Builder {
    pub(super) settings: Option<Settings>,
    pub(super) base_dir: Option<PathBuf>,
    pub(super) interactive: Option<bool>,
    pub(super) when_blocked: WhenBlocked,
    pub(super) environment: Option<Environment>,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) disk: Option<Arc<dyn Disk>>,
    pub(super) provider: Option<Arc<dyn Provider>>,
    pub(super) tools: Vec<Arc<dyn Tool>>,
    pub(super) buffers: Option<Arc<dyn Buffers>>,
    pub(super) trusted: bool,
}

impl Builder {
    /// Settings already resolved; left out, they are loaded from files and environment.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = Some(settings);
        self
    }

    /// Where workspaces are created: `workspace.base_dir`.
    #[must_use]
    pub fn base_dir(mut self, base_dir: impl Into<PathBuf>) -> Self {
        self.base_dir = Some(base_dir.into());
        self
    }

    /// Whether somebody is there to answer questions (default: yes). False accepts the plan and denies whatever else asks.
    #[must_use]
    pub fn interactive(mut self, interactive: bool) -> Self {
        self.interactive = Some(interactive);
        self
    }

    #[must_use]
    pub fn when_blocked(mut self, when_blocked: WhenBlocked) -> Self {
        self.when_blocked = when_blocked;
        self
    }

    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The machine's disk, by its root folder.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = Some(disk);
        self
    }

    /// A provider of your own, instead of the configured one.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Adds a tool; custom agents name it in their `tools`.
    #[must_use]
    pub fn tool(mut self, tool: Arc<dyn Tool>) -> Self {
        self.tools.push(tool);
        self
    }

    /// Unsaved editor text.
    #[must_use]
    pub fn buffers(mut self, buffers: Arc<dyn Buffers>) -> Self {
        self.buffers = Some(buffers);
        self
    }

    /// The project's own agent files may be used.
    #[must_use]
    pub fn trusted(mut self, trusted: bool) -> Self {
        self.trusted = trusted;
        self
    }

    /// Fails when the settings are wrong or the provider is not to be had.
    pub fn build(self) -> Result<Orchestrator> {
        let _ = self.buffers.unwrap_or_else(|| Arc::new(NoBuffers));
        Err(crate::domain::Error::internal("the orchestrator is not joined up yet"))
    }
}
