//! Documents that are open in the editor, brought up to date by versioned edits: marks of plan.md, entries of approvals.md; the ticks of `ticks` go out here.
//! Never writes a file, never touches what a person wrote; a client that takes no such edits has lenses and hints instead.
use ropey::Rope;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower_lsp::lsp_types::{DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextEdit, WorkspaceEdit};

use crate::documents::approvals::{self, DecidedLine};
use crate::documents::{Mark, Span, place, plan};
use crate::domain::view::{PendingApproval, RunState};
use crate::domain::{StepId, StepStatus};

use super::client::Feature;
use super::documents::Document;
use super::editor::Answer;
use super::from_proto::{Encoding, Key};
use super::main_loop::Done;
use super::papers::{self, Paper};
use super::runs::Run;
use super::state::State;
use super::to_proto;

/// An edit of ours that the client may be applying.
#[derive(Debug)]
pub struct Awaited {
    /// The version it was made for.
    version: i32,
    /// The text when it is applied.
    text: Rope,
    /// The same edit in the text against which a person's changes are told.
    base: Rope,
}

impl Document {
    /// After a change: whether it was our own edit that came back. What a person changed before is still theirs afterwards.
    pub fn is_our_edit(&mut self) -> bool {
        let ours = self.awaited.as_ref().is_some_and(|awaited| awaited.text == self.rope);
        if let (true, Some(awaited)) = (ours, self.awaited.take()) {
            self.base = awaited.base;
        }
        ours
    }

    /// A versioned edit of this document.
    pub fn versioned_edit(&self, edits: &[(Span, String)], encoding: Encoding) -> WorkspaceEdit {
        let text_document = OptionalVersionedTextDocumentIdentifier { uri: self.uri.clone(), version: Some(self.version) };
        let edits =
            edits.iter().map(|(span, text)| OneOf::Left(TextEdit::new(to_proto::range(&self.rope, span.range(), encoding), text.clone())));
        let edit = TextDocumentEdit { text_document, edits: edits.collect() };
        WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(vec![edit])), ..WorkspaceEdit::default() }
    }
}

impl State {
    /// Sends what open papers lack, once for each version of the text.
    pub fn settle_papers(&mut self, now: Instant) {
        let is_wanted = self.ticks.wake(now) | std::mem::take(&mut self.papers_wanted);
        if !is_wanted || !self.client.may(Feature::ApplyEdit) || !self.client.takes_document_changes() {
            return;
        }
        let keys: Vec<Key> =
            self.documents.iter().filter(|(_, document)| self.is_open_paper(document)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.bring_up(&key);
        }
        self.tick_goals();
    }

    fn is_open_paper(&self, document: &Document) -> bool {
        papers::kind(document.file_name()).is_some() && self.run_of_paper(document).is_some_and(|run| run.state.is_some())
    }

    fn bring_up(&mut self, key: &Key) {
        let Some(document) = self.documents.by_key(key) else { return };
        let Some((paper, run)) = papers::kind(document.file_name()).zip(self.run_of_paper(document)) else { return };
        let Some(state) = run.state.clone() else { return };
        let up_to_date = |text: &str| match paper {
            Paper::Plan => plan::set_marks(text, &marks(&state)).unwrap_or_else(|| text.to_owned()),
            Paper::Approvals => brought_up(text, run, &state.pending_approvals),
        };
        let (now, base) = (document.rope.to_string(), document.base.to_string());
        // A paper of another run in this folder is not ours to mend.
        if papers::run_id(paper, &now).is_none_or(|id| id != run.run_id) {
            return;
        }
        let wanted = up_to_date(&now);
        if wanted == now {
            return;
        }
        let base = up_to_date(&base);
        self.send_edit(key, &[difference(&now, &wanted)], Some(&base), None);
    }

