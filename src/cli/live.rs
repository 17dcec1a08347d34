//! A run as it goes: the block of lines redrawn on a terminal, and the one-liners where nothing can be redrawn. Pure text; prints nothing.
use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use crate::domain::event::NoteLevel;
use crate::domain::view::StepView;
use crate::domain::{Event, Record, RunState, StepId, StepStatus};

use super::style::{self, Paint};

/// The most steps shown at once; a plan of the default size fits.
const MAX_ROWS: usize = 16;

/// What a run is shown with, besides its state.
#[derive(Debug, Clone, Default)]
pub struct Look {
    pub provider: String,
    /// The workspace as shown to the person.
    pub workspace: String,
    /// `agent.cost_tracking`.
    pub show_cost: bool,
    /// What each running step does at the moment.
    pub activity: BTreeMap<StepId, String>,
}

impl Look {
    /// Keeps what each step is doing.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::ToolStarted { step, tool, target, .. } => {
                self.activity.insert(step.clone(), style::one_line(&format!("{tool} {target}")));
            }
            Event::CallStarted { step, .. } => {
                self.activity.insert(step.clone(), "thinking".into());
            }
            Event::Retry { step, reason, .. } => {
                self.activity.insert(step.clone(), style::one_line(&format!("waiting: {reason}")));
            }
            Event::StepFinished { step, .. } => {
                self.activity.remove(step);
            }
            _ => {}
        }
    }

    fn cost(&self, cost: Option<f64>) -> Option<String> {
        self.show_cost.then(|| style::money(cost))
    }
}

/// What the view is drawn on.
#[derive(Debug, Clone, Copy)]
pub struct Canvas {
    pub now: DateTime<FixedOffset>,
    /// Columns.
    pub width: usize,
    pub paint: Paint,
}

/// The lines of the live view, none wider than the canvas.
pub fn block(state: &RunState, look: &Look, canvas: Canvas) -> Vec<String> {
    let Canvas { width, paint, .. } = canvas;
    let mut lines = vec![paint.bold(&style::cut(&style::one_line(&state.goal), width)), header(state, look, canvas)];
    let agent = state.steps.iter().map(|step| style::width(&step.agent)).max().unwrap_or(0).min(14);
    let id = state.steps.iter().map(|step| style::width(step.id.as_str())).max().unwrap_or(0).min(8);
    let shown = rows(&state.steps);
    let hidden = state.steps.len() - shown.len();
    for step in shown {
        lines.push(step_line(step, look, &Columns { canvas, id, agent }));
    }
    if hidden > 0 {
        lines.push(paint.dim(&format!("  … {} more", style::count(hidden, "step"))));
    }
    lines
}

/// The steps to show where not all can be: those at work first, then those that failed, then by order.
fn rows(steps: &[StepView]) -> Vec<&StepView> {
    let rank = |step: &StepView| match step.status {
        StepStatus::Running | StepStatus::WaitingApproval => 0,
        StepStatus::Failed => 1,
        StepStatus::Pending => 2,
        _ => 3,
    };
    let mut order: Vec<(usize, &StepView)> = steps.iter().enumerate().collect();
    order.sort_by_key(|(index, step)| (rank(step), *index));
    order.truncate(MAX_ROWS);
    order.sort_by_key(|(index, _)| *index);
    order.into_iter().map(|(_, step)| step).collect()
}

fn header(state: &RunState, look: &Look, canvas: Canvas) -> String {
    let Canvas { now, width, paint } = canvas;
    let done = state.steps.iter().filter(|step| step.status == StepStatus::Completed).count();
    let since = state.steps.iter().filter_map(|step| step.started_at).min();
    let mut parts = vec![format!("{done}/{} steps", state.steps.len())];
    if let Some(since) = since {
        parts.push(style::elapsed(between(since, now)));
    }
    parts.extend(look.cost(state.totals.cost_usd));
    parts.push(look.provider.clone());
    parts.push(look.workspace.clone());
    let status = state.status.as_str().replace('_', " ");
    let rest = style::cut(&format!(" · {}", parts.join(" · ")), width.saturating_sub(2 + status.len()));
    format!("  {}{}", paint.status(state.status, &status), paint.dim(&rest))
}

/// How wide the columns of the step lines are.
struct Columns {
    canvas: Canvas,
    id: usize,
    agent: usize,
}

