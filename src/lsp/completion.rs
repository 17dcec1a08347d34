//! Completion: the marker of a goal, agents and step ids in plan.md, keys at the head of a goal file.
use tower_lsp::lsp_types::{CompletionItem, CompletionItemKind, CompletionParams, CompletionResponse};

use crate::documents::plan::{self, PlanDocument};
use crate::domain::agent::built_in_agents;
use crate::domain::{Step, StepId};

use super::documents::Document;
use super::from_proto;
use super::papers::{self, Paper};
use super::settings_file::is_settings;
use super::state::State;

/// In a longer line nothing is completed, in characters.
const LONGEST_LINE: usize = 2_000;

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
const AGENT_KEYS: [(&str, &str); 6] = [
    ("name", "what the agent is called in plans"),
    ("description", "what it is for, in one line"),
    ("tools", "the tools it may use"),
    ("max_turns", "model calls in one step at the most"),
    ("model", "its own model"),
    ("output", "the file it writes unless the plan says otherwise"),
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
        let start = document.rope.line_to_char(line);
        // What we complete stands in short lines.
        if at - start > LONGEST_LINE {
            return None;
        }
        let before = document.rope.slice(start..at).to_string();
        let items = match papers::kind(document.file_name()) {
            Some(Paper::Plan) => self.plan_items(document, line, &before),
            Some(Paper::Approvals) => Vec::new(),
            None if is_settings(document) => self.settings_items(document, at),
            None if document.file_name().ends_with(".goal.md") => goal_file_items(document, line, &before),
            None if self.is_agent_file(document) && line > 0 && is_head(document, line) && !before.contains(':') => keys(&AGENT_KEYS),
            None => Vec::new(),
        };
        (!items.is_empty()).then_some(CompletionResponse::Array(items))
    }
}

impl State {
    fn plan_items(&self, document: &Document, line: usize, before: &str) -> Vec<CompletionItem> {
        let text = before.trim_start();
        let plan = || plan::parse(&document.rope.to_string());
        let value = CompletionItemKind::VALUE;
        match text.strip_prefix("- ").and_then(|rest| rest.split_once(':')) {
            Some(("needs", needs)) => return needs_items(&plan(), line, needs),
            Some(("output", _)) => return self.output_items(&plan(), line),
            Some(("approve", _)) => return vec![item("yes", "the result waits for you", value)],
            Some(("uses", _)) => return vec![item("project", "may read the project", value), item("web", "may search and fetch", value)],
            _ => {}
        }
        // A step line is `- [ ] s1 agent: title`: the agent is the second word.
        let step = text.strip_prefix("- [").and_then(|rest| rest.split_once("] ")).map(|(_, rest)| rest);
        match step {
            Some(step) if step.contains(' ') && !step.contains(':') => self.agent_items(),
            Some("") => {
                let plan = plan();
                let free = (1..=plan.steps.len() + 1).map(StepId::numbered).find(|id| plan.plan.step(id).is_none());
                free.iter().map(|id| item(id.as_str(), "the next free id", CompletionItemKind::REFERENCE)).collect()
            }
            _ if before.starts_with(' ') && text.starts_with("- ") && !text.contains(':') => keys(&STEP_KEYS),
            _ => Vec::new(),
        }
    }

    /// The agents in force, custom ones too.
    fn agent_items(&self) -> Vec<CompletionItem> {
        let mut items = agents();
        let custom =
            self.rules.iter().flat_map(|rules| &rules.agents).filter(|name| !built_in_agents().iter().any(|agent| agent.name == **name));
        items.extend(custom.map(|name| item(name, "custom agent", CompletionItemKind::CLASS)));
        items
    }

    /// The usual output of the step's agent, unless another step writes it.
    fn output_items(&self, plan: &PlanDocument, line: usize) -> Vec<CompletionItem> {
        let Some(at) = plan.steps.iter().rposition(|place| place.line <= line) else { return Vec::new() };
        let Some(step) = plan.plan.steps.get(at) else { return Vec::new() };
        let usual = built_in_agents().into_iter().find(|agent| agent.name == step.agent).map(|agent| agent.output);
        let taken = |name: &String| plan.plan.steps.iter().enumerate().any(|(other, step)| other != at && step.output.as_str() == name);
        let names = usual.into_iter().chain(std::iter::once(format!("{}_{}.md", step.id, step.agent)));
        names.filter(|name| !taken(name)).map(|name| item(&name, "file in the workspace", CompletionItemKind::FILE)).collect()
    }
}

/// The steps that can come before this one: not itself, not one that waits for it, none twice.
fn needs_items(plan: &PlanDocument, line: usize, needs: &str) -> Vec<CompletionItem> {
    let taken: Vec<&str> = needs.split(',').map(str::trim).collect();
    let this = plan.steps.iter().rposition(|place| place.line <= line).and_then(|at| plan.plan.steps.get(at));
    let fits = |step: &&Step| {
        !taken.contains(&step.id.as_str()) && this.is_none_or(|this| step.id != this.id && !plan.plan.depends_on(&step.id, &this.id))
    };
    plan.plan.steps.iter().filter(fits).map(|step| item(step.id.as_str(), &step.title, CompletionItemKind::REFERENCE)).collect()
}

/// Whether a line lies in the front matter, or in its first mark.
pub(super) fn is_head(document: &Document, line: usize) -> bool {
    document.rope.line(0).as_str().is_some_and(|first| first.trim_end() == "---")
        && (1..line).all(|line| document.rope.get_line(line).is_some_and(|line| line.as_str().is_none_or(|line| line.trim_end() != "---")))
}

fn goal_file_items(document: &Document, line: usize, before: &str) -> Vec<CompletionItem> {
    match before.split_once(':') {
        _ if !is_head(document, line) || line == 0 => Vec::new(),
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
