//! The workspaces there are, newest first. Reads views, and the journal where a view is missing, torn or out of date; writes nothing.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use serde_json::Value;

use super::journal::JournalHealth;
use super::layout::{date_of, is_week, time_of};
use super::store::{NotOpened, Workspace};
use super::views::{INFO, STATE};
use crate::domain::event::SCHEMA;
use crate::domain::usage::add_costs;
use crate::domain::view::{RunSummary, WorkspaceInfo};
use crate::domain::{Error, Event, Record, Result, RunState, RunStatus, StepStatus, Subject};
use crate::sys::disk::{Disk, EntryKind};

/// A day's folder: its date, and its open week and name.
pub(super) struct Day {
    pub(super) date: NaiveDate,
    pub(super) week: Arc<dyn Disk>,
    pub(super) week_name: String,
    pub(super) name: String,
}

/// The newest `limit` workspaces below `base_dir`. One that cannot be read is listed with the reason; a folder that is not ours is passed over.
pub fn list(root: &Arc<dyn Disk>, base_dir: &Path, limit: usize) -> Result<Vec<RunSummary>> {
    let mut rows = Vec::new();
    let Some(base) = open_base(root, base_dir)? else { return Ok(rows) };
    for day in days(&base)? {
        if rows.len() >= limit {
            break;
        }
        let Ok(folder) = day.week.sub(&day.name) else { continue };
        for name in workspaces(&folder) {
            if rows.len() >= limit {
                break;
            }
            rows.extend(row(&folder, day.date, &name));
        }
    }
    Ok(rows)
}

/// The base folder; `None` when there is none yet.
pub(super) fn open_base(root: &Arc<dyn Disk>, base_dir: &Path) -> Result<Option<Arc<dyn Disk>>> {
    match root.open(base_dir) {
        Ok(base) => Ok(Some(base)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            Err(Error::place(format!("`{}` is not a folder", base_dir.display()))
                .hint("workspace.base_dir or --base-dir names the folder of the workspaces"))
        }
        Err(error) => Err(Error::disk(format!("cannot read `{}`", base_dir.display()), &error)),
    }
}

/// Every day's folder, newest first; links are passed over.
pub(super) fn days(base: &Arc<dyn Disk>) -> Result<Vec<Day>> {
    let entries = base.list("").map_err(|error| Error::disk(format!("cannot read `{}`", base.path().display()), &error))?;
    let mut days = Vec::new();
    for (week_name, _) in entries.into_iter().filter(|(name, kind)| *kind == EntryKind::Folder && is_week(name)) {
        let Ok(week) = base.sub(&week_name) else { continue };
        for (name, kind) in week.list("").unwrap_or_default() {
            if let (EntryKind::Folder, Some(date)) = (kind, date_of(&name)) {
                days.push(Day { date, week: week.clone(), week_name: week_name.clone(), name });
            }
        }
    }
    days.sort_by_key(|day| std::cmp::Reverse(day.date));
    Ok(days)
}

/// The folders of one day, newest first; links are passed over.
pub(super) fn workspaces(day: &Arc<dyn Disk>) -> Vec<String> {
    let entries = day.list("").unwrap_or_default();
    let mut names: Vec<String> = entries.into_iter().filter(|(_, kind)| *kind == EntryKind::Folder).map(|(name, _)| name).collect();
    names.sort_by_cached_key(|name| std::cmp::Reverse((time_of(name), name.clone())));
    names
}

fn row(day: &Arc<dyn Disk>, date: NaiveDate, name: &str) -> Option<RunSummary> {
    let workspace = match Workspace::open_in(day, name) {
        Ok(workspace) => workspace,
        Err(NotOpened::NoJournal) => return None,
        Err(NotOpened::Disk(error)) => {
            let path = day.path().join(name);
            return Some(RunSummary { workspace: path, ..blank(date, name, &format!("it cannot be read: {error}")) });
        }
    };
    let read = |name: &str| workspace.folder().read(name, 16 * 1024 * 1024).ok();
    let state = read(STATE);
    let summary = match (state.as_deref().map(view::<RunState>), read(INFO).as_deref().map(view::<WorkspaceInfo>)) {
        (Some(View::Ours(state)), Some(View::Ours(info))) => from_views(&workspace, &state, &info),
        (Some(View::Newer(value)), _) | (_, Some(View::Newer(value))) => from_newer(&value, blank(date, name, "")),
        _ => from_journal(&workspace, blank(date, name, "")),
    };
    Some(RunSummary { workspace: workspace.path().to_owned(), ..summary })
}

enum View<T> {
    Ours(Box<T>),
    Newer(Value),
    Unreadable,
}

fn view<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> View<T> {
    #[derive(serde::Deserialize)]
    struct Schema {
        schema: u64,
    }
    match serde_json::from_slice::<Schema>(bytes) {
        Ok(Schema { schema }) if schema > u64::from(SCHEMA) => View::Newer(serde_json::from_slice(bytes).unwrap_or_default()),
        _ => serde_json::from_slice(bytes).map_or(View::Unreadable, |view| View::Ours(Box::new(view))),
    }
}

