//! One cell of a data file: whether its text is a number, a date or nothing, and under which reading. Knows no column and no file.
use chrono::{Datelike, NaiveDate};

/// The decimal mark of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mark {
    #[default]
    Dot,
    Comma,
}

/// A number as read under one decimal mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    pub value: f64,
    /// Set when the text is a whole number that fits.
    pub integer: Option<i64>,
    /// A currency or percent sign beside the digits; it is dropped from the value.
    pub unit: Option<char>,
}

/// Words that stand for "no value" in columns of numbers and dates.
pub fn is_missing_word(text: &str) -> bool {
    let words = ["na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", "?", "missing", "unknown", "#value!", "#div/0!", "\\n"];
    text.len() <= 8 && words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Infinities in any spelling: no statistics can be made with them.
pub fn is_infinite(text: &str) -> bool {
    let bare = text.trim_start_matches(['+', '-']);
    ["inf", "infinity", "∞"].iter().any(|word| bare.eq_ignore_ascii_case(word))
}

pub fn is_boolean(text: &str) -> bool {
    ["true", "false", "yes", "no", "y", "n", "t", "f"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Reads `text` (trimmed) as a number with thousands separators, a sign, a currency or percent sign, or accounting brackets.
/// Numbers with leading zeros and whole numbers beyond 64 bits are none: they are identifiers and would lose digits.
pub fn number(text: &str, mark: Mark) -> Option<Number> {
    if let Some(plain) = plain_number(text, mark) {
        return Some(plain);
    }
    if !text.bytes().any(|byte| byte.is_ascii_digit()) || text.len() > 60 {
        return None;
    }
    let (body, bracketed) = match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => (inner.trim(), true),
        None => (text, false),
    };
    let (body, minus_outside) = sign(body);
    let (body, unit) = unit(body);
    let (body, minus_inside) = if unit.is_some() { sign(body) } else { (body, false) };
    let negative = bracketed || minus_outside || minus_inside;
    if !body.starts_with(|c: char| c.is_ascii_digit() || c == mark_char(mark)) {
        return None;
    }
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (body.get(..at)?, Some(body.get(at + 1..)?)),
        None => (body, None),
    };
    let (whole, fraction) = match mantissa.split_once(mark_char(mark)) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = ungrouped(whole, mark)?;
    let fraction_digits = fraction.unwrap_or_default();
    let plain = fraction_digits.bytes().all(|byte| byte.is_ascii_digit()) && exponent.is_none_or(is_exponent);
    if !plain || digits.is_empty() && fraction_digits.is_empty() {
        return None;
    }
    let minus = if negative { "-" } else { "" };
    if fraction.is_none() && exponent.is_none() {
        let integer: i64 = format!("{minus}{digits}").parse().ok()?;
        return Some(Number { value: integer as f64, integer: Some(integer), unit });
    }
    let value: f64 = format!("{minus}{digits}.{fraction_digits}e{}", exponent.unwrap_or("0")).parse().ok()?;
    value.is_finite().then_some(Number { value, integer: None, unit })
}

/// Most cells of large files: digits, perhaps with a sign and a decimal dot. Takes no copy of the text; what it does not know, the full reader decides.
fn plain_number(text: &str, mark: Mark) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let padded = digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    if digits.is_empty() || digits.len() > 18 || padded || !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let integer: i64 = text.parse().ok()?;
        return Some(Number { value: integer as f64, integer: Some(integer), unit: None });
    }
    let (whole, fraction) = digits.split_once('.').filter(|_| mark == Mark::Dot)?;
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    (all_digits && !fraction.is_empty()).then(|| text.parse().ok()).flatten().map(|value| Number { value, integer: None, unit: None })
}

fn mark_char(mark: Mark) -> char {
    match mark {
        Mark::Dot => '.',
        Mark::Comma => ',',
    }
}

fn sign(text: &str) -> (&str, bool) {
    match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (rest.trim_start(), true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    }
}

fn unit(text: &str) -> (&str, Option<char>) {
    let signs = ['$', '€', '£', '¥', '₹', '%'];
    if let Some(first) = text.chars().next().filter(|c| signs.contains(c)) {
        return (text.get(first.len_utf8()..).unwrap_or_default().trim_start(), Some(first));
    }
    match text.chars().next_back().filter(|c| signs.contains(c)) {
        Some(last) => (text.strip_suffix(last).unwrap_or(text).trim_end(), Some(last)),
        None => (text, None),
    }
}

