//! Planning by a model as a machine: what to ask, how to read the answer, at most two repairs, then the rules planner. Sends nothing.
use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::message::{Brief, FailureClass};
use crate::domain::{Agent, Message, ModelRequest, Plan, Policy, RelPath, Role, Step, StepId};

use super::prompt::capped;
use super::step::{Conversation, Ended};
use super::turn::planner_id;
use super::workflow::Workflow;

/// Answers that may be sent back with what was wrong.
const MAX_REPAIRS: u32 = 2;
/// The longest goal text in the planner's prompt, in bytes.
const GOAL_CAP: usize = 32 * 1024;
const ROLE: &str = include_str!("roles/planner.md");

/// What the planner does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Planning {
    /// Ask the model; `note` is what was wrong with the last answer.
    Ask {
        ordinal: u32,
        note: Option<String>,
        request: Box<ModelRequest>,
    },
    Made(Plan),
    /// The model gave no usable plan: the rules make one, and the reason is told.
    ByRules(String),
}

/// One conversation about a plan.
pub(super) struct Desk<'a> {
    pub workflow: &'a Workflow,
    pub policy: &'a Policy,
    pub conversation: &'a Conversation,
    /// The id of its calls in the journal.
    pub id: StepId,
    /// The first message. Stable for a run, so that a resume sends the same.
    pub opening: String,
    /// The plan in an answer, or what is wrong with it, in words for the model.
    pub read: fn(&str, &Workflow, &Policy) -> Result<Plan, String>,
}

/// The next move of the planner.
pub fn next(workflow: &Workflow, policy: &Policy) -> Planning {
    let read = |text: &str, _: &Workflow, policy: &Policy| read(text, policy);
    Desk { workflow, policy, conversation: &workflow.planner, id: planner_id(), opening: prompt(workflow, policy), read }.next()
}

impl Desk<'_> {
    pub fn next(&self) -> Planning {
        let conversation = self.conversation;
        if let Some(open) = &conversation.open {
            return self.ask(open.ordinal, open.note.clone());
        }
        match &conversation.last {
            None => self.ask(conversation.ordinal + 1, None),
            Some(Ended::Failed(failure)) if matches!(failure.class, FailureClass::Doomed | FailureClass::Overflow) => {
                Planning::ByRules(format!("the model could not plan: {}", failure.message))
            }
            Some(Ended::Failed(_)) => self.ask(conversation.ordinal + 1, None),
            Some(Ended::Replied { text, .. }) => match (self.read)(text, self.workflow, self.policy) {
                Ok(plan) => Planning::Made(plan),
                Err(problem) if conversation.answers() > MAX_REPAIRS => {
                    Planning::ByRules(format!("the model's plan could not be used: {problem}"))
                }
                Err(problem) => {
                    let note = format!("That plan cannot be used: {problem}\n\nAnswer with the whole corrected plan.");
                    self.ask(conversation.ordinal + 1, Some(note))
                }
            },
        }
    }

    fn ask(&self, ordinal: u32, note: Option<String>) -> Planning {
        let (workflow, policy) = (self.workflow, self.policy);
        // The fold keeps answers and notes; the opening follows from the goal and is put before them each time.
        let mut messages = vec![Message::user(self.opening.clone())];
        messages.extend(self.conversation.messages.iter().cloned());
        let is_new = self.conversation.open.is_none();
        messages.extend(note.iter().filter(|_| is_new).map(Message::user));
        let request = ModelRequest {
            model: policy.model_per_agent.get("planner").cloned().or_else(|| policy.model.clone()),
            system: ROLE.trim_end().to_owned(),
            max_output_tokens: policy.max_output_tokens,
            schema: Some(schema(policy)),
            ..ModelRequest::new(brief(workflow, self.id.clone()), messages)
        };
        Planning::Ask { ordinal, note, request: Box::new(request) }
    }
}

impl Conversation {
    fn answers(&self) -> u32 {
        u32::try_from(self.messages.iter().filter(|message| message.role == Role::Assistant).count()).unwrap_or(u32::MAX)
    }
}

