//! What happens once at the start of a session: runs on disk are found in the background, and interrupted ones are offered quietly.
use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::domain::RunStatus;
use crate::domain::goal::shorten;
use crate::domain::view::RunSummary;

use super::client::Feature;
use super::main_loop::Done;
use super::origins::{Kept, kept};
use super::state::State;

/// So many of the newest workspaces are known from the start.
const KNOWN: usize = 100;
/// Why a run stands still although nobody wanted it to: its process died, or the editor left.
const INTERRUPTIONS: [Option<&str>; 2] = [Some("interrupted"), Some(super::state::LEFT)];

impl State {
    /// Looks for workspaces beside the loop; goals whose runs are found get their lenses back.
    pub fn look_for_runs(&mut self) {
        self.watched.looking = true;
        let project = self.setup.project_of(None);
        let engine = self.setup.engine(&project);
        let (inputs, disk) = (self.inputs.clone(), self.setup.machine.disk.clone());
        tokio::spawn(async move {
            let rows = match engine.found(KNOWN).await {
                Ok(rows) => rows,
                Err(error) => {
                    tracing::warn!("looking for workspaces: {error}");
                    Vec::new()
                }
            };
            let looked = tokio::task::spawn_blocking(move || {
                let of_documents = rows.iter().filter(|row| row.origin.is_some());
                let kept = of_documents.filter_map(|row| Some((row.workspace.clone(), kept(&*disk, &row.workspace)?))).collect();
                (rows, kept)
            });
            let (rows, kept) = looked.await.unwrap_or_default();
            inputs.done(Done::Found(rows, kept));
        });
    }

    /// Interrupted runs are offered once: in `runsChanged` where the client draws its own list, else in one line without buttons or focus.
    /// Goals that stand in open documents have them in their lenses and diagnostics besides.
    pub fn found_runs(&mut self, rows: Vec<RunSummary>, kept: BTreeMap<PathBuf, Kept>) {
        let is_first = !std::mem::replace(&mut self.found_once, true);
        self.watched.looking = false;
        if std::mem::take(&mut self.watched.again) {
            self.look_for_runs();
        }
        if rows.is_empty() {
            return;
        }
        // A folder whose run has no name yet is just being made, perhaps by us.
        let is_interrupted = |row: &&RunSummary| {
            !row.run_id.is_empty() && row.status == RunStatus::Paused && INTERRUPTIONS.contains(&row.status_reason.as_deref())
        };
        let interrupted: Vec<&RunSummary> = rows.iter().filter(is_interrupted).collect();
        let offer = match interrupted.as_slice() {
            [] => None,
            [only] => Some(format!("“{}” was interrupted: the command orchestrator.resume goes on with it", shorten(&only.goal, 60))),
            several => Some(format!("{} runs were interrupted: the command orchestrator.resume shows them", several.len())),
        };
        self.runs.listed(rows, kept);
        self.untidy.extend(self.documents.iter().map(|(key, _)| key.clone()));
        self.runs_changed();
        if let Some(offer) = offer.filter(|_| is_first && !self.client.may(Feature::RunsExtension)) {
            self.say(&offer);
        }
    }
}
