//! May this be done? Hard denies, then rules, then the mode's table, then the person. Deny beats ask beats allow.
use serde_json::Value;

use crate::domain::hash::short_hash;
use crate::domain::plan::is_own;
use crate::domain::policy::{ApprovalMode, ProjectRead, Verdict};
use crate::domain::question::proposal;
use crate::domain::{Decision, Policy, Question, RelPath, Scope, Step, StepStatus, Subject, ToolCall, Via};

use super::fold_tools::PROJECT_TOOLS;
use super::outside;
use super::workflow::Workflow;

/// Identical calls in one step that are answered before the next is refused.
const MAX_REPEATS: usize = 3;

/// What may happen with a tool call.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    Allow,
    /// The model is told this.
    Deny(String),
    /// Somebody must say yes first; `None` while that very question is open.
    Ask(Option<Box<Question>>),
}

/// What a call is about: a path, a host, or nothing.
pub fn target(call: &ToolCall) -> String {
    let path = || call.input.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
    outside::host(call).unwrap_or_else(path)
}

/// Judges one tool call of a running step.
pub fn judge(workflow: &Workflow, policy: &Policy, step: &Step, call: &ToolCall) -> Judgement {
    if let Some(reason) = hard_deny(workflow, policy, step, call) {
        return Judgement::Deny(reason);
    }
    let target = target(call);
    let matching = policy.rules.iter().filter(|rule| rule.matches(&call.name, &target, &step.agent));
    let ruled = matching.map(|rule| rule.decision).max();
    if ruled == Some(Verdict::Deny) {
        return Judgement::Deny(format!("a rule of the user forbids {} on `{target}`", call.name));
    }
    if PROJECT_TOOLS.contains(&call.name.as_str()) {
        return project(workflow, policy, step, (call, ruled));
    }
    let by_mode = policy.approvals == ApprovalMode::Tools;
    let reads = policy.read_only_tools.contains(&call.name);
    let asks = match (ruled, outside::server_of(&call.name)) {
        (Some(verdict), _) => verdict == Verdict::Ask,
        (None, Some(_)) if by_mode || !reads => true,
        (None, Some(server)) if outside::is_declared(workflow, step, server) => false,
        (None, Some(server)) => return ask_once(workflow, step, (call, server)),
        (None, None) => by_mode && (!reads || outside::reaches_out(&call.name)) || outside::is_unannounced(workflow, policy, call),
    };
    if asks { ask_tool(workflow, step, call) } else { Judgement::Allow }
}

/// The reading tools of a server that the plan did not declare: one answer counts for the run.
fn ask_once(workflow: &Workflow, step: &Step, (call, server): (&ToolCall, &str)) -> Judgement {
    let word = outside::declared_as(server);
    if let Some(decided) = outside::server_decision(workflow, server) {
        let note = decided.decision.note.as_deref();
        let about = format!("the server `{server}`");
        return if decided.decision.approved { Judgement::Allow } else { Judgement::Deny(denied(&about, note, decided.via)) };
    }
    if workflow.questions.iter().any(|question| outside::is_about_server(workflow, question, server)) {
        return Judgement::Ask(None);
    }
    Judgement::Ask(Some(Box::new(Question {
        id: workflow.next_question_id(),
        step: Some(step.id.clone()),
        what: format!("{} {} wants to read from the server `{server}`", step.id, step.agent),
        detail: format!("{}\n\nOne answer counts for this server's reading tools in the whole run.", shown_input(call)),
        hash: outside::server_hash(workflow, server),
        subject: Subject::Tool { call_id: call.id.clone(), tool: call.name.clone(), target: word },
        asked_at: None,
    })))
}

fn hard_deny(workflow: &Workflow, policy: &Policy, step: &Step, call: &ToolCall) -> Option<String> {
    let state = workflow.step(&step.id)?;
    if !state.tools.contains(&call.name) || !policy.tools.contains_key(&call.name) {
        return Some(format!("there is no tool `{}`; you have: {}", call.name, state.tools.join(", ")));
    }
    if call.unreadable_input().is_some() {
        return Some(format!("the input of {} was not one complete JSON object; make the call again with valid JSON", call.name));
    }
    if let Some(reason) = outside::unreadable_address(call) {
        return Some(reason);
    }
    if state.conversation.times_made(call) >= MAX_REPEATS {
        return Some(format!("you made this very call {MAX_REPEATS} times already; its answer will not change. Go on with what you have"));
    }
    let writes = !policy.read_only_tools.contains(&call.name) && outside::server_of(&call.name).is_none();
    let path = call.input.get("path").and_then(Value::as_str).and_then(|path| RelPath::new(path).ok());
    path.filter(|_| writes).and_then(|path| not_yours(workflow, step, &path))
}

