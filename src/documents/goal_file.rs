//! A goal file (`*.goal.md`): its front matter as typed values, its body as the goal in full. Knows nothing of lines in other documents.
use std::path::PathBuf;

use serde_json::Value;

use crate::domain::plan::nearest;
use crate::domain::policy::ApprovalMode;
use crate::domain::{Goal, RelPath};

use super::front_matter::FrontMatter;
use super::goals::{FoundGoal, TextKind};
use super::place::{Problem, Span};

/// The keys a goal file may have (contract, section 5).
pub const KEYS: [&str; 8] = ["goal", "agents", "attach", "budget_usd", "approvals", "model", "max_parallel", "output"];
/// The words of `approvals`.
pub const APPROVALS: [&str; 4] = ["none", "plan", "steps", "tools"];

/// What the front matter of a goal file says; everything is optional.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GoalFile {
    pub goal: Option<String>,
    pub agents: Vec<String>,
    pub attach: Vec<String>,
    pub budget_usd: Option<f64>,
    pub approvals: Option<ApprovalMode>,
    pub model: Option<String>,
    pub max_parallel: Option<usize>,
    pub output: Option<RelPath>,
}

impl GoalFile {
    /// Hands what the file says to `goal`.
    pub fn apply(&self, goal: &mut Goal) {
        goal.agents = self.agents.clone();
        goal.attach = self.attach.iter().map(PathBuf::from).collect();
        goal.budget_usd = self.budget_usd;
        goal.approvals = self.approvals;
        goal.model = self.model.clone();
        goal.max_parallel = self.max_parallel;
        goal.output = self.output.clone();
    }
}

/// Reads a whole goal file. Never fails: what cannot be read is a problem with its place.
pub fn read(text: &str) -> FoundGoal {
    let front = FrontMatter::read(text);
    let mut problems = front.problems.clone();
    problems.extend(front.unknown_keys(&KEYS));
    let file = typed(&front, &mut problems);
    let body = text.get(front.body..).unwrap_or_default().trim();
    let words = match &file.goal {
        Some(goal) if body.is_empty() => goal.clone(),
        Some(goal) => format!("{goal}\n\n{body}"),
        None => body.to_owned(),
    };
    if words.is_empty() {
        problems.push(Problem::info(Span::at(text.len()), "this file says no goal yet; write it here in plain words"));
    }
    FoundGoal { kind: TextKind::GoalFile, span: Span::new(0, text.len()), line: 0, text: words, checkbox: None, file: Some(file), problems }
}

/// A warning for each name under `agents` that no agent in force has; the caller knows those.
pub fn agent_problems(text: &str, known: &[String]) -> Vec<Problem> {
    let front = FrontMatter::read(text);
    let unknown = front.words("agents").into_iter().filter(|name| !known.contains(name));
    unknown
        .map(|name| {
            let span = front.word_span(text, "agents", &name);
            let problem = Problem::warning(span, format!("unknown agent `{name}`; known: {}", known.join(", ")));
            match nearest(&name, known.iter().map(String::as_str)) {
                Some(known) => problem.replace(span, known),
                None => problem,
            }
        })
        .collect()
}

fn typed(front: &FrontMatter, problems: &mut Vec<Problem>) -> GoalFile {
    let mut file = GoalFile {
        goal: front.string("goal"),
        agents: front.words("agents"),
        attach: paths(front),
        model: front.string("model"),
        ..GoalFile::default()
    };
    for key in ["goal", "model", "approvals", "output"] {
        if matches!(front.values.get(key), Some(Value::Array(_) | Value::Object(_))) {
            problems.push(Problem::error(front.value_span(key), format!("`{key}` must be one line of text")));
        }
    }
    for key in ["agents", "attach"] {
        if matches!(front.values.get(key), Some(Value::Object(_) | Value::Bool(_) | Value::Number(_))) {
            problems.push(Problem::error(front.value_span(key), format!("`{key}` must be a list")));
        }
    }
    if let Some(text) = front.string("budget_usd") {
        file.budget_usd = text.trim_start_matches('$').parse().ok().filter(|budget: &f64| budget.is_finite() && *budget >= 0.0);
        if file.budget_usd.is_none() {
            problems.push(Problem::error(front.value_span("budget_usd"), "`budget_usd` must be an amount in US dollars, such as 0.50"));
        }
    }
    if let Some(text) = front.string("max_parallel") {
        file.max_parallel = text.parse().ok().filter(|count| *count >= 1);
        if file.max_parallel.is_none() {
            problems.push(Problem::error(front.value_span("max_parallel"), "`max_parallel` must be a whole number from 1"));
        }
    }
    file.approvals = approvals(front, problems);
    file.output = output(front, problems);
    file
}

fn approvals(front: &FrontMatter, problems: &mut Vec<Problem>) -> Option<ApprovalMode> {
    let text = front.string("approvals")?;
    match text.to_lowercase().as_str() {
        "none" => Some(ApprovalMode::None),
        "plan" => Some(ApprovalMode::Plan),
        "steps" => Some(ApprovalMode::Steps),
        "tools" => Some(ApprovalMode::Tools),
        _ => {
            let span = front.value_span("approvals");
            let problem = Problem::error(span, format!("`approvals` is one of {}; `{text}` is none of them", APPROVALS.join(", ")));
            problems.push(match nearest(&text, APPROVALS.into_iter()) {
                Some(word) => problem.replace(span, word),
                None => problem,
            });
            None
        }
    }
}

fn output(front: &FrontMatter, problems: &mut Vec<Problem>) -> Option<RelPath> {
    let text = front.string("output")?;
    RelPath::new(&text).map_err(|reason| problems.push(Problem::error(front.value_span("output"), reason))).ok()
}

/// File names may hold spaces, so a string is cut at commas only.
fn paths(front: &FrontMatter) -> Vec<String> {
    match front.values.get("attach") {
        Some(Value::String(text)) => text.split(',').map(str::trim).filter(|path| !path.is_empty()).map(str::to_owned).collect(),
        _ => front.words("attach"),
    }
}
