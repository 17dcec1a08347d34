//! The specialists: the one table of the six built-in agents, and what a custom agent is. Prompts live in `engine/roles`.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an agent's definition comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentSource {
    BuiltIn,
    /// A file in the user's own configuration folder.
    User(String),
    /// A file in the project.
    Project(String),
}

/// An agent that a step can be given to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agent {
    pub name: String,
    pub purpose: String,
    pub tools: Vec<String>,
    /// Model calls in one step at the most.
    pub max_turns: u32,
    /// The file it writes unless the plan says otherwise.
    pub output: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The role prompt of a custom agent; empty for the built-in ones.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instructions: String,
    pub source: AgentSource,
}

struct BuiltIn {
    name: &'static str,
    purpose: &'static str,
    max_turns: u32,
    output: &'static str,
    tools: &'static str,
}

const BUILT_IN: [BuiltIn; 6] = [
    BuiltIn {
        name: "researcher",
        purpose: "Gather and synthesize information: market research, fact-finding, trend analysis",
        max_turns: 8,
        output: "research_notes.md",
        tools: "read_file list_files search_files write_file edit_file web_search web_fetch read_project search_project",
    },
    BuiltIn {
        name: "coder",
        purpose: "Generate and implement code: scripts, APIs, utilities, automation",
        max_turns: 6,
        output: "implementation.md",
        tools: "read_file list_files search_files write_file edit_file check_file read_project search_project",
    },
    BuiltIn {
        name: "writer",
        purpose: "Create and polish content: documentation, articles, scripts, reports",
        max_turns: 6,
        output: "document.md",
        tools: "read_file list_files search_files write_file edit_file read_project search_project",
    },
    BuiltIn {
        name: "analyst",
        purpose: "Analyze data and identify patterns: business insights, data trends, metrics",
        max_turns: 7,
        output: "analysis_report.md",
        tools: "read_file list_files search_files write_file edit_file profile_data query_data make_chart",
    },
    BuiltIn {
        name: "designer",
        purpose: "Design architectures and systems: system architecture, workflow design, blueprints",
        max_turns: 5,
        output: "architecture_design.md",
        tools: "read_file list_files search_files write_file edit_file read_project search_project outline_project",
    },
    BuiltIn {
        name: "qa_tester",
        purpose: "Validate and test deliverables: code testing, document review, quality checks",
        max_turns: 5,
        output: "qa_report.md",
        tools: "read_file list_files search_files check_file report_findings write_file",
    },
];

/// The six built-in agents, in the order of the documentation.
pub fn built_in_agents() -> Vec<Agent> {
    BUILT_IN.iter().map(BuiltIn::agent).collect()
}

impl BuiltIn {
    fn agent(&self) -> Agent {
        Agent {
            name: self.name.to_owned(),
            purpose: self.purpose.to_owned(),
            tools: self.tools.split(' ').map(str::to_owned).collect(),
            max_turns: self.max_turns,
            output: self.output.to_owned(),
            model: None,
            instructions: String::new(),
            source: AgentSource::BuiltIn,
        }
    }
}
