//! What a client is told and asked, in the protocol's words: the plan from a run's steps, a question with its two answers, the end with its files. Decides nothing.
use std::path::{Path, PathBuf};

use agent_client_protocol::v1::schema::{
    ContentBlock, ContentChunk, PermissionOption, PermissionOptionKind, Plan, PlanEntry, PlanEntryPriority, PlanEntryStatus,
    RequestPermissionOutcome, RequestPermissionRequest, ResourceLink, SessionNotification, SessionUpdate, ToolCallUpdate,
    ToolCallUpdateFields,
};

use crate::domain::view::{PendingApproval, StepView};
use crate::domain::{RunState, RunStatus, StepStatus};

/// The longest text of a question that is shown, in characters.
const MAX_SHOWN: usize = 20_000;
const APPROVE: &str = "approve";
const REJECT: &str = "reject";

/// The goal in a prompt, and the files that it mentions.
pub(super) struct Asked {
    pub text: String,
    pub files: Vec<PathBuf>,
}

impl Asked {
    pub fn new(prompt: &[ContentBlock]) -> Asked {
        let mut asked = Asked { text: String::new(), files: Vec::new() };
        for block in prompt {
            match block {
                ContentBlock::Text(text) => asked.text.push_str(&text.text),
                ContentBlock::ResourceLink(link) => {
                    asked.text.push_str(&link.name);
                    asked.files.extend(link.uri.strip_prefix("file://").map(|path| PathBuf::from(decoded(path))));
                }
                _ => {}
            }
        }
        asked
    }

    /// Whether the session's run is to go on, rather than a new goal to begin.
    pub fn goes_on(&self) -> bool {
        let words = self.text.trim().trim_end_matches(['.', '!']).to_lowercase();
        matches!(words.as_str(), "continue" | "go on" | "resume" | "weiter")
    }
}

/// A path of an address, percent signs decoded.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let (mut found, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let code = (*byte == b'%').then(|| path.get(at + 1..at + 3)).flatten().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        found.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&found).into_owned()
}

/// The steps of a run as the protocol's plan.
pub(super) fn plan(state: &RunState) -> Vec<PlanEntry> {
    state.steps.iter().map(entry).collect()
}

fn entry(step: &StepView) -> PlanEntry {
    let (status, remark) = match step.status {
        StepStatus::Pending => (PlanEntryStatus::Pending, ""),
        StepStatus::Running => (PlanEntryStatus::InProgress, ""),
        StepStatus::WaitingApproval => (PlanEntryStatus::InProgress, " (waits for your approval)"),
        StepStatus::Completed => (PlanEntryStatus::Completed, ""),
        StepStatus::Failed => (PlanEntryStatus::Completed, " (failed)"),
        StepStatus::Skipped => (PlanEntryStatus::Completed, " (skipped)"),
        StepStatus::Cancelled => (PlanEntryStatus::Completed, " (cancelled)"),
    };
    PlanEntry::new(format!("{} {}: {}{remark}", step.id, step.agent, step.title), PlanEntryPriority::Medium, status)
}

pub(super) fn plan_update(session: &str, entries: Vec<PlanEntry>) -> SessionNotification {
    SessionNotification::new(session.to_owned(), SessionUpdate::Plan(Plan::new(entries)))
}

/// Words of the agent's side.
pub(super) fn says(session: &str, text: String) -> SessionNotification {
    SessionNotification::new(session.to_owned(), SessionUpdate::AgentMessageChunk(ContentChunk::new(text.into())))
}

/// Words of the person's side, for a session that is loaded again.
pub(super) fn said(session: &str, text: String) -> SessionNotification {
    SessionNotification::new(session.to_owned(), SessionUpdate::UserMessageChunk(ContentChunk::new(text.into())))
}

/// A file of the workspace that the client can open.
pub(super) fn file(session: &str, workspace: &Path, path: &str) -> SessionNotification {
    let encoded = workspace.join(path).display().to_string().replace('%', "%25").replace(' ', "%20");
    let link = ContentBlock::ResourceLink(ResourceLink::new(path, format!("file://{encoded}")));
    SessionNotification::new(session.to_owned(), SessionUpdate::AgentMessageChunk(ContentChunk::new(link)))
}

/// A question; `text` is what there is to read before it is answered.
pub(super) fn question(session: &str, open: &PendingApproval, text: &str) -> RequestPermissionRequest {
    let shown: String = text.chars().take(MAX_SHOWN).collect();
    let fields = ToolCallUpdateFields::new().title(open.what.clone()).content(vec![ContentBlock::from(shown).into()]);
    let options = vec![
        PermissionOption::new(APPROVE, "Approve", PermissionOptionKind::AllowOnce),
        PermissionOption::new(REJECT, "Reject", PermissionOptionKind::RejectOnce),
    ];
    RequestPermissionRequest::new(session.to_owned(), ToolCallUpdate::new(open.id.to_string(), fields), options)
}

/// What was chosen; `None` where nothing was, which decides nothing.
pub(super) fn chosen(outcome: &RequestPermissionOutcome) -> Option<bool> {
    match outcome {
        RequestPermissionOutcome::Selected(selected) => match &*selected.option_id.0 {
            APPROVE => Some(true),
            REJECT => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// How a run stands, in one or two sentences.
pub(super) fn end(state: &RunState, workspace: &Path) -> String {
    let done = state.steps.iter().filter(|step| step.status == StepStatus::Completed).count();
    let reason = state.status_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let next = match state.status {
        RunStatus::Completed => "The summary is `execution-summary.md`.".to_owned(),
        RunStatus::Cancelled => "Finished steps are kept.".to_owned(),
        RunStatus::Failed => {
            let failed = state.steps.iter().filter_map(|step| Some(format!("{}: {}", step.id, step.error.as_ref()?)));
            failed.collect::<Vec<_>>().join("; ")
        }
        _ => "Say `continue` to go on.".to_owned(),
    };
    let status = state.status.as_str().replace('_', " ");
    format!("The run is {status}{reason}; {done} of {} steps are done. {next}\n\nWorkspace: {}\n", state.steps.len(), workspace.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_a_goal_with_the_files_it_mentions() {
        let link = ContentBlock::ResourceLink(ResourceLink::new("sales data.csv", "file:///p/sales%20data%25.csv"));
        let asked = Asked::new(&[ContentBlock::from("Chart "), link, ContentBlock::from(" by month")]);
        assert_eq!(asked.text, "Chart sales data.csv by month");
        assert_eq!(asked.files, [PathBuf::from("/p/sales data%.csv")]);
        assert!(!asked.goes_on() && Asked::new(&[ContentBlock::from(" Continue. ")]).goes_on());
        assert_eq!(decoded("a%2") + &decoded("%zz%e"), "a%2%zz%e");
    }
}
