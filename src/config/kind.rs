//! The kinds of values an option can have: what is right, what is said when it is wrong, and how each looks in JSON Schema. Knows no option and no file.
use serde_json::{Map, Value, json};

use crate::domain::plan::nearest;
use crate::domain::policy::Rule;

/// Budgets in tokens stay below this, so that sums cannot overflow.
pub const MAX_TOKENS: u64 = 1_000_000_000_000_000;
const MAX_TURNS: u64 = 1000;
const PRICE_FIELDS: [&str; 5] = ["input", "output", "cache_read", "cache_write", "context"];
const SERVER_FIELDS: [&str; 6] = ["command", "args", "env", "url", "headers", "tools"];

/// What an option's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Flag,
    Whole {
        minimum: u64,
        maximum: u64,
    },
    /// US dollars, at least 0.
    Money,
    /// Text that is not empty.
    Text,
    Path,
    /// An `http://` or `https://` address.
    Url,
    /// A shell command line; never shown in a message.
    Command,
    Choice(&'static [&'static str]),
    /// File extensions with the dot.
    Extensions,
    /// Host names and addresses.
    Hosts,
    /// A list of text that is not empty.
    Texts,
    Rules,
    /// Agent name → turns.
    TurnsByAgent,
    /// Agent name → model.
    ModelByAgent,
    /// Model → prices.
    Prices,
    /// Server name → how to reach it.
    Servers,
}

/// A step on the way from an option's value to the part that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Name(String),
    Index(usize),
}

/// Why a value is wrong, and which part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub path: Vec<Part>,
    pub message: String,
    pub hint: Option<String>,
}

impl Wrong {
    fn expected(what: &str, found: &Value) -> Self {
        Wrong { path: Vec::new(), message: format!("expected {what}, found {}", shown(found)), hint: None }
    }

    fn plain(message: impl Into<String>) -> Self {
        Wrong { path: Vec::new(), message: message.into(), hint: None }
    }

    fn below(mut self, part: Part) -> Self {
        if let Part::Name(name) = &part {
            self.message = format!("{name}: {}", self.message);
        }
        self.path.insert(0, part);
        self
    }
}

/// A value as it may stand in a message: cut to 60 characters, and hidden where it looks like a key.
pub fn shown(value: &Value) -> String {
    if value.as_str().is_some_and(looks_secret) {
        return "a text that looks like a key".into();
    }
    let text = match value {
        Value::Object(_) => return "an object".into(),
        Value::Array(_) => return "a list".into(),
        value => value.to_string(),
    };
    if text.chars().count() <= 60 { text } else { text.chars().take(59).chain(['…']).collect() }
}

fn looks_secret(text: &str) -> bool {
    ["sk-", "sk_", "tvly-", "ghp_", "Bearer "].iter().any(|start| text.trim_start().starts_with(start))
}

impl Kind {
    /// The value in its normal form, or why it is wrong. Never panics.
    pub fn check(self, value: &Value) -> Result<Value, Wrong> {
        match self {
            Kind::Flag => value.as_bool().map(Value::from).ok_or_else(|| Wrong::expected("true or false", value)),
            Kind::Whole { minimum, maximum } => check_whole(value, minimum, maximum),
            Kind::Money => check_money(value),
            Kind::Text => check_text(value, "text"),
            Kind::Path => check_text(value, "a path"),
            Kind::Command => check_command(value),
            Kind::Url => check_url(value),
            Kind::Choice(choices) => check_choice(value, choices),
            Kind::Extensions => check_list(value, check_extension),
            Kind::Hosts => check_list(value, check_host),
            Kind::Texts => check_list(value, |item| check_text(item, "text")),
            Kind::Rules => check_list(value, check_rule),
            Kind::TurnsByAgent => check_map(value, |turns| check_whole(turns, 1, MAX_TURNS)),
            Kind::ModelByAgent => check_map(value, |model| check_text(model, "a model's name")),
            Kind::Prices => check_map(value, check_price),
            Kind::Servers => check_servers(value),
        }
    }

    /// Whether a value of this kind is written as JSON in an environment variable.
    pub fn is_structured(self) -> bool {
        self.is_map() || matches!(self, Kind::Extensions | Kind::Hosts | Kind::Texts | Kind::Rules)
    }

    /// Whether layers add up name by name.
    pub fn is_map(self) -> bool {
        matches!(self, Kind::TurnsByAgent | Kind::ModelByAgent | Kind::Prices | Kind::Servers)
    }

