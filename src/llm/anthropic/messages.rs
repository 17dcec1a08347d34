//! A conversation as the messages of the Messages API. Texts are borrowed; an answer of the provider's own goes back as it came.
use std::borrow::Cow;
use std::ops::Range;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::domain::{Block, Message, ModelRequest, Role};

use super::request::{Breakpoint, Shape, mark};

/// What a tool that said nothing is answered with: empty texts are refused.
const NO_OUTPUT: &str = "(no output)";

/// One message on the wire.
#[derive(Debug, Serialize)]
pub(super) struct Wire<'a> {
    #[serde(serialize_with = "role_on_the_wire")]
    role: Role,
    content: Vec<Part<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Breakpoint>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Breakpoint>,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Breakpoint>,
    },
    /// Of an answer that came from this provider.
    #[serde(untagged)]
    Own(Cow<'a, Value>),
}

fn role_on_the_wire<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *role == Role::User { "user" } else { "assistant" })
}

pub(super) fn messages<'a>(request: &'a ModelRequest, shape: &Shape) -> Vec<Wire<'a>> {
    let mut messages: Vec<Wire<'a>> = Vec::new();
    for message in &request.messages {
        let content = content(message);
        match messages.last_mut() {
            _ if content.is_empty() => {}
            // Roles alternate on the wire: a paused answer and its continuation are one message.
            Some(before) if before.role == message.role => before.content.extend(content),
            _ => messages.push(Wire { role: message.role, content }),
        }
    }
    for message in messages.iter_mut().filter(|message| message.role == Role::User) {
        // All results of a turn come before any text.
        message.content.sort_by_key(|part| !part.is_tool_result());
    }
    mark_messages(&mut messages, shape);
    messages
}

/// A breakpoint behind the first message, which holds the run's context, and one at the tail where the endpoint sets none by itself.
fn mark_messages(messages: &mut [Wire<'_>], shape: &Shape) {
    let is_users = |message: &&mut Wire<'_>| message.role == Role::User;
    if let Some(part) = messages.iter_mut().find(is_users).and_then(|message| message.content.last_mut()) {
        part.mark(shape.breakpoint());
    }
    if shape.official {
        return;
    }
    if let Some(part) = messages.iter_mut().rev().find(is_users).and_then(|message| message.content.last_mut()) {
        part.mark(shape.breakpoint());
    }
}

fn content(message: &Message) -> Vec<Part<'_>> {
    if message.role == Role::Assistant
        && let Some(own) = message.raw.as_ref().and_then(own_content)
    {
        return own;
    }
    parts(&message.blocks)
}

fn parts(blocks: &[Block]) -> Vec<Part<'_>> {
    blocks.iter().filter_map(Part::of).collect()
}

/// The answer's own JSON, unless the blocks alone are sent back as the same bytes.
pub(super) fn own(raw: Value, blocks: &[Block]) -> Option<Value> {
    // As text, since JSON values are equal whatever the order of their fields.
    let from_blocks = serde_json::to_string(&parts(blocks)).ok();
    let same = !blocks.is_empty() && raw.get("content").map(Value::to_string) == from_blocks;
    (!same).then_some(raw)
}

/// The content of an answer of ours, as it came. Another provider's has another shape.
fn own_content(raw: &Value) -> Option<Vec<Part<'_>>> {
    let content = raw.get("content")?.as_array()?;
    let ours = content.iter().all(|block| block.get("type").is_some_and(Value::is_string)) && raw.get("tool_calls").is_none();
    ours.then(|| content.iter().filter(|block| !is_blank_text(block)).map(|block| Part::Own(Cow::Borrowed(block))).collect())
}

/// Blank texts are refused in a request although answers may hold them.
pub(super) fn is_blank_text(block: &Value) -> bool {
    kind(block) == Some("text") && block.get("text").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty())
}

fn kind(block: &Value) -> Option<&str> {
    block.get("type").and_then(Value::as_str)
}

impl<'a> Part<'a> {
    fn of(block: &'a Block) -> Option<Part<'a>> {
        let cache_control = None;
        Some(match block {
            Block::Text { text } if text.trim().is_empty() => return None,
            Block::Text { text } => Part::Text { text, cache_control },
            Block::ToolCall(call) => Part::ToolUse { id: &call.id, name: &call.name, input: &call.input, cache_control },
            Block::ToolResult { id, content, is_error } => {
                let content = if content.trim().is_empty() { NO_OUTPUT } else { content };
                Part::ToolResult { tool_use_id: id, content, is_error: *is_error, cache_control }
            }
        })
    }

    fn mark(&mut self, breakpoint: Option<Breakpoint>) {
        match self {
            Part::Text { cache_control, .. } | Part::ToolUse { cache_control, .. } | Part::ToolResult { cache_control, .. } => {
                *cache_control = breakpoint;
            }
            Part::Own(block) => mark(block.to_mut(), breakpoint),
        }
    }

    fn is_tool_result(&self) -> bool {
        match self {
            Part::ToolResult { .. } => true,
            Part::Own(block) => kind(block) == Some("tool_result"),
            Part::Text { .. } | Part::ToolUse { .. } => false,
        }
    }

    fn is_thinking(&self) -> bool {
        matches!(self, Part::Own(block) if matches!(kind(block), Some("thinking" | "redacted_thinking")))
    }
}

/// Takes thinking out of these messages: its signatures no longer fit the conversation.
pub(super) fn without_thinking(messages: &mut Vec<Wire<'_>>, numbers: Range<usize>) {
    for message in messages.iter_mut().take(numbers.end).skip(numbers.start) {
        message.content.retain(|part| !part.is_thinking());
    }
    messages.retain(|message| !message.content.is_empty());
}
