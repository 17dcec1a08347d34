//! One agent's conversation as a machine: what comes next in a running step. Every stop reason has an arm; nothing is sent or run here.
use crate::domain::message::{Brief, FailureClass, Upstream};
use crate::domain::{ModelRequest, Policy, Step, StepId, StopReason, ToolCall};

use super::hand_over;
use super::step::{Ended, StepState};
use super::workflow::Workflow;

/// Cut-off or paused answers that may be continued in one step.
const MAX_CONTINUATIONS: u32 = 5;
/// Times an agent that fell silent is asked again.
const MAX_NUDGES: u32 = 1;
/// The output limit of the call that follows one cut off inside a tool call, in tokens.
pub const ENLARGED_OUTPUT: u32 = 64_000;

const LAST_TURN: &str = "This is your last turn: write what you have to the step's output file now, then finish.";
const CONTINUE: &str = "Your answer was cut off. Continue exactly where it stopped.";
const EMPTY: &str = "Your last answer was empty. Write the step's output file, then finish with two sentences.";

/// What a running step does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// Ask the model, with this news at the tail.
    Call {
        note: Option<String>,
        max_output_tokens: Option<u32>,
    },
    /// Deal with these tool calls, in order.
    Tools,
    /// The closing text becomes the output.
    SaveText(String),
    /// The work is done and the output is there.
    Done,
    /// Go on in a fresh conversation that opens with this hand-over; `exceeded` says that the window was too small already.
    HandOver {
        text: String,
        exceeded: bool,
    },
    Fail(String),
}

/// The next move of a step's conversation.
pub fn next(step: &Step, state: &StepState, policy: &Policy) -> Turn {
    let conversation = &state.conversation;
    if let Some(open) = &conversation.open {
        return Turn::Call { note: open.note.clone(), max_output_tokens: open.max_output_tokens };
    }
    if !conversation.pending.is_empty() {
        return Turn::Tools;
    }
    match &conversation.last {
        None => call(step, state, policy, None),
        Some(Ended::Failed(failure)) => match failure.class {
            FailureClass::Doomed => Turn::Fail(failure.message.clone()),
            FailureClass::Overflow => overflow(state, Some(&failure.message)),
            _ => call(step, state, policy, None),
        },
        Some(Ended::Replied { stop, text, cut_tool }) => after_reply(step, state, policy, (*stop, text, *cut_tool)),
    }
}

fn after_reply(step: &Step, state: &StepState, policy: &Policy, (stop, text, cut_tool): (StopReason, &str, bool)) -> Turn {
    if state.handing_over {
        let text = if text.trim().is_empty() { hand_over::from_facts(state) } else { text.to_owned() };
        return Turn::HandOver { text, exceeded: stop == StopReason::ContextWindowExceeded };
    }
    let conversation = &state.conversation;
    let wrote = state.wrote.contains(&step.output);
    let answered_tools = conversation.messages.last().is_some_and(|message| message.role == crate::domain::Role::User);
    match stop {
        StopReason::Refusal => Turn::Fail(format!("the model refused this task{}", detail(text))),
        StopReason::ContextWindowExceeded => overflow(state, None),
        StopReason::Error => Turn::Fail("the call ended without a usable answer".into()),
        StopReason::MaxTokens | StopReason::PauseTurn if conversation.continuations > MAX_CONTINUATIONS => {
            Turn::Fail(format!("the answer was cut off {} times", conversation.continuations))
        }
        StopReason::MaxTokens if cut_tool => {
            Turn::Call { note: None, max_output_tokens: Some(policy.max_output_tokens.unwrap_or(0).max(ENLARGED_OUTPUT)) }
        }
        StopReason::MaxTokens => call(step, state, policy, Some(CONTINUE)),
        StopReason::PauseTurn => call(step, state, policy, None),
        // Tools were asked for and are all answered: the model speaks next, unless its turns are used up.
        StopReason::ToolUse | StopReason::EndTurn | StopReason::StopSequence if answered_tools => {
            if state.attempt_turns < state.max_turns {
                call(step, state, policy, None)
            } else if wrote {
                Turn::Done
            } else {
                Turn::Fail(format!("the turn limit of {} was reached before `{}` was written", state.max_turns, step.output))
            }
        }
        _ if wrote => Turn::Done,
        _ if !text.trim().is_empty() => Turn::SaveText(closing_text(step, state, text)),
        _ if conversation.nudges_made() < MAX_NUDGES && state.attempt_turns < state.max_turns => call(step, state, policy, Some(EMPTY)),
        _ => Turn::Fail(format!("the agent ended without writing `{}` and without a closing text", step.output)),
    }
}

/// The conversation no longer fits. A fresh one may, once.
fn overflow(state: &StepState, said: Option<&str>) -> Turn {
    if state.overflowed {
        let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
        return Turn::Fail(format!("the conversation no longer fits the model's context window; split the step or attach less{said}"));
    }
    Turn::HandOver { text: hand_over::from_facts(state), exceeded: true }
}

fn detail(text: &str) -> String {
    if text.trim().is_empty() { String::new() } else { format!(": {}", crate::domain::goal::shorten(text, 200)) }
}

fn call(step: &Step, state: &StepState, policy: &Policy, note: Option<&str>) -> Turn {
    if hand_over::is_due(step, state, policy) {
        return Turn::Call { note: Some(hand_over::ASK.to_owned()), max_output_tokens: policy.max_output_tokens };
    }
    let last = (state.attempt_turns + 1 == state.max_turns).then_some(LAST_TURN);
    let note = match (note, last) {
        (Some(note), Some(last)) => Some(format!("{note}\n\n{last}")),
        (Some(text), None) | (None, Some(text)) => Some(text.to_owned()),
        (None, None) => None,
    };
    Turn::Call { note, max_output_tokens: policy.max_output_tokens }
}

