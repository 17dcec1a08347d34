//! Taking an artifact into the project: a workspace edit that the user confirms. Never leaves the project, never overwrites what changed meanwhile.
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::lsp_types::Position;

use crate::domain::hash::short_hash;
use crate::domain::{Error, RelPath, Result};
use crate::sys::{Disk, EntryKind};

use super::client::Feature;
use super::command_places::{absolute, open_list};
use super::commands::{Call, answer_beside};
use super::editor::Answer;
use super::state::State;
use super::to_proto;

/// The largest artifact that is proposed as an edit, in bytes.
const MAX_EDIT_BYTES: u64 = 4 * 1024 * 1024;
const ANNOTATION: &str = "artifact";

#[derive(Debug, Deserialize)]
struct ApplyArgument {
    workspace: String,
    path: RelPath,
    target: Option<RelPath>,
    /// The hash of the target's text that the caller has seen: only that text is replaced.
    base: Option<String>,
}

/// The text that is there now, and where it is known from.
struct Present {
    text: String,
    end: Position,
    /// The version, where it is open in the editor.
    version: Option<i32>,
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
    let target = argument.target.clone().unwrap_or_else(|| argument.path.clone());
    let project = state.setup.project_of(Some(&workspace));
    let encoding = state.documents.encoding;
    let open = to_proto::uri(&project.join(target.as_str())).and_then(|uri| {
        let document = state.documents.get(&uri)?;
        let end = to_proto::position(&document.rope, document.rope.len_chars(), encoding);
        Some(Present { text: document.rope.to_string(), end, version: Some(document.version) })
    });
    let confirms = state.client.takes_annotations();
    let (disk, editor) = (state.setup.machine.disk.clone(), state.editor.clone());
    answer_beside(reply, async move {
        let read = tokio::task::spawn_blocking(move || {
            let text = artifact(&*disk, &workspace, &argument.path)?;
            check_target(&*disk, &project, &target)?;
            let on_disk = || Ok::<_, Error>(present(&*disk, &project, &target)?.map(|text| at_end(text, encoding)));
            let present = open.map_or_else(on_disk, |open| Ok(Some(open)))?;
            Ok::<_, Error>((text, present, project.join(target.as_str()), argument))
        });
        let (text, present, target, argument) = read.await.map_err(|_| Error::internal("reading the artifact broke off"))??;
        if let Some(refused) = refusal(&text, present.as_ref(), (&argument, confirms)) {
            return Ok(refused);
        }
        let params = json!({
            "label": format!("Take {} into the project", argument.path),
            "edit": edit(&target, &text, present.as_ref(), confirms),
        });
        // The user may take their time to look at the preview; the command does not wait for that.
        let answer = editor.ask("workspace/applyEdit", &params, Duration::from_secs(9)).await;
        Ok(match answer {
            Answer::Result(result) => result,
            _ => json!({"applied": false, "reason": "the editor has not applied it"}),
        })
    });
}

fn artifact(disk: &dyn Disk, workspace: &Path, path: &RelPath) -> Result<String> {
    let failed = |error: std::io::Error| Error::disk(format!("reading {path}"), &error);
    let (folder, name) = folder_of(disk, workspace, path).map_err(failed)?.ok_or_else(|| Error::place(format!("there is no {path}")))?;
    let bytes = folder.read(&name, MAX_EDIT_BYTES).map_err(failed)?;
    String::from_utf8(bytes).map_err(|_| Error::usage(format!("{path} is not text")).hint("copy the file by hand from the workspace"))
}

type Place = Option<(Arc<dyn Disk>, String)>;

/// The folder that holds a file, reached without following a link; `None` where a folder on the way is not there.
fn folder_of(disk: &dyn Disk, root: &Path, path: &RelPath) -> std::io::Result<Place> {
    let mut folder = disk.open(root)?;
    let mut names: Vec<&str> = path.as_str().split('/').collect();
    let Some(last) = names.pop() else { return Ok(None) };
    for name in names {
        match folder.sub(name) {
            Ok(next) => folder = next,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some((folder, last.to_owned())))
}

/// Inside the project, not among its tools' own files, and no link in the way.
fn check_target(disk: &dyn Disk, project: &Path, target: &RelPath) -> Result<()> {
    let refuse = |why: &str| Error::usage(format!("`{target}` cannot be the target: {why}")).hint("give another `target` in the project");
    if target.as_str().split('/').any(|part| part.eq_ignore_ascii_case(".git") || part == ".orchestrator") {
        return Err(refuse("it belongs to a tool"));
    }
    let place = folder_of(disk, project, target).map_err(|_| refuse("a link or a file stands in the way"))?;
    let Some((folder, name)) = place else { return Ok(()) };
    match folder.metadata(&name) {
        Ok(meta) if meta.kind != EntryKind::File => Err(refuse("it is no ordinary file")),
        _ => Ok(()),
    }
}

fn present(disk: &dyn Disk, project: &Path, target: &RelPath) -> Result<Option<String>> {
    let failed = |error: &std::io::Error| Error::disk(format!("reading {target} in the project"), error);
    let Some((folder, name)) = folder_of(disk, project, target).map_err(|error| failed(&error))? else { return Ok(None) };
    match folder.read(&name, MAX_EDIT_BYTES) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| Error::usage(format!("{target} in the project is not text"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

fn at_end(text: String, encoding: super::from_proto::Encoding) -> Present {
    let rope = ropey::Rope::from_str(&text);
    Present { end: to_proto::position(&rope, rope.len_chars(), encoding), text, version: None }
}

/// Why nothing is proposed: it is there already, it changed since the caller looked, or it would be replaced unseen.
fn refusal(text: &str, present: Option<&Present>, (argument, confirms): (&ApplyArgument, bool)) -> Option<Value> {
    let refuse = |reason: String, base: Option<String>| Some(json!({"applied": false, "reason": reason, "base": base}));
    let now = present.map(|present| short_hash(&present.text));
    match (present, &argument.base) {
        (Some(present), _) if present.text == text => refuse("the project has this text already".into(), now),
        (_, Some(base)) if now.as_ref() != Some(base) => refuse("the target changed since you looked".into(), now),
        (Some(present), None) if present.version.is_none() && !confirms => {
            refuse("the target exists; open it, or give its `base` to replace it as it stands".into(), now)
        }
        _ => None,
    }
}

fn edit(target: &Path, text: &str, present: Option<&Present>, confirms: bool) -> Value {
    let uri = to_proto::uri_value(target);
    let end = present.map_or_else(Position::default, |present| present.end);
    let mut change = json!({"range": {"start": Position::default(), "end": end}, "newText": text});
    // A file that has appeared meanwhile is not overwritten: creating it fails in the editor.
    let mut create = json!({"kind": "create", "uri": uri, "options": {"overwrite": false, "ignoreIfExists": false}});
    if confirms {
        change["annotationId"] = json!(ANNOTATION);
        create["annotationId"] = json!(ANNOTATION);
    }
    let version = present.and_then(|present| present.version);
    let change = json!({"textDocument": {"uri": uri, "version": version}, "edits": [change]});
    let changes = if present.is_some() { vec![change] } else { vec![create, change] };
    let mut edit = json!({"documentChanges": changes});
    if confirms {
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let annotation = json!({"label": format!("Take {name} into the project"), "needsConfirmation": true});
        edit["changeAnnotations"] = json!({ ANNOTATION: annotation });
    }
    edit
}
