//! The shape of a table from its first rows: delimiter, column kinds, date format, decimal mark. Judges a sample; never sees the whole file.
use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::Value;

use crate::llm::offline::results::Document;
use crate::llm::offline::words;

/// Rows that are looked at.
const MOST_ROWS: usize = 400;
/// The share of cells that must fit for a column to be of a kind.
const MOST_FIT: f64 = 0.9;
/// Date formats, in the order in which they are tried; the first two of a day and month decide by the data.
const FORMATS: [&str; 12] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%Y-%m",
    "%d %b %Y",
    "%b %d, %Y",
    "%b %Y",
    "%B %Y",
    "%d.%m.%y",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    /// Numbers that name rather than measure: ids, postcodes.
    Key,
    Date,
    Category,
    Text,
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    /// Empty cells in the sample.
    pub missing: usize,
    pub distinct: usize,
    /// Up to three values as they stand.
    pub examples: Vec<String>,
}

/// A table as far as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub path: String,
    pub delimiter: char,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
    pub decimal_comma: bool,
    /// Formats of the date column; the first fits all of the sample.
    pub date_formats: Vec<&'static str>,
    /// Day and month could be either way round in every row read.
    pub ambiguous_dates: bool,
    /// Whether all of the file was read.
    pub whole: bool,
    pub is_json: bool,
}

/// Reads a document as a table; `None` when it is none.
pub fn read(document: &Document) -> Option<Table> {
    let text = document.text();
    let is_json = text.trim_start().starts_with(['[', '{']);
    let (delimiter, mut records) = if is_json { (',', json_records(&text)?) } else { delimited(&text) };
    if document.is_partial() && records.len() > 2 {
        records.pop();
    }
    let mut records = records.into_iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty()));
    let names = unique(&records.next()?);
    let rows: Vec<Vec<String>> = records.take(MOST_ROWS).map(|row| fit(row, names.len())).collect();
    if names.len() < 2 && rows.len() < 2 || rows.is_empty() {
        return None;
    }
    let decimal_comma = decimal_comma(&rows, delimiter);
    let cells = |index: usize| {
        rows.iter().filter_map(move |row| row.get(index)).map(|cell| cell.trim()).filter(|cell| !is_missing(cell)).collect::<Vec<&str>>()
    };
    let columns: Vec<Column> =
        names.iter().enumerate().map(|(index, name)| column(name, &cells(index), rows.len(), decimal_comma)).collect();
    let dates: Vec<&str> = columns.iter().position(|column| column.kind == Kind::Date).map(cells).unwrap_or_default();
    let mut date_formats = formats(&dates);
    let both = date_formats.contains(&"%d/%m/%Y") && date_formats.contains(&"%m/%d/%Y");
    if both && !decimal_comma && delimiter != ';' {
        date_formats.retain(|format| *format != "%d/%m/%Y");
        date_formats.push("%d/%m/%Y");
    }
    let whole = !document.is_partial() && rows.len() < MOST_ROWS;
    Some(Table {
        path: document.path.clone(),
        delimiter,
        columns,
        rows: rows.clone(),
        decimal_comma,
        date_formats,
        ambiguous_dates: both,
        whole,
        is_json,
    })
}

/// Cells by the delimiter that the header holds most often.
fn delimited(text: &str) -> (char, Vec<Vec<String>>) {
    let text = text.trim_start_matches('\u{feff}').replace('\0', "");
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut delimiter = ',';
    for candidate in [';', '\t', '|'] {
        if first.matches(candidate).count() > first.matches(delimiter).count() {
            delimiter = candidate;
        }
    }
    let byte = u8::try_from(delimiter).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().delimiter(byte).has_headers(false).flexible(true).from_reader(text.as_bytes());
    (delimiter, reader.records().flatten().map(|record| record.iter().map(str::to_owned).collect()).collect())
}

/// A list of objects, or the first one inside an object, with a header row of all keys.
fn json_records(text: &str) -> Option<Vec<Vec<String>>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let list = match &value {
        Value::Array(list) => list,
        Value::Object(fields) => fields.values().find_map(Value::as_array)?,
        _ => return None,
    };
    let objects: Vec<&serde_json::Map<String, Value>> = list.iter().filter_map(Value::as_object).collect();
    let mut names: Vec<String> = Vec::new();
    for key in objects.iter().flat_map(|object| object.keys()) {
        if !names.contains(key) {
            names.push(key.clone());
        }
    }
    let cell = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let rows = objects.iter().map(|object| names.iter().map(|name| cell(object.get(name))).collect());
    Some(std::iter::once(names.clone()).chain(rows).collect())
}

