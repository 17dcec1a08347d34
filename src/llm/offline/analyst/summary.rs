//! The findings of a report as sentences with figures. Each sentence states what the data holds, never why.
use super::answers::{Answer, Trend, correlation, label};
use super::charts::{capitalised, share_of};
use super::evidence::Evidence;
use super::facts::Column;
use super::figures::{amount, change, code, count, counted, listed, number, percent, plain};
use super::questions::{Question, Study, Topic};

/// The summary of one file, the main findings first.
pub fn findings(study: &Study<'_>, evidence: &Evidence) -> Vec<String> {
    let mut findings = vec![extent(study)];
    let questions = study.questions();
    for question in &questions {
        let Some(answer) = evidence.answer(question) else { continue };
        match &question.topic {
            Topic::Totals => findings.extend(totals(study, answer)),
            Topic::Trend => findings.extend(trend(study, answer)),
            Topic::Group(column) => findings.extend(group(study, column, answer)),
            Topic::GroupTrend(column) => findings.extend(group_growth(study, column, answer)),
            Topic::Entity(column) => findings.extend(entity(study, column, answer)),
            Topic::Largest => findings.extend(one_row(study, answer, evidence)),
            Topic::Check { .. } => findings.extend(check(&question.topic, answer)),
            _ => {}
        }
    }
    findings.extend(strongest_relation(&questions, evidence));
    findings.extend(outliers(study));
    findings.extend(missing(study));
    findings
}

fn extent(study: &Study<'_>) -> String {
    let profile = study.profile;
    let span = study.parts.date.map(|date| format!(", from {} to {}", date.first, date.last)).unwrap_or_default();
    format!("`{}` holds {} in {}{span}.", profile.path, counted(profile.rows, "row"), counted(profile.columns, "column"))
}

fn totals(study: &Study<'_>, answer: &Answer) -> Vec<String> {
    let sentence = |(at, measure): (usize, &super::facts::Measure<'_>)| {
        let (column, unit) = (measure.column, measure.column.unit);
        let (sum, mean) = (answer.number(0, &format!("sum {}", column.name))?, answer.number(0, &format!("mean {}", column.name))?);
        let name = plain(&column.name);
        let typical = format!("{} a row on average (median {})", amount(mean, unit), amount(column.median, unit));
        match (measure.additive, at) {
            (true, 0) => Some(format!("**{}: {} in all**, {typical}.", capitalised(&name), amount(sum, unit))),
            (true, _) => Some(format!("{}: {} in all, {typical}.", capitalised(&name), amount(sum, unit))),
            (false, 0) => {
                Some(format!("**{}: {}**, from {} to {}.", capitalised(&name), typical, amount(column.min, unit), amount(column.max, unit)))
            }
            _ => None,
        }
    };
    study.parts.measures.iter().enumerate().filter_map(sentence).collect()
}

fn trend(study: &Study<'_>, answer: &Answer) -> Vec<String> {
    let Some(date) = study.parts.date else { return Vec::new() };
    let (name, period, unit) = (study.main_name(), study.period.name(), study.main_measure().and_then(|measure| measure.column.unit));
    let shown = capitalised(&plain(&name));
    let trend = Trend::new(answer, &name, (date, study.period));
    let complete = trend.complete();
    let mut findings = Vec::new();
    let additive = study.main_measure().is_none_or(|measure| measure.additive);
    if let Some((months, before, after)) = trend.year_over_year(study.period).filter(|_| additive)
        && let Some(change) = change(before, after)
    {
        let last = if months == 1 { "The last month".to_owned() } else { format!("The last {} months", count(months)) };
        findings.push(format!(
            "**{last} brought {} of {}, {change} against the same months a year earlier** ({}).",
            amount(after, unit),
            plain(&name),
            amount(before, unit)
        ));
    }
    if let (Some(first), Some(last)) = (complete.first(), complete.last())
        && complete.len() > 1
    {
        let change = change(first.value, last.value).map(|change| format!(" ({change})")).unwrap_or_default();
        let partly = if complete.len() < trend.points.len() {
            format!(", counting only {period}s that the data covers in full")
        } else {
            String::new()
        };
        let (from, to) = (amount(first.value, unit), amount(last.value, unit));
        findings.push(format!("{shown} went from {from} in {} to {to} in {}{change}{partly}.", first.period, last.period));
    }
    if let Some((best, worst)) = trend.extremes() {
        let (high, low) = (amount(best.value, unit), amount(worst.value, unit));
        findings.push(format!("The best {period} was {} with {high}, the weakest {} with {low}.", best.period, worst.period));
    }
    if let Some(line) = trend.line().filter(|line| line.fit < 0.1) {
        findings.push(format!(
            "There is no clear straight trend: a line through the {period}s explains {} of the ups and downs.",
            percent(line.fit)
        ));
    } else if let Some(line) = trend.line() {
        let direction = if line.slope >= 0.0 { "rise" } else { "fall" };
        let relative = if line.mean > 0.0 { format!(", {} of the average", percent(line.slope.abs() / line.mean)) } else { String::new() };
        findings.push(format!(
            "A straight line through the {period}s {direction}s by {} a {period}{relative}, and explains {} of the ups and downs.",
            amount(line.slope.abs(), unit),
            percent(line.fit)
        ));
    }
    findings
}

