//! What a session knows of its projects: trust as the editor gave it at the start, runs taken up again from a step, the list of workspaces as a document.
use std::path::Path;

use serde_json::{Value, json};

use crate::support::desk::{Desk, builder, verdict};
use crate::support::editor::{Editor, uri};

const NONE: &str = "{\"approvals\": {\"mode\": \"none\"}}\n";

/// Two projects in one session.
async fn two(folder: &Path, trusted: bool) -> Editor {
    let projects: Vec<Value> = ["one", "two"].iter().map(|name| json!({"uri": uri(&folder.join(name)), "name": name})).collect();
    builder("zed", folder, &[])
        .with("workspaceFolders", json!(projects))
        .with("initializationOptions", json!({"trusted": trusted}))
        .ignore("$/progress")
        .ignore("$/cancelRequest")
        .ignore("window/workDoneProgress/create")
        .ignore("workspace/codeLens/refresh")
        .ignore("workspace/inlayHint/refresh")
        .ignore("window/showMessageRequest")
        .ignore("window/showMessage")
        .answer("window/showDocument", |_| Some(json!({"success": true})))
        .start()
        .await
}

/// What a goal of this project comes to: it waits where approvals are asked for, and is completed where the file that says `none` is trusted.
async fn outcome(editor: &mut Editor, folder: &Path, name: &str) -> String {
    let document = uri(&folder.join(name).join("goals.md"));
    editor.open(&document, "markdown", "goal: Write a guide about the sea\n").await;
    let at = json!({"line": 0, "character": 2});
    let argument = json!({"uri": document, "range": {"start": at, "end": at}});
    let run = editor.command("orchestrator.runGoal", argument).await.unwrap();
    assert!(run["workspace"].as_str().unwrap().starts_with(&*folder.join(name).to_string_lossy()), "{run}");
    editor.notify("textDocument/didClose", json!({"textDocument": {"uri": document}})).await;
    loop {
        let state = editor.command("orchestrator.runState", json!({"runId": run["runId"]})).await.unwrap();
        if state["approvals"][0].is_object() || state["status"] == "completed" {
            return state["status"].as_str().unwrap().to_owned();
        }
    }
}

/// The keys that the next diagnostics of a project's settings say are ignored.
async fn ignored(editor: &mut Editor, file: &Path) -> Vec<String> {
    loop {
        let published = editor.expect("textDocument/publishDiagnostics").await;
        if published["params"]["uri"] == uri(file) {
            let told = published["params"]["diagnostics"].as_array().unwrap().iter();
            let told = told.filter(|one| one["severity"] == 3 && one["message"].as_str().unwrap().contains("ignored"));
            return told.map(|one| one["message"].as_str().unwrap().split(':').next().unwrap().to_owned()).collect();
        }
    }
}

#[tokio::test]
async fn the_editors_trust_counts_for_the_values_seen_at_that_start_in_each_project() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).join("orchestrator.json");
    for name in ["one", "two"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(file(name), NONE).unwrap();
    }
    let mut editor = two(folder.path(), true).await;
    assert_eq!(outcome(&mut editor, folder.path(), "one").await, "completed");
    assert_eq!(outcome(&mut editor, folder.path(), "two").await, "completed");
    // A value changes in one of them: that one asks again, what was seen at the start still counts, and the other project is not touched.
    std::fs::write(file("one"), "{\"approvals\": {\"mode\": \"none\"}, \"budget\": {\"per_run_usd\": 1000}}\n").unwrap();
    editor.notify("workspace/didChangeWatchedFiles", json!({"changes": [{"uri": uri(&file("one")), "type": 2}]})).await;
    assert_eq!(ignored(&mut editor, &file("one")).await, ["budget.per_run_usd"]);
    assert_eq!(outcome(&mut editor, folder.path(), "one").await, "completed");
    std::fs::write(file("two"), "{\"approvals\": {\"mode\": \"none\", \"rules\": [{\"tool\": \"*\", \"decision\": \"allow\"}]}}\n")
        .unwrap();
    editor.notify("workspace/didChangeWatchedFiles", json!({"changes": [{"uri": uri(&file("two")), "type": 2}]})).await;
    assert_eq!(ignored(&mut editor, &file("two")).await, ["approvals.rules"]);
    // Taken back, nothing is in question any more.
    std::fs::write(file("one"), NONE).unwrap();
    editor.notify("workspace/didChangeWatchedFiles", json!({"changes": [{"uri": uri(&file("one")), "type": 2}]})).await;
    assert_eq!(ignored(&mut editor, &file("one")).await, Vec::<String>::new());
    editor.ignore("textDocument/publishDiagnostics");
    editor.close().await;

    // The next session is not vouched for: nothing of the last one's trust is left.
    let mut editor = two(folder.path(), false).await;
    assert_eq!(ignored(&mut editor, &file("one")).await, ["approvals.mode"]);
    assert_eq!(outcome(&mut editor, folder.path(), "one").await, "waiting_approval");
    editor.ignore("textDocument/publishDiagnostics");
    editor.close().await;
}

const TEXT: &str = "# Notes\n\nSales grew in spring and fell in autumn.\n\n- [ ] goal: Write documentation for these notes\n";

/// Runs the goal of the notes to its end.
async fn complete(desk: &mut Desk) -> Value {
    let document = desk.uri("notes.md");
    let run = desk.editor.command("orchestrator.runGoal", json!({"uri": document})).await.unwrap();
    let state = desk.until(&run["runId"], "waiting_approval").await;
    assert_eq!(desk.editor.command("orchestrator.approve", verdict(&state)).await.unwrap()["decided"], true);
    desk.until(&run["runId"], "completed").await
}

