//! Reading a file of a workspace from outside, as an agent might: through the jail, so that links and the orchestrator's own records stay shut.
use std::path::Path;
use std::sync::Arc;

use crate::domain::{Error, Result};
use crate::workspace::Workspace;
use crate::workspace::jail::{Jail, Refusal};

use super::handle::Orchestrator;
use super::shared::blocking;

impl Orchestrator {
    /// The content of a file of a workspace: an artifact, an attached file, plan.md, execution-summary.md. `path` is relative to the workspace.
    pub async fn artifact(&self, workspace: &Path, path: &str) -> Result<Vec<u8>> {
        let (disk, workspace, path) = (Arc::clone(&self.0.disk), workspace.to_owned(), path.to_owned());
        blocking(move || {
            let workspace = Workspace::open(&disk, &workspace)?;
            let read = Jail::path(&path).and_then(|relative| workspace.jail(Vec::new()).read(&relative));
            read.map_err(|refusal| match refusal {
                Refusal::NotAllowed(reason) => Error::usage(reason),
                Refusal::Disk(error) => Error::disk(format!("reading {path}"), &error),
            })
        })
        .await
    }
}
