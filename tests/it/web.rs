//! web_fetch against a web on this machine that lies, stalls, floods and redirects: what comes back is content or a plain refusal, never a wall.
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ai_orchestrator::config::Settings;
use ai_orchestrator::domain::policy::{ApprovalMode, Rule};
use ai_orchestrator::domain::{Block, CallFailure, ModelRequest, Reply, StopReason, ToolCall, ToolOutcome, Usage};
use ai_orchestrator::llm::Provider;
use ai_orchestrator::orchestrator::Orchestrator;
use ai_orchestrator::sys::http_guarded::{GuardedHttp, Lookup, system_lookup};
use ai_orchestrator::sys::{Environment, FixedClock};
use ai_orchestrator::tools::web::{Limits, WebFetch};
use ai_orchestrator::tools::web_search::WebSearch;
use async_trait::async_trait;
use serde_json::json;

#[path = "support/pages.rs"]
pub mod pages;
use pages::{Pages, Served, html, page, redirect};

/// 50 MB of spaces in 50 kB.
fn gzip_bomb() -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/web/bomb.gz", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn fetcher(lookup: Lookup, allowed: &[&str], limits: Limits) -> WebFetch {
    let allowed = allowed.iter().map(|host| (*host).to_owned()).collect();
    WebFetch::new(Arc::new(GuardedHttp::new(lookup, allowed)), &[], limits)
}

fn local() -> WebFetch {
    fetcher(system_lookup(), &["127.0.0.1"], Limits::default())
}

/// A resolver in which each of these names leads to these addresses.
fn names(pairs: &'static [(&'static str, &'static [&'static str])]) -> Lookup {
    Arc::new(move |host| {
        let found =
            pairs.iter().find(|(name, _)| *name == host).map(|(_, list)| list.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect());
        Box::pin(async move { found.ok_or_else(|| std::io::Error::other("no such name")) })
    })
}

async fn fetch(tool: &WebFetch, url: &str) -> ToolOutcome {
    tool.answer(&json!({"url": url})).await
}

async fn refusal(tool: &WebFetch, url: &str) -> String {
    let outcome = fetch(tool, url).await;
    assert!(!outcome.ok, "{url}: {}", outcome.content);
    outcome.content
}

#[tokio::test]
async fn a_page_comes_as_text_with_its_address_and_is_asked_for_once() {
    let web = Pages::open(|_| vec![("/a", html("<title>Tides</title><h1>Tides</h1><p>High <a href=/b>water</a>.</p>"))]).await;
    let tool = local();
    let outcome = fetch(&tool, &web.address("/a#part")).await;
    assert!(outcome.ok, "{}", outcome.content);
    for expected in [&format!("Address: {}", web.address("/a")), "Title: Tides", "# Tides", &format!("[water]({})", web.address("/b"))] {
        assert!(outcome.content.contains(expected), "{expected}: {}", outcome.content);
    }
    assert!(fetch(&tool, &web.address("/a")).await.ok);
    let seen = web.seen();
    assert_eq!(seen.len(), 1);
    let agent = format!("user-agent: ai-orchestrator/{} (+agent)", env!("CARGO_PKG_VERSION"));
    assert!(seen[0].to_lowercase().contains(&agent), "{}", seen[0]);
    assert!(!seen[0].to_lowercase().contains("cookie") && !seen[0].to_lowercase().contains("referer"));
}

