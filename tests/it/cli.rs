//! The real program with real runs: offline, without key, network or terminal.
use std::path::PathBuf;

use serde_json::Value;

use crate::machine::{Machine, Said};

const GOAL: &str = "Write an article on bees";

fn workspace(machine: &Machine) -> PathBuf {
    let listed = machine.run(&["--list", "--json"]);
    let rows: Value = serde_json::from_str(&listed.out).unwrap();
    PathBuf::from(rows[0]["workspace"].as_str().unwrap())
}

fn status(machine: &Machine) -> String {
    let rows: Value = serde_json::from_str(&machine.run(&["--list", "--json"]).out).unwrap();
    rows[0]["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_goal_becomes_a_workspace_with_its_summary() {
    let machine = Machine::new();
    let said = machine.run(&["--provider", "offline", "--non-interactive", GOAL]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("execution-summary.md") && said.out.contains("Artifacts:"), "{}", said.out);
    let workspace = workspace(&machine);
    for name in ["plan.md", "context-main.md", "workflow-state.json", "execution-summary.md", "approvals.md"] {
        assert!(workspace.join(name).is_file(), "{name}");
    }
    let again = machine.run(&["--resume", workspace.to_str().unwrap()]);
    assert_eq!(again.code, 0);
    assert!(again.out.starts_with("already completed"), "{}", again.out);
}

#[test]
fn json_output_is_json_to_the_last_line() {
    let machine = Machine::new();
    let said = machine.run(&["--json", "--provider", "offline", "--non-interactive", GOAL]);
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["type"], "run_started");
    let last = lines.last().unwrap();
    assert_eq!((last["type"].as_str(), last["status"].as_str()), (Some("result"), Some("completed")));
    assert_eq!(last["summary"]["cost_usd"], 0.0);
    assert!(last["workspace"].as_str().is_some_and(|path| PathBuf::from(path).is_absolute()));
    for (number, line) in lines.iter().rev().skip(1).rev().enumerate() {
        assert_eq!(line["seq"], number + 1);
        assert_eq!(line["type"], line["event"]);
    }
}

#[test]
fn without_a_terminal_nothing_is_assumed() {
    let machine = Machine::new();
    let said = machine.run(&["--provider", "offline", GOAL]);
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("ai-orchestrator approve") && said.err.contains("--resume"), "{}", said.err);
    assert_eq!(status(&machine), "waiting_approval");
    let path = workspace(&machine);
    let path = path.to_str().unwrap();
    let approved = machine.run(&["approve", path, "a1"]);
    assert_eq!((approved.code, approved.out.as_str()), (0, "A1 approved\n"), "{}", approved.err);
    assert_eq!(machine.run(&["approve", path, "A1"]).code, 2, "it is decided already");
    assert_eq!(machine.run(&["--resume", path]).code, 0);
    assert_eq!(status(&machine), "completed");
}

#[test]
fn a_rejected_plan_ends_the_run() {
    let machine = Machine::new();
    assert_eq!(machine.run(&["--plan-only", "--provider", "offline", GOAL]).code, 0);
    let path = workspace(&machine);
    let path = path.to_str().unwrap();
    assert_eq!(machine.run(&["reject", path, "A1", "--note", "not now"]).code, 0);
    assert_eq!(machine.run(&["--resume", path]).code, 1);
    assert_eq!(status(&machine), "cancelled");
    assert_eq!(machine.run(&["--resume", path]).code, 2);
}

#[test]
fn plan_only_prints_where_the_plan_is() {
    let machine = Machine::new();
    let said = machine.run(&["--plan-only", "--provider", "offline", GOAL]);
    assert_eq!(said.code, 0);
    assert!(said.out.starts_with("Plan: ") && said.out.trim_end().ends_with("plan.md"), "{}", said.out);
    assert_eq!(status(&machine), "waiting_approval");
}

#[test]
fn a_wrong_configuration_stops_only_what_runs_goals() {
    let machine = Machine::new();
    std::fs::create_dir(machine.project().join("config")).unwrap();
    std::fs::write(machine.project().join("config/orchestrator.json"), "{\n  \"agent\": {\"max_parallel\": \"four\"}\n}").unwrap();
    let said = machine.run(&["--provider", "offline", "--non-interactive", GOAL]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("config/orchestrator.json:2: agent.max_parallel"), "{}", said.err);
    assert_eq!(machine.run(&["--list"]).code, 0);
    assert_eq!(machine.run(&["doctor"]).code, 1);
}

#[test]
fn a_projects_own_endpoint_waits_for_trust() {
    let machine = Machine::new();
    std::fs::write(machine.project().join("orchestrator.json"), "{\"model\": {\"base_url\": \"http://localhost:1/v1\"}}").unwrap();
    let asked = machine.run(&["trust"]);
    assert_eq!(asked.code, 2, "nobody is there to ask");
    assert!(asked.out.contains("model.base_url") && asked.out.contains("orchestrator.json:1"), "{}", asked.out);
    assert_eq!(machine.run(&["trust", "--yes"]).code, 0);
    assert!(machine.run(&["trust"]).out.starts_with("nothing to trust"));
}

#[test]
fn one_agent_does_one_step() {
    let machine = Machine::new();
    let words = ["--agent", "writer", "Say hello", "--output", "hello.md", "--provider", "offline", "--non-interactive"];
    assert_eq!(machine.run(&words).code, 0);
    assert!(workspace(&machine).join("hello.md").is_file());
    let unknown = machine.run(&["--agent", "nobody", "Say hello", "--provider", "offline", "--non-interactive"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.starts_with("error: agent failed to spawn"), "{}", unknown.err);
}

#[test]
fn ended_workspaces_are_cleaned_and_named() {
    let machine = Machine::new();
    assert_eq!(machine.run(&["--provider", "offline", "--non-interactive", GOAL]).code, 0);
    let path = workspace(&machine);
    let dry = machine.run(&["--cleanup", "0", "--dry-run"]);
    assert_eq!(dry.out.trim_end(), path.to_str().unwrap());
    assert!(path.is_dir());
    assert_eq!(machine.run(&["--cleanup", "0"]).out, dry.out);
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn a_polite_kill_leaves_a_run_that_can_be_resumed() {
    let machine = Machine::new();
    let mut command = machine.command(&["--json", "--provider", "offline", "--non-interactive", GOAL]);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"step_started\"") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut out, &mut line).unwrap() > 0, "the run ended before a step started");
    }
    let killed = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    let said = Said::of(child.wait_with_output().unwrap());
    // A run that was quicker than the signal is as good.
    assert!(matches!(said.code, 0 | 130), "{}: {}", said.code, said.err);
    let path = workspace(&machine);
    assert_eq!(machine.run(&["--resume", path.to_str().unwrap(), "--non-interactive"]).code, 0);
    assert_eq!(status(&machine), "completed");
}
