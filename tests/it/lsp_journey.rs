//! The main job in an editor, with the real engine and the offline provider: a goal in a document becomes approved work with artifacts.
use std::path::Path;

use ai_orchestrator::sys::Environment;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::editor::{Builder, Editor, uri};

const TEXT: &str = "# Notes\n\nSales grew in spring and fell in autumn.\n\ngoal: Write documentation for these notes\n";

struct Project {
    folder: TempDir,
    home: TempDir,
}

impl Project {
    fn new() -> Project {
        let project = Project { folder: tempfile::tempdir().unwrap(), home: tempfile::tempdir().unwrap() };
        std::fs::write(project.folder.path().join("notes.md"), TEXT).unwrap();
        project
    }

    fn document(&self) -> String {
        uri(&self.folder.path().join("notes.md"))
    }

    fn editor(&self, client: &str) -> Builder {
        let variables = [
            ("HOME".to_owned(), self.home.path().display().to_string()),
            ("ORCHESTRATOR_MODEL__PROVIDER".to_owned(), "offline".to_owned()),
        ];
        Editor::like(client)
            .environment(Environment::new(variables, self.folder.path()))
            .folder(self.folder.path())
            .answer("workspace/configuration", |_| Some(json!([null])))
            .ignore("$/progress")
            .answer("window/workDoneProgress/create", |_| Some(Value::Null))
            .answer("workspace/codeLens/refresh", |_| Some(Value::Null))
    }
}

async fn titles(editor: &mut Editor, document: &str) -> Vec<String> {
    let lenses = editor.request("textDocument/codeLens", json!({"textDocument": {"uri": document}})).await.unwrap();
    lenses.as_array().unwrap().iter().map(|lens| lens["command"]["title"].as_str().unwrap().to_owned()).collect()
}

/// Runs the goal of the document the way a lens does.
async fn run_goal(editor: &mut Editor, document: &str) -> Value {
    let lenses = editor.request("textDocument/codeLens", json!({"textDocument": {"uri": document}})).await.unwrap();
    let command = &lenses[0]["command"];
    assert_eq!(command["title"], "▶ Run goal");
    editor.command(command["command"].as_str().unwrap(), command["arguments"][0].clone()).await.unwrap()
}

#[tokio::test]
async fn a_goal_line_is_run_approved_by_prompt_and_ends_with_its_artifacts_open() {
    let project = Project::new();
    let mut editor = project.editor("vscode").ignore("textDocument/publishDiagnostics").start().await;
    editor.open(&project.document(), "markdown", TEXT).await;
    let started = run_goal(&mut editor, &project.document()).await;
    let workspace = started["workspace"].as_str().unwrap().to_owned();
    let prompt = editor.expect("window/showMessageRequest").await;
    let message = prompt["params"]["message"].as_str().unwrap();
    assert!(message.contains(started["runId"].as_str().unwrap()), "{message}");
    assert_eq!(titles(&mut editor, &project.document()).await[1..], ["Approve", "Reject"]);
    // A front end can mark the question where it stands, without reading our files.
    let waiting = editor.command("orchestrator.runState", json!({"runId": started["runId"]})).await.unwrap();
    let plan = std::fs::read_to_string(Path::new(&workspace).join("plan.md")).unwrap();
    let title = plan.lines().position(|line| line.starts_with("# Plan")).unwrap();
    assert_eq!(waiting["approvals"][0]["planLine"], title);
    editor.reply(&prompt, json!({"title": "Approve"})).await;
    let shown = editor.expect("window/showDocument").await;
    assert_ne!(shown["params"]["takeFocus"], true);
    let file = shown["params"]["uri"].as_str().unwrap().strip_prefix("file://").unwrap();
    assert!(file.starts_with(&workspace) && Path::new(file).is_file(), "{file}");
    editor.reply(&shown, json!({"success": true})).await;
    let state = editor.command("orchestrator.runState", json!({"runId": started["runId"]})).await.unwrap();
    assert_eq!(state["status"], "completed");
    // Every artifact is opened, each once.
    for _ in 1..state["artifacts"].as_array().unwrap().len() {
        let shown = editor.expect("window/showDocument").await;
        editor.reply(&shown, json!({"success": true})).await;
    }
    let after = titles(&mut editor, &project.document()).await;
    assert!(after[0].starts_with("✓ ") && after[1] == "Open summary" && after[2] == "Run again", "{after:?}");
    let listed = editor.command("orchestrator.listWorkspaces", Value::Null).await.unwrap();
    assert_eq!((&listed[0]["runId"], &listed[0]["status"]), (&started["runId"], &json!("completed")));
    editor.close().await;
}

