//! The two documents of a run that people edit, by their names, and their parts by line. How they are written is known in `documents`.
use crate::documents::{approvals, plan};
use crate::domain::StepId;

/// Which of a run's documents a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    Plan,
    Approvals,
}

/// The paper of a file with this name.
pub fn kind(file_name: &str) -> Option<Paper> {
    match file_name {
        "plan.md" => Some(Paper::Plan),
        "approvals.md" => Some(Paper::Approvals),
        _ => None,
    }
}

/// The run that a paper says it belongs to.
pub fn run_id(paper: Paper, text: &str) -> Option<String> {
    match paper {
        Paper::Plan => plan::parse(text).run,
        Paper::Approvals => approvals::parse(text).run,
    }
}

/// The open questions as they stand in approvals.md.
pub fn items(text: &str) -> Vec<approvals::PendingEntry> {
    approvals::parse(text).pending
}

/// A step line of plan.md.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLine {
    pub line: usize,
    pub id: StepId,
    pub title: String,
}

/// The steps of plan.md with their lines.
pub fn steps(text: &str) -> Vec<StepLine> {
    let document = plan::parse(text);
    let steps = document.plan.steps.into_iter().zip(document.steps);
    steps.map(|(step, place)| StepLine { line: place.line, id: step.id, title: step.title }).collect()
}
