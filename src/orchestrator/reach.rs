//! Which tools exist for one run: the house's and the library user's, and those that reach out where settings and provider let them.
use std::sync::Arc;

use crate::config::Settings;
use crate::domain::Goal;
use crate::domain::policy::{ApprovalMode, Verdict};
use crate::domain::tool::{WEB_FETCH, WEB_SEARCH};
use crate::llm::Provider;
use crate::tools::mcp::{self, ServerSpec};
use crate::tools::web::{Limits, WebFetch};
use crate::tools::web_search::{ProviderSearch, WebSearch};
use crate::tools::{Held, Tool};

use super::shared::Shared;

/// The names of tools that may exist in a run, for agents that name them.
pub(super) const WEB_TOOLS: [&str; 2] = [WEB_FETCH, WEB_SEARCH];

/// The tools of a run. A library user's own tool goes before ours of the same name.
pub(super) fn tools(shared: &Shared, goal: &Goal, provider: &dyn Provider) -> Vec<Held> {
    let mut tools = shared.tools.clone();
    for held in web(shared, goal, provider).into_iter().map(Held::from) {
        if !tools.iter().any(|other| other.spec.name == held.spec.name) {
            tools.push(held);
        }
    }
    tools
}

/// Nothing reaches out where that is forbidden, nor for the offline provider, which asks nobody.
fn web(shared: &Shared, goal: &Goal, provider: &dyn Provider) -> Vec<Arc<dyn Tool>> {
    let settings = &shared.settings;
    if !settings.allow_external_apis || settings.sandbox_mode || provider.name() == "offline" {
        return Vec::new();
    }
    let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
    if !provider.runs_tool(WEB_FETCH) {
        tools.push(Arc::new(WebFetch::new(Arc::clone(&shared.web), &settings.rules, Limits::default())));
    }
    match WebSearch::configured(settings) {
        Some(search) => tools.push(Arc::new(search)),
        None if settings.search_provider == "auto" && provider.runs_tool(WEB_SEARCH) && may_go_unasked(shared, goal) => {
            tools.push(Arc::new(ProviderSearch));
        }
        None => {}
    }
    tools
}

/// The MCP servers that a run may start. The offline provider calls no tool of theirs.
pub(super) fn servers(shared: &Shared, provider: &dyn Provider) -> Vec<ServerSpec> {
    if provider.name() == "offline" { Vec::new() } else { mcp::configured(&shared.settings) }
}

/// What is configured and yet not there in a run, in words for the person.
pub(super) fn missing(settings: &Settings) -> Vec<String> {
    let mut missing = Vec::new();
    let reaches = settings.allow_external_apis && !settings.sandbox_mode;
    let named = !matches!(settings.search_provider.as_str(), "auto" | "none");
    if reaches && named && WebSearch::configured(settings).is_none() {
        let needed = if settings.search_provider == "searxng" { "search.url" } else { "search.key_command" };
        missing.push(format!("search.provider is {}, but {needed} is not set; the run goes on without a search", settings.search_provider));
    }
    missing
}

/// What `security.sandbox_mode` holds agents to in a run on this machine, in words for the person; `None` when it is off.
pub(super) fn sandbox(settings: &Settings) -> Option<String> {
    let held = || crate::sys::fence::in_force().describe();
    settings.sandbox_mode.then(|| format!("sandbox: no network tools, no MCP, the project is not read; {}", held()))
}

/// What the provider runs itself never comes by for an approval: it is offered only where nobody wants to be asked about it.
fn may_go_unasked(shared: &Shared, goal: &Goal) -> bool {
    let mode = goal.approvals.unwrap_or(shared.settings.approvals);
    let mut rules = shared.settings.rules.iter();
    let about_search =
        |tool: &Option<String>| tool.as_ref().is_none_or(|pattern| crate::domain::pattern::name_matches(pattern, WEB_SEARCH));
    mode != ApprovalMode::Tools
        && !rules.any(|rule| rule.decision != Verdict::Allow && rule.path.is_none() && rule.host.is_none() && about_search(&rule.tool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_and_not_there_is_said() {
        let settings = |provider: &str, servers: &str| Settings {
            search_provider: provider.into(),
            mcp_servers: serde_json::from_str(servers).unwrap_or_default(),
            ..Settings::defaults("/p")
        };
        assert_eq!(missing(&settings("auto", "{}")), [""; 0]);
        assert!(missing(&settings("brave", "{}")).concat().contains("search.key_command"));
        assert!(missing(&settings("searxng", "{}")).concat().contains("search.url"));
        assert_eq!(missing(&settings("none", r#"{"a": {"command": "x"}}"#)), [""; 0]);
        let shut = Settings { allow_external_apis: false, ..settings("brave", r#"{"a": {"command": "x"}}"#) };
        assert_eq!(missing(&shut), [""; 0]);
    }
}
