//! The offline coder: fills templates from a table's columns or from the goal's words, and has the result checked. Runs nothing and claims no run.
mod data_code;
mod description;
mod fill;
mod page;
mod scaffold;
mod table;
mod target;

use serde_json::json;

use super::delivery::{Delivery, deliver, offers};
use super::moves::Move;
use super::reading::{self, Calls};
use super::results::{Gathered, Place};
use crate::domain::ModelRequest;
use crate::domain::message::Brief;
use table::Table;
use target::{Language, Target};

/// A program with what there is to say about it.
pub struct Code {
    pub path: String,
    pub text: String,
    /// Complete sentences: what it does.
    pub does: Vec<String>,
    /// How to start it.
    pub usage: Vec<String>,
    /// What a person has to check or fill in.
    pub thin: Vec<String>,
}

/// The next move of a coder: read, write the code, check it, describe it, close.
pub fn turn(request: &ModelRequest) -> Move {
    let gathered = Gathered::from(request);
    let brief = &request.brief;
    let began = !gathered.written.is_empty() || gathered.refusals.iter().any(|refusal| refusal.tool == "write_file");
    if gathered.turn == 0 && brief.turns_left > 1 {
        let calls = first_calls(request);
        if !calls.is_empty() {
            return Move::Calls(calls);
        }
    }
    let target = target::choose(brief, &gathered);
    let code = write(brief, &gathered, &target);
    if target.described && brief.turns_left > 2 && !began && offers(request, "check_file") {
        return deliver(request, &gathered, &Delivery { files: vec![(code.path.clone(), code.text.clone())], closing: String::new() });
    }
    let unchecked = gathered.written.contains(&code.path) && gathered.checks.iter().all(|check| check.path != code.path);
    let tried = gathered.refusals.iter().any(|refusal| refusal.tool == "check_file");
    if unchecked && !tried && offers(request, "check_file") && brief.turns_left > u32::from(target.described) {
        return Move::Calls(vec![("check_file", json!({ "path": code.path }))]);
    }
    let mut files = vec![(code.path.clone(), code.text.clone())];
    if target.described {
        files.push((brief.output.as_str().to_owned(), description::write(brief, &gathered, &code)));
    }
    deliver(request, &gathered, &Delivery { files, closing: description::closing(brief, &gathered, &code) })
}

/// The heads of data files, attached texts and earlier outputs.
fn first_calls(request: &ModelRequest) -> Calls {
    let brief = &request.brief;
    let mut calls: Calls = brief.inputs.iter().take(6).map(|input| ("read_file", json!({ "path": input.path.as_str() }))).collect();
    calls.extend(brief.upstream.iter().map(|upstream| ("read_file", json!({ "path": upstream.output.as_str() }))));
    if calls.is_empty() {
        calls.push(("list_files", json!({})));
    }
    calls.retain(|(tool, _)| offers(request, tool));
    calls
}

/// The first attached file that reads as a table.
fn data(brief: &Brief, gathered: &Gathered) -> Option<Table> {
    let tables = brief.inputs.iter().filter(|input| reading::is_data(input.path.as_str()) || input.path.as_str().ends_with(".txt"));
    tables.filter_map(|input| gathered.document(input.path.as_str(), Place::Workspace)).find_map(table::read)
}

fn write(brief: &Brief, gathered: &Gathered, target: &Target) -> Code {
    match data(brief, gathered) {
        Some(table) => match target.language {
            Language::Python => data_code::python(brief, target, &table),
            Language::JavaScript | Language::TypeScript => data_code::script(brief, target, &table),
            Language::Html => page::data_page(brief, target, &table),
            _ => data_code::outline(brief, target, &table),
        },
        None => match target.language {
            Language::Html => page::plain_page(brief, gathered, target),
            _ => scaffold::write(brief, gathered, target),
        },
    }
}

#[cfg(test)]
mod tests;
