//! The profile of a data file: what each column holds, in numbers computed exactly over every row, and what is odd. Writes nothing.
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use chrono::{Datelike, NaiveDate};
use serde::Serialize;

use super::data_infer::{Cell, Column, Kind, columns};
use super::data_read::Table;
use super::tool::MAX_RESULT_BYTES;

/// Columns shown at the most.
pub const MAX_SHOWN_COLUMNS: usize = 60;

/// The answer of `profile_data`.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    pub path: String,
    /// The table's name in `query_data`.
    pub table: String,
    pub format: &'static str,
    pub encoding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    pub header: bool,
    pub rows: usize,
    pub columns: usize,
    /// Rows equal in every cell to an earlier one.
    pub duplicate_rows: usize,
    /// Rows with more or fewer cells than the header.
    pub ragged_rows: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ragged_examples: Vec<usize>,
    /// Columns whose values are all there and all different.
    pub likely_keys: Vec<String>,
    pub constant_columns: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    pub profile: Vec<ColumnProfile>,
}

/// One column of a profile.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnProfile {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub missing: usize,
    /// Different values, missing ones not counted.
    pub distinct: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub invalid: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invalid_examples: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<char>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub dates: Option<Dates>,
    /// The most frequent values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<Top>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Statistics of a number column. Quartiles interpolate linearly between ranks (R's type 7); the deviation is the sample's (n − 1).
#[derive(Debug, Clone, Serialize)]
pub struct Numbers {
    pub min: f64,
    pub q1: f64,
    pub median: f64,
    pub q3: f64,
    pub max: f64,
    pub mean: f64,
    pub stddev: f64,
    pub sum: f64,
    pub negative: usize,
    pub zero: usize,
    pub outliers: Outliers,
}

/// Values more than 1.5 interquartile ranges outside the quartiles.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outliers {
    pub count: usize,
    pub below: f64,
    pub above: f64,
    /// The farthest ones; rows count from 1 after the header.
    pub farthest: Vec<Outlier>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Outlier {
    pub row: usize,
    pub value: f64,
}

