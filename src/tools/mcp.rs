//! MCP servers as the agents' tools come from them: what is configured, a server that is started once and restarted once, and its list of tools.
//! Decides no approval; knows no run.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, PaginatedRequestParams, Tool as Offer};
use rmcp::service::ServiceError;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::config::Settings;
use crate::tools::tool::Tool;

pub use super::mcp_connect::Around;
use super::mcp_connect::{Live, connect};
use super::mcp_tool::McpTool;

/// So many tools of one server are offered at the most, and so many pages of its list are read.
const MAX_TOOLS: usize = 128;
const MAX_PAGES: usize = 20;

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    Program { command: String, arguments: Vec<String>, variables: Vec<(String, String)> },
    Address { url: String, headers: Vec<(String, String)> },
}

/// One entry of `mcp.servers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSpec {
    pub name: String,
    pub way: Way,
    /// The tools that may be used, by the server's own names; `None` is all.
    pub tools: Option<Vec<String>>,
}

/// The servers of the configuration; none where nothing may reach out.
pub fn configured(settings: &Settings) -> Vec<ServerSpec> {
    let servers = settings.mcp_servers.as_object().filter(|_| settings.allow_external_apis && !settings.sandbox_mode);
    servers.into_iter().flatten().filter_map(|(name, value)| spec(name, value)).collect()
}

fn spec(name: &str, value: &Value) -> Option<ServerSpec> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let texts = |key: &str| {
        let list = value.get(key)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<String>>())
    };
    let pairs = |key: &str| {
        let map = value.get(key).and_then(Value::as_object);
        map.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    };
    let way = match (text("command"), text("url")) {
        (Some(command), None) => Way::Program { command, arguments: texts("args").unwrap_or_default(), variables: pairs("env") },
        (None, Some(url)) => Way::Address { url, headers: pairs("headers") },
        _ => return None,
    };
    Some(ServerSpec { name: name.to_owned(), way, tools: texts("tools") })
}

/// A server that was started. Gone, with its process, when the last of its tools is dropped.
pub struct Server {
    pub(super) spec: ServerSpec,
    around: Around,
    changed: Arc<AtomicBool>,
    state: Mutex<State>,
    /// What could not be offered, in words.
    problems: Vec<String>,
}

struct State {
    live: Option<Arc<Live>>,
    restarted: bool,
    /// What the server offers now, by its own names.
    offers: BTreeMap<String, Offer>,
}

impl Server {
    /// Starts a server and reads its list of tools; the tools hold the server.
    pub async fn start(spec: ServerSpec, around: Around) -> Result<(Arc<Server>, Vec<Arc<dyn Tool>>), String> {
        let changed: Arc<AtomicBool> = Arc::default();
        let live = Arc::new(connect(&spec, &around, &changed).await?);
        let list = limited(&around, list(&live)).await?;
        let (allowed, mut problems) = allowed(&spec, &list);
        let (tools, left_out) = super::mcp_tool::usable(&spec.name, allowed);
        problems.extend(left_out);
        let offers = list.into_iter().map(|offer| (offer.name.to_string(), offer)).collect();
        let state = Mutex::new(State { live: Some(live), restarted: false, offers });
        let server = Arc::new(Server { spec, around, changed, state, problems });
        let tools = tools.into_iter().map(|definition| Arc::new(McpTool::new(Arc::clone(&server), definition)) as Arc<dyn Tool>);
        let tools = tools.collect();
        Ok((server, tools))
    }

    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Calls a tool by the server's own name. A server that ended or hung is started anew once; a call that changes nothing is then made again.
    pub(super) async fn call(&self, offer: &Offer, arguments: &Map<String, Value>) -> Result<CallToolResult, String> {
        let live = self.live().await?;
        self.check(&live, offer).await?;
        match self.call_on(&live, offer, arguments).await {
            Err(ServiceError::TransportClosed | ServiceError::TransportSend(_)) if super::mcp_tool::is_read_only(offer) => {
                let ended = live.epitaph();
                drop(live);
                let live = self.live().await.map_err(|problem| format!("{problem}; {ended}"))?;
                self.check(&live, offer).await?;
                self.call_on(&live, offer, arguments).await.map_err(|error| self.in_words(&error, &live))
            }
            other => other.map_err(|error| self.in_words(&error, &live)),
        }
    }

    async fn call_on(&self, live: &Arc<Live>, offer: &Offer, arguments: &Map<String, Value>) -> Result<CallToolResult, ServiceError> {
        let service = live.service.as_ref().ok_or(ServiceError::TransportClosed)?;
        live.meter.refill();
        let params = CallToolRequestParams::new(offer.name.clone()).with_arguments(arguments.clone());
        let mut waiting = Waiting { live, over: false };
        let answer = tokio::select! {
            answer = service.peer().call_tool_once(params) => answer,
            // An HTTP server's other streams would go on: nothing more is waited for.
            () = live.meter.is_too_much() => Err(ServiceError::TransportClosed),
        };
        waiting.over = true;
        match answer? {
            CallToolResponse::Complete(result) => Ok(result),
            _ => Err(ServiceError::UnexpectedResponse),
        }
    }

