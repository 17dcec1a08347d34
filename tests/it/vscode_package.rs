//! The VS Code extension's package.json and schemas say what the program says. `UPDATE_DOCS=1 cargo test --test it vscode_package` rewrites them.
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;

use ai_orchestrator::config::{vscode_properties, vscode_restricted};
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("editors/vscode")
}

/// Where the value of the first key of that name stands in a JSON text.
fn value_of(text: &str, key: &str) -> Range<usize> {
    let name = format!("\"{key}\": ");
    let start = text.find(&name).unwrap_or_else(|| panic!("package.json has no {key}")) + name.len();
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
    values.next().unwrap().unwrap();
    start..start + values.byte_offset()
}

/// Pretty, and as deep as the key it belongs to.
fn replaced(text: &str, key: &str, value: &Value) -> String {
    let range = value_of(text, key);
    let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let indent: String = text[line..].chars().take_while(|c| *c == ' ').collect();
    let pretty = serde_json::to_string_pretty(value).unwrap().replace('\n', &format!("\n{indent}"));
    format!("{}{pretty}{}", &text[..range.start], &text[range.end..])
}

/// One group of settings for each section of the option table, after those that only the extension knows.
fn configuration() -> Value {
    let own = json!({
        "title": "Extension",
        "properties": {
            "aiOrchestrator.server.path": {
                "type": "string", "default": "", "scope": "machine",
                "markdownDescription": "The program `ai-orchestrator`. Empty: the one that came with the extension, else the one on the `PATH`.",
            },
            "aiOrchestrator.trace.server": {
                "type": "string", "enum": ["off", "messages", "verbose"], "default": "off", "scope": "window",
                "markdownDescription": "Whether the messages between the editor and the server are written to the log.",
            },
        },
    });
    let Value::Object(properties) = vscode_properties() else { panic!("not an object") };
    let mut groups: Vec<(String, Map<String, Value>)> = Vec::new();
    for (key, property) in properties {
        let section = key.split('.').nth(1).unwrap().to_owned();
        match groups.iter_mut().find(|(name, _)| *name == section) {
            Some((_, group)) => drop(group.insert(key, property)),
            None => groups.push((section, Map::from_iter([(key, property)]))),
        }
    }
    let title = |section: &str| section[..1].to_uppercase() + &section[1..].replace('_', " ");
    let groups = groups.into_iter().map(|(section, group)| json!({"title": title(&section), "properties": group}));
    std::iter::once(own).chain(groups).collect()
}

/// The text that should stand there; written there when that is asked for.
fn agrees(path: &PathBuf, wanted: &str) -> bool {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, wanted).unwrap();
    }
    std::fs::read_to_string(path).unwrap_or_default() == wanted
}

#[test]
fn the_settings_of_the_extension_are_those_of_the_option_table() {
    let path = folder().join("package.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let restricted: Vec<String> = std::iter::once("aiOrchestrator.server.path".to_owned()).chain(vscode_restricted()).collect();
    let wanted = replaced(&text, "configuration", &configuration());
    let wanted = replaced(&wanted, "restrictedConfigurations", &json!(restricted));
    assert!(agrees(&path, &wanted), "package.json is not what the table says: run UPDATE_DOCS=1 cargo test --test it vscode_package");
}

#[test]
fn the_extension_has_the_version_of_the_program() {
    let package: Value = serde_json::from_str(&std::fs::read_to_string(folder().join("package.json")).unwrap()).unwrap();
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_shipped_schemas_are_those_the_program_prints() {
    for name in ["config", "state", "info"] {
        let printed = Command::new(env!("CARGO_BIN_EXE_ai-orchestrator")).args(["schema", name]).output().unwrap();
        let text = String::from_utf8(printed.stdout).unwrap();
        let path = folder().join(format!("schemas/{name}.json"));
        assert!(agrees(&path, &text), "schemas/{name}.json differs: run UPDATE_DOCS=1 cargo test --test it vscode_package");
    }
}

#[test]
fn every_command_in_a_menu_is_declared_and_registered() {
    let package: Value = serde_json::from_str(&std::fs::read_to_string(folder().join("package.json")).unwrap()).unwrap();
    let declared: Vec<&str> =
        package["contributes"]["commands"].as_array().unwrap().iter().map(|command| command["command"].as_str().unwrap()).collect();
    let menus = package["contributes"]["menus"].as_object().unwrap().values().flat_map(|items| items.as_array().unwrap());
    for command in menus.filter_map(|item| item["command"].as_str()) {
        assert!(declared.contains(&command), "{command} stands in a menu and is not declared");
    }
    let sources = std::fs::read_dir(folder().join("src")).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let source: String = sources.collect();
    for command in declared {
        let name = command.strip_prefix("aiOrchestrator.").unwrap();
        let is_registered = source.contains(&format!("register('{name}'")) || source.contains(&format!("atStep('{name}'"));
        assert!(is_registered, "{command} is declared and not registered");
    }
}

#[test]
fn the_lock_file_names_no_registry() {
    let lock = std::fs::read_to_string(folder().join("package-lock.json")).unwrap();
    assert!(!lock.contains("\"resolved\""), "package-lock.json records where packages came from");
}
