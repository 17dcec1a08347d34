//! What can be done at a goal, as three offers for the life of its marker: the titles change with its run, the number does not (lines must not jump).
use serde_json::{Value, json};
use tower_lsp::lsp_types::Range;

use crate::documents::goals::{FoundGoal, TextKind};
use crate::domain::goal::shorten;
use crate::domain::policy::Rule;
use crate::domain::view::PendingApproval;
use crate::domain::{RunStatus, Subject};

use super::actions::KIND_RUN;
use super::documents::Document;
use super::from_proto::Encoding;
use super::runs::Run;
use super::{to_proto, words};

/// Something that can be done at a place: a code lens, and its twin code action.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    pub lens: String,
    /// The same in words that stand alone.
    pub action: String,
    pub command: &'static str,
    pub argument: Value,
    pub kind: &'static str,
}

fn offer(lens: impl Into<String>, action: impl Into<String>, command: &'static str, argument: Value) -> Offer {
    Offer { lens: lens.into(), action: action.into(), command, argument, kind: KIND_RUN }
}

/// The range of a marker.
pub fn range(document: &Document, marker: &FoundGoal, encoding: Encoding) -> Range {
    if marker.kind == TextKind::GoalFile {
        return to_proto::line_range(&document.rope, 0, encoding);
    }
    to_proto::range(&document.rope, marker.span.range(), encoding)
}

/// The three offers of a goal.
pub fn at_goal(document: &Document, marker: &FoundGoal, run: Option<&Run>, encoding: Encoding) -> [Offer; 3] {
    let place = json!({"uri": document.uri, "range": range(document, marker, encoding)});
    let Some(run) = run else {
        let goal = shorten(&marker.text, 50);
        return [
            offer("▶ Run goal", format!("Run goal: {goal}"), "orchestrator.runGoal", place.clone()),
            offer("Plan", format!("Plan goal: {goal}"), "orchestrator.planGoal", place),
            offer("⋯", "Show all runs", "orchestrator.listWorkspaces", json!({"open": true})),
        ];
    };
    if let Some(pending) = run.pending().first() {
        return at_question(run, pending);
    }
    if run.is_live() && !run.stands_still() { live(run) } else { ended(run, place) }
}

fn live(run: &Run) -> [Offer; 3] {
    let id = json!({"runId": run.run_id});
    let progress = run.state.as_ref().map_or_else(|| words::status(run.status).to_owned(), |state| words::progress(state));
    [
        offer(format!("⟳ {progress}"), format!("Show progress ({progress})"), "orchestrator.openWorkspace", open(run, "context")),
        offer("Stop", format!("Stop run {}", run.run_id), "orchestrator.stop", id),
        offer("Open", format!("Open the plan of {}", run.run_id), "orchestrator.openWorkspace", open(run, "plan")),
    ]
}

fn ended(run: &Run, place: Value) -> [Offer; 3] {
    let again = offer("Run again", "Run goal again", "orchestrator.runGoal", place);
    let resume = offer("Resume", format!("Resume run {}", run.run_id), "orchestrator.resume", json!({"workspace": run.workspace}));
    let summary = |title: String| offer(title, "Open the summary", "orchestrator.openWorkspace", open(run, "summary"));
    let tally = words::tally(run);
    match run.status {
        RunStatus::Completed => [summary(format!("✓ {tally}")), summary("Open summary".into()), again],
        RunStatus::Cancelled => [summary(format!("⊘ cancelled · {tally}")), summary("Open summary".into()), again],
        RunStatus::Failed => {
            let step = run.state.as_deref().and_then(words::failed_step).map(|step| step.id.clone());
            let name = step.as_ref().map(ToString::to_string).unwrap_or_default();
            let at_step = json!({"runId": run.run_id, "stepId": step});
            let retry = match step {
                Some(_) => offer("Retry", format!("Retry step {name}"), "orchestrator.retryStep", at_step.clone()),
                None => Offer { lens: "Retry".into(), ..resume },
            };
            [
                summary(format!("✗ step {name}").trim_end_matches(" step ").to_owned()),
                retry,
                offer("Open log", format!("Open the log of {name}"), "orchestrator.showLog", at_step),
            ]
        }
        _ => [summary(format!("⏸ {} {tally}", words::status(run.status))), resume, summary("Open".into())],
    }
}

fn open(run: &Run, what: &str) -> Value {
    json!({"workspace": run.workspace, "what": what})
}

/// The wider ways to approve a question, beside "once": each names what it is about and how far it reaches, and "always" shows its rule.
pub fn wider(run: &Run, pending: &PendingApproval) -> Vec<Offer> {
    let decision = |scope: &str| json!({"runId": run.run_id, "approvalId": pending.id, "hash": pending.hash, "scope": scope});
    let approve = |scope: &str, title: String| Offer { kind: "quickfix", ..offer("", title, "orchestrator.approve", decision(scope)) };
    match &pending.subject {
        Some(subject @ Subject::Tool { tool, target, .. }) => {
            let about = if target.is_empty() { tool.clone() } else { format!("{tool} on `{target}`") };
            let mut offers = vec![approve("run", format!("Approve for this run: every {about} ({})", run.run_id))];
            offers.extend(Rule::always(subject).map(|rule| {
                approve("always", format!("Approve always, in every run of yours: adds the rule {} ({})", json!(rule), run.run_id))
            }));
            offers
        }
        Some(Subject::ReadProject { .. }) => vec![approve("run", format!("Approve for this run: reading the project ({})", run.run_id))],
        Some(Subject::StepResult) => super::results::changes_offer(run, pending).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The three offers of an open question: look, approve, reject, in this order.
pub fn at_question(run: &Run, pending: &PendingApproval) -> [Offer; 3] {
    let what = shorten(&words::what(run.state.as_deref(), pending), 60);
    let decision = json!({"runId": run.run_id, "approvalId": pending.id, "hash": pending.hash});
    // A result is reviewed where it can be edited; everything else where it is decided.
    let (look, review) = match &pending.proposal {
        Some(file) => ("orchestrator.openArtifact", json!({"workspace": run.workspace, "path": file})),
        None => ("orchestrator.openApprovals", json!({"runId": run.run_id, "approvalId": pending.id})),
    };
    let quickfix = |offer: Offer| Offer { kind: "quickfix", ..offer };
    [
        quickfix(offer(format!("⏸ {what}: review"), format!("Review: {what} ({})", run.run_id), look, review)),
        quickfix(offer("Approve", format!("Approve once: {what} ({})", run.run_id), "orchestrator.approve", decision.clone())),
        quickfix(offer("Reject", format!("Reject: {what} ({})", run.run_id), "orchestrator.reject", decision)),
    ]
}
