//! Which files a specialist reads next: inputs, earlier outputs, the project's best matches, and the rest of long ones. Ranks by search hits; reads nothing itself.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::delivery::offers;
use super::passages::{is_aside, is_prose};
use super::results::{Gathered, Place};
use super::words::{self, Term};
use crate::domain::ModelRequest;
use crate::domain::message::Brief;

/// Inputs that are read without asking a search first.
const MOST_INPUTS: usize = 12;
/// Files of the project that are read.
const MOST_PROJECT_FILES: usize = 8;
/// Pieces read of a long file around its hits.
const MOST_WINDOWS: usize = 6;
const WINDOW: usize = 40;

/// Calls to make next.
pub type Calls = Vec<(&'static str, Value)>;

/// Earlier outputs and attached texts, on the first turn.
pub fn first(request: &ModelRequest, terms: &[Term]) -> Calls {
    let brief = &request.brief;
    let mut calls: Calls = brief.upstream.iter().map(|upstream| read(upstream.output.as_str())).collect();
    let inputs: Vec<&str> = texts(brief).collect();
    calls.extend(inputs.iter().take(MOST_INPUTS).map(|path| read(path)));
    if inputs.len() > MOST_INPUTS {
        calls.extend(terms.iter().take(6).map(|term| ("search_files", json!({ "query": query(term), "path": "inputs" }))));
    }
    if reads_project(request) {
        calls.push(("read_project", json!({ "path": "README.md" })));
        let prose = "*.{md,markdown,txt,rst,adoc}";
        calls.extend(terms.iter().take(8).map(|term| ("search_project", json!({ "query": query(term), "glob": prose }))));
        calls.extend(terms.iter().take(4).map(|term| ("search_project", json!({ "query": query(term) }))));
    } else if calls.is_empty() {
        calls.push(("list_files", json!({})));
    }
    calls.retain(|(tool, _)| offers(request, tool));
    calls
}

/// What is worth reading after that; empty once there is nothing more.
pub fn next(request: &ModelRequest, gathered: &Gathered, terms: &[Term]) -> Calls {
    let brief = &request.brief;
    let mut calls = Calls::new();
    for path in best(gathered, Place::Workspace).into_iter().chain(gathered.listed.iter().map(String::as_str)).take(2 * MOST_INPUTS) {
        if !is_ours(brief, path) && !is_data(path) && !gathered.tried(path, Place::Workspace) && !calls.contains(&read(path)) {
            calls.push(read(path));
        }
    }
    for path in best(gathered, Place::Project).into_iter().take(MOST_PROJECT_FILES) {
        if !gathered.tried(path, Place::Project) {
            calls.push(("read_project", json!({ "path": path })));
        }
    }
    for document in gathered.documents.iter().filter(|document| document.path != brief.output.as_str()) {
        let tool = if document.place == Place::Project { "read_project" } else { "read_file" };
        if !document.is_partial() {
            continue;
        }
        if gathered.turn == 1 {
            let from = document.more_from.unwrap_or(document.last_line() + 1);
            calls.push((tool, json!({ "path": document.path, "offset": from })));
            if document.place == Place::Workspace {
                calls.extend(terms.iter().take(4).map(|term| ("search_files", json!({ "query": query(term), "path": document.path }))));
            }
        } else if gathered.turn < 4 {
            let windows = unread_hits(gathered, document.path.as_str(), document.place).into_iter().take(MOST_WINDOWS);
            calls.extend(
                windows.map(|line| (tool, json!({ "path": document.path, "offset": line.saturating_sub(10).max(1), "limit": WINDOW }))),
            );
        }
    }
    calls.retain(|(tool, _)| offers(request, tool));
    calls
}

/// Whether this step may and can read the project.
pub fn reads_project(request: &ModelRequest) -> bool {
    request.brief.uses_project && offers(request, "read_project")
}

/// Attached files that hold text to quote.
pub fn texts(brief: &Brief) -> impl Iterator<Item = &str> {
    brief.inputs.iter().map(|input| input.path.as_str()).filter(|path| !is_data(path))
}

/// Tables are for the analyst and the coder.
pub fn is_data(path: &str) -> bool {
    let lower = path.to_lowercase();
    [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".svg", ".xml"].iter().any(|end| lower.ends_with(end))
}

/// Files of ours, and this step's own output.
fn is_ours(brief: &Brief, path: &str) -> bool {
    let own =
        crate::domain::RelPath::new(path).is_ok_and(|path| crate::domain::plan::is_own(&path) && !path.as_str().starts_with("inputs/"));
    own || path == brief.output.as_str() || path.starts_with("agent_outputs/")
}

fn read(path: &str) -> (&'static str, Value) {
    ("read_file", json!({ "path": path }))
}

/// What to search for: the part that a word and its stem share finds its other forms too.
pub fn query(term: &Term) -> &str {
    let shared = term.word.char_indices().zip(term.stem.chars()).take_while(|((_, a), b)| a == b).last();
    let end = shared.map_or(0, |((at, letter), _)| at + letter.len_utf8());
    match term.word.get(..end) {
        Some(part) if part.chars().count() > 3 => part,
        _ => &term.word,
    }
}

/// Paths with hits, best first: many different terms count more than many hits, prose more than code.
fn best(gathered: &Gathered, place: Place) -> Vec<&str> {
    let mut scores: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for hit in gathered.hits.iter().filter(|hit| hit.place == place) {
        *scores.entry(&hit.path).or_default().entry(&hit.query).or_insert(0) += 1;
    }
    let score = |path: &str, queries: &BTreeMap<&str, usize>| {
        let hits: f64 = queries.values().map(|count| (1.0 + *count as f64).ln()).sum();
        hits * queries.len() as f64
            * if is_prose(path) {
                2.0
            } else if is_aside(path) {
                0.3
            } else {
                1.0
            }
    };
    let mut order: Vec<(&str, f64)> = scores.iter().map(|(path, queries)| (*path, score(path, queries))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    order.into_iter().map(|(path, _)| path).collect()
}

/// Hits in lines that have not been read, a window apart.
fn unread_hits(gathered: &Gathered, path: &str, place: Place) -> Vec<usize> {
    let Some(document) = gathered.document(path, place) else { return Vec::new() };
    let hits = gathered.hits.iter().filter(|hit| hit.path == path && hit.place == place && !document.lines.contains_key(&hit.line));
    let mut lines: Vec<usize> = hits.map(|hit| hit.line).collect();
    lines.sort_unstable();
    let mut apart: Vec<usize> = Vec::new();
    for line in lines {
        if apart.last().is_none_or(|last| line > last + WINDOW - 10) {
            apart.push(line);
        }
    }
    apart
}

/// Stems of the terms that some text holds.
pub fn found_terms<'a>(terms: &'a [Term], text: &str) -> Vec<&'a Term> {
    let set = words::stem_set(text);
    terms.iter().filter(|term| set.contains(&term.stem)).collect()
}
