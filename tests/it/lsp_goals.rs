//! Goals in open documents, as an editor sees them.
use serde_json::{Value, json};

use crate::support::editor::Editor;

async fn start() -> Editor {
    Editor::like("zed").answer("workspace/configuration", |_| Some(json!([null]))).start().await
}

async fn actions(editor: &mut Editor, uri: &str, range: [u32; 4], only: Value) -> Vec<Value> {
    let range = json!({"start": {"line": range[0], "character": range[1]}, "end": {"line": range[2], "character": range[3]}});
    let mut context = json!({"diagnostics": []});
    if !only.is_null() {
        context["only"] = only;
    }
    let params = json!({"textDocument": {"uri": uri}, "range": range, "context": context});
    editor.request("textDocument/codeAction", params).await.unwrap().as_array().cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_goal_line_offers_to_run_in_markdown_and_a_comment_in_code() {
    let mut editor = start().await;
    editor.open("file:///a%20b/notes.md", "markdown", "# x\n\n- [ ] goal: write a guide\n").await;
    editor.open("file:///a%20b/main.rs", "rust", "fn main() {} // TODO(goal): document the program\n").await;
    for (uri, line) in [("file:///a b/notes.md", 2), ("file:///a%20b/main.rs", 0)] {
        let found = actions(&mut editor, uri, [line, 0, line, 0], Value::Null).await;
        assert_eq!(found[0]["kind"], "refactor.orchestrator.run", "{uri}");
        assert_eq!(found[0]["command"]["command"], "orchestrator.runGoal");
        assert_eq!(found[0]["command"]["arguments"][0]["range"]["start"]["line"], line);
    }
    assert!(actions(&mut editor, "file:///a%20b/notes.md", [0, 0, 0, 1], Value::Null).await.is_empty(), "no bulb where nothing is");
    assert!(actions(&mut editor, "file:///a%20b/notes.md", [2, 0, 2, 0], json!(["source"])).await.is_empty());
    assert!(actions(&mut editor, "file:///never/opened.md", [0, 0, 0, 0], Value::Null).await.is_empty());
    editor.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_selection_of_three_words_can_be_run_and_two_cannot() {
    let mut editor = start().await;
    editor.open("untitled:x", "plaintext", "eins zwei drei\nvier").await;
    let found = actions(&mut editor, "untitled:x", [0, 0, 0, 14], Value::Null).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["kind"], &found[0]["command"]["arguments"][0]["goal"]),
        (&json!("refactor.rewrite.orchestrator"), &json!("eins zwei drei"))
    );
    assert!(actions(&mut editor, "untitled:x", [0, 0, 0, 9], Value::Null).await.is_empty());
    editor.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_whole_of_a_goal_file_is_its_goal_and_its_head_completes() {
    let mut editor = start().await;
    editor.ignore("textDocument/publishDiagnostics");
    editor.open("file:///a/x.goal.md", "markdown", "---\nag\n---\nWrite a guide.\n").await;
    let lenses = editor.request("textDocument/codeLens", json!({"textDocument": {"uri": "file:///a/x.goal.md"}})).await.unwrap();
    assert!(lenses.as_array().unwrap().iter().all(|lens| lens["range"]["start"]["line"] == 0));
    let place = json!({"textDocument": {"uri": "file:///a/x.goal.md"}, "position": {"line": 1, "character": 2}});
    let items = editor.request("textDocument/completion", place).await.unwrap();
    assert!(items.as_array().unwrap().iter().any(|item| item["label"] == "agents"));
    editor.close().await;
}
