//! Record and replay: every exchange as a readable file, keyed by what the model saw. Works on neutral requests and replies; a key never gets in.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::message::FailureClass;
use crate::domain::policy::Rates;
use crate::domain::{CallFailure, Error, ModelRequest, Reply, Result};
use crate::sys::Disk;

use super::failure::doomed;
use super::secret::Secret;
use super::{ModelInfo, Provider};

const SCHEMA: u32 = 1;
/// The file that says what was recorded; the others are exchanges.
const ABOUT: &str = "about.json";
/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024 * 1024;
/// Lines of a diff that are shown.
const MAX_DIFF: usize = 16;
/// Digits of the hash in a file's name.
const NAME_DIGITS: usize = 16;

/// One exchange as it stands in its file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Exchange {
    schema: u32,
    hash: String,
    /// The how-manieth time this very request was made, from 1.
    ordinal: u32,
    request: ModelRequest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply: Option<Reply>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<CallFailure>,
}

/// What was recorded: so that a replay looks like the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct About {
    schema: u32,
    provider: String,
    model: Option<String>,
    /// US dollars a million tokens: input and output, by model.
    rates: BTreeMap<String, (f64, f64)>,
    context: BTreeMap<String, u64>,
    runs_tools: Vec<String>,
    #[serde(default)]
    plans: bool,
}

/// How often each request was made.
#[derive(Debug, Default)]
struct Ordinals(Mutex<BTreeMap<String, u32>>);

impl Ordinals {
    fn next(&self, hash: &str) -> u32 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(hash.to_owned()).or_default();
        *count += 1;
        *count
    }
}

fn file_name(hash: &str, ordinal: u32) -> String {
    format!("{}-{ordinal}.json", hash.get(..NAME_DIGITS).unwrap_or(hash))
}

/// A provider that keeps what passes through it.
pub struct Recording {
    inner: Arc<dyn Provider>,
    folder: Arc<dyn Disk>,
    secrets: Vec<Secret>,
    ordinals: Ordinals,
    about: Mutex<About>,
}

impl Recording {
    /// Records into the folder `path` (absolute), which is created. `secrets` are taken out of what is written.
    pub fn open(inner: Arc<dyn Provider>, disk: &Arc<dyn Disk>, path: &Path, secrets: Vec<Secret>) -> Result<Recording> {
        let failed = |error: std::io::Error| Error::disk(format!("creating the folder of recordings {}", path.display()), &error);
        let folder = disk.create_and_open(path).map_err(failed)?;
        Ok(Recording { inner, folder, secrets, ordinals: Ordinals::default(), about: Mutex::default() })
    }

    fn keep(&self, request: &ModelRequest, outcome: &std::result::Result<Reply, CallFailure>) -> std::result::Result<(), CallFailure> {
        // What passes by itself is tried again by the caller; only what stands is kept.
        if matches!(outcome, Err(failure) if !matches!(failure.class, FailureClass::Doomed | FailureClass::Overflow | FailureClass::Parked))
        {
            return Ok(());
        }
        let hash = request.hash();
        let exchange = Exchange {
            schema: SCHEMA,
            ordinal: self.ordinals.next(&hash),
            request: request.clone(),
            reply: outcome.as_ref().ok().cloned(),
            failure: outcome.as_ref().err().cloned(),
            hash,
        };
        self.write(&file_name(&exchange.hash, exchange.ordinal), &exchange)?;
        self.write_about(request)
    }

    fn write_about(&self, request: &ModelRequest) -> std::result::Result<(), CallFailure> {
        let about = {
            let mut about = self.about.lock().unwrap_or_else(PoisonError::into_inner);
            let before = about.clone();
            about.schema = SCHEMA;
            about.provider = self.inner.name().to_owned();
            about.model = self.inner.default_model();
            about.plans = self.inner.plans();
            about.runs_tools = request.tools.iter().map(|tool| tool.name.clone()).filter(|name| self.inner.runs_tool(name)).collect();
            for model in request.model.iter().chain(&about.model.clone()) {
                if let Some(rates) = self.inner.rates(model) {
                    about.rates.insert(model.clone(), (rates.input, rates.output));
                }
                if let Some(tokens) = self.inner.context_tokens(model) {
                    about.context.insert(model.clone(), tokens);
                }
            }
            if *about == before { None } else { Some(about.clone()) }
        };
        about.map_or(Ok(()), |about| self.write(ABOUT, &about))
    }

    fn write(&self, name: &str, value: &impl Serialize) -> std::result::Result<(), CallFailure> {
        let failed = |error: &dyn std::fmt::Display| doomed(format!("the recording {name} cannot be written: {error}"));
        let mut text = serde_json::to_string_pretty(value).map_err(|error| failed(&error))?;
        for secret in &self.secrets {
            text = secret.redact(&text);
        }
        text.push('\n');
        self.folder.replace(name, text.as_bytes(), false).map_err(|error| failed(&error))
    }
}

#[async_trait]
impl Provider for Recording {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn default_model(&self) -> Option<String> {
        self.inner.default_model()
    }

    fn place(&self) -> Option<String> {
        self.inner.place()
    }

    fn plans(&self) -> bool {
        self.inner.plans()
    }

    async fn complete(&self, request: &ModelRequest) -> std::result::Result<Reply, CallFailure> {
        let outcome = self.inner.complete(request).await;
        // What was paid for is not given up for the sake of its recording.
        if let Err(problem) = self.keep(request, &outcome) {
            tracing::warn!("the exchange is not in the recording: {}", problem.message);
        }
        outcome
    }

