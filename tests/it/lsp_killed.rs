//! The server's process dies in the middle (`kill -9`, a crash, the power) and the next one goes on: nothing finished is done again, the goal keeps its run.
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::models::{says, writes};
use crate::support::desk::{Desk, verdict};
use crate::support::model_server::{End, ModelServer, Scripted};

const TEXT: &str = "# Notes\n\nSales grew in spring and fell in autumn.\n\n- [ ] goal: Write documentation for these notes\n";
const CLIENTS: [&str; 3] = ["vscode", "neovim-0.12", "empty"];

/// The events of a run's journal with this name.
fn events(workspace: &Path, name: &str) -> Vec<Value> {
    let journal = std::fs::read_to_string(workspace.join(".orchestrator/journal.jsonl")).unwrap();
    let lines = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|record| record["event"] == name).collect()
}

/// The lens of the goal when the new session has found its run.
async fn found(desk: &mut Desk, document: &str) -> Vec<(String, String, Value)> {
    for _ in 0..200_000 {
        let lenses = desk.lenses(document).await;
        if lenses[0].0 != "▶ Run goal" {
            return lenses;
        }
    }
    panic!("the goal has lost its run");
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_is_killed_with_a_run_under_way_leaves_nothing_that_the_next_one_cannot_finish() {
    for client in CLIENTS {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes.md"), TEXT).unwrap();
        let mut desk = Desk::process(folder, client, &[]).await;
        let document = desk.uri("notes.md");
        desk.editor.open(&document, "markdown", TEXT).await;
        let lenses = desk.lenses(&document).await;
        let started = desk.editor.command(&lenses[0].1, lenses[0].2.clone()).await.unwrap();
        let id = started["runId"].clone();
        desk.until(&id, "waiting_approval").await;

        // Killed while a person is waited for.
        let mut desk = desk.killed(client, &[]).await;
        desk.editor.open(&document, "markdown", TEXT).await;
        assert!(found(&mut desk, &document).await[0].0.starts_with("⏸"), "{client}");
        let rows = desk.editor.command("orchestrator.listWorkspaces", Value::Null).await.unwrap();
        assert_eq!((&rows[0]["status"], &rows[0]["standsStill"]), (&json!("waiting_approval"), &json!(true)), "{client}");
        let resumed = desk.editor.command("orchestrator.resume", json!({"workspace": started["workspace"]})).await.unwrap();
        assert_eq!(resumed["runId"], id, "{client}");
        let state = desk.until(&id, "waiting_approval").await;
        let rows = desk.editor.command("orchestrator.listWorkspaces", Value::Null).await.unwrap();
        assert_eq!(rows[0]["standsStill"], false, "{client}: it is held here");
        assert_eq!(desk.editor.command("orchestrator.approve", verdict(&state)).await.unwrap()["decided"], true);

        // Killed as soon as it was approved: somewhere in its steps, or behind them.
        let mut desk = desk.killed(client, &[]).await;
        desk.editor.open(&document, "markdown", TEXT).await;
        let lenses = found(&mut desk, &document).await;
        if !lenses[0].0.starts_with('✓') {
            assert!(lenses[0].0.starts_with("⏸ paused"), "{client}: {lenses:?}");
            let resume = lenses.iter().find(|lens| lens.0 == "Resume").unwrap_or_else(|| panic!("{client}: {lenses:?}"));
            assert_eq!(desk.editor.command(&resume.1, resume.2.clone()).await.unwrap()["runId"], id, "{client}");
        }
        let done = desk.until(&id, "completed").await;
        desk.until_lens(&document, "✓").await;
        let workspace = PathBuf::from(done["workspace"].as_str().unwrap());
        for artifact in done["artifacts"].as_array().unwrap() {
            assert!(workspace.join(artifact["path"].as_str().unwrap()).is_file(), "{client}: {artifact}");
        }
        desk.editor.close().await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_is_killed_while_a_model_thinks_asks_that_once_more_and_what_was_answered_never_again() {
    for client in CLIENTS {
        // The first answer is there, the second never comes.
        let half = json!({"choices": [{"index": 0, "delta": {"content": "Half"}, "finish_reason": null}]});
        let stalled = Scripted::stream(format!("data: {half}\n\n")).ends(End::Stall);
        let server = ModelServer::start(vec![writes("sea.md", "# Sea\n"), stalled, says("Done.")]).await;
        let url = format!("{}/v1", server.url);
        let settings = [("MODEL__PROVIDER", "openai"), ("MODEL__NAME", "m"), ("MODEL__BASE_URL", url.as_str())];
        let mut desk = Desk::process(tempfile::tempdir().unwrap(), client, &settings).await;
        let order = json!({"agent": "writer", "task": "Write about the sea", "outputFile": "sea.md"});
        let started = desk.editor.command("orchestrator.spawnAgent", order).await.unwrap();
        while server.bodies().len() < 2 {
            desk.state(&started["runId"]).await;
        }
        let mut desk = desk.killed(client, &settings).await;
        let rows = desk.editor.command("orchestrator.listWorkspaces", Value::Null).await.unwrap();
        assert_eq!((&rows[0]["runId"], &rows[0]["status"]), (&started["runId"], &json!("paused")), "{client}: {rows}");
        let resumed = desk.editor.command("orchestrator.resume", started["workspace"].clone()).await.unwrap();
        assert_eq!(resumed["runId"], started["runId"]);
        let done = desk.until(&started["runId"], "completed").await;
        assert_eq!(server.bodies().len(), 3, "{client}: the answered call is not sent again, the other one once");
        let workspace = PathBuf::from(done["workspace"].as_str().unwrap());
        assert!(std::fs::read_to_string(workspace.join("sea.md")).unwrap().contains("# Sea"));
        assert_eq!(events(&workspace, "tool_finished").len(), 1, "{client}: written once");
        desk.editor.close().await;
    }
}
