//! How an orchestrator is made: its settings and the hands it is given.
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::config::{Layers, Memory, Settings, TrustedValues};
use crate::domain::policy::Guide;
use crate::domain::{Buffers, Error, NoBuffers, Result};
use crate::llm::Provider;
use crate::sys::http_guarded::system_lookup;
use crate::sys::watch::Watches;
use crate::sys::{Clock, Disk, Environment, GuardedHttp, RealDisk, SystemClock};
use crate::tools::{Held, Tool};

use super::feed::Feed;
use super::handle::Orchestrator;
use super::models::{Models, Tapes};
use super::shared::{Shared, WhenBlocked};
use super::team::Team;

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
    pub(super) trusted: TrustedValues,
    pub(super) tapes: Tapes,
    pub(super) skip_sync: bool,
}

impl Orchestrator {
    pub fn builder() -> Builder {
        Builder::default()
    }
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

    /// Keeps every exchange with the model, or runs again from what was kept.
    #[must_use]
    pub fn tapes(mut self, tapes: Tapes) -> Self {
        self.tapes = tapes;
        self
    }

    /// False leaves out all waiting for the disk (default: true). For measuring only: a power cut then costs paid answers and artifacts.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.skip_sync = !durable;
        self
    }

    /// What of the project's own files is trusted (`config::Loaded::trusted`); goes with [`Builder::settings`].
    #[must_use]
    pub fn trusted(mut self, trusted: TrustedValues) -> Self {
        self.trusted = trusted;
        self
    }

    /// Fails when the settings are wrong or the provider is not to be had.
    pub fn build(self) -> Result<Orchestrator> {
        let environment = self.environment.unwrap_or_else(Environment::of_process);
        let disk = match self.disk {
            Some(disk) => disk,
            None => RealDisk::root().map_err(|error| Error::disk("opening the disk", &error))?,
        };
        let (mut settings, trusted) = match self.settings {
            Some(settings) => (settings, self.trusted),
            None => loaded_settings(&environment, &disk)?,
        };
        if let Some(base_dir) = self.base_dir {
            settings.base_dir = environment.absolute(&base_dir);
        }
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let models = Models::new(Arc::clone(&clock), self.provider, self.tapes);
        models.check(&settings, &environment)?;
        let memory = Memory::open(Arc::clone(&disk), &environment);
        let mut tools = crate::tools::built_in();
        tools.extend(self.tools);
        let tools: Vec<Held> = tools.into_iter().map(Held::from).collect();
        let mut known: Vec<String> = tools.iter().map(|held| held.spec.name.clone()).collect();
        known.extend(super::reach::WEB_TOOLS.map(str::to_owned));
        let web = Arc::new(GuardedHttp::new(system_lookup(), settings.allowed_hosts.clone()));
        let guide = crate::config::guide::read(&*disk, &settings.project)
            .filter(|(name, text)| trusted.covers(&crate::config::guide::key(name), &text.as_str().into()))
            .map(|(name, text)| Guide { name: name.to_owned(), text });
        let team = Team::load(&disk, (&settings, &environment), &trusted, &known);
        Ok(Orchestrator(Arc::new(Shared {
            interactive: self.interactive.unwrap_or(true),
            when_blocked: self.when_blocked,
            durable: !self.skip_sync,
            buffers: self.buffers.unwrap_or_else(|| Arc::new(NoBuffers)),
            feed: Feed::default(),
            runs: Mutex::default(),
            watches: Watches::default(),
            settings,
            environment,
            clock,
            disk,
            models,
            tools,
            web,
            memory,
            team,
            guide,
        })))
    }
}

fn loaded_settings(environment: &Environment, disk: &Arc<dyn Disk>) -> Result<(Settings, TrustedValues)> {
    let project = crate::config::project::find_project(disk.as_ref(), environment.current_dir());
    let loaded = crate::config::load(&Layers::new(environment.clone(), Arc::clone(disk), project));
    match loaded.errors().into_iter().next() {
        Some(error) => Err(error),
        None => Ok((loaded.settings, loaded.trusted)),
    }
}
