//! A conversation with a model in neutral words: messages, requests, replies, failures. Wire shapes live with each provider.
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::goal::InputFile;
use super::path::RelPath;
use super::plan::StepId;
use super::tool::{ToolCall, ToolSpec};
use super::usage::Usage;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Assistant,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    Text {
        text: String,
    },
    ToolCall(ToolCall),
    ToolResult {
        id: String,
        content: String,
        #[serde(default)]
        is_error: bool,
    },
}

/// One message; `raw` is the provider's own JSON of an assistant message, sent back verbatim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub blocks: Vec<Block>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

impl Message {
    pub fn user(text: impl Into<String>) -> Self {
        Message { role: Role::User, blocks: vec![Block::Text { text: text.into() }], raw: None }
    }
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    EndTurn,
    ToolUse,
    MaxTokens,
    StopSequence,
    PauseTurn,
    Refusal,
    ContextWindowExceeded,
    /// The call failed for good; see its failure.
    Error,
}

/// A complete answer of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    pub blocks: Vec<Block>,
    pub stop: StopReason,
    pub usage: Usage,
    /// US dollars; `None` when the price is unknown.
    pub cost_usd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The provider's own JSON of the message, where the blocks do not say all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

/// What a model said, without the figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    pub blocks: Vec<Block>,
    /// The provider's own JSON of the message, where the blocks do not say all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

impl Said {
    /// All text of it, paragraphs joined by a newline.
    pub fn text(&self) -> String {
        let parts: Vec<&str> =
            self.blocks.iter().filter_map(|block| if let Block::Text { text } = block { Some(text.as_str()) } else { None }).collect();
        parts.join("\n")
    }

    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        tool_calls(&self.blocks)
    }
}

impl Reply {
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        tool_calls(&self.blocks)
    }

    /// What was said.
    pub fn said(self) -> Said {
        Said { blocks: self.blocks, raw: self.raw }
    }
}

fn tool_calls(blocks: &[Block]) -> impl Iterator<Item = &ToolCall> {
    blocks.iter().filter_map(|block| if let Block::ToolCall(call) = block { Some(call) } else { None })
}

/// How a failed call is to be handled (DESIGN: errors by class).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// May work when tried again.
    Transient,
    /// Told to slow down.
    Throttled,
    /// Quota or authentication: the whole run parks at once.
    Parked,
    /// Would fail again in the same way: the step fails.
    Doomed,
    /// The conversation does not fit the model's window: as it stands it would fail again, a shorter one may not.
    Overflow,
    /// Stopped by us.
    Cancelled,
}

/// A call that ended without a usable reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallFailure {
    pub class: FailureClass,
    pub message: String,
    /// Milliseconds to wait at the least before the next try, where the server said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What was paid for although no usable reply came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// It is worth another try, which has to be paid anew: the budget is asked first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl CallFailure {
    /// A failure that cost nothing.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        CallFailure { class, message: message.into(), retry_after_ms: None, spent: None, again: false }
    }
}

/// Tokens and money of an answer that broke off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spent {
    pub usage: Usage,
    /// US dollars; `None` when the price is unknown.
    pub cost_usd: Option<f64>,
}

/// What an earlier step left for this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    pub step: StepId,
    pub agent: String,
    pub title: String,
    pub output: RelPath,
}

/// The step behind a request, as values: what the prompt says in prose. Providers without a language model read this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    pub goal: String,
    pub agent: String,
    pub step: StepId,
    pub title: String,
    pub instructions: String,
    pub output: RelPath,
    pub inputs: Vec<InputFile>,
    pub upstream: Vec<Upstream>,
    /// Every other output that the plan names.
    pub planned_files: Vec<RelPath>,
    /// Whether the plan lets this step read the project.
    pub uses_project: bool,
    /// Findings of a review came back after the step had finished; its files are there already.
    #[serde(default)]
    pub reworks: bool,
    /// Model calls left after this one.
    pub turns_left: u32,
}

impl Brief {
    /// The brief of a step that stands alone: nothing attached, nothing before it, one turn left.
    pub fn new(agent: &str, goal: &str, step: StepId, output: RelPath) -> Self {
        Brief {
            goal: goal.to_owned(),
            agent: agent.to_owned(),
            step,
            title: goal.to_owned(),
            instructions: String::new(),
            output,
            inputs: Vec::new(),
            upstream: Vec::new(),
            planned_files: Vec::new(),
            uses_project: false,
            reworks: false,
            turns_left: 1,
        }
    }
}

/// One request to a model. `system`, `tools` and earlier `messages` of a conversation never change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelRequest {
    pub model: Option<String>,
    pub system: String,
    pub tools: Vec<Arc<ToolSpec>>,
    pub messages: Vec<Message>,
    pub max_output_tokens: Option<u32>,
    /// JSON Schema that the whole answer must fit; providers choose how they ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    pub brief: Brief,
}

impl ModelRequest {
    /// A request with nothing but a conversation: no system prompt, no tools, no limit.
    pub fn new(brief: Brief, messages: Vec<Message>) -> Self {
        ModelRequest { model: None, system: String::new(), tools: Vec::new(), messages, max_output_tokens: None, schema: None, brief }
    }

    /// SHA-256 over what a model would see: the key that tells one request from another.
    pub fn hash(&self) -> String {
        let seen = (&self.model, &self.system, &self.tools, &self.messages, self.max_output_tokens);
        // Nothing that a request holds fails to be JSON.
        let text = match &self.schema {
            None => serde_json::to_vec(&seen),
            Some(schema) => serde_json::to_vec(&(seen, schema)),
        };
        super::hash::sha256(&text.unwrap_or_default())
    }

    /// The sources that results so far told of: origin and number, the last word for each.
    pub fn sources(&self) -> std::collections::BTreeMap<String, usize> {
        let blocks = self.messages.iter().flat_map(|message| &message.blocks);
        let told = blocks.filter_map(|block| match block {
            Block::ToolResult { content, .. } => Some(super::evidence::split_told(content).1),
            _ => None,
        });
        told.flatten().map(|(origin, number)| (origin.to_owned(), number)).collect()
    }

    /// Results of tool calls so far, with the call each one answers, oldest first.
    pub fn tool_results(&self) -> Vec<(&ToolCall, &str, bool)> {
        let calls = self.messages.iter().flat_map(|message| &message.blocks);
        let find = |wanted: &str| {
            calls.clone().find_map(|block| match block {
                Block::ToolCall(call) if call.id == wanted => Some(call),
                _ => None,
            })
        };
        self.messages
            .iter()
            .flat_map(|message| &message.blocks)
            .filter_map(|block| match block {
                Block::ToolResult { id, content, is_error } => {
                    find(id).map(|call| (call, super::evidence::split_told(content).0, !is_error))
                }
                _ => None,
            })
            .collect()
    }
}
