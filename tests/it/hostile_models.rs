//! Whole runs against a hostile model server: each ends in success after a known number of requests, or in a clear state.
use std::time::Duration;

use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::domain::view::{RunResult, Verdict};
use ai_orchestrator::domain::{Command, Event, Goal, RunStatus};
use ai_orchestrator::orchestrator::StartOptions;
use serde_json::{Value, json};

use crate::models::{builder, chat, events, read, says, writes};
use crate::support::model_server::{End, ModelServer, Scripted};

const ONE_STEP: &str = "---\norchestrator: plan/1\nrun: 1\n---\n# Plan: Tides\n- [ ] s1 writer: Write about tides\n  - output: tides.md\n";

/// A run of a given plan with everything that a hostile server may do in between.
async fn play(plan: &str, script: Vec<Scripted>) -> (RunResult, ModelServer, tempfile::TempDir) {
    play_with(plan, script, 300).await
}

/// The same, with the seconds that a call may be without progress.
async fn play_with(plan: &str, script: Vec<Scripted>, idle: u64) -> (RunResult, ModelServer, tempfile::TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let server = ModelServer::start(script).await;
    let settings = Settings {
        provider: ProviderChoice::OpenAi,
        base_url: Some(format!("{}/v1", server.url)),
        model: Some("m".into()),
        per_run_usd: None,
        per_day_usd: None,
        default_timeout: idle,
        ..Settings::defaults(scratch.path())
    };
    let orchestrator = builder(scratch.path(), &server.url).settings(settings).build().unwrap();
    let options = StartOptions { plan: Some(plan.to_owned()), ..StartOptions::default() };
    let run = orchestrator.start_with(Goal::new("Write about tides").unwrap(), options).await.unwrap();
    let result = run.finished().await.unwrap();
    (result, server, scratch)
}

fn good() -> Vec<Scripted> {
    vec![writes("tides.md", "# Tides\n"), says("Done.")]
}

fn after(first: Scripted) -> Vec<Scripted> {
    [first].into_iter().chain(good()).collect()
}

fn calls(arguments: &str, finish: &str) -> Scripted {
    let call = json!([{"index": 0, "id": "call_1", "type": "function", "function": {"name": "write_file", "arguments": arguments}}]);
    chat(json!({"role": "assistant", "tool_calls": call}), finish)
}

fn error(status: u16, kind: &str) -> Scripted {
    Scripted::json(status, &json!({"error": {"message": "no", "type": kind, "code": kind}}).to_string())
}

fn half() -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": "Half"}, "finish_reason": null}]}))
}

/// What the server does first, how the run ends, and how many requests it may take.
fn cases() -> Vec<(&'static str, Vec<Scripted>, RunStatus, std::ops::RangeInclusive<usize>)> {
    use RunStatus::{Completed, Failed, Parked};
    let long = error(400, "context_length_exceeded");
    let huge = Scripted::stream(format!("data: {{\"x\": \"{}\"}}\n\n", "x".repeat(20 << 20))).in_pieces(1 << 20);
    let closing = good().into_iter().map(|answer| answer.ends(End::CloseAfter)).collect();
    vec![
        ("429 with seconds", after(error(429, "rate_limit_exceeded").header("retry-after", "1")), Completed, 3..=3),
        (
            "429 with a date",
            after(
                error(429, "rate_limit_exceeded")
                    .header("date", "Sun, 22 Nov 2026 12:00:08 GMT")
                    .header("retry-after", "Sun, 22 Nov 2026 12:00:09 GMT"),
            ),
            Completed,
            3..=3,
        ),
        ("429 with nothing", after(error(429, "rate_limit_exceeded")), Completed, 3..=3),
        ("529", after(error(529, "overloaded")), Completed, 3..=3),
        ("500 with a page", after(Scripted::json(500, "<html>oops</html>")), Completed, 3..=3),
        ("401 in the middle", vec![writes("tides.md", "# Tides\n"), error(401, "invalid_api_key")], Parked, 2..=2),
        ("no money left", vec![error(429, "insufficient_quota")], Parked, 1..=1),
        ("a request that cannot be mended", vec![error(400, "invalid_request_error")], Failed, 1..=1),
        (
            "an error in the stream",
            after(Scripted::stream(half() + "data: {\"error\":{\"message\":\"no\",\"code\":500}}\n\n")),
            Completed,
            3..=3,
        ),
        ("a stream that stalls", after(Scripted::stream(half()).ends(End::Stall)), Completed, 3..=3),
        ("a stream that drips", good().into_iter().map(|answer| answer.in_pieces(1)).collect(), Completed, 2..=2),
        ("a page instead of a stream", after(Scripted::json(200, "<html>").header("content-type", "text/html")), Completed, 3..=3),
        ("no JSON", after(Scripted::stream(half() + "data: {oops\n\n")), Completed, 3..=3),
        ("a stream cut off", after(Scripted::stream(half()).ends(End::Close)), Completed, 3..=3),
        ("an event of 20 MB", vec![huge], Failed, 1..=1),
        ("a call without input", after(calls("", "tool_calls")), Completed, 3..=3),
        ("a call with half an input", after(calls("{\"path\": \"tides", "tool_calls")), Completed, 3..=3),
        ("the limit inside a call", after(calls("{\"path\": \"tides", "length")), Completed, 3..=3),
        ("compressed unasked", after(Scripted::json(200, "{}").header("content-encoding", "gzip")), Completed, 3..=3),
        ("connections closed after each answer", closing, Completed, 2..=4),
        ("a window too small, then a fresh conversation", after(long.clone()), Completed, 3..=3),
        ("a window too small twice", vec![long.clone(), long], Failed, 2..=2),
    ]
}