/// Why a file of another step may not be written, if so.
fn not_yours(workflow: &Workflow, step: &Step, path: &RelPath) -> Option<String> {
    if is_own(path) {
        return Some(format!("`{path}` is a file of the orchestrator itself; write under another name"));
    }
    let folded = path.folded();
    let planned = workflow.plan_steps().iter().find(|other| other.output.folded() == folded).map(|other| &other.id);
    let fact = workflow.files.get(&folded);
    let owner = planned.or(fact.map(|fact| &fact.owner)).filter(|owner| **owner != step.id)?;
    let needs = workflow.plan.as_ref().is_some_and(|plan| plan.plan.depends_on(&step.id, owner));
    if !needs {
        return Some(format!("`{path}` belongs to step {owner}; write under another name"));
    }
    let known = workflow.step(&step.id).and_then(|state| state.known.get(path));
    match (fact, known) {
        (None, _) => Some(format!("`{path}` belongs to step {owner}, which has not written it")),
        (Some(fact), Some(hash)) if *hash == fact.sha256 => None,
        _ => Some(format!("`{path}` belongs to step {owner}: read it as it is now before you change it")),
    }
}

/// Whether a step may read the project without anybody being asked: by the settings, the goal or the approved plan.
pub fn may_read_project(workflow: &Workflow, policy: &Policy, step: &Step) -> bool {
    let declared = workflow.plan.as_ref().is_some_and(|plan| plan.declared.contains(&(step.id.clone(), "project".to_owned())));
    let goal_allows = workflow.goal().is_some_and(|goal| goal.read_project);
    policy.project_read != ProjectRead::Deny && (policy.project_read == ProjectRead::Allow || goal_allows || declared)
}

fn project(workflow: &Workflow, policy: &Policy, step: &Step, (call, ruled): (&ToolCall, Option<Verdict>)) -> Judgement {
    if policy.project_read == ProjectRead::Deny {
        return Judgement::Deny("reading the project is switched off (security.project_read); work from the workspace's files".into());
    }
    if ruled != Some(Verdict::Ask) && (may_read_project(workflow, policy, step) || ruled == Some(Verdict::Allow)) {
        return Judgement::Allow;
    }
    match workflow.project_decision() {
        Some(decided) if decided.decision.approved => Judgement::Allow,
        Some(decided) => Judgement::Deny(denied("reading the project", decided.decision.note.as_deref(), decided.via)),
        None if workflow.questions.iter().any(|question| matches!(question.subject, Subject::ReadProject { .. })) => Judgement::Ask(None),
        None => Judgement::Ask(Some(Box::new(Question {
            id: workflow.next_question_id(),
            step: Some(step.id.clone()),
            subject: Subject::ReadProject { call_id: call.id.clone() },
            what: format!("{} {} wants to read the project", step.id, step.agent),
            detail: workflow
                .run
                .as_ref()
                .map(|run| format!("Project: `{}`. One answer counts for the whole run.", run.project))
                .unwrap_or_default(),
            hash: short_hash(&format!("project {}", workflow.run_id())),
            asked_at: None,
        }))),
    }
}

