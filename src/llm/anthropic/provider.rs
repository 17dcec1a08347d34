//! Anthropic as a provider: one try a call, with the repairs that a refused request allows. Knows its wire; keeps no conversation.
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::domain::policy::Rates;
use crate::domain::{CallFailure, ModelRequest, Reply, Spent};
use crate::llm::endpoint::{Call, Endpoint, EventStream, Trouble};
use crate::llm::failure::Rejection;
use crate::llm::governor::Visit;
use crate::llm::price::Prices;
use crate::llm::{ModelInfo, Provider, model};

use super::request::{self, Shape};
use super::stream::{Answer, Heard};
use super::{errors, messages};

/// The version of the API that requests are written for.
pub const API_VERSION: &str = "2026-10-21";
/// Where requests go unless told otherwise; the path begins with `/v1`.
pub const DEFAULT_BASE_URL: &str = "https://api.anthropic.com";
/// The model used where nothing names one.
pub const DEFAULT_MODEL: &str = "claude-sonnet-5-5";

/// Conversations whose repair is remembered at the most.
const MAX_REMEMBERED: usize = 1_000;

/// Anthropic, or an endpoint that speaks its protocol.
#[derive(Debug)]
pub struct Anthropic {
    endpoint: Endpoint,
    prices: Prices,
    model: String,
    shape: Shape,
    /// The endpoint refused what goes beyond the plain protocol.
    plain: AtomicBool,
    /// By conversation: the messages whose thinking no longer fits, so that it is not refused at every turn.
    unsigned: Mutex<HashMap<u64, Range<usize>>>,
}

impl Anthropic {
    /// `searches`: `web_search` is run by the provider, within `allowed_hosts`.
    pub fn new(endpoint: Endpoint, prices: Prices, model: Option<String>, (searches, allowed_hosts): (bool, Vec<String>)) -> Anthropic {
        let official = crate::sys::http::host(endpoint.base_url()).is_some_and(|host| host == "api.anthropic.com");
        // With a key it is Anthropic or a gateway before it; without one a server on this machine, which knows neither caches nor searches.
        let full = official || endpoint.has_key();
        let shape = Shape { official, cache: full, server_tools: full && searches, allowed_hosts };
        Anthropic {
            endpoint,
            prices,
            model: model.unwrap_or_else(|| DEFAULT_MODEL.into()),
            shape,
            plain: AtomicBool::new(false),
            unsigned: Mutex::default(),
        }
    }

    fn shape(&self) -> Shape {
        if self.plain.load(Ordering::Relaxed) { Shape::default() } else { self.shape.clone() }
    }

    fn headers() -> Vec<(&'static str, String)> {
        vec![("anthropic-version", API_VERSION.into())]
    }

    async fn read(&self, mut stream: EventStream, model: &str) -> Result<Reply, CallFailure> {
        let mut answer = Answer::default();
        loop {
            let heard = match stream.next().await {
                Ok(Some(event)) => answer.push(&event),
                Ok(None) => break,
                Err(failure) => Err(failure),
            };
            match heard {
                Ok(Heard::Progress) => stream.progressed(),
                Ok(Heard::Nothing) => {}
                Ok(Heard::Complete) => break,
                Err(failure) => return Err(self.with_spent(stream.without_key(failure), &answer, model)),
            }
        }
        let answered_by = answer.model.clone().unwrap_or_default();
        let spent = self.spent(&answer, model);
        let finished = answer.finish().map_err(|failure| CallFailure { spent, ..failure })?;
        let cost_usd = self.prices.cost_of_either([model, &answered_by], &finished.billed);
        Ok(Reply {
            raw: messages::own(finished.raw, &finished.blocks),
            blocks: finished.blocks,
            stop: finished.stop,
            usage: finished.billed.usage,
            cost_usd,
            request_id: stream.request_id.clone(),
        })
    }

    /// What a broken answer has cost: its tokens were counted all the same.
    fn spent(&self, answer: &Answer, model: &str) -> Option<Spent> {
        let billed = answer.billed();
        (billed.usage.total() > 0).then(|| Spent { usage: billed.usage, cost_usd: self.prices.cost(model, &billed) })
    }

    fn with_spent(&self, failure: CallFailure, answer: &Answer, model: &str) -> CallFailure {
        CallFailure { spent: self.spent(answer, model), ..failure }
    }

