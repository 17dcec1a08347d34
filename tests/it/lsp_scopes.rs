//! How far a decision reaches: this once, this run, always. A model on this machine asks for the same thing twice in a run and again in the next.
use serde_json::{Value, json};

use crate::models::{says, writes};
use crate::support::desk::{Desk, verdict};
use crate::support::editor::uri;
use crate::support::model_server::{ModelServer, Scripted};

/// One run: the same file is written twice.
fn run() -> Vec<Scripted> {
    vec![writes("sea.md", "# Sea\n"), writes("sea.md", "# Sea\n\nDeep.\n"), says("Done.")]
}

async fn desk(server: &ModelServer) -> Desk {
    let url = format!("{}/v1", server.url);
    let settings = [("MODEL__PROVIDER", "openai"), ("MODEL__NAME", "m"), ("MODEL__BASE_URL", &url), ("APPROVALS__MODE", "tools")];
    Desk::new("vscode", &settings, &[]).await
}

const WRITE: &str = "s1 writer wants to use write_file on `sea.md`";
const RESULT: &str = "s1 writer result `sea.md`";

/// Runs the agent to its end. Each question about a write is answered by the code action that begins so, where it stands in approvals.md; the title of that
/// action, and everything that was asked, in order.
async fn asked(desk: &mut Desk, title: &str) -> (Vec<String>, Vec<String>) {
    let order = json!({"agent": "writer", "task": "Write about the sea", "outputFile": "sea.md"});
    let started = desk.editor.command("orchestrator.spawnAgent", order).await.unwrap();
    let (mut asked, mut chosen, mut seen) = (Vec::new(), Vec::new(), Value::Null);
    loop {
        let is_news =
            |state: &Value| state["status"] == "completed" || state["approvals"][0].is_object() && state["approvals"][0]["id"] != seen;
        let state = desk.until_state(&started["runId"], "asked or done", is_news).await;
        if state["status"] == "completed" {
            return (asked, chosen);
        }
        let approval = &state["approvals"][0];
        asked.push(approval["what"].as_str().unwrap().to_owned());
        seen = approval["id"].clone();
        if approval["what"] != WRITE {
            assert_eq!(desk.editor.command("orchestrator.approve", verdict(&state)).await.unwrap()["decided"], true);
            continue;
        }
        let paper = std::path::Path::new(state["workspace"].as_str().unwrap()).join("approvals.md");
        let mut text = String::new();
        while !text.contains(approval["hash"].as_str().unwrap()) {
            text = std::fs::read_to_string(&paper).unwrap_or_default();
            desk.state(&started["runId"]).await;
        }
        desk.editor.open(&uri(&paper), "markdown", &text).await;
        let line = text.lines().position(|line| line.starts_with("- [ ] A")).unwrap();
        let actions = desk.actions(&uri(&paper), line).await;
        let titles: Vec<&str> = actions.iter().map(|action| action.0.as_str()).filter(|title| title.starts_with("Approve")).collect();
        assert_eq!(titles.len(), 3, "once, this run, always: {titles:?}");
        assert!(titles.iter().all(|title| title.contains("sea.md")), "each names its object: {titles:?}");
        let action = actions.iter().find(|action| action.0.starts_with(title)).unwrap_or_else(|| panic!("{titles:?}"));
        assert_eq!(desk.editor.command(&action.1, action.2.clone()).await.unwrap()["decided"], true);
        desk.editor.notify("textDocument/didClose", json!({"textDocument": {"uri": uri(&paper)}})).await;
        chosen.push(action.0.clone());
    }
}

async fn both_runs(title: &str) -> ([Vec<String>; 2], Vec<String>, Desk) {
    let server = ModelServer::start([run(), run()].concat()).await;
    let mut desk = desk(&server).await;
    let (first, titles) = asked(&mut desk, title).await;
    let (second, _) = asked(&mut desk, title).await;
    ([first, second], titles, desk)
}

#[tokio::test]
async fn approved_once_the_same_question_is_asked_again_in_the_same_run() {
    let (asked, _, desk) = both_runs("Approve once").await;
    assert_eq!(asked, [[WRITE, WRITE, RESULT], [WRITE, WRITE, RESULT]]);
    desk.editor.close().await;
}

#[tokio::test]
async fn approved_for_this_run_it_is_asked_again_in_the_next_one_only() {
    let (asked, titles, desk) = both_runs("Approve for this run").await;
    assert_eq!(asked, [[WRITE, RESULT], [WRITE, RESULT]]);
    assert!(titles[0].contains("every write_file"), "{titles:?}");
    desk.editor.close().await;
}

#[tokio::test]
async fn approved_always_it_is_never_asked_again_and_the_rule_was_shown_before() {
    let (asked, titles, desk) = both_runs("Approve always").await;
    assert_eq!(asked, [vec![WRITE, RESULT], vec![RESULT]]);
    let rule = json!({"tool": "write_file", "path": "sea.md", "decision": "allow"});
    assert!(titles[0].contains(&rule.to_string()) && titles[0].contains("every run of yours"), "{titles:?}");
    // What was shown is what was written down.
    let kept = std::fs::read_to_string(desk.path(".local/state/ai-orchestrator/rules.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert!(kept.to_string().contains(&rule.to_string()[1..rule.to_string().len() - 1]), "{kept}");
    // It outlives the session.
    let Desk { folder, editor, .. } = desk;
    editor.close().await;
    let server = ModelServer::start(run()).await;
    let url = format!("{}/v1", server.url);
    let settings = [("MODEL__PROVIDER", "openai"), ("MODEL__NAME", "m"), ("MODEL__BASE_URL", &url), ("APPROVALS__MODE", "tools")];
    let mut desk = Desk::at(folder, "neovim-0.12", &settings).await;
    assert_eq!(self::asked(&mut desk, "Approve once").await.0, [RESULT]);
    desk.editor.close().await;
}
