//! Completion: the marker of a goal, agents and step ids in plan.md, keys at the head of a goal file.
use tower_lsp::lsp_types::{CompletionItem, CompletionItemKind, CompletionParams, CompletionResponse};

use crate::domain::agent::built_in_agents;

use super::documents::Document;
use super::from_proto;
use super::papers::{self, Paper};
use super::state::State;

const GOAL_KEYS: [(&str, &str); 8] = [
    ("goal", "the goal in one line; the body goes on"),
    ("agents", "only these agents may be planned with"),
    ("attach", "files to copy into the workspace"),
    ("budget_usd", "the run pauses and asks when it is reached"),
    ("approvals", "none, plan, steps or tools"),
    ("model", "the model of this run"),
    ("max_parallel", "agents at once"),
    ("output", "the name of the last step's output"),
];
const STEP_KEYS: [(&str, &str); 4] = [
    ("output", "the file the step writes"),
    ("needs", "steps that come first"),
    ("approve", "yes: the result waits for you"),
    ("uses", "project, web, mcp:NAME"),
];

impl State {
    pub fn completion(&self, params: &CompletionParams) -> Option<CompletionResponse> {
        let place = &params.text_document_position;
        let document = self.documents.get(&place.text_document.uri)?;
        let at = from_proto::char_index(&document.rope, place.position, self.documents.encoding);
        let line = document.rope.char_to_line(at);
        let before = document.rope.slice(document.rope.line_to_char(line)..at).to_string();
        let items = match papers::kind(&document.file_name()) {
            Some(Paper::Plan) => plan_items(document, &before),
            Some(Paper::Approvals) => Vec::new(),
            None if document.file_name().ends_with(".goal.md") => goal_file_items(document, line, &before),
            None => Vec::new(),
        };
        (!items.is_empty()).then_some(CompletionResponse::Array(items))
    }
}

fn plan_items(document: &Document, before: &str) -> Vec<CompletionItem> {
    let text = before.trim_start();
    if let Some(needs) = text.strip_prefix("- needs:") {
        let taken: Vec<&str> = needs.split(',').map(str::trim).collect();
        let steps = papers::steps(&document.rope.to_string()).into_iter().filter(|step| !taken.contains(&step.id.as_str()));
        return steps.map(|step| item(step.id.as_str(), &step.title, CompletionItemKind::REFERENCE)).collect();
    }
    // A step line is `- [ ] s1 agent: title`: the agent is the second word.
    let step = text.strip_prefix("- [").and_then(|rest| rest.split_once("] ")).map(|(_, rest)| rest);
    if step.is_some_and(|step| step.contains(' ') && !step.contains(':')) {
        return agents();
    }
    if before.starts_with(' ') && text.starts_with("- ") && !text.contains(':') {
        return keys(&STEP_KEYS);
    }
    Vec::new()
}

fn goal_file_items(document: &Document, line: usize, before: &str) -> Vec<CompletionItem> {
    let is_head = document.rope.line(0).as_str().is_some_and(|first| first.trim_end() == "---")
        && (1..line).all(|line| document.rope.get_line(line).is_some_and(|line| line.as_str().is_none_or(|line| line.trim_end() != "---")));
    match before.split_once(':') {
        _ if !is_head || line == 0 => Vec::new(),
        Some(("agents", _)) => agents(),
        Some(("approvals", _)) => {
            ["none", "plan", "steps", "tools"].map(|mode| item(mode, "approval mode", CompletionItemKind::ENUM_MEMBER)).to_vec()
        }
        Some(_) => Vec::new(),
        None => keys(&GOAL_KEYS),
    }
}

fn agents() -> Vec<CompletionItem> {
    built_in_agents().iter().map(|agent| item(&agent.name, &agent.purpose, CompletionItemKind::CLASS)).collect()
}

fn keys(keys: &[(&str, &str)]) -> Vec<CompletionItem> {
    let key = |(key, detail): &(&str, &str)| CompletionItem {
        insert_text: Some(format!("{key}: ")),
        ..item(key, detail, CompletionItemKind::PROPERTY)
    };
    keys.iter().map(key).collect()
}

fn item(label: &str, detail: &str, kind: CompletionItemKind) -> CompletionItem {
    CompletionItem { label: label.to_owned(), detail: Some(detail.to_owned()), kind: Some(kind), ..CompletionItem::default() }
}
