//! The offline analyst: profiles the data, asks SQL, has charts drawn, writes a report. Decides from the request alone; touches nothing itself.
mod answers;
mod charts;
mod evidence;
mod facts;
mod figures;
mod questions;
mod report;
mod sections;
mod summary;

use serde_json::{Value, json};

use super::moves::{Move, NO_MODEL};
use crate::domain::{ModelRequest, RelPath};
use charts::Chart;
use evidence::Evidence;
use questions::Study;

const DATA_EXTENSIONS: [&str; 6] = [".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson"];
/// Files profiled in one step.
const MAX_FILES: usize = 8;
/// Queries asked in one step.
const MAX_QUERIES: usize = 40;

/// The analyst's next move: profile, query, chart, write, say; at most six turns, fewer when the step has fewer left.
pub fn turn(request: &ModelRequest) -> Move {
    let evidence = Evidence::gather(request);
    let charts = planned_charts(request, &evidence);
    let left = request.brief.turns_left;
    if left == 0 || evidence.written.is_some() || !has(request, "write_file") {
        if left > 0 && evidence.written.is_none() {
            // Without write_file the closing text is the report: gather as usual first.
            return gathering(request, &evidence, &charts).unwrap_or_else(|| close(request, &evidence, &charts));
        }
        return close(request, &evidence, &charts);
    }
    let next = if left > 1 { gathering(request, &evidence, &charts) } else { None };
    next.unwrap_or_else(|| {
        let content = report::report(&request.brief, &evidence, &charts);
        Move::Calls(vec![("write_file", json!({"path": request.brief.output, "content": content}))])
    })
}

/// The next calls that bring evidence, if any are left to make.
fn gathering(request: &ModelRequest, evidence: &Evidence, charts: &[Chart]) -> Option<Move> {
    let (left, goal) = (request.brief.turns_left, &request.brief.goal);
    if evidence.profiles.is_empty() && evidence.unreadable.is_empty() {
        let files = data_files(request, evidence);
        if !files.is_empty() && has(request, "profile_data") {
            return Some(Move::Calls(files.into_iter().map(|path| ("profile_data", json!({"path": path}))).collect()));
        }
        let ask = evidence.listing.is_none() && has(request, "list_files") && left > 1;
        return ask.then(|| Move::Calls(vec![("list_files", json!({}))]));
    }
    if !evidence.has_answers() && has(request, "query_data") {
        let studies = evidence.studies(goal);
        let questions = studies.iter().flat_map(Study::questions).chain(report::join_questions(&studies));
        let calls: Vec<(&str, Value)> = questions.take(MAX_QUERIES).map(|question| ("query_data", json!({"sql": question.sql}))).collect();
        return (!calls.is_empty()).then_some(Move::Calls(calls));
    }
    let undrawn = evidence.charts.is_empty() && !charts.is_empty() && has(request, "make_chart");
    let call = |chart: &Chart| ("make_chart", json!({"sql": chart.sql, "kind": chart.kind, "title": chart.title, "path": chart.path}));
    undrawn.then(|| Move::Calls(charts.iter().map(call).collect()))
}

/// The charts of the main file. A report under another name keeps its charts apart, so that two analysts do not share a file.
fn planned_charts(request: &ModelRequest, evidence: &Evidence) -> Vec<Chart> {
    let studies = evidence.studies(&request.brief.goal);
    let Some(main) = studies.first() else { return Vec::new() };
    let mut charts = charts::plan(main, evidence, &request.brief.goal);
    let stem = request.brief.output.file_name().split('.').next().unwrap_or_default();
    if stem != "analysis_report" {
        for chart in &mut charts {
            chart.path = chart.path.replacen("charts/", &format!("charts/{stem}-"), 1);
        }
    }
    charts
}

/// Data files to profile: the attached ones and what earlier steps left, else whatever a listing shows.
fn data_files(request: &ModelRequest, evidence: &Evidence) -> Vec<RelPath> {
    let brief = &request.brief;
    let named = brief.inputs.iter().map(|input| &input.path).chain(brief.upstream.iter().map(|upstream| &upstream.output));
    let mut files: Vec<RelPath> = named.filter(|path| report::is_data(path)).cloned().collect();
    if let (true, Some(listing)) = (files.is_empty(), &evidence.listing) {
        let separates = |c: char| c.is_whitespace() || matches!(c, ',' | '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '|');
        files = listing.split(separates).filter_map(|word| RelPath::new(word).ok()).filter(report::is_data).collect();
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|path| seen.insert(path.clone()));
    files.truncate(MAX_FILES);
    files
}

/// The closing text: the findings in short, or the whole report where it could not be written.
fn close(request: &ModelRequest, evidence: &Evidence, charts: &[Chart]) -> Move {
    if !matches!(evidence.written, Some(Ok(()))) {
        return Move::Say(report::report(&request.brief, evidence, charts));
    }
    let output = &request.brief.output;
    let studies = evidence.studies(&request.brief.goal);
    let Some(main) = studies.first() else {
        return Move::Say(format!("{output} says what data is missing and how to attach it. {NO_MODEL}."));
    };
    let findings = summary::findings(main, evidence).into_iter().take(5).map(|finding| format!("- {finding}\n"));
    let drawn = charts.iter().filter(|chart| matches!(evidence.charts.get(&chart.path), Some(Ok(())))).count();
    let pictures = if drawn == 0 { String::new() } else { format!(" with {}", figures::counted(drawn, "chart")) };
    Move::Say(format!("Wrote {output}{pictures}. {NO_MODEL}; the figures come from the data.\n\n{}", findings.collect::<String>()))
}

/// Whether this agent may use a tool; a request without tools at all is a test's.
fn has(request: &ModelRequest, name: &str) -> bool {
    request.tools.is_empty() || request.tools.iter().any(|tool| tool.name == name)
}

#[cfg(test)]
#[path = "analyst/turn_tests.rs"]
mod tests;