/// The text of a file that the run writes, once it holds these words: documents follow what happens within a moment. Asking the server meanwhile lets it work.
async fn written(editor: &mut Editor, path: &Path, words: &str) -> String {
    for _ in 0..100_000 {
        if let Some(text) = std::fs::read_to_string(path).ok().filter(|text| text.contains(words)) {
            return text;
        }
        editor.command("orchestrator.runState", Value::Null).await.unwrap();
    }
    panic!("{} was not written", path.display())
}

/// Waits until a diagnostic of the document says this.
async fn diagnosed(editor: &mut Editor, document: &str, words: &str) {
    loop {
        let published = editor.expect("textDocument/publishDiagnostics").await;
        let diagnostics = published["params"]["diagnostics"].as_array().unwrap();
        if published["params"]["uri"] == document && diagnostics.iter().any(|one| one["message"].as_str().unwrap().contains(words)) {
            return;
        }
    }
}

#[tokio::test]
async fn where_there_is_no_prompt_the_question_is_a_diagnostic_and_an_action_decides_it() {
    let project = Project::new();
    let mut editor = project.editor("helix-25.07").start().await;
    let document = project.document();
    editor.open(&document, "markdown", TEXT).await;
    let started = run_goal(&mut editor, &document).await;
    let prompt = editor.expect("window/showMessageRequest").await;
    editor.refuse(&prompt, -32601).await;
    let shown = editor.expect("window/showDocument").await;
    assert!(shown["params"]["uri"].as_str().unwrap().ends_with("/approvals.md"));
    editor.reply(&shown, json!({"success": true})).await;
    diagnosed(&mut editor, &document, "waiting for your approval").await;
    let place = json!({"line": 4, "character": 1});
    let params = json!({"textDocument": {"uri": document}, "range": {"start": place, "end": place}, "context": {"diagnostics": [], "only": ["quickfix"]}});
    let actions = editor.request("textDocument/codeAction", params).await.unwrap();
    let approve = actions.as_array().unwrap().iter().find(|action| action["command"]["command"] == "orchestrator.approve").unwrap().clone();
    let mut stale = approve["command"]["arguments"][0].clone();
    stale["hash"] = json!("000000");
    let outcome = editor.command("orchestrator.approve", stale).await.unwrap();
    assert_eq!(outcome["decided"], false, "a decision is bound to what was shown: {outcome}");
    let outcome = editor.command("orchestrator.approve", approve["command"]["arguments"][0].clone()).await.unwrap();
    assert_eq!(outcome["decided"], true);
    diagnosed(&mut editor, &document, "completed").await;
    let state = editor.command("orchestrator.runState", json!({"runId": started["runId"]})).await.unwrap();
    for _ in state["artifacts"].as_array().unwrap() {
        let shown = editor.expect("window/showDocument").await;
        editor.reply(&shown, json!({"success": true})).await;
    }
    editor.ignore("textDocument/publishDiagnostics");
    editor.close().await;
}

