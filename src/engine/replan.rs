//! Planning the rest once more when a step failed for good: who may, what the model is asked, what the person is asked. Sends nothing.
use std::fmt::Write;

use crate::domain::hash::short_hash;
use crate::domain::policy::ApprovalMode;
use crate::domain::{Plan, Policy, Question, Step, StepId, StepStatus, Subject};

use super::planner::{self, Desk, Planning};
use super::report::cell;
use super::workflow::Workflow;

/// The id of the calls that plan the rest anew. No step of a plan can have it: a dot is not allowed there.
pub fn replan_id() -> StepId {
    StepId("planner.2".into())
}

/// What comes before a run with failed steps ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// It ends as it stands.
    Nothing,
    /// A person has to say yes first.
    Wait,
    Call(Planning),
    Ask(Box<Question>),
    PutInForce(Box<Plan>),
}

/// The next move once every step has ended and some failed. Without a person there is nobody to say yes, so nothing is asked or paid.
pub fn next(workflow: &Workflow, policy: &Policy) -> Next {
    let single = workflow.goal().is_none_or(|goal| goal.single.is_some() || goal.plan_only);
    let has_person = policy.interactive && policy.approvals != ApprovalMode::None;
    if single || !has_person || !policy.plan_by_model || workflow.replanned {
        return Next::Nothing;
    }
    let decided = workflow.decided.iter().rev().find(|decided| decided.question.subject == Subject::Replan);
    if decided.is_some_and(|decided| !decided.decision.approved) {
        return Next::Nothing;
    }
    if workflow.questions.iter().any(|question| question.subject == Subject::Replan) {
        return Next::Wait;
    }
    match desk(workflow, policy).next() {
        Planning::Made(plan) if decided.is_some() => Next::PutInForce(Box::new(plan)),
        Planning::Made(plan) => Next::Ask(Box::new(question(workflow, policy, &plan))),
        Planning::ByRules(_) => Next::Nothing,
        ask @ Planning::Ask { .. } => Next::Call(ask),
    }
}

fn desk<'a>(workflow: &'a Workflow, policy: &'a Policy) -> Desk<'a> {
    Desk { workflow, policy, conversation: &workflow.replanner, id: replan_id(), opening: prompt(workflow, policy), read: merged }
}

fn is_kept(workflow: &Workflow, step: &Step) -> bool {
    matches!(workflow.step_status(&step.id), StepStatus::Completed | StepStatus::Skipped)
}

fn prompt(workflow: &Workflow, policy: &Policy) -> String {
    let mut text = planner::prompt(workflow, policy);
    text.push_str("\n# What happened so far\n\n");
    for step in workflow.plan_steps() {
        let status = workflow.step_status(&step.id);
        let error = workflow.step(&step.id).and_then(|state| state.error.as_deref()).map(|error| format!(": {error}")).unwrap_or_default();
        let _ = writeln!(text, "- {} {}: {} → `{}`: {}{error}", step.id, step.agent, step.title, step.output, status.as_str());
    }
    let used: Vec<&str> = workflow.steps.keys().map(StepId::as_str).collect();
    let _ = write!(
        text,
        "\nPlan only what is still missing for the goal. Completed steps stay as they are and may be named in `needs`; do not plan them again. \
         Take another way than the one that failed. Give new ids: {} are used.\n",
        used.join(", ")
    );
    text
}

/// What stays of the plan with the answer's steps behind it, checked as a whole.
fn merged(text: &str, workflow: &Workflow, policy: &Policy) -> Result<Plan, String> {
    let answer = planner::answered(text)?;
    if answer.steps.is_empty() {
        return Err("there are no steps in the answer".into());
    }
    if let Some(used) = answer.steps.iter().find(|step| workflow.steps.contains_key(&step.id)) {
        return Err(format!("the id {} is used already; give new steps new ids", used.id));
    }
    let kept = workflow.plan_steps().iter().filter(|step| is_kept(workflow, step)).cloned();
    let title = workflow.plan.as_ref().map_or(answer.title, |plan| plan.plan.title.clone());
    planner::checked(Plan { title, steps: kept.chain(answer.steps).collect() }, policy)
}

/// What would change, and what was paid for what is given up.
fn question(workflow: &Workflow, policy: &Policy, plan: &Plan) -> Question {
    let given_up: Vec<&Step> = workflow.plan_steps().iter().filter(|step| !is_kept(workflow, step)).collect();
    let new: Vec<&Step> = plan.steps.iter().filter(|step| workflow.plan_step(&step.id).is_none()).collect();
    let mut detail = String::from("New steps:\n");
    for step in &new {
        let needs = step.needs.iter().map(StepId::as_str).collect::<Vec<_>>().join(", ");
        let needs = if needs.is_empty() { needs } else { format!(", needs {needs}") };
        let uses = if step.uses.is_empty() { String::new() } else { format!(", uses {}", step.uses.join(", ")) };
        let _ = writeln!(detail, "- {} {}: {} → `{}`{needs}{uses}", step.id, cell(&step.agent), cell(&step.title), step.output);
    }
    detail.push_str("\nGiven up:\n");
    for step in &given_up {
        let error = workflow.step(&step.id).and_then(|state| state.error.as_deref()).unwrap_or("not done");
        let _ = writeln!(detail, "- {} {}: {} ({})", step.id, cell(&step.agent), cell(&step.title), cell(error));
    }
    let states: Vec<_> = given_up.iter().filter_map(|step| workflow.step(&step.id)).collect();
    let tokens: u64 = states.iter().map(|state| state.usage.total()).sum();
    let cost: Option<f64> =
        states.iter().filter(|state| state.cost_known).try_fold(0.0, |sum, state| state.cost_usd.map(|cost| sum + cost));
    let cost = cost.map_or_else(|| "an unknown price".into(), |cost| format!("${cost:.4}"));
    let _ = write!(
        detail,
        "\nFinished steps stay and are not paid again. Paid for what is given up, and to be paid again: {cost}, {tokens} tokens."
    );
    if let Some(estimate) = super::budget::estimate_of(workflow, policy, &new) {
        let _ = write!(detail, " {estimate}");
    }
    Question {
        id: workflow.next_question_id(),
        step: None,
        subject: Subject::Replan,
        what: format!("replan: {} new steps instead of {}", new.len(), given_up.len()),
        hash: short_hash(&detail),
        detail,
        asked_at: None,
    }
}

#[cfg(test)]
#[path = "replan_tests.rs"]
mod tests;
