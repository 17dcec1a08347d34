//! The workspaces there are, newest first. Reads views, and the journal where a view is missing, torn or out of date; writes nothing.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use serde_json::Value;

use super::journal::JournalHealth;
use super::layout::{date_of, is_week, time_of};
use super::store::{NotOpened, Workspace};
use super::views::{INFO, STATE};
use crate::domain::event::SCHEMA;
use crate::domain::goal::GoalOrigin;
use crate::domain::usage::add_costs;
use crate::domain::view::RunSummary;
use crate::domain::{Error, Event, Record, Result, RunStatus, StepStatus, Subject};
use crate::sys::disk::{Disk, EntryKind};

/// Fewer rows than this are read by one thread.
const ALONE: usize = 64;
/// The most threads that read rows.
const MOST_THREADS: usize = 8;
/// The largest view that is read, in bytes.
const MAX_VIEW_BYTES: u64 = 16 * 1024 * 1024;

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
        let names = workspaces(&folder);
        let mut names = names.as_slice();
        while rows.len() < limit && !names.is_empty() {
            let (now, later) = names.split_at(names.len().min(limit - rows.len()));
            rows.extend(rows_of(&folder, day.date, now));
            names = later;
        }
    }
    Ok(rows)
}

/// The rows of some folders of a day, in their order; many are read by several threads.
fn rows_of(day: &Arc<dyn Disk>, date: NaiveDate, names: &[String]) -> Vec<RunSummary> {
    let of = |names: &[String]| -> Vec<RunSummary> { names.iter().filter_map(|name| row(day, date, name)).collect() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    if names.len() < ALONE || threads == 1 {
        return of(names);
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> = names.chunks(names.len().div_ceil(threads)).map(|part| scope.spawn(move || of(part))).collect();
        // A part whose thread broke off is missing, as a folder that cannot be read is.
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
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
    let path = day.path().join(name);
    if let Some(summary) = at_rest(day, name) {
        return Some(RunSummary { workspace: path, ..summary });
    }
    let workspace = match Workspace::open_in(day, name) {
        Ok(workspace) => workspace,
        Err(NotOpened::NoJournal) => return None,
        Err(NotOpened::Disk(error)) => {
            return Some(RunSummary { workspace: path, ..blank(date, name, &format!("it cannot be read: {error}")) });
        }
    };
    let summary = match views(workspace.folder()) {
        Views::Ours(state, info) => from_views(&workspace, *state, *info),
        Views::Newer(value) => from_newer(&value, blank(date, name, "")),
        Views::Unreadable => from_journal(&workspace, blank(date, name, "")),
    };
    Some(RunSummary { workspace: path, ..summary })
}

/// The quick way, which nearly every row goes: one view of a run that nothing can have changed since.
fn at_rest(day: &Arc<dyn Disk>, name: &str) -> Option<RunSummary> {
    let state = day.sub(name).ok()?.read(STATE, MAX_VIEW_BYTES).ok()?;
    let state: StateRow = serde_json::from_slice(&state).ok()?;
    let started_at = state.started_at?;
    (state.schema <= SCHEMA && !may_live(state.status)).then(|| summary(state, started_at))
}

/// Whether a run with this status may be under way, or may have died in it.
fn may_live(status: RunStatus) -> bool {
    matches!(status, RunStatus::Planning | RunStatus::Running)
}

/// What a row needs of workflow-state.json; reading all of it would take longer.
#[derive(serde::Deserialize)]
struct StateRow {
    schema: u32,
    run_id: String,
    goal: String,
    #[serde(default)]
    started_at: Option<DateTime<FixedOffset>>,
    #[serde(default)]
    ended_at: Option<DateTime<FixedOffset>>,
    #[serde(default)]
    origin: Option<GoalOrigin>,
    status: RunStatus,
    status_reason: Option<String>,
    steps: Vec<StepRow>,
    totals: TotalsRow,
}

#[derive(serde::Deserialize)]
struct StepRow {
    status: StepStatus,
    /// As text: a row that says its own end does not read those of its steps.
    ended_at: Option<String>,
}

#[derive(serde::Deserialize)]
struct TotalsRow {
    cost_usd: Option<f64>,
}

/// What a row needs of workspace-info.json, where the state is of a version that did not say it.
#[derive(serde::Deserialize)]
struct InfoRow {
    schema: u32,
    created_at: DateTime<FixedOffset>,
    #[serde(default)]
    origin: Option<GoalOrigin>,
}

enum Views {
    Ours(Box<StateRow>, Box<InfoRow>),
    Newer(Value),
    Unreadable,
}

fn views(folder: &Arc<dyn Disk>) -> Views {
    let read = |name: &str| folder.read(name, MAX_VIEW_BYTES).unwrap_or_default();
    let (state_bytes, info_bytes) = (read(STATE), read(INFO));
    if let (Ok(state), Ok(info)) = (serde_json::from_slice::<StateRow>(&state_bytes), serde_json::from_slice::<InfoRow>(&info_bytes))
        && state.schema <= SCHEMA
        && info.schema <= SCHEMA
    {
        return Views::Ours(Box::new(state), Box::new(info));
    }
    let newer = [state_bytes, info_bytes].iter().find_map(|bytes| {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        (value.get("schema")?.as_u64()? > u64::from(SCHEMA)).then_some(value)
    });
    newer.map_or(Views::Unreadable, Views::Newer)
}

fn from_views(workspace: &Workspace, mut state: StateRow, info: InfoRow) -> RunSummary {
    if may_live(state.status) && workspace.lease_holder().is_none() {
        // The process died with it, perhaps before this view told of the journal's last word.
        (state.status, state.status_reason) = left(&workspace.read_journal().map(|(records, _)| records).unwrap_or_default());
    }
    let origin = state.origin.take().or(info.origin);
    summary(StateRow { origin, ..state }, info.created_at)
}

/// The row, without its place.
fn summary(state: StateRow, started_at: DateTime<FixedOffset>) -> RunSummary {
    let end_of = |step: &StepRow| DateTime::parse_from_rfc3339(step.ended_at.as_deref()?).ok();
    let last_end = || state.steps.iter().filter_map(end_of).max();
    let count = |wanted: &dyn Fn(StepStatus) -> bool| state.steps.iter().filter(|step| wanted(step.status)).count();
    RunSummary {
        steps_done: count(&|status| status == StepStatus::Completed),
        steps: count(&|status| status != StepStatus::Skipped),
        ended_at: if state.status.is_end() { state.ended_at.or_else(last_end) } else { None },
        run_id: state.run_id,
        goal: state.goal,
        status: state.status,
        status_reason: state.status_reason,
        cost_usd: state.totals.cost_usd,
        workspace: PathBuf::new(),
        started_at,
        origin: state.origin,
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
