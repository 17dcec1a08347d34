//! Reference pages against the code: commands, capabilities, findings and spans that exist are in them, and those in them exist.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use crate::machine::Machine;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What the first group of the pattern finds.
fn all(text: &str, pattern: &str) -> BTreeSet<String> {
    Regex::new(pattern).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_command_of_the_server_has_a_row_and_every_row_a_command() {
    let code = all(&read("src/lsp/commands.rs"), r#"row\(\s*"(orchestrator\.\w+)""#);
    let page = all(&read("docs/lsp.md"), r"(?m)^\| `(orchestrator\.\w+)` \|");
    assert!(code.len() >= 22, "{code:?}");
    assert_eq!(code, page);
}

#[test]
fn every_notification_of_our_own_and_every_kind_of_action_is_in_the_reference() {
    let page = read("docs/lsp.md");
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lsp")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for name in all(&text, r#""(orchestrator/\w+)""#).into_iter().chain(all(&text, r#"KIND_\w+: &str = "([\w.]+)""#)) {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}

#[test]
fn every_message_that_the_server_sends_is_in_the_reference_and_no_other() {
    let mut sent = BTreeSet::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lsp")).unwrap().map(Result::unwrap) {
        if !file.file_name().to_string_lossy().ends_with("tests.rs") {
            let text = fs::read_to_string(file.path()).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            sent.extend(all(text, r#"\b(?:ask|ask_beside|tell|mention)\(\s*"([$\w/]+)""#));
        }
    }
    assert!(sent.len() > 12, "{sent:?}");
    let page = read("docs/lsp.md");
    for method in &sent {
        assert!(page.contains(&format!("`{method}`")), "{method} is sent and not in the page");
    }
    let (_, asked) = page.split_once("## What the server asks of the client").unwrap();
    for row in asked.lines().filter(|line| line.starts_with("| `")) {
        let methods = all(row.split('|').nth(1).unwrap(), r"`([$\w/]+)`");
        assert!(!methods.is_empty(), "{row}");
        for method in methods {
            assert!(sent.contains(&method), "{method} is in the page and never sent");
        }
    }
}

#[test]
fn every_capability_of_the_server_is_in_the_reference() {
    let page = read("docs/lsp.md").to_lowercase();
    let offered = all(&read("src/lsp/capabilities.rs"), r"(?m)^        (\w+)_provider: Some");
    assert!(offered.len() > 10, "{offered:?}");
    for name in offered {
        let method = if name == "workspace_symbol" { "workspace/symbol".to_owned() } else { name.replace('_', "") };
        assert!(page.contains(&format!("{method}`")), "{name}");
    }
}

#[test]
fn every_finding_of_doctor_has_its_cure() {
    let rows = Regex::new(r"(?m)^\| (\w+) \| (failed|warning) \| .+ \| .+ \|$").unwrap();
    let page = read("docs/troubleshooting.md");
    let mut cures: Vec<(String, String)> = rows.captures_iter(&page).map(|row| (row[1].to_owned(), row[2].to_owned())).collect();
    let source = read("src/orchestrator/doctor.rs") + &read("src/orchestrator/doctor_model.rs");
    let mut found: Vec<(String, String)> = Regex::new(r#"check\(\s*"(\w+)",\s*Status::(Failed|Warning)"#)
        .unwrap()
        .captures_iter(&source)
        .map(|call| (call[1].to_owned(), call[2].to_lowercase()))
        .collect();
    // The configuration's findings are made in one place, with the status of the problem.
    found.extend(["failed", "warning"].map(|status| ("configuration".to_owned(), status.to_owned())));
    found.sort();
    cures.sort();
    assert_eq!(found, cures);
}

#[test]
fn the_problems_that_the_source_document_names_keep_their_words() {
    let page = read("docs/troubleshooting.md");
    for words in ["Agent failed to spawn", "Workspace creation failed", "Context not updating"] {
        assert!(page.contains(&format!("### \"{words}\"")), "{words}");
        let spoken = words.to_lowercase();
        let sources = ["src/orchestrator/start.rs", "src/orchestrator/planner.rs", "src/workspace/store.rs"];
        assert!(sources.iter().any(|source| read(source).contains(&spoken)), "{spoken}");
    }
}

#[test]
fn every_field_of_a_span_is_in_the_page_on_observability() {
    let page = read("docs/observability.md");
    let fields = all(&read("src/orchestrator/spans.rs"), r"\b((?:gen_ai|orchestrator|error)\.[a-z_.]+) = ");
    assert!(fields.len() > 20, "{fields:?}");
    for field in fields {
        assert!(page.contains(&format!("`{field}`")), "{field}");
    }
}

#[test]
fn every_word_of_the_command_line_is_in_its_page() {
    let page = read("docs/command-line.md");
    let help = Machine::new().run(&["--help"]).out;
    let words = all(&help, r"(?m)^ +(?:-\w, )?(--[a-z-]+)").into_iter().chain(all(&help, r"(?m)^  ([a-z][a-z-]+)  "));
    for word in words {
        assert!(page.contains(&format!("`{word}")), "{word}");
    }
}

#[test]
fn every_page_is_in_the_index_and_every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let index = read("docs/README.md");
    let link = Regex::new(r"\]\(([^)#\s]+)(?:#[^)]*)?\)").unwrap();
    let mut broken = Vec::new();
    for entry in
        fs::read_dir(root.join("docs")).unwrap().map(Result::unwrap).filter(|entry| entry.path().extension().is_some_and(|e| e == "md"))
    {
        let name = entry.file_name().into_string().unwrap();
        assert!(name == "README.md" || index.contains(&format!("({name})")), "{name} is not in docs/README.md");
    }
    for page in ["docs", "examples", "."] {
        for entry in
            fs::read_dir(root.join(page)).unwrap().map(Result::unwrap).filter(|entry| entry.path().extension().is_some_and(|e| e == "md"))
        {
            let text = fs::read_to_string(entry.path()).unwrap();
            let targets = link.captures_iter(&text).map(|found| found[1].to_owned()).filter(|target| !target.contains("://"));
            broken.extend(
                targets
                    .filter(|target| !root.join(page).join(target).exists())
                    .map(|target| format!("{}: {target}", entry.path().display())),
            );
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What doctor says with this configuration and these variables: (name, status) of all that is not ok.
fn complaints(config: &str, variables: &[(&str, &str)], prepare: impl Fn(&Path)) -> (i32, Vec<(String, String, String)>) {
    let machine = Machine::new();
    fs::write(machine.project().join("orchestrator.json"), config).unwrap();
    prepare(&machine.project());
    let mut command = machine.command(&["doctor", "--json"]);
    // No look for a local Ollama: what runs on the tester's machine is no part of this.
    command.env("ORCHESTRATOR_MODEL__PROVIDER", "offline").envs(variables.iter().copied());
    let said = crate::machine::Said::of(command.output().unwrap());
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["status"] != "ok");
    (
        said.code,
        checks
            .map(|check| (text(check, "name"), text(check, "status"), format!("{} {}", text(check, "message"), text(check, "hint"))))
            .collect(),
    )
}

#[test]
fn doctor_says_what_is_wrong_whatever_was_broken() {
    let nothing = |_: &Path| {};
    assert_eq!(complaints("{}", &[], nothing), (0, Vec::new()));
    type Broken<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);
    let broken: [Broken<'_>; 5] = [
        (r#"{"agent": {"max_parallel": "many"}}"#, &[], "configuration", "orchestrator.json:1"),
        (r#"{"agent": {"default_max_turn": 3}}"#, &[], "configuration", "default_max_turns"),
        ("{ not json", &[], "configuration", "orchestrator.json"),
        ("{}", &[("ORCHESTRATOR_MODEL__PROVIDER", "anthropic")], "key", "ANTHROPIC_API_KEY"),
        ("{}", &[("ORCHESTRATOR_WORKSPACE__BASE_DIR", "orchestrator.json")], "base_dir", "workspace.base_dir"),
    ];
    for (config, variables, name, word) in broken {
        let (_, found) = complaints(config, variables, nothing);
        assert!(found.iter().any(|(check, _, said)| check == name && said.contains(word)), "{config} {variables:?}: {found:?}");
    }
}

#[test]
fn the_list_says_what_a_run_waits_for_or_how_it_ended() {
    let machine = Machine::new();
    let offline = ["--provider", "offline"];
    machine.run(&[&offline[..], &["--plan-only", "Write an article on bees"]].concat());
    machine.run(&[&offline[..], &["--non-interactive", "Write an article on ants"]].concat());
    let list = machine.run(&["--list"]).out;
    assert!(list.contains("waiting approval") && list.contains("completed"), "{list}");
    let doctor = machine.run(&["doctor"]);
    assert!(doctor.out.contains("1 waiting for an approval") && doctor.out.contains("--resume"), "{}", doctor.out);
}
