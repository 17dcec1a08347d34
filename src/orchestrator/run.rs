//! A run that lives in this process, as seen from outside: its state, orders to it, its end.
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::view::RunResult;
use crate::domain::{Command, Error, Result, RunState};

/// What came of a command to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    /// Whether it took effect.
    pub done: bool,
    /// Why not: `already decided`, `changed since you read it`, a plan's problems.
    pub reason: Option<String>,
}

impl CommandOutcome {
    pub(super) fn from_result(result: std::result::Result<(), String>) -> Self {
        CommandOutcome { done: result.is_ok(), reason: result.err() }
    }
}

/// An order on its way to the driver, with the place for its outcome.
pub(super) struct Order {
    pub command: Command,
    pub outcome: oneshot::Sender<CommandOutcome>,
}

/// How a run left its process: let go, or ended by an error of ours.
pub(super) type Ended = Option<Option<Error>>;

/// A run that lives in this process.
#[derive(Clone)]
pub struct RunHandle {
    pub run_id: String,
    /// The workspace folder, absolute.
    pub workspace: Arc<PathBuf>,
    /// The provider at work: `anthropic`, `openai`, `offline`, or the name of your own.
    pub provider: Arc<str>,
    pub(super) state: watch::Receiver<Arc<RunState>>,
    pub(super) ended: watch::Receiver<Ended>,
    pub(super) orders: mpsc::UnboundedSender<Order>,
}

impl RunHandle {
    /// The state as of now.
    pub fn state(&self) -> Arc<RunState> {
        self.state.borrow().clone()
    }

    /// Gives an order to the run and waits until it took effect or was refused.
    pub async fn command(&self, command: Command) -> Result<CommandOutcome> {
        let (outcome, answer) = oneshot::channel();
        let gone = || Error::usage("the run no longer lives in this process").hint("resume its workspace first");
        self.orders.send(Order { command, outcome }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    /// Whether the process has let go of the run.
    pub fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Waits until the process lets go of the run: an end, a pause, or blocked on a person with [`super::WhenBlocked::LetGo`].
    pub async fn finished(&self) -> Result<RunResult> {
        let mut ended = self.ended.clone();
        let how = ended.wait_for(Option::is_some).await.map(|how| how.clone());
        match how {
            Ok(Some(None)) => Ok(RunResult::of(&self.state(), &self.workspace)),
            Ok(Some(Some(error))) => Err(error),
            _ => Err(Error::internal("the run's task ended without a word")),
        }
    }
}