    /// Sends an edit of an open document; `tick` names the run whose goal it ticks. `false` when nothing was sent: one for this version is on its way
    /// or was refused.
    pub fn send_edit(&mut self, key: &Key, edits: &[(Span, String)], base: Option<&str>, tick: Option<&str>) -> bool {
        let encoding = self.documents.encoding;
        let Some(document) = self.documents.by_key_mut(key) else { return false };
        // On its way, or refused: with the next version of the text it is another matter.
        if document.awaited.as_ref().is_some_and(|awaited| awaited.version == document.version) {
            return false;
        }
        let text = Rope::from_str(&place::apply(&document.rope.to_string(), edits));
        let base = base.map_or_else(|| text.clone(), Rope::from_str);
        document.awaited = Some(Awaited { version: document.version, text, base });
        let edit = document.versioned_edit(edits, encoding);
        let (key, tick) = (key.clone(), tick.map(ToOwned::to_owned));
        let params = json!({"label": "Bring the document up to date", "edit": edit});
        self.ask_beside("workspace/applyEdit", params, move |answer| Done::Edited { key, tick, answer });
        true
    }

    /// An edit of ours came back. A client without such edits is not asked again.
    pub fn edited(&mut self, key: &Key, tick: Option<&str>, answer: &Answer) {
        self.client.learn(Feature::ApplyEdit, answer);
        let applied = matches!(answer, Answer::Result(result) if result.get("applied") == Some(&Value::Bool(true)));
        if let Some(run_id) = tick {
            self.ticks.told(run_id, applied, Instant::now());
            // A tick that was not applied may be sent for the same version once more; other edits wait for the next one.
            if let Some(document) = self.documents.by_key_mut(key).filter(|_| !applied) {
                document.awaited = None;
            }
        }
        // What happened while it was on its way.
        self.papers_wanted = true;
    }
}

/// The mark that a step of an open plan should have; a step that has not begun keeps what its author gave it.
fn marks(state: &RunState) -> impl Fn(&StepId) -> Option<Mark> + '_ {
    |id| match state.steps.iter().find(|step| step.id == *id)?.status {
        StepStatus::Completed => Some(Mark::Done),
        StepStatus::Skipped => Some(Mark::Skip),
        StepStatus::Pending => None,
        _ => Some(Mark::Todo),
    }
}

/// approvals.md with its questions as they are open now. Marks and notes that a person set for a question as it stands stay, and so does what was decided.
fn brought_up(text: &str, run: &Run, pending: &[PendingApproval]) -> String {
    let before = approvals::parse(text);
    let fresh = approvals::keep_notes(&approvals::render(&run.run_id, pending, &[]), text);
    let same = |id: &str, hash: &str| before.pending.iter().find(|old| old.id == id && old.hash == hash && old.mark != Mark::Todo);
    let marked: Vec<(Span, String)> = approvals::parse(&fresh)
        .pending
        .iter()
        .filter_map(|entry| Some((entry.mark_span, same(&entry.id, &entry.hash)?.mark.symbol().to_string())))
        .collect();
    let mut result = place::apply(&fresh, &marked);
    let decided = text.split_once("\n## Decided\n").map_or("", |(_, decided)| decided);
    result.push_str(decided);
    let new: Vec<DecidedLine> = run.answered.iter().filter(|line| !before.decided.iter().any(|old| old.id == line.id)).cloned().collect();
    if !new.is_empty() && !decided.is_empty() && !decided.ends_with('\n') {
        result.push('\n');
    }
    let whole = approvals::render(&run.run_id, &[], &new);
    result.push_str(whole.split_once("\n## Decided\n").map_or("", |(_, lines)| lines));
    // Everything waiting as before and nothing new decided: the text stays as the person left it.
    let is_current = new.is_empty()
        && before.pending.len() == pending.len()
        && pending.iter().all(|now| before.pending.iter().any(|old| old.id == now.id.0 && old.hash == now.hash));
    if is_current { text.to_owned() } else { result }
}

/// The one replacement, of whole lines, that makes `after` out of `before`.
fn difference(before: &str, after: &str) -> (Span, String) {
    let same = |(a, b): &(&str, &str)| a == b;
    let head: usize = before.split_inclusive('\n').zip(after.split_inclusive('\n')).take_while(same).map(|(line, _)| line.len()).sum();
    let (old, new) = (before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
    let tail: usize =
        old.split_inclusive('\n').rev().zip(new.split_inclusive('\n').rev()).take_while(same).map(|(line, _)| line.len()).sum();
    (Span::new(head, before.len() - tail), new.get(..new.len() - tail).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_difference_makes_one_text_out_of_the_other(before in "[a\nü]{0,30}", after in "[a\nü]{0,30}") {
            let edit = difference(&before, &after);
            prop_assert_eq!(place::apply(&before, &[edit]), after);
        }
    }
}
