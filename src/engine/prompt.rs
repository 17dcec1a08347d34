//! What an agent is told at the start of a step: role, task, inputs, and what earlier steps left, each with a hard cap.
use std::fmt::Write;

use crate::domain::pattern::name_matches;
use crate::domain::{Agent, AgentSource, Policy, Step};

use super::approval;
use super::outside::{declared_as, server_of};
use super::turn::upstream;
use super::workflow::Workflow;

/// The longest goal text in a prompt, in bytes.
const GOAL_CAP: usize = 16 * 1024;
/// The longest output of one earlier step in a prompt, in bytes.
pub const UPSTREAM_CAP: usize = 12 * 1024;
/// All earlier outputs together, in bytes.
const UPSTREAM_TOTAL: usize = 48 * 1024;

/// The longest project instructions in a prompt, in bytes.
const GUIDE_CAP: usize = 16 * 1024;
/// How they are headed; the file's name and a bracket follow.
pub(super) const GUIDE_HEAD: &str = "# Project instructions (";

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
    let tools = agent.map(|agent| offered(agent, policy, step)).unwrap_or_default();
    let max_turns = agent.map_or(1, |agent| agent.max_turns.max(1));
    let system = agent.map(super::roles::prompt).unwrap_or_default();
    let mut prompt = task(workflow, step, texts);
    for server in agent.map(|agent| servers(agent, step)).unwrap_or_default() {
        if !tools.iter().any(|tool| server_of(tool) == Some(server)) {
            let _ =
                write!(prompt, "\nThe tools of the server `{server}` are not available now; work without them and say so in the output.\n");
        }
    }
    if let Some(guide) = policy.guide.as_ref().filter(|_| approval::may_read_project(workflow, policy, step)) {
        let text = capped(guide.text.trim(), GUIDE_CAP);
        let _ = write!(prompt, "\n{GUIDE_HEAD}{})\n\nFollow them where they concern your step.\n\n{text}\n", guide.name);
    }
    Opening { system, prompt, tools, max_turns }
}

/// The agent's tools that exist in this run, and those of the servers that it may use in this step. A built-in agent uses the servers that the plan
/// declares for the step (`uses: mcp:NAME`); a custom one those it names itself, by tool or by pattern (`mcp__NAME__*`).
fn offered(agent: &Agent, policy: &Policy, step: &Step) -> Vec<String> {
    let mut tools: Vec<String> = agent.tools.iter().filter(|name| policy.tools.contains_key(*name)).cloned().collect();
    let of_servers = policy.tools.keys().filter(|tool| server_of(tool).is_some_and(|server| may_use(agent, step, (server, tool))));
    for tool in of_servers {
        if !tools.contains(tool) {
            tools.push(tool.clone());
        }
    }
    tools
}

fn may_use(agent: &Agent, step: &Step, (server, tool): (&str, &str)) -> bool {
    let named = agent.tools.iter().any(|name| name.starts_with("mcp__") && name_matches(name, tool));
    named || agent.source == AgentSource::BuiltIn && step.uses.contains(&declared_as(server))
}

/// The servers whose tools a step may use: those to have at hand before it begins.
pub fn servers<'a>(agent: &'a Agent, step: &'a Step) -> Vec<&'a str> {
    let declared = step.uses.iter().filter(|_| agent.source == AgentSource::BuiltIn).filter_map(|word| word.strip_prefix("mcp:"));
    let mut servers: Vec<&str> = agent.tools.iter().filter_map(|tool| server_of(tool)).chain(declared).collect();
    servers.sort_unstable();
    servers.dedup();
    servers
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
    if let Some(earlier) = super::review::earlier(workflow, step) {
        let _ = write!(prompt, "\n# Your last review\n\n{earlier}\n");
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
