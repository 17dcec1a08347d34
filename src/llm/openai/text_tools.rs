//! Tools for models that have none: described in words, called by fenced JSON in the answer's text, answered in words. Pure.
use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::{Block, StopReason, ToolCall, ToolSpec};

/// How a call is written.
const FENCE: &str = "```tool";
/// Longest description of all tools, in bytes: small models have small windows.
const CAP: usize = 24 * 1024;

/// What the system prompt says about tools.
pub(super) fn instructions(tools: &[Arc<ToolSpec>]) -> String {
    let mut text = format!(
        "# Tools\n\nYou have tools. To call one, write a block like this, with the input as one JSON object:\n\n{FENCE}\n\
         {{\"name\": \"NAME\", \"input\": {{}}}}\n```\n\nYou can write several blocks. Stop after the last one: the results come in the next \
         message. Without such a block nothing is done, and your answer is taken as final. The tools:\n"
    );
    let mut left_out = Vec::new();
    for tool in tools {
        let line = format!("\n- {}: {} Input: {}", tool.name, tool.description, tool.input_schema.as_str());
        if text.len() + line.len() <= CAP {
            text.push_str(&line);
        } else {
            left_out.push(tool.name.as_str());
        }
    }
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        tracing::warn!("descriptions of tools come to more than {} kB, so the model does not get: {names}", CAP / 1024);
        let _ = write!(text, "\n\nThese tools have no room here and cannot be called; if one is needed, say so in your result: {names}");
    }
    text
}

/// A call as it stands in a text.
fn written(call: &ToolCall) -> String {
    format!("{FENCE}\n{}\n```", serde_json::json!({"name": call.name, "input": call.input}))
}

/// An earlier answer as text, its calls included.
pub(super) fn answer_text(blocks: &[Block]) -> String {
    let part = |block: &Block| match block {
        Block::Text { text } => Some(text.clone()),
        Block::ToolCall(call) => Some(written(call)),
        Block::ToolResult { .. } => None,
    };
    blocks.iter().filter_map(part).collect::<Vec<_>>().join("\n\n")
}

/// The results of calls as text.
pub(super) fn results_text(blocks: &[Block]) -> String {
    let mut text = String::new();
    let results = blocks.iter().filter_map(|block| match block {
        Block::ToolResult { content, is_error, .. } => Some((content, is_error)),
        _ => None,
    });
    for (number, (content, is_error)) in results.enumerate() {
        let outcome = if *is_error { " (it failed)" } else { "" };
        let content = if content.trim().is_empty() { "(no output)" } else { content };
        let _ = write!(text, "{}Result of call {}{outcome}:\n\n{content}", if number == 0 { "" } else { "\n\n" }, number + 1);
    }
    text
}

/// Reads the calls out of an answer. `turn` makes ids unlike those of earlier answers; `names` are the tools on offer.
pub(super) fn read(blocks: Vec<Block>, stop: StopReason, (turn, tools): (usize, &[Arc<ToolSpec>])) -> (Vec<Block>, StopReason) {
    if stop == StopReason::Refusal {
        return (blocks, stop);
    }
    let text: String =
        blocks.iter().filter_map(|block| if let Block::Text { text } = block { Some(text.as_str()) } else { None }).collect();
    let (mut said, mut calls) = (String::new(), Vec::new());
    let mut rest = text.as_str();
    while let Some((before, fence)) = next_fence(rest) {
        said.push_str(before);
        let cut = fence.closed.is_none() && stop == StopReason::MaxTokens;
        match call(&fence, tools) {
            Some((name, input)) => calls.push(ToolCall { id: format!("call_{turn}_{}", calls.len()), name, input }),
            None if cut && fence.is_tool => {
                let input = ToolCall::input_from_text(&format!("{} ", fence.body));
                calls.push(ToolCall { id: format!("call_{turn}_{}", calls.len()), name: "tool".into(), input });
            }
            None => said.push_str(fence.whole),
        }
        rest = fence.closed.unwrap_or_default();
    }
    said.push_str(rest);
    let mut read = Vec::new();
    if !said.trim().is_empty() {
        read.push(Block::Text { text: said.trim().to_owned() });
    }
    let stop = if !calls.is_empty() && stop == StopReason::EndTurn { StopReason::ToolUse } else { stop };
    read.extend(calls.into_iter().map(Block::ToolCall));
    (read, stop)
}

