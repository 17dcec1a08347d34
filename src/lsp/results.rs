//! Results of steps that wait for a person, as documents they edit: which document is one, what can be done at it, and what changed in it.
//! An edit counts when it is saved; the text as saved is what an approval is bound to.
use serde::Deserialize;
use serde_json::json;
use tower_lsp::lsp_types::Url;

use crate::documents::approvals;
use crate::domain::plan::StepId;
use crate::domain::view::PendingApproval;
use crate::domain::{Command, Error, QuestionId};

use super::actions::KIND_RUN;
use super::client::{Feature, Name};
use super::command_places::open_list;
use super::commands::{Call, answer_beside};
use super::documents::Document;
use super::main_loop::Done;
use super::offers::{self, Offer};
use super::runs::Run;
use super::state::State;
use super::to_proto;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ChangesArgument {
    run_id: Option<String>,
    step_id: Option<StepId>,
}

/// Looking at what changed in a waiting result.
pub fn changes_offer(run: &Run, pending: &PendingApproval) -> Option<Offer> {
    let file = pending.proposal.as_ref()?.file_name();
    Some(Offer {
        lens: "Show changes".into(),
        action: format!("Show changes of {file} ({})", run.run_id),
        command: "orchestrator.showChanges",
        argument: json!({"runId": run.run_id, "stepId": pending.step}),
        kind: KIND_RUN,
    })
}

impl State {
    /// The run and question that a document is the waiting result of.
    pub fn result_of(&self, document: &Document) -> Option<(&Run, &PendingApproval)> {
        let path = document.path().filter(|_| document.is_result())?;
        let run = self.runs.iter().find(|run| path.starts_with(&run.workspace))?;
        let is_here = |pending: &&PendingApproval| pending.proposal.as_ref().is_some_and(|file| run.workspace.join(file.as_str()) == path);
        Some((run, run.pending().iter().find(is_here)?))
    }

    pub fn offers_of_result(&self, document: &Document) -> Vec<(usize, Vec<Offer>)> {
        let Some((run, pending)) = self.result_of(document) else { return Vec::new() };
        let [_, approve, reject] = offers::at_question(run, pending);
        vec![(0, changes_offer(run, pending).into_iter().chain([approve, reject]).collect())]
    }

    /// A waiting result was saved: what was typed into it counts from now on. `false` when the document is none.
    pub fn result_saved(&mut self, uri: &Url) -> bool {
        let Some(document) = self.documents.get(uri).filter(|document| document.is_result()) else { return false };
        let changed = document.rope != document.base;
        let order = self.result_of(document).and_then(|(run, pending)| Some((run.workspace.clone(), pending.step.clone()?)));
        if let Some(document) = self.documents.get_mut(uri) {
            document.base = document.rope.clone();
        }
        if let Some((workspace, step)) = order.filter(|_| changed) {
            self.command_and_say(&workspace, Command::EditResult { step });
        }
        true
    }

    /// What a person wrote to a question in the open approvals.md: it goes with a decision that comes by another way.
    pub fn note_written(&self, run: &Run, id: &QuestionId) -> Option<String> {
        let paper = to_proto::uri(&run.workspace.join("approvals.md"))?;
        let text = self.documents.get(&paper)?.rope.to_string();
        let entry = approvals::parse(&text).pending.into_iter().find(|entry| entry.id == id.0)?;
        entry.note.filter(|note| !note.trim().is_empty())
    }
}

/// `orchestrator.showChanges`: what changed in a waiting result since the version before it; shown as a diff where the client draws none itself.
pub fn show_changes(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<ChangesArgument>() else { return };
    let waiting = |run: &Run| run.pending().iter().find(|pending| pending.proposal.is_some()).and_then(|pending| pending.step.clone());
    let run = match state.meant(argument.run_id.as_deref(), |run| waiting(run).is_some()) {
        Ok(Some(run)) => run,
        Ok(None) => return open_list(state, reply),
        Err(error) => return drop(reply.send(Err(error))),
    };
    let Some(step) = argument.step_id.or_else(|| waiting(&run)) else {
        let error = Error::usage(format!("no result of {} waits for approval", run.run_id)).hint("open the artifact instead");
        return drop(reply.send(Err(to_proto::failure(&error))));
    };
    let draws_diffs = state.client.name == Name::VsCode && state.client.may(Feature::RunsExtension);
    let engine = state.setup.engine(&state.setup.project_of(Some(&run.workspace)));
    let (disk, inputs) = (state.setup.machine.disk.clone(), state.inputs.clone());
    answer_beside(reply, async move {
        let changes = engine.reader().await?.changes(&run.workspace, &step).await?;
        let place = |path: &crate::domain::RelPath| to_proto::uri_value(&run.workspace.join(path.as_str()));
        let result = json!({
            "before": place(&changes.before), "after": place(&changes.after),
            "added": changes.added, "removed": changes.removed, "diff": changes.unified,
        });
        if !draws_diffs {
            let (folder, name) = (run.workspace.join(".orchestrator/proposed"), format!("{step}.diff"));
            let path = folder.join(&name);
            let text = if changes.unified.is_empty() { "nothing changed\n".to_owned() } else { changes.unified };
            let write = move || disk.open(&folder).and_then(|folder| folder.replace(&name, text.as_bytes(), false));
            let written = tokio::task::spawn_blocking(write).await.map_err(|_| Error::internal("writing a diff broke off"))?;
            written.map_err(|error| Error::disk("cannot write the diff", &error))?;
            inputs.done(Done::Show(path));
        }
        Ok(result)
    });
}
