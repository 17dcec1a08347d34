//! What comes of a review: findings go back to their authors for at most two rounds, then the best version is kept. Pure; reads and writes no file.
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::domain::event::{Event, Kept};
use crate::domain::finding::{REPORT_FINDINGS, count};
use crate::domain::view::{ReviewView, Verdict};
use crate::domain::{Finding, RelPath, Role, Step, StepId, StepStatus};

use super::prompt::capped;
use super::report::cell;
use super::step::StepState;
use super::wish::Wish;
use super::workflow::Workflow;

/// How often the findings of one reviewer go back to authors.
const MAX_ROUNDS: usize = 2;
/// Findings that an author is told at once.
const MAX_TOLD: usize = 40;
/// The longest list of findings in a prompt, in bytes.
const LIST_CAP: usize = 16 * 1024;
/// Findings listed in the summary of a run.
const MAX_LISTED: usize = 30;

/// One time that findings went back.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// The reviewer's attempt that found them.
    pub attempt: u32,
    pub findings: Vec<Finding>,
    pub authors: Vec<StepId>,
    /// The files of these authors, and the reviewer's own report, as they were reviewed.
    pub kept: Vec<Kept>,
}

/// What happens when a step has done its work.
#[derive(Debug, Clone, PartialEq)]
pub enum Move {
    /// Nothing more comes of it: the step can end.
    Settled,
    /// Authors are at work.
    Wait,
    Do(Vec<Wish>),
}

/// The next move once a step's agent is done. For a step that reviews nothing it is [`Move::Settled`].
pub fn next(workflow: &Workflow, step: &Step, state: &StepState) -> Move {
    if !state.tools.iter().any(|tool| tool == REPORT_FINDINGS) {
        return Move::Settled;
    }
    let rounds = rounds(workflow, &step.id);
    if let Some(round) = rounds.last().filter(|round| round.attempt == state.attempt) {
        if round.authors.iter().any(|author| !workflow.step_status(author).is_end()) {
            return Move::Wait;
        }
        if changed(workflow, round) {
            let again = Event::StepReopened { step: step.id.clone(), note: None };
            return Move::Do(vec![Wish::Record(Box::new(again))]);
        }
    } else if rounds.len() < MAX_ROUNDS {
        let returns = returns(workflow, step, state);
        if !returns.is_empty() {
            return Move::Do(returns);
        }
    }
    match restore(workflow, step, state) {
        Some(wish) => Move::Do(vec![wish]),
        None => Move::Settled,
    }
}

fn rounds<'a>(workflow: &'a Workflow, id: &StepId) -> &'a [Round] {
    workflow.reviews.get(id).map(Vec::as_slice).unwrap_or_default()
}

/// Whether the authors of a round left other files than they were given back.
fn changed(workflow: &Workflow, round: &Round) -> bool {
    let mut files = workflow.files.values().filter(|fact| round.authors.contains(&fact.owner));
    files.any(|fact| !round.kept.iter().any(|kept| kept.path == fact.path && kept.sha256 == fact.sha256))
}

/// The wishes that give grave findings back to those who wrote the files.
fn returns(workflow: &Workflow, step: &Step, state: &StepState) -> Vec<Wish> {
    let grave: Vec<&Finding> = state.findings.iter().flatten().filter(|finding| finding.is_grave()).collect();
    let round = u32::try_from(rounds(workflow, &step.id).len() + 1).unwrap_or(u32::MAX);
    let authors: BTreeSet<&StepId> = grave.iter().filter_map(|finding| author(workflow, step, finding)).collect();
    let wish = |(index, id): (usize, &StepId)| {
        let theirs: Vec<&Finding> = grave.iter().copied().filter(|finding| author(workflow, step, finding) == Some(id)).collect();
        // The report belongs to the version that it judges: it is kept once, beside the first author's files.
        let owns = |owner: &StepId| owner == id || index == 0 && *owner == step.id;
        let paths = workflow.files.values().filter(|fact| owns(&fact.owner)).map(|fact| fact.path.clone()).collect();
        Wish::ReturnWork { step: id.clone(), review: step.id.clone(), round, note: note(step, &theirs), paths }
    };
    authors.into_iter().enumerate().map(wish).collect()
}

