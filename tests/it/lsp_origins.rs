//! A goal and its run stay together: through edits above it, other words, a restart of the server, and all of these at once. And what is interrupted
//! is offered once.
use serde_json::{Value, json};

use crate::support::desk::{Desk, verdict};

const TEXT: &str =
    "# Notes\n\nSales grew in spring.\n\ngoal: Write documentation for these notes\n\ngoal: Write documentation for the others\n";

/// Runs the goal of the line to its end.
async fn run(desk: &mut Desk, document: &str, line: usize) -> Value {
    let at = json!({"line": line, "character": 2});
    let run = desk.editor.command("orchestrator.runGoal", json!({"uri": document, "range": {"start": at, "end": at}})).await.unwrap();
    let state = desk.until(&run["runId"], "waiting_approval").await;
    assert_eq!(desk.editor.command("orchestrator.approve", verdict(&state)).await.unwrap()["decided"], true);
    desk.until(&run["runId"], "completed").await;
    run
}

#[tokio::test]
async fn a_goal_keeps_its_run_through_edits_above_it_other_words_and_a_restart() {
    let mut desk = Desk::new("kakoune", &[], &[("notes.md", TEXT)]).await;
    let document = desk.uri("notes.md");
    desk.editor.open(&document, "markdown", TEXT).await;
    run(&mut desk, &document, 4).await;
    desk.until_lens(&document, "✓").await;
    let insert = |line: u32, character: u32, text: &str| {
        let at = json!({"line": line, "character": character});
        json!({"range": {"start": at, "end": at}, "text": text})
    };
    desk.changes(&document, 2, json!([insert(0, 0, "One.\nTwo.\n"), insert(6, 11, " long and good")])).await;
    let edited = TEXT.replacen("Write documentation", "Write long and good documentation", 1);
    let edited = format!("One.\nTwo.\n{edited}");
    let lenses = desk.lenses(&document).await;
    assert!(lenses[0].0.starts_with('✓') && lenses[3].0 == "▶ Run goal", "{lenses:?}");
    let path = desk.path("notes.md");
    desk.save(&document, &path, &edited).await;
    let kept = || walk(desk.folder.path(), "origin.json");
    while kept().is_none() {
        tokio::task::yield_now().await;
    }
    desk.editor.command("orchestrator.runState", Value::Null).await.unwrap();

    let mut desk = desk.restarted("kakoune", &[]).await;
    let later = format!("Zero.\n{edited}");
    desk.editor.open(&document, "markdown", &later).await;
    desk.until_lens(&document, "✓").await;
    let lenses = desk.lenses(&document).await;
    assert_eq!(lenses[3].0, "▶ Run goal", "the other goal has no run: {lenses:?}");
    desk.editor.close().await;
}

/// The first file of this name below a folder.
fn walk(folder: &std::path::Path, name: &str) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    entries.into_iter().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { walk(&path, name) } else { path.ends_with(name).then_some(path) }
    })
}

#[tokio::test]
async fn the_document_of_a_goal_goes_to_the_agents_where_it_says_more_than_the_goal() {
    let bare = "goal: Write a guide about the sea\n";
    let code = "// a function that adds two numbers\nfn add(a: i32, b: i32) -> i32 { a + b } // TODO(goal): document this function\n";
    let file = "---\napprovals: plan\n---\nWrite a guide about the sea and its tides, and more words besides.\n";
    let desk_files = [("notes.md", TEXT), ("bare.md", bare), ("add.rs", code), ("sea.goal.md", file)];
    let mut desk = Desk::new("zed", &[], &desk_files).await;
    for (name, text) in desk_files {
        let (document, language) = (desk.uri(name), if name == "add.rs" { "rust" } else { "markdown" });
        // What the editor has is what counts, saved or not.
        let text = if name == "notes.md" { format!("{text}\nUnsaved words.\n") } else { text.to_owned() };
        desk.editor.open(&document, language, &text).await;
        let line = text.lines().position(|line| line.contains("goal")).unwrap_or(0);
        let at = json!({"line": line, "character": 2});
        let run = desk.editor.command("orchestrator.runGoal", json!({"uri": document, "range": {"start": at, "end": at}})).await.unwrap();
        let input = std::path::Path::new(run["workspace"].as_str().unwrap()).join("inputs").join(name);
        let attached = std::fs::read_to_string(input).ok();
        let wanted = matches!(name, "notes.md" | "add.rs").then_some(text);
        assert_eq!(attached, wanted, "{name}");
    }
    desk.editor.close().await;
}

#[tokio::test]
async fn an_interrupted_run_is_offered_once_in_one_line_that_takes_no_focus() {
    let mut desk = Desk::new("vscode", &[], &[("notes.md", TEXT)]).await;
    let run = desk.editor.command("orchestrator.runGoal", json!("Write a guide about the sea")).await.unwrap();
    let workspace = std::path::PathBuf::from(run["workspace"].as_str().unwrap());
    desk.until(&run["runId"], "waiting_approval").await;
    desk.editor.command("orchestrator.stop", json!({"runId": run["runId"]})).await.unwrap();
    // As a crash leaves it: planned, and nobody holds it.
    for name in ["workflow-state.json", ".orchestrator/journal.jsonl"] {
        let path = workspace.join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let torn: String = text
            .lines()
            .filter(|line| name.ends_with("state.json") || line.contains("run_started"))
            .map(|line| format!("{line}\n"))
            .collect();
        if name.ends_with("state.json") { std::fs::remove_file(&path).unwrap() } else { std::fs::write(&path, torn).unwrap() }
    }
    let Desk { folder, editor, .. } = desk;
    editor.close().await;
    let mut editor = crate::support::desk::builder("vscode", folder.path(), &[])
        .ignore("workspace/codeLens/refresh")
        .ignore("textDocument/publishDiagnostics")
        .start()
        .await;
    let told = editor.expect("window/showMessage").await;
    let message = told["params"]["message"].as_str().unwrap();
    assert!(message.contains("interrupted") && message.contains("orchestrator.resume"), "{message}");
    // A second message would be left unread and fail the test.
    editor.command("orchestrator.listWorkspaces", Value::Null).await.unwrap();
    editor.close().await;
}

#[tokio::test]
async fn files_that_change_on_disk_are_taken_in_once() {
    let mut desk = Desk::new("vscode", &[], &[("orchestrator.json", "{}\n")]).await;
    let path = desk.path("orchestrator.json");
    let document = desk.uri("orchestrator.json");
    std::fs::write(&path, "{\"goals\": {\"markers\": [\"please:\"]}}\n").unwrap();
    desk.editor.notify("workspace/didChangeWatchedFiles", json!({"changes": [{"uri": document, "type": 2}]})).await;
    let notes = desk.uri("notes.md");
    desk.editor.open(&notes, "markdown", "please: write a guide\n").await;
    desk.until_lens(&notes, "▶ Run goal").await;
    // Nonsense is passed over.
    desk.editor.notify("workspace/didChangeWatchedFiles", json!({"changes": [{"uri": "untitled:x", "type": 1}]})).await;
    desk.editor.notify("workspace/didChangeWatchedFiles", json!({"changes": 3})).await;
    desk.editor.close().await;
}
