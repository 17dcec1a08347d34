//! What a column holds: whole numbers, numbers, booleans, dates or texts, and how each of its cells is then read. Knows no file and no SQL.
use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::Datelike;

use super::data_cell::{DateReading, Mark, Order, date, is_boolean, is_infinite, is_missing_word, number};
use super::data_read::Table;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Number,
    Boolean,
    Date,
    Text,
    /// No cell has a value.
    Empty,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Text => "text",
            Kind::Empty => "empty",
        }
    }
}

/// How the dates of a column are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateStyle {
    /// `YYYY-MM-DD`, `DD/MM/YYYY`, …, or `mixed`.
    pub format: String,
    pub has_time: bool,
    /// Day and month could be swapped in every cell, so the order is a guess.
    pub ambiguous: bool,
    /// Where a cell allows both, the day comes first.
    day_first: bool,
    mixed: bool,
    order: Order,
}

/// A column and how to read it.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub mark: Mark,
    pub date: Option<DateStyle>,
    /// Cells without a value, words like `NA` included where they are none.
    pub missing: usize,
    /// Cells that do not fit the type; read as missing.
    pub invalid: usize,
    pub invalid_examples: Vec<String>,
    /// The currency or percent sign written beside the numbers.
    pub unit: Option<char>,
    pub notes: Vec<String>,
}

/// A cell as read.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    Missing,
    Invalid,
    Integer(i64),
    Number(f64),
    Text(Cow<'a, str>),
}

impl Cell<'_> {
    #[allow(clippy::cast_precision_loss, reason = "statistics are computed in floating point")]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Cell::Integer(value) => Some(*value as f64),
            Cell::Number(value) => Some(*value),
            _ => None,
        }
    }
}

/// Looks at every cell of every column.
pub fn columns(table: &Table) -> Vec<Column> {
    let tallies: Vec<Tally> = (0..table.header.len()).map(|column| Tally::of(table, column)).collect();
    // A column that can only be read with a decimal comma decides for those that could be read both ways.
    let comma_file = tallies.iter().any(|tally| tally.fits(tally.comma) && !tally.fits(tally.dot)) && {
        let dots_only = |tally: &Tally| tally.fits(tally.dot) && !tally.fits(tally.comma);
        !tallies.iter().any(dots_only)
    };
    tallies.iter().zip(&table.header).enumerate().map(|(at, (tally, name))| tally.decide(table, at, name, comma_file)).collect()
}

/// Counts over the cells of one column.
#[derive(Default)]
struct Tally {
    /// Cells with any text that is not a word for "missing".
    filled: usize,
    blank: usize,
    missing_words: usize,
    infinite: usize,
    dot: usize,
    comma: usize,
    integers: usize,
    /// Numbers with a separator that reads differently under the two marks.
    unclear_marks: usize,
    booleans: usize,
    dates: usize,
    orders: BTreeMap<Order, usize>,
    swappable: usize,
    /// Steps backwards in file order under each reading of swappable dates: real files tend to be sorted.
    backwards: [usize; 2],
    /// Dates on the first of a month under each reading: monthly data has nothing else.
    firsts: [usize; 2],
    unit: Option<char>,
    sample: Option<DateReading>,
    has_time: bool,
    has_offset: bool,
}

impl Tally {
    fn of(table: &Table, column: usize) -> Tally {
        let mut tally = Tally::default();
        // A kind that failed this often is out: its reader need not be asked again.
        let allowed = table.rows() / 20 + 1;
        let mut before = [None, None];
        for text in table.column(column).map(str::trim) {
            if text.is_empty() {
                tally.blank += 1;
            } else if is_missing_word(text) {
                tally.missing_words += 1;
            } else if is_infinite(text) {
                tally.infinite += 1;
            } else {
                tally.look(text, allowed, &mut before);
            }
        }
        tally
    }

    fn look(&mut self, text: &str, allowed: usize, before: &mut [Option<super::data_cell::Moment>; 2]) {
        self.filled += 1;
        if self.filled - self.dot.max(self.comma) <= allowed + 1 {
            let dot = number(text, Mark::Dot);
            // Without a dot or comma both marks read the same.
            let comma = if text.contains(['.', ',']) { number(text, Mark::Comma) } else { dot };
            self.dot += usize::from(dot.is_some());
            self.comma += usize::from(comma.is_some());
            self.unclear_marks += usize::from(dot.zip(comma).is_some_and(|(dot, comma)| dot.value != comma.value));
            self.integers += usize::from(dot.or(comma).is_some_and(|number| number.integer.is_some()));
            self.unit = self.unit.or(dot.or(comma).and_then(|number| number.unit));
        }
        if self.filled - self.booleans <= allowed + 1 {
            self.booleans += usize::from(is_boolean(text));
        }
        if self.filled - self.dates <= allowed + 1
            && let Some(reading) = date(text)
        {
            self.take_date(reading, before);
        }
    }

