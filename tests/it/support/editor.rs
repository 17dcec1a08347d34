//! An editor in this process: speaks to the server over a pipe, with the capabilities of a real client. Strict: a message that the client did not announce,
//! that nobody expected, or that was left unread fails the test. Never sleeps.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ai_orchestrator::lsp::{Ending, Machine, connect};
use ai_orchestrator::sys::{Environment, RealDisk};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, oneshot};

use super::protocol::protocol;

/// The clients whose announcements are recorded.
pub const CLIENTS: [&str; 10] =
    ["vscode", "neovim-0.11", "neovim-0.12", "helix-25.07", "zed", "eglot", "lsp-mode", "sublime", "kakoune", "empty"];

/// Nothing in a test takes longer than this; with a paused clock it costs no time.
const PATIENCE: Duration = Duration::from_secs(30);

type Script = Box<dyn FnMut(&Value) -> Option<Value> + Send>;

/// The recorded `clientInfo` and `capabilities` of a client.
pub fn recorded(client: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clients").join(format!("{client}.json"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

/// Says how an editor starts.
pub struct Builder {
    initialize: Value,
    ignored: BTreeSet<String>,
    scripts: BTreeMap<String, Script>,
    environment: Environment,
    of_its_own: bool,
}

impl Builder {
    /// Adds to the parameters of `initialize`: `processId`, `rootUri`, `initializationOptions`.
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.initialize[field] = value;
        self
    }

    /// The project that is open.
    pub fn folder(self, folder: &Path) -> Self {
        let uri = uri(folder);
        self.with("workspaceFolders", json!([{"uri": uri, "name": "project"}])).with("rootUri", json!(uri))
    }

    /// The environment of the server.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Messages of this method need not be read.
    pub fn ignore(mut self, method: &str) -> Self {
        self.ignored.insert(method.to_owned());
        self
    }

    /// Answers requests of this method with the result the script gives; `None` leaves one unanswered for the test to answer.
    pub fn answer(mut self, method: &str, script: impl FnMut(&Value) -> Option<Value> + Send + 'static) -> Self {
        self.scripts.insert(method.to_owned(), Box::new(script));
        self
    }

    /// The server is the real program in a process of its own, which can be killed.
    pub fn process(mut self) -> Self {
        self.of_its_own = true;
        self
    }

    /// Starts a server, says `initialize` and `initialized`.
    pub async fn start(self) -> Editor {
        let initialize = self.initialize.clone();
        let mut editor = self.connect();
        editor.initialized = editor.request("initialize", initialize).await.expect("initialize is never refused");
        editor.notify("initialized", json!({})).await;
        editor
    }

    /// Starts a server and says nothing yet.
    pub fn connect(self) -> Editor {
        let (input, server_input) = tokio::io::duplex(1 << 20);
        let (server_output, output) = tokio::io::duplex(1 << 20);
        let (kill, killed) = oneshot::channel();
        let server = if self.of_its_own {
            tokio::spawn(program(self.environment, server_input, server_output, killed))
        } else {
            let machine = Machine::new(self.environment, RealDisk::root().unwrap());
            tokio::spawn(async move { connect(server_input, server_output, machine).await })
        };
        let (sender, incoming) = mpsc::unbounded_channel();
        tokio::spawn(read(output, sender));
        Editor {
            input: Some(input),
            incoming,
            server: Some(server),
            kill: self.of_its_own.then_some(kill),
            client: self.initialize,
            initialized: Value::Null,
            next_id: 0,
            asked: BTreeMap::new(),
            answers: BTreeMap::new(),
            unread: VecDeque::new(),
            ignored: self.ignored,
            scripts: self.scripts,
        }
    }
}

/// The program with its pipes joined to ours, until it ends or is killed without a word.
async fn program(environment: Environment, mut input: DuplexStream, mut output: DuplexStream, killed: oneshot::Receiver<()>) -> Ending {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_ai-orchestrator"));
    command.arg("lsp").env_clear().envs(environment.with_prefix("")).current_dir(environment.current_dir());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    // Each ends by itself when one of its ends goes.
    tokio::spawn(async move { tokio::io::copy(&mut input, &mut to).await });
    let reading = tokio::spawn(async move { tokio::io::copy(&mut from, &mut output).await });
    tokio::select! {
        Ok(()) = killed => child.start_kill().unwrap(),
        _ = child.wait() => {}
    }
    let status = child.wait().await.unwrap();
    let _ = reading.await;
    if status.code() == Some(0) { Ending::Clean } else { Ending::Abrupt }
}

/// The absolute path as an address.
pub fn uri(path: &Path) -> String {
    format!("file://{}", path.display().to_string().replace('%', "%25").replace(' ', "%20"))
}

