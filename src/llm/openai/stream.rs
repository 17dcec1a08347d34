//! The chunks of a chat completion put together to one answer. It is complete when a reason for its end was heard, and not by `[DONE]` alone. Pure.
use serde_json::{Map, Value, json};

use crate::domain::{Block, CallFailure, StopReason, Usage};
use crate::llm::failure::{Rejection, transient};
use crate::llm::model;
use crate::llm::sse::SseEvent;

use super::calls::Calls;
use super::errors;

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    Progress,
    /// The reason for the end is known; figures may follow.
    Complete,
    /// Nothing follows.
    Done,
}

/// An answer while it arrives.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub model: Option<String>,
    /// What the server itself says the call cost, in US dollars (OpenRouter).
    pub cost_usd: Option<f64>,
    text: String,
    refusal: String,
    calls: Calls,
    /// `reasoning_content`, `reasoning`: texts; `reasoning_details`: a list. Kept with the message; some hosts want them back.
    reasoning: Map<String, Value>,
    finish: Option<String>,
    usage: Option<Usage>,
    heard_bytes: usize,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Finished {
    pub blocks: Vec<Block>,
    pub stop: StopReason,
    pub usage: Usage,
    pub raw: Value,
}

impl Answer {
    /// Takes the next event.
    pub fn push(&mut self, event: &SseEvent) -> Result<Heard, CallFailure> {
        if event.data.trim() == "[DONE]" {
            return Ok(Heard::Done);
        }
        let chunk: Value = match serde_json::from_str(&event.data) {
            Ok(chunk) => chunk,
            Err(error) => return Err(transient(format!("the answer holds a chunk that is no JSON: {error}"))),
        };
        let is_error = chunk.get("error").is_some_and(|error| !error.is_null());
        if is_error || event.event.as_deref() == Some("error") || chunk.get("object").and_then(Value::as_str) == Some("error") {
            return Err(failed(chunk));
        }
        if self.model.is_none() {
            self.model = chunk.get("model").and_then(Value::as_str).filter(|model| !model.is_empty()).map(str::to_owned);
        }
        self.count(&chunk);
        let before = (self.finish.is_some(), self.heard_bytes, self.calls.is_empty());
        for choice in chunk.get("choices").and_then(Value::as_array).into_iter().flatten() {
            // Only one answer was asked for.
            if choice.get("index").and_then(Value::as_i64).unwrap_or(0) == 0 {
                self.choice(choice);
            }
        }
        let after = (self.finish.is_some(), self.heard_bytes, self.calls.is_empty());
        Ok(if after.0 {
            Heard::Complete
        } else if before != after {
            Heard::Progress
        } else {
            Heard::Nothing
        })
    }

    fn choice(&mut self, choice: &Value) {
        let delta = choice.get("delta").filter(|delta| !delta.is_null()).or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        let before = self.text.len() + self.refusal.len();
        add_content(&mut self.text, delta.get("content"));
        self.refusal.push_str(delta.get("refusal").and_then(Value::as_str).unwrap_or_default());
        self.heard_bytes += self.text.len() + self.refusal.len() - before;
        for fragment in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            self.heard_bytes += self.calls.push(fragment);
        }
        self.think(delta);
        if let Some(finish) = choice.get("finish_reason").and_then(Value::as_str).filter(|finish| !finish.is_empty()) {
            self.finish = Some(finish.to_owned());
        }
    }

    fn think(&mut self, delta: &Value) {
        for key in ["reasoning_content", "reasoning"] {
            let Some(more) = delta.get(key).and_then(Value::as_str).filter(|more| !more.is_empty()) else { continue };
            self.heard_bytes += more.len();
            match self.reasoning.get_mut(key) {
                Some(Value::String(text)) => text.push_str(more),
                _ => {
                    self.reasoning.insert(key.into(), json!(more));
                }
            }
        }
        let Some(details) = delta.get("reasoning_details").and_then(Value::as_array).filter(|details| !details.is_empty()) else { return };
        self.heard_bytes += details.len();
        match self.reasoning.get_mut("reasoning_details") {
            Some(Value::Array(before)) => before.extend(details.iter().cloned()),
            _ => {
                self.reasoning.insert("reasoning_details".into(), json!(details));
            }
        }
    }

    /// The last figures count: servers that send them early send sums.
    pub(super) fn count(&mut self, chunk: &Value) {
        let usage = chunk.get("usage").filter(|usage| usage.is_object()).or_else(|| chunk.pointer("/x_groq/usage"));
        let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
        let number = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64);
        let read = number("/prompt_tokens_details/cached_tokens").or_else(|| number("/prompt_cache_hit_tokens")).unwrap_or(0);
        let write = number("/prompt_tokens_details/cache_write_tokens").unwrap_or(0);
        let prompt = number("/prompt_tokens").unwrap_or(0);
        self.cost_usd = billed(usage).or(self.cost_usd);
        self.usage = Some(Usage {
            // The prompt's figure holds the cached tokens.
            input_tokens: prompt.saturating_sub(read).saturating_sub(write),
            output_tokens: number("/completion_tokens").unwrap_or(0),
            cache_read_tokens: read.min(prompt),
            cache_write_tokens: write.min(prompt.saturating_sub(read)),
        });
    }

    /// Whether the reason for the end was heard: the answer is whole even if the connection breaks now.
    pub fn is_complete(&self) -> bool {
        self.finish.is_some()
    }

    /// Tokens so far: the server's figures, else an estimate from the bytes.
    pub fn used(&self, prompt_tokens: u64) -> Usage {
        self.usage.unwrap_or_else(|| Usage {
            input_tokens: prompt_tokens,
            output_tokens: model::tokens_of(self.heard_bytes),
            ..Usage::default()
        })
    }

    /// The answer, if it is complete. `turn` numbers ids of our own, `prompt_tokens` is the estimate for servers that send no figures.
    pub fn finish(self, turn: usize, prompt_tokens: u64) -> Result<Finished, CallFailure> {
        let usage = self.used(prompt_tokens);
        let Some(finish) = self.finish.as_deref() else {
            return Err(transient("the answer ended before it was complete"));
        };
        let stop = stop_reason(finish, self.calls.is_empty(), !self.refusal.is_empty() && self.text.is_empty())?;
        if finish == "tool_calls" && self.calls.is_empty() && self.text.trim().is_empty() {
            return Err(transient("the model meant to call a tool but the server passed no call on"));
        }
        let mut raw = Map::new();
        raw.insert("role".into(), json!("assistant"));
        raw.insert("content".into(), if self.text.is_empty() { Value::Null } else { json!(self.text) });
        raw.extend(self.reasoning);
        if self.usage.is_none() {
            tracing::debug!("the server sent no figures; tokens are estimated");
            raw.insert("usage_estimated".into(), json!(true));
        }
        let mut blocks = Vec::new();
        if !self.text.trim().is_empty() {
            blocks.push(Block::Text { text: self.text });
        } else if stop == StopReason::Refusal && !self.refusal.is_empty() {
            blocks.push(Block::Text { text: self.refusal });
        }
        let calls = self.calls.finish(turn);
        if !calls.is_empty() && stop != StopReason::Refusal {
            raw.insert("tool_calls".into(), calls.iter().map(wire_call).collect());
            blocks.extend(calls.into_iter().map(|finished| Block::ToolCall(finished.call)));
        }
        Ok(Finished { blocks, stop, usage, raw: Value::Object(raw) })
    }
}

