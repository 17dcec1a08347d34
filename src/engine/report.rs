//! What people and scripts read about a run, rendered from its state: the state and result values, context-main.md, execution-summary.md.
use std::fmt::Write;
use std::path::Path;

use crate::domain::event::{NoteLevel, SCHEMA};
use crate::domain::goal::shorten;
use crate::domain::view::{PendingApproval, StepView, Totals, WorkspaceInfo};
use crate::domain::{Question, RelPath, RunState, Step, StepStatus, Subject, Tally, question};

use super::step::StepState;
use super::workflow::Workflow;

/// `workflow-state.json` as a value.
pub fn state(workflow: &Workflow) -> RunState {
    let steps: Vec<StepView> = workflow.plan_steps().iter().map(|step| step_view(workflow, step)).collect();
    let pending = workflow.questions.iter().map(|question| PendingApproval {
        id: question.id.clone(),
        step: question.step.clone(),
        what: question.what.clone(),
        detail: question.detail.clone(),
        hash: question.hash.clone(),
        asked_at: question.asked_at,
        subject: Some(question.subject.clone()),
        proposal: proposal_of(workflow, question),
    });
    let status = workflow.status();
    RunState {
        schema: SCHEMA,
        run_id: workflow.run_id().to_owned(),
        goal: workflow.goal_text().to_owned(),
        started_at: workflow.run.as_ref().map(|run| run.started_at),
        ended_at: steps.iter().filter_map(|step| step.ended_at).max().filter(|_| status.is_end()),
        origin: workflow.goal().and_then(|goal| goal.origin.clone()),
        status,
        status_reason: workflow.finished.as_ref().and_then(|(_, reason)| reason.clone()),
        success_rate: success_rate(&steps),
        steps,
        pending_approvals: pending.collect(),
        totals: Totals { usage: workflow.usage(), cost_usd: workflow.cost_usd(), duration_ms: workflow.duration_ms() },
    }
}

/// Where the result that a question is about waits.
fn proposal_of(workflow: &Workflow, asked: &Question) -> Option<RelPath> {
    let step = asked.step.as_ref().filter(|_| asked.subject == Subject::StepResult)?;
    question::proposal(step, &workflow.plan_step(step)?.output)
}

fn step_view(workflow: &Workflow, step: &Step) -> StepView {
    let untouched = StepState::default();
    let state = workflow.step(&step.id).unwrap_or(&untouched);
    StepView {
        id: step.id.clone(),
        agent: step.agent.clone(),
        title: step.title.clone(),
        depends_on: step.needs.clone(),
        status: workflow.step_status(&step.id),
        attempt: state.attempt,
        output_file: state.output_file.clone(),
        turns: state.turns,
        max_turns: state.max_turns,
        usage: state.usage,
        cost_usd: if state.cost_known { state.cost_usd } else { Some(0.0) },
        started_at: state.started_at,
        ended_at: state.ended_at,
        error: state.error.clone(),
        review: super::review::view(workflow, step),
    }
}

/// Completed steps by those that are not skipped; 0 to 1.
#[allow(clippy::cast_precision_loss, reason = "plans have a few dozen steps")]
fn success_rate(steps: &[StepView]) -> f64 {
    let required = steps.iter().filter(|step| step.status != StepStatus::Skipped).count();
    let completed = steps.iter().filter(|step| step.status == StepStatus::Completed).count();
    if required == 0 { 0.0 } else { completed as f64 / required as f64 }
}

/// `workspace-info.json` as a value.
pub fn info(workflow: &Workflow, workspace: &Path) -> Option<WorkspaceInfo> {
    let run = workflow.run.as_ref()?;
    Some(WorkspaceInfo {
        schema: SCHEMA,
        run_id: run.run_id.clone(),
        goal: run.goal.text.clone(),
        workspace: workspace.to_owned(),
        project: run.project.clone(),
        created_at: run.started_at,
        provider: run.provider.clone(),
        model: run.model.clone(),
        version: run.version.clone(),
        origin: run.goal.origin.clone(),
    })
}

