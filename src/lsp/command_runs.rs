//! Commands to runs: decide, stop, pause, resume, retry, skip. A decision needs the question's id and the hash of what was shown; without them the place to decide is opened.
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::plan::StepId;
use crate::domain::question::Scope;
use crate::domain::{Command, Decision, QuestionId, Result, StepStatus, Via};
use crate::orchestrator::{CommandOutcome, ResumeOptions, RunHandle};

use super::command_places::{absolute, open_list};
use super::commands::{Call, OfRun, answer, answer_beside};
use super::main_loop::{Done, Inputs, Reply};
use super::runs::Run;
use super::setup::Engine;
use super::state::State;
use super::to_proto;

/// A decision on its way to a run.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub id: QuestionId,
    pub hash: String,
    pub approved: bool,
    pub scope: Scope,
    pub note: Option<String>,
    pub via: Via,
}

impl Verdict {
    fn command(self) -> Command {
        let decision = Decision { approved: self.approved, scope: self.scope, note: self.note };
        Command::Answer { id: self.id, hash: Some(self.hash), decision, via: self.via }
    }
}

/// Whoever can take a command for a workspace: the run that lives here, else the engine.
#[derive(Clone)]
struct Target {
    handle: Option<RunHandle>,
    engine: Engine,
    workspace: PathBuf,
    inputs: Inputs,
}

impl Target {
    async fn command(&self, command: Command) -> Result<CommandOutcome> {
        match &self.handle {
            Some(handle) => handle.command(command).await,
            None => self.engine.reader().await?.answer(&self.workspace, command).await,
        }
    }

    async fn resume(&self, options: ResumeOptions) -> Result<RunHandle> {
        let handle = self.engine.get().await?.resume_with(&self.workspace, options).await?;
        self.inputs.done(Done::Started(Box::new(handle.clone()), None));
        Ok(handle)
    }

    /// Decides; an approved run that nobody holds goes on here.
    async fn decide(&self, verdict: Verdict) -> Result<CommandOutcome> {
        let approved = verdict.approved;
        let outcome = self.command(verdict.command()).await?;
        if outcome.done && approved && self.handle.is_none() {
            // Where another process holds the run it goes on there, and this is refused: nothing is lost.
            let _ = self.resume(ResumeOptions::default()).await;
        }
        Ok(outcome)
    }
}

impl State {
    fn target(&mut self, workspace: &Path) -> Target {
        let project = self.setup.project_of(Some(workspace));
        let handle = self.runs.at(workspace).and_then(|run| run.handle.clone()).filter(|handle| !handle.has_ended());
        Target { handle, engine: self.setup.engine(&project), workspace: workspace.to_owned(), inputs: self.inputs.clone() }
    }

    /// Why an approval cannot be taken now: what would be approved is the plan as saved, and the user sees another.
    fn refusal(&self, workspace: &Path, id: &QuestionId, approved: bool) -> Option<String> {
        let run = self.runs.at(workspace).filter(|_| approved)?;
        let pending = run.pending().iter().find(|pending| pending.id == *id)?;
        let plan = || super::words::is_about_plan(pending).then_some("plan.md");
        let file = pending.proposal.as_ref().map(|file| file.as_str()).or_else(plan)?;
        let document = self.documents.get(&to_proto::uri(&workspace.join(file))?)?;
        let name = document.file_name();
        (document.rope != document.base).then(|| format!("save {name} first: it has changes that are not saved"))
    }

    /// Decides in the background; a refusal is told to the user.
    pub fn decide_and_say(&mut self, workspace: &Path, verdict: Verdict) {
        if let Some(reason) = self.refusal(workspace, &verdict.id, verdict.approved) {
            return self.say(&reason);
        }
        let target = self.target(workspace);
        tokio::spawn(async move { say_refusal(&target.inputs, target.decide(verdict).await) });
    }

    /// Gives a command in the background; a refusal is told to the user.
    pub fn command_and_say(&mut self, workspace: &Path, command: Command) {
        let target = self.target(workspace);
        tokio::spawn(async move { say_refusal(&target.inputs, target.command(command).await) });
    }

