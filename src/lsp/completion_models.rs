//! Completion of models' names in goal files, agent files and settings. The endpoint is asked beside the loop, which never waits; what it said is kept.
use std::ops::Range;
use std::path::PathBuf;

use tower_lsp::lsp_types::{CompletionItem, CompletionItemKind, CompletionParams, CompletionResponse, CompletionTextEdit, TextEdit};

use super::completion::is_head;
use super::documents::Document;
use super::main_loop::Reply;
use super::settings_file::{is_settings, value_at};
use super::state::State;
use super::{from_proto, to_proto};

/// In a longer text no name is completed, in characters: a file of settings is short.
const LONGEST_TEXT: usize = 200_000;

/// Where the name of a model is being written.
struct Place {
    project: PathBuf,
    /// What stands there of it (bytes).
    written: Range<usize>,
    /// It is to be put in quotation marks.
    bare_json: bool,
}

impl State {
    /// Answers at once, save where names of models are asked for: they come when the endpoint has answered.
    pub fn complete(&mut self, params: &CompletionParams, reply: Reply<Option<CompletionResponse>>) {
        let Some((place, range)) = self.model_place(params) else {
            let _ = reply.send(Ok(self.completion(params)));
            return;
        };
        let engine = self.setup.engine(&place.project);
        tokio::spawn(async move {
            let item = |(number, name): (usize, String)| {
                let new_text = if place.bare_json { format!("\"{name}\"") } else { name.clone() };
                CompletionItem {
                    kind: Some(CompletionItemKind::VALUE),
                    detail: Some("offered by the model's endpoint".into()),
                    // Kept in the order in which the endpoint names them.
                    sort_text: Some(format!("{number:05}")),
                    filter_text: Some(new_text.clone()),
                    text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text })),
                    label: name,
                    ..CompletionItem::default()
                }
            };
            let items: Vec<CompletionItem> = engine.model_names().await.into_iter().enumerate().map(item).collect();
            let _ = reply.send(Ok((!items.is_empty()).then_some(CompletionResponse::Array(items))));
        });
    }

    fn model_place(&self, params: &CompletionParams) -> Option<(Place, tower_lsp::lsp_types::Range)> {
        let position = &params.text_document_position;
        let document = self.documents.get(&position.text_document.uri)?;
        let at = from_proto::char_index(&document.rope, position.position, self.documents.encoding);
        if at > LONGEST_TEXT {
            return None;
        }
        let (written, bare_json) = if is_settings(document) {
            in_settings(document, at)?
        } else if document.file_name().ends_with(".goal.md") || self.is_agent_file(document) {
            (in_head(document, at)?, false)
        } else {
            return None;
        };
        let range = to_proto::range(&document.rope, written.clone(), self.documents.encoding);
        let project = self.setup.project_of(document.path());
        Some((Place { project, written, bare_json }, range)).filter(|(place, _)| place.written.len() < 200)
    }
}

/// In the value of `model.name`, or of an agent in `model.per_agent`.
fn in_settings(document: &Document, at: usize) -> Option<(Range<usize>, bool)> {
    let end = document.rope.char_to_byte(at);
    let value = value_at(&document.rope.slice(..at).to_string())?;
    let path: Vec<&str> = value.path.iter().map(String::as_str).collect();
    let wanted = matches!(path.as_slice(), ["model", "name"] | ["model", "per_agent", _]);
    wanted.then(|| (end - value.written.unwrap_or(0)..end, value.written.is_none()))
}

/// In the line `model: …` of a front matter.
fn in_head(document: &Document, at: usize) -> Option<Range<usize>> {
    let line = document.rope.char_to_line(at);
    let before = document.rope.slice(document.rope.line_to_char(line)..at).to_string();
    let (key, value) = before.split_once(':')?;
    let end = document.rope.char_to_byte(at);
    let written = value.trim_start().trim_start_matches(['"', '\'']);
    (key == "model" && is_head(document, line)).then(|| end - written.len()..end)
}
