//! What happened, published to whoever listens: faces render it, tests wait for it.
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::domain::{Record, RunState};

/// One event of one run, with the state after it.
#[derive(Debug, Clone)]
pub struct Update {
    pub run_id: String,
    pub workspace: Arc<PathBuf>,
    pub record: Arc<Record>,
    pub state: Arc<RunState>,
}

/// Every update of every live run, from the moment of subscribing, in order.
pub type Subscription = mpsc::UnboundedReceiver<Update>;

/// The publisher: every subscriber has a queue of its own, so that a slow one delays nobody and misses nothing.
#[derive(Debug, Default)]
pub struct Feed {
    subscribers: Mutex<Vec<mpsc::UnboundedSender<Update>>>,
}

impl Feed {
    pub fn subscribe(&self) -> Subscription {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Whether anybody listens: states are rendered for nobody else.
    pub fn has_listeners(&self) -> bool {
        !self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub fn publish(&self, update: &Update) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| subscriber.send(update.clone()).is_ok());
    }
}
