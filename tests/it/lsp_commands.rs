//! Commands: what they take, what they refuse, and that they are all on offer.
use serde_json::{Value, json};

use crate::support::editor::Editor;

const COMMANDS: &str = "runGoal planGoal newGoal spawnAgent approve reject approveAll openApprovals showChanges stop pause resume retryStep skipStep \
    runState listWorkspaces openWorkspace openArtifact applyArtifact showLog cleanup doctor runSample";

async fn start() -> Editor {
    Editor::like("zed")
        .answer("workspace/configuration", |_| Some(json!([null])))
        .ignore("window/showMessage")
        .ignore("workspace/codeLens/refresh")
        .start()
        .await
}

#[tokio::test(start_paused = true)]
async fn every_command_of_the_contract_is_on_offer_and_no_other() {
    let editor = start().await;
    let offered = editor.initialized["capabilities"]["executeCommandProvider"]["commands"].as_array().unwrap().clone();
    let mut offered: Vec<&str> = offered.iter().map(|id| id.as_str().unwrap().strip_prefix("orchestrator.").unwrap()).collect();
    let mut wanted: Vec<&str> = COMMANDS.split_whitespace().collect();
    offered.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(offered, wanted);
    editor.close().await;
}

#[tokio::test(start_paused = true)]
async fn arguments_of_the_wrong_type_are_refused_for_every_command() {
    let mut editor = start().await;
    for command in COMMANDS.split_whitespace() {
        let command = format!("orchestrator.{command}");
        for wrong in [json!(7), json!([1]), json!(true)] {
            let refusal = editor.command(&command, wrong.clone()).await.unwrap_err();
            assert_eq!(refusal.code, -32602, "{command} {wrong}");
        }
    }
    let wrong = [
        ("runGoal", json!({"goal": 5})),
        ("runGoal", json!({"uri": "not an address"})),
        ("runGoal", json!({"goal": "a b c", "approvals": "sometimes"})),
        ("approve", json!("A1")),
        ("approve", json!({"approvalId": "A1", "hash": "x", "scope": "forever"})),
        ("approve", json!({"runId": "nobody", "approvalId": "A1", "hash": "x"})),
        ("stop", json!({"runId": ["x"]})),
        ("stop", json!({"runId": "nobody"})),
        ("resume", json!("relative/path")),
        ("retryStep", json!({"runId": "r"})),
        ("spawnAgent", json!({"agent": "coder"})),
        ("openArtifact", json!({"workspace": "/nowhere", "path": "../../etc/passwd"})),
        ("listWorkspaces", json!({"limit": -1})),
        ("cleanup", json!({"days": "all"})),
        ("nothing", json!({})),
    ];
    for (command, argument) in wrong {
        let refusal = editor.command(&format!("orchestrator.{command}"), argument.clone()).await.unwrap_err();
        assert_eq!(refusal.code, -32602, "{command} {argument}: {}", refusal.message);
    }
    editor.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_decision_without_id_and_hash_is_none() {
    let mut editor = start().await;
    let result = editor.command("orchestrator.runState", Value::Null).await;
    assert_eq!(result, Ok(Value::Null), "nothing runs: there is no state");
    // A file that is not there, and one outside of a workspace, are not opened.
    let gone = editor.command("orchestrator.openWorkspace", json!("/nonexistent-workspace")).await.unwrap_err();
    assert_eq!(gone.code, -32803);
    assert!(gone.message.contains("/nonexistent-workspace") && gone.message.contains("hint"), "{}", gone.message);
    editor.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_goal_is_refused_with_a_hint() {
    let mut editor = start().await;
    let refusal = editor.command("orchestrator.runGoal", json!("  ")).await.unwrap_err();
    assert!(refusal.message.contains("empty") && refusal.message.contains("hint"), "{}", refusal.message);
    editor.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_goal_document_never_overwrites_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("new.goal.md"), "mine").unwrap();
    let mut editor = Editor::like("eglot")
        .folder(folder.path())
        .answer("workspace/configuration", |_| Some(json!([null])))
        .answer("window/showDocument", |_| Some(json!({"success": true})))
        .start()
        .await;
    let result = editor.command("orchestrator.newGoal", json!({"template": "Write a guide"})).await.unwrap();
    assert!(result["uri"].as_str().unwrap().ends_with("/new-2.goal.md"));
    assert_eq!(std::fs::read_to_string(folder.path().join("new.goal.md")).unwrap(), "mine");
    assert!(std::fs::read_to_string(folder.path().join("new-2.goal.md")).unwrap().contains("Write a guide"));
    editor.close().await;
}
