//! One endpoint with its key: sends requests past the governor and reads answers as events. Knows no provider's words; every try is one request.
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use crate::domain::CallFailure;
use crate::domain::message::FailureClass;
use crate::sys::http::{self, Answer, Ask};
use crate::sys::{Clock, Http};

use super::failure::{self, MAX_BODY, Rejection};
use super::governor::{Governor, Permit, Visit};
use super::keys::KeySource;
use super::secret::Secret;
use super::sse::{SseDecoder, SseEvent};

/// The longest answer that is read, in bytes as they come.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// How long the rest of a stream may take after its answer is complete: only figures follow.
const AFTERMATH: Duration = Duration::from_secs(5);
/// How long a list of models may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(15);

/// The header that carries the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyHeader {
    /// `x-api-key: KEY`
    XApiKey,
    /// `authorization: Bearer KEY`
    Bearer,
}

/// Where requests go.
#[derive(Debug)]
pub struct Endpoint {
    /// Without a slash at its end.
    base_url: String,
    key: KeySource,
    key_header: KeyHeader,
    hands: Hands,
    governor: Governor,
}

/// What an endpoint works with.
#[derive(Clone)]
pub struct Hands {
    pub http: Arc<Http>,
    pub clock: Arc<dyn Clock>,
    /// The longest time without progress.
    pub idle: Duration,
}

impl std::fmt::Debug for Hands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hands({:?})", self.idle)
    }
}

/// One request.
pub struct Call<'a> {
    /// Begins with a slash.
    pub path: &'a str,
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
    pub visit: Visit,
}

/// Why no stream came of a request.
#[derive(Debug)]
pub enum Trouble {
    /// The server answered with an error, which the provider understands.
    Rejected(Box<Rejection>),
    Failed(CallFailure),
}

