//! The limits a run works under, resolved from configuration: approvals, rules, agents, tools, parallelism. Plain values for the engine.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agent::Agent;
use super::pattern::{MAX_PATTERN_CHARS, host_matches, name_matches, path_matches};
use super::plan::PlanRules;
use super::question::Subject;
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

/// A project's own instructions for agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guide {
    /// `AGENTS.md`
    pub name: String,
    pub text: String,
}

impl Rule {
    /// The rule that an approval with scope "always" adds; `None` where no rule can say it.
    pub fn always(subject: &Subject) -> Option<Rule> {
        let Subject::Tool { tool, target, .. } = subject else { return None };
        let is_host = tool.starts_with("web_");
        let about = (!target.is_empty()).then(|| target.clone());
        Some(Rule {
            tool: Some(tool.clone()),
            path: about.clone().filter(|_| !is_host),
            host: about.filter(|_| is_host),
            agent: None,
            decision: Verdict::Allow,
            matches: Vec::new(),
            not_match: Vec::new(),
        })
    }

    /// Whether the rule speaks about this call. `target` is what the call is about: a path, a host or an address, or nothing.
    pub fn matches(&self, tool: &str, target: &str, agent: &str) -> bool {
        let of_hosts = tool.starts_with("web_") || tool.starts_with("mcp__") || target.contains("://");
        // A path pattern never speaks about a host, nor a host pattern about a file: `**` must not open the web.
        let kind_fits = self.path.is_none() && (self.host.is_none() || of_hosts) || self.path.is_some() && !tool.starts_with("web_");
        kind_fits
            && self.tool.as_deref().is_none_or(|pattern| name_matches(pattern, tool))
            && self.agent.as_deref().is_none_or(|pattern| name_matches(pattern, agent))
            && self.matches_target(target)
    }

    /// Whether the rule's path or host pattern takes this target; a rule without one takes every target.
    /// What forbids is compared folded (cases and Unicode forms are one), what allows exactly, and never a path with `..`.
    pub fn matches_target(&self, target: &str) -> bool {
        let allows = self.decision == Verdict::Allow;
        let climbs = target.split(['/', '\\']).any(|name| name == "..");
        let path_fits = |pattern: &String| !(allows && climbs) && path_matches(pattern, target, !allows);
        self.path.as_ref().is_none_or(path_fits) && self.host.as_ref().is_none_or(|pattern| host_matches(pattern, target))
    }

    /// What is wrong with the rule itself: patterns that cannot be, and examples that contradict them.
    pub fn problem(&self) -> Option<String> {
        if self.path.is_some() && self.host.is_some() {
            return Some("has both `path` and `host`; a call is about one of them, so write two rules".into());
        }
        for (name, pattern) in [("tool", &self.tool), ("path", &self.path), ("host", &self.host), ("agent", &self.agent)] {
            let Some(pattern) = pattern else { continue };
            if pattern.trim().is_empty() {
                return Some(format!("`{name}` is empty; leave it out to mean every one"));
            }
            if pattern.chars().count() > MAX_PATTERN_CHARS {
                return Some(format!("`{name}` is longer than {MAX_PATTERN_CHARS} characters"));
            }
        }
        if let Some(example) = self.matches.iter().find(|example| !self.matches_target(example)) {
            return Some(format!("the example `{example}` in `match` is not matched"));
        }
        let wrong = self.not_match.iter().find(|example| self.matches_target(example));
        wrong.map(|example| format!("the example `{example}` in `not_match` is matched"))
    }
}

