//! Configuration and agent files in the editor: what is wrong stands exactly where it is, keys are completed and explained.
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::editor::{Editor, uri};

async fn start(folder: &TempDir) -> Editor {
    Editor::like("zed").folder(folder.path()).answer("workspace/configuration", |_| Some(json!([null]))).start().await
}

fn place(uri: &str, line: u32, character: u32) -> Value {
    json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}})
}

#[tokio::test]
async fn a_wrong_value_is_marked_where_it_stands_and_keys_are_completed_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = start(&folder).await;
    let file = uri(&folder.path().join("orchestrator.json"));
    editor.open(&file, "json", "{\n  \"agent\": {\n    \"max_parallel\": \"many\",\n    \n  }\n}\n").await;
    let published = editor.expect("textDocument/publishDiagnostics").await;
    // The trailing comma is what is wrong first: broken JSON is told before values are.
    assert!(!published["params"]["diagnostics"].as_array().unwrap().is_empty());
    let items = editor.request("textDocument/completion", place(&file, 3, 4)).await.unwrap();
    assert!(items.as_array().unwrap().iter().any(|item| item["label"] == "default_max_turns"), "{items}");
    let text = "{\n  \"agent\": {\n    \"max_parallel\": \"many\"\n  }\n}\n";
    editor.notify("textDocument/didChange", json!({"textDocument": {"uri": file, "version": 2}, "contentChanges": [{"text": text}]})).await;
    let published = editor.expect("textDocument/publishDiagnostics").await;
    let range = &published["params"]["diagnostics"][0]["range"];
    assert_eq!((&range["start"], &range["end"]), (&json!({"line": 2, "character": 20}), &json!({"line": 2, "character": 26})));
    let hover = editor.request("textDocument/hover", place(&file, 2, 8)).await.unwrap();
    assert!(hover["contents"]["value"].as_str().unwrap().contains("agent.max_parallel"), "{hover}");
    editor.ignore("textDocument/publishDiagnostics");
    editor.close().await;
}

#[tokio::test]
async fn a_broken_agent_file_is_a_diagnostic_with_a_fix() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = start(&folder).await;
    let file = uri(&folder.path().join(".orchestrator/agents/reviewer.md"));
    editor.open(&file, "markdown", "---\ndescription: reviews\ntools: [read_fil]\n---\nReview.\n").await;
    let published = editor.expect("textDocument/publishDiagnostics").await;
    assert!(published["params"]["diagnostics"][0]["message"].as_str().unwrap().contains("read_fil"), "{published}");
    let at = json!({"line": 2, "character": 9});
    let params = json!({"textDocument": {"uri": file}, "range": {"start": at, "end": at}, "context": {"diagnostics": []}});
    let actions = editor.request("textDocument/codeAction", params).await.unwrap();
    assert_eq!(actions[0]["edit"]["documentChanges"][0]["edits"][0]["newText"], "read_file");
    editor.ignore("textDocument/publishDiagnostics");
    editor.close().await;
}
