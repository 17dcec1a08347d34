//! Tells when named files of a folder change. Asks the system to say so and never polls; reads no file. The only home of the notify crate.
use std::io;
use std::path::Path;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// A folder under watch; dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
    changes: mpsc::UnboundedReceiver<String>,
    /// Changes told by the system and not yet handed out, each name once.
    waiting: Vec<String>,
}

/// Watches these names in `folder` (not below it); no names means every name. A file that does not exist yet may be named.
pub fn watch(folder: &Path, names: &[&str]) -> io::Result<Watch> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let (sender, changes) = mpsc::unbounded_channel();
    let tell = move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        for path in &event.paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if names.is_empty() || names.iter().any(|wanted| wanted == name) {
                let _ = sender.send(name.to_owned());
            }
        }
    };
    let mut watcher = notify::recommended_watcher(tell).map_err(to_io)?;
    watcher.watch(folder, RecursiveMode::NonRecursive).map_err(to_io)?;
    Ok(Watch { _watcher: watcher, changes, waiting: Vec::new() })
}

impl Watch {
    /// The next name that changed: written, replaced by a rename, created or removed. A burst of changes of one file counts once.
    /// Safe to drop while waiting. `None` when the system stopped telling.
    pub async fn changed(&mut self) -> Option<String> {
        if self.waiting.is_empty() {
            let name = self.changes.recv().await?;
            self.waiting.push(name);
        }
        while let Ok(name) = self.changes.try_recv() {
            if !self.waiting.contains(&name) {
                self.waiting.push(name);
            }
        }
        Some(self.waiting.remove(0))
    }
}

fn to_io(error: notify::Error) -> io::Error {
    match error.kind {
        notify::ErrorKind::Io(error) => error,
        notify::ErrorKind::PathNotFound => io::Error::new(io::ErrorKind::NotFound, "the folder to watch does not exist"),
        other => io::Error::other(format!("the system cannot watch the folder: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn writes_and_atomic_replacements_of_named_files_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = watch(folder.path(), &["plan.md", "approvals.md"]).unwrap();
        std::fs::write(folder.path().join("other.md"), "x").unwrap();
        std::fs::write(folder.path().join("plan.md"), "one").unwrap();
        assert_eq!(watch.changed().await.as_deref(), Some("plan.md"));
        std::fs::write(folder.path().join(".new"), "two").unwrap();
        std::fs::rename(folder.path().join(".new"), folder.path().join("approvals.md")).unwrap();
        // The first file may be told again where the system splits one write in two.
        while watch.changed().await.as_deref() != Some("approvals.md") {}
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(watch(&folder.path().join("gone"), &[]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
