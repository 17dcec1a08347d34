//! The truth of a run: `journal.jsonl`, one event a line, only ever added to. Reads it back after any crash; decides nothing about what the events mean.
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use serde::Deserialize;
use serde_json::Value;

use super::blobs::{self, Blobs, INLINE_BYTES, has_blobs};
use super::terse;
use super::texts::{Texts, has_texts};
use crate::domain::event::JOURNAL_SCHEMA;
use crate::domain::{Error, ErrorKind, Event, Record, Result};
use crate::sys::disk::{AppendFile, Disk};

/// The journal's name in `.orchestrator/`.
pub(super) const JOURNAL: &str = "journal.jsonl";
/// The largest journal that is read, in bytes.
const MAX_JOURNAL_BYTES: u64 = 4 << 30;

/// Readers of JSON stop at a depth of 128; a line nested deeper than this is not written, so that what is written can be read.
const MAX_DEPTH: usize = 120;

/// The first format whose lines may name texts by their place.
const TEXTS_SCHEMA: u32 = 2;

/// A line shorter than this is written as it is: no text in it is worth telling by its place.
const SHORT_LINE: usize = 256;

/// The first format whose records are written in [`terse`] form.
const TERSE_SCHEMA: u32 = 3;

/// In what state a journal was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalHealth {
    Sound,
    /// The last line was cut short by a crash; it is forgiven, and cut off when the journal is opened for writing.
    TornTail,
    /// Line `line` (1 is the first) cannot be read: the run cannot be resumed past it. `copy` names the copy set aside, in `.orchestrator/`.
    Corrupt {
        line: usize,
        copy: Option<String>,
    },
    /// Written by a newer version: to be shown, never written.
    Newer {
        schema: u32,
    },
}

impl JournalHealth {
    /// Whether the run may go on from here.
    pub fn is_resumable(&self) -> bool {
        matches!(self, JournalHealth::Sound | JournalHealth::TornTail)
    }
}

/// A journal open for appending. Only the holder of the lease has one.
#[derive(Debug)]
pub struct Journal {
    /// `None`: this journal must not be written, for the reason in `refusal`.
    file: Option<Box<dyn AppendFile>>,
    refusal: String,
    /// Bytes of whole lines.
    length: u64,
    next_seq: u64,
    blobs: Blobs,
    texts: Texts,
    /// The model that its last start names.
    model: Option<String>,
    /// The format that its last start names: an older one is written on as that version reads it.
    schema: u32,
    /// Set while bytes of a failed append may stand behind the last whole line.
    unclean: bool,
    /// Folders whose names must survive before a first sync is true, innermost first.
    folders: Vec<Arc<dyn Disk>>,
}

impl Journal {
    /// Appends one event in one write and does not wait for the disk. On failure the journal is as before.
    pub fn append(&mut self, at: DateTime<FixedOffset>, event: Event) -> Result<Record> {
        let record = Record { seq: self.next_seq, at, event };
        self.write(&record).map_err(|error| Error::disk("cannot write the journal", &error))?;
        self.next_seq += 1;
        Ok(record)
    }