async fn read(mut output: DuplexStream, sender: mpsc::UnboundedSender<Value>) {
    let mut buffer = Vec::new();
    loop {
        while let Some((message, rest)) = frame(&buffer) {
            buffer.drain(..rest);
            if sender.send(message).is_err() {
                return;
            }
        }
        match output.read_buf(&mut buffer).await {
            Ok(count) if count > 0 => {}
            _ => return,
        }
    }
}

/// What the server writes must be exactly so: one header, then JSON.
fn frame(buffer: &[u8]) -> Option<(Value, usize)> {
    let end = buffer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let header = std::str::from_utf8(&buffer[..end]).expect("a header is ASCII");
    let length: usize = header.strip_prefix("Content-Length: ").expect("nothing but frames is written").parse().expect("a length");
    let body = buffer.get(end + 4..end + 4 + length)?;
    Some((serde_json::from_slice(body).expect("a body is JSON"), end + 4 + length))
}

/// An error answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub code: i64,
    pub message: String,
}

/// A running editor.
pub struct Editor {
    input: Option<DuplexStream>,
    incoming: mpsc::UnboundedReceiver<Value>,
    server: Option<tokio::task::JoinHandle<Ending>>,
    kill: Option<oneshot::Sender<()>>,
    client: Value,
    /// The answer to `initialize`.
    pub initialized: Value,
    next_id: i64,
    /// The method of each request that is open.
    asked: BTreeMap<i64, String>,
    answers: BTreeMap<i64, Value>,
    unread: VecDeque<Value>,
    ignored: BTreeSet<String>,
    scripts: BTreeMap<String, Script>,
}

impl Editor {
    /// An editor with the announcements of a recorded client.
    pub fn like(client: &str) -> Builder {
        let mut initialize = recorded(client);
        initialize["processId"] = Value::Null;
        initialize["rootUri"] = Value::Null;
        Builder {
            initialize,
            ignored: BTreeSet::new(),
            scripts: BTreeMap::from([("client/registerCapability".to_owned(), Box::new(|_: &Value| Some(Value::Null)) as Script)]),
            environment: Environment::new([], "/nonexistent-project"),
            of_its_own: false,
        }
    }