/// A call as it goes back; arguments that could not be read go back as JSON that servers can.
fn wire_call(finished: &super::calls::Finished) -> Value {
    let call = &finished.call;
    let mut wire = json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.input.to_string()}});
    if let Some(wire) = wire.as_object_mut() {
        wire.extend(finished.extra.clone());
    }
    wire
}

/// Content is a text, or with some servers a list of parts.
fn add_content(text: &mut String, content: Option<&Value>) {
    match content {
        Some(Value::String(more)) => text.push_str(more),
        Some(Value::Array(parts)) => {
            for part in parts.iter().filter(|part| part.get("type").and_then(Value::as_str) == Some("text")) {
                text.push_str(part.get("text").and_then(Value::as_str).unwrap_or_default());
            }
        }
        _ => {}
    }
}

fn failed(chunk: Value) -> CallFailure {
    let mut rejection = Rejection { status: 0, body: chunk.to_string(), json: chunk, ..Rejection::default() };
    rejection.status = errors::status_of(&rejection);
    errors::failure(&rejection)
}

/// Calls are acted on whatever reason is given, unless the answer was cut or filtered.
fn stop_reason(finish: &str, no_calls: bool, refused: bool) -> Result<StopReason, CallFailure> {
    Ok(match finish {
        "length" => StopReason::MaxTokens,
        "content_filter" => StopReason::Refusal,
        "error" => return Err(transient("the server ended the answer with an error")),
        "insufficient_system_resource" => return Err(transient("the server ran out of resources in the middle of the answer")),
        _ if !no_calls => StopReason::ToolUse,
        _ if refused => StopReason::Refusal,
        "stop" | "tool_calls" | "function_call" | "eos" | "end_turn" => StopReason::EndTurn,
        "model_length" | "context_length" => StopReason::ContextWindowExceeded,
        other => {
            tracing::warn!(finish_reason = other, "the model stopped for a reason unknown here; taken as the end of its turn");
            StopReason::EndTurn
        }
    })
}

/// What the server says that the call cost, in US dollars. Where OpenRouter passes a call on with the user's own key (`is_byok`), `cost` is its fee alone,
/// and what the key's owner pays upstream stands beside it; otherwise the upstream figure is a part of `cost`. Source: OpenRouter's page on usage accounting.
fn billed(usage: &Value) -> Option<f64> {
    // A server cannot give money back.
    let money = |pointer: &str| usage.pointer(pointer).and_then(Value::as_f64).filter(|cost| *cost >= 0.0);
    let own_key = usage.get("is_byok").and_then(Value::as_bool) == Some(true);
    match (money("/cost"), money("/cost_details/upstream_inference_cost").filter(|_| own_key)) {
        (Some(fee), Some(upstream)) => Some(fee + upstream),
        // With a key of the user's own the fee alone would be far too little.
        (Some(_), None) if own_key => None,
        (cost, upstream) => cost.or(upstream),
    }
}