fn is_exponent(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits of the whole part without its thousands separators; `None` where the groups are not groups of three.
fn ungrouped(whole: &str, mark: Mark) -> Option<String> {
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    if whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(whole.to_owned());
    }
    let separator = whole.chars().find(|c| !c.is_ascii_digit())?;
    let dot_or_comma = if mark == Mark::Dot { ',' } else { '.' };
    if separator != dot_or_comma && !matches!(separator, ' ' | '\'' | '’' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '_') {
        return None;
    }
    let mut groups = whole.split(separator);
    let first = groups.next()?;
    let digits_only = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    if first.is_empty() || first.len() > 3 || !digits_only(first) || !groups.all(|group| group.len() == 3 && digits_only(group)) {
        return None;
    }
    Some(whole.replace(separator, ""))
}

/// The order of the parts of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    YearMonthDay,
    DayMonthYear,
    MonthDayYear,
    /// `31 Jan 2024`
    DayNameYear,
    /// `Jan 31, 2024`
    NameDayYear,
    /// `2024-01`
    YearMonth,
    /// `Jan 2024`
    NameYear,
    /// `01/2024`
    MonthYear,
    /// `20240131`
    Compact,
}

/// A day and, if the text has one, a wall-clock time. UTC offsets are read and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub day: NaiveDate,
    /// Seconds after midnight.
    pub seconds: Option<u32>,
}

impl Moment {
    /// `2024-01-31`, or `2024-01-31 14:00:00`: what SQLite's date functions read.
    pub fn iso(&self) -> String {
        // Written by hand: chrono's formatter takes several times as long, and a large file has a date in every row.
        let day = format!("{:04}-{:02}-{:02}", self.day.year(), self.day.month(), self.day.day());
        match self.seconds {
            None => day,
            Some(seconds) => format!("{day} {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        }
    }
}

/// What a text can be as a date: one reading, or two where day and month could be swapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateReading {
    pub first: (Order, Moment),
    pub other: Option<(Order, Moment)>,
    /// The separator between the parts, a space for dates with names.
    pub separator: char,
    pub short_year: bool,
    pub has_offset: bool,
}

impl DateReading {
    /// The moment under `order`, if that reading is possible.
    pub fn under(&self, order: Order) -> Option<Moment> {
        [Some(self.first), self.other].into_iter().flatten().find(|(found, _)| *found == order).map(|(_, moment)| moment)
    }
}

/// Reads `text` (trimmed) as a date or date and time in any of the known orders.
pub fn date(text: &str) -> Option<DateReading> {
    if !(6..=40).contains(&text.len()) || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.is_ascii() {
        return None;
    }
    if let Some(day) = plain_date(text) {
        let first = (Order::YearMonthDay, Moment { day, seconds: None });
        return Some(DateReading { first, other: None, separator: '-', short_year: false, has_offset: false });
    }
    let (day_text, time_text) = split_time(text);
    let (seconds, has_offset) = match time_text {
        Some(time) => {
            let (seconds, has_offset) = time_of_day(time)?;
            (Some(seconds), has_offset)
        }
        None => (None, false),
    };
    let separator = day_text.chars().find(|c| !c.is_ascii_alphanumeric()).unwrap_or(' ');
    let fields: Vec<&str> = day_text.split(['-', '/', '.', ' ', ',']).filter(|field| !field.is_empty()).take(4).collect();
    let (first, other, short_year) = match fields.as_slice() {
        [one] => (compact(one)?, None, false),
        [one, two] => (two_fields(one, two, separator)?, None, false),
        [one, two, three] => three_fields(one, two, three)?,
        _ => return None,
    };
    let moment = |(order, day): (Order, NaiveDate)| (order, Moment { day, seconds });
    Some(DateReading { first: moment(first), other: other.map(moment), separator, short_year, has_offset })
}

/// `2024-01-31` alone, the most frequent form, read without parting the text.
fn plain_date(text: &str) -> Option<NaiveDate> {
    match text.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _] => ymd(year(text.get(..4)?)?, small(text.get(5..7)?)?, small(text.get(8..)?)?),
        _ => None,
    }
}

/// Parts the day from the time: the time starts at the digits before the first colon.
fn split_time(text: &str) -> (&str, Option<&str>) {
    let Some(colon) = text.find(':') else { return (text, None) };
    let start = text.get(..colon).unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let day = text.get(..start).unwrap_or_default().trim_end_matches(['T', 't', ' ', ',']);
    (day, text.get(start..))
}

