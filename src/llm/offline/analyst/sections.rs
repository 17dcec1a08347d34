//! The sections of a report: columns, groups, trend, relations, largest rows, data quality, method. Tables first, figures from the tools only.
use serde_json::Value;

use super::answers::{Answer, Trend, correlation, label};
use super::charts::{capitalised, share_of};
use super::evidence::Evidence;
use super::facts::{Column, Profile};
use super::figures::{amount, change, code, count, counted, listed, number, percent, plain, table};
use super::questions::{Question, Study, Topic, measure_name};
use super::summary::row_label;

/// Rows of one table at the most.
const MAX_TABLE_ROWS: usize = 60;

/// What each column holds.
pub fn columns(profile: &Profile) -> String {
    let header = ["column", "type", "missing", "different values", "what it holds"].map(String::from);
    let row = |column: &Column| vec![code(&column.name), column.kind.clone(), count(column.missing), count(column.distinct), holds(column)];
    let rows: Vec<Vec<String>> = profile.shown.iter().map(row).collect();
    table(&header, &rows, 99)
}

fn holds(column: &Column) -> String {
    if column.is_number() && column.distinct > 0 {
        let unit = column.unit;
        let range = format!("{} to {}", amount(column.min, unit), amount(column.max, unit));
        let quartiles = format!("quartiles {}, {}, {}", amount(column.q1, unit), amount(column.median, unit), amount(column.q3, unit));
        return format!("{range}; mean {}, {quartiles}, standard deviation {}", amount(column.mean, unit), amount(column.stddev, unit));
    }
    if column.kind == "date" {
        return format!("{} to {}, {} ({})", column.first, column.last, column.granularity, plain(&column.date_format));
    }
    let shown: Vec<String> = column.top.iter().take(4).map(|top| format!("{} ({})", plain(&top.value), count(top.count))).collect();
    match (shown.is_empty(), column.distinct) {
        (_, 0) => "nothing".to_owned(),
        (true, _) => "every value once".to_owned(),
        (false, distinct) if distinct > shown.len() => format!("{}, …", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// The section of one question; empty for those that only feed the summary.
pub fn section(study: &Study<'_>, question: &Question, answer: &Answer) -> String {
    let heading = |text: String| format!("### {}\n\n", capitalised(&text));
    let main = plain(&study.main_name());
    match &question.topic {
        Topic::Trend => heading(format!("{main} by {}", study.period.name())) + &trend(study, answer),
        Topic::Group(column) => heading(format!("{main} by {}", plain(column))) + &group(study, answer, true),
        Topic::Entity(column) => heading(format!("top {} by {main}", plain(column))) + &group(study, answer, false),
        Topic::GroupTrend(column) => heading(format!("{main} over time by {}", plain(column))) + &group_trend(study, answer),
        Topic::Cross(a, b) => heading(format!("largest combinations of {} and {}", plain(a), plain(b))) + &cross(study, answer),
        Topic::Largest => {
            heading(format!("rows with the largest {}", plain(&study.main_measure().map(|m| m.column.name.clone()).unwrap_or_default())))
                + &cross(study, answer)
        }
        _ => String::new(),
    }
}

fn header(answer: &Answer) -> Vec<String> {
    answer.columns.iter().map(|name| plain(name)).collect()
}

/// The unit of an answer's column: that of the measure it stands for.
fn unit_of(study: &Study<'_>, column: &str) -> Option<char> {
    study
        .parts
        .measures
        .iter()
        .find(|measure| measure_name(**measure) == column || measure.column.name == column)
        .and_then(|measure| measure.column.unit)
}

fn cell(study: &Study<'_>, column: &str, value: &Value) -> String {
    match value.as_f64() {
        Some(figure) => amount(figure, unit_of(study, column)),
        None if value.is_null() => "–".to_owned(),
        None => plain(&label(value)),
    }
}

fn cells(study: &Study<'_>, answer: &Answer, row: &[Value]) -> Vec<String> {
    let rest = row.iter().zip(&answer.columns).skip(1).map(|(value, column)| cell(study, column, value));
    std::iter::once(row_label(row)).chain(rest).collect()
}

fn group(study: &Study<'_>, answer: &Answer, with_shares: bool) -> String {
    let name = study.main_name();
    let pairs = answer.pairs(&name);
    let total: f64 = pairs.iter().map(|(_, value)| value).sum();
    let additive = study.main_measure().is_none_or(|measure| measure.additive);
    let with_shares = with_shares && additive && !answer.truncated && total > 0.0 && pairs.iter().all(|(_, value)| *value >= 0.0);
    let mut header = header(answer);
    if with_shares {
        header.push(format!("share of {}", plain(&name)));
    }
    let row = |(at, row): (usize, &Vec<Value>)| {
        let mut cells = cells(study, answer, row);
        if with_shares {
            cells.push(answer.number(at, &name).and_then(|value| share_of(value, total)).unwrap_or_else(|| "–".to_owned()));
        }
        cells
    };
    let rows: Vec<Vec<String>> = answer.rows.iter().enumerate().take(MAX_TABLE_ROWS).map(row).collect();
    table(&header, &rows, 1) + &cut_note(answer.rows.len().max(answer.row_count), rows.len())
}

fn cut_note(all: usize, shown: usize) -> String {
    if all > shown { format!("The first {} of {} are shown.\n\n", count(shown), count(all)) } else { String::new() }
}

fn trend(study: &Study<'_>, answer: &Answer) -> String {
    let Some(date) = study.parts.date else { return String::new() };
    let name = study.main_name();
    let trend = Trend::new(answer, &name, (date, study.period));
    let partial: Vec<&str> = trend.points.iter().filter(|point| !point.complete).map(|point| point.period.as_str()).collect();
    let mut header = header(answer);
    header.push("change".to_owned());
    let mut rows = Vec::new();
    let mut before: Option<f64> = None;
    for (at, row) in answer.rows.iter().enumerate() {
        let mut cells = cells(study, answer, row);
        let value = answer.number(at, &name);
        let period = cells.first().cloned().unwrap_or_default();
        let is_partial = partial.contains(&period.as_str());
        let changed = before.zip(value).filter(|_| !is_partial).and_then(|(before, value)| change(before, value));
        cells.push(changed.unwrap_or_else(|| "–".to_owned()));
        if let Some(first) = cells.first_mut().filter(|_| is_partial) {
            first.push_str(" (partial)");
        }
        before = value.filter(|_| !is_partial);
        rows.push(cells);
    }
    let skipped = rows.len().saturating_sub(MAX_TABLE_ROWS);
    let note =
        if skipped > 0 { format!("The last {} of {} are shown.\n\n", count(MAX_TABLE_ROWS), count(rows.len())) } else { String::new() };
    let shown: Vec<Vec<String>> = rows.into_iter().skip(skipped).collect();
    table(&header, &shown, 1) + &note
}

/// First and last complete period of each value, and the change against the same months a year earlier.
fn group_trend(study: &Study<'_>, answer: &Answer) -> String {
    let Some(date) = study.parts.date else { return String::new() };
    let unit = study.main_measure().and_then(|measure| measure.column.unit);
    let additive = study.main_measure().is_none_or(|measure| measure.additive);
    let mut rows = Vec::new();
    let mut compared = None;
    for value in answer.columns.iter().skip(1) {
        let trend = Trend::new(answer, value, (date, study.period));
        let complete = trend.complete();
        let show = |point: Option<&&super::answers::Point>| {
            point.map_or("–".to_owned(), |point| format!("{} ({})", amount(point.value, unit), point.period))
        };
        let best = trend.extremes().map_or("–".to_owned(), |(best, _)| format!("{} ({})", amount(best.value, unit), best.period));
        let year = trend.year_over_year(study.period).filter(|_| additive);
        compared = compared.max(year.map(|(months, ..)| months));
        let year = year.and_then(|(months, before, after)| Some(format!("{} ({months} mo)", change(before, after)?)));
        rows.push(vec![plain(value), show(complete.first()), show(complete.last()), best, year.unwrap_or_else(|| "–".to_owned())]);
    }
    let header = ["", "first", "last", "best", "against a year earlier"].map(String::from);
    table(&header, &rows, 1)
}

fn cross(study: &Study<'_>, answer: &Answer) -> String {
    let row = |row: &Vec<Value>| cells(study, answer, row);
    let figures_from = answer.columns.iter().position(|column| column == "rows" || *column == study.main_name()).unwrap_or(1);
    table(&header(answer), &answer.rows.iter().map(row).collect::<Vec<_>>(), figures_from)
}

/// A table of correlations; empty when none was asked for.
pub fn relations(questions: &[Question], evidence: &Evidence) -> String {
    let row = |question: &Question| {
        let Topic::Relation(x, y) = &question.topic else { return None };
        let (r, pairs) = correlation(evidence.answer(question)?)?;
        Some(vec![code(x), code(y), format!("{r:.2}"), count(pairs)])
    };
    let rows: Vec<Vec<String>> = questions.iter().filter_map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let header = ["measure", "with", "correlation (Pearson)", "rows"].map(String::from);
    format!("### How the measures move together\n\n{}", table(&header, &rows, 2))
}

/// What a reader should know before trusting the figures.
pub fn quality(study: &Study<'_>, evidence: &Evidence) -> String {
    let profile = study.profile;
    let mut points = vec![format!("The file was read as {}, text encoding {}.", plain(&profile.format), plain(&profile.encoding))];
    for column in &profile.shown {
        points.extend(column_quality(column, profile.rows));
    }
    points.push(match profile.duplicate_rows {
        0 => "No row occurs twice.".to_owned(),
        some => format!("{} equal to an earlier row in every column; they are counted like all others.", are(some)),
    });
    if profile.ragged_rows > 0 {
        points.push(format!(
            "{} have more or fewer cells than the header; missing cells are empty, surplus ones left out.",
            counted(profile.ragged_rows, "row")
        ));
    }
    if !profile.constant_columns.is_empty() {
        points.push(format!("Always the same value: {}.", names(&profile.constant_columns)));
    }
    if !profile.likely_keys.is_empty() {
        points.push(format!("Different in every row, so likely a key: {}.", names(&profile.likely_keys)));
    }
    points.extend(profile.notes.iter().map(|note| format!("{}.", capitalised(note))));
    points.extend(gaps(study, evidence));
    points.iter().map(|point| format!("- {point}\n")).collect::<String>() + "\n"
}

fn are(some: usize) -> String {
    if some == 1 { "1 row is".to_owned() } else { format!("{} rows are", count(some)) }
}

fn names(list: &[String]) -> String {
    listed(&list.iter().map(|name| code(name)).collect::<Vec<_>>())
}

fn column_quality(column: &Column, rows: usize) -> Vec<String> {
    let mut points = Vec::new();
    let share = |part: usize| {
        percent(f64::from(u32::try_from(part).unwrap_or(u32::MAX)) / f64::from(u32::try_from(rows.max(1)).unwrap_or(u32::MAX)))
    };
    if column.missing > 0 {
        points.push(format!("{}: {} missing ({}).", code(&column.name), count(column.missing), share(column.missing)));
    }
    if column.invalid > 0 {
        let examples: Vec<String> = column.invalid_examples.iter().map(|example| format!("“{}”", plain(example))).collect();
        let what = counted(column.invalid, "value");
        points.push(format!("{}: {what} that are no {} count as missing: {}.", code(&column.name), column.kind, listed(&examples)));
    }
    // Of a handful of different values none is an outlier in any useful sense.
    if column.outliers.count > 0 && column.distinct > 10 {
        let outliers = &column.outliers;
        let far: Vec<String> =
            outliers.farthest.iter().map(|far| format!("{} (row {})", amount(far.value, column.unit), count(far.row))).collect();
        let fences = format!("below {} or above {}", amount(outliers.below, column.unit), amount(outliers.above, column.unit));
        points.push(format!(
            "{}: {} {fences} (1.5 interquartile ranges outside the quartiles), the farthest {}.",
            code(&column.name),
            counted(outliers.count, "value"),
            listed(&far)
        ));
    }
    points.extend(column.notes.iter().map(|note| format!("{}: {}.", code(&column.name), plain_note(note))));
    points
}

/// Notes quote cells of the file: nothing in them may act as Markdown or HTML.
fn plain_note(note: &str) -> String {
    note.replace('<', "\\<").replace('|', "\\|")
}

fn gaps(study: &Study<'_>, evidence: &Evidence) -> Option<String> {
    let date = study.parts.date?;
    let question = study.questions().into_iter().find(|question| question.topic == Topic::Trend)?;
    let trend = Trend::new(evidence.answer(&question)?, &study.main_name(), (date, study.period));
    let period = study.period.name();
    match trend.gaps.len() {
        0 => None,
        1..=12 => Some(format!("No rows in these {period}s: {}.", listed(&trend.gaps))),
        more => Some(format!("{} {period}s within the span have no rows.", count(more))),
    }
}

/// The queries behind the figures.
pub fn method(questions: &[Question], charts: &[super::charts::Chart]) -> String {
    let mut text = String::new();
    for question in questions {
        text.push_str(&format!("-- {}\n{};\n\n", about(&question.topic), question.sql));
    }
    for chart in charts.iter().filter(|chart| questions.iter().all(|question| question.sql != chart.sql)) {
        text.push_str(&format!("-- chart: {}\n{};\n\n", chart.path, chart.sql));
    }
    format!("````sql\n{}\n````\n\n", text.trim_end())
}

fn about(topic: &Topic) -> String {
    let text = match topic {
        Topic::Totals => "totals".to_owned(),
        Topic::Trend => "trend".to_owned(),
        Topic::Group(column) => format!("by {column}"),
        Topic::GroupTrend(column) => format!("trend by {column}"),
        Topic::Cross(a, b) => format!("by {a} and {b}"),
        Topic::Entity(column) => format!("top {column}"),
        Topic::Relation(x, y) => format!("correlation of {x} and {y}, from these sums"),
        Topic::Largest => "largest rows".to_owned(),
        Topic::Check { result, factors } => format!("whether {result} is {}", factors.join(" times ")),
        Topic::Join { column, other, other_column } => format!("values of {column} found in {other}.{other_column}"),
    };
    text.replace(['\n', '\r'], " ")
}

/// Whether two files could be put together, and how.
pub fn join(study: &Study<'_>, question: &Question, answer: &Answer) -> Option<String> {
    let Topic::Join { column, other, other_column } = &question.topic else { return None };
    let (values, found) = (answer.number(0, "values")?, answer.number(0, "found")?);
    if found == 0.0 {
        return None;
    }
    let (a, b) = (super::questions::quoted(&study.profile.table), super::questions::quoted(other));
    let (left, right) = (super::questions::quoted(column), super::questions::quoted(other_column));
    Some(format!(
        "- {} of {} values of {} in `{}` are found in `{other}`: the two can be joined with `SELECT * FROM {a} JOIN {b} ON {a}.{left} = {b}.{right}`.\n",
        number(found),
        number(values),
        code(column),
        study.profile.table
    ))
}
