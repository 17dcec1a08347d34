//! The language server as an editor meets it: one connection over a pipe in this process, a document of 10,000 lines, and goals that run meanwhile.
//! `cargo bench --bench server` prints medians by criterion, and the 50th and 99th percentile of the way from a keystroke to its code actions.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, reason = "a bench makes its own folders and prints")]
use std::time::{Duration, Instant};

use ai_orchestrator::lsp::{Machine, connect};
use ai_orchestrator::sys::{Environment, RealDisk};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Runtime;

const LINES: usize = 10_000;
const KEYSTROKES: usize = 2_000;

/// The client's end of a connection.
struct Client {
    input: DuplexStream,
    output: DuplexStream,
    buffer: Vec<u8>,
    id: i64,
    version: i64,
    uri: String,
    _folder: tempfile::TempDir,
}

impl Client {
    async fn start(text: &str) -> Client {
        let folder = tempfile::tempdir().unwrap();
        let (input, server_input) = tokio::io::duplex(1 << 20);
        let (server_output, output) = tokio::io::duplex(1 << 20);
        let variables = [("HOME", folder.path().display().to_string()), ("ORCHESTRATOR_MODEL__PROVIDER", "offline".to_owned())];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let machine = Machine::new(Environment::new(variables, folder.path()), RealDisk::root().unwrap());
        tokio::spawn(connect(server_input, server_output, machine));
        let root = format!("file://{}", folder.path().display());
        let uri = format!("{root}/notes.md");
        let mut client = Client { input, output, buffer: Vec::new(), id: 0, version: 1, uri, _folder: folder };
        let recorded = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/clients/vscode.json")).unwrap();
        let mut initialize: Value = serde_json::from_slice(&recorded).unwrap();
        initialize["processId"] = Value::Null;
        initialize["rootUri"] = json!(root);
        client.request("initialize", initialize).await;
        client.notify("initialized", json!({})).await;
        let document = json!({"uri": client.uri, "languageId": "markdown", "version": 1, "text": text});
        client.notify("textDocument/didOpen", json!({"textDocument": document})).await;
        client
    }

    async fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.input.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    }

    async fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    async fn request(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})).await;
        loop {
            let message = self.next().await;
            // Requests and notices of the server are read and let be.
            if message["id"] == self.id && message.get("method").is_none() {
                return message;
            }
        }
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let header = std::str::from_utf8(&self.buffer[..end]).unwrap();
                let length: usize = header.trim_start_matches("Content-Length: ").parse().unwrap();
                if self.buffer.len() >= end + 4 + length {
                    let message = serde_json::from_slice(&self.buffer[end + 4..end + 4 + length]).unwrap();
                    self.buffer.drain(..end + 4 + length);
                    return message;
                }
            }
            self.output.read_buf(&mut self.buffer).await.unwrap();
        }
    }

    /// One character at a place.
    async fn type_at(&mut self, line: usize, character: usize) {
        self.version += 1;
        let at = json!({"line": line, "character": character});
        let change = json!({"range": {"start": at, "end": at}, "text": "x"});
        let document = json!({"uri": self.uri, "version": self.version});
        self.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": [change]})).await;
    }

    async fn actions(&mut self, line: usize) -> Value {
        let at = json!({"line": line, "character": 3});
        let range = json!({"start": at, "end": at});
        self.request("textDocument/codeAction", json!({"textDocument": {"uri": self.uri}, "range": range, "context": {"diagnostics": []}}))
            .await
    }
}

/// A goal every hundred lines.
fn notes() -> String {
    let line = |line: usize| {
        if line.is_multiple_of(100) { format!("- [ ] goal: Study the tides of sea {line}\n") } else { "Plain words of a note.\n".into() }
    };
    (0..LINES).map(line).collect()
}

fn keystrokes(bench: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut client = runtime.block_on(Client::start(&notes()));
    bench.bench_function("server: a keystroke and its code actions, 10,000 lines, 100 goals", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                client.type_at(5_001, 3).await;
                client.actions(5_000).await
            })
        });
    });
    bench.bench_function("server: a keystroke and its code lenses, 10,000 lines, 100 goals", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                client.type_at(5_001, 3).await;
                let uri = client.uri.clone();
                client.request("textDocument/codeLens", json!({"textDocument": {"uri": uri}})).await
            })
        });
    });
    bench.bench_function("server: 1,000 keystrokes, told one by one, then a hover", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                for _ in 0..1_000 {
                    client.type_at(5_001, 3).await;
                }
                let uri = client.uri.clone();
                client.request("textDocument/hover", json!({"textDocument": {"uri": uri}, "position": {"line": 0, "character": 8}})).await
            })
        });
    });
    let long = format!("goal: one\n{}\ngoal: two\n", "word ".repeat(200_000));
    let mut client = runtime.block_on(Client::start(&long));
    bench.bench_function("server: a keystroke in a line of 1 MB and its code actions", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                client.type_at(1, 500_000).await;
                client.actions(1).await
            })
        });
    });
}

/// The 50th and 99th percentile, quiet and while goals run.
fn percentiles(_: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    for running in [0, 10] {
        let mut times: Vec<Duration> = runtime.block_on(async {
            let mut client = Client::start(&notes()).await;
            let mut times = Vec::new();
            for number in 0..KEYSTROKES {
                // Ten offline goals at a time: each is over within a moment, so new ones follow.
                if running > 0 && number % 100 == 0 {
                    for goal in 0..running {
                        let goal = json!({"goal": format!("Study sea {goal}"), "approvals": "none"});
                        client.request("workspace/executeCommand", json!({"command": "orchestrator.runGoal", "arguments": [goal]})).await;
                    }
                }
                let asked = Instant::now();
                client.type_at(5_001, 3).await;
                client.actions(5_000).await;
                times.push(asked.elapsed());
            }
            times
        });
        times.sort();
        let at = |percent: usize| times[times.len() * percent / 100];
        println!("keystroke to code action, {running} goals at once: p50 {:?}, p99 {:?}, most {:?}", at(50), at(99), times.last().unwrap());
    }
}

criterion_group!(benches, keystrokes, percentiles);
criterion_main!(benches);