fn time_of_day(text: &str) -> Option<(u32, bool)> {
    let clock_end = text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(text.len());
    let (clock, rest) = text.split_at_checked(clock_end)?;
    let mut parts = clock.split(':');
    let mut hours: u32 = parts.next()?.parse().ok()?;
    let minutes: u32 = parts.next().filter(|part| part.len() == 2)?.parse().ok()?;
    let seconds: f64 = parts.next().map_or(Some(0.0), |part| part.parse().ok())?;
    let rest = rest.trim().to_ascii_uppercase();
    let (half, zone) = match rest.get(..2) {
        Some(half @ ("AM" | "PM")) => (Some(half), rest.get(2..).unwrap_or_default().trim_start()),
        _ => (None, rest.as_str()),
    };
    match half {
        Some(_) if !(1..=12).contains(&hours) => return None,
        Some("PM") => hours = hours % 12 + 12,
        Some(_) => hours %= 12,
        None => {}
    }
    let offset = matches!(zone, "Z" | "UTC" | "GMT")
        || zone.starts_with(['+', '-']) && zone.bytes().skip(1).all(|b| b.is_ascii_digit() || b == b':');
    if hours > 23 || minutes > 59 || !(0.0..61.0).contains(&seconds) || parts.next().is_some() || !zone.is_empty() && !offset {
        return None;
    }
    let whole_seconds = seconds.floor().min(59.0) as u32;
    Some((hours * 3600 + minutes * 60 + whole_seconds, offset))
}

fn compact(text: &str) -> Option<(Order, NaiveDate)> {
    if text.len() != 8 {
        return None;
    }
    let day = ymd(year(text.get(..4)?)?, text.get(4..6)?.parse().ok()?, text.get(6..)?.parse().ok()?)?;
    Some((Order::Compact, day))
}

fn two_fields(one: &str, two: &str, separator: char) -> Option<(Order, NaiveDate)> {
    if let Some(month) = month_name(one) {
        return Some((Order::NameYear, ymd(year(two)?, month, 1)?));
    }
    if !matches!(separator, '-' | '/') {
        return None;
    }
    match (year(one), year(two)) {
        (Some(year), None) => Some((Order::YearMonth, ymd(year, small(two)?, 1)?)),
        (None, Some(year)) => Some((Order::MonthYear, ymd(year, small(one)?, 1)?)),
        _ => None,
    }
}

type DayReading = ((Order, NaiveDate), Option<(Order, NaiveDate)>, bool);

fn three_fields(one: &str, two: &str, three: &str) -> Option<DayReading> {
    if let Some(year) = year(one) {
        return Some(((Order::YearMonthDay, ymd(year, small(two).or_else(|| month_name(two))?, small(three)?)?), None, false));
    }
    let short_year = three.len() == 2;
    let year = year(three).or_else(|| short(three))?;
    if let Some(month) = month_name(one) {
        return Some(((Order::NameDayYear, ymd(year, month, small(two)?)?), None, short_year));
    }
    if let Some(month) = month_name(two) {
        return Some(((Order::DayNameYear, ymd(year, month, small(one)?)?), None, short_year));
    }
    let (one, two) = (small(one)?, small(two)?);
    let day_first = ymd(year, two, one).map(|day| (Order::DayMonthYear, day));
    let month_first = ymd(year, one, two).map(|day| (Order::MonthDayYear, day));
    match (day_first, month_first) {
        (Some(day_first), month_first) => Some((day_first, month_first, short_year)),
        (None, Some(month_first)) => Some((month_first, None, short_year)),
        (None, None) => None,
    }
}

fn ymd(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

/// A year of four digits from 1000 on.
fn year(text: &str) -> Option<i32> {
    (text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten().filter(|year| *year >= 1000)
}

/// A year of two digits: 1970 to 2069.
fn short(text: &str) -> Option<i32> {
    let year: i32 = small(text).filter(|_| text.len() == 2)?.try_into().ok()?;
    Some(if year < 70 { 2000 + year } else { 1900 + year })
}

fn small(text: &str) -> Option<u32> {
    let text = text.strip_suffix("th").or_else(|| text.strip_suffix("st")).unwrap_or(text);
    (text.len() <= 2 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn month_name(text: &str) -> Option<u32> {
    const NAMES: [&str; 12] =
        ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
    let lower = text.to_ascii_lowercase();
    let fits = |name: &str| lower == name || lower.len() == 3 && name.starts_with(&lower) || lower == "sept" && name.starts_with("sept");
    let at = NAMES.iter().position(|name| fits(name))?;
    u32::try_from(at + 1).ok()
}

#[cfg(test)]
#[path = "data_cell_tests.rs"]
mod tests;
