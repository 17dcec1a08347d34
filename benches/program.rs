//! The command line as it is started, and whole goals many at once against a model server in this process: `cargo bench --bench program`. Prints,
//! beside the times, what a step leaves on disk.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench makes its own folders, starts programs and prints"
)]
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::domain::{Goal, RunStatus};
use ai_orchestrator::orchestrator::{Orchestrator, StartOptions};
use ai_orchestrator::sys::Environment;
use criterion::{Criterion, criterion_group, criterion_main};
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

fn starts(bench: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = bench.benchmark_group("start");
    group.sample_size(20);
    group.bench_function("command line: `agents`, start to end", |bench| {
        bench.iter(|| assert!(program(folder.path(), &["agents"]).stdout(Stdio::null()).status().unwrap().success()));
    });
    group.finish();
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

criterion_group!(benches, starts, goals, disk);
criterion_main!(benches);
