//! What is known of models and requests before they leave: ids, estimates, which prefix a provider could cache. Pure.
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::domain::{CallFailure, ModelRequest};

/// A model that an endpoint offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    pub id: String,
    /// The longest prompt, where the endpoint says so.
    pub context_tokens: Option<u64>,
    /// The longest answer, where the endpoint says so.
    pub output_tokens: Option<u64>,
}

/// Bytes of a system prompt and tools below which no provider caches them (512 tokens).
const SMALLEST_PREFIX: usize = 2_048;
/// Ids named in a message at the most.
const MAX_NAMED: usize = 12;

/// Requests with one answer share what a provider can cache: model, tools and system prompt. `None` where that is too short to be cached.
pub(super) fn prefix(request: &ModelRequest, model: &str) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let mut bytes = request.system.len();
    (model, &request.system).hash(&mut hasher);
    for tool in &request.tools {
        let schema = tool.input_schema.as_str();
        bytes += tool.name.len() + tool.description.len() + schema.len();
        (&tool.name, &tool.description, schema).hash(&mut hasher);
    }
    (bytes >= SMALLEST_PREFIX).then(|| hasher.finish())
}

/// Requests of one conversation share this: its model, system prompt and first message never change.
pub(super) fn conversation(request: &ModelRequest, model: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (model, &request.system).hash(&mut hasher);
    for block in request.messages.first().map(|first| first.blocks.as_slice()).unwrap_or_default() {
        if let crate::domain::Block::Text { text } = block {
            text.hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Tokens of a text, estimated at four bytes each.
pub(super) fn tokens_of(bytes: usize) -> u64 {
    bytes as u64 / 4 + 1
}

/// What to say about a model that the endpoint does not know.
pub(super) fn unknown(model: &str, said: &str, known: Result<Vec<ModelInfo>, CallFailure>) -> String {
    let known: Vec<String> = known.unwrap_or_default().into_iter().map(|info| info.id).collect();
    if known.is_empty() {
        return format!("the model `{model}` or the address was not found (check model.name and model.base_url): {said}");
    }
    if known.iter().any(|id| id == model) {
        return format!("the model `{model}` is listed but was not found: {said}");
    }
    let more = if known.len() > MAX_NAMED { format!(" and {} more", known.len() - MAX_NAMED) } else { String::new() };
    let named: Vec<&str> = known.iter().take(MAX_NAMED).map(String::as_str).collect();
    format!("unknown model `{model}`; known models: {}{more}", named.join(", "))
}