impl super::step::Conversation {
    /// How often the agent was told that its answer was empty.
    fn nudges_made(&self) -> u32 {
        let texts = self.messages.iter().flat_map(|message| &message.blocks);
        let nudges = texts.filter(|block| matches!(block, crate::domain::Block::Text { text } if text.starts_with(EMPTY)));
        u32::try_from(nudges.count()).unwrap_or(u32::MAX)
    }
}

/// What of a closing text goes into the file: all of it with the pages it cites, or the one code block where the file is code.
fn closing_text(step: &Step, state: &StepState, text: &str) -> String {
    let prose = matches!(step.output.extension().as_deref(), Some(".md" | ".txt") | None);
    let body = if prose { text } else { only_code_block(text).unwrap_or(text) };
    let mut body = if body.ends_with('\n') { body.to_owned() } else { format!("{body}\n") };
    let raw = state.conversation.messages.last().and_then(|message| message.raw.as_ref()).filter(|_| prose);
    let mut urls = std::collections::BTreeSet::new();
    let cited = raw.map(super::outside::cited).unwrap_or_default().into_iter();
    let unnamed: Vec<_> = cited.filter(|cited| !text.contains(&cited.url) && urls.insert(cited.url.clone())).collect();
    if !unnamed.is_empty() {
        body.push_str("\n## Sources\n\n");
        let line = |cited: &super::outside::Cited| format!("- {} <{}>\n", super::report::cell(&cited.title), cited.url);
        body.extend(unnamed.iter().map(line));
    }
    body
}

fn only_code_block(text: &str) -> Option<&str> {
    let mut parts = text.split("```");
    let (_, block, rest) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || rest.contains("```") {
        return None;
    }
    block.split_once('\n').map(|(_, body)| body)
}

/// The request of a step's next call. `note` is added to the tail as the fold will add it.
pub fn request(workflow: &Workflow, policy: &Policy, step: &Step, turn: (&Option<String>, Option<u32>)) -> Option<ModelRequest> {
    let state = workflow.step(&step.id)?;
    let model = model_of(policy, step);
    let mut messages = state.conversation.messages.clone();
    if let (None, Some(note)) = (&state.conversation.open, turn.0) {
        super::step::push_user_text(&mut messages, note);
    }
    let tools = state.tools.iter().filter_map(|name| policy.tools.get(name)).cloned().collect();
    Some(ModelRequest {
        model,
        system: state.system.clone(),
        tools,
        messages,
        max_output_tokens: turn.1,
        schema: None,
        brief: brief(workflow, step, state),
    })
}

/// The model that works on a step: the agent's own, the one configured for it, or the run's.
pub fn model_of(policy: &Policy, step: &Step) -> Option<String> {
    let own = policy.agents.get(&step.agent).and_then(|agent| agent.model.clone());
    policy.model_per_agent.get(&step.agent).cloned().or(own).or_else(|| policy.model.clone())
}

fn brief(workflow: &Workflow, step: &Step, state: &StepState) -> Brief {
    let run = workflow.run.as_ref();
    Brief {
        goal: workflow.goal_text().to_owned(),
        agent: step.agent.clone(),
        step: step.id.clone(),
        title: step.title.clone(),
        instructions: step.instructions.clone(),
        output: step.output.clone(),
        inputs: run.map(|run| run.inputs.clone()).unwrap_or_default(),
        upstream: upstream(workflow, step),
        planned_files: workflow.plan_steps().iter().filter(|other| other.id != step.id).map(|other| other.output.clone()).collect(),
        uses_project: step.uses.iter().any(|word| word == "project") || run.is_some_and(|run| run.goal.read_project),
        reworks: state.reworks > 0,
        turns_left: state.max_turns.saturating_sub(state.attempt_turns + 1),
    }
}

/// What the steps before this one left, the direct needs first in the plan's order.
pub fn upstream(workflow: &Workflow, step: &Step) -> Vec<Upstream> {
    let Some(plan) = &workflow.plan else { return Vec::new() };
    let needed = plan.plan.steps.iter().filter(|other| plan.plan.depends_on(&step.id, &other.id));
    needed
        .filter_map(|other| {
            let output = workflow.step(&other.id)?.output_file.clone()?;
            Some(Upstream { step: other.id.clone(), agent: other.agent.clone(), title: other.title.clone(), output })
        })
        .collect()
}

/// The calls of a step that can be dealt with now: those that change nothing together, one that writes alone.
pub fn due_calls<'a>(state: &'a StepState, policy: &Policy) -> Vec<&'a ToolCall> {
    let mut due = Vec::new();
    for pending in state.conversation.pending.iter().filter(|pending| pending.result.is_none()) {
        let reads = policy.read_only_tools.contains(&pending.call.name);
        if !reads && !due.is_empty() {
            break;
        }
        due.push(&pending.call);
        if !reads {
            break;
        }
    }
    due
}

/// Whether a call was started before.
pub fn was_started(state: &StepState, id: &str) -> bool {
    state.conversation.pending.iter().any(|pending| pending.call.id == id && pending.started)
}

/// The id of the planner's calls in the journal, which belong to no step of the plan.
pub fn planner_id() -> StepId {
    StepId("planner".into())
}