/// The same rule as in the generated scripts: empty headers by position, repeated ones numbered.
fn unique(header: &[String]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut name = |(index, cell): (usize, &String)| {
        let plain = cell.split_whitespace().collect::<Vec<_>>().join(" ");
        let plain = if plain.is_empty() { format!("column {}", index + 1) } else { plain };
        let count = seen.entry(plain.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { plain } else { format!("{plain} ({count})") }
    };
    header.iter().enumerate().map(&mut name).collect()
}

fn fit(mut row: Vec<String>, width: usize) -> Vec<String> {
    row.resize(width, String::new());
    row
}

pub fn is_missing(cell: &str) -> bool {
    matches!(cell.to_lowercase().as_str(), "" | "-" | "–" | "na" | "n/a" | "nan" | "null" | "none" | "?")
}

fn column(name: &str, cells: &[&str], rows: usize, decimal_comma: bool) -> Column {
    let mut distinct: Vec<&str> = cells.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let mut examples: Vec<String> = Vec::new();
    for cell in cells {
        if examples.len() < 3 && !examples.iter().any(|example| example == cell) {
            examples.push((*cell).to_owned());
        }
    }
    let share = |fits: usize| fits as f64 / cells.len().max(1) as f64 >= MOST_FIT;
    let numbers = cells.iter().filter(|cell| number(cell, decimal_comma).is_some()).count();
    let longest = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    let years = cells.iter().all(|cell| {
        cell.len() == 4 && (cell.starts_with("19") || cell.starts_with("20")) && cell.bytes().all(|byte| byte.is_ascii_digit())
    });
    let kind = if cells.is_empty() {
        Kind::Empty
    } else if !formats(cells).is_empty() || years && is_named(name, &["year", "jahr", "annee", "ano", "anno", "date"]) {
        Kind::Date
    } else if share(numbers) {
        if is_named(name, &["id", "nr", "no", "number", "zip", "postcode", "plz", "phone", "code", "index", "sku"]) {
            Kind::Key
        } else {
            Kind::Number
        }
    } else if longest <= 40 && distinct.len() <= (rows / 2).max(12) {
        Kind::Category
    } else {
        Kind::Text
    };
    Column { name: name.to_owned(), kind, missing: rows - cells.len(), distinct: distinct.len(), examples }
}

fn is_named(name: &str, known: &[&str]) -> bool {
    let spaced: String = name.chars().flat_map(|c| if c.is_uppercase() { vec![' ', c] } else { vec![c] }).collect();
    let plain = words::plain(&spaced);
    let whole = words::plain(name);
    plain.split(|c: char| !c.is_alphanumeric()).chain(whole.split(|c: char| !c.is_alphanumeric())).any(|word| known.contains(&word))
}

/// Reads a number as the generated scripts do.
pub fn number(cell: &str, decimal_comma: bool) -> Option<f64> {
    let cell = cell.trim();
    if is_missing(cell) {
        return None;
    }
    let negative = cell.starts_with('(') && cell.ends_with(')');
    let skipped =
        |c: char| c.is_whitespace() || matches!(c, '\u{a0}' | '\u{202f}' | '\'' | '’' | '_' | '€' | '$' | '£' | '¥' | '%' | '(' | ')');
    let mut plain: String = cell.replace('\u{2212}', "-").chars().filter(|c| !skipped(*c)).collect();
    let is_code = |part: Option<&str>| part.is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_uppercase()));
    if is_code(plain.get(..3)) && plain.len() > 3 {
        plain = plain.get(3..).unwrap_or_default().to_owned();
    }
    if plain.len() > 3 && is_code(plain.len().checked_sub(3).and_then(|at| plain.get(at..))) {
        plain.truncate(plain.len() - 3);
    }
    plain = if decimal_comma { plain.replace('.', "").replace(',', ".") } else { plain.replace(',', "") };
    let sane = plain.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'))
        && plain.bytes().any(|byte| byte.is_ascii_digit());
    let value: f64 = plain.parse().ok().filter(|_| sane)?;
    value.is_finite().then_some(if negative { -value } else { value })
}

