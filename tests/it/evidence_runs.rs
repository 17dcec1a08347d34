//! The evidence ledger through whole runs: what is kept, what agents are told, what the summary and an editor say about their claims.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ai_orchestrator::documents::evidence::check;
use ai_orchestrator::domain::{ModelRequest, RunStatus};
use ai_orchestrator::llm::offline::Offline;
use ai_orchestrator::orchestrator::evidence::of_workspace;
use ai_orchestrator::sys::Environment;
use serde_json::{Value, json};

use crate::support::editor::{Editor, uri};
use crate::support::scripted::{Rig, Scripted, calls, goal, results, says, with_plan};

const RESEARCH: [&str; 5] = ["case-mill-lane.md", "cost-survey-2024.md", "grid-note.txt", "refrigerants.md", "retrofit-basics.md"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/research").join(name)
}

fn json_of(workspace: &Path, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(workspace.join(name)).unwrap()).unwrap()
}

/// Runs a goal on the research documents to its end; the workspace.
async fn run(rig: &Rig, text: &str, plan: Option<&str>, offline: bool) -> PathBuf {
    let mut goal = goal(text);
    goal.attach = RESEARCH.iter().map(|name| fixture(name)).collect();
    let builder = if offline { rig.builder().provider(Arc::new(Offline)) } else { rig.builder() };
    let options = plan.map(with_plan).unwrap_or_default();
    let handle = builder.build().unwrap().start_with(goal, options).await.unwrap();
    let result = handle.finished().await.unwrap();
    assert_eq!(result.status, RunStatus::Completed, "{result:?}");
    result.workspace
}

#[tokio::test]
async fn everything_the_offline_provider_quotes_checks() {
    let rig = Rig::new(Scripted::new(|_, _| says("never asked")));
    let text = "Research the costs and flow temperatures of heat pumps in old houses for my podcast, with a script and show notes";
    let workspace = run(&rig, text, None, true).await;
    let grounds = of_workspace(&rig.root, &workspace).unwrap();
    let mut checked = 0;
    for entry in std::fs::read_dir(&workspace).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".md") || ["plan.md", "approvals.md", "context-main.md", "execution-summary.md"].contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let found = check(&text, &grounds);
        assert_eq!(found.flaws, [], "{name}\n{text}");
        checked += found.tally.checked;
    }
    assert!(checked >= 60, "{checked}");
    let evidence = json_of(&workspace, "evidence.json");
    assert_eq!(evidence["schema"], 1);
    let sources = evidence["sources"].as_array().unwrap();
    let survey: Vec<_> = sources.iter().filter(|source| source["origin"] == "inputs/cost-survey-2024.md").collect();
    assert!(!survey.is_empty(), "{sources:#?}");
    for source in survey {
        assert_eq!(source["kind"], "input");
        assert!(source["cite"].as_str().is_some_and(|cite| cite.starts_with("[^s")), "{source}");
    }
    let summary = std::fs::read_to_string(workspace.join("execution-summary.md")).unwrap();
    assert!(summary.contains(&format!("- claims checked: {checked}, failed: 0, uncited: ")), "{summary}");
    let notes = std::fs::read_to_string(workspace.join("research_notes.md")).unwrap();
    assert!(notes.contains("\n[^s1]: `inputs/"), "{notes}");
}

#[tokio::test]
async fn the_offline_analyst_and_writer_check_as_well() {
    let rig = Rig::new(Scripted::new(|_, _| says("never asked")));
    let workspace = run(&rig, "Write a report on what heat pumps cost in old houses", None, true).await;
    let grounds = of_workspace(&rig.root, &workspace).unwrap();
    for name in
        std::fs::read_dir(&workspace).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "md"))
    {
        let text = std::fs::read_to_string(&name).unwrap();
        if !name.ends_with("plan.md")
            && !name.ends_with("approvals.md")
            && !name.ends_with("context-main.md")
            && !name.ends_with("execution-summary.md")
        {
            assert_eq!(check(&text, &grounds).flaws, [], "{}", name.display());
        }
    }
}

const PLAN: &str = "---
orchestrator: plan/1
---
# Plan: One claim

- [ ] s1 researcher: Find the facts
  - output: notes.md
- [ ] s2 qa_tester: Check
  - needs: s1
  - output: qa_report.md
";

const FALSE: &str = "# Notes\n\nThe survey says “nobody paid anything for a heat pump” [^s1]. See https://made-up.example/study.\n\nThe median was 9,999 € [^s1]. True: “We asked 212 owners of houses” [^s1].\n";

