//! A run that lives in one process, watched and decided from another: the editor's server and the command line, each on either side.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use ai_orchestrator::sys::Environment;
use serde_json::{Value, json};

use crate::machine::{Machine, Said};
use crate::support::desk::{quiet, verdict};
use crate::support::editor::Editor;

/// An editor of this machine's user, in the project in which the command line works too.
async fn editor(machine: &Machine) -> Editor {
    let command = machine.command(&[]);
    let text = |value: &std::ffi::OsStr| value.to_string_lossy().into_owned();
    let variables: Vec<(String, String)> = command.get_envs().filter_map(|(name, value)| Some((text(name), text(value?)))).collect();
    let offline = ("ORCHESTRATOR_MODEL__PROVIDER".to_owned(), "offline".to_owned());
    let environment = Environment::new(variables.into_iter().chain([offline]), machine.project());
    let builder = Editor::like("vscode").environment(environment).folder(&machine.project());
    let shows = |_: &Value| Some(json!({"success": true}));
    let applies = |_: &Value| Some(json!({"applied": true}));
    let builder = builder.answer("window/showDocument", shows).answer("workspace/applyEdit", applies);
    quiet(builder.answer("workspace/configuration", |_| Some(json!([null])))).start().await
}

async fn until(editor: &mut Editor, run: &Value, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200_000 {
        let state = editor.command("orchestrator.runState", json!({"runId": run})).await.unwrap();
        if is_so(&state) {
            return state;
        }
    }
    panic!("never so");
}

/// The command line, while the server in this process works on.
async fn command_line(machine: &Arc<Machine>, words: &[&str]) -> Said {
    let (machine, words) = (Arc::clone(machine), words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    tokio::task::spawn_blocking(move || machine.run(&words.iter().map(String::as_str).collect::<Vec<_>>())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_decides_a_run_of_the_editors_server() {
    let machine = Arc::new(Machine::new());
    let mut editor = editor(&machine).await;
    let run = editor.command("orchestrator.runGoal", json!("Write a guide about the sea")).await.unwrap();
    let waits = until(&mut editor, &run["runId"], |state| state["status"] == "waiting_approval").await;
    let (workspace, id) = (run["workspace"].as_str().unwrap(), waits["approvals"][0]["id"].as_str().unwrap());
    let held = command_line(&machine, &["--resume", workspace, "--non-interactive", "--provider", "offline"]).await;
    assert!(held.code == 2 && held.err.contains("held by another process"), "{}", held.err);
    let approved = command_line(&machine, &["approve", workspace, id]).await;
    assert_eq!((approved.code, approved.out), (0, format!("{id} approved\n")), "{}", approved.err);
    until(&mut editor, &run["runId"], |state| state["status"] == "completed").await;
    editor.close().await;
}

/// A model that answers at once, save for the second step: that begins, and waits for a word. A connection that asks nothing disturbs no other.
fn model(listener: TcpListener, word: Receiver<()>) {
    let word = Arc::new(Mutex::new(word));
    for stream in listener.incoming() {
        let (mut stream, word) = (stream.unwrap(), Arc::clone(&word));
        std::thread::spawn(move || {
            let Some(prompt) = asked(&mut stream) else { return };
            let waits = prompt.contains("# Your step (s2)").then_some(word);
            answer(&mut stream, waits.as_deref());
        });
    }
}

/// The body of the request; `None` where the connection ends without one.
fn asked(stream: &mut TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

/// After the first words of an answer that waits, its end comes with the word.
fn answer(stream: &mut TcpStream, waits: Option<&Mutex<Receiver<()>>>) {
    let chunk = |delta: Value, end: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": end});
        format!("data: {}\n\n", json!({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}))
    };
    let words = chunk(json!({"role": "assistant", "content": "The sea is wide."}), Value::Null);
    let end = format!("{}data: [DONE]\n\n", chunk(json!({}), json!("stop")));
    let length = words.len() + end.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let _ = stream.write_all(format!("{head}{words}").as_bytes());
    if waits.is_none_or(|word| word.lock().unwrap().recv().is_ok()) {
        let _ = stream.write_all(end.as_bytes());
    }
}

const PLAN: &str = "# Plan: Write about the sea
- [ ] s1 writer: Write of the coast
  - output: coast.md
  - approve: yes
- [ ] s2 writer: Write of the deep
  - output: deep.md
";

/// The plan takes the place of the one that was made, and is approved.
fn planned(machine: &Machine) -> String {
    let said = machine.run(&["--plan-only", "--provider", "offline", "Write about the sea"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let rows: Value = serde_json::from_str(&machine.run(&["--list", "--json"]).out).unwrap();
    let workspace = rows[0]["workspace"].as_str().unwrap().to_owned();
    let path = Path::new(&workspace).join("plan.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let head = text.find("# Plan").unwrap();
    std::fs::write(&path, format!("{}{PLAN}", &text[..head])).unwrap();
    assert_eq!(machine.run(&["--resume", &workspace, "--provider", "offline"]).code, 3);
    let open: Value = serde_json::from_str(&std::fs::read_to_string(Path::new(&workspace).join("workflow-state.json")).unwrap()).unwrap();
    let id = open["pending_approvals"][0]["id"].as_str().unwrap();
    assert_eq!(machine.run(&["approve", &workspace, id]).code, 0);
    workspace
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_editor_watches_a_run_of_the_command_line_and_decides_it() {
    let machine = Arc::new(Machine::new());
    let workspace = planned(&machine);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (release, word) = channel();
    std::thread::spawn(move || model(listener, word));
    let words = ["--resume", &workspace, "--provider", "openai", "--model", "m", "--base-url", &url];
    let mut live = machine.command(&words).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut editor = editor(&machine).await;
    let listed = editor.command("orchestrator.listWorkspaces", Value::Null).await.unwrap();
    let run = listed[0]["runId"].clone();
    let asks = |state: &Value| state["approvals"].as_array().is_some_and(|open| open.iter().any(|open| open["step"] == "s1"));
    let state = until(&mut editor, &run, asks).await;
    assert_eq!(state["steps"][1]["status"], "running", "the other step's call is under way elsewhere: {state}");
    let stale = json!({"runId": run, "approvalId": verdict(&state)["approvalId"], "hash": "000000"});
    assert_eq!(editor.command("orchestrator.approve", stale).await.unwrap()["decided"], false, "an old hash decides nothing there either");
    let decided = editor.command("orchestrator.approve", verdict(&state)).await.unwrap();
    assert_eq!(decided["decided"], true, "{decided}");
    until(&mut editor, &run, |state| state["steps"][0]["status"] == "completed").await;
    release.send(()).unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        let code = live.wait().unwrap().code();
        let mut said = String::new();
        live.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    });
    let (code, said) = ended.await.unwrap();
    assert_eq!(code, Some(0), "{said}");
    let state = until(&mut editor, &run, |state| state["status"] == "completed").await;
    assert_eq!(state["success_rate"], 1.0);
    editor.close().await;
}
