//! What happens once at the start of a session: runs on disk are found in the background, and interrupted ones are offered quietly.
use crate::domain::RunStatus;
use crate::domain::view::RunSummary;

use super::client::Feature;
use super::editor::Answer;
use super::from_proto::Key;
use super::main_loop::Done;
use super::state::State;

/// So many of the newest workspaces are known from the start.
const KNOWN: usize = 100;

impl State {
    /// Looks for workspaces beside the loop; goals whose runs are found get their lenses back.
    pub fn look_for_runs(&mut self) {
        let project = self.setup.project_of(None);
        let engine = self.setup.engine(&project);
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            match engine.found(KNOWN).await {
                Ok(rows) if !rows.is_empty() => inputs.done(Done::Found(rows)),
                Ok(_) => {}
                Err(error) => tracing::warn!("looking for workspaces: {error}"),
            }
        });
    }

    /// Interrupted runs show in lenses, diagnostics and `runsChanged`; only a client that has none of these is told in words.
    pub fn found_runs(&mut self, rows: Vec<RunSummary>) {
        let interrupted = rows.iter().filter(|row| row.status == RunStatus::Paused).count();
        self.runs.listed(rows);
        self.runs_changed();
        let shows = [Feature::RunsExtension, Feature::LensRefresh, Feature::Diagnostics].iter().any(|feature| self.client.may(*feature));
        if interrupted > 0 && !shows {
            self.say(&format!("{interrupted} interrupted runs can be resumed: run the command orchestrator.resume"));
        }
    }

    /// An edit of ours came back. A client without such edits is not asked again.
    pub fn edited(&mut self, _: &Key, answer: &Answer) {
        self.client.learn(Feature::ApplyEdit, answer);
    }
}
