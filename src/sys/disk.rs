//! The disk: one trait over an open folder handle, and the real one on cap-std. The only home of `std::fs`. Never follows a link out of the folder.
use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, MetadataExt, OpenOptions};

/// What stands at a path, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    File,
    Folder,
    Link,
    /// Device, pipe, socket.
    Other,
}

/// Facts about a file, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMeta {
    pub kind: EntryKind,
    pub bytes: u64,
    /// Names that this file has; above 1 it is hard-linked.
    pub links: u64,
    pub modified: Option<SystemTime>,
}

/// An open file that only grows.
pub trait AppendFile: Send + Debug {
    /// Writes all bytes at the end, in one system call where possible.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once the bytes would survive a power cut (fdatasync).
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `bytes` (a torn last line).
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
}

/// A held lock; dropping it lets go.
pub trait HeldLock: Send + Sync + Debug {}

/// An open folder. Paths are relative with forward slashes; no operation follows a link in the last place or leaves the folder.
pub trait Disk: Send + Sync + Debug {
    /// Where the folder is, absolute; for messages and child handles' names only.
    fn path(&self) -> &Path;
    /// Opens any folder of the machine by absolute path.
    fn open(&self, absolute: &Path) -> io::Result<Arc<dyn Disk>>;
    /// Opens any folder of the machine, creating it and its parents.
    fn create_and_open(&self, absolute: &Path) -> io::Result<Arc<dyn Disk>>;
    /// Opens a folder below; a link in the last place is refused.
    fn sub(&self, relative: &str) -> io::Result<Arc<dyn Disk>>;
    /// Creates one folder; fails with `AlreadyExists`.
    fn create_folder(&self, relative: &str) -> io::Result<()>;
    /// Creates a folder and its parents.
    fn create_folders(&self, relative: &str) -> io::Result<()>;
    fn metadata(&self, relative: &str) -> io::Result<FileMeta>;
    /// Names and kinds in a folder (`""` is this one), sorted by name.
    fn list(&self, relative: &str) -> io::Result<Vec<(String, EntryKind)>>;
    /// The content of a regular file; fails with `FileTooLarge` above `limit` bytes, with `InvalidInput` for anything but a regular file.
    fn read(&self, relative: &str, limit: u64) -> io::Result<Vec<u8>>;
    /// As `read`, but a file that also has another name (a hard link) is refused with `InvalidInput`, judged at the open handle.
    fn read_single(&self, relative: &str, limit: u64) -> io::Result<Vec<u8>>;
    /// Writes a temporary file and renames it over `relative`: readers see the old or the new, never half. `durable` syncs file and folder.
    fn replace(&self, relative: &str, bytes: &[u8], durable: bool) -> io::Result<()>;
    /// Creates a new file; fails with `AlreadyExists`.
    fn create_new(&self, relative: &str, bytes: &[u8], durable: bool) -> io::Result<()>;
    /// Opens for appending, creating it if needed.
    fn append_to(&self, relative: &str) -> io::Result<Box<dyn AppendFile>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove_file(&self, relative: &str) -> io::Result<()>;
    /// Removes a folder below with all it holds, following no link.
    fn remove_folder(&self, relative: &str) -> io::Result<()>;
    /// Removes a folder that holds nothing; fails with `DirectoryNotEmpty` otherwise, so that nobody's new file is lost.
    fn remove_empty_folder(&self, relative: &str) -> io::Result<()>;
    /// Where an absolute path really leads, every link followed.
    fn resolve(&self, absolute: &Path) -> io::Result<PathBuf>;
    /// Creates a symbolic link that holds `target` as it is; only the jail's self-test needs one. `Unsupported` where there are none.
    fn create_link(&self, _target: &str, _relative: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Makes names created, renamed or removed in this folder survive a power cut.
    fn sync_folder(&self) -> io::Result<()>;
    /// Takes an exclusive advisory lock on a file, creating it; `None` when another holds it.
    fn lock(&self, relative: &str) -> io::Result<Option<Box<dyn HeldLock>>>;
    /// Whether another holds that lock. Creates nothing, and those who look do not take each other for holders.
    fn is_locked(&self, relative: &str) -> io::Result<bool>;
    /// Makes a file or folder below (`""` is this one) readable by its owner only, where the system knows owners.
    fn make_private(&self, _relative: &str) -> io::Result<()> {
        Ok(())
    }
}

/// The machine's disk.
#[derive(Debug)]
pub struct RealDisk {
    folder: Dir,
    path: PathBuf,
}

impl RealDisk {
    /// A handle that serves only to open others: the root folder.
    pub fn root() -> io::Result<Arc<dyn Disk>> {
        let path = PathBuf::from(if cfg!(windows) { "C:\\" } else { "/" });
        Ok(Arc::new(RealDisk { folder: Dir::open_ambient_dir(&path, ambient_authority())?, path }))
    }

