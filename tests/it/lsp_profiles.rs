//! The whole job in every kind of client, by every way that a decision can come: the editor double fails on a message that a client did not announce
//! or that is not as the protocol is published. One table, one journey; what differs between clients is read from what they announce.
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::desk::{Desk, builder, verdict};
use crate::support::editor::{CLIENTS, Editor, recorded, uri};

const TEXT: &str = "# Notes\n\nSales grew in spring and fell in autumn.\n\n- [ ] goal: Write documentation for these notes\n";
const LINE: usize = 4;

/// How a person says yes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Lens,
    Action,
    Mark,
    Command,
}

/// Says yes to the open question.
async fn approve(desk: &mut Desk, way: Way, state: &Value) {
    let document = desk.uri("notes.md");
    match way {
        Way::Lens => {
            let lenses = desk.lenses(&document).await;
            let lens = lenses.iter().find(|lens| lens.0 == "Approve").unwrap_or_else(|| panic!("{lenses:?}"));
            assert_eq!(desk.editor.command(&lens.1, lens.2.clone()).await.unwrap()["decided"], true);
        }
        Way::Action => {
            let actions = desk.actions(&document, LINE).await;
            let action = actions.iter().find(|action| action.1 == "orchestrator.approve").unwrap_or_else(|| panic!("{actions:?}"));
            assert!(action.0.contains("plan of ") && action.0.starts_with("Approve once"), "{}", action.0);
            assert_eq!(desk.editor.command(&action.1, action.2.clone()).await.unwrap()["decided"], true);
        }
        Way::Mark => {
            let paper = PathBuf::from(state["workspace"].as_str().unwrap()).join("approvals.md");
            let hash = state["approvals"][0]["hash"].as_str().unwrap();
            let mut text = String::new();
            while !text.contains(hash) {
                text = std::fs::read_to_string(&paper).unwrap_or_default();
                desk.editor.command("orchestrator.runState", Value::Null).await.unwrap();
            }
            desk.editor.open(&uri(&paper), "markdown", &text).await;
            let marked = text.replacen("- [ ]", "- [x]", 1);
            desk.change(&uri(&paper), 2, &marked).await;
            desk.save(&uri(&paper), &paper, &marked).await;
        }
        Way::Command => {
            let outcome = desk.editor.command("orchestrator.approve", verdict(state)).await.unwrap();
            assert_eq!(outcome["decided"], true);
        }
    }
}

async fn run_goal(desk: &mut Desk) -> (Value, Value) {
    let document = desk.uri("notes.md");
    let lenses = desk.lenses(&document).await;
    assert_eq!(lenses.len(), 3, "always three");
    let run = lenses.iter().find(|lens| lens.1 == "orchestrator.runGoal").unwrap_or_else(|| panic!("{lenses:?}"));
    let started = desk.editor.command(&run.1, run.2.clone()).await.unwrap();
    let state = desk.until(&started["runId"], "waiting_approval").await;
    (started["runId"].clone(), state)
}

async fn journey(client: &str, way: Way) {
    let mut desk = Desk::new(client, &[], &[("notes.md", TEXT)]).await;
    let document = desk.uri("notes.md");
    desk.editor.open(&document, "markdown", TEXT).await;
    let (id, state) = run_goal(&mut desk).await;
    approve(&mut desk, way, &state).await;
    let done = desk.until(&id, "completed").await;
    for artifact in done["artifacts"].as_array().unwrap() {
        assert!(Path::new(artifact["uri"].as_str().unwrap().strip_prefix("file://").unwrap()).is_file(), "{artifact}");
    }
    desk.until_lens(&document, "✓ ").await;
    let capabilities = &recorded(client)["capabilities"]["workspace"];
    let edits = capabilities["applyEdit"] == true && capabilities["workspaceEdit"]["documentChanges"] == true;
    let artifact = &done["artifacts"][0];
    let take = json!({"workspace": done["workspace"], "path": artifact["path"]});
    match desk.editor.command("orchestrator.applyArtifact", take).await {
        Ok(applied) => assert!(edits && applied["applied"] == true, "{client}: {applied}"),
        Err(refusal) => assert!(!edits && refusal.message.contains("hint"), "{client}: {}", refusal.message),
    }
    assert_eq!(desk.edits.try_iter().count() > 0, edits, "{client}");

    // Once more, and no this time, with a reason.
    let (id, state) = run_goal(&mut desk).await;
    let mut no = verdict(&state);
    no["note"] = json!("use the other notes");
    assert_eq!(desk.editor.command("orchestrator.reject", no).await.unwrap()["decided"], true);
    let state = desk.until(&id, "cancelled").await;
    desk.until_lens(&document, "⊘ cancelled · 0/").await;
    let summary = PathBuf::from(state["workspace"].as_str().unwrap()).join("execution-summary.md");
    let mut text = String::new();
    while !text.contains("use the other notes") {
        text = std::fs::read_to_string(&summary).unwrap_or_default();
        desk.editor.command("orchestrator.runState", Value::Null).await.unwrap();
    }

    // A third one loses its editor in the middle and goes on in the next.
    let (id, _) = run_goal(&mut desk).await;
    let Desk { folder, mut editor, .. } = desk;
    editor.hang_up();
    editor.ending().await;
    let mut desk = Desk::at(folder, client, &[]).await;
    desk.editor.open(&document, "markdown", TEXT).await;
    let rows = desk.editor.command("orchestrator.listWorkspaces", json!({"limit": 10})).await.unwrap();
    let row = rows.as_array().unwrap().iter().find(|row| row["runId"] == id).expect("it is listed").clone();
    assert_eq!(row["status"], "waiting_approval");
    desk.until_lens(&document, "⏸ waiting for your approval").await;
    let resumed = desk.editor.command("orchestrator.resume", json!({"workspace": row["workspace"]})).await.unwrap();
    assert_eq!(resumed["runId"], id);
    let state = desk.until(&id, "waiting_approval").await;
    approve(&mut desk, Way::Command, &state).await;
    desk.until(&id, "completed").await;
    desk.editor.close().await;
}

