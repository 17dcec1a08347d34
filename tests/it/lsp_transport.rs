//! The wire under bad weather: every kind of frame, id and life cycle that ended or stalled other servers.
use ai_orchestrator::lsp::Ending;
use serde_json::{Value, json};

use crate::support::editor::Editor;

const URI: &str = "file:///nonexistent-project/notes.md";

/// The text the server holds for the document, told through the action that runs a selection.
async fn text_of(editor: &mut Editor, uri: &str) -> String {
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 4_294_967_295u32, "character": 0}});
    let params = json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": [], "only": ["refactor.rewrite"]}});
    let actions = editor.request("textDocument/codeAction", params).await.unwrap();
    // Clients without action literals get the bare command.
    let command = if actions[0]["command"].is_string() { &actions[0] } else { &actions[0]["command"] };
    command["arguments"][0]["goal"].as_str().expect("three words at least").to_owned()
}

#[tokio::test(start_paused = true)]
async fn four_hundred_pipelined_changes_are_applied_in_order() {
    let mut editor = Editor::like("neovim-0.12").ignore("workspace/configuration").start().await;
    editor.open(URI, "markdown", "three words here:").await;
    let mut expected = "three words here:".to_owned();
    for number in 0..400u32 {
        let text = format!(" {number}");
        let at = json!({"line": 0, "character": expected.len()});
        let change = json!({"range": {"start": at, "end": at}, "text": text});
        expected.push_str(&text);
        editor
            .notify("textDocument/didChange", json!({"textDocument": {"uri": URI, "version": number + 2}, "contentChanges": [change]}))
            .await;
    }
    assert_eq!(text_of(&mut editor, URI).await, expected);
    editor.close().await;
}

