//! plan.md and approvals.md under the hands of a person and of a run at the same time: versioned edits, decisions bound to what is saved, steps renamed.
use std::path::Path;

use ai_orchestrator::sys::Environment;
use serde_json::{Value, json};

use crate::support::desk::Desk;
use crate::support::editor::{Editor, uri};

const TEXT: &str = "# Notes\n\nSales grew.\n\n- [ ] goal: Write documentation for these notes\n";

/// A desk with the notes open.
async fn desk() -> Desk {
    Desk::new("neovim-0.12", &[], &[("notes.md", TEXT)]).await
}

#[tokio::test]
async fn an_unsaved_plan_is_not_approved_and_a_saved_one_is_asked_about_anew() {
    let mut desk = desk().await;
    let document = uri(&desk.folder.path().join("notes.md"));
    desk.editor.open(&document, "markdown", TEXT).await;
    let at = json!({"line": 4, "character": 2});
    let argument = json!({"uri": document, "range": {"start": at, "end": at}});
    let run = desk.editor.command("orchestrator.runGoal", argument).await.unwrap();
    let id = run["runId"].clone();
    let state = desk.until(&id, "waiting_approval").await;
    let workspace = Path::new(run["workspace"].as_str().unwrap()).to_owned();
    let plan_uri = uri(&workspace.join("plan.md"));
    let plan = std::fs::read_to_string(workspace.join("plan.md")).unwrap();
    desk.editor.open(&plan_uri, "markdown", &plan).await;

    let last = state["steps"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    let edited = plan.replacen(&format!("- [ ] {last} "), &format!("- [-] {last} "), 1);
    desk.change(&plan_uri, 2, &edited).await;
    let verdict = |state: &Value| {
        let approval = &state["approvals"][0];
        json!({"runId": state["run_id"], "approvalId": approval["id"], "hash": approval["hash"]})
    };
    let refused = desk.editor.command("orchestrator.approve", verdict(&state)).await.unwrap();
    assert_eq!(refused["decided"], false);
    assert!(refused["reason"].as_str().unwrap().contains("save plan.md first"), "{refused}");

    std::fs::write(workspace.join("plan.md"), &edited).unwrap();
    desk.editor.notify("textDocument/didSave", json!({"textDocument": {"uri": plan_uri}})).await;
    let mut asked = desk.state(&id).await;
    while !asked["approvals"][0].is_object() || asked["approvals"][0]["hash"] == state["approvals"][0]["hash"] {
        asked = desk.state(&id).await;
    }
    let stale = desk.editor.command("orchestrator.approve", verdict(&state)).await.unwrap();
    assert_eq!(stale["decided"], false, "an older hash is refused: {stale}");

    let hints =
        json!({"textDocument": {"uri": plan_uri}, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}});
    let hints = desk.editor.request("textDocument/inlayHint", hints).await.unwrap();
    assert_eq!(hints.as_array().unwrap().len(), state["steps"].as_array().unwrap().len());
    let line = edited.lines().position(|line| line.starts_with("- [ ] s1 ")).unwrap();
    let place = json!({"textDocument": {"uri": plan_uri}, "position": {"line": line, "character": 7}});
    let mut rename = place.clone();
    rename["newName"] = json!("s2");
    assert_eq!(desk.editor.request("textDocument/rename", rename.clone()).await.unwrap_err().code, -32602, "an id is taken once");
    rename["newName"] = json!("first");
    let renamed = desk.editor.request("textDocument/rename", rename.clone()).await.unwrap();
    assert_eq!(renamed["documentChanges"][0]["textDocument"]["version"], 2);
    let needed = edited.lines().filter(|line| line.contains("needs:") && line.contains("s1")).count();
    assert_eq!(renamed["documentChanges"][0]["edits"].as_array().unwrap().len(), 1 + needed);

    assert_eq!(desk.editor.command("orchestrator.approve", verdict(&asked)).await.unwrap()["decided"], true);
    let done = desk.until(&id, "completed").await;
    assert_eq!(done["steps"].as_array().unwrap().last().unwrap()["status"], "skipped");
    assert_eq!(desk.editor.request("textDocument/rename", rename).await.unwrap_err().code, -32602, "a step that has begun keeps its id");
    let edits: Vec<Value> = desk.edits.try_iter().collect();
    let changes: Vec<&Value> = edits.iter().map(|edit| &edit["edit"]["documentChanges"][0]).collect();
    assert!(changes.iter().all(|change| change["textDocument"]["version"].is_u64()), "only versioned edits: {changes:?}");
    let ticked = changes.iter().find(|change| change["textDocument"]["uri"] == document).expect("the goal is ticked");
    assert_eq!(ticked["edits"][0]["newText"], "x");
    assert!(ticked["edits"][1]["newText"].as_str().unwrap().ends_with("/execution-summary.md))"));
    let mut marks = changes.iter().filter(|change| change["textDocument"]["uri"] == plan_uri);
    assert!(marks.any(|marks| marks["edits"][0]["newText"].as_str().unwrap().contains("- [x] s")), "marks follow the run: {changes:?}");
    desk.editor.close().await;
}

