//! What all clones of an orchestrator share: its settings, hands and live runs. Does nothing itself.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{Memory, Settings};
use crate::domain::policy::Guide;
use crate::domain::{Buffers, Error, Result};
use crate::sys::watch::Watches;
use crate::sys::{Clock, Disk, Environment, GuardedHttp};
use crate::tools::Held;

use super::feed::Feed;
use super::models::Models;
use super::run::RunHandle;
use super::team::Team;

/// What a run does when it can go no further without a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenBlocked {
    /// Stays alive and waits for the answer.
    #[default]
    Wait,
    /// Lets go of the workspace with status `waiting_approval`; a resume goes on.
    LetGo,
}

/// What all clones of an orchestrator share.
pub(super) struct Shared {
    pub settings: Settings,
    pub environment: Environment,
    pub clock: Arc<dyn Clock>,
    pub disk: Arc<dyn Disk>,
    pub models: Models,
    /// Those of every run; see `reach` for the others.
    pub tools: Vec<Held>,
    /// For addresses that a model chose.
    pub web: Arc<GuardedHttp>,
    pub buffers: Arc<dyn Buffers>,
    pub memory: Memory,
    pub team: Team,
    /// The project's instructions for agents, where they are trusted.
    pub guide: Option<Guide>,
    pub interactive: bool,
    pub when_blocked: WhenBlocked,
    /// Whether paid events and artifacts wait for the disk.
    pub durable: bool,
    pub feed: Feed,
    pub watches: Watches,
    /// The runs that live here, by run id.
    pub runs: Mutex<BTreeMap<String, RunHandle>>,
}

impl Shared {
    /// The runs that live in this process.
    pub fn live_runs(&self) -> Vec<RunHandle> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// Runs work that blocks off the async threads.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Error::internal("a background task broke off")))
}
