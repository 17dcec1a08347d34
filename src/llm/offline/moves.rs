//! What an offline specialist does in one turn, and how that becomes a reply. Knows no specialist.
use serde_json::Value;

use crate::domain::{Block, ModelRequest, Reply, StopReason, ToolCall, Usage};

/// The first words of every artifact written here.
pub const NO_MODEL: &str = "No language model was used";

/// One turn of a specialist.
#[derive(Debug, Clone, PartialEq)]
pub enum Move {
    /// Call these tools, in this order: names and inputs.
    Calls(Vec<(&'static str, Value)>),
    /// Finish with this closing text.
    Say(String),
}

/// Wraps a move as the reply of a model: no tokens, no cost, ids that repeat on a replay.
pub fn reply(request: &ModelRequest, next: Move) -> Reply {
    let turn = request.messages.len();
    let (blocks, stop) = match next {
        Move::Say(text) => (vec![Block::Text { text }], StopReason::EndTurn),
        Move::Calls(calls) => {
            let call = |(index, (name, input)): (usize, (&str, Value))| {
                Block::ToolCall(ToolCall { id: format!("{}-{turn}-{index}", request.brief.step), name: name.to_owned(), input })
            };
            (calls.into_iter().enumerate().map(call).collect(), StopReason::ToolUse)
        }
    };
    Reply { blocks, stop, usage: Usage::default(), cost_usd: Some(0.0), request_id: None, raw: None }
}