/// Votes of all cells: `1.234,5` and `0,5` speak for a decimal comma, `1,234.5` and `0.5` against it.
fn decimal_comma(rows: &[Vec<String>], delimiter: char) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut votes = 0i32;
    for cell in rows.iter().flatten() {
        let plain: String = cell.chars().filter(|c| !c.is_whitespace() && !matches!(c, '€' | '$' | '£' | '-' | '+')).collect();
        let vote = |mark: char| {
            plain.rsplit_once(mark).is_some_and(|(whole, part)| {
                digits(part)
                    && digits(&whole.replace(['.', ','], ""))
                    && !whole.contains(mark)
                    && (part.len() != 3 || whole == "0" || whole.contains(['.', ',']))
            })
        };
        votes += i32::from(vote(',')) - i32::from(vote('.'));
    }
    votes > 0 || votes == 0 && delimiter == ';'
}

/// The formats that fit every cell given.
fn formats(cells: &[&str]) -> Vec<&'static str> {
    if cells.is_empty() {
        return Vec::new();
    }
    let fits = |format: &&'static str| {
        let allowed = ((1.0 - MOST_FIT) * cells.len() as f64).floor();
        let misfits = cells.iter().filter(|cell| !date(cell, format));
        // Most columns are no dates: stop at the first misfit too many.
        misfits.enumerate().all(|(index, _)| (index as f64) < allowed)
    };
    FORMATS.iter().copied().filter(fits).collect()
}

fn date(cell: &str, format: &str) -> bool {
    // A four-digit year is asked for: chrono would also read `1.2.3` as a date.
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    let day = cell
        .find(['T', ' '])
        .filter(|at| cell.get(at + 1..).is_some_and(|rest| rest.contains(':')))
        .and_then(|at| cell.get(..at))
        .unwrap_or(cell);
    let (text, format) =
        if format.contains("%d") { (day.to_owned(), format.to_owned()) } else { (format!("{day} 01"), format!("{format} %d")) };
    digits >= 4 && NaiveDate::parse_from_str(&text, &format).is_ok_and(|_| !format.contains("%Y") || has_full_year(day))
}

fn has_full_year(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|part| part.len() == 4)
}

impl Table {
    /// The columns to add up, most telling first: named in the goal, then by usual names.
    pub fn values(&self, goal: &str) -> Vec<&Column> {
        const USUAL: [&str; 14] = [
            "revenue", "sales", "amount", "total", "umsatz", "betrag", "turnover", "price", "preis", "cost", "value", "sum", "quantity",
            "count",
        ];
        let numbers = self.columns.iter().filter(|column| column.kind == Kind::Number);
        let mut ordered: Vec<&Column> = numbers.collect();
        let rank = |column: &&Column| {
            let usual = USUAL.iter().position(|word| words::plain(&column.name).contains(word)).unwrap_or(USUAL.len());
            (!is_in(goal, &column.name), usual)
        };
        ordered.sort_by_key(rank);
        ordered.truncate(4);
        ordered
    }

    /// The columns to group by: named in the goal, then those with the fewest values.
    pub fn categories(&self, goal: &str) -> Vec<&Column> {
        let mut ordered: Vec<&Column> = self.columns.iter().filter(|column| column.kind == Kind::Category && column.distinct > 1).collect();
        ordered.sort_by_key(|column| (!is_in(goal, &column.name), column.distinct));
        ordered.truncate(3);
        ordered
    }

    pub fn date(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.kind == Kind::Date)
    }

    /// Formats for `strptime`; a bare year only if the column holds nothing else.
    pub fn formats(&self) -> Vec<&'static str> {
        if self.date_formats.is_empty() && self.date().is_some() { vec!["%Y"] } else { self.date_formats.clone() }
    }

    pub fn index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The sum of a column over some rows; without a column, the number of rows.
    pub fn total(&self, name: Option<&str>, rows: &[Vec<String>]) -> f64 {
        match name.and_then(|name| self.index(name)) {
            None => rows.len() as f64,
            Some(index) => rows.iter().filter_map(|row| number(row.get(index)?, self.decimal_comma)).sum(),
        }
    }
}

fn is_in(goal: &str, name: &str) -> bool {
    let goal = words::stem_set(goal);
    words::stems(name).iter().any(|stem| goal.contains(stem))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
