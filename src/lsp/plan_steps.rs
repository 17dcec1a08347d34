//! What can be done to plan.md as a text: hints behind its steps, a new id for a step everywhere, only one step. Versioned edits; runs nothing.
use tower_lsp::jsonrpc;
use tower_lsp::lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, InlayHint, InlayHintLabel, InlayHintParams, PrepareRenameResponse, Range,
    RenameParams, TextDocumentPositionParams, WorkspaceEdit,
};

use crate::documents::plan::{self, PlanDocument};
use crate::documents::{Fix, Mark, Span};
use crate::domain::{StepId, StepStatus};

use super::documents::Document;
use super::papers::{self, Paper};
use super::state::State;
use super::{from_proto, to_proto, words};

/// The longest id that a step can be given, in characters.
const LONGEST_ID: usize = 40;

impl State {
    /// Status, tokens, cost and time behind each step of plan.md.
    pub fn hints(&self, params: &InlayHintParams) -> Option<Vec<InlayHint>> {
        let document = self.documents.get(&params.text_document.uri)?;
        let (run, plan) = (self.run_of_paper(document)?, plan_of(document)?);
        let steps = &run.state.as_ref()?.steps;
        let lines = params.range.start.line..=params.range.end.line;
        let places = plan.plan.steps.iter().zip(&plan.steps);
        let hints = places.filter(|(_, place)| lines.contains(&to_proto::number(place.line))).filter_map(|(step, place)| {
            let view = steps.iter().find(|view| view.id == step.id)?;
            Some(InlayHint {
                position: to_proto::line_range(&document.rope, place.line, self.documents.encoding).end,
                label: InlayHintLabel::String(words::step(view)),
                kind: None,
                text_edits: None,
                tooltip: None,
                padding_left: Some(true),
                padding_right: None,
                data: None,
            })
        });
        Some(hints.collect())
    }

    /// The step id at a place, if there is one.
    pub fn prepare_rename(&self, params: &TextDocumentPositionParams) -> jsonrpc::Result<Option<PrepareRenameResponse>> {
        let Some(document) = self.documents.get(&params.text_document.uri) else { return Ok(None) };
        let Some((id, span)) = self.id_at(document, params) else { return Ok(None) };
        self.refuse_begun(document, &id)?;
        let range = to_proto::range(&document.rope, span.range(), self.documents.encoding);
        Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder: id.to_string() }))
    }

    /// A new id for a step, where it is named and wherever it is needed.
    pub fn rename(&self, params: &RenameParams) -> jsonrpc::Result<Option<WorkspaceEdit>> {
        let place = &params.text_document_position;
        let Some(document) = self.documents.get(&place.text_document.uri) else { return Ok(None) };
        let Some((id, _)) = self.id_at(document, place) else { return Ok(None) };
        self.refuse_begun(document, &id)?;
        let Some(plan) = plan_of(document) else { return Ok(None) };
        let new = params.new_name.trim();
        let is_id = new.starts_with(|c: char| c.is_ascii_alphabetic())
            && new.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            && new.len() <= LONGEST_ID;
        if !is_id {
            return Err(to_proto::invalid(format!("`{new}` cannot name a step: a letter, then letters, digits, `_` or `-`")));
        }
        if new != id.as_str() && plan.plan.steps.iter().any(|step| step.id.as_str() == new) {
            return Err(to_proto::invalid(format!("there is a step `{new}` already")));
        }
        let spans = spans_of(&plan, &id);
        let edits = spans.into_iter().map(|span| (span, new.to_owned())).collect();
        Ok(Some(self.edit(document, &Fix { title: String::new(), edits })))
    }

    fn id_at(&self, document: &Document, place: &TextDocumentPositionParams) -> Option<(StepId, Span)> {
        let plan = plan_of(document)?;
        let at = from_proto::char_index(&document.rope, place.position, self.documents.encoding);
        let at = document.rope.char_to_byte(at);
        let ids = plan.plan.steps.iter().zip(&plan.steps).flat_map(|(step, place)| {
            std::iter::once((step.id.clone(), place.id)).chain(step.needs.iter().cloned().zip(place.needs.iter().copied()))
        });
        ids.into_iter().find(|(id, span)| !id.as_str().is_empty() && span.touches(at))
    }

    /// A step that has begun keeps its id: its results are known by it.
    fn refuse_begun(&self, document: &Document, id: &StepId) -> jsonrpc::Result<()> {
        let run = self.run_of_paper(document);
        let step = run.and_then(|run| run.state.as_ref()?.steps.iter().find(|step| step.id == *id));
        match step.filter(|step| step.status != StepStatus::Pending) {
            Some(step) => Err(to_proto::invalid(format!(
                "step {id} is {}; only steps that have not begun can be renamed",
                words::step_status(step.status)
            ))),
            None => Ok(()),
        }
    }

    /// The edit that leaves one step of those that have not begun.
    pub fn only_this(&self, document: &Document, range: Range) -> Option<CodeActionOrCommand> {
        let plan = plan_of(document).filter(|_| self.client.takes_actions())?;
        let run = self.run_of_paper(document)?;
        let state = run.state.as_ref()?;
        let line = usize::try_from(range.start.line).ok()?;
        let this = plan.steps.iter().position(|place| place.line == line)?;
        let id = &plan.plan.steps.get(this)?.id;
        let begun = |id: &StepId| state.steps.iter().any(|step| step.id == *id && step.status != StepStatus::Pending);
        if begun(id) || run.status.is_end() {
            return None;
        }
        let edits = plan::mark_edits(&plan, &|other| match other {
            other if other == id => Some(Mark::Todo),
            other if begun(other) => None,
            _ => Some(Mark::Skip),
        });
        let fix = Fix { title: format!("Mark every other step that has not begun as skipped, only {id} runs"), edits };
        (!fix.edits.is_empty()).then(|| {
            CodeActionOrCommand::CodeAction(CodeAction {
                title: fix.title.clone(),
                kind: Some(CodeActionKind::QUICKFIX),
                edit: Some(self.edit(document, &fix)),
                ..CodeAction::default()
            })
        })
    }
}

fn plan_of(document: &Document) -> Option<PlanDocument> {
    (papers::kind(document.file_name()) == Some(Paper::Plan)).then(|| plan::parse(&document.rope.to_string()))
}

fn spans_of(plan: &PlanDocument, id: &StepId) -> Vec<Span> {
    let mut spans = Vec::new();
    for (step, place) in plan.plan.steps.iter().zip(&plan.steps) {
        spans.extend(Some(place.id).filter(|_| step.id == *id));
        spans.extend(step.needs.iter().zip(&place.needs).filter(|(need, _)| *need == id).map(|(_, span)| *span));
    }
    spans
}
