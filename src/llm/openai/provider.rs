//! An OpenAI-compatible endpoint as a provider: one try a call, with the repairs that a refused request allows. Remembers the endpoint's dialect.
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::domain::policy::Rates;
use crate::domain::{CallFailure, ModelRequest, Reply, Spent};
use crate::llm::endpoint::{Call, Endpoint, EventStream, Trouble};
use crate::llm::failure::{Rejection, doomed};
use crate::llm::governor::Visit;
use crate::llm::price::{Billed, Prices};
use crate::llm::{ModelInfo, Provider, model};

use super::dialect::{Dialect, Sent};
use super::stream::{Answer, Heard};
use super::{errors, request, text_tools};

/// Where requests go unless told otherwise; it holds the `/v1`.
pub const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";
/// The model used at OpenAI where nothing names one.
pub const DEFAULT_MODEL: &str = "gpt-6.1-sol";
/// Output tokens where nothing states a limit; a server on this machine decides by itself.
const DEFAULT_OUTPUT: u32 = 16_000;
/// Forms in which one request is tried at the most.
const MAX_FORMS: u32 = 6;

/// OpenAI, or an endpoint that speaks its protocol.
#[derive(Debug)]
pub struct OpenAi {
    endpoint: Endpoint,
    host: String,
    prices: Prices,
    /// The configured model, or the first that the endpoint lists once it was asked.
    model: OnceCell<String>,
    dialect: Mutex<Dialect>,
    /// Models that were refused tools: they get them in words.
    without_tools: Mutex<BTreeSet<String>>,
}

impl OpenAi {
    /// Without a `model` the first call asks the endpoint for its list.
    pub fn new(endpoint: Endpoint, prices: Prices, model: Option<String>) -> OpenAi {
        let host = crate::sys::http::host(endpoint.base_url()).unwrap_or_default();
        OpenAi {
            dialect: Mutex::new(Dialect::of_host(&host)),
            without_tools: Mutex::default(),
            model: OnceCell::new_with(model),
            host,
            endpoint,
            prices,
        }
    }

