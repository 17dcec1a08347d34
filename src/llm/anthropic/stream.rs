//! The events of a Messages stream put together to one answer. A stream is complete with `message_stop` and with nothing else. Pure.
//! The grammar: <https://platform.claude.com/docs/en/build-with-claude/streaming>.
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::domain::{Block, CallFailure, StopReason, ToolCall, Usage};
use crate::llm::failure::{Rejection, transient};
use crate::llm::price::Billed;
use crate::llm::sse::SseEvent;

use super::errors;
use super::messages::is_blank_text;

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// A keep-alive, or something a later version knows.
    Nothing,
    Progress,
    /// The answer is complete.
    Complete,
}

/// An answer while it arrives.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The model that answered, and the message's own id.
    pub model: Option<String>,
    started: bool,
    blocks: BTreeMap<u64, Arriving>,
    /// The API's own figures, each overwritten by the last one heard: they are cumulative.
    usage: Map<String, Value>,
    stop: Option<String>,
    stop_details: Value,
    complete: bool,
    /// Bytes of text, thinking and input heard: what an answer that breaks off has cost.
    heard_bytes: usize,
}

#[derive(Debug)]
struct Arriving {
    block: Value,
    /// The input of a tool call as it comes, which is no JSON until it is whole.
    input: String,
    open: bool,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Finished {
    pub blocks: Vec<Block>,
    pub stop: StopReason,
    pub billed: Billed,
    pub raw: Value,
}

impl Answer {
    /// Takes the next event.
    pub fn push(&mut self, event: &SseEvent) -> Result<Heard, CallFailure> {
        // Some gateways end every stream as OpenAI does.
        if event.data.trim() == "[DONE]" {
            return Ok(Heard::Nothing);
        }
        let data: Value = match serde_json::from_str(&event.data) {
            Ok(data) => data,
            Err(error) => return Err(transient(format!("the answer holds an event that is no JSON: {error}"))),
        };
        // The data says what the event is; the name beside it may be missing or wrong.
        let kind = data.get("type").and_then(Value::as_str).or(event.event.as_deref()).unwrap_or_default().to_owned();
        if kind == "error" || event.event.as_deref() == Some("error") {
            return Err(failed(data));
        }
        match kind.as_str() {
            "message_start" => self.start(&data),
            "content_block_start" => self.start_block(&data),
            "content_block_delta" => self.delta(&data)?,
            "content_block_stop" => self.stop_block(&data),
            "message_delta" => self.message_delta(&data),
            "message_stop" if self.started => {
                self.complete = true;
                return Ok(Heard::Complete);
            }
            _ => return Ok(Heard::Nothing),
        }
        Ok(Heard::Progress)
    }

    /// Proxies repeat the start, even in the middle: the first one counts.
    fn start(&mut self, data: &Value) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let message = data.get("message").unwrap_or(&Value::Null);
        self.model = message.get("model").and_then(Value::as_str).map(str::to_owned);
        self.count(message.get("usage"));
    }

    fn count(&mut self, usage: Option<&Value>) {
        for (key, value) in usage.and_then(Value::as_object).into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            self.usage.insert(key.clone(), value.clone());
        }
    }

    fn start_block(&mut self, data: &Value) {
        let block = data.get("content_block").cloned().unwrap_or_default();
        self.blocks.insert(index(data), Arriving { block, input: String::new(), open: true });
    }

    fn delta(&mut self, data: &Value) -> Result<(), CallFailure> {
        let Some(arriving) = self.blocks.get_mut(&index(data)) else {
            return Err(transient("the answer goes on with a part that was never begun"));
        };
        let delta = data.get("delta").unwrap_or(&Value::Null);
        let text = |key: &str| delta.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = text("type");
        let grown = match kind {
            "text_delta" => grow(&mut arriving.block, "text", text("text")),
            "thinking_delta" => grow(&mut arriving.block, "thinking", text("thinking")),
            "compaction_delta" => grow(&mut arriving.block, "content", text("content")),
            "input_json_delta" => {
                arriving.input.push_str(text("partial_json"));
                text("partial_json").len()
            }
            "signature_delta" => {
                set(&mut arriving.block, "signature", json!(text("signature")));
                0
            }
            "citations_delta" => {
                cite(&mut arriving.block, delta.get("citation"));
                0
            }
            _ => 0,
        };
        self.heard_bytes += grown;
        Ok(())
    }

    fn stop_block(&mut self, data: &Value) {
        if let Some(arriving) = self.blocks.get_mut(&index(data)) {
            arriving.close();
        }
    }

    fn message_delta(&mut self, data: &Value) {
        let delta = data.get("delta").unwrap_or(&Value::Null);
        if let Some(stop) = delta.get("stop_reason").and_then(Value::as_str) {
            self.stop = Some(stop.to_owned());
        }
        if let Some(details) = delta.get("stop_details").filter(|details| !details.is_null()) {
            self.stop_details = details.clone();
        }
        self.count(data.get("usage"));
    }

    /// What the answer has cost so far.
    pub fn billed(&self) -> Billed {
        let count = |key: &str| self.usage.get(key).and_then(Value::as_u64).unwrap_or(0);
        let inner = |outer: &str, key: &str| self.usage.get(outer).and_then(|value| value.get(key)).and_then(Value::as_u64).unwrap_or(0);
        let heard = if self.complete { 0 } else { self.heard_bytes as u64 / 4 };
        let usage = Usage {
            input_tokens: count("input_tokens"),
            output_tokens: count("output_tokens").max(heard),
            cache_read_tokens: count("cache_read_input_tokens"),
            cache_write_tokens: count("cache_creation_input_tokens"),
        };
        Billed {
            usage,
            written_for_1h: inner("cache_creation", "ephemeral_1h_input_tokens"),
            searches: inner("server_tool_use", "web_search_requests"),
        }
    }

    /// The answer, if it is complete. [`Answer::billed`] says what it cost either way.
    pub fn finish(mut self) -> Result<Finished, CallFailure> {
        let billed = self.billed();
        if !self.complete {
            return Err(transient("the answer ended before it was complete"));
        }
        let Some(stop) = self.stop.take() else {
            return Err(transient("the answer ended without saying why it stopped"));
        };
        let stop = stop_reason(&stop);
        self.blocks.values_mut().for_each(Arriving::close);
        let mut content: Vec<Value> = self.blocks.into_values().map(|arriving| arriving.block).collect();
        let blocks = if stop == StopReason::Refusal { refusal(&self.stop_details) } else { neutral(&content) };
        content.retain(|block| !is_blank_text(block));
        Ok(Finished { blocks, stop, billed, raw: json!({"role": "assistant", "content": content}) })
    }
}

