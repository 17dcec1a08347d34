//! A language server as a process of its own, and the client at its pipes. Messages are made before the clock runs, so that the server is measured and not
//! this file; answers are looked at only as far as telling them apart needs.
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

/// What tells a message from another.
#[derive(Deserialize)]
struct Head {
    id: Option<Value>,
    method: Option<String>,
}

/// A running server with one document open.
pub struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    buffer: Vec<u8>,
    id: i64,
    version: i64,
    uri: String,
    /// From the start of the process to the answer to `initialize`.
    pub started_in: Duration,
    _folder: tempfile::TempDir,
}

/// The bytes of a message.
pub fn frame(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

impl Server {
    /// Starts `program` with `arguments` in a project of its own, as VS Code would, and opens a document of this name.
    pub fn start(program: &Path, arguments: &[&str], (name, language, text): (&str, &str, &str)) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let root = format!("file://{}", folder.path().display());
        let recorded = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/clients/vscode.json")).unwrap();
        let mut initialize: Value = serde_json::from_slice(&recorded).unwrap();
        initialize["processId"] = Value::Null;
        initialize["rootUri"] = json!(root);
        initialize["workspaceFolders"] = json!([{"uri": root, "name": "project"}]);
        let hello = frame(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialize}));
        let mut command = Command::new(program);
        command.env_clear().env("HOME", folder.path()).env("ORCHESTRATOR_MODEL__PROVIDER", "offline").args(arguments);
        command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let begun = Instant::now();
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let uri = format!("{root}/{name}");
        let mut server =
            Server { child, input, output, buffer: Vec::new(), id: 0, version: 1, uri, started_in: Duration::ZERO, _folder: folder };
        server.write(&hello);
        server.answer(0);
        server.started_in = begun.elapsed();
        server.notify("initialized", json!({}));
        let document = json!({"uri": server.uri, "languageId": language, "version": 1, "text": text});
        server.notify("textDocument/didOpen", json!({"textDocument": document}));
        server
    }

    fn write(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.write(&frame(&json!({"jsonrpc": "2.0", "method": method, "params": params})));
    }

    fn question(&mut self, method: &str, params: Value) -> Vec<u8> {
        self.id += 1;
        frame(&json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}))
    }

    /// Sends a request and waits for its answer.
    pub fn request(&mut self, method: &str, params: Value) {
        let bytes = self.question(method, params);
        self.write(&bytes);
        self.answer(self.id);
    }

    /// Reads until the answer to our request of this id; questions of the server are answered with null.
    fn answer(&mut self, id: i64) {
        loop {
            let head = self.next();
            match (head.id, head.method) {
                (Some(asked), Some(_)) => self.write(&frame(&json!({"jsonrpc": "2.0", "id": asked, "result": null}))),
                (Some(answered), None) if answered == id => return,
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Head {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let header = std::str::from_utf8(&self.buffer[..end]).unwrap().to_ascii_lowercase();
                let length = header.lines().find_map(|line| line.strip_prefix("content-length:"));
                let whole = end + 4 + length.unwrap().trim().parse::<usize>().unwrap();
                if self.buffer.len() >= whole {
                    let head = serde_json::from_slice(&self.buffer[end + 4..whole]).unwrap();
                    self.buffer.drain(..whole);
                    return head;
                }
            }
            let mut more = [0; 16 * 1024];
            let count = self.output.read(&mut more).unwrap();
            assert!(count > 0, "the server left");
            self.buffer.extend_from_slice(&more[..count]);
        }
    }

    /// One character typed at a place.
    fn keystroke(&mut self, line: usize, character: usize) -> Vec<u8> {
        self.version += 1;
        let at = json!({"line": line, "character": character});
        let change = json!({"range": {"start": at, "end": at}, "text": "x"});
        let document = json!({"uri": self.uri, "version": self.version});
        let params = json!({"textDocument": document, "contentChanges": [change]});
        frame(&json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": params}))
    }

    fn actions(&mut self, line: usize) -> Vec<u8> {
        let at = json!({"line": line, "character": 3});
        let range = json!({"start": at, "end": at});
        self.question("textDocument/codeAction", json!({"textDocument": {"uri": self.uri}, "range": range, "context": {"diagnostics": []}}))
    }

    /// A character typed on the line after this one, and the code actions of this one: how long until they are there.
    pub fn type_and_ask(&mut self, line: usize) -> Duration {
        self.type_then(line, |server| server.actions(line))
    }

    /// The same with the lenses of the whole document.
    pub fn type_and_ask_lenses(&mut self, line: usize) -> Duration {
        self.type_then(line, |server| server.question("textDocument/codeLens", json!({"textDocument": {"uri": server.uri}})))
    }

    fn type_then(&mut self, line: usize, question: impl FnOnce(&mut Server) -> Vec<u8>) -> Duration {
        let mut bytes = self.keystroke(line + 1, 3);
        bytes.extend(question(self));
        let asked = Instant::now();
        self.write(&bytes);
        self.answer(self.id);
        asked.elapsed()
    }

    /// So many characters typed without a pause, then one request: changes a second.
    pub fn flood(&mut self, changes: usize, line: usize) -> f64 {
        let mut bytes: Vec<u8> = (0..changes).flat_map(|_| self.keystroke(line + 1, 3)).collect();
        bytes.extend(self.actions(line));
        let (id, mut input) = (self.id, self.input.take().unwrap());
        let begun = Instant::now();
        // Written beside the reading: a server that says something meanwhile must not wait for us.
        let writing = std::thread::spawn(move || {
            input.write_all(&bytes).unwrap();
            input
        });
        // Nothing is answered while the flood lasts: the pipe is the writer's.
        let mut asked = Vec::new();
        loop {
            let head = self.next();
            match (head.id, head.method) {
                (Some(question), Some(_)) => asked.push(question),
                (Some(answered), None) if answered == id => break,
                _ => {}
            }
        }
        let took = begun.elapsed();
        self.input = Some(writing.join().unwrap());
        for id in asked {
            self.write(&frame(&json!({"jsonrpc": "2.0", "id": id, "result": null})));
        }
        changes as f64 / took.as_secs_f64()
    }

    /// Resident memory in MB, and how often its threads woke up a second, after a moment of rest.
    pub fn idle(&self) -> (f64, f64) {
        std::thread::sleep(Duration::from_secs(1));
        let before = self.switches();
        std::thread::sleep(Duration::from_secs(2));
        let after = self.switches();
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        (number(&status, "VmRSS:") / 1024.0, (after - before) / 2.0)
    }

    fn switches(&self) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let status = |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("status")).ok();
        tasks.into_iter().flatten().filter_map(status).map(|status| number(&status, "voluntary_ctxt_switches:")).sum()
    }

    /// From `exit` to the end of the process, with its standard input still open.
    pub fn leave(mut self) -> Duration {
        self.request("shutdown", Value::Null);
        let asked = Instant::now();
        self.notify("exit", Value::Null);
        self.child.wait().unwrap();
        asked.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have left already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