/// Text that others wrote, on one line and without the characters that would end a table cell or start a tag.
pub fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;")
}

fn money(cost: Option<f64>) -> String {
    cost.map_or_else(|| "unknown".into(), |cost| format!("${cost:.4}"))
}

/// Milliseconds in words: `850 ms`, `12.3 s`, `4 min 5 s`.
#[allow(clippy::cast_precision_loss, reason = "durations are far below 2^52 ms")]
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

/// `context-main.md`: goal, plan, progress, what each step left for the next.
pub fn context(workflow: &Workflow) -> String {
    let state = state(workflow);
    let mut text = format!("# {}\n\n", cell(&shorten(&state.goal, 100)));
    let _ = writeln!(text, "- run: `{}`\n- status: **{}**{}", state.run_id, state.status.as_str(), reason(&state));
    let done = state.steps.iter().filter(|step| step.status == StepStatus::Completed).count();
    let _ = writeln!(text, "- progress: {done} of {} steps", state.steps.len());
    let _ = write!(text, "\n## Goal\n\n{}\n", quoted(&state.goal));
    write_inputs(&mut text, workflow);
    write_progress(&mut text, &state);
    write_left(&mut text, workflow, &state);
    text
}

fn reason(state: &RunState) -> String {
    state.status_reason.as_ref().map(|reason| format!(" ({})", cell(reason))).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n")
}

fn write_inputs(text: &mut String, workflow: &Workflow) {
    let inputs = workflow.run.as_ref().map(|run| run.inputs.as_slice()).unwrap_or_default();
    if inputs.is_empty() {
        return;
    }
    text.push_str("\n## Attached files\n\n");
    for input in inputs {
        let _ = writeln!(text, "- [{0}]({1}) ({2} bytes)", input.path, link(input.path.as_str()), input.bytes);
    }
}

/// A path as a link target: what would end the target is percent-encoded.
pub fn link(path: &str) -> String {
    path.replace('%', "%25").replace(' ', "%20").replace('(', "%28").replace(')', "%29")
}

fn write_progress(text: &mut String, state: &RunState) {
    if state.steps.is_empty() {
        return;
    }
    text.push_str("\n## Progress\n\n| step | agent | what | status | output |\n|---|---|---|---|---|\n");
    for step in &state.steps {
        let output = step.output_file.as_ref().map(|path| format!("[{path}]({})", link(path.as_str()))).unwrap_or_default();
        let _ = writeln!(text, "| {} | {} | {} | {} | {output} |", step.id, cell(&step.agent), cell(&step.title), step.status.as_str());
    }
}

fn write_left(text: &mut String, workflow: &Workflow, state: &RunState) {
    let ended = state.steps.iter().filter(|step| step.status.is_end() && step.attempt > 0);
    for step in ended {
        let _ = write!(text, "\n## {} {}: {}\n\n", step.id, step.agent, cell(&step.title));
        match &step.error {
            Some(error) => {
                let _ = writeln!(text, "Failed: {}", cell(error));
            }
            None => {
                let _ = writeln!(text, "{}", closing(workflow, &step.id));
            }
        }
    }
}

/// The last words of a step's agent, cut to a paragraph.
fn closing(workflow: &Workflow, id: &crate::domain::StepId) -> String {
    let words = workflow.step(id).and_then(|state| match &state.conversation.last {
        Some(super::step::Ended::Replied { text, .. }) => Some(text.clone()),
        _ => None,
    });
    let words = words.unwrap_or_default();
    let first = words.split("\n\n").find(|part| !part.trim().is_empty()).unwrap_or("Done.");
    quoted(&super::prompt::capped(first.trim(), 600))
}

