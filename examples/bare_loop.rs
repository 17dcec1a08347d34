//! The floor to measure against: the reference work as a bare loop of requests and writes, without any of this crate. Prints the same line of JSON as
//! `load`. A step is two calls, one file and, where durable, one synced line in a journal.
//!
//! `cargo run --release --example bare_loop -- --goals 100 --concurrency 10 --base-url http://127.0.0.1:PORT --durable true --base-dir /tmp/bare`
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the floor is made of nothing but the standard library and an HTTP client"
)]
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const OUTPUTS: [&str; 5] = ["design.md", "research.md", "analysis.md", "table.md", "check.md"];

#[derive(Clone)]
struct Bare {
    client: reqwest::Client,
    url: String,
    goals: usize,
    concurrency: usize,
    durable: bool,
    base_dir: PathBuf,
}

fn bare() -> Outcome<Bare> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let get = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).cloned();
    let must = |name: &str| get(name).ok_or_else(|| format!("{name} is missing"));
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Bare {
        client: reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?,
        url: format!("{}/v1/messages", must("--base-url")?),
        goals: must("--goals")?.parse()?,
        concurrency: get("--concurrency").map_or(Ok(1), |text| text.parse())?,
        durable: get("--durable").map_or(Ok(true), |text| text.parse())?,
        base_dir: must("--base-dir")?.into(),
    })
}

/// One call: the text of the answer, or the input of its tool call.
async fn call(bare: &Bare, messages: &Value) -> Outcome<String> {
    let body = json!({"model": "m", "max_tokens": 4096, "stream": true, "system": "You write.", "messages": messages});
    let request = bare.client.post(&bare.url).header("x-api-key", "none-needed").header("content-type", "application/json");
    let mut answer = request.body(body.to_string()).send().await?;
    let (mut pending, mut text) = (Vec::new(), String::new());
    while let Some(piece) = answer.chunk().await? {
        pending.extend_from_slice(&piece);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let Some(data) = line.strip_prefix(b"data: ") else { continue };
            let event: Value = serde_json::from_slice(data)?;
            let delta = &event["delta"];
            text.push_str(delta["partial_json"].as_str().or(delta["text"].as_str()).unwrap_or_default());
        }
    }
    Ok(text)
}

async fn step(bare: &Bare, folder: &Path, output: &str, upstream: &str) -> Outcome<String> {
    let prompt = format!("Study the tides.\n\nWrite the result to `{output}`.\n\n{upstream}");
    let first = call(bare, &json!([{"role": "user", "content": prompt}])).await?;
    let input: Value = serde_json::from_str(&first)?;
    let content = input["content"].as_str().unwrap_or_default().to_owned();
    std::fs::write(folder.join(output), &content)?;
    let messages = json!([
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "write_file", "input": input}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "written"}]},
    ]);
    let closing = call(bare, &messages).await?;
    let mut journal = std::fs::File::options().append(true).create(true).open(folder.join("journal.jsonl"))?;
    writeln!(journal, "{}", json!({"step": output, "closing": closing}))?;
    if bare.durable {
        tokio::task::spawn_blocking(move || journal.sync_data()).await??;
    }
    Ok(content)
}

/// designer → [researcher, analyst] → coder → qa_tester.
async fn goal(bare: &Bare, number: usize) -> Outcome<()> {
    let folder = bare.base_dir.join(format!("goal-{number}"));
    std::fs::create_dir_all(&folder)?;
    let design = step(bare, &folder, OUTPUTS[0], "").await?;
    let (research, analysis) = tokio::join!(step(bare, &folder, OUTPUTS[1], &design), step(bare, &folder, OUTPUTS[2], &design));
    let table = step(bare, &folder, OUTPUTS[3], &format!("{}\n{}\n{design}", research?, analysis?)).await?;
    step(bare, &folder, OUTPUTS[4], &table).await?;
    Ok(())
}

async fn worker(bare: Bare, next: Arc<AtomicUsize>) -> (Vec<f64>, usize) {
    let (mut times, mut errors) = (Vec::new(), 0);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= bare.goals {
            return (times, errors);
        }
        let began = Instant::now();
        match goal(&bare, number).await {
            Ok(()) => times.push(began.elapsed().as_secs_f64() * 1000.0),
            Err(_) => errors += 1,
        }
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let began = Instant::now();
    let bare = bare()?;
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..bare.concurrency.max(1)).map(|_| tokio::spawn(worker(bare.clone(), Arc::clone(&next)))).collect();
    let (mut times, mut errors) = (Vec::new(), 0);
    for worker in workers {
        let (more_times, more_errors) = worker.await?;
        times.extend(more_times);
        errors += more_errors;
    }
    let wall = began.elapsed().as_secs_f64();
    let used = ai_orchestrator::sys::usage::of_this_process().unwrap_or_default();
    println!("{}", json!({"wall_s": wall, "cpu_s": used.cpu_seconds, "goal_ms": times, "errors": errors, "hwm_kb": used.peak_kb}));
    Ok(())
}
