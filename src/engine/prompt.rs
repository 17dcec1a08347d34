//! What an agent is told at the start of a step: role, task, inputs, and what earlier steps left, each with a hard cap.
use std::fmt::Write;

use crate::domain::{Agent, Policy, Step};

use super::turn::upstream;
use super::workflow::Workflow;

/// The longest goal text in a prompt, in bytes.
const GOAL_CAP: usize = 16 * 1024;
/// The longest output of one earlier step in a prompt, in bytes.
pub const UPSTREAM_CAP: usize = 12 * 1024;
/// All earlier outputs together, in bytes.
const UPSTREAM_TOTAL: usize = 48 * 1024;

/// The text of an earlier step's output, as read from the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamText {
    pub step: crate::domain::StepId,
    pub text: String,
}

/// How a step's conversation opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub system: String,
    pub prompt: String,
    pub tools: Vec<String>,
    pub max_turns: u32,
}

/// Cuts `text` to `cap` bytes at a character boundary and says how much is missing.
pub fn capped(text: &str, cap: usize) -> String {
    if text.len() <= cap {
        return text.to_owned();
    }
    let mut end = cap;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}\n[… {} more bytes; read the file for the rest]", &text[..end], text.len() - end)
}

/// The opening of a step: the stable part (system) first, so that a provider's prompt cache can serve it.
pub fn opening(workflow: &Workflow, policy: &Policy, step: &Step, texts: &[UpstreamText]) -> Opening {
    let agent = policy.agents.get(&step.agent);
    let tools = agent.map(|agent| offered(agent, policy)).unwrap_or_default();
    let max_turns = agent.map_or(1, |agent| agent.max_turns.max(1));
    let system = agent.map(super::roles::prompt).unwrap_or_default();
    Opening { system, prompt: task(workflow, step, texts), tools, max_turns }
}

/// The agent's tools that exist in this run.
fn offered(agent: &Agent, policy: &Policy) -> Vec<String> {
    agent.tools.iter().filter(|name| policy.tools.contains_key(*name)).cloned().collect()
}

fn task(workflow: &Workflow, step: &Step, texts: &[UpstreamText]) -> String {
    let mut prompt = String::new();
    let _ = write!(prompt, "# Goal\n\n{}\n\n", capped(workflow.goal_text(), GOAL_CAP));
    let _ = write!(prompt, "# Your step ({})\n\n{}\n\nWrite the result to `{}`.\n", step.id, step.title, step.output);
    if !step.instructions.is_empty() {
        let _ = write!(prompt, "\n# Instructions\n\n{}\n", capped(&step.instructions, GOAL_CAP));
    }
    if let Some(note) = workflow.step(&step.id).and_then(|state| state.retry_note.as_ref()) {
        let _ = write!(prompt, "\n# Note from the user on the last attempt\n\n{}\n", capped(note, GOAL_CAP));
        if workflow.files.get(&step.output.folded()).is_some_and(|fact| fact.owner == step.id) {
            let _ = write!(prompt, "\n`{}` still holds that attempt: read it, and change what the note asks for.\n", step.output);
        }
    }
    write_inputs(&mut prompt, workflow);
    write_plan(&mut prompt, workflow, step);
    write_upstream(&mut prompt, workflow, step, texts);
    prompt
}

fn write_inputs(prompt: &mut String, workflow: &Workflow) {
    let inputs = workflow.run.as_ref().map(|run| run.inputs.as_slice()).unwrap_or_default();
    if inputs.is_empty() {
        return;
    }
    prompt.push_str("\n# Attached files\n\n");
    for input in inputs {
        let _ = writeln!(prompt, "- `{}` ({} bytes, from {})", input.path, input.bytes, input.source);
    }
}

fn write_plan(prompt: &mut String, workflow: &Workflow, step: &Step) {
    let others: Vec<&Step> = workflow.plan_steps().iter().filter(|other| other.id != step.id && !other.skip).collect();
    if others.is_empty() {
        return;
    }
    prompt.push_str("\n# The other steps\n\n");
    for other in others {
        let _ = writeln!(prompt, "- {} {}: {} → `{}`", other.id, other.agent, other.title, other.output);
    }
}

fn write_upstream(prompt: &mut String, workflow: &Workflow, step: &Step, texts: &[UpstreamText]) {
    let mut left = UPSTREAM_TOTAL;
    for earlier in upstream(workflow, step) {
        let Some(found) = texts.iter().find(|text| text.step == earlier.step) else { continue };
        let text = capped(&found.text, UPSTREAM_CAP.min(left));
        left = left.saturating_sub(text.len());
        let _ = write!(
            prompt,
            "\n# What {} ({}) left in `{}`\n\n<output of=\"{}\">\n{}\n</output>\n",
            earlier.step, earlier.agent, earlier.output, earlier.step, text
        );
        if left < 256 {
            prompt.push_str("\n[further outputs left out; read the files]\n");
            return;
        }
    }
}
