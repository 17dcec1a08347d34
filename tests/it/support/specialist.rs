//! Plays one offline specialist against the real tools in a workspace of its own, until it has said its last word.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ai_orchestrator::domain::agent::built_in_agents;
use ai_orchestrator::domain::hash::sha256;
use ai_orchestrator::domain::message::{Brief, Upstream};
use ai_orchestrator::domain::{Block, InputFile, Message, ModelRequest, NoBuffers, RelPath, Role, StepId, ToolCall, ToolOutcome};
use ai_orchestrator::llm::offline::{Move, moves};
use ai_orchestrator::sys::disk::RealDisk;
use ai_orchestrator::tools::{Tool, ToolContext, built_in};
use ai_orchestrator::workspace::jail::Jail;

/// What agents may write in these tests.
pub const EXTENSIONS: &str = ".md .txt .json .csv .py .js .html .css .yaml .yml .svg .toml .xml .sql .rs .ts .tsx .jsx";

/// A workspace, a project and a brief, before the specialist starts.
pub struct Scene {
    pub brief: Brief,
    workspace: tempfile::TempDir,
    own_project: tempfile::TempDir,
    project: PathBuf,
    denied: Vec<String>,
    max_turns: u32,
}

/// What a specialist left behind.
pub struct Played {
    pub closing: String,
    /// Model calls it took, the closing one included.
    pub turns: u32,
    /// Every tool call with its outcome, in order.
    pub calls: Vec<(String, serde_json::Value, ToolOutcome)>,
    workspace: tempfile::TempDir,
    _own_project: tempfile::TempDir,
}

impl Scene {
    /// A step of a built-in agent with its usual output.
    pub fn new(agent: &str, goal: &str) -> Self {
        let built_in = built_in_agents().into_iter().find(|known| known.name == agent).expect("a built-in agent");
        let own_project = tempfile::tempdir().unwrap();
        let brief = Brief {
            turns_left: built_in.max_turns - 1,
            ..Brief::new(agent, goal, StepId::numbered(1), RelPath::new(&built_in.output).unwrap())
        };
        let project = own_project.path().to_owned();
        Scene { brief, workspace: tempfile::tempdir().unwrap(), own_project, project, denied: Vec::new(), max_turns: built_in.max_turns }
    }

