//! Hover: what would run at a goal and what last ran, a step with its state, an agent's purpose. From memory only.
use tower_lsp::lsp_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind, Range};

use crate::domain::agent::built_in_agents;
use crate::domain::goal::shorten;

use super::documents::Document;
use super::papers::{self, Paper};
use super::settings_file::is_settings;
use super::state::State;
use super::{from_proto, origins, to_proto, words};

impl State {
    pub fn hover(&self, params: &HoverParams) -> Option<Hover> {
        let place = &params.text_document_position_params;
        let document = self.documents.get(&place.text_document.uri)?;
        let line = usize::try_from(place.position.line).ok()?;
        if let Some(hover) = self.passage_hover(document, place.position) {
            return Some(hover);
        }
        let text = match papers::kind(document.file_name()) {
            Some(Paper::Plan) => self.step_text(document, line),
            Some(Paper::Approvals) => self.question_text(document, line),
            None if is_settings(document) => {
                let at = from_proto::char_index(&document.rope, place.position, self.documents.encoding);
                self.setting_text(document, at).map(|(text, _)| text)
            }
            None => self.goal_text(document, line),
        };
        let text =
            text.or_else(|| agent_text(document, from_proto::char_index(&document.rope, place.position, self.documents.encoding)))?;
        let value = if self.client.announces("/textDocument/hover/contentFormat/0") { text } else { plain(&text) };
        let kind = if self.client.announces("/textDocument/hover/contentFormat/0") { MarkupKind::Markdown } else { MarkupKind::PlainText };
        let range: Range = to_proto::line_range(&document.rope, line, self.documents.encoding);
        Some(Hover { contents: HoverContents::Markup(MarkupContent { kind, value }), range: Some(range) })
    }

    fn goal_text(&self, document: &Document, line: usize) -> Option<String> {
        let found = document.goals.known();
        let marker = found.iter().find(|marker| {
            let first = document.rope.byte_to_line(marker.span.start.min(document.rope.len_bytes()));
            let last = document.rope.byte_to_line(marker.span.end.min(document.rope.len_bytes()));
            (first..=last).contains(&line)
        })?;
        let goal = shorten(&marker.text, 200);
        let Some(run) = origins::run_of(self.runs.iter(), &document.key, marker) else {
            return Some(format!("**Goal** — {goal}\n\nNot run yet. Running it plans the steps first and asks before anything starts."));
        };
        let mut text = format!("**Goal** — {goal}\n\nRun `{}`: {} {}\n", run.run_id, words::status(run.status), words::tally(run));
        for step in run.state.iter().flat_map(|state| &state.steps) {
            let output = step.output_file.as_ref().map(|file| format!(" → `{file}`")).unwrap_or_default();
            text.push_str(&format!("\n- {} {} ({}): {}{output}", step.id, step.agent, words::step_status(step.status), step.title));
        }
        Some(text)
    }

    fn step_text(&self, document: &Document, line: usize) -> Option<String> {
        let run = self.run_of_paper(document)?;
        let text = document.rope.to_string();
        let id = papers::steps(&text).into_iter().rfind(|step| step.line <= line)?.id;
        let step = run.state.as_ref()?.steps.iter().find(|step| step.id == id)?;
        let cost = words::money(step.cost_usd).map(|cost| format!(" · {cost}")).unwrap_or_default();
        let error = step.error.as_ref().map(|error| format!("\n\n{error}")).unwrap_or_default();
        Some(format!(
            "**{}** {} — {}\n\nturn {}/{} · {} tokens{cost}{error}",
            step.id,
            step.agent,
            words::step_status(step.status),
            step.turns,
            step.max_turns,
            step.usage.total()
        ))
    }

    fn question_text(&self, document: &Document, line: usize) -> Option<String> {
        let run = self.run_of_paper(document)?;
        let item = papers::items(&document.rope.to_string()).into_iter().find(|item| item.line == line)?;
        let pending = run.pending().iter().find(|pending| pending.id.0 == item.id)?;
        Some(format!("**{}**\n\n{}", words::question(run, pending), pending.detail))
    }
}

/// The agent whose name stands at a place.
fn agent_text(document: &Document, index: usize) -> Option<String> {
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let rope = &document.rope;
    let before: Vec<char> = rope.chars_at(index.min(rope.len_chars())).reversed().take(40).take_while(is_word).collect();
    let after = rope.chars_at(index.min(rope.len_chars())).take(40).take_while(is_word);
    let word: String = before.into_iter().rev().chain(after).collect();
    // In other documents a word like `writer` is just a word.
    let is_ours = papers::kind(document.file_name()).is_some() || document.file_name().ends_with(".goal.md");
    let agent = built_in_agents().into_iter().find(|agent| is_ours && agent.name == word)?;
    Some(format!("**{}** — {}\n\nUp to {} turns · writes `{}`", agent.name, agent.purpose, agent.max_turns, agent.output))
}

pub fn plain(markdown: &str) -> String {
    markdown.replace("**", "").replace('`', "")
}
