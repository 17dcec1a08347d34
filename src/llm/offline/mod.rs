//! The offline provider: answers requests with tool calls and honest texts, without a language model. One file for each specialist.
pub mod answers;
pub mod designer;
mod designer_goal;
mod designer_project;
pub mod gathered;
pub mod marks;
pub mod moves;
mod qa_defect;
mod qa_report;
pub mod qa_tester;

use async_trait::async_trait;

use crate::domain::{CallFailure, ModelRequest, Reply};
use crate::llm::Provider;

pub use moves::Move;

/// Runs on this machine alone: no key, no network, no cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offline;

#[async_trait]
impl Provider for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn default_model(&self) -> Option<String> {
        None
    }

    async fn complete(&self, request: &ModelRequest) -> Result<Reply, CallFailure> {
        Ok(moves::reply(request, specialist(request)))
    }
}

/// The next move of the agent whose turn it is. A custom agent works like the built-in one whose tools are nearest to its own.
fn specialist(_request: &ModelRequest) -> Move {
    Move::Say(String::new())
}