    async fn models(&self) -> std::result::Result<Vec<ModelInfo>, CallFailure> {
        self.inner.models().await
    }

    fn rates(&self, model: &str) -> Option<Rates> {
        self.inner.rates(model)
    }

    fn context_tokens(&self, model: &str) -> Option<u64> {
        self.inner.context_tokens(model)
    }

    fn runs_tool(&self, name: &str) -> bool {
        self.inner.runs_tool(name)
    }
}

/// Answers from recordings, with neither key nor network.
pub struct Replay {
    folder: Arc<dyn Disk>,
    about: About,
    ordinals: Ordinals,
}

impl Replay {
    /// Replays the folder `path` (absolute).
    pub fn open(disk: &Arc<dyn Disk>, path: &Path) -> Result<Replay> {
        let wrong = |what: &str| Error::configuration(format!("{} {what}", path.display())).hint("make one with --record");
        let folder = disk.open(path).map_err(|error| wrong(&format!("cannot be opened: {error}")))?;
        let text = folder.read(ABOUT, MAX_FILE).map_err(|_| wrong("holds no recordings"))?;
        let about: About = serde_json::from_slice(&text).map_err(|error| wrong(&format!("holds no readable {ABOUT}: {error}")))?;
        if about.schema > SCHEMA {
            return Err(wrong("was recorded by a newer version"));
        }
        Ok(Replay { folder, about, ordinals: Ordinals::default() })
    }

    fn read(&self, name: &str) -> Option<Exchange> {
        serde_json::from_slice(&self.folder.read(name, MAX_FILE).ok()?).ok()
    }

    fn miss(&self, request: &ModelRequest, ordinal: u32) -> CallFailure {
        if ordinal > 1 {
            return doomed(format!("this request was recorded {} times and is made once more", ordinal - 1));
        }
        let names = self.folder.list("").unwrap_or_default().into_iter().map(|(name, _)| name);
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".json") && name != ABOUT).collect();
        names.sort();
        let nearest =
            names.iter().filter_map(|name| Some((name, self.read(name)?))).max_by_key(|(_, exchange)| likeness(&exchange.request, request));
        match nearest {
            Some((name, exchange)) => doomed(format!(
                "this request was not recorded; it differs from the nearest recording {name}:\n{}",
                diff(&exchange.request, request)
            )),
            None => doomed("this request was not recorded; there are no recordings"),
        }
    }
}

/// How much two requests have in common: the agent and step first, then the beginning of the conversation.
fn likeness(left: &ModelRequest, right: &ModelRequest) -> (bool, bool, usize) {
    let same = left.messages.iter().zip(&right.messages).take_while(|(left, right)| left == right).count();
    (left.brief.step == right.brief.step && left.brief.agent == right.brief.agent, left.system == right.system, same)
}

/// What a model would see, line by line.
fn seen(request: &ModelRequest) -> String {
    let seen = serde_json::json!({
        "model": request.model, "max_output_tokens": request.max_output_tokens, "schema": request.schema,
        "system": request.system.lines().collect::<Vec<_>>(), "tools": request.tools, "messages": request.messages,
    });
    serde_json::to_string_pretty(&seen).unwrap_or_default()
}

fn diff(recorded: &ModelRequest, asked: &ModelRequest) -> String {
    let (recorded, asked) = (seen(recorded), seen(asked));
    let diff = similar::TextDiff::from_lines(&recorded, &asked);
    let changed = diff.iter_all_changes().filter_map(|change| match change.tag() {
        similar::ChangeTag::Delete => Some(format!("- {}", line(change.value()))),
        similar::ChangeTag::Insert => Some(format!("+ {}", line(change.value()))),
        similar::ChangeTag::Equal => None,
    });
    let lines: Vec<String> = changed.collect();
    let more = if lines.len() > MAX_DIFF { format!("\n… {} more lines", lines.len() - MAX_DIFF) } else { String::new() };
    format!("{}{more}", lines.iter().take(MAX_DIFF).cloned().collect::<Vec<_>>().join("\n"))
}

fn line(text: &str) -> String {
    crate::domain::goal::shorten(text.trim(), 160)
}

#[async_trait]
impl Provider for Replay {
    /// The name of the provider that was recorded, so that a replayed run writes the same journal.
    fn name(&self) -> &'static str {
        ["anthropic", "openai", "offline"].into_iter().find(|name| *name == self.about.provider).unwrap_or("replay")
    }

    fn default_model(&self) -> Option<String> {
        self.about.model.clone()
    }

    fn plans(&self) -> bool {
        self.about.plans
    }

    async fn complete(&self, request: &ModelRequest) -> std::result::Result<Reply, CallFailure> {
        let hash = request.hash();
        let ordinal = self.ordinals.next(&hash);
        match self.read(&file_name(&hash, ordinal)) {
            Some(Exchange { reply: Some(reply), hash: recorded, .. }) if recorded == hash => Ok(reply),
            Some(Exchange { failure: Some(failure), hash: recorded, .. }) if recorded == hash => Err(failure),
            _ => Err(self.miss(request, ordinal)),
        }
    }

    fn rates(&self, model: &str) -> Option<Rates> {
        self.about.rates.get(model).map(|(input, output)| Rates { input: *input, output: *output })
    }

    fn context_tokens(&self, model: &str) -> Option<u64> {
        self.about.context.get(model).copied()
    }

    fn runs_tool(&self, name: &str) -> bool {
        self.about.runs_tools.iter().any(|tool| tool == name)
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
