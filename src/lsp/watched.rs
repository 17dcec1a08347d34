//! Files that change on disk while nobody has them open, as a client reports them: configuration, agents, papers of runs that live elsewhere.
//! A run that lives here hears of its own files by its own watcher and is left alone.
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tower_lsp::lsp_types::{DidChangeWatchedFilesParams, Url};

use super::client::Feature;
use super::from_proto::{self, Key, key};
use super::main_loop::Done;
use super::papers;
use super::state::State;

/// A report that comes so soon after the editor saved a file tells of that.
const SAME: Duration = Duration::from_secs(2);

/// What was heard of files.
#[derive(Debug, Default)]
pub struct Watched {
    /// The settings or agent file that the editor saved last, which was taken in then.
    saved: Option<(Key, Instant)>,
    /// Workspaces are being looked for.
    pub looking: bool,
    /// They are to be looked for once more when that is done.
    pub again: bool,
}

impl State {
    /// Asks the client to watch, where it can.
    pub fn watch_files(&self) {
        if !self.client.may(Feature::WatchedFiles) {
            return;
        }
        let agents = format!("**/{}/*.md", self.preferences.agent_directory.trim_matches('/'));
        // Workspaces lie in folders of their week and day.
        let patterns = ["**/orchestrator.json", &agents, "**/week-*/*/*/plan.md", "**/week-*/*/*/approvals.md"];
        let watchers: Vec<Value> = patterns.iter().map(|pattern| json!({"globPattern": pattern})).collect();
        let registration =
            json!({"id": "ai-orchestrator-files", "method": "workspace/didChangeWatchedFiles", "registerOptions": {"watchers": watchers}});
        self.ask_beside("client/registerCapability", json!({"registrations": [registration]}), Done::Registered);
    }

    /// A file of settings was saved in the editor and taken in.
    pub fn settings_taken(&mut self, uri: &Url) {
        self.watched.saved = Some((key(uri), Instant::now()));
    }

    pub fn files_changed(&mut self, params: &DidChangeWatchedFilesParams) {
        let (mut settings, mut runs) = (false, false);
        for uri in params.changes.iter().map(|change| &change.uri) {
            if papers::kind(&from_proto::file_name(uri)).is_some() {
                runs |= self.is_elsewhere(uri);
            } else {
                let known = self.watched.saved.as_ref().is_some_and(|(saved, at)| *saved == key(uri) && at.elapsed() < SAME);
                settings |= !known;
            }
        }
        if settings {
            self.setup.renew();
            self.read_settings();
        }
        if runs && self.watched.looking {
            self.watched.again = true;
        } else if runs {
            self.look_for_runs();
        }
    }

    /// Whether a paper belongs to a run that this process does not hold.
    fn is_elsewhere(&self, uri: &Url) -> bool {
        let folder = from_proto::path(uri).and_then(|path| path.parent().map(ToOwned::to_owned));
        let run = folder.and_then(|folder| self.runs.at(&folder));
        run.is_none_or(|run| run.handle.as_ref().is_none_or(crate::orchestrator::RunHandle::has_ended))
    }
}
