//! Starts a goal, one agent or a resume, shows it to its end, and turns the end into words and an exit code.
use std::collections::BTreeMap;
use std::path::Path;

use crate::config::settings::ProviderChoice;
use crate::domain::goal::SingleStep;
use crate::domain::plan::PlanRules;
use crate::domain::view::RunResult;
use crate::domain::{Error, Goal, RelPath, Result, RunStatus};
use crate::orchestrator::{Orchestrator, ResumeOptions, StartOptions, Tapes, WhenBlocked};

use super::ask::Asker;
use super::exit::{self, Circumstances};
use super::goal_file;
use super::interrupt::Signals;
use super::live::Look;
use super::order::{Options, Order, Work};
use super::render::{Renderer, result_json};
use super::session::Session;
use super::setup::{Setup, warn_of_agents};
use super::style;
use super::summary::{self, Ending};
use super::terminal::Terminal;

/// Does what was ordered; the exit code.
pub async fn run(order: Order, options: &Options, mut setup: Setup, terminal: &Terminal) -> Result<i32> {
    let mut goal = goal_of(&order, &setup)?;
    if let Some(goal) = &mut goal {
        goal_file::overrule(goal, options);
    }
    if order.read_project {
        setup.allow_project();
    }
    if let Work::Resume(path) = &order.work
        && let Some(code) = already_completed(&setup.environment.absolute(path), options, &setup, terminal).await
    {
        return Ok(code);
    }
    // A question that cannot be seen is no question: prompts go to standard error.
    let can_ask = terminal.stdin_is_terminal && terminal.stderr_is_terminal && !order.non_interactive && !order.plan_only;
    let when_blocked = if can_ask { WhenBlocked::Wait } else { WhenBlocked::LetGo };
    let tapes = tapes_of(&order, &setup)?;
    let orchestrator = setup.builder().tapes(tapes).interactive(!order.non_interactive).when_blocked(when_blocked).build()?;
    if !matches!(order.work, Work::Resume(_)) {
        clean_up(&orchestrator, &setup, terminal).await;
    }
    warn_of_agents(&orchestrator, terminal);
    let updates = orchestrator.subscribe();
    let chosen = options.provider.as_deref().and_then(ProviderChoice::named);
    let handle = match (goal, &order.work) {
        (Some(goal), _) => orchestrator.start_with(goal, StartOptions { provider: chosen, ..StartOptions::default() }).await?,
        (None, Work::Resume(path)) => {
            let resumed = ResumeOptions { budget_usd: options.budget, provider: chosen, ..ResumeOptions::default() };
            orchestrator.resume_with(&setup.environment.absolute(path), resumed).await?
        }
        (None, _) => return Err(Error::internal("there is neither a goal nor a workspace")),
    };
    let look = Look {
        provider: handle.provider.to_string(),
        workspace: style::shown_path(&handle.workspace, setup.environment.current_dir()),
        show_cost: setup.settings.cost_tracking,
        activity: BTreeMap::new(),
    };
    let mut session = Session {
        setup: &setup,
        terminal,
        handle,
        updates,
        renderer: Renderer::new(terminal.clone(), options.json, options.verbose, look),
        asker: can_ask.then(Asker::start),
        signals: Signals::listen()?,
        circumstances: Circumstances { plan_only: order.plan_only, ..Circumstances::default() },
        questions: BTreeMap::new(),
        plan: None,
        plan_rules: plan_rules(&orchestrator, &setup),
        deadline: None,
    };
    let result = session.drive().await?;
    Ok(end(&mut session, result, options))
}

/// `workspace.auto_cleanup`: old workspaces go when a run starts. A failure is told and stops nothing.
async fn clean_up(orchestrator: &Orchestrator, setup: &Setup, terminal: &Terminal) {
    if !setup.settings.auto_cleanup {
        return;
    }
    match orchestrator.cleanup(setup.settings.max_workspace_age_days, false).await {
        Ok(removed) if removed.is_empty() => {}
        Ok(removed) => terminal.err(&format!("removed {} by workspace.auto_cleanup", style::count(removed.len(), "old workspace"))),
        Err(error) => terminal.warning(&format!("workspace.auto_cleanup: {}", error.what), error.hint.as_deref()),
    }
}

