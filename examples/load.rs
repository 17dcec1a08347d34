//! Runs N goals of one plan at a given concurrency against a model server and prints one line of JSON: wall time, processor time, time of each goal,
//! errors, and the most memory held. For measuring.
//!
//! `cargo run --release --example load -- --plan benches/plan.md --goals 100 --concurrency 10 --base-url http://127.0.0.1:PORT \
//!  --provider anthropic --model claude-sonnet-5-5 --durable true --base-dir /tmp/load`
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example that measures looks at the clock and reads a file"
)]
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::domain::{Goal, RunStatus};
use ai_orchestrator::orchestrator::{Orchestrator, StartOptions};
use ai_orchestrator::sys::{Environment, usage};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Clone)]
struct Load {
    plan: String,
    goals: usize,
    concurrency: usize,
    base_url: String,
    provider: ProviderChoice,
    model: Option<String>,
    durable: bool,
    base_dir: PathBuf,
}

fn load() -> Outcome<Load> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let get = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).cloned();
    let must = |name: &str| get(name).ok_or_else(|| format!("{name} is missing"));
    Ok(Load {
        plan: std::fs::read_to_string(must("--plan")?)?,
        goals: must("--goals")?.parse()?,
        concurrency: get("--concurrency").map_or(Ok(1), |text| text.parse())?,
        base_url: must("--base-url")?,
        provider: match get("--provider").as_deref() {
            None | Some("anthropic") => ProviderChoice::Anthropic,
            Some("openai") => ProviderChoice::OpenAi,
            Some(other) => return Err(format!("--provider is anthropic or openai, not {other}").into()),
        },
        model: get("--model"),
        durable: get("--durable").map_or(Ok(true), |text| text.parse())?,
        base_dir: std::path::absolute(must("--base-dir")?)?,
    })
}

fn orchestrator(load: &Load) -> Outcome<Orchestrator> {
    let mut settings = Settings::defaults(&load.base_dir);
    settings.provider = load.provider;
    settings.model.clone_from(&load.model);
    settings.base_url = Some(load.base_url.clone());
    settings.base_dir.clone_from(&load.base_dir);
    // The keys are for a server on this machine that looks at none.
    let keys = ["CLAUDE_API_KEY", "OPENAI_API_KEY"].map(|name| (name.to_owned(), "none-needed".to_owned()));
    let environment = Environment::new(keys, &load.base_dir);
    Ok(Orchestrator::builder().settings(settings).environment(environment).interactive(false).durable(load.durable).build()?)
}

async fn worker(orchestrator: Orchestrator, load: Load, next: Arc<AtomicUsize>) -> (Vec<f64>, Vec<String>) {
    let (mut times, mut errors) = (Vec::new(), Vec::new());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.goals {
            return (times, errors);
        }
        let began = Instant::now();
        match run(&orchestrator, &load, number).await {
            Ok(()) => times.push(began.elapsed().as_secs_f64() * 1000.0),
            Err(error) => errors.push(error.to_string()),
        }
    }
}

async fn run(orchestrator: &Orchestrator, load: &Load, number: usize) -> Outcome<()> {
    let goal = Goal::new(format!("Reference goal {number}: study the tides"))?;
    let options = StartOptions { plan: Some(load.plan.clone()), ..StartOptions::default() };
    let result = orchestrator.start_with(goal, options).await?.finished().await?;
    match result.status {
        RunStatus::Completed => Ok(()),
        other => Err(format!("{}: {}", other.as_str(), result.status_reason.unwrap_or_default()).into()),
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let load = load()?;
    let began = Instant::now();
    let before = usage::of_this_process().unwrap_or_default();
    let orchestrator = orchestrator(&load)?;
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..load.concurrency.max(1).min(load.goals.max(1)))
        .map(|_| tokio::spawn(worker(orchestrator.clone(), load.clone(), Arc::clone(&next))))
        .collect();
    let (mut times, mut errors) = (Vec::new(), Vec::new());
    for worker in workers {
        let (more_times, more_errors) = worker.await?;
        times.extend(more_times);
        errors.extend(more_errors);
    }
    let wall = began.elapsed().as_secs_f64();
    let after = usage::of_this_process().unwrap_or_default();
    errors.first().into_iter().for_each(|error| eprintln!("first error: {error}"));
    let goal_ms: Vec<f64> = times.iter().map(|ms| (ms * 1000.0).round() / 1000.0).collect();
    println!(
        "{}",
        serde_json::json!({
            "wall_s": wall,
            "cpu_s": after.cpu_seconds - before.cpu_seconds,
            "goal_ms": goal_ms,
            "errors": errors.len(),
            "hwm_kb": after.peak_kb,
        })
    );
    Ok(())
}
