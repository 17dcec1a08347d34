//! Decisions and plan edits that come from saved documents. Only what a person changed in an open document counts; what came from the disk decides nothing.
use tower_lsp::lsp_types::Url;

use crate::documents::approvals::decisions;
use crate::domain::question::Scope;
use crate::domain::{Command, QuestionId, Via};

use super::client::Name;
use super::command_runs::Verdict;
use super::from_proto;
use super::papers::{self, Paper};
use super::state::State;

/// Papers are small; a larger file of that name is none of ours.
const MAX_PAPER_BYTES: u64 = 1024 * 1024;

impl State {
    /// After a change of a document that can decide something: one that is now exactly what stands on disk was reloaded, not edited.
    pub fn note_reload(&mut self, uri: &Url) {
        // These close and open a document that they read anew, and may tell of the last edit only after they wrote the file.
        if matches!(self.client.name, Name::Neovim | Name::Eglot) {
            return;
        }
        let Some(on_disk) = self.paper_on_disk(uri) else { return };
        if let Some(document) = self.documents.get_mut(uri).filter(|document| document.rope == on_disk.as_str()) {
            document.base = document.rope.clone();
        }
    }

    fn paper_on_disk(&self, uri: &Url) -> Option<String> {
        let path = from_proto::path(uri)?;
        let folder = self.setup.machine.disk.open(path.parent()?).ok()?;
        let bytes = folder.read(path.file_name()?.to_str()?, MAX_PAPER_BYTES).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// A document was saved: what changed in it since it last came from the disk now counts.
    pub fn paper_saved(&mut self, uri: &Url) {
        if self.result_saved(uri) {
            return;
        }
        let Some(paper) = papers::kind(&from_proto::file_name(uri)) else { return };
        let Some(folder) = from_proto::path(uri).and_then(|path| path.parent().map(ToOwned::to_owned)) else { return };
        let Some(document) = self.documents.get_mut(uri) else { return };
        if document.rope == document.base {
            return;
        }
        let (before, after) = (document.base.to_string(), document.rope.to_string());
        document.base = document.rope.clone();
        // A file of that name elsewhere is somebody else's.
        let Some(run) = self.runs.at(&folder) else { return };
        if papers::run_id(paper, &after).is_some_and(|id| id != run.run_id) {
            return;
        }
        match paper {
            Paper::Plan => self.command_and_say(&folder, Command::EditPlan { text: after }),
            Paper::Approvals => {
                for item in decisions(&before, &after) {
                    let (id, via) = (QuestionId(item.id), Via::Document);
                    let verdict = Verdict { id, hash: item.hash, approved: item.approved, scope: Scope::Once, note: item.note, via };
                    self.decide_and_say(&folder, verdict);
                }
            }
        }
    }
}
