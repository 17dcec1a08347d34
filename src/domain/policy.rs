//! The limits a run works under, resolved from configuration: approvals, rules, agents, tools, parallelism. Plain values for the engine.
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agent::Agent;
use super::plan::PlanRules;
use super::tool::ToolSpec;

/// How much is asked (contract, section 5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalMode {
    None,
    #[default]
    Plan,
    Steps,
    Tools,
}

/// Whether agents may read the project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectRead {
    Allow,
    #[default]
    Ask,
    Deny,
}

/// What a rule decides; ordered so that the strictest is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Allow,
    Ask,
    Deny,
}

/// One entry of `approvals.rules`. `match` and `not_match` are examples checked when the rule is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The tool's name, `*` patterns allowed; left out: every tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// A pattern over the path the call is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A pattern over the host the call is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    pub decision: Verdict,
    #[serde(default, rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_match: Vec<String>,
}

/// The worst price of a model, US dollars a million tokens: what reservations are made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    pub input: f64,
    pub output: f64,
}

/// Everything the engine needs to know that is not in the journal.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The agents in force, by name.
    pub agents: BTreeMap<String, Agent>,
    /// The tools that exist in this run, by name.
    pub tools: BTreeMap<String, ToolSpec>,
    /// The names of those that change nothing.
    pub read_only_tools: BTreeSet<String>,
    pub approvals: ApprovalMode,
    pub rules: Vec<Rule>,
    /// False: nobody is there to ask (`--non-interactive`).
    pub interactive: bool,
    pub project_read: ProjectRead,
    /// Steps at once, at least 1.
    pub max_parallel: usize,
    pub plan_rules: PlanRules,
    pub model: Option<String>,
    pub model_per_agent: BTreeMap<String, String>,
    pub max_output_tokens: Option<u32>,
    /// Money and tokens a run may use; `None` is no limit.
    pub budget_usd: Option<f64>,
    pub budget_tokens: Option<u64>,
    /// US dollars a million tokens, by model; a missing model has an unknown price. Without a model (offline) nothing costs.
    pub rates: BTreeMap<String, Rates>,
    /// Minutes after which an unanswered question pauses the run; 0 waits.
    pub question_timeout_minutes: u64,
}

impl Rule {
    /// stand-in until the configuration builder's version lands
    pub fn matches(&self, tool: &str, _target: &str, agent: &str) -> bool {
        self.tool.as_deref().is_none_or(|t| t == tool) && self.agent.as_deref().is_none_or(|a| a == agent)
    }
}
