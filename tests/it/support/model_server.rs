//! A model server for tests: loopback only, answers from a script as raw bytes in chosen pieces, and checks every request it gets.
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// One scripted answer.
#[derive(Debug, Clone)]
pub struct Scripted {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Bytes written at a time.
    pub piece: usize,
    pub end: End,
}

/// What happens after the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A proper end of the chunked body; the connection stays open.
    Proper,
    /// The connection closes in the middle of the body.
    Close,
    /// A proper end, then the connection closes without a word.
    CloseAfter,
    /// Nothing more comes; the connection stays open until the client closes it.
    Stall,
}

impl Scripted {
    pub fn stream(body: impl Into<Vec<u8>>) -> Scripted {
        Scripted {
            status: 200,
            headers: vec![("content-type".into(), "text/event-stream; charset=utf-8".into())],
            body: body.into(),
            piece: 4096,
            end: End::Proper,
        }
    }

    pub fn json(status: u16, body: &str) -> Scripted {
        Scripted {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.into(),
            piece: 4096,
            end: End::Proper,
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Scripted {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn in_pieces(mut self, piece: usize) -> Scripted {
        self.piece = piece;
        self
    }

    pub fn ends(mut self, end: End) -> Scripted {
        self.end = end;
        self
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<Scripted>>,
    seen: Mutex<Vec<Seen>>,
    problems: Mutex<Vec<String>>,
    closed_by_client: Notify,
    closed: std::sync::atomic::AtomicUsize,
}

/// The server; it fails the test when dropped if a request broke a rule.
pub struct ModelServer {
    pub url: String,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl ModelServer {
    pub async fn start(script: Vec<Scripted>) -> ModelServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State { script: Mutex::new(script.into()), ..State::default() });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        ModelServer { url, state, task }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The bodies of the requests for answers; lists of models are left out.
    pub fn bodies(&self) -> Vec<Value> {
        self.seen().into_iter().filter(|seen| seen.method == "POST").map(|seen| seen.body).collect()
    }

    /// Waits until a client closes a connection that stalls.
    pub async fn closed_by_client(&self) {
        self.state.closed_by_client.notified().await;
    }
}

impl ModelServer {
    /// The same for so many connections in all.
    pub async fn all_closed_by_client(&self, count: usize) {
        while self.state.closed.load(std::sync::atomic::Ordering::SeqCst) < count {
            self.closed_by_client().await;
        }
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.task.abort();
        if !std::thread::panicking() {
            let problems = self.state.problems.lock().unwrap();
            assert!(problems.is_empty(), "requests broke rules: {problems:#?}");
        }
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    while let Some(seen) = read_request(&mut stream).await {
        if seen.method == "POST" {
            state.problems.lock().unwrap().extend(problems(&seen));
        }
        state.seen.lock().unwrap().push(seen);
        let next = state.script.lock().unwrap().pop_front();
        let scripted = next.unwrap_or_else(|| Scripted::json(500, r#"{"error":{"type":"api_error","message":"the script is over"}}"#));
        if !answer(&mut stream, &scripted, &state).await {
            return;
        }
    }
}

/// A request, whole; `None` where the client leaves.
pub async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let mut piece = [0; 8192];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes.split_off(head_end);
    while body.len() < length {
        let mut piece = vec![0; length - body.len()];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => body.extend_from_slice(&piece[..count]),
        }
    }
    Some(Seen { method, path, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// Whether the connection can take another request.
async fn answer(stream: &mut TcpStream, scripted: &Scripted, state: &State) -> bool {
    let mut head = format!("HTTP/1.1 {} X\r\ntransfer-encoding: chunked\r\n", scripted.status);
    for (name, value) in &scripted.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    if stream.write_all(head.as_bytes()).await.is_err() {
        return false;
    }
    for piece in scripted.body.chunks(scripted.piece.max(1)) {
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        if stream.write_all(&chunk).await.is_err() || stream.flush().await.is_err() {
            return false;
        }
    }
    match scripted.end {
        End::Proper => stream.write_all(b"0\r\n\r\n").await.is_ok(),
        End::Close => false,
        End::CloseAfter => {
            let _ = stream.write_all(b"0\r\n\r\n").await;
            false
        }
        End::Stall => {
            let mut rest = [0; 64];
            while matches!(stream.read(&mut rest).await, Ok(count) if count > 0) {}
            state.closed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            state.closed_by_client.notify_one();
            false
        }
    }
}

/// Which rules of the wire a request breaks.
fn problems(seen: &Seen) -> Vec<String> {
    let mut problems = Vec::new();
    let messages = seen.body["messages"].as_array().cloned().unwrap_or_default();
    if messages.is_empty() {
        problems.push("there are no messages".into());
    }
    if breakpoints(&seen.body) > 4 {
        problems.push("more than four cache breakpoints".into());
    }
    if seen.path.ends_with("/messages") {
        anthropic_problems(&messages, &mut problems)
    } else {
        openai_problems(&messages, &mut problems)
    }
    problems
}

fn breakpoints(value: &Value) -> usize {
    match value {
        Value::Object(fields) => usize::from(fields.contains_key("cache_control")) + fields.values().map(breakpoints).sum::<usize>(),
        Value::Array(items) => items.iter().map(breakpoints).sum(),
        _ => 0,
    }
}

fn anthropic_problems(messages: &[Value], problems: &mut Vec<String>) {
    let mut open: BTreeSet<String> = BTreeSet::new();
    for (number, message) in messages.iter().enumerate() {
        let expected = if number % 2 == 0 { "user" } else { "assistant" };
        if message["role"] != expected {
            problems.push(format!("message {number} is not of the {expected}"));
        }
        let mut calls = BTreeSet::new();
        for block in message["content"].as_array().cloned().unwrap_or_default() {
            match block["type"].as_str().unwrap_or_default() {
                "text" if block["text"].as_str().unwrap_or_default().trim().is_empty() => {
                    problems.push(format!("message {number} holds an empty text"))
                }
                "tool_use" => {
                    calls.insert(block["id"].as_str().unwrap_or_default().to_owned());
                }
                "tool_result" if !open.remove(block["tool_use_id"].as_str().unwrap_or_default()) => {
                    problems.push(format!("message {number} answers a call that was not made"));
                }
                _ => {}
            }
        }
        if !open.is_empty() {
            problems.push(format!("message {number} leaves calls unanswered: {open:?}"));
        }
        open = calls;
    }
}

fn openai_problems(messages: &[Value], problems: &mut Vec<String>) {
    let mut open: BTreeSet<String> = BTreeSet::new();
    let mut before = "";
    for (number, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            if !open.remove(message["tool_call_id"].as_str().unwrap_or_default()) {
                problems.push(format!("message {number} answers a call that was not made"));
            }
        } else if !open.is_empty() {
            problems.push(format!("message {number} leaves calls unanswered: {open:?}"));
        } else if role == before {
            problems.push(format!("message {number} has the role of the one before"));
        }
        let calls = message.get("tool_calls").and_then(Value::as_array);
        if calls.is_some_and(Vec::is_empty) || (calls.is_none() && message["content"].as_str().unwrap_or_default().trim().is_empty()) {
            problems.push(format!("message {number} is empty"));
        }
        open.extend(calls.into_iter().flatten().filter_map(|call| call["id"].as_str().map(str::to_owned)));
        before = message["role"].as_str().unwrap_or_default();
    }
}
