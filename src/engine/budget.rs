//! Budgets by reservation: before a call its worst case must fit beside what is spent and what is under way.
use std::sync::Arc;

use crate::domain::hash::short_hash;
use crate::domain::policy::Rates;
use crate::domain::{ModelRequest, Policy, Question, Step, Subject, ToolSpec};

use super::step::StepState;
use super::workflow::Workflow;

/// Bytes of a request that make one token at the most, so that the estimate is a worst case for ordinary text.
const BYTES_PER_TOKEN: u64 = 3;
/// Output tokens of a call that states no limit of its own.
pub const DEFAULT_OUTPUT: u32 = 16_000;
/// The smallest answer worth asking for, in tokens.
const SMALLEST_OUTPUT: u32 = 1_000;

/// What a call may use at the most.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Worst {
    pub tokens: u64,
    /// US dollars; `None` when the price is unknown.
    pub usd: Option<f64>,
}

/// Whether a call may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    Yes,
    /// With this output limit.
    Shrunk(u32),
    /// Not now: calls under way may leave room.
    Wait,
    No,
}

/// A call as the budget sees it.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Tokens it sends at the most.
    pub input: u64,
    /// Tokens it may be answered with.
    pub output: u32,
    rates: Option<Rates>,
}

/// The call of a step with this news at its tail. A call that is open already has its news in the conversation.
pub fn ask(policy: &Policy, (step, state): (&Step, &StepState), (note, output): (Option<&str>, Option<u32>)) -> Ask {
    let tools: Vec<&Arc<ToolSpec>> = state.tools.iter().filter_map(|name| policy.tools.get(name)).collect();
    let note = note.filter(|_| state.conversation.open.is_none());
    let bytes = json_bytes(&(&state.system, tools, &state.conversation.messages, note));
    let rates = rates(policy, super::turn::model_of(policy, step).as_deref());
    Ask { input: bytes / BYTES_PER_TOKEN + 1, output: output.unwrap_or(DEFAULT_OUTPUT), rates }
}

/// The same of a request that is rendered already.
pub fn ask_of(policy: &Policy, request: &ModelRequest) -> Ask {
    let bytes = json_bytes(&(&request.system, &request.tools, &request.messages));
    Ask {
        input: bytes / BYTES_PER_TOKEN + 1,
        output: request.max_output_tokens.unwrap_or(DEFAULT_OUTPUT),
        rates: rates(policy, request.model.as_deref()),
    }
}

/// No model, no price.
fn rates(policy: &Policy, model: Option<&str>) -> Option<Rates> {
    match model {
        None => Some(Rates { input: 0.0, output: 0.0 }),
        Some(model) => policy.rates.get(model).copied(),
    }
}

/// How long a value is as JSON, without writing it anywhere.
fn json_bytes(value: &impl serde::Serialize) -> u64 {
    struct Count(u64);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Nothing that a request holds fails to be JSON.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

impl Ask {
    /// The worst case with this many tokens of answer.
    pub fn worst(&self, output: u32) -> Worst {
        Worst { tokens: self.input + u64::from(output), usd: self.rates.map(|rates| price(rates, self.input, u64::from(output))) }
    }
}

#[allow(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
fn price(rates: Rates, input: u64, output: u64) -> f64 {
    (input as f64 * rates.input + output as f64 * rates.output) / 1e6
}

/// What a run may still use, with what is under way taken off.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    tokens: Option<u64>,
    usd: Option<f64>,
    under_way: bool,
}

impl Room {
    /// The room of a run in which calls with these worst cases are under way.
    pub fn new(workflow: &Workflow, policy: &Policy, reserved: &[Worst]) -> Room {
        let (limit_usd, limit_tokens) = limits(workflow, policy);
        let tokens_reserved: u64 = reserved.iter().map(|worst| worst.tokens).sum();
        let usd_reserved: f64 = reserved.iter().filter_map(|worst| worst.usd).sum();
        let left = limit_usd.map(|limit| limit - workflow.cost_usd().unwrap_or(0.0));
        let left = [left, policy.left_today_usd].into_iter().flatten().reduce(f64::min);
        Room {
            tokens: limit_tokens.map(|limit| limit.saturating_sub(workflow.usage().total() + tokens_reserved)),
            usd: left.map(|left| left - usd_reserved),
            under_way: !reserved.is_empty(),
        }
    }

    /// Whether this call fits, and takes its room if so.
    pub fn take(&mut self, ask: &Ask) -> Fit {
        let wanted = ask.output;
        let fits = |output: u32| {
            let worst = ask.worst(output);
            self.tokens.is_none_or(|room| worst.tokens <= room)
                && self.usd.is_none_or(|room| worst.usd.is_none_or(|usd| usd <= 0.0 || usd <= room))
        };
        let mut output = wanted;
        while !fits(output) && output > SMALLEST_OUTPUT && !self.under_way {
            output = (output / 2).max(SMALLEST_OUTPUT);
        }
        if !fits(output) {
            return if self.under_way { Fit::Wait } else { Fit::No };
        }
        let worst = ask.worst(output);
        self.tokens = self.tokens.map(|room| room - worst.tokens);
        self.usd = self.usd.map(|room| room - worst.usd.unwrap_or(0.0));
        self.under_way = true;
        if output == wanted { Fit::Yes } else { Fit::Shrunk(output) }
    }
}