/// `execution-summary.md`: results, costs, timeline, what failed. `claims`: how the claims of each artifact stand.
pub fn summary(workflow: &Workflow, claims: &[(RelPath, Tally)]) -> String {
    let state = state(workflow);
    let done = state.steps.iter().filter(|step| step.status == StepStatus::Completed).count();
    let mut text = format!("# Summary: {}\n\n", cell(&shorten(&state.goal, 100)));
    let _ = writeln!(text, "**{}**{}", state.status.as_str(), reason(&state));
    let _ = writeln!(text, "\n- steps completed: {done} of {} ({:.0} %)", state.steps.len(), state.success_rate * 100.0);
    let _ = writeln!(text, "- time: {}", duration(state.totals.duration_ms));
    let usage = state.totals.usage;
    let tokens = format!("{} in, {} out, {} from cache", usage.input_tokens, usage.output_tokens, usage.cache_read_tokens);
    let _ = writeln!(text, "- tokens: {tokens}\n- cost: {}", money(state.totals.cost_usd));
    if let Some(run) = &workflow.run {
        let model = run.model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
        let _ = writeln!(text, "- provider: {}{model}", run.provider);
    }
    write_results(&mut text, &state);
    write_files(&mut text, workflow);
    super::evidence_report::write(&mut text, workflow, claims);
    super::review::write(&mut text, workflow);
    write_failures(&mut text, &state);
    write_approvals(&mut text, workflow);
    write_notes(&mut text, workflow);
    super::timeline::write(&mut text, &state);
    text
}

fn write_results(text: &mut String, state: &RunState) {
    text.push_str("\n## Steps\n\n| step | agent | what | status | turns | tokens | cost | time |\n|---|---|---|---|---:|---:|---:|---:|\n");
    for step in &state.steps {
        let time = match (step.started_at, step.ended_at) {
            (Some(start), Some(end)) => duration(u64::try_from((end - start).num_milliseconds()).unwrap_or(0)),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {time} |",
            step.id,
            cell(&step.agent),
            cell(&step.title),
            step.status.as_str(),
            step.turns,
            step.usage.total(),
            money(step.cost_usd)
        );
    }
}

fn write_files(text: &mut String, workflow: &Workflow) {
    if workflow.files.is_empty() {
        return;
    }
    text.push_str("\n## Files\n\n");
    for fact in workflow.files.values() {
        let _ = writeln!(text, "- [{0}]({1}) by {2} ({3} bytes)", fact.path, link(fact.path.as_str()), fact.owner, fact.bytes);
    }
}

fn write_failures(text: &mut String, state: &RunState) {
    let failed: Vec<&StepView> = state.steps.iter().filter(|step| step.status == StepStatus::Failed).collect();
    if failed.is_empty() {
        return;
    }
    text.push_str("\n## What failed\n\n");
    for step in failed {
        let _ = writeln!(text, "- {} {}: {}", step.id, cell(&step.agent), cell(step.error.as_deref().unwrap_or("no reason given")));
    }
    text.push_str("\nResume the workspace to try the failed steps again; finished steps are kept.\n");
}

fn write_approvals(text: &mut String, workflow: &Workflow) {
    if workflow.decided.is_empty() {
        return;
    }
    text.push_str("\n## Approvals\n\n");
    for decided in &workflow.decided {
        let verdict = if decided.decision.approved { "approved" } else { "rejected" };
        let note = decided.decision.note.as_ref().map(|note| format!(": {}", cell(note))).unwrap_or_default();
        let at = decided.at.format("%H:%M");
        let _ = writeln!(text, "- {} {} {verdict} {at}{note}", decided.question.id, cell(&decided.question.what));
    }
}

fn write_notes(text: &mut String, workflow: &Workflow) {
    let repeated = workflow.steps.values().map(|state| state.repeated_calls).sum::<u32>() + workflow.repeated_other;
    let notes: Vec<_> = workflow.notes.iter().filter(|note| note.level != NoteLevel::Info).collect();
    if notes.is_empty() && repeated == 0 {
        return;
    }
    text.push_str("\n## Notes\n\n");
    if repeated > 0 {
        let _ = writeln!(text, "- {repeated} model call(s) were under way when the process ended and were sent again: possibly paid twice");
    }
    for note in notes {
        let _ = writeln!(text, "- {}", cell(&note.text));
    }
}

/// Whether the summary belongs on disk: the process let go of the run.
pub fn has_summary(workflow: &Workflow) -> bool {
    workflow.finished.is_some()
}
