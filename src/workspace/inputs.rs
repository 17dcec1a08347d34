//! Attached files: checked, then copied into `inputs/` as they are now, unsaved editor text included. Reads only what it was told to attach.
use std::collections::BTreeSet;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::named::is_secret;
pub use super::named::{NamedFiles, NamedProblem, named_in_goal};
use super::store::Workspace;
use crate::domain::hash::sha256;
use crate::domain::{Error, InputFile, RelPath, Result, path::fold};
use crate::sys::disk::{Disk, EntryKind};

/// The largest attached file, in bytes.
pub const MAX_INPUT_BYTES: u64 = 64 * 1024 * 1024;
/// All attached files of a run together, in bytes.
pub const MAX_INPUTS_BYTES: u64 = 256 * 1024 * 1024;

/// One file to attach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Absolute.
    pub path: PathBuf,
    /// As the person wrote it.
    pub given: String,
    /// The text of the document where it is open in an editor, saved or not; goes before what is on disk.
    pub text: Option<String>,
    /// Found in the goal's words rather than attached by hand: must lie in the project and be no secret.
    pub named_in_goal: bool,
}

/// A checked attachment: where its bytes are.
struct Source<'a> {
    attachment: &'a Attachment,
    /// The open folder and the name in it; `None` when the editor's text is all there is.
    place: Option<(Arc<dyn Disk>, String)>,
    real: PathBuf,
    bytes: u64,
}

/// Whether all of these can be attached; to be asked before a workspace is made for them.
pub fn check(root: &Arc<dyn Disk>, attachments: &[Attachment], project: &Path) -> Result<()> {
    check_all(root, attachments, project).map(|_| ())
}

/// Copies the files into the workspace's `inputs/`. All are checked before the first is copied; a file given twice is copied once.
pub fn attach(root: &Arc<dyn Disk>, workspace: &Workspace, attachments: &[Attachment], project: &Path) -> Result<Vec<InputFile>> {
    let sources = check_all(root, attachments, project)?;
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |error: std::io::Error| Error::disk("cannot copy an attached file into the workspace", &error);
    let folder = workspace.folder().sub("inputs").map_err(failed)?;
    let mut taken: BTreeSet<String> = folder.list("").map_err(failed)?.iter().map(|(name, _)| fold(name)).collect();
    let (mut inputs, mut total) = (Vec::new(), 0);
    for source in sources {
        let bytes = source.read()?;
        total += bytes.len() as u64;
        if total > MAX_INPUTS_BYTES {
            return Err(too_much());
        }
        let name = free_name(&source.attachment.path, &taken);
        let Ok(path) = RelPath::new(&format!("inputs/{name}")) else { return Err(Error::internal("an input's name is not a path")) };
        folder.create_new(&name, &bytes, true).map_err(failed)?;
        taken.insert(fold(&name));
        inputs.push(InputFile { path, source: source.attachment.given.clone(), bytes: bytes.len() as u64, sha256: sha256(&bytes) });
    }
    Ok(inputs)
}

fn check_all<'a>(root: &Arc<dyn Disk>, attachments: &'a [Attachment], project: &Path) -> Result<Vec<Source<'a>>> {
    let mut sources: Vec<Source<'a>> = Vec::new();
    let mut total: u64 = 0;
    for attachment in attachments {
        let source = check_one(root, attachment, project)?;
        if sources.iter().any(|known| known.real == source.real) {
            continue;
        }
        total += source.bytes;
        if total > MAX_INPUTS_BYTES {
            return Err(too_much());
        }
        sources.push(source);
    }
    Ok(sources)
}

