//! A model that follows a script and counts what it is sent, and an orchestrator around it on a disk that can fail.
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ai_orchestrator::config::Settings;
use ai_orchestrator::domain::{Block, CallFailure, Goal, ModelRequest, Reply, Role, StopReason, ToolCall, Usage};
use ai_orchestrator::llm::Provider;
use ai_orchestrator::orchestrator::{Builder, Orchestrator, StartOptions, WhenBlocked};
use ai_orchestrator::sys::disk_faulty::{DiskControl, FaultyDisk};
use ai_orchestrator::sys::{Disk, Environment, FixedClock, RealDisk};
use serde_json::Value;

/// What one call costs in US dollars, a number without rounding in binary.
pub const PRICE: f64 = 0.007_812_5;

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    pub step: String,
    /// 1 for the first call of the step.
    pub turn: usize,
    /// Changes that the disk had recorded by then.
    pub at_change: usize,
}

type Script = dyn Fn(&ModelRequest, usize) -> Reply + Send + Sync;

/// The model.
pub struct Scripted {
    script: Box<Script>,
    control: Option<Arc<DiskControl>>,
    sent: Mutex<Vec<Sent>>,
}

impl Scripted {
    /// `script` gets the request and the number of the call in its step.
    pub fn new(script: impl Fn(&ModelRequest, usize) -> Reply + Send + Sync + 'static) -> Scripted {
        Scripted { script: Box::new(script), control: None, sent: Mutex::default() }
    }

    /// Every request so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn default_model(&self) -> Option<String> {
        Some("script-1".into())
    }

    async fn complete(&self, request: &ModelRequest) -> Result<Reply, CallFailure> {
        let turn = 1 + request.messages.iter().filter(|message| message.role == Role::Assistant).count();
        let at_change = self.control.as_ref().map_or(0, |control| control.recorded());
        self.sent.lock().unwrap().push(Sent { step: request.brief.step.to_string(), turn, at_change });
        Ok((self.script)(request, turn))
    }
}

/// A reply that says something and asks for nothing.
pub fn says(text: &str) -> Reply {
    reply(vec![Block::Text { text: text.into() }], StopReason::EndTurn)
}

/// A reply that asks for these tools: name and input.
pub fn calls(tools: Vec<(&str, Value)>) -> Reply {
    let call = |(index, (name, input)): (usize, (&str, Value))| {
        Block::ToolCall(ToolCall { id: format!("call-{index}"), name: name.into(), input })
    };
    reply(tools.into_iter().enumerate().map(call).collect(), StopReason::ToolUse)
}

fn reply(blocks: Vec<Block>, stop: StopReason) -> Reply {
    let usage = Usage { input_tokens: 100, output_tokens: 10, ..Usage::default() };
    Reply { blocks, stop, usage, cost_usd: Some(PRICE), request_id: None, raw: None }
}

/// The results of the tools in the last message.
pub fn results(request: &ModelRequest) -> Vec<(String, bool)> {
    let last = request.messages.last().map(|message| message.blocks.as_slice()).unwrap_or_default();
    let result = |block: &Block| match block {
        Block::ToolResult { content, is_error, .. } => Some((content.clone(), *is_error)),
        _ => None,
    };
    last.iter().filter_map(result).collect()
}

/// A scratch machine in memory where there is one, so that thousands of syncs cost nothing.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Orchestrators that share one folder, one disk and one model.
pub struct Rig {
    pub folder: tempfile::TempDir,
    pub root: Arc<dyn Disk>,
    pub control: Arc<DiskControl>,
    pub model: Arc<Scripted>,
    pub settings: Settings,
    pub interactive: bool,
    pub when_blocked: WhenBlocked,
    pub clock: Arc<FixedClock>,
}

impl Rig {
    pub fn new(model: Scripted) -> Rig {
        let (root, control) = FaultyDisk::over(RealDisk::root().unwrap());
        let folder = scratch();
        std::fs::create_dir_all(folder.path().join("project/.git")).unwrap();
        let mut settings = Settings::defaults(folder.path().join("project"));
        settings.base_dir = folder.path().join("workspaces");
        let model = Arc::new(Scripted { control: Some(Arc::clone(&control)), ..model });
        let clock = Arc::new(FixedClock::at("2026-11-22T14:30:22+01:00"));
        Rig { folder, root, control, model, settings, interactive: false, when_blocked: WhenBlocked::Wait, clock }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn project(&self) -> PathBuf {
        self.path().join("project")
    }

    pub fn builder(&self) -> Builder {
        let variables = [("HOME", "home"), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")];
        let variables = variables.map(|(name, folder)| (name.to_owned(), self.path().join(folder).to_string_lossy().into_owned()));
        Orchestrator::builder()
            .settings(self.settings.clone())
            .environment(Environment::new(variables, self.project()))
            .clock(self.clock.clone())
            .disk(Arc::clone(&self.root))
            .provider(self.model.clone())
            .interactive(self.interactive)
            .when_blocked(self.when_blocked)
    }

    pub fn orchestrator(&self) -> Orchestrator {
        self.builder().build().unwrap()
    }
}

pub fn goal(text: &str) -> Goal {
    Goal::new(text).unwrap()
}

pub fn with_plan(plan: &str) -> StartOptions {
    StartOptions { plan: Some(plan.to_owned()), provider: None }
}

/// Every file that agents wrote, by its path in the workspace.
pub fn artifacts(workspace: &Path) -> std::collections::BTreeMap<String, String> {
    let mut found = std::collections::BTreeMap::new();
    let mut open = vec![workspace.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(workspace).unwrap().to_string_lossy().into_owned();
            let ours = ["plan.md", "approvals.md", "context-main.md", "workflow-", "workspace-info", "execution-summary", "agent_outputs"];
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if hidden || ours.iter().any(|own| name.starts_with(own)) || name.starts_with("inputs") {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else {
                found.insert(name, String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned());
            }
        }
    }
    found
}