    /// The run that is meant: the named one, else the only one for which the command makes sense. An unknown name is an error.
    pub fn meant(&self, run_id: Option<&str>, makes_sense: impl Fn(&Run) -> bool) -> tower_lsp::jsonrpc::Result<Option<Run>> {
        match run_id {
            Some(run_id) => {
                self.runs.get(run_id).cloned().map(Some).ok_or_else(|| to_proto::invalid(format!("there is no run `{run_id}`")))
            }
            None => {
                let mut candidates = self.runs.iter().filter(|run| makes_sense(run));
                let only = candidates.next().cloned();
                Ok(only.filter(|_| candidates.next().is_none()))
            }
        }
    }
}

fn say_refusal(inputs: &Inputs, outcome: Result<CommandOutcome>) {
    match outcome {
        Ok(CommandOutcome { done: false, reason }) => inputs.done(Done::Failed(reason.unwrap_or_else(|| "that was refused".into()))),
        Ok(_) => {}
        Err(error) => inputs.done(Done::Failed(error.what)),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DecideArgument {
    run_id: Option<String>,
    approval_id: Option<QuestionId>,
    hash: Option<String>,
    scope: Scope,
    note: Option<String>,
    via: Source,
}

/// Where in the editor a decision was made.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    #[default]
    Lens,
    Action,
}

pub fn approve(state: &mut State, call: Call) {
    decide(state, call, true);
}

pub fn reject(state: &mut State, call: Call) {
    decide(state, call, false);
}

fn decide(state: &mut State, call: Call, approved: bool) {
    let Some((argument, reply)) = call.take::<DecideArgument>() else { return };
    let run = match state.meant(argument.run_id.as_deref(), |run| !run.pending().is_empty()) {
        Ok(run) => run,
        Err(error) => return drop(reply.send(Err(error))),
    };
    let (Some(id), Some(hash)) = (argument.approval_id, argument.hash) else {
        return look(state, run, reply, json!({"decided": false, "reason": "open: decide in approvals.md"}));
    };
    let Some(run) = run else { return open_list(state, reply) };
    if let Some(reason) = state.refusal(&run.workspace, &id, approved) {
        return answer(reply, json!({"decided": false, "reason": reason}));
    }
    let via = match argument.via {
        Source::Lens => Via::Lens,
        Source::Action => Via::Action,
    };
    let note = argument.note.or_else(|| state.note_written(&run, &id));
    let verdict = Verdict { id, hash, approved, scope: argument.scope, note, via };
    let target = state.target(&run.workspace);
    answer_beside(reply, async move {
        let outcome = target.decide(verdict).await?;
        Ok(decided(&outcome))
    });
}

fn decided(outcome: &CommandOutcome) -> Value {
    let mut result = json!({"decided": outcome.done});
    if let Some(reason) = &outcome.reason {
        result["reason"] = json!(reason);
    }
    result
}

/// Opens approvals.md of a run, or the list where there is no single run.
fn look(state: &mut State, run: Option<Run>, reply: Reply<Option<Value>>, result: Value) {
    match run {
        Some(run) => {
            state.show(&run.workspace.join("approvals.md"), true);
            answer(reply, result);
        }
        None => open_list(state, reply),
    }
}

pub fn open_approvals(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<DecideArgument>() else { return };
    match state.meant(argument.run_id.as_deref(), |run| !run.pending().is_empty()) {
        Ok(run) => {
            let result = run.as_ref().map(|run| json!({"uri": to_proto::uri_value(&run.workspace.join("approvals.md"))}));
            look(state, run, reply, result.unwrap_or_default());
        }
        Err(error) => drop(reply.send(Err(error))),
    }
}

pub fn approve_all(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<OfRun>() else { return };
    let run = match state.meant(argument.run_id.as_deref(), |run| !run.pending().is_empty()) {
        Ok(run) => run,
        Err(error) => return drop(reply.send(Err(error))),
    };
    if argument.run_id.is_none() {
        return look(state, run, reply, json!({"decided": false, "reason": "open: decide in approvals.md"}));
    }
    let Some(run) = run else { return open_list(state, reply) };
    let refused = run.pending().iter().find_map(|pending| state.refusal(&run.workspace, &pending.id, true));
    if let Some(reason) = refused {
        return answer(reply, json!({"decided": false, "reason": reason}));
    }
    let target = state.target(&run.workspace);
    let verdicts: Vec<Verdict> = run
        .pending()
        .iter()
        .map(|pending| Verdict {
            id: pending.id.clone(),
            hash: pending.hash.clone(),
            approved: true,
            scope: Scope::Once,
            note: None,
            via: Via::Action,
        })
        .collect();
    answer_beside(reply, async move {
        let mut all = CommandOutcome { done: !verdicts.is_empty(), reason: None };
        for verdict in verdicts {
            let outcome = target.decide(verdict).await?;
            all.done &= outcome.done;
            all.reason = all.reason.or(outcome.reason);
        }
        Ok(decided(&all))
    });
}

pub fn stop(state: &mut State, call: Call) {
    end(state, call, Command::Stop { reason: Some("stopped in the editor".into()) });
}

pub fn pause(state: &mut State, call: Call) {
    end(state, call, Command::Pause { reason: Some("paused in the editor".into()) });
}

fn end(state: &mut State, call: Call, command: Command) {
    let Some((argument, reply)) = call.take::<OfRun>() else { return };
    match state.meant(argument.run_id.as_deref(), |run| run.is_live() && run.handle.is_some()) {
        Ok(Some(run)) => {
            let target = state.target(&run.workspace);
            answer_beside(reply, async move { Ok(done(&target.command(command).await?)) });
        }
        Ok(None) => open_list(state, reply),
        Err(error) => drop(reply.send(Err(error))),
    }
}

fn done(outcome: &CommandOutcome) -> Value {
    let mut result = json!({"done": outcome.done});
    if let Some(reason) = &outcome.reason {
        result["reason"] = json!(reason);
    }
    result
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResumeArgument {
    workspace: Option<String>,
    from_step: Option<StepId>,
}

pub fn resume(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<ResumeArgument>() else { return };
    let workspace = match &argument.workspace {
        Some(text) => match absolute(text) {
            Ok(path) => Some(path),
            Err(error) => return drop(reply.send(Err(error))),
        },
        None => {
            let only = state.meant(None, Run::stands_still);
            only.ok().flatten().map(|run| run.workspace)
        }
    };
    let Some(workspace) = workspace else { return open_list(state, reply) };
    let target = state.target(&workspace);
    answer_beside(reply, async move {
        let options = ResumeOptions { from_step: argument.from_step, ..ResumeOptions::default() };
        let handle = target.resume(options).await?;
        Ok(json!({"runId": handle.run_id, "workspace": *handle.workspace}))
    });
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StepArgument {
    run_id: String,
    step_id: StepId,
    note: Option<String>,
    /// For `skipStep`: every other step that has not begun, not this one.
    #[serde(default)]
    others: bool,
}

pub fn retry_step(state: &mut State, call: Call) {
    step_command(state, call, true);
}

pub fn skip_step(state: &mut State, call: Call) {
    step_command(state, call, false);
}

fn step_command(state: &mut State, call: Call, retry: bool) {
    if call.argument == json!({}) {
        return open_list(state, call.reply);
    }
    let Some((argument, reply)) = call.take::<StepArgument>() else { return };
    let run = match state.meant(Some(&argument.run_id), |_| true) {
        Ok(Some(run)) => run,
        Ok(None) => return open_list(state, reply),
        Err(error) => return drop(reply.send(Err(error))),
    };
    let (step, note) = (argument.step_id, argument.note);
    let target = state.target(&run.workspace);
    if argument.others && !retry {
        let unbegun =
            run.state.iter().flat_map(|state| &state.steps).filter(|other| other.status == StepStatus::Pending && other.id != step);
        let others: Vec<StepId> = unbegun.map(|other| other.id.clone()).collect();
        return answer_beside(reply, async move {
            let mut all = CommandOutcome { done: true, reason: None };
            for step in others {
                let outcome = target.command(Command::SkipStep { step, note: note.clone() }).await?;
                all.done &= outcome.done;
                all.reason = all.reason.or(outcome.reason);
            }
            Ok(done(&all))
        });
    }
    let command = if retry { Command::RetryStep { step, note } } else { Command::SkipStep { step, note } };
    answer_beside(reply, async move {
        if retry && target.handle.is_none() {
            // Nobody holds the run: it is taken up again, its step first.
            target.resume(ResumeOptions { first: Some(command), ..ResumeOptions::default() }).await?;
            return Ok(json!({"done": true}));
        }
        Ok(done(&target.command(command).await?))
    });
}

/// A run as `orchestrator/runsChanged` tells it.
pub fn row(run: &Run) -> Value {
    json!({
        "runId": run.run_id,
        "goal": run.goal,
        "status": run.status,
        "stepsDone": run.steps_done,
        "steps": run.steps,
        "costUsd": run.cost_usd,
        "pendingApprovals": run.pending().len(),
        "workspace": run.workspace,
        "standsStill": run.stands_still(),
    })
}
