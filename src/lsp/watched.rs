//! Files that change on disk while nobody has them open, as a client reports them: configuration, agents, papers of runs that live elsewhere.
//! A run that lives here hears of its own files by its own watcher and is left alone.
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tower_lsp::lsp_types::{DidChangeWatchedFilesParams, Url};

use crate::sys::watch::{Watch, Watches};

use super::client::Feature;
use super::from_proto::{self, Key, key};
use super::main_loop::Done;
use super::papers;
use super::state::State;

/// A report that comes so soon after the editor saved a file tells of that.
const SAME: Duration = Duration::from_secs(2);

/// The user's own settings and agents, in their folder.
const OWN_SETTINGS: &str = "config.json";
const OWN_AGENTS: &str = "agents";

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
            self.settings_changed();
        }
        if runs && self.watched.looking {
            self.watched.again = true;
        } else if runs {
            self.look_for_runs();
        }
    }

    /// Files of settings or agents changed on disk: they count for what starts from now on.
    pub fn settings_changed(&mut self) {
        self.setup.renew();
        self.read_settings();
    }

    /// Watches the user's own settings and agents, which lie outside of every project: few clients can be asked to. Asks the system, never polls.
    pub fn watch_own_files(&self) {
        let (inputs, folder) = (self.inputs.clone(), self.setup.machine.environment.config_folder());
        tokio::spawn(async move {
            let watches = Watches::default();
            let mut own = OwnFiles::watched(&watches, &folder);
            while !own.is_empty() {
                tokio::select! {
                    () = own.changed() => {}
                    () = inputs.ended() => return,
                }
                // A folder may have come or gone: what is there now is watched before anything is read.
                drop(own);
                own = OwnFiles::watched(&watches, &folder);
                inputs.done(Done::OwnFilesChanged);
            }
        });
    }

    /// Whether a paper belongs to a run that this process does not hold.
    fn is_elsewhere(&self, uri: &Url) -> bool {
        let folder = from_proto::path(uri).and_then(|path| path.parent().map(ToOwned::to_owned));
        let run = folder.and_then(|folder| self.runs.at(&folder));
        run.is_none_or(|run| run.handle.as_ref().is_none_or(crate::orchestrator::RunHandle::has_ended))
    }
}

/// The watches on the user's own settings and agents, as far as their folders are there.
struct OwnFiles {
    settings: Option<Watch>,
    agents: Option<Watch>,
}

impl OwnFiles {
    fn watched(watches: &Watches, folder: &Path) -> Self {
        // Where the folder is not there yet, its coming is waited for in the one above.
        let above = || watches.watch(folder.parent()?, &[folder.file_name()?.to_str()?]).ok();
        let settings = watches.watch(folder, &[OWN_SETTINGS, OWN_AGENTS]).ok().or_else(above);
        OwnFiles { settings, agents: watches.watch(&folder.join(OWN_AGENTS), &[]).ok() }
    }

    fn is_empty(&self) -> bool {
        self.settings.is_none() && self.agents.is_none()
    }

    async fn changed(&mut self) {
        tokio::select! {
            () = told(self.settings.as_mut()) => {}
            () = told(self.agents.as_mut()) => {}
        }
    }
}

async fn told(watch: Option<&mut Watch>) {
    let told = match watch {
        Some(watch) => watch.changed().await,
        None => None,
    };
    // Nobody tells any more, or never did.
    if told.is_none() {
        std::future::pending::<()>().await;
    }
}
