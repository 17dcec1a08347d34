//! Large strings of the journal kept as files of their own, named by their hash. Knows journal lines as JSON only, not what they mean.
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::hash::sha256;
use crate::sys::disk::Disk;

/// Strings of more bytes than this leave the line.
pub const INLINE_BYTES: usize = 16 * 1024;
/// The largest blob that is read back, in bytes.
const MAX_BLOB_BYTES: u64 = 256 * 1024 * 1024;
/// The folder, in `.orchestrator/`.
const FOLDER: &str = "blobs";
/// The line's own field: JSON pointer of the string that is empty in the line → hash of what belongs there.
/// A list beside the record, because a mark inside it could not be told from what a model said.
const FIELD: &str = "blobs";
/// What a line that has the field contains; inside a string the quotes would be escaped.
const MARK: &str = "\"blobs\":{";

/// The blobs of one workspace, as seen by the holder of its lease.
#[derive(Debug)]
pub(super) struct Blobs {
    private: Arc<dyn Disk>,
    /// Hashes that are safely down already.
    written: BTreeSet<String>,
    has_folder: bool,
}

impl Blobs {
    pub(super) fn new(private: Arc<dyn Disk>) -> Self {
        Blobs { private, written: BTreeSet::new(), has_folder: false }
    }

    /// Moves large strings of a record out; they are durable before this returns, so no line can name a blob that a power cut takes away.
    pub(super) fn take_out(&mut self, record: &mut Value) -> std::io::Result<()> {
        let mut found = Vec::new();
        large_strings(record, &mut String::new(), &mut found);
        let mut places = Map::new();
        for pointer in found {
            let Some(Value::String(text)) = record.pointer_mut(&pointer) else { continue };
            let hash = sha256(text.as_bytes());
            self.write(&hash, text.as_bytes())?;
            text.clear();
            places.insert(pointer, Value::String(hash));
        }
        if let (false, Some(fields)) = (places.is_empty(), record.as_object_mut()) {
            fields.insert(FIELD.into(), Value::Object(places));
        }
        Ok(())
    }

    fn write(&mut self, hash: &str, bytes: &[u8]) -> std::io::Result<()> {
        if self.written.contains(hash) {
            return Ok(());
        }
        if !self.has_folder {
            match self.private.create_folder(FOLDER) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
                _ => self.private.sync_folder()?,
            }
            self.has_folder = true;
        }
        self.private.replace(&format!("{FOLDER}/{hash}"), bytes, true)?;
        self.written.insert(hash.to_owned());
        Ok(())
    }
}

/// Whether a journal line may name blobs.
pub(super) fn has_blobs(line: &str) -> bool {
    line.contains(MARK)
}

/// Puts the strings back that a line names; the error says which is missing or damaged.
pub(super) fn put_back(private: &Arc<dyn Disk>, record: &mut Value) -> Result<(), String> {
    let Some(Value::Object(places)) = record.as_object_mut().and_then(|fields| fields.remove(FIELD)) else { return Ok(()) };
    for (pointer, hash) in places {
        let hash = hash.as_str().filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let hash = hash.ok_or("a blob's name is not a hash")?;
        let bytes = private.read(&format!("{FOLDER}/{hash}"), MAX_BLOB_BYTES).map_err(|error| format!("blob {hash}: {error}"))?;
        if sha256(&bytes) != hash {
            return Err(format!("blob {hash} is damaged"));
        }
        let text = String::from_utf8(bytes).map_err(|_| format!("blob {hash} is not text"))?;
        match record.pointer_mut(&pointer) {
            Some(place @ Value::String(_)) => *place = Value::String(text),
            _ => return Err(format!("blob {hash} has no place at {pointer}")),
        }
    }
    Ok(())
}

fn large_strings(value: &Value, at: &mut String, found: &mut Vec<String>) {
    let mut below = |name: &str, value: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        large_strings(value, at, found);
        at.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| below(&index.to_string(), value)),
        Value::String(text) if text.len() > INLINE_BYTES => found.push(at.clone()),
        _ => {}
    }
}
