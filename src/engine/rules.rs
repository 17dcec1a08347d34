//! The rules planner: a plan from the words of a goal, without a language model. Knows kinds of goals and their specialists; never asks, never fails.
use std::collections::BTreeSet;

use crate::domain::path::fold;
use crate::domain::plan::{extension_allowed, is_own};
use crate::domain::{Agent, Goal, InputFile, Plan, RelPath, Step, StepId};

mod kind;
mod names;
mod recipes;
mod words;

pub use kind::Kind;
use recipes::Draft;

/// What the planner is given.
#[derive(Debug, Clone)]
pub struct PlanRequest<'a> {
    pub goal: &'a Goal,
    pub inputs: &'a [InputFile],
    /// The agents in force.
    pub agents: &'a [Agent],
    /// With the dot, lower case: `.md`.
    pub allowed_extensions: &'a [String],
    /// 0 is no limit.
    pub max_steps: usize,
    /// Whether a step may declare that it reads the project; false where that is denied.
    pub project_readable: bool,
    /// Whether a researcher may declare that it searches the web.
    pub web_available: bool,
}

/// The plan for a goal. Every plan passes `Plan::problems`, given at least one agent and one allowed extension.
pub fn plan(request: &PlanRequest<'_>) -> Plan {
    let drafts = recipes::drafts(request);
    let drafts = with_agents(drafts, request);
    let mut drafts = within_limit(drafts, request.max_steps);
    name_deliverable(&mut drafts, request);
    Plan { title: words::one_line(&request.goal.title()), steps: steps(&drafts, request) }
}

/// The kind of goal the planner sees; for explanations and tests.
pub fn kind_of(request: &PlanRequest<'_>) -> Kind {
    kind::of(&request.goal.text, request.inputs)
}

/// Only the agents that may be used: steps of others are left out and what needed them needs what they needed. Agents the goal names that
/// the recipe does not know get a step of their own before the last check.
fn with_agents(drafts: Vec<Draft>, request: &PlanRequest<'_>) -> Vec<Draft> {
    let usable = usable_agents(request);
    let is_usable = |name: &str| usable.iter().any(|agent| agent.name == name);
    let mut kept: Vec<Draft> = Vec::new();
    let mut bypassed: Vec<(String, Vec<String>)> = Vec::new();
    for mut draft in drafts {
        let mut needs: Vec<String> = Vec::new();
        for need in draft.needs {
            let through = bypassed.iter().find(|(key, _)| *key == need).map(|(_, needs)| needs.clone()).unwrap_or_else(|| vec![need]);
            needs.extend(through.into_iter().filter(|need| !needs.contains(need)).collect::<Vec<_>>());
        }
        draft.needs = needs;
        if is_usable(&draft.agent) {
            kept.push(draft);
        } else {
            bypassed.push((draft.key, draft.needs));
        }
    }
    let named = usable.iter().filter(|agent| request.goal.agents.contains(&agent.name));
    let missing: Vec<&&Agent> = named.filter(|agent| !kept.iter().any(|draft| draft.agent == agent.name)).collect();
    for agent in missing {
        insert_step(&mut kept, recipes::lone(agent, request));
    }
    // A plan that only checks, where the recipe's author is not to be had, would check nothing.
    if kept.iter().all(|draft| draft.is_check) {
        kept.clear();
    }
    if kept.is_empty() {
        kept.extend(usable.first().map(|agent| recipes::lone(agent, request)));
    }
    kept
}

/// The agents that the goal names, or all when it names none that is there.
fn usable_agents<'a>(request: &PlanRequest<'a>) -> Vec<&'a Agent> {
    let named = &request.goal.agents;
    let chosen: Vec<&Agent> = request.agents.iter().filter(|agent| named.contains(&agent.name)).collect();
    if chosen.is_empty() { request.agents.iter().collect() } else { chosen }
}

fn insert_step(drafts: &mut Vec<Draft>, mut draft: Draft) {
    let at = drafts.iter().position(|other| other.is_check).unwrap_or(drafts.len());
    if draft.is_check {
        draft.needs = drafts.last().map(|last| last.key.clone()).into_iter().collect();
        return drafts.push(draft);
    }
    draft.needs = at.checked_sub(1).and_then(|before| drafts.get(before)).map(|before| before.key.clone()).into_iter().collect();
    if let Some(check) = drafts.get_mut(at) {
        check.needs.push(draft.key.clone());
    }
    drafts.insert(at, draft);
}

