//! A stage for tests: plays a specialist against tools over files in memory, with the results' real shapes. No disk.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::moves::{self, Move};
use crate::domain::agent::built_in_agents;
use crate::domain::message::{Brief, Upstream};
use crate::domain::tool::Touched;
use crate::domain::{Block, InputFile, Ledger, Message, ModelRequest, RelPath, Role, StepId, ToolCall, ToolSpec};

/// Results are cut here, as the real tools do.
const MOST_BYTES: usize = 24 * 1024;

pub struct Stage {
    pub brief: Brief,
    pub files: BTreeMap<String, String>,
    pub project: BTreeMap<String, String>,
    pub tools: Vec<String>,
    pub turns: u32,
    /// Problems that `check_file` reports for every file.
    pub problems: Vec<String>,
    seen: BTreeSet<String>,
    /// What earlier steps read.
    pub ledger: Ledger,
}

pub struct Played {
    pub files: BTreeMap<String, String>,
    pub closing: String,
    pub turns: u32,
    pub calls: Vec<(String, Value, Result<String, String>)>,
    pub ledger: Ledger,
}

/// The result with the numbers of its sources, as a run tells it.
fn told(ledger: &mut Ledger, call: &ToolCall, content: &str) -> String {
    let path = call.input.get("path").and_then(Value::as_str).and_then(|path| RelPath::new(path).ok());
    let touched: Vec<Touched> = path.map(|path| Touched { path, sha256: "0".into(), bytes: 0, wrote: false }).into_iter().collect();
    let at = chrono::DateTime::parse_from_rfc3339("2026-11-24T14:30:22Z").unwrap();
    let numbers = ledger.take(call, (content, &touched), (&StepId::numbered(3), at));
    ledger.told(content, &numbers)
}

impl Stage {
    pub fn new(agent: &str, goal: &str) -> Self {
        let built_in = built_in_agents().into_iter().find(|known| known.name == agent).unwrap();
        let brief = Brief {
            turns_left: built_in.max_turns - 1,
            ..Brief::new(agent, goal, StepId::numbered(3), RelPath::new(&built_in.output).unwrap())
        };
        Stage {
            brief,
            files: BTreeMap::new(),
            project: BTreeMap::new(),
            tools: built_in.tools,
            turns: built_in.max_turns,
            problems: vec![],
            seen: BTreeSet::new(),
            ledger: Ledger::default(),
        }
    }

    pub fn output(mut self, path: &str) -> Self {
        self.brief.output = RelPath::new(path).unwrap();
        self
    }

    pub fn title(mut self, title: &str) -> Self {
        self.brief.title = title.into();
        self
    }

    pub fn input(mut self, name: &str, text: &str) -> Self {
        let path = RelPath::new(&format!("inputs/{name}")).unwrap();
        self.files.insert(path.as_str().into(), text.into());
        self.brief.inputs.push(InputFile { path, source: name.into(), bytes: text.len() as u64, sha256: String::new() });
        self
    }

    pub fn upstream(mut self, agent: &str, output: &str, text: &str) -> Self {
        let step = StepId::numbered(self.brief.upstream.len() + 1);
        self.files.insert(output.into(), text.into());
        let output = RelPath::new(output).unwrap();
        self.brief.upstream.push(Upstream { step, agent: agent.into(), title: format!("Work of the {agent}"), output });
        self
    }

    pub fn project(mut self, path: &str, text: &str) -> Self {
        self.project.insert(path.into(), text.into());
        self.brief.uses_project = true;
        self
    }

