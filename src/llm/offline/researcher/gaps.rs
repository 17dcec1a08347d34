//! What the sources do not answer: words found nowhere, questions they leave open, files that could not be read. Guesses nothing.
use std::collections::BTreeSet;

use crate::domain::ModelRequest;
use crate::llm::offline::passages::{self, Passage};
use crate::llm::offline::reading;
use crate::llm::offline::results::Gathered;
use crate::llm::offline::words::{self, Term};

const OPEN_WORDS: [&str; 12] = [
    "is unknown",
    "are unknown",
    "remains unknown",
    "unclear",
    "not known",
    "open question",
    "no data",
    "to be decided",
    "not yet known",
    "remains to be",
    "disputed",
    "no reliable",
];
const MOST_OPEN: usize = 6;

/// The section `Gaps`.
pub fn section(request: &ModelRequest, gathered: &Gathered, terms: &[Term], passages: &[Passage]) -> String {
    let mut lines = Vec::new();
    lines.extend(missing(terms, passages));
    lines.extend(thin(terms, passages));
    lines.extend(open_points(terms, passages));
    lines.extend(unread(request, gathered));
    lines.push("The web was not searched: offline work reads only what is on this machine.".to_owned());
    let list: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    format!("## Gaps\n\n{list}\n")
}

fn documents_with<'a>(term: &Term, passages: &'a [Passage]) -> BTreeSet<&'a str> {
    let holds = |passage: &&Passage| words::stem_set(&format!("{} {}", passage.heading, passage.text())).contains(&term.stem);
    passages.iter().filter(holds).map(|passage| passage.path.as_str()).collect()
}

fn missing(terms: &[Term], passages: &[Passage]) -> Option<String> {
    let words: Vec<String> =
        terms.iter().filter(|term| documents_with(term, passages).is_empty()).map(|term| format!("`{}`", term.word)).collect();
    (!words.is_empty() && !passages.is_empty()).then(|| format!("Found in no source: {}.", words.join(", ")))
}

fn thin(terms: &[Term], passages: &[Passage]) -> Vec<String> {
    let all: BTreeSet<&str> = passages.iter().map(|passage| passage.path.as_str()).collect();
    if all.len() < 2 {
        return Vec::new();
    }
    let single = |term: &Term| {
        let files = documents_with(term, passages);
        match (files.first(), files.len()) {
            (Some(file), 1) => Some(format!("`{}` rests on one source alone, `{file}`.", term.word)),
            _ => None,
        }
    };
    terms.iter().filter_map(single).collect()
}

/// Lines in which the sources themselves leave something open, quoted.
fn open_points(terms: &[Term], passages: &[Passage]) -> Vec<String> {
    let mut found = Vec::new();
    for passage in passages.iter().filter(|passage| !passage.code && passages::is_prose(&passage.path)) {
        let about = !reading::found_terms(terms, &format!("{} {}", passage.heading, passage.text())).is_empty();
        for (line, sentence) in passages::sentences(passage).into_iter().filter(|_| about) {
            let lower = sentence.to_lowercase();
            let asks = lower.ends_with('?') || OPEN_WORDS.iter().any(|word| lower.contains(word));
            if asks && !lower.contains(['|', '{', '`']) && !lower.contains("://") {
                found.push(format!("Left open by a source: “{sentence}” (`{}:{line}`)", passage.path));
            }
        }
    }
    found.truncate(MOST_OPEN);
    found
}

fn unread(request: &ModelRequest, gathered: &Gathered) -> Vec<String> {
    let mut lines = Vec::new();
    let data: Vec<String> = request
        .brief
        .inputs
        .iter()
        .map(|input| input.path.as_str())
        .filter(|path| reading::is_data(path))
        .map(|path| format!("`{path}`"))
        .collect();
    if !data.is_empty() {
        lines.push(format!("Data files are not quoted from; they are for the analyst: {}.", data.join(", ")));
    }
    for refusal in gathered.refusals.iter().filter(|refusal| refusal.tool.starts_with("read") && refusal.target != "README.md") {
        lines.push(format!("`{}` could not be read: {}.", refusal.target, refusal.reason.trim_end_matches('.')));
    }
    if let Some(refusal) = gathered.refusals.iter().find(|refusal| refusal.tool == "search_project") {
        lines.push(format!("The project could not be searched: {}.", refusal.reason.trim_end_matches('.')));
    }
    for document in gathered.documents.iter().filter(|document| document.is_partial()) {
        lines.push(format!(
            "`{}` is long: {} of its lines were read, up to line {}.",
            document.path,
            document.lines.len(),
            document.last_line()
        ));
    }
    lines
}
