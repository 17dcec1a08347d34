//! Going on in a fresh conversation when the model's window fills: when it is due, what is asked, what the fresh one opens with. Pure.
use serde_json::Value;

use crate::domain::{Block, Message, Policy, Role, Step};

use super::prompt::capped;
use super::step::StepState;
use super::turn::model_of;

/// What an agent is asked for before its conversation is left behind.
pub const ASK: &str = "This conversation is about to grow too long for the model. Write a hand-over for the colleague who goes on with this \
    step in a fresh conversation and sees nothing of this one: what is done and in which files, what you learned that is needed (with its \
    sources), what is left to do, what to avoid. Call no tools now.";
/// The head of the hand-over in the fresh conversation.
const HEAD: &str = "# Hand-over from your earlier conversation in this step\n\n";
/// The longest hand-over, in bytes.
const CAP: usize = 24 * 1024;
/// Hand-overs in one attempt at the most.
const MOST: u32 = 8;
/// Bytes that make one token at the most, in ordinary text.
const BYTES_PER_TOKEN: u64 = 3;

/// Bytes of a conversation's texts, calls and results.
pub fn weight(messages: &[Message]) -> u64 {
    let of = |block: &Block| match block {
        Block::Text { text } => text.len(),
        Block::ToolCall(call) => call.name.len() + length(&call.input),
        Block::ToolResult { content, .. } => content.len(),
    };
    messages.iter().flat_map(|message| &message.blocks).map(of).sum::<usize>() as u64
}

fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(length).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + length(value)).sum(),
        _ => 4,
    }
}

/// Tokens of the next request: those the provider counted last, and the bytes that came since at their worst.
fn tokens(state: &StepState) -> u64 {
    let conversation = &state.conversation;
    let now = weight(&conversation.messages);
    let (measured_bytes, measured_tokens) = conversation.measured.unwrap_or((0, state.system.len() as u64 / BYTES_PER_TOKEN));
    measured_tokens + now.saturating_sub(measured_bytes) / BYTES_PER_TOKEN
}

/// Whether the next call should ask for a hand-over: three quarters of the window are full, and a fresh conversation would be much smaller.
pub fn is_due(step: &Step, state: &StepState, policy: &Policy) -> bool {
    let Some(window) = model_of(policy, step).and_then(|model| policy.context_tokens.get(&model).copied()) else { return false };
    let messages = &state.conversation.messages;
    let answers = messages.iter().filter(|message| message.role == Role::Assistant).count();
    let fresh = messages.first().map_or(0, |first| weight(std::slice::from_ref(first)) / BYTES_PER_TOKEN);
    let worth_it = answers > 1 && fresh < window / 2 && state.hand_overs < MOST && state.attempt_turns + 1 < state.max_turns;
    worth_it && tokens(state) > window / 4 * 3
}

/// A hand-over made from what is known, where the agent could not write one.
pub fn from_facts(state: &StepState) -> String {
    let mut text = String::from("The conversation grew too long before a hand-over could be written. What is known:\n\n");
    for path in &state.wrote {
        text.push_str(&format!("- written by you: `{path}` (read it before you change it)\n"));
    }
    for path in state.known.keys().filter(|path| !state.wrote.contains(path)) {
        text.push_str(&format!("- read by you: `{path}`\n"));
    }
    let said = state.conversation.messages.iter().rev().filter(|message| message.role == Role::Assistant);
    let last = said.flat_map(|message| &message.blocks).find_map(|block| match block {
        Block::Text { text } if !text.trim().is_empty() => Some(text),
        _ => None,
    });
    if let Some(last) = last {
        text.push_str(&format!("\nYour last words were:\n\n{}\n", capped(last, CAP / 4)));
    }
    let told = state.conversation.messages.iter().skip(1).rev().filter(|message| message.role == Role::User);
    let note = told.flat_map(|message| &message.blocks).find_map(|block| match block {
        Block::Text { text } if state.reworks > 0 && text.contains("<findings>") => Some(text),
        _ => None,
    });
    if let Some(note) = note {
        text.push_str(&format!("\nYou were told:\n\n{}\n", capped(note, CAP / 2)));
    }
    text.push_str("\nRead and fetch in small pieces from here on.");
    text
}

/// The first message of the fresh conversation: the step's prompt as it was, and the hand-over.
pub fn opening(first: Option<&Message>, text: &str) -> Message {
    let prompt = first.and_then(|first| first.blocks.first()).cloned();
    let hand_over = Block::Text { text: format!("{HEAD}{}", capped(text, CAP)) };
    Message { role: Role::User, blocks: prompt.into_iter().chain([hand_over]).collect(), raw: None }
}

#[cfg(test)]
#[path = "hand_over_tests.rs"]
mod tests;
