//! Where a provider's key comes from: the environment, or a command that prints it, run when the first call needs it. Stores nothing.
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::config::Settings;
use crate::domain::{CallFailure, FailureClass, Result};
use crate::sys::Environment;

use super::secret::Secret;

/// Runs a command and returns what it printed; its hands are `sys::process`.
pub type KeyCommand = Arc<dyn Fn(String) -> BoxFuture<'static, Result<String>> + Send + Sync>;

/// The variables that may hold a key for Anthropic, the first that is set wins.
pub const ANTHROPIC_VARIABLES: [&str; 2] = ["CLAUDE_API_KEY", "ANTHROPIC_API_KEY"];
/// The variable that may hold a key for an OpenAI-compatible endpoint.
pub const OPENAI_VARIABLES: [&str; 1] = ["OPENAI_API_KEY"];

/// A key, or the way to it.
#[derive(Clone, Default)]
pub enum KeySource {
    #[default]
    None,
    Given(Secret),
    Command(Arc<FromCommand>),
}

/// A command and, once it ran, its answer.
pub struct FromCommand {
    command: String,
    run: KeyCommand,
    found: OnceCell<Secret>,
}

impl KeySource {
    /// The key in one of `variables`, else the configured command.
    pub fn find(settings: &Settings, environment: &Environment, variables: &[&str], run: &KeyCommand) -> KeySource {
        if let Some(secret) = variables.iter().find_map(|name| environment.get(name)).and_then(Secret::new) {
            return KeySource::Given(secret);
        }
        match &settings.api_key_command {
            Some(command) => {
                KeySource::Command(Arc::new(FromCommand { command: command.clone(), run: Arc::clone(run), found: OnceCell::new() }))
            }
            None => KeySource::None,
        }
    }

    pub fn is_none(&self) -> bool {
        matches!(self, KeySource::None)
    }

    /// The key, if there is one; the first call runs the command. A command that fails parks the run: nothing would get better by itself.
    pub async fn get(&self) -> std::result::Result<Option<Secret>, CallFailure> {
        match self {
            KeySource::None => Ok(None),
            KeySource::Given(secret) => Ok(Some(secret.clone())),
            KeySource::Command(source) => source.found.get_or_try_init(|| source.ask()).await.cloned().map(Some),
        }
    }
}

impl FromCommand {
    async fn ask(&self) -> std::result::Result<Secret, CallFailure> {
        let parked = |message: String| CallFailure::new(FailureClass::Parked, message);
        // What the command printed stays out of the message: it may be half a key.
        let printed =
            (self.run)(self.command.clone()).await.map_err(|error| parked(format!("model.api_key_command failed: {}", error.what)))?;
        Secret::new(&printed).ok_or_else(|| parked("model.api_key_command printed no key".into()))
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeySource::None => "no key",
            KeySource::Given(_) => "a key",
            KeySource::Command(_) => "a key from a command",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::domain::Error;

    fn settings(command: Option<&str>) -> Settings {
        Settings { api_key_command: command.map(str::to_owned), ..Settings::defaults("/p") }
    }

    fn prints(text: Result<&'static str>, times: &Arc<AtomicU32>) -> KeyCommand {
        let times = Arc::clone(times);
        Arc::new(move |_| {
            times.fetch_add(1, Ordering::Relaxed);
            let text = text.clone();
            Box::pin(async move { text.map(str::to_owned) })
        })
    }

    #[tokio::test]
    async fn the_environment_goes_before_the_command() {
        let times = Arc::default();
        let run = prints(Ok("sk-from-command\n"), &times);
        let environment = Environment::new([("ANTHROPIC_API_KEY".to_owned(), "sk-env".to_owned())], "/");
        let source = KeySource::find(&settings(Some("pass show key")), &environment, &ANTHROPIC_VARIABLES, &run);
        assert_eq!(source.get().await.unwrap().unwrap().expose(), "sk-env");
        assert_eq!(times.load(Ordering::Relaxed), 0);
        assert_eq!(format!("{source:?}"), "a key");
    }

    #[tokio::test]
    async fn the_command_runs_once_and_not_before_it_is_needed() {
        let times = Arc::default();
        let run = prints(Ok("sk-from-command\n"), &times);
        let source = KeySource::find(&settings(Some("pass show key")), &Environment::default(), &ANTHROPIC_VARIABLES, &run);
        assert_eq!(times.load(Ordering::Relaxed), 0);
        for _ in 0..3 {
            assert_eq!(source.get().await.unwrap().unwrap().expose(), "sk-from-command");
        }
        assert_eq!(times.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_command_without_a_key_parks_the_run() {
        let times = Arc::default();
        for run in [prints(Ok(" \n"), &times), prints(Err(Error::configuration("not found")), &times)] {
            let source = KeySource::find(&settings(Some("x")), &Environment::default(), &OPENAI_VARIABLES, &run);
            assert_eq!(source.get().await.unwrap_err().class, FailureClass::Parked);
        }
    }
}
