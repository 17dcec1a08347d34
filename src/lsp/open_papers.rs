//! Documents that are open in the editor, brought up to date by versioned edits: marks of plan.md, entries of approvals.md, the tick of a finished goal.
//! Never writes a file, never touches what a person wrote; a client that takes no such edits has lenses and hints instead.
use ropey::Rope;
use serde_json::json;
use tower_lsp::lsp_types::{
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextEdit, Url, WorkspaceEdit,
};

use crate::documents::approvals::{self, DecidedLine};
use crate::documents::{Mark, Span, place, plan};
use crate::domain::view::{PendingApproval, RunState};
use crate::domain::{RunStatus, StepId, StepStatus};

use super::client::Feature;
use super::documents::Document;
use super::from_proto::{Encoding, Key};
use super::goals::LINK;
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
    pub fn settle_papers(&mut self) {
        if !std::mem::take(&mut self.papers_wanted) || !self.client.may(Feature::ApplyEdit) || !self.client.takes_document_changes() {
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
        self.send_edit(key, &[difference(&now, &wanted)], Some(&base));
    }

    /// Sends an edit of an open document, unless one for this version is on its way or was refused.
    fn send_edit(&mut self, key: &Key, edits: &[(Span, String)], base: Option<&str>) {
        let encoding = self.documents.encoding;
        let Some(document) = self.documents.by_key_mut(key) else { return };
        // On its way, or refused: with the next version of the text it is another matter.
        if document.awaited.as_ref().is_some_and(|awaited| awaited.version == document.version) {
            return;
        }
        let text = Rope::from_str(&place::apply(&document.rope.to_string(), edits));
        let base = base.map_or_else(|| text.clone(), Rope::from_str);
        document.awaited = Some(Awaited { version: document.version, text, base });
        let edit = document.versioned_edit(edits, encoding);
        let key = key.clone();
        let params = json!({"label": "Bring the document up to date", "edit": edit});
        self.ask_beside("workspace/applyEdit", params, move |answer| Done::Edited(key, answer));
    }

    /// A task item that holds a goal is ticked when its run has completed, with a link to the summary.
    fn tick_goals(&mut self) {
        let mut wanted = Vec::new();
        // Of this session: a goal that an earlier one left unticked was left so by its author.
        for run in self.runs.iter().filter(|run| run.status == RunStatus::Completed && run.state.is_some()) {
            let Some(origin) = run.origin.as_ref().filter(|origin| origin.here) else { continue };
            let Some(document) = self.documents.by_key(&origin.document) else { continue };
            let Some(marker) = document.goals.known().iter().find(|marker| marker.line == origin.line) else { continue };
            let Some(checkbox) = marker.checkbox.filter(|checkbox| !checkbox.checked) else { continue };
            let line = document.rope.line(marker.line);
            let end = document.rope.line_to_byte(marker.line) + line.to_string().trim_end().len();
            let mut edits = vec![(checkbox.span, "x".to_owned())];
            let link = link(&document.uri, run).filter(|_| !line.to_string().contains(LINK));
            edits.extend(link.map(|link| (Span::at(end), format!(" {LINK}{link}))"))));
            wanted.push((origin.document.clone(), run.run_id.clone(), edits));
        }
        for (key, run_id, edits) in wanted {
            // Once: a person who takes the tick away again means it.
            if self.ticked.insert(run_id) {
                self.send_edit(&key, &edits, None);
            }
        }
    }
}

/// The address of a run's summary, as short as it can be said in the document.
fn link(document: &Url, run: &Run) -> Option<String> {
    let summary = to_proto::uri(&run.workspace.join("execution-summary.md"))?;
    let folder = document.as_str().rsplit_once('/').map(|(folder, _)| format!("{folder}/"))?;
    let whole = summary.as_str();
    Some(whole.strip_prefix(&folder).unwrap_or(whole).replace(')', "%29"))
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
