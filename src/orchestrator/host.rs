//! What faces that serve other programs stand on: the machine, and an orchestrator that is built when first needed, so that listing works where running
//! does not. Knows no wire.
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::config::settings::ProviderChoice;
use crate::config::{self, Layers};
use crate::domain::{Command, Result};
use crate::sys::{Disk, Environment};

use super::handle::Orchestrator;
use super::run::RunHandle;

/// The machine, the command line's settings, and the engines that are in use.
pub struct Host {
    environment: Environment,
    disk: Arc<dyn Disk>,
    command_line: Vec<(String, Value)>,
    config_file: Option<PathBuf>,
    engine: OnceCell<Orchestrator>,
    reader: OnceCell<Orchestrator>,
}

impl Host {
    /// `command_line` and `config_file` are the program's options.
    pub fn new(environment: Environment, disk: Arc<dyn Disk>, command_line: Vec<(String, Value)>, config_file: Option<PathBuf>) -> Self {
        Host { environment, disk, command_line, config_file, engine: OnceCell::new(), reader: OnceCell::new() }
    }

    /// What runs goals; fails where the configuration is wrong or the provider is not to be had.
    pub async fn engine(&self) -> Result<&Orchestrator> {
        self.engine.get_or_try_init(|| async { self.build(None) }).await
    }

    /// What looks at workspaces: the engine if there is one, else one that asks no model.
    pub async fn reader(&self) -> Result<&Orchestrator> {
        match self.engine.get() {
            Some(engine) => Ok(engine),
            None => self.reader.get_or_try_init(|| async { self.build(Some(ProviderChoice::Offline)) }).await,
        }
    }

    /// Lets go of what runs here, resumably: the client has left.
    pub async fn pause_runs(&self) {
        let runs = self.engine.get().map(Orchestrator::runs).unwrap_or_default();
        let pause = |run: RunHandle| async move {
            let paused = run.command(Command::Pause { reason: Some("the client left".into()) }).await;
            if paused.is_ok() {
                let _ = run.finished().await;
            }
        };
        futures::future::join_all(runs.into_iter().map(pause)).await;
    }

    fn build(&self, provider: Option<ProviderChoice>) -> Result<Orchestrator> {
        let project = config::find_project(self.disk.as_ref(), self.environment.current_dir());
        let layers = Layers::new(self.environment.clone(), Arc::clone(&self.disk), project);
        let loaded = config::load(&Layers { config_file: self.config_file.clone(), command_line: self.command_line.clone(), ..layers });
        if let (Some(error), None) = (loaded.errors().into_iter().next(), provider) {
            return Err(error);
        }
        let mut settings = loaded.settings;
        settings.provider = provider.unwrap_or(settings.provider);
        let builder = Orchestrator::builder().settings(settings).trusted(loaded.trusted);
        builder.environment(self.environment.clone()).disk(Arc::clone(&self.disk)).build()
    }
}
