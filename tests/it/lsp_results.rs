//! Mode `steps` in an editor: a result waits as a document that is edited, compared, approved as it was saved, or given back with a note.
use serde_json::{Value, json};

use crate::support::desk::{Desk, verdict};
use crate::support::editor::uri;

const STEPS: [(&str, &str); 1] = [("APPROVALS__MODE", "steps")];
const TASK: &str = "Summarise what notes.md says about the sea";
const NOTES: [(&str, &str); 1] = [("notes.md", "# Notes\n\nThe sea is deep. The tide turns twice a day.\n")];

/// A run at the question about its only result: its id, the state, the waiting file.
async fn at_result(desk: &mut Desk) -> (Value, Value, std::path::PathBuf) {
    let run =
        desk.editor.command("orchestrator.spawnAgent", json!({"agent": "writer", "task": TASK, "outputFile": "sea.md"})).await.unwrap();
    let id = run["runId"].clone();
    let state = desk.until(&id, "waiting_approval").await;
    let file = state["approvals"][0]["proposal"].as_str().expect("a result waits in a file").strip_prefix("file://").unwrap().to_owned();
    (id, state, file.into())
}

#[tokio::test]
async fn a_result_is_edited_saved_compared_and_kept_as_it_was_saved() {
    let mut desk = Desk::new("neovim-0.12", &STEPS, &NOTES).await;
    let (id, state, file) = at_result(&mut desk).await;
    let document = uri(&file);
    let text = std::fs::read_to_string(&file).unwrap();
    desk.editor.open(&document, "markdown", &text).await;
    let lenses = desk.lenses(&document).await;
    let titles: Vec<&str> = lenses.iter().map(|lens| lens.0.as_str()).collect();
    assert_eq!(titles, ["Show changes", "Approve", "Reject"]);
    let changes = desk.editor.command(&lenses[0].1, lenses[0].2.clone()).await.unwrap();
    assert!(changes["added"].as_u64().unwrap() > 0 && changes["removed"] == 0, "{changes}");
    assert_eq!(changes["after"], document);
    while !desk.shown.try_iter().any(|shown| shown.ends_with("/s1.diff")) {
        desk.state(&id).await;
    }

    let edited = format!("{text}\nMy own last line.\n");
    desk.change(&document, 2, &edited).await;
    let unsaved = desk.editor.command("orchestrator.approve", lenses[1].2.clone()).await.unwrap();
    assert!(unsaved["reason"].as_str().unwrap().contains("save sea.md first"), "{unsaved}");
    desk.save(&document, &file, &edited).await;
    let hash = state["approvals"][0]["hash"].clone();
    let anew = desk.until_state(&id, "asked anew", |state| state["approvals"][0]["hash"] != hash).await;
    let stale = desk.editor.command("orchestrator.approve", lenses[1].2.clone()).await.unwrap();
    assert_eq!(stale["decided"], false, "the older text is not approved: {stale}");
    desk.until_state(&id, "in the lens", |_| true).await;
    assert_eq!(desk.editor.command("orchestrator.approve", verdict(&anew)).await.unwrap()["decided"], true);
    let done = desk.until(&id, "completed").await;
    let kept = std::fs::read_to_string(std::path::Path::new(done["workspace"].as_str().unwrap()).join("sea.md")).unwrap();
    assert_eq!(kept, edited);
    assert!(desk.lenses(&document).await.is_empty(), "nothing waits any more");
    desk.editor.close().await;
}

#[tokio::test]
async fn a_note_in_the_open_approvals_goes_with_a_rejection_by_lens_and_the_step_is_done_again() {
    let mut desk = Desk::new("neovim-0.12", &STEPS, &NOTES).await;
    let (id, state, file) = at_result(&mut desk).await;
    let workspace = std::path::PathBuf::from(state["workspace"].as_str().unwrap());
    let paper = workspace.join("approvals.md");
    let text = std::fs::read_to_string(&paper).unwrap();
    let text = if text.contains("> note:") { text } else { text.replacen("-->\n", "-->\n  > note:\n", 1) };
    desk.editor.open(&uri(&paper), "markdown", &text.replacen("> note:", "> note: more about the tide", 1)).await;
    let line = text.lines().position(|line| line.starts_with("- [ ] A")).unwrap();
    let actions = desk.actions(&uri(&paper), line).await;
    assert!(actions.iter().any(|action| action.0.starts_with("Show changes of sea.md")), "{actions:?}");
    let reject = actions.iter().find(|action| action.1 == "orchestrator.reject").unwrap();
    assert_eq!(desk.editor.command(&reject.1, reject.2.clone()).await.unwrap()["decided"], true);
    let again = desk.until_state(&id, "asked again", |state| state["approvals"][0]["id"] == "A2").await;
    assert_eq!(again["steps"][0]["attempt"], 2);
    let journal = std::fs::read_to_string(workspace.join(".orchestrator/journal.jsonl")).unwrap();
    assert!(journal.contains("more about the tide"));
    assert!(file.is_file());
    assert_eq!(desk.editor.command("orchestrator.approve", verdict(&again)).await.unwrap()["decided"], true);
    desk.until(&id, "completed").await;
    desk.editor.close().await;
}