impl Arriving {
    fn close(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let is_call = matches!(self.block.get("type").and_then(Value::as_str), Some(kind) if kind.ends_with("tool_use"));
        let begun_with_input = self.block.get("input").and_then(Value::as_object).is_some_and(|input| !input.is_empty());
        if !self.input.is_empty() || (is_call && !begun_with_input) {
            set(&mut self.block, "input", ToolCall::input_from_text(&self.input));
        }
    }
}

fn index(data: &Value) -> u64 {
    data.get("index").and_then(Value::as_u64).unwrap_or(0)
}

fn set(block: &mut Value, key: &str, value: Value) {
    if let Some(block) = block.as_object_mut() {
        block.insert(key.to_owned(), value);
    }
}

fn grow(block: &mut Value, key: &str, more: &str) -> usize {
    match block.get_mut(key) {
        Some(Value::String(text)) => text.push_str(more),
        _ => set(block, key, json!(more)),
    }
    more.len()
}

fn cite(block: &mut Value, citation: Option<&Value>) {
    let Some(citation) = citation else { return };
    match block.get_mut("citations") {
        Some(Value::Array(citations)) => citations.push(citation.clone()),
        _ => set(block, "citations", json!([citation])),
    }
}

/// An error event after a head of success: it means the status that its type names.
fn failed(data: Value) -> CallFailure {
    let request_id = data.get("request_id").and_then(Value::as_str).map(str::to_owned);
    let body = data.to_string();
    let kind = data.get("error").and_then(|error| error.get("type")).and_then(Value::as_str).unwrap_or_default();
    let status = errors::status_of(kind);
    errors::failure(&Rejection { status, body, json: data, request_id, ..Rejection::default() })
}

fn stop_reason(stop: &str) -> StopReason {
    match stop {
        "end_turn" => StopReason::EndTurn,
        "tool_use" => StopReason::ToolUse,
        "max_tokens" => StopReason::MaxTokens,
        "stop_sequence" => StopReason::StopSequence,
        "pause_turn" => StopReason::PauseTurn,
        "refusal" => StopReason::Refusal,
        "model_context_window_exceeded" => StopReason::ContextWindowExceeded,
        other => {
            tracing::warn!(stop_reason = other, "the model stopped for a reason unknown here; taken as the end of its turn");
            StopReason::EndTurn
        }
    }
}

/// A refused answer is partial: nothing of it is used, only the category is told.
fn refusal(details: &Value) -> Vec<Block> {
    let text = |key: &str| details.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let parts: Vec<String> = [text("category").map(|category| format!("category {category}")), text("explanation").map(str::to_owned)]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() { Vec::new() } else { vec![Block::Text { text: parts.join(": ") }] }
}

/// The parts that agents work with. Texts that follow each other are one: a text with sources comes in pieces.
fn neutral(content: &[Value]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut after_text = false;
    for block in content {
        let text = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_text = text("type") == "text";
        match (text("type").as_str(), blocks.last_mut()) {
            ("text", Some(Block::Text { text: before })) if after_text => before.push_str(&text("text")),
            ("text", _) => blocks.push(Block::Text { text: text("text") }),
            ("tool_use", _) => {
                let input = block.get("input").cloned().unwrap_or_default();
                blocks.push(Block::ToolCall(ToolCall { id: text("id"), name: text("name"), input }));
            }
            _ => {}
        }
        after_text = is_text;
    }
    blocks.retain(|block| !matches!(block, Block::Text { text } if text.trim().is_empty()));
    blocks
}
