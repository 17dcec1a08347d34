//! Commands that look at workspaces: list, open, state, logs, clean up, doctor, and taking an artifact into the project. Paths are checked before they are shown.
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::jsonrpc;
use tower_lsp::lsp_types::Url;

use crate::domain::goal::shorten;
use crate::domain::plan::StepId;
use crate::domain::view::{RunState, RunSummary};
use crate::domain::{Error, RelPath, Result, RunStatus};
use crate::sys::{Disk, EntryKind};

use super::commands::{Call, OfRun, answer, answer_beside};
use super::main_loop::{Done, Reply};
use super::runs::{Run, stands_still};
use super::state::State;
use super::{from_proto, papers, to_proto, words};

/// The largest approvals.md or plan.md that is read, in bytes.
const MAX_PAPER_BYTES: u64 = 4 * 1024 * 1024;
const LISTED: usize = 20;

/// A workspace as a client names it: an absolute path, or its address.
pub fn absolute(text: &str) -> jsonrpc::Result<PathBuf> {
    let from_uri = || Url::parse(text).ok().as_ref().and_then(from_proto::path);
    let path = Some(PathBuf::from(text)).filter(|path| path.is_absolute()).or_else(from_uri);
    path.ok_or_else(|| to_proto::invalid(format!("`{text}` is not an absolute path")))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListArgument {
    limit: Option<usize>,
    status: Option<RunStatus>,
    open: bool,
}

pub fn list_workspaces(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<ListArgument>() else { return };
    list(state, argument, reply, true);
}

/// Opens the list and answers null: what a command does that finds no single thing to work on.
pub fn open_list(state: &mut State, reply: Reply<Option<Value>>) {
    list(state, ListArgument { open: true, ..ListArgument::default() }, reply, false);
}

fn list(state: &mut State, argument: ListArgument, reply: Reply<Option<Value>>, with_rows: bool) {
    let engine = state.setup.engine(&state.setup.project_of(None));
    let (inputs, disk) = (state.inputs.clone(), state.setup.machine.disk.clone());
    // What this process knows of its runs is newer than their files.
    let known: Vec<Run> = state.runs.iter().filter(|run| run.is_held()).cloned().collect();
    let work = async move {
        let orchestrator = engine.reader().await?;
        let limit = argument.limit.unwrap_or(LISTED);
        // The limit counts what is asked for, not what is looked through.
        let mut rows = orchestrator.list(if argument.status.is_some() { usize::MAX } else { limit }).await?;
        for row in &mut rows {
            if let Some(run) = known.iter().find(|run| run.run_id == row.run_id) {
                (row.status, row.steps_done, row.steps, row.cost_usd) = (run.status, run.steps_done, run.steps, run.cost_usd);
            }
        }
        // Known from now on: a lens, a resume or a question can name a run of an earlier session.
        inputs.done(Done::Listed(rows.clone()));
        rows.retain(|row| argument.status.is_none_or(|status| row.status == status));
        rows.truncate(limit);
        if argument.open {
            let base_dir = orchestrator.settings().base_dir.clone();
            let text = index(&rows);
            let path = tokio::task::spawn_blocking(move || write_index(&*disk, &base_dir, &text)).await;
            let path = path.map_err(|_| Error::internal("writing index.md failed"))??;
            inputs.done(Done::Show(path));
        }
        let is_held = |row: &RunSummary| known.iter().any(|run| run.run_id == row.run_id);
        Ok(if with_rows { rows.iter().map(|row| list_row(row, is_held(row))).collect() } else { Value::Null })
    };
    answer_beside(reply, work);
}

fn list_row(row: &RunSummary, is_held: bool) -> Value {
    json!({
        "runId": row.run_id,
        "goal": row.goal,
        "status": row.status,
        "stepsDone": row.steps_done,
        "steps": row.steps,
        "costUsd": row.cost_usd,
        "workspace": row.workspace,
        "startedAt": row.started_at,
        "standsStill": stands_still(row.status, is_held),
    })
}

fn index(rows: &[RunSummary]) -> String {
    let mut text = String::from("# Workspaces\n\n");
    for row in rows {
        let cost = words::money(row.cost_usd).map(|cost| format!(" · {cost}")).unwrap_or_default();
        let goal = shorten(&row.goal, 80);
        let summary = to_proto::uri_value(&row.workspace.join("execution-summary.md"));
        let link = summary.as_str().unwrap_or_default();
        let (status, done, all, id) = (words::status(row.status), row.steps_done, row.steps, &row.run_id);
        text.push_str(&format!("- `{id}` {status} {done}/{all}{cost} — [{goal}]({link})\n"));
    }
    if rows.is_empty() {
        text.push_str("None yet. Write a line `goal: …` in a document and run it.\n");
    }
    text
}

fn write_index(disk: &dyn Disk, base_dir: &Path, text: &str) -> Result<PathBuf> {
    let folder = disk.create_and_open(base_dir);
    let written = folder.and_then(|folder| folder.replace("index.md", text.as_bytes(), false));
    written.map_err(|error| Error::disk(format!("writing index.md in {}", base_dir.display()), &error))?;
    Ok(base_dir.join("index.md"))
}

pub fn run_state(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<OfRun>() else { return };
    let run = match &argument.run_id {
        Some(run_id) => match state.runs.get(run_id) {
            Some(run) => Some(run),
            None => return drop(reply.send(Err(to_proto::invalid(format!("there is no run `{run_id}`"))))),
        },
        None => state.runs.iter().rev().find(|run| run.is_live()).or_else(|| state.runs.iter().next_back()),
    };
    let Some(run) = run.cloned() else { return answer(reply, Value::Null) };
    let project = state.setup.project_of(Some(&run.workspace));
    let (engine, disk) = (state.setup.engine(&project), state.setup.machine.disk.clone());
    answer_beside(reply, async move {
        let run_state = match run.state {
            Some(state) => state,
            None => std::sync::Arc::new(engine.reader().await?.state_of(&run.workspace).await?),
        };
        let described = tokio::task::spawn_blocking(move || describe(&run_state, &run.workspace, &*disk)).await;
        described.map_err(|_| Error::internal("reading the workspace failed"))
    });
}

fn describe(run_state: &RunState, workspace: &Path, disk: &dyn Disk) -> Value {
    let paper = workspace.join("approvals.md");
    let read = |name| disk.open(workspace).and_then(|folder| folder.read(name, MAX_PAPER_BYTES)).unwrap_or_default();
    let items = papers::items(&String::from_utf8_lossy(&read("approvals.md")));
    let plan = if run_state.pending_approvals.is_empty() { Vec::new() } else { read("plan.md") };
    let plan = String::from_utf8_lossy(&plan);
    let steps = papers::steps(&plan);
    // A question about no step is about the plan: it stands at the plan's title.
    let plan_line = |step: Option<&StepId>| match step {
        Some(step) => steps.iter().find(|line| line.id == *step).map(|line| line.line),
        None => plan.lines().position(|line| line.starts_with("# ")),
    };
    let line_of = |id: &str| items.iter().find(|item| item.id == id).map_or(0, |item| item.line);
    let artifacts = run_state.steps.iter().filter(|step| step.status == crate::domain::StepStatus::Completed).filter_map(|step| {
        let path = step.output_file.as_ref()?;
        Some(json!({"path": path, "uri": to_proto::uri_value(&workspace.join(path.as_str())), "step": step.id}))
    });
    let approvals = run_state.pending_approvals.iter().map(|pending| {
        let mut approval = json!({
            "id": pending.id, "step": pending.step, "what": pending.what, "hash": pending.hash,
            "uri": to_proto::uri_value(&paper), "line": line_of(&pending.id.0), "planLine": plan_line(pending.step.as_ref()),
        });
        if let Some(file) = &pending.proposal {
            approval["proposal"] = to_proto::uri_value(&workspace.join(file.as_str()));
        }
        approval
    });
    let mut value = json!(run_state);
    value["artifacts"] = artifacts.collect();
    value["approvals"] = approvals.collect();
    value["planUri"] = to_proto::uri_value(&workspace.join("plan.md"));
    value["workspace"] = json!(workspace);
    value
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OpenArgument {
    workspace: Option<String>,
    what: Option<What>,
    path: Option<RelPath>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Context,
    Plan,
    Summary,
    History,
    Approvals,
}

impl What {
    fn file(self) -> &'static str {
        match self {
            What::Context => "context-main.md",
            What::Plan => "plan.md",
            What::Summary => "execution-summary.md",
            What::History => "workflow-history.json",
            What::Approvals => "approvals.md",
        }
    }
}

/// The named workspace, else the only known one.
fn workspace(state: &State, named: Option<&str>) -> jsonrpc::Result<Option<PathBuf>> {
    match named {
        Some(text) => absolute(text).map(Some),
        None => {
            let mut all = state.runs.iter();
            let only = all.next_back().map(|run| run.workspace.clone());
            Ok(only.filter(|_| all.next().is_none()))
        }
    }
}

pub fn open_workspace(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<OpenArgument>() else { return };
    match workspace(state, argument.workspace.as_deref()) {
        Ok(Some(workspace)) => {
            let files = argument.what.map_or(&["execution-summary.md", "context-main.md"][..], |what| match what {
                What::Summary => &["execution-summary.md", "context-main.md"],
                What::Context => &["context-main.md"],
                What::Plan => &["plan.md"],
                What::History => &["workflow-history.json"],
                What::Approvals => &["approvals.md"],
            });
            debug_assert!(argument.what.is_none_or(|what| files.first() == Some(&what.file())));
            open_first(state, workspace, files.iter().map(|file| (*file).to_owned()).collect(), reply);
        }
        Ok(None) => open_list(state, reply),
        Err(error) => drop(reply.send(Err(error))),
    }
}

pub fn open_artifact(state: &mut State, call: Call) {
    // A bare string is a path in the only workspace, or an absolute path of an artifact.
    let whole = call.argument.get("path").and_then(Value::as_str).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some((run, rest)) = whole.as_ref().and_then(|path| {
        state.runs.iter().find_map(|run| Some((run.workspace.clone(), path.strip_prefix(&run.workspace).ok()?.to_str()?.to_owned())))
    }) {
        return open_first(state, run, vec![rest], call.reply);
    }
    let Some((argument, reply)) = call.take::<OpenArgument>() else { return };
    match (workspace(state, argument.workspace.as_deref()), argument.path) {
        (Ok(Some(workspace)), Some(path)) => open_first(state, workspace, vec![path.as_str().to_owned()], reply),
        (Ok(Some(workspace)), None) => {
            let run = state.runs.at(&workspace).and_then(|run| run.state.clone());
            let outputs = run.iter().flat_map(|run| run.steps.iter().rev()).filter_map(|step| step.output_file.as_ref());
            let files = outputs.map(|file| file.as_str().to_owned()).collect();
            open_first(state, workspace, files, reply);
        }
        (Ok(None), _) => open_list(state, reply),
        (Err(error), _) => drop(reply.send(Err(error))),
    }
}

/// The newest transcript of an agent in a workspace: of a run from an earlier session nothing better is known.
fn last_log(disk: &dyn Disk, workspace: &Path, agent: &str) -> Option<String> {
    let names = disk.open(workspace).ok()?.sub("agent_outputs").ok()?.list("").ok()?;
    let logs = names.into_iter().map(|(name, _)| name).filter(|name| name.starts_with(agent) && name.ends_with(".log"));
    logs.max_by_key(|name| name.rsplit('_').next().map(str::to_owned)).map(|name| format!("agent_outputs/{name}"))
}

/// Shows the first of these files that is an ordinary file in the workspace.
fn open_first(state: &mut State, workspace: PathBuf, files: Vec<String>, reply: Reply<Option<Value>>) {
    open_found(state, workspace, move |_: &Path| files, reply);
}

/// The same for files that are looked for beside the loop.
fn open_found(
    state: &mut State,
    workspace: PathBuf,
    files: impl FnOnce(&Path) -> Vec<String> + Send + 'static,
    reply: Reply<Option<Value>>,
) {
    let (disk, inputs) = (state.setup.machine.disk.clone(), state.inputs.clone());
    answer_beside(reply, async move {
        let place = workspace.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let files = files(&workspace);
            (files.join(" or "), files.into_iter().find(|file| is_plain_file(&*disk, &workspace, file)))
        });
        let (names, found) = looked.await.map_err(|_| Error::internal("looking for a file failed"))?;
        let file = found.ok_or_else(|| {
            Error::place(format!("there is no {names} in {}", place.display())).hint("list the workspaces to see which there are")
        })?;
        let path = place.join(file);
        inputs.done(Done::Show(path.clone()));
        Ok(json!({"uri": to_proto::uri_value(&path), "path": path}))
    });
}