/// Leaves out steps until the plan is short enough: preparation first, then the check, the deliverable never.
fn within_limit(mut drafts: Vec<Draft>, max_steps: usize) -> Vec<Draft> {
    while max_steps > 0 && drafts.len() > max_steps {
        let deliverable = deliverable(&drafts);
        let preparing =
            (0..drafts.len()).find(|index| Some(*index) != deliverable && drafts.get(*index).is_some_and(|draft| !draft.is_check));
        let Some(index) = preparing.or_else(|| (0..drafts.len()).find(|index| Some(*index) != deliverable)) else { break };
        let gone = drafts.remove(index);
        for draft in drafts.iter_mut().filter(|draft| draft.needs.contains(&gone.key)) {
            draft.needs.retain(|need| *need != gone.key);
            draft.needs.extend(gone.needs.iter().filter(|need| !draft.needs.contains(need)).cloned().collect::<Vec<_>>());
        }
    }
    drafts
}

/// The step whose output is what the goal asked for: the last that is no check of another's work.
fn deliverable(drafts: &[Draft]) -> Option<usize> {
    drafts.iter().rposition(|draft| !draft.is_check).or(drafts.len().checked_sub(1))
}

fn name_deliverable(drafts: &mut [Draft], request: &PlanRequest<'_>) {
    let Some(output) = request.goal.output.as_ref().filter(|output| !is_own(output)) else { return };
    let Some(index) = deliverable(drafts) else { return };
    let Some(key) = drafts.get(index).map(|draft| draft.key.clone()) else { return };
    for draft in drafts.iter_mut() {
        draft.output_is_fixed = draft.key == key;
        if draft.key == key {
            draft.output = output.as_str().to_owned();
        }
    }
}

fn steps(drafts: &[Draft], request: &PlanRequest<'_>) -> Vec<Step> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    // The name that the goal asked for is given out first, so that no other step takes it.
    let mut outputs: Vec<Option<RelPath>> = vec![None; drafts.len()];
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|index| drafts.get(*index).is_none_or(|draft| !draft.output_is_fixed));
    for index in order {
        let output = drafts.get(index).and_then(|draft| free_output(&draft.output, request.allowed_extensions, &mut taken));
        if let Some(slot) = outputs.get_mut(index) {
            *slot = output;
        }
    }
    let kept: Vec<(&Draft, RelPath)> = drafts.iter().zip(outputs).filter_map(|(draft, output)| Some((draft, output?))).collect();
    let id = |key: &String| kept.iter().position(|(draft, _)| draft.key == *key).map(|index| StepId::numbered(index + 1));
    let step = |(index, (draft, output)): (usize, &(&Draft, RelPath))| Step {
        id: StepId::numbered(index + 1),
        agent: draft.agent.clone(),
        title: words::one_line(&draft.title),
        instructions: draft.instructions.clone(),
        needs: draft.needs.iter().filter_map(id).collect(),
        output: output.clone(),
        approve: false,
        uses: draft.uses.clone(),
        skip: false,
    };
    kept.iter().enumerate().map(step).collect()
}

/// A path that may be written and that no other step has: the wanted name, else with `.md`, else with the first allowed extension, numbered if taken.
fn free_output(wanted: &str, allowed: &[String], taken: &mut BTreeSet<String>) -> Option<RelPath> {
    let path = RelPath::new(wanted).ok();
    let named = path.as_ref().and_then(RelPath::extension).filter(|extension| allowed.contains(&fold(extension)));
    let stem = match path.as_ref().and_then(RelPath::extension) {
        Some(extension) => wanted.get(..wanted.len().saturating_sub(extension.len())).unwrap_or("document"),
        None if path.is_some() => wanted,
        None => "document",
    };
    let markdown = allowed.iter().find(|extension| *extension == ".md").or(allowed.first()).cloned();
    let extension = named.or(markdown).unwrap_or_else(|| ".md".to_owned());
    let mut names = (1..100).map(|number| if number == 1 { format!("{stem}{extension}") } else { format!("{stem}_{number}{extension}") });
    let usable =
        |path: &RelPath| !is_own(path) && !taken.contains(&path.folded()) && (allowed.is_empty() || extension_allowed(path, allowed));
    let found = names.find_map(|name| RelPath::new(&name).ok().filter(usable));
    taken.extend(found.iter().map(RelPath::folded));
    found
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
