//! The real program where it needs no run: help, version, usage errors, schemas, completions, agents, and what is not available yet.
#[cfg(unix)]
use std::process::Stdio;

use crate::machine::{Machine, Said};

#[test]
fn help_and_version_go_to_standard_output() {
    let machine = Machine::new();
    let help = machine.run(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("--non-interactive") && help.out.contains("editor-config"), "{}", help.out);
    let version = machine.run(&["--version"]);
    assert_eq!((version.code, version.out.as_str()), (0, concat!("ai-orchestrator ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn bad_usage_is_two_lines_on_standard_error_and_exit_code_two() {
    let machine = Machine::new();
    for words in [&["--lst"][..], &[], &["docter"], &["--list", "--resume", "x"], &["two", "words"], &["--budget", "much", "a goal"], &[""]]
    {
        let said = machine.run(words);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{words:?}: {}", said.err);
        let lines: Vec<&str> = said.err.lines().collect();
        assert_eq!(lines.len(), 2, "{words:?}: {}", said.err);
        assert!(lines[0].starts_with("error: ") && lines[1].starts_with("hint: "), "{words:?}: {}", said.err);
    }
}

#[test]
fn the_configuration_of_an_editor_is_printed_as_it_goes_into_its_file() {
    let said = Machine::new().run(&["editor-config", "helix"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("[language-server.ai-orchestrator]\n") && said.out.contains("name = \"markdown\""), "{}", said.out);
}

#[test]
fn schemas_are_json() {
    let machine = Machine::new();
    for format in ["config", "plan", "state", "info", "history", "event"] {
        let said = machine.run(&["schema", format]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{format}");
        let schema: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert!(schema.is_object(), "{format}");
    }
}

#[test]
fn completions_are_scripts_for_every_shell() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = machine.run(&["completions", shell]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{shell}");
        assert!(said.out.contains("ai-orchestrator") && said.out.contains("plan-only"), "{shell}");
    }
}

#[test]
fn the_six_agents_are_listed_for_people_and_scripts() {
    let machine = Machine::new();
    let said = machine.run(&["agents", "--json"]);
    assert_eq!(said.code, 0);
    let agents: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let names: Vec<&str> = agents.as_array().unwrap().iter().filter_map(|agent| agent["name"].as_str()).collect();
    assert_eq!(names, ["researcher", "coder", "writer", "analyst", "designer", "qa_tester"]);
    assert!(machine.run(&["agents"]).out.contains("analysis_report.md"));
}

#[test]
fn the_doctor_shows_no_key_and_leaves_nothing_behind() {
    let machine = Machine::new();
    // The endpoint is asked for its models: nobody listens at this one.
    let mut command = machine.command(&["doctor", "--json"]);
    let output = command.env("ANTHROPIC_API_KEY", "sk-ant-secret").env("ANTHROPIC_BASE_URL", "http://127.0.0.1:9").output().unwrap();
    let said = Said::of(output);
    assert!(!said.out.contains("sk-ant-secret") && !said.err.contains("sk-ant-secret"));
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let status = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).map(|check| check["status"].clone()).unwrap()
    };
    assert_eq!(status("jail"), "ok");
    assert_eq!(status("base_dir"), "ok");
    assert_eq!(status("key"), "ok");
    let left: Vec<_> = std::fs::read_dir(machine.project()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".git"]);
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_early_is_no_crash() {
    let machine = Machine::new();
    let mut child = machine.command(&["schema", "event"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let said = Said::of(child.wait_with_output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}

#[test]
fn nothing_is_coloured_when_nobody_looks() {
    let machine = Machine::new();
    for words in [&["--help"][..], &["agents"], &["--lst"]] {
        let said = machine.run(words);
        assert!(!said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'), "{words:?}");
    }
    let output = machine.command(&["--lst"]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(Said::of(output).err.contains('\u{1b}'));
}
