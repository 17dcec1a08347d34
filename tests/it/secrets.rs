//! Keys as canaries: they reach the model's server and nothing else, whatever that server answers: no file, no output, no message, no child.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::machine::{Machine, Said};

const OPENAI: &str = "sk-proj-canary-91c0ffee55aa";
const ANTHROPIC: &str = "sk-ant-canary-73b4d00d66bb";
const FROM_COMMAND: &str = "sk-canary-of-the-command-4e5f";
const CANARIES: [&str; 3] = [OPENAI, ANTHROPIC, FROM_COMMAND];

/// A server that knows the key and says it wherever it can.
struct Blabber {
    url: String,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Blabber {
    fn start(answer: fn(&str) -> (u16, String)) -> Blabber {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&keys);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let log = Arc::clone(&log);
                std::thread::spawn(move || serve(stream, answer, &log));
            }
        });
        Blabber { url, keys }
    }
}

fn serve(mut stream: TcpStream, answer: fn(&str) -> (u16, String), log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut length, mut key, mut line) = (0, String::new(), String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((line.as_str(), ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "authorization" | "x-api-key" => key = value.trim().trim_start_matches("Bearer ").to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        log.lock().unwrap().push(key.clone());
        let (status, text) = answer(&key);
        // A stream is read as one only if it says that it is one.
        let kind = if text.starts_with("event:") { "text/event-stream" } else { "application/json" };
        let head = format!("HTTP/1.1 {status} {key}\r\ncontent-type: {kind}\r\nrequest-id: req_{key}\r\nx-request-id: {key}\r\n");
        let whole = format!("{head}content-length: {}\r\n\r\n{text}", text.len());
        if stream.write_all(whole.as_bytes()).is_err() {
            return;
        }
    }
}

fn refusal(key: &str) -> (u16, String) {
    (401, json!({"error": {"type": "authentication_error", "code": "invalid_api_key", "message": format!("Incorrect API key provided: {key}.")}}).to_string())
}

fn doomed(key: &str) -> (u16, String) {
    (
        400,
        json!({"error": {"type": "invalid_request_error", "message": format!("header x-api-key: {key} / {key}")}, "key": key}).to_string(),
    )
}

fn nonsense(key: &str) -> (u16, String) {
    (403, format!("<html>Forbidden for {key}</html>"))
}

fn in_stream(key: &str) -> (u16, String) {
    (
        200,
        format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"authentication_error\",\"message\":\"bad key {key}\"}}}}\n\n"
        ),
    )
}

/// Every place that holds a canary: files of the machine by path, and outputs by name.
fn found(machine: &Machine, outputs: &[(&str, &str)]) -> Vec<String> {
    let holds = |text: &str| CANARIES.iter().any(|canary| text.contains(canary) || text.contains(&canary[canary.len() - 12..]));
    let mut found: Vec<String> = outputs.iter().filter(|(_, text)| holds(text)).map(|(name, text)| format!("{name}: {text}")).collect();
    let mut open = vec![machine.project().parent().unwrap().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => open.push(entry.path()),
                kind if kind.is_file() => {
                    let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
                    if holds(&text) || holds(&entry.path().to_string_lossy()) {
                        found.push(entry.path().to_string_lossy().into_owned());
                    }
                }
                _ => {}
            }
        }
    }
    found
}

fn model(provider: &str, url: &str) -> Vec<(&'static str, String)> {
    let base = if provider == "openai" { format!("{url}/v1") } else { url.to_owned() };
    vec![
        ("ORCHESTRATOR_MODEL__PROVIDER", provider.to_owned()),
        ("ORCHESTRATOR_MODEL__NAME", "m".to_owned()),
        ("ORCHESTRATOR_MODEL__BASE_URL", base),
        ("OPENAI_API_KEY", OPENAI.to_owned()),
        ("ANTHROPIC_API_KEY", ANTHROPIC.to_owned()),
    ]
}