fn group(study: &Study<'_>, column: &str, answer: &Answer) -> Option<String> {
    let (name, measure) = (study.main_name(), study.main_measure());
    let unit = measure.and_then(|measure| measure.column.unit);
    let pairs = answer.pairs(&name);
    let (first, last) = (pairs.first()?, pairs.last()?);
    if pairs.len() < 2 {
        return None;
    }
    let additive = measure.is_none_or(|measure| measure.additive);
    let total: f64 = pairs.iter().map(|(_, value)| value).sum();
    let shares = additive && !answer.truncated && pairs.iter().all(|(_, value)| *value >= 0.0);
    let with_share = |(label, value): &(String, f64)| {
        let share = if shares { share_of(*value, total).map(|share| format!(", {share} of the total")) } else { None };
        format!("{} ({}{})", plain(label), amount(*value, unit), share.unwrap_or_default())
    };
    Some(format!("By {}, {} leads in {}; {} is last.", code(column), with_share(first), plain(&name), with_share(last)))
}

/// Which value of a group grew most over the same months of two years.
fn group_growth(study: &Study<'_>, column: &str, answer: &Answer) -> Option<String> {
    let date = study.parts.date?;
    if study.main_measure().is_some_and(|measure| !measure.additive) {
        return None;
    }
    let of = |value: &String| {
        let (months, before, after) = Trend::new(answer, value, (date, study.period)).year_over_year(study.period)?;
        Some((months, (after - before) / before, value.clone(), change(before, after)?))
    };
    let mut growths: Vec<_> = answer.columns.iter().skip(1).filter_map(of).collect();
    growths.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (first, last) = (growths.first()?, growths.last()?);
    // Values without rows in some month are compared over other months: then a ranking would mislead.
    if growths.len() < 2 || growths.iter().any(|growth| growth.0 != first.0) {
        return None;
    }
    let (most, least) = (format!("{} ({})", plain(&first.2), first.3), format!("{} ({})", plain(&last.2), last.3));
    Some(format!("By {}, {most} gained most against the same months a year earlier, {least} least.", code(column)))
}

fn entity(study: &Study<'_>, column: &str, answer: &Answer) -> Option<String> {
    let name = study.main_name();
    let measure = study.main_measure().filter(|measure| measure.additive)?;
    let found = study.profile.shown.iter().find(|shown| shown.name == column)?;
    let pairs = answer.pairs(&name);
    let total = measure.column.mean * number_of(measure.column, study.profile.rows);
    let top: f64 = pairs.iter().map(|(_, value)| value).sum();
    let (first, share) = (pairs.first()?, share_of(top, total)?);
    if found.distinct <= pairs.len() || measure.column.min < 0.0 {
        return None;
    }
    let value = amount(first.1, measure.column.unit);
    Some(format!(
        "The top {} of {} values of {} make up {share} of {}; {} is first with {value}.",
        pairs.len(),
        count(found.distinct),
        code(column),
        plain(&name),
        plain(&first.0)
    ))
}

fn number_of(column: &Column, rows: usize) -> f64 {
    f64::from(u32::try_from(rows.saturating_sub(column.missing + column.invalid)).unwrap_or(u32::MAX))
}

