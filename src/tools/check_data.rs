//! Defects of data files: JSON, YAML, TOML and CSV that do not parse or do not fit together. Judges no values.
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::tools::described::plural;
use crate::tools::finding::Finding;
use crate::tools::text::line_of;

/// Ragged rows named one by one; more are counted.
const ROWS: usize = 5;

/// Syntax, and keys that occur twice in one object.
pub fn json(text: &str) -> Vec<Finding> {
    let text = text.trim_start_matches('\u{feff}');
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return vec![Finding::error(error.line().max(1), "invalid-json", without_place(&error.to_string()))];
    }
    match serde_json::from_str::<UniqueKeys>(text) {
        Err(error) if error.is_data() => vec![Finding::warning(error.line().max(1), "repeated-key", without_place(&error.to_string()))],
        _ => Vec::new(),
    }
}

/// One JSON value a line.
pub fn json_lines(text: &str) -> Vec<Finding> {
    let check = |(index, line): (usize, &str)| {
        let error = serde_json::from_str::<IgnoredAny>(line).err().filter(|_| !line.trim().is_empty())?;
        Some(Finding::error(index + 1, "invalid-json", without_place(&error.to_string())))
    };
    text.lines().enumerate().filter_map(check).take(ROWS).collect()
}

/// An error text without ` at line 3 column 4`: the finding has the line.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// Any JSON, as long as no object names a key twice.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueKeys)
    }
}

macro_rules! accept {
    ($($method:ident: $type:ty),*) => { $(fn $method<E>(self, _: $type) -> Result<Self, E> { Ok(UniqueKeys) })* };
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = UniqueKeys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    accept!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(UniqueKeys)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<UniqueKeys>()?.is_some() {}
        Ok(UniqueKeys)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(serde::de::Error::custom(format!("the key `{key}` occurs twice in one object")));
            }
            seen.insert(key);
            entries.next_value::<UniqueKeys>()?;
        }
        Ok(UniqueKeys)
    }
}

/// Syntax of every document in the file.
pub fn yaml(text: &str) -> Vec<Finding> {
    let Err(error) = serde_saphyr::from_multiple::<IgnoredAny>(text) else { return Vec::new() };
    let line = error.location().and_then(|location| usize::try_from(location.line()).ok()).unwrap_or(1).max(1);
    let message = error.to_string();
    let first = message.lines().find(|line| !line.trim().is_empty()).unwrap_or("it cannot be parsed");
    vec![Finding::error(line, "invalid-yaml", first.trim().trim_start_matches("error: "))]
}

/// Syntax.
pub fn toml(text: &str) -> Vec<Finding> {
    let Err(error) = toml::from_str::<toml::Table>(text) else { return Vec::new() };
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    vec![Finding::error(line, "invalid-toml", error.message().lines().next().unwrap_or("it cannot be parsed"))]
}

/// Headers that are empty or repeated, rows with more or fewer fields, a quote left open.
pub fn csv(text: &str) -> Vec<Finding> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter(text)).from_reader(text.as_bytes());
    let mut records = reader.records();
    let Some(Ok(header)) = records.next() else { return vec![Finding::error(1, "invalid-csv", "the header cannot be read")] };
    let mut findings = header_problems(&header);
    let (mut ragged, mut rows) = (Vec::new(), 0);
    for record in records.map_while(Result::ok) {
        rows += 1;
        let line = record.position().and_then(|position| usize::try_from(position.line()).ok()).unwrap_or(1);
        if record.len() != header.len() {
            let message = format!("the row has {}, the header {}", plural(record.len(), "field"), header.len());
            ragged.push(Finding::error(line, "ragged-row", message));
        }
    }
    if ragged.len() > ROWS {
        let count = ragged.len();
        ragged.truncate(ROWS);
        findings.push(Finding::error(1, "ragged-row", format!("{count} of {rows} rows do not have the header's {} fields", header.len())));
    }
    findings.extend(ragged);
    if rows == 0 {
        findings.push(Finding::warning(1, "no-rows", "there is a header and no row"));
    }
    if text.matches('"').count() % 2 == 1 {
        let line = text.rfind('"').map_or(1, |at| line_of(text, at));
        findings.push(Finding::warning(line, "unbalanced-quotes", "the number of quotes is odd; one is left open or not doubled"));
    }
    findings
}

fn header_problems(header: &csv::StringRecord) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for (index, name) in header.iter().enumerate() {
        if name.trim().is_empty() {
            findings.push(Finding::warning(1, "empty-header", format!("column {} has no name", index + 1)));
        } else if !seen.insert(name.trim().to_lowercase()) {
            findings.push(Finding::warning(1, "repeated-header", format!("the column `{}` occurs twice", name.trim())));
        }
    }
    findings
}

/// The separator that the first line has most of.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |mark: u8| first.bytes().filter(|byte| *byte == mark).count();
    [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|mark| count(*mark)).unwrap_or(b',')
}
