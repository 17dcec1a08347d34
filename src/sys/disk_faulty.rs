//! A disk that fails when told and writes down what was changed; for tests of every floor. Wraps any other disk and knows nothing of what is stored.
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{AppendFile, Disk, EntryKind, FileMeta, HeldLock};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    Open,
    CreateAndOpen,
    Sub,
    CreateFolder,
    CreateFolders,
    Metadata,
    List,
    Read,
    Replace,
    CreateNew,
    OpenAppend,
    Append,
    Sync,
    Truncate,
    Rename,
    RemoveFile,
    RemoveFolder,
    SyncFolder,
    Lock,
    Resolve,
}

impl Verb {
    /// Whether it changes the disk or makes a change last.
    pub fn is_change(self) -> bool {
        !matches!(self, Verb::Open | Verb::Sub | Verb::Metadata | Verb::List | Verb::Read | Verb::Resolve)
    }
}

/// One operation that is about to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub verb: Verb,
    /// Absolute.
    pub path: PathBuf,
}

/// One recorded change that was done; paths are absolute. [`super::disk_crash`] builds folders from these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub path: PathBuf,
    pub what: What,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A folder, with its parents where they were missing.
    CreateFolder,
    /// A whole file: by temporary file and rename (`replace`), or newly made. `synced` covers content and name.
    Write {
        bytes: Vec<u8>,
        synced: bool,
        replace: bool,
    },
    /// An empty file where there was none (opened for appending, or to be locked).
    Touch,
    Append {
        bytes: Vec<u8>,
    },
    /// The file's content now survives a power cut.
    Sync,
    Truncate {
        bytes: u64,
    },
    Rename {
        to: PathBuf,
    },
    Remove,
    /// The names in the folder now survive a power cut.
    SyncFolder,
}

type Predicate = Box<dyn Fn(&Operation) -> bool + Send>;

struct Fault {
    kind: io::ErrorKind,
    when: Predicate,
    /// Changes still to pass before this one fails, once.
    countdown: Option<u64>,
}

/// The test's side of a [`FaultyDisk`]: sets faults, reads the recording. Shared by every handle opened through the disk.
#[derive(Default)]
pub struct DiskControl {
    faults: Mutex<Vec<Fault>>,
    recording: Mutex<Vec<Change>>,
    changes: AtomicU64,
}

impl std::fmt::Debug for DiskControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DiskControl")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DiskControl {
    /// Every operation that `when` holds for fails with `kind` until [`DiskControl::heal`].
    pub fn fail_when(&self, kind: io::ErrorKind, when: impl Fn(&Operation) -> bool + Send + 'static) {
        lock(&self.faults).push(Fault { kind, when: Box::new(when), countdown: None });
    }

    /// Every change fails with `kind`: a full (`StorageFull`) or read-only (`ReadOnlyFilesystem`) disk.
    pub fn fail_changes(&self, kind: io::ErrorKind) {
        self.fail_when(kind, |operation| operation.verb.is_change());
    }

    /// The `n`-th change from now (1 is the next) fails with `kind`, once.
    pub fn fail_change(&self, n: u64, kind: io::ErrorKind) {
        lock(&self.faults).push(Fault { kind, when: Box::new(|operation| operation.verb.is_change()), countdown: Some(n.max(1)) });
    }

    /// No fault any more.
    pub fn heal(&self) {
        lock(&self.faults).clear();
    }

    /// How many changes were tried so far, failed ones included.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// The changes that were done, in order.
    pub fn recording(&self) -> Vec<Change> {
        lock(&self.recording).clone()
    }

    /// How many changes were done so far.
    pub fn recorded(&self) -> usize {
        lock(&self.recording).len()
    }

    fn check(&self, verb: Verb, path: &Path) -> io::Result<()> {
        if verb.is_change() {
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        let operation = Operation { verb, path: path.to_owned() };
        let mut faults = lock(&self.faults);
        let mut hit = None;
        for (index, fault) in faults.iter_mut().enumerate().filter(|(_, fault)| (fault.when)(&operation)) {
            match &mut fault.countdown {
                None => hit = hit.or(Some((index, fault.kind, false))),
                Some(left) => {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        hit = hit.or(Some((index, fault.kind, true)));
                    }
                }
            }
        }
        let Some((index, kind, once)) = hit else { return Ok(()) };
        if once {
            faults.remove(index);
        }
        Err(io::Error::new(kind, format!("{kind} (by the test)")))
    }

    fn record(&self, path: PathBuf, what: What) {
        lock(&self.recording).push(Change { path, what });
    }
}

/// A disk over another one, with faults and a recording.
#[derive(Debug)]
pub struct FaultyDisk {
    inner: Arc<dyn Disk>,
    control: Arc<DiskControl>,
}

impl FaultyDisk {
    /// Wraps `inner`; every folder opened through the result is watched too.
    pub fn over(inner: Arc<dyn Disk>) -> (Arc<dyn Disk>, Arc<DiskControl>) {
        let control = Arc::new(DiskControl::default());
        (Arc::new(FaultyDisk { inner, control: control.clone() }), control)
    }

    fn at(&self, relative: &str) -> PathBuf {
        if relative.is_empty() { self.inner.path().to_owned() } else { self.inner.path().join(relative) }
    }

    fn ask(&self, verb: Verb, relative: &str) -> io::Result<()> {
        self.control.check(verb, &self.at(relative))
    }

    fn wrap(&self, inner: Arc<dyn Disk>) -> Arc<dyn Disk> {
        Arc::new(FaultyDisk { inner, control: self.control.clone() })
    }

