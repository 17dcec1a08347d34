//! Decides an open question of a workspace from outside its run: `approve` and `reject`.
use std::path::Path;

use serde_json::json;

use crate::domain::{Command, Decision, Error, QuestionId, Result, RunStatus, Via};

use super::exit::quoted;
use super::order::Options;
use super::setup::Setup;
use super::terminal::Terminal;

/// Gives the decision; the exit code.
pub async fn answer(
    workspace: &Path,
    id: &str,
    decision: Decision,
    (options, setup, terminal): (&Options, &Setup, &Terminal),
) -> Result<i32> {
    let workspace = setup.environment.absolute(workspace);
    let id = question_id(id)?;
    let word = if decision.approved { "approved" } else { "rejected" };
    let orchestrator = setup.reader()?;
    // No hash: the command line binds to what approvals.md shows now.
    let command = Command::Answer { id: id.clone(), hash: None, decision, via: Via::CommandLine };
    let outcome = orchestrator.answer(&workspace, command).await?;
    if options.json {
        terminal.out(&json!({"decided": outcome.done, "reason": outcome.reason}).to_string());
        return Ok(if outcome.done { 0 } else { 2 });
    }
    if !outcome.done {
        let reason = outcome.reason.unwrap_or_else(|| "the run refused it".into());
        let hint = format!("read what is open in {}", quoted(&workspace.join("approvals.md")));
        return Err(Error::usage(format!("{id} was not {word}: {reason}")).hint(hint));
    }
    terminal.out(&format!("{id} {word}"));
    let live = matches!(orchestrator.state_of(&workspace).await, Ok(state) if matches!(state.status, RunStatus::Running | RunStatus::Planning) || state.status.is_end());
    if !live {
        terminal.hint(&format!("go on with: ai-orchestrator --resume {}", quoted(&workspace)));
    }
    Ok(0)
}

/// `A1`, also written `a1`.
fn question_id(text: &str) -> Result<QuestionId> {
    let id = text.trim().to_uppercase();
    let digits = id.strip_prefix('A').unwrap_or_default();
    if digits.is_empty() || digits.len() > 9 || !digits.chars().all(|c| c.is_ascii_digit()) {
        return Err(Error::usage(format!("`{text}` is not the id of an approval"))
            .hint("ids look like A1; approvals.md in the workspace lists them"));
    }
    Ok(QuestionId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_letter_and_a_number() {
        assert_eq!(question_id(" a12 "), Ok(QuestionId("A12".into())));
        for wrong in ["", "A", "1", "AA1", "plan", "A1 A2", "A-1"] {
            assert!(question_id(wrong).is_err(), "{wrong}");
        }
    }
}