    /// Plays to the end; fails if the specialist runs out of turns, breaks determinism or asks for a tool it does not have.
    pub fn play(mut self, turn: fn(&ModelRequest) -> Move) -> Played {
        let spec = |name: &String| {
            std::sync::Arc::new(ToolSpec { name: name.clone(), description: String::new(), input_schema: json!({}).into() })
        };
        let mut request = ModelRequest {
            model: None,
            system: String::new(),
            tools: self.tools.iter().map(spec).collect(),
            messages: vec![Message::user(&self.brief.goal)],
            max_output_tokens: None,
            schema: None,
            brief: self.brief.clone(),
        };
        let (mut calls, mut ledger) = (Vec::new(), self.ledger.clone());
        for number in 1..=self.turns {
            request.brief.turns_left = self.turns - number;
            let next = turn(&request);
            assert_eq!(next, turn(&request), "the same request gives the same move");
            if let Move::Say(closing) = next {
                return Played { files: self.files, closing, turns: number, calls, ledger };
            }
            let reply = moves::reply(&request, next);
            let mut results = Vec::new();
            for call in reply.tool_calls() {
                assert!(self.tools.contains(&call.name), "the agent has no tool {}", call.name);
                let outcome = self.run(&call.name, &call.input);
                let (content, is_error) = match outcome.clone() {
                    Ok(text) => (text, false),
                    Err(text) => (text, true),
                };
                calls.push((call.name.clone(), call.input.clone(), outcome));
                let content = if is_error { content } else { told(&mut ledger, call, &content) };
                results.push(Block::ToolResult { id: call.id.clone(), content, is_error });
            }
            request.messages.push(Message { role: Role::Assistant, blocks: reply.blocks, raw: None });
            request.messages.push(Message { role: Role::User, blocks: results, raw: None });
        }
        panic!("the specialist did not finish within {} turns", self.turns);
    }

    fn run(&mut self, tool: &str, input: &Value) -> Result<String, String> {
        let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let path = text("path");
        let find = |files: &BTreeMap<String, String>| files.get(&path).cloned().ok_or(format!("`{path}` does not exist"));
        match tool {
            "read_file" => {
                let content = find(&self.files)?;
                self.seen.insert(path);
                Ok(numbered(&content, input))
            }
            "read_project" => Ok(numbered(&find(&self.project)?, input)),
            "list_files" => Ok(self.files.iter().map(|(path, text)| format!("{path}\t{}\n", text.len())).collect()),
            "search_files" => Ok(search(&self.files, &text("query"), |file| file.starts_with(&path))),
            "search_project" => {
                let glob = text("glob");
                let matcher = globset::GlobBuilder::new(if glob.is_empty() { "*" } else { &glob }).build().unwrap().compile_matcher();
                Ok(search(&self.project, &text("query"), |file| matcher.is_match(file.rsplit('/').next().unwrap_or(file))))
            }
            "write_file" => {
                if self.files.contains_key(&path) && !self.seen.contains(&path) {
                    return Err(format!("`{path}` exists and you have not read it; read it first"));
                }
                self.seen.insert(path.clone());
                self.files.insert(path, text("content"));
                Ok("wrote".into())
            }
            "check_file" => {
                find(&self.files)?;
                let problems: Vec<Value> = self.problems.iter().map(|message| json!({ "line": 1, "message": message })).collect();
                Ok(json!({ "ok": problems.is_empty(), "problems": problems }).to_string())
            }
            other => Err(format!("no tool {other}")),
        }
    }
}

fn numbered(text: &str, input: &Value) -> String {
    let number = |key: &str, otherwise: usize| input.get(key).and_then(Value::as_u64).map_or(otherwise, |value| value as usize);
    let (offset, limit) = (number("offset", 1), number("limit", usize::MAX));
    let mut shown = String::new();
    for (index, line) in text.lines().enumerate().skip(offset - 1).take(limit) {
        let line = format!("{}\t{line}\n", index + 1);
        if shown.len() + line.len() > MOST_BYTES {
            shown.push_str(&format!(
                "[lines {offset} to {index} of {}; ask for the rest with offset {}]\n",
                text.lines().count(),
                index + 1
            ));
            break;
        }
        shown.push_str(&line);
    }
    shown
}

fn search(files: &BTreeMap<String, String>, query: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut shown = String::new();
    for (path, text) in files.iter().filter(|(path, _)| wanted(path)) {
        for (index, line) in text.lines().enumerate().filter(|(_, line)| line.to_lowercase().contains(&query.to_lowercase())) {
            if shown.len() < MOST_BYTES {
                shown.push_str(&format!("{path}:{}: {}\n", index + 1, line.trim()));
            }
        }
    }
    if shown.is_empty() { "[no matches]\n".into() } else { shown }
}
