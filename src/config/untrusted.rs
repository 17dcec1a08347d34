//! What a project's own file may say before it is trusted: each value is taken, cut down to its stricter part, or ignored with the reason. Reads nothing.
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::file::Entry;
use super::problem::{ConfigProblem, Level};
use super::table::{Stricter, Untrusted};

/// A value that has no effect until the project is trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct UntrustedValue {
    /// The option's key, or `agents/NAME.md` for a custom agent.
    pub key: String,
    /// As it stands in the file; for a custom agent its text.
    pub value: Value,
    pub file: PathBuf,
    /// From 1.
    pub line: Option<u32>,
}

/// What the judgement of one value needs to know.
pub struct Around<'a> {
    /// The value in force without this one.
    pub current: &'a Value,
    /// Whether another layer has ended workspaces removed by their age.
    pub cleans_up: bool,
    /// Whether a path stays inside the project, links considered.
    pub stays_inside: &'a dyn Fn(&str) -> bool,
}

/// What is left of a value, and why not all of it.
#[derive(Debug, PartialEq)]
pub struct Judgement {
    pub value: Option<Value>,
    pub ignored: Option<String>,
}

fn taken(value: Value) -> Judgement {
    Judgement { value: Some(value), ignored: None }
}

fn ignored(why: &str) -> Judgement {
    Judgement { value: None, ignored: Some(why.to_owned()) }
}

/// Judges one value of an untrusted file.
pub fn judge(entry: &Entry, around: &Around<'_>) -> Judgement {
    let value = &entry.value;
    let stricter = match entry.option.untrusted {
        _ if value == around.current => return taken(value.clone()),
        Untrusted::Yes => return taken(value.clone()),
        Untrusted::No => return ignored("only a trusted project may set it"),
        Untrusted::OnlyStricter(stricter) => stricter,
    };
    let fits = match stricter {
        Stricter::Lower => lower(value, around.current),
        Stricter::True => *value == Value::Bool(true),
        Stricter::False => *value == Value::Bool(false),
        Stricter::LaterChoice => later_choice(entry, around.current),
        Stricter::Fewer => return fewer(value, around.current),
        Stricter::FewerNotNone => !texts(value).is_empty() && texts(value).iter().all(|item| texts(around.current).contains(item)),
        Stricter::NoAllowingRules => return no_allowing_rules(value),
        Stricter::InsideProject => value.as_str().is_some_and(around.stays_inside),
        Stricter::KeepsLonger => !around.cleans_up || value.as_u64() >= around.current.as_u64(),
    };
    match (fits, stricter) {
        (true, _) => taken(value.clone()),
        (false, Stricter::InsideProject) => ignored("an untrusted project may name a folder inside itself only"),
        (false, Stricter::FewerNotNone) => ignored("an untrusted project may only take hosts from your own list"),
        (false, Stricter::KeepsLonger) => ignored("an untrusted project may not have your workspaces removed sooner"),
        (false, _) => ignored("an untrusted project may only make it stricter"),
    }
}

fn lower(value: &Value, current: &Value) -> bool {
    match (value.as_f64(), current.as_f64()) {
        (Some(value), Some(current)) => value <= current,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn later_choice(entry: &Entry, current: &Value) -> bool {
    let super::kind::Kind::Choice(choices) = entry.option.kind else { return false };
    let place = |value: &Value| choices.iter().position(|choice| value.as_str() == Some(choice));
    place(&entry.value) >= place(current)
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn fewer(value: &Value, current: &Value) -> Judgement {
    let allowed = texts(current);
    let (kept, new): (Vec<&str>, Vec<&str>) = texts(value).into_iter().partition(|item| allowed.contains(item));
    if new.is_empty() {
        return taken(value.clone());
    }
    let why = format!("an untrusted project may not add {}", new.join(" "));
    // Nothing left would forbid everything, which the file did not say.
    Judgement { value: (!kept.is_empty()).then(|| Value::from(kept)), ignored: Some(why) }
}

fn no_allowing_rules(value: &Value) -> Judgement {
    let rules = value.as_array().cloned().unwrap_or_default();
    let all = rules.len();
    let kept: Vec<Value> = rules.into_iter().filter(|rule| rule.get("decision").and_then(Value::as_str) != Some("allow")).collect();
    let dropped = all - kept.len();
    let why = format!("an untrusted project may not allow anything by rule ({dropped} of {all} rules)");
    Judgement { value: Some(Value::from(kept)), ignored: (dropped > 0).then_some(why) }
}

/// The problem that tells of an ignored value.
pub fn problem(entry: &Entry, why: &str) -> ConfigProblem {
    let message = format!("ignored: {why}");
    ConfigProblem::new(Level::Ignored, &entry.origin, Some(entry.option.key), message).hint(Some(hint()))
}

/// How a person makes an ignored value count.
pub fn hint() -> String {
    "look at it with `ai-orchestrator trust`, which also records that you trust it".into()
}

/// Whether `text`, a path as written in a file of `project`, names a folder strictly inside it by its words alone, and not `.git`.
pub fn is_inside(absolute: &Path, project: &Path) -> bool {
    let Ok(rest) = absolute.strip_prefix(project) else { return false };
    rest.components().next().is_some_and(|first| !first.as_os_str().eq_ignore_ascii_case(".git"))
}