/// Everything the engine needs to know that is not in the journal.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The agents in force, by name.
    pub agents: Arc<BTreeMap<String, Agent>>,
    /// The tools that exist in this run, by name.
    pub tools: BTreeMap<String, Arc<ToolSpec>>,
    /// The names of those that change nothing.
    pub read_only_tools: BTreeSet<String>,
    /// The MCP servers that a plan may name (`mcp:NAME`); their tools join `tools` when a step that may use them begins.
    pub servers: BTreeSet<String>,
    pub approvals: ApprovalMode,
    pub rules: Vec<Rule>,
    /// False: nobody is there to ask (`--non-interactive`).
    pub interactive: bool,
    pub project_read: ProjectRead,
    /// `security.allowed_hosts`: patterns of hosts that the person named.
    pub allowed_hosts: Vec<String>,
    /// Steps at once, at least 1.
    pub max_parallel: usize,
    pub plan_rules: PlanRules,
    /// A model makes the plan; false: the rules do.
    pub plan_by_model: bool,
    pub model: Option<String>,
    pub model_per_agent: BTreeMap<String, String>,
    pub max_output_tokens: Option<u32>,
    /// Money and tokens a run may use; `None` is no limit.
    pub budget_usd: Option<f64>,
    pub budget_tokens: Option<u64>,
    /// Money that all runs of this user may still use today, what this run used included; kept up to date by the driver.
    pub left_today_usd: Option<f64>,
    /// The longest prompt of each model in tokens, where it is known.
    pub context_tokens: BTreeMap<String, u64>,
    /// What the project itself says about work in it, for the agents that may read the project.
    pub guide: Option<Guide>,
    /// US dollars a million tokens, by model; a missing model has an unknown price. Without a model (offline) nothing costs.
    pub rates: BTreeMap<String, Rates>,
    /// Minutes after which an unanswered question pauses the run; 0 waits.
    pub question_timeout_minutes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> Rule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_rule_speaks_about_the_calls_it_names() {
        let deny = rule(r#"{"tool":"write_*","path":"secrets/**","agent":"coder","decision":"deny"}"#);
        assert!(deny.matches("write_file", "secrets/a.md", "coder"));
        assert!(deny.matches("write_file", "Secrets/A.md", "coder"));
        assert!(!deny.matches("read_file", "secrets/a.md", "coder"));
        assert!(!deny.matches("write_file", "secrets/a.md", "writer"));
        assert!(!deny.matches("write_file", "a.md", "coder"));
        let every = rule(r#"{"decision":"ask"}"#);
        assert!(every.matches("web_fetch", "example.com", "researcher") && every.matches("read_file", "", "x"));
    }

    #[test]
    fn a_path_pattern_never_opens_the_web_and_a_host_pattern_no_file() {
        assert!(!rule(r#"{"path":"**","decision":"allow"}"#).matches("web_fetch", "example.com", "researcher"));
        let host = rule(r#"{"host":"*.example.com","decision":"allow"}"#);
        assert!(host.matches("web_fetch", "docs.example.com", "researcher"));
        assert!(host.matches("mcp__x__get", "https://docs.example.com/a", "researcher"));
        assert!(!host.matches("write_file", "docs.example.com", "researcher"));
    }

    #[test]
    fn what_allows_is_exact_and_does_not_climb() {
        let allow = rule(r#"{"path":"docs/**","decision":"allow"}"#);
        assert!(allow.matches("read_project", "docs/a.md", "writer"));
        assert!(!allow.matches("read_project", "DOCS/a.md", "writer"));
        assert!(!allow.matches("read_project", "docs/../secret", "writer"));
    }

    #[test]
    fn examples_that_contradict_a_rule_are_named() {
        let problem = |json: &str| rule(json).problem();
        assert_eq!(problem(r#"{"path":"*.md","decision":"deny","match":["a.md"],"not_match":["a.txt"]}"#), None);
        assert!(problem(r#"{"path":"*.md","decision":"deny","match":["a.txt"]}"#).unwrap().contains("a.txt"));
        assert!(problem(r#"{"host":"*.x.com","decision":"deny","not_match":["a.x.com"]}"#).unwrap().contains("not_match"));
        assert!(problem(r#"{"host":"a","path":"b","decision":"deny"}"#).unwrap().contains("both"));
        assert!(problem(r#"{"tool":" ","decision":"deny"}"#).unwrap().contains("empty"));
    }
}
