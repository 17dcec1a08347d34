//! The jail: the only way for a tool to touch the workspace. Stands on an open folder handle; refuses links, our own files, and extensions outside the list.
use std::sync::Arc;

use crate::domain::RelPath;
use crate::domain::hash::sha256;
use crate::domain::plan::{extension_allowed, is_own};
use crate::sys::disk::{Disk, EntryKind};

/// The largest file a tool reads or writes, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

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
}

impl Jail {
    pub fn new(folder: Arc<dyn Disk>, allowed_extensions: Vec<String>) -> Self {
        Jail { folder, allowed_extensions }
    }

    /// The path as given by a model, checked.
    pub fn path(text: &str) -> Result<RelPath, Refusal> {
        RelPath::new(text).map_err(|problem| {
            Refusal::NotAllowed(format!("{problem}; paths are relative to the workspace, like `notes.md` or `inputs/data.csv`"))
        })
    }

    /// Reads a file that an agent may see: artifacts, `inputs/`, the context file. Links, devices and hard links are refused.
    pub fn read(&self, path: &RelPath) -> Result<Vec<u8>, Refusal> {
        if path.folded().split('/').next() == Some(".orchestrator") {
            return Err(Refusal::NotAllowed(format!("`{path}` belongs to the orchestrator")));
        }
        self.plain_parents(path)?;
        self.check_plain_file(path)?;
        self.folder.read(path.as_str(), MAX_FILE_BYTES).map_err(|error| refuse(path, error))
    }

    /// Writes a file whole, creating folders; returns the SHA-256 of what was written.
    pub fn write(&self, path: &RelPath, bytes: &[u8]) -> Result<String, Refusal> {
        self.may_write(path)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Refusal::NotAllowed(format!("`{path}` would be larger than {} MB", MAX_FILE_BYTES / 1024 / 1024)));
        }
        self.plain_parents(path)?;
        if self.folder.metadata(path.as_str()).is_ok() {
            self.check_plain_file(path)?;
        }
        if let Some((folder, _)) = path.as_str().rsplit_once('/') {
            self.folder.create_folders(folder).map_err(|error| refuse_write(path, error))?;
        }
        self.folder.replace(path.as_str(), bytes, false).map_err(|error| refuse_write(path, error))?;
        Ok(sha256(bytes))
    }

    /// Whether an agent may write at this path at all; the reason if not.
    pub fn may_write(&self, path: &RelPath) -> Result<(), Refusal> {
        if is_own(path) {
            return Err(Refusal::NotAllowed(format!("`{path}` is a file of the orchestrator itself; write under another name")));
        }
        if path.as_str().split('/').any(|name| name.starts_with('.')) {
            return Err(Refusal::NotAllowed(format!("`{path}`: hidden files cannot be written")));
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
        let mut open = vec![String::new()];
        while let Some(folder) = open.pop() {
            for (name, kind) in self.folder.list(&folder).map_err(Refusal::Disk)? {
                let text = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let Ok(path) = RelPath::new(&text) else { continue };
                let hidden = path.file_name().starts_with('.') || is_own(&path) && !path.folded().starts_with("inputs");
                match kind {
                    _ if hidden => {}
                    EntryKind::Folder if text.matches('/').count() < 16 => open.push(text),
                    EntryKind::File => found.push((path, self.folder.metadata(&text).map(|meta| meta.bytes).unwrap_or(0))),
                    _ => {}
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn plain_parents(&self, path: &RelPath) -> Result<(), Refusal> {
        let names: Vec<&str> = path.as_str().split('/').collect();
        for count in 1..names.len() {
            let folder = names[..count].join("/");
            match self.folder.metadata(&folder) {
                Ok(meta) if meta.kind != EntryKind::Folder => {
                    return Err(Refusal::NotAllowed(format!("`{path}`: `{folder}` is not an ordinary folder")));
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(refuse(path, error)),
            }
        }
        Ok(())
    }

    fn check_plain_file(&self, path: &RelPath) -> Result<(), Refusal> {
        let meta = self.folder.metadata(path.as_str()).map_err(|error| refuse(path, error))?;
        match meta.kind {
            EntryKind::File if meta.links <= 1 => Ok(()),
            EntryKind::File => Err(Refusal::NotAllowed(format!("`{path}` is hard-linked to another file"))),
            EntryKind::Folder => Err(Refusal::NotAllowed(format!("`{path}` is a folder"))),
            EntryKind::Link => Err(Refusal::NotAllowed(format!("`{path}` is a link"))),
            EntryKind::Other => Err(Refusal::NotAllowed(format!("`{path}` is not a regular file"))),
        }
    }
}

/// An error of the operating system: about the path (the model is told) or about our disk (the run stops).
fn refuse(path: &RelPath, error: std::io::Error) -> Refusal {
    use std::io::ErrorKind::{AlreadyExists, FileTooLarge, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound};
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
    if error.kind() == std::io::ErrorKind::NotFound { Refusal::Disk(error) } else { refuse(path, error) }
}
