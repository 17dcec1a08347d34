//! plan.md: its text from a plan, and a plan from its text with the place of every part. The rules about plans live in `domain::plan`.
use crate::domain::plan::{Field, PlanProblem, PlanRules};
use crate::domain::{Plan, StepId};

use super::mark::Mark;
use super::place::{Problem, Span, apply};
pub use super::plan_read::parse;

/// The first front matter value of a plan document.
pub const FORMAT: &str = "plan/1";
/// The attributes a step can have.
pub const ATTRIBUTES: [&str; 4] = ["output", "needs", "approve", "uses"];

/// A plan document as it was read. `plan.steps`, `steps` and `marks` go in parallel.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanDocument {
    pub run: Option<String>,
    pub plan: Plan,
    /// What could not be read; the rules' problems come from [`problems`].
    pub problems: Vec<Problem>,
    pub steps: Vec<StepPlace>,
    pub marks: Vec<Mark>,
    /// The title in the heading, or the place where it should stand.
    pub title: Span,
}

/// Where the parts of a step stand. A part that is not written has an empty span where it would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepPlace {
    /// The line of the step, from 0.
    pub line: usize,
    /// From the step's bullet to the end of its last attribute or instruction.
    pub span: Span,
    pub id: Span,
    pub agent: Span,
    pub title: Span,
    /// One for each of `Step::needs`.
    pub needs: Vec<Span>,
    pub output: Option<Span>,
    /// One for each of `Step::uses`.
    pub uses: Vec<Span>,
    /// What stands between the brackets.
    pub mark: Span,
}

impl PlanDocument {
    /// The step whose lines hold `line`.
    pub fn step_at(&self, offset: usize) -> Option<usize> {
        self.steps.iter().position(|place| place.span.touches(offset))
    }
}

/// The text of plan.md in the contract's form.
pub fn render(plan: &Plan, run_id: &str, mark: &dyn Fn(&StepId) -> Mark) -> String {
    let mut text = format!("---\norchestrator: {FORMAT}\nrun: {run_id}\n---\n# Plan: {}\n", one_line(&plan.title));
    for step in &plan.steps {
        let symbol = mark(&step.id).symbol();
        text.push_str(&format!("- [{symbol}] {} {}: {}\n", step.id, one_line(&step.agent), one_line(&step.title)));
        if !step.needs.is_empty() {
            let needs: Vec<&str> = step.needs.iter().map(StepId::as_str).collect();
            text.push_str(&format!("  - needs: {}\n", needs.join(", ")));
        }
        text.push_str(&format!("  - output: {}\n", step.output));
        if step.approve {
            text.push_str("  - approve: yes\n");
        }
        if !step.uses.is_empty() {
            text.push_str(&format!("  - uses: {}\n", one_line(&step.uses.join(", "))));
        }
        if !step.instructions.is_empty() {
            for line in step.instructions.replace("\r\n", "\n").replace('\r', "\n").split('\n') {
                text.push_str(if line.is_empty() { "  >" } else { "  > " });
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

/// The marks of a plan whose steps say only whether they are skipped.
pub fn plain_marks(plan: &Plan) -> impl Fn(&StepId) -> Mark + '_ {
    |id| if plan.step(id).is_some_and(|step| step.skip) { Mark::Skip } else { Mark::Todo }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ").trim().to_owned()
}

/// Everything that keeps the document from starting or deserves a look: what could not be read, then what breaks a rule, each at its place.
/// Only errors keep the plan from starting.
pub fn problems(document: &PlanDocument, rules: &PlanRules) -> Vec<Problem> {
    let unread = |problem: &PlanProblem| {
        let step = problem.step.and_then(|index| document.plan.steps.get(index));
        // Its syntax problem already says what is missing there.
        step.is_some_and(|step| {
            problem.field == Some(Field::Agent) && step.agent.is_empty() || problem.field == Some(Field::Id) && step.id.0.is_empty()
        })
    };
    let broken = document.plan.problems(rules);
    let rule_problems = broken.iter().filter(|problem| !unread(problem)).map(|problem| placed(document, problem));
    document.problems.iter().cloned().chain(rule_problems).collect()
}

fn placed(document: &PlanDocument, problem: &PlanProblem) -> Problem {
    let span = place(document, problem);
    let mut message = problem.message.clone();
    if message.contains("security.allowed_file_extensions") {
        message.push_str("; add it there or choose another name");
    }
    let found = Problem::error(span, message);
    match &problem.suggestion {
        Some(suggestion) if !span.is_empty() => found.replace(span, suggestion.as_str()),
        _ => found,
    }
}

fn place(document: &PlanDocument, problem: &PlanProblem) -> Span {
    let Some(index) = problem.step else { return document.title };
    let (Some(place), Some(step)) = (document.steps.get(index), document.plan.steps.get(index)) else { return document.title };
    let word = problem.word.as_deref().unwrap_or_default();
    match problem.field {
        Some(Field::Id) => place.id,
        Some(Field::Agent) => place.agent,
        Some(Field::Output) => place.output.unwrap_or(place.title),
        Some(Field::Needs) => {
            let at = step.needs.iter().position(|need| need.as_str() == word);
            at.and_then(|at| place.needs.get(at)).copied().unwrap_or(place.title)
        }
        Some(Field::Uses) => {
            let at = step.uses.iter().position(|used| used == word);
            at.and_then(|at| place.uses.get(at)).copied().unwrap_or(place.title)
        }
        Some(Field::Title) if place.title.is_empty() => place.id,
        Some(Field::Title) | None => place.title,
    }
}

/// The edits that bring the marks up to date; they touch nothing but what stands between brackets. `None` from `mark` leaves a step alone.
pub fn mark_edits(document: &PlanDocument, mark: &dyn Fn(&StepId) -> Option<Mark>) -> Vec<(Span, String)> {
    let steps = document.plan.steps.iter().zip(&document.marks).zip(&document.steps);
    steps
        .filter_map(|((step, now), place)| {
            let wanted = mark(&step.id).filter(|wanted| wanted != now)?;
            (place.mark != Span::default()).then(|| (place.mark, wanted.symbol().to_string()))
        })
        .collect()
}

/// The text with its marks brought up to date and all else as the user left it; `None` when they already are.
pub fn set_marks(text: &str, mark: &dyn Fn(&StepId) -> Option<Mark>) -> Option<String> {
    let edits = mark_edits(&parse(text), mark);
    (!edits.is_empty()).then(|| apply(text, &edits))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
