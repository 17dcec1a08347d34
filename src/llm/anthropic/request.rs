//! A neutral request as the JSON of the Messages API. Sends the least: no sampling, no thinking and no tool choice, which current models refuse.
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::{ModelRequest, Schema, ToolSpec};

use super::messages::{Wire, messages};

/// Output tokens where nothing states a limit.
pub const DEFAULT_OUTPUT: u32 = 16_000;
/// Searches, and pages fetched, that one answer may use.
const MAX_USES: u32 = 5;

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

/// The request's body, in the order in which it is cached. Nothing long is copied before it is rendered.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<[System<'a>; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    pub messages: Vec<Wire<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Breakpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Value>,
}

/// What comes before this may be cached; there are at most three of ours.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Breakpoint {
    Ephemeral,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "text")]
struct System<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Breakpoint>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Tool<'a> {
    /// One that the provider runs itself.
    Theirs(Value),
    Ours {
        name: &'a str,
        description: &'a str,
        input_schema: &'a Schema,
        /// Else a long file content arrives in one burst after minutes of silence.
        #[serde(skip_serializing_if = "Option::is_none")]
        eager_input_streaming: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Breakpoint>,
    },
}

pub(super) fn body<'a>(request: &'a ModelRequest, model: &'a str, shape: &Shape) -> Body<'a> {
    let mut tools: Vec<Tool<'a>> = request.tools.iter().map(|spec| tool(spec, model, shape)).collect();
    let mut system = None;
    if !request.system.trim().is_empty() {
        system = Some([System { text: &request.system, cache_control: shape.breakpoint() }]);
    } else if let Some(last) = tools.last_mut() {
        last.mark(shape.breakpoint());
    }
    Body {
        model,
        max_tokens: request.max_output_tokens.unwrap_or(DEFAULT_OUTPUT),
        stream: true,
        system,
        tools,
        messages: messages(request, shape),
        cache_control: shape.breakpoint().filter(|_| shape.official),
        output_config: request.schema.as_ref().map(|schema| json!({"format": {"type": "json_schema", "schema": schema}})),
    }
}

impl Shape {
    pub fn breakpoint(&self) -> Option<Breakpoint> {
        self.cache.then_some(Breakpoint::Ephemeral)
    }
}

impl Tool<'_> {
    fn mark(&mut self, breakpoint: Option<Breakpoint>) {
        match self {
            Tool::Theirs(tool) => mark(tool, breakpoint),
            Tool::Ours { cache_control, .. } => *cache_control = breakpoint,
        }
    }
}

/// Marks a block that is JSON already.
pub(super) fn mark(block: &mut Value, breakpoint: Option<Breakpoint>) {
    if let (Some(breakpoint), Some(block)) = (breakpoint, block.as_object_mut()) {
        block.insert("cache_control".into(), json!(breakpoint));
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

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
