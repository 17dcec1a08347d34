//! A log file that cannot fill the disk: lines are appended, and a full file makes room for a new one. A log that cannot be written stops nobody.
//! Also takes keys out of what is logged. Knows nothing of what the lines say.
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::{AppendFile, Disk};
use super::env::Environment;
use super::process::KEY_VARIABLES;

/// The name of the newest file; older ones have `.1`, `.2`, … behind it.
pub const NAME: &str = "ai-orchestrator.log";
/// A file that has grown past this many bytes is put aside.
const MAX_BYTES: u64 = 1024 * 1024;
/// So many older files are kept.
const KEPT: u32 = 3;
const LOCK: &str = "log.lock";
/// Shorter values are no keys, and would hit ordinary words.
const SHORTEST_KEY: usize = 6;

/// The folder of the log files.
pub fn folder(environment: &Environment) -> PathBuf {
    environment.state_folder().join("log")
}

/// The newest log file, shared by its clones. It and its folder come to be with the first line.
#[derive(Debug, Clone)]
pub struct LogFile(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    open: Option<Open>,
    /// Writing failed once: the disk is full or closed to us, and trying again would cost time at every line.
    gave_up: bool,
}

#[derive(Debug)]
struct Open {
    folder: Arc<dyn Disk>,
    file: Box<dyn AppendFile>,
    bytes: u64,
}

impl LogFile {
    /// `disk` is the machine's root, `folder` absolute.
    pub fn new(disk: Arc<dyn Disk>, folder: PathBuf) -> Self {
        LogFile(Arc::new(Mutex::new(State { disk, folder, open: None, gave_up: false })))
    }
}

impl State {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open_newest()?,
        };
        if open.bytes >= MAX_BYTES {
            open = make_room(open)?;
        }
        open.file.append(bytes)?;
        open.bytes += bytes.len() as u64;
        self.open = Some(open);
        Ok(())
    }

    fn open_newest(&self) -> io::Result<Open> {
        let folder = self.disk.create_and_open(&self.folder)?;
        // Some network file systems know no owners: that costs privacy, not the log.
        let _ = folder.make_private("");
        newest(folder)
    }
}

fn newest(folder: Arc<dyn Disk>) -> io::Result<Open> {
    let file = folder.append_to(NAME)?;
    let bytes = folder.metadata(NAME)?.bytes;
    Ok(Open { folder, file, bytes })
}

/// Puts the full file aside, unless another process has just done so, and opens the newest.
fn make_room(open: Open) -> io::Result<Open> {
    let Open { folder, file, bytes: _ } = open;
    drop(file);
    if let Some(_held) = folder.lock(LOCK)?
        && folder.metadata(NAME).is_ok_and(|meta| meta.bytes >= MAX_BYTES)
    {
        for number in (1..KEPT).rev() {
            // The oldest is replaced; one that is not there yet is not missed.
            let _ = folder.rename(&format!("{NAME}.{number}"), &format!("{NAME}.{}", number + 1));
        }
        folder.rename(NAME, &format!("{NAME}.1"))?;
    }
    newest(folder)
}

impl Write for LogFile {
    /// Always takes all bytes: a log that fails is given up without a word.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.gave_up && state.append(bytes).is_err() {
            state.gave_up = true;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The values that no log may show: the keys in an environment.
#[derive(Clone, Default)]
pub struct Keys(Arc<[String]>);

impl Keys {
    pub fn of(environment: &Environment) -> Self {
        let values = KEY_VARIABLES.iter().filter_map(|name| environment.get(name)).map(str::trim);
        Keys(values.filter(|value| value.len() >= SHORTEST_KEY).map(str::to_owned).collect())
    }
}

/// Writes what it is given without keys. Whole lines must come in one write, as log formatters send them.
pub struct WithoutKeys<W> {
    keys: Keys,
    inner: W,
}

impl<W> WithoutKeys<W> {
    pub fn new(keys: Keys, inner: W) -> Self {
        WithoutKeys { keys, inner }
    }
}

impl<W: Write> Write for WithoutKeys<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = String::from_utf8_lossy(bytes);
        for key in self.keys.0.iter().filter(|key| memory_holds(bytes, key)) {
            text = text.replace(key.as_str(), "[key]").into();
        }
        self.inner.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn memory_holds(bytes: &[u8], key: &str) -> bool {
    bytes.windows(key.len()).any(|window| window == key.as_bytes())
}

#[cfg(test)]
#[path = "log_file_tests.rs"]
mod tests;
