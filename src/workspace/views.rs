//! The files people and scripts read: written whole when their content changed, rebuilt from the journal at any time. Renders JSON; the prose comes in.
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::history::History;
use super::store::Workspace;
use crate::domain::event::SCHEMA;
use crate::domain::hash::sha256;
use crate::domain::view::WorkspaceInfo;
use crate::domain::{Error, RelPath, Result, RunState};

pub const CONTEXT: &str = "context-main.md";
pub const HISTORY: &str = "workflow-history.json";
pub const STATE: &str = "workflow-state.json";
pub const INFO: &str = "workspace-info.json";
pub const SUMMARY: &str = "execution-summary.md";
pub const PLAN: &str = "plan.md";
pub const APPROVALS: &str = "approvals.md";
pub const EVIDENCE: &str = "evidence.json";

/// Everything that the views say.
#[derive(Debug, Clone)]
pub struct ViewTexts {
    pub state: RunState,
    pub context: String,
    pub summary: Option<String>,
    pub plan: Option<String>,
    pub approvals: String,
    pub history: History,
    pub info: WorkspaceInfo,
    /// The list of sources; `None` where nothing was read.
    pub evidence: Option<Value>,
    /// Texts of sources that are to be kept: path and text.
    pub sources: Vec<(String, String)>,
}

/// What was last written, so that a file is touched only when it changes. One for each run, as long as the process holds it.
#[derive(Debug, Default)]
pub struct ViewCache {
    /// Name → hash of the text that we wrote or took in.
    written: BTreeMap<String, String>,
    /// Name → top-level fields of the file that are not ours.
    kept: BTreeMap<String, Map<String, Value>>,
    /// How far the history on disk goes.
    history: Option<(usize, usize)>,
}

impl ViewCache {
    /// Says that a person's edit of `name`, as it now stands on disk, was taken into the journal: from here on it may be replaced.
    /// Until then an edited plan.md is left alone, so that an edit that cannot be read yet is not lost.
    pub fn took_in(&mut self, name: &str, text: &str) {
        self.written.insert(name.to_owned(), sha256(text.as_bytes()));
    }
}

/// Writes the views whose content changed. All are tried; the first failure is returned.
pub fn write_views(workspace: &Workspace, texts: &ViewTexts, previous: &mut ViewCache) -> Result<()> {
    let state = json_view(workspace, previous, STATE, &texts.state);
    let info = json_view(workspace, previous, INFO, &texts.info);
    let history = (previous.history != Some(texts.history.extent())).then(|| history_view(workspace, previous, texts));
    let evidence = texts.evidence.as_ref().and_then(|view| json_view(workspace, previous, EVIDENCE, view));
    let kept = keep_sources(workspace, &texts.sources);
    let views = [
        (EVIDENCE, evidence),
        (INFO, info),
        (PLAN, texts.plan.clone()),
        (APPROVALS, Some(texts.approvals.clone())),
        (CONTEXT, Some(texts.context.clone())),
        (HISTORY, history),
        (SUMMARY, texts.summary.clone()),
        (STATE, state),
    ];
    let mut outcome = kept;
    for (name, text) in views {
        let Some(text) = text else { continue };
        let written = write_changed(workspace, name, &text, previous);
        if written.is_ok() && name == HISTORY {
            previous.history = Some(texts.history.extent());
        }
        outcome = outcome.and(written);
    }
    outcome
}

/// Writes the texts of sources beside the list of them.
fn keep_sources(workspace: &Workspace, sources: &[(String, String)]) -> Result<()> {
    if sources.is_empty() {
        return Ok(());
    }
    let folder = crate::domain::evidence::FOLDER;
    match workspace.folder().create_folder(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::disk(format!("context not updating: `{folder}` in `{}`", workspace.path().display()), &error));
        }
        _ => {}
    }
    let mut outcome = Ok(());
    for (name, text) in sources {
        outcome = outcome.and(workspace.write_view(name, text));
    }
    outcome
}

