//! Bytes of a data file → a table of texts: encoding, delimiter, header, ragged rows. Knows no types and no disk; what was odd becomes a note.
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::data_cell::{Mark, date, number};

/// Columns beyond this are left out, with a note; SQLite's own limit is 2,000.
pub const MAX_COLUMNS: usize = 1000;
/// JSON is read whole into memory, which takes many times its size.
const MAX_JSON_BYTES: usize = 32 * 1024 * 1024;
const SAMPLE_BYTES: usize = 64 * 1024;
/// A wide header over millions of short lines would fill the memory with empty cells: rows beyond this are left out, with a note.
const MAX_CELLS: usize = 60_000_000;

/// How the file is written.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `csv`, `json` or `json lines`.
    pub format: &'static str,
    pub encoding: &'static str,
    pub delimiter: Option<char>,
    pub has_header: bool,
    /// Rows with more or fewer cells than the header.
    pub ragged: usize,
    /// The first few of them, counted from 1 after the header.
    pub ragged_rows: Vec<usize>,
    pub notes: Vec<String>,
}

/// A table of texts; an empty text is a missing value.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Unique, also when case is ignored.
    pub header: Vec<String>,
    pub facts: Facts,
    text: String,
    ends: Vec<u32>,
}

impl Table {
    pub fn rows(&self) -> usize {
        self.ends.len().checked_div(self.header.len()).unwrap_or(0)
    }

    /// The text of a cell as it stands in the file; empty when there is none.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        let at = row * self.header.len() + column;
        let end = self.ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        self.text.get(start..end).unwrap_or_default()
    }

    /// All cells of one column.
    pub fn column(&self, column: usize) -> impl Iterator<Item = &str> {
        (0..self.rows()).map(move |row| self.cell(row, column))
    }

    fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }
}

/// Reads a data file. The error says why it is none.
pub fn read(bytes: &[u8]) -> Result<Table, String> {
    let (text, encoding, note) = decode(bytes)?;
    let trimmed = text.trim_start();
    let mut table = if trimmed.starts_with('{') || trimmed.starts_with('[') { read_json(trimmed, &text)? } else { read_csv(&text) };
    table.facts.encoding = encoding;
    table.facts.notes.extend(note);
    if trimmed.is_empty() || table.header.is_empty() {
        return Err("the file is empty: a data file has a header line and rows below it".into());
    }
    Ok(table)
}

fn decode(bytes: &[u8]) -> Result<(String, &'static str, Option<String>), String> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return Ok((String::from_utf8_lossy(rest).into_owned(), "utf-8 with byte order mark", None));
    }
    for (mark, name, big) in [(b"\xff\xfe", "utf-16le", false), (b"\xfe\xff", "utf-16be", true)] {
        if let Some(rest) = bytes.strip_prefix(mark) {
            let pair = |two: &[u8]| match two {
                [a, b] if big => u16::from_be_bytes([*a, *b]),
                [a, b] => u16::from_le_bytes([*a, *b]),
                _ => 0xfffd,
            };
            let units: Vec<u16> = rest.chunks(2).map(pair).collect();
            return Ok((String::from_utf16_lossy(&units), name, None));
        }
    }
    if bytes.iter().take(SAMPLE_BYTES).any(|byte| *byte == 0) {
        return Err("the file is binary: CSV, TSV, JSON (an array of objects) or JSON lines is expected".into());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((text.to_owned(), "utf-8", None)),
        Err(_) => {
            let note = "the file is not UTF-8 and was read as Windows-1252 (Latin-1); check letters with accents";
            Ok((bytes.iter().map(|byte| windows_1252(*byte)).collect(), "windows-1252", Some(note.into())))
        }
    }
}

/// The code points of Windows-1252, from the WHATWG index; the five unused ones stay control characters.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•',
        '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    byte.checked_sub(0x80).and_then(|at| HIGH.get(usize::from(at)).copied()).unwrap_or(char::from(byte))
}