    fn take_date(&mut self, reading: DateReading, before: &mut [Option<super::data_cell::Moment>; 2]) {
        self.dates += 1;
        for (order, _) in [Some(reading.first), reading.other].into_iter().flatten() {
            *self.orders.entry(order).or_default() += 1;
        }
        self.swappable += usize::from(reading.other.is_some());
        self.has_time |= reading.first.1.seconds.is_some();
        self.has_offset |= reading.has_offset;
        let counts = self.backwards.iter_mut().zip(&mut self.firsts);
        for ((order, before), (backwards, firsts)) in [Order::DayMonthYear, Order::MonthDayYear].into_iter().zip(before).zip(counts) {
            let now = reading.under(order);
            *firsts += usize::from(now.is_some_and(|now| now.day.day() == 1));
            *backwards += usize::from(before.zip(now).is_some_and(|(before, now)| now < before));
            *before = now.or(*before);
        }
        self.sample.get_or_insert(reading);
    }

    /// Whether `count` cells are (nearly) all of them: one in twenty may be off in columns of twenty and more.
    fn fits(&self, count: usize) -> bool {
        let off = self.filled - count.min(self.filled);
        count > 0 && (off == 0 || self.filled >= 20 && off * 20 <= self.filled)
    }

    fn decide(&self, table: &Table, at: usize, name: &str, comma_file: bool) -> Column {
        let (kind, mark, date) = self.kind(name, comma_file);
        let words_are_missing = !matches!(kind, Kind::Text);
        let missing = self.blank + if words_are_missing { self.missing_words } else { 0 };
        let mut column = Column {
            name: name.to_owned(),
            kind,
            mark,
            date,
            missing,
            invalid: 0,
            invalid_examples: Vec::new(),
            unit: self.unit.filter(|_| matches!(kind, Kind::Integer | Kind::Number)),
            notes: Vec::new(),
        };
        self.find_invalid(table, at, &mut column);
        self.note(&mut column);
        column
    }

    fn kind(&self, name: &str, comma_file: bool) -> (Kind, Mark, Option<DateStyle>) {
        if self.filled == 0 {
            let kind = if self.infinite > 0 { Kind::Number } else { Kind::Empty };
            return (kind, Mark::Dot, None);
        }
        let only_compact = self.orders.len() == 1 && self.orders.contains_key(&Order::Compact);
        let named_date = ["date", "day", "time", "datum", "dt"].iter().any(|word| name.to_lowercase().contains(word));
        if self.fits(self.dates) && (!only_compact || named_date) {
            return (Kind::Date, Mark::Dot, Some(self.date_style()));
        }
        let mark = if self.fits(self.dot) && !(self.fits(self.comma) && comma_file) { Mark::Dot } else { Mark::Comma };
        let numbers = if mark == Mark::Dot { self.dot } else { self.comma };
        if self.fits(numbers) {
            // With a decimal comma `1.234` is whole; counting under the other mark would miss that.
            let whole = if self.unclear_marks == 0 { self.integers >= numbers } else { mark == Mark::Dot && self.integers >= numbers };
            let whole = whole && self.infinite == 0;
            return (if whole { Kind::Integer } else { Kind::Number }, mark, None);
        }
        if self.booleans == self.filled {
            return (Kind::Boolean, Mark::Dot, None);
        }
        (Kind::Text, Mark::Dot, None)
    }

    fn date_style(&self) -> DateStyle {
        let count = |order: Order| self.orders.get(&order).copied().unwrap_or(0);
        let (day, month) = (count(Order::DayMonthYear), count(Order::MonthDayYear));
        let separator = self.sample.map_or('-', |sample| sample.separator);
        let day_first = match day.cmp(&month) {
            std::cmp::Ordering::Equal if (self.firsts[0] == day) != (self.firsts[1] == day) => self.firsts[0] == day,
            std::cmp::Ordering::Equal if self.backwards[0] != self.backwards[1] => self.backwards[0] < self.backwards[1],
            std::cmp::Ordering::Equal => separator != '/',
            unequal => unequal.is_gt(),
        };
        let best = self.orders.iter().max_by_key(|(order, count)| (**count, (**order == Order::DayMonthYear) == day_first));
        let order = best.map_or(Order::YearMonthDay, |(order, _)| *order);
        let mixed = !self.fits(count(order));
        let short_year = self.sample.is_some_and(|sample| sample.short_year);
        let format = if mixed { "mixed".to_owned() } else { label(order, separator, short_year, self.has_time) };
        DateStyle { format, has_time: self.has_time, ambiguous: day == month && self.swappable > 0, day_first, mixed, order }
    }