    /// The name of the kind in the documentation.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Flag => "true or false",
            Kind::Whole { .. } => "whole number",
            Kind::Money => "number",
            Kind::Text | Kind::Path | Kind::Url | Kind::Command => "text",
            Kind::Choice(_) => "one of a few words",
            Kind::Extensions | Kind::Hosts | Kind::Texts => "list of text",
            Kind::Rules => "list of rules",
            Kind::TurnsByAgent | Kind::ModelByAgent | Kind::Prices | Kind::Servers => "object",
        }
    }

    /// JSON Schema of a value, without title and default.
    pub fn schema(self) -> Value {
        let texts = json!({"type": "array", "items": {"type": "string", "minLength": 1}});
        let text_map = json!({"type": "object", "additionalProperties": {"type": "string"}});
        match self {
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Whole { minimum, maximum } => json!({"type": "integer", "minimum": minimum, "maximum": maximum}),
            Kind::Money => json!({"type": "number", "minimum": 0}),
            Kind::Text | Kind::Path | Kind::Command => json!({"type": "string", "minLength": 1}),
            Kind::Url => json!({"type": "string", "pattern": "^https?://."}),
            Kind::Choice(choices) => json!({"type": "string", "enum": choices}),
            Kind::Extensions => json!({"type": "array", "items": {"type": "string", "pattern": "^\\.[^./\\\\\\s]+$"}}),
            Kind::Hosts | Kind::Texts => texts,
            Kind::Rules => json!({"type": "array", "items": rule_schema()}),
            Kind::TurnsByAgent => {
                json!({"type": "object", "additionalProperties": {"type": "integer", "minimum": 1, "maximum": MAX_TURNS}})
            }
            Kind::ModelByAgent => json!({"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}),
            Kind::Prices => {
                let fields: Map<String, Value> =
                    PRICE_FIELDS.iter().map(|field| ((*field).to_owned(), json!({"type": "number", "minimum": 0}))).collect();
                let price = json!({"type": "object", "properties": fields, "required": ["input", "output"], "additionalProperties": false});
                json!({"type": "object", "additionalProperties": price})
            }
            Kind::Servers => json!({"type": "object", "additionalProperties": {
                "type": "object",
                "properties": {"command": {"type": "string", "minLength": 1}, "args": {"type": "array", "items": {"type": "string"}}, "env": text_map,
                    "url": {"type": "string", "pattern": "^https?://."}, "headers": text_map, "tools": texts},
                "oneOf": [{"required": ["command"]}, {"required": ["url"]}],
                "additionalProperties": false,
            }}),
        }
    }
}

fn rule_schema() -> Value {
    let mut schema = schemars::schema_for!(Rule).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        // A definition inside an embedded schema would be looked for at the root: the one there is stands in its place.
        let definitions = object.remove("$defs").unwrap_or_default();
        let properties = object.get_mut("properties").and_then(Value::as_object_mut);
        if let (Some(verdict), Some(properties)) = (definitions.get("Verdict"), properties) {
            properties.insert("decision".into(), verdict.clone());
        }
    }
    schema
}

fn check_whole(value: &Value, minimum: u64, maximum: u64) -> Result<Value, Wrong> {
    let number = value.as_u64().or_else(|| {
        // `1e6` and `4.0` are whole numbers too; the detour over text never truncates.
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=9e15).contains(number))?;
        format!("{number:.0}").parse().ok()
    });
    match number {
        Some(number) if number >= minimum && number <= maximum => Ok(Value::from(number)),
        Some(number) if number > maximum => Err(Wrong::expected(&format!("a whole number of at most {maximum}"), value)),
        Some(_) => Err(Wrong::expected(&format!("a whole number of at least {minimum}"), value)),
        None if value.as_f64().is_some_and(|number| number < 0.0) => {
            Err(Wrong::expected(&format!("a whole number of at least {minimum}"), value))
        }
        None => Err(Wrong::expected("a whole number", value)),
    }
}

fn check_money(value: &Value) -> Result<Value, Wrong> {
    match value.as_f64() {
        Some(number) if number.is_finite() && number >= 0.0 => Ok(value.clone()),
        _ => Err(Wrong::expected("a number of at least 0", value)),
    }
}

fn check_text(value: &Value, what: &str) -> Result<Value, Wrong> {
    match value.as_str() {
        Some(text) if text.contains('\0') => Err(Wrong::plain(format!("expected {what}, found one with a NUL character"))),
        Some(text) if !text.trim().is_empty() => Ok(value.clone()),
        Some(_) => Err(Wrong::plain(format!("expected {what}, found an empty one"))),
        None => Err(Wrong::expected(what, value)),
    }
}

fn check_command(value: &Value) -> Result<Value, Wrong> {
    let wrong = || Wrong::plain("expected a command line as one text that is not empty");
    match value.as_str() {
        Some(text) if !text.trim().is_empty() && !text.contains('\0') => Ok(value.clone()),
        _ => Err(wrong()),
    }
}

fn check_url(value: &Value) -> Result<Value, Wrong> {
    let text = value.as_str().map(str::trim).unwrap_or_default();
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or_default();
    if rest.is_empty() || rest.starts_with('/') || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Wrong::expected("an address that starts with http:// or https://", value));
    }
    Ok(Value::from(text))
}

