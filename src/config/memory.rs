//! What is remembered for a person between runs: granted rules, trusted values, the day's spend. Locked read-modify-write; a broken file is set aside, never deleted.
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::hash::sha256;
use crate::domain::policy::Rule;
use crate::domain::{Error, Result};
use crate::sys::disk::HeldLock;
use crate::sys::{Disk, Environment};

use super::problem::{ConfigProblem, Layer, Level, Origin};

const SCHEMA: u32 = 1;
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Days kept in the ledger.
const LEDGER_DAYS: usize = 400;
/// A lock is held for one small write: after this many waits its holder hangs.
const LOCK_TRIES: u32 = 400;
const LOCK_WAIT: Duration = Duration::from_millis(5);

const RULES: &str = "rules.json";
const TRUST: &str = "trust.json";
const SPEND: &str = "spend.json";

/// Hashes of the values a person trusts in one project, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrustedValues(BTreeMap<String, String>);

impl TrustedValues {
    /// Whether exactly this value is trusted.
    pub fn covers(&self, key: &str, value: &Value) -> bool {
        self.0.get(key).is_some_and(|hash| *hash == hash_of(key, value))
    }

    /// Whether a custom agent of the project is trusted with exactly this text; `file_name` like `reviewer.md`.
    pub fn covers_agent(&self, file_name: &str, text: &str) -> bool {
        self.covers(&agent_key(file_name), &Value::from(text))
    }

    /// Adds a value; an older one of the same key is forgotten.
    pub fn add(&mut self, key: &str, value: &Value) {
        self.0.insert(key.to_owned(), hash_of(key, value));
    }