fn from_views(workspace: &Workspace, state: &RunState, info: &WorkspaceInfo) -> RunSummary {
    let mut status = (state.status, state.status_reason.clone());
    if matches!(state.status, RunStatus::Planning | RunStatus::Running) && workspace.lease_holder().is_none() {
        // The process died with it, perhaps before this view told of the journal's last word.
        status = left(&workspace.read_journal().map(|(records, _)| records).unwrap_or_default());
    }
    let steps = state.steps.iter().filter(|step| step.status != StepStatus::Skipped);
    RunSummary {
        run_id: state.run_id.clone(),
        goal: state.goal.clone(),
        status: status.0,
        status_reason: status.1,
        steps_done: state.steps.iter().filter(|step| step.status == StepStatus::Completed).count(),
        steps: steps.count(),
        cost_usd: state.totals.cost_usd,
        workspace: workspace.path().to_owned(),
        started_at: info.created_at,
        ended_at: state.steps.iter().filter_map(|step| step.ended_at).max().filter(|_| status.0.is_end()),
        origin: info.origin.clone(),
    }
}

/// What can be said of a workspace whose views we do not know.
fn from_newer(value: &Value, blank: RunSummary) -> RunSummary {
    let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let status = value.get("status").and_then(|status| serde_json::from_value(status.clone()).ok());
    let schema = value.get("schema").and_then(Value::as_u64).unwrap_or_default();
    RunSummary {
        run_id: text("run_id").unwrap_or(blank.run_id),
        goal: text("goal").unwrap_or(blank.goal),
        status: status.unwrap_or(RunStatus::Paused),
        status_reason: Some(newer_reason(schema)),
        ..blank
    }
}

fn newer_reason(schema: u64) -> String {
    format!("written by a newer version (schema {schema}), read-only here")
}

/// A small reading of the journal's own events, for when no view can be had.
fn from_journal(workspace: &Workspace, blank: RunSummary) -> RunSummary {
    let (records, health) = match workspace.read_journal() {
        Ok(read) => read,
        Err(error) => return RunSummary { status_reason: Some(error.what), ..blank },
    };
    let mut row = blank;
    let mut done = BTreeSet::new();
    let mut statuses = BTreeMap::new();
    row.cost_usd = Some(0.0);
    for record in &records {
        match &record.event {
            Event::RunStarted { run_id, goal, resumed, .. } => {
                (row.run_id, row.goal, row.origin) = (run_id.clone(), goal.text.clone(), goal.origin.clone());
                if !resumed {
                    row.started_at = record.at;
                }
            }
            Event::Planned { plan, .. } => statuses = plan.steps.iter().map(|step| (step.id.clone(), step.skip)).collect(),
            Event::CallFinished { cost_usd, .. } => row.cost_usd = add_costs(row.cost_usd, *cost_usd),
            Event::StepFinished { step, status, .. } => {
                let change =
                    if *status == StepStatus::Completed { BTreeSet::insert } else { |done: &mut BTreeSet<_>, step| done.remove(&step) };
                change(&mut done, step.clone());
                statuses.insert(step.clone(), *status == StepStatus::Skipped);
            }
            Event::StepReopened { step, .. } | Event::Returned { step, .. } => {
                done.remove(step);
            }
            _ => {}
        }
    }
    row.steps_done = done.len();
    row.steps = statuses.values().filter(|skipped| !**skipped).count();
    let running = workspace.lease_holder().is_some();
    let end = ended(&records);
    row.ended_at = end.as_ref().filter(|end| end.status.is_end()).map(|end| end.at);
    (row.status, row.status_reason) = match (health, end) {
        (JournalHealth::Newer { schema }, _) => (RunStatus::Paused, Some(newer_reason(schema.into()))),
        (JournalHealth::Corrupt { line, .. }, _) => (RunStatus::Paused, Some(format!("line {line} of its journal is corrupt"))),
        (_, None) if running => (RunStatus::Running, None),
        _ => left(&records),
    };
    row
}

/// How a run stands that nobody holds: as it was let go, waiting for its plan to be approved, or interrupted.
fn left(records: &[Record]) -> (RunStatus, Option<String>) {
    match ended(records) {
        Some(end) => (end.status, end.reason),
        None if waits_for_plan(records) => (RunStatus::WaitingApproval, None),
        None => (RunStatus::Paused, Some("interrupted".into())),
    }
}

/// Whether the plan was asked about last and nobody has answered: no step can be under way then.
fn waits_for_plan(records: &[Record]) -> bool {
    let asked = records.iter().rev().find_map(|record| match &record.event {
        Event::Asked { question } => Some(question.subject == Subject::Plan),
        Event::Answered { .. } | Event::StepStarted { .. } => Some(false),
        _ => None,
    });
    asked == Some(true)
}

/// How the process that last held a run let go of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub(super) status: RunStatus,
    pub(super) reason: Option<String>,
    pub(super) at: DateTime<FixedOffset>,
}

/// The end that a journal's last word is; `None` while anything but notes stands behind it.
pub(super) fn ended(records: &[Record]) -> Option<End> {
    let last = records.iter().rev().find(|record| !matches!(record.event, Event::Note { .. }))?;
    match &last.event {
        Event::RunFinished { status, reason } => Some(End { status: *status, reason: reason.clone(), at: last.at }),
        _ => None,
    }
}

/// A row of which only the folder's name is known.
fn blank(date: NaiveDate, name: &str, reason: &str) -> RunSummary {
    let time = NaiveTime::parse_from_str(&time_of(name).0, "%H%M%S").unwrap_or_default();
    RunSummary {
        run_id: String::new(),
        goal: name.to_owned(),
        status: RunStatus::Paused,
        status_reason: Some(reason.to_owned()),
        steps_done: 0,
        steps: 0,
        cost_usd: None,
        workspace: name.into(),
        started_at: date.and_time(time).and_utc().fixed_offset(),
        ended_at: None,
        origin: None,
    }
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
