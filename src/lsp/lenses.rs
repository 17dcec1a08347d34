//! Code lenses: on goals, on the steps of plan.md, on the items of approvals.md. Answered from memory; the number of lenses of a place never changes.
use std::ops::RangeInclusive;

use serde_json::{Value, json};
use tower_lsp::lsp_types::{CodeLens, CodeLensParams, Command, Range};

use crate::documents::goals::FoundGoal;
use crate::domain::StepStatus;
use crate::domain::view::StepView;

use super::documents::Document;
use super::offers::{self, Offer};
use super::origins;
use super::papers::{self, Paper};
use super::runs::Run;
use super::state::State;
use super::{to_proto, words};

impl State {
    pub fn lenses(&mut self, params: &CodeLensParams) -> Option<Vec<CodeLens>> {
        let document = self.documents.get(&params.text_document.uri)?;
        let encoding = self.documents.encoding;
        let offers = self.offers_in(document, None).into_iter().flat_map(|(line, offers)| {
            let range = to_proto::line_range(&document.rope, line, encoding);
            offers.into_iter().map(move |offer| lens(range, offer))
        });
        Some(offers.collect())
    }

    /// Everything that can be done in a document, or at least all that can be done in these lines, by line.
    pub fn offers_in(&self, document: &Document, lines: Option<&RangeInclusive<usize>>) -> Vec<(usize, Vec<Offer>)> {
        match papers::kind(document.file_name()) {
            Some(Paper::Approvals) => self.offers_of_approvals(document),
            Some(Paper::Plan) => self.offers_of_plan(document),
            None if document.is_result() => self.offers_of_result(document),
            None if document.file_name() == "index.md" => self.offers_of_index(document),
            None => {
                let found = document.goals.known();
                let wanted = |marker: &&FoundGoal| lines.is_none_or(|lines| lines.contains(&marker.line));
                let offers = |marker| {
                    let run = origins::run_of(self.runs.iter(), &document.key, marker);
                    (marker.line, offers::at_goal(document, marker, run, self.documents.encoding).to_vec())
                };
                found.iter().filter(wanted).map(offers).collect()
            }
        }
    }

    /// The run that a paper belongs to: the one that works in its folder.
    pub fn run_of_paper(&self, document: &Document) -> Option<&Run> {
        let folder = document.path()?.parent()?.to_owned();
        self.runs.at(&folder)
    }

    fn offers_of_approvals(&self, document: &Document) -> Vec<(usize, Vec<Offer>)> {
        let Some(run) = self.run_of_paper(document) else { return Vec::new() };
        let text = document.rope.to_string();
        let items = papers::items(&text).into_iter();
        items
            .filter_map(|item| {
                // Bound to what stands in the document: approving something that changed since is refused by the run.
                let pending = run.pending().iter().find(|pending| pending.id.0 == item.id && pending.hash == item.hash)?;
                Some((item.line, offers::at_question(run, pending).to_vec()))
            })
            .collect()
    }

    fn offers_of_plan(&self, document: &Document) -> Vec<(usize, Vec<Offer>)> {
        let Some(run) = self.run_of_paper(document) else { return Vec::new() };
        let text = document.rope.to_string();
        let mut offers = Vec::new();
        let title = text.lines().position(|line| line.starts_with("# ")).unwrap_or(0);
        if let Some(pending) = run.pending().iter().find(|pending| pending.step.is_none()) {
            offers.push((title, offers::at_question(run, pending).to_vec()));
        }
        for line in papers::steps(&text) {
            let step = run.state.as_ref().and_then(|state| state.steps.iter().find(|step| step.id == line.id));
            offers.extend(step.map(|step| (line.line, at_step(run, step).to_vec())));
        }
        offers
    }

    /// index.md names one workspace a line; each gets a lens that opens or resumes it.
    fn offers_of_index(&self, document: &Document) -> Vec<(usize, Vec<Offer>)> {
        let text = document.rope.to_string();
        let runs = |line: &str| self.runs.iter().find(|run| line.starts_with("- ") && line.contains(&format!("`{}`", run.run_id))).cloned();
        let lines = text.lines().enumerate().filter_map(|(number, line)| Some((number, runs(line)?)));
        lines.map(|(number, run)| (number, vec![workspace_offer(&run)])).collect()
    }
}

fn workspace_offer(run: &Run) -> Offer {
    let resumable = run.stands_still();
    let (title, command, argument) = if resumable {
        ("Resume", "orchestrator.resume", json!({"workspace": run.workspace}))
    } else {
        ("Open summary", "orchestrator.openWorkspace", json!({"workspace": run.workspace, "what": "summary"}))
    };
    Offer { lens: title.into(), action: format!("{title}: {}", run.run_id), command, argument, kind: super::actions::KIND_RUN }
}

/// Three offers for each step: look at it, move it on, and what else there is; always three, so that lines do not jump.
fn at_step(run: &Run, step: &StepView) -> [Offer; 3] {
    let output = step.output_file.as_ref().map(ToString::to_string).unwrap_or_default();
    let (id, place) = (&step.id, json!({"runId": run.run_id, "stepId": step.id}));
    let offer = |lens: &str, action: String, command: &'static str, argument: &Value| Offer {
        lens: lens.to_owned(),
        action,
        command,
        argument: argument.clone(),
        kind: super::actions::KIND_RUN,
    };
    let artifact = json!({"workspace": run.workspace, "path": output});
    let open = |title: &str| offer(title, format!("Open {output}"), "orchestrator.openArtifact", &artifact);
    let log = |title: &str| offer(title, format!("Open the log of {id}"), "orchestrator.showLog", &place);
    let retry = || offer("Retry", format!("Retry step {id}"), "orchestrator.retryStep", &place);
    let skip = || offer("Skip", format!("Skip step {id}"), "orchestrator.skipStep", &place);
    let only = || {
        let others = json!({"runId": run.run_id, "stepId": step.id, "others": true});
        offer("Run only this", format!("Run only {id}: skip every other step that has not begun"), "orchestrator.skipStep", &others)
    };
    if let Some(pending) = run.pending().iter().find(|pending| pending.step.as_ref() == Some(id)) {
        let [review, approve, reject] = offers::at_question(run, pending);
        return [review, approve, reject];
    }
    match step.status {
        StepStatus::Completed => [open(&format!("✓ open {output}")), log("Open log"), retry()],
        StepStatus::Failed => [log("✗ failed: log"), retry(), skip()],
        StepStatus::Skipped | StepStatus::Cancelled => [log(words::step_status(step.status)), retry(), open("Open output")],
        StepStatus::Pending => [log("pending"), skip(), only()],
        StepStatus::Running | StepStatus::WaitingApproval => [log(&words::step(step)), skip(), open("Open output")],
    }
}

fn lens(range: Range, offer: Offer) -> CodeLens {
    let command = Command { title: offer.lens, command: offer.command.to_owned(), arguments: Some(vec![offer.argument]) };
    CodeLens { range, command: Some(command), data: None }
}