#[test]
fn keys_never_leave_the_command_line_whatever_the_server_answers() {
    for answer in [refusal, doomed, nonsense, in_stream] {
        for (provider, key) in [("openai", OPENAI), ("anthropic", ANTHROPIC)] {
            let machine = Machine::new();
            let server = Blabber::start(answer);
            let run = |words: &[&str]| Said::of(machine.command(words).envs(model(provider, &server.url)).output().unwrap());
            let said = run(&["--json", "--verbose", "--non-interactive", "Write about tides"]);
            assert!(matches!(said.code, 1 | 5), "{}: {}{}", said.code, said.out, said.err);
            let plain = run(&["--non-interactive", "Write about tides"]);
            let [doctor, list, wrong] = [run(&["doctor"]), run(&["--list"]), run(&["--resume", "nowhere", "--verbose"])];
            assert!(server.keys.lock().unwrap().iter().all(|sent| sent == key), "the wrong key was sent");
            assert!(!server.keys.lock().unwrap().is_empty());
            let outputs = [&said, &plain, &doctor, &list, &wrong].map(|said| format!("{}{}", said.out, said.err));
            let named: Vec<(&str, &str)> = outputs.iter().map(|output| ("output", output.as_str())).collect();
            assert_eq!(found(&machine, &named), [""; 0], "{provider}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_key_from_a_command_is_as_secret_and_the_command_sees_no_other_key() {
    let machine = Machine::new();
    let server = Blabber::start(refusal);
    let aside = tempfile::tempdir().unwrap();
    let (key, seen) = (aside.path().join("key"), aside.path().join("env"));
    std::fs::write(&key, FROM_COMMAND).unwrap();
    let command = format!("env > '{}'; cat '{}'", seen.display(), key.display());
    let mut environment = model("openai", &server.url);
    // The variable of this provider would go before the command.
    environment.retain(|(name, _)| *name != "OPENAI_API_KEY");
    environment.push(("CLAUDE_API_KEY", ANTHROPIC.to_owned()));
    environment.push(("ORCHESTRATOR_MODEL__API_KEY_COMMAND", command));
    let words = ["--json", "--verbose", "--non-interactive", "Write about tides"];
    let said = Said::of(machine.command(&words).env("PATH", std::env::var_os("PATH").unwrap()).envs(environment).output().unwrap());
    assert_eq!(said.code, 5, "{}{}", said.out, said.err);
    assert!(server.keys.lock().unwrap().iter().all(|sent| sent == FROM_COMMAND), "{:?}", server.keys);
    let child = std::fs::read_to_string(seen).unwrap();
    assert!(child.contains("HOME=") && !CANARIES.iter().any(|canary| child.contains(canary)), "{child}");
    assert_eq!(found(&machine, &[("stdout", &said.out), ("stderr", &said.err)]), [""; 0]);
}

/// Says a message to a server and reads until one is wanted, keeping every byte.
struct Wire {
    input: std::process::ChildStdin,
    output: BufReader<std::process::ChildStdout>,
    heard: String,
}

impl Wire {
    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (mut line, mut length) = (String::new(), 0);
            while line.trim_end() != "" || line.is_empty() {
                line.clear();
                assert!(self.output.read_line(&mut line).unwrap() > 0, "the server ended: {}", self.heard);
                if let Some(rest) = line.strip_prefix("Content-Length: ") {
                    length = rest.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            self.output.read_exact(&mut body).unwrap();
            let text = String::from_utf8(body).unwrap();
            self.heard.push_str(&text);
            let message: Value = serde_json::from_str(&text).unwrap();
            if message.get("method").is_some()
                && let Some(id) = message.get("id")
            {
                self.send(&json!({"jsonrpc": "2.0", "id": id, "result": null}));
            }
            if wanted(&message) {
                return message;
            }
        }
    }
}

fn ended(message: &Value) -> bool {
    let runs = message["params"]["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_end = |run: &Value| matches!(run["status"].as_str(), Some("parked" | "failed" | "completed" | "paused" | "cancelled"));
    message["method"] == "orchestrator/runsChanged" && !runs.is_empty() && runs.iter().all(is_end)
}

#[test]
fn keys_never_leave_the_language_server_whatever_the_model_server_answers() {
    for (answer, provider) in
        [(refusal as fn(&str) -> (u16, String), "openai"), (doomed, "anthropic"), (in_stream, "openai"), (nonsense, "anthropic")]
    {
        let machine = Machine::new();
        let server = Blabber::start(answer);
        let mut command = machine.command(&["lsp"]);
        command.envs(model(provider, &server.url)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut wire =
            Wire { input: child.stdin.take().unwrap(), output: BufReader::new(child.stdout.take().unwrap()), heard: String::new() };
        let capabilities = json!({
            "window": {"workDoneProgress": true, "showMessage": {}, "showDocument": {"support": true}},
            "textDocument": {"publishDiagnostics": {}},
            "experimental": {"orchestrator": true},
        });
        let root = format!("file://{}", machine.project().display());
        let folders = json!([{"uri": root, "name": "p"}]);
        wire.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {"processId": null, "rootUri": root, "workspaceFolders": folders, "capabilities": capabilities}}));
        wire.until(|message| message["id"] == 1);
        wire.send(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
        let command = |id: i32, name: &str, argument: Value| {
            let params = json!({"command": name, "arguments": [argument]});
            json!({"jsonrpc": "2.0", "id": id, "method": "workspace/executeCommand", "params": params})
        };
        wire.send(&command(2, "orchestrator.runGoal", json!({"goal": "Write about tides", "approvals": "none"})));
        let mut answered = None;
        wire.until(|message| ended(message) || message["id"] == 2 && message.get("error").is_some());
        for (id, name) in [(3, "orchestrator.runState"), (4, "orchestrator.doctor"), (5, "orchestrator.listWorkspaces")] {
            wire.send(&command(id, name, json!({})));
            answered = Some(wire.until(|message| message["id"] == id));
        }
        assert!(answered.is_some_and(|answer| answer["result"].is_array()));
        wire.send(&json!({"jsonrpc": "2.0", "id": 9, "method": "shutdown"}));
        wire.until(|message| message["id"] == 9);
        wire.send(&json!({"jsonrpc": "2.0", "method": "exit"}));
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        child.wait().unwrap();
        assert!(!server.keys.lock().unwrap().is_empty(), "the model server was never asked");
        assert_eq!(found(&machine, &[("messages", &wire.heard), ("log", &log)]), [""; 0], "{provider}");
    }
}

#[test]
fn the_canaries_would_be_found() {
    let machine = Machine::new();
    std::fs::write(machine.project().join("x"), format!("a{OPENAI}b")).unwrap();
    assert_eq!(found(&machine, &[("output", "…73b4d00d66bb")]).len(), 2);
    assert!(Path::new(&found(&machine, &[])[0]).is_file());
}
