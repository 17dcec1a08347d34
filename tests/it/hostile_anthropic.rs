//! Whole runs against a hostile server that speaks Anthropic's protocol: each ends in success after a known number of requests, or in a clear state.
//! The server checks every request: results answer calls, roles alternate, no text is empty, at most four cache breakpoints.
use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::domain::view::RunResult;
use ai_orchestrator::domain::{Goal, RunStatus};
use ai_orchestrator::orchestrator::{Orchestrator, StartOptions};
use ai_orchestrator::sys::Environment;
use serde_json::{Value, json};

use crate::models::read;
use crate::support::model_server::{End, ModelServer, Scripted};

const KEY: &str = "sk-canary-hostile-anthropic";
const ONE_STEP: &str = "---\norchestrator: plan/1\nrun: 1\n---\n# Plan: Tides\n- [ ] s1 writer: Write about tides\n  - output: tides.md\n";

fn event(value: Value) -> String {
    format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap())
}

fn begin() -> String {
    let usage = json!({"input_tokens": 900, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0});
    event(json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage}}))
}

/// One block with its delta, whole.
fn block(index: usize, start: Value, delta: Value) -> String {
    event(json!({"type": "content_block_start", "index": index, "content_block": start}))
        + &event(json!({"type": "content_block_delta", "index": index, "delta": delta}))
        + &event(json!({"type": "content_block_stop", "index": index}))
}

fn text(index: usize, text: &str) -> String {
    block(index, json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text}))
}

fn call(index: usize, input: &str) -> String {
    let start = json!({"type": "tool_use", "id": format!("toolu_{index}"), "name": "write_file", "input": {}});
    block(index, start, json!({"type": "input_json_delta", "partial_json": input}))
}

fn end(stop: &str) -> String {
    event(json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null}, "usage": {"output_tokens": 40}}))
        + &event(json!({"type": "message_stop"}))
}

fn stream(blocks: &str, stop: &str) -> Scripted {
    Scripted::stream(begin() + blocks + &end(stop))
}

fn writes() -> Scripted {
    stream(&(text(0, "I write.") + &call(1, &json!({"path": "tides.md", "content": "# Tides\n"}).to_string())), "tool_use")
}

fn says() -> Scripted {
    stream(&text(0, "Done."), "end_turn")
}

fn good() -> Vec<Scripted> {
    vec![writes(), says()]
}

fn after(first: Scripted) -> Vec<Scripted> {
    [first].into_iter().chain(good()).collect()
}

fn error(status: u16, kind: &str, details: Value) -> Scripted {
    let body = json!({"type": "error", "error": {"type": kind, "message": "no", "details": details}, "request_id": "req_1"});
    Scripted::json(status, &body.to_string())
}

fn half() -> String {
    begin()
        + &event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}))
        + &event(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Half"}}))
}

async fn play(script: Vec<Scripted>, idle: u64) -> (RunResult, ModelServer, tempfile::TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let server = ModelServer::start(script).await;
    let settings = Settings {
        provider: ProviderChoice::Anthropic,
        base_url: Some(server.url.clone()),
        per_run_usd: None,
        per_day_usd: None,
        default_timeout: idle,
        ..Settings::defaults(scratch.path())
    };
    let folder = |name: &str, path: &str| (name.to_owned(), scratch.path().join(path).to_string_lossy().into_owned());
    // With a key everything is sent that Anthropic itself would get: cache breakpoints and server tools.
    let key = ("ANTHROPIC_API_KEY".to_owned(), KEY.to_owned());
    let variables = [folder("XDG_CONFIG_HOME", ".c"), folder("XDG_STATE_HOME", ".s"), folder("XDG_RUNTIME_DIR", ".r"), key];
    let environment = Environment::new(variables, scratch.path());
    let orchestrator = Orchestrator::builder().settings(settings).environment(environment).interactive(false).build().unwrap();
    let options = StartOptions { plan: Some(ONE_STEP.to_owned()), ..StartOptions::default() };
    let run = orchestrator.start_with(Goal::new("Write about tides").unwrap(), options).await.unwrap();
    (run.finished().await.unwrap(), server, scratch)
}