fn write_changed(workspace: &Workspace, name: &str, text: &str, previous: &mut ViewCache) -> Result<()> {
    let hash = sha256(text.as_bytes());
    let last = previous.written.get(name);
    if last == Some(&hash) {
        return Ok(());
    }
    let on_disk = match name {
        PLAN => workspace.plan_text(),
        _ if last.is_none() => workspace.read_text(name),
        _ => None,
    };
    let on_disk = on_disk.map(|text| sha256(text.as_bytes()));
    if on_disk.as_ref() != Some(&hash) {
        let edited = name == PLAN && last.is_some() && on_disk.is_some() && on_disk.as_ref() != last;
        if edited {
            return Ok(());
        }
        workspace.write_view(name, text)?;
    }
    previous.written.insert(name.to_owned(), hash);
    Ok(())
}

#[derive(Serialize)]
struct WithKept<'a, T> {
    #[serde(flatten)]
    view: &'a T,
    #[serde(flatten)]
    kept: &'a Map<String, Value>,
}

fn json_view<T: Serialize>(workspace: &Workspace, previous: &mut ViewCache, name: &str, view: &T) -> Option<String> {
    let kept = kept_fields(workspace, previous, name, view);
    let whole = if kept.is_empty() { serde_json::to_value(view) } else { serde_json::to_value(WithKept { view, kept }) };
    let Value::Object(fields) = whole.ok()? else { return None };
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("  {}: {}", json!(name), in_lines(value))).collect();
    Some(format!("{{\n{}\n}}\n", fields.join(",\n")))
}

/// A value on one line, a list of things with one line each: readable, and half the size of indented JSON.
fn in_lines(value: &Value) -> String {
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let lines: Vec<String> = items.iter().map(|item| format!("    {item}")).collect();
            format!("[\n{}\n  ]", lines.join(",\n"))
        }
        value => value.to_string(),
    }
}

/// The fields that an existing file has and we do not know: a newer version's, or a person's.
fn kept_fields<'a, T: Serialize>(workspace: &Workspace, previous: &'a mut ViewCache, name: &str, view: &T) -> &'a Map<String, Value> {
    previous.kept.entry(name.to_owned()).or_insert_with(|| {
        let old = workspace.read_text(name).and_then(|text| serde_json::from_str::<Map<String, Value>>(&text).ok());
        let ours = serde_json::to_value(view).unwrap_or_default();
        old.unwrap_or_default().into_iter().filter(|(field, _)| ours.get(field).is_none()).collect()
    })
}

#[derive(Serialize)]
struct HistoryHead<'a> {
    schema: u32,
    run_id: &'a str,
    entries: [(); 0],
}

/// One line an entry: readable, and a third of the size of indented JSON.
fn history_view(workspace: &Workspace, previous: &mut ViewCache, texts: &ViewTexts) -> String {
    let head = HistoryHead { schema: SCHEMA, run_id: &texts.state.run_id, entries: [] };
    let kept = kept_fields(workspace, previous, HISTORY, &head);
    let mut text = format!("{{\n\"schema\": {SCHEMA},\n\"run_id\": {},\n", json!(texts.state.run_id));
    for (field, value) in kept {
        text.push_str(&format!("{}: {value},\n", json!(field)));
    }
    text.push_str(&format!("\"entries\": [\n{}\n]\n}}\n", texts.history.lines().collect::<Vec<_>>().join(",\n")));
    text
}

/// Adds lines to the transcript of one agent: `log` is a path in `agent_outputs/`.
pub fn append_log(workspace: &Workspace, log: &str, text: &str) -> Result<()> {
    let name = RelPath::new(log).ok().filter(|path| path.as_str().split('/').count() == 2);
    let Some(name) = name.as_ref().and_then(|path| path.as_str().strip_prefix("agent_outputs/")) else {
        return Err(Error::internal(format!("`{log}` is not a transcript in agent_outputs/")));
    };
    let failed = |error: std::io::Error| Error::disk(format!("cannot write the transcript `{log}`"), &error);
    let folder = workspace.folder().sub("agent_outputs").map_err(failed)?;
    folder.append_to(name).and_then(|mut file| file.append(text.as_bytes())).map_err(failed)
}

#[cfg(test)]
#[path = "views_tests.rs"]
mod tests;
