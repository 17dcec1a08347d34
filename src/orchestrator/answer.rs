//! Orders to a workspace wherever its run lives: in this process, in another one (through its mailbox), or nowhere (then they are recorded).
use std::path::Path;
use std::sync::Arc;

use crate::domain::{Command, Error, Event, Result, Subject};
use crate::engine::{Workflow, approval, commands};
use crate::sys::mailbox::mailbox_name;
use crate::workspace::Workspace;

use super::letters::{Wire, WireOutcome};
use super::proposals;
use super::run::CommandOutcome;
use super::shared::{Shared, blocking};
use super::start::{Taken, owner, take_up};

pub(super) async fn answer(shared: &Arc<Shared>, path: &Path, command: Command) -> Result<CommandOutcome> {
    let path = shared.environment.absolute(path);
    let here = shared.live_runs().into_iter().find(|run| run.workspace.as_path() == path);
    if let Some(run) = here {
        return run.command(command).await;
    }
    let held = {
        let (disk, path) = (Arc::clone(&shared.disk), path.clone());
        blocking(move || Ok(Workspace::open(&disk, &path)?.lease_holder())).await?
    };
    match held {
        Some(holder) => by_letter(shared, &path, command, &holder.program).await,
        None => {
            let shared = Arc::clone(shared);
            blocking(move || record(&shared, &path, &command)).await
        }
    }
}

async fn by_letter(shared: &Arc<Shared>, path: &Path, command: Command, holder: &str) -> Result<CommandOutcome> {
    let Some(wire) = Wire::from_command(command) else {
        return Err(Error::usage("a live run takes edits of its plan from plan.md").hint("save plan.md"));
    };
    let text = serde_json::to_string(&wire).map_err(|error| Error::internal(error.to_string()))?;
    let sent = crate::sys::mailbox::send(&shared.environment.runtime_folder(), &mailbox_name(path), &text).await;
    let unreachable = || {
        Error::new(crate::domain::ErrorKind::Held, format!("the workspace is held by {holder}, which does not answer"))
            .hint("decide in the editor or terminal that runs it")
    };
    let reply = sent.ok().flatten().ok_or_else(unreachable)?;
    let outcome: WireOutcome = serde_json::from_str(&reply).map_err(|_| unreachable())?;
    Ok(CommandOutcome { done: outcome.done, reason: outcome.reason })
}

/// Nobody holds the run: take the lease, write the decision down, let go.
fn record(shared: &Shared, path: &Path, command: &Command) -> Result<CommandOutcome> {
    let (workspace, _lease, mut journal, mut records): Taken = take_up(&shared.disk, path, &owner(shared, "approve"))?;
    let mut workflow = Workflow::replay(&records);
    let mut write = |workflow: &mut Workflow, events: Vec<Event>| -> Result<()> {
        for event in events {
            let record = journal.append(shared.clock.now(), event)?;
            workflow.apply(&record);
            records.push(record);
        }
        journal.sync()
    };
    if approves_plan(&workflow, command) {
        match edited_plan(shared, &workspace, &workflow) {
            Ok(None) => {}
            Ok(Some(planned)) => {
                write(&mut workflow, vec![planned])?;
                let question = approval::plan_question(&workflow);
                write(&mut workflow, vec![Event::Asked { question }])?;
            }
            Err(problem) => return Ok(CommandOutcome::from_result(Err(problem))),
        }
    }
    let standing = proposals::standing(&workspace, &workflow, command)?;
    if let Some(asked) = standing.as_ref().and_then(|standing| proposals::reasked(&workflow, standing)) {
        write(&mut workflow, vec![asked])?;
    }
    let mut decided = commands::decide(&workflow, command);
    if let (Ok(events), Some(standing), Command::Answer { .. }) = (&mut decided, &standing, command) {
        let jail = workspace.jail(shared.settings.allowed_file_extensions.clone()).fenced(shared.settings.sandbox_mode);
        match proposals::keep(&jail, &workflow, standing)? {
            Ok(saved) => drop(events.splice(0..0, saved)),
            Err(reason) => decided = Err(reason),
        }
    }
    let outcome = match decided {
        Ok(events) => write(&mut workflow, events).map(|()| CommandOutcome::from_result(Ok(())))?,
        Err(reason) => CommandOutcome::from_result(Err(reason)),
    };
    super::outlook::write_all(shared, &workspace, &workflow, &records)?;
    Ok(outcome)
}

fn approves_plan(workflow: &Workflow, command: &Command) -> bool {
    let Command::Answer { id, hash: None, decision, .. } = command else { return false };
    decision.approved && workflow.question(id).is_some_and(|question| question.subject == Subject::Plan)
}

/// The plan as it stands in the file, where it was edited since it was asked about: that is what the command line approves.
fn edited_plan(shared: &Shared, workspace: &Workspace, workflow: &Workflow) -> std::result::Result<Option<Event>, String> {
    let (Some(plan), Some(text)) = (&workflow.plan, workspace.plan_text()) else { return Ok(None) };
    if text == plan.text || text == super::outlook::marked(workflow, &plan.text) {
        return Ok(None);
    }
    super::obey::read_plan(&text, workflow, &super::start::plan_rules(shared)).map(Some)
}