    /// Whether the request can be sent once more in another form; each repair is made once.
    fn repair(&self, rejection: &Rejection, (conversation, count): (u64, usize), repaired: &mut bool) -> bool {
        if rejection.status != 400 {
            return false;
        }
        let message = rejection.message();
        if message.contains("thinking") && message.contains("signature") && !std::mem::replace(repaired, true) {
            tracing::warn!("a signature no longer fits the conversation; the request is sent again without that thinking");
            self.forget_thinking(conversation, position(&message)..count);
            return true;
        }
        let extras = ["cache_control", "eager_input_streaming", "web_search", "allowed_domains"];
        if !self.shape.official && extras.iter().any(|extra| message.contains(extra)) {
            return !self.plain.swap(true, Ordering::Relaxed);
        }
        false
    }

    fn unsigned(&self, conversation: u64) -> Option<Range<usize>> {
        self.unsigned.lock().unwrap_or_else(PoisonError::into_inner).get(&conversation).cloned()
    }

    /// Thinking in these messages is left out. What the conversation adds later is signed for what it saw, and stays in.
    fn forget_thinking(&self, conversation: u64, messages: Range<usize>) {
        let mut unsigned = self.unsigned.lock().unwrap_or_else(PoisonError::into_inner);
        if unsigned.len() >= MAX_REMEMBERED {
            unsigned.clear();
        }
        let start = unsigned.get(&conversation).map_or(messages.start, |before| before.start.min(messages.start));
        unsigned.insert(conversation, start..messages.end);
    }

    async fn explain(&self, rejection: &Rejection, model: &str) -> CallFailure {
        let mut failure = errors::failure(rejection);
        if rejection.status == 404 {
            failure.message = model::unknown(model, &failure.message, self.models().await);
        }
        failure
    }
}

/// The message that a complaint is about: `messages.3.content.0: Invalid signature …`.
fn position(message: &str) -> usize {
    let after = message.split_once("messages.").map_or("", |(_, after)| after);
    after.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[async_trait]
impl Provider for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn place(&self) -> Option<String> {
        Some(self.endpoint.place())
    }

    fn plans(&self) -> bool {
        true
    }

    fn default_model(&self) -> Option<String> {
        Some(self.model.clone())
    }

    async fn complete(&self, request: &ModelRequest) -> Result<Reply, CallFailure> {
        let model = request.model.clone().unwrap_or_else(|| self.model.clone());
        let conversation = model::conversation(request, &model);
        let mut repaired = false;
        loop {
            let shape = self.shape();
            let mut body = request::body(request, &model, &shape);
            if let Some(messages) = self.unsigned(conversation) {
                messages::without_thinking(&mut body.messages, messages);
            }
            let count = body.messages.len();
            // Nothing that a request holds fails to be JSON.
            let body = serde_json::to_string(&body).unwrap_or_default();
            let prefix = if shape.cache { model::prefix(request, &model) } else { None };
            let visit = Visit { prefix, tokens: model::tokens_of(body.len()) };
            let call = Call { path: "/v1/messages", headers: Self::headers(), body, visit };
            match self.endpoint.open(call).await {
                Ok(stream) => return self.read(stream, &model).await,
                Err(Trouble::Failed(failure)) => return Err(failure),
                Err(Trouble::Rejected(rejection)) if self.repair(&rejection, (conversation, count), &mut repaired) => {}
                Err(Trouble::Rejected(rejection)) => return Err(self.explain(&rejection, &model).await),
            }
        }
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, CallFailure> {
        let list = self.endpoint.get("/v1/models?limit=1000", Self::headers()).await.map_err(|trouble| match trouble {
            Trouble::Failed(failure) => failure,
            Trouble::Rejected(rejection) => errors::failure(&rejection),
        })?;
        let number = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_u64);
        let info = |entry: &Value| {
            let id = entry.get("id")?.as_str()?.to_owned();
            Some(ModelInfo { id, context_tokens: number(entry, "max_input_tokens"), output_tokens: number(entry, "max_tokens") })
        };
        Ok(list.get("data").and_then(Value::as_array).into_iter().flatten().filter_map(info).collect())
    }

    fn rates(&self, model: &str) -> Option<Rates> {
        self.prices.rates(model)
    }

    fn context_tokens(&self, model: &str) -> Option<u64> {
        self.prices.context(model)
    }

    fn runs_tool(&self, name: &str) -> bool {
        self.shape().server_tools && request::is_server_tool(name)
    }
}
