//! Makes plans: one step for a single agent, the given text, or the rules planner. Renders the text that people edit.
use std::sync::Arc;

use crate::documents::{Mark, Severity, plan as plan_text};
use crate::domain::event::{Event, PlannedBy};
use crate::domain::goal::SingleStep;
use crate::domain::{Error, Goal, Plan, Policy, RelPath, Result, Step, StepId, StepStatus};
use crate::engine::{Workflow, rules};

use super::shared::Shared;

/// The plan of a run as an event.
pub(super) fn plan(shared: &Arc<Shared>, workflow: &Workflow, policy: &Policy, given: Option<&str>) -> Result<Event> {
    let goal = workflow.goal().ok_or_else(|| Error::internal("there is no goal to plan for"))?;
    if let Some(text) = given {
        return given_plan(policy, text);
    }
    let (plan, by) = match &goal.single {
        Some(single) => (one_step(goal, single, policy)?, PlannedBy::Single),
        None => (by_rules(shared, workflow, goal, policy), PlannedBy::Rules),
    };
    let problems = plan.problems(&policy.plan_rules);
    if let Some(problem) = problems.first() {
        return Err(Error::usage(format!("agent failed to spawn: {}", problem.message)).hint("see `ai-orchestrator agents`"));
    }
    let text = plan_text::render(&plan, workflow.run_id(), &plan_text::plain_marks(&plan));
    Ok(Event::Planned { plan, text, by })
}

/// A model's plan, already checked, as an event.
pub(super) fn made(workflow: &Workflow, plan: Plan) -> Event {
    let text = plan_text::render(&plan, workflow.run_id(), &plan_text::plain_marks(&plan));
    Event::Planned { plan, text, by: PlannedBy::Model }
}

fn given_plan(policy: &Policy, text: &str) -> Result<Event> {
    let document = plan_text::parse(text);
    match plan_text::problems(&document, &policy.plan_rules).into_iter().find(|problem| problem.severity == Severity::Error) {
        Some(problem) => Err(Error::usage(format!("the plan cannot start: {}", problem.message)).hint("mend the plan's text")),
        None => Ok(Event::Planned { plan: document.plan, text: text.to_owned(), by: PlannedBy::User }),
    }
}

fn by_rules(shared: &Arc<Shared>, workflow: &Workflow, goal: &Goal, policy: &Policy) -> Plan {
    let agents: Vec<_> = policy.agents.values().cloned().collect();
    let order: Vec<_> = shared.team.agents.iter().filter_map(|agent| policy.agents.get(&agent.name).cloned()).collect();
    rules::plan(&rules::PlanRequest {
        goal,
        inputs: workflow.run.as_ref().map(|run| run.inputs.as_slice()).unwrap_or_default(),
        agents: if order.is_empty() { &agents } else { &order },
        allowed_extensions: &policy.plan_rules.allowed_extensions,
        max_steps: policy.plan_rules.max_steps,
        project_readable: policy.project_read != crate::domain::policy::ProjectRead::Deny,
        web_available: policy.tools.contains_key("web_search") || policy.tools.contains_key("web_fetch"),
    })
}

fn one_step(goal: &Goal, single: &SingleStep, policy: &Policy) -> Result<Plan> {
    let agent = policy.agents.get(&single.agent).ok_or_else(|| {
        let known: Vec<&str> = policy.agents.keys().map(String::as_str).collect();
        Error::usage(format!("agent failed to spawn: there is no agent `{}`", single.agent))
            .hint(format!("known agents: {}", known.join(", ")))
    })?;
    let default = RelPath::new(&agent.output).map_err(|problem| Error::usage(format!("agent failed to spawn: {problem}")))?;
    let uses = if goal.read_project { vec!["project".to_owned()] } else { Vec::new() };
    let step = Step {
        id: StepId::numbered(1),
        agent: agent.name.clone(),
        title: goal.title(),
        instructions: single.instructions.clone().unwrap_or_default(),
        needs: Vec::new(),
        output: single.output_file.clone().unwrap_or(default),
        approve: false,
        uses,
        skip: false,
    };
    Ok(Plan { title: goal.title(), steps: vec![step] })
}

/// The mark of a step in plan.md.
pub(super) fn mark(workflow: &Workflow, id: &StepId) -> Mark {
    match workflow.step_status(id) {
        StepStatus::Completed => Mark::Done,
        StepStatus::Skipped => Mark::Skip,
        _ if workflow.plan_step(id).is_some_and(|step| step.skip) => Mark::Skip,
        _ => Mark::Todo,
    }
}
