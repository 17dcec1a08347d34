//! Which provider a run uses, from settings and environment. Only `auto` without a key and an address asks anything: whether an Ollama answers here.
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::config::Settings;
use crate::config::settings::ProviderChoice;
use crate::domain::{Error, Result};
use crate::sys::http::{self, Ask};
use crate::sys::{Clock, Environment, Http};

use super::anthropic::{self, Anthropic};
use super::endpoint::{Endpoint, Hands, KeyHeader};
use super::keys::{ANTHROPIC_VARIABLES, KeyCommand, KeySource, OPENAI_VARIABLES};
use super::offline::Offline;
use super::openai::{self, OpenAi};
use super::price::Prices;
use super::{Provider, Secret};

/// Where a local Ollama listens.
const OLLAMA: &str = "http://127.0.0.1:11434";
/// How long an Ollama may take to answer; it is on this machine.
const PROBE: Duration = Duration::from_millis(300);

/// What choosing and the chosen provider work with.
#[derive(Clone)]
pub struct Means {
    pub http: Arc<Http>,
    pub clock: Arc<dyn Clock>,
    /// Runs `model.api_key_command`, when a call needs the key.
    pub key_command: KeyCommand,
    /// Where to look for a local Ollama; none: where its own variable says, else at its usual port.
    pub ollama: Option<String>,
}

impl Means {
    /// The machine's own; `key_command` comes from whoever may start processes.
    pub fn new(clock: Arc<dyn Clock>, key_command: KeyCommand) -> Means {
        Means { http: Arc::default(), clock, key_command, ollama: None }
    }
}

/// What settings and environment decide. Pure: nothing is asked.
#[derive(Debug)]
pub enum Choice {
    Offline,
    Anthropic {
        base_url: String,
        key: KeySource,
    },
    /// `model` is none where the endpoint is to be asked.
    OpenAi {
        base_url: String,
        key: KeySource,
        model: Option<String>,
    },
    /// An Ollama on this machine if it answers, else offline.
    PerhapsOllama,
}

/// Decides what can be decided without asking anybody.
///
/// # Errors
/// Of kind `Configuration`: a provider outside this machine although that is forbidden, an address that cannot be read, a missing key or model.
pub fn decide(settings: &Settings, environment: &Environment, run: &KeyCommand) -> Result<Choice> {
    let choice = match settings.provider {
        ProviderChoice::Offline => Choice::Offline,
        ProviderChoice::Anthropic => anthropic(settings, environment, run)?,
        ProviderChoice::OpenAi => openai(settings, environment, run)?,
        ProviderChoice::Auto => automatic(settings, environment, run)?,
    };
    let address = match &choice {
        Choice::Anthropic { base_url, .. } | Choice::OpenAi { base_url, .. } => base_url,
        Choice::Offline | Choice::PerhapsOllama => return Ok(choice),
    };
    if http::host(address).is_none() || !(address.starts_with("http://") || address.starts_with("https://")) {
        return Err(Error::configuration("model.base_url is no address that can be read").hint("write it like http://127.0.0.1:8080/v1"));
    }
    if !settings.allow_external_apis && !http::is_loopback(address) {
        let what = format!("security.allow_external_apis is false, and {} is not on this machine", http::shown(address));
        return Err(Error::configuration(what).hint("use --provider offline, or a model.base_url on this machine"));
    }
    Ok(choice)
}

/// Decides, asks for an Ollama where that is left open (at most 300 ms), and makes the provider. Opens no other connection.
///
/// # Errors
/// As [`decide`].
pub async fn choose(settings: &Settings, environment: &Environment, means: &Means) -> Result<Arc<dyn Provider>> {
    match decide(settings, environment, &means.key_command)? {
        Choice::Offline => Ok(Arc::new(Offline)),
        Choice::Anthropic { base_url, key } => {
            let searches = settings.search_provider == "auto" && settings.allow_external_apis && !settings.sandbox_mode;
            let endpoint = Endpoint::new(&base_url, (key, KeyHeader::XApiKey), hands(settings, means));
            let tools = (searches, settings.allowed_hosts.clone());
            Ok(Arc::new(Anthropic::new(endpoint, prices(settings, &base_url), settings.model.clone(), tools)))
        }
        Choice::OpenAi { base_url, key, model } => Ok(open_ai(settings, means, (&base_url, key, model))),
        Choice::PerhapsOllama => {
            let address = means.ollama.clone().unwrap_or_else(|| ollama_at(environment));
            Ok(match ollama_model(means, &address).await {
                Some(first) => {
                    let model = settings.model.clone().unwrap_or(first);
                    open_ai(settings, means, (&format!("{address}/v1"), KeySource::None, Some(model)))
                }
                None => Arc::new(Offline),
            })
        }
    }
}

/// The keys in the environment, for taking them out of texts.
pub fn known_secrets(environment: &Environment) -> Vec<Secret> {
    ANTHROPIC_VARIABLES.iter().chain(&OPENAI_VARIABLES).filter_map(|name| environment.get(name)).filter_map(Secret::new).collect()
}

