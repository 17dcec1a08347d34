//! The report itself: puts findings, tables, charts, quality, method and limits together as Markdown.
use super::charts::Chart;
use super::evidence::Evidence;
use super::facts::Profile;
use super::figures::{code, listed, plain};
use super::questions::{Question, Study, Topic};
use super::{DATA_EXTENSIONS, sections, summary};
use crate::domain::RelPath;
use crate::domain::goal::shorten;
use crate::domain::message::Brief;
use crate::llm::offline::moves::NO_MODEL;

/// The whole report.
pub fn report(brief: &Brief, evidence: &Evidence, charts: &[Chart]) -> String {
    let studies = evidence.studies(&brief.goal);
    let Some(main) = studies.first() else { return nothing(brief, evidence) };
    let mut text = format!("# Analysis of {}\n\n", plain(file_name(&main.profile.path)));
    text.push_str(&format!(
        "> {NO_MODEL} for this report: every figure was computed from the data by fixed rules and SQL, and can be checked with the queries under [Method](#method).\n\n"
    ));
    text.push_str(&format!("**Goal:** {}\n\n## Summary\n\n", plain_line(&brief.goal)));
    for finding in summary::findings(main, evidence) {
        text.push_str(&format!("- {finding}\n"));
    }
    text.push('\n');
    text.push_str(&body(brief, evidence, (main, charts)));
    for study in studies.iter().skip(1) {
        text.push_str(&other_file(study, evidence));
    }
    text.push_str(&joins(&studies, evidence));
    text.push_str(&format!(
        "## Data quality\n\n{}",
        studies.iter().map(|study| titled_quality(study, evidence, studies.len())).collect::<String>()
    ));
    text.push_str(&left_aside(brief, evidence));
    text.push_str(&method(&studies, charts));
    text.push_str(&limits(main));
    text
}