#[tokio::test]
async fn the_whole_job_is_done_in_every_client_by_lens() {
    for client in CLIENTS {
        journey(client, Way::Lens).await;
    }
}

#[tokio::test]
async fn the_whole_job_is_done_in_every_client_by_action_and_by_mark() {
    for (client, way) in CLIENTS.iter().zip([Way::Action, Way::Mark].iter().cycle()) {
        journey(client, *way).await;
    }
    // And the other way round.
    for (client, way) in CLIENTS.iter().zip([Way::Mark, Way::Action].iter().cycle()) {
        journey(client, *way).await;
    }
}

/// What a client does with a prompt, written apart from the server's own table.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Prompting {
    /// Shows it beside the text: an answer counts at once.
    Beside,
    /// Takes the keys of whoever is typing: an answer faster than anyone reads is none.
    Grabbing,
    /// Has none: approvals.md opens instead.
    Refusing,
    /// Says nothing of prompts and has no name: none is sent.
    Unknown,
}

const PROMPTING: [(&str, Prompting); 10] = [
    ("vscode", Prompting::Beside),
    ("neovim-0.11", Prompting::Grabbing),
    ("neovim-0.12", Prompting::Grabbing),
    ("helix-25.07", Prompting::Refusing),
    ("zed", Prompting::Beside),
    ("eglot", Prompting::Grabbing),
    ("lsp-mode", Prompting::Grabbing),
    ("sublime", Prompting::Beside),
    ("kakoune", Prompting::Beside),
    ("empty", Prompting::Unknown),
];

/// A client that reads prompts, messages and documents that are shown.
async fn prompted(client: &str, folder: &Path) -> Editor {
    builder(client, folder, &[])
        .ignore("$/progress")
        .ignore("$/cancelRequest")
        .ignore("window/workDoneProgress/create")
        .ignore("workspace/codeLens/refresh")
        .ignore("textDocument/publishDiagnostics")
        .start()
        .await
}

/// A run that waits for the approval of its plan.
async fn waiting(editor: &mut Editor) -> Value {
    let run = editor.command("orchestrator.runGoal", json!("Write a guide about the sea")).await.unwrap();
    state_until(editor, &run["runId"], |state| state["approvals"][0].is_object()).await
}

async fn state_until(editor: &mut Editor, run: &Value, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let state = editor.command("orchestrator.runState", json!({"runId": run})).await.unwrap();
        if is_so(&state) {
            return state;
        }
    }
}

/// The prompt about a run: what it says, and its buttons in their order.
async fn prompt(editor: &mut Editor, client: &str, state: &Value) -> Value {
    let prompt = editor.expect("window/showMessageRequest").await;
    let params = &prompt["params"];
    let message = params["message"].as_str().unwrap();
    assert!(message.contains(state["run_id"].as_str().unwrap()) && message.contains("plan of "), "{client}: {message}");
    assert_eq!(params["actions"], json!([{"title": "Review"}, {"title": "Approve"}, {"title": "Reject"}]), "{client}");
    assert_eq!(params["type"], 3, "{client}: information, no warning");
    prompt
}