fn plan_rules(orchestrator: &Orchestrator, setup: &Setup) -> PlanRules {
    PlanRules {
        agents: orchestrator.agents().into_iter().map(|agent| agent.name).collect(),
        allowed_extensions: setup.settings.allowed_file_extensions.clone(),
        max_steps: setup.settings.max_steps,
    }
}

/// The folders of recordings, absolute.
fn tapes_of(order: &Order, setup: &Setup) -> Result<Tapes> {
    if order.record.is_some() && order.replay.is_some() {
        return Err(Error::usage("--record and --replay cannot go together").hint("record first, then replay"));
    }
    let absolute = |path: &std::path::PathBuf| setup.environment.absolute(path);
    Ok(Tapes { record: order.record.as_ref().map(absolute), replay: order.replay.as_ref().map(absolute) })
}

/// The goal with everything the command line said about it; `None` for a resume, which has its goal already.
pub fn goal_of(order: &Order, setup: &Setup) -> Result<Option<Goal>> {
    let (text, single) = match &order.work {
        Work::Goal(text) => (text, None),
        Work::Agent { name, task, output, instructions } => {
            let output_file = output.as_deref().map(output_path).transpose()?;
            (task, Some(SingleStep { agent: name.clone(), output_file, instructions: instructions.clone() }))
        }
        Work::Resume(_) => return Ok(None),
    };
    let in_file = if single.is_none() { goal_file::named(text, setup)? } else { None };
    let mut goal = match in_file {
        Some(goal) => goal,
        None => Goal::new(text.as_str())?,
    };
    goal.single = single;
    goal.attach.extend(order.attach.iter().map(|path| setup.environment.absolute(path)));
    goal.read_project = order.read_project;
    goal.plan_only = order.plan_only;
    Ok(Some(goal))
}

fn output_path(text: &str) -> Result<RelPath> {
    RelPath::new(text).map_err(|problem| {
        Error::usage(format!("--output: {problem}")).hint("name a file inside the workspace, like `notes.md` or `charts/sales.svg`")
    })
}

/// A completed workspace says so and is done; anything else is left to the resume.
async fn already_completed(workspace: &Path, options: &Options, setup: &Setup, terminal: &Terminal) -> Option<i32> {
    let state = setup.reader().ok()?.state_of(workspace).await.ok()?;
    if state.status != RunStatus::Completed {
        return None;
    }
    if options.json {
        terminal.out(&result_json(&RunResult::of(&state, workspace)));
    } else {
        let summary = style::shown_path(&workspace.join("execution-summary.md"), setup.environment.current_dir());
        terminal.out(&format!("already completed: {}\nSummary: {summary}", style::one_line(&state.goal)));
    }
    Some(0)
}

/// Says how it ended; the exit code.
fn end(session: &mut Session<'_>, result: Option<RunResult>, options: &Options) -> i32 {
    let left = result.is_none();
    let state = session.handle.state();
    let mut result = result.unwrap_or_else(|| RunResult::of(&state, &session.handle.workspace));
    if left && !result.status.is_end() {
        result.status = RunStatus::Paused;
    }
    session.circumstances.budget_open = session.budget_is_open();
    let circumstances = session.circumstances;
    if options.json {
        session.terminal.out(&result_json(&result));
    } else if circumstances.plan_only && result.status == RunStatus::WaitingApproval {
        let plan = result.workspace.join("plan.md");
        session.terminal.out(&format!("Plan: {}", style::shown_path(&plan, session.setup.environment.current_dir())));
    } else {
        let mut artifacts = summary::outputs(&result);
        artifacts.extend(session.renderer.artifacts().iter().cloned());
        let from = session.setup.environment.current_dir();
        let ending = Ending { goal: &state.goal, result: &result, artifacts, show_cost: session.setup.settings.cost_tracking, from };
        let width = session.terminal.width_out().unwrap_or(100);
        session.terminal.out(&summary::lines(&ending, width, session.terminal.paint_out()).join("\n"));
    }
    let first_open = state.pending_approvals.first().map(|pending| pending.id.to_string());
    if let Some(hint) = exit::hint(&result, circumstances, first_open.as_deref()) {
        session.terminal.hint(&hint);
    }
    exit::code(&result, circumstances)
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