/// Tokens that one call of an agent usually sends and gets, for estimates: a short conversation, and a long one.
const USUAL_CALL: [(u64, u64); 2] = [(3_000, 500), (12_000, 2_000)];

/// What the plan may cost, in words; `None` without a model, where nothing costs.
pub fn estimate(workflow: &Workflow, policy: &Policy) -> Option<String> {
    let steps: Vec<&Step> = workflow.plan_steps().iter().filter(|step| !step.skip).collect();
    estimate_of(workflow, policy, &steps)
}

/// The same for some of its steps.
pub fn estimate_of(workflow: &Workflow, policy: &Policy, steps: &[&Step]) -> Option<String> {
    policy.model.as_ref()?;
    let calls = |step: &crate::domain::Step| u64::from(policy.agents.get(&step.agent).map_or(1, |agent| agent.max_turns.max(1)));
    let most: u64 = steps.iter().map(|step| calls(step)).sum();
    let least = steps.len() as u64 * 2;
    let sum = |(input, output): (u64, u64), count: u64| (input + output) * count;
    let tokens = format!("{} to {} thousand tokens", sum(USUAL_CALL[0], least).div_ceil(1000), sum(USUAL_CALL[1], most).div_ceil(1000));
    let cost = |(input, output): (u64, u64), count: &dyn Fn(&crate::domain::Step) -> u64| -> Option<f64> {
        steps.iter().try_fold(0.0, |total, step| {
            let rates = policy.rates.get(&super::turn::model_of(policy, step)?)?;
            let calls = count(step);
            Some(total + price(*rates, input * calls, output * calls))
        })
    };
    Some(match (cost(USUAL_CALL[0], &|_| 2), cost(USUAL_CALL[1], &calls)) {
        (Some(low), Some(high)) => format!("Estimate: {least} to {most} model calls, {tokens}, ${low:.2} to ${high:.2}."),
        _ => format!(
            "Estimate: {least} to {most} model calls, {tokens}; the price of the model is unknown, so the money budget cannot hold{}.",
            if limits(workflow, policy).1.is_some() { "" } else { ": set budget.per_run_tokens, or approve to go on without a limit" }
        ),
    })
}

/// The run's limits in force: what a person raised them to, else the settings.
pub fn limits(workflow: &Workflow, policy: &Policy) -> (Option<f64>, Option<u64>) {
    let run = workflow.run.as_ref();
    let usd = run.and_then(|run| run.budget_usd).or(policy.budget_usd);
    let tokens = run.and_then(|run| run.budget_tokens).or(policy.budget_tokens);
    (usd, tokens)
}

/// Whether calls have to be measured against anything.
pub fn is_limited(workflow: &Workflow, policy: &Policy) -> bool {
    limits(workflow, policy) != (None, None) || policy.left_today_usd.is_some()
}

/// Whether the day's limit, not the run's own, is what leaves no room: raising the run's would not help.
pub fn is_the_days(workflow: &Workflow, policy: &Policy) -> bool {
    let run = limits(workflow, policy).0.map(|limit| limit - workflow.cost_usd().unwrap_or(0.0));
    policy.left_today_usd.is_some_and(|today| run.is_none_or(|run| today < run))
}

/// Whether going past the budget is asked about right now.
pub fn is_asked(workflow: &Workflow) -> bool {
    workflow.questions.iter().any(|question| matches!(question.subject, Subject::Budget { .. }))
}

/// The question about going past the budget: the limits would double.
pub fn question(workflow: &Workflow, policy: &Policy) -> Question {
    let (usd, tokens) = limits(workflow, policy);
    let (more_usd, more_tokens) = (usd.map(|limit| (limit * 2.0).max(0.01)), tokens.map(|limit| limit.saturating_mul(2).max(1000)));
    let mut parts = Vec::new();
    if let (Some(limit), Some(more)) = (usd, more_usd) {
        parts.push(format!("${limit:.2} to ${more:.2}"));
    }
    if let (Some(limit), Some(more)) = (tokens, more_tokens) {
        parts.push(format!("{limit} to {more} tokens"));
    }
    let what = format!("raise the run's budget from {}", parts.join(" and from "));
    Question {
        id: workflow.next_question_id(),
        step: None,
        subject: Subject::Budget { limit_usd: more_usd, limit_tokens: more_tokens },
        hash: short_hash(&what),
        what,
        detail: "The next call could go past the budget.".into(),
        asked_at: None,
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
