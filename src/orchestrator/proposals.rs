//! A step's result that waits for a person: put aside as a proposal, asked about anew when it was edited, and kept as it stands when approved.
use std::sync::Arc;

use crate::domain::hash::{sha256, short_hash};
use crate::domain::question::{before_proposal, proposal};
use crate::domain::{Command, Error, Event, Question, RelPath, Result, StepId, Subject};
use crate::engine::Workflow;
use crate::workspace::jail::{Jail, Refusal};
use crate::workspace::{Workspace, proposed};

use super::driver::Driver;
use super::shared::blocking;

/// A proposal as it stands.
pub(super) struct Standing {
    step: StepId,
    output: RelPath,
    bytes: Vec<u8>,
    sha256: String,
}

/// What a person compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The files' paths in the workspace.
    pub before: RelPath,
    pub after: RelPath,
    pub added: usize,
    pub removed: usize,
    /// As `diff -u` writes it.
    pub unified: String,
}

/// The step and file that a question about a result is about.
fn subject(workflow: &Workflow, question: &Question) -> Option<(StepId, RelPath)> {
    let id = question.step.as_ref().filter(|_| question.subject == Subject::StepResult)?;
    Some((id.clone(), workflow.plan_step(id)?.output.clone()))
}

/// Puts the result aside that `question` asks about. What cannot be read is asked about all the same. Blocks.
fn put_aside(workspace: &Workspace, jail: &Jail, (step, output): (&StepId, &RelPath)) -> Result<()> {
    match jail.read(output) {
        Ok(bytes) => proposed::put(workspace, (step, output), &bytes),
        Err(Refusal::NotAllowed(_)) => Ok(()),
        Err(Refusal::Disk(error)) => Err(Error::disk(format!("cannot read `{output}`"), &error)),
    }
}

/// The proposal that `command` approves or says was edited. Blocks.
pub(super) fn standing(workspace: &Workspace, workflow: &Workflow, command: &Command) -> Result<Option<Standing>> {
    let question = match command {
        Command::Answer { id, decision, .. } if decision.approved => workflow.question(id),
        Command::EditResult { step } => {
            let mine = |question: &&Question| question.subject == Subject::StepResult && question.step.as_ref() == Some(step);
            workflow.questions.iter().find(mine)
        }
        _ => None,
    };
    let Some((step, output)) = question.and_then(|question| subject(workflow, question)) else { return Ok(None) };
    let bytes = proposed::standing(workspace, &step, &output)?;
    Ok(bytes.map(|bytes| Standing { sha256: sha256(&bytes), step, output, bytes }))
}

/// The question anew, bound to what stands now; nothing where that is what was asked about.
pub(super) fn reasked(workflow: &Workflow, standing: &Standing) -> Option<Event> {
    let mine = |question: &&Question| question.subject == Subject::StepResult && question.step.as_ref() == Some(&standing.step);
    let open = workflow.questions.iter().find(mine)?;
    let hash = short_hash(&standing.sha256);
    (open.hash != hash).then(|| Event::Asked { question: Question { hash, ..open.clone() } })
}

/// Makes the proposal the step's output. The inner error says why it cannot be kept. Blocks.
pub(super) fn keep(jail: &Jail, workflow: &Workflow, standing: &Standing) -> Result<std::result::Result<Option<Event>, String>> {
    let known = workflow.files.get(&standing.output.folded());
    if known.is_some_and(|fact| fact.sha256 == standing.sha256) {
        return Ok(Ok(None));
    }
    match jail.write(&standing.output, &standing.bytes) {
        Ok(sha256) => {
            let bytes = u64::try_from(standing.bytes.len()).unwrap_or(u64::MAX);
            Ok(Ok(Some(Event::Saved { step: standing.step.clone(), path: standing.output.clone(), sha256, bytes })))
        }
        Err(Refusal::NotAllowed(reason)) => Ok(Err(reason)),
        Err(Refusal::Disk(error)) => Err(Error::disk(format!("cannot write `{}`", standing.output), &error)),
    }
}

/// What changed in the proposal of a step since the version before it. Blocks.
pub(super) fn changes(workspace: &Workspace, step: &StepId, output: &RelPath) -> Result<Changes> {
    let none = || Error::place(format!("step {step} has no result that waits for approval"));
    let (after, before) = proposal(step, output).zip(before_proposal(step, output)).ok_or_else(none)?;
    let text = |path: &RelPath| workspace.read_text(path.as_str());
    let new = text(&after).ok_or_else(none)?;
    let old = text(&before).unwrap_or_default();
    let diff = similar::TextDiff::from_lines(&old, &new);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    let (added, removed) = (count(similar::ChangeTag::Insert), count(similar::ChangeTag::Delete));
    let unified = diff.unified_diff().header(before.as_str(), after.as_str()).to_string();
    Ok(Changes { before, after, added, removed, unified })
}

impl Driver {
    /// Before a person is asked about a result, it is put aside for them.
    pub(super) async fn propose(&mut self, question: &Question) -> Result<()> {
        let Some((step, output)) = subject(&self.workflow, question) else { return Ok(()) };
        let (workspace, jail) = (Arc::clone(&self.workspace), Arc::clone(&self.jail));
        blocking(move || put_aside(&workspace, &jail, (&step, &output))).await
    }

    /// What stands now is asked about, where a person edited it.
    pub(super) async fn take_proposal(&mut self, command: &Command) -> Result<Option<Standing>> {
        let Some(standing) = standing(&self.workspace, &self.workflow, command)? else { return Ok(None) };
        if let Some(asked) = reasked(&self.workflow, &standing) {
            self.commit(vec![asked]).await?;
        }
        Ok(Some(standing))
    }

    /// The approved proposal becomes the step's output.
    pub(super) fn keep_proposal(&self, standing: &Standing) -> Result<std::result::Result<Option<Event>, String>> {
        keep(&self.jail, &self.workflow, standing)
    }
}
