//! The program as it is started, and whole goals many at once against a model server in this process: `cargo bench --bench program`. Prints, beside the
//! times, what an idle server holds in memory and what a step leaves on disk.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench makes its own folders, starts programs and prints"
)]
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::domain::{Goal, RunStatus};
use ai_orchestrator::orchestrator::{Orchestrator, StartOptions};
use ai_orchestrator::sys::Environment;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

#[path = "support/model.rs"]
mod model;

const PLAN: &str = include_str!("plan.md");
const STEPS: u64 = 5;
const ARTIFACTS: [&str; 5] = ["design.md", "research.md", "analysis.md", "table.md", "check.md"];

/// The program with an empty home.
fn program(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ai-orchestrator"));
    command.env_clear().current_dir(folder).args(words).stderr(Stdio::null());
    for name in ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"] {
        command.env(name, folder);
    }
    command
}

fn frame(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn answer(output: &mut BufReader<ChildStdout>) -> Value {
    let mut length = 0;
    loop {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        match line.trim().strip_prefix("Content-Length: ") {
            Some(value) => length = value.parse().unwrap(),
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// A server that has answered `initialize`.
fn server(folder: &Path) -> Child {
    let mut child = program(folder, &["lsp"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let initialize =
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"processId": null, "rootUri": null, "capabilities": {}}});
    child.stdin.as_mut().unwrap().write_all(&frame(&initialize)).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    assert!(answer(&mut output)["result"].is_object());
    child.stdout = Some(output.into_inner());
    child
}

fn starts(bench: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = bench.benchmark_group("start");
    group.sample_size(20);
    group.bench_function("command line: `agents`, start to end", |bench| {
        bench.iter(|| assert!(program(folder.path(), &["agents"]).stdout(Stdio::null()).status().unwrap().success()));
    });
    group.bench_function("server: start to the answer to `initialize`", |bench| {
        bench.iter_with_large_drop(|| Ended(server(folder.path())));
    });
    group.finish();
}

/// A child that is ended when it is dropped, after the time was taken.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Memory of an idle server as Linux counts it: all that is mapped, and what belongs to the process alone.
fn idle(_: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Ended(server(folder.path()));
    child.0.stdin.as_mut().unwrap().write_all(&frame(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}))).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", child.0.id())) else { return };
    let fields: Vec<&str> =
        status.lines().filter(|line| ["VmRSS", "RssAnon", "RssFile", "Threads"].iter().any(|name| line.starts_with(name))).collect();
    println!("idle server: {}", fields.join(", "));
}

fn orchestrator(runtime: &Runtime, base: &Path) -> Orchestrator {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(model::serve(listener, Duration::ZERO, Arc::default()));
    let settings =
        Settings { provider: ProviderChoice::Anthropic, base_url: Some(base_url), model: Some("m".into()), ..Settings::defaults(base) };
    let keys = [("CLAUDE_API_KEY".to_owned(), "none-needed".to_owned())];
    Orchestrator::builder().settings(settings).environment(Environment::new(keys, base)).interactive(false).durable(false).build().unwrap()
}

/// So many goals of the reference work at once, each to its end.
async fn at_once(orchestrator: &Orchestrator, goals: usize) {
    let mut runs = Vec::new();
    for number in 0..goals {
        let options = StartOptions { plan: Some(PLAN.into()), ..StartOptions::default() };
        runs.push(orchestrator.start_with(Goal::new(format!("Study sea {number}")).unwrap(), options).await.unwrap());
    }
    for run in runs {
        assert_eq!(run.finished().await.unwrap().status, RunStatus::Completed);
    }
}

fn goals(bench: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = bench.benchmark_group("goals at once, not synced");
    group.sample_size(10);
    for goals in [1, 10, 100, 1_000] {
        let base = tempfile::tempdir().unwrap();
        let orchestrator = orchestrator(&runtime, base.path());
        group.bench_function(format!("{goals}"), |bench| bench.iter(|| runtime.block_on(at_once(&orchestrator, goals))));
    }
    group.finish();
}

fn bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let size = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => bytes(&entry.path()),
        false if ARTIFACTS.iter().any(|artifact| entry.file_name() == *artifact) => 0,
        false => entry.metadata().unwrap().len(),
    };
    entries.map(size).sum()
}

fn disk(_: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let base = tempfile::tempdir().unwrap();
    runtime.block_on(at_once(&orchestrator(&runtime, base.path()), 1));
    let sum = bytes(base.path());
    println!("disk beside the artifacts: {sum} bytes a goal, {} a step", sum / STEPS);
}

criterion_group!(benches, starts, idle, goals, disk);
criterion_main!(benches);
