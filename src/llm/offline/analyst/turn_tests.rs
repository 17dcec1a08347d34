//! The order of moves, without tools: what is asked first, and what happens when a tool says no.
use super::*;
use crate::domain::message::{Brief, Message, Role};
use crate::domain::{Block, InputFile, StepId};
use crate::llm::offline::moves;

fn request(inputs: &[&str], turns_left: u32) -> ModelRequest {
    let input = |path: &&str| InputFile { path: RelPath::new(path).unwrap(), source: String::new(), bytes: 0, sha256: String::new() };
    let brief = Brief {
        inputs: inputs.iter().map(input).collect(),
        turns_left,
        ..Brief::new("analyst", "Analyse", StepId::numbered(1), RelPath::new("analysis_report.md").unwrap())
    };
    ModelRequest::new(brief, Vec::new())
}

fn names(next: &Move) -> Vec<&'static str> {
    match next {
        Move::Calls(calls) => calls.iter().map(|(name, _)| *name).collect(),
        Move::Say(_) => Vec::new(),
    }
}

/// Answers every call of a move with the same text.
fn answer(request: &mut ModelRequest, next: Move, content: &str, ok: bool) {
    let reply = moves::reply(request, next);
    let results =
        reply.tool_calls().map(|call| Block::ToolResult { id: call.id.clone(), content: content.into(), is_error: !ok }).collect();
    request.messages.push(Message { role: Role::Assistant, blocks: reply.blocks, raw: None });
    request.messages.push(Message { role: Role::User, blocks: results, raw: None });
}

#[test]
fn data_is_profiled_first_and_other_inputs_are_not() {
    assert_eq!(names(&turn(&request(&["inputs/a.csv", "inputs/b.txt", "inputs/c.JSON"], 6))), ["profile_data", "profile_data"]);
    assert_eq!(names(&turn(&request(&["inputs/b.txt"], 6))), ["list_files"]);
    assert_eq!(names(&turn(&request(&["inputs/a.csv"], 1))), ["write_file"]);
}

#[test]
fn a_file_that_cannot_be_read_ends_in_a_report_that_says_so() {
    let mut request = request(&["inputs/a.csv"], 6);
    let next = turn(&request);
    answer(&mut request, next, "`inputs/a.csv`: the file is binary", false);
    let Move::Calls(calls) = turn(&request) else { panic!("a report is written") };
    assert!(calls[0].1["content"].as_str().unwrap().contains("the file is binary"));
}

#[test]
fn a_report_that_cannot_be_written_is_said_instead() {
    let mut request = request(&[], 6);
    for (content, ok) in [("", true), ("the extension is not allowed", false)] {
        let next = turn(&request);
        answer(&mut request, next, content, ok);
    }
    let Move::Say(said) = turn(&request) else { panic!("the report is said") };
    assert!(said.starts_with("# No data to analyse") && said.contains(NO_MODEL));
}

#[test]
fn answers_that_make_no_sense_still_end() {
    for content in [
        "",
        "{}",
        "null",
        "{\"rows\":[]}",
        "{\"path\":\"a\",\"table\":\"a\",\"rows\":5,\"columns\":1}",
        "{\"columns\":[\"rows\"],\"rows\":[[]]}",
    ] {
        let mut request = request(&["inputs/a.csv"], 6);
        for _ in 0..8 {
            let next = turn(&request);
            if let Move::Say(_) = next {
                break;
            }
            answer(&mut request, next, content, true);
        }
        assert!(matches!(turn(&request), Move::Say(_)), "{content}");
    }
}
