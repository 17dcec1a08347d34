//! How an orchestrator comes to be for the folder a document lies in: built when first needed, never before. The one place that joins settings and engine.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Duration, Instant};

use crate::config::settings::{InlineStatus, OpenArtifacts, PromptStyle, ProviderChoice};
use crate::config::{self, Layers, Settings, TrustedValues};
use crate::domain::plan::PlanRules;
use crate::domain::view::RunSummary;
use crate::domain::{Error, Result};
use crate::orchestrator::{Builder, Orchestrator, WhenBlocked};
use crate::sys::{Disk, Environment};

use super::documents::OpenTexts;
use super::main_loop::{Done, Inputs};

/// How long an endpoint's list of models is believed, and how long one that gave none is left alone.
const MODELS_KEPT: Duration = Duration::from_secs(600);
const MODELS_MISSED: Duration = Duration::from_secs(30);

/// The machine as the server sees it.
#[derive(Clone)]
pub struct Machine {
    pub environment: Environment,
    /// The machine's disk, by its root folder.
    pub disk: Arc<dyn Disk>,
    /// `(key, value)`: what the command line says about settings; it wins.
    pub command_line: Vec<(String, Value)>,
    /// `--config`.
    pub config_file: Option<PathBuf>,
}

impl Machine {
    /// Without overrides.
    pub fn new(environment: Environment, disk: Arc<dyn Disk>) -> Self {
        Machine { environment, disk, command_line: Vec::new(), config_file: None }
    }
}

/// The settings that only the editor's side needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferences {
    pub markers: Vec<String>,
    pub inline_status: InlineStatus,
    pub open_artifacts: OpenArtifacts,
    pub prompt: PromptStyle,
    /// Where custom agents lie, relative to the project.
    pub agent_directory: String,
}

impl From<&Settings> for Preferences {
    fn from(settings: &Settings) -> Self {
        Preferences {
            markers: settings.goal_markers.clone(),
            inline_status: settings.inline_status,
            open_artifacts: settings.open_artifacts,
            prompt: settings.prompt,
            agent_directory: settings.agent_directory.clone(),
        }
    }
}

/// Everything that engines are built from.
pub struct Setup {
    pub machine: Machine,
    texts: Arc<OpenTexts>,
    inputs: Inputs,
    /// The workspace folders, in the client's order.
    pub folders: Vec<PathBuf>,
    /// The editor vouches for the project's own files as they are now.
    pub trusted: bool,
    /// The editor's settings: what stands below `aiOrchestrator`.
    editor_settings: Value,
    /// What the editor's word made trusted when each project was read first in this session; a value that changed since is asked about again.
    pub session: BTreeMap<PathBuf, TrustedValues>,
    engines: BTreeMap<PathBuf, Engine>,
}

/// An orchestrator that is built when first asked for.
#[derive(Clone)]
pub struct Engine(Arc<Recipe>);

struct Recipe {
    layers: Layers,
    texts: Arc<OpenTexts>,
    inputs: Inputs,
    cell: OnceCell<Orchestrator>,
    /// The names of models that the endpoint offers, and until when that is believed.
    models: Mutex<Option<(Instant, Vec<String>)>>,
}

impl Setup {
    pub fn new(machine: Machine, texts: Arc<OpenTexts>, inputs: Inputs) -> Self {
        Setup {
            machine,
            texts,
            inputs,
            folders: Vec::new(),
            trusted: false,
            editor_settings: Value::Null,
            session: BTreeMap::new(),
            engines: BTreeMap::new(),
        }
    }

    /// Takes the editor's settings; engines built from older ones serve on for the runs they have.
    pub fn configure(&mut self, settings: Value) {
        let settings = match settings.get("aiOrchestrator") {
            Some(inner) => inner.clone(),
            None => settings,
        };
        if settings != self.editor_settings {
            self.editor_settings = settings;
            self.engines.clear();
        }
    }

    /// Files that settings come from were changed: engines are built anew for what starts from now on.
    pub fn renew(&mut self) {
        self.engines.clear();
    }

    /// Everything that says something about the settings of a project.
    pub fn layers(&self, project: &Path) -> Layers {
        let machine = &self.machine;
        Layers {
            config_file: machine.config_file.clone(),
            editor: Some(self.editor_settings.clone()).filter(Value::is_object),
            command_line: machine.command_line.clone(),
            editor_trusted: self.trusted && !self.session.contains_key(project),
            session: self.session.get(project).cloned().unwrap_or_default(),
            ..Layers::new(machine.environment.clone(), machine.disk.clone(), project.to_owned())
        }
    }

    /// The project a document belongs to: its workspace folder, else the nearest folder upwards that looks like a project, else its own folder.
    pub fn project_of(&self, document: Option<&Path>) -> PathBuf {
        let Some(document) = document else {
            return self.folders.first().cloned().unwrap_or_else(|| self.machine.environment.current_dir().to_owned());
        };
        if let Some(folder) =
            self.folders.iter().filter(|folder| document.starts_with(folder)).max_by_key(|folder| folder.as_os_str().len())
        {
            return folder.clone();
        }
        let own = document.parent().unwrap_or(document);
        config::find_project(&*self.machine.disk, own)
    }

