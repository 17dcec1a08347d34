//! What a run tells of itself beside its workspace: spans with OpenTelemetry's names, the log file, the log on standard error. No key, goal or prompt in any.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::orchestrator::Orchestrator;
use ai_orchestrator::sys::Environment;
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::machine::Machine;
use crate::support::model_server::{ModelServer, Scripted};

const CANARY: &str = "sk-canary-0123456789abcdef";

/// A span: its name as tools show it (`invoke_agent analyst`), its parent's, its fields.
type Seen = (String, String, BTreeMap<&'static str, Value>);

#[derive(Default)]
struct Spans {
    open: BTreeMap<u64, Seen>,
    closed: Vec<Seen>,
}

/// Keeps every span of ours.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Spans>>);

struct Into<'a>(&'a mut BTreeMap<&'static str, Value>);

impl Visit for Into<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), json!(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name(), json!(value));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), json!(value));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), json!(format!("{value:?}")));
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !attributes.metadata().target().starts_with("ai_orchestrator") {
            return;
        }
        let parent = context.span(id).and_then(|span| span.parent()).map(|parent| parent.id().into_u64());
        let mut fields = BTreeMap::new();
        attributes.record(&mut Into(&mut fields));
        let name = fields.get("otel.name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut spans = self.0.lock().unwrap();
        let parent = parent.and_then(|parent| spans.open.get(&parent)).map(|(name, ..)| name.clone()).unwrap_or_default();
        spans.open.insert(id.into_u64(), (name, parent, fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some((_, _, fields)) = self.0.lock().unwrap().open.get_mut(&id.into_u64()) {
            values.record(&mut Into(fields));
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let mut spans = self.0.lock().unwrap();
        let closed = spans.open.remove(&id.into_u64());
        spans.closed.extend(closed);
    }
}

/// The spans of an offline run of the goal.
fn spans_of(goal: &str) -> Vec<Seen> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sales.csv"), "month,revenue\n2026-01,10\n2026-02,20\n2026-03,15\n").unwrap();
    let capture = Capture::default();
    // With a single subscriber in the process, a thread of another test that has none would switch the spans off for all.
    let _second = tracing::Dispatch::new(Registry::default());
    tracing::subscriber::with_default(Registry::default().with(capture.clone()), || {
        // One thread, so that every task of the run is under this subscriber.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let settings = Settings { provider: ProviderChoice::Offline, ..Settings::defaults(folder.path()) };
            let environment = Environment::new([("HOME".to_owned(), folder.path().display().to_string())], folder.path());
            let builder = Orchestrator::builder().settings(settings).environment(environment).interactive(false);
            let result = builder.build().unwrap().execute_goal(goal).await.unwrap();
            assert_eq!(result.summary.success_rate, 1.0);
        });
    });
    let mut spans = capture.0.lock().unwrap();
    assert!(spans.open.is_empty(), "still open: {:?}", spans.open);
    std::mem::take(&mut spans.closed)
}

#[test]
fn a_run_is_a_tree_of_spans_with_the_names_of_the_convention() {
    let spans = spans_of("Analyse sales.csv and write a report with charts");
    let of = |name: &str| spans.iter().filter(|(own, ..)| own == name).collect::<Vec<_>>();
    let [(_, parent, goal)] = of("invoke_workflow goal").try_into().unwrap();
    assert_eq!(
        (parent.as_str(), &goal["gen_ai.operation.name"], &goal["orchestrator.status"]),
        ("", &json!("invoke_workflow"), &json!("completed"))
    );
    let [(_, parent, step)] = of("invoke_agent analyst").try_into().unwrap();
    assert_eq!(parent, "invoke_workflow goal");
    assert_eq!(
        (&step["gen_ai.agent.name"], &step["orchestrator.step"], &step["orchestrator.status"]),
        (&json!("analyst"), &json!("s1"), &json!("completed"))
    );
    assert_eq!(step["gen_ai.conversation.id"], goal["gen_ai.conversation.id"]);
    let calls = of("chat");
    assert!(calls.len() >= 4 && calls.iter().all(|(_, parent, _)| parent.starts_with("invoke_agent ")), "{calls:?}");
    for (_, _, call) in &calls {
        assert_eq!((&call["gen_ai.operation.name"], &call["gen_ai.provider.name"]), (&json!("chat"), &json!("offline")));
        assert!(
            call["gen_ai.usage.input_tokens"].is_u64()
                && call["gen_ai.usage.output_tokens"].is_u64()
                && call["orchestrator.cost_usd"] == 0.0
        );
        assert!(["stop", "tool_call"].contains(&call["gen_ai.response.finish_reasons"].as_str().unwrap()));
    }
    let [(_, parent, tool), ..] = of("execute_tool profile_data")[..] else { panic!("no tool span") };
    assert_eq!((parent.as_str(), &tool["gen_ai.tool.name"]), ("invoke_agent analyst", &json!("profile_data")));
}

#[test]
fn no_span_holds_the_goal_or_a_prompt() {
    let spans = spans_of("Analyse sales.csv for the pangolin fund and write a report with charts");
    for (name, _, fields) in spans {
        let said = fields.iter().filter(|(key, _)| **key != "orchestrator.workspace").map(|(_, value)| value.to_string());
        let said: Vec<String> = said.collect();
        assert!(!said.concat().contains("pangolin") && said.iter().all(|value| value.len() < 200), "{name}: {said:?}");
    }
}

