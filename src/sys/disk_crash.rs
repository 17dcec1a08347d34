//! What a machine finds after a crash: builds the folder that a prefix of recorded changes would leave. Pure but for the writing of the result; for tests.
use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

use super::disk::Disk;
use super::disk_faulty::{Change, What};

/// Where and how the machine stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// How many of the recorded changes were done.
    pub changes: usize,
    /// The power went: content and names that were not synced are gone. Otherwise only the process died.
    pub lose_unsynced: bool,
    /// The last of these changes, if it writes bytes, got only so many of them down.
    pub torn: Option<usize>,
}

impl Crash {
    /// Every crash of a recording: after each change, with and without unsynced data, and each write torn at its start, middle and last byte.
    pub fn every(recording: &[Change]) -> Vec<Crash> {
        let mut crashes = Vec::new();
        for changes in 0..=recording.len() {
            for lose_unsynced in [false, true] {
                crashes.push(Crash { changes, lose_unsynced, torn: None });
            }
            let last = changes.checked_sub(1).and_then(|index| recording.get(index));
            if let Some(Change { what: What::Append { bytes } | What::Write { bytes, .. }, .. }) = last {
                let offsets = [1, bytes.len() / 2, bytes.len().saturating_sub(1)];
                crashes.extend(offsets.iter().filter(|offset| **offset < bytes.len()).map(|offset| Crash {
                    changes,
                    lose_unsynced: false,
                    torn: Some(*offset),
                }));
            }
        }
        crashes
    }
}

/// A file or folder as the running system sees it (`live`) and as the platters hold it (`kept`).
#[derive(Debug)]
enum Node {
    File { live: Vec<u8>, kept: Vec<u8> },
    Folder { live: BTreeMap<String, usize>, kept: BTreeMap<String, usize> },
}

impl Node {
    fn folder() -> Node {
        Node::Folder { live: BTreeMap::new(), kept: BTreeMap::new() }
    }
}

/// The folder at `base`, rebuilt in memory; node 0 is `base` itself.
struct Image {
    nodes: Vec<Node>,
}

/// Writes what `crash` leaves of `recording` below `base` into `target`, an empty folder. Changes outside `base` are passed over.
pub fn rebuild(recording: &[Change], base: &Path, crash: Crash, target: &Arc<dyn Disk>) -> io::Result<()> {
    let mut image = Image { nodes: vec![Node::folder()] };
    let done = recording.get(..crash.changes.min(recording.len())).unwrap_or_default();
    for (index, change) in done.iter().enumerate() {
        let torn = crash.torn.filter(|_| index + 1 == done.len());
        image.apply(change, base, torn);
    }
    image.write(0, crash.lose_unsynced, target)
}

impl Image {
    fn apply(&mut self, change: &Change, base: &Path, torn: Option<usize>) {
        let Some(path) = parts(&change.path, base) else { return };
        match &change.what {
            What::CreateFolder => {
                self.folders(&path);
            }
            What::Write { bytes, synced, replace } => self.write_file(&path, bytes, (*synced, *replace), torn),
            What::Touch => {
                if self.find(&path).is_none() {
                    self.put(&path, Node::File { live: Vec::new(), kept: Vec::new() });
                }
            }
            What::Append { bytes } => {
                let bytes = bytes.get(..torn.unwrap_or(bytes.len())).unwrap_or(bytes);
                self.edit(&path, |live| live.extend_from_slice(bytes));
            }
            What::Truncate { bytes } => self.edit(&path, |live| live.truncate(usize::try_from(*bytes).unwrap_or(usize::MAX))),
            What::Sync => self.keep_content(&path),
            What::SyncFolder => self.keep_names(&path),
            What::Rename { to } => {
                if let (Some(node), Some(to)) = (self.take(&path), parts(to, base)) {
                    self.link(&to, node);
                }
            }
            What::Remove => {
                self.take(&path);
            }
        }
    }