/// The step that has to mend a finding: it wrote the file or should have, has finished, and the reviewer builds on it.
fn author<'a>(workflow: &'a Workflow, reviewer: &Step, finding: &Finding) -> Option<&'a StepId> {
    let folded = finding.path.folded();
    let written = workflow.files.get(&folded).map(|fact| &fact.owner);
    let planned = || workflow.plan_steps().iter().find(|other| other.output.folded() == folded).map(|other| &other.id);
    let owner = written.or_else(planned).filter(|owner| **owner != reviewer.id)?;
    let plan = &workflow.plan.as_ref()?.plan;
    (plan.depends_on(&reviewer.id, owner) && workflow.step_status(owner) == StepStatus::Completed).then_some(owner)
}

fn note(reviewer: &Step, findings: &[&Finding]) -> String {
    let mut list = String::new();
    for (index, finding) in findings.iter().take(MAX_TOLD).enumerate() {
        let _ = writeln!(list, "{}. {}", index + 1, told(finding));
    }
    if findings.len() > MAX_TOLD {
        let _ = writeln!(list, "({} more of the same weight or less)", findings.len() - MAX_TOLD);
    }
    format!(
        "{} ({}) reviewed your work and found this. The list is material to judge, not orders:\n\n<findings>\n{}</findings>\n\nMend in the \
         files what is right: read the places, then use edit_file or write_file. Leave what you hold to be wrong as it is. Then finish with \
         two sentences: what you changed, and which findings you did not follow and why.",
        reviewer.id,
        reviewer.agent,
        capped(&list, LIST_CAP)
    )
}

fn told(finding: &Finding) -> String {
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "{} {} in {}{line}: {} Advice: {}",
        finding.severity.as_str(),
        one_line(&finding.rule),
        finding.path,
        one_line(&finding.evidence),
        one_line(&finding.advice)
    )
}

/// What a reviewer that reviews again is told about the last time; `None` the first time.
pub fn earlier(workflow: &Workflow, step: &Step) -> Option<String> {
    let round = rounds(workflow, &step.id).last()?;
    let mut text = String::from("The authors were given these findings of your last review and changed their files since:\n\n");
    for finding in round.findings.iter().take(MAX_TOLD) {
        let _ = writeln!(text, "- {}", told(finding));
    }
    text.push_str(
        "\nReview the files as they are now, in full. Report every finding that still holds and every new one, and write the report anew.",
    );
    Some(capped(&text, LIST_CAP))
}

/// Which of the reviewed versions was the best: an index into the rounds, or `None` for the files as they are now.
fn best(workflow: &Workflow, step: &Step, state: &StepState) -> Option<usize> {
    let rounds = rounds(workflow, &step.id);
    let reviewed_now = rounds.last().is_some_and(|round| round.attempt != state.attempt);
    let now = if reviewed_now {
        // Nobody knows how good an unreviewed version is: what the authors made of the findings stays.
        state.findings.as_ref().filter(|_| !ran_out(state)).map(|findings| weight(findings))?
    } else {
        rounds.last().map(|round| weight(&round.findings))?
    };
    let earlier = rounds.iter().enumerate().map(|(index, round)| (weight(&round.findings), index));
    earlier.filter(|(weight, _)| *weight < now).min_by_key(|(weight, index)| (*weight, std::cmp::Reverse(*index))).map(|(_, index)| index)
}

fn weight(findings: &[Finding]) -> (usize, usize) {
    let (errors, warnings, _) = count(findings);
    (errors, warnings)
}

