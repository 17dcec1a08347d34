//! Which charts a report gets, and the sentence under each. Draws nothing.
use super::answers::{Answer, Trend, correlation};
use super::evidence::Evidence;
use super::figures::{amount, count, listed, percent, plain};
use super::questions::{Question, Study, Topic};

/// Charts in one report.
const MAX_CHARTS: usize = 3;

/// One chart to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    pub topic: Topic,
    pub kind: &'static str,
    pub title: String,
    pub sql: String,
    /// Path in the workspace.
    pub path: String,
    /// What it shows, in one sentence.
    pub sentence: String,
}

/// Up to three charts: the trend, the main groups, and a second view of the data.
pub fn plan(study: &Study<'_>, evidence: &Evidence, goal: &str) -> Vec<Chart> {
    let questions = study.questions();
    let mut charts: Vec<Chart> = questions.iter().filter_map(|question| from_answer(study, question, evidence.answer(question)?)).collect();
    charts.extend(distribution(study));
    let wanted = super::facts::words(goal);
    let asks = |list: &str| wanted.iter().any(|word| list.split(' ').any(|listed| listed == word));
    let groups = charts.iter().filter(|chart| matches!(chart.topic, Topic::Group(_))).count();
    let mut seen_groups = 0;
    charts.sort_by_cached_key(|chart| match &chart.topic {
        _ if chart.kind == "histogram" && asks("distribution histogram spread") => 0,
        _ if chart.kind == "scatter" && asks("correlation scatter relation relationship") => 0,
        Topic::Trend => 1,
        Topic::Group(_) => {
            seen_groups += 1;
            if seen_groups == 1 || groups == 1 { 2 } else { 4 }
        }
        Topic::GroupTrend(_) => 3,
        Topic::Entity(_) => 5,
        Topic::Relation(..) => 6,
        _ => 7,
    });
    charts.truncate(MAX_CHARTS);
    let mut taken = std::collections::HashSet::new();
    for (at, chart) in charts.iter_mut().enumerate() {
        if !taken.insert(chart.path.clone()) {
            chart.path = chart.path.replace(".svg", &format!("-{}.svg", at + 1));
        }
    }
    charts
}

fn from_answer(study: &Study<'_>, question: &Question, answer: &Answer) -> Option<Chart> {
    match &question.topic {
        Topic::Trend => trend(study, answer),
        Topic::Group(column) => group(study, column, answer),
        Topic::GroupTrend(column) => group_trend(study, (column, question), answer),
        Topic::Relation(x, y) => relation(study, (x, y), answer),
        _ => None,
    }
}

fn chart(topic: Topic, kind: &'static str, title: String, sql: String) -> Chart {
    let path = format!("charts/{}.svg", slug(&title));
    Chart { topic, kind, title: capitalised(&title), sql, path, sentence: String::new() }
}

fn trend(study: &Study<'_>, answer: &Answer) -> Option<Chart> {
    let date = study.parts.date?;
    let (name, period) = (study.main_name(), study.period.name());
    let unit = study.main_measure().and_then(|measure| measure.column.unit);
    let trend = Trend::new(answer, &name, (date, study.period));
    let (best, worst) = trend.extremes()?;
    let sentence = format!(
        "{} by {period}: highest in {} ({}), lowest in {} ({}).",
        capitalised(&plain(&name)),
        best.period,
        amount(best.value, unit),
        worst.period,
        amount(worst.value, unit)
    );
    Some(Chart { sentence, ..chart(Topic::Trend, "line", format!("{name} by {period}"), study.trend_chart()?) })
}

