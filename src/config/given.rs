//! The layers that are no files: environment variables, editor settings, the command line. Checked like files; decides nothing between layers.
use serde_json::{Map, Value};

use super::file::{Layered, unknown_hint};
use super::kind::{Kind, shown};
use super::problem::{ConfigProblem, Layer, Level, Origin};
use super::table::{self, ConfigOption};
use crate::domain::plan::nearest;
use crate::sys::Environment;

const PREFIX: &str = "ORCHESTRATOR_";
/// Settings of the editor's own side, which mean nothing here.
const CLIENT_SECTIONS: [&str; 2] = ["server", "trace"];

/// What the `ORCHESTRATOR_SECTION__KEY` variables say. An empty variable counts as not set.
pub fn from_environment(environment: &Environment) -> Layered {
    let mut layered = Layered::default();
    for (variable, text) in environment.with_prefix(PREFIX) {
        let origin = Origin { variable: Some(variable.to_owned()), place: variable.to_owned(), ..Origin::of(Layer::Environment) };
        let Some(option) = table::options().iter().find(|option| option.variable() == variable) else {
            let names: Vec<String> = table::options().iter().map(ConfigOption::variable).collect();
            let hint = nearest(variable, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            layered.problems.push(ConfigProblem::new(Level::Warning, &origin, None, "unknown variable").hint(hint));
            continue;
        };
        if text.is_empty() {
            continue;
        }
        match read_variable(option, text) {
            Ok(value) => layered.take(option, &value, |_| origin.clone()),
            Err((message, hint)) => {
                let problem = ConfigProblem::new(Level::Error, &origin, Some(option.key), message);
                layered.problems.push(problem.hint(Some(hint)));
            }
        }
    }
    layered
}

fn read_variable(option: &ConfigOption, text: &str) -> Result<Value, (String, String)> {
    if option.nullable && matches!(text, "null" | "none") {
        return Ok(Value::Null);
    }
    let found = shown(&Value::from(text));
    match option.kind {
        Kind::Flag => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(Value::from(true)),
            "false" | "0" | "no" => Ok(Value::from(false)),
            _ => Err((format!("expected true or false, found {found}"), "write true, false, 1, 0, yes or no".into())),
        },
        Kind::Whole { .. } | Kind::Money => strict_number(text).ok_or_else(|| {
            let what = if option.kind == Kind::Money { "a number" } else { "a whole number" };
            let hint = "a number is written like 12, 0.5 or 1e6: no leading zeros, no plus sign, no separators, no spaces";
            (format!("expected {what}, found {found}"), hint.into())
        }),
        kind if kind.is_structured() => serde_json::from_str(text).map_err(|error| {
            let example = option_example(option);
            (format!("expected {} as JSON: {error}", kind.words()), format!("write it like {example}"))
        }),
        _ => Ok(Value::from(text)),
    }
}

/// The grammar of JSON, without the spaces around it that its reader would forgive.
fn strict_number(text: &str) -> Option<Value> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'));
    serde_json::from_str(text).ok().filter(|value: &Value| plain && value.is_number())
}

fn option_example(option: &ConfigOption) -> &'static str {
    match option.kind {
        Kind::Extensions => r#"[".md", ".txt"]"#,
        Kind::Hosts => r#"["docs.example.com"]"#,
        Kind::Rules => r#"[{"tool": "web_fetch", "host": "*.example.com", "decision": "allow"}]"#,
        Kind::TurnsByAgent => r#"{"researcher": 12}"#,
        Kind::ModelByAgent => r#"{"coder": "MODEL"}"#,
        Kind::Prices => r#"{"MODEL": {"input": 1.0, "output": 5.0}}"#,
        Kind::Servers => r#"{"files": {"command": "PROGRAM", "args": []}}"#,
        _ => r#"["goal:"]"#,
    }
}

/// What the `aiOrchestrator` object of an editor says. `null` where an option has no such value means "not set".
/// `sends_defaults`: the client sends its defaults along, so a value equal to ours says nothing.
pub fn from_editor(settings: &Value, sends_defaults: bool) -> Layered {
    let mut layered = Layered::default();
    match settings {
        Value::Object(object) => walk(object, "", sends_defaults, &mut layered),
        Value::Null => {}
        other => {
            let message = format!("expected an object with options, found {}", shown(other));
            layered.problems.push(ConfigProblem::new(Level::Error, &editor_origin(""), None, message));
        }
    }
    layered
}

fn walk(object: &Map<String, Value>, prefix: &str, sends_defaults: bool, layered: &mut Layered) {
    for (name, value) in object {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let path = path.strip_prefix("aiOrchestrator.").map(str::to_owned).unwrap_or(path);
        match (table::option(&path), value) {
            (Some(option), value) => {
                let silent = value.is_null() && !option.nullable || sends_defaults && *value == option.default();
                if !silent {
                    layered.take(option, value, |_| editor_origin(&path));
                }
            }
            (None, Value::Object(inner))
                if prefix.is_empty() && (path == "aiOrchestrator" || table::sections().contains(&path.as_str())) =>
            {
                walk(inner, if path == "aiOrchestrator" { "" } else { &path }, sends_defaults, layered);
            }
            (None, _) if CLIENT_SECTIONS.contains(&path.split('.').next().unwrap_or_default()) => {}
            (None, _) => {
                let names: Vec<String> = table::options().iter().map(ConfigOption::editor_key).collect();
                let hint = nearest(&path, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                layered.problems.push(ConfigProblem::new(Level::Warning, &editor_origin(&path), None, "unknown option").hint(hint));
            }
        }
    }
}

fn editor_origin(path: &str) -> Origin {
    let dot = if path.is_empty() { "" } else { "." };
    Origin { place: format!("editor setting aiOrchestrator{dot}{path}"), ..Origin::of(Layer::Editor) }
}

/// What the command line says, by key.
pub fn from_command_line(given: &[(String, Value)]) -> Layered {
    let mut layered = Layered::default();
    let origin = Origin::of(Layer::CommandLine);
    for (key, value) in given {
        match table::option(key) {
            Some(option) => layered.take(option, value, |_| origin.clone()),
            None => {
                let problem = ConfigProblem::new(Level::Error, &origin, Some(key), "unknown option");
                layered.problems.push(problem.hint(unknown_hint(key)));
            }
        }
    }
    layered
}
