//! The JSON Schema of the configuration file and the settings of VS Code, made from the one table. Writes no file.
use serde_json::{Map, Value, json};

use super::table::{self, ConfigOption, Scope, Untrusted};

/// JSON Schema of the configuration file.
pub fn schema() -> Value {
    let mut sections = Map::new();
    sections.insert("$schema".into(), json!({"type": "string"}));
    for section in table::sections() {
        let options = table::options().iter().filter(|option| option.section() == section);
        let properties: Map<String, Value> = options.map(|option| (option.name().to_owned(), property(option))).collect();
        sections.insert(section.into(), json!({"type": "object", "properties": properties, "additionalProperties": false}));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of ai-orchestrator",
        "type": "object",
        "properties": sections,
        "additionalProperties": false,
    })
}

/// The value's schema with what an editor shows beside it.
fn property(option: &ConfigOption) -> Value {
    let mut schema = option.kind.schema();
    if let Some(object) = schema.as_object_mut() {
        if option.nullable
            && let Some(kind) = object.get("type").cloned()
        {
            object.insert("type".into(), json!([kind, "null"]));
        }
        object.insert("default".into(), option.default());
        object.insert("description".into(), description(option).into());
    }
    schema
}

/// The documentation's sentence, with the unit where there is one.
fn description(option: &ConfigOption) -> String {
    if option.unit.is_empty() { option.doc.into() } else { format!("{} Unit: {}.", option.doc, option.unit) }
}

/// `contributes.configuration.properties` of the VS Code extension.
pub fn vscode_properties() -> Value {
    let properties = table::options().iter().map(|option| {
        let mut schema = property(option);
        if let Some(object) = schema.as_object_mut() {
            let description = object.remove("description").unwrap_or_default();
            object.insert("markdownDescription".into(), description);
            let scope = match option.scope {
                Scope::Resource => "resource",
                Scope::Window => "window",
                Scope::Machine => "machine",
            };
            object.insert("scope".into(), scope.into());
        }
        (format!("aiOrchestrator.{}", option.editor_key()), schema)
    });
    Value::Object(properties.collect())
}

/// `capabilities.untrustedWorkspaces.restrictedConfigurations`: what a folder's own `.vscode/settings.json` may not set before VS Code trusts it.
pub fn vscode_restricted() -> Vec<String> {
    let restricted = table::options().iter().filter(|option| option.untrusted != Untrusted::Yes);
    restricted.map(|option| format!("aiOrchestrator.{}", option.editor_key())).collect()
}
