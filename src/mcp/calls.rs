//! What each tool does: an order to the engine, then the state as JSON. Knows no wire.
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::domain::view::StepView;
use crate::domain::{Command, Decision, Error, Goal, QuestionId, Result, RunState, RunStatus, Scope, StepStatus, Via};
use crate::orchestrator::{Host, Orchestrator, ResumeOptions, RunHandle};

/// What is shown of a file in one answer, in characters.
const MAX_SHOWN: usize = 100_000;

/// How far a run is: steps done, all steps, one line.
pub(super) struct Progress {
    pub done: f64,
    pub all: f64,
    pub message: String,
}

/// Where progress goes; nobody need listen.
pub(super) type Listener = Option<mpsc::UnboundedSender<Progress>>;

/// Makes a call whose input was checked against the table.
pub(super) async fn call(host: &Host, name: &str, input: &Map<String, Value>, listener: Listener) -> Result<Value> {
    let input = Input(input);
    match name {
        "run_goal" => {
            let engine = host.engine().await?;
            let handle = engine.start(input.goal(engine, false)?).await?;
            followed(engine, &handle, (input.flag("wait", true), listener)).await
        }
        "plan_goal" => {
            let engine = host.engine().await?;
            let handle = engine.start(input.goal(engine, true)?).await?;
            let mut state = followed(engine, &handle, (true, listener)).await?;
            // It lets go of the workspace once the plan waits: whoever answers now must not find it half gone.
            handle.finished().await?;
            let plan = engine.artifact(&handle.workspace, "plan.md").await.unwrap_or_default();
            state["plan"] = json!(String::from_utf8_lossy(&plan));
            Ok(state)
        }
        "list_workspaces" => {
            let rows = host.reader().await?.list(input.count("limit").unwrap_or(20)).await?;
            Ok(json!({ "workspaces": rows }))
        }
        "workspace_status" => status(host, &input, listener).await,
        "read_artifact" => artifact(host, &input).await,
        "resume" => {
            let engine = host.engine().await?;
            let options = ResumeOptions { budget_usd: input.budget(engine), ..ResumeOptions::default() };
            let handle = engine.resume_with(&input.workspace(engine), options).await?;
            followed(engine, &handle, (input.flag("wait", true), listener)).await
        }
        "answer_approval" => answer(host, &input).await,
        other => Err(Error::usage(format!("there is no tool `{other}`"))),
    }
}

async fn status(host: &Host, input: &Input<'_>, listener: Listener) -> Result<Value> {
    let reader = host.reader().await?;
    let path = input.workspace(reader);
    let live = reader.runs().into_iter().find(|run| run.workspace.as_path() == path);
    match live {
        Some(handle) => followed(reader, &handle, (input.flag("wait", false), listener)).await,
        None => Ok(told(&reader.state_of(&path).await?, &path)),
    }
}

async fn artifact(host: &Host, input: &Input<'_>) -> Result<Value> {
    let reader = host.reader().await?;
    let (workspace, path) = (input.workspace(reader), input.text("path"));
    let bytes = reader.artifact(&workspace, path).await?;
    let text = String::from_utf8(bytes).map_err(|error| Error::usage(format!("`{path}` is no text ({} bytes)", error.as_bytes().len())))?;
    let offset = input.count("offset").unwrap_or(0);
    let total = text.chars().count();
    let shown: String = text.chars().skip(offset).take(MAX_SHOWN).collect();
    let next = offset.saturating_add(MAX_SHOWN);
    Ok(json!({"path": path, "text": shown, "characters": total, "next_offset": (next < total).then_some(next)}))
}

async fn answer(host: &Host, input: &Input<'_>) -> Result<Value> {
    let reader = host.reader().await?;
    let workspace = input.workspace(reader);
    let decision = Decision { approved: input.flag("approve", false), scope: Scope::Once, note: input.maybe("note") };
    let (id, hash) = (QuestionId(input.text("id").to_owned()), Some(input.text("hash").to_owned()));
    let outcome = reader.answer(&workspace, Command::Answer { id, hash, decision, via: Via::Library }).await?;
    let mut state = told(&reader.state_of(&workspace).await?, &workspace);
    state["decided"] = json!(outcome.done);
    state["reason"] = json!(outcome.reason);
    Ok(state)
}