fn read_csv(text: &str) -> Table {
    let (text, told) = match text.strip_prefix("sep=").and_then(|rest| rest.split_once('\n')) {
        Some((line, rest)) if line.trim_end().len() == 1 => (rest, line.bytes().next()),
        _ => (text, None),
    };
    let delimiter = told.unwrap_or_else(|| sniff_delimiter(text));
    let mut first_rows = records(text, delimiter).take(200);
    let Some(first) = first_rows.next() else { return Table::default() };
    let following: Vec<csv::StringRecord> = first_rows.collect();
    let has_header = looks_like_header(&first, &following);
    let usual = usual_width(following.iter().map(csv::StringRecord::len)).unwrap_or(first.len());
    let width = if has_header { first.len().max(usual) } else { usual.max(first.len()) };
    let mut table = Table { header: header(if has_header { Some(&first) } else { None }, width.min(MAX_COLUMNS)), ..Table::default() };
    table.facts = Facts { format: "csv", delimiter: Some(char::from(delimiter)), has_header, ..Facts::default() };
    if !has_header {
        table.facts.notes.push("no header line was found: columns are named column_1, column_2, …".into());
    }
    if width > MAX_COLUMNS {
        table.facts.notes.push(format!("only the first {MAX_COLUMNS} of {width} columns were read"));
    }
    if has_header && (0..first.len()).any(|at| table.header.get(at).map(String::as_str) != first.get(at).map(str::trim)) {
        table.facts.notes.push("empty or repeated column names were completed".into());
    }
    fill(&mut table, records(text, delimiter).skip(usize::from(has_header)), width);
    table
}

fn fill(table: &mut Table, records: impl Iterator<Item = csv::StringRecord>, width: usize) {
    let kept = table.header.len();
    for (at, record) in records.enumerate() {
        if table.ends.len() + kept > MAX_CELLS {
            table.facts.notes.push(format!("only the first {at} rows were read: the file has more than {MAX_CELLS} cells"));
            return;
        }
        if record.len() != width {
            table.facts.ragged += 1;
            if table.facts.ragged_rows.len() < 10 {
                table.facts.ragged_rows.push(at + 1);
            }
        }
        for column in 0..kept {
            table.push(record.get(column).unwrap_or_default());
        }
    }
}

fn records(text: &str, delimiter: u8) -> impl Iterator<Item = csv::StringRecord> {
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    // The text is valid Unicode in memory, so the only errors left cannot occur; should one, the rows before it stand.
    reader.into_records().map_while(Result::ok)
}

/// The delimiter under which most of the first records have one and the same width above 1.
fn sniff_delimiter(text: &str) -> u8 {
    let mut end = text.len().min(SAMPLE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let sample = text.get(..end).unwrap_or(text);
    let mut best = (0usize, 0usize, b',');
    for delimiter in [b',', b';', b'\t', b'|'] {
        let mut widths: Vec<usize> = records(sample, delimiter).take(200).map(|record| record.len()).collect();
        if end < text.len() {
            widths.pop();
        }
        let Some(usual) = usual_width(widths.iter().copied()).filter(|width| *width > 1) else { continue };
        let share = widths.iter().filter(|width| **width == usual).count() * 100 / widths.len().max(1);
        if (share, usual) > (best.0, best.1) {
            best = (share, usual, delimiter);
        }
    }
    best.2
}

fn usual_width(widths: impl Iterator<Item = usize>) -> Option<usize> {
    let mut counts = BTreeMap::new();
    for width in widths {
        *counts.entry(width).or_insert(0usize) += 1;
    }
    counts.into_iter().max_by_key(|(width, count)| (*count, *width)).map(|(width, _)| width)
}

/// A header has names only; years are names where the column below is not years.
fn looks_like_header(first: &csv::StringRecord, following: &[csv::StringRecord]) -> bool {
    let is_value = |cell: &str| number(cell, Mark::Dot).is_some() || number(cell, Mark::Comma).is_some() || date(cell).is_some();
    let values: Vec<&str> = first.iter().map(str::trim).filter(|cell| is_value(cell)).collect();
    if values.is_empty() {
        return first.iter().any(|cell| !cell.trim().is_empty());
    }
    let is_year = |cell: &&str| cell.len() == 4 && cell.parse::<u32>().is_ok_and(|year| (1900..2101).contains(&year));
    let a_name_comes_first = first.get(0).is_some_and(|cell| !is_value(cell.trim()));
    let differ = following.iter().take(20).all(|record| record.iter().filter(|cell| is_year(&cell.trim())).count() < values.len());
    a_name_comes_first && values.iter().all(is_year) && differ && values.len() > 1
}

/// Names for `width` columns: trimmed, on one line, completed where empty, numbered where repeated.
fn header(names: Option<&csv::StringRecord>, width: usize) -> Vec<String> {
    let given = (0..width).map(|at| names.and_then(|names| names.get(at)).unwrap_or_default());
    unique_names(given)
}

fn unique_names<'a>(given: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    let mut names = Vec::new();
    for (at, name) in given.enumerate() {
        let plain: String = name.split_whitespace().collect::<Vec<_>>().join(" ").replace(['"', '\0', '\u{feff}'], "");
        let base: String = if plain.is_empty() { format!("column_{}", at + 1) } else { plain.chars().take(120).collect() };
        let mut name = base.clone();
        let mut count = 2;
        while !taken.insert(name.to_lowercase()) {
            name = format!("{base}_{count}");
            count += 1;
        }
        names.push(name);
    }
    names
}

