//! Providers against a hostile server on this machine: every answer ends in a success or in a failure of the right class, after a known number of requests.
use std::sync::Arc;
use std::time::Duration;

use ai_orchestrator::config::Settings;
use ai_orchestrator::domain::message::Brief;
use ai_orchestrator::domain::{Block, FailureClass, Message, ModelRequest, RelPath, Role, StepId, StopReason, ToolSpec};
use ai_orchestrator::llm::anthropic::Anthropic;
use ai_orchestrator::llm::keys::{ANTHROPIC_VARIABLES, KeyCommand, KeySource};
use ai_orchestrator::llm::openai::OpenAi;
use ai_orchestrator::llm::price::Prices;
use ai_orchestrator::llm::{Endpoint, Hands, KeyHeader, Provider};
use ai_orchestrator::sys::{Environment, FixedClock};
use serde_json::{Value, json};

use crate::support::model_server::{End, ModelServer, Scripted};

const CANARY: &str = "sk-canary-4711";

pub(crate) fn fixture(api: &str, name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/llm/{api}/{name}.sse", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn hands(idle: Duration) -> Hands {
    Hands { http: Arc::default(), clock: Arc::new(FixedClock::at("2026-11-22T12:00:00Z")), idle }
}

fn key() -> KeySource {
    let run: KeyCommand = Arc::new(|_| Box::pin(async { Ok(String::new()) }));
    let environment = Environment::new([("CLAUDE_API_KEY".to_owned(), CANARY.to_owned())], "/");
    KeySource::find(&Settings::defaults("/p"), &environment, &ANTHROPIC_VARIABLES, &run)
}

fn anthropic_with(server: &ModelServer, idle: Duration) -> Anthropic {
    let endpoint = Endpoint::new(&server.url, (key(), KeyHeader::XApiKey), hands(idle));
    Anthropic::new(endpoint, Prices::new(&json!({})), None, (true, Vec::new()))
}

pub(crate) fn anthropic(server: &ModelServer) -> Anthropic {
    anthropic_with(server, Duration::from_secs(30))
}

pub(crate) fn openai(server: &ModelServer, model: Option<&str>) -> OpenAi {
    let endpoint = Endpoint::new(&format!("{}/v1", server.url), (key(), KeyHeader::Bearer), hands(Duration::from_secs(30)));
    OpenAi::new(endpoint, Prices::on_this_machine(&json!({})), model.map(str::to_owned))
}

pub(crate) fn request(text: &str) -> ModelRequest {
    let brief = Brief::new("writer", "g", StepId("s1".into()), RelPath::new("a.md").unwrap());
    ModelRequest {
        system: "You write.".into(),
        tools: vec![
            ToolSpec { name: "read_file".into(), description: "reads".into(), input_schema: json!({"type": "object"}).into() }.into(),
        ],
        ..ModelRequest::new(brief, vec![Message::user(text)])
    }
}

/// The conversation with the reply and a result for each of its calls.
pub(crate) fn continued(mut request: ModelRequest, reply: &ai_orchestrator::domain::Reply) -> ModelRequest {
    request.messages.push(Message { role: Role::Assistant, blocks: reply.blocks.clone(), raw: reply.raw.clone() });
    let results: Vec<Block> =
        reply.tool_calls().map(|call| Block::ToolResult { id: call.id.clone(), content: "x".into(), is_error: false }).collect();
    if !results.is_empty() {
        request.messages.push(Message { role: Role::User, blocks: results, raw: None });
    }
    request
}