    /// Returns once everything appended would survive a power cut. Call it once for a batch.
    pub fn sync(&mut self) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let synced = file.sync().and_then(|()| self.folders.iter().try_for_each(|folder| folder.sync_folder()));
        match synced {
            Ok(()) => self.folders.clear(),
            Err(error) => {
                // What a failed sync left on the disk is unknown, and a second one would claim success: stop here.
                self.file = None;
                self.refusal = format!("an earlier write did not reach the disk: {error}");
                return Err(Error::disk("cannot make the journal durable", &error));
            }
        }
        Ok(())
    }

    /// Events it holds.
    pub fn len(&self) -> u64 {
        self.next_seq - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn write(&mut self, record: &Record) -> std::io::Result<()> {
        if self.file.is_none() {
            return Err(std::io::Error::other(self.refusal.clone()));
        }
        self.schema = self.schema.max(schema_of(record));
        self.texts.begin(self.schema);
        if let Event::RunStarted { model, .. } = &record.event {
            self.model.clone_from(model);
        }
        let told = self.texts.length();
        let written = self.line(record).and_then(|line| self.append_line(&line));
        match written {
            Ok(()) => self.texts.settle(),
            Err(_) => self.texts.forget(told),
        }
        written
    }

    fn append_line(&mut self, line: &str) -> std::io::Result<()> {
        let Some(file) = &mut self.file else { return Err(std::io::Error::other(self.refusal.clone())) };
        if self.unclean {
            file.truncate(self.length)?;
            self.unclean = false;
        }
        if let Err(error) = file.append(line.as_bytes()) {
            self.unclean = file.truncate(self.length).is_err();
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }

    fn line(&mut self, record: &Record) -> std::io::Result<String> {
        let mut line = match record.event {
            Event::StepStarted { .. } | Event::CallFinished { .. } | Event::ToolFinished { .. } => self.shortened(record)?,
            _ => {
                let line = serde_json::to_string(record)?;
                // A string is never longer than its JSON, so a short line holds no long one.
                let short = line.len() <= SHORT_LINE && !terse::may_shorten(&line);
                if short { line } else { self.shortened(record)? }
            }
        };
        line.push('\n');
        Ok(line)
    }

    /// The line of a record without what the journal told before, without what its reader knows, and without large strings.
    fn shortened(&mut self, record: &Record) -> std::io::Result<String> {
        let mut value = serde_json::to_value(record)?;
        if depth(&value) > MAX_DEPTH {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "an event is nested too deeply to be read back"));
        }
        if self.schema >= TERSE_SCHEMA {
            terse::take_out(&mut value, self.model.as_deref());
        }
        if self.schema >= TEXTS_SCHEMA {
            self.texts.take_out(&mut value);
        }
        let line = value.to_string();
        if line.len() <= INLINE_BYTES {
            return Ok(line);
        }
        self.blobs.take_out(&mut value)?;
        Ok(value.to_string())
    }
}

/// The format that a start names; 0 for every other record.
fn schema_of(record: &Record) -> u32 {
    if let Event::RunStarted { schema, .. } = &record.event { *schema } else { 0 }
}

/// How deeply a JSON value is nested.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// What reading found.
pub(super) struct Reading {
    pub(super) records: Vec<Record>,
    pub(super) health: JournalHealth,
    /// Bytes up to the end of the last whole line that could be read.
    good: u64,
    /// The last line is whole but its line break is missing.
    unended: bool,
    bytes: Vec<u8>,
    /// What its lines told, for those that follow.
    told: Told,
}

/// What later lines of a journal build on.
struct Told {
    texts: Texts,
    model: Option<String>,
}

impl Told {
    fn start(&mut self, schema: u32, model: Option<&str>) {
        self.texts.begin(schema);
        self.model = model.map(str::to_owned);
    }
}

/// Reads the journal of the workspace whose `.orchestrator/` this is; changes nothing.
pub(super) fn read(private: &Arc<dyn Disk>) -> Result<Reading> {
    let bytes = private.read(JOURNAL, MAX_JOURNAL_BYTES).map_err(|error| Error::disk("cannot read the journal", &error))?;
    let told = Told { texts: Texts::new(), model: None };
    let mut reading = Reading { records: Vec::new(), health: JournalHealth::Sound, good: 0, unended: false, bytes: Vec::new(), told };
    let mut newer = None;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let whole = line.ends_with(b"\n");
        let seq = reading.records.len() as u64 + 1;
        let told = reading.told.texts.length();
        match read_line(private, line, seq, &mut reading.told) {
            Ok(Line::Record(record)) => {
                reading.told.texts.settle();
                reading.records.push(*record);
            }
            Ok(Line::Blank) => {}
            Ok(Line::Newer(schema)) => newer = Some(schema),
            Err(_) => {
                reading.told.texts.forget(told);
                let corrupt = JournalHealth::Corrupt { line: index + 1, copy: None };
                reading.health = if whole { corrupt } else { JournalHealth::TornTail };
            }
        }
        if newer.is_some() || reading.health != JournalHealth::Sound {
            break;
        }
        reading.good += line.len() as u64;
        reading.unended = !whole;
    }
    if let Some(schema) = newer {
        reading.health = JournalHealth::Newer { schema };
    }
    reading.bytes = bytes;
    Ok(reading)
}