#[tokio::test]
async fn a_prompt_is_answered_where_the_client_has_one_and_the_document_opens_where_it_has_none() {
    assert_eq!(PROMPTING.map(|(client, _)| client), CLIENTS);
    for (client, prompting) in PROMPTING {
        let folder = tempfile::tempdir().unwrap();
        let mut editor = prompted(client, folder.path()).await;
        let state = waiting(&mut editor).await;
        let id = state["run_id"].clone();
        match prompting {
            Prompting::Beside => {
                let asked = prompt(&mut editor, client, &state).await;
                editor.reply(&asked, json!({"title": "Reject"})).await;
            }
            Prompting::Grabbing => {
                let asked = prompt(&mut editor, client, &state).await;
                // Dismissed: nothing is decided and nothing is said.
                editor.reply(&asked, Value::Null).await;
                let same = editor.command("orchestrator.runState", json!({"runId": id})).await.unwrap();
                assert_eq!(same["approvals"], state["approvals"], "{client}");
                assert_eq!(editor.command("orchestrator.reject", verdict(&state)).await.unwrap()["decided"], true);
            }
            Prompting::Refusing => {
                let asked = prompt(&mut editor, client, &state).await;
                editor.refuse(&asked, -32601).await;
                let shown = editor.expect("window/showDocument").await;
                assert!(shown["params"]["uri"].as_str().unwrap().ends_with("/approvals.md"), "{client}: {shown}");
                assert_ne!(shown["params"]["takeFocus"], true, "{client}: nobody asked for it");
                editor.reply(&shown, json!({"success": true})).await;
                assert_eq!(editor.command("orchestrator.reject", verdict(&state)).await.unwrap()["decided"], true);
                // Tried once: the next question opens the document at once. A prompt would be left unread and fail the test.
                let next = waiting(&mut editor).await;
                let shown = editor.expect("window/showDocument").await;
                assert!(shown["params"]["uri"].as_str().unwrap().ends_with("/approvals.md"), "{client}: {shown}");
                editor.reply(&shown, json!({"success": true})).await;
                assert_eq!(editor.command("orchestrator.reject", verdict(&next)).await.unwrap()["decided"], true);
            }
            // The editor double fails on a prompt or a message.
            Prompting::Unknown => assert_eq!(editor.command("orchestrator.reject", verdict(&state)).await.unwrap()["decided"], true),
        }
        state_until(&mut editor, &id, |state| state["status"] == "cancelled").await;
        editor.close().await;
    }
}

#[tokio::test]
async fn an_answer_faster_than_anyone_reads_counts_only_where_prompts_take_no_keys() {
    for (client, prompting) in PROMPTING.into_iter().filter(|(_, prompting)| *prompting == Prompting::Grabbing) {
        let folder = tempfile::tempdir().unwrap();
        let mut editor = prompted(client, folder.path()).await;
        loop {
            let began = std::time::Instant::now();
            let state = waiting(&mut editor).await;
            let asked = prompt(&mut editor, client, &state).await;
            editor.reply(&asked, json!({"title": "Approve"})).await;
            // The reply is with the server when this is answered.
            editor.command("orchestrator.runState", Value::Null).await.unwrap();
            if began.elapsed() > std::time::Duration::from_millis(600) {
                // This machine was so busy that a person might have read it: nothing is said about that.
                continue;
            }
            let told = editor.expect("window/showMessage").await;
            assert!(told["params"]["message"].as_str().unwrap().contains("not taken"), "{client}: {told}");
            let same = editor.command("orchestrator.runState", json!({"runId": state["run_id"]})).await.unwrap();
            assert_eq!((&same["status"], &same["approvals"]), (&json!("waiting_approval"), &state["approvals"]), "{client} {prompting:?}");
            break;
        }
        for method in ["window/showMessage", "window/showMessageRequest", "window/showDocument"] {
            editor.ignore(method);
        }
        editor.close().await;
    }
}

#[tokio::test]
async fn a_wrong_setting_is_a_diagnostic_on_its_line_in_every_client_that_shows_them() {
    for client in CLIENTS {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("orchestrator.json"), "{\n  \"agent\": {\n    \"max_parallel\": \"four\"\n  }\n}\n").unwrap();
        let mut editor =
            builder(client, folder.path(), &[]).ignore("workspace/codeLens/refresh").ignore("window/showMessage").start().await;
        if recorded(client)["capabilities"]["textDocument"]["publishDiagnostics"].is_object() {
            let published = editor.expect("textDocument/publishDiagnostics").await;
            assert!(published["params"]["uri"].as_str().unwrap().ends_with("/orchestrator.json"), "{client}");
            let problem = &published["params"]["diagnostics"][0];
            assert_eq!((&problem["range"]["start"]["line"], &problem["severity"]), (&json!(2), &json!(1)), "{client}: {problem}");
            assert!(problem["message"].as_str().unwrap().contains("max_parallel"), "{problem}");
        }
        // What is wrong stops only what runs goals.
        let refused = editor.command("orchestrator.runGoal", json!("Write a guide about the sea")).await.unwrap_err();
        assert!(refused.message.contains("max_parallel"), "{client}: {}", refused.message);
        assert!(editor.command("orchestrator.listWorkspaces", Value::Null).await.unwrap().is_array());
        editor.close().await;
    }
}
