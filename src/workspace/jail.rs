//! The jail: the only way for a tool to touch the workspace. Stands on an open folder handle; refuses links, our own files, and extensions outside the list.
use std::io::ErrorKind::{AlreadyExists, FileTooLarge, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::RelPath;
use crate::domain::hash::sha256;
use crate::domain::plan::{extension_allowed, is_own};
use crate::sys::disk::{Disk, EntryKind};

/// The largest file a tool reads or writes, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The most files that agents may have in a workspace, and the most bytes in them; `inputs/` is not counted.
pub const MAX_FILES: u64 = 2_000;
pub const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// The most names in a path.
const MAX_DEPTH: usize = 16;

/// Why the jail said no.
#[derive(Debug)]
pub enum Refusal {
    /// The model is told this.
    NotAllowed(String),
    /// Our own disk failed (full, read-only, gone): the run stops, the model is told nothing.
    Disk(std::io::Error),
}

/// An open workspace with its rules.
#[derive(Debug)]
pub struct Jail {
    folder: Arc<dyn Disk>,
    allowed_extensions: Vec<String>,
    /// The kernel is to hold tools to the workspace as well.
    fenced: bool,
    /// Writes wait for the disk.
    durable: bool,
    /// What agents have in the workspace, counted at the first write.
    used: Mutex<Option<Used>>,
}

#[derive(Debug, Clone, Copy)]
struct Used {
    files: u64,
    bytes: u64,
}

impl Jail {
    pub fn new(folder: Arc<dyn Disk>, allowed_extensions: Vec<String>) -> Self {
        Jail { folder, allowed_extensions, fenced: false, durable: true, used: Mutex::new(None) }
    }

    /// With `security.sandbox_mode`: work in the jail is done inside the kernel's fence ([`crate::sys::fence`]).
    #[must_use]
    pub fn fenced(mut self, fenced: bool) -> Self {
        self.fenced = fenced;
        self
    }

    /// Without it, what is written may be lost in a power cut although the journal names it.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// The folder that the kernel is to hold work to, if it is.
    pub fn fence(&self) -> Option<&std::path::Path> {
        self.fenced.then(|| self.folder.path())
    }

    /// The path as given by a model, checked.
    pub fn path(text: &str) -> Result<RelPath, Refusal> {
        RelPath::new(text).map_err(|problem| {
            Refusal::NotAllowed(format!("{problem}; paths are relative to the workspace, like `notes.md` or `inputs/data.csv`"))
        })
    }

    /// Reads a file that an agent may see: artifacts, `inputs/`, the context file. Links, devices and hard links are refused.
    pub fn read(&self, path: &RelPath) -> Result<Vec<u8>, Refusal> {
        if path.folded().split('/').any(|name| name == ".orchestrator") || has_short_name(path) {
            return Err(Refusal::NotAllowed(format!("`{path}` belongs to the orchestrator")));
        }
        let missing = || Refusal::NotAllowed(format!("`{path}` does not exist"));
        let folder = self.folder_of(path, false)?.ok_or_else(missing)?;
        check_plain_file(&folder, path)?;
        folder.read_single(path.file_name(), MAX_FILE_BYTES).map_err(|error| refuse(path, error))
    }

    /// Writes a file whole, creating folders; returns the SHA-256 of what was written.
    pub fn write(&self, path: &RelPath, bytes: &[u8]) -> Result<String, Refusal> {
        self.may_write(path)?;
        let length = bytes.len() as u64;
        if length > MAX_FILE_BYTES {
            return Err(Refusal::NotAllowed(format!("`{path}` would be larger than {} MB", MAX_FILE_BYTES / 1024 / 1024)));
        }
        // Held to the end, so that two writers cannot both take the last place.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.size_of(path)?;
        let after = self.room_for(path, *used, old, length)?;
        let gone = || Refusal::Disk(std::io::Error::from(NotFound));
        let folder = self.folder_of(path, true)?.ok_or_else(gone)?;
        if old.is_some() {
            check_plain_file(&folder, path)?;
        }
        // Durable before anyone hears of it: what the journal says was written is there after a power cut.
        folder.replace(path.file_name(), bytes, self.durable).map_err(|error| refuse_write(path, error))?;
        *used = Some(after);
        Ok(sha256(bytes))
    }

    /// Whether an agent may write at this path at all; the reason if not.
    pub fn may_write(&self, path: &RelPath) -> Result<(), Refusal> {
        if is_own(path) || has_short_name(path) {
            return Err(Refusal::NotAllowed(format!("`{path}` is a file of the orchestrator itself; write under another name")));
        }
        if path.folded().split('/').any(|name| name.starts_with('.')) {
            return Err(Refusal::NotAllowed(format!("`{path}`: hidden files cannot be written")));
        }
        if path.as_str().split('/').count() > MAX_DEPTH {
            return Err(Refusal::NotAllowed(format!("`{path}`: folders may be nested {MAX_DEPTH} deep")));
        }
        if !extension_allowed(path, &self.allowed_extensions) {
            let list = self.allowed_extensions.join(" ");
            return Err(Refusal::NotAllowed(format!("`{path}`: the extension is not in security.allowed_file_extensions ({list})")));
        }
        Ok(())
    }

    /// Files below the workspace that agents may see, as paths, without our own files at the top and without `.orchestrator/` and `agent_outputs/`.
    pub fn files(&self) -> Result<Vec<(RelPath, u64)>, Refusal> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), self.folder.clone())];
        while let Some((below, folder)) = open.pop() {
            for (name, kind) in folder.list("").map_err(Refusal::Disk)? {
                let text = format!("{below}{name}");
                let Ok(path) = RelPath::new(&text) else { continue };
                let hidden = name.starts_with('.') || is_own(&path) && !in_inputs(&path);
                match kind {
                    _ if hidden => {}
                    EntryKind::Folder if text.matches('/').count() < MAX_DEPTH => {
                        // A folder that is gone or became a link since the listing is passed over.
                        open.extend(folder.sub(&name).ok().map(|sub| (format!("{text}/"), sub)));
                    }
                    EntryKind::File => found.push((path, folder.metadata(&name).map(|meta| meta.bytes).unwrap_or(0))),
                    _ => {}
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// What agents would have after this write, if it is within the run's quotas. `old` is the size of the file that is replaced.
    fn room_for(&self, path: &RelPath, used: Option<Used>, old: Option<u64>, length: u64) -> Result<Used, Refusal> {
        let after = |used: Used| Used {
            files: used.files + u64::from(old.is_none()),
            bytes: used.bytes.saturating_sub(old.unwrap_or(0)).saturating_add(length),
        };
        let within = |used: &Used| used.files <= MAX_FILES && used.bytes <= MAX_BYTES;
        if let Some(after) = used.map(after).filter(within) {
            return Ok(after);
        }
        // The first write, or so it seems too much: others may have written or removed files, so count.
        let own: Vec<u64> = self.files()?.into_iter().filter(|(path, _)| !in_inputs(path)).map(|(_, bytes)| bytes).collect();
        let after = after(Used { files: own.len() as u64, bytes: own.iter().sum() });
        if within(&after) {
            return Ok(after);
        }
        Err(Refusal::NotAllowed(format!(
            "`{path}`: a run may write {MAX_FILES} files and {} MB in all; put more into fewer files",
            MAX_BYTES / 1024 / 1024
        )))
    }

    /// The size of what stands at the path, links not followed; `None` when nothing does.
    fn size_of(&self, path: &RelPath) -> Result<Option<u64>, Refusal> {
        let Some(folder) = self.folder_of(path, false)? else { return Ok(None) };
        match folder.metadata(path.file_name()) {
            Ok(meta) => Ok(Some(meta.bytes)),
            Err(error) if error.kind() == NotFound => Ok(None),
            Err(error) => Err(refuse_write(path, error)),
        }
    }

    /// The open folder that holds the path's last name, walked to one handle at a time: a link put in the way is refused, never followed.
    /// `None` where a folder is missing and shall not be made.
    fn folder_of(&self, path: &RelPath, create: bool) -> Result<Option<Arc<dyn Disk>>, Refusal> {
        let mut folder = self.folder.clone();
        let names: Vec<&str> = path.as_str().split('/').collect();
        for name in names.iter().take(names.len().saturating_sub(1)) {
            let mut meta = folder.metadata(name);
            if create && meta.as_ref().is_err_and(|error| error.kind() == NotFound) {
                match folder.create_folder(name).and_then(|()| folder.sync_folder()) {
                    Err(error) if error.kind() != AlreadyExists => return Err(refuse_write(path, error)),
                    _ => meta = folder.metadata(name),
                }
            }
            let not_plain = || Refusal::NotAllowed(format!("`{path}`: `{name}` is not an ordinary folder"));
            folder = match meta {
                Ok(meta) if meta.kind != EntryKind::Folder => return Err(not_plain()),
                // A link that was put there since the look before is refused by the opening itself.
                Ok(_) => folder.sub(name).map_err(|error| match folder.metadata(name) {
                    Ok(meta) if meta.kind != EntryKind::Folder => not_plain(),
                    _ => refuse(path, error),
                })?,
                Err(error) if error.kind() == NotFound && !create => return Ok(None),
                Err(error) => return Err(refuse_write(path, error)),
            };
        }
        Ok(Some(folder))
    }
}

fn in_inputs(path: &RelPath) -> bool {
    path.folded().starts_with("inputs/") || path.folded() == "inputs"
}

/// `ORCHES~1`: the second name that some Windows disks give to a long one, under which nothing here is known.
fn has_short_name(path: &RelPath) -> bool {
    path.as_str().split('/').any(|name| {
        let stem = name.split('.').next().unwrap_or_default();
        stem.len() <= 8
            && stem.rsplit_once('~').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn check_plain_file(folder: &Arc<dyn Disk>, path: &RelPath) -> Result<(), Refusal> {
    let meta = folder.metadata(path.file_name()).map_err(|error| refuse(path, error))?;
    match meta.kind {
        EntryKind::File if meta.links <= 1 => Ok(()),
        EntryKind::File => Err(Refusal::NotAllowed(format!("`{path}` is hard-linked to another file"))),
        EntryKind::Folder => Err(Refusal::NotAllowed(format!("`{path}` is a folder"))),
        EntryKind::Link => Err(Refusal::NotAllowed(format!("`{path}` is a link"))),
        EntryKind::Other => Err(Refusal::NotAllowed(format!("`{path}` is not a regular file"))),
    }
}

/// An error of the operating system: about the path (the model is told) or about our disk (the run stops).
fn refuse(path: &RelPath, error: std::io::Error) -> Refusal {
    match error.kind() {
        NotFound => Refusal::NotAllowed(format!("`{path}` does not exist")),
        FileTooLarge | InvalidFilename | InvalidInput | IsADirectory | NotADirectory | AlreadyExists => {
            Refusal::NotAllowed(format!("`{path}`: {error}"))
        }
        _ => Refusal::Disk(error),
    }
}

/// The same for a write, where a missing folder means that the workspace itself is gone.
fn refuse_write(path: &RelPath, error: std::io::Error) -> Refusal {
    if error.kind() == NotFound { Refusal::Disk(error) } else { refuse(path, error) }
}

#[cfg(test)]
#[path = "jail_tests.rs"]
mod tests;
