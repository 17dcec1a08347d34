//! Prompts: a pointer to an open question, one at a time, never in the way of someone who types. What is not clearly an answer decides nothing.
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::config::settings::PromptStyle;
use crate::domain::question::Scope;
use crate::domain::view::PendingApproval;
use crate::domain::{QuestionId, Via};

use super::client::Feature;
use super::command_runs::Verdict;
use super::editor::Answer;
use super::main_loop::Done;
use super::runs::Run;
use super::state::State;
use super::words;

/// A prompt is withdrawn after this long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nobody reads and decides faster than this; a faster answer of a client that takes the keys of someone typing is none.
const READING: Duration = Duration::from_millis(700);
/// In this order: the first is what a stray key presses, and must do no harm.
const BUTTONS: [&str; 3] = ["Review", "Approve", "Reject"];

/// A question as it was shown: with another hash it is another question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PromptKey {
    pub run_id: String,
    pub id: QuestionId,
    pub hash: String,
}

#[derive(Debug)]
struct OpenPrompt {
    key: PromptKey,
    asked_at: Instant,
    asking: AbortHandle,
}

/// The one open prompt, and the questions that were pointed to already.
#[derive(Debug, Default)]
pub struct Prompts {
    open: Option<OpenPrompt>,
    pointed: BTreeSet<PromptKey>,
}

impl State {
    /// The next question that has not been pointed to.
    fn next_question(&self) -> Option<PromptKey> {
        if self.preferences.prompt == PromptStyle::Off {
            return None;
        }
        let keys = self.runs.iter().filter(|run| run.state.is_some()).flat_map(|run| {
            run.pending().iter().map(|pending| PromptKey { run_id: run.run_id.clone(), id: pending.id.clone(), hash: pending.hash.clone() })
        });
        keys.into_iter().find(|key| !self.prompts.pointed.contains(key))
    }

    fn is_waiting(&self, key: &PromptKey) -> bool {
        let pending = self.runs.get(&key.run_id).map(super::runs::Run::pending).unwrap_or_default();
        pending.iter().any(|pending| pending.id == key.id && pending.hash == key.hash)
    }

    pub fn prompt_due(&self) -> Option<Instant> {
        (self.prompts.open.is_none() && self.next_question().is_some()).then(|| self.quiet_from())
    }

    pub fn settle_prompts(&mut self, now: Instant) {
        if let Some(open) = self.prompts.open.as_ref().filter(|open| !self.is_waiting(&open.key)) {
            // Decided elsewhere, or changed: the asking task withdraws its question when it is dropped.
            open.asking.abort();
            let key = open.key.clone();
            self.prompts.open = None;
            self.prompts.pointed.remove(&key);
        }
        if self.prompts.open.is_some() {
            return;
        }
        while let Some(key) = self.next_question().filter(|_| self.is_quiet(now)) {
            self.prompts.pointed.insert(key.clone());
            if self.point_to(key, now) {
                return;
            }
        }
    }

    /// Whether a prompt is open now.
    fn point_to(&mut self, key: PromptKey, now: Instant) -> bool {
        let Some(run) = self.runs.get(&key.run_id) else { return false };
        let Some(pending) = run.pending().iter().find(|pending| pending.id == key.id) else { return false };
        let (question, paper) = (words::question(run, pending), place(run, pending));
        if self.preferences.prompt == PromptStyle::Message {
            self.say(&format!("{question} (see {})", paper.display()));
            return false;
        }
        if !self.client.may(Feature::Prompt) {
            self.show(&paper, false);
            return false;
        }
        let actions: Vec<Value> = BUTTONS.iter().map(|title| json!({"title": title})).collect();
        let params = json!({"type": 3, "message": question, "actions": actions});
        let (editor, inputs, told) = (self.editor.clone(), self.inputs.clone(), key.clone());
        let asking = tokio::spawn(async move {
            let answer = editor.ask("window/showMessageRequest", &params, PATIENCE).await;
            inputs.done(Done::Prompted(told, answer));
        });
        self.prompts.open = Some(OpenPrompt { key, asked_at: now, asking: asking.abort_handle() });
        true
    }

    /// Takes the answer to the open prompt, if it is one.
    pub fn prompted(&mut self, key: &PromptKey, answer: &Answer) {
        self.client.learn(Feature::Prompt, answer);
        let Some(open) = self.prompts.open.take_if(|open| open.key == *key) else { return };
        let paper = self.runs.get(&key.run_id).map(|run| {
            let pending = run.pending().iter().find(|pending| pending.id == key.id);
            pending.map_or_else(|| run.workspace.join("approvals.md"), |pending| place(run, pending))
        });
        if matches!(answer, Answer::Refused(_)) && !self.client.may(Feature::Prompt) {
            if let Some(paper) = paper {
                self.show(&paper, false);
            }
            return;
        }
        let too_fast = self.client.grabs_keys() && open.asked_at.elapsed() < READING;
        let title = match answer {
            Answer::Result(result) => result.get("title").and_then(Value::as_str).unwrap_or_default(),
            _ => "",
        };
        match (title, paper) {
            ("Review", Some(paper)) => self.show(&paper, true),
            ("Approve" | "Reject", _) if too_fast => {
                tracing::warn!("an answer faster than anyone reads was not taken");
                self.say("that answer came while you were typing and was not taken; the question is still open");
            }
            ("Approve", _) => self.decide_beside(key, true),
            ("Reject", _) => self.decide_beside(key, false),
            _ => {}
        }
    }

    fn decide_beside(&mut self, key: &PromptKey, approved: bool) {
        let Some(run) = self.runs.get(&key.run_id) else { return };
        let workspace = run.workspace.clone();
        let verdict = Verdict { id: key.id.clone(), hash: key.hash.clone(), approved, scope: Scope::Once, note: None, via: Via::Prompt };
        self.decide_and_say(&workspace, verdict);
    }
}

/// The document where a question is looked at: a result where it can be edited, else the one where it is decided.
fn place(run: &Run, pending: &PendingApproval) -> PathBuf {
    run.workspace.join(pending.proposal.as_ref().map_or("approvals.md", |file| file.as_str()))
}
