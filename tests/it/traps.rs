//! Traps that other agent runners fell into, each as a run: calls paid twice by bookkeeping, sleeping machines, look-alike folders, cut emoji, hidden errors.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ai_orchestrator::domain::policy::ApprovalMode;
use ai_orchestrator::domain::{CallFailure, Command, Decision, ErrorKind, ModelRequest, Reply, RunStatus, Scope, StepStatus, Via};
use ai_orchestrator::llm::Provider;
use ai_orchestrator::orchestrator::WhenBlocked;
use ai_orchestrator::tools::MAX_RESULT_BYTES;
use ai_orchestrator::tools::files::numbered;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::machine::Machine;
use crate::support::scripted::{Rig, Scripted, artifacts, calls, goal, results, says, with_plan};

/// Answers at once, save for the first call of s2: that one waits until it is let go.
#[derive(Default)]
struct Slow {
    go: Notify,
    of_s2: AtomicUsize,
}

#[async_trait::async_trait]
impl Provider for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn default_model(&self) -> Option<String> {
        None
    }

    async fn complete(&self, request: &ModelRequest) -> Result<Reply, CallFailure> {
        if request.brief.step.to_string() == "s2" && self.of_s2.fetch_add(1, Ordering::SeqCst) == 0 {
            self.go.notified().await;
        }
        Ok(says("Done."))
    }
}

/// A record that the engine makes by itself (a refusal by the rules, a skipped step, a step whose need failed) once stopped all other work
/// of the run, which was then paid for again.
#[tokio::test]
async fn what_is_settled_without_work_sends_no_other_call_again() {
    let plan = "---\norchestrator: plan/1\n---\n# Plan: Three\n
- [ ] s1 writer: One\n  - output: one.md\n  - approve: yes
- [ ] s2 writer: Two\n  - output: two.md
- [ ] s3 writer: Three\n  - needs: s1\n  - output: three.md\n";
    let mut rig = Rig::new(Scripted::new(|_, _| says("unused")));
    rig.settings.approvals = ApprovalMode::None;
    let model = Arc::new(Slow::default());
    let orchestrator = rig.builder().provider(model.clone()).build().unwrap();
    let run = orchestrator.start_with(goal("Three things"), with_plan(plan)).await.unwrap();
    let status = |step: &str| run.state().steps.iter().find(|view| view.id.to_string() == step).map(|view| view.status);
    while status("s3") != Some(StepStatus::Failed) {
        tokio::task::yield_now().await;
    }
    model.go.notify_one();
    let result = run.finished().await.unwrap();
    assert_eq!((result.status, status("s2")), (RunStatus::Failed, Some(StepStatus::Completed)));
    assert_eq!(model.of_s2.load(Ordering::SeqCst), 1, "the call in flight was sent again");
    let summary = std::fs::read_to_string(result.workspace.join("execution-summary.md")).unwrap();
    assert!(!summary.contains("possibly paid twice"), "{summary}");
}

#[tokio::test]
async fn a_machine_that_slept_for_a_month_loses_neither_lease_nor_question() {
    let mut rig = Rig::new(Scripted::new(|_, _| says("Done.")));
    rig.interactive = true;
    let plan = "---\norchestrator: plan/1\n---\n# Plan: One\n\n- [ ] s1 writer: One\n  - output: one.md\n";
    let run = rig.orchestrator().start_with(goal("Sleep"), with_plan(plan)).await.unwrap();
    while run.state().pending_approvals.is_empty() {
        tokio::task::yield_now().await;
    }
    rig.clock.advance(Duration::from_secs(30 * 24 * 3600));
    let other = rig.orchestrator();
    let error = other.resume(&run.workspace).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Held, "an old heartbeat is no dead owner: {error}");
    assert_eq!(other.cleanup(0, false).await.unwrap().len(), 0, "a waiting run is never cleaned away");
    let pending = run.state().pending_approvals[0].clone();
    let decision = Decision { approved: true, scope: Scope::Once, note: None };
    let command = Command::Answer { id: pending.id, hash: Some(pending.hash), decision, via: Via::Library };
    assert!(run.command(command).await.unwrap().done);
    assert_eq!(run.finished().await.unwrap().status, RunStatus::Completed);
}