#[tokio::test]
async fn every_good_stream_of_anthropic_is_read_over_the_wire_and_goes_back_verbatim() {
    for name in ["text", "tool_use", "parallel_tools", "thinking", "web_search", "pause_turn", "unknown_events", "crlf", "no_final_blank"] {
        let stream = fixture("anthropic", name);
        let server = ModelServer::start(vec![
            Scripted::stream(stream.clone()).in_pieces(13).header("request-id", "req_1"),
            Scripted::stream(fixture("anthropic", "text")),
        ])
        .await;
        let provider = anthropic(&server);
        let first = request("a");
        let reply = provider.complete(&first).await.unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        assert_eq!(reply.request_id.as_deref(), Some("req_1"));
        let mut next = continued(first, &reply);
        if next.messages.last().unwrap().role == Role::Assistant && reply.stop != StopReason::PauseTurn {
            next.messages.push(Message::user("go on"));
        }
        provider.complete(&next).await.unwrap();
        let sent = server.bodies()[1]["messages"][1]["content"].clone();
        let own = reply.raw.as_ref().map_or_else(|| plain(&reply.blocks), |raw| raw["content"].clone());
        assert_eq!(sent.to_string(), own.to_string(), "{name}");
        assert_eq!(reply.raw.is_some(), ["thinking", "web_search", "pause_turn", "unknown_events"].contains(&name), "{name}");
    }
}

/// What Anthropic's own JSON of an answer is where it holds nothing but texts and calls.
fn plain(blocks: &[Block]) -> Value {
    let wire = |block: &Block| match block {
        Block::Text { text } => json!({"type": "text", "text": text}),
        Block::ToolCall(call) => json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}),
        Block::ToolResult { .. } => panic!("an answer holds no result"),
    };
    blocks.iter().map(wire).collect()
}

#[tokio::test]
async fn the_head_of_a_request_is_what_the_api_asks_for() {
    let server = ModelServer::start(vec![Scripted::stream(fixture("anthropic", "text"))]).await;
    let reply = anthropic(&server).complete(&request("a")).await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/messages"));
    assert_eq!(seen.header("x-api-key"), Some(CANARY));
    assert_eq!(seen.header("anthropic-version"), Some("2026-10-21"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert!(seen.header("authorization").is_none() && seen.header("accept-encoding").is_none());
    assert_eq!(seen.body["model"], "claude-sonnet-5-5");
    assert!((reply.cost_usd.unwrap() - (25.0 * 2.0 + 12.0 * 10.0) / 1e6).abs() < 1e-12);
}

#[tokio::test]
async fn refusals_of_the_server_have_their_class_and_one_request_each() {
    let error = |kind: &str| format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"no {CANARY}"}},"request_id":"req_2"}}"#);
    for (scripted, class, retry_after) in [
        (Scripted::json(429, &error("rate_limit_error")).header("retry-after", "7"), FailureClass::Throttled, Some(7000)),
        (Scripted::json(429, &error("rate_limit_error")).header("retry-after-ms", "1500"), FailureClass::Throttled, Some(1500)),
        (
            Scripted::json(429, &error("rate_limit_error")).header("retry-after", "Sun, 22 Nov 2026 12:00:09 GMT"),
            FailureClass::Throttled,
            Some(9000),
        ),
        (Scripted::json(429, &error("rate_limit_error")), FailureClass::Throttled, None),
        (Scripted::json(529, &error("overloaded_error")), FailureClass::Transient, None),
        (Scripted::json(529, &error("overloaded_error")).header("x-should-retry", "false"), FailureClass::Parked, None),
        (Scripted::json(500, "<html>oops</html>"), FailureClass::Transient, None),
        (Scripted::json(401, &error("authentication_error")), FailureClass::Parked, None),
        (Scripted::json(400, &error("invalid_request_error")), FailureClass::Doomed, None),
        (Scripted::json(413, "<html>too large</html>"), FailureClass::Doomed, None),
        (Scripted::json(302, "").header("location", "http://127.0.0.1:1/"), FailureClass::Doomed, None),
        (Scripted::json(200, &error("overloaded_error")), FailureClass::Transient, None),
        (Scripted::json(200, "{}").header("content-encoding", "gzip"), FailureClass::Transient, None),
        (Scripted::stream("data: {\"type\":\n\n"), FailureClass::Transient, None),
        (Scripted::stream(""), FailureClass::Transient, None),
    ] {
        let server = ModelServer::start(vec![scripted.clone()]).await;
        let failure = anthropic(&server).complete(&request("a")).await.unwrap_err();
        assert_eq!((failure.class, failure.retry_after_ms), (class, retry_after), "{scripted:?}: {}", failure.message);
        assert!(!failure.message.contains(CANARY), "{}", failure.message);
        assert_eq!(server.seen().len(), 1, "{scripted:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_stream_is_no_success_and_says_what_it_cost() {
    let stream = fixture("anthropic", "text");
    for cut in [0, 1, 60, 300, 500, stream.len() / 2, stream.len() - 40] {
        let server = ModelServer::start(vec![Scripted::stream(&stream[..cut]).ends(End::Close)]).await;
        let failure = anthropic(&server).complete(&request("a")).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Transient, "cut at {cut}");
        let started = stream[..cut].windows(16).any(|window| window == b"\"output_tokens\":1") && cut > 400;
        assert!(!started || failure.spent.is_some_and(|spent| spent.usage.input_tokens == 25), "cut at {cut}: {failure:?}");
    }
}