    fn write_file(&mut self, path: &[String], bytes: &[u8], (synced, replace): (bool, bool), torn: Option<usize>) {
        if let Some(torn) = torn {
            let part = bytes.get(..torn).unwrap_or(bytes).to_owned();
            let mut at = path.to_vec();
            if let (true, Some(name)) = (replace, at.last_mut()) {
                *name = format!(".{name}.torn.tmp");
            }
            self.put(&at, Node::File { live: part, kept: Vec::new() });
            return;
        }
        self.put(path, Node::File { live: bytes.to_owned(), kept: Vec::new() });
        if synced {
            self.keep_content(path);
            self.keep_names(path.split_last().map(|(_, folder)| folder).unwrap_or_default());
        }
    }

    fn find(&self, path: &[String]) -> Option<usize> {
        path.iter().try_fold(0, |node, name| match self.nodes.get(node)? {
            Node::Folder { live, .. } => live.get(name).copied(),
            Node::File { .. } => None,
        })
    }

    /// The folder at `path`, made where it is missing.
    fn folders(&mut self, path: &[String]) -> usize {
        let mut at = 0;
        for name in path {
            let next = self.nodes.len();
            match self.nodes.get_mut(at) {
                Some(Node::Folder { live, .. }) => match live.get(name) {
                    Some(node) => at = *node,
                    None => {
                        live.insert(name.clone(), next);
                        self.nodes.push(Node::folder());
                        at = next;
                    }
                },
                _ => return at,
            }
        }
        at
    }

    fn put(&mut self, path: &[String], node: Node) {
        self.nodes.push(node);
        self.link(path, self.nodes.len() - 1);
    }

    fn link(&mut self, path: &[String], node: usize) {
        let Some((name, folder)) = path.split_last() else { return };
        let folder = self.folders(folder);
        if let Some(Node::Folder { live, .. }) = self.nodes.get_mut(folder) {
            live.insert(name.clone(), node);
        }
    }

    fn take(&mut self, path: &[String]) -> Option<usize> {
        let (name, folder) = path.split_last()?;
        let folder = self.find(folder)?;
        match self.nodes.get_mut(folder)? {
            Node::Folder { live, .. } => live.remove(name),
            Node::File { .. } => None,
        }
    }

    fn edit(&mut self, path: &[String], edit: impl FnOnce(&mut Vec<u8>)) {
        if let Some(Node::File { live, .. }) = self.find(path).and_then(|node| self.nodes.get_mut(node)) {
            edit(live);
        }
    }

    fn keep_content(&mut self, path: &[String]) {
        if let Some(Node::File { live, kept }) = self.find(path).and_then(|node| self.nodes.get_mut(node)) {
            kept.clone_from(live);
        }
    }

    fn keep_names(&mut self, path: &[String]) {
        if let Some(Node::Folder { live, kept }) = self.find(path).and_then(|node| self.nodes.get_mut(node)) {
            kept.clone_from(live);
        }
    }

    fn write(&self, folder: usize, kept_only: bool, target: &Arc<dyn Disk>) -> io::Result<()> {
        let Some(Node::Folder { live, kept }) = self.nodes.get(folder) else { return Ok(()) };
        for (name, node) in if kept_only { kept } else { live } {
            match self.nodes.get(*node) {
                Some(Node::File { live, kept }) => target.create_new(name, if kept_only { kept } else { live }, false)?,
                Some(Node::Folder { .. }) => {
                    target.create_folder(name)?;
                    self.write(*node, kept_only, &target.sub(name)?)?;
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// The names below `base`; `None` outside of it.
fn parts(path: &Path, base: &Path) -> Option<Vec<String>> {
    let below = path.strip_prefix(base).ok()?;
    below.components().filter(|part| matches!(part, Component::Normal(_))).map(|part| Some(part.as_os_str().to_str()?.to_owned())).collect()
}

#[cfg(test)]
#[path = "disk_crash_tests.rs"]
mod tests;
