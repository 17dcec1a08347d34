//! docs/lsp.md against the running server: each field that the page gives an argument is one the command knows, and each answer has the fields that the
//! page gives its result and no other.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::support::desk::{Desk, verdict};

/// The fields that a shape like `{decided, reason?}` or `[{name, parts: [{x}]}]` names at its top, and whether each may be missing.
fn fields(shape: &str) -> BTreeMap<String, bool> {
    let inner = shape.trim_start_matches('[').strip_prefix('{').unwrap_or_else(|| panic!("no shape: {shape}"));
    let (mut depth, mut names, mut name, mut in_name) = (0, Vec::new(), String::new(), true);
    for c in inner.chars() {
        match c {
            '}' | ']' if depth == 0 => break,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut name));
                in_name = true;
            }
            ':' if depth == 0 => in_name = false,
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            c if in_name && depth == 0 => name.push(c),
            _ => {}
        }
    }
    names.push(name);
    let field = |name: String| (name.trim().trim_end_matches('?').to_owned(), name.trim().ends_with('?'));
    names.into_iter().map(field).collect()
}

struct Row {
    argument: BTreeMap<String, bool>,
    result: BTreeMap<String, bool>,
    is_list: bool,
}

/// The first shape in a cell of the page.
fn shape(cell: &str) -> Option<&str> {
    cell.split('`').skip(1).step_by(2).find(|code| code.starts_with('{') || code.starts_with("[{"))
}

/// The table of commands as the page has it. `same` stands for the row above.
fn page() -> BTreeMap<String, Row> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lsp.md")).unwrap();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut argument = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `orchestrator.")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !cells[2].starts_with("the same") {
            argument = shape(cells[2]).map(fields).unwrap_or_default();
        }
        let result = shape(cells[3]);
        let row = Row {
            argument: argument.clone(),
            result: result.map(fields).unwrap_or_default(),
            is_list: result.is_some_and(|shape| shape.starts_with('[')),
        };
        rows.insert(cells[1].trim_matches('`').strip_prefix("orchestrator.").unwrap().to_owned(), row);
    }
    rows
}

#[test]
fn shapes_are_read_as_they_are_written() {
    let read = |shape: &str| fields(shape).into_iter().collect::<Vec<(String, bool)>>();
    assert_eq!(read("{a, b?}"), [("a".into(), false), ("b".into(), true)]);
    assert_eq!(read("[{a, b: [{x, y}], c: {z}}]"), [("a".into(), false), ("b".into(), false), ("c".into(), false)]);
}