/// What the server does first, how the run ends, and how many requests it may take.
fn cases() -> Vec<(&'static str, Vec<Scripted>, RunStatus, std::ops::RangeInclusive<usize>)> {
    use RunStatus::{Completed, Failed, Parked};
    let limited = || error(429, "rate_limit_error", Value::Null);
    let huge =
        Scripted::stream(begin() + &format!("data: {{\"type\": \"x\", \"x\": \"{}\"}}\n\n", "x".repeat(20 << 20))).in_pieces(1 << 20);
    let closing = good().into_iter().map(|answer| answer.ends(End::CloseAfter)).collect();
    let long = Scripted::json(
        400,
        &json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 1000001 tokens > 1000000 maximum"}})
            .to_string(),
    );
    let in_stream = |kind: &str| half() + &event(json!({"type": "error", "error": {"type": kind, "message": "Overloaded"}}));
    let date = limited().header("date", "Sun, 22 Nov 2026 12:00:08 GMT").header("retry-after", "Sun, 22 Nov 2026 12:00:09 GMT");
    let cut_call = || stream(&call(0, "{\"path\": \"tides"), "max_tokens");
    vec![
        ("429 with seconds", after(limited().header("retry-after", "1")), Completed, 3..=3),
        ("429 with a date", after(date), Completed, 3..=3),
        ("429 with nothing", after(limited()), Completed, 3..=3),
        ("529", after(error(529, "overloaded_error", Value::Null)), Completed, 3..=3),
        ("500", after(error(500, "api_error", Value::Null)), Completed, 3..=3),
        ("500 with a page", after(Scripted::json(500, "<html>oops</html>")), Completed, 3..=3),
        ("401 in the middle", vec![writes(), error(401, "authentication_error", Value::Null)], Parked, 2..=2),
        ("a spending limit", vec![error(429, "rate_limit_error", json!({"error_code": "enforced_spend_limit_reached"}))], Parked, 1..=1),
        ("a request that cannot be mended", vec![error(400, "invalid_request_error", Value::Null)], Failed, 1..=1),
        ("overloaded in the stream", after(Scripted::stream(in_stream("overloaded_error"))), Completed, 3..=3),
        ("a refused key in the stream", vec![Scripted::stream(in_stream("authentication_error"))], Parked, 1..=1),
        ("a stream that stalls", after(Scripted::stream(half()).ends(End::Stall)), Completed, 3..=3),
        ("a stream that drips", good().into_iter().map(|answer| answer.in_pieces(1)).collect(), Completed, 2..=2),
        ("a page instead of a stream", after(Scripted::json(200, "<html>").header("content-type", "text/html")), Completed, 3..=3),
        ("no JSON", after(Scripted::stream(half() + "event: content_block_delta\ndata: {oops\n\n")), Completed, 3..=3),
        ("a stream cut off", after(Scripted::stream(half()).ends(End::Close)), Completed, 3..=3),
        ("a stream without its end", after(Scripted::stream(half())), Completed, 3..=3),
        ("an event of 20 MB", vec![huge], Failed, 1..=1),
        ("a call without input", after(stream(&call(0, ""), "tool_use")), Completed, 3..=3),
        ("a call with half an input", after(stream(&call(0, "{\"path\": \"tides"), "tool_use")), Completed, 3..=3),
        ("the limit inside a call", after(cut_call()), Completed, 3..=3),
        ("compressed unasked", after(Scripted::json(200, "{}").header("content-encoding", "gzip")), Completed, 3..=3),
        ("connections closed after each answer", closing, Completed, 2..=4),
        ("a window too small, then a fresh conversation", after(long.clone()), Completed, 3..=3),
        ("a window too small twice", vec![long.clone(), long], Failed, 2..=2),
        ("a pause in the turn", after(stream(&text(0, "Searching."), "pause_turn")), Completed, 3..=3),
        ("a refusal", vec![stream("", "refusal")], Failed, 1..=1),
        ("nothing said", after(stream("", "end_turn")), Completed, 3..=3),
    ]
}

#[tokio::test]
async fn whatever_the_server_does_the_run_ends_clearly_after_a_known_number_of_requests() {
    let played = cases().into_iter().map(|(name, script, status, requests)| async move {
        let idle = if name.ends_with("stalls") { 3 } else { 300 };
        let (result, server, _scratch) = play(script, idle).await;
        let count = server.bodies().len();
        assert_eq!(result.status, status, "{name}: {result:?}");
        assert!(requests.contains(&count), "{name}: {count} requests");
        assert!(status != RunStatus::Completed || read(&result, "tides.md") == "# Tides\n", "{name}");
        for seen in server.seen().iter().filter(|seen| seen.method == "POST") {
            assert!(seen.path == "/v1/messages" && seen.header("x-api-key") == Some(KEY), "{name}: {}", seen.path);
            assert_eq!(seen.header("anthropic-version"), Some("2026-10-21"), "{name}");
        }
    });
    futures::future::join_all(played).await;
}

#[tokio::test]
async fn a_call_that_the_limit_cut_is_asked_for_again_with_more_room_and_never_run() {
    let (result, server, _scratch) = play(after(stream(&call(0, "{\"path\": \"tides"), "max_tokens")), 300).await;
    let bodies = server.bodies();
    assert_eq!((bodies[1]["max_tokens"].as_u64(), bodies[1]["messages"].as_array().unwrap().len()), (Some(64_000), 1));
    let journal = std::fs::read_to_string(result.workspace.join(".orchestrator/journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"event\":\"tool_started\"").count(), 1, "the cut call was run");
}

#[tokio::test]
async fn an_answer_that_broke_off_is_paid_for_in_the_summary() {
    let (result, _server, _scratch) = play(after(Scripted::stream(half()).ends(End::Close)), 300).await;
    // Three answers of 900 tokens of prompt each: the one that broke off counts.
    assert_eq!(result.summary.usage.input_tokens, 2_700, "{result:?}");
}