fn read_json(trimmed: &str, text: &str) -> Result<Table, String> {
    if text.len() > MAX_JSON_BYTES {
        return Err(format!("the JSON file is larger than {} MB; give it as CSV or in parts", MAX_JSON_BYTES / 1024 / 1024));
    }
    let expected = "an array of objects, or one object a line, is expected";
    let mut notes = Vec::new();
    let whole: Result<Value, _> = serde_json::from_str(trimmed);
    let (format, objects) = match whole {
        Ok(Value::Array(items)) => ("json", objects(items, &mut notes)),
        Ok(Value::Object(map)) => ("json", rows_within(map, &mut notes)),
        Ok(_) => return Err(format!("the JSON file holds a single value: {expected}")),
        Err(error) => {
            let lines = json_lines(trimmed, &mut notes);
            if lines.is_empty() {
                return Err(format!("the JSON cannot be read ({error}): {expected}"));
            }
            ("json lines", lines)
        }
    };
    if objects.is_empty() {
        return Err(format!("the JSON file holds no objects: {expected}"));
    }
    Ok(tabulate(format, &objects, notes))
}

fn objects(items: Vec<Value>, notes: &mut Vec<String>) -> Vec<Map<String, Value>> {
    let all = items.len();
    let rows: Vec<_> = items.into_iter().filter_map(|item| if let Value::Object(map) = item { Some(map) } else { None }).collect();
    if rows.len() < all {
        notes.push(format!("{} entries that are not objects were passed over", all - rows.len()));
    }
    rows
}

/// `{"data": [{…}, …]}`: the longest array of objects inside; else the object itself as the only row.
fn rows_within(map: Map<String, Value>, notes: &mut Vec<String>) -> Vec<Map<String, Value>> {
    let length = |value: &Value| value.as_array().map_or(0, |items| items.iter().filter(|item| item.is_object()).count());
    let longest = map.iter().map(|(name, value)| (length(value), name.clone())).filter(|(count, _)| *count > 0).max();
    match longest.and_then(|(_, name)| Some((map.get(&name)?.clone(), name))) {
        Some((Value::Array(items), name)) => {
            notes.push(format!("the rows are the entries of `{name}`"));
            objects(items, notes)
        }
        _ => vec![map],
    }
}

fn json_lines(text: &str, notes: &mut Vec<String>) -> Vec<Map<String, Value>> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let rows: Vec<Map<String, Value>> = lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let broken = lines().count() - rows.len();
    if broken > 0 && !rows.is_empty() {
        notes.push(format!("{broken} lines that are not JSON objects were passed over"));
    }
    rows
}

/// Objects as rows; objects inside are flattened one level (`address.city`), deeper ones and lists stay JSON text.
fn tabulate(format: &'static str, objects: &[Map<String, Value>], notes: Vec<String>) -> Table {
    let mut names: Vec<String> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows: Vec<Vec<(usize, String)>> = Vec::new();
    for object in objects {
        let mut row = Vec::new();
        for (name, value) in object.iter().flat_map(|(name, value)| flatten(name, value)) {
            let next = names.len();
            let at = *places.entry(name.clone()).or_insert(next);
            if at == next {
                names.push(name);
            }
            if at < MAX_COLUMNS {
                row.push((at, value));
            }
        }
        row.sort_by_key(|(at, _)| *at);
        rows.push(row);
    }
    let mut table = Table { header: unique_names(names.iter().take(MAX_COLUMNS).map(String::as_str)), ..Table::default() };
    table.facts = Facts { format, has_header: true, notes, ..Facts::default() };
    if names.len() > MAX_COLUMNS {
        table.facts.notes.push(format!("only the first {MAX_COLUMNS} of {} columns were read", names.len()));
    }
    for (at, row) in rows.into_iter().enumerate() {
        if table.ends.len() + table.header.len() > MAX_CELLS {
            table.facts.notes.push(format!("only the first {at} rows were read: the file has more than {MAX_CELLS} cells"));
            break;
        }
        let mut cells = row.into_iter().peekable();
        for column in 0..table.header.len() {
            let cell = cells.next_if(|(at, _)| *at == column).map(|(_, text)| text).unwrap_or_default();
            table.push(&cell);
        }
    }
    table
}

fn flatten(name: &str, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Object(inner) if !inner.is_empty() => inner.iter().map(|(key, value)| (format!("{name}.{key}"), cell_text(value))).collect(),
        other => vec![(name.to_owned(), cell_text(other))],
    }
}

fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
#[path = "data_read_tests.rs"]
mod tests;
