//! What `config` and `documents` tell, in this face's words: settings, what is off with them, and what keeps a plan from starting.
use std::path::Path;
use std::sync::Arc;

use crate::config::{ConfigProblem, Layers, Level, Settings, TrustedValues, UntrustedValue, trust};
use crate::documents::{Lines, Severity, goal_file, plan};
use crate::domain::plan::PlanRules;
use crate::domain::{Goal, Plan, Result};
use crate::sys::{Disk, Environment};

use super::order::Options;
use super::setup::{Problem, Setup, Untrusted};

/// The longest value that is shown whole.
const SHOWN_CHARS: usize = 400;

/// The settings in force and what there is to say about them.
pub struct Loaded {
    pub settings: Settings,
    pub problems: Vec<Problem>,
    pub untrusted: Vec<Untrusted>,
    pub trusted: TrustedValues,
}

/// What the settings are read from.
fn layers(environment: &Environment, disk: &Arc<dyn Disk>, project: &Path, options: &Options) -> Layers {
    let layers = Layers::new(environment.clone(), Arc::clone(disk), project.to_owned());
    Layers { config_file: options.config.clone(), command_line: options.layer(), ..layers }
}

/// The settings of a project.
pub fn load(environment: &Environment, disk: &Arc<dyn Disk>, project: &Path, options: &Options) -> Loaded {
    let loaded = crate::config::load(&layers(environment, disk, project, options));
    Loaded {
        // What is ignored for want of trust is told once, as the values in question.
        problems: loaded.problems.iter().filter(|problem| problem.level != Level::Ignored).map(problem).collect(),
        untrusted: loaded.untrusted.iter().map(|value| untrusted(value, project)).collect(),
        settings: loaded.settings,
        trusted: loaded.trusted,
    }
}

fn problem(problem: &ConfigProblem) -> Problem {
    let error = problem.to_error();
    Problem { is_error: problem.level == Level::Error, what: error.what, hint: error.hint }
}

fn untrusted(value: &UntrustedValue, project: &Path) -> Untrusted {
    let file = value.file.strip_prefix(project).unwrap_or(&value.file).display().to_string();
    let place = value.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"));
    let text = value.value.as_str().map_or_else(|| value.value.to_string(), str::to_owned);
    Untrusted { key: value.key.clone(), value: crate::domain::goal::shorten(&text, SHOWN_CHARS), place }
}

/// The goal that the text of a goal file says.
pub fn parse_goal(text: &str) -> Result<Goal> {
    goal_file::read(text).to_goal()
}

/// The plan in a text, if it has any step.
pub fn parse_plan(text: &str) -> Option<Plan> {
    Some(plan::parse(text).plan).filter(|plan| !plan.steps.is_empty())
}

/// What keeps an edited plan.md from starting: `line 7: unknown agent …`.
pub fn plan_problems(text: &str, rules: &PlanRules) -> Vec<String> {
    let lines = Lines::new(text);
    let problems = plan::problems(&plan::parse(text), rules).into_iter().filter(|problem| problem.severity == Severity::Error);
    problems.map(|problem| format!("line {}: {}", lines.line_of(problem.span.start) + 1, problem.message)).collect()
}

/// Trusts the values in question as they stand now.
pub fn record_trust(setup: &Setup) -> Result<()> {
    let layers = layers(&setup.environment, &setup.disk, &setup.project, &Options::default());
    trust::record(&layers, &trust::question(&layers))
}