#[tokio::test]
async fn a_run_is_taken_up_from_a_step_and_only_what_needs_it_is_done_again() {
    let mut desk = Desk::new("neovim-0.12", &[], &[("notes.md", TEXT)]).await;
    let document = desk.uri("notes.md");
    desk.editor.open(&document, "markdown", TEXT).await;
    let done = complete(&mut desk).await;
    let steps = done["steps"].as_array().unwrap().clone();
    assert!(steps.len() > 1, "{done}");
    let last = steps.last().unwrap()["id"].clone();
    let unknown = json!({"workspace": done["workspace"], "fromStep": "s99"});
    let refused = desk.editor.command("orchestrator.resume", unknown).await.unwrap_err();
    assert!(refused.message.contains("s99"), "{}", refused.message);
    // Completed, it is not resumed but from a step.
    let plain = desk.editor.command("orchestrator.resume", json!({"workspace": done["workspace"]})).await.unwrap_err();
    assert!(plain.message.contains("completed") && plain.message.contains("hint"), "{}", plain.message);
    let from = json!({"workspace": done["workspace"], "fromStep": last});
    let resumed = desk.editor.command("orchestrator.resume", from).await.unwrap();
    assert_eq!(resumed["runId"], done["run_id"]);
    // It is finished, so that a person says first whether it is to be paid again.
    let asked = desk.until(&done["run_id"], "waiting_approval").await;
    let what = asked["approvals"][0]["what"].as_str().unwrap();
    assert!(what.contains("would be paid again") && what.starts_with(last.as_str().unwrap()), "{what}");
    assert_eq!(desk.editor.command("orchestrator.approve", verdict(&asked)).await.unwrap()["decided"], true);
    let again = desk
        .until_state(&done["run_id"], "done again", |state| {
            state["status"] == "completed" && state["steps"][steps.len() - 1]["attempt"] == 2
        })
        .await;
    let attempts =
        |state: &Value| state["steps"].as_array().unwrap().iter().map(|step| step["attempt"].as_u64().unwrap()).collect::<Vec<u64>>();
    let needed: Vec<u64> = steps.iter().map(|step| if step["id"] == last { 2 } else { 1 }).collect();
    assert_eq!(attempts(&again), needed, "the steps before it are not done again");
    // A retry asks the same; after a no, all is as it was.
    let retry = json!({"runId": done["run_id"], "stepId": last});
    assert_eq!(desk.editor.command("orchestrator.retryStep", retry).await.unwrap()["done"], true);
    let asked = desk.until(&done["run_id"], "waiting_approval").await;
    assert_eq!(desk.editor.command("orchestrator.reject", verdict(&asked)).await.unwrap()["decided"], true);
    let kept = desk.until(&done["run_id"], "completed").await;
    assert_eq!((attempts(&kept), &kept["approvals"]), (needed, &json!([])));
    desk.editor.close().await;
}

#[tokio::test]
async fn the_list_of_workspaces_is_a_document_with_a_lens_that_works_on_each() {
    let mut desk = Desk::new("kakoune", &[], &[("notes.md", TEXT)]).await;
    let document = desk.uri("notes.md");
    desk.editor.open(&document, "markdown", TEXT).await;
    let done = complete(&mut desk).await;
    let other = desk.editor.command("orchestrator.runGoal", json!("Write a guide about the sea")).await.unwrap();
    desk.until(&other["runId"], "waiting_approval").await;
    // A new session: what it knows of these runs it knows from the list.
    let mut desk = desk.restarted("helix-25.07", &[]).await;
    let rows = desk.editor.command("orchestrator.listWorkspaces", json!({"open": true})).await.unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let index = desk.path("workspaces/index.md");
    while !desk.shown.try_iter().any(|shown| shown == uri(&index)) {
        desk.editor.command("orchestrator.runState", Value::Null).await.unwrap();
    }
    let text = std::fs::read_to_string(&index).unwrap();
    desk.editor.open(&uri(&index), "markdown", &text).await;
    let lines: Vec<usize> = text.lines().enumerate().filter(|(_, line)| line.starts_with("- `")).map(|(number, _)| number).collect();
    let lenses = desk.editor.request("textDocument/codeLens", json!({"textDocument": {"uri": uri(&index)}})).await.unwrap();
    let on: Vec<u64> = lenses.as_array().unwrap().iter().map(|lens| lens["range"]["start"]["line"].as_u64().unwrap()).collect();
    assert_eq!(on.iter().map(|line| usize::try_from(*line).unwrap()).collect::<Vec<usize>>(), lines, "one on each");
    let lenses = desk.lenses(&uri(&index)).await;
    let of = |title: &str| lenses.iter().find(|lens| lens.0 == title).unwrap_or_else(|| panic!("{title}: {lenses:?}")).clone();
    let summary = of("Open summary");
    let opened = desk.editor.command(&summary.1, summary.2).await.unwrap();
    assert_eq!(opened["path"], Path::new(done["workspace"].as_str().unwrap()).join("execution-summary.md").to_str().unwrap());
    let resume = of("Resume");
    assert_eq!(desk.editor.command(&resume.1, resume.2).await.unwrap()["runId"], other["runId"]);
    desk.until(&other["runId"], "waiting_approval").await;
    desk.editor.close().await;
}