#[tokio::test]
async fn a_mark_changed_in_the_open_document_and_saved_decides_and_a_wrong_plan_is_diagnosed() {
    let project = Project::new();
    let mut editor = project
        .editor("eglot")
        .ignore("window/showMessageRequest")
        .answer("workspace/applyEdit", |_| Some(json!({"applied": false})))
        .answer("window/showDocument", |_| Some(json!({"success": true})))
        .start()
        .await;
    let document = project.document();
    editor.open(&document, "markdown", TEXT).await;
    let started = run_goal(&mut editor, &document).await;
    diagnosed(&mut editor, &document, "waiting for your approval").await;
    let workspace = Path::new(started["workspace"].as_str().unwrap()).to_owned();

    let plan = written(&mut editor, &workspace.join("plan.md"), "writer:").await;
    let plan_uri = uri(&workspace.join("plan.md"));
    editor.open(&plan_uri, "markdown", &plan.replacen(" writer:", " writter:", 1)).await;
    diagnosed(&mut editor, &plan_uri, "unknown agent").await;
    let whole = json!({"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}});
    let params = json!({"textDocument": {"uri": plan_uri}, "range": whole, "context": {"diagnostics": [], "only": ["quickfix"]}});
    let fixes = editor.request("textDocument/codeAction", params).await.unwrap();
    let fix = fixes.as_array().unwrap().iter().find(|action| action.get("edit").is_some()).expect("an obvious mistake has a fix");
    assert_eq!(fix["edit"]["documentChanges"][0]["edits"][0]["newText"], "writer");

    let paper = workspace.join("approvals.md");
    let text = written(&mut editor, &paper, "- [ ]").await;
    editor.open(&uri(&paper), "markdown", &text).await;
    let marked = text.replacen("- [ ]", "- [x]", 1);
    let change = json!({"textDocument": {"uri": uri(&paper), "version": 2}, "contentChanges": [{"text": marked}]});
    editor.notify("textDocument/didChange", change).await;
    // The change is with the server before the file is written: the other way round it would count as a reload.
    editor.command("orchestrator.runState", Value::Null).await.unwrap();
    std::fs::write(&paper, &marked).unwrap();
    editor.notify("textDocument/didSave", json!({"textDocument": {"uri": uri(&paper)}})).await;
    diagnosed(&mut editor, &document, "completed").await;
    editor.ignore("textDocument/publishDiagnostics");
    editor.ignore("$/cancelRequest");
    editor.close().await;
}

#[tokio::test]
async fn leaving_with_a_live_run_is_quick_and_the_run_can_be_resumed() {
    let project = Project::new();
    let mut editor = project.editor("vscode").ignore("textDocument/publishDiagnostics").ignore("$/cancelRequest").start().await;
    editor.open(&project.document(), "markdown", TEXT).await;
    let started = run_goal(&mut editor, &project.document()).await;
    editor.expect("window/showMessageRequest").await;
    editor.hang_up();
    assert_eq!(editor.ending().await.code(), 1);

    let mut editor = project.editor("vscode").ignore("textDocument/publishDiagnostics").start().await;
    let listed = editor.command("orchestrator.listWorkspaces", Value::Null).await.unwrap();
    assert_eq!(listed[0]["runId"], started["runId"]);
    assert_ne!(listed[0]["status"], "completed");
    let resumed = editor.command("orchestrator.resume", started["workspace"].clone()).await.unwrap();
    assert_eq!(resumed["runId"], started["runId"]);
    let prompt = editor.expect("window/showMessageRequest").await;
    editor.reply(&prompt, json!({"title": "Reject"})).await;
    loop {
        let state = editor.command("orchestrator.runState", json!({"runId": started["runId"]})).await.unwrap();
        if state["status"] == "cancelled" {
            break;
        }
    }
    editor.close().await;
}

#[tokio::test]
async fn the_plan_of_a_goal_that_stands_in_no_document_is_shown() {
    let project = Project::new();
    let mut editor = project
        .editor("vscode")
        .ignore("textDocument/publishDiagnostics")
        .ignore("window/showMessageRequest")
        .ignore("$/cancelRequest")
        .start()
        .await;
    editor.command("orchestrator.planGoal", json!("Write a short guide to beekeeping")).await.unwrap();
    let shown = editor.expect("window/showDocument").await;
    assert!(shown["params"]["uri"].as_str().unwrap().ends_with("/plan.md"));
    assert_eq!(shown["params"]["takeFocus"], true);
    editor.reply(&shown, json!({"success": true})).await;
    editor.close().await;
}
