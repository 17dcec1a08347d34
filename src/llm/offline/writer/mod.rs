//! The offline writer: puts documents together from earlier outputs, attached texts and the project's own files. What no source says is marked as a placeholder.
mod code_items;
mod documentation;
mod material;
mod podcast;
mod prose;
mod readme;

use serde_json::json;

use super::delivery::{Delivery, deliver, offers};
use super::moves::Move;
use super::reading::{self, Calls};
use super::results::{Gathered, Place};
use super::words;
use crate::domain::ModelRequest;
use crate::domain::message::Brief;
use material::Material;

/// The last turn on which the writer still reads.
const LAST_READING_TURN: usize = 2;

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Documentation,
    Report,
    Article,
    PodcastScript,
    ShowNotes,
    Summary,
    General,
}

/// Words that tell a kind, in the order in which they are tried.
const KINDS: [(&str, Kind); 21] = [
    ("show note", Kind::ShowNotes),
    ("podcast", Kind::PodcastScript),
    ("episode", Kind::PodcastScript),
    ("documentation", Kind::Documentation),
    ("api doc", Kind::Documentation),
    ("api reference", Kind::Documentation),
    ("readme", Kind::Documentation),
    ("user guide", Kind::Documentation),
    ("manual", Kind::Documentation),
    ("summar", Kind::Summary),
    ("overview", Kind::Summary),
    ("executive", Kind::Summary),
    ("article", Kind::Article),
    ("blog", Kind::Article),
    ("newsletter", Kind::Article),
    ("essay", Kind::Article),
    ("report", Kind::Report),
    ("white paper", Kind::Report),
    ("docs", Kind::Documentation),
    ("guide", Kind::Documentation),
    ("reference", Kind::Documentation),
];

/// The next move of a writer.
pub fn turn(request: &ModelRequest) -> Move {
    let gathered = Gathered::from(request);
    let kind = kind(&request.brief);
    let unwritten = gathered.written.is_empty() && !gathered.refusals.iter().any(|refusal| refusal.tool == "write_file");
    if unwritten && request.brief.turns_left > 1 && gathered.turn <= LAST_READING_TURN {
        let calls = calls(request, &gathered, kind);
        if !calls.is_empty() {
            return Move::Calls(calls);
        }
    }
    deliver(request, &gathered, &delivery(request, &gathered, kind))
}

/// The output's name decides first, then the step's title, then the goal.
pub fn kind(brief: &Brief) -> Kind {
    let name = brief.output.file_name().to_lowercase().replace(['_', '-'], " ");
    let texts = [name, brief.title.to_lowercase(), brief.goal.to_lowercase()];
    let of = |text: &String| KINDS.iter().find(|(word, _)| text.contains(word)).map(|(_, kind)| *kind);
    texts.iter().find_map(of).unwrap_or(Kind::General)
}

fn calls(request: &ModelRequest, gathered: &Gathered, kind: Kind) -> Calls {
    let terms = words::terms(&request.brief);
    let mut calls = if gathered.turn == 0 { reading::first(request, &terms) } else { reading::next(request, gathered, &terms) };
    if kind == Kind::Documentation && reading::reads_project(request) {
        calls.retain(|(tool, input)| {
            *tool != "search_project" && (*tool != "read_project" || input.get("path") == Some(&json!("README.md")))
        });
        let more = if gathered.turn == 0 { documentation::first_calls() } else { documentation::next_calls(gathered) };
        calls.extend(more.into_iter().filter(|(tool, _)| offers(request, tool)));
    }
    calls
}

fn delivery(request: &ModelRequest, gathered: &Gathered, kind: Kind) -> Delivery {
    let brief = &request.brief;
    let material = Material::from(brief, gathered);
    let read_code = gathered.documents.iter().any(|document| document.place == Place::Project);
    let (content, closing) = match kind {
        _ if material.is_empty() && !read_code => prose::outline(brief, &material),
        Kind::Documentation => documentation::write(brief, gathered, &material),
        Kind::PodcastScript => podcast::script(brief, &material),
        Kind::ShowNotes => podcast::show_notes(brief, &material),
        Kind::Report => prose::report(brief, &material),
        Kind::Summary => prose::summary(brief, &material),
        Kind::Article => prose::article(brief, &material, "Article"),
        Kind::General => prose::article(brief, &material, ""),
    };
    Delivery { files: vec![(brief.output.as_str().to_owned(), content)], closing }
}

#[cfg(test)]
mod tests;