/// A fenced block: its own words, what is in it, and the text behind it (`None` where it is not closed).
struct Fence<'a> {
    whole: &'a str,
    body: &'a str,
    is_tool: bool,
    closed: Option<&'a str>,
}

fn next_fence(text: &str) -> Option<(&str, Fence<'_>)> {
    // Only at the beginning of a line, blanks before it allowed: a fence named within a sentence opens nothing.
    let begins = |at: usize| text.get(..at).is_some_and(|before| before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty()));
    let start = text.match_indices("```").map(|(at, _)| at).find(|at| begins(*at))?;
    let (before, from) = text.split_at(start);
    let (info, after) = from.get(3..)?.split_once('\n').unwrap_or((from.get(3..)?, ""));
    let is_tool = matches!(info.trim(), "tool" | "tool_call" | "tool_code");
    // The end is a fence at the beginning of a line: JSON holds line breaks only as `\n`.
    let end = if after.starts_with("```") { Some(0) } else { after.find("\n```").map(|at| at + 1) };
    let (body, closed) = match end {
        Some(end) => (after.get(..end)?, after.get(end + 3..)),
        None => (after, None),
    };
    let whole = from.get(..from.len() - closed.map_or(0, str::len))?;
    Some((before, Fence { whole, body, is_tool, closed }))
}