    /// Asks, does, writes down.
    fn change<T>(&self, verb: Verb, relative: &str, what: What, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.ask(verb, relative)?;
        let done = act()?;
        self.control.record(self.at(relative), what);
        Ok(done)
    }
}

impl Disk for FaultyDisk {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn open(&self, absolute: &Path) -> io::Result<Arc<dyn Disk>> {
        self.control.check(Verb::Open, absolute)?;
        Ok(self.wrap(self.inner.open(absolute)?))
    }

    fn create_and_open(&self, absolute: &Path) -> io::Result<Arc<dyn Disk>> {
        self.control.check(Verb::CreateAndOpen, absolute)?;
        let opened = self.inner.create_and_open(absolute)?;
        self.control.record(absolute.to_owned(), What::CreateFolder);
        Ok(self.wrap(opened))
    }

    fn sub(&self, relative: &str) -> io::Result<Arc<dyn Disk>> {
        self.ask(Verb::Sub, relative)?;
        Ok(self.wrap(self.inner.sub(relative)?))
    }

    fn create_folder(&self, relative: &str) -> io::Result<()> {
        self.change(Verb::CreateFolder, relative, What::CreateFolder, || self.inner.create_folder(relative))
    }

    fn create_folders(&self, relative: &str) -> io::Result<()> {
        self.change(Verb::CreateFolders, relative, What::CreateFolder, || self.inner.create_folders(relative))
    }

    fn metadata(&self, relative: &str) -> io::Result<FileMeta> {
        self.ask(Verb::Metadata, relative)?;
        self.inner.metadata(relative)
    }

    fn list(&self, relative: &str) -> io::Result<Vec<(String, EntryKind)>> {
        self.ask(Verb::List, relative)?;
        self.inner.list(relative)
    }

    fn read(&self, relative: &str, limit: u64) -> io::Result<Vec<u8>> {
        self.ask(Verb::Read, relative)?;
        self.inner.read(relative, limit)
    }

    fn read_single(&self, relative: &str, limit: u64) -> io::Result<Vec<u8>> {
        self.ask(Verb::Read, relative)?;
        self.inner.read_single(relative, limit)
    }

    fn replace(&self, relative: &str, bytes: &[u8], durable: bool) -> io::Result<()> {
        let what = What::Write { bytes: bytes.to_owned(), synced: durable, replace: true };
        self.change(Verb::Replace, relative, what, || self.inner.replace(relative, bytes, durable))
    }

    fn create_new(&self, relative: &str, bytes: &[u8], durable: bool) -> io::Result<()> {
        let what = What::Write { bytes: bytes.to_owned(), synced: durable, replace: false };
        self.change(Verb::CreateNew, relative, what, || self.inner.create_new(relative, bytes, durable))
    }

    fn append_to(&self, relative: &str) -> io::Result<Box<dyn AppendFile>> {
        let inner = self.change(Verb::OpenAppend, relative, What::Touch, || self.inner.append_to(relative))?;
        Ok(Box::new(FaultyAppend { inner, path: self.at(relative), control: self.control.clone() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(Verb::Rename, from, What::Rename { to: self.at(to) }, || self.inner.rename(from, to))
    }

    fn remove_file(&self, relative: &str) -> io::Result<()> {
        self.change(Verb::RemoveFile, relative, What::Remove, || self.inner.remove_file(relative))
    }

    fn remove_folder(&self, relative: &str) -> io::Result<()> {
        self.change(Verb::RemoveFolder, relative, What::Remove, || self.inner.remove_folder(relative))
    }

    fn remove_empty_folder(&self, relative: &str) -> io::Result<()> {
        self.change(Verb::RemoveFolder, relative, What::Remove, || self.inner.remove_empty_folder(relative))
    }

    fn resolve(&self, absolute: &Path) -> io::Result<PathBuf> {
        self.control.check(Verb::Resolve, absolute)?;
        self.inner.resolve(absolute)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.change(Verb::SyncFolder, "", What::SyncFolder, || self.inner.sync_folder())
    }

    fn lock(&self, relative: &str) -> io::Result<Option<Box<dyn HeldLock>>> {
        self.change(Verb::Lock, relative, What::Touch, || self.inner.lock(relative))
    }

    fn is_locked(&self, relative: &str) -> io::Result<bool> {
        self.ask(Verb::Lock, relative)?;
        self.inner.is_locked(relative)
    }
}

#[derive(Debug)]
struct FaultyAppend {
    inner: Box<dyn AppendFile>,
    path: PathBuf,
    control: Arc<DiskControl>,
}

impl AppendFile for FaultyAppend {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let asked = self.control.check(Verb::Append, &self.path);
        // A disk that fills up in the middle of a write takes the first part of it.
        let taken = match &asked {
            Ok(()) => bytes,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => bytes.get(..bytes.len() / 2).unwrap_or_default(),
            Err(_) => &[],
        };
        if !taken.is_empty() {
            self.inner.append(taken)?;
            self.control.record(self.path.clone(), What::Append { bytes: taken.to_owned() });
        }
        asked
    }

    fn sync(&mut self) -> io::Result<()> {
        self.control.check(Verb::Sync, &self.path)?;
        self.inner.sync()?;
        self.control.record(self.path.clone(), What::Sync);
        Ok(())
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.control.check(Verb::Truncate, &self.path)?;
        self.inner.truncate(bytes)?;
        self.control.record(self.path.clone(), What::Truncate { bytes });
        Ok(())
    }
}
