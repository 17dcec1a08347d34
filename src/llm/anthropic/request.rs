//! A neutral request as the JSON of the Messages API. Sends the least: no sampling, no thinking and no tool choice, which current models refuse.
use std::ops::Range;

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::{Block, Message, ModelRequest, Role, ToolSpec};

/// Output tokens where nothing states a limit.
pub const DEFAULT_OUTPUT: u32 = 16_000;
/// Searches, and pages fetched, that one answer may use.
const MAX_USES: u32 = 5;
/// What a tool that said nothing is answered with: empty texts are refused.
const NO_OUTPUT: &str = "(no output)";

/// What the endpoint understands beyond the plain protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Anthropic's own endpoint.
    pub official: bool,
    /// Prompt caching is asked for.
    pub cache: bool,
    /// `web_search` is run by the provider.
    pub server_tools: bool,
    /// Hosts a search or a fetch keeps to; empty is any.
    pub allowed_hosts: Vec<String>,
}

/// The request's body, in the order in which it is cached. Tools are borrowed: they are most of it, and the same for every call of an agent.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<[Value; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    pub messages: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Tool<'a> {
    /// One that the provider runs itself.
    Theirs(Value),
    Ours {
        name: &'a str,
        description: &'a str,
        input_schema: &'a Value,
        /// Else a long file content arrives in one burst after minutes of silence.
        #[serde(skip_serializing_if = "Option::is_none")]
        eager_input_streaming: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Value>,
    },
}

pub(super) fn body<'a>(request: &'a ModelRequest, model: &'a str, shape: &Shape) -> Body<'a> {
    let mut tools: Vec<Tool<'a>> = request.tools.iter().map(|spec| tool(spec, model, shape)).collect();
    let mut system = None;
    if !request.system.trim().is_empty() {
        let mut block = json!({"type": "text", "text": request.system});
        mark(&mut block, shape.cache);
        system = Some([block]);
    } else if let Some(last) = tools.last_mut() {
        last.mark(shape.cache);
    }
    Body {
        model,
        max_tokens: request.max_output_tokens.unwrap_or(DEFAULT_OUTPUT),
        stream: true,
        system,
        tools,
        messages: messages(request, shape),
        cache_control: (shape.cache && shape.official).then(breakpoint),
        output_config: request.schema.as_ref().map(|schema| json!({"format": {"type": "json_schema", "schema": schema}})),
    }
}

fn breakpoint() -> Value {
    json!({"type": "ephemeral"})
}

/// A cache breakpoint; there are at most three of ours.
fn mark(block: &mut Value, cache: bool) {
    if let (true, Some(block)) = (cache, block.as_object_mut()) {
        block.insert("cache_control".into(), breakpoint());
    }
}

impl Tool<'_> {
    fn mark(&mut self, cache: bool) {
        match self {
            Tool::Theirs(tool) => mark(tool, cache),
            Tool::Ours { cache_control, .. } => *cache_control = cache.then(breakpoint),
        }
    }
}

fn tool<'a>(spec: &'a ToolSpec, model: &str, shape: &Shape) -> Tool<'a> {
    if shape.server_tools
        && let Some(tool) = server_tool(&spec.name, model, &shape.allowed_hosts)
    {
        return Tool::Theirs(tool);
    }
    Tool::Ours {
        name: &spec.name,
        description: &spec.description,
        input_schema: &spec.input_schema,
        eager_input_streaming: shape.official.then_some(true),
        cache_control: None,
    }
}

/// Whether this tool is one that the provider can run itself.
pub(super) fn is_server_tool(name: &str) -> bool {
    // Pages are fetched by us even so: an approval can be asked for, and the address checked, only where the call comes by.
    name == "web_search"
}

fn server_tool(name: &str, model: &str, hosts: &[String]) -> Option<Value> {
    let first_version = model.contains("-4-5");
    let kind = match (name, first_version) {
        ("web_search", false) => "web_search_20260318",
        ("web_search", true) => "web_search_20250305",
        _ => return None,
    };
    let mut tool = json!({"type": kind, "name": name, "max_uses": MAX_USES});
    let domains: Vec<&str> = hosts.iter().map(|host| host.trim_start_matches("*.")).collect();
    if let (false, Some(tool)) = (domains.is_empty(), tool.as_object_mut()) {
        tool.insert("allowed_domains".into(), json!(domains));
    }
    Some(tool)
}