    fn dialect(&self, model: &str) -> Dialect {
        let text_tools = self.without_tools.lock().unwrap_or_else(PoisonError::into_inner).contains(model);
        Dialect { text_tools, ..*self.dialect.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Whether the refusal was about tools, so that the model gets them in words from now on.
    fn learn_about_tools(&self, rejection: &Rejection, (request, model): (&ModelRequest, &str)) -> bool {
        let refused = !request.tools.is_empty() && errors::has_no_tools(rejection);
        refused && self.without_tools.lock().unwrap_or_else(PoisonError::into_inner).insert(model.to_owned())
    }

    fn learn(&self, rejection: &Rejection, sent: Sent) -> bool {
        self.dialect.lock().unwrap_or_else(PoisonError::into_inner).learn(rejection, sent)
    }

    async fn model_of(&self, request: &ModelRequest) -> Result<String, CallFailure> {
        match &request.model {
            Some(model) => Ok(model.clone()),
            None => self.model.get_or_try_init(|| self.first_listed()).await.cloned(),
        }
    }

    async fn first_listed(&self) -> Result<String, CallFailure> {
        let models = self.models().await?;
        let chats = models.iter().find(|info| !info.id.to_ascii_lowercase().contains("embed"));
        chats
            .or(models.first())
            .map(|info| info.id.clone())
            .ok_or_else(|| doomed(format!("{} lists no model; load one, or set model.name", self.endpoint.place())))
    }

    async fn read(&self, mut stream: EventStream, (model, turn, prompt_tokens): (&str, usize, u64)) -> Result<Reply, CallFailure> {
        let mut answer = Answer::default();
        loop {
            let heard = match stream.next().await {
                Ok(Some(event)) => answer.push(&event),
                Ok(None) => break,
                // Only figures could still have come.
                Err(_) if answer.is_complete() => break,
                Err(failure) => Err(failure),
            };
            match heard {
                Ok(Heard::Progress) => stream.progressed(),
                Ok(Heard::Complete) => stream.hurry(),
                Ok(Heard::Nothing) => {}
                Ok(Heard::Done) => break,
                Err(failure) => {
                    let spent = self.spent(&answer, model, prompt_tokens);
                    return Err(CallFailure { spent, ..stream.without_key(failure) });
                }
            }
        }
        let spent = self.spent(&answer, model, prompt_tokens);
        let told = answer.cost_usd;
        let finished = answer.finish(turn, prompt_tokens).map_err(|failure| CallFailure { spent, ..failure })?;
        let billed = Billed { usage: finished.usage, ..Billed::default() };
        Ok(Reply {
            raw: request::own(finished.raw, &finished.blocks),
            blocks: finished.blocks,
            stop: finished.stop,
            usage: finished.usage,
            cost_usd: told.or_else(|| self.prices.cost(model, &billed)),
            request_id: stream.request_id.clone(),
        })
    }

    fn spent(&self, answer: &Answer, model: &str, prompt_tokens: u64) -> Option<Spent> {
        let usage = answer.used(prompt_tokens);
        Some(Spent { usage, cost_usd: self.prices.cost(model, &Billed { usage, ..Billed::default() }) })
    }

    async fn explain(&self, rejection: &Rejection, model: &str) -> CallFailure {
        let mut failure = errors::failure(rejection);
        if rejection.status == 404 && !failure.message.contains("cannot use tools") {
            failure.message = model::unknown(model, &failure.message, self.models().await);
        }
        failure
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn place(&self) -> Option<String> {
        Some(self.endpoint.place())
    }

    fn plans(&self) -> bool {
        true
    }

    fn default_model(&self) -> Option<String> {
        self.model.get().cloned()
    }

    async fn complete(&self, request: &ModelRequest) -> Result<Reply, CallFailure> {
        let model = self.model_of(request).await?;
        let default_output = (!self.endpoint.is_loopback()).then_some(DEFAULT_OUTPUT);
        let mut forms = 0;
        loop {
            let dialect = self.dialect(&model);
            let body = request::body(request, &model, dialect, (request::echoed(&self.host), default_output)).to_string();
            let tokens = model::tokens_of(body.len());
            let prefix = if self.endpoint.has_key() { model::prefix(request, &model) } else { None };
            let call = Call { path: "/chat/completions", headers: Vec::new(), body, visit: Visit { prefix, tokens } };
            forms += 1;
            match self.endpoint.open(call).await {
                Ok(stream) => {
                    let turn = request.messages.len();
                    let mut reply = self.read(stream, (&model, turn, tokens)).await?;
                    if dialect.text_tools && !request.tools.is_empty() {
                        (reply.blocks, reply.stop) = text_tools::read(reply.blocks, reply.stop, (turn, &request.tools));
                    }
                    return Ok(reply);
                }
                Err(Trouble::Failed(failure)) => return Err(failure),
                Err(Trouble::Rejected(rejection)) => {
                    let sent = Sent { schema: request.schema.is_some(), dialect };
                    let learned = self.learn_about_tools(&rejection, (request, &model)) || self.learn(&rejection, sent);
                    if forms >= MAX_FORMS || !learned {
                        return Err(self.explain(&rejection, &model).await);
                    }
                }
            }
        }
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, CallFailure> {
        let list = self.endpoint.get("/models", Vec::new()).await.map_err(|trouble| match trouble {
            Trouble::Failed(failure) => failure,
            Trouble::Rejected(rejection) => errors::failure(&rejection),
        })?;
        // Some gateways send the list itself.
        let entries = list.get("data").unwrap_or(&list).as_array();
        let number = |entry: &Value, pointer: &str| entry.pointer(pointer).and_then(Value::as_u64);
        let info = |entry: &Value| {
            let id = entry.get("id")?.as_str()?.to_owned();
            let context = ["/context_length", "/max_model_len", "/meta/n_ctx_train", "/context_window"];
            Some(ModelInfo { id, context_tokens: context.iter().find_map(|at| number(entry, at)), output_tokens: None })
        };
        Ok(entries.into_iter().flatten().filter_map(info).collect())
    }

    fn rates(&self, model: &str) -> Option<Rates> {
        self.prices.rates(model)
    }

    fn context_tokens(&self, model: &str) -> Option<u64> {
        self.prices.context(model)
    }
}
