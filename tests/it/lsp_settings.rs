//! Configuration and agent files in the editor: what is wrong stands exactly where it is, keys are completed and explained.
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::desk::Desk;
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

/// The next diagnostics of a file.
async fn published(editor: &mut Editor, uri: &str) -> Vec<Value> {
    loop {
        let published = editor.expect("textDocument/publishDiagnostics").await;
        if published["params"]["uri"] == uri {
            return published["params"]["diagnostics"].as_array().unwrap().clone();
        }
    }
}

#[tokio::test]
async fn a_broken_file_that_is_closed_is_still_broken_and_a_mended_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orchestrator.json");
    let (broken, sound) = ("{\"agent\": {\"max_parallel\": \"many\"}}\n", "{\"agent\": {\"max_parallel\": 3}}\n");
    std::fs::write(&path, broken).unwrap();
    let mut editor = start(&folder).await;
    let file = uri(&path);
    assert_eq!(published(&mut editor, &file).await.len(), 1);
    // Mended in the editor, and closed without saving.
    editor.open(&file, "json", sound).await;
    assert!(published(&mut editor, &file).await.is_empty());
    editor.notify("textDocument/didClose", json!({"textDocument": {"uri": file}})).await;
    assert_eq!(published(&mut editor, &file).await.len(), 1, "the file on disk is what counts");
    editor.open(&file, "json", sound).await;
    assert!(published(&mut editor, &file).await.is_empty());
    std::fs::write(&path, sound).unwrap();
    editor.notify("textDocument/didSave", json!({"textDocument": {"uri": file}})).await;
    // Settings are read beside: what they said is known when the next run is started.
    editor.command("orchestrator.doctor", Value::Null).await.unwrap();
    editor.notify("textDocument/didClose", json!({"textDocument": {"uri": file}})).await;
    // Anything but nothing would be left unread and fail the test.
    editor.command("orchestrator.runState", Value::Null).await.unwrap();
    editor.close().await;
}

#[tokio::test]
async fn ones_own_settings_and_their_folder_are_noticed_when_they_change_outside_of_the_editor() {
    for folder_is_there in [true, false] {
        // This client watches nothing for us.
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join(".config/ai-orchestrator");
        std::fs::create_dir_all(if folder_is_there { own.as_path() } else { own.parent().unwrap() }).unwrap();
        let mut desk = Desk::at(folder, "neovim-0.12", &[]).await;
        let notes = desk.uri("notes.md");
        desk.editor.open(&notes, "markdown", "please: write a guide\n").await;
        assert!(desk.lenses(&notes).await.is_empty());
        // Watching begins beside the loop; what is written before that is told by nobody, so it is written until somebody notices.
        for _ in 0..20_000 {
            std::fs::create_dir_all(&own).unwrap();
            std::fs::write(own.join("config.json"), "{\"goals\": {\"markers\": [\"please:\"]}}\n").unwrap();
            if !desk.lenses(&notes).await.is_empty() {
                break;
            }
        }
        assert_eq!(desk.lenses(&notes).await.len(), 3, "noticed");
        std::fs::remove_file(own.join("config.json")).unwrap();
        for _ in 0..200_000 {
            if desk.lenses(&notes).await.is_empty() {
                break;
            }
        }
        assert!(desk.lenses(&notes).await.is_empty(), "taken away, it counts no more");
        desk.editor.close().await;
    }
}