#[tokio::test]
async fn every_field_of_an_argument_in_the_page_is_one_that_the_command_knows() {
    let mut desk = Desk::new("zed", &[], &[]).await;
    let mut tried = 0;
    for (command, row) in page() {
        for field in row.argument.keys() {
            // Nothing that any field could be: what is passed over is not known.
            let wrong = json!({ field.as_str(): [[["x"]]] });
            let refusal = desk.editor.command(&format!("orchestrator.{command}"), wrong).await.expect_err(&format!("{command} {field}"));
            assert_eq!(refusal.code, -32602, "{command} {field}: {}", refusal.message);
            assert!(!refusal.message.contains("missing field"), "{command} passes over {field}: {}", refusal.message);
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
    desk.editor.close().await;
}

/// Runs a command and holds its answer against the page.
async fn held(desk: &mut Desk, rows: &mut BTreeMap<String, Row>, (command, argument): (&str, Value)) -> Value {
    let row = rows.get_mut(command).unwrap();
    let answer =
        desk.editor.command(&format!("orchestrator.{command}"), argument).await.unwrap_or_else(|error| panic!("{command}: {error:?}"));
    assert_eq!(answer.is_array(), row.is_list, "{command}: {answer}");
    let one = if row.is_list { answer[0].clone() } else { answer.clone() };
    let given: BTreeSet<&String> = one.as_object().unwrap_or_else(|| panic!("{command}: {answer}")).keys().collect();
    for (field, optional) in &row.result {
        assert!(*optional || given.contains(field), "{command} gives no `{field}`: {answer}");
    }
    for field in given {
        assert!(row.result.contains_key(field), "{command} gives `{field}`, which is not in the page: {answer}");
    }
    answer
}

const TEXT: &str = "# Notes\n\nSales grew in spring and fell in autumn.\n\n- [ ] goal: Write documentation for these notes\n";

#[tokio::test]
async fn every_answer_has_the_fields_that_the_page_gives_it() {
    let mut rows = page();
    let mut desk = Desk::new("zed", &[("APPROVALS__MODE", "steps")], &[("notes.md", TEXT)]).await;
    let document = desk.uri("notes.md");
    desk.editor.open(&document, "markdown", TEXT).await;
    let mut seen: BTreeSet<String> = BTreeSet::new();
    macro_rules! held {
        ($command:expr, $argument:expr) => {{
            seen.insert($command.to_owned());
            held(&mut desk, &mut rows, ($command, $argument)).await
        }};
    }
    held!("newGoal", json!({}));
    held!("runSample", json!({}));
    held!("planGoal", json!({"uri": document}));
    let run = held!("runGoal", json!("Write a guide about the sea"));
    let id = run["runId"].clone();
    let state = desk.until(&id, "waiting_approval").await;
    held!("openApprovals", json!({"runId": id}));
    held!("approve", json!({"runId": id}));
    held!("approve", json!({"runId": id, "approvalId": state["approvals"][0]["id"], "hash": "000000"}));
    held!("reject", json!({"runId": id}));
    held!("skipStep", json!({"runId": id, "stepId": "s99"}));
    held!("approveAll", json!({"runId": id}));
    let state = desk.until_state(&id, "a result waits", |state| state["approvals"][0]["proposal"].is_string()).await;
    held!("showChanges", json!({"runId": id}));
    held!("showLog", json!({"runId": id}));
    held!("openWorkspace", json!({"workspace": run["workspace"], "what": "plan"}));
    // Told in words in the page.
    let whole = desk.state(&id).await;
    for field in ["status", "steps", "pending_approvals", "totals", "artifacts", "approvals", "planUri"] {
        assert!(whole.get(field).is_some(), "runState gives no {field}");
    }
    seen.insert("runState".into());
    held!("approve", verdict(&state));
    held!("retryStep", json!({"runId": id, "stepId": "s1"}));
    held!("stop", json!({"runId": id}));
    let agent = held!("spawnAgent", json!({"agent": "writer", "task": "Summarise what is known about the sea", "outputFile": "sea.md"}));
    desk.until_state(&agent["runId"], "a result waits", |state| state["approvals"][0]["proposal"].is_string()).await;
    held!("approveAll", json!({"runId": agent["runId"]}));
    desk.until(&agent["runId"], "completed").await;
    held!("resume", json!({"workspace": agent["workspace"], "fromStep": "s1"}));
    held!("pause", json!({"runId": agent["runId"]}));
    held!("openArtifact", json!({"workspace": agent["workspace"], "path": "sea.md"}));
    let taken = json!({"workspace": agent["workspace"], "path": "sea.md"});
    held!("applyArtifact", taken.clone());
    std::fs::write(desk.path("sea.md"), "Mine.\n").unwrap();
    let mut based = taken;
    based["base"] = json!("000000");
    assert!(held!("applyArtifact", based)["reason"].is_string());
    held!("listWorkspaces", json!({"limit": 5}));
    held!("doctor", json!({}));
    assert!(desk.editor.command("orchestrator.cleanup", json!({"days": 0})).await.unwrap()[0].is_string(), "a list of folders");
    seen.insert("cleanup".into());
    let all: BTreeSet<String> = rows.keys().cloned().collect();
    assert_eq!(seen, all, "every command of the page is held against it");
    desk.editor.close().await;
}
