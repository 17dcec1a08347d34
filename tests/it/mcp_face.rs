//! `ai-orchestrator mcp` as another assistant sees it, over pipes in this process: raw JSON-RPC lines, no library of ours on the client's side.
use std::sync::Arc;

use ai_orchestrator::mcp::connect;
use ai_orchestrator::orchestrator::Host;
use ai_orchestrator::sys::{Environment, RealDisk};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

struct Client {
    folder: tempfile::TempDir,
    input: WriteHalf<DuplexStream>,
    output: Lines<BufReader<ReadHalf<DuplexStream>>>,
    served: tokio::task::JoinHandle<i32>,
    next: u64,
    progress: Vec<Value>,
}

impl Client {
    async fn open() -> Client {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".git")).unwrap();
        std::fs::write(folder.path().join("bees.md"), "# Bees\n\nA bee visits fifty flowers on one trip.\n").unwrap();
        let place = |name: &str| (name.to_owned(), folder.path().join(name).to_string_lossy().into_owned());
        let environment = Environment::new(["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"].map(place), folder.path());
        let settings = vec![("model.provider".to_owned(), json!("offline"))];
        let host = Arc::new(Host::new(environment, RealDisk::root().unwrap(), settings, None));
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(theirs);
        let served = tokio::spawn(connect(read, write, host));
        let (output, input) = tokio::io::split(ours);
        let mut client = Client { folder, input, output: BufReader::new(output).lines(), served, next: 0, progress: Vec::new() };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}});
        let info = client.ask("initialize", hello).await;
        assert_eq!(info["result"]["serverInfo"]["name"], "ai-orchestrator");
        client.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        client
    }

    async fn send(&mut self, message: Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        loop {
            let line = self.output.next_line().await.unwrap().unwrap();
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["method"] == "notifications/progress" {
                self.progress.push(message["params"].clone());
            }
            if message["id"] == id {
                return message;
            }
        }
    }

    async fn call(&mut self, tool: &str, input: Value) -> Value {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": input, "_meta": {"progressToken": "p"}})).await;
        let result = answer["result"].clone();
        assert_ne!(result["isError"], json!(true), "{tool}: {answer}");
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"]);
        text
    }

    async fn refusal(&mut self, tool: &str, input: Value) -> String {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": input})).await;
        assert_eq!(answer["result"]["isError"], json!(true), "{tool}: {answer}");
        answer["result"]["content"][0]["text"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn every_tool_is_listed_with_its_schema() {
    let mut client = Client::open().await;
    let listed = client.ask("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap().clone();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let expected = ["run_goal", "plan_goal", "list_workspaces", "workspace_status", "read_artifact", "resume", "answer_approval"];
    assert_eq!(names, expected);
    assert!(tools.iter().all(|tool| tool["inputSchema"]["type"] == "object"));
    assert_eq!(tools[2]["annotations"]["readOnlyHint"], true);
}

#[tokio::test]
async fn a_goal_is_run_asked_about_answered_and_read() {
    let mut client = Client::open().await;
    let started = client.call("run_goal", json!({"goal": "Write an article on bees", "attach": ["bees.md"]})).await;
    assert_eq!(started["status"], "waiting_approval", "{started}");
    let (workspace, approval) = (started["workspace"].clone(), started["pending_approvals"][0].clone());
    let answer = |hash: Value| json!({"workspace": workspace, "id": approval["id"], "hash": hash, "approve": true});
    let stale = client.call("answer_approval", answer(json!("000000"))).await;
    assert_eq!(stale["decided"], false, "{stale}");
    let decided = client.call("answer_approval", answer(approval["hash"].clone())).await;
    assert_eq!(decided["decided"], true, "{decided}");
    let ended = client.call("workspace_status", json!({"workspace": workspace, "wait": true})).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    assert!(!client.progress.is_empty() && client.progress.iter().all(|progress| progress["progressToken"] == "p"));
    let growing: Vec<f64> = client.progress.iter().map(|progress| progress["progress"].as_f64().unwrap()).collect();
    assert!(growing.len() == 1 || growing.windows(2).any(|pair| pair[0] < pair[1]), "{growing:?}");
    let artifact = ended["artifacts"][0].clone();
    let read = client.call("read_artifact", json!({"workspace": workspace, "path": artifact})).await;
    assert!(!read["text"].as_str().unwrap().is_empty());
    let listed = client.call("list_workspaces", json!({"limit": 5})).await;
    assert_eq!(listed["workspaces"][0]["workspace"], workspace);
}

#[tokio::test]
async fn a_plan_is_made_approved_and_resumed() {
    let mut client = Client::open().await;
    let planned = client.call("plan_goal", json!({"goal": "Write an article on bees"})).await;
    assert!(planned["plan"].as_str().unwrap().contains("- [ ] s1"), "{planned}");
    let (workspace, approval) = (&planned["workspace"], &planned["pending_approvals"][0]);
    let answer = json!({"workspace": workspace, "id": approval["id"], "hash": approval["hash"], "approve": true});
    assert_eq!(client.call("answer_approval", answer).await["decided"], true);
    let ended = client.call("resume", json!({"workspace": workspace})).await;
    assert_eq!(ended["status"], "completed", "{ended}");
    assert!(client.refusal("resume", json!({"workspace": workspace})).await.contains("completed"));
}

#[tokio::test]
async fn wrong_input_and_places_outside_are_refused() {
    let mut client = Client::open().await;
    for (tool, input, word) in [
        ("run_goal", json!({}), "`goal` is missing"),
        ("run_goal", json!({"goal": "x y z", "approvals": "none"}), "unknown"),
        ("run_goal", json!({"goal": "x y z", "attach": ["missing.csv"]}), "missing.csv"),
        ("workspace_status", json!({"workspace": "/nowhere"}), "error"),
    ] {
        let said = client.refusal(tool, input).await;
        assert!(said.contains(word), "{tool}: {said}");
    }
    let unknown = client.ask("tools/call", json!({"name": "rm", "arguments": {}})).await;
    assert!(unknown["error"]["message"].as_str().unwrap().contains("no tool"), "{unknown}");
    let planned = client.call("plan_goal", json!({"goal": "Write an article on bees"})).await;
    let workspace = &planned["workspace"];
    for path in ["../../../../bees.md", ".orchestrator/journal.jsonl", "/etc/passwd", "gone.md"] {
        client.refusal("read_artifact", json!({"workspace": workspace, "path": path})).await;
    }
}

#[tokio::test]
async fn when_the_client_leaves_the_run_is_kept_for_later() {
    let mut client = Client::open().await;
    let started = client.call("run_goal", json!({"goal": "Write an article on bees"})).await;
    let Client { folder, input, output, served, .. } = client;
    drop((input, output));
    assert_eq!(served.await.unwrap(), 0);
    let state = std::fs::read_to_string(std::path::Path::new(started["workspace"].as_str().unwrap()).join("workflow-state.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert!(["paused", "waiting_approval"].contains(&state["status"].as_str().unwrap()), "{state}");
    drop(folder);
}

#[tokio::test]
async fn an_assistant_attaches_nothing_from_outside_the_project_and_no_secrets() {
    let mut client = Client::open().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("diary.md"), "canary-outside").unwrap();
    std::fs::write(client.folder.path().join(".env"), "KEY=canary-secret").unwrap();
    std::fs::create_dir(client.folder.path().join("sub")).unwrap();
    let mut refused = vec![
        outside.path().join("diary.md").to_string_lossy().into_owned(),
        format!("../{}/diary.md", outside.path().file_name().unwrap().to_str().unwrap()),
        format!("sub/../../{}/diary.md", outside.path().file_name().unwrap().to_str().unwrap()),
        ".env".to_owned(),
        "sub/../.env".to_owned(),
        ".git/config".to_owned(),
    ];
    std::fs::write(client.folder.path().join(".git/config"), "canary-git").unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outside.path().join("diary.md"), client.folder.path().join("link.md")).unwrap();
        refused.push("link.md".to_owned());
    }
    for path in refused {
        let said = client.refusal("plan_goal", json!({"goal": "Write an article on bees", "attach": [path]})).await;
        assert!(!said.contains("canary"), "{path}: {said}");
    }
    // No run came of it, and no copy was made.
    let listed = client.call("list_workspaces", json!({})).await;
    assert_eq!(listed["workspaces"], json!([]));
    for entry in ignore::WalkBuilder::new(client.folder.path().join("workspaces")).standard_filters(false).build().flatten() {
        let text = std::fs::read(entry.path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains("canary"), "{}", entry.path().display());
    }
}
