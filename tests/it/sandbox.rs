//! `security.sandbox_mode`: no network tools, no reading of the project, and tools that work as ever inside the kernel's fence.
use std::sync::{Arc, Mutex};

use ai_orchestrator::domain::policy::ProjectRead;
use ai_orchestrator::domain::{RunStatus, StepStatus};
use ai_orchestrator::sys::fence::{Fence, in_force};
use serde_json::json;

use crate::machine::Machine;
use crate::support::scripted::{Rig, Scripted, artifacts, calls, goal, results, says, with_plan};

const PLAN: &str = "---\norchestrator: plan/1\n---\n# Plan: Two\n
- [ ] s1 researcher: Look\n  - output: notes.md\n  - uses: project, web
- [ ] s2 analyst: Count\n  - needs: s1\n  - output: report.md\n";

#[tokio::test]
async fn a_sandboxed_run_reaches_neither_web_nor_project_and_its_tools_work() {
    let offered: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&offered);
    let mut rig = Rig::new(Scripted::new(move |request, turn| {
        seen.lock().unwrap().extend(request.tools.iter().map(|tool| tool.name.clone()));
        match (request.brief.step.to_string().as_str(), turn) {
            ("s1", 1) => calls(vec![
                ("read_project", json!({"path": "facts.txt"})),
                ("web_fetch", json!({"url": "https://example.com/"})),
                ("write_file", json!({"path": "deep/data.csv", "content": "k,v\na,1\nb,2\n"})),
                ("read_file", json!({"path": "deep/data.csv"})),
            ]),
            ("s2", 1) => calls(vec![
                ("profile_data", json!({"path": "deep/data.csv"})),
                ("query_data", json!({"sql": "select sum(v) from data"})),
                ("make_chart", json!({"path": "c.svg", "sql": "select k, v from data", "kind": "bar", "title": "t"})),
                ("list_files", json!({})),
            ]),
            _ => says(&format!("{:?}", results(request))),
        }
    }));
    std::fs::write(rig.project().join("facts.txt"), "FACT-1").unwrap();
    rig.settings.sandbox_mode = true;
    rig.settings.project_read = ProjectRead::Allow;
    let run = rig.orchestrator().start_with(goal("Count"), with_plan(PLAN)).await.unwrap();
    let result = run.finished().await.unwrap();
    assert_eq!(result.status, RunStatus::Completed, "{result:#?}");
    assert!(run.state().steps.iter().all(|step| step.status == StepStatus::Completed));
    let found = artifacts(&result.workspace);
    assert!(found["c.svg"].contains("<svg") && found["deep/data.csv"].contains("b,2"), "{found:#?}");
    let (notes, report) = (&found["notes.md"], &found["report.md"]);
    assert!(
        !notes.contains("FACT-1") && notes.contains("wrote deep/data.csv") && notes.contains("there is no tool `web_fetch`"),
        "{notes}"
    );
    assert!(report.contains("[3") || report.contains("3.0") || report.contains("\\\"3\\\""), "the query was answered: {report}");
    assert!(!offered.lock().unwrap().iter().any(|name| name.starts_with("web_")), "{offered:?}");
    let summary = std::fs::read_to_string(result.workspace.join("execution-summary.md")).unwrap();
    let journal = std::fs::read_to_string(result.workspace.join(".orchestrator/journal.jsonl")).unwrap();
    assert!(journal.contains(in_force().describe()), "what is in force is said: {summary}");
}

#[test]
fn the_program_runs_in_the_sandbox_as_without_and_the_doctor_says_what_is_in_force() {
    let machine = Machine::new();
    std::fs::write(machine.project().join("sales.csv"), "date,amount\n2026-01-01,5\n2026-02-01,7\n").unwrap();
    let files = |sandbox: &str| {
        let words = ["--json", "--provider", "offline", "--non-interactive", "Create a Python dashboard for monthly sales from sales.csv"];
        let output = machine.command(&words).env("ORCHESTRATOR_SECURITY__SANDBOX_MODE", sandbox).output().unwrap();
        let said = crate::machine::Said::of(output);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let last: serde_json::Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
        artifacts(std::path::Path::new(last["workspace"].as_str().unwrap()))
    };
    // The ledger of what was read carries the run's id and times.
    let (mut inside, mut outside) = (files("true"), files("false"));
    assert_eq!(inside.remove("evidence.json").is_some(), outside.remove("evidence.json").is_some());
    assert_eq!(inside, outside);
    let doctor = machine.command(&["doctor", "--json"]).env("ORCHESTRATOR_SECURITY__SANDBOX_MODE", "true").output().unwrap();
    let report = String::from_utf8(doctor.stdout).unwrap();
    assert!(report.contains("\"sandbox\"") && report.contains(in_force().describe()), "{report}");
    assert_eq!(report.contains("a newer Linux kernel"), in_force() != Fence::Whole, "{report}");
}