/// Opens the journal for the holder of the lease: cuts off a torn tail, sets a corrupt file aside, leaves a newer one alone.
/// `folders` are those whose names must last for the journal to last.
pub(super) fn open(private: &Arc<dyn Disk>, folders: Vec<Arc<dyn Disk>>) -> Result<(Journal, Vec<Record>, JournalHealth)> {
    let Reading { records, mut health, good, unended, bytes, told } = read(private)?;
    let mut journal = Journal {
        file: None,
        refusal: String::new(),
        length: good,
        next_seq: records.len() as u64 + 1,
        blobs: Blobs::new(private.clone()),
        schema: records.iter().map(schema_of).max().unwrap_or(0),
        texts: told.texts,
        model: told.model,
        unclean: false,
        folders,
    };
    match &mut health {
        JournalHealth::Newer { schema } => journal.refusal = format!("it was written by a newer version (schema {schema})"),
        JournalHealth::Corrupt { line, copy } => {
            journal.refusal = format!("its line {line} is corrupt");
            *copy = Some(set_aside(private, &bytes)?);
        }
        JournalHealth::Sound | JournalHealth::TornTail => {
            let failed = |error: std::io::Error| Error::disk("cannot open the journal", &error);
            let mut file = private.append_to(JOURNAL).map_err(failed)?;
            if good < bytes.len() as u64 {
                file.truncate(good).map_err(failed)?;
            }
            if unended {
                file.append(b"\n").map_err(failed)?;
                journal.length += 1;
            }
            journal.file = Some(file);
        }
    }
    Ok((journal, records, health))
}

enum Line {
    Record(Box<Record>),
    Blank,
    Newer(u32),
}

fn read_line(private: &Arc<dyn Disk>, line: &[u8], seq: u64, told: &mut Told) -> std::result::Result<Line, String> {
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    if text.trim().is_empty() {
        return Ok(Line::Blank);
    }
    let whole = !has_blobs(text) && !has_texts(text) && !terse::may_lengthen(text);
    let parsed = if whole { plain(text, told) } else { restored(private, text, told) };
    match parsed {
        Ok(Record { event: Event::RunStarted { schema, .. }, .. }) if schema > JOURNAL_SCHEMA => Ok(Line::Newer(schema)),
        Ok(record) if record.seq != seq => Err(format!("line {} stands where {seq} belongs", record.seq)),
        Ok(record) => Ok(Line::Record(Box::new(record))),
        // A newer version may start a run in words that we do not know.
        Err(problem) => newer_start(text).map(Line::Newer).ok_or(problem),
    }
}

/// The two parts of a record that stand before its event.
#[derive(Deserialize)]
struct Head {
    seq: u64,
    at: DateTime<FixedOffset>,
}

/// Reads a line twice, once for each part: reading both at once would copy all of it first.
fn plain(text: &str, told: &mut Told) -> std::result::Result<Record, String> {
    let Head { seq, at } = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let event = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if let Event::RunStarted { schema, model, .. } = &event {
        told.start(*schema, model.as_deref());
    }
    Ok(Record { seq, at, event })
}

fn restored(private: &Arc<dyn Disk>, text: &str, told: &mut Told) -> std::result::Result<Record, String> {
    let mut value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if let Some(schema) = start_of(&value) {
        told.start(schema, value.get("model").and_then(Value::as_str));
    }
    blobs::put_back(private, &mut value)?;
    told.texts.put_back(&mut value)?;
    terse::put_back(&mut value, told.model.as_deref());
    let Head { seq, at } = Head::deserialize(&value).map_err(|error| error.to_string())?;
    let event = serde_json::from_value(value).map_err(|error| error.to_string())?;
    Ok(Record { seq, at, event })
}

fn newer_start(text: &str) -> Option<u32> {
    serde_json::from_str(text).ok().as_ref().and_then(start_of).filter(|schema| *schema > JOURNAL_SCHEMA)
}

/// The format that a line names, if it is a start.
fn start_of(record: &Value) -> Option<u32> {
    let schema = record.get("schema")?.as_u64()?;
    (record.get("event")?.as_str()? == "run_started").then(|| u32::try_from(schema).unwrap_or(u32::MAX))
}

/// Copies a damaged journal to `journal.jsonl.corrupt-N`; the same bytes are copied once.
fn set_aside(private: &Arc<dyn Disk>, bytes: &[u8]) -> Result<String> {
    for number in 1..1000 {
        let name = format!("{JOURNAL}.corrupt-{number}");
        match private.create_new(&name, bytes, true) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                if private.read(&name, MAX_JOURNAL_BYTES).is_ok_and(|old| old == bytes) {
                    return Ok(name);
                }
            }
            Err(error) => return Err(Error::disk("cannot set the corrupt journal aside", &error)),
        }
    }
    Err(Error::new(ErrorKind::Place, "the workspace has a thousand corrupt journals set aside"))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
