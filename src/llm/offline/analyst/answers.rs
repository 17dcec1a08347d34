//! Answers of query_data as rows, and what follows from them: growth, best and worst period, correlation. Pure arithmetic; writes no text.
use chrono::{Datelike, Days, Months, NaiveDate};
use serde::Deserialize;
use serde_json::Value;

use super::facts::Column;
use super::questions::Period;

/// The answer of `query_data`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    #[serde(default)]
    pub row_count: usize,
    #[serde(default)]
    pub truncated: bool,
}

impl Answer {
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == column)
    }

    pub fn number(&self, row: usize, column: &str) -> Option<f64> {
        self.rows.get(row)?.get(self.place(column)?)?.as_f64()
    }

    /// Label and value of each row that has a value.
    pub fn pairs(&self, column: &str) -> Vec<(String, f64)> {
        let Some(place) = self.place(column) else { return Vec::new() };
        self.rows.iter().filter_map(|row| Some((label(row.first()?), row.get(place)?.as_f64()?))).collect()
    }
}

/// A cell as a label; `(missing)` for NULL.
pub fn label(value: &Value) -> String {
    match value {
        Value::Null => "(missing)".to_owned(),
        Value::String(text) if text.trim().is_empty() => "(blank)".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// One period of a trend.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub period: String,
    pub value: f64,
    /// False for a first or last period that the data covers only in part.
    pub complete: bool,
}

/// What a trend says.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    pub points: Vec<Point>,
    /// Periods in between without any row.
    pub gaps: Vec<String>,
}

/// A straight line through the complete periods.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Change a period.
    pub slope: f64,
    pub mean: f64,
    /// The share of the ups and downs that the line explains, 0 to 1.
    pub fit: f64,
}

impl Trend {
    pub fn new(answer: &Answer, column: &str, (date, period): (&Column, Period)) -> Trend {
        let (first, last) = (day(&date.first), day(&date.last));
        let starts_late = first.is_some_and(|first| start(first, period).is_some_and(|start| (first - start).num_days() > slack(period)));
        let ends_early = last.is_some_and(|last| next(last, period).is_some_and(|next| (next - last).num_days() - 1 > slack(period)));
        let coarse = matches!(date.granularity.as_str(), "monthly" | "quarterly" | "yearly");
        let pairs = answer.pairs(column);
        let last_place = pairs.len().saturating_sub(1);
        let is_edge = |at: usize| at == 0 && starts_late || at == last_place && ends_early;
        let point = |(at, (period, value))| Point { period, value, complete: coarse || !is_edge(at) };
        let points: Vec<Point> = pairs.into_iter().enumerate().map(point).collect();
        let all: Vec<String> = answer.rows.iter().filter_map(|row| row.first()).map(label).collect();
        Trend { gaps: gaps(&all, first.zip(last), period), points }
    }

    pub fn complete(&self) -> Vec<&Point> {
        self.points.iter().filter(|point| point.complete).collect()
    }

    /// Best and worst of the complete periods.
    pub fn extremes(&self) -> Option<(&Point, &Point)> {
        let complete = self.complete();
        let best = complete.iter().copied().max_by(|a, b| a.value.total_cmp(&b.value).then(b.period.cmp(&a.period)))?;
        let worst = complete.iter().copied().min_by(|a, b| a.value.total_cmp(&b.value).then(a.period.cmp(&b.period)))?;
        (complete.len() > 1).then_some((best, worst))
    }

    /// Months that a year earlier are there too: how many, their sum a year earlier, their sum. Months in a row at the end only.
    pub fn year_over_year(&self, period: Period) -> Option<(usize, f64, f64)> {
        if period != Period::Month {
            return None;
        }
        let find = |wanted: &str| self.points.iter().find(|point| point.complete && point.period == wanted);
        let earlier = |point: &Point| find(&year_before(&point.period)?).map(|found| found.value);
        let pairs: Vec<(f64, f64)> =
            self.complete().into_iter().rev().map_while(|point| Some((earlier(point)?, point.value))).take(12).collect();
        let sum = |side: fn(&(f64, f64)) -> f64| pairs.iter().map(side).sum::<f64>();
        (!pairs.is_empty()).then(|| (pairs.len(), sum(|pair| pair.0), sum(|pair| pair.1)))
    }