fn messages(request: &ModelRequest, shape: &Shape) -> Vec<Value> {
    let mut messages: Vec<(Role, Vec<Value>)> = Vec::new();
    for message in &request.messages {
        let content = content(message);
        match messages.last_mut() {
            _ if content.is_empty() => {}
            // Roles alternate on the wire: a paused answer and its continuation are one message.
            Some((role, before)) if *role == message.role => before.extend(content),
            _ => messages.push((message.role, content)),
        }
    }
    for (_, content) in messages.iter_mut().filter(|(role, _)| *role == Role::User) {
        // All results of a turn come before any text.
        content.sort_by_key(|block| block.get("type").and_then(Value::as_str) != Some("tool_result"));
    }
    mark_messages(&mut messages, shape);
    let wire = |(role, content)| json!({"role": if role == Role::User { "user" } else { "assistant" }, "content": content});
    messages.into_iter().map(wire).collect()
}

/// A breakpoint behind the first message, which holds the run's context, and one at the tail where the endpoint sets none by itself.
fn mark_messages(messages: &mut [(Role, Vec<Value>)], shape: &Shape) {
    let users = || |(role, _): &&mut (Role, Vec<Value>)| *role == Role::User;
    if let Some(block) = messages.iter_mut().find(|message| users()(message)).and_then(|(_, content)| content.last_mut()) {
        mark(block, shape.cache);
    }
    if shape.official {
        return;
    }
    if let Some(block) = messages.iter_mut().rev().find(|message| users()(message)).and_then(|(_, content)| content.last_mut()) {
        mark(block, shape.cache);
    }
}

fn content(message: &Message) -> Vec<Value> {
    if message.role == Role::Assistant
        && let Some(own) = message.raw.as_ref().and_then(own_content)
    {
        return own;
    }
    message.blocks.iter().filter_map(block).collect()
}

/// The answer's own JSON, unless the blocks alone are sent back as the same bytes.
pub(super) fn own(raw: Value, blocks: &[Block]) -> Option<Value> {
    let from_blocks: Vec<Value> = blocks.iter().filter_map(block).collect();
    // As text, since JSON values are equal whatever the order of their fields.
    let same = !blocks.is_empty() && raw.get("content").map(Value::to_string) == Some(Value::Array(from_blocks).to_string());
    (!same).then_some(raw)
}

/// The content of an answer of ours, as it came. Another provider's has another shape.
fn own_content(raw: &Value) -> Option<Vec<Value>> {
    let content = raw.get("content")?.as_array()?;
    let ours = content.iter().all(|block| block.get("type").is_some_and(Value::is_string)) && raw.get("tool_calls").is_none();
    ours.then(|| content.iter().filter(|block| !is_blank_text(block)).cloned().collect())
}

/// Blank texts are refused in a request although answers may hold them.
pub(super) fn is_blank_text(block: &Value) -> bool {
    block.get("type").and_then(Value::as_str) == Some("text")
        && block.get("text").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty())
}

fn block(block: &Block) -> Option<Value> {
    Some(match block {
        Block::Text { text } if text.trim().is_empty() => return None,
        Block::Text { text } => json!({"type": "text", "text": text}),
        Block::ToolCall(call) => json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}),
        Block::ToolResult { id, content, is_error } => {
            let content = if content.trim().is_empty() { NO_OUTPUT } else { content };
            let mut result = json!({"type": "tool_result", "tool_use_id": id, "content": content});
            if let (true, Some(result)) = (*is_error, result.as_object_mut()) {
                result.insert("is_error".into(), json!(true));
            }
            result
        }
    })
}

/// Takes thinking out of these messages: its signatures no longer fit the conversation.
pub(super) fn without_thinking(messages: &mut Vec<Value>, numbers: Range<usize>) {
    for message in messages.iter_mut().take(numbers.end).skip(numbers.start) {
        if let Some(content) = message.get_mut("content").and_then(Value::as_array_mut) {
            content.retain(|block| !matches!(block.get("type").and_then(Value::as_str), Some("thinking" | "redacted_thinking")));
        }
    }
    messages.retain(|message| message.get("content").and_then(Value::as_array).is_none_or(|content| !content.is_empty()));
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