fn check_choice(value: &Value, choices: &[&str]) -> Result<Value, Wrong> {
    let text = value.as_str().unwrap_or_default();
    if choices.contains(&text) {
        return Ok(value.clone());
    }
    let mut wrong = Wrong::expected(&format!("one of {}", choices.join(", ")), value);
    wrong.hint = nearest(text, choices.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    Err(wrong)
}

fn check_list(value: &Value, check: impl Fn(&Value) -> Result<Value, Wrong>) -> Result<Value, Wrong> {
    let items = value.as_array().ok_or_else(|| Wrong::expected("a list", value))?;
    let checked = items.iter().enumerate().map(|(index, item)| check(item).map_err(|wrong| wrong.below(Part::Index(index))));
    checked.collect::<Result<Vec<Value>, Wrong>>().map(Value::from)
}

fn check_map(value: &Value, check: impl Fn(&Value) -> Result<Value, Wrong>) -> Result<Value, Wrong> {
    let entries = value.as_object().ok_or_else(|| Wrong::expected("an object", value))?;
    let checked = entries.iter().map(|(name, item)| {
        let checked = if name.trim().is_empty() { Err(Wrong::plain("a name is empty")) } else { check(item) };
        checked.map(|item| (name.clone(), item)).map_err(|wrong| wrong.below(Part::Name(name.clone())))
    });
    checked.collect::<Result<Map<String, Value>, Wrong>>().map(Value::from)
}

fn check_extension(value: &Value) -> Result<Value, Wrong> {
    let text = value.as_str().unwrap_or_default();
    let rest = text.strip_prefix('.').unwrap_or_default();
    if rest.is_empty() || rest.chars().any(|c| matches!(c, '.' | '/' | '\\') || c.is_whitespace() || c.is_control()) {
        let mut wrong = Wrong::expected("a file extension like \".md\"", value);
        if !text.is_empty() && !text.contains('.') {
            wrong.hint = Some(format!("write it with the dot: \".{text}\""));
        }
        return Err(wrong);
    }
    Ok(Value::from(crate::domain::path::fold(text)))
}

fn check_host(value: &Value) -> Result<Value, Wrong> {
    let text = value.as_str().unwrap_or_default();
    if text.is_empty() || text.contains("://") || text.chars().any(|c| matches!(c, '/' | '\\' | '@') || c.is_whitespace() || c.is_control())
    {
        return Err(Wrong::expected("a host like \"docs.example.com\" or \"192.168.0.7\"", value));
    }
    Ok(Value::from(text.to_lowercase()))
}

fn check_rule(value: &Value) -> Result<Value, Wrong> {
    if !value.is_object() {
        return Err(Wrong::expected("a rule like {\"tool\": \"write_file\", \"path\": \"docs/**\", \"decision\": \"allow\"}", value));
    }
    let rule: Rule = serde_json::from_value(value.clone()).map_err(|error| Wrong::plain(format!("the rule cannot be read: {error}")))?;
    match rule.problem() {
        Some(problem) => Err(Wrong::plain(format!("the rule {problem}"))),
        None => Ok(value.clone()),
    }
}

fn check_price(value: &Value) -> Result<Value, Wrong> {
    let checked = check_map(value, check_money)?;
    let fields = checked.as_object().cloned().unwrap_or_default();
    unknown_field(&fields, &PRICE_FIELDS)?;
    match ["input", "output"].iter().find(|field| !fields.contains_key(**field)) {
        Some(field) => Err(Wrong::plain(format!("`{field}` is missing (US dollars for a million tokens)"))),
        None => Ok(checked),
    }
}

fn check_servers(value: &Value) -> Result<Value, Wrong> {
    let checked = check_map(value, check_server)?;
    let names = checked.as_object().into_iter().flatten().map(|(name, _)| name);
    for name in names {
        let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) && !name.contains("__");
        if !fits {
            let message = "a server's name has letters, digits, `-` and single `_` only, because its tools are called mcp__server__tool";
            return Err(Wrong::plain(message).below(Part::Name(name.clone())));
        }
    }
    Ok(checked)
}

fn check_server(value: &Value) -> Result<Value, Wrong> {
    let fields = value.as_object().ok_or_else(|| Wrong::expected("an object with `command` or `url`", value))?;
    unknown_field(fields, &SERVER_FIELDS)?;
    if fields.contains_key("command") == fields.contains_key("url") {
        return Err(Wrong::plain("expected either `command` or `url`"));
    }
    for (name, field) in fields {
        let checked = match name.as_str() {
            "command" => check_text(field, "a program"),
            "url" => check_url(field),
            "args" => check_list(field, any_text),
            "tools" => check_list(field, |item| check_text(item, "a tool's name")),
            _ => check_map(field, any_text),
        };
        checked.map_err(|wrong| wrong.below(Part::Name(name.clone())))?;
    }
    Ok(value.clone())
}

/// Arguments and headers may hold a key: a wrong one is not shown.
fn any_text(value: &Value) -> Result<Value, Wrong> {
    if value.is_string() { Ok(value.clone()) } else { Err(Wrong::plain("expected text")) }
}

fn unknown_field(fields: &Map<String, Value>, known: &[&str]) -> Result<(), Wrong> {
    let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
    let mut wrong = Wrong::plain(format!("unknown; known here: {}", known.join(", ")));
    wrong.hint = nearest(unknown, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    Err(wrong.below(Part::Name(unknown.clone())))
}