fn group(study: &Study<'_>, column: &str, answer: &Answer) -> Option<Chart> {
    let found = study.parts.groups.iter().find(|group| group.name == column)?;
    let name = study.main_name();
    let unit = study.main_measure().and_then(|measure| measure.column.unit);
    let pairs = answer.pairs(&name);
    let (first, last) = (pairs.first()?, pairs.last()?);
    let shown = if pairs.len() > 20 { format!(" The largest 20 of {} are drawn.", count(pairs.len())) } else { String::new() };
    let sentence = format!(
        "{} by {}: from {} ({}) down to {} ({}).{shown}",
        capitalised(&plain(&name)),
        plain(column),
        plain(&first.0),
        amount(first.1, unit),
        plain(&last.0),
        amount(last.1, unit)
    );
    Some(Chart { sentence, ..chart(Topic::Group(column.to_owned()), "bar", format!("{name} by {column}"), study.group_chart(found)) })
}

fn group_trend(study: &Study<'_>, (column, question): (&str, &Question), answer: &Answer) -> Option<Chart> {
    if answer.rows.len() < 3 {
        return None;
    }
    let (name, period) = (study.main_name(), study.period.name());
    let sum = |value: &String| answer.pairs(value).iter().map(|(_, value)| value).sum::<f64>();
    let most = answer.columns.iter().skip(1).max_by(|a, b| sum(a).total_cmp(&sum(b)))?;
    let values: Vec<String> = answer.columns.iter().skip(1).map(|value| plain(value)).collect();
    let leads = |row: usize| {
        let values = || answer.columns.iter().skip(1).filter_map(|column| answer.number(row, column));
        answer.number(row, most).is_some_and(|value| values().all(|other| other <= value))
    };
    let led = (0..answer.rows.len()).filter(|row| leads(*row)).count();
    let sentence = format!(
        "{} by {period} for {}: {} was ahead in {} of {} {period}s.",
        capitalised(&plain(&name)),
        listed(&values),
        plain(most),
        led,
        answer.rows.len()
    );
    let title = format!("{name} by {period} and {column}");
    Some(Chart { sentence, ..chart(Topic::GroupTrend(column.to_owned()), "line", title, question.sql.clone()) })
}

fn relation(study: &Study<'_>, (x, y): (&str, &str), answer: &Answer) -> Option<Chart> {
    let (r, pairs) = correlation(answer)?;
    if r.abs() < 0.3 || pairs < 10 {
        return None;
    }
    let sentence = format!("{} against {}: each dot is a row; the correlation is {r:.2}.", capitalised(&plain(y)), plain(x));
    let topic = Topic::Relation(x.to_owned(), y.to_owned());
    Some(Chart { sentence, ..chart(topic, "scatter", format!("{y} against {x}"), study.pair_chart(x, y)) })
}

/// How the main measure is spread; far outliers would squeeze everything else into one bar, so they are left out and named.
fn distribution(study: &Study<'_>) -> Option<Chart> {
    let column = study.main_measure()?.column;
    if column.distinct < 8 {
        return None;
    }
    let squeezed =
        column.outliers.count > 0 && column.max > column.outliers.above && column.max - column.q3 > 6.0 * (column.q3 - column.q1);
    let limit = squeezed.then_some(column.outliers.above);
    let left_out =
        if squeezed { format!(" Values above {} are left out.", amount(column.outliers.above, column.unit)) } else { String::new() };
    let values = study.profile.rows.saturating_sub(column.missing + column.invalid);
    let sentence = format!(
        "How often each size of {} occurs: half of the {} values lie between {} and {}.{left_out}",
        plain(&column.name),
        count(values),
        amount(column.q1, column.unit),
        amount(column.q3, column.unit)
    );
    let sql = study.values_chart(column, limit);
    Some(Chart { sentence, ..chart(Topic::Largest, "histogram", format!("distribution of {}", column.name), sql) })
}

/// `Revenue by month` from `revenue by month`.
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn slug(text: &str) -> String {
    let plain: String =
        deunicode::deunicode(text).to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let joined = parts.join("-");
    if joined.is_empty() { "chart".to_owned() } else { joined.chars().take(60).collect() }
}

/// A share in words for the report.
pub fn share_of(value: f64, total: f64) -> Option<String> {
    (total > 0.0 && value >= 0.0).then(|| percent(value / total))
}
