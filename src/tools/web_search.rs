//! web_search by SearXNG, Brave or Tavily: asks the configured endpoint and lists what it found. Fetches no page; the key goes into a header and nowhere else.
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::config::Settings;
use crate::domain::address::WebAddress;
use crate::domain::tool::WEB_SEARCH;
use crate::domain::{ToolOutcome, ToolSpec};
use crate::sys::http::{Ask, Http};
use crate::sys::process;
use crate::tools::described::{Input, cut, plural};
use crate::tools::tool::{Tool, ToolContext};

const BRAVE: &str = "https://api.search.brave.com/res/v1/web/search";
const TAVILY: &str = "https://api.tavily.com/search";
const MAX_RESULTS: usize = 10;
const MAX_BODY: usize = 2 * 1024 * 1024;
const TIME: Duration = Duration::from_secs(30);
/// How long the command that prints the key may take.
const KEY_TIME: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    SearXng,
    Brave,
    Tavily,
}

/// The tool, for the endpoint that the settings name.
pub struct WebSearch {
    engine: Engine,
    address: WebAddress,
    key_command: Option<String>,
    key: OnceCell<String>,
    http: Http,
}

/// One result: title, address, what it says.
type Found = (String, String, String);

impl WebSearch {
    /// The search that `search.*` configures; `None` where it is `auto` or `none`, or lacks its address or key command.
    pub fn configured(settings: &Settings) -> Option<WebSearch> {
        let (engine, default) = match settings.search_provider.as_str() {
            "searxng" => (Engine::SearXng, None),
            "brave" => (Engine::Brave, Some(BRAVE)),
            "tavily" => (Engine::Tavily, Some(TAVILY)),
            _ => return None,
        };
        let address = WebAddress::parse(settings.search_url.as_deref().or(default)?).ok()?;
        let key_command = settings.search_key_command.clone();
        if engine != Engine::SearXng && key_command.is_none() {
            return None;
        }
        Some(WebSearch { engine, address, key_command, key: OnceCell::new(), http: Http::default() })
    }

    /// How the tool is described, also to a provider that runs it itself.
    pub fn described() -> ToolSpec {
        ToolSpec {
            name: WEB_SEARCH.into(),
            description:
                "Search the web. Answers with titles, addresses and short excerpts; read the pages that matter with web_fetch before \
                          you rely on them."
                    .into(),
            input_schema: json!({"type": "object", "properties": {
                "query": {"type": "string", "description": "what to look for, in a few words"},
            }, "required": ["query"], "additionalProperties": false})
            .into(),
        }
    }

    async fn key(&self) -> Result<Option<&str>, String> {
        let Some(command) = &self.key_command else { return Ok(None) };
        let run =
            || async { process::run_for_output(command, KEY_TIME).await.map_err(|error| format!("search.key_command: {}", error.what)) };
        self.key.get_or_try_init(run).await.map(|key| Some(key.as_str()))
    }

    async fn search(&self, query: &str) -> Result<Vec<Found>, String> {
        let key = self.key().await?;
        let bearer = |key: &str| ("authorization", format!("Bearer {key}"));
        let (address, headers, body) = match self.engine {
            Engine::SearXng => {
                let base = self.address.as_str().trim_end_matches('/');
                let base = if base.ends_with("/search") { base.to_owned() } else { format!("{base}/search") };
                let address = WebAddress::parse(&base)?.with_query(&[("q", query), ("format", "json")]);
                (address, key.map(bearer), None)
            }
            Engine::Brave => {
                let count = MAX_RESULTS.to_string();
                let header = key.map(|key| ("x-subscription-token", key.to_owned()));
                (self.address.with_query(&[("q", query), ("count", &count)]), header, None)
            }
            Engine::Tavily => {
                let body = json!({"query": query, "max_results": MAX_RESULTS}).to_string();
                (self.address.clone(), key.map(bearer), Some(body.into_bytes()))
            }
        };
        let mut headers: Vec<_> = headers.into_iter().collect();
        headers.push(("accept", "application/json".into()));
        let ask = Ask { url: address.as_str(), headers, body };
        let answer = self.http.send(ask).await.map_err(|failure| format!("the search cannot be reached: {}", failure.message))?;
        match answer.status() {
            200 => read(self.engine, &answer.text(MAX_BODY).await),
            401 | 403 => Err(format!("the search refuses its key (HTTP {}); work from what you have", answer.status())),
            429 => Err("the search is asked too often; work from what you have, or try later".into()),
            status => Err(format!("the search answered with HTTP {status}")),
        }
    }
}

/// The results in an engine's answer.
fn read(engine: Engine, body: &str) -> Result<Vec<Found>, String> {
    let value: Value = serde_json::from_str(body).map_err(|_| "the search answered with something else than JSON".to_owned())?;
    let (list, excerpt) = match engine {
        Engine::Brave => (value.pointer("/web/results"), "description"),
        Engine::SearXng | Engine::Tavily => (value.get("results"), "content"),
    };
    // Brave leaves the list out where nothing was found.
    let list = match list.and_then(Value::as_array) {
        Some(list) => list.as_slice(),
        None if engine == Engine::Brave && value.is_object() => &[],
        None => return Err("the search answered without results".into()),
    };
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let found = |entry: &Value| {
        let address = WebAddress::parse(&text(entry, "url")).ok()?;
        Some((text(entry, "title"), address.as_str().to_owned(), text(entry, excerpt)))
    };
    Ok(list.iter().filter_map(found).take(MAX_RESULTS).collect())
}

