//! Workspaces made by earlier versions list, resume and clean up; what we do not know in them survives.
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::machine::Machine;

/// Every version of the journal that was ever released.
const VERSIONS: [&str; 3] = ["v1", "v2", "v3"];

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::write(target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// A machine with a copy of each golden workspace of the version.
fn machine(version: &str) -> (Machine, impl Fn(&str) -> PathBuf) {
    let machine = Machine::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/workspaces");
    let day = machine.project().join("workspaces/week-48/2026-11-24");
    let place = move |name: &str| day.join(format!("{name}-202417"));
    for name in ["completed", "paused", "failed"] {
        copy(&golden.join(format!("{version}-{name}")), &place(name));
    }
    (machine, place)
}

fn rows(machine: &Machine) -> Vec<Value> {
    serde_json::from_str(&machine.run(&["--list", "--json"]).out).unwrap()
}

fn status(machine: &Machine, path: &Path) -> String {
    let rows = rows(machine);
    let row = rows.iter().find(|row| row["workspace"].as_str() == path.to_str());
    row.unwrap_or_else(|| panic!("{} is not listed: {rows:#?}", path.display()))["status"].as_str().unwrap().to_owned()
}

#[test]
fn workspaces_of_every_format_are_listed_as_they_ended() {
    for version in VERSIONS {
        let (machine, place) = machine(version);
        assert_eq!(rows(&machine).len(), 3);
        for name in ["completed", "paused", "failed"] {
            assert_eq!(status(&machine, &place(name)), name);
        }
        let without_views = place("paused");
        for view in ["workflow-state.json", "workspace-info.json"] {
            std::fs::remove_file(without_views.join(view)).unwrap();
        }
        assert_eq!(status(&machine, &without_views), "paused", "the journal alone tells as much");
    }
}

#[test]
fn workspaces_of_every_format_are_resumed() {
    for version in VERSIONS {
        let (machine, place) = machine(version);
        let resume = |name: &str, words: &[&str]| {
            let path = place(name);
            machine.run(&[&["--resume", path.to_str().unwrap(), "--provider", "offline"], words].concat())
        };
        let done = resume("completed", &[]);
        assert!(done.code == 0 && done.out.starts_with("already completed"), "{}{}", done.out, done.err);
        let before = std::fs::read_to_string(place("paused").join(".orchestrator/journal.jsonl")).unwrap();
        let said = resume("paused", &["--non-interactive"]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let after = std::fs::read_to_string(place("paused").join(".orchestrator/journal.jsonl")).unwrap();
        assert!(after.starts_with(&before) && after.len() > before.len(), "the journal only grows");
        assert_eq!(resume("failed", &[]).code, 3, "the rejected result is made and asked about again");
        let path = place("failed");
        for (question, code) in [("A3", 3), ("A4", 0)] {
            let approved = machine.run(&["approve", path.to_str().unwrap(), question]);
            assert_eq!(approved.code, 0, "{}", approved.err);
            let said = resume("failed", &[]);
            assert_eq!(said.code, code, "{}{}", said.out, said.err);
        }
        for name in ["completed", "paused", "failed"] {
            assert_eq!(status(&machine, &place(name)), "completed");
        }
    }
}

#[test]
fn what_we_do_not_know_in_a_workspace_survives_a_resume() {
    for version in VERSIONS {
        let (machine, place) = machine(version);
        let path = place("paused");
        for view in ["workflow-state.json", "workspace-info.json", "workflow-history.json"] {
            let text = std::fs::read_to_string(path.join(view)).unwrap();
            std::fs::write(path.join(view), text.replacen('{', "{\n\"house\": {\"of\": [\"a\", 1]},", 1)).unwrap();
        }
        let journal = path.join(".orchestrator/journal.jsonl");
        let text = std::fs::read_to_string(&journal).unwrap().replace("{\"seq\":", "{\"later\":true,\"seq\":");
        std::fs::write(&journal, &text).unwrap();
        let said = machine.run(&["--resume", path.to_str().unwrap(), "--provider", "offline", "--non-interactive"]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        for view in ["workflow-state.json", "workspace-info.json", "workflow-history.json"] {
            let value: Value = serde_json::from_str(&std::fs::read_to_string(path.join(view)).unwrap()).unwrap();
            assert_eq!(value["house"]["of"][1], 1, "{view}");
        }
        assert!(std::fs::read_to_string(&journal).unwrap().starts_with(&text));
    }
}

#[test]
fn workspaces_of_every_format_are_cleaned_up_once_they_ended() {
    for version in VERSIONS {
        let (machine, place) = machine(version);
        let said = machine.run(&["--cleanup", "0"]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(!place("completed").exists() && !place("failed").exists());
        assert!(place("paused").join("plan.md").exists(), "a paused run is never removed");
    }
}