#[tokio::test]
async fn a_stream_that_only_pings_makes_no_progress() {
    let start = fixture("anthropic", "text");
    let end = start.windows(2).position(|window| window == b"\n\n").unwrap() + 2;
    let mut body = start[..end].to_vec();
    body.extend(b"event: ping\ndata: {\"type\": \"ping\"}\n\n: ping\n\n".repeat(50));
    let server = ModelServer::start(vec![Scripted::stream(body).in_pieces(40).ends(End::Stall)]).await;
    let failure = anthropic_with(&server, Duration::from_millis(80)).complete(&request("a")).await.unwrap_err();
    assert!(failure.class == FailureClass::Transient && failure.message.contains("no progress"), "{}", failure.message);
    server.closed_by_client().await;
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection() {
    let server = ModelServer::start(vec![Scripted::stream("event: ping\ndata: {}\n\n").ends(End::Stall)]).await;
    let provider = anthropic(&server);
    let request = request("a");
    {
        let mut call = Box::pin(provider.complete(&request));
        // Runs the call until the request has arrived, then drops it.
        tokio::select! {
            _ = &mut call => panic!("the server never ends its answer"),
            () = async { while server.seen().is_empty() { tokio::task::yield_now().await } } => {}
        }
    }
    server.closed_by_client().await;
}

#[tokio::test]
async fn a_connection_closed_after_its_answer_does_not_hurt_the_next_call() {
    let one = || Scripted::stream(fixture("anthropic", "text")).ends(End::CloseAfter);
    let server = ModelServer::start(vec![one(), one(), one()]).await;
    let provider = anthropic(&server);
    let mut successes = 0;
    for _ in 0..3 {
        match provider.complete(&request("a")).await {
            Ok(_) => successes += 1,
            Err(failure) => assert_eq!(failure.class, FailureClass::Transient),
        }
    }
    assert!(successes >= 2, "{successes}");
}

#[tokio::test]
async fn an_unknown_model_is_named_with_the_known_ones() {
    let missing = Scripted::json(404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-sonet"}}"#);
    let list = Scripted::json(
        200,
        r#"{"data":[{"id":"claude-sonnet-5-5","max_input_tokens":1000000,"max_tokens":128000},{"id":"claude-haiku-5-5"}]}"#,
    );
    let server = ModelServer::start(vec![missing, list.clone(), list]).await;
    let provider = anthropic(&server);
    let failure = provider.complete(&ModelRequest { model: Some("claude-sonet".into()), ..request("a") }).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Doomed);
    assert_eq!(failure.message, "unknown model `claude-sonet`; known models: claude-sonnet-5-5, claude-haiku-5-5");
    assert_eq!(provider.models().await.unwrap()[0].context_tokens, Some(1_000_000));
}

#[tokio::test]
async fn a_signature_that_no_longer_fits_is_repaired_once() {
    let refused = Scripted::json(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid signature in thinking block: it is bound to a different conversation"}}"#,
    );
    let server = ModelServer::start(vec![
        Scripted::stream(fixture("anthropic", "thinking")),
        refused,
        Scripted::stream(fixture("anthropic", "text")),
    ])
    .await;
    let provider = anthropic(&server);
    let first = request("a");
    let reply = provider.complete(&first).await.unwrap();
    provider.complete(&continued(first, &reply)).await.unwrap();
    let kinds = |body: &Value| {
        body["messages"][1]["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(|block| block["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let bodies = server.bodies();
    assert_eq!(kinds(&bodies[1]), ["thinking", "redacted_thinking", "tool_use"]);
    assert_eq!((bodies.len(), kinds(&bodies[2])), (3, vec!["tool_use".to_owned()]));
}

#[tokio::test]
async fn the_streams_of_many_servers_are_read_over_the_wire_and_go_on() {
    for name in [
        "openai_tools",
        "ollama_tools",
        "ollama_one_index",
        "lmstudio",
        "groq",
        "deepseek",
        "mistral",
        "sglang_nulls",
        "gemini_signature",
        "openrouter",
        "azure",
        "vllm_reasoning",
    ] {
        let stream = Scripted::stream(fixture("openai", name)).in_pieces(11);
        let server = ModelServer::start(vec![stream, Scripted::stream(fixture("openai", "openai_text"))]).await;
        let provider = openai(&server, Some("m"));
        let first = request("a");
        let reply = provider.complete(&first).await.unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        let mut next = continued(first, &reply);
        if next.messages.last().unwrap().role == Role::Assistant {
            next.messages.push(Message::user("go on"));
        }
        provider.complete(&next).await.unwrap();
        let expected = if name == "openrouter" { 0.00125 } else { 0.0 };
        assert_eq!(reply.cost_usd, Some(expected), "{name}");
    }
}

#[tokio::test]
async fn what_an_endpoint_refuses_is_learned_once() {
    let refused = |message: &str| Scripted::json(400, &json!({"error": {"message": message, "type": "invalid_request_error"}}).to_string());
    let good = || Scripted::stream(fixture("openai", "openai_text"));
    let server = ModelServer::start(vec![
        refused("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
        refused("unknown field stream_options"),
        refused("response_format of type json_schema is not supported"),
        good(),
        good(),
    ])
    .await;
    let provider = openai(&server, Some("m"));
    let request = ModelRequest { schema: Some(json!({"type": "object"})), max_output_tokens: Some(99), ..request("a") };
    provider.complete(&request).await.unwrap();
    provider.complete(&request).await.unwrap();
    let bodies = server.bodies();
    assert_eq!(bodies.len(), 5);
    for body in &bodies[3..] {
        assert_eq!((body["max_completion_tokens"].as_u64(), body.get("max_tokens"), body.get("stream_options")), (Some(99), None, None));
        assert_eq!(body["response_format"], json!({"type": "json_object"}));
    }
}

#[tokio::test]
async fn without_a_model_the_first_that_the_endpoint_lists_is_used() {
    let list = Scripted::json(200, r#"{"object":"list","data":[{"id":"text-embed"},{"id":"qwen"}]}"#);
    let server = ModelServer::start(vec![list, Scripted::stream(fixture("openai", "openai_text"))]).await;
    let provider = openai(&server, None);
    assert_eq!(provider.default_model(), None);
    provider.complete(&request("a")).await.unwrap();
    assert_eq!((provider.default_model().as_deref(), server.bodies()[0]["model"].as_str()), (Some("qwen"), Some("qwen")));
}

#[tokio::test]
async fn a_huge_event_and_a_huge_argument_are_read() {
    let content = "x".repeat(3 << 20);
    let arguments = json!({"path": "a.md", "content": content}).to_string();
    let delta = |arguments: &str| json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "write_file", "arguments": arguments}}]}, "finish_reason": "tool_calls"}]});
    let server =
        ModelServer::start(vec![Scripted::stream(format!("data: {}\n\ndata: [DONE]\n\n", delta(&arguments))).in_pieces(65536)]).await;
    let reply = openai(&server, Some("m")).complete(&request("a")).await.unwrap();
    assert_eq!(reply.tool_calls().next().unwrap().input["content"].as_str().unwrap().len(), content.len());
}

#[tokio::test]
async fn keys_are_not_shown_by_any_debug_text() {
    let server = ModelServer::start(vec![]).await;
    let text = format!("{:?} {:?}", anthropic(&server), openai(&server, None));
    assert!(!text.contains(CANARY), "{text}");
}
