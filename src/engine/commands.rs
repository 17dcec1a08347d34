//! What a person's order means for a run: the events it leads to, or why it is refused. Pure; the driver writes the events down.
use crate::domain::event::{Event, PlannedBy};
use crate::domain::hash::short_hash;
use crate::domain::plan::{PlanProblem, PlanRules};
use crate::domain::usage::add_costs;
use crate::domain::{Command, Decision, Plan, Question, QuestionId, RunStatus, StepId, StepStatus, Subject, Via};

use super::workflow::Workflow;

/// The events that an order leads to. Edits of the plan go through [`edit_plan`].
pub fn decide(workflow: &Workflow, command: &Command) -> Result<Vec<Event>, String> {
    match command {
        Command::Answer { id, hash, decision, via } => answer(workflow, id, (hash.as_deref(), decision, *via)),
        Command::RetryStep { step, note } => retry(workflow, step, note.clone()),
        Command::SkipStep { step, .. } => skip(workflow, step),
        Command::Stop { reason } => stop(workflow, reason.clone()),
        Command::Pause { reason } => pause(workflow, reason.clone()),
        // The driver has bound the question to the text; nothing else happens.
        Command::EditResult { step } => match workflow.step_status(step) {
            StepStatus::WaitingApproval => Ok(Vec::new()),
            _ => Err(format!("the result of step {step} is not waiting for approval")),
        },
        Command::EditPlan { .. } => Err("an edit of the plan needs its text read first".into()),
    }
}

fn answer(workflow: &Workflow, id: &QuestionId, (hash, decision, via): (Option<&str>, &Decision, Via)) -> Result<Vec<Event>, String> {
    let Some(question) = workflow.question(id) else {
        let decided = workflow.decided.iter().any(|decided| &decided.question.id == id);
        return Err(if decided { "already decided".into() } else { format!("there is no approval {id}") });
    };
    if hash.is_some_and(|hash| hash != question.hash) {
        return Err("changed since you read it".into());
    }
    let mut events = vec![Event::Answered { id: id.clone(), hash: question.hash.clone(), decision: decision.clone(), via }];
    if let (Subject::Retry, Some(step), true) = (&question.subject, &question.step, decision.approved) {
        events.extend(reopen(workflow, step, decision.note.clone()));
    }
    // A rejection that says why gives the result back to its agent; one without a word ends the step.
    if let (Subject::StepResult, Some(step), false, Some(note)) = (&question.subject, &question.step, decision.approved, &decision.note) {
        events.push(Event::StepReopened { step: step.clone(), note: Some(note.clone()) });
    }
    Ok(events)
}

/// The step again, and what ended without success because of it or after it.
fn reopen(workflow: &Workflow, step: &StepId, note: Option<String>) -> Vec<Event> {
    let plan = workflow.plan.as_ref().map(|plan| &plan.plan);
    let after = workflow.plan_steps().iter().filter(|other| {
        let depends = plan.is_some_and(|plan| plan.depends_on(&other.id, step));
        depends && workflow.step_status(&other.id).is_end() && workflow.step_status(&other.id) != StepStatus::Skipped
    });
    let mut events = vec![Event::StepReopened { step: step.clone(), note }];
    events.extend(after.map(|other| Event::StepReopened { step: other.id.clone(), note: None }));
    events
}

fn retry(workflow: &Workflow, step: &StepId, note: Option<String>) -> Result<Vec<Event>, String> {
    if workflow.plan_step(step).is_none() {
        return Err(format!("there is no step {step}"));
    }
    match workflow.step_status(step) {
        StepStatus::Failed | StepStatus::Cancelled | StepStatus::Skipped => Ok(reopen(workflow, step, note)),
        StepStatus::Completed => Ok(vec![Event::Asked { question: retry_question(workflow, step) }]),
        _ => Err(format!("step {step} has not ended")),
    }
}

/// A step and all that needs it are done again; what is finished among them only after a question. Refused where the plan has no such step.
pub fn from_step(workflow: &Workflow, step: &StepId) -> Result<Vec<Event>, String> {
    if workflow.plan_step(step).is_none() {
        return Err(format!("there is no step {step} in the workspace's plan"));
    }
    let begun: Vec<&StepId> = again(workflow, step).filter(|id| workflow.has_begun(id)).collect();
    if begun.iter().any(|id| workflow.step_status(id) == StepStatus::Completed) {
        let open = workflow.questions.iter().any(|question| question.subject == Subject::Retry && question.step.as_ref() == Some(step));
        let question = (!open).then(|| Event::Asked { question: retry_question(workflow, step) });
        return Ok(question.into_iter().collect());
    }
    Ok(begun.into_iter().map(|id| Event::StepReopened { step: id.clone(), note: None }).collect())
}

