//! Sixteen agents against a model server that lets through only so much, and how soon a stop ends what is under way: `cargo bench --bench limits`.
//! Prints the share of the server's true limit that was used, the share of refused requests, and the time from stop to the last open connection.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, reason = "a bench makes its own folders and prints")]
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::domain::{Command, Goal, RunStatus};
use ai_orchestrator::orchestrator::{Orchestrator, StartOptions};
use ai_orchestrator::sys::Environment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[allow(dead_code, reason = "the reference work's server is used in parts")]
#[path = "support/model.rs"]
mod model;

const AGENTS: usize = 16;
/// Requests a second that the server lets through for long, and at once.
const RATE: f64 = 20.0;
const BURST: f64 = 20.0;
const LATENCY: Duration = Duration::from_millis(100);
/// Goals of two calls each, done by sixteen at a time.
const GOALS: usize = 900;
/// What happens before is the governor's learning.
const WARM_UP: Duration = Duration::from_secs(30);
const PLAN: &str = "---\norchestrator: plan/1\n---\n# Plan: Tides\n- [ ] s1 writer: Write about tides\n  - output: tides.md\n";

/// A bucket of requests that fills at a rate, and when each request came and whether it was let through.
struct Limit {
    bucket: Mutex<(f64, Instant)>,
    seen: Mutex<Vec<(Instant, bool)>>,
    tells: bool,
}

impl Limit {
    fn new(tells: bool) -> Arc<Limit> {
        Arc::new(Limit { bucket: Mutex::new((BURST, Instant::now())), seen: Mutex::default(), tells })
    }

    /// Whether one more goes through, and the head of the answer about it.
    fn take(&self) -> (bool, String) {
        let mut bucket = self.bucket.lock().unwrap();
        let now = Instant::now();
        let full = (bucket.0 + now.duration_since(bucket.1).as_secs_f64() * RATE).min(BURST);
        let passes = full >= 1.0;
        *bucket = (if passes { full - 1.0 } else { full }, now);
        self.seen.lock().unwrap().push((now, passes));
        if !self.tells {
            return (passes, String::new());
        }
        let until_full = Duration::from_secs_f64((BURST - bucket.0) / RATE);
        let reset = (chrono::Utc::now() + until_full).to_rfc3339();
        let name = "anthropic-ratelimit-requests";
        (passes, format!("{name}-limit: {BURST}\r\n{name}-remaining: {}\r\n{name}-reset: {reset}\r\n", bucket.0.floor()))
    }
}

