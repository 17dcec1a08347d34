//! The same session with the announcements of every recorded client: the editor double fails on anything a client did not announce.
use serde_json::{Value, json};

use crate::support::editor::{CLIENTS, Editor, recorded};

const URI: &str = "untitled:Untitled-1";

fn place(line: u32) -> Value {
    json!({"textDocument": {"uri": URI}, "position": {"line": line, "character": 2}})
}

#[tokio::test(start_paused = true)]
async fn every_client_is_served_and_sent_nothing_it_did_not_announce() {
    for client in CLIENTS {
        let mut editor =
            Editor::like(client).answer("workspace/configuration", |_| Some(json!([null]))).ignore("window/showMessage").start().await;
        let offered = &editor.initialized["capabilities"];
        let utf8 =
            recorded(client)["capabilities"]["general"]["positionEncodings"].as_array().is_some_and(|all| all.contains(&json!("utf-8")));
        assert_eq!(offered["positionEncoding"], if utf8 { "utf-8" } else { "utf-16" }, "{client}");
        editor.open(URI, "markdown", "# Notes\ngoal: write a guide 😀 today\n").await;
        let lenses = editor.request("textDocument/codeLens", json!({"textDocument": {"uri": URI}})).await.unwrap();
        assert_eq!(lenses.as_array().map(Vec::len), Some(3), "{client}");
        let end = lenses[0]["range"]["end"]["character"].as_u64();
        assert_eq!(end, Some(if utf8 { 30 } else { 28 }), "{client} counts in its own way");
        let at = json!({"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}});
        let params = json!({"textDocument": {"uri": URI}, "range": at, "context": {"diagnostics": []}});
        let actions = editor.request("textDocument/codeAction", params).await.unwrap();
        let literal = client != "empty";
        for action in actions.as_array().unwrap() {
            assert_eq!(action.get("kind").is_some(), literal, "{client}: only clients that know action literals get them");
            assert_eq!(action.get("tags").is_some(), matches!(client, "vscode" | "sublime"), "{client}");
        }
        assert!(editor.request("textDocument/hover", place(1)).await.unwrap()["contents"]["value"].as_str().unwrap().contains("guide"));
        assert!(editor.request("textDocument/documentSymbol", json!({"textDocument": {"uri": URI}})).await.unwrap().is_array());
        assert_eq!(editor.request("textDocument/hover", place(0)).await.unwrap(), Value::Null);
        editor.notify("textDocument/didClose", json!({"textDocument": {"uri": URI}})).await;
        editor.notify("workspace/didChangeConfiguration", json!({"settings": {"aiOrchestrator": {"ui": {"prompt": "off"}}}})).await;
        editor.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_answers_is_served_all_the_same() {
    let mut editor = Editor::like("vscode").start().await;
    let asked = editor.expect("workspace/configuration").await;
    assert_eq!(asked["params"]["items"], json!([{"section": "aiOrchestrator"}]));
    editor.open(URI, "markdown", "goal: write a guide\n").await;
    assert!(editor.request("textDocument/hover", place(0)).await.unwrap().is_object());
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    assert_eq!(editor.expect("$/cancelRequest").await["params"]["id"], asked["id"]);
    editor.reply(&asked, json!([{"goals": {"markers": []}}])).await;
    editor.close().await;
}