/// A step and whatever depends on it.
fn again<'a>(workflow: &'a Workflow, step: &'a StepId) -> impl Iterator<Item = &'a StepId> {
    let plan = workflow.plan.as_ref().map(|plan| &plan.plan);
    let steps = workflow.plan_steps().iter().map(|other| &other.id);
    steps.filter(move |id| *id == step || plan.is_some_and(|plan| plan.depends_on(id, step)))
}

/// Doing a finished step again is paid for again, and so is what needs it: the question names what that was.
fn retry_question(workflow: &Workflow, step: &StepId) -> Question {
    let finished: Vec<&StepId> = again(workflow, step).filter(|id| workflow.step_status(id) == StepStatus::Completed).collect();
    let states = || finished.iter().filter_map(|id| workflow.step(id));
    let paid = match states().map(|state| state.cost_usd).fold(Some(0.0), add_costs) {
        Some(cost) => format!("${cost:.4}"),
        None => "an unknown price".into(),
    };
    let tokens: u64 = states().map(|state| state.usage.total()).sum();
    let others: Vec<&str> = finished.iter().filter(|id| **id != step).map(|id| id.as_str()).collect();
    let (with, is) = if others.is_empty() { (String::new(), "is") } else { (format!(" with {}", others.join(", ")), "are") };
    let what = format!("{step}{with} again, which {is} finished: {paid} and {tokens} tokens would be paid again");
    Question {
        id: workflow.next_question_id(),
        step: Some(step.clone()),
        subject: Subject::Retry,
        hash: short_hash(&what),
        what,
        detail: "What needs this step is done again too.".into(),
        asked_at: None,
    }
}

fn skip(workflow: &Workflow, step: &StepId) -> Result<Vec<Event>, String> {
    if workflow.plan_step(step).is_none() {
        return Err(format!("there is no step {step}"));
    }
    match workflow.step_status(step) {
        StepStatus::Completed | StepStatus::Skipped => Err(format!("step {step} has ended")),
        _ => {
            let skipped = Event::StepFinished { step: step.clone(), status: StepStatus::Skipped, output_file: None, error: None };
            let waiting = workflow.plan_steps().iter().filter(|other| {
                workflow.step_status(&other.id) == StepStatus::Failed
                    && workflow.plan.as_ref().is_some_and(|plan| plan.plan.depends_on(&other.id, step))
            });
            let mut events = vec![skipped];
            events.extend(waiting.map(|other| Event::StepReopened { step: other.id.clone(), note: None }));
            Ok(events)
        }
    }
}

fn stop(workflow: &Workflow, reason: Option<String>) -> Result<Vec<Event>, String> {
    if workflow.finished.as_ref().is_some_and(|(status, _)| status.is_end()) {
        return Err("the run has ended".into());
    }
    Ok(vec![Event::RunFinished { status: RunStatus::Cancelled, reason: Some(reason.unwrap_or_else(|| "stopped by the user".into())) }])
}

fn pause(workflow: &Workflow, reason: Option<String>) -> Result<Vec<Event>, String> {
    if workflow.finished.is_some() {
        return Err("the run is not running".into());
    }
    let status = if workflow.status() == RunStatus::WaitingApproval { RunStatus::WaitingApproval } else { RunStatus::Paused };
    Ok(vec![Event::RunFinished { status, reason: Some(reason.unwrap_or_else(|| "paused by the user".into())) }])
}

/// A saved edit of plan.md: steps that have begun stay as they are, the others become what the text says.
pub fn edit_plan(workflow: &Workflow, rules: &PlanRules, edited: Plan, text: &str) -> Result<Event, Vec<PlanProblem>> {
    let merged = merge(workflow, edited);
    let problems = merged.problems(rules);
    if problems.is_empty() { Ok(Event::Planned { plan: merged, text: text.to_owned(), by: PlannedBy::User }) } else { Err(problems) }
}

fn merge(workflow: &Workflow, edited: Plan) -> Plan {
    let mut steps: Vec<_> = edited
        .steps
        .into_iter()
        .map(|step| match workflow.plan_step(&step.id) {
            Some(begun) if workflow.has_begun(&step.id) => begun.clone(),
            _ => step,
        })
        .collect();
    // A begun step that the text no longer names goes on: what was paid for is not lost.
    for begun in workflow.plan_steps().iter().filter(|step| workflow.has_begun(&step.id)) {
        if !steps.iter().any(|step| step.id == begun.id) {
            steps.push(begun.clone());
        }
    }
    Plan { title: edited.title, steps }
}

/// What a resume does first: failed steps are done again.
pub fn reopen_failed(workflow: &Workflow) -> Vec<Event> {
    let failed = workflow.plan_steps().iter().filter(|step| workflow.step_status(&step.id) == StepStatus::Failed);
    failed.map(|step| Event::StepReopened { step: step.id.clone(), note: None }).collect()
}