fn step_line(step: &StepView, look: &Look, columns: &Columns) -> String {
    let Canvas { now, width, paint } = columns.canvas;
    let mut facts = Vec::new();
    if let Some(started) = step.started_at {
        facts.push(style::elapsed(between(started, step.ended_at.unwrap_or(now))));
        facts.push(if step.max_turns > 0 { format!("turn {}/{}", step.turns, step.max_turns) } else { format!("turn {}", step.turns) });
        facts.extend(look.cost(step.cost_usd));
    }
    let start = format!("{} {}", style::fit(step.id.as_str(), columns.id), style::fit(&style::one_line(&step.agent), columns.agent));
    let room = width.saturating_sub(style::width(&start) + 7);
    let mut tail = facts.join("  ");
    if style::width(&tail) + 12 > room {
        tail = facts.first().cloned().filter(|first| style::width(first) + 4 <= room).unwrap_or_default();
    }
    let text_room = room.saturating_sub(style::width(&tail));
    let title = style::one_line(&step.title);
    let text = match look.activity.get(&step.id) {
        Some(doing) if step.status == StepStatus::Running => {
            // The title gives way to what is going on, but keeps half of the room.
            let for_doing = (style::width(doing) + 2).min(text_room / 2);
            format!("{}: {doing}", style::cut(&title, text_room - for_doing))
        }
        _ => title,
    };
    let text = if tail.is_empty() { style::cut(&text, text_room) } else { style::fit(&text, text_room) };
    format!("  {} {start}  {text} {}", paint.mark(step.status), paint.dim(&tail)).trim_end().to_owned()
}

fn between(from: DateTime<FixedOffset>, to: DateTime<FixedOffset>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

/// One line for an event worth a line where nothing can be redrawn; colours left out, since it goes to files and pipes.
pub fn line(record: &Record, state: &RunState, look: &Look) -> Option<String> {
    let text = match &record.event {
        Event::RunStarted { goal, provider, resumed, .. } => {
            format!("{}: {} ({provider}, {})", if *resumed { "resumed" } else { "started" }, goal.title(), look.workspace)
        }
        Event::Planned { plan, .. } => format!("planned: {} ({})", style::count(plan.steps.len(), "step"), plan.title),
        Event::Asked { question } => format!("asks: {} {}", question.id, question.what),
        Event::Answered { id, decision, .. } => {
            let note = decision.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
            format!("{}: {id}{note}", if decision.approved { "approved" } else { "rejected" })
        }
        Event::StepStarted { step, agent, attempt, .. } => {
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            format!("{step} {agent} started: {}{again}", title(state, step))
        }
        event @ Event::StepFinished { .. } => finished(event, state, look),
        Event::Returned { step, review, round, .. } => {
            format!("{review} sends findings back to {step} (round {round}): {}", title(state, step))
        }
        Event::HandedOver { step, .. } => format!("{step} goes on in a fresh conversation: {}", title(state, step)),
        Event::StepReopened { step, .. } => format!("{step} is done again: {}", title(state, step)),
        Event::Retry { step, reason, wait_ms, .. } => {
            format!("{step} tries again in {:.1} s: {reason}", Duration::from_millis(*wait_ms).as_secs_f64())
        }
        Event::Note { level: NoteLevel::Warning | NoteLevel::Error, text, .. } => format!("note: {text}"),
        Event::RunFinished { status, reason } => {
            let reason = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{}{reason}", status.as_str().replace('_', " "))
        }
        _ => return None,
    };
    Some(style::one_line(&text))
}

fn finished(event: &Event, state: &RunState, look: &Look) -> String {
    let Event::StepFinished { step, status, output_file, error } = event else { return String::new() };
    let view = state.steps.iter().find(|view| &view.id == step);
    let agent = view.map(|view| view.agent.as_str()).unwrap_or_default();
    let mut facts: Vec<String> = view.map(|view| style::count(usize::try_from(view.turns).unwrap_or(0), "turn")).into_iter().collect();
    facts.extend(view.and_then(|view| look.cost(view.cost_usd)));
    let what = error.clone().or_else(|| output_file.as_ref().map(ToString::to_string)).unwrap_or_default();
    let what = if what.is_empty() { what } else { format!(": {what}") };
    format!("{step} {agent} {}{what} ({})", status.as_str(), facts.join(", "))
}

fn title<'a>(state: &'a RunState, step: &StepId) -> &'a str {
    state.steps.iter().find(|view| &view.id == step).map(|view| view.title.as_str()).unwrap_or_default()
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