fn ask_tool(workflow: &Workflow, step: &Step, call: &ToolCall) -> Judgement {
    let target = target(call);
    let hash = short_hash(&format!("{} {}", call.name, call.input));
    // Some endpoints number the calls of every answer anew: an id that was decided before must be about this very input.
    if let Some(decided) = workflow.call_decision(&step.id, &call.id).filter(|decided| decided.question.hash == hash) {
        let note = decided.decision.note.as_deref();
        return if decided.decision.approved { Judgement::Allow } else { Judgement::Deny(denied(&call.name, note, decided.via)) };
    }
    if workflow.is_granted(&call.name, &target) {
        return Judgement::Allow;
    }
    let open = workflow.questions.iter().any(|question| {
        question.step.as_ref() == Some(&step.id) && matches!(&question.subject, Subject::Tool { call_id, .. } if *call_id == call.id)
    });
    if open {
        return Judgement::Ask(None);
    }
    Judgement::Ask(Some(Box::new(Question {
        id: workflow.next_question_id(),
        step: Some(step.id.clone()),
        subject: Subject::Tool { call_id: call.id.clone(), tool: call.name.clone(), target: target.clone() },
        what: format!("{} {} wants to use {} on `{target}`", step.id, step.agent, call.name),
        detail: shown_input(call),
        hash,
        asked_at: None,
    })))
}

/// The input as a person needs to see it: long texts cut, with their length.
fn shown_input(call: &ToolCall) -> String {
    let Some(map) = call.input.as_object() else { return call.input.to_string() };
    let line = |(key, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let count = text.chars().count();
        let cut: String = text.chars().take(1200).collect();
        if count > 1200 { format!("{key} ({count} characters):\n{cut}…") } else { format!("{key}: {cut}") }
    };
    map.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn denied(what: &str, note: Option<&str>, via: Via) -> String {
    let who = if via == Via::Policy { "nobody is there to approve it" } else { "the user declined" };
    match note {
        Some(note) => format!("{what} is not allowed: {who}: {note}"),
        None => format!("{what} is not allowed: {who}. Go on without it and say so in your output"),
    }
}

/// What is decided without a person: `--non-interactive` and mode `none` accept the plan and deny whatever else asks.
pub fn automatic(workflow: &Workflow, policy: &Policy, question: &Question) -> Option<Decision> {
    let plan_only = workflow.goal().is_some_and(|goal| goal.plan_only);
    if policy.interactive && policy.approvals != ApprovalMode::None || plan_only {
        return None;
    }
    let approved = question.subject == Subject::Plan;
    Some(Decision { approved, scope: Scope::Once, note: None })
}

/// Whether a finished step's result waits for a person.
pub fn result_asks(policy: &Policy, step: &Step) -> bool {
    step.approve || matches!(policy.approvals, ApprovalMode::Steps | ApprovalMode::Tools)
}

/// The question about a step's result.
pub fn result_question(workflow: &Workflow, step: &Step) -> Question {
    let fact = workflow.files.get(&step.output.folded());
    let bytes = fact.map_or(0, |fact| fact.bytes);
    Question {
        id: workflow.next_question_id(),
        step: Some(step.id.clone()),
        subject: Subject::StepResult,
        what: format!("{} {} result `{}`", step.id, step.agent, step.output),
        detail: result_detail(step, bytes),
        hash: short_hash(fact.map_or("", |fact| fact.sha256.as_str())),
        asked_at: None,
    }
}

fn result_detail(step: &Step, bytes: u64) -> String {
    match proposal(&step.id, &step.output) {
        Some(path) => format!("Read [{path}]({path}) ({bytes} bytes). Edit it before you approve, if you like: what stands there is kept."),
        None => format!("Read [{0}]({0}) ({bytes} bytes).", step.output),
    }
}

/// The question about the plan.
pub fn plan_question(workflow: &Workflow) -> Question {
    let open = workflow.questions.iter().find(|question| question.subject == Subject::Plan);
    let uses: std::collections::BTreeSet<&str> =
        workflow.plan_steps().iter().filter(|step| !step.skip).flat_map(|step| step.uses.iter().map(String::as_str)).collect();
    let uses = if uses.is_empty() { "nothing beyond the workspace".to_owned() } else { uses.into_iter().collect::<Vec<_>>().join(", ") };
    let steps = workflow.plan_steps().iter().filter(|step| workflow.step_status(&step.id) != StepStatus::Skipped && !step.skip).count();
    Question {
        id: open.map_or_else(|| workflow.next_question_id(), |open| open.id.clone()),
        step: None,
        subject: Subject::Plan,
        what: "plan".into(),
        detail: format!("{steps} steps in [plan.md](plan.md); uses {uses}."),
        hash: workflow.plan_hash(),
        asked_at: None,
    }
}
