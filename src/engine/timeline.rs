//! The run's timeline as a Mermaid gantt chart. Only times and names; no numbers of money.
use std::fmt::Write;

use crate::domain::{RunState, StepStatus};

/// Appends the timeline of the steps that were started.
pub fn write(text: &mut String, state: &RunState) {
    let started: Vec<_> = state.steps.iter().filter(|step| step.started_at.is_some()).collect();
    if started.is_empty() {
        return;
    }
    text.push_str("\n## Timeline\n\n```mermaid\ngantt\n    dateFormat x\n    axisFormat %H:%M:%S\n");
    for step in started {
        let Some(start) = step.started_at else { continue };
        let end = step.ended_at.unwrap_or(start).max(start);
        let from = start.timestamp_millis();
        let to = end.timestamp_millis().max(from + 1);
        let tag = match step.status {
            StepStatus::Completed => "done, ",
            StepStatus::Failed | StepStatus::Cancelled => "crit, ",
            _ => "active, ",
        };
        let _ = writeln!(text, "    {} {} :{tag}{}, {from}, {to}", step.id, plain(&step.agent), plain(step.id.as_str()));
    }
    text.push_str("```\n");
}

/// A name without the characters that mean something to Mermaid.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() || c == '_' || c == '-' { c } else { ' ' }).collect()
}
