//! workflow-history.json, entry by entry: what happened, one line each, its bulk left out. Knows records, writes no file.
//!
//! The intent of a model call or a tool call has no line of its own once its end is known: the end's line says what the intent said and how
//! long it took. An intent without an end keeps its line, which is how a crash shows.
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::domain::view::HistoryEntry;
use crate::domain::{Event, Record, StepId};

/// Longer strings of a record do not go into the history.
const MAX_CHARS: usize = 200;
/// Fields that the history leaves out: bulk, what the other views say, and what only programs read.
const LEFT_OUT: [&str; 13] = [
    "event",
    "schema",
    "run_id",
    "system",
    "prompt",
    "content",
    "tools",
    "max_turns",
    "call_id",
    "request_hash",
    "hash",
    "touched",
    "project",
];

/// The entries of one run so far. A clone shares them.
#[derive(Debug, Clone, Default)]
pub struct History {
    lines: Arc<Vec<String>>,
    open: Vec<Intent>,
    /// The run's model: an intent that names the same one need not say so.
    model: Option<String>,
}

/// A call that has begun and not ended.
#[derive(Debug, Clone)]
struct Intent {
    step: StepId,
    call: Call,
    entry: HistoryEntry,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    Model(u32),
    Tool(String),
}

impl History {
    /// The history of a journal.
    pub fn of(records: &[Record]) -> Self {
        let mut history = History::default();
        records.iter().for_each(|record| history.take(record));
        history
    }

    /// Adds what a record tells.
    pub fn take(&mut self, record: &Record) {
        if let Event::RunStarted { model, .. } = &record.event {
            self.model.clone_from(model);
            // Whatever was under way when the last process ended has no end.
            std::mem::take(&mut self.open).into_iter().for_each(|intent| self.push(&intent.entry));
        }
        let mut entry = entry(record);
        match &record.event {
            Event::CallStarted { step, ordinal, .. } => self.begin(step, Call::Model(*ordinal), entry),
            Event::ToolStarted { step, call_id, .. } => self.begin(step, Call::Tool(call_id.clone()), entry),
            Event::CallFinished { step, ordinal, .. } => {
                self.end(step, &Call::Model(*ordinal), &mut entry);
                self.push(&entry);
            }
            Event::ToolFinished { step, call_id, .. } => {
                self.end(step, &Call::Tool(call_id.clone()), &mut entry);
                self.push(&entry);
            }
            _ => self.push(&entry),
        }
    }

    /// The entries as JSON, one line each; what is under way comes last.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let open = self.open.iter().filter_map(|intent| serde_json::to_string(&intent.entry).ok());
        self.lines.iter().cloned().chain(open)
    }

    /// Ended and open entries: two histories of one run are the same if these are.
    pub(super) fn extent(&self) -> (usize, usize) {
        (self.lines.len(), self.open.len())
    }

    fn push(&mut self, entry: &HistoryEntry) {
        Arc::make_mut(&mut self.lines).extend(serde_json::to_string(entry).ok());
    }

    fn begin(&mut self, step: &StepId, call: Call, mut entry: HistoryEntry) {
        if entry.details.get("model").and_then(Value::as_str) == self.model.as_deref() {
            entry.details.remove("model");
        }
        if let Some(earlier) = self.take_open(step, &call) {
            self.push(&earlier.entry);
        }
        self.open.push(Intent { step: step.clone(), call, entry });
    }

    /// The end of a call tells what its intent told.
    fn end(&mut self, step: &StepId, call: &Call, entry: &mut HistoryEntry) {
        let Some(intent) = self.take_open(step, call) else { return };
        entry.details.insert("ms".into(), json!((entry.at - intent.entry.at).num_milliseconds().max(0)));
        for (name, value) in intent.entry.details {
            let said = entry
                .details
                .get("summary")
                .and_then(Value::as_str)
                .zip(value.as_str())
                .is_some_and(|(summary, value)| summary.contains(value));
            if !said {
                entry.details.entry(name).or_insert(value);
            }
        }
    }

    fn take_open(&mut self, step: &StepId, call: &Call) -> Option<Intent> {
        let at = self.open.iter().position(|intent| intent.step == *step && intent.call == *call)?;
        Some(self.open.remove(at))
    }
}

/// A record for the history: prompts, contents and replies are left out, every other long string gives way to its length.
fn entry(record: &Record) -> HistoryEntry {
    let event = record.event.name().to_owned();
    let mut details = match serde_json::to_value(without_bulk(&record.event).as_ref().unwrap_or(&record.event)) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    if let Some(steps) = details.get("plan").and_then(|plan| plan.get("steps")).and_then(Value::as_array).map(Vec::len) {
        details.insert("plan".into(), json!({ "steps": steps }));
        details.remove("text");
    }
    if let Some(Value::Object(usage)) = details.get_mut("usage") {
        usage.retain(|_, tokens| tokens.as_u64() != Some(0));
    }
    details.retain(|field, value| !value.is_null() && !LEFT_OUT.contains(&field.as_str()));
    details.values_mut().for_each(shorten_strings);
    HistoryEntry { seq: record.seq, at: record.at, event, details }
}

/// The event without its longest part, so that no tree of it is made only to be thrown away.
fn without_bulk(event: &Event) -> Option<Event> {
    match event {
        Event::CallFinished { step, ordinal, request_id, stop, usage, cost_usd, failure, .. } => Some(Event::CallFinished {
            step: step.clone(),
            ordinal: *ordinal,
            request_id: request_id.clone(),
            stop: *stop,
            usage: *usage,
            cost_usd: *cost_usd,
            reply: None,
            failure: failure.clone(),
        }),
        Event::StepStarted { step, attempt, agent, log, max_turns, .. } => Some(Event::StepStarted {
            step: step.clone(),
            attempt: *attempt,
            agent: agent.clone(),
            log: log.clone(),
            tools: Vec::new(),
            max_turns: *max_turns,
            system: String::new(),
            prompt: String::new(),
        }),
        _ => None,
    }
}

fn shorten_strings(value: &mut Value) {
    match value {
        Value::String(text) if text.chars().nth(MAX_CHARS).is_some() => *value = length_of(value),
        Value::Array(items) => items.iter_mut().for_each(shorten_strings),
        Value::Object(fields) => fields.values_mut().for_each(shorten_strings),
        _ => {}
    }
}

fn length_of(value: &Value) -> Value {
    let length = match value {
        Value::String(text) => text.chars().count(),
        other => other.to_string().chars().count(),
    };
    json!(format!("({length} characters)"))
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