fn shown(query: &str, found: &[Found]) -> ToolOutcome {
    let line = |text: &str, limit: usize| cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), limit).to_owned();
    let entry = |(index, (title, address, excerpt)): (usize, &Found)| {
        format!("{}. {}\n   {address}\n   {}\n", index + 1, line(&plain(title), 200), line(&plain(excerpt), 600))
    };
    let content: String = found.iter().enumerate().map(entry).collect();
    let summary = format!("searched for `{}`: {}", cut(query, 80), plural(found.len(), "result"));
    ToolOutcome::ok(if content.is_empty() { "[nothing was found]\n".to_owned() } else { content }, summary)
}

/// Without the tags that mark found words, and without addresses in a text of others: only a result's own address counts as found.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for (index, piece) in text.split('<').enumerate() {
        let tag = ["strong>", "/strong>", "b>", "/b>", "em>", "/em>", "mark>", "/mark>"].iter().find_map(|tag| piece.strip_prefix(*tag));
        match tag {
            Some(rest) => plain.push_str(rest),
            None => {
                plain.push_str(if index > 0 { "<" } else { "" });
                plain.push_str(piece);
            }
        }
    }
    plain.replace("://", ": //")
}

#[async_trait]
impl Tool for WebSearch {
    fn spec(&self) -> ToolSpec {
        Self::described()
    }

    async fn run(&self, input: Value, _: &ToolContext) -> ToolOutcome {
        self.answer(&input).await
    }
}

impl WebSearch {
    /// What comes of a call; it needs no workspace.
    pub async fn answer(&self, input: &Value) -> ToolOutcome {
        let input = Input::new(WEB_SEARCH, input);
        let query = match input.text("query") {
            Ok(query) if !query.trim().is_empty() => cut(query.trim(), 400),
            Ok(_) => return input.refuse("query", "a few words"),
            Err(outcome) => return outcome,
        };
        match tokio::time::timeout(TIME, self.search(query)).await {
            Ok(Ok(found)) => shown(query, &found),
            Ok(Err(reason)) => ToolOutcome::refused(format!("{WEB_SEARCH}: {reason}")),
            Err(_) => ToolOutcome::refused(format!("{WEB_SEARCH}: the search did not answer within {} s", TIME.as_secs())),
        }
    }
}

/// A search that the model's provider runs itself: offered by name, never called here.
pub struct ProviderSearch;

#[async_trait]
impl Tool for ProviderSearch {
    fn spec(&self) -> ToolSpec {
        WebSearch::described()
    }

    async fn run(&self, _: Value, _: &ToolContext) -> ToolOutcome {
        ToolOutcome::refused(format!("{WEB_SEARCH} is run by the model's provider; it cannot be called from here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_all_three_are_read() {
        let searxng =
            r#"{"results":[{"title":"Tides","url":"https://a.example/t","content":"High  water"},{"title":"x","url":"ftp://no"}]}"#;
        let brave = r#"{"web":{"results":[{"title":"<strong>Tides</strong>","url":"https://a.example/t","description":"see https://evil.example/"}]}}"#;
        let tavily = r#"{"results":[{"title":"Tides","url":"https://a.example/t","content":"High water","score":0.9}]}"#;
        for (engine, body) in [(Engine::SearXng, searxng), (Engine::Brave, brave), (Engine::Tavily, tavily)] {
            let outcome = shown("tides", &read(engine, body).unwrap());
            assert!(outcome.content.starts_with("1. Tides\n   https://a.example/t\n"), "{}", outcome.content);
            assert_eq!(outcome.summary, "searched for `tides`: 1 result");
            let found = crate::domain::address::addresses_in(&outcome.content);
            assert_eq!(found.into_iter().collect::<Vec<_>>(), ["https://a.example/t"]);
        }
        assert_eq!(read(Engine::Brave, r#"{"type":"search"}"#).unwrap(), []);
        assert!(read(Engine::Tavily, r#"{"detail":"x"}"#).is_err());
        assert!(read(Engine::SearXng, "<html>").is_err());
    }

    #[test]
    fn a_search_needs_its_address_or_key() {
        let settings = |provider: &str, url: Option<&str>, key: Option<&str>| Settings {
            search_provider: provider.into(),
            search_url: url.map(str::to_owned),
            search_key_command: key.map(str::to_owned),
            ..Settings::defaults("/p")
        };
        for (provider, url, key, expected) in [
            ("auto", None, None, false),
            ("none", Some("http://127.0.0.1:8080"), None, false),
            ("searxng", None, None, false),
            ("searxng", Some("http://127.0.0.1:8080"), None, true),
            ("brave", None, None, false),
            ("brave", None, Some("pass brave"), true),
            ("tavily", None, Some("pass tavily"), true),
        ] {
            assert_eq!(WebSearch::configured(&settings(provider, url, key)).is_some(), expected, "{provider} {url:?} {key:?}");
        }
    }
}
