//! What agents can do: the description of a tool, a call of it, and what came of it. Does nothing itself.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::path::RelPath;

/// Reads a page of the web.
pub const WEB_FETCH: &str = "web_fetch";
/// Searches the web.
pub const WEB_SEARCH: &str = "web_search";

/// A tool as a model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the input, an object.
    pub input_schema: Schema,
}

/// A JSON Schema with its text: schemas are most of every request, and rendered once.
#[derive(Debug, Clone)]
pub struct Schema {
    value: Value,
    text: Box<RawValue>,
}

impl Schema {
    /// As JSON, in the order in which it was written.
    pub fn as_str(&self) -> &str {
        self.text.get()
    }

    pub fn as_value(&self) -> &Value {
        &self.value
    }
}

impl From<Value> for Schema {
    fn from(value: Value) -> Self {
        // A value is JSON by its nature.
        let text = to_raw_value(&value).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Schema { value, text }
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Serialize for Schema {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Schema::from)
    }
}

/// One call that a model asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub input: Value,
}

/// The one key of an input that stands for text which was not a JSON object: a model may send cut or malformed JSON.
pub const UNREADABLE_INPUT: &str = "__invalid_json";

impl ToolCall {
    /// Reads the text of an input strictly: nothing is `{}`, anything but one JSON object is kept under [`UNREADABLE_INPUT`].
    pub fn input_from_text(text: &str) -> Value {
        if text.trim().is_empty() {
            return Value::Object(serde_json::Map::new());
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(input)) => Value::Object(input),
            _ => serde_json::json!({ UNREADABLE_INPUT: text }),
        }
    }

    /// The text that came instead of a JSON object; such a call is answered with an error and never run.
    pub fn unreadable_input(&self) -> Option<&str> {
        self.input.get(UNREADABLE_INPUT).and_then(Value::as_str)
    }
}

/// A workspace file that a call read or wrote, with the hash of its content afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Touched {
    pub path: RelPath,
    pub sha256: String,
    pub bytes: u64,
    pub wrote: bool,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolOutcome {
    /// False when the call failed; `content` then tells the model why.
    pub ok: bool,
    /// What the model is told (already capped).
    pub content: String,
    /// One line for people: `wrote report.md (2.1 kB)`.
    pub summary: String,
    pub touched: Vec<Touched>,
    /// Set when our own disk failed: the run stops resumably and the model is told nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_failure: Option<String>,
}

impl ToolOutcome {
    /// A success that touched no workspace file.
    pub fn ok(content: impl Into<String>, summary: impl Into<String>) -> Self {
        ToolOutcome { ok: true, content: content.into(), summary: summary.into(), touched: Vec::new(), disk_failure: None }
    }

    /// A failure the model is told about.
    pub fn refused(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        let summary = reason.lines().next().unwrap_or_default().chars().take(160).collect();
        ToolOutcome { ok: false, content: reason, summary, touched: Vec::new(), disk_failure: None }
    }
}