/// The state of a live run: now, or when it has ended or waits for a person and for nothing else.
async fn followed(engine: &Orchestrator, handle: &RunHandle, (wait, listener): (bool, Listener)) -> Result<Value> {
    let mut updates = engine.subscribe();
    let mut said = String::new();
    while wait && !handle.has_ended() && !needs_a_person(&handle.state()) {
        tokio::select! {
            ended = handle.finished() => { ended?; }
            update = updates.recv() => {
                let Some(update) = update else { break };
                if update.run_id != handle.run_id {
                    continue;
                }
                let progress = progress(&update.state);
                if let Some(listener) = listener.as_ref().filter(|_| progress.message != said) {
                    said.clone_from(&progress.message);
                    let _ = listener.send(progress);
                }
            }
        }
    }
    if handle.has_ended() {
        // An end by an error of our own is told as one.
        handle.finished().await?;
    }
    Ok(told(&handle.state(), &handle.workspace))
}

fn needs_a_person(state: &RunState) -> bool {
    let at_work = |step: &StepView| step.status == StepStatus::Running;
    !state.pending_approvals.is_empty() && (state.status == RunStatus::WaitingApproval || !state.steps.iter().any(at_work))
}

fn progress(state: &RunState) -> Progress {
    let counted: Vec<&StepView> = state.steps.iter().filter(|step| step.status != StepStatus::Skipped).collect();
    let done = counted.iter().filter(|step| step.status.is_end()).count();
    let at_work: Vec<String> = state
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Running)
        .map(|step| format!("{} {} (turn {})", step.id, step.agent, step.turns + 1))
        .collect();
    let what = if at_work.is_empty() { state.status.as_str().to_owned() } else { at_work.join(", ") };
    Progress { done: done as f64, all: counted.len() as f64, message: format!("{done}/{} {what}", counted.len()) }
}

/// A state as this face tells it: `workflow-state.json`, the folder, the files, and what comes next.
fn told(state: &RunState, workspace: &Path) -> Value {
    let artifacts: Vec<&str> = state.steps.iter().filter_map(|step| step.output_file.as_ref()).map(|path| path.as_str()).collect();
    let next = match state.status {
        _ if !state.pending_approvals.is_empty() => "show the user what waits, then pass the answer on with answer_approval",
        RunStatus::Completed => "read the artifacts with read_artifact",
        RunStatus::Planning | RunStatus::Running => "the run goes on; ask again with workspace_status and wait",
        RunStatus::Cancelled => "nothing: the run was cancelled",
        _ => "go on with resume",
    };
    let mut told = json!(state);
    told["workspace"] = json!(workspace);
    told["artifacts"] = json!(artifacts);
    told["next"] = json!(next);
    told
}

/// A checked input.
struct Input<'a>(&'a Map<String, Value>);

impl Input<'_> {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn maybe(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    fn count(&self, name: &str) -> Option<usize> {
        self.0.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok())
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn workspace(&self, engine: &Orchestrator) -> PathBuf {
        engine.settings().project.join(self.text("workspace"))
    }

    /// An assistant may make a run cheaper, not dearer, than the person configured.
    fn budget(&self, engine: &Orchestrator) -> Option<f64> {
        let wanted = self.0.get("budget_usd").and_then(Value::as_f64)?;
        Some(engine.settings().per_run_usd.map_or(wanted, |limit| wanted.min(limit)))
    }

    fn goal(&self, engine: &Orchestrator, plan_only: bool) -> Result<Goal> {
        let attach = self.texts("attach").into_iter().map(|path| engine.settings().project.join(path)).collect();
        let goal = Goal::new(self.text("goal"))?;
        Ok(Goal { attach, attach_guarded: true, agents: self.texts("agents"), budget_usd: self.budget(engine), plan_only, ..goal })
    }
}