    /// Sends bytes as they are. Who has hung up says nothing more, not even to what the server still asks.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let Some(input) = &mut self.input else { return };
        // The server may have left already; tests see that in its ending.
        let _ = input.write_all(bytes).await;
    }

    /// Sends a message as it is.
    pub async fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
    }

    pub async fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    /// Sends a request and gives its id; the answer is fetched with [`Editor::answered`].
    pub async fn ask(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        let id = self.next_id;
        self.asked.insert(id, method.to_owned());
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// Waits for the answer to a request of ours.
    pub async fn answered(&mut self, id: i64) -> Result<Value, Refusal> {
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return match answer.get("error") {
                    Some(error) => Err(Refusal {
                        code: error["code"].as_i64().expect("an error has a code"),
                        message: error["message"].as_str().expect("an error has words").to_owned(),
                    }),
                    None => Ok(answer["result"].clone()),
                };
            }
            self.take_next(&format!("the answer to request {id}")).await;
        }
    }

    /// Whether the answer to a request of ours has been read already.
    pub fn has_answer(&self, id: i64) -> bool {
        self.answers.contains_key(&id)
    }

    pub async fn request(&mut self, method: &str, params: Value) -> Result<Value, Refusal> {
        let id = self.ask(method, params).await;
        self.answered(id).await
    }

    /// Runs a command with one argument, or none for null.
    pub async fn command(&mut self, command: &str, argument: Value) -> Result<Value, Refusal> {
        let arguments: Vec<Value> = Some(argument).filter(|argument| !argument.is_null()).into_iter().collect();
        self.request("workspace/executeCommand", json!({"command": command, "arguments": arguments})).await
    }

    pub async fn open(&mut self, uri: &str, language: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document})).await;
    }

    /// Waits for the next request or notification of this method; others stay unread.
    pub async fn expect(&mut self, method: &str) -> Value {
        loop {
            if let Some(at) = self.unread.iter().position(|message| message["method"] == method) {
                return self.unread.remove(at).expect("found");
            }
            self.take_next(method).await;
        }
    }

    /// The next answer without an id of ours: what a frame that cannot be read gets.
    pub async fn expect_refusal(&mut self) -> Value {
        loop {
            if let Some(at) = self.unread.iter().position(|message| message.get("method").is_none()) {
                return self.unread.remove(at).expect("found");
            }
            self.take_next("a refusal").await;
        }
    }

    /// Answers a request of the server.
    pub async fn reply(&mut self, request: &Value, result: Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result})).await;
    }

    /// Refuses a request of the server.
    pub async fn refuse(&mut self, request: &Value, code: i64) {
        self.send(&json!({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": "refused"}})).await;
    }

    /// From now on messages of this method need not be read.
    pub fn ignore(&mut self, method: &str) {
        self.unread.retain(|message| message["method"] != method);
        self.ignored.insert(method.to_owned());
    }

    async fn take_next(&mut self, wanted: &str) {
        let next = tokio::time::timeout(PATIENCE, self.incoming.recv()).await;
        let message = next.unwrap_or_else(|_| panic!("{wanted} did not come; unread: {:?}", self.unread));
        let message = message.unwrap_or_else(|| panic!("the server left before {wanted} came; unread: {:?}", self.unread));
        self.sort(message).await;
    }

    async fn sort(&mut self, message: Value) {
        let Some(method) = message.get("method").and_then(Value::as_str).map(str::to_owned) else {
            match message["id"].as_i64().filter(|id| (1..=self.next_id).contains(id)) {
                Some(id) => {
                    let asked = self.asked.get(&id).map(String::as_str).unwrap_or_default();
                    let wrong = protocol().of_answer(asked, &message);
                    assert!(wrong.is_none(), "the answer to {asked} is not as published: {}\n{message}", wrong.unwrap());
                    assert!(self.answers.insert(id, message).is_none(), "request {id} was answered twice");
                }
                None => self.unread.push_back(message),
            }
            return;
        };
        assert!(self.accepts(&method), "{method} was sent to a client that does not announce it: {message}");
        let wrong = protocol().of_server(&message);
        assert!(wrong.is_none(), "{method} is not as published: {}\n{message}", wrong.unwrap());
        if let Some(result) = self.scripts.get_mut(&method).and_then(|script| script(&message["params"])) {
            self.reply(&message, result).await;
        } else if !self.ignored.contains(&method) {
            self.unread.push_back(message);
        }
    }

    /// What this client announces or is known by name to take. Written apart from the server's own table, so that a slip there is seen here.
    fn accepts(&self, method: &str) -> bool {
        let says = |path: &str| !matches!(self.client.pointer(path), None | Some(Value::Null | Value::Bool(false)));
        let name = self.client["clientInfo"]["name"].as_str().unwrap_or_default();
        match method {
            "$/cancelRequest" => true,
            "$/progress" | "window/workDoneProgress/create" => says("/capabilities/window/workDoneProgress"),
            "window/showMessage" | "window/logMessage" => says("/capabilities/window"),
            "window/showMessageRequest" => says("/capabilities/window/showMessage") || !name.is_empty(),
            "window/showDocument" => says("/capabilities/window/showDocument/support") || name == "helix",
            "workspace/codeLens/refresh" => says("/capabilities/workspace/codeLens/refreshSupport"),
            "workspace/inlayHint/refresh" => says("/capabilities/workspace/inlayHint/refreshSupport"),
            "client/registerCapability" => says("/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration"),
            "workspace/configuration" => says("/capabilities/workspace/configuration"),
            "workspace/applyEdit" => says("/capabilities/workspace/applyEdit"),
            "textDocument/publishDiagnostics" => says("/capabilities/textDocument/publishDiagnostics"),
            "orchestrator/runsChanged" | "orchestrator/status" => says("/capabilities/experimental/orchestrator"),
            _ => false,
        }
    }

    /// Leaves as a client should, and checks that the server does too and that nothing was left unread.
    pub async fn close(mut self) {
        assert_eq!(self.request("shutdown", Value::Null).await, Ok(Value::Null));
        self.send(&json!({"jsonrpc": "2.0", "method": "exit"})).await;
        assert_eq!(self.ending().await, Ending::Clean);
    }

    /// Closes the pipe to the server without a word.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// Kills a server of its own process, which can do nothing about it.
    pub async fn kill(&mut self) {
        self.kill.take().expect("a process of its own").send(()).unwrap();
        assert_eq!(self.ending().await, Ending::Abrupt);
    }

    /// Waits until the server has left; everything that it still said must be expected.
    pub async fn ending(&mut self) -> Ending {
        let server = self.server.take().expect("asked once");
        let ending = tokio::time::timeout(PATIENCE, server).await.expect("the server does not leave").expect("the server panicked");
        while let Some(message) = self.incoming.recv().await {
            self.sort(message).await;
        }
        assert!(self.answers.is_empty(), "answers nobody fetched: {:?}", self.answers);
        assert!(self.unread.is_empty(), "messages nobody expected: {:?}", self.unread);
        ending
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.server.is_none(), "a test must see its server leave: call `close` or `ending`");
        }
    }
}