    /// The connection, made anew once in the life of this server.
    async fn live(&self) -> Result<Arc<Live>, String> {
        let mut state = self.state.lock().await;
        if let Some(live) = state.live.as_ref().filter(|live| live.is_usable()) {
            return Ok(Arc::clone(live));
        }
        let ended = state.live.take().map(|live| live.epitaph()).unwrap_or_default();
        let name = &self.spec.name;
        if state.restarted {
            return Err(format!("the server `{name}` has stopped and was restarted once already ({ended}); go on without it"));
        }
        state.restarted = true;
        tracing::info!(server = %name, "is started anew: {ended}");
        let failed = |problem: String| format!("the server `{name}` has stopped and cannot be started again: {problem}; go on without it");
        let live = Arc::new(connect(&self.spec, &self.around, &self.changed).await.map_err(failed)?);
        let list = limited(&self.around, list(&live)).await.map_err(failed)?;
        state.offers = list.into_iter().map(|offer| (offer.name.to_string(), offer)).collect();
        state.live = Some(Arc::clone(&live));
        Ok(live)
    }

    /// An agent was told what a tool is and does, and a person approved that: a tool that has changed since is not called.
    async fn check(&self, live: &Arc<Live>, offer: &Offer) -> Result<(), String> {
        let mut state = self.state.lock().await;
        if self.changed.swap(false, Ordering::Relaxed) {
            let list = limited(&self.around, list(live)).await.map_err(|problem| {
                // What changed is still not known: the next call asks again.
                self.changed.store(true, Ordering::Relaxed);
                format!("the server `{}` changed its tools, and {problem}", self.spec.name)
            })?;
            state.offers = list.into_iter().map(|offer| (offer.name.to_string(), offer)).collect();
        }
        match state.offers.get(offer.name.as_ref()) {
            Some(now) if now == offer => Ok(()),
            Some(_) => Err(format!(
                "the server `{}` has changed `{}` since this run began; it is not called (a resumed run takes the tool as it is then)",
                self.spec.name, offer.name
            )),
            None => Err(format!("the server `{}` no longer offers `{}`; go on without it", self.spec.name, offer.name)),
        }
    }

    fn in_words(&self, error: &ServiceError, live: &Live) -> String {
        let name = &self.spec.name;
        let text = match error {
            ServiceError::McpError(error) => format!("the server `{name}` refused the call: {}", error.message),
            ServiceError::TransportClosed | ServiceError::TransportSend(_) => {
                format!("the server `{name}` ended during the call: {}; what the call did may stand", live.epitaph())
            }
            ServiceError::UnexpectedResponse => format!("the server `{name}` answered with something that is no result of a tool"),
            other => format!("the server `{name}` did not do it: {other}"),
        };
        self.spec.without_secrets(&text, &self.around.environment)
    }
}

/// Marks the connection when a call is given up before its answer.
struct Waiting<'a> {
    live: &'a Live,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.live.given_up.store(true, Ordering::Relaxed);
        }
    }
}

async fn limited<T>(around: &Around, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| format!("its list of tools did not arrive within {} s", around.limit.as_secs());
    tokio::time::timeout(around.limit, work).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

/// The tools of a server, page by page; a list without end is cut.
async fn list(live: &Live) -> Result<Vec<Offer>, String> {
    let service = live.service.as_ref().ok_or("it has ended")?;
    live.meter.refill();
    let (mut offers, mut cursor) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let page = PaginatedRequestParams::default().with_cursor(cursor);
        let found = service.peer().list_tools(Some(page)).await;
        let found = found.map_err(|error| format!("its list of tools cannot be read ({error}); {}", live.epitaph()))?;
        offers.extend(found.tools);
        cursor = found.next_cursor;
        if cursor.is_none() || offers.len() > 4 * MAX_TOOLS {
            break;
        }
    }
    Ok(offers)
}

/// What of the offers is allowed by the configuration, and what it allows in vain.
fn allowed(spec: &ServerSpec, offers: &[Offer]) -> (Vec<Offer>, Vec<String>) {
    let is_allowed = |offer: &&Offer| spec.tools.as_ref().is_none_or(|tools| tools.iter().any(|tool| *tool == offer.name));
    let mut problems = Vec::new();
    for tool in spec.tools.iter().flatten().filter(|tool| !offers.iter().any(|offer| offer.name == **tool)) {
        problems.push(format!("the server `{}` has no tool `{tool}`, which mcp.servers allows", spec.name));
    }
    let allowed: Vec<Offer> = offers.iter().filter(is_allowed).cloned().collect();
    if allowed.len() > MAX_TOOLS {
        problems.push(format!("the server `{}` offers {} tools; the first {MAX_TOOLS} are used", spec.name, allowed.len()));
    }
    (allowed.into_iter().take(MAX_TOOLS).collect(), problems)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn servers_are_read_from_the_configuration_and_none_where_nothing_may_reach_out() {
        let servers = json!({
            "files": {"command": "npx", "args": ["-y", "server"], "env": {"A": "b"}, "tools": ["read"]},
            "web": {"url": "https://x.example/mcp", "headers": {"k": "v"}},
            "broken": {"args": []},
        });
        let settings = Settings { mcp_servers: servers, ..Settings::defaults("/p") };
        let found = configured(&settings);
        assert_eq!(found.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(), ["files", "web"]);
        assert_eq!(found[0].tools, Some(vec!["read".to_owned()]));
        assert!(matches!(&found[1].way, Way::Address { headers, .. } if headers.len() == 1));
        assert!(configured(&Settings { allow_external_apis: false, ..settings.clone() }).is_empty());
        assert!(configured(&Settings { sandbox_mode: true, ..settings }).is_empty());
    }
}
