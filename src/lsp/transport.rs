//! Our own reader and dispatcher over tower-lsp's public API, instead of its `Server::serve` (which stalls on four waiting handlers, ends on a bad frame or
//! a panic, and hangs at exit). Knows JSON-RPC and the life cycle; never looks into what a method means.
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tower_lsp::jsonrpc::{Id, Request, Response};
use tower_lsp::{LanguageServer, LspService};
use tower_service::Service;

use super::editor::Editor;
use super::frame::{Frame, FrameReader};
use super::mend;
use super::writer::{Lane, Outbox};

/// Requests being worked on at once; one more is answered "busy".
const MAX_IN_FLIGHT: usize = 64;
/// No request takes longer than this to be answered, in one way or the other.
const DEADLINE: Duration = Duration::from_secs(10);
/// What is queued is written within this time when the connection ends.
const FLUSH: Duration = Duration::from_millis(40);

const PARSE_ERROR: i64 = -32700;
const INTERNAL_ERROR: i64 = -32603;
const REQUEST_FAILED: i64 = -32803;

/// Why the connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// `exit` after `shutdown`.
    Clean,
    /// `exit` without `shutdown`, end of input, a dead parent, or a client that cannot be written to.
    Abrupt,
}

impl Ending {
    /// The exit code of the process.
    pub fn code(self) -> i32 {
        match self {
            Ending::Clean => 0,
            Ending::Abrupt => 1,
        }
    }
}

/// Changes the result of a method on its way out.
pub type Patch = Arc<dyn Fn(&str, &mut Value) + Send + Sync>;

/// What the outside gives to the transport.
pub struct Surroundings {
    /// Told the raw parameters of `initialize`, before anything is dropped from them.
    pub raw_initialize: Arc<OnceLock<Value>>,
    /// Gives a future that ends when the process with this id has died.
    pub parent_gone: Box<dyn Fn(u32) -> BoxFuture<'static, ()> + Send>,
    /// Adds to the result of a method what the protocol types cannot say.
    pub patch: Patch,
}

/// One connection.
pub struct Transport<S> {
    service: LspService<S>,
    outbox: Outbox,
    editor: Editor,
    surroundings: Surroundings,
    in_flight: Arc<Semaphore>,
    shutdown_seen: bool,
    parent: BoxFuture<'static, ()>,
    /// Requests that were begun and are not answered yet.
    open: FuturesUnordered<BoxFuture<'static, ()>>,
}

/// A message of the client, sorted.
enum Incoming {
    Call { id: Option<Value>, method: String, params: Option<Value> },
    Answer { id: Value, message: Value },
    Unreadable { id: Value, why: &'static str },
}

impl<S: LanguageServer> Transport<S> {
    pub fn new(service: LspService<S>, outbox: Outbox, editor: Editor, surroundings: Surroundings) -> Self {
        let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
        let parent = futures::future::pending().boxed();
        Transport { service, outbox, editor, surroundings, in_flight, shutdown_seen: false, parent, open: FuturesUnordered::new() }
    }

    /// Serves until the connection ends; `leave` then runs (it lets go of live work), and what is queued is written.
    pub async fn run<R, W>(mut self, input: R, output: W, leave: impl Future<Output = ()>) -> Ending
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let mut writing = self.outbox.clone().write_to(output).boxed().fuse();
        let mut reader = FrameReader::new(input);
        let ending = loop {
            let outbox = self.outbox.clone();
            let next = async {
                outbox.room().await;
                reader.next().await
            };
            let frame = tokio::select! {
                biased;
                () = outbox.failed() => break Ending::Abrupt,
                () = &mut self.parent => break Ending::Abrupt,
                () = &mut writing => break Ending::Abrupt,
                Some(()) = self.open.next() => continue,
                frame = next => frame,
            };
            match frame {
                None => break Ending::Abrupt,
                Some(frame) => {
                    if let Some(ending) = self.take(frame).await {
                        break ending;
                    }
                }
            }
        };
        let mut leave = std::pin::pin!(leave);
        tokio::select! {
            () = &mut leave => {}
            () = &mut writing => leave.await,
        }
        self.outbox.close();
        let _ = tokio::time::timeout(FLUSH, writing).await;
        ending
    }

    async fn take(&mut self, frame: Frame) -> Option<Ending> {
        let message = match frame {
            Frame::Message(message) => message,
            Frame::Bad(why) => {
                self.refuse(&Value::Null, PARSE_ERROR, &why);
                return None;
            }
        };
        match sort(message) {
            Incoming::Answer { id, message } => self.editor.answered(&id, &message),
            Incoming::Unreadable { id, why } => self.refuse(&id, PARSE_ERROR, why),
            Incoming::Call { method, .. } if method == "exit" => {
                return Some(if self.shutdown_seen { Ending::Clean } else { Ending::Abrupt });
            }
            Incoming::Call { id: None, method, params } => self.notification(method, params).await,
            Incoming::Call { id: Some(id), method, params } => self.request(id, method, params).await,
        }
        None
    }

    fn refuse(&self, id: &Value, code: i64, why: &str) {
        tracing::warn!(code, "refused a message: {why}");
        answer_error(&self.outbox, id, code, why);
    }

    /// Notifications are done one after the other, in the order they came.
    async fn notification(&mut self, method: String, params: Option<Value>) {
        let request = build(None, method, params);
        match self.call(request) {
            Some(future) => {
                if AssertUnwindSafe(future).catch_unwind().await.is_err() {
                    tracing::error!("a notification handler panicked");
                }
            }
            None => tracing::error!("a notification could not be handled"),
        }
    }

