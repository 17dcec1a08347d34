//! The words in which a run's state is told to a person: short, the same in lenses, progress and diagnostics.
use crate::domain::goal::shorten;
use crate::domain::view::{PendingApproval, RunState, StepView};
use crate::domain::{RunStatus, StepStatus, Subject};

use super::runs::Run;

/// `$0.03`, `<$0.01`; nothing where the price is unknown.
pub fn money(cost: Option<f64>) -> Option<String> {
    let cost = cost?;
    Some(if cost > 0.0 && cost < 0.005 { "<$0.01".into() } else { format!("${cost:.2}") })
}

fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// A run's status as a person says it.
pub fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::WaitingApproval => "waiting for your approval",
        other => other.as_str(),
    }
}

/// A step's status as a person says it.
pub fn step_status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::WaitingApproval => "waiting for your approval",
        other => other.as_str(),
    }
}

/// What a question is about: `plan of 4 steps`, `s4 coder wants to read the project`.
pub fn what(state: Option<&RunState>, pending: &PendingApproval) -> String {
    if !is_about_plan(pending) {
        return pending.what.clone();
    }
    match state.map_or(0, |state| state.steps.iter().filter(|step| step.status != StepStatus::Skipped).count()) {
        0 => pending.what.clone(),
        1 => "plan of 1 step".to_owned(),
        steps => format!("plan of {steps} steps"),
    }
}

/// Whether the plan itself is asked about.
pub fn is_about_plan(pending: &PendingApproval) -> bool {
    pending.step.is_none() && pending.subject.as_ref().map_or(pending.what == "plan", |subject| *subject == Subject::Plan)
}

/// Steps that are done, of the steps that are to be done: skipped ones count on neither side.
pub fn counts(state: &RunState) -> (usize, usize) {
    let count = |is: fn(StepStatus) -> bool| state.steps.iter().filter(|step| is(step.status)).count();
    (count(|status| status == StepStatus::Completed), count(|status| status != StepStatus::Skipped))
}

/// `2/5 coder · turn 3/6 · $0.03`: the step being worked on of all steps, who works, how far they are, what it cost so far.
pub fn progress(state: &RunState) -> String {
    let (done, all) = counts(state);
    let running: Vec<&StepView> = state.steps.iter().filter(|step| step.status == StepStatus::Running).collect();
    let mut agents: Vec<&str> = running.iter().map(|step| step.agent.as_str()).collect();
    agents.dedup();
    let place = match (all, state.pending_approvals.first()) {
        (_, Some(pending)) => format!("waiting for your approval: {}", shorten(&what(Some(state), pending), 60)),
        (0, None) => "planning".to_owned(),
        (all, None) => format!("{}/{all} {}", (done + usize::from(!running.is_empty())).min(all), agents.join(", ")).trim_end().to_owned(),
    };
    let turn = match running.as_slice() {
        [only] if state.pending_approvals.is_empty() && only.max_turns > 0 => {
            Some(format!("turn {}/{}", only.turns.clamp(1, only.max_turns), only.max_turns))
        }
        _ => None,
    };
    joined([Some(place), turn, money(state.totals.cost_usd)])
}

/// `4/4 · $0.11`.
pub fn tally(run: &Run) -> String {
    joined([Some(format!("{}/{}", run.steps_done, run.steps)), money(run.cost_usd)])
}

/// `completed · 1234 tokens · $0.03 · 12 s`: a step's state in few words.
pub fn step(step: &StepView) -> String {
    let tokens = Some(step.usage.total()).filter(|tokens| *tokens > 0).map(|tokens| format!("{tokens} tokens"));
    let turn = (step.status == StepStatus::Running && step.max_turns > 0)
        .then(|| format!("turn {}/{}", step.turns.clamp(1, step.max_turns), step.max_turns));
    let time = step.started_at.zip(step.ended_at).map(|(start, end)| duration((end - start).num_milliseconds()));
    let cost = if step.turns > 0 { money(step.cost_usd) } else { None };
    joined([Some(step_status(step.status).to_owned()), turn, tokens, cost, time])
}

fn duration(milliseconds: i64) -> String {
    match milliseconds.max(0) {
        short @ 0..1000 => format!("{short} ms"),
        medium @ 1000..60_000 => format!("{}.{} s", medium / 1000, medium % 1000 / 100),
        long => format!("{} min {} s", long / 60_000, long % 60_000 / 1000),
    }
}

/// The first failed step.
pub fn failed_step(state: &RunState) -> Option<&StepView> {
    state.steps.iter().find(|step| step.status == StepStatus::Failed)
}

/// `143022-k7 · s4: coder wants to read the project`: names run and step, so that no two texts are equal.
pub fn question(run: &Run, pending: &PendingApproval) -> String {
    let step = pending.step.as_ref().map_or_else(|| pending.id.to_string(), ToString::to_string);
    if pending.step.is_some() {
        return format!("{} · {step}: {}", run.run_id, shorten(&pending.what, 200));
    }
    let what = what(run.state.as_deref(), pending);
    format!("{} · {step}: {} for “{}”", run.run_id, shorten(&what, 200), shorten(&run.goal, 80))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_never_invented_and_small_sums_are_not_zero() {
        assert_eq!(money(None), None);
        assert_eq!(money(Some(0.0)).as_deref(), Some("$0.00"));
        assert_eq!(money(Some(0.001)).as_deref(), Some("<$0.01"));
        assert_eq!(money(Some(1.239)).as_deref(), Some("$1.24"));
    }
}