/// The span of a date column.
#[derive(Debug, Clone, Serialize)]
pub struct Dates {
    pub date_format: String,
    pub first: String,
    pub last: String,
    /// `daily`, `weekly`, `monthly`, `quarterly`, `yearly`, `irregular` or `single`.
    pub granularity: &'static str,
    pub ambiguous: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct Top {
    pub value: String,
    pub count: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Profiles a table read from `path`.
pub fn profile(table: &Table, path: &str, table_name: &str) -> Profile {
    let found = columns(table);
    let mut notes = table.facts.notes.clone();
    if found.len() > MAX_SHOWN_COLUMNS {
        notes.push(format!("only the first {MAX_SHOWN_COLUMNS} of {} columns are shown", found.len()));
    }
    let shown: Vec<ColumnProfile> =
        found.iter().take(MAX_SHOWN_COLUMNS).enumerate().map(|(at, column)| describe(table, at, column)).collect();
    let rows = table.rows();
    let is_key = |column: &&ColumnProfile| rows > 1 && column.distinct == rows && column.missing == 0 && column.kind != "number";
    let names = |wanted: &dyn Fn(&&ColumnProfile) -> bool| shown.iter().filter(wanted).map(|column| column.name.clone()).collect();
    Profile {
        path: path.to_owned(),
        table: table_name.to_owned(),
        format: table.facts.format,
        encoding: table.facts.encoding,
        delimiter: table.facts.delimiter,
        header: table.facts.has_header,
        rows,
        columns: found.len(),
        duplicate_rows: duplicates(table),
        ragged_rows: table.facts.ragged,
        ragged_examples: table.facts.ragged_rows.clone(),
        likely_keys: names(&is_key),
        constant_columns: names(&|column| rows > 1 && column.distinct == 1),
        notes,
        profile: shown,
    }
}

impl Profile {
    /// The profile as JSON that fits in a tool's result: frequent values go first, then columns, and a note says so.
    pub fn to_json(&self) -> String {
        let mut profile = self.clone();
        for (values, kept) in [(8, 60), (4, 60), (2, 60), (0, 60), (0, 40), (0, 20), (0, 8), (0, 1)] {
            if profile.profile.len() > kept {
                profile.profile.truncate(kept);
                profile.notes.retain(|note| !note.starts_with("only the first"));
                profile.notes.push(format!("only the first {kept} of {} columns are shown", profile.columns));
                profile.likely_keys.truncate(kept);
                profile.constant_columns.truncate(kept);
            }
            profile.profile.iter_mut().for_each(|column| column.top.truncate(values));
            let text = serde_json::to_string(&profile).unwrap_or_default();
            if text.len() <= MAX_RESULT_BYTES {
                return text;
            }
        }
        format!("{{\"path\":{:?},\"rows\":{},\"columns\":{},\"profile\":[]}}", self.path, self.rows, self.columns)
    }
}

/// Equal values are one key: numbers by value, everything else by text.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Number(u64),
    Text(Cow<'a, str>),
}

fn describe(table: &Table, at: usize, column: &Column) -> ColumnProfile {
    let mut counts: HashMap<Key<'_>, (usize, usize)> = HashMap::new();
    let mut values: Vec<(f64, usize)> = Vec::new();
    for (row, text) in table.column(at).enumerate() {
        let cell = column.read(text);
        let key = match (cell.as_number(), cell) {
            (Some(number), _) => {
                values.push((number, row + 1));
                Key::Number(number.to_bits())
            }
            (None, Cell::Text(text)) => Key::Text(text),
            _ => continue,
        };
        counts.entry(key).or_insert((0, row)).0 += 1;
    }
    let mut notes = column.notes.clone();
    if column.kind == Kind::Text {
        notes.extend(spelling_note(&counts));
    }
    ColumnProfile {
        name: column.name.clone(),
        kind: column.kind.as_str(),
        missing: column.missing,
        distinct: counts.len(),
        invalid: column.invalid,
        invalid_examples: column.invalid_examples.clone(),
        unit: column.unit,
        dates: span(column, &counts),
        top: top(table, at, &counts),
        numbers: numbers(values),
        notes,
    }
}

/// The most frequent values as they are written; none when every value occurs once.
fn top(table: &Table, at: usize, counts: &HashMap<Key<'_>, (usize, usize)>) -> Vec<Top> {
    let mut entries: Vec<(usize, usize)> = counts.values().copied().filter(|(count, _)| *count > 1 || counts.len() <= 8).collect();
    entries.sort_by_key(|(count, row)| (std::cmp::Reverse(*count), *row));
    let shorten = |text: &str| -> String { text.trim().chars().take(60).collect() };
    entries.into_iter().take(8).map(|(count, row)| Top { value: shorten(table.cell(row, at)), count }).collect()
}

/// Texts that differ only in case or surrounding spaces are usually one value.
fn spelling_note(counts: &HashMap<Key<'_>, (usize, usize)>) -> Option<String> {
    if counts.len() > 500 {
        return None;
    }
    let mut folded: HashMap<String, Vec<&str>> = HashMap::new();
    for key in counts.keys() {
        if let Key::Text(text) = key {
            folded.entry(text.trim().to_lowercase()).or_default().push(text);
        }
    }
    let mut several: Vec<Vec<&str>> = folded.into_values().filter(|spellings| spellings.len() > 1).collect();
    several.iter_mut().for_each(|spellings| spellings.sort_unstable());
    several.sort();
    let first = several.first()?;
    let shown: Vec<String> = first.iter().take(4).map(|text| format!("{:?}", text.chars().take(30).collect::<String>())).collect();
    Some(format!("{} values are written in several ways (case or spaces), for example {}", several.len(), shown.join(", ")))
}

fn numbers(mut values: Vec<(f64, usize)>) -> Option<Numbers> {
    values.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (min, max) = (values.first()?.0, values.last()?.0);
    let count = to_f64(values.len());
    let sum = exact_sum(values.iter().map(|(value, _)| *value));
    let mean = finite(sum / count).clamp(min, max);
    let squares = exact_sum(values.iter().map(|(value, _)| (value - mean) * (value - mean)));
    let stddev = if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
    let (q1, q3) = (quantile(&values, 0.25), quantile(&values, 0.75));
    let (sum, mean, stddev) = (finite(sum), finite(mean), finite(stddev));
    Some(Numbers {
        min,
        q1,
        median: quantile(&values, 0.5),
        q3,
        max,
        mean,
        stddev,
        sum,
        negative: values.iter().filter(|(value, _)| *value < 0.0).count(),
        zero: values.iter().filter(|(value, _)| *value == 0.0).count(),
        outliers: outliers(&values, q1, q3),
    })
}

/// JSON has no infinities: sums that overflow stop at the largest number.
fn finite(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) }
}

