//! The project's own instructions for agents: which file holds them, and under which key they are trusted. Knows no prompt.
use std::path::Path;

use crate::sys::{Disk, EntryKind};

/// The names under which projects keep them; the first that is there counts.
pub const FILES: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];
/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// The file's name and text; `None` where the project has none, or it is empty, a link or no text.
pub fn read(disk: &dyn Disk, project: &Path) -> Option<(&'static str, String)> {
    let folder = disk.open(project).ok()?;
    let is_file = |name: &&str| folder.metadata(name).is_ok_and(|meta| meta.kind == EntryKind::File);
    let name = FILES.into_iter().find(is_file)?;
    let text = String::from_utf8(folder.read(name, MAX_BYTES).ok()?).ok()?;
    (!text.trim().is_empty()).then_some((name, text))
}

/// The key under which trust in the file is kept.
pub fn key(name: &str) -> String {
    format!("instructions/{name}")
}