/// Name and input of the call in a fence. A fence that is not marked as a call is one only if it names a tool on offer.
fn call(fence: &Fence<'_>, tools: &[Arc<ToolSpec>]) -> Option<(String, Value)> {
    let value: Map<String, Value> = match serde_json::from_str(fence.body.trim()) {
        Ok(Value::Object(value)) => value,
        // The model meant a call: it is told what was wrong with it.
        _ if fence.is_tool && fence.closed.is_some() => return Some(("tool".into(), ToolCall::input_from_text(fence.body))),
        _ => return None,
    };
    let name = ["name", "tool"].iter().find_map(|key| value.get(*key).and_then(Value::as_str))?.to_owned();
    let input = ["input", "arguments", "parameters"].iter().find_map(|key| value.get(*key));
    let is_offered = tools.iter().any(|tool| tool.name == name);
    if !(fence.is_tool || is_offered && input.is_some()) {
        return None;
    }
    let input = match input {
        Some(Value::Object(input)) => Value::Object(input.clone()),
        Some(Value::String(text)) => ToolCall::input_from_text(text),
        Some(other) => ToolCall::input_from_text(&other.to_string()),
        None => Value::Object(Map::new()),
    };
    Some((name, input))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn tools() -> Vec<Arc<ToolSpec>> {
        vec![Arc::new(ToolSpec { name: "read_file".into(), description: "reads".into(), input_schema: json!({"type": "object"}).into() })]
    }

    fn read_text(text: &str, stop: StopReason) -> (Vec<Block>, StopReason) {
        read(vec![Block::Text { text: text.into() }], stop, (3, &tools()))
    }

    fn call(number: usize, name: &str, input: Value) -> Block {
        Block::ToolCall(ToolCall { id: format!("call_3_{number}"), name: name.into(), input })
    }

    #[test]
    fn calls_are_read_out_of_the_text_and_the_rest_stays() {
        let text = "I look.\n```tool\n{\"name\": \"read_file\", \"input\": {\"path\": \"a.md\"}}\n```\n```json\n{\"name\": \"read_file\", \
                    \"arguments\": \"{\\\"path\\\": \\\"b.md\\\"}\"}\n```\nThen.";
        let (blocks, stop) = read_text(text, StopReason::EndTurn);
        let said = Block::Text { text: "I look.\n\n\nThen.".into() };
        assert_eq!(blocks, [said, call(0, "read_file", json!({"path": "a.md"})), call(1, "read_file", json!({"path": "b.md"}))]);
        assert_eq!(stop, StopReason::ToolUse);
    }

    #[test]
    fn other_fences_are_text() {
        for text in [
            "See:\n```json\n{\"name\": \"Ada\"}\n```",
            "```python\nprint(1)\n```",
            "```",
            "no fence",
            "```json\n{\"name\": \"read_file\"}\n```",
        ] {
            let (blocks, stop) = read_text(text, StopReason::EndTurn);
            assert_eq!((blocks, stop), (vec![Block::Text { text: text.trim().into() }], StopReason::EndTurn), "{text}");
        }
    }

    #[test]
    fn a_fence_within_a_sentence_is_no_call() {
        let said = "Never write ```tool {\"name\": \"read_file\", \"input\": {}} ``` in a sentence, nor ```tool\n{\"name\": \"read_file\", \"input\": {}}";
        let (blocks, stop) = read_text(said, StopReason::EndTurn);
        assert_eq!((blocks, stop), (vec![Block::Text { text: said.into() }], StopReason::EndTurn));
        let (blocks, _) = read_text("So:\n  ```tool\n{\"name\": \"read_file\", \"input\": {}}\n```", StopReason::EndTurn);
        assert_eq!(blocks.last(), Some(&call(0, "read_file", json!({}))), "blanks before a fence do not count");
    }

    #[test]
    fn tools_without_room_are_named_as_such() {
        let tool =
            |name: &str, length: usize| ToolSpec { description: "d".repeat(length), name: name.into(), ..ToolSpec::clone(&tools()[0]) };
        let said = instructions(&[tool("small", 10), tool("vast", CAP), tool("late", 10)].map(Arc::new));
        assert!(said.contains("- small:") && said.contains("- late:") && !said.contains("- vast:"));
        assert!(said.ends_with("say so in your result: vast"), "{}", said.get(said.len() - 200..).unwrap());
        assert!(!instructions(&tools()).contains("no room"));
    }

    #[test]
    fn a_broken_call_is_told_to_the_model_and_a_cut_one_is_not_run() {
        let (blocks, stop) = read_text("```tool\n{\"name\": \"read_file\", oops}\n```", StopReason::EndTurn);
        assert!(matches!(&blocks[0], Block::ToolCall(call) if call.unreadable_input().is_some()), "{blocks:?}");
        assert_eq!(stop, StopReason::ToolUse);
        let (blocks, stop) = read_text("```tool\n{\"name\": \"read_file\", \"input\": {\"pa", StopReason::MaxTokens);
        assert!(matches!(blocks.last(), Some(Block::ToolCall(_))));
        assert_eq!(stop, StopReason::MaxTokens);
    }

    #[test]
    fn a_call_without_its_closing_fence_counts_when_it_is_whole() {
        let (blocks, _) = read_text("```tool\n{\"name\": \"read_file\", \"input\": {}}", StopReason::EndTurn);
        assert_eq!(blocks, [call(0, "read_file", json!({}))]);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let input = json!({"path": "a.md", "content": "# A\n\n```rust\nfn main() {}\n```\n"});
        let first = ToolCall { id: "x".into(), name: "write_file".into(), input: input.clone() };
        let (blocks, _) = read_text(&answer_text(&[Block::ToolCall(first)]), StopReason::EndTurn);
        assert_eq!(blocks, [call(0, "write_file", input)]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(```|tool|json|\n|\\{|\\}|\"name\"|:|\"read_file\"|ä|x){0,24}") {
            let (blocks, _) = read_text(&text, StopReason::EndTurn);
            prop_assert!(blocks.len() <= 26);
        }
    }
}