#[tokio::test]
async fn names_that_look_alike_are_resumed_apart_and_twins_keep_their_own_files() {
    let plan = "---\norchestrator: plan/1\n---\n# Plan: Twins\n
- [ ] s1 writer: Same\n  - output: a-b.md
- [ ] s2 writer: Same\n  - output: a_b.md\n";
    let mut rig = Rig::new(Scripted::new(|request, _| says(&format!("by {}", request.brief.step))));
    rig.interactive = true;
    rig.when_blocked = WhenBlocked::LetGo;
    let mut places = Vec::new();
    for text in ["my goal", "my-goal", "my_goal", "my.goal"] {
        let run = rig.orchestrator().start_with(goal(text), with_plan(plan)).await.unwrap();
        places.push(run.finished().await.unwrap().workspace);
    }
    rig.interactive = false;
    let journals = |places: &[std::path::PathBuf]| -> Vec<Vec<u8>> {
        places.iter().map(|place| std::fs::read(place.join(".orchestrator/journal.jsonl")).unwrap()).collect()
    };
    let before = journals(&places);
    let result = rig.orchestrator().resume(&places[2]).await.unwrap().finished().await.unwrap();
    assert_eq!((result.status, &result.workspace), (RunStatus::Completed, &places[2]));
    let after = journals(&places);
    let changed: Vec<usize> = (0..4).filter(|at| before[*at] != after[*at]).collect();
    assert_eq!(changed, [2], "only the named one was touched");
    let found = artifacts(&places[2]);
    assert_eq!((found["a-b.md"].as_str(), found["a_b.md"].as_str()), ("by s1\n", "by s2\n"));
    assert_eq!(std::fs::read_dir(places[2].join("agent_outputs")).unwrap().count(), 2, "one transcript each");
}

#[tokio::test]
async fn a_broken_pattern_is_an_error_and_not_an_empty_answer() {
    let rig = Rig::new(Scripted::new(|request, turn| match turn {
        1 => calls(vec![
            ("search_files", json!({"query": "(", "regex": true})),
            ("list_files", json!({"pattern": "["})),
            ("list_files", json!({"pattern": "*.none"})),
        ]),
        _ => says(&format!("{:?}", results(request).iter().map(|(_, is_error)| *is_error).collect::<Vec<_>>())),
    }));
    let plan = "---\norchestrator: plan/1\n---\n# Plan: One\n\n- [ ] s1 researcher: Look\n  - output: one.md\n";
    let result = rig.orchestrator().start_with(goal("Look"), with_plan(plan)).await.unwrap().finished().await.unwrap();
    assert_eq!(artifacts(&result.workspace)["one.md"], "[true, true, false]\n");
}

#[test]
fn a_cut_never_splits_a_character() {
    for text in ["😀".repeat(60_000), format!("a{}", "é\u{301}𝕏".repeat(30_000)), "好\n".repeat(40_000)] {
        let shown = numbered(&text, 1, None);
        assert!(shown.len() <= MAX_RESULT_BYTES && !shown.contains('\u{fffd}'), "{} bytes", shown.len());
    }
}

/// The run of a command line that has a call under way, seen and stopped by others.
#[cfg(unix)]
#[test]
fn a_live_run_of_another_process_is_listed_held_and_left_resumable_by_sigterm() {
    let machine = Machine::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let model = [("ORCHESTRATOR_MODEL__PROVIDER", "openai"), ("ORCHESTRATOR_MODEL__NAME", "m"), ("ORCHESTRATOR_MODEL__BASE_URL", &url)];
    let mut child = machine.command(&["--non-interactive", "Write about tides"]).envs(model).spawn().unwrap();
    let (connection, _) = listener.accept().unwrap();
    let row = || serde_json::from_str::<Value>(&machine.run(&["--list", "--json"]).out).unwrap()[0].clone();
    let seen = row();
    assert!(matches!(seen["status"].as_str(), Some("planning" | "running")), "{seen}");
    let path = seen["workspace"].as_str().unwrap();
    let held = machine.run(&["--resume", path, "--non-interactive", "--provider", "offline"]);
    assert!(held.code == 2 && held.err.contains(&format!("pid {}", child.id())), "{}", held.err);
    let none = machine.run(&["approve", path, "A7"]);
    assert!(none.code == 2 && none.err.contains("no approval A7"), "the letter reached the run: {}", none.err);
    let killed = std::process::Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(connection);
    assert_eq!(row()["status"], "paused");
    let resumed = machine.run(&["--resume", path, "--non-interactive", "--provider", "offline"]);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert_eq!(row()["status"], "completed");
}

/// The tables of docs/reliability.md are a promise too: a test that was renamed or removed is named there no more.
#[test]
fn every_test_named_in_the_documentation_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut source = String::new();
    for folder in ["src", "tests"] {
        for entry in ignore::WalkBuilder::new(root.join(folder)).build().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|extension| extension == "rs") {
                source.push_str(&std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let page = std::fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let is_test =
        |word: &&str| word.matches('_').count() >= 3 && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(is_test).collect();
    let missing: Vec<&&str> = named.iter().filter(|name| !source.contains(&format!("fn {name}("))).collect();
    assert!(named.len() > 40 && missing.is_empty(), "{} named, not there: {missing:?}", named.len());
}