/// Whether a path leads to an ordinary file without leaving the workspace or following a link.
fn is_plain_file(disk: &dyn Disk, workspace: &Path, file: &str) -> bool {
    let Ok(path) = RelPath::new(file) else { return false };
    let Ok(mut folder) = disk.open(workspace) else { return false };
    let mut names = path.as_str().split('/').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            return folder.metadata(name).is_ok_and(|meta| meta.kind == EntryKind::File);
        }
        match folder.sub(name) {
            Ok(next) => folder = next,
            Err(_) => return false,
        }
    }
    false
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogArgument {
    run_id: Option<String>,
    step_id: Option<StepId>,
}

pub fn show_log(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<LogArgument>() else { return };
    let run = match &argument.run_id {
        Some(run_id) => state.runs.get(run_id),
        None => state.runs.iter().next_back(),
    };
    let Some(run) = run.cloned() else {
        return match argument.run_id {
            Some(run_id) => drop(reply.send(Err(to_proto::invalid(format!("there is no run `{run_id}`"))))),
            None => open_list(state, reply),
        };
    };
    let log = match &argument.step_id {
        Some(step) => run.logs.get(step).cloned(),
        None => run.logs.values().next_back().cloned(),
    };
    let agent = run.state.iter().flat_map(|state| &state.steps).find(|step| Some(&step.id) == argument.step_id.as_ref());
    let agent = agent.map(|step| format!("{}_", step.agent)).unwrap_or_default();
    let disk = state.setup.machine.disk.clone();
    let files = move |workspace: &Path| {
        let rest = ["execution-summary.md".to_owned(), "context-main.md".to_owned()];
        log.or_else(|| last_log(&*disk, workspace, &agent)).into_iter().chain(rest).collect()
    };
    open_found(state, run.workspace, files, reply);
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CleanupArgument {
    days: Option<u64>,
    dry_run: Option<bool>,
}

pub fn cleanup(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<CleanupArgument>() else { return };
    // Not every client tells of a changed settings file, and this removes things.
    state.setup.renew();
    let engine = state.setup.engine(&state.setup.project_of(None));
    let inputs = state.inputs.clone();
    answer_beside(reply, async move {
        let orchestrator = engine.reader().await?;
        let days = argument.days.unwrap_or(orchestrator.settings().max_workspace_age_days);
        // Nothing is removed unless the caller says in so many words that this is not a rehearsal.
        let dry_run = argument.dry_run.unwrap_or(true);
        let removed = orchestrator.cleanup(days, dry_run).await?;
        if !dry_run {
            inputs.done(Done::Removed(removed.clone()));
        }
        Ok(json!(removed))
    });
}