fn check_one<'a>(root: &Arc<dyn Disk>, attachment: &'a Attachment, project: &Path) -> Result<Source<'a>> {
    let cannot = |why: &str, hint: &str| Error::usage(format!("cannot attach `{}`: {why}", attachment.given)).hint(hint.to_owned());
    let unreadable = |error: std::io::Error| match error.kind() {
        Io::NotFound | Io::NotADirectory => cannot("there is no such file", "check the path; a relative one starts in the current folder"),
        Io::PermissionDenied => cannot("it may not be read", "check the permissions of the file and its folders"),
        _ => cannot(&error.to_string(), "check the path"),
    };
    let real = match root.resolve(&attachment.path) {
        Ok(real) => real,
        // A document that was never saved.
        Err(error) if error.kind() == Io::NotFound && attachment.text.is_some() => attachment.path.clone(),
        Err(error) => return Err(unreadable(error)),
    };
    if attachment.named_in_goal {
        let real_project = root.resolve(project).unwrap_or_else(|_| project.to_owned());
        let by_hand = format!("attach it yourself if the agents should have it: --attach {}", attachment.given);
        if !real.starts_with(&real_project) && !real.starts_with(project) {
            return Err(cannot("it leads out of the project", &by_hand));
        }
        if is_secret(&attachment.path) || is_secret(&real) {
            return Err(cannot("it may hold secrets", &by_hand));
        }
    }
    let too_large = |bytes: u64| {
        let why = format!("it is {} MB large, more than {} MB", bytes.div_ceil(1024 * 1024), MAX_INPUT_BYTES / 1024 / 1024);
        cannot(&why, "attach an excerpt of it, or keep it in the project and run with --read-project")
    };
    if let Some(text) = &attachment.text {
        let bytes = text.len() as u64;
        return if bytes > MAX_INPUT_BYTES { Err(too_large(bytes)) } else { Ok(Source { attachment, place: None, real, bytes }) };
    }
    let folder_hint = "attach its files one by one, or let the agents read the project with --read-project";
    let (Some(parent), Some(name)) = (real.parent(), real.file_name().and_then(|name| name.to_str())) else {
        return Err(cannot("it has no name that can be said", folder_hint));
    };
    let parent = root.open(parent).map_err(unreadable)?;
    let meta = parent.metadata(name).map_err(unreadable)?;
    match meta.kind {
        EntryKind::Folder => Err(cannot("it is a folder", folder_hint)),
        EntryKind::File if meta.bytes > MAX_INPUT_BYTES => Err(too_large(meta.bytes)),
        EntryKind::File => Ok(Source { attachment, place: Some((parent, name.to_owned())), real, bytes: meta.bytes }),
        _ => Err(cannot("it is not a regular file", "attach an ordinary file")),
    }
}

impl Source<'_> {
    fn read(&self) -> Result<Vec<u8>> {
        let Some((folder, name)) = &self.place else { return Ok(self.attachment.text.clone().unwrap_or_default().into_bytes()) };
        folder.read(name, MAX_INPUT_BYTES).map_err(|error| {
            Error::usage(format!("cannot attach `{}`: {error}", self.attachment.given))
                .hint("check that the file can be read and does not change")
        })
    }
}

fn too_much() -> Error {
    Error::usage(format!("the attached files are more than {} MB together", MAX_INPUTS_BYTES / 1024 / 1024))
        .hint("attach fewer files, or keep them in the project and run with --read-project")
}

/// A name for the copy that every file system can hold and that none of `taken` (folded) equals.
fn free_name(path: &Path, taken: &BTreeSet<String>) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let clean: String = name.chars().map(|c| if c.is_alphanumeric() || " ._-()+,".contains(c) { c } else { '_' }).collect();
    let clean = clean.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
    let (stem, ending) = match clean.rfind('.') {
        Some(at) if at > 0 && clean.len() - at <= 20 => clean.split_at(at),
        _ => (clean, ""),
    };
    let cut = (0..=120.min(stem.len())).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
    let stem = stem.get(..cut).unwrap_or_default().trim_end();
    let stem = if RelPath::new(&format!("{stem}{ending}")).is_ok() { stem.to_owned() } else { format!("input-{stem}") };
    let ending = if RelPath::new(&format!("{stem}{ending}")).is_ok() { ending } else { "" };
    let stem = if RelPath::new(&format!("{stem}{ending}")).is_ok() { stem } else { "input".into() };
    super::layout::numbered(&stem, ending, |name| taken.contains(&fold(name)))
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
