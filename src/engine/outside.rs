//! What the engine knows of tools that reach out: addresses a run may fetch unasked, and servers that a plan declared. Decides nothing by itself.
use serde_json::Value;

use crate::domain::address::{WebAddress, addresses_in, is_listed};
use crate::domain::hash::short_hash;
use crate::domain::tool::{WEB_FETCH, WEB_SEARCH};
use crate::domain::{Policy, Question, Step, Subject, ToolCall};

use super::workflow::{Decided, Workflow};

/// Whether a tool reaches beyond this machine's files: mode `tools` asks for it although it changes nothing.
pub fn reaches_out(tool: &str) -> bool {
    matches!(tool, WEB_FETCH | WEB_SEARCH) || server_of(tool).is_some()
}

/// The MCP server of a tool: `mcp__server__tool`.
pub fn server_of(tool: &str) -> Option<&str> {
    Some(tool.strip_prefix("mcp__")?.split_once("__")?.0)
}

/// The word by which a plan declares a server, and the target of the question about it.
pub fn declared_as(server: &str) -> String {
    format!("mcp:{server}")
}

/// The host of the address in a call, read as the connection will read it.
pub fn host(call: &ToolCall) -> Option<String> {
    let url = call.input.get("url").and_then(Value::as_str)?;
    Some(WebAddress::parse(url).map_or_else(|_| crate::domain::pattern::host_of(url), |address| address.host()))
}

/// Why a web_fetch cannot be made at all, so that nobody is asked about it.
pub fn unreadable_address(call: &ToolCall) -> Option<String> {
    let url = call.input.get("url").and_then(Value::as_str).filter(|_| call.name == WEB_FETCH)?;
    WebAddress::parse(url).err().map(|reason| format!("{WEB_FETCH}: {reason}"))
}

/// Whether an address could carry out what the run has read: private text was read, and the address comes neither from the person (the goal,
/// `security.allowed_hosts`) nor from a search.
pub fn is_unannounced(workflow: &Workflow, policy: &Policy, call: &ToolCall) -> bool {
    if call.name != WEB_FETCH || !workflow.read_private {
        return false;
    }
    let url = call.input.get("url").and_then(Value::as_str).unwrap_or_default();
    let Ok(address) = WebAddress::parse(url) else { return false };
    !is_listed(&address.host(), &policy.allowed_hosts)
        && !workflow.found_addresses.contains(address.as_str())
        && !addresses_in(workflow.goal_text()).contains(address.as_str())
}

/// The addresses that a search run by the provider itself found, as its message holds them: blocks `web_search_tool_result` with entries that have
/// a `url` (Anthropic's Messages API). Only whole blocks of that kind count: what a model writes into a call of its own is no result.
pub fn found_by_provider(raw: &Value) -> impl Iterator<Item = String> + '_ {
    let blocks = raw.as_array().or_else(|| raw.get("content").and_then(Value::as_array));
    let results = blocks.into_iter().flatten().filter(|block| block.get("type").and_then(Value::as_str) == Some("web_search_tool_result"));
    let entries = results.filter_map(|block| block.get("content").and_then(Value::as_array)).flatten();
    let urls = entries.filter_map(|entry| entry.get("url").and_then(Value::as_str));
    urls.filter_map(|url| WebAddress::parse(url).ok().map(|address| address.as_str().to_owned()))
}

/// The same results with their titles, and with the words that the answer cites from them (`web_search_result_location`): address, title, words.
pub fn results_of_provider(raw: &Value) -> Vec<(String, String, String)> {
    let blocks: Vec<&Value> = raw.as_array().or_else(|| raw.get("content").and_then(Value::as_array)).into_iter().flatten().collect();
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let results = blocks.iter().filter(|block| text(block, "type") == "web_search_tool_result");
    let entries = results.filter_map(|block| block.get("content").and_then(Value::as_array)).flatten();
    let citations: Vec<&Value> = blocks.iter().filter_map(|block| block.get("citations").and_then(Value::as_array)).flatten().collect();
    let found = |entry: &Value| {
        let address = WebAddress::parse(&text(entry, "url")).ok()?;
        let cited =
            citations.iter().filter(|citation| text(citation, "url") == text(entry, "url")).map(|citation| text(citation, "cited_text"));
        Some((address.as_str().to_owned(), text(entry, "title"), cited.collect::<Vec<_>>().join("\n")))
    };
    entries.filter_map(found).collect()
}

/// A page that a text rests on, as the provider's own search says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited {
    pub url: String,
    pub title: String,
    /// The words of the page.
    pub quote: String,
}

/// The citations in a message of a provider that searches by itself (Anthropic's `citations` on text blocks), each page's passage once.
pub fn cited(raw: &Value) -> Vec<Cited> {
    let blocks = raw.as_array().or_else(|| raw.get("content").and_then(Value::as_array));
    let citations = blocks.into_iter().flatten().filter_map(|block| block.get("citations").and_then(Value::as_array)).flatten();
    let mut found: Vec<Cited> = Vec::new();
    for citation in citations {
        let text = |key: &str| citation.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let Ok(address) = WebAddress::parse(&text("url")) else { continue };
        let cited = Cited { url: address.as_str().to_owned(), title: text("title"), quote: text("cited_text") };
        if !found.contains(&cited) {
            found.push(cited);
        }
    }
    found
}

/// Whether the approved plan said that this step uses the server.
pub fn is_declared(workflow: &Workflow, step: &Step, server: &str) -> bool {
    let word = declared_as(server);
    workflow.plan.as_ref().is_some_and(|plan| plan.declared.contains(&(step.id.clone(), word)))
}

/// What was decided about a server's reading tools in this run.
pub fn server_decision<'a>(workflow: &'a Workflow, server: &str) -> Option<&'a Decided> {
    workflow.decided.iter().rev().find(|decided| is_about_server(workflow, &decided.question, server))
}

/// Whether the question is that about a server's reading tools. Its words alone do not tell: another tool may be called on a path of that name.
pub fn is_about_server(workflow: &Workflow, question: &Question, server: &str) -> bool {
    let word = declared_as(server);
    matches!(&question.subject, Subject::Tool { target, .. } if *target == word) && question.hash == server_hash(workflow, server)
}

/// The hash of that question.
pub fn server_hash(workflow: &Workflow, server: &str) -> String {
    short_hash(&format!("{} {}", declared_as(server), workflow.run_id()))
}