#[tokio::test]
async fn whatever_the_server_does_the_run_ends_clearly_after_a_known_number_of_requests() {
    let played = cases().into_iter().map(|(name, script, status, requests)| async move {
        // Where the server falls silent the limit has to pass; nobody else may come near it on a slow machine.
        let idle = if name.ends_with("stalls") { 3 } else { 300 };
        let (result, server, _scratch) = play_with(ONE_STEP, script, idle).await;
        let count = server.bodies().len();
        assert_eq!(result.status, status, "{name}: {result:?}");
        assert!(requests.contains(&count), "{name}: {count} requests");
        assert!(status != RunStatus::Completed || read(&result, "tides.md") == "# Tides\n", "{name}");
    });
    futures::future::join_all(played).await;
}

#[tokio::test]
async fn a_call_that_the_limit_cut_is_asked_for_again_with_more_room() {
    let (_, server, _scratch) = play(ONE_STEP, after(calls("{\"path\": \"tides", "length"))).await;
    let bodies = server.bodies();
    assert_eq!((bodies[1]["max_tokens"].as_u64(), bodies[1]["messages"].as_array().unwrap().len()), (Some(64_000), 2));
}

#[tokio::test]
async fn a_model_without_tools_gets_them_in_words_and_is_not_asked_again() {
    let refused =
        Scripted::json(400, r#"{"error":{"message":"registry.ollama.ai/library/gemma does not support tools","type":"api_error"}}"#);
    let input = json!({"name": "write_file", "input": {"path": "tides.md", "content": "# Tides\n"}});
    let (result, server, _scratch) = play(ONE_STEP, vec![refused, says(&format!("I write.\n```tool\n{input}\n```")), says("Done.")]).await;
    assert_eq!((result.status, read(&result, "tides.md").as_str()), (RunStatus::Completed, "# Tides\n"), "{result:?}");
    let bodies = server.bodies();
    let has_tools: Vec<bool> = bodies.iter().map(|body| body.get("tools").is_some()).collect();
    assert_eq!(has_tools, [true, false, false]);
    let said = |body: &Value, number: usize| body["messages"][number]["content"].as_str().unwrap_or_default().to_owned();
    assert!(said(&bodies[1], 0).contains("- write_file:"));
    assert!(said(&bodies[2], 2).contains("```tool") && said(&bodies[2], 3).starts_with("Result of call 1:"));
}

#[tokio::test]
async fn stopping_closes_the_stream_that_is_under_way() {
    let scratch = tempfile::tempdir().unwrap();
    let server = ModelServer::start(vec![Scripted::stream(half()).ends(End::Stall)]).await;
    let orchestrator = builder(scratch.path(), &server.url).build().unwrap();
    let options = StartOptions { plan: Some(ONE_STEP.to_owned()), ..StartOptions::default() };
    let run = orchestrator.start_with(Goal::new("Write about tides").unwrap(), options).await.unwrap();
    while server.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    run.command(Command::Stop { reason: None }).await.unwrap();
    // The product promises a second; the test only needs an end.
    tokio::time::timeout(Duration::from_secs(20), server.closed_by_client()).await.unwrap();
    assert_eq!(run.finished().await.unwrap().status, RunStatus::Cancelled);
    assert_eq!(server.bodies().len(), 1);
}

#[tokio::test]
async fn stopping_drops_every_stream_that_is_under_way_and_sends_nothing_more() {
    let scratch = tempfile::tempdir().unwrap();
    let server = ModelServer::start(vec![Scripted::stream(half()).ends(End::Stall); 4]).await;
    let orchestrator = builder(scratch.path(), &server.url).build().unwrap();
    let steps: String = (1..=4).map(|step| format!("- [ ] s{step} writer: Part {step}\n  - output: part{step}.md\n")).collect();
    let plan = format!("---\norchestrator: plan/1\nrun: 1\n---\n# Plan: Tides\n{steps}");
    let options = StartOptions { plan: Some(plan), ..StartOptions::default() };
    let run = orchestrator.start_with(Goal::new("Write about tides").unwrap(), options).await.unwrap();
    while server.seen().len() < 4 {
        tokio::task::yield_now().await;
    }
    run.command(Command::Stop { reason: None }).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), server.all_closed_by_client(4)).await.unwrap();
    assert_eq!(run.finished().await.unwrap().status, RunStatus::Cancelled);
    assert_eq!(server.bodies().len(), 4);
}

