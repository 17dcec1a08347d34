//! What a person reads at the end of a run: steps, artifacts, cost, what failed and why. Pure text; prints nothing.
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::domain::view::{RunResult, StepResult};
use crate::domain::{RelPath, RunStatus, StepStatus};

use super::style::{self, Paint};

/// The most artifacts listed by name.
const MAX_ARTIFACTS: usize = 20;

/// Everything the end shows.
pub struct Ending<'a> {
    pub goal: &'a str,
    pub result: &'a RunResult,
    pub artifacts: BTreeSet<RelPath>,
    pub show_cost: bool,
    /// The current folder: paths below it are shown relative.
    pub from: &'a Path,
}

/// The lines to print; text is cut to `width`, paths never are.
pub fn lines(ending: &Ending<'_>, width: usize, paint: Paint) -> Vec<String> {
    let result = ending.result;
    let status = result.status.as_str().replace('_', " ");
    let goal = style::cut(&style::one_line(ending.goal), width.saturating_sub(status.len() + 2));
    let mut lines = vec![format!("{}: {}", paint.bold(&paint.status(result.status, &status)), paint.bold(&goal))];
    if let Some(reason) = result.status_reason.as_deref().filter(|_| result.status != RunStatus::Completed) {
        lines.extend(style::wrap(&style::harmless(reason), width.saturating_sub(2)).into_iter().map(|line| format!("  {line}")));
    }
    lines.extend(style::wrap(&figures(ending), width.saturating_sub(2)).iter().map(|line| format!("  {}", paint.dim(line))));
    let widest = result.results.iter().map(|step| style::width(&start_of(step))).max().unwrap_or(0).min(width / 2);
    for step in &result.results {
        step_lines(step, ending, &Columns { width, start: widest, paint }, &mut lines);
    }
    artifact_lines(ending, paint, &mut lines);
    let summary = result.workspace.join("execution-summary.md");
    lines.push(format!("{} {}", paint.bold("Summary:"), style::shown_path(&summary, ending.from)));
    lines
}

fn figures(ending: &Ending<'_>) -> String {
    let summary = &ending.result.summary;
    let mut parts = vec![format!("{} of {} done", summary.completed, style::count(summary.steps, "step"))];
    if summary.failed > 0 {
        parts.push(format!("{} failed", summary.failed));
    }
    parts.push(style::elapsed(Duration::from_millis(summary.duration_ms)));
    if ending.show_cost {
        parts.push(style::money(summary.cost_usd));
    }
    parts.push(format!("{} tokens", summary.usage.total()));
    parts.join(" · ")
}

/// How wide the parts of a step's line are.
struct Columns {
    width: usize,
    start: usize,
    paint: Paint,
}

fn start_of(step: &StepResult) -> String {
    format!("{} {}", step.step, style::one_line(&step.agent))
}

fn step_lines(step: &StepResult, ending: &Ending<'_>, columns: &Columns, lines: &mut Vec<String>) {
    let Columns { width, paint, .. } = *columns;
    let mut tail = Vec::new();
    if step.turns > 0 {
        tail.push(style::count(usize::try_from(step.turns).unwrap_or(0), "turn"));
        if ending.show_cost {
            tail.push(style::money(step.cost_usd));
        }
    }
    let tail = tail.join("  ");
    let start = style::fit(&start_of(step), columns.start);
    let room = width.saturating_sub(style::width(&start) + style::width(&tail) + 8);
    let title =
        if tail.is_empty() { style::cut(&style::one_line(&step.title), room) } else { style::fit(&style::one_line(&step.title), room) };
    lines.push(format!("  {} {start}  {title}  {}", paint.mark(step.status), paint.dim(&tail)).trim_end().to_owned());
    let Some(error) = step.error.as_deref() else { return };
    let shown = if step.status == StepStatus::Failed { Paint::red } else { Paint::dim };
    for part in style::harmless(error).lines() {
        lines.extend(style::wrap(part, width.saturating_sub(6)).iter().map(|line| format!("      {}", shown(paint, line))));
    }
}

fn artifact_lines(ending: &Ending<'_>, paint: Paint, lines: &mut Vec<String>) {
    if ending.artifacts.is_empty() {
        return;
    }
    lines.push(paint.bold("Artifacts:"));
    let shown = ending.artifacts.iter().take(MAX_ARTIFACTS);
    lines.extend(shown.map(|path| format!("  {}", style::shown_path(&ending.result.workspace.join(path.as_str()), ending.from))));
    if ending.artifacts.len() > MAX_ARTIFACTS {
        lines.push(paint.dim(&format!("  … and {} more", ending.artifacts.len() - MAX_ARTIFACTS)));
    }
}

/// The outputs of the steps that have one.
pub fn outputs(result: &RunResult) -> BTreeSet<RelPath> {
    let done = result.results.iter().filter(|step| step.status == StepStatus::Completed);
    done.filter_map(|step| step.output_file.clone()).collect()
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
