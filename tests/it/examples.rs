//! The example goals, run again: what they leave is what the repository shows. `UPDATE_DOCS=1 cargo test --test it examples` renews the shown workspaces.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use crate::machine::{Machine, Said};

const EXAMPLES: [&str; 5] = ["api-documentation", "code-review", "data-analysis", "podcast-research", "weekly-report"];

/// Stands for the folder in which an example was run.
const SHOWN_PLACE: &str = "/home/ada/examples";

fn shown(example: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "workspace" && entry.file_name() != "workspaces" {
                copy(&entry.path(), &target);
            }
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below, by its path; what only a program reads is left out.
fn files(root: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                if entry.file_name() != ".orchestrator" {
                    walk(root, &path, found);
                }
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

/// The workspace that the example's goal file leaves.
fn run(example: &str) -> BTreeMap<String, String> {
    let machine = Machine::new();
    let examples = machine.project().join("examples");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &examples);
    let folder = examples.join(example);
    let goal = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let goal = goal.into_iter().find(|name| name.ends_with(".goal.md")).unwrap();
    let mut command = machine.command(&["--provider", "offline", "--non-interactive", "--json", &goal]);
    let said = Said::of(command.current_dir(&folder).output().unwrap());
    assert_eq!(said.code, 0, "{example}: {}{}", said.out, said.err);
    let result: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    let real = fs::canonicalize(&examples).unwrap();
    let place = |text: String| text.replace(real.to_str().unwrap(), SHOWN_PLACE).replace(examples.to_str().unwrap(), SHOWN_PLACE);
    files(Path::new(result["workspace"].as_str().unwrap())).into_iter().map(|(name, text)| (name, place(text))).collect()
}

/// What differs from run to run: times, durations, ids and hashes.
fn without_times(text: &str) -> String {
    let rules = [
        (r"\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})", "TIME"),
        (r"\bread \d{4}-\d{2}-\d{2}\b", "read DATE"),
        (r"week-\d{2}/\d{4}-\d{2}-\d{2}/", "WEEK/"),
        (r"\b\d{6}(-\d)?-[a-z0-9]{2,}\b", "RUN"),
        (r"-\d{6}(-\d)?\b", "-CLOCK"),
        (r"_\d{6}(-\d+)?\.log", "_CLOCK.log"),
        (r"\b\d{2}:\d{2}(:\d{2})?\b", "CLOCK"),
        (r"\b\d+(\.\d+)? (ms|s|min)\b", "DURATION"),
        (r"\b\d{13}\b", "INSTANT"),
        (r#"(_ms"?: ?)\d+"#, "${1}0"),
        (r"<!-- (A\d+) [0-9a-f]+ -->", "<!-- $1 HASH -->"),
        (r#"("[a-z_]*hash": ?")[0-9a-f]+"#, "${1}HASH"),
        (r#""sha256": ?"[0-9a-f]+""#, "\"sha256\": \"HASH\""),
        (r"\[\^s[0-9]+\]", "[^sN]"),
        (r"evidence/s[0-9]+\.txt", "evidence/sN.txt"),
    ];
    rules.iter().fold(text.to_owned(), |text, (pattern, with)| Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned())
}

fn comparable(files: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    // The history counts bytes of texts that hold times; calls that run side by side end in another order each time, which numbers sources anew.
    let left_out = ["workflow-", "agent_outputs/", "workspace-info.json", "evidence"];
    let told = |name: &&String| !left_out.iter().any(|start| name.starts_with(start));
    let sorted = |text: &str| {
        let text = without_times(text);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    files.iter().filter(|(name, _)| told(name)).map(|(name, text)| (without_times(name), sorted(text))).collect()
}

fn renew(example: &str, files: &BTreeMap<String, String>) {
    let folder = shown(example).join("workspace");
    let _ = fs::remove_dir_all(&folder);
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn check(example: &str) {
    let now = run(example);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return renew(example, &now);
    }
    let (shown, now) = (comparable(&files(&shown(example).join("workspace"))), comparable(&now));
    assert_eq!(
        shown.keys().collect::<Vec<_>>(),
        now.keys().collect::<Vec<_>>(),
        "{example}: `UPDATE_DOCS=1 cargo test --test it examples` renews it"
    );
    for (name, text) in &shown {
        assert_same(example, name, text, &now[name]);
    }
}

fn assert_same(example: &str, name: &str, shown: &str, now: &str) {
    let first = shown.lines().zip(now.lines()).enumerate().find(|(_, (shown, now))| shown != now);
    assert!(
        shown == now,
        "{example}/{name} is not what the goal leaves now, first at {first:?}; `UPDATE_DOCS=1 cargo test --test it examples` renews it"
    );
}

#[test]
fn the_api_documentation_is_what_its_goal_leaves() {
    check("api-documentation");
}

#[test]
fn the_code_review_is_what_its_goal_leaves() {
    check("code-review");
}

#[test]
fn the_data_analysis_is_what_its_goal_leaves() {
    check("data-analysis");
}

#[test]
fn the_podcast_research_is_what_its_goal_leaves() {
    check("podcast-research");
}

#[test]
fn the_weekly_report_is_what_its_goal_leaves() {
    check("weekly-report");
}

#[test]
fn every_example_is_in_the_list_of_examples() {
    let list = fs::read_to_string(shown("README.md")).unwrap();
    for example in EXAMPLES {
        assert!(list.contains(&format!("({example}/")), "{example}");
        let no_model = |text: &String| text.lines().take(6).any(|line| line.contains("o language model was used"));
        let outputs = files(&shown(example).join("workspace"));
        assert!(outputs.values().any(no_model), "{example}");
    }
}

#[test]
fn no_example_names_a_place_of_the_machine_it_was_made_on() {
    for example in EXAMPLES {
        for (name, text) in files(&shown(example)) {
            assert!(!text.contains("/tmp/") && !text.contains("/root"), "{example}/{name}");
        }
    }
}
