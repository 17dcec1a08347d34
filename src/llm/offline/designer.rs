//! The designer without a language model: an architecture document from the outline of a project, else a design outline from goal and inputs.
use serde_json::{Value, json};

use crate::domain::ModelRequest;
use crate::llm::offline::gathered::Gathered;
use crate::llm::offline::{Move, designer_goal, designer_project};

/// Inputs and earlier outputs that are read at the most.
const READ: usize = 6;

/// The designer's next move: gather, read what was found, write, close.
pub fn turn(request: &ModelRequest) -> Move {
    let gathered = Gathered::of(request);
    let output = request.brief.output.as_str();
    let wants_project = request.brief.uses_project && gathered.has("outline_project");
    if gathered.is_empty() {
        return Move::Calls(first_calls(&gathered, wants_project));
    }
    let outline = gathered.good("outline_project", "").and_then(|content| serde_json::from_str::<Value>(content).ok());
    let follow_up = outline.as_ref().map(|outline| follow_up(&gathered, outline)).unwrap_or_default();
    if !follow_up.is_empty() && gathered.answer("write_file", "").is_none() && gathered.answer("read_project", "").is_none() {
        return Move::Calls(follow_up);
    }
    let document = match &outline {
        Some(outline) => designer_project::document(&gathered, outline),
        None => designer_goal::document(&gathered),
    };
    write_or_close(&gathered, output, document, if outline.is_some() { "the architecture of the project" } else { "a design outline" })
}

fn first_calls(gathered: &Gathered<'_>, wants_project: bool) -> Vec<(&'static str, Value)> {
    let mut calls = vec![("list_files", json!({}))];
    if wants_project {
        calls.push(("outline_project", json!({})));
    }
    let brief = &gathered.request.brief;
    let inputs = brief.inputs.iter().map(|input| input.path.as_str()).take(READ);
    let earlier = brief.upstream.iter().map(|upstream| upstream.output.as_str()).take(READ);
    calls.extend(inputs.chain(earlier).map(|path| ("read_file", json!({"path": path, "limit": 120}))));
    calls
}

/// The README; what manifests say is in the outline already.
fn follow_up(gathered: &Gathered<'_>, outline: &Value) -> Vec<(&'static str, Value)> {
    if !gathered.has("read_project") {
        return Vec::new();
    }
    let readme = designer_project::readme(outline);
    readme.into_iter().map(|path| ("read_project", json!({"path": path, "limit": 80}))).collect()
}

/// Writes the document; if it may not be written, it becomes the closing text, which then becomes the file.
fn write_or_close(gathered: &Gathered<'_>, output: &str, document: String, what: &str) -> Move {
    let turns_left = gathered.request.brief.turns_left;
    match gathered.answer("write_file", output) {
        Some((_, true)) => Move::Say(format!("No language model was used. I wrote {what} to {output}.")),
        Some((reason, false)) if reason.contains("read it first") && turns_left > 1 && gathered.good("read_file", output).is_none() => {
            Move::Calls(vec![("read_file", json!({"path": output}))])
        }
        Some((reason, false)) if reason.contains("read it first") && turns_left > 0 && gathered.good("read_file", output).is_some() => {
            Move::Calls(vec![("write_file", json!({"path": output, "content": document}))])
        }
        Some((_, false)) => Move::Say(document),
        None if turns_left > 0 => Move::Calls(vec![("write_file", json!({"path": output, "content": document}))]),
        None => Move::Say(document),
    }
}