    fn file(&self, relative: &str, options: &mut OpenOptions) -> io::Result<File> {
        options.follow(FollowSymlinks::No);
        self.folder.open_with(relative, options)
    }

    fn sync_parent(&self, relative: &str) -> io::Result<()> {
        match relative.rsplit_once('/') {
            Some((folder, _)) => self.sub(folder)?.sync_folder(),
            None => self.sync_folder(),
        }
    }

    fn read_file(&self, relative: &str, limit: u64, most_links: u64) -> io::Result<Vec<u8>> {
        // Opening a pipe would wait for its writer and opening a device can act on it: look before opening, do not wait in the
        // opening, and look again at the open handle, because the name may have been given to something else in between.
        if self.metadata(relative)?.kind != EntryKind::File {
            return Err(not_a_file(relative));
        }
        let file = self.file(relative, OpenOptions::new().read(true).nonblock(true))?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(not_a_file(relative));
        }
        if MetadataExt::nlink(&meta) > most_links {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{relative}` is hard-linked to another file")));
        }
        let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("`{relative}` is larger than {limit} bytes"));
        if meta.len() > limit {
            return Err(too_large());
        }
        let bytes = read_all(file, meta.len(), limit)?;
        if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
    }

    fn write_file(&self, relative: &str, bytes: &[u8], durable: bool, options: &mut OpenOptions) -> io::Result<()> {
        let mut file = self.file(relative, options)?;
        file.write_all(bytes)?;
        if durable { file.sync_data() } else { Ok(()) }
    }
}

impl Disk for RealDisk {
    #[cfg(unix)]
    fn create_link(&self, target: &str, relative: &str) -> io::Result<()> {
        self.folder.symlink_contents(target, relative)
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self, absolute: &Path) -> io::Result<Arc<dyn Disk>> {
        let folder = Dir::open_ambient_dir(absolute, ambient_authority())?;
        Ok(Arc::new(RealDisk { folder, path: absolute.to_owned() }))
    }

    fn create_and_open(&self, absolute: &Path) -> io::Result<Arc<dyn Disk>> {
        Dir::create_ambient_dir_all(absolute, ambient_authority())?;
        self.open(absolute)
    }

    fn sub(&self, relative: &str) -> io::Result<Arc<dyn Disk>> {
        let folder = self.folder.open_dir_nofollow(relative)?;
        Ok(Arc::new(RealDisk { folder, path: self.path.join(relative) }))
    }

    fn create_folder(&self, relative: &str) -> io::Result<()> {
        self.folder.create_dir(relative)
    }

    fn create_folders(&self, relative: &str) -> io::Result<()> {
        self.folder.create_dir_all(relative)
    }

    fn metadata(&self, relative: &str) -> io::Result<FileMeta> {
        let meta = self.folder.symlink_metadata(relative)?;
        let kind = kind_of(meta.file_type());
        Ok(FileMeta {
            kind,
            bytes: meta.len(),
            links: MetadataExt::nlink(&meta),
            modified: meta.modified().ok().map(cap_std::time::SystemTime::into_std),
        })
    }

    fn list(&self, relative: &str) -> io::Result<Vec<(String, EntryKind)>> {
        let entries = if relative.is_empty() { self.folder.entries()? } else { self.folder.open_dir_nofollow(relative)?.entries()? };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A name that is not Unicode cannot be said to a model or an editor: it is passed over.
            if let Ok(name) = entry.file_name().into_string() {
                names.push((name, kind_of(entry.file_type()?)));
            }
        }
        names.sort();
        Ok(names)
    }

    fn read(&self, relative: &str, limit: u64) -> io::Result<Vec<u8>> {
        self.read_file(relative, limit, u64::MAX)
    }

    fn read_single(&self, relative: &str, limit: u64) -> io::Result<Vec<u8>> {
        self.read_file(relative, limit, 1)
    }

    fn replace(&self, relative: &str, bytes: &[u8], durable: bool) -> io::Result<()> {
        // A new file each time: an old one of that name could be a hard link, and writing it would change somebody else's file.
        let temporary = temporary_name(relative);
        let written = self.write_file(&temporary, bytes, durable, OpenOptions::new().write(true).create_new(true));
        let renamed = written.and_then(|()| self.folder.rename(&temporary, &self.folder, relative));
        if renamed.is_err() {
            let _ = self.folder.remove_file(&temporary);
        } else if durable {
            self.sync_parent(relative)?;
        }
        renamed
    }

    fn create_new(&self, relative: &str, bytes: &[u8], durable: bool) -> io::Result<()> {
        self.write_file(relative, bytes, durable, OpenOptions::new().write(true).create_new(true))?;
        if durable { self.sync_parent(relative) } else { Ok(()) }
    }

    fn append_to(&self, relative: &str) -> io::Result<Box<dyn AppendFile>> {
        let file = self.file(relative, OpenOptions::new().append(true).create(true))?;
        Ok(Box::new(RealAppend(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.folder.rename(from, &self.folder, to)
    }

    fn remove_file(&self, relative: &str) -> io::Result<()> {
        self.folder.remove_file_or_symlink(relative)
    }

    fn remove_folder(&self, relative: &str) -> io::Result<()> {
        self.folder.open_dir_nofollow(relative)?.remove_open_dir_all()
    }

    fn remove_empty_folder(&self, relative: &str) -> io::Result<()> {
        self.folder.remove_dir(relative)
    }

    fn resolve(&self, absolute: &Path) -> io::Result<PathBuf> {
        absolute.canonicalize()
    }

    fn sync_folder(&self) -> io::Result<()> {
        // The handle itself may be a path-only one, which cannot be synced: open the folder for reading.
        if cfg!(unix) { self.folder.open(".")?.sync_all() } else { Ok(()) }
    }

    fn lock(&self, relative: &str) -> io::Result<Option<Box<dyn HeldLock>>> {
        let file = self.file(relative, OpenOptions::new().read(true).write(true).create(true))?.into_std();
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(RealLock { _file: file }))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn is_locked(&self, relative: &str) -> io::Result<bool> {
        match self.file(relative, OpenOptions::new().read(true))?.into_std().try_lock_shared() {
            Ok(()) => Ok(false),
            Err(std::fs::TryLockError::WouldBlock) => Ok(true),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    #[cfg(unix)]
    fn make_private(&self, relative: &str) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let is_folder = relative.is_empty() || self.metadata(relative)?.kind == EntryKind::Folder;
        let handle = match relative {
            "" => self.folder.open(".")?,
            relative => self.file(relative, OpenOptions::new().read(true))?,
        };
        handle.into_std().set_permissions(std::fs::Permissions::from_mode(if is_folder { 0o700 } else { 0o600 }))
    }
}

/// The content of a file that should be `expected` bytes long, and no more than one byte above `limit`. Where the length holds, no further
/// read looks for an end behind it.
fn read_all(mut file: File, expected: u64, limit: u64) -> io::Result<Vec<u8>> {
    let expected = usize::try_from(expected).unwrap_or(0);
    // One byte more, so that a file that grew shows.
    let mut bytes = vec![0; expected.saturating_add(1)];
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if filled == expected {
            break;
        }
    }
    let grew = filled > expected;
    bytes.truncate(filled);
    if grew {
        // Or the system does not know its length (`/proc`).
        file.take(limit.saturating_add(1).saturating_sub(filled as u64)).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[derive(Debug)]
struct RealAppend(File);

impl AppendFile for RealAppend {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }
}

#[derive(Debug)]
struct RealLock {
    _file: std::fs::File,
}

impl HeldLock for RealLock {}

fn kind_of(file_type: cap_std::fs::FileType) -> EntryKind {
    if file_type.is_symlink() {
        EntryKind::Link
    } else if file_type.is_dir() {
        EntryKind::Folder
    } else if file_type.is_file() {
        EntryKind::File
    } else {
        EntryKind::Other
    }
}

fn not_a_file(relative: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("`{relative}` is not a regular file"))
}

/// A hidden name beside the file, of this process and this call alone.
fn temporary_name(relative: &str) -> String {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let unique = format!("{:x}-{count:x}", std::process::id());
    match relative.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/.{name}.{unique}.tmp"),
        None => format!(".{relative}.{unique}.tmp"),
    }
}

/// Creates a folder that only this user can enter (mode 0700) with its parents, or narrows an existing one of this user's.
#[cfg(unix)]
pub fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let meta = std::fs::symlink_metadata(path)?;
    if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("`{}` is not a folder of this user", path.display())));
    }
    if meta.mode() & 0o077 == 0 { Ok(()) } else { std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)) }
}

/// Lets only this user read and write a file or socket (mode 0600).
#[cfg(unix)]
pub fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