#[tokio::test]
async fn a_goal_keeps_its_run_after_a_restart_and_after_it_was_ticked() {
    let mut desk = desk().await;
    let document = uri(&desk.folder.path().join("notes.md"));
    desk.editor.open(&document, "markdown", TEXT).await;
    let run = desk.editor.command("orchestrator.runGoal", json!({"uri": document})).await.unwrap();
    let state = desk.until(&run["runId"], "waiting_approval").await;
    let approval = &state["approvals"][0];
    let verdict = json!({"runId": run["runId"], "approvalId": approval["id"], "hash": approval["hash"]});
    desk.editor.command("orchestrator.approve", verdict).await.unwrap();
    desk.until(&run["runId"], "completed").await;
    let artifact = "documentation.md";
    let take = json!({"workspace": run["workspace"], "path": artifact});
    assert_eq!(desk.editor.command("orchestrator.applyArtifact", take.clone()).await.unwrap()["applied"], true);
    let edit = desk.edits.try_iter().find(|edit| edit["label"].as_str().unwrap().contains(artifact)).unwrap();
    assert_eq!(edit["edit"]["documentChanges"][0]["kind"], "create", "{edit}");
    std::fs::write(desk.folder.path().join(artifact), "mine").unwrap();
    let mut based = take;
    based["base"] = json!("000000");
    let refused = desk.editor.command("orchestrator.applyArtifact", based).await.unwrap();
    assert_eq!(refused["applied"], false);
    assert!(refused["reason"].as_str().unwrap().contains("changed"), "{refused}");
    let Desk { folder, editor, .. } = desk;
    editor.close().await;

    let variables =
        [("HOME".to_owned(), folder.path().display().to_string()), ("ORCHESTRATOR_MODEL__PROVIDER".to_owned(), "offline".to_owned())];
    let mut editor = Editor::like("kakoune")
        .environment(Environment::new(variables, folder.path()))
        .folder(folder.path())
        .answer("workspace/configuration", |_| Some(json!([null])))
        .answer("workspace/codeLens/refresh", |_| Some(Value::Null))
        .ignore("textDocument/publishDiagnostics")
        .start()
        .await;
    let ticked = TEXT.replace("- [ ] ", "- [x] ").replace("notes\n", "notes ([summary](workspaces/x/execution-summary.md))\n");
    let moved = format!("Above.\n\n{ticked}");
    editor.open(&document, "markdown", &moved).await;
    let params = json!({"textDocument": {"uri": document}});
    loop {
        let lenses = editor.request("textDocument/codeLens", params.clone()).await.unwrap();
        if lenses[0]["command"]["title"].as_str().unwrap().starts_with('✓') {
            break;
        }
    }
    editor.ignore("workspace/codeLens/refresh");
    editor.close().await;
}