fn automatic(settings: &Settings, environment: &Environment, run: &KeyCommand) -> Result<Choice> {
    let has_key = ANTHROPIC_VARIABLES.iter().any(|name| environment.get(name).is_some());
    // An address that ends with `/v1` is one for OpenAI's protocol: a key for Anthropic has no business there.
    let is_openai = |url: &String| url.trim_end_matches('/').ends_with("/v1");
    match &settings.base_url {
        Some(url) if has_key && !is_openai(url) => anthropic(settings, environment, run),
        Some(_) => openai(settings, environment, run),
        None if has_key || settings.api_key_command.is_some() => {
            // Nobody asked for Anthropic by name, so what may not leave this machine looks for a model here.
            if settings.allow_external_apis { anthropic(settings, environment, run) } else { Ok(Choice::PerhapsOllama) }
        }
        None => Ok(Choice::PerhapsOllama),
    }
}

fn anthropic(settings: &Settings, environment: &Environment, run: &KeyCommand) -> Result<Choice> {
    let given = settings.base_url.as_deref().or_else(|| environment.get("ANTHROPIC_BASE_URL"));
    let base_url = given.unwrap_or(anthropic::DEFAULT_BASE_URL).trim().trim_end_matches('/').trim_end_matches("/v1").to_owned();
    let key = KeySource::find(settings, environment, &ANTHROPIC_VARIABLES, run);
    if key.is_none() && !http::is_loopback(&base_url) {
        return Err(
            Error::configuration("there is no key for Anthropic").hint("set CLAUDE_API_KEY or ANTHROPIC_API_KEY, or model.api_key_command")
        );
    }
    Ok(Choice::Anthropic { base_url, key })
}

fn openai(settings: &Settings, environment: &Environment, run: &KeyCommand) -> Result<Choice> {
    let given = settings.base_url.as_deref().or_else(|| environment.get("OPENAI_BASE_URL"));
    let base_url = given.unwrap_or(openai::DEFAULT_BASE_URL).trim().trim_end_matches('/').to_owned();
    let key = KeySource::find(settings, environment, &OPENAI_VARIABLES, run);
    let official = http::host(&base_url).as_deref() == Some("api.openai.com");
    if official && key.is_none() {
        return Err(Error::configuration("there is no key for OpenAI").hint("set OPENAI_API_KEY, or model.api_key_command"));
    }
    let model = settings.model.clone().or_else(|| official.then(|| openai::DEFAULT_MODEL.to_owned()));
    if model.is_none() && !http::is_loopback(&base_url) && http::host(&base_url).is_some() {
        let what = format!("model.name must say which model to use at {}", http::shown(&base_url));
        return Err(Error::configuration(what).hint("set model.name, or use --model"));
    }
    Ok(Choice::OpenAi { base_url, key, model })
}

fn open_ai(settings: &Settings, means: &Means, (base_url, key, model): (&str, KeySource, Option<String>)) -> Arc<dyn Provider> {
    let endpoint = Endpoint::new(base_url, (key, KeyHeader::Bearer), hands(settings, means));
    Arc::new(OpenAi::new(endpoint, prices(settings, base_url), model))
}

fn prices(settings: &Settings, base_url: &str) -> Prices {
    if http::is_loopback(base_url) { Prices::on_this_machine(&settings.prices) } else { Prices::new(&settings.prices) }
}

fn hands(settings: &Settings, means: &Means) -> Hands {
    Hands { http: Arc::clone(&means.http), clock: Arc::clone(&means.clock), idle: Duration::from_secs(settings.default_timeout.max(1)) }
}

/// Where this user's Ollama listens: `OLLAMA_HOST` as Ollama itself reads it (scheme and port may be left out; a server bound to all
/// addresses answers on the loopback too), else its usual port. Source: the FAQ in Ollama's documentation.
fn ollama_at(environment: &Environment) -> String {
    let Some(host) = environment.get("OLLAMA_HOST").map(str::trim).filter(|host| !host.is_empty()) else { return OLLAMA.into() };
    let (scheme, host) = host.split_once("://").unwrap_or(("http", host));
    let host = host.trim_end_matches('/').replace("0.0.0.0", "127.0.0.1");
    let host = if host.starts_with(':') { format!("127.0.0.1{host}") } else { host };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:11434") }
}

/// The first model of an Ollama that answers in time.
async fn ollama_model(means: &Means, address: &str) -> Option<String> {
    if !http::is_loopback(address) {
        return None;
    }
    let url = format!("{address}/api/tags");
    let ask = async {
        let answer = means.http.send(Ask { url: &url, ..Ask::default() }).await.ok()?;
        (answer.status() == 200).then_some(answer.text(super::failure::MAX_BODY * 16).await)
    };
    let body = tokio::time::timeout(PROBE, ask).await.ok()??;
    let tags: Value = serde_json::from_str(&body).ok()?;
    let names = tags.get("models")?.as_array()?.iter().filter_map(|model| model.get("name")?.as_str());
    names.into_iter().find(|name| !name.to_ascii_lowercase().contains("embed")).map(str::to_owned)
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
