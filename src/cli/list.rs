//! Recent workspaces as aligned lines, and the removal of old ones.
use std::borrow::Cow;
use std::path::Path;

use chrono::{DateTime, FixedOffset};
use serde::Serialize;
use serde_json::json;

use crate::domain::Result;
use crate::domain::goal::shorten;
use crate::domain::view::{RunStatus, RunSummary};

use super::order::Options;
use super::setup::Setup;
use super::style::{self, Paint};
use super::terminal::Terminal;

/// The widest a goal becomes in the list.
const MAX_GOAL: usize = 60;

/// `--list`; the exit code.
pub async fn list(limit: usize, options: &Options, setup: &Setup, terminal: &Terminal) -> Result<i32> {
    let runs = setup.reader()?.list(limit).await?;
    if options.json {
        terminal.out(&json(&runs));
    } else if runs.is_empty() {
        terminal.err(&format!("no workspaces in {}", setup.settings.base_dir.display()));
    } else {
        let table = Table { now: setup.clock.now(), from: setup.environment.current_dir(), show_cost: setup.settings.cost_tracking };
        terminal.out(&table.lines(&runs, terminal.width_out(), terminal.paint_out()).join("\n"));
    }
    Ok(0)
}

/// `--cleanup`; prints each path, the exit code.
pub async fn cleanup(days: u64, dry_run: bool, options: &Options, (setup, terminal): (&Setup, &Terminal)) -> Result<i32> {
    let removed = setup.reader()?.cleanup(days, dry_run).await?;
    if options.json {
        let paths: Vec<_> = removed.iter().map(|path| path.to_string_lossy()).collect();
        terminal.out(&json!(paths).to_string());
        return Ok(0);
    }
    for path in &removed {
        terminal.out(&style::one_line(&path.to_string_lossy()));
    }
    let done = if dry_run { "would be removed" } else { "removed" };
    terminal.err(&format!("{} {done}", style::count(removed.len(), "workspace")));
    Ok(0)
}

/// One row as scripts read it: every field is there, null where nothing is known.
#[derive(Serialize)]
struct Row<'a> {
    run_id: &'a str,
    goal: &'a str,
    status: RunStatus,
    status_reason: &'a Option<String>,
    steps_done: usize,
    steps: usize,
    cost_usd: Option<f64>,
    workspace: Cow<'a, str>,
    started_at: DateTime<FixedOffset>,
    ended_at: Option<DateTime<FixedOffset>>,
}

impl<'a> From<&'a RunSummary> for Row<'a> {
    fn from(run: &'a RunSummary) -> Self {
        Row {
            run_id: &run.run_id,
            goal: &run.goal,
            status: run.status,
            status_reason: &run.status_reason,
            steps_done: run.steps_done,
            steps: run.steps,
            cost_usd: run.cost_usd,
            workspace: run.workspace.to_string_lossy(),
            started_at: run.started_at,
            ended_at: run.ended_at,
        }
    }
}

/// One array with the fields of the contract.
fn json(runs: &[RunSummary]) -> String {
    // Nothing in a row fails to be JSON.
    serde_json::to_string(&runs.iter().map(Row::from).collect::<Vec<_>>()).unwrap_or_default()
}

/// How the list is shown.
pub struct Table<'a> {
    pub now: DateTime<FixedOffset>,
    /// The current folder: paths below it are shown relative.
    pub from: &'a Path,
    pub show_cost: bool,
}

impl Table<'_> {
    /// One line a run where all fits `width`, else two; goals are cut, paths never. `None` is no limit.
    pub fn lines(&self, runs: &[RunSummary], width: Option<usize>, paint: Paint) -> Vec<String> {
        let cells: Vec<Vec<String>> = runs.iter().map(|run| self.cells(run)).collect();
        let mut headings = vec!["status", "steps", "cost", "age"];
        if !self.show_cost {
            headings.remove(2);
        }
        let columns: Vec<usize> = headings
            .iter()
            .enumerate()
            .map(|(index, heading)| {
                cells.iter().filter_map(|row| row.get(index)).map(|cell| style::width(cell)).chain([heading.len()]).max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let goals: Vec<String> = runs.iter().map(|run| shorten(&style::harmless(&run.goal), MAX_GOAL)).collect();
        let paths: Vec<String> = runs.iter().map(|run| style::shown_path(&run.workspace, self.from)).collect();
        let fixed: usize = columns.iter().map(|column| column + 2).sum();
        let goal = goals.iter().map(|goal| style::width(goal)).chain([4]).max().unwrap_or(4);
        let path = paths.iter().map(|path| style::width(path)).max().unwrap_or(0);
        let one_line = width.is_none_or(|width| fixed + goal + 2 + path <= width);
        let goal = width.filter(|_| !one_line).map_or(goal, |width| goal.min(width.saturating_sub(fixed).max(10)));
        let start = |row: &[String]| -> String {
            row.iter().zip(&columns).map(|(cell, column)| format!("{}  ", style::fit(cell, *column))).collect()
        };
        let headings: Vec<String> = headings.into_iter().map(str::to_owned).collect();
        let heading = if one_line { format!("{}  path", style::fit("goal", goal)) } else { "goal".to_owned() };
        let mut lines = vec![paint.dim(&format!("{}{heading}", start(&headings)))];
        for ((run, row), (text, path)) in runs.iter().zip(&cells).zip(goals.iter().zip(&paths)) {
            let line = format!("{}{}", start(row), style::fit(text, goal));
            let painted = match line.strip_prefix(row.first().map(String::as_str).unwrap_or_default()) {
                Some(rest) => format!("{}{rest}", paint.status(run.status, row.first().map(String::as_str).unwrap_or_default())),
                None => line,
            };
            if one_line {
                lines.push(format!("{painted}  {path}"));
            } else {
                lines.push(painted.trim_end().to_owned());
                lines.push(paint.dim(&format!("  {path}")));
            }
        }
        lines
    }

    fn cells(&self, run: &RunSummary) -> Vec<String> {
        let mut cells = vec![run.status.as_str().replace('_', " "), format!("{}/{}", run.steps_done, run.steps)];
        if self.show_cost {
            cells.push(run.cost_usd.map_or_else(|| "?".into(), |cost| style::money(Some(cost))));
        }
        cells.push(style::age((self.now - run.started_at).num_seconds()));
        cells
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
