//! Whole runs with a model on this machine: planned, done, parked, limited, recorded and replayed; every request is counted.
use std::path::Path;
use std::sync::Arc;

use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::domain::event::PlannedBy;
use ai_orchestrator::domain::view::RunResult;
use ai_orchestrator::domain::{Event, Goal, RunStatus};
use ai_orchestrator::orchestrator::{Builder, Orchestrator, ResumeOptions, StartOptions, Tapes};
use ai_orchestrator::sys::{Disk, Environment, RealDisk};
use ai_orchestrator::workspace::Workspace;
use serde_json::{Value, json};

use crate::support::model_server::{ModelServer, Scripted};

const CANARY: &str = "sk-canary-0123456789abcdef";

/// A chat completion as a stream of chunks.
pub(crate) fn chat(delta: Value, finish: &str) -> Scripted {
    let chunk =
        |delta: Value, finish: Value| json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    let usage =
        json!({"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}});
    let parts = [chunk(delta, Value::Null), chunk(json!({}), json!(finish)), usage];
    let body: String = parts.iter().map(|part| format!("data: {part}\n\n")).collect();
    Scripted::stream(format!("{body}data: [DONE]\n\n"))
}

pub(crate) fn says(text: &str) -> Scripted {
    chat(json!({"role": "assistant", "content": text}), "stop")
}

pub(crate) fn writes(path: &str, content: &str) -> Scripted {
    let arguments = json!({"path": path, "content": content}).to_string();
    let call = json!([{"index": 0, "id": "call_1", "type": "function", "function": {"name": "write_file", "arguments": arguments}}]);
    chat(json!({"role": "assistant", "tool_calls": call}), "tool_calls")
}

fn plan() -> Scripted {
    let step = |id: &str, agent: &str, needs: &[&str], output: &str| json!({"id": id, "agent": agent, "title": "Work", "instructions": "Do it.", "needs": needs, "output": output, "approve": false, "uses": []});
    let steps = [step("s1", "researcher", &[], "notes.md"), step("s2", "writer", &["s1"], "tides.md")];
    says(&json!({"title": "Tides", "steps": steps}).to_string())
}

pub(crate) fn builder(project: &Path, server: &str) -> Builder {
    let settings = Settings {
        provider: ProviderChoice::OpenAi,
        base_url: Some(format!("{server}/v1")),
        model: Some("m".into()),
        per_run_usd: None,
        per_day_usd: None,
        ..Settings::defaults(project)
    };
    let folder = |name: &str, path: &str| (name.to_owned(), project.join(path).to_string_lossy().into_owned());
    let key = ("OPENAI_API_KEY".to_owned(), CANARY.to_owned());
    let environment =
        Environment::new([folder("XDG_CONFIG_HOME", ".c"), folder("XDG_STATE_HOME", ".s"), folder("XDG_RUNTIME_DIR", ".r"), key], project);
    Orchestrator::builder().settings(settings).environment(environment).interactive(false)
}

pub(crate) async fn run(builder: Builder) -> RunResult {
    builder.build().unwrap().execute_goal("Write about tides").await.unwrap()
}

pub(crate) fn read(result: &RunResult, name: &str) -> String {
    std::fs::read_to_string(result.workspace.join(name)).unwrap()
}

pub(crate) fn events(result: &RunResult) -> Vec<Event> {
    let root: Arc<dyn Disk> = RealDisk::root().unwrap();
    let (records, _) = Workspace::open(&root, &result.workspace).unwrap().read_journal().unwrap();
    records.into_iter().map(|record| record.event).collect()
}

#[tokio::test]
async fn a_model_plans_and_every_call_is_counted_and_no_key_reaches_the_disk() {
    let scratch = tempfile::tempdir().unwrap();
    let server = ModelServer::start(vec![
        plan(),
        writes("notes.md", "# Notes\n"),
        says("Notes are there."),
        writes("tides.md", "# Tides\n"),
        says("Done."),
    ])
    .await;
    let result = run(builder(scratch.path(), &server.url)).await;
    assert_eq!((result.status, result.summary.completed), (RunStatus::Completed, 2), "{result:?}");
    assert_eq!(read(&result, "tides.md"), "# Tides\n");
    assert_eq!(server.bodies().len(), 5);
    assert_eq!((result.summary.usage.input_tokens, result.summary.usage.output_tokens), (500, 100));
    assert_eq!(result.summary.cost_usd, Some(0.0), "a model on this machine costs nothing unless priced");
    assert!(events(&result).iter().any(|event| matches!(event, Event::Planned { by: PlannedBy::Model, .. })));
    for entry in ignore::WalkBuilder::new(scratch.path()).hidden(false).standard_filters(false).build() {
        let path = entry.unwrap().into_path();
        if let Ok(bytes) = std::fs::read(&path) {
            assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn an_unusable_plan_is_repaired_and_then_made_by_rules_with_a_note() {
    let scratch = tempfile::tempdir().unwrap();
    let mut script = vec![says("I would rather not"), says("{}"), says("{\"title\": \"x\", \"steps\": []}")];
    script.extend((0..4).flat_map(|_| [says("Everything about tides.")]));
    let server = ModelServer::start(script).await;
    let result = run(builder(scratch.path(), &server.url)).await;
    assert_eq!(result.status, RunStatus::Completed, "{result:?}");
    assert!(events(&result).iter().any(|event| matches!(event, Event::Planned { by: PlannedBy::Rules, .. })));
    assert!(read(&result, "execution-summary.md").contains("planned by rules"));
}

#[tokio::test]
async fn a_refused_key_parks_the_run_at_once_and_a_resume_goes_on_without_paying_again() {
    let scratch = tempfile::tempdir().unwrap();
    let refused = Scripted::json(401, r#"{"error":{"message":"bad key","type":"invalid_request_error","code":"invalid_api_key"}}"#);
    let server = ModelServer::start(vec![plan(), writes("notes.md", "# Notes\n"), refused]).await;
    let parked = run(builder(scratch.path(), &server.url)).await;
    assert_eq!(parked.status, RunStatus::Parked, "{parked:?}");
    assert_eq!(server.bodies().len(), 3);
    let again = ModelServer::start(vec![says("Notes are there."), writes("tides.md", "# Tides\n"), says("Done.")]).await;
    let orchestrator = builder(scratch.path(), &again.url).build().unwrap();
    let resumed = orchestrator.resume(&parked.workspace).await.unwrap().finished().await.unwrap();
    assert_eq!(resumed.status, RunStatus::Completed, "{resumed:?}");
    assert_eq!(again.bodies().len(), 3, "a finished call was sent again");
}

#[tokio::test]
async fn a_token_budget_stops_before_the_call_and_a_new_limit_goes_on() {
    let scratch = tempfile::tempdir().unwrap();
    let server = ModelServer::start(vec![plan(), says("too far")]).await;
    let limited = |url: &str, tokens: Option<u64>| {
        let mut settings = Settings { per_run_tokens: tokens, max_output_tokens: Some(1_000), ..Settings::defaults(scratch.path()) };
        settings.provider = ProviderChoice::OpenAi;
        settings.base_url = Some(format!("{url}/v1"));
        settings.model = Some("m".into());
        builder(scratch.path(), url).settings(settings)
    };
    let paused = run(limited(&server.url, Some(3_000))).await;
    assert_eq!((paused.status, paused.status_reason.as_deref()), (RunStatus::Paused, Some("budget reached")), "{paused:?}");
    assert_eq!(server.bodies().len(), 1, "a call that does not fit was sent");
}

#[tokio::test]
async fn a_money_budget_holds_for_a_priced_model_and_resume_takes_a_new_one() {
    let scratch = tempfile::tempdir().unwrap();
    let priced = |url: &str, limit: f64| {
        let settings = Settings {
            provider: ProviderChoice::OpenAi,
            base_url: Some(format!("{url}/v1")),
            model: Some("m".into()),
            prices: json!({"m": {"input": 100.0, "output": 100.0}}),
            per_run_usd: Some(limit),
            max_output_tokens: Some(1_000),
            ..Settings::defaults(scratch.path())
        };
        builder(scratch.path(), url).settings(settings)
    };
    let server = ModelServer::start(vec![plan(), says("too far")]).await;
    let paused = run(priced(&server.url, 0.25)).await;
    assert_eq!(paused.status, RunStatus::Paused, "{paused:?}");
    assert!(paused.summary.cost_usd.unwrap() <= 0.25);
    assert_eq!(server.bodies().len(), 1);
    let more = ModelServer::start(vec![writes("notes.md", "# N\n"), says("There."), writes("tides.md", "# T\n"), says("Done.")]).await;
    let orchestrator = priced(&more.url, 0.25).build().unwrap();
    let options = ResumeOptions { budget_usd: Some(5.0), ..ResumeOptions::default() };
    let resumed = orchestrator.resume_with(&paused.workspace, options).await.unwrap().finished().await.unwrap();
    assert_eq!(resumed.status, RunStatus::Completed, "{resumed:?}");
    let spent = resumed.summary.cost_usd.unwrap();
    assert!((spent - 5.0 * 120.0 * 100.0 / 1e6).abs() < 1e-9, "{spent}");
}

#[tokio::test]
async fn a_recorded_run_is_played_again_without_key_or_network() {
    let scratch = tempfile::tempdir().unwrap();
    let tape = scratch.path().join("tape");
    let server =
        ModelServer::start(vec![plan(), writes("notes.md", "# N\n"), says("There."), writes("tides.md", "# T\n"), says("Done.")]).await;
    let recorded = builder(scratch.path(), &server.url).tapes(Tapes { record: Some(tape.clone()), replay: None });
    let first = run(recorded).await;
    assert_eq!(first.status, RunStatus::Completed, "{first:?}");
    let settings = Settings { model: Some("m".into()), ..Settings::defaults(scratch.path()) };
    let replayed = builder(scratch.path(), "http://127.0.0.1:1").settings(settings).tapes(Tapes { record: None, replay: Some(tape) });
    let second = run(replayed).await;
    assert_eq!(second.status, RunStatus::Completed, "{second:?}");
    assert_eq!(read(&first, "tides.md"), read(&second, "tides.md"));
    assert_eq!(server.bodies().len(), 5);
}

#[tokio::test]
async fn a_resume_keeps_the_provider_that_was_chosen_for_the_run() {
    let scratch = tempfile::tempdir().unwrap();
    let server = ModelServer::start(vec![Scripted::json(401, r#"{"error": {"message": "no such key"}}"#)]).await;
    let begin = || builder(scratch.path(), &server.url).build().unwrap();
    let goal = |text: &str| Goal { plan_only: true, ..Goal::new(text).unwrap() };
    let offline = StartOptions { provider: Some(ProviderChoice::Offline), ..StartOptions::default() };
    let planned = begin().start_with(goal("Write a guide to tides"), offline).await.unwrap().finished().await.unwrap();
    assert_eq!(planned.status, RunStatus::WaitingApproval);

    let handle = begin().resume(&planned.workspace).await.unwrap();
    assert_eq!(handle.provider.as_ref(), "offline");
    assert_eq!(handle.finished().await.unwrap().status, RunStatus::Completed);
    assert_eq!(server.bodies().len(), 0, "what was begun offline was sent to an endpoint");

    // Chosen anew, it changes, and stays so.
    let offline = StartOptions { provider: Some(ProviderChoice::Offline), ..StartOptions::default() };
    let planned = begin().start_with(goal("Write a guide to winds"), offline).await.unwrap().finished().await.unwrap();
    let paid = ResumeOptions { provider: Some(ProviderChoice::OpenAi), ..ResumeOptions::default() };
    let parked = begin().resume_with(&planned.workspace, paid).await.unwrap().finished().await.unwrap();
    assert_eq!(parked.status, RunStatus::Parked);
    assert!(!server.bodies().is_empty(), "the chosen endpoint was not asked");
    let again = begin().resume(&planned.workspace).await.unwrap();
    assert_eq!(again.provider.as_ref(), "openai");
    again.finished().await.unwrap();
}
