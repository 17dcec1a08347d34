//! Which provider works for a run: given, configured, recorded or replayed. Made on first use and shared by all runs, so that they share its limits.
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::config::Settings;
use crate::config::settings::ProviderChoice;
use crate::domain::Result;
use crate::llm::Provider;
use crate::llm::replay::{Recording, Replay};
use crate::llm::route::{self, Choice, Means};
use crate::sys::{Clock, Disk, Environment, process};

/// How long a command that prints a key may take.
const KEY_COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Where the exchanges with the model are kept or come from. Absolute folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tapes {
    pub record: Option<PathBuf>,
    pub replay: Option<PathBuf>,
}

type Slot = OnceCell<Arc<dyn Provider>>;

/// The providers of one orchestrator.
pub(super) struct Models {
    means: Means,
    tapes: Tapes,
    given: Option<Arc<dyn Provider>>,
    configured: Slot,
    anthropic: Slot,
    openai: Slot,
    offline: Slot,
    auto: Slot,
}

impl Models {
    pub fn new(clock: Arc<dyn Clock>, given: Option<Arc<dyn Provider>>, tapes: Tapes) -> Self {
        let key_command = Arc::new(|command: String| -> futures::future::BoxFuture<'static, Result<String>> {
            Box::pin(async move { process::run_for_output(&command, KEY_COMMAND_LIMIT).await })
        });
        Models {
            means: Means::new(clock, key_command),
            tapes,
            given,
            configured: Slot::new(),
            anthropic: Slot::new(),
            openai: Slot::new(),
            offline: Slot::new(),
            auto: Slot::new(),
        }
    }

    /// What is wrong with the configured provider, as far as that shows without asking anybody.
    pub fn check(&self, settings: &Settings, environment: &Environment) -> Result<()> {
        if self.given.is_some() || self.tapes.replay.is_some() {
            return Ok(());
        }
        route::decide(settings, environment, &self.means.key_command).map(|_| ())
    }

    /// The provider, made when it is first asked for. `choice` goes before the configured one.
    pub async fn provider(
        &self,
        (settings, environment, disk): (&Settings, &Environment, &Arc<dyn Disk>),
        choice: Option<ProviderChoice>,
    ) -> Result<Arc<dyn Provider>> {
        let choice = choice.filter(|choice| *choice != settings.provider);
        if let (Some(given), None) = (&self.given, choice) {
            return Ok(Arc::clone(given));
        }
        let slot = match choice {
            None => &self.configured,
            Some(ProviderChoice::Auto) => &self.auto,
            Some(ProviderChoice::Anthropic) => &self.anthropic,
            Some(ProviderChoice::OpenAi) => &self.openai,
            Some(ProviderChoice::Offline) => &self.offline,
        };
        let settings = Settings { provider: choice.unwrap_or(settings.provider), ..settings.clone() };
        slot.get_or_try_init(|| self.make(&settings, environment, disk)).await.cloned()
    }

    async fn make(&self, settings: &Settings, environment: &Environment, disk: &Arc<dyn Disk>) -> Result<Arc<dyn Provider>> {
        if let Some(folder) = &self.tapes.replay {
            return Ok(Arc::new(Replay::open(disk, folder)?));
        }
        let provider = route::choose(settings, environment, &self.means).await?;
        match &self.tapes.record {
            Some(folder) => Ok(Arc::new(Recording::open(provider, disk, folder, route::known_secrets(environment))?)),
            None => Ok(provider),
        }
    }

    /// The name of the configured provider, or of the one it will be if nothing is known yet about a local Ollama.
    pub fn name(&self, settings: &Settings, environment: &Environment) -> &'static str {
        if let Some(provider) = self.given.as_ref().or_else(|| self.configured.get()) {
            return provider.name();
        }
        match route::decide(settings, environment, &self.means.key_command) {
            Ok(Choice::Anthropic { .. }) => "anthropic",
            Ok(Choice::OpenAi { .. }) => "openai",
            Ok(Choice::Offline | Choice::PerhapsOllama) | Err(_) => "offline",
        }
    }
}