impl Endpoint {
    pub fn new(base_url: &str, (key, key_header): (KeySource, KeyHeader), hands: Hands) -> Endpoint {
        Endpoint { base_url: base_url.trim().trim_end_matches('/').to_owned(), key, key_header, hands, governor: Governor::default() }
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Nothing is sent: the server said that it takes nothing for so long.
    fn closed(&self, wait: Duration) -> CallFailure {
        let message = format!("{} takes no requests for another {} s", self.place(), wait.as_secs());
        let retry_after_ms = u64::try_from(wait.as_millis()).ok();
        CallFailure { retry_after_ms, ..CallFailure::new(FailureClass::Throttled, message) }
    }

    /// The address as it may be shown.
    pub fn place(&self) -> String {
        http::shown(&self.base_url)
    }

    pub fn is_loopback(&self) -> bool {
        http::is_loopback(&self.base_url)
    }

    pub fn has_key(&self) -> bool {
        !self.key.is_none()
    }

    /// Sends a request and returns its stream once the head of a success is there.
    pub async fn open(&self, call: Call<'_>) -> Result<EventStream, Trouble> {
        let secret = self.key.get().await.map_err(Trouble::Failed)?;
        let permit = self.governor.enter(call.visit).await.map_err(|wait| Trouble::Failed(self.closed(wait)))?;
        let url = format!("{}{}", self.base_url, call.path);
        let mut headers = call.headers;
        headers.push(("accept", "text/event-stream".into()));
        self.add_key(&mut headers, secret.as_ref());
        let ask = Ask { url: &url, headers, body: Some(call.body.into_bytes()) };
        let deadline = Instant::now() + self.hands.idle;
        let answer = match timeout_at(deadline, self.hands.http.send(ask)).await {
            Ok(answer) => answer.map_err(|problem| Trouble::Failed(failure::unanswered(&problem, &self.place())))?,
            Err(_) => return Err(Trouble::Failed(no_progress(self.hands.idle))),
        };
        let now = self.hands.clock.now();
        let limits = failure::limits(&answer, now);
        if matches!(answer.status(), 429 | 529) {
            permit.refused(failure::retry_after_ms(&answer, now).map(Duration::from_millis), limits);
            return Err(Trouble::Rejected(Box::new(self.rejection(answer, secret.as_ref()).await)));
        }
        if answer.status() != 200 || !is_event_stream(&answer) {
            return Err(Trouble::Rejected(Box::new(self.rejection(answer, secret.as_ref()).await)));
        }
        permit.admitted(limits);
        Ok(EventStream {
            request_id: request_id(&answer, secret.as_ref()),
            answer,
            decoder: Some(SseDecoder::default()),
            queue: VecDeque::new(),
            permit,
            began: false,
            bytes: 0,
            hurried: false,
            idle: self.hands.idle,
            deadline,
            secret,
        })
    }

    /// Asks for JSON, outside the governor: lists of models and the like.
    pub async fn get(&self, path: &str, mut headers: Vec<(&'static str, String)>) -> Result<Value, Trouble> {
        let secret = self.key.get().await.map_err(Trouble::Failed)?;
        self.add_key(&mut headers, secret.as_ref());
        let url = format!("{}{path}", self.base_url);
        let work = async {
            let ask = Ask { url: &url, headers, body: None };
            let answer =
                self.hands.http.send(ask).await.map_err(|problem| Trouble::Failed(failure::unanswered(&problem, &self.place())))?;
            if answer.status() != 200 {
                return Err(Trouble::Rejected(Box::new(self.rejection(answer, secret.as_ref()).await)));
            }
            let body = answer.text(MAX_BODY * 64).await;
            serde_json::from_str(&body).map_err(|_| Trouble::Failed(failure::transient(format!("{} sent no JSON", self.place()))))
        };
        let slow = |_| Err(Trouble::Failed(no_progress(LIST_TIMEOUT)));
        timeout(LIST_TIMEOUT, work).await.unwrap_or_else(slow)
    }

    fn add_key(&self, headers: &mut Vec<(&'static str, String)>, secret: Option<&Secret>) {
        let Some(secret) = secret else { return };
        headers.push(match self.key_header {
            KeyHeader::XApiKey => ("x-api-key", secret.expose().to_owned()),
            KeyHeader::Bearer => ("authorization", format!("Bearer {}", secret.expose())),
        });
    }

    async fn rejection(&self, answer: Answer, secret: Option<&Secret>) -> Rejection {
        let (status, request_id) = (answer.status(), request_id(&answer, secret));
        let retry_after_ms = failure::retry_after_ms(&answer, self.hands.clock.now());
        let should_retry = answer.header("x-should-retry").and_then(|value| value.trim().parse().ok());
        let kind = answer.header("content-type").unwrap_or("no content type").to_owned();
        let encoded = answer.header("content-encoding").is_some_and(|encoding| encoding != "identity");
        let mut body = match timeout(self.hands.idle.min(LIST_TIMEOUT), answer.text(MAX_BODY)).await {
            Ok(body) if !encoded => body,
            _ => String::new(),
        };
        body = without(secret, &body);
        let json = serde_json::from_str(body.trim()).unwrap_or_default();
        if status == 200 && body.trim().is_empty() {
            let kind = without(secret, &kind);
            body = format!("{} with no readable body", if encoded { "a compressed answer nobody asked for" } else { &kind });
        }
        Rejection { status, body, json, retry_after_ms, should_retry, request_id }
    }
}

/// An answer that streams. Dropping it closes the connection.
#[derive(Debug)]
pub struct EventStream {
    pub request_id: Option<String>,
    answer: Answer,
    /// Gone when the bytes ended.
    decoder: Option<SseDecoder>,
    queue: VecDeque<SseEvent>,
    permit: Permit,
    began: bool,
    /// Bytes that came so far.
    bytes: usize,
    /// The answer is complete, and the time for what may follow runs.
    hurried: bool,
    idle: Duration,
    deadline: Instant,
    secret: Option<Secret>,
}

impl EventStream {
    /// The next event; `None` when the bytes ended.
    pub async fn next(&mut self) -> Result<Option<SseEvent>, CallFailure> {
        while self.queue.is_empty() {
            let Some(decoder) = &mut self.decoder else { return Ok(None) };
            let read = timeout_at(self.deadline, self.answer.chunk()).await.map_err(|_| no_progress(self.idle))?;
            match read.map_err(|problem| failure::transient(format!("the answer broke off: {}", problem.message)))? {
                Some(bytes) => {
                    self.bytes += bytes.len();
                    if self.bytes > MAX_ANSWER_BYTES {
                        return Err(failure::doomed("the answer does not end: more than 64 MiB came"));
                    }
                    let events = decoder.push(&bytes).map_err(|_| failure::doomed("the answer holds an event of more than 16 MiB"))?;
                    self.queue.extend(events);
                    self.begin();
                }
                None => self.queue.extend(self.decoder.take().and_then(SseDecoder::finish)),
            }
        }
        Ok(self.queue.pop_front())
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.began, true) {
            self.permit.first_byte();
        }
    }

    /// Something came of the last event: the idle time starts anew. Keep-alives are none.
    pub fn progressed(&mut self) {
        if self.hurried {
            return;
        }
        self.deadline = Instant::now() + self.idle;
    }

    /// The answer is complete; what may still follow is not waited for long.
    pub fn hurry(&mut self) {
        if std::mem::replace(&mut self.hurried, true) {
            return;
        }
        self.deadline = Instant::now() + self.idle.min(AFTERMATH);
    }

    /// A failure without the key, which a server may have repeated.
    pub fn without_key(&self, mut failure: CallFailure) -> CallFailure {
        failure.message = without(self.secret.as_ref(), &failure.message);
        failure
    }
}

fn no_progress(idle: Duration) -> CallFailure {
    failure::transient(format!("the model made no progress for {} seconds", idle.as_secs_f64()))
}

/// A server's text without the key, which it may have repeated anywhere: in its words as in its headers.
fn without(secret: Option<&Secret>, text: &str) -> String {
    secret.map_or_else(|| text.to_owned(), |secret| secret.redact(text))
}

fn request_id(answer: &Answer, secret: Option<&Secret>) -> Option<String> {
    let id = ["request-id", "x-request-id", "x-generation-id"].iter().find_map(|name| answer.header(name))?;
    Some(without(secret, id))
}

fn is_event_stream(answer: &Answer) -> bool {
    let encoded = answer.header("content-encoding").is_some_and(|encoding| encoding != "identity");
    // A server that names no type is believed: its bytes must still be a complete stream.
    let kind = answer.header("content-type").unwrap_or("text/event-stream");
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    !encoded && !matches!(kind.as_str(), "application/json" | "text/html" | "text/plain" | "application/xml" | "text/xml")
}
