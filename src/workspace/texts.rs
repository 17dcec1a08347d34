//! Long texts of the journal, each told once: what stood in the run before is named by its place instead of repeated. Knows JSON, not events.
//!
//! All long texts of a run, in the order of the journal, form one stream that begins with a fixed dictionary. A line's own field lists the
//! texts in it: `[pointer]` is a text that stands at its place in the line, `[pointer, part, …]` one whose place is empty and that is put
//! together from parts: a string is itself, two numbers in a row are an offset in the stream and a length, in bytes. A copy may reach into
//! the text it makes.
use serde_json::Value;

use super::blobs::INLINE_BYTES;

/// Texts that runs begin with, for each format of the journal that has any. Frozen: journals refer into them, so a change of one byte needs a
/// new number of the format, and with it a dictionary of its own.
const DICTIONARIES: [(u32, &[u8]); 2] = [(2, include_bytes!("texts/dictionary-1.txt")), (3, include_bytes!("texts/dictionary-2.txt"))];
/// The line's own field.
const FIELD: &str = "texts";
/// What a line that has the field contains; inside a string the quotes would be escaped.
const MARK: &str = "\"texts\":[[";

/// Shorter strings stay as they are, longer ones are left to the blobs.
const LENGTHS: std::ops::RangeInclusive<usize> = 64..=4 * INLINE_BYTES;
/// A text in which nothing is known joins the stream only from this length on.
const WORTH_KNOWING: usize = 256;
/// A text is put together from parts only where that saves one byte in so many; else it stays readable.
const SAVES_ONE_IN: usize = 4;
/// A copy shorter than this is hardly shorter than its offset and length.
const SHORTEST_COPY: usize = 32;
/// What an offset, a length and their commas take.
const COPY_COST: usize = 16;
/// After a line that makes the stream longer than this it begins anew; part of the format.
const STREAM_LIMIT: usize = 256 * 1024;
/// Bytes that are compared at once to find what is known.
const BLOCK: usize = 16;
/// Every so many bytes of the stream a block can be found.
const STRIDE: usize = 16;
/// Places remembered: a power of two.
const PLACES: usize = 4 * 1024;

/// The stream of one journal, up to its last line.
#[derive(Debug)]
pub(super) struct Texts {
    /// The format of the lines, as the last start named it.
    schema: u32,
    /// What the stream begins with.
    dictionary: &'static [u8],
    stream: Vec<u8>,
    /// By the hash of a block: one more than where it stands. Only who writes needs it.
    places: Vec<u32>,
    /// Blocks that begin before this can be found.
    indexed: usize,
}

/// A stretch of the stream that says what a text says from `begin` on.
struct Copy {
    from: usize,
    begin: usize,
    length: usize,
}

impl Texts {
    pub(super) fn new() -> Self {
        Texts { schema: 0, dictionary: &[], stream: Vec::new(), places: Vec::new(), indexed: 0 }
    }

    /// A start names the format that holds from its own line on: where that has another dictionary, the stream begins
    /// anew with it. An older format changes nothing.
    pub(super) fn begin(&mut self, schema: u32) {
        if schema <= self.schema {
            return;
        }
        self.schema = schema;
        let of_format = DICTIONARIES.iter().rev().find(|(from, _)| *from <= schema).map_or(&[][..], |(_, texts)| texts);
        if of_format != self.dictionary {
            self.dictionary = of_format;
            self.begin_anew();
        }
    }

    fn begin_anew(&mut self) {
        self.stream.clear();
        self.stream.extend_from_slice(self.dictionary);
        self.places.clear();
        self.indexed = 0;
    }

    /// How far the stream goes: for [`Texts::forget`].
    pub(super) fn length(&self) -> usize {
        self.stream.len()
    }

    /// The line that was just made did not reach the journal.
    pub(super) fn forget(&mut self, length: usize) {
        self.stream.truncate(length);
        self.indexed = self.indexed.min(length);
    }

    /// The line that was just made or read stands in the journal.
    pub(super) fn settle(&mut self) {
        if self.stream.len() > STREAM_LIMIT {
            self.begin_anew();
        }
    }

    /// Moves out of a record what the journal told before.
    pub(super) fn take_out(&mut self, record: &mut Value) {
        let mut found = Vec::new();
        long_strings(record, &mut String::new(), &mut found);
        let mut told = Vec::new();
        for pointer in found {
            let Some(Value::String(text)) = record.pointer_mut(&pointer) else { continue };
            let mut parts = self.parts(text);
            if saved(&parts) * SAVES_ONE_IN >= text.len() {
                text.clear();
            } else if text.len() >= WORTH_KNOWING {
                parts.clear();
            } else {
                self.forget(self.stream.len() - text.len());
                continue;
            }
            told.push(Value::Array(std::iter::once(Value::String(pointer)).chain(parts).collect()));
        }
        if let (false, Some(fields)) = (told.is_empty(), record.as_object_mut()) {
            fields.insert(FIELD.into(), Value::Array(told));
        }
    }

    /// Puts a record's texts back; the error says what does not fit.
    pub(super) fn put_back(&mut self, record: &mut Value) -> Result<(), String> {
        let Some(Value::Array(told)) = record.as_object_mut().and_then(|fields| fields.remove(FIELD)) else { return Ok(()) };
        for text in told {
            let Value::Array(items) = text else { return Err("a text is not a list".into()) };
            let (Some(Value::String(pointer)), parts) = (items.first(), items.get(1..).unwrap_or_default()) else {
                return Err("a text has no place".into());
            };
            match record.pointer_mut(pointer) {
                Some(Value::String(text)) if parts.is_empty() => self.stream.extend_from_slice(text.as_bytes()),
                Some(Value::String(text)) => *text = self.joined(parts)?,
                _ => return Err(format!("a text has no place at {pointer}")),
            }
        }
        Ok(())
    }