/// Neumaier's compensated sum: exact to the last digits also where large and small values meet.
fn exact_sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0f64);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + lost
}

#[allow(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

fn quantile(sorted: &[(f64, usize)], share: f64) -> f64 {
    let place = to_f64(sorted.len().saturating_sub(1)) * share;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the place lies within the slice")]
    let below = place.floor() as usize;
    let low = sorted.get(below).map_or(0.0, |(value, _)| *value);
    let high = sorted.get(below + 1).map_or(low, |(value, _)| *value);
    // Weighing the two ends, not their difference, cannot overflow.
    let weight = place - place.floor();
    if low == high { low } else { low * (1.0 - weight) + high * weight }
}

fn outliers(sorted: &[(f64, usize)], q1: f64, q3: f64) -> Outliers {
    let spread = q3 - q1;
    let (below, above) = (finite(q1 - 1.5 * spread), finite(q3 + 1.5 * spread));
    // With half of the values equal, every other value would be an outlier; with a handful, the quartiles mean little.
    if spread <= 0.0 || sorted.len() < 8 {
        return Outliers { below, above, ..Outliers::default() };
    }
    let mut found: Vec<(f64, usize)> = sorted.iter().copied().filter(|(value, _)| *value < below || *value > above).collect();
    let distance = |value: f64| if value < below { below - value } else { value - above };
    found.sort_by(|a, b| distance(b.0).total_cmp(&distance(a.0)).then(a.1.cmp(&b.1)));
    let farthest = found.iter().take(3).map(|(value, row)| Outlier { row: *row, value: *value }).collect();
    Outliers { count: found.len(), below, above, farthest }
}

fn span(column: &Column, counts: &HashMap<Key<'_>, (usize, usize)>) -> Option<Dates> {
    let style = column.date.as_ref()?;
    let mut moments: Vec<&str> =
        counts.keys().filter_map(|key| if let Key::Text(text) = key { Some(text.as_ref()) } else { None }).collect();
    moments.sort_unstable();
    let mut days: Vec<NaiveDate> = moments.iter().filter_map(|iso| NaiveDate::parse_from_str(iso.get(..10)?, "%Y-%m-%d").ok()).collect();
    days.dedup();
    Some(Dates {
        date_format: style.format.clone(),
        first: (*moments.first()?).to_owned(),
        last: (*moments.last()?).to_owned(),
        granularity: granularity(&days),
        ambiguous: style.ambiguous,
    })
}

/// How far apart the different days lie; `days` are sorted and different.
fn granularity(days: &[NaiveDate]) -> &'static str {
    if days.len() < 2 {
        return "single";
    }
    let all = |fits: &dyn Fn(&NaiveDate) -> bool| days.iter().all(fits);
    let month_ends = all(&|day| day.succ_opt().is_some_and(|next| next.day() == 1));
    if all(&|day| day.day() == 1) || month_ends {
        let quarters = all(&|day| day.month0().is_multiple_of(3)) || all(&|day| day.month().is_multiple_of(3));
        let one_month = all(&|day| Some(day.month()) == days.first().map(Datelike::month));
        return if one_month {
            "yearly"
        } else if quarters {
            "quarterly"
        } else {
            "monthly"
        };
    }
    let mut gaps: Vec<i64> = days.windows(2).filter_map(|pair| if let [a, b] = pair { Some((*b - *a).num_days()) } else { None }).collect();
    if gaps.iter().all(|gap| gap % 7 == 0) {
        return "weekly";
    }
    gaps.sort_unstable();
    // Business days leave weekends out, and a quiet day happens: two days apart at the median still is daily data.
    if gaps.get(gaps.len() / 2).is_some_and(|gap| *gap <= 2) { "daily" } else { "irregular" }
}

struct Row<'a> {
    table: &'a Table,
    row: usize,
}

impl Row<'_> {
    fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.table.header.len()).map(|column| self.table.cell(self.row, column))
    }
}

impl Hash for Row<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cells().for_each(|cell| cell.hash(state));
    }
}

impl PartialEq for Row<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cells().eq(other.cells())
    }
}

impl Eq for Row<'_> {}

fn duplicates(table: &Table) -> usize {
    let mut seen = HashSet::with_capacity(table.rows());
    (0..table.rows()).filter(|row| !seen.insert(Row { table, row: *row })).count()
}

#[cfg(test)]
#[path = "data_profile_tests.rs"]
mod tests;