    /// Requests are begun in the order they came: called and polled once here, so that they see the documents as they stand. The rest is done beside.
    async fn request(&mut self, id: Value, method: String, mut params: Option<Value>) {
        let Ok(permit) = self.in_flight.clone().try_acquire_owned() else {
            self.refuse(&id, REQUEST_FAILED, "busy: too many requests are open, try again");
            return;
        };
        if method == "initialize" {
            self.initialize(params.get_or_insert_default());
        }
        let is_shutdown = method == "shutdown";
        let reply = Reply { id: id.clone(), method: method.clone(), outbox: self.outbox.clone(), patch: self.surroundings.patch.clone() };
        let Some(future) = self.call(build(Some(id), method, params)) else {
            reply.panicked();
            return;
        };
        let mut future = AssertUnwindSafe(future).catch_unwind().boxed();
        match futures::poll!(&mut future) {
            std::task::Poll::Ready(outcome) => {
                let answered = reply.send(outcome);
                self.shutdown_seen |= is_shutdown && answered;
            }
            std::task::Poll::Pending => {
                // Shutdown has begun as soon as it was asked for; `exit` may follow at once.
                self.shutdown_seen |= is_shutdown;
                // Answered by the same task that reads: no other thread has to be woken for it.
                let answered = async move {
                    let _permit = permit;
                    match tokio::time::timeout(DEADLINE, future).await {
                        Ok(outcome) => {
                            reply.send(outcome);
                        }
                        Err(_) => answer_error(&reply.outbox, &reply.id, REQUEST_FAILED, "the request took longer than 10 s"),
                    }
                };
                self.open.push(answered.boxed());
            }
        }
    }

    fn initialize(&mut self, params: &mut Value) {
        // Kept before mending: the raw tree is read by path and may be odd in parts.
        let _ = self.surroundings.raw_initialize.set(params.clone());
        for path in mend::initialize(params) {
            tracing::warn!("passed over a malformed part of `initialize`: {path}");
        }
        let parent = params.get("processId").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        if let Some(parent) = parent {
            self.parent = (self.surroundings.parent_gone)(parent);
        }
    }

    /// `None` when the call itself panicked.
    fn call(&mut self, request: Request) -> Option<<LspService<S> as Service<Request>>::Future> {
        std::panic::catch_unwind(AssertUnwindSafe(|| self.service.call(request))).ok()
    }
}

struct Reply {
    id: Value,
    method: String,
    outbox: Outbox,
    patch: Patch,
}

impl Reply {
    /// Whether the answer was a result.
    fn send<E>(&self, outcome: std::thread::Result<Result<Option<Response>, E>>) -> bool {
        match outcome {
            Ok(Ok(Some(response))) => {
                let is_ok = response.is_ok();
                let (_, body) = response.into_parts();
                let message = match body {
                    Ok(mut result) => {
                        (self.patch)(&self.method, &mut result);
                        json!({"jsonrpc": "2.0", "id": self.id, "result": result})
                    }
                    Err(error) => json!({"jsonrpc": "2.0", "id": self.id, "error": error}),
                };
                self.outbox.push(Lane::Answer, &message);
                is_ok
            }
            // The crate answers nothing to an unknown `$/` request; the protocol wants an error.
            Ok(_) => {
                answer_error(&self.outbox, &self.id, -32601, "method not found");
                false
            }
            Err(_) => {
                self.panicked();
                false
            }
        }
    }

    fn panicked(&self) {
        tracing::error!("the handler of {} panicked", self.method);
        answer_error(&self.outbox, &self.id, INTERNAL_ERROR, "internal error: the request failed, the server goes on");
    }
}

fn answer_error(outbox: &Outbox, id: &Value, code: i64, message: &str) {
    let error = json!({"code": code, "message": message});
    outbox.push(Lane::Answer, &json!({"jsonrpc": "2.0", "id": id, "error": error}));
}

fn build(id: Option<Value>, method: String, params: Option<Value>) -> Request {
    let params = mend::params(&method, params);
    let mut request = Request::build(method);
    if let Some(params) = params {
        request = request.params(params);
    }
    match id {
        Some(Value::String(id)) => request.id(id).finish(),
        Some(Value::Number(id)) => request.id(id.as_i64().unwrap_or_default()).finish(),
        Some(_) => request.id(Id::Null).finish(),
        None => request.finish(),
    }
}

fn sort(message: Value) -> Incoming {
    let Value::Object(mut fields) = message else {
        let why = if message.is_array() { "batches are not part of the protocol" } else { "a message must be an object" };
        return Incoming::Unreadable { id: Value::Null, why };
    };
    let id = fields.get("id").cloned();
    let is_valid_id = |id: &Value| id.is_string() || id.as_i64().is_some();
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        let id = id.filter(is_valid_id).unwrap_or_default();
        return Incoming::Unreadable { id, why: "a message must say \"jsonrpc\": \"2.0\"" };
    }
    match (fields.remove("method"), id) {
        (Some(Value::String(method)), None) => Incoming::Call { id: None, method, params: fields.remove("params") },
        (Some(Value::String(method)), Some(id)) if is_valid_id(&id) => {
            Incoming::Call { id: Some(id), method, params: fields.remove("params") }
        }
        (Some(Value::String(_)), Some(id)) => Incoming::Unreadable { id, why: "an id must be a whole number or a string" },
        (None, Some(id)) if fields.contains_key("result") || fields.contains_key("error") || is_valid_id(&id) => {
            Incoming::Answer { id, message: Value::Object(fields) }
        }
        (_, id) => Incoming::Unreadable { id: id.filter(is_valid_id).unwrap_or_default(), why: "a message without a method" },
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
