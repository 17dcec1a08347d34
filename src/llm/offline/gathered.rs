//! What the tools have answered in a step so far. Knows no specialist.
use serde_json::Value;

use crate::domain::{ModelRequest, ToolCall};

/// What the tools have answered so far.
pub struct Gathered<'a> {
    pub request: &'a ModelRequest,
    results: Vec<(&'a ToolCall, &'a str, bool)>,
}

impl<'a> Gathered<'a> {
    pub fn of(request: &'a ModelRequest) -> Self {
        Gathered { request, results: request.tool_results() }
    }

    /// The last answer of a tool about a path (any path when it is empty): text, and whether it went well.
    pub fn answer(&self, tool: &str, path: &str) -> Option<(&'a str, bool)> {
        let is_it =
            |call: &ToolCall| call.name == tool && (path.is_empty() || call.input.get("path").and_then(Value::as_str) == Some(path));
        self.results.iter().rev().find(|(call, _, _)| is_it(call)).map(|(_, content, ok)| (*content, *ok))
    }

    /// The answer where it went well.
    pub fn good(&self, tool: &str, path: &str) -> Option<&'a str> {
        self.answer(tool, path).and_then(|(content, ok)| ok.then_some(content))
    }

    /// The refusal where there is one.
    pub fn refusal(&self, tool: &str) -> Option<&'a str> {
        self.answer(tool, "").and_then(|(content, ok)| (!ok).then_some(content))
    }

    /// Every call of a tool with its answer, oldest first.
    pub fn all(&self, tool: &str) -> impl Iterator<Item = (&'a Value, &'a str, bool)> {
        self.results.iter().filter(move |(call, _, _)| call.name == tool).map(|(call, content, ok)| (&call.input, *content, *ok))
    }

    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// Whether this step has the tool.
    pub fn has(&self, tool: &str) -> bool {
        self.request.tools.iter().any(|spec| spec.name == tool)
    }
}