    fn find_invalid(&self, table: &Table, at: usize, column: &mut Column) {
        let off = match column.kind {
            Kind::Integer | Kind::Number => self.filled != if column.mark == Mark::Dot { self.dot } else { self.comma },
            Kind::Date => self.filled != self.dates || column.date.as_ref().is_some_and(|style| !style.mixed),
            _ => false,
        };
        if !off && self.infinite == 0 {
            return;
        }
        for text in table.column(at) {
            if column.read(text) == Cell::Invalid {
                column.invalid += 1;
                let shown: String = text.chars().take(40).collect();
                if column.invalid_examples.len() < 3 && !column.invalid_examples.contains(&shown) {
                    column.invalid_examples.push(shown);
                }
            }
        }
    }

    fn note(&self, column: &mut Column) {
        let mut notes = Vec::new();
        if matches!(column.kind, Kind::Integer | Kind::Number) && self.unclear_marks > 0 && self.fits(self.dot) && self.fits(self.comma) {
            let read = if column.mark == Mark::Dot { "a dot as decimal mark" } else { "a comma as decimal mark" };
            notes.push(format!("numbers like `1,234` or `1.234` could be read two ways; they were read with {read}"));
        }
        if let Some(style) = &column.date {
            if style.ambiguous {
                let (read, other) = if style.day_first { ("day first", "month first") } else { ("month first", "day first") };
                notes.push(format!("day and month could be swapped in every date; they were read {read}, {other} is possible"));
            } else if style.mixed {
                notes.push("dates are written in several ways; each was read in its own".into());
            }
            if self.has_offset {
                notes.push("times are as written; their UTC offsets were dropped".into());
            }
        }
        if column.kind != Kind::Text && self.missing_words > 0 {
            notes.push(format!("{} cells with a word like NA count as missing", self.missing_words));
        }
        column.notes = notes;
    }
}

fn label(order: Order, separator: char, short_year: bool, has_time: bool) -> String {
    let year = if short_year { "YY" } else { "YYYY" };
    let day = match order {
        Order::YearMonthDay => format!("YYYY{separator}MM{separator}DD"),
        Order::DayMonthYear => format!("DD{separator}MM{separator}{year}"),
        Order::MonthDayYear => format!("MM{separator}DD{separator}{year}"),
        Order::DayNameYear => format!("D Mon {year}"),
        Order::NameDayYear => format!("Mon D, {year}"),
        Order::YearMonth => format!("YYYY{separator}MM"),
        Order::NameYear => "Mon YYYY".to_owned(),
        Order::MonthYear => format!("MM{separator}YYYY"),
        Order::Compact => "YYYYMMDD".to_owned(),
    };
    if has_time { format!("{day} hh:mm") } else { day }
}

impl Column {
    /// Reads one cell of this column. Texts stay as they stand in the file; dates become ISO text.
    pub fn read<'a>(&self, text: &'a str) -> Cell<'a> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Cell::Missing;
        }
        let missing = || if is_missing_word(trimmed) { Cell::Missing } else { Cell::Invalid };
        match self.kind {
            Kind::Text => Cell::Text(Cow::Borrowed(text)),
            Kind::Boolean => {
                if is_missing_word(trimmed) {
                    Cell::Missing
                } else {
                    Cell::Text(Cow::Borrowed(trimmed))
                }
            }
            Kind::Integer | Kind::Number => match number(trimmed, self.mark) {
                None => missing(),
                Some(number) => match (self.kind, number.integer) {
                    (Kind::Integer, Some(integer)) => Cell::Integer(integer),
                    _ => Cell::Number(number.value),
                },
            },
            Kind::Date => match date(trimmed).and_then(|reading| self.moment(&reading)) {
                Some(moment) => Cell::Text(Cow::Owned(moment.iso())),
                None => missing(),
            },
            Kind::Empty => missing(),
        }
    }

    fn moment(&self, reading: &DateReading) -> Option<super::data_cell::Moment> {
        let style = self.date.as_ref()?;
        if !style.mixed {
            return reading.under(style.order);
        }
        let preferred = if style.day_first { Order::DayMonthYear } else { Order::MonthDayYear };
        reading.under(preferred).or(Some(reading.first.1))
    }
}

#[cfg(test)]
#[path = "data_infer_tests.rs"]
mod tests;