    /// Least squares over the complete periods; needs six.
    pub fn line(&self) -> Option<Line> {
        let values: Vec<f64> = self.complete().iter().map(|point| point.value).collect();
        if values.len() < 6 || !self.gaps.is_empty() {
            return None;
        }
        let count = to_f64(values.len());
        let (mean_x, mean) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
        let points = || values.iter().enumerate().map(|(at, value)| (to_f64(at) - mean_x, value - mean));
        let (xx, xy, yy) = (
            points().map(|(x, _)| x * x).sum::<f64>(),
            points().map(|(x, y)| x * y).sum::<f64>(),
            points().map(|(_, y)| y * y).sum::<f64>(),
        );
        (yy > 0.0).then(|| Line { slope: xy / xx, mean, fit: xy * xy / (xx * yy) })
    }
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Pearson's correlation and the number of pairs, from a `Relation` answer; `None` where one side does not vary.
pub fn correlation(answer: &Answer) -> Option<(f64, usize)> {
    let at = |column: &str| answer.number(0, column);
    let (n, x, y, xy, xx, yy) = (at("n")?, at("x")?, at("y")?, at("xy")?, at("xx")?, at("yy")?);
    let below = (n * xx - x * x) * (n * yy - y * y);
    let pairs = answer.rows.first()?.first()?.as_u64().and_then(|n| usize::try_from(n).ok())?;
    (below > 0.0).then(|| (((n * xy - x * y) / below.sqrt()).clamp(-1.0, 1.0), pairs))
}

fn day(iso: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(iso.get(..10)?, "%Y-%m-%d").ok()
}

/// Days from one ISO date to another.
pub fn days_between(first: &str, last: &str) -> Option<i64> {
    Some((day(last)? - day(first)?).num_days())
}

/// Days that may be missing at the edge of a period that still counts as complete: a shop can be closed.
fn slack(period: Period) -> i64 {
    match period {
        Period::Day => 0,
        Period::Week => 1,
        Period::Month => 6,
        Period::Quarter => 10,
        Period::Year => 20,
    }
}

/// The first day of the period that holds `day`.
fn start(day: NaiveDate, period: Period) -> Option<NaiveDate> {
    match period {
        Period::Day => Some(day),
        Period::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
        Period::Month => day.with_day(1),
        Period::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
        Period::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
    }
}

/// The first day of the period after the one that holds `day`.
fn next(day: NaiveDate, period: Period) -> Option<NaiveDate> {
    let start = start(day, period)?;
    match period {
        Period::Day => start.succ_opt(),
        Period::Week => start.checked_add_days(Days::new(7)),
        Period::Month => start.checked_add_months(Months::new(1)),
        Period::Quarter => start.checked_add_months(Months::new(3)),
        Period::Year => start.checked_add_months(Months::new(12)),
    }
}

/// The name of a period as the SQL writes it.
fn name(day: NaiveDate, period: Period) -> String {
    match period {
        Period::Day | Period::Week => day.format("%Y-%m-%d").to_string(),
        Period::Month => day.format("%Y-%m").to_string(),
        Period::Quarter => format!("{:04}-Q{}", day.year(), day.month0() / 3 + 1),
        Period::Year => format!("{:04}", day.year()),
    }
}

fn gaps(found: &[String], span: Option<(NaiveDate, NaiveDate)>, period: Period) -> Vec<String> {
    let Some((first, last)) = span.filter(|_| period != Period::Day) else { return Vec::new() };
    let mut missing = Vec::new();
    let mut at = start(first, period);
    while let Some(day) = at.filter(|day| *day <= last && missing.len() < 100) {
        let name = name(day, period);
        if !found.contains(&name) {
            missing.push(name);
        }
        at = next(day, period);
    }
    missing
}

fn year_before(month: &str) -> Option<String> {
    let (year, month) = month.split_once('-')?;
    Some(format!("{:04}-{month}", year.parse::<i32>().ok()?.checked_sub(1)?))
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
