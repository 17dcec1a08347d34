//! An editor at work in a project of its own, with the offline provider: everything that is only decoration is passed over, edits are recorded.
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

use ai_orchestrator::sys::Environment;
use serde_json::{Value, json};

use super::editor::{Builder, Editor, uri};

/// Messages that these tests do not look at.
const DECORATION: [&str; 9] = [
    "$/progress",
    "$/cancelRequest",
    "window/workDoneProgress/create",
    "workspace/codeLens/refresh",
    "workspace/inlayHint/refresh",
    "textDocument/publishDiagnostics",
    "window/showMessageRequest",
    "window/showMessage",
    "orchestrator/status",
];

pub struct Desk {
    pub folder: tempfile::TempDir,
    pub editor: Editor,
    /// What the server asked to apply.
    pub edits: Receiver<Value>,
    /// The addresses it asked to show.
    pub shown: Receiver<String>,
}

impl Desk {
    /// `settings`: variables of the environment without their `ORCHESTRATOR_`; `files`: what lies in the project.
    pub async fn new(client: &str, settings: &[(&str, &str)], files: &[(&str, &str)]) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Desk::at(folder, client, settings).await
    }

    /// In a folder that is there already.
    pub async fn at(folder: tempfile::TempDir, client: &str, settings: &[(&str, &str)]) -> Desk {
        let builder = builder(client, folder.path(), settings);
        Desk::with(folder, builder).await
    }

    /// With the program as a process of its own.
    pub async fn process(folder: tempfile::TempDir, client: &str, settings: &[(&str, &str)]) -> Desk {
        let builder = builder(client, folder.path(), settings).process();
        Desk::with(folder, builder).await
    }

    async fn with(folder: tempfile::TempDir, builder: Builder) -> Desk {
        let (sender, edits) = channel();
        let (show, shown) = channel();
        let builder = builder
            .answer("window/showDocument", move |params| {
                let _ = show.send(params["uri"].as_str().unwrap().to_owned());
                Some(json!({"success": true}))
            })
            .answer("workspace/applyEdit", move |params| {
                let _ = sender.send(params.clone());
                Some(json!({"applied": true}))
            });
        Desk { folder, editor: quiet(builder).start().await, edits, shown }
    }

    /// The same project with a new server.
    pub async fn restarted(self, client: &str, settings: &[(&str, &str)]) -> Desk {
        let Desk { folder, editor, .. } = self;
        editor.close().await;
        Desk::at(folder, client, settings).await
    }

    /// The server is killed in the middle of whatever it does, and a new one started.
    pub async fn killed(self, client: &str, settings: &[(&str, &str)]) -> Desk {
        let Desk { folder, mut editor, .. } = self;
        editor.kill().await;
        Desk::process(folder, client, settings).await
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn uri(&self, name: &str) -> String {
        uri(&self.path(name))
    }

    pub async fn state(&mut self, run: &Value) -> Value {
        self.editor.command("orchestrator.runState", json!({"runId": run})).await.unwrap()
    }

    /// Asks until the state has this status.
    pub async fn until(&mut self, run: &Value, status: &str) -> Value {
        self.until_state(run, status, |state| state["status"] == status).await
    }

    /// Asks until the state is so.
    pub async fn until_state(&mut self, run: &Value, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..200_000 {
            let state = self.state(run).await;
            let waits = state["status"] == "waiting_approval";
            assert!(!waits || state["approvals"][0].is_object(), "nobody is waited for before there is a question: {state}");
            if is_so(&state) {
                return state;
            }
        }
        panic!("never {what}");
    }

    pub async fn change(&mut self, uri: &str, version: u32, text: &str) {
        self.changes(uri, version, json!([{"text": text}])).await;
    }

    pub async fn changes(&mut self, uri: &str, version: u32, changes: Value) {
        let change = json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": changes});
        self.editor.notify("textDocument/didChange", change).await;
    }

    /// As an editor does: the text is on disk when the server hears of it.
    pub async fn save(&mut self, uri: &str, path: &Path, text: &str) {
        // What was typed is with the server before the file is written: the other way round it would count as a reload.
        self.editor.command("orchestrator.runState", Value::Null).await.unwrap();
        std::fs::write(path, text).unwrap();
        self.editor.notify("textDocument/didSave", json!({"textDocument": {"uri": uri}})).await;
    }

    /// Title, command and argument of each lens.
    pub async fn lenses(&mut self, uri: &str) -> Vec<(String, String, Value)> {
        let lenses = self.editor.request("textDocument/codeLens", json!({"textDocument": {"uri": uri}})).await.unwrap();
        let lens = |lens: &Value| {
            let command = &lens["command"];
            let text = |field: &str| command[field].as_str().unwrap().to_owned();
            (text("title"), text("command"), command["arguments"][0].clone())
        };
        lenses.as_array().into_iter().flatten().map(lens).collect()
    }

    /// Asks until the first lens begins so.
    pub async fn until_lens(&mut self, uri: &str, start: &str) {
        let mut seen = Vec::new();
        for _ in 0..200_000 {
            seen = self.lenses(uri).await;
            if seen.first().is_some_and(|lens| lens.0.starts_with(start)) {
                return;
            }
        }
        panic!("no lens `{start}`: {seen:?}");
    }

    /// Title, command and argument of each action on a line; actions with an edit have no command.
    pub async fn actions(&mut self, uri: &str, line: usize) -> Vec<(String, String, Value)> {
        let at = json!({"line": line, "character": 2});
        let params = json!({"textDocument": {"uri": uri}, "range": {"start": at, "end": at}, "context": {"diagnostics": []}});
        let actions = self.editor.request("textDocument/codeAction", params).await.unwrap();
        let action = |action: &Value| {
            let command = if action["command"].is_object() { &action["command"] } else { action };
            let name = command["command"].as_str().unwrap_or_default().to_owned();
            (action["title"].as_str().unwrap().to_owned(), name, command["arguments"][0].clone())
        };
        actions.as_array().into_iter().flatten().map(action).collect()
    }
}

/// Passes over decoration.
pub fn quiet(builder: Builder) -> Builder {
    DECORATION.into_iter().fold(builder, Builder::ignore)
}

/// The argument of a decision about the first open question.
pub fn verdict(state: &Value) -> Value {
    let approval = &state["approvals"][0];
    json!({"runId": state["run_id"], "approvalId": approval["id"], "hash": approval["hash"]})
}

/// An editor in a project with the offline provider.
pub fn builder(client: &str, folder: &Path, settings: &[(&str, &str)]) -> Builder {
    let fixed = [("HOME", folder.display().to_string()), ("ORCHESTRATOR_MODEL__PROVIDER", "offline".to_owned())];
    let fixed = fixed.into_iter().map(|(name, value)| (name.to_owned(), value));
    let given = settings.iter().map(|(name, value)| (format!("ORCHESTRATOR_{name}"), (*value).to_owned()));
    Editor::like(client)
        .environment(Environment::new(fixed.chain(given), folder))
        .folder(folder)
        .answer("workspace/configuration", |_| Some(json!([null])))
}
