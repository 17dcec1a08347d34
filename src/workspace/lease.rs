//! One writer at a time: the lock of a workspace and the note that says who holds it. The lock is the system's, so a dead owner holds nothing.
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use crate::domain::{Error, ErrorKind, Result};
use crate::sys::disk::{Disk, HeldLock};

/// The lock file and the note beside it, in `.orchestrator/`.
const LOCK: &str = "lease";
const NOTE: &str = "owner.json";
/// Whoever only looks holds the lock for an instant, and so does a child process between its fork and its own program: try again so often,
/// so long apart, before believing it.
const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(5);

/// Who holds a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    pub host: String,
    /// The command: `ai-orchestrator lsp`.
    pub program: String,
    pub since: DateTime<FixedOffset>,
}

/// What stands in the note.
#[derive(Serialize, Deserialize)]
struct Note {
    #[serde(flatten)]
    owner: Owner,
    heartbeat: DateTime<FixedOffset>,
}

/// A held workspace; dropping it lets go.
#[derive(Debug)]
pub struct Lease {
    owner: Owner,
    private: Arc<dyn Disk>,
    _lock: Box<dyn HeldLock>,
}

impl Lease {
    /// Takes the lease of the workspace whose `.orchestrator/` this is.
    pub(super) fn take(private: &Arc<dyn Disk>, owner: &Owner) -> Result<Lease> {
        for attempt in 0..TRIES {
            if attempt > 0 {
                std::thread::sleep(BETWEEN);
            }
            let lock = private.lock(LOCK).map_err(|error| Error::disk("cannot take the workspace's lease", &error))?;
            if let Some(lock) = lock {
                let lease = Lease { owner: owner.clone(), private: private.clone(), _lock: lock };
                lease.heartbeat(owner.since)?;
                return Ok(lease);
            }
        }
        Err(held(read_note(private).as_ref()))
    }

    /// Writes that the owner is alive; for people and other programs, the lock itself needs none.
    pub fn heartbeat(&self, now: DateTime<FixedOffset>) -> Result<()> {
        let note = Note { owner: self.owner.clone(), heartbeat: now };
        let text = serde_json::to_vec(&note).unwrap_or_default();
        self.private.replace(NOTE, &text, false).map_err(|error| Error::disk("cannot write who holds the workspace", &error))
    }

    pub fn owner(&self) -> &Owner {
        &self.owner
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Still under the lock, so that it cannot be the next owner's note.
        let _ = self.private.remove_file(NOTE);
    }
}

/// Who holds the workspace now; `None` when it is free. Writes nothing. A lock without a note is most often one that is just being let go.
pub(super) fn holder(private: &Arc<dyn Disk>) -> Option<Owner> {
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(BETWEEN);
        }
        if !private.is_locked(LOCK).unwrap_or(false) {
            return None;
        }
        if let Some(owner) = read_note(private) {
            return Some(owner);
        }
    }
    Some(Owner { pid: 0, host: "this machine".into(), program: "unknown".into(), since: DateTime::default() })
}

fn read_note(private: &Arc<dyn Disk>) -> Option<Owner> {
    let bytes = private.read(NOTE, 16 * 1024).ok()?;
    serde_json::from_slice::<Note>(&bytes).ok().map(|note| note.owner)
}

fn held(owner: Option<&Owner>) -> Error {
    let what = match owner {
        None => "workspace held by another process".to_owned(),
        Some(owner) => format!(
            "workspace held by another process ({}, pid {} on {}, since {})",
            owner.program,
            owner.pid,
            owner.host,
            owner.since.format("%H:%M")
        ),
    };
    Error::new(ErrorKind::Held, what).hint("wait for it to end, or stop the run where it lives, then try again")
}