    /// Puts a file into the workspace; one below `inputs/` is attached.
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        put(self.workspace.path(), path, content);
        if let Some(source) = path.strip_prefix("inputs/") {
            let path = RelPath::new(path).unwrap();
            self.brief.inputs.push(InputFile { path, source: source.to_owned(), bytes: content.len() as u64, sha256: sha256(content) });
        }
        self
    }

    /// Puts a file into the project and lets the step read the project.
    pub fn project_file(mut self, path: &str, content: &str) -> Self {
        put(self.own_project.path(), path, content.as_bytes());
        self.brief.uses_project = true;
        self
    }

    /// Uses a real folder as the project.
    pub fn project_at(mut self, folder: &Path) -> Self {
        self.project = folder.to_owned();
        self.brief.uses_project = true;
        self
    }

    /// An earlier step that left `content` in `output` (nothing when it is `None`).
    pub fn upstream(mut self, agent: &str, output: &str, content: Option<&str>) -> Self {
        let step = StepId::numbered(self.brief.upstream.len() + 1);
        self.brief.step = StepId::numbered(self.brief.upstream.len() + 2);
        let output = RelPath::new(output).unwrap();
        if let Some(content) = content {
            put(self.workspace.path(), output.as_str(), content.as_bytes());
        }
        self.brief.upstream.push(Upstream { step, agent: agent.to_owned(), title: format!("Work of the {agent}"), output });
        self
    }

    /// Files that other steps of the plan will write.
    pub fn planned(mut self, files: &[&str]) -> Self {
        self.brief.planned_files.extend(files.iter().map(|file| RelPath::new(file).unwrap()));
        self
    }

    /// Any other change of the brief.
    pub fn brief(mut self, edit: impl FnOnce(&mut Brief)) -> Self {
        edit(&mut self.brief);
        self
    }

    /// Calls of this tool are refused, as a person would.
    pub fn deny(mut self, tool: &str) -> Self {
        self.denied.push(tool.to_owned());
        self
    }

    /// Plays until the specialist speaks; fails when it runs out of turns or calls a tool it does not have.
    pub fn play(self, turn: fn(&ModelRequest) -> Move) -> Played {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.play_async(turn))
    }

    async fn play_async(self, turn: fn(&ModelRequest) -> Move) -> Played {
        let agent = built_in_agents().into_iter().find(|known| known.name == self.brief.agent).unwrap();
        let tools: Vec<Arc<dyn Tool>> = built_in().into_iter().filter(|tool| agent.tools.contains(&tool.spec().name)).collect();
        let mut context = self.context();
        let specs = tools.iter().map(|tool| tool.spec().into()).collect();
        let messages = vec![Message::user(&self.brief.goal)];
        let mut request = ModelRequest {
            model: None,
            system: String::new(),
            tools: specs,
            messages,
            max_output_tokens: None,
            schema: None,
            brief: self.brief.clone(),
        };
        let mut calls = Vec::new();
        for turns in 1..=self.max_turns {
            request.brief.turns_left = self.max_turns - turns;
            let next = turn(&request);
            assert_eq!(next, turn(&request), "the same request must give the same move");
            let reply = moves::reply(&request, next.clone());
            if let Move::Say(closing) = next {
                return Played { closing, turns, calls, workspace: self.workspace, _own_project: self.own_project };
            }
            request.messages.push(Message { role: Role::Assistant, blocks: reply.blocks.clone(), raw: None });
            let mut results = Vec::new();
            for call in reply.tool_calls() {
                let tool = tools.iter().find(|tool| tool.spec().name == call.name);
                let tool = tool.unwrap_or_else(|| panic!("{} has no tool `{}`", agent.name, call.name));
                let outcome = match self.denied.contains(&call.name) {
                    true => ToolOutcome::refused("the user did not allow this"),
                    false => tool.run(call.input.clone(), &context).await,
                };
                let known = Arc::make_mut(&mut context.known);
                known.extend(outcome.touched.iter().map(|touched| (touched.path.clone(), touched.sha256.clone())));
                let content = if outcome.ok { told(&mut context, call, &outcome) } else { outcome.content.clone() };
                results.push(Block::ToolResult { id: call.id.clone(), content, is_error: !outcome.ok });
                calls.push((call.name.clone(), call.input.clone(), outcome));
            }
            request.messages.push(Message { role: Role::User, blocks: results, raw: None });
        }
        panic!("{} did not finish within {} turns; calls: {calls:#?}", agent.name, self.max_turns);
    }

    fn context(&self) -> ToolContext {
        let disk = RealDisk::root().unwrap();
        let folder = disk.open(self.workspace.path()).unwrap();
        let extensions = EXTENSIONS.split(' ').map(str::to_owned).collect();
        ToolContext {
            workspace: Arc::new(Jail::new(folder, extensions)),
            project: self.project.clone(),
            base_dir: self.project.join("workspaces"),
            buffers: Arc::new(NoBuffers),
            disk,
            known: Arc::new(BTreeMap::new()),
            rerun: false,
            inputs: Arc::new(self.brief.inputs.clone()),
            evidence: Default::default(),
            cancelled: Arc::default(),
        }
    }
}

/// The result with the numbers of its sources, as a run tells it.
fn told(context: &mut ToolContext, call: &ToolCall, outcome: &ToolOutcome) -> String {
    let at = chrono::DateTime::parse_from_rfc3339("2026-11-24T14:30:22Z").unwrap();
    let ledger = Arc::make_mut(&mut context.evidence.ledger);
    let numbers = ledger.take(call, (&outcome.content, &outcome.touched), (&StepId::numbered(1), at));
    ledger.told(&outcome.content, &numbers)
}

impl Played {
    /// The text of an artifact; fails when it is missing.
    pub fn artifact(&self, path: &str) -> String {
        std::fs::read_to_string(self.workspace.path().join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}; calls: {:#?}", self.calls))
    }

    /// The results of every call of one tool that went well.
    pub fn results(&self, tool: &str) -> Vec<&str> {
        self.calls.iter().filter(|(name, _, outcome)| name == tool && outcome.ok).map(|(_, _, outcome)| outcome.content.as_str()).collect()
    }
}

fn put(folder: &Path, path: &str, content: &[u8]) {
    let target = folder.join(path);
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    std::fs::write(target, content).unwrap();
}
