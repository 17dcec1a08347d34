//! Which provider a run uses, from settings and environment. Opens no connection.
use std::sync::Arc;

use crate::config::Settings;
use crate::config::settings::ProviderChoice;
use crate::domain::{Error, Result};
use crate::sys::Environment;

use super::Provider;
use super::offline::Offline;

/// The configured provider; `auto` without a key and an endpoint is the offline one.
pub fn choose(settings: &Settings, environment: &Environment) -> Result<Arc<dyn Provider>> {
    let _ = environment;
    let missing = |name: &str| Error::not_available(&format!("provider `{name}`")).hint("use --provider offline");
    match settings.provider {
        ProviderChoice::Auto | ProviderChoice::Offline => Ok(Arc::new(Offline)),
        ProviderChoice::Anthropic => Err(missing("anthropic")),
        ProviderChoice::OpenAi => Err(missing("openai")),
    }
}