    /// Adds all values of another.
    pub fn extend(&mut self, other: &TrustedValues) {
        self.0.extend(other.0.clone());
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The key under which trust in a custom agent is kept.
pub fn agent_key(file_name: &str) -> String {
    format!("agents/{file_name}")
}

fn hash_of(key: &str, value: &Value) -> String {
    sha256(format!("{key}\0{value}").as_bytes())
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored<T> {
    schema: u32,
    content: T,
}

type Rules = Vec<Rule>;
type Trust = BTreeMap<String, TrustedValues>;
type Spend = BTreeMap<NaiveDate, f64>;

/// The person's memory in `$XDG_STATE_HOME/ai-orchestrator/`. Nothing is created before something is remembered. Calls block for short times.
#[derive(Debug)]
pub struct Memory {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// Threads of one process queue here, so that they do not wait for each other's file lock by polling.
    queue: Mutex<()>,
    problems: Mutex<Vec<ConfigProblem>>,
}

impl Memory {
    /// `disk` is the machine's root.
    pub fn open(disk: Arc<dyn Disk>, environment: &Environment) -> Self {
        Memory { disk, folder: environment.state_folder(), queue: Mutex::default(), problems: Mutex::default() }
    }

    /// The rules a person granted by "always".
    pub fn granted_rules(&self) -> Vec<Rule> {
        self.look::<Rules>(RULES)
    }

    /// Remembers a rule. Fails when the folder cannot be written.
    pub fn grant(&self, rule: Rule) -> Result<()> {
        self.change(RULES, true, |rules: &mut Rules| {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        })
    }

    /// What is trusted in the project of that absolute path.
    pub fn trusted(&self, project: &Path) -> TrustedValues {
        self.look::<Trust>(TRUST).remove(&project_key(project)).unwrap_or_default()
    }

    /// Trusts these values in a project, beside those trusted before.
    pub fn trust(&self, project: &Path, values: &TrustedValues) -> Result<()> {
        self.change(TRUST, true, |trust: &mut Trust| trust.entry(project_key(project)).or_default().extend(values))
    }

    /// US dollars spent on a local day.
    pub fn spent_on(&self, day: NaiveDate) -> f64 {
        self.look::<Spend>(SPEND).get(&day).copied().unwrap_or(0.0)
    }

    /// Adds to a day's spend and returns its sum. What is no amount of money (negative, not finite) adds nothing.
    pub fn add_spend(&self, day: NaiveDate, usd: f64) -> Result<f64> {
        let usd = if usd.is_finite() { usd.max(0.0) } else { 0.0 };
        if usd == 0.0 {
            return Ok(self.spent_on(day));
        }
        let mut sum = 0.0;
        // The journal holds every cost durably; the ledger may lose the last moment before a power cut.
        self.change(SPEND, false, |spend: &mut Spend| {
            let spent = spend.entry(day).or_insert(0.0);
            *spent += usd;
            sum = *spent;
            while spend.len() > LEDGER_DAYS && spend.first_key_value().is_some_and(|(oldest, _)| *oldest != day) {
                spend.pop_first();
            }
        })?;
        Ok(sum)
    }

    /// What went wrong while reading so far; each problem is told once.
    pub fn take_problems(&self) -> Vec<ConfigProblem> {
        std::mem::take(&mut *self.problems.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn look<T: Default + DeserializeOwned>(&self, name: &str) -> T {
        let Ok(folder) = self.disk.open(&self.folder) else { return T::default() };
        match read(&*folder, name) {
            Found::Content(content) => content,
            Found::Nothing => T::default(),
            Found::Newer | Found::Unreadable(_) | Found::Broken => {
                // Whoever holds the lock may be setting it aside already: look again under it.
                let looked = self.locked(name, |folder| self.read_or_set_aside(folder, name));
                looked.unwrap_or_default()
            }
        }
    }

    fn change<T: Default + DeserializeOwned + Serialize>(&self, name: &str, durable: bool, change: impl FnOnce(&mut T)) -> Result<()> {
        self.locked(name, |folder| {
            let mut content = self.read_or_set_aside::<T>(folder, name)?;
            change(&mut content);
            let text = serde_json::to_vec_pretty(&Stored { schema: SCHEMA, content });
            let text = text.map_err(|error| Error::internal(format!("writing {name}: {error}")))?;
            folder.replace(name, &text, durable).map_err(|error| self.failed("remembering in", name, &error))?;
            // Where this fails the folder could not be closed either, which is reported.
            let _ = folder.make_private(name);
            Ok(())
        })
    }

    fn locked<R>(&self, name: &str, work: impl FnOnce(&dyn Disk) -> Result<R>) -> Result<R> {
        let folder = self.disk.create_and_open(&self.folder);
        let folder = folder.map_err(|error| self.failed("opening", "", &error))?;
        // The folder is closed to others before anything is in it. Some network file systems cannot: that costs privacy, not memory.
        if let Err(error) = folder.make_private("") {
            self.report("", format!("cannot be closed to other users: {error}"), "move it with XDG_STATE_HOME");
        }
        let _queued = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let _lock = self.lock(&*folder, name)?;
        work(&*folder)
    }

    fn lock(&self, folder: &dyn Disk, name: &str) -> Result<Box<dyn HeldLock>> {
        let lock = format!("{name}.lock");
        for _ in 0..LOCK_TRIES {
            match folder.lock(&lock) {
                Ok(Some(held)) => return Ok(held),
                Ok(None) => std::thread::sleep(LOCK_WAIT),
                Err(error) => return Err(self.failed("locking", &lock, &error)),
            }
        }
        let what = format!("{} is held by another process", self.folder.join(lock).display());
        Err(Error::new(crate::domain::ErrorKind::Held, what).hint("end the process that hangs, then try again"))
    }

    fn read_or_set_aside<T: Default + DeserializeOwned>(&self, folder: &dyn Disk, name: &str) -> Result<T> {
        match read(folder, name) {
            Found::Content(content) => Ok(content),
            Found::Nothing => Ok(T::default()),
            Found::Unreadable(error) => {
                self.report(name, format!("cannot be read: {error}"), "check its permissions");
                Err(self.failed("reading", name, &error))
            }
            Found::Newer => {
                self.report(name, "was written by a newer version and is not used".into(), "use the newer version");
                Err(Error::place(format!("{} was written by a newer version", self.folder.join(name).display()))
                    .hint("use the newer version"))
            }
            Found::Broken => {
                let aside = set_aside(folder, name).map_err(|error| self.failed("setting aside", name, &error))?;
                self.report(name, format!("is broken and was set aside as {aside}"), "what it held is in that file");
                Ok(T::default())
            }
        }
    }

    fn report(&self, name: &str, message: String, hint: &str) {
        let file = self.folder.join(name);
        let place = file.display().to_string();
        let origin = Origin { file: Some(file), place, ..Origin::of(Layer::User) };
        let problem = ConfigProblem::new(Level::Warning, &origin, None, message).hint(Some(hint.to_owned()));
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    fn failed(&self, doing: &str, name: &str, error: &io::Error) -> Error {
        Error::disk(format!("{doing} {}", self.folder.join(name).display()), error)
    }
}

fn project_key(project: &Path) -> String {
    project.to_string_lossy().into_owned()
}

enum Found<T> {
    Content(T),
    Nothing,
    Newer,
    Broken,
    Unreadable(io::Error),
}

fn read<T: DeserializeOwned>(folder: &dyn Disk, name: &str) -> Found<T> {
    let bytes = match folder.read(name, MAX_FILE_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Found::Nothing,
        Err(error) if error.kind() == ErrorKind::FileTooLarge => return Found::Broken,
        Err(error) => return Found::Unreadable(error),
    };
    let Ok(stored) = serde_json::from_slice::<Stored<Value>>(&bytes) else { return Found::Broken };
    if stored.schema > SCHEMA {
        return Found::Newer;
    }
    serde_json::from_value(stored.content).map_or(Found::Broken, Found::Content)
}

fn set_aside(folder: &dyn Disk, name: &str) -> io::Result<String> {
    let free = (1..10_000).map(|number| format!("{name}.broken-{number}")).find(|aside| folder.metadata(aside).is_err());
    let aside = free.ok_or(ErrorKind::AlreadyExists)?;
    folder.rename(name, &aside)?;
    Ok(aside)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
