//! What the command line asks for, as plain values. Knows no argument parser and starts nothing.
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::domain::Error;

/// A command line that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub invocation: Invocation,
    pub options: Options,
}

/// Why nothing is started.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// `--help` or `--version`: a text for standard output, exit 0.
    Text(String),
    /// Bad usage.
    Error(Error),
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Invocation {
    Run(Order),
    List {
        limit: usize,
    },
    Cleanup {
        days: u64,
        dry_run: bool,
    },
    Lsp,
    Mcp,
    Acp,
    Doctor,
    Agents,
    Schema(Format),
    Approve {
        workspace: PathBuf,
        id: String,
        note: Option<String>,
        always: bool,
    },
    Reject {
        workspace: PathBuf,
        id: String,
        note: Option<String>,
    },
    Trust {
        project: Option<PathBuf>,
        yes: bool,
    },
    EditorConfig {
        editor: String,
    },
    /// A text made from the table of arguments: a completion script, the manual page.
    Print(String),
}

/// A format that has a JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Config,
    Plan,
    State,
    Info,
    History,
    Event,
}

impl Format {
    /// The names in the order of the enum.
    pub const NAMES: [&'static str; 6] = ["config", "plan", "state", "info", "history", "event"];

    /// The format of that name; the parser lets only [`Format::NAMES`] through.
    pub fn named(name: &str) -> Self {
        match name {
            "config" => Format::Config,
            "plan" => Format::Plan,
            "state" => Format::State,
            "info" => Format::Info,
            "history" => Format::History,
            _ => Format::Event,
        }
    }
}

/// What to work on.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    Goal(String),
    Agent { name: String, task: String, output: Option<String>, instructions: Option<String> },
    Resume(PathBuf),
}

/// A run to be started or gone on with.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub work: Work,
    pub attach: Vec<PathBuf>,
    pub non_interactive: bool,
    pub plan_only: bool,
    pub read_project: bool,
    pub record: Option<PathBuf>,
    pub replay: Option<PathBuf>,
}

/// What overrides the settings or changes the output, with any invocation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    pub provider: Option<String>,
    pub model: Option<String>,
    pub base_url: Option<String>,
    /// US dollars.
    pub budget: Option<f64>,
    pub max_parallel: Option<usize>,
    /// As given; relative to the current folder.
    pub base_dir: Option<PathBuf>,
    pub config: Option<PathBuf>,
    pub json: bool,
    pub verbose: bool,
}

impl Options {
    /// The command line's layer of the configuration: keys of the option table with their values. `base_dir` must be made absolute before.
    pub fn layer(&self) -> Vec<(String, Value)> {
        let texts = [("model.provider", &self.provider), ("model.name", &self.model), ("model.base_url", &self.base_url)];
        let mut layer: Vec<(String, Value)> =
            texts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?)))).collect();
        if let Some(budget) = self.budget {
            layer.push(("budget.per_run_usd".into(), json!(budget)));
        }
        if let Some(count) = self.max_parallel {
            layer.push(("agent.max_parallel".into(), json!(count)));
        }
        if let Some(folder) = &self.base_dir {
            layer.push(("workspace.base_dir".into(), json!(folder.to_string_lossy())));
        }
        layer
    }
}