/// Results of the main file: each table with its chart.
fn body(brief: &Brief, evidence: &Evidence, (study, charts): (&Study<'_>, &[Chart])) -> String {
    let mut text = "## Results\n\n".to_owned();
    let questions = study.questions();
    let mut shown = Vec::new();
    for question in &questions {
        let Some(answer) = evidence.answer(question) else { continue };
        let section = sections::section(study, question, answer);
        if section.is_empty() {
            continue;
        }
        let (heading, table) = section.split_once("\n\n").unwrap_or((&section, ""));
        text.push_str(&format!("{heading}\n\n"));
        for chart in charts.iter().filter(|chart| chart.topic == question.topic) {
            text.push_str(&picture(brief, evidence, chart));
            shown.push(&chart.path);
        }
        text.push_str(table);
    }
    text.push_str(&sections::relations(&questions, evidence));
    for chart in charts.iter().filter(|chart| !shown.contains(&&chart.path)) {
        text.push_str(&picture(brief, evidence, chart));
    }
    text.push_str(&format!("## What the data holds\n\n{}", sections::columns(study.profile)));
    text
}

/// A chart with its sentence, or why it could not be drawn.
fn picture(brief: &Brief, evidence: &Evidence, chart: &Chart) -> String {
    match evidence.charts.get(&chart.path) {
        Some(Ok(())) => format!("![{}]({})\n\n{}\n\n", plain(&chart.title), link(&brief.output, &chart.path), chart.sentence),
        Some(Err(reason)) => format!("The chart “{}” could not be drawn: {}.\n\n", plain(&chart.title), plain_line(reason)),
        None => String::new(),
    }
}

/// A path of the workspace as a link from the report's own folder.
fn link(output: &RelPath, path: &str) -> String {
    let up = "../".repeat(output.as_str().matches('/').count());
    format!("{up}{}", path.replace('%', "%25").replace(' ', "%20").replace('(', "%28").replace(')', "%29"))
}

fn other_file(study: &Study<'_>, evidence: &Evidence) -> String {
    let mut text = format!("## {}\n\n", plain(file_name(&study.profile.path)));
    for finding in summary::findings(study, evidence) {
        text.push_str(&format!("- {finding}\n"));
    }
    text.push('\n');
    for question in study.questions() {
        if let Some(answer) = evidence.answer(&question) {
            text.push_str(&sections::section(study, &question, answer));
        }
    }
    text + &sections::columns(study.profile)
}

/// The questions about joins between the files of a report.
pub fn join_questions(studies: &[Study<'_>]) -> Vec<Question> {
    let later = |at: usize| -> Vec<&Profile> { studies.iter().skip(at + 1).take(4).map(|other| other.profile).collect() };
    studies.iter().take(4).enumerate().flat_map(|(at, study)| study.joins(&later(at))).collect()
}

fn joins(studies: &[Study<'_>], evidence: &Evidence) -> String {
    let mut found = String::new();
    for (at, study) in studies.iter().take(4).enumerate() {
        let later: Vec<&Profile> = studies.iter().skip(at + 1).take(4).map(|other| other.profile).collect();
        for question in study.joins(&later) {
            found.extend(evidence.answer(&question).and_then(|answer| sections::join(study, &question, answer)));
        }
    }
    if found.is_empty() { found } else { format!("## How the files fit together\n\n{found}\n") }
}

fn titled_quality(study: &Study<'_>, evidence: &Evidence, files: usize) -> String {
    let title = if files > 1 { format!("### {}\n\n", plain(file_name(&study.profile.path))) } else { String::new() };
    title + &sections::quality(study, evidence)
}

/// Inputs that were not analysed, queries that failed, and what earlier steps left.
fn left_aside(brief: &Brief, evidence: &Evidence) -> String {
    let mut lines = Vec::new();
    for (path, reason) in &evidence.unreadable {
        lines.push(format!("- `{path}` could not be analysed: {}.\n", plain_line(reason)));
    }
    let other: Vec<String> = brief.inputs.iter().filter(|input| !is_data(&input.path)).map(|input| format!("`{}`", input.path)).collect();
    if !other.is_empty() {
        lines.push(format!("- Not a data file, so not read here: {}.\n", listed(&other)));
    }
    for (sql, reason) in evidence.failed() {
        lines.push(format!("- A query failed ({}): {}\n", code(&shorten(sql, 100)), plain_line(reason)));
    }
    for upstream in &brief.upstream {
        let path = upstream.output.as_str();
        lines.push(format!(
            "- From an earlier step: [{}]({}) by the {}.\n",
            plain(&upstream.title),
            link(&brief.output, path),
            plain(&upstream.agent)
        ));
    }
    if lines.is_empty() { String::new() } else { format!("## Also in this workspace\n\n{}\n", lines.concat()) }
}

fn method(studies: &[Study<'_>], charts: &[Chart]) -> String {
    let mut questions: Vec<Question> = studies.iter().flat_map(Study::questions).collect();
    questions.extend(join_questions(studies));
    let intro = "Each file was profiled (types, missing values, quartiles by linear interpolation, outliers by the 1.5 interquartile range rule, \
                 standard deviation of the sample), then these SQLite queries were run; each file is a table named after it. Sums and averages pass over missing values.";
    format!("## Method\n\n{intro}\n\n{}", sections::method(&questions, charts))
}

fn limits(study: &Study<'_>) -> String {
    let mut lines = vec!["- The figures describe this data; they say nothing about causes or the future.\n".to_owned()];
    if let Some(measure) = study.main_measure() {
        let way = if measure.additive { "added up" } else { "averaged" };
        lines.push(format!(
            "- {} was taken as the main measure and {way}, judged by the goal's words and the column names; name another column in the goal to change that.\n",
            code(&measure.column.name)
        ));
    } else {
        lines.push("- No column of figures was found to add up or average, so rows were counted.\n".to_owned());
    }
    if study.questions().iter().any(|question| question.topic == Topic::Trend) {
        lines.push("- Outliers are included in all sums and averages. A first or last period that the data covers only in part is marked and not compared.\n".to_owned());
    }
    format!("## Limits\n\n{}", lines.concat())
}

/// The report when there is no data: what is missing and how to bring it.
fn nothing(brief: &Brief, evidence: &Evidence) -> String {
    let mut text = format!("# No data to analyse\n\n> {NO_MODEL} for this report.\n\n**Goal:** {}\n\n", plain_line(&brief.goal));
    text.push_str(if evidence.unreadable.is_empty() {
        "There is no data file in this workspace, so there are no figures to report.\n\n"
    } else {
        "None of the data files in this workspace could be read, so there are no figures to report.\n\n"
    });
    text.push_str(
        "## How to bring data\n\n\
         - On the command line: `--attach sales.csv` (once for each file), or name the file in the goal: a path that exists in the project is attached by itself.\n\
         - In a goal document: `attach:` in its front matter.\n\
         - Formats: CSV, TSV (any of comma, semicolon, tab or bar between the cells), JSON with an array of objects, JSON lines. From a spreadsheet, save as CSV.\n\n\
         ## What the report will then hold\n\n\
         - For each column its type, missing values, range, quartiles and outliers.\n\
         - Totals by each grouping column, the trend over a date column, the largest rows, correlations.\n\
         - Two or three charts, and the SQL behind every figure.\n\n",
    );
    text + &left_aside(brief, evidence)
}

/// Whether a path names a data file.
pub fn is_data(path: &RelPath) -> bool {
    path.extension().is_some_and(|extension| DATA_EXTENSIONS.contains(&extension.as_str()))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// One line of free text: shortened, without effect as Markdown or HTML.
fn plain_line(text: &str) -> String {
    shorten(text, 300).replace('<', "\\<").replace('[', "\\[").trim_end_matches('.').to_owned()
}
