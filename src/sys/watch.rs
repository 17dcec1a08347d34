//! Tells when named files of a folder change. Asks the system to say so and never polls; reads no file. The only home of the notify crate.
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// All folders under watch: one thread and one handle of the system for any number of them, and none while there is none.
#[derive(Debug, Clone, Default)]
pub struct Watches(Arc<Hub>);

#[derive(Debug, Default)]
struct Hub {
    watcher: Mutex<Option<RecommendedWatcher>>,
    /// By folder. Never locked while the watcher is asked for something: its thread needs this to answer.
    listeners: Arc<Mutex<BTreeMap<PathBuf, Vec<Listener>>>>,
}

#[derive(Debug)]
struct Listener {
    names: Vec<String>,
    sender: mpsc::UnboundedSender<String>,
}

/// A folder under watch; dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    hub: Arc<Hub>,
    folder: PathBuf,
    changes: mpsc::UnboundedReceiver<String>,
    /// Changes told by the system and not yet handed out, each name once.
    waiting: Vec<String>,
}

impl Watches {
    /// Watches these names in `folder` (not below it); no names means every name. A file that does not exist yet may be named.
    pub fn watch(&self, folder: &Path, names: &[&str]) -> io::Result<Watch> {
        let (sender, changes) = mpsc::unbounded_channel();
        let mut watcher = lock(&self.0.watcher);
        let open = match &mut *watcher {
            Some(open) => open,
            empty => empty.insert(self.0.open()?),
        };
        let first = !lock(&self.0.listeners).contains_key(folder);
        if first && let Err(error) = open.watch(folder, RecursiveMode::NonRecursive) {
            if lock(&self.0.listeners).is_empty() {
                *watcher = None;
            }
            return Err(to_io(error));
        }
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        lock(&self.0.listeners).entry(folder.to_owned()).or_default().push(Listener { names, sender });
        Ok(Watch { hub: Arc::clone(&self.0), folder: folder.to_owned(), changes, waiting: Vec::new() })
    }
}

impl Hub {
    fn open(&self) -> io::Result<RecommendedWatcher> {
        let listeners = Arc::clone(&self.listeners);
        let tell = move |event: notify::Result<notify::Event>| match event {
            Ok(event) if !matches!(event.kind, EventKind::Access(_)) => event.paths.iter().for_each(|path| tell(&listeners, path)),
            _ => {}
        };
        notify::recommended_watcher(tell).map_err(to_io)
    }
}

fn tell(listeners: &Mutex<BTreeMap<PathBuf, Vec<Listener>>>, path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else { return };
    for listener in lock(listeners).get(folder).into_iter().flatten() {
        if listener.names.is_empty() || listener.names.iter().any(|wanted| wanted == name) {
            let _ = listener.sender.send(name.to_owned());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.changes.close();
        let mut watcher = lock(&self.hub.watcher);
        let (last_here, last) = {
            let mut listeners = lock(&self.hub.listeners);
            let here = listeners.get_mut(&self.folder);
            let empty = here.is_none_or(|here| {
                here.retain(|listener| !listener.sender.is_closed());
                here.is_empty()
            });
            if empty {
                listeners.remove(&self.folder);
            }
            (empty, listeners.is_empty())
        };
        if last {
            *watcher = None;
        } else if let (true, Some(watcher)) = (last_here, watcher.as_mut()) {
            let _ = watcher.unwatch(&self.folder);
        }
    }
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
        let mut watch = Watches::default().watch(folder.path(), &["plan.md", "approvals.md"]).unwrap();
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
        assert_eq!(Watches::default().watch(&folder.path().join("gone"), &[]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn many_folders_share_one_watcher_that_ends_with_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let watches = Watches::default();
        let watched = |number: usize| {
            let path = folder.path().join(number.to_string());
            std::fs::create_dir_all(&path).unwrap();
            watches.watch(&path, &["plan.md"]).unwrap()
        };
        let mut all: Vec<Watch> = (0..200).map(watched).collect();
        let mut twice = watched(0);
        std::fs::write(folder.path().join("0/plan.md"), "x").unwrap();
        assert_eq!(all[0].changed().await.as_deref(), Some("plan.md"));
        assert_eq!(twice.changed().await.as_deref(), Some("plan.md"));
        drop(all.remove(0));
        std::fs::write(folder.path().join("0/plan.md"), "y").unwrap();
        assert_eq!(twice.changed().await.as_deref(), Some("plan.md"), "the folder has another listener");
        std::fs::write(folder.path().join("199/plan.md"), "x").unwrap();
        assert_eq!(all.last_mut().unwrap().changed().await.as_deref(), Some("plan.md"));
        drop((all, twice));
        assert!(lock(&watches.0.watcher).is_none() && lock(&watches.0.listeners).is_empty());
    }
}