const TWO_STEPS: &str = "---\norchestrator: plan/1\nrun: 1\n---\n# Plan: Tides\n- [ ] s1 writer: One\n  - output: a.md\n- [ ] s2 writer: Two\n  - output: b.md\n";

#[tokio::test]
async fn a_refused_key_stops_the_siblings_and_no_further_request_is_made() {
    for refusal_first in [true, false] {
        let mut script = vec![error(401, "invalid_api_key"), Scripted::stream(half()).ends(End::Stall)];
        if !refusal_first {
            script.reverse();
        }
        let (result, server, _scratch) = play(TWO_STEPS, script).await;
        assert_eq!(result.status, RunStatus::Parked, "{result:?}");
        assert!(server.bodies().len() <= 2, "{}", server.bodies().len());
    }
}

const REVIEWED: &str = "---\norchestrator: plan/1\nrun: 1\n---\n# Plan: Tides\n- [ ] s1 writer: Write\n  - output: tides.md\n\
                        - [ ] s2 qa_tester: Check\n  - needs: s1\n  - output: qa.md\n";

fn reports(findings: Value) -> Scripted {
    let call = |id: &str, name: &str, input: Value| json!({"index": id.len() - 1, "id": id, "type": "function", "function": {"name": name, "arguments": input.to_string()}});
    let calls = json!([
        call("r", "report_findings", json!({ "findings": findings })),
        call("rw", "write_file", json!({"path": "qa.md", "content": "# Report\n"}))
    ]);
    chat(json!({"role": "assistant", "tool_calls": calls}), "tool_calls")
}

#[tokio::test]
async fn a_reviewers_findings_reach_the_author_in_its_own_conversation() {
    let finding =
        json!([{"path": "tides.md", "line": 1, "severity": "error", "rule": "spelling", "evidence": "Tydes", "advice": "write Tides"}]);
    let script = vec![
        writes("tides.md", "# Tydes\n"),
        says("Done."),
        reports(finding),
        says("One error."),
        writes("tides.md", "# Tides\n"),
        says("Mended."),
        reports(json!([])),
        says("Nothing left."),
    ];
    let (result, server, _scratch) = play(REVIEWED, script).await;
    assert_eq!((result.status, server.bodies().len()), (RunStatus::Completed, 8), "{result:?}");
    let review = result.results[1].review.unwrap();
    assert_eq!((review.verdict, review.rounds), (Verdict::Passed, 1));
    assert_eq!(read(&result, "tides.md"), "# Tides\n");
    let told = server.bodies()[4]["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
    assert!(told.contains("error spelling in tides.md:1: Tydes Advice: write Tides"), "{told}");
    assert!(read(&result, "execution-summary.md").contains("- s2 qa_tester: **passed**"));
    let returned = events(&result)
        .into_iter()
        .filter(|event| matches!(event, Event::Returned { kept, .. } if kept.iter().any(|kept| kept.text == "# Tydes\n")));
    assert_eq!(returned.count(), 1);
}
