//! Clients at their worst: prompts that nobody answers, floods of edits, late, double and senseless answers. The server stays quick and decides nothing by itself.
use serde_json::{Value, json};

use ai_orchestrator::sys::Environment;

use crate::support::editor::{Builder, Editor, uri};

const TEXT: &str = "- [ ] goal: Write documentation for these notes\n";

fn editor(folder: &std::path::Path) -> Builder {
    let variables = [("HOME".to_owned(), folder.display().to_string()), ("ORCHESTRATOR_MODEL__PROVIDER".to_owned(), "offline".to_owned())];
    Editor::like("vscode")
        .environment(Environment::new(variables, folder))
        .folder(folder)
        .ignore("$/progress")
        .ignore("textDocument/publishDiagnostics")
        .ignore("workspace/codeLens/refresh")
        .ignore("workspace/inlayHint/refresh")
        .ignore("window/workDoneProgress/create")
        .ignore("workspace/configuration")
        .ignore("$/cancelRequest")
}

#[tokio::test]
async fn eight_waiting_runs_and_five_hundred_edits_leave_hover_quick_and_every_run_decidable() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, cancelled) = std::sync::mpsc::channel();
    let note = move |params: &Value| {
        let _ = sender.send(params.clone());
        None
    };
    let mut editor = editor(folder.path()).ignore("window/showMessage").answer("$/cancelRequest", note).start().await;
    let document = uri(&folder.path().join("notes.md"));
    editor.open(&document, "markdown", TEXT).await;
    let mut runs = Vec::new();
    for number in 0..8 {
        let goal = json!({"goal": format!("Write a guide about part {number}")});
        runs.push(editor.command("orchestrator.runGoal", goal).await.unwrap()["runId"].clone());
    }
    for run in &runs {
        while !editor.command("orchestrator.runState", json!({"runId": run})).await.unwrap()["approvals"][0].is_object() {}
    }
    // Nobody ever answers it.
    let prompt = editor.expect("window/showMessageRequest").await;
    editor.ignore("window/showMessageRequest");
    for version in 2..502 {
        // The last one is seen in the hover.
        let (character, text) = if version == 501 { (12, "Last: ") } else { (47, "x") };
        let at = json!({"line": 0, "character": character});
        let change = json!({"range": {"start": at, "end": at}, "text": text});
        editor
            .notify("textDocument/didChange", json!({"textDocument": {"uri": document, "version": version}, "contentChanges": [change]}))
            .await;
    }
    // Answered although a prompt waits for its answer, after every edit before it and before anything that is asked later.
    let place = json!({"textDocument": {"uri": document}, "position": {"line": 0, "character": 9}});
    let hover = editor.ask("textDocument/hover", place).await;
    let later = editor.ask("workspace/executeCommand", json!({"command": "orchestrator.doctor", "arguments": []})).await;
    let shown = editor.answered(hover).await.unwrap();
    assert!(shown["contents"]["value"].as_str().unwrap().contains("Last: Write"), "{shown}");
    assert!(!editor.has_answer(later), "a look at the machine takes longer than a hover");
    assert!(cancelled.try_iter().all(|params| params["id"] != prompt["id"]), "the prompt was open all the time");
    editor.answered(later).await.unwrap();
    for run in &runs {
        let approval = loop {
            let mut state = editor.command("orchestrator.runState", json!({"runId": run})).await.unwrap();
            if state["approvals"][0].is_object() {
                break state["approvals"][0].take();
            }
        };
        let verdict = json!({"runId": run, "approvalId": approval["id"], "hash": approval["hash"], "note": "not now"});
        let outcome = editor.command("orchestrator.reject", verdict.clone()).await.unwrap();
        assert_eq!(outcome["decided"], true, "{outcome}");
        let again = editor.command("orchestrator.reject", verdict).await;
        assert!(again.is_err() || again.unwrap()["decided"] == false, "the first decision wins");
    }
    editor.close().await;
}

#[tokio::test]
async fn answers_that_come_late_twice_or_make_no_sense_decide_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = editor(folder.path()).ignore("window/showMessage").start().await;
    let run = editor.command("orchestrator.runGoal", json!({"goal": "Write a guide about notes"})).await.unwrap()["runId"].clone();
    let prompt = editor.expect("window/showMessageRequest").await;
    for nonsense in [json!(7), json!({"title": 3}), json!([["Approve"]])] {
        editor.reply(&prompt, nonsense).await;
    }
    editor.reply(&prompt, json!({"title": "Approve"})).await;
    editor.send(&json!({"jsonrpc": "2.0", "id": 99_999, "result": {"title": "Approve"}})).await;
    editor.send(&json!({"jsonrpc": "2.0", "id": "x", "result": null})).await;
    let state = editor.command("orchestrator.runState", json!({"runId": run})).await.unwrap();
    assert_eq!(state["status"], "waiting_approval", "only the first answer counts, and it was none");
    let approval = &state["approvals"][0];
    let verdict = json!({"runId": run, "approvalId": approval["id"], "hash": approval["hash"]});
    assert_eq!(editor.command("orchestrator.reject", verdict).await.unwrap()["decided"], true);
    assert_eq!(editor.command("orchestrator.approve", json!({"runId": run})).await.unwrap()["decided"], Value::Bool(false));
    let shown = editor.expect("window/showDocument").await;
    editor.reply(&shown, json!({"success": true})).await;
    editor.close().await;
}