#[tokio::test(start_paused = true)]
async fn every_undecodable_frame_is_answered_and_survived() {
    let corpus: [&[u8]; 9] = [
        b"Content-Length: 5\r\n\r\n{oops",
        b"Content-Length: 2\r\n\r\n[]",
        b"Content-Length: 4\r\n\r\nnull",
        b"Content-Length: 16\r\n\r\n[{\"method\":\"x\"}]",
        b"Content-Length: 45\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"shutdown\"}",
        b"Content-Length: 28\r\n\r\n{\"id\":\"a\",\"method\":\"shutdown\"}",
        b"a stray line\r\n\r\n",
        b"Content-Length: many\r\n\r\n",
        b"Content-Length: 17\r\n\r\n{\"jsonrpc\":\"2.0\"}",
    ];
    for bytes in corpus {
        let mut editor = Editor::like("empty").start().await;
        let text = String::from_utf8_lossy(bytes);
        // Lengths are counted here rather than by hand.
        let bytes = match text.split_once("\r\n\r\n") {
            Some((header, body)) if header.starts_with("Content-Length") && !body.is_empty() => {
                format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
            }
            _ => bytes.to_vec(),
        };
        editor.send_bytes(&bytes).await;
        let refusal = editor.expect_refusal().await;
        assert_eq!(refusal["error"]["code"], -32700, "{text}");
        editor.open(URI, "markdown", "still three words").await;
        assert_eq!(text_of(&mut editor, URI).await, "still three words", "{text}");
        editor.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn frames_that_are_only_unusual_are_served() {
    let mut editor = Editor::like("empty").start().await;
    let open = json!({"jsonrpc": "2.0", "method": "textDocument/didOpen",
        "params": {"textDocument": {"uri": URI, "languageId": "markdown", "version": 1, "text": "three whole words HERE"}}})
    .to_string();
    // A half of a surrogate pair, as an editor sends it that cuts an emoji in two.
    let open = open.replace("HERE", "\\ud83d");
    editor
        .send_bytes(format!("X-First: 1\r\ncontent-length:{}\r\nContent-Type: application/json\r\n\r\n{open}", open.len()).as_bytes())
        .await;
    assert_eq!(text_of(&mut editor, URI).await, "three whole words \u{fffd}");
    let mut close = b"Content-Length: 91\r\n\r\n".to_vec();
    let body = b"{\"jsonrpc\":\"2.0\",\"method\":\"window/logMessage\",\"params\":{\"message\":\"\xff\xfe\"}}";
    close.splice(16..18, body.len().to_string().into_bytes());
    close.extend_from_slice(body);
    editor.send_bytes(&close).await;
    assert_eq!(text_of(&mut editor, URI).await, "three whole words \u{fffd}");
    editor.close().await;
}

#[tokio::test(start_paused = true)]
async fn one_malformed_capability_does_not_keep_a_client_from_starting() {
    let mut broken = crate::support::editor::recorded("neovim-0.11")["capabilities"].clone();
    broken["workspace"]["didChangeWatchedFiles"] = json!([]);
    broken["textDocument"]["codeAction"] = json!("yes");
    let mut editor =
        Editor::like("neovim-0.11").with("capabilities", broken).with("locale", json!(7)).ignore("workspace/configuration").start().await;
    assert_eq!(editor.initialized["serverInfo"]["name"], "ai-orchestrator");
    assert_eq!(editor.initialized["capabilities"]["positionEncoding"], "utf-8", "what was sound is still read");
    editor.open(URI, "markdown", "x").await;
    editor.close().await;
    for params in [Value::Null, json!([]), json!({"capabilities": null})] {
        let mut editor = Editor::like("empty").connect();
        assert!(editor.request("initialize", params).await.is_ok());
        editor.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_ways_to_leave_have_their_codes() {
    // shutdown and exit, the pipe held open: `close` looks for a clean ending.
    Editor::like("empty").start().await.close().await;
    // exit alone
    let mut editor = Editor::like("empty").start().await;
    editor.notify("exit", Value::Null).await;
    assert_eq!(editor.ending().await, Ending::Abrupt);
    // exit before anything
    let mut editor = Editor::like("empty").connect();
    editor.notify("exit", Value::Null).await;
    assert_eq!(editor.ending().await, Ending::Abrupt);
    // end of input, in the middle of a frame too
    let mut editor = Editor::like("empty").start().await;
    editor.send_bytes(b"Content-Length: 100\r\n\r\n{").await;
    editor.hang_up();
    assert_eq!(editor.ending().await, Ending::Abrupt);
    // messages after exit are of no interest
    let mut editor = Editor::like("empty").start().await;
    assert_eq!(editor.request("shutdown", json!({})).await, Ok(Value::Null));
    editor.notify("exit", Value::Null).await;
    editor.notify("initialized", json!({})).await;
    editor.hang_up();
    assert_eq!(editor.ending().await, Ending::Clean);
    assert_eq!((Ending::Clean.code(), Ending::Abrupt.code()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn requests_out_of_season_are_refused_in_words() {
    let mut editor = Editor::like("empty").connect();
    assert_eq!(editor.request("textDocument/hover", json!({})).await.unwrap_err().code, -32002);
    editor.request("initialize", json!({"capabilities": {}})).await.unwrap();
    assert_eq!(editor.request("initialize", json!({"capabilities": {}})).await.unwrap_err().code, -32600);
    assert_eq!(editor.request("no/such", json!({})).await.unwrap_err().code, -32601);
    assert_eq!(editor.request("$/no/such", json!({})).await.unwrap_err().code, -32601);
    assert_eq!(editor.request("textDocument/hover", json!({"textDocument": 3})).await.unwrap_err().code, -32602);
    editor.notify("$/anything", json!({})).await;
    editor.notify("textDocument/didChange", json!("nonsense")).await;
    assert_eq!(editor.request("shutdown", Value::Null).await, Ok(Value::Null));
    assert_eq!(editor.request("textDocument/codeLens", json!({"textDocument": {"uri": URI}})).await.unwrap_err().code, -32600);
    editor.notify("exit", Value::Null).await;
    assert_eq!(editor.ending().await, Ending::Clean);
}