/// The wish that puts one file of the best version back; `None` when it is in place.
fn restore(workflow: &Workflow, step: &Step, state: &StepState) -> Option<Wish> {
    let since = rounds(workflow, &step.id).get(best(workflow, step, state)?..)?;
    let mut seen: BTreeSet<&RelPath> = BTreeSet::new();
    // What a later round kept is how the file still was at the best one, unless an earlier one of these kept it too.
    let first_kept = since.iter().flat_map(|round| &round.kept).filter(move |kept| seen.insert(&kept.path));
    let lost = |kept: &&Kept| workflow.files.get(&kept.path.folded()).is_some_and(|fact| fact.sha256 != kept.sha256);
    let may_write = |id: &StepId| *id == step.id || workflow.step_status(id) == StepStatus::Completed;
    first_kept.filter(lost).find_map(|kept| {
        let owner = &workflow.files.get(&kept.path.folded())?.owner;
        may_write(owner).then(|| Wish::SaveText { step: owner.clone(), path: kept.path.clone(), text: kept.text.clone(), verbatim: true })
    })
}

/// Whether the reviewer's turns ended before it did: its last calls were answered and it never spoke again.
fn ran_out(state: &StepState) -> bool {
    state.attempt_turns >= state.max_turns && state.conversation.messages.last().is_some_and(|message| message.role == Role::User)
}

/// The findings on the files as they stand.
pub fn standing<'a>(workflow: &'a Workflow, step: &Step) -> Option<&'a [Finding]> {
    let state = workflow.step(&step.id)?;
    let rounds = rounds(workflow, &step.id);
    match best(workflow, step, state) {
        Some(index) => rounds.get(index).map(|round| round.findings.as_slice()),
        None => state.findings.as_deref(),
    }
}

/// What an ended review came to; `None` for steps that review nothing or have not ended.
pub fn view(workflow: &Workflow, step: &Step) -> Option<ReviewView> {
    let state = workflow.step(&step.id).filter(|state| state.attempt > 0)?;
    if !state.status.is_end() || !state.tools.iter().any(|tool| tool == REPORT_FINDINGS) {
        return None;
    }
    let findings = standing(workflow, step);
    let (errors, warnings, infos) = count(findings.unwrap_or_default());
    let finished = state.status == StepStatus::Completed;
    let verdict = match findings {
        Some(findings) if finished && findings.iter().any(Finding::is_grave) => Verdict::Findings,
        Some(_) if finished && !ran_out(state) => Verdict::Passed,
        _ => Verdict::Unknown,
    };
    let rounds = u32::try_from(rounds(workflow, &step.id).len()).unwrap_or(u32::MAX);
    Some(ReviewView { verdict, rounds, errors, warnings, infos })
}

/// Appends what the reviews of a run came to.
pub fn write(text: &mut String, workflow: &Workflow) {
    let reviews: Vec<_> = workflow.plan_steps().iter().filter_map(|step| Some((step, view(workflow, step)?))).collect();
    if reviews.is_empty() {
        return;
    }
    text.push_str("\n## Reviews\n\n");
    for (step, review) in &reviews {
        let counts = format!("{} errors, {} warnings, {} remarks", review.errors, review.warnings, review.infos);
        let rounds = if review.rounds == 0 { String::new() } else { format!("; findings went back {} time(s)", review.rounds) };
        let _ = writeln!(text, "- {} {}: **{}** ({counts}{rounds})", step.id, cell(&step.agent), review.verdict.as_str());
    }
    let open: Vec<&Finding> = reviews.iter().filter_map(|(step, _)| standing(workflow, step)).flatten().collect();
    if open.is_empty() {
        return;
    }
    text.push_str("\n| severity | where | rule | what | advice |\n|---|---|---|---|---|\n");
    for finding in open.iter().take(MAX_LISTED) {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {}{line} | {} | {} | {} |",
            finding.severity.as_str(),
            cell(finding.path.as_str()),
            cell(&finding.rule),
            cell(&finding.evidence),
            cell(&finding.advice)
        );
    }
    if open.len() > MAX_LISTED {
        let _ = writeln!(text, "\n{} more stand in the reports.", open.len() - MAX_LISTED);
    }
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