    /// The text in parts; it joins the stream.
    fn parts(&mut self, text: &str) -> Vec<Value> {
        let start = self.stream.len();
        self.stream.extend_from_slice(text.as_bytes());
        if self.places.is_empty() {
            self.places = vec![0; PLACES];
        }
        let mut parts = Vec::new();
        let (mut at, mut told) = (start, start);
        let literal = |from: usize, to: usize| text.get(from - start..to - start).filter(|text| !text.is_empty()).map(Value::from);
        while at < self.stream.len() {
            self.index_up_to(at);
            match self.find(at, told, (text, start)) {
                None => at += 1,
                Some(copy) => {
                    parts.extend(literal(told, copy.begin));
                    parts.extend([Value::from(copy.from), Value::from(copy.length)]);
                    told = copy.begin + copy.length;
                    at = told;
                }
            }
        }
        parts.extend(literal(told, self.stream.len()));
        parts
    }

    fn index_up_to(&mut self, end: usize) {
        while self.indexed < end {
            if let (Some(found), Ok(place)) = (block(&self.stream, self.indexed), u32::try_from(self.indexed + 1))
                && let Some(entry) = self.places.get_mut(slot(found))
                // Of equal blocks the first is kept: most of a text that repeats itself follows it.
                && (*entry as usize).checked_sub(1).and_then(|known| block(&self.stream, known)) != Some(found)
            {
                *entry = place;
            }
            self.indexed += STRIDE;
        }
    }

    /// What is known of the stream from `at` on, widened to both sides but not before `told`, and cut to whole characters.
    fn find(&self, at: usize, told: usize, (text, start): (&str, usize)) -> Option<Copy> {
        let wanted = block(&self.stream, at)?;
        let place = (*self.places.get(slot(wanted))? as usize).checked_sub(1)?;
        if place >= at || block(&self.stream, place)? != wanted {
            return None;
        }
        let (known, new) = (self.stream.get(place..)?, self.stream.get(at..)?);
        let after = known.iter().zip(new).take_while(|(known, new)| known == new).count();
        let (known, new) = (self.stream.get(..place)?, self.stream.get(told..at)?);
        let before = known.iter().rev().zip(new.iter().rev()).take_while(|(known, new)| known == new).count();
        let (mut begin, mut end) = (at - before, at + after);
        while !text.is_char_boundary(begin - start) {
            begin += 1;
        }
        while !text.is_char_boundary(end - start) {
            end -= 1;
        }
        let length = end.checked_sub(begin).filter(|length| *length >= SHORTEST_COPY)?;
        Some(Copy { from: place + begin - at, begin, length })
    }

    fn joined(&mut self, parts: &[Value]) -> Result<String, String> {
        let start = self.stream.len();
        let joined = self.join(parts, start).and_then(|()| {
            let text = self.stream.get(start..).unwrap_or_default().to_vec();
            String::from_utf8(text).map_err(|_| "a text is cut inside a character".to_owned())
        });
        if joined.is_err() {
            self.stream.truncate(start);
        }
        joined
    }

    fn join(&mut self, parts: &[Value], start: usize) -> Result<(), String> {
        let mut parts = parts.iter();
        while let Some(part) = parts.next() {
            let number = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
            match part {
                Value::String(text) => self.stream.extend_from_slice(text.as_bytes()),
                part => {
                    let (Some(from), Some(length)) = (number(Some(part)), number(parts.next())) else {
                        return Err("a copy has no length".into());
                    };
                    self.copy(from, length)?;
                }
            }
            if self.stream.len() - start > *LENGTHS.end() {
                return Err("a text is too long".into());
            }
        }
        Ok(())
    }

    fn copy(&mut self, from: usize, length: usize) -> Result<(), String> {
        if from >= self.stream.len() || length > *LENGTHS.end() {
            return Err(format!("nothing stands at {from} yet"));
        }
        if from + length <= self.stream.len() {
            self.stream.extend_from_within(from..from + length);
            return Ok(());
        }
        for index in from..from + length {
            let Some(byte) = self.stream.get(index).copied() else { break };
            self.stream.push(byte);
        }
        Ok(())
    }
}

/// Whether a journal line may list texts.
pub(super) fn has_texts(line: &str) -> bool {
    line.contains(MARK)
}

/// Bytes that these parts save.
fn saved(parts: &[Value]) -> usize {
    let mut parts = parts.iter();
    let mut saved = 0;
    while let Some(part) = parts.next() {
        if part.is_number() {
            let length = parts.next().and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
            saved += length.saturating_sub(COPY_COST);
        }
    }
    saved
}

fn block(stream: &[u8], at: usize) -> Option<u128> {
    let bytes: [u8; BLOCK] = stream.get(at..at + BLOCK)?.try_into().ok()?;
    Some(u128::from_le_bytes(bytes))
}

/// The place of a block among [`PLACES`].
#[allow(clippy::cast_possible_truncation, reason = "a hash keeps the bits it wants")]
fn slot(block: u128) -> usize {
    let mixed = ((block as u64) ^ ((block >> 64) as u64).rotate_left(31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 52) as usize % PLACES
}

fn long_strings(value: &Value, at: &mut String, found: &mut Vec<String>) {
    let mut below = |name: &str, value: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        long_strings(value, at, found);
        at.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| below(&index.to_string(), value)),
        Value::String(text) if LENGTHS.contains(&text.len()) => found.push(at.clone()),
        _ => {}
    }
}

#[cfg(test)]
#[path = "texts_tests.rs"]
mod tests;
