//! What people and scripts read about a run's evidence: the list of sources, and how the claims of its artifacts stand. Checks nothing itself.
use std::fmt::Write;

use chrono::{DateTime, FixedOffset};
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::event::SCHEMA;
use crate::domain::{RelPath, Source, SourceKind, StepId, Tally};

use super::report::{cell, link};
use super::workflow::Workflow;

/// Sources that the summary names; `evidence.json` has them all.
const MOST_NAMED: usize = 40;

/// One source in `evidence.json`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SourceView {
    pub number: usize,
    /// How it is cited: `[^s3]`.
    pub cite: String,
    pub kind: SourceKind,
    /// An address, a path, or a tool with its input.
    pub origin: String,
    pub title: String,
    pub read_at: DateTime<FixedOffset>,
    /// The steps that read it.
    pub steps: Vec<StepId>,
    /// Of the whole file where it is known, else of the text as read.
    pub sha256: String,
    /// Of the text as read.
    pub bytes: usize,
    /// The file in the workspace that holds the text.
    pub text: String,
}

/// `evidence.json` as a value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EvidenceView {
    pub schema: u32,
    pub run_id: String,
    pub sources: Vec<SourceView>,
}

/// `evidence.json`; `None` for a run that read nothing.
pub fn view(workflow: &Workflow) -> Option<EvidenceView> {
    let sources: Vec<SourceView> = workflow.evidence.iter().map(source_view).collect();
    (!sources.is_empty()).then(|| EvidenceView { schema: SCHEMA, run_id: workflow.run_id().to_owned(), sources })
}

fn source_view(source: &Source) -> SourceView {
    SourceView {
        number: source.number,
        cite: source.mark(),
        kind: source.kind,
        origin: source.origin.clone(),
        title: source.title.clone(),
        read_at: source.read_at,
        steps: source.steps.clone(),
        sha256: source.sha256(),
        bytes: source.text().len(),
        text: source.kept_at(),
    }
}

/// The section of the summary on evidence; nothing where nothing was read and nothing is claimed.
pub(super) fn write(text: &mut String, workflow: &Workflow, claims: &[(RelPath, Tally)]) {
    let total = claims.iter().fold(Tally::default(), |sum, (_, tally)| sum.plus(*tally));
    if workflow.evidence.is_empty() && total == Tally::default() {
        return;
    }
    text.push_str("\n## Evidence\n\n");
    let _ = writeln!(text, "- sources read: {} ([list](evidence.json))", workflow.evidence.iter().count());
    let _ = writeln!(text, "- claims checked: {}, failed: {}, uncited: {}", total.checked, total.failed, total.uncited);
    let telling: Vec<_> = claims.iter().filter(|(_, tally)| *tally != Tally::default()).collect();
    if !telling.is_empty() {
        text.push_str("\n| artifact | checked | failed | uncited |\n|---|---:|---:|---:|\n");
        for (path, tally) in telling {
            let target = link(path.as_str());
            let _ = writeln!(text, "| [{path}]({target}) | {} | {} | {} |", tally.checked, tally.failed, tally.uncited);
        }
    }
    let sources: Vec<&Source> = workflow.evidence.iter().collect();
    if !sources.is_empty() {
        text.push_str("\n| source | read by | what |\n|---|---|---|\n");
    }
    for source in sources.iter().take(MOST_NAMED) {
        let steps: Vec<&str> = source.steps.iter().map(|step| step.0.as_str()).collect();
        let origin: String = cell(&source.origin).chars().take(120).collect();
        let kept = source.kept_at();
        let _ = writeln!(text, "| [^s{}]({}) | {} | {origin} |", source.number, link(&kept), steps.join(", "));
    }
    if sources.len() > MOST_NAMED {
        let _ = writeln!(text, "\nand {} more", sources.len() - MOST_NAMED);
    }
}
