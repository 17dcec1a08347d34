//! Commands that look beyond workspaces: the doctor's report, and taking an artifact into the project.
use serde::Deserialize;
use serde_json::json;

use crate::config;
use crate::domain::{Error, RelPath};
use crate::orchestrator::doctor::{self, Facts, Problem};
use crate::sys::{Clock, SystemClock};

use super::client::Feature;
use super::command_places::{absolute, open_list};
use super::commands::{Call, answer_beside};
use super::main_loop::Done;
use super::state::State;
use super::to_proto;

/// The largest artifact that is proposed as an edit, in bytes.
const MAX_EDIT_BYTES: u64 = 4 * 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DoctorArgument {
    open: bool,
}

pub fn doctor(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<DoctorArgument>() else { return };
    let project = state.setup.project_of(None);
    let (engine, layers) = (state.setup.engine(&project), state.setup.layers(&project));
    let may = |feature| state.client.may(feature);
    let client = json!({
        "name": format!("{:?}", state.client.name),
        "prompts": may(Feature::Prompt),
        "showDocument": may(Feature::ShowDocument),
        "progress": may(Feature::Progress),
        "lensRefresh": may(Feature::LensRefresh),
        "diagnostics": may(Feature::Diagnostics),
    });
    let inputs = state.inputs.clone();
    answer_beside(reply, async move {
        let provider = engine.get().await.map(|orchestrator| orchestrator.provider_name().to_owned());
        let runs = match engine.reader().await {
            Ok(reader) => reader.list(20).await,
            Err(error) => Err(error),
        };
        let examined = tokio::task::spawn_blocking(move || {
            let loaded = config::load(&layers);
            let problem = |problem: &config::ConfigProblem| Problem {
                is_error: problem.level == config::Level::Error,
                message: problem.to_string(),
                hint: problem.hint.clone(),
            };
            let facts = Facts {
                disk: &*layers.disk,
                environment: &layers.environment,
                settings: &loaded.settings,
                problems: loaded.problems.iter().map(problem).collect(),
                provider,
                runs,
                noise: SystemClock.noise(),
            };
            let report = doctor::examine(&facts);
            let folder = argument.open.then(|| layers.disk.create_and_open(&loaded.settings.base_dir)).transpose();
            let shown = folder.and_then(|folder| match folder {
                Some(folder) => folder
                    .replace("doctor.md", report.markdown().as_bytes(), false)
                    .map(|()| Some(loaded.settings.base_dir.join("doctor.md"))),
                None => Ok(None),
            });
            (report, shown.ok().flatten())
        });
        let (report, shown) = examined.await.map_err(|_| Error::internal("the doctor broke off"))?;
        if let Some(path) = shown {
            inputs.done(Done::Show(path));
        }
        let mut report = json!(report);
        report["client"] = client;
        Ok(report)
    });
}

#[derive(Debug, Deserialize)]
struct ApplyArgument {
    workspace: String,
    path: RelPath,
    target: Option<RelPath>,
}

pub fn apply_artifact(state: &mut State, call: Call) {
    if call.argument == json!({}) {
        return open_list(state, call.reply);
    }
    let Some((argument, reply)) = call.take::<ApplyArgument>() else { return };
    let workspace = match absolute(&argument.workspace) {
        Ok(workspace) => workspace,
        Err(error) => return drop(reply.send(Err(error))),
    };
    if !state.client.may(Feature::ApplyEdit) || !state.client.takes_document_changes() {
        let error = Error::usage("this editor takes no workspace edits").hint("copy the file by hand from the workspace");
        return drop(reply.send(Err(to_proto::failure(&error))));
    }
    let target = argument.target.unwrap_or_else(|| argument.path.clone());
    let target = state.setup.project_of(Some(&workspace)).join(target.as_str());
    let open = to_proto::uri(&target).and_then(|uri| {
        let document = state.documents.get(&uri)?;
        let end = to_proto::position(&document.rope, document.rope.len_chars(), state.documents.encoding);
        Some((document.version, end))
    });
    let (disk, editor) = (state.setup.machine.disk.clone(), state.editor.clone());
    answer_beside(reply, async move {
        let failed = |error: std::io::Error| Error::disk(format!("reading {}", argument.path), &error);
        let bytes = disk.open(&workspace).and_then(|folder| folder.read(argument.path.as_str(), MAX_EDIT_BYTES)).map_err(failed)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::usage(format!("{} is not text", argument.path)))?;
        let uri = to_proto::uri_value(&target);
        let end = open.map_or(json!({"line": 0, "character": 0}), |(_, end)| json!(end));
        let edit = json!({"range": {"start": {"line": 0, "character": 0}, "end": end}, "newText": text});
        let edit = json!({"textDocument": {"uri": uri, "version": open.map(|(version, _)| version)}, "edits": [edit]});
        // A file that is there and not open is not overwritten unseen: creating it fails in the editor.
        let create = json!({"kind": "create", "uri": uri, "options": {"overwrite": false, "ignoreIfExists": false}});
        let changes = if open.is_some() { vec![edit] } else { vec![create, edit] };
        let params = json!({"label": format!("Take {} into the project", argument.path), "edit": {"documentChanges": changes}});
        let answer = editor.ask("workspace/applyEdit", &params, std::time::Duration::from_secs(9)).await;
        Ok(match answer {
            super::editor::Answer::Result(result) => result,
            _ => json!({"applied": false}),
        })
    });
}
