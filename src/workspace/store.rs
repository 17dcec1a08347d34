//! A workspace folder: made, opened, and handed out in parts (journal, lease, jail). Knows where things stand, not what they say.
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};

use super::jail::Jail;
use super::journal::{self, JOURNAL, Journal, JournalHealth};
use super::layout::folder_names;
use super::lease::{self, Lease, Owner};
use crate::domain::{Error, ErrorKind, Goal, Record, Result};
use crate::sys::disk::{Disk, EntryKind};

/// Our own folder in a workspace.
pub const PRIVATE: &str = ".orchestrator";
/// The largest view or document that is read, in bytes.
const MAX_TEXT_BYTES: u64 = 64 * 1024 * 1024;
/// Runs of one goal in one second.
const MAX_COLLISIONS: u32 = 10_000;

/// An open workspace.
#[derive(Debug, Clone)]
pub struct Workspace {
    path: PathBuf,
    folder: Arc<dyn Disk>,
    /// `.orchestrator/`, by its own handle so that no link put in its place is ever followed.
    private: Arc<dyn Disk>,
    /// The folders above in which something was made for it, innermost first: their names must last for the workspace to last.
    parents: Vec<Arc<dyn Disk>>,
}

impl Workspace {
    /// Makes a new workspace below `base_dir` (absolute); two runs in one second get `-2`, `-3`. The base folder gets a `.gitignore`.
    pub fn create(root: &Arc<dyn Disk>, base_dir: &Path, goal: &Goal, now: DateTime<FixedOffset>) -> Result<Workspace> {
        let failed = |error: std::io::Error| creation_failed(base_dir, &error);
        let base = root.create_and_open(base_dir).map_err(failed)?;
        let mut above = Vec::new();
        match base.create_new(".gitignore", b"*\n", false) {
            Ok(()) => above.extend(base_dir.parent().and_then(|parent| root.open(parent).ok())),
            Err(error) if error.kind() == Io::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let (week, date, name) = folder_names(now, &goal.text);
        // A clean-up may remove the day's folder between our making it and our using it: then it is made again.
        for _ in 0..8 {
            match make(&base, &[&week, &date], &name) {
                Ok((folder, mut parents)) => {
                    parents.extend(above);
                    return Self::furnish(folder, parents).map_err(failed);
                }
                Err(error) if error.kind() == Io::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(std::io::Error::from(Io::NotFound)))
    }

    fn furnish(folder: Arc<dyn Disk>, parents: Vec<Arc<dyn Disk>>) -> std::io::Result<Workspace> {
        let furnished = (|| {
            folder.create_folder("agent_outputs")?;
            folder.create_folder("inputs")?;
            folder.create_folder(PRIVATE)?;
            let private = folder.sub(PRIVATE)?;
            private.create_new(JOURNAL, b"", false)?;
            Ok(private)
        })();
        match furnished {
            Ok(private) => Ok(Workspace { path: folder.path().to_owned(), folder, private, parents }),
            Err(error) => {
                // Nothing of anybody's is in it yet: do not leave half a workspace behind.
                if let (Some(parent), Some(name)) = (parents.first(), folder.path().file_name().and_then(|name| name.to_str())) {
                    let _ = parent.remove_folder(name);
                }
                Err(error)
            }
        }
    }

    /// Opens an existing workspace by absolute path.
    pub fn open(root: &Arc<dyn Disk>, path: &Path) -> Result<Workspace> {
        let shown = path.display();
        let list_hint = "`ai-orchestrator --list` shows the workspaces there are";
        let not_one = |why: &str| Error::place(format!("`{shown}` is not a workspace: {why}")).hint(list_hint);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Err(not_one("it has no name of its own"));
        };
        let refused = |error: std::io::Error| match error.kind() {
            Io::NotFound => Error::place(format!("there is no workspace at `{shown}`")).hint(list_hint),
            Io::NotADirectory => not_one("it is below a file"),
            _ => Error::disk(format!("cannot open the workspace `{shown}`"), &error),
        };
        let parent = root.open(parent).map_err(refused)?;
        match parent.metadata(name).map_err(refused)?.kind {
            EntryKind::Folder => Self::open_in(&parent, name).map_err(|problem| match problem {
                NotOpened::NoJournal => not_one("it has no journal (.orchestrator/journal.jsonl)"),
                NotOpened::Disk(error) => Error::disk(format!("cannot open the workspace `{shown}`"), &error),
            }),
            EntryKind::Link => Err(not_one("it is a link").hint("name the folder that the link leads to")),
            _ => Err(not_one("it is a file").hint("name the workspace's folder")),
        }
    }

    /// Opens the workspace `name` in an open folder.
    pub(super) fn open_in(parent: &Arc<dyn Disk>, name: &str) -> std::result::Result<Workspace, NotOpened> {
        let folder = parent.sub(name).map_err(NotOpened::Disk)?;
        // A file or a link in the place of our folder, or of the journal, is not ours.
        if !folder.metadata(PRIVATE).is_ok_and(|meta| meta.kind == EntryKind::Folder) {
            return Err(NotOpened::NoJournal);
        }
        let private = folder.sub(PRIVATE).map_err(NotOpened::Disk)?;
        match private.metadata(JOURNAL) {
            Ok(meta) if meta.kind == EntryKind::File => {}
            Err(error) if error.kind() != Io::NotFound => return Err(NotOpened::Disk(error)),
            _ => return Err(NotOpened::NoJournal),
        }
        Ok(Workspace { path: folder.path().to_owned(), folder, private, parents: vec![parent.clone()] })
    }

    /// Absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn folder(&self) -> &Arc<dyn Disk> {
        &self.folder
    }