/// A single row that carries much of the total, and of its period: a reader should know before believing a peak.
fn one_row(study: &Study<'_>, answer: &Answer, evidence: &Evidence) -> Option<String> {
    let measure = study.main_measure().filter(|measure| measure.additive && measure.column.min >= 0.0)?;
    let (column, unit) = (measure.column, measure.column.unit);
    let value = answer.number(0, &column.name)?;
    let total = column.mean * number_of(column, study.profile.rows);
    if study.profile.rows < 20 || total <= 0.0 || value / total < 0.03 {
        return None;
    }
    let described: Vec<String> = answer.rows.first()?.iter().take(3).map(|value| plain(&label(value))).collect();
    let of_period = study.parts.date.and_then(|date| {
        let place = answer.place(&date.name)?;
        let day = answer.rows.first()?.get(place)?.as_str()?;
        let question = study.questions().into_iter().find(|question| question.topic == Topic::Trend)?;
        let trend = Trend::new(evidence.answer(&question)?, &column.name, (date, study.period));
        let point = trend.points.iter().rev().find(|point| study.period.holds(&point.period, day))?;
        Some(format!(" and {} of {}", share_of(value, point.value)?, point.period))
    });
    let shares = format!("{} of all {}{}", percent(value / total), plain(&column.name), of_period.unwrap_or_default());
    Some(format!(
        "One row ({}) carries {} alone, {shares}; comparisons that include it depend on it.",
        listed(&described),
        amount(value, unit)
    ))
}

/// Whether one column follows from others, and how many rows break the rule.
pub fn check(topic: &Topic, answer: &Answer) -> Option<String> {
    let Topic::Check { result, factors } = topic else { return None };
    let (compared, off) = (answer.number(0, "compared")?, answer.number(0, "off").unwrap_or(0.0));
    if compared < 5.0 || off > compared * 0.2 {
        return None;
    }
    let rule = format!(
        "{} = {}",
        code(result),
        factors.iter().map(|factor| code(factor)).collect::<Vec<_>>().join(" × ").replace("× `1 - ", "× (1 − `")
    );
    let rule = if rule.contains("(1") { format!("{rule})") } else { rule };
    if off == 0.0 {
        return Some(format!("{rule} holds in all {} rows that have these values.", number(compared)));
    }
    let first = answer.number(0, "first_row").map(|row| format!(", first in row {}", number(row))).unwrap_or_default();
    Some(format!(
        "**{rule} holds in {} of {} rows; {} {} from it{first}**: probably a slip.",
        number(compared - off),
        number(compared),
        number(off),
        if off == 1.0 { "row departs" } else { "rows depart" }
    ))
}

fn strongest_relation(questions: &[Question], evidence: &Evidence) -> Option<String> {
    let of = |question: &Question| match &question.topic {
        Topic::Relation(x, y) => Some((correlation(evidence.answer(question)?)?, x.clone(), y.clone())),
        _ => None,
    };
    let ((r, pairs), x, y) = questions.iter().filter_map(of).max_by(|a, b| a.0.0.abs().total_cmp(&b.0.0.abs()))?;
    let (x, y) = (code(&x), code(&y));
    if r.abs() < 0.3 || pairs < 10 {
        return Some(format!("No two measures move clearly together; the strongest correlation is {r:.2} ({x} and {y})."));
    }
    let way = if r > 0.0 { "rise together" } else { "move against each other" };
    Some(format!("{x} and {y} {way} (correlation {r:.2} over {}); that says nothing about cause.", counted(pairs, "row")))
}

fn outliers(study: &Study<'_>) -> Option<String> {
    let far = |measure: &super::facts::Measure<'_>| {
        let (column, outliers) = (measure.column, &measure.column.outliers);
        let farthest = outliers.farthest.first()?;
        let (value, row) = (amount(farthest.value, column.unit), count(farthest.row));
        Some(format!(
            "{} has {} far outside the usual range, the farthest {value} in row {row}",
            code(&column.name),
            counted(outliers.count, "value")
        ))
    };
    let main = study.main_measure().map(|measure| &measure.column.name);
    let telling = |measure: &&super::facts::Measure<'_>| measure.additive || Some(&measure.column.name) == main;
    let found: Vec<String> = study.parts.measures.iter().filter(telling).filter_map(far).collect();
    (!found.is_empty()).then(|| format!("{}.", found.join("; ")))
}

fn missing(study: &Study<'_>) -> Option<String> {
    let gaps = study.profile.shown.iter().filter(|column| column.missing > 0);
    let found: Vec<String> = gaps.map(|column| format!("{} ({})", code(&column.name), count(column.missing))).collect();
    match found.len() {
        0 => Some("No value is missing.".to_owned()),
        1..=8 => Some(format!("Values are missing in {}.", listed(&found))),
        more => Some(format!("Values are missing in {} columns; see Data quality.", number(f64::from(u32::try_from(more).unwrap_or(0))))),
    }
}

/// The label of a row's first cell, safe in Markdown.
pub fn row_label(row: &[serde_json::Value]) -> String {
    row.first().map(|value| plain(&label(value))).unwrap_or_default()
}
