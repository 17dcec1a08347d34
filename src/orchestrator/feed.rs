//! What happened, published to whoever listens: faces render it, tests wait for it.
use std::path::PathBuf;
use std::sync::Arc;

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