fn log_lines(machine: &Machine) -> Vec<Value> {
    let file = machine.project().join("../state/ai-orchestrator/log/ai-orchestrator.log");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_leaves_a_few_lines_in_the_log_file_and_a_list_none() {
    let machine = Machine::new();
    machine.run(&["--list"]);
    assert_eq!(log_lines(&machine), Vec::<Value>::new());
    let said = machine.run(&["--provider", "offline", "--non-interactive", "Write an article on bees"]);
    assert_eq!((said.code, said.err.contains("run started")), (0, false), "{}", said.err);
    let lines = log_lines(&machine);
    let messages: Vec<&str> = lines.iter().filter_map(|line| line["fields"]["message"].as_str()).collect();
    assert_eq!((messages.first(), messages.last()), (Some(&"run started"), Some(&"run finished")), "{messages:?}");
    let step = lines.iter().find(|line| line["fields"]["message"] == "step finished").unwrap();
    assert_eq!(step["spans"][1]["gen_ai.operation.name"], "invoke_agent", "{step}");
}

#[test]
fn the_log_on_standard_error_is_there_when_asked_for() {
    let machine = Machine::new();
    let said = machine.run(&["--verbose", "--json", "--provider", "offline", "--non-interactive", "Write an article on bees"]);
    assert!(said.err.contains("step started") && said.err.contains("gen_ai.agent.name"), "{}", said.err);
    assert!(said.out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let mut quiet = machine.command(&["--provider", "offline", "--non-interactive", "--verbose", "Write an article on ants"]);
    let before = log_lines(&machine).len();
    let said = crate::machine::Said::of(quiet.env("RUST_LOG", "off").output().unwrap());
    assert!(!said.err.contains("step started") && log_lines(&machine).len() == before, "{}", said.err);
}

#[tokio::test]
async fn neither_key_nor_goal_reaches_a_log_even_when_a_server_repeats_them() {
    let machine = Machine::new();
    let refusal = json!({"error": {"message": format!("your key {CANARY} is refused"), "type": "invalid_request_error"}}).to_string();
    let server = ModelServer::start(vec![Scripted::json(401, &refusal); 4]).await;
    let url = format!("{}/v1", server.url);
    let words = ["--verbose", "--provider", "openai", "--base-url", &url, "--model", "m", "--non-interactive", "Praise the pangolin fund"];
    let mut command = machine.command(&words);
    command.env("OPENAI_API_KEY", CANARY).env("RUST_LOG", "trace");
    let said = tokio::task::spawn_blocking(move || crate::machine::Said::of(command.output().unwrap())).await.unwrap();
    assert_eq!(said.code, 5, "{}", said.err);
    let log = log_lines(&machine).iter().map(Value::to_string).collect::<String>();
    assert!(log.contains("model call failed") && !said.err.contains(CANARY), "{}", said.err);
    assert!(!log.contains(CANARY));
    let ours =
        log_lines(&machine).into_iter().filter(|line| line["target"].as_str().is_some_and(|target| target.starts_with("ai_orchestrator")));
    assert!(!ours.map(|line| line["fields"].to_string()).collect::<String>().contains("pangolin"));
}

/// A collector that takes one request after the other: their first lines and bodies, until the one that holds `last`.
#[cfg(feature = "otlp")]
fn collector(last: &'static str) -> (String, std::thread::JoinHandle<Vec<(String, Value)>>) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut taken = Vec::new();
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut head = Vec::new();
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                head.push(std::mem::take(&mut line));
            }
            let length = head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.trim().parse().ok());
            let mut body = vec![0; length.unwrap()];
            reader.read_exact(&mut body).unwrap();
            let done = String::from_utf8_lossy(&body).contains(last);
            taken.push((head[0].clone(), serde_json::from_slice(&body).unwrap()));
            reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            if done {
                break;
            }
        }
        taken
    });
    (url, thread)
}

#[cfg(feature = "otlp")]
#[test]
fn finished_spans_reach_a_collector_on_this_machine() {
    let machine = Machine::new();
    let (url, thread) = collector("invoke_workflow");
    let mut command = machine.command(&["--provider", "offline", "--non-interactive", "Write an article on bees"]);
    let said = crate::machine::Said::of(command.env("OTEL_EXPORTER_OTLP_ENDPOINT", url).output().unwrap());
    assert_eq!(said.code, 0, "{}", said.err);
    let requests = thread.join().unwrap();
    assert!(requests.iter().all(|(head, _)| head.starts_with("POST /v1/traces ")));
    let spans_in = |body: &Value| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned().unwrap();
    let spans: Vec<Value> = requests.iter().flat_map(|(_, body)| spans_in(body)).collect();
    let root = spans.iter().find(|span| span["name"] == "invoke_workflow goal").unwrap();
    assert!(root.get("parentSpanId").is_none() && root["traceId"].as_str().unwrap().len() == 32, "{root}");
    let step = spans.iter().find(|span| span["name"] == "invoke_agent writer").unwrap();
    assert_eq!((&step["parentSpanId"], &step["traceId"]), (&root["spanId"], &root["traceId"]));
    assert!(spans.iter().any(|span| span["name"] == "chat" && span["kind"] == 3));
}

#[cfg(feature = "otlp")]
#[test]
fn a_collector_on_another_machine_is_refused_and_the_run_goes_on() {
    let machine = Machine::new();
    let mut command = machine.command(&["--provider", "offline", "--non-interactive", "Write an article on bees"]);
    let said = crate::machine::Said::of(command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://192.0.2.1:4318").output().unwrap());
    assert!(said.code == 0 && said.err.contains("on this machine only"), "{}", said.err);
}
