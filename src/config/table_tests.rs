//! The table against itself, and what is made from it against the files of the project.
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::config::{schema, vscode_properties, vscode_restricted};

fn in_project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn the_page_of_the_options_is_made_from_the_table() {
    let page = in_project("docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(page.parent().unwrap()).unwrap();
        std::fs::write(&page, documentation()).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default().replace("\r\n", "\n");
    assert!(written == documentation(), "docs/configuration.md is not what the table says: run UPDATE_DOCS=1 cargo test --lib config");
}

#[test]
fn every_default_is_right_and_in_normal_form() {
    for option in table::options() {
        assert_eq!(option.check(&option.default()), Ok(option.default()), "{}", option.key);
        assert!(option.nullable || !option.default().is_null(), "{}", option.key);
        assert!(option.key.split('.').count() == 2 && !option.doc.is_empty() && option.doc.ends_with('.'), "{}", option.key);
    }
}

#[test]
fn the_keys_are_those_of_the_contract() {
    let expected = "workspace.base_dir workspace.max_workspace_age_days workspace.auto_cleanup agent.default_max_turns agent.max_turns agent.default_timeout \
        agent.cost_tracking agent.enable_logging agent.max_parallel agent.directory model.provider model.name model.base_url model.max_output_tokens \
        model.api_key_command model.per_agent model.prices planner.max_steps budget.per_run_usd budget.per_run_tokens budget.per_day_usd approvals.mode \
        approvals.rules approvals.timeout_minutes security.allow_external_apis security.restrict_file_access security.project_read \
        security.allowed_file_extensions security.sandbox_mode security.allowed_hosts search.provider search.url search.key_command mcp.servers goals.markers \
        ui.inline_status ui.open_artifacts ui.prompt";
    assert_eq!(table::keys().collect::<Vec<&str>>(), expected.split_whitespace().collect::<Vec<&str>>());
}

#[test]
fn an_option_has_one_name_in_each_place() {
    let option = table::option("security.allowed_file_extensions").unwrap();
    assert_eq!(option.variable(), "ORCHESTRATOR_SECURITY__ALLOWED_FILE_EXTENSIONS");
    assert_eq!(option.editor_key(), "security.allowedFileExtensions");
    assert_eq!(table::option("security.allowedFileExtensions"), Some(option));
    assert_eq!(table::option("security"), None);
}

#[test]
fn the_schema_nests_by_section_and_closes_every_object() {
    let schema = schema();
    assert_eq!(schema["additionalProperties"], false);
    let agent = &schema["properties"]["agent"];
    assert_eq!(agent["additionalProperties"], false);
    assert_eq!(agent["properties"]["max_parallel"]["type"], "integer");
    assert_eq!(agent["properties"]["max_parallel"]["minimum"], 1);
    assert_eq!(agent["properties"]["max_parallel"]["default"], 4);
    assert_eq!(schema["properties"]["budget"]["properties"]["per_run_usd"]["type"], json!(["number", "null"]));
    assert_eq!(schema["properties"]["approvals"]["properties"]["mode"]["enum"], json!(["none", "plan", "steps", "tools"]));
    let rule = &schema["properties"]["approvals"]["properties"]["rules"]["items"];
    assert!(rule["properties"]["not_match"].is_object() && rule["required"] == json!(["decision"]), "{rule}");
    assert!(!schema.to_string().contains("$ref"), "a reference into an embedded schema leads nowhere: {rule}");
    let count: usize = schema["properties"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|section| section["properties"].as_object())
        .map(|options| options.len())
        .sum();
    assert_eq!(count, table::options().len());
}

#[test]
fn the_settings_of_vs_code_carry_type_default_and_text() {
    let properties = vscode_properties();
    assert_eq!(properties.as_object().unwrap().len(), table::options().len());
    let timeout = &properties["aiOrchestrator.agent.defaultTimeout"];
    assert_eq!((&timeout["type"], &timeout["default"], &timeout["scope"]), (&json!("integer"), &json!(300), &json!("resource")));
    assert!(timeout["markdownDescription"].as_str().unwrap().contains("seconds"));
    assert_eq!(properties["aiOrchestrator.model.apiKeyCommand"]["scope"], "machine");
    assert!(vscode_restricted().contains(&"aiOrchestrator.mcp.servers".to_owned()));
    assert!(!vscode_restricted().contains(&"aiOrchestrator.ui.prompt".to_owned()));
}

#[test]
fn wrong_values_are_told_apart_from_right_ones() {
    for (key, right, wrong) in [
        ("agent.max_parallel", json!(1), json!(0)),
        ("agent.max_parallel", json!(2.0), json!(2.5)),
        ("agent.default_max_turns", json!(1), json!(-1)),
        ("workspace.max_workspace_age_days", json!(0), json!("abc")),
        ("budget.per_run_usd", json!(0), json!(-0.01)),
        ("budget.per_run_usd", json!(null), json!("1")),
        ("budget.per_run_tokens", json!(1e6), json!(1e300)),
        ("agent.max_turns", json!({"coder": 3}), json!({"coder": 0})),
        ("model.base_url", json!("http://127.0.0.1:8080/v1"), json!("127.0.0.1:8080")),
        ("model.name", json!("m"), json!("  ")),
        ("model.prices", json!({"m": {"input": 0.1, "output": 0.5}}), json!({"m": {"input": 0.1}})),
        ("security.allowed_file_extensions", json!([".md"]), json!(["md"])),
        ("security.allowed_file_extensions", json!([]), json!(".md")),
        ("security.allowed_hosts", json!(["a.b"]), json!(["https://a.b/"])),
        ("mcp.servers", json!({"a": {"command": "x", "args": ["y"], "tools": ["t"]}}), json!({"a": {"command": "x", "url": "http://y"}})),
        ("mcp.servers", json!({"a-b": {"url": "http://x", "headers": {"k": "v"}}}), json!({"a__b": {"url": "http://x"}})),
        ("approvals.rules", json!([{"decision": "deny", "path": "*.md"}]), json!([{"decision": "maybe"}])),
        ("approvals.rules", json!([]), json!([{"decision": "deny", "path": "*.md", "match": ["a.txt"]}])),
        ("approvals.rules", json!([]), json!([{"decision": "deny", "paths": "*.md"}])),
        ("agent.cost_tracking", json!(true), json!("true")),
        ("ui.prompt", json!("off"), json!("Off")),
        ("goals.markers", json!(["x"]), json!([""])),
    ] {
        let option = table::option(key).unwrap();
        assert!(option.check(&right).is_ok(), "{key} {right}");
        assert!(option.check(&wrong).is_err(), "{key} {wrong}");
    }
    assert_eq!(table::option("security.allowed_file_extensions").unwrap().check(&json!([".MD"])), Ok(json!([".md"])));
}

#[test]
fn what_looks_like_a_key_is_never_shown() {
    let key = json!("sk-ant-api03-verysecret");
    for option in table::options() {
        if let Err(wrong) = option.check(&key) {
            assert!(!wrong.message.contains("verysecret"), "{}: {}", option.key, wrong.message);
        }
    }
    let server = json!({"a": {"command": "x", "env": {"TOKEN": 5}}});
    assert!(table::option("mcp.servers").unwrap().check(&server).unwrap_err().message.contains("TOKEN: expected text"));
}

#[test]
fn the_project_s_own_file_allows_every_extension_of_the_defaults() {
    let own: Value = serde_json::from_str(&std::fs::read_to_string(in_project("config/orchestrator.json")).unwrap()).unwrap();
    let option = table::option("security.allowed_file_extensions").unwrap();
    assert_eq!(own["security"]["allowed_file_extensions"], option.default(), "the README's run must be able to draw its charts");
}