    /// The only way for tools to touch this workspace. `allowed_extensions`: with the dot, lower case.
    pub fn jail(&self, allowed_extensions: Vec<String>) -> Jail {
        Jail::new(self.folder.clone(), allowed_extensions)
    }

    /// Takes the workspace for this process; fails with `ErrorKind::Held`, naming the holder.
    pub fn take_lease(&self, owner: &Owner) -> Result<Lease> {
        Lease::take(&self.private, owner)
    }

    /// Who holds the workspace, in this process or another; `None` when it is free.
    pub fn lease_holder(&self) -> Option<Owner> {
        lease::holder(&self.private)
    }

    /// For the holder of the lease. A corrupt or newer journal opens too, but appending to it fails.
    pub fn open_journal(&self) -> Result<(Journal, Vec<Record>, JournalHealth)> {
        let own = [self.private.clone(), self.folder.clone()];
        journal::open(&self.private, own.into_iter().chain(self.parents.iter().cloned()).collect())
    }

    /// For anybody; changes nothing.
    pub fn read_journal(&self) -> Result<(Vec<Record>, JournalHealth)> {
        let reading = journal::read(&self.private)?;
        Ok((reading.records, reading.health))
    }

    /// A text file of the workspace; `None` when it is missing or cannot be read. What is not UTF-8 in it is replaced.
    pub fn read_text(&self, name: &str) -> Option<String> {
        let bytes = self.folder.read(name, MAX_TEXT_BYTES).ok()?;
        Some(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// plan.md as a person may have edited it. A blank one is what a power cut leaves of a file whose name was kept and whose content was
    /// not, so it says nothing: the plan in the journal holds.
    pub fn plan_text(&self) -> Option<String> {
        self.read_text(super::views::PLAN).filter(|text| text.chars().any(|c| c != '\0' && !c.is_whitespace()))
    }

    /// Replaces a view whole; it may be lost in a power cut, as views are rebuilt from the journal.
    pub fn write_view(&self, name: &str, text: &str) -> Result<()> {
        self.folder.replace(name, text.as_bytes(), false).map_err(|error| {
            let failure = Error::disk(format!("context not updating: `{name}` in `{}`", self.path.display()), &error);
            if error.kind() == Io::NotFound { failure.hint("the workspace's folder is gone; bring it back, then resume") } else { failure }
        })
    }
}

/// Why a folder could not be opened as a workspace.
#[derive(Debug)]
pub(super) enum NotOpened {
    NoJournal,
    Disk(std::io::Error),
}

type Made = (Arc<dyn Disk>, Vec<Arc<dyn Disk>>);

/// Makes the first free of `name`, `name-2`, … below the folders `above`; the system's own refusal decides who was first.
fn make(base: &Arc<dyn Disk>, above: &[&str], name: &str) -> std::io::Result<Made> {
    let mut parents = Vec::new();
    let mut folder = base.clone();
    for part in above {
        let made = folder.create_folder(part);
        let inner = folder.sub(part);
        match made {
            Ok(()) => parents.insert(0, folder),
            Err(error) if error.kind() != Io::AlreadyExists => return Err(error),
            Err(_) => {}
        }
        folder = inner?;
    }
    parents.insert(0, folder.clone());
    for number in 1..MAX_COLLISIONS {
        let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        match folder.create_folder(&name) {
            Ok(()) => return Ok((folder.sub(&name)?, parents)),
            Err(error) if error.kind() == Io::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::new(Io::AlreadyExists, "too many runs of one goal in one second"))
}

/// The source document's words, and what a person can do.
fn creation_failed(base_dir: &Path, error: &std::io::Error) -> Error {
    let base = base_dir.display();
    let of = |kind, why: &str, hint: &str| Error::new(kind, format!("workspace creation failed: {why}")).hint(hint);
    match error.kind() {
        Io::NotADirectory | Io::AlreadyExists => of(
            ErrorKind::Place,
            &format!("`{base}` is not a folder, or a file or link stands where one of its folders belongs"),
            "move the file away, or choose another folder with --base-dir",
        ),
        Io::StorageFull | Io::QuotaExceeded => {
            of(ErrorKind::Disk, &format!("the disk of `{base}` is full"), "free some space, or choose another folder with --base-dir")
        }
        Io::PermissionDenied | Io::ReadOnlyFilesystem => of(
            ErrorKind::Place,
            &format!("`{base}` cannot be written ({error})"),
            "check its permissions, or choose another folder with --base-dir",
        ),
        _ => of(ErrorKind::Disk, &format!("`{base}`: {error}"), "check that the folder can be written, or choose another with --base-dir"),
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