fn liar(request: &ModelRequest, turn: usize) -> ai_orchestrator::domain::Reply {
    match (request.brief.step.to_string().as_str(), turn) {
        ("s1", 1) => calls(vec![("read_file", json!({"path": "inputs/cost-survey-2024.md"}))]),
        ("s1", 2) => {
            let told = results(request).remove(0).0;
            assert!(told.ends_with("\n[cite as: inputs/cost-survey-2024.md is [^s1]]\n"), "{told}");
            calls(vec![("write_file", json!({"path": "notes.md", "content": FALSE}))])
        }
        ("s2", 1) => calls(vec![("check_file", json!({"path": "notes.md"})), ("report_findings", json!({"findings": []}))]),
        ("s2", 2) => {
            let told = results(request);
            let checked: Value = serde_json::from_str(&told[0].0).unwrap();
            let rules: Vec<&str> = checked["problems"].as_array().unwrap().iter().filter_map(|problem| problem["rule"].as_str()).collect();
            assert_eq!(rules, ["false-quotation", "unknown-address", "number-differs"]);
            let reported: Value = serde_json::from_str(&told[1].0).unwrap();
            let reported: Vec<&str> =
                reported["findings"].as_array().unwrap().iter().filter_map(|finding| finding["rule"].as_str()).collect();
            assert_eq!(reported, rules);
            calls(vec![("write_file", json!({"path": "qa_report.md", "content": "# Report\n\nThree claims do not hold.\n"}))])
        }
        (step, _) => says(&format!("Step {step} is done.")),
    }
}

#[tokio::test]
async fn false_claims_reach_the_reviewer_and_the_summary() {
    let rig = Rig::new(Scripted::new(liar));
    let workspace = run(&rig, "Find out what heat pumps cost", Some(PLAN), false).await;
    let notes = std::fs::read_to_string(workspace.join("notes.md")).unwrap();
    assert_eq!(notes, format!("{}\n\n[^s1]: `inputs/cost-survey-2024.md`, attached\n", FALSE.trim_end()));
    let summary = std::fs::read_to_string(workspace.join("execution-summary.md")).unwrap();
    assert!(summary.contains("- sources read: 1 ([list](evidence.json))\n") && summary.contains("failed: 3, "), "{summary}");
    assert_eq!(json_of(&workspace, "evidence.json")["sources"][0]["text"], "inputs/cost-survey-2024.md");
}

#[tokio::test]
async fn an_editor_shows_false_claims_the_passage_and_the_source() {
    let rig = Rig::new(Scripted::new(liar));
    let workspace = run(&rig, "Find out what heat pumps cost", Some(PLAN), false).await;
    let artifact = workspace.join("notes.md");
    let text = std::fs::read_to_string(&artifact).unwrap();
    let home = [("HOME".to_owned(), rig.path().display().to_string())];
    let mut editor = Editor::like("vscode")
        .environment(Environment::new(home, rig.path()))
        .folder(&rig.project())
        .answer("workspace/configuration", |_| Some(json!([null])))
        .answer("workspace/codeLens/refresh", |_| Some(Value::Null))
        .answer("workspace/inlayHint/refresh", |_| Some(Value::Null))
        .start()
        .await;
    assert_eq!(editor.initialized["capabilities"]["definitionProvider"], true);
    let document = uri(&artifact);
    editor.open(&document, "markdown", &text).await;
    let published = editor.expect("textDocument/publishDiagnostics").await;
    let codes: Vec<&str> =
        published["params"]["diagnostics"].as_array().unwrap().iter().filter_map(|found| found["code"].as_str()).collect();
    assert_eq!(codes, ["false-quotation", "unknown-address", "number-differs"], "{published}");
    // On the mark of the true quotation.
    let line = text.lines().position(|line| line.contains("True:")).unwrap();
    let character = text.lines().nth(line).unwrap().rfind("[^s1]").unwrap() - 4;
    let place = json!({"textDocument": {"uri": document}, "position": {"line": line, "character": character}});
    let hover = editor.request("textDocument/hover", place.clone()).await.unwrap();
    let shown = hover["contents"]["value"].as_str().unwrap();
    assert!(shown.contains("`inputs/cost-survey-2024.md`, line 7") && shown.contains("> We asked 212 owners"), "{shown}");
    let definition = editor.request("textDocument/definition", place).await.unwrap();
    assert_eq!(definition["uri"], uri(&workspace.join("inputs/cost-survey-2024.md")));
    assert_eq!(definition["range"]["start"], json!({"line": 6, "character": 0}));
    let nowhere = json!({"textDocument": {"uri": document}, "position": {"line": 0, "character": 0}});
    assert_eq!(editor.request("textDocument/definition", nowhere).await.unwrap(), Value::Null);
    // Mended: the flaws go.
    let mended = json!({"textDocument": {"uri": document, "version": 2}, "contentChanges": [{"text": "# Notes\n"}]});
    editor.notify("textDocument/didChange", mended).await;
    assert_eq!(editor.expect("textDocument/publishDiagnostics").await["params"]["diagnostics"], json!([]));
    editor.close().await;
}
