//! The editor at the other end, as something that can be told and asked. Knows which questions are open; never decides what may be sent (see `client`).
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::writer::{Lane, Outbox};

/// What came of a question to the editor.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Result(Value),
    /// An error of the editor, with its JSON-RPC code.
    Refused(i64),
    /// No answer in time, an answer without a result, or the connection ended: nothing is decided.
    Nothing,
}

/// The JSON-RPC code for a method that the other side does not have.
pub const METHOD_NOT_FOUND: i64 = -32601;

type Waiting = Arc<Mutex<HashMap<i64, oneshot::Sender<Answer>>>>;

/// Cheap to clone; all clones share the table of open questions.
#[derive(Debug, Clone, Default)]
pub struct Editor {
    outbox: Outbox,
    waiting: Waiting,
    next_id: Arc<AtomicI64>,
}

impl Editor {
    pub fn new(outbox: Outbox) -> Self {
        Editor { outbox, ..Editor::default() }
    }

    /// Sends a notification.
    pub fn tell(&self, method: &str, params: &Value) {
        self.outbox.push(Lane::Notice, &json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a notification that a later one replaces.
    pub fn mention(&self, method: &str, params: &Value) {
        self.outbox.push(Lane::Fleeting, &json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request and waits for the answer at most `patience`. When the time is over, or the future is dropped, the question is
    /// withdrawn (`$/cancelRequest`) and a late answer is ignored. Only spawned tasks may wait for this, never a handler.
    pub async fn ask(&self, method: &str, params: &Value, patience: Duration) -> Answer {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        // Registered before it is sent: the answer cannot be faster than the entry.
        lock(&self.waiting).insert(id, sender);
        let mut question = OpenQuestion { editor: self, id, open: true };
        let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method});
        // A request without parameters has none: some clients take null for something that is there.
        if !params.is_null() {
            message["params"] = params.clone();
        }
        self.outbox.push(Lane::Notice, &message);
        match tokio::time::timeout(patience, receiver).await {
            Ok(answer) => {
                question.open = false;
                answer.unwrap_or(Answer::Nothing)
            }
            Err(_) => Answer::Nothing,
        }
    }

    /// Takes an answer of the client. Unknown, late and second ones are dropped.
    pub fn answered(&self, id: &Value, message: &Value) {
        let Some(sender) = id.as_i64().and_then(|id| lock(&self.waiting).remove(&id)) else { return };
        let answer = match (message.get("error"), message.get("result")) {
            (Some(error), _) if !error.is_null() => Answer::Refused(error.get("code").and_then(Value::as_i64).unwrap_or_default()),
            (_, Some(result)) => Answer::Result(result.clone()),
            _ => Answer::Nothing,
        };
        // The asker may have left in this moment: then nobody wants the answer any more.
        let _ = sender.send(answer);
    }
}

struct OpenQuestion<'a> {
    editor: &'a Editor,
    id: i64,
    open: bool,
}

impl Drop for OpenQuestion<'_> {
    fn drop(&mut self) {
        if self.open {
            lock(&self.editor.waiting).remove(&self.id);
            self.editor.tell("$/cancelRequest", &json!({"id": self.id}));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
