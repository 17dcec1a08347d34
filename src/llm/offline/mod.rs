//! The offline provider: answers requests with tool calls and honest texts, without a language model. One file or folder for each specialist.
pub mod analyst;
pub mod answers;
pub mod coder;
mod delivery;
pub mod designer;
mod designer_goal;
mod designer_project;
pub mod gathered;
mod markdown;
pub mod marks;
pub mod moves;
mod passages;
mod qa_defect;
mod qa_report;
pub mod qa_tester;
mod quotes;
mod reading;
pub mod researcher;
mod results;
#[cfg(test)]
mod stage;
mod words;
pub mod writer;

use async_trait::async_trait;

use crate::domain::agent::built_in_agents;
use crate::domain::{CallFailure, ModelRequest, Reply};
use crate::llm::Provider;

pub use moves::Move;

/// What is made by rules comes out the same a second time.
const NOT_REWORKED: &str =
    "No language model was used, so the findings of the review were not worked in. They stand in the reviewer's report.";

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
        let next = if request.brief.reworks { Move::Say(NOT_REWORKED.into()) } else { specialist(request) };
        Ok(moves::reply(request, next))
    }
}

/// The next move of the agent whose turn it is.
fn specialist(request: &ModelRequest) -> Move {
    let name = nearest_built_in(request);
    match name.as_str() {
        "researcher" => researcher::turn(request),
        "coder" => coder::turn(request),
        "analyst" => analyst::turn(request),
        "designer" => designer::turn(request),
        "qa_tester" => qa_tester::turn(request),
        _ => writer::turn(request),
    }
}

/// A custom agent works like the built-in one whose tools are most like its own; the first in the table wins a tie.
fn nearest_built_in(request: &ModelRequest) -> String {
    let agents = built_in_agents();
    if let Some(agent) = agents.iter().find(|agent| agent.name == request.brief.agent) {
        return agent.name.clone();
    }
    // A tool that few agents have says more than one that all have.
    let weight = |tool: &String| 1.0 / agents.iter().filter(|agent| agent.tools.contains(tool)).count().max(1) as f64;
    let offered: Vec<String> = request.tools.iter().map(|spec| spec.name.clone()).collect();
    let mut best = ("writer".to_owned(), 0.0);
    for agent in &agents {
        let shared: f64 = agent.tools.iter().filter(|tool| offered.contains(tool)).map(weight).sum();
        let all: f64 = agent.tools.iter().chain(offered.iter().filter(|tool| !agent.tools.contains(tool))).map(weight).sum();
        if shared / all.max(f64::MIN_POSITIVE) > best.1 {
            best = (agent.name.clone(), shared / all);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Message, ToolSpec};

    fn request(agent: &str, tools: &str) -> ModelRequest {
        let spec = |name: &str| {
            std::sync::Arc::new(ToolSpec { name: name.into(), description: String::new(), input_schema: serde_json::json!({}).into() })
        };
        let mut brief = stage::Stage::new("writer", "Write about tides").brief;
        brief.agent = agent.into();
        let tools = tools.split_whitespace().map(spec).collect();
        ModelRequest {
            model: None,
            system: String::new(),
            tools,
            messages: vec![Message::user("x")],
            max_output_tokens: None,
            schema: None,
            brief,
        }
    }

    #[test]
    fn a_custom_agent_works_like_the_one_with_the_nearest_tools() {
        for (tools, expected) in [
            ("read_file write_file profile_data query_data make_chart", "analyst"),
            ("read_file list_files search_files write_file edit_file check_file", "coder"),
            ("read_file report_findings check_file", "qa_tester"),
            ("web_search web_fetch write_file", "researcher"),
            ("read_project search_project outline_project", "designer"),
            ("read_file write_file edit_file list_files", "writer"),
            ("mcp__weather__today", "writer"),
        ] {
            assert_eq!(nearest_built_in(&request("mine", tools)), expected, "{tools}");
        }
    }

    #[test]
    fn a_built_in_name_decides_whatever_the_tools() {
        assert_eq!(nearest_built_in(&request("coder", "read_file")), "coder");
    }

    #[test]
    fn every_specialist_answers_a_bare_request() {
        for agent in built_in_agents() {
            assert_ne!(specialist(&request(&agent.name, "")), Move::Say(String::new()), "{}", agent.name);
        }
    }
}
