//! The shape all built-in tools share: a description, typed access to the input, work on a blocking thread, results cut to size. Knows no single tool.
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::domain::{ToolOutcome, ToolSpec};
use crate::sys::fence;
use crate::tools::tool::{MAX_RESULT_BYTES, Tool, ToolContext};
use crate::workspace::jail::{Jail, Refusal};

/// What the work of a tool ends with; the error is an outcome too, so that `?` leaves early with a refusal.
pub type Worked = Result<ToolOutcome, ToolOutcome>;

/// A tool as one value: what it is called, what it takes, what it does.
#[derive(Clone, Copy)]
pub struct Described {
    pub name: &'static str,
    pub description: &'static str,
    /// Each input: name, JSON type (or a whole JSON Schema), whether it must be given, what it means.
    pub inputs: &'static [(&'static str, &'static str, bool, &'static str)],
    pub read_only: bool,
    /// Runs on a thread that may block.
    pub work: fn(&Input<'_>, &ToolContext) -> Worked,
}

impl Described {
    /// The tool, ready for a list of tools.
    pub fn tool(self) -> Arc<dyn Tool> {
        Arc::new(self)
    }
}

#[async_trait]
impl Tool for Described {
    fn spec(&self) -> ToolSpec {
        let describe = |(name, kind, _, meaning): &(&str, &str, bool, &str)| {
            let mut property = serde_json::from_str(kind).unwrap_or_else(|_| json!({"type": kind}));
            property["description"] = json!(meaning);
            ((*name).to_owned(), property)
        };
        let properties: serde_json::Map<String, Value> = self.inputs.iter().map(describe).collect();
        let required: Vec<&str> = self.inputs.iter().filter(|input| input.2).map(|input| input.0).collect();
        let input_schema = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        ToolSpec { name: self.name.to_owned(), description: self.description.to_owned(), input_schema: input_schema.into() }
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    async fn run(&self, input: Value, context: &ToolContext) -> ToolOutcome {
        let (name, work, context) = (self.name, self.work, context.clone());
        let jail = Arc::clone(&context.workspace);
        let worked = off_the_async_threads(&jail, move || {
            if !input.is_object() {
                return Err(ToolOutcome::refused(format!("{name}: the input must be a JSON object")));
            }
            work(&Input { tool: name, value: &input }, &context)
        });
        match worked.await {
            Ok(Ok(outcome) | Err(outcome)) => outcome,
            Err(Stopped::BrokeOff) => ToolOutcome::refused(format!("{name} stopped before it was done")),
            Err(Stopped::Disk(error)) => Refusal::Disk(error).into(),
        }
    }
}

/// Why work was not done to its end.
pub(super) enum Stopped {
    /// A defect of the tool.
    BrokeOff,
    /// The workspace's folder cannot be opened.
    Disk(std::io::Error),
}

/// Runs work that may block: on a pooled thread or, where the jail is fenced, on one of its own that the kernel confines.
pub(super) async fn off_the_async_threads<T: Send + 'static>(jail: &Jail, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopped> {
    match jail.fence() {
        None => tokio::task::spawn_blocking(work).await.map_err(|_| Stopped::BrokeOff),
        Some(folder) => fence::fenced(folder.to_owned(), work).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::Other => Stopped::BrokeOff,
            _ => Stopped::Disk(error),
        }),
    }
}

/// The input of a call, read by name and type; a wrong one becomes a refusal that says what is expected.
pub struct Input<'a> {
    tool: &'static str,
    value: &'a Value,
}

impl<'a> Input<'a> {
    /// The input of a call of `tool`.
    pub fn new(tool: &'static str, value: &'a Value) -> Self {
        Input { tool, value }
    }

    /// The value under `name`; null counts as not given.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    /// A text that must be given.
    pub fn text(&self, name: &str) -> Result<&'a str, ToolOutcome> {
        self.optional_text(name)?.ok_or_else(|| self.refuse(name, "a string, and must be given"))
    }

    /// A text that may be left out.
    pub fn optional_text(&self, name: &str) -> Result<Option<&'a str>, ToolOutcome> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| self.refuse(name, "a string"))).transpose()
    }

    /// A whole number from 1, which may be left out; models write it as `3`, `3.0` or `"3"`.
    pub fn count(&self, name: &str) -> Result<Option<usize>, ToolOutcome> {
        let read = |value: &Value| match value {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.to_string().trim_end_matches(".0").parse().ok(),
            _ => None,
        };
        let checked = |value: &Value| match read(value) {
            Some(count) if count > 0 => Ok(count),
            _ => Err(self.refuse(name, "a whole number from 1")),
        };
        self.get(name).map(checked).transpose()
    }

    /// Yes or no; not given is no.
    pub fn flag(&self, name: &str) -> Result<bool, ToolOutcome> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(_) => Err(self.refuse(name, "true or false")),
        }
    }

    /// A refusal about one input: `read_file: `path` must be …`.
    pub fn refuse(&self, name: &str, expected: &str) -> ToolOutcome {
        ToolOutcome::refused(format!("{}: `{name}` must be {expected}", self.tool))
    }
}

impl From<Refusal> for ToolOutcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotAllowed(reason) => ToolOutcome::refused(reason),
            Refusal::Disk(error) => {
                let failure = format!("the workspace cannot be used: {error}");
                ToolOutcome { disk_failure: Some(failure.clone()), ..ToolOutcome::refused(failure) }
            }
        }
    }
}

/// Lines that fit into a result, and how many were left out.
pub fn fit_lines(lines: &[String], room: usize) -> (String, usize) {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if text.len() + line.len() + 1 > room.min(MAX_RESULT_BYTES - 512) {
            return (text, lines.len() - index);
        }
        text.push_str(line);
        text.push('\n');
    }
    (text, 0)
}

/// `text` cut to at most `limit` bytes at a character boundary.
pub fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// A size for people: `812 bytes`, `2.1 kB`, `3.4 MB`.
pub fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        1 => "1 byte".to_owned(),
        0..=999 => format!("{bytes} bytes"),
        1_000..=999_999 => format!("{} kB", tenths(1_000)),
        _ => format!("{} MB", tenths(1_000_000)),
    }
}

/// `1 file`, `3 files`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