    /// Whether a file can go to agents unasked because a goal stands in it: it lies in a project, and is nothing hidden.
    pub fn is_of_project(&self, file: &Path) -> bool {
        let project = self.project_of(Some(file));
        let inside = file.strip_prefix(&project).ok();
        inside.is_some_and(|inside| !inside.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.')))
    }

    /// The engine for a project. Costs nothing until it is used.
    pub fn engine(&mut self, project: &Path) -> Engine {
        if let Some(engine) = self.engines.get(project) {
            return engine.clone();
        }
        let (layers, texts, inputs) = (self.layers(project), self.texts.clone(), self.inputs.clone());
        let engine = Engine(Arc::new(Recipe { layers, texts, inputs, cell: OnceCell::new(), models: Mutex::default() }));
        self.engines.insert(project.to_owned(), engine.clone());
        engine
    }
}

impl Engine {
    /// The orchestrator, built at the first call; its news flow into the loop from then on.
    pub async fn get(&self) -> Result<Orchestrator> {
        let recipe = self.0.clone();
        self.0.cell.get_or_try_init(|| recipe.build()).await.cloned()
    }

    /// The names of the models that the endpoint offers; asked for at most once in a while. Those who ask together wait together.
    pub async fn model_names(&self) -> Vec<String> {
        let mut kept = self.0.models.lock().await;
        if let Some((_, names)) = kept.as_ref().filter(|(until, _)| Instant::now() < *until) {
            return names.clone();
        }
        let names = match self.get().await {
            Ok(orchestrator) => orchestrator.model_names().await,
            Err(_) => Vec::new(),
        };
        *kept = Some((Instant::now() + if names.is_empty() { MODELS_MISSED } else { MODELS_KEPT }, names.clone()));
        names
    }

    /// The workspaces on disk, without an engine for goals: nothing is asked of any provider. Ended ones that are old enough are cleaned away first
    /// where the settings say so.
    pub async fn found(&self, limit: usize) -> Result<Vec<RunSummary>> {
        let recipe = self.0.clone();
        let built = tokio::task::spawn_blocking(move || {
            let loaded = config::load(&recipe.layers);
            let settings = Settings { provider: ProviderChoice::Offline, ..loaded.settings };
            recipe.builder(settings, loaded.trusted).build()
        });
        let lister = built.await.map_err(|_| Error::internal("building the engine panicked"))??;
        if lister.settings().auto_cleanup {
            lister.cleanup(lister.settings().max_workspace_age_days, false).await?;
        }
        lister.list(limit).await
    }

    /// The orchestrator, or where it cannot be built one that asks no model: for lists, answers and reports.
    pub async fn reader(&self) -> Result<Orchestrator> {
        if let Ok(orchestrator) = self.get().await {
            return Ok(orchestrator);
        }
        let recipe = self.0.clone();
        let built = tokio::task::spawn_blocking(move || {
            let loaded = config::load(&recipe.layers);
            let settings = Settings { provider: ProviderChoice::Offline, ..loaded.settings };
            recipe.builder(settings, loaded.trusted).build()
        });
        built.await.map_err(|_| Error::internal("building the engine panicked"))?
    }
}

impl Recipe {
    async fn build(self: Arc<Self>) -> Result<Orchestrator> {
        let inputs = self.inputs.clone();
        let built = tokio::task::spawn_blocking(move || self.assemble()).await;
        let orchestrator = match built.map_err(|_| Error::internal("building the engine panicked")).and_then(|built| built) {
            Ok(orchestrator) => orchestrator,
            Err(error) => {
                inputs.done(Done::NoEngine(error.what.clone()));
                return Err(error);
            }
        };
        let settings = orchestrator.settings();
        let rules = PlanRules {
            agents: orchestrator.agents().into_iter().map(|agent| agent.name).collect(),
            allowed_extensions: settings.allowed_file_extensions.clone(),
            max_steps: settings.max_steps,
        };
        inputs.done(Done::Rules(rules, orchestrator.provider_name().to_owned()));
        let mut news = orchestrator.subscribe();
        tokio::spawn(async move {
            while let Some(update) = news.recv().await {
                inputs.engine(update);
            }
        });
        Ok(orchestrator)
    }

    /// Settings from all layers, then the engine: files are read here, so this runs on a blocking thread.
    fn assemble(&self) -> Result<Orchestrator> {
        let loaded = config::load(&self.layers);
        match loaded.errors().into_iter().next() {
            Some(error) => Err(error),
            None => self.builder(loaded.settings, loaded.trusted).build(),
        }
    }

    fn builder(&self, settings: Settings, trusted: TrustedValues) -> Builder {
        Orchestrator::builder()
            .settings(settings)
            .trusted(trusted)
            .environment(self.layers.environment.clone())
            .disk(self.layers.disk.clone())
            .buffers(self.texts.clone())
            .when_blocked(WhenBlocked::Wait)
    }
}