/// The first message of the planner's conversation. Stable for a run, so that a resume sends the same.
pub fn prompt(workflow: &Workflow, policy: &Policy) -> String {
    let mut text = format!("# Goal\n\n{}\n\n# Specialists\n\n", capped(workflow.goal_text(), GOAL_CAP));
    for agent in usable(workflow, policy) {
        let _ = writeln!(text, "- `{}`: {} (writes `{}` unless named otherwise)", agent.name, agent.purpose, agent.output);
    }
    let inputs = workflow.run.as_ref().map(|run| run.inputs.as_slice()).unwrap_or_default();
    if !inputs.is_empty() {
        text.push_str("\n# Attached files\n\n");
        for input in inputs {
            let _ = writeln!(text, "- `{}` ({} bytes)", input.path, input.bytes);
        }
    }
    let rules = &policy.plan_rules;
    let _ = write!(text, "\n# Limits\n\n- extensions of outputs: {}\n", rules.allowed_extensions.join(" "));
    if rules.max_steps > 0 {
        let _ = writeln!(text, "- at most {} steps", rules.max_steps);
    }
    if !policy.servers.is_empty() {
        let servers: Vec<String> = policy.servers.iter().map(|name| format!("`mcp:{name}`")).collect();
        let _ = writeln!(text, "- servers that a step can use: {}", servers.join(" "));
    }
    if let Some(output) = workflow.goal().and_then(|goal| goal.output.as_ref()) {
        let _ = writeln!(text, "- the deliverable is named `{output}`");
    }
    text
}

fn usable<'a>(workflow: &'a Workflow, policy: &'a Policy) -> impl Iterator<Item = &'a Agent> {
    let named = workflow.goal().map(|goal| goal.agents.as_slice()).unwrap_or_default();
    policy.agents.values().filter(move |agent| named.is_empty() || named.contains(&agent.name))
}

fn brief(workflow: &Workflow, id: StepId) -> Brief {
    Brief {
        title: "Plan the workflow".into(),
        inputs: workflow.run.as_ref().map(|run| run.inputs.clone()).unwrap_or_default(),
        turns_left: 0,
        ..Brief::new("planner", workflow.goal_text(), id, RelPath::of_plan())
    }
}

/// The shape of the answer. Only what every provider's strict mode takes: every property is required, nothing else is allowed.
fn schema(policy: &Policy) -> Value {
    let agents: Vec<&String> = policy.agents.keys().collect();
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["title", "steps"],
        "properties": {
            "title": text(),
            "steps": {"type": "array", "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["id", "agent", "title", "instructions", "needs", "output", "approve", "uses"],
                "properties": {
                    "id": text(), "agent": {"type": "string", "enum": agents}, "title": text(), "instructions": text(),
                    "needs": texts(), "output": text(), "approve": {"type": "boolean"}, "uses": texts()
                }
            }}
        }
    })
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    title: String,
    steps: Vec<AnswerStep>,
}

#[derive(Deserialize)]
struct AnswerStep {
    id: String,
    agent: String,
    title: String,
    #[serde(default)]
    instructions: String,
    #[serde(default)]
    needs: Vec<String>,
    output: String,
    #[serde(default)]
    approve: bool,
    #[serde(default)]
    uses: Vec<String>,
}

/// The plan in an answer, checked; or what is wrong with it, in words for the model.
pub fn read(text: &str, policy: &Policy) -> Result<Plan, String> {
    checked(answered(text)?, policy)
}

/// The plan in an answer as it was written.
pub(super) fn answered(text: &str) -> Result<Plan, String> {
    let json = json_in(text).ok_or("there is no JSON object in the answer")?;
    let answer: Answer = serde_json::from_str(json).map_err(|error| format!("the JSON does not fit: {error}"))?;
    let steps = answer.steps.into_iter().map(step).collect::<Result<Vec<Step>, String>>()?;
    let title = one_line(&answer.title);
    Ok(Plan { title: if title.is_empty() { "Plan".into() } else { title }, steps })
}

/// The plan, if nothing is wrong with it.
pub(super) fn checked(plan: Plan, policy: &Policy) -> Result<Plan, String> {
    let problems: Vec<String> = plan.problems(&policy.plan_rules).into_iter().map(|problem| problem.message).collect();
    if problems.is_empty() { Ok(plan) } else { Err(problems.join("; ")) }
}

fn step(answer: AnswerStep) -> Result<Step, String> {
    let output = RelPath::new(&answer.output).map_err(|problem| format!("step {}: output: {problem}", answer.id))?;
    Ok(Step {
        id: StepId(answer.id),
        agent: answer.agent,
        title: one_line(&answer.title),
        instructions: answer.instructions.trim().to_owned(),
        needs: answer.needs.into_iter().map(StepId).collect(),
        output,
        approve: answer.approve,
        uses: answer.uses,
        skip: false,
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The outermost JSON object of a text: all of it, or what stands in a fence or between other words.
fn json_in(text: &str) -> Option<&str> {
    let start = text.find('{')?;
    let end = text.rfind('}')?;
    text.get(start..=end)
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