#[tokio::test]
async fn this_machine_is_refused_in_every_notation_unless_it_is_listed() {
    let web = Pages::open(|_| vec![("/", html("<p>secret</p>"))]).await;
    let tool = fetcher(system_lookup(), &[], Limits::default());
    let port = web.port;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "１２７.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "100.100.100.200",
    ] {
        let said = refusal(&tool, &format!("http://{host}:{port}/")).await;
        assert!(said.contains("not public"), "{host}: {said}");
    }
    for url in
        [format!("http://example.com@127.0.0.1:{port}/"), format!("http://127.0.0.1:{port}@example.com/"), "file:///etc/passwd".into()]
    {
        refusal(&tool, &url).await;
    }
    assert_eq!(web.seen().len(), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused_without_a_connection() {
    let web = Pages::open(|_| vec![("/", html("<p>secret</p>"))]).await;
    let pairs: &[(&str, &[&str])] = &[
        ("inside.example", &["127.0.0.1"]),
        ("mixed.example", &["93.184.215.14", "10.0.0.7"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("metadata.example", &["169.254.169.254"]),
    ];
    for allowed in [&[][..], &["*"], &["*.example"]] {
        let tool = fetcher(names(pairs), allowed, Limits::default());
        for (host, _) in pairs {
            let said = refusal(&tool, &format!("http://{host}:{}/", web.port)).await;
            assert!(said.contains("not public"), "{host}: {said}");
        }
    }
    assert_eq!(web.seen().len(), 0);
    let tool = fetcher(names(pairs), &["inside.example"], Limits::default());
    let said = fetch(&tool, &format!("http://inside.example:{}/", web.port)).await;
    assert!(said.ok && said.content.contains("secret"), "{}", said.content);
    assert!(refusal(&tool, "http://unknown.example/").await.contains("security.allowed_hosts"));
}

#[tokio::test]
async fn redirects_are_followed_five_times_and_checked_each_time() {
    let web = Pages::open(|port| {
        vec![
            ("/1", redirect("/2")),
            ("/2", redirect("3?x=1")),
            ("/3?x=1", redirect(&format!("//127.0.0.1:{port}/4"))),
            ("/4", redirect(&format!("http://127.0.0.1:{port}/5"))),
            ("/5", redirect("/end")),
            ("/0", redirect("/1")),
            ("/end", html("<p>arrived</p>")),
            ("/loop", redirect("/loop")),
            ("/inside", redirect(&format!("http://127.1.1.1:{port}/end"))),
            ("/name", redirect(&format!("http://localhost:{port}/end"))),
            ("/file", redirect("file:///etc/passwd")),
            ("/user", redirect(&format!("http://me@127.0.0.1:{port}/end"))),
            ("/nowhere", page("302 Found", &[], "")),
        ]
    })
    .await;
    let tool = local();
    let outcome = fetch(&tool, &web.address("/1")).await;
    assert!(outcome.content.contains("arrived") && outcome.content.contains(&web.address("/end")), "{}", outcome.content);
    for (path, word) in [
        ("/0", "more than 5"),
        ("/loop", "more than 5"),
        ("/inside", "not among the hosts"),
        ("/name", "not among the hosts"),
        ("/file", "only http and https"),
        ("/user", "user name"),
        ("/nowhere", "HTTP 302"),
    ] {
        let said = refusal(&tool, &web.address(path)).await;
        assert!(said.contains(word), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_redirect_from_a_public_name_does_not_reach_inside() {
    // The listed name stands for a public site; its redirect goes to an address that nobody listed.
    let web =
        Pages::open(|port| vec![("/", redirect(&format!("http://inside.example:{port}/secret"))), ("/secret", html("<p>secret</p>"))])
            .await;
    let lookup = names(&[("site.example", &["127.0.0.1"]), ("inside.example", &["127.0.0.1"])]);
    let tool = fetcher(lookup, &["site.example", "*.example"], Limits::default());
    let said = refusal(&tool, &format!("http://site.example:{}/", web.port)).await;
    assert!(said.contains("not public"), "{said}");
    assert_eq!(web.seen().len(), 1);
}

#[tokio::test]
async fn a_rule_that_forbids_a_host_holds_for_redirects_too() {
    let web = Pages::open(|port| vec![("/", redirect(&format!("http://localhost:{port}/end"))), ("/end", html("<p>x</p>"))]).await;
    let rule: Rule = serde_json::from_value(json!({"host": "localhost", "decision": "deny"})).unwrap();
    let http = Arc::new(GuardedHttp::new(system_lookup(), vec!["127.0.0.1".into(), "localhost".into()]));
    let tool = WebFetch::new(http, &[rule], Limits::default());
    assert!(refusal(&tool, &web.address("/")).await.contains("a rule of the user forbids"));
}

#[tokio::test]
async fn an_agents_own_rule_holds_on_redirects_and_for_pages_that_another_agent_read() {
    let web = Pages::open(|port| vec![("/", redirect(&format!("http://localhost:{port}/end"))), ("/end", html("<p>secret</p>"))]).await;
    let rule: Rule = serde_json::from_value(json!({"host": "localhost", "agent": "writer", "decision": "deny"})).unwrap();
    let http = Arc::new(GuardedHttp::new(system_lookup(), vec!["127.0.0.1".into(), "localhost".into()]));
    let tool = WebFetch::new(http, &[rule], Limits::default());
    assert!(refusal(&tool, &web.address("/")).await.contains("a rule of the user forbids"));
    // Another agent may read the page by its own address; that it is kept now opens no way round the rule.
    assert!(fetch(&tool, &format!("http://localhost:{}/end", web.port)).await.ok);
    assert!(refusal(&tool, &web.address("/")).await.contains("a rule of the user forbids"));
}

#[tokio::test]
async fn a_pdf_file_comes_as_text_with_its_title() {
    let print = std::fs::read(format!("{}/tests/fixtures/pdf/tides.pdf", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let web = Pages::open(|_| vec![("/tides.pdf", page("200 OK", &["content-type: application/pdf"], print))]).await;
    let outcome = fetch(&local(), &web.address("/tides.pdf")).await;
    assert!(outcome.ok, "{}", outcome.content);
    for expected in ["Kind: application/pdf", "Title: Tides of the North Sea", "[page 2]", "was 2.97 m in 2024"] {
        assert!(outcome.content.contains(expected), "{expected}: {}", outcome.content);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_or_too_slow_is_given_up() {
    let web = Pages::open(|_| {
        let bomb = gzip_bomb();
        vec![
            ("/endless", Served::Endless("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 52428800\r\n\r\n")),
            ("/bomb", page("200 OK", &["content-type: text/html", "content-encoding: gzip"], bomb)),
            ("/broken", page("200 OK", &["content-type: text/html", "content-encoding: gzip"], "no gzip at all")),
            ("/head", Served::Stalls(Vec::new())),
            ("/body", Served::Stalls(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nsome".to_vec())),
            ("/cut", Served::Bytes(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nsome".to_vec())),
        ]
    })
    .await;
    let tool = local();
    for path in ["/endless", "/bomb"] {
        let said = refusal(&tool, &web.address(path)).await;
        assert!(said.contains("larger than 5.2 MB"), "{path}: {said}");
    }
    assert!(refusal(&tool, &web.address("/broken")).await.contains("broke off"));
    assert!(refusal(&tool, &web.address("/cut")).await.contains("broke off"));
    let hasty = fetcher(system_lookup(), &["127.0.0.1"], Limits { time: Duration::from_millis(150), ..Limits::default() });
    for path in ["/head", "/body"] {
        assert!(refusal(&hasty, &web.address(path)).await.contains("did not arrive"), "{path}");
    }
}

#[tokio::test]
async fn errors_walls_and_other_kinds_are_never_content() {
    let web = Pages::open(|_| {
        let long = "An error page with much text. ".repeat(200);
        vec![
            ("/500", page("500 Oops", &["content-type: text/html"], &long)),
            ("/403", page("403 Forbidden", &["content-type: text/html"], &long)),
            ("/429", page("429 Slow", &["content-type: application/json"], "{}")),
            ("/204", page("204 No Content", &[], "")),
            ("/login", html("<form><input type=password></form><p>Sign in to read on.</p>")),
            ("/private", redirect("/account/signin?next=/private")),
            ("/account/signin?next=/private", html("<p>Welcome back. Who are you?</p>")),
            ("/cookies", html("<p>Before you continue: we use cookies.</p><button>Accept all</button><p>Accept all</p>")),
            ("/pdf", page("200 OK", &["content-type: application/pdf"], "%PDF-1.7")),
            ("/image", page("200 OK", &["content-type: image/png"], "\u{89}PNG")),
            ("/api", page("200 OK", &["content-type: application/json"], "{\"error\": \"no key\"}")),
        ]
    })
    .await;
    let tool = local();
    for (path, word) in [
        ("/500", "HTTP 500"),
        ("/403", "HTTP 403"),
        ("/429", "HTTP 429"),
        ("/204", "HTTP 204"),
        ("/gone", "HTTP 404"),
        ("/login", "log in"),
        ("/private", "log in"),
        ("/cookies", "cookies"),
        ("/pdf", "PDF"),
        ("/image", "image/png"),
        ("/api", "no key"),
    ] {
        let said = refusal(&tool, &web.address(path)).await;
        assert!(said.contains(word), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_wrong_charset_is_seen_through_and_a_long_page_is_read_on() {
    let long: String = (0..4000).map(|number| format!("{number} ü ")).collect();
    let served = long.clone();
    let web = Pages::open(|_| {
        vec![
            ("/latin", page("200 OK", &["content-type: text/html; charset=utf-8"], b"<p>caf\xe9</p>")),
            ("/long", page("200 OK", &["content-type: text/plain; charset=utf-8"], served)),
        ]
    })
    .await;
    let tool = local();
    assert!(fetch(&tool, &web.address("/latin")).await.content.contains("café"));
    let (mut offset, mut read) = (0_usize, String::new());
    for _ in 0..10 {
        let input = if offset == 0 { json!({"url": web.address("/long")}) } else { json!({"url": web.address("/long"), "offset": offset}) };
        let content = tool.answer(&input).await.content;
        assert!(content.len() <= 24 * 1024);
        let body = content.split_once("\n\n").unwrap().1;
        match body.rsplit_once("\n[characters ") {
            Some((part, note)) => {
                read.push_str(part);
                offset = note.rsplit(' ').next().unwrap().trim_end_matches("]\n").parse().unwrap();
            }
            None => {
                read.push_str(body);
                break;
            }
        }
    }
    assert_eq!(read, long);
}

#[tokio::test]
async fn wrong_input_is_a_refusal() {
    let tool = local();
    for input in [json!({}), json!({"url": 3}), json!([]), json!(null), json!({"url": "https://example.com", "offset": "x"})] {
        assert!(!tool.answer(&input).await.ok, "{input}");
    }
}

#[tokio::test]
async fn a_search_lists_what_the_configured_endpoint_found() {
    let found = json!({"results": [{"title": "Tides", "url": "https://a.example/t", "content": "High water"}]}).to_string();
    let web = Pages::open(|_| {
        vec![
            ("/search?q=high+water+%26+tides&format=json", page("200 OK", &["content-type: application/json"], found)),
            ("/search?q=forbidden&format=json", page("403 Forbidden", &[], "")),
            ("/search?q=html&format=json", html("<p>x</p>")),
        ]
    })
    .await;
    let settings = Settings {
        search_provider: "searxng".into(),
        search_url: Some(web.address("/")),
        search_key_command: Some("echo canary-key".into()),
        ..Settings::defaults("/p")
    };
    let search = WebSearch::configured(&settings).unwrap();
    let outcome = search.answer(&json!({"query": " high water & tides "})).await;
    assert!(outcome.ok && outcome.content.contains("1. Tides\n   https://a.example/t\n   High water"), "{}", outcome.content);
    assert!(web.seen()[0].to_lowercase().contains("authorization: bearer canary-key"));
    for (query, word) in [("forbidden", "HTTP 403"), ("html", "something else than JSON"), ("gone", "HTTP 404"), ("  ", "a few words")] {
        let outcome = search.answer(&json!({"query": query})).await;
        assert!(!outcome.ok && outcome.content.contains(word), "{query}: {}", outcome.content);
        assert!(!outcome.content.contains("canary"));
    }
}

/// Fetches one address, then says what came of it; runs `web_search` itself if told so.
struct Curious {
    url: String,
    searches: bool,
    offered: std::sync::Mutex<Vec<String>>,
}

#[async_trait]
impl Provider for Curious {
    fn name(&self) -> &'static str {
        "test"
    }

    fn default_model(&self) -> Option<String> {
        None
    }

    async fn complete(&self, request: &ModelRequest) -> Result<Reply, CallFailure> {
        *self.offered.lock().unwrap() =
            request.tools.iter().map(|tool| tool.name.clone()).filter(|name| name.starts_with("web_")).collect();
        let (block, stop) = match request.tool_results().last() {
            Some((_, content, _)) => (Block::Text { text: (*content).to_owned() }, StopReason::EndTurn),
            None => {
                let call = ToolCall { id: "c1".into(), name: "web_fetch".into(), input: json!({"url": self.url}) };
                (Block::ToolCall(call), StopReason::ToolUse)
            }
        };
        Ok(Reply { blocks: vec![block], stop, usage: Usage::default(), cost_usd: Some(0.0), request_id: None, raw: None })
    }

    fn runs_tool(&self, name: &str) -> bool {
        self.searches && name == "web_search"
    }
}

/// A run of one researcher; what was offered to it, and what it wrote.
async fn researched(url: &str, searches: bool, settings: impl FnOnce(&mut Settings)) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = Settings::defaults(folder.path());
    settings(&mut wanted);
    let provider = Arc::new(Curious { url: url.to_owned(), searches, offered: std::sync::Mutex::default() });
    let orchestrator = Orchestrator::builder()
        .settings(wanted)
        .environment(Environment::new(
            [("XDG_STATE_HOME".to_owned(), folder.path().join("state").to_string_lossy().into_owned())],
            folder.path(),
        ))
        .clock(Arc::new(FixedClock::at("2026-11-22T14:30:22+01:00")))
        .provider(provider.clone())
        .interactive(false)
        .build()
        .unwrap();
    let result = orchestrator.spawn_agent("researcher", "Read the page", Some("notes.md"), None).await.unwrap();
    let notes = std::fs::read_to_string(result.workspace.join("notes.md")).unwrap_or_default();
    let offered = provider.offered.lock().unwrap().clone();
    (offered, notes)
}

#[tokio::test]
async fn a_run_is_offered_what_it_may_reach_and_nothing_else() {
    let web = Pages::open(|_| vec![("/a", html("<p>High water at noon.</p>"))]).await;
    let url = web.address("/a");
    let listed = |settings: &mut Settings| settings.allowed_hosts = vec!["127.0.0.1".into()];
    let (offered, notes) = researched(&url, false, listed).await;
    assert_eq!(offered, ["web_fetch"]);
    assert!(notes.contains("High water at noon."), "{notes}");
    let (offered, notes) = researched(&url, true, |_| {}).await;
    assert_eq!(offered, ["web_search", "web_fetch"]);
    assert!(notes.contains("not public"), "{notes}");
    let search = |settings: &mut Settings| {
        settings.search_provider = "searxng".into();
        settings.search_url = Some("http://127.0.0.1:9/".into());
    };
    assert_eq!(researched(&url, false, search).await.0, ["web_search", "web_fetch"]);
    assert_eq!(researched(&url, true, |settings| settings.search_provider = "none".into()).await.0, ["web_fetch"]);
    let (offered, notes) = researched(&url, true, |settings| settings.allow_external_apis = false).await;
    assert_eq!(offered, [""; 0]);
    assert!(notes.contains("there is no tool `web_fetch`"), "{notes}");
    let (offered, notes) = researched(&url, true, |settings| settings.approvals = ApprovalMode::Tools).await;
    assert_eq!(offered, ["web_fetch"], "a search that nobody can be asked about is not offered");
    assert!(notes.contains("not allowed"), "{notes}");
    assert_eq!(web.seen().len(), 1);
}
