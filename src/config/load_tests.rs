//! Loading from real files in a scratch folder: the order of the layers, what is wrong with a file, and what an untrusted project may not do.
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::trust;
use crate::domain::policy::{ApprovalMode, ProjectRead, Verdict};
use crate::sys::RealDisk;

struct Scratch {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Scratch {
    fn new() -> Self {
        let scratch = Scratch { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        std::fs::create_dir_all(scratch.project()).unwrap();
        scratch
    }

    fn with(project_file: &str) -> Self {
        let scratch = Scratch::new();
        scratch.write("project/config/orchestrator.json", project_file);
        scratch
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn user(self, content: &str) -> Self {
        self.write("home/config/ai-orchestrator/config.json", content);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    fn layers(&self) -> Layers {
        let home = self.folder.path().join("home");
        let place = |name: &str, below: &str| (name.to_owned(), home.join(below).to_string_lossy().into_owned());
        let places = [place("HOME", ""), place("XDG_CONFIG_HOME", "config"), place("XDG_STATE_HOME", "state")];
        let environment = Environment::new(self.variables.iter().cloned().chain(places), self.project());
        Layers::new(environment, RealDisk::root().unwrap(), self.project())
    }

    fn load(&self) -> Loaded {
        load(&self.layers())
    }

    fn trust_all(&self) {
        trust::record(&self.layers(), &trust::question(&self.layers())).unwrap();
    }
}

fn texts(loaded: &Loaded) -> Vec<String> {
    loaded.problems.iter().map(ToString::to_string).collect()
}

fn only(loaded: &Loaded) -> &ConfigProblem {
    assert_eq!(loaded.problems.len(), 1, "{:?}", texts(loaded));
    loaded.problems.first().unwrap()
}

#[test]
fn without_any_file_the_defaults_hold() {
    let scratch = Scratch::new();
    let loaded = scratch.load();
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.settings, Settings::defaults(scratch.project()));
    assert_eq!(loaded.settings.base_dir, scratch.project().join("workspaces"));
    assert_eq!((loaded.settings.max_parallel, loaded.settings.default_timeout, loaded.settings.max_steps), (4, 300, 12));
    assert_eq!((loaded.settings.per_run_usd, loaded.settings.per_day_usd, loaded.settings.per_run_tokens), (Some(1.0), Some(10.0), None));
    assert_eq!((loaded.settings.approvals, loaded.settings.project_read), (ApprovalMode::Plan, ProjectRead::Ask));
    assert_eq!(loaded.settings.allowed_file_extensions.len(), 24);
    assert_eq!(loaded.origins["agent.max_parallel"].layer, Layer::Default);
    assert!(loaded.project_trusted && loaded.files.is_empty());
}

#[test]
fn the_sample_of_the_source_document_loads_without_a_word() {
    let loaded = Scratch::with(include_str!("../../tests/fixtures/config/source-document.json")).load();
    assert_eq!(texts(&loaded), Vec::<String>::new());
    assert_eq!(loaded.settings.allowed_file_extensions.len(), 10);
    assert!(loaded.untrusted.is_empty());
}

#[test]
fn each_layer_beats_the_one_before() {
    let number = |value: u32| format!("{{\"agent\": {{\"max_parallel\": {value}}}}}");
    let mut scratch = Scratch::new();
    let found = |layers: &Layers| {
        let loaded = load(layers);
        assert_eq!(texts(&loaded), Vec::<String>::new());
        (loaded.settings.max_parallel, loaded.origins["agent.max_parallel"].layer)
    };
    assert_eq!(found(&scratch.layers()), (4, Layer::Default));
    scratch = scratch.user(&number(11));
    assert_eq!(found(&scratch.layers()), (11, Layer::User));
    scratch.write("project/orchestrator.json", number(12));
    assert_eq!(found(&scratch.layers()), (12, Layer::Project));
    scratch = scratch.variable("ORCHESTRATOR_AGENT__MAX_PARALLEL", "13");
    assert_eq!(found(&scratch.layers()), (13, Layer::Environment));
    let mut layers = scratch.layers();
    layers.editor = Some(json!({"agent": {"maxParallel": 14}}));
    assert_eq!(found(&layers), (14, Layer::Editor));
    layers.command_line = vec![("agent.max_parallel".into(), json!(15))];
    assert_eq!(found(&layers), (15, Layer::CommandLine));
}

#[test]
fn a_value_tells_where_it_comes_from() {
    let scratch = Scratch::with("{\n  \"agent\": {\n    \"max_parallel\": 2\n  }\n}").variable("ORCHESTRATOR_UI__PROMPT", "off");
    let loaded = scratch.load();
    let origin = &loaded.origins["agent.max_parallel"];
    assert_eq!((origin.to_string().as_str(), origin.line, origin.layer), ("config/orchestrator.json:3", Some(3), Layer::Project));
    assert_eq!(loaded.origins["ui.prompt"].variable.as_deref(), Some("ORCHESTRATOR_UI__PROMPT"));
    assert_eq!(loaded.files, [scratch.project().join("config/orchestrator.json")]);
}

#[test]
fn a_wrong_value_names_file_line_and_key_and_its_default_stands_in() {
    let text = "{\n  \"workspace\": {\n    \"base_dir\": \"w\",\n    \"max_workspace_age_days\": \"abc\"\n  }\n}";
    let loaded = Scratch::with(text).load();
    let error = loaded.errors().remove(0);
    assert_eq!(error.what, "config/orchestrator.json:4: workspace.max_workspace_age_days: expected a whole number, found \"abc\"");
    assert_eq!(error.exit_code(), 2);
    let problem = only(&loaded);
    assert_eq!(text.get(problem.span.clone().unwrap()), Some("\"abc\""));
    assert_eq!((problem.line, problem.key.as_deref()), (Some(4), Some("workspace.max_workspace_age_days")));
    assert_eq!(loaded.settings.max_workspace_age_days, 30);
    assert!(loaded.settings.base_dir.ends_with("project/w"), "what is right is used all the same");
}

#[test]
fn a_wrong_part_of_a_list_or_map_is_found_in_the_text() {
    let text =
        "{\"security\": {\"allowed_file_extensions\": [\".md\",\n\"txt\"]},\n\"agent\": {\"max_turns\": {\"coder\": 3,\n\"writer\": 0}}}";
    let loaded = Scratch::with(text).load();
    let problem = loaded.problems.first().unwrap();
    assert_eq!((text.get(problem.span.clone().unwrap()), problem.line), (Some("\"txt\""), Some(2)));
    assert_eq!(problem.hint.as_deref(), Some("write it with the dot: \".txt\""));
    let problem = loaded.problems.get(1).unwrap();
    assert_eq!((text.get(problem.span.clone().unwrap()), problem.line), (Some("0"), Some(4)));
    assert!(problem.message.contains("writer"));
}

#[test]
fn a_rule_that_contradicts_its_example_is_named_by_number() {
    let text = r#"{"approvals": {"rules": [{"decision": "ask"}, {"path": "*.md", "decision": "deny", "match": ["a.txt"]}]}}"#;
    let loaded = Scratch::with(text).load();
    let problem = only(&loaded);
    assert_eq!((problem.level, problem.key.as_deref()), (Level::Error, Some("approvals.rules")));
    assert!(problem.message.contains("entry 2") && problem.message.contains("a.txt"), "{}", problem.message);
    assert!(loaded.settings.rules.is_empty());
}

#[test]
fn an_unknown_key_is_a_warning_with_the_nearest_name() {
    for (text, key, near) in [
        (r#"{"agent": {"max_paralel": 2}}"#, "agent.max_paralel", "agent.max_parallel"),
        (r#"{"agents": {"max_parallel": 2}}"#, "agents", "agent"),
        (r#"{"max_parallel": 2}"#, "max_parallel", "agent.max_parallel"),
        (r#"{"agent.max_parallel": 2}"#, "agent.max_parallel", "nested"),
        (r#"{"budget": {"mode": "none"}}"#, "budget.mode", "approvals.mode"),
        (r#"{"agent": {"maxParallel": 2}}"#, "agent.maxParallel", ""),
    ] {
        let loaded = Scratch::with(text).load();
        let problem = only(&loaded);
        assert_eq!((problem.level, problem.key.as_deref()), (Level::Warning, Some(key)), "{text}");
        assert!(problem.hint.clone().unwrap_or_default().contains(near), "{text}: {:?}", problem.hint);
        assert!(loaded.errors().is_empty() && loaded.settings.max_parallel == 4);
    }
}

#[test]
fn broken_json_is_an_error_with_its_line() {
    for (text, line) in [
        ("{\n\"agent\": {\n", 1..=3),
        ("{\"agent\": {\"max_parallel\": 2,\n}}", 1..=2),
        ("{\n\"agent\": }", 2..=2),
        ("{'agent': {}}", 1..=1),
        ("{\"agent\": {}} {}", 1..=1),
        ("{\"agent\": {\"max_parallel\": 007}}", 1..=1),
        ("max_parallel = 3", 1..=1),
    ] {
        let loaded = Scratch::with(text).load();
        let problem = only(&loaded);
        assert_eq!(problem.level, Level::Error, "{text}");
        assert!(problem.line.is_some_and(|found| line.contains(&found)), "{text}: {:?}", problem.line);
        assert!(problem.to_error().what.starts_with("config/orchestrator.json:"), "{problem}");
    }
}

#[test]
fn what_is_no_object_is_an_error() {
    for (text, key) in [("[]", None), ("5", None), (r#"{"agent": 5}"#, Some("agent")), (r#"{"agent": null}"#, Some("agent"))] {
        let loaded = Scratch::with(text).load();
        let problem = only(&loaded);
        assert_eq!((problem.level, problem.key.as_deref()), (Level::Error, key), "{text}");
    }
}

#[test]
fn comments_marks_and_line_ends_of_windows_are_read() {
    let text = "\u{feff}{\r\n  // so many\r\n  \"$schema\": \"x\",\r\n  \"agent\": { /* at once */ \"max_parallel\": 9,\r\n \"default_timeout\": \"x\" }\r\n}\r\n";
    let loaded = Scratch::with(text).load();
    let problem = only(&loaded);
    assert_eq!((problem.line, text.get(problem.span.clone().unwrap())), (Some(5), Some("\"x\"")));
    assert_eq!(loaded.settings.max_parallel, 9);
    for empty in ["", "  \n", "// nothing\n", "{}"] {
        assert_eq!(texts(&Scratch::with(empty).load()), Vec::<String>::new());
    }
}

#[test]
fn the_place_of_every_option_is_known_to_editors() {
    let text = "\u{feff}{\"agent\": {\"max_parallel\": 2, \"nonsense\": 1}, \"ui\": {\"prompt\": \"off\"}}";
    let places = crate::config::file::places(text);
    let found: Vec<_> = places.iter().map(|place| (place.option.key, &text[place.name.clone()], &text[place.value.clone()])).collect();
    assert_eq!(found, [("agent.max_parallel", "\"max_parallel\"", "2"), ("ui.prompt", "\"prompt\"", "\"off\"")]);
    assert_eq!(crate::config::file::places("{{"), []);
}

#[test]
fn a_key_written_twice_is_a_warning_and_the_later_one_counts() {
    let loaded = Scratch::with("{\"agent\": {\"max_parallel\": 2,\n\"max_parallel\": 3}}").load();
    let problem = only(&loaded);
    assert_eq!((problem.level, problem.line, problem.key.as_deref()), (Level::Warning, Some(2), Some("agent.max_parallel")));
    assert_eq!(loaded.settings.max_parallel, 3);
}

#[test]
fn what_is_no_small_text_file_is_an_error() {
    let large = Scratch::with(&format!("{{}}{}", " ".repeat(10 * 1024 * 1024)));
    assert!(only(&large.load()).message.contains("larger than 1024 kB"));
    let binary = Scratch::new();
    binary.write("project/orchestrator.json", b"{\n\xff\xfe\0}");
    let loaded = binary.load();
    assert_eq!((only(&loaded).line, only(&loaded).level), (Some(2), Level::Error));
    assert!(only(&loaded).message.contains("UTF-8"));
    let folder = Scratch::new();
    std::fs::create_dir_all(folder.project().join("config/orchestrator.json")).unwrap();
    assert!(only(&folder.load()).message.contains("not a regular file"));
    let blocked = Scratch::new();
    blocked.write("project/config", "a file where a folder could be");
    assert_eq!(texts(&blocked.load()), Vec::<String>::new());
}

#[test]
fn the_second_file_of_a_project_is_not_read() {
    let scratch = Scratch::with(r#"{"agent": {"max_parallel": 2}}"#);
    scratch.write("project/orchestrator.json", r#"{"agent": {"max_parallel": 3}}"#);
    let loaded = scratch.load();
    assert_eq!(loaded.settings.max_parallel, 2);
    assert!(only(&loaded).to_string().starts_with("orchestrator.json: the file is not read"), "{}", only(&loaded));
}

#[cfg(unix)]
#[test]
fn a_person_s_file_may_be_a_link_and_a_project_s_may_not() {
    let scratch = Scratch::new();
    scratch.write("elsewhere.json", r#"{"agent": {"max_parallel": 7}}"#);
    std::fs::create_dir_all(scratch.folder.path().join("home/config/ai-orchestrator")).unwrap();
    let target = scratch.folder.path().join("elsewhere.json");
    std::os::unix::fs::symlink(&target, scratch.folder.path().join("home/config/ai-orchestrator/config.json")).unwrap();
    assert_eq!(scratch.load().settings.max_parallel, 7);
    std::os::unix::fs::symlink(&target, scratch.project().join("orchestrator.json")).unwrap();
    assert!(only(&scratch.load()).message.contains("not a regular file"));
}

#[test]
fn variables_are_read_strictly() {
    let number = |text: &str| {
        let loaded = Scratch::new().variable("ORCHESTRATOR_BUDGET__PER_RUN_TOKENS", text).load();
        let wrong = loaded.problems.iter().map(ToString::to_string).collect::<Vec<String>>().join("\n");
        if wrong.is_empty() { Ok(loaded.settings.per_run_tokens) } else { Err(wrong) }
    };
    assert_eq!(number("1e6"), Ok(Some(1_000_000)));
    assert_eq!(number("0"), Ok(Some(0)));
    assert_eq!(number("none"), Ok(None));
    assert_eq!(number(""), Ok(None));
    for wrong in ["007", "+5", " 5", "5 ", "1_000", "0x10", "1.5", "-1", "NaN", "inf", "1e400", "abc", "\"5\"", "५", "."] {
        let message = number(wrong).unwrap_err();
        assert!(message.starts_with("ORCHESTRATOR_BUDGET__PER_RUN_TOKENS: expected "), "{wrong}: {message}");
    }
    for (text, expected) in [("true", true), ("1", true), ("YES", true), ("false", false), ("0", false), ("no", false)] {
        let loaded = Scratch::new().variable("ORCHESTRATOR_AGENT__ENABLE_LOGGING", text).load();
        assert_eq!((loaded.settings.enable_logging, loaded.problems.len()), (expected, 0), "{text}");
    }
    assert_eq!(only(&Scratch::new().variable("ORCHESTRATOR_AGENT__ENABLE_LOGGING", "maybe").load()).level, Level::Error);
}

#[test]
fn lists_and_maps_in_variables_are_json() {
    let scratch = Scratch::new()
        .variable("ORCHESTRATOR_SECURITY__ALLOWED_FILE_EXTENSIONS", r#"[".md"]"#)
        .variable("ORCHESTRATOR_AGENT__MAX_TURNS", r#"{"coder": 9}"#);
    let loaded = scratch.load();
    assert_eq!(texts(&loaded), Vec::<String>::new());
    assert_eq!((loaded.settings.allowed_file_extensions, loaded.settings.max_turns["coder"]), (vec![".md".to_owned()], 9));
    let loaded = Scratch::new().variable("ORCHESTRATOR_SECURITY__ALLOWED_FILE_EXTENSIONS", ".md,.txt").load();
    assert_eq!(only(&loaded).variable.as_deref(), Some("ORCHESTRATOR_SECURITY__ALLOWED_FILE_EXTENSIONS"));
    assert!(only(&loaded).hint.clone().unwrap().contains(r#"[".md", ".txt"]"#));
}

#[test]
fn unknown_variables_warn_with_the_nearest_name() {
    let loaded = Scratch::new().variable("ORCHESTRATOR_AGENT_MAX_PARALLEL", "3").load();
    assert_eq!(only(&loaded).level, Level::Warning);
    assert!(only(&loaded).hint.clone().unwrap().contains("ORCHESTRATOR_AGENT__MAX_PARALLEL"));
}

#[test]
fn editors_write_camel_case_nested_or_dotted() {
    let editor = |editor: Value, sends_defaults: bool| {
        load(&Layers {
            editor: Some(editor),
            editor_sends_defaults: sends_defaults,
            ..Scratch::with(r#"{"agent": {"max_parallel": 2}}"#).layers()
        })
    };
    for settings in [
        json!({"agent": {"maxParallel": 8}, "trace": {"server": "off"}}),
        json!({"agent.maxParallel": 8}),
        json!({"aiOrchestrator": {"agent": {"maxParallel": 8}}}),
        json!({"aiOrchestrator.agent.maxParallel": 8}),
        json!({"agent": {"max_parallel": 8, "maxTurns": null}}),
    ] {
        let loaded = editor(settings.clone(), false);
        assert_eq!((loaded.settings.max_parallel, texts(&loaded)), (8, Vec::new()), "{settings}");
    }
    assert_eq!(editor(json!({"agent": {"maxParallel": 4}}), false).settings.max_parallel, 4);
    assert_eq!(editor(json!({"agent": {"maxParallel": 4}}), true).settings.max_parallel, 2, "a default that VS Code sends says nothing");
    assert_eq!(editor(json!({"budget": {"perRunUsd": null}}), true).settings.per_run_usd, None);
    let loaded = editor(json!({"agent": {"maxParalel": 8}}), false);
    assert!(only(&loaded).hint.clone().unwrap().contains("agent.maxParallel"));
    let loaded = editor(json!({"agent": {"maxParallel": "many"}}), false);
    assert_eq!(only(&loaded).to_string(), "editor setting aiOrchestrator.agent.maxParallel: expected a whole number, found \"many\"");
    for odd in [json!(5), json!([]), json!({"agent": 5})] {
        assert_eq!(editor(odd, false).problems.len(), 1);
    }
}

#[test]
fn a_wrong_word_of_the_command_line_is_an_error() {
    let scratch = Scratch::new();
    let line = |key: &str, value: Value| load(&Layers { command_line: vec![(key.to_owned(), value)], ..scratch.layers() });
    assert_eq!(
        only(&line("budget.per_run_usd", json!(-1))).to_string(),
        "command line: budget.per_run_usd: expected a number of at least 0, found -1"
    );
    assert_eq!(only(&line("nonsense", json!(1))).level, Level::Error);
}

#[test]
fn maps_add_up_and_rules_hold_together() {
    let scratch = Scratch::with(r#"{"agent": {"max_turns": {"coder": 2}}, "approvals": {"rules": [{"path": "a", "decision": "ask"}]}}"#)
        .user(r#"{"agent": {"max_turns": {"coder": 9, "writer": 8}}, "approvals": {"rules": [{"path": "b", "decision": "deny"}]}}"#);
    let settings = scratch.load().settings;
    assert_eq!((settings.max_turns["coder"], settings.max_turns["writer"]), (2, 8));
    assert_eq!(settings.rules.iter().map(|rule| rule.decision).collect::<Vec<Verdict>>(), [Verdict::Deny, Verdict::Ask]);
}

#[test]
fn the_home_folder_is_expanded_and_paths_start_at_the_project() {
    let base_dir = |text: &str| Scratch::new().user(&format!("{{\"workspace\": {{\"base_dir\": \"{text}\"}}}}")).load().settings;
    assert!(base_dir("~/runs").base_dir.ends_with("home/runs"));
    assert!(base_dir("../runs").base_dir.ends_with("runs") && !base_dir("../runs").base_dir.ends_with("project/runs"));
    assert_eq!(base_dir("/var/runs").base_dir, Path::new("/var/runs"));
}

#[test]
fn a_file_given_by_config_replaces_the_project_s_and_is_trusted() {
    let scratch = Scratch::with(r#"{"agent": {"max_parallel": 2}}"#);
    scratch.write("given.json", r#"{"model": {"name": "m"}, "budget": {"per_run_usd": 50}}"#);
    let given = |name: &str| load(&Layers { config_file: Some(name.into()), ..scratch.layers() });
    let loaded = given("../given.json");
    assert_eq!(texts(&loaded), Vec::<String>::new());
    assert_eq!((loaded.settings.model.as_deref(), loaded.settings.per_run_usd, loaded.settings.max_parallel), (Some("m"), Some(50.0), 4));
    assert!(only(&given("missing.json")).message.contains("does not exist"));
}

/// (user's file, project's file, key, whether it is ignored).
const TRUST_RULES: &[(&str, &str, &str, bool)] = &[
    ("{}", r#"{"model": {"provider": "openai"}}"#, "model.provider", true),
    ("{}", r#"{"model": {"provider": "auto"}}"#, "model.provider", false),
    ("{}", r#"{"model": {"name": "m"}}"#, "model.name", true),
    ("{}", r#"{"model": {"base_url": "http://evil.example"}}"#, "model.base_url", true),
    ("{}", r#"{"model": {"max_output_tokens": 5}}"#, "model.max_output_tokens", true),
    ("{}", r#"{"model": {"api_key_command": "curl evil"}}"#, "model.api_key_command", true),
    ("{}", r#"{"model": {"per_agent": {"coder": "m"}}}"#, "model.per_agent", true),
    ("{}", r#"{"model": {"prices": {"m": {"input": 0, "output": 0}}}}"#, "model.prices", true),
    ("{}", r#"{"search": {"url": "http://evil.example"}}"#, "search.url", true),
    ("{}", r#"{"search": {"key_command": "curl evil"}}"#, "search.key_command", true),
    ("{}", r#"{"search": {"provider": "none"}}"#, "search.provider", false),
    ("{}", r#"{"mcp": {"servers": {"a": {"command": "evil"}}}}"#, "mcp.servers", true),
    ("{}", r#"{"approvals": {"rules": [{"decision": "allow"}]}}"#, "approvals.rules", true),
    ("{}", r#"{"approvals": {"rules": [{"decision": "deny"}]}}"#, "approvals.rules", false),
    ("{}", r#"{"workspace": {"auto_cleanup": true}}"#, "workspace.auto_cleanup", true),
    (r#"{"workspace": {"auto_cleanup": true}}"#, r#"{"workspace": {"auto_cleanup": false}}"#, "workspace.auto_cleanup", false),
    (
        r#"{"workspace": {"auto_cleanup": true}}"#,
        r#"{"workspace": {"max_workspace_age_days": 0}}"#,
        "workspace.max_workspace_age_days",
        true,
    ),
    ("{}", r#"{"workspace": {"max_workspace_age_days": 7}}"#, "workspace.max_workspace_age_days", false),
    ("{}", r#"{"approvals": {"mode": "none"}}"#, "approvals.mode", true),
    ("{}", r#"{"approvals": {"mode": "tools"}}"#, "approvals.mode", false),
    (r#"{"approvals": {"mode": "tools"}}"#, r#"{"approvals": {"mode": "steps"}}"#, "approvals.mode", true),
    ("{}", r#"{"budget": {"per_run_usd": 2}}"#, "budget.per_run_usd", true),
    ("{}", r#"{"budget": {"per_run_usd": 0.5}}"#, "budget.per_run_usd", false),
    ("{}", r#"{"budget": {"per_run_usd": null}}"#, "budget.per_run_usd", true),
    (r#"{"budget": {"per_run_usd": null}}"#, r#"{"budget": {"per_run_usd": 50}}"#, "budget.per_run_usd", false),
    (r#"{"budget": {"per_run_usd": 5}}"#, r#"{"budget": {"per_run_usd": 4}}"#, "budget.per_run_usd", false),
    ("{}", r#"{"budget": {"per_run_tokens": 1000}}"#, "budget.per_run_tokens", false),
    (r#"{"budget": {"per_run_tokens": 10}}"#, r#"{"budget": {"per_run_tokens": 1000}}"#, "budget.per_run_tokens", true),
    ("{}", r#"{"budget": {"per_day_usd": 100}}"#, "budget.per_day_usd", true),
    ("{}", r#"{"agent": {"cost_tracking": false}}"#, "agent.cost_tracking", true),
    ("{}", r#"{"security": {"allow_external_apis": false}}"#, "security.allow_external_apis", false),
    (
        r#"{"security": {"allow_external_apis": false}}"#,
        r#"{"security": {"allow_external_apis": true}}"#,
        "security.allow_external_apis",
        true,
    ),
    ("{}", r#"{"security": {"restrict_file_access": false}}"#, "security.restrict_file_access", true),
    ("{}", r#"{"security": {"project_read": "allow"}}"#, "security.project_read", true),
    ("{}", r#"{"security": {"project_read": "deny"}}"#, "security.project_read", false),
    ("{}", r#"{"security": {"allowed_file_extensions": [".md"]}}"#, "security.allowed_file_extensions", false),
    ("{}", r#"{"security": {"allowed_file_extensions": [".md", ".exe"]}}"#, "security.allowed_file_extensions", true),
    ("{}", r#"{"security": {"allowed_file_extensions": [".exe"]}}"#, "security.allowed_file_extensions", true),
    ("{}", r#"{"security": {"sandbox_mode": true}}"#, "security.sandbox_mode", false),
    (r#"{"security": {"sandbox_mode": true}}"#, r#"{"security": {"sandbox_mode": false}}"#, "security.sandbox_mode", true),
    ("{}", r#"{"security": {"allowed_hosts": ["127.0.0.1"]}}"#, "security.allowed_hosts", true),
    (r#"{"security": {"allowed_hosts": ["a.b", "c.d"]}}"#, r#"{"security": {"allowed_hosts": ["a.b"]}}"#, "security.allowed_hosts", false),
    (r#"{"security": {"allowed_hosts": ["a.b"]}}"#, r#"{"security": {"allowed_hosts": []}}"#, "security.allowed_hosts", true),
    ("{}", r#"{"workspace": {"base_dir": "out/runs"}}"#, "workspace.base_dir", false),
    ("{}", r#"{"workspace": {"base_dir": "../out"}}"#, "workspace.base_dir", true),
    ("{}", r#"{"workspace": {"base_dir": "a/../../out"}}"#, "workspace.base_dir", true),
    ("{}", r#"{"workspace": {"base_dir": "/tmp/out"}}"#, "workspace.base_dir", true),
    ("{}", r#"{"workspace": {"base_dir": "~/out"}}"#, "workspace.base_dir", true),
    ("{}", r#"{"workspace": {"base_dir": "."}}"#, "workspace.base_dir", true),
    ("{}", r#"{"workspace": {"base_dir": ".git/hooks"}}"#, "workspace.base_dir", true),
    ("{}", r#"{"agent": {"directory": "../../agents"}}"#, "agent.directory", true),
    ("{}", r#"{"agent": {"directory": "agents"}}"#, "agent.directory", false),
    ("{}", r#"{"agent": {"max_parallel": 8, "max_turns": {"coder": 9}}}"#, "agent.max_parallel", false),
    ("{}", r#"{"ui": {"prompt": "off"}}"#, "ui.prompt", false),
];

#[test]
fn an_untrusted_project_may_only_make_things_stricter() {
    for (user, project, key, is_ignored) in TRUST_RULES {
        let scratch = Scratch::with(project).user(user);
        let loaded = scratch.load();
        assert!(loaded.errors().is_empty(), "{project}: {:?}", texts(&loaded));
        let ignored: Vec<&str> =
            loaded.problems.iter().filter(|problem| problem.level == Level::Ignored).filter_map(|problem| problem.key.as_deref()).collect();
        assert_eq!(ignored, if *is_ignored { vec![*key] } else { vec![] }, "{user} {project}");
        assert_eq!(loaded.untrusted.len(), ignored.len(), "{project}");
        let without = Scratch::with("{}").user(user).load();
        let with =
            Settings { project: without.settings.project.clone(), base_dir: without.settings.base_dir.clone(), ..loaded.settings.clone() };
        let partly = *key == "security.allowed_file_extensions" && project.contains(".md");
        if *is_ignored && !partly {
            assert_eq!(with, without.settings, "{project}");
            assert_eq!(loaded.settings.base_dir, scratch.project().join("workspaces"), "{project}");
        }
        if *is_ignored {
            assert!(only(&loaded).hint.clone().unwrap().contains("ai-orchestrator trust"));
            scratch.trust_all();
            let trusted = scratch.load();
            assert_eq!(texts(&trusted), Vec::<String>::new(), "{project}");
            assert_eq!(trusted.origins[*key].layer, Layer::Project, "{project}");
        }
    }
}

#[test]
fn of_a_list_an_untrusted_project_keeps_what_is_stricter() {
    let text = r#"{"security": {"allowed_file_extensions": [".md", ".exe"]},
        "approvals": {"rules": [{"tool": "web_fetch", "decision": "allow"}, {"tool": "web_fetch", "decision": "deny"}]}}"#;
    let scratch = Scratch::with(text);
    let settings = scratch.load().settings;
    assert_eq!(settings.allowed_file_extensions, [".md"]);
    assert_eq!(settings.rules.iter().map(|rule| rule.decision).collect::<Vec<Verdict>>(), [Verdict::Deny]);
    scratch.trust_all();
    let settings = scratch.load().settings;
    assert_eq!((settings.allowed_file_extensions.len(), settings.rules.len()), (2, 2));
}

#[test]
fn an_untrusted_file_cannot_undo_the_rules_of_its_user() {
    let scratch = Scratch::with(r#"{"approvals": {"rules": []}}"#).user(r#"{"approvals": {"rules": [{"decision": "deny", "path": "x"}]}}"#);
    assert_eq!(scratch.load().settings.rules.len(), 1);
}

#[test]
fn a_key_written_twice_does_not_slip_past_trust() {
    let scratch = Scratch::with(r#"{"model": {"name": "good", "name": "evil"}}"#);
    let mut good = scratch.load().untrusted;
    assert_eq!(good.first().unwrap().value, json!("evil"));
    good.iter_mut().for_each(|value| value.value = json!("good"));
    trust::record(&scratch.layers(), &good).unwrap();
    assert_eq!(scratch.load().settings.model, None);
}

#[test]
fn a_value_changed_since_asks_again() {
    let scratch = Scratch::with(r#"{"model": {"name": "m", "base_url": "http://a.example"}}"#);
    assert_eq!(trust::question(&scratch.layers()).len(), 2);
    scratch.trust_all();
    assert_eq!(trust::question(&scratch.layers()), []);
    assert_eq!(scratch.load().settings.model.as_deref(), Some("m"));
    scratch.write("project/config/orchestrator.json", r#"{"model": {"name": "m", "base_url": "http://b.example"}}"#);
    let loaded = scratch.load();
    assert_eq!((loaded.settings.model.as_deref(), loaded.settings.base_url), (Some("m"), None));
    assert_eq!(loaded.untrusted.iter().map(|value| value.key.as_str()).collect::<Vec<&str>>(), ["model.base_url"]);
}

#[test]
fn the_editor_s_trust_counts_for_what_was_seen_at_that_load() {
    let scratch = Scratch::with(r#"{"model": {"name": "m"}}"#);
    scratch.write("project/.orchestrator/agents/reviewer.md", "---\nname: reviewer\n---\nReview.");
    let first = load(&Layers { editor_trusted: true, ..scratch.layers() });
    assert_eq!((first.settings.model.as_deref(), first.project_trusted, first.untrusted.len()), (Some("m"), true, 0));
    let again = |trusted: TrustedValues| load(&Layers { session: trusted, ..scratch.layers() });
    assert_eq!(again(first.trusted.clone()).settings.model.as_deref(), Some("m"));
    assert!(again(first.trusted.clone()).project_trusted);
    scratch.write("project/config/orchestrator.json", r#"{"model": {"name": "other"}}"#);
    assert_eq!(again(first.trusted).settings.model, None);
    assert_eq!(scratch.load().settings.model, None, "nothing was recorded for the next session");
}

#[test]
fn custom_agents_of_a_project_wait_for_trust() {
    let scratch = Scratch::new();
    scratch.write("project/.orchestrator/agents/reviewer.md", "one");
    scratch.write("project/.orchestrator/agents/notes.txt", "not an agent");
    let loaded = scratch.load();
    assert!(!loaded.project_trusted && !loaded.trusted.covers_agent("reviewer.md", "one"));
    assert_eq!(only(&loaded).level, Level::Ignored);
    assert_eq!(loaded.untrusted.first().unwrap().key, "agents/reviewer.md");
    scratch.trust_all();
    let loaded = scratch.load();
    assert!(loaded.project_trusted && loaded.trusted.covers_agent("reviewer.md", "one"));
    scratch.write("project/.orchestrator/agents/reviewer.md", "two");
    assert!(!scratch.load().project_trusted);
}

#[cfg(unix)]
#[test]
fn a_link_that_the_project_brought_along_leads_nowhere() {
    let scratch = Scratch::with(r#"{"workspace": {"base_dir": "runs/here"}}"#);
    assert_eq!(texts(&scratch.load()), Vec::<String>::new());
    std::fs::create_dir_all(scratch.folder.path().join("outside")).unwrap();
    std::os::unix::fs::symlink(scratch.folder.path().join("outside"), scratch.project().join("runs")).unwrap();
    let loaded = scratch.load();
    assert_eq!(only(&loaded).key.as_deref(), Some("workspace.base_dir"));
    assert!(loaded.settings.base_dir.ends_with("project/workspaces"));
}

#[test]
fn a_broken_trust_file_trusts_nothing_and_is_told() {
    let scratch = Scratch::with(r#"{"model": {"name": "m"}}"#);
    scratch.trust_all();
    scratch.write("home/state/ai-orchestrator/trust.json", "{{{");
    let loaded = scratch.load();
    assert_eq!(loaded.settings.model, None);
    assert!(texts(&loaded).iter().any(|text| text.contains("set aside")), "{:?}", texts(&loaded));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "(allow|deny|\\.md|http://x|none|offline)".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = "(a|decision|path|match|command|url|args|tools|input|output|\\PC{0,6})";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_settings() -> impl Strategy<Value = Value> {
    let keys: Vec<&'static str> = crate::config::keys().collect();
    prop::collection::vec((prop::sample::select(keys), any_json()), 0..8).prop_map(|entries| {
        let mut root = json!({});
        for (key, value) in entries {
            if let Some((section, name)) = key.split_once('.') {
                root[section][name] = value;
            }
        }
        root
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_value_anywhere_yields_settings(project in any_settings(), user in any_settings(), editor in any_settings()) {
        let scratch = Scratch::with(&project.to_string()).user(&user.to_string());
        let loaded = load(&Layers { editor: Some(editor), ..scratch.layers() });
        prop_assert!(loaded.settings.max_parallel >= 1 && loaded.settings.default_max_turns >= 1 && loaded.settings.base_dir.is_absolute());
        prop_assert!(loaded.settings.per_run_usd.is_none_or(|usd| usd >= 0.0));
        prop_assert!(loaded.problems.iter().all(|problem| !problem.to_string().contains('\n') || problem.message.contains('\n')));
    }

    #[test]
    fn any_text_yields_settings(text in "\\PC{0,80}", json in "[{}\\[\\]\":,a-z0-9.\\\\u\n/*-]{0,80}") {
        for text in [text, json] {
            let loaded = Scratch::with(&text).load();
            prop_assert!(loaded.settings.max_parallel >= 1);
            for problem in &loaded.problems {
                prop_assert!(problem.span.clone().is_none_or(|span| text.get(span).is_some()), "{problem}");
            }
        }
    }
}
