//! A neutral request as the JSON of chat completions. Sends nothing that a strict server would refuse: no empty lists, no unknown fields.
use serde_json::{Map, Value, json};

use crate::domain::{Block, Message, ModelRequest, Role};

use super::dialect::{Dialect, Limit, SchemaRoute};
use super::text_tools;

/// What a tool that said nothing is answered with.
const NO_OUTPUT: &str = "(no output)";

/// Fields of an earlier answer that this host wants back.
pub(super) fn echoed(host: &str) -> &'static [&'static str] {
    match host {
        // Answers with tool calls in thinking mode are refused without their reasoning.
        host if host.ends_with("deepseek.com") => &["reasoning_content"],
        host if host.ends_with("openrouter.ai") => &["reasoning_details"],
        _ => &[],
    }
}

/// The request's body. `default_output`: tokens where the request states no limit; `None` leaves it to the server.
pub(super) fn body(request: &ModelRequest, model: &str, dialect: Dialect, (echo, default_output): (&[&str], Option<u32>)) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    body.insert("messages".into(), Value::Array(messages(request, dialect, echo)));
    body.insert("stream".into(), json!(true));
    if dialect.usage_option {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    let name = match dialect.limit {
        Limit::MaxTokens => Some("max_tokens"),
        Limit::MaxCompletionTokens => Some("max_completion_tokens"),
        Limit::Left => None,
    };
    if let (Some(name), Some(limit)) = (name, request.max_output_tokens.or(default_output)) {
        body.insert(name.into(), json!(limit));
    }
    if !request.tools.is_empty() && !dialect.text_tools {
        let tool = |spec: &crate::domain::ToolSpec| json!({"type": "function", "function": {"name": spec.name, "description": spec.description, "parameters": spec.input_schema.as_value()}});
        body.insert("tools".into(), request.tools.iter().map(|spec| tool(spec)).collect());
    }
    if let Some(schema) = &request.schema {
        match dialect.schema {
            SchemaRoute::JsonSchema => {
                let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}});
                body.insert("response_format".into(), format);
            }
            SchemaRoute::JsonObject => {
                body.insert("response_format".into(), json!({"type": "json_object"}));
            }
            SchemaRoute::Prompt => {}
        }
    }
    Value::Object(body)
}

fn messages(request: &ModelRequest, dialect: Dialect, echo: &[&str]) -> Vec<Value> {
    let mut messages = Vec::new();
    let by_text = dialect.text_tools && !request.tools.is_empty();
    let mut system = request.system.trim().to_owned();
    if by_text {
        system = format!("{system}\n\n{}", text_tools::instructions(&request.tools));
    }
    if !system.is_empty() {
        messages.push(json!({"role": "system", "content": system}));
    }
    for message in &request.messages {
        match message.role {
            Role::Assistant if by_text => messages.extend(assistant_by_text(message)),
            Role::Assistant => messages.extend(assistant(message, echo)),
            Role::User if by_text => append_text(&mut messages, &text_tools::results_text(&message.blocks)),
            Role::User => tool_results(message, &mut messages),
        }
        if message.role == Role::User {
            said(message, &mut messages);
        }
    }
    if let (Some(schema), true) = (&request.schema, dialect.schema != SchemaRoute::JsonSchema) {
        let words = format!("Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{schema}");
        append_text(&mut messages, &words);
    }
    messages
}

/// The results of tools, each in a message of its own. What the user says comes after them.
fn tool_results(message: &Message, messages: &mut Vec<Value>) {
    for block in &message.blocks {
        if let Block::ToolResult { id, content, is_error } = block {
            let content = if content.trim().is_empty() { NO_OUTPUT } else { content };
            let content = if *is_error { format!("ERROR: {content}") } else { content.to_owned() };
            messages.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
        }
    }
}

fn said(message: &Message, messages: &mut Vec<Value>) {
    for block in &message.blocks {
        if let Block::Text { text } = block {
            append_text(messages, text);
        }
    }
}

/// An earlier answer for a model that calls tools in its text: as it came, unless its calls stood beside the text then.
fn assistant_by_text(message: &Message) -> Option<Value> {
    let raw = message.raw.as_ref().filter(|raw| is_ours(raw) && raw.get("tool_calls").is_none());
    let text = match raw.and_then(|raw| raw.get("content")?.as_str()) {
        Some(text) => text.to_owned(),
        None => text_tools::answer_text(&message.blocks),
    };
    (!text.trim().is_empty()).then(|| json!({"role": "assistant", "content": text}))
}

/// Text of the user, joined to what the user said just before.
fn append_text(messages: &mut Vec<Value>, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    if let Some(last) = messages.last_mut()
        && last.get("role").and_then(Value::as_str) == Some("user")
        && let Some(Value::String(before)) = last.get_mut("content")
    {
        before.push_str("\n\n");
        before.push_str(text);
        return;
    }
    messages.push(json!({"role": "user", "content": text}));
}

fn assistant(message: &Message, echo: &[&str]) -> Option<Value> {
    match message.raw.as_ref().filter(|raw| is_ours(raw)) {
        Some(raw) => from_raw(raw, echo),
        None => from_blocks(&message.blocks),
    }
}

/// An answer of this API; those of others hold a list as their content.
fn is_ours(raw: &Value) -> bool {
    raw.get("role").is_some() && !raw.get("content").is_some_and(Value::is_array)
}

/// The answer's own JSON, unless the blocks alone are sent back as the same bytes wherever they are sent.
pub(super) fn own(raw: Value, blocks: &[Block]) -> Option<Value> {
    let plain = raw.as_object().is_some_and(|fields| fields.keys().all(|key| matches!(key.as_str(), "role" | "content" | "tool_calls")));
    let sent = |message: Option<Value>| message.map(|message| message.to_string());
    (!plain || blocks.is_empty() || sent(from_raw(&raw, &[])) != sent(from_blocks(blocks))).then_some(raw)
}

fn from_raw(raw: &Value, echo: &[&str]) -> Option<Value> {
    let mut message = Map::new();
    message.insert("role".into(), json!("assistant"));
    let calls = raw.get("tool_calls").filter(|calls| calls.as_array().is_some_and(|calls| !calls.is_empty()));
    let content = raw.get("content").filter(|content| content.as_str().is_some_and(|text| !text.trim().is_empty()));
    if content.is_none() && calls.is_none() {
        return None;
    }
    message.insert("content".into(), content.cloned().unwrap_or_default());
    for key in echo {
        if let Some(value) = raw.get(*key) {
            message.insert((*key).to_owned(), value.clone());
        }
    }
    if let Some(calls) = calls {
        message.insert("tool_calls".into(), calls.clone());
    }
    Some(Value::Object(message))
}

fn from_blocks(blocks: &[Block]) -> Option<Value> {
    let texts: Vec<&str> =
        blocks.iter().filter_map(|block| if let Block::Text { text } = block { Some(text.as_str()) } else { None }).collect();
    let call = |block: &Block| match block {
        Block::ToolCall(call) => {
            Some(json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.input.to_string()}}))
        }
        _ => None,
    };
    let calls: Vec<Value> = blocks.iter().filter_map(call).collect();
    from_raw(&json!({"content": texts.join("\n"), "tool_calls": calls}), &[])
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
