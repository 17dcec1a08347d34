//! What reaches a live run from other processes of the same user: orders through a private mailbox, and saved edits of plan.md.
use serde::{Deserialize, Serialize};

use crate::domain::{Command, Decision, QuestionId, StepId, Via};
use crate::sys::mailbox::{Letter, Mailbox, mailbox_name};
use crate::sys::watch::Watch;
use crate::workspace::Workspace;

use super::run::CommandOutcome;
use super::shared::Shared;

/// An order as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(super) enum Wire {
    Answer { id: QuestionId, hash: Option<String>, decision: Decision },
    EditResult { step: StepId },
    RetryStep { step: StepId, note: Option<String> },
    SkipStep { step: StepId, note: Option<String> },
    Stop { reason: Option<String> },
    Pause { reason: Option<String> },
}

/// The outcome on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WireOutcome {
    pub done: bool,
    pub reason: Option<String>,
}

impl Wire {
    /// Edits of the plan travel as files, not as letters.
    pub fn from_command(command: Command) -> Option<Wire> {
        Some(match command {
            Command::Answer { id, hash, decision, .. } => Wire::Answer { id, hash, decision },
            Command::EditResult { step } => Wire::EditResult { step },
            Command::RetryStep { step, note } => Wire::RetryStep { step, note },
            Command::SkipStep { step, note } => Wire::SkipStep { step, note },
            Command::Stop { reason } => Wire::Stop { reason },
            Command::Pause { reason } => Wire::Pause { reason },
            Command::EditPlan { .. } => return None,
        })
    }

    fn into_command(self) -> Command {
        match self {
            Wire::Answer { id, hash, decision } => Command::Answer { id, hash, decision, via: Via::CommandLine },
            Wire::EditResult { step } => Command::EditResult { step },
            Wire::RetryStep { step, note } => Command::RetryStep { step, note },
            Wire::SkipStep { step, note } => Command::SkipStep { step, note },
            Wire::Stop { reason } => Command::Stop { reason },
            Wire::Pause { reason } => Command::Pause { reason },
        }
    }
}

/// An order with the way back to who sent it.
pub(super) struct Opened {
    pub command: Command,
    letter: Letter,
}

impl Opened {
    pub fn reply(self, outcome: &CommandOutcome) {
        self.letter.reply(wire_outcome(outcome.done, outcome.reason.clone()));
    }
}

fn wire_outcome(done: bool, reason: Option<String>) -> String {
    serde_json::to_string(&WireOutcome { done, reason }).unwrap_or_default()
}

/// What came in.
pub(super) enum Heard {
    Order(Opened),
    PlanChanged,
}

/// The two ways in. Either may be missing (no runtime folder, no watcher): the run goes on without.
pub(super) struct Letters {
    mailbox: Option<Mailbox>,
    watch: Option<Watch>,
    watch_tried: bool,
}

impl Letters {
    pub fn open(shared: &Shared, workspace: &Workspace) -> Self {
        let mailbox = Mailbox::open(&shared.environment.runtime_folder(), &mailbox_name(workspace.path()));
        if let Err(error) = &mailbox {
            tracing::debug!(%error, "no mailbox: approvals from other processes wait until the run lets go");
        }
        Letters { mailbox: mailbox.ok(), watch: None, watch_tried: false }
    }

    /// Whether the plan's file was put under watch, or could not be.
    pub fn watch_tried(&self) -> bool {
        self.watch_tried
    }

    /// From now on hears of saved edits of the plan. One that was saved before has to be looked for.
    pub fn watch_plan(&mut self, shared: &Shared, workspace: &Workspace) {
        self.watch_tried = true;
        self.watch = shared.watches.watch(workspace.path(), &["plan.md"]).ok();
    }

    /// The next thing that comes in; pends for ever where neither way is open. Safe to drop while waiting.
    pub async fn next(&mut self) -> Heard {
        loop {
            tokio::select! {
                letter = receive(&mut self.mailbox) => match letter {
                    None => self.mailbox = None,
                    Some(letter) => match serde_json::from_str::<Wire>(&letter.text) {
                        Ok(wire) => return Heard::Order(Opened { command: wire.into_command(), letter }),
                        Err(error) => letter.reply(wire_outcome(false, Some(format!("not understood: {error}")))),
                    },
                },
                changed = changed(&mut self.watch) => match changed {
                    None => self.watch = None,
                    Some(_) => return Heard::PlanChanged,
                },
            }
        }
    }
}

async fn receive(mailbox: &mut Option<Mailbox>) -> Option<Letter> {
    match mailbox {
        Some(mailbox) => mailbox.receive().await,
        None => std::future::pending().await,
    }
}

async fn changed(watch: &mut Option<Watch>) -> Option<String> {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
