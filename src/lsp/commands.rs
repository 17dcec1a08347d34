//! The one table of commands, and how an argument is taken: an object, for some a string, or none; anything else is an error of the caller.
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower_lsp::jsonrpc;
use tower_lsp::lsp_types::ExecuteCommandParams;

use super::main_loop::Reply;
use super::state::State;
use super::{command_apply, command_doctor, command_goals, command_places, command_runs, results, to_proto};

/// What a command is given: its argument and where its result goes.
pub struct Call {
    pub argument: Value,
    pub reply: Reply<Option<Value>>,
}

/// One command.
pub struct Row {
    pub id: &'static str,
    /// The field that a bare string stands for.
    string: Option<&'static str>,
    run: fn(&mut State, Call),
}

const fn row(id: &'static str, string: Option<&'static str>, run: fn(&mut State, Call)) -> Row {
    Row { id, string, run }
}

/// Every command (contract, section 6).
pub const TABLE: [Row; 23] = [
    row("orchestrator.runGoal", Some("goal"), command_goals::run_goal),
    row("orchestrator.planGoal", Some("goal"), command_goals::plan_goal),
    row("orchestrator.newGoal", None, command_goals::new_goal),
    row("orchestrator.spawnAgent", None, command_goals::spawn_agent),
    row("orchestrator.runSample", None, command_goals::run_sample),
    row("orchestrator.approve", None, command_runs::approve),
    row("orchestrator.reject", None, command_runs::reject),
    row("orchestrator.approveAll", None, command_runs::approve_all),
    row("orchestrator.openApprovals", None, command_runs::open_approvals),
    row("orchestrator.showChanges", None, results::show_changes),
    row("orchestrator.stop", None, command_runs::stop),
    row("orchestrator.pause", None, command_runs::pause),
    row("orchestrator.resume", Some("workspace"), command_runs::resume),
    row("orchestrator.retryStep", None, command_runs::retry_step),
    row("orchestrator.skipStep", None, command_runs::skip_step),
    row("orchestrator.runState", None, command_places::run_state),
    row("orchestrator.listWorkspaces", None, command_places::list_workspaces),
    row("orchestrator.openWorkspace", Some("workspace"), command_places::open_workspace),
    row("orchestrator.openArtifact", Some("path"), command_places::open_artifact),
    row("orchestrator.applyArtifact", None, command_apply::apply_artifact),
    row("orchestrator.showLog", None, command_places::show_log),
    row("orchestrator.cleanup", None, command_places::cleanup),
    row("orchestrator.doctor", None, command_doctor::doctor),
];

/// Finds the command and gives it its argument.
pub fn execute(state: &mut State, params: ExecuteCommandParams, reply: Reply<Option<Value>>) {
    let Some(row) = TABLE.iter().find(|row| row.id == params.command) else {
        let _ = reply.send(Err(to_proto::invalid(format!("there is no command `{}`", params.command))));
        return;
    };
    match argument(row, params.arguments) {
        Ok(argument) => (row.run)(state, Call { argument, reply }),
        Err(error) => {
            let _ = reply.send(Err(error));
        }
    }
}

fn argument(row: &Row, arguments: Vec<Value>) -> jsonrpc::Result<Value> {
    match (arguments.into_iter().next(), row.string) {
        (None | Some(Value::Null), _) => Ok(json!({})),
        (Some(argument @ Value::Object(_)), _) => Ok(argument),
        (Some(Value::String(text)), Some(field)) => Ok(json!({ field: text })),
        (Some(_), Some(field)) => Err(to_proto::invalid(format!("{}: argument 0 must be an object or the {field} as a string", row.id))),
        (Some(_), None) => Err(to_proto::invalid(format!("{}: argument 0 must be an object", row.id))),
    }
}

impl Call {
    /// The argument as the command's own type; answers the caller where it does not fit.
    pub fn take<T: DeserializeOwned>(self) -> Option<(T, Reply<Option<Value>>)> {
        // A field that is null counts as left out: clients written in Lua send such.
        let argument = match self.argument {
            Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
            other => other,
        };
        match serde_json::from_value(argument) {
            Ok(argument) => Some((argument, self.reply)),
            Err(error) => {
                let _ = self.reply.send(Err(to_proto::invalid(format!("the argument does not fit: {error}"))));
                None
            }
        }
    }
}

/// Answers at once.
pub fn answer(reply: Reply<Option<Value>>, value: Value) {
    // A cancelled caller does not take back what was done.
    let _ = reply.send(Ok(Some(value).filter(|value| !value.is_null())));
}

/// Answers from a task: the work goes on even when the caller is gone.
pub fn answer_beside(reply: Reply<Option<Value>>, work: impl Future<Output = crate::domain::Result<Value>> + Send + 'static) {
    tokio::spawn(async move {
        match work.await {
            Ok(value) => answer(reply, value),
            Err(error) => {
                let _ = reply.send(Err(to_proto::failure(&error)));
            }
        }
    });
}

/// An argument of commands about one run.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OfRun {
    pub run_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emacs_sends_every_command_by_itself() {
        let front_end = include_str!("../../editors/emacs/ai-orchestrator.el");
        let (_, list) = front_end.split_once("(defconst ai-orchestrator--commands").unwrap();
        let (list, _) = list.split_once(")\n").unwrap();
        for row in &TABLE {
            let name = row.id.trim_start_matches("orchestrator.");
            assert!(list.contains(&format!("\"{name}\"")), "{name} is not among ai-orchestrator--commands");
        }
    }
}