async fn limited(mut stream: TcpStream, limit: Arc<Limit>) {
    let mut buffer = Vec::new();
    while let Some((path, body)) = model::read_request(&mut stream, &mut buffer).await {
        let (passes, head) = limit.take();
        let sent = if passes {
            tokio::time::sleep(LATENCY).await;
            let answer = String::from_utf8(model::answer(&path, &body)).unwrap();
            stream.write_all(answer.replacen("\r\n", &format!("\r\n{head}"), 1).as_bytes()).await
        } else {
            let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#;
            let head = format!(
                "HTTP/1.1 429 Slow\r\n{head}retry-after: 1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all((head + body).as_bytes()).await
        };
        if sent.is_err() {
            return;
        }
    }
}

fn orchestrator(url: &str, folder: &std::path::Path) -> Orchestrator {
    let settings = Settings {
        provider: ProviderChoice::Anthropic,
        base_url: Some(url.to_owned()),
        per_run_usd: None,
        per_day_usd: None,
        ..Settings::defaults(folder)
    };
    let variables = [("HOME", folder.display().to_string())].map(|(name, value)| (name.to_owned(), value));
    Orchestrator::builder()
        .settings(settings)
        .environment(Environment::new(variables, folder))
        .interactive(false)
        .durable(false)
        .build()
        .unwrap()
}

fn options() -> StartOptions {
    StartOptions { plan: Some(PLAN.to_owned()), ..StartOptions::default() }
}

async fn goodput(tells: bool) {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let orchestrator = orchestrator(&format!("http://{}", listener.local_addr().unwrap()), folder.path());
    let limit = Limit::new(tells);
    let shared = Arc::clone(&limit);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(limited(stream, Arc::clone(&shared)));
        }
    });
    let (next, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let agents = (0..AGENTS).map(|_| {
        let (orchestrator, next, failed) = (orchestrator.clone(), Arc::clone(&next), Arc::clone(&failed));
        tokio::spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < GOALS {
                let run = orchestrator.start_with(Goal::new("Write about tides").unwrap(), options()).await.unwrap();
                let completed = run.finished().await.is_ok_and(|result| result.status == RunStatus::Completed);
                failed.fetch_add(usize::from(!completed), Ordering::Relaxed);
            }
        })
    });
    futures::future::join_all(agents.collect::<Vec<_>>()).await;
    let seen = limit.seen.lock().unwrap().clone();
    let last = seen.last().unwrap().0;
    // The last agents to finish leave the limit unused; that is no matter of the governor.
    let end = last - Duration::from_secs(1);
    let after: Vec<bool> = seen.iter().filter(|(at, _)| *at >= began + WARM_UP && *at <= end).map(|(_, passes)| *passes).collect();
    let passed = after.iter().filter(|passes| **passes).count();
    let possible = RATE * (end - began - WARM_UP).as_secs_f64();
    let early = seen.iter().filter(|(at, passes)| *at < began + WARM_UP && !passes).count();
    println!(
        "goodput, {AGENTS} agents, limits {}: {:.1} % of {RATE} requests a second, {:.2} % refused after warm-up ({early} before), {} goals failed, {} requests in {:.1} s",
        if tells { "told in headers" } else { "not told" },
        passed as f64 / possible * 100.0,
        (after.len() - passed) as f64 / after.len() as f64 * 100.0,
        failed.load(Ordering::Relaxed),
        seen.len(),
        (last - began).as_secs_f64(),
    );
}

/// Begins an answer and goes on with signs of life until the client leaves; notes when that was.
async fn endless(mut stream: TcpStream, (open, closed): (Arc<AtomicU64>, Arc<Mutex<Vec<Instant>>>)) {
    let mut buffer = Vec::new();
    if model::read_request(&mut stream, &mut buffer).await.is_none() {
        return;
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\nevent: ping\ndata: {\"type\":\"ping\"}\n\n";
    let _ = stream.write_all(head.as_bytes()).await;
    open.fetch_add(1, Ordering::SeqCst);
    let mut rest = [0; 64];
    while matches!(stream.read(&mut rest).await, Ok(count) if count > 0) {}
    closed.lock().unwrap().push(Instant::now());
}

async fn stop() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let orchestrator = orchestrator(&format!("http://{}", listener.local_addr().unwrap()), folder.path());
    let (open, closed) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
    let shared = (Arc::clone(&open), Arc::clone(&closed));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(endless(stream, shared.clone()));
        }
    });
    // The governor begins with four at once.
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(orchestrator.start_with(Goal::new("Write about tides").unwrap(), options()).await.unwrap());
    }
    while open.load(Ordering::SeqCst) < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (began, under_way) = (Instant::now(), open.load(Ordering::SeqCst));
    for run in &runs {
        run.command(Command::Stop { reason: None }).await.unwrap();
    }
    for run in runs {
        let _ = run.finished().await;
    }
    let ended = began.elapsed();
    while (closed.lock().unwrap().len() as u64) < under_way {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let last = closed.lock().unwrap().iter().max().copied().unwrap() - began;
    println!(
        "stop: {under_way} open streams, the last one closed after {:.1} ms, the runs ended after {:.1} ms",
        last.as_secs_f64() * 1e3,
        ended.as_secs_f64() * 1e3
    );
}

fn main() {
    // `cargo test --benches` only wants it to build.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for _ in 0..5 {
            stop().await;
        }
        goodput(true).await;
        goodput(false).await;
    });
}
