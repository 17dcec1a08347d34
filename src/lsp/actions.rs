//! Code actions: the twin of every lens on its line, and running a selection as a goal. Never of a `source` kind: editors hide those or run them on save.
use serde_json::json;
use tower_lsp::lsp_types::{CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, Command, Range};

use crate::domain::goal::shorten;

use super::documents::Document;
use super::offers::Offer;
use super::state::State;

/// The kind of actions at a goal's line.
pub const KIND_RUN: &str = "refactor.orchestrator.run";
/// The kind of the action for a selection.
pub const KIND_SELECTION: &str = "refactor.rewrite.orchestrator";
/// A selection of fewer words is no goal.
const MIN_WORDS: usize = 3;
/// The longest selection that is offered as a goal, in characters.
const MAX_SELECTION: usize = 16 * 1024;

impl State {
    pub fn actions(&mut self, params: &CodeActionParams) -> Option<CodeActionResponse> {
        let document = self.documents.get(&params.text_document.uri)?;
        let (first, last) = (params.range.start.line, params.range.end.line);
        let line = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let lines = line(first)..=line(last.max(first));
        let offers = self.offers_in(document, Some(&lines)).into_iter().filter(|(line, _)| lines.contains(line));
        let mut all: Vec<Offer> = offers.flat_map(|(_, offers)| self.with_scopes(offers)).collect();
        all.extend(self.selection_offer(document, params.range));
        let wanted = params.context.only.as_deref();
        let mut actions: Vec<CodeActionOrCommand> =
            all.into_iter().filter(|offer| is_wanted(offer.kind, wanted)).map(|offer| self.action(offer)).collect();
        if is_wanted("quickfix", wanted) {
            actions.extend(self.fixes(document, params.range));
            actions.extend(self.only_this(document, params.range));
        }
        (!actions.is_empty()).then_some(actions)
    }

    fn selection_offer(&self, document: &Document, range: Range) -> Option<Offer> {
        let chars = super::from_proto::char_range(&document.rope, range, self.documents.encoding);
        if chars.is_empty() || chars.len() > MAX_SELECTION {
            return None;
        }
        let goal = document.slice(range, self.documents.encoding);
        if goal.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count() < MIN_WORDS {
            return None;
        }
        Some(Offer {
            lens: String::new(),
            action: format!("Run selection as goal: {}", shorten(&goal, 40)),
            command: "orchestrator.runGoal",
            argument: json!({"goal": goal.trim(), "uri": document.uri, "range": range}),
            kind: KIND_SELECTION,
        })
    }

    /// An approval is offered once, for this run and always, where it can reach so far; none is preferred.
    fn with_scopes(&self, mut offers: Vec<Offer>) -> Vec<Offer> {
        let Some(at) = offers.iter().position(|offer| offer.command == "orchestrator.approve") else { return offers };
        let text = |field: &str| offers.get(at).and_then(|offer| offer.argument.get(field)).and_then(serde_json::Value::as_str);
        let run = text("runId").and_then(|id| self.runs.get(id));
        let pending = run.and_then(|run| run.pending().iter().find(|pending| text("approvalId") == Some(pending.id.0.as_str())));
        let wider = run.zip(pending).map(|(run, pending)| super::offers::wider(run, pending)).unwrap_or_default();
        offers.splice(at + 1..at + 1, wider);
        offers
    }

    fn action(&self, mut offer: Offer) -> CodeActionOrCommand {
        if matches!(offer.command, "orchestrator.approve" | "orchestrator.reject") {
            offer.argument["via"] = json!("action");
        }
        let command = Command { title: offer.action.clone(), command: offer.command.to_owned(), arguments: Some(vec![offer.argument]) };
        // Clients of before 3.8 know bare commands only.
        if !self.client.takes_actions() {
            return CodeActionOrCommand::Command(command);
        }
        CodeActionOrCommand::CodeAction(CodeAction {
            title: offer.action,
            kind: Some(CodeActionKind::from(offer.kind)),
            command: Some(command),
            ..CodeAction::default()
        })
    }
}

/// Whether a kind was asked for: nothing was named, or it or a parent of it was.
fn is_wanted(kind: &str, only: Option<&[CodeActionKind]>) -> bool {
    let Some(only) = only else { return true };
    only.iter()
        .map(CodeActionKind::as_str)
        .any(|wanted| wanted.is_empty() || kind.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_wanted_by_its_own_name_or_a_parents() {
        let only = |kinds: &[&'static str]| kinds.iter().map(|kind| CodeActionKind::from(*kind)).collect::<Vec<_>>();
        assert!(is_wanted(KIND_RUN, None));
        assert!(is_wanted(KIND_RUN, Some(&only(&["refactor"]))) && is_wanted(KIND_RUN, Some(&only(&[""]))));
        assert!(!is_wanted(KIND_RUN, Some(&only(&["ref", "quickfix", "source"]))));
        assert!(!is_wanted(KIND_RUN, Some(&[])));
    }
}
