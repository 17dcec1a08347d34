//! What is wrong with a configuration, where it stands and how grave it is. Decides nothing about what happens then.
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::domain::Error;

const COMMAND_LINE: &str = "command line";

/// How grave a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A value that is not used because its file is not trusted.
    Ignored,
    /// Something that has no effect, or not the one meant.
    Warning,
    /// What runs goals does not start.
    Error,
}

/// The layers in which an option can be set; later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    Default,
    User,
    Project,
    Environment,
    Editor,
    CommandLine,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub layer: Layer,
    pub file: Option<PathBuf>,
    /// From 1.
    pub line: Option<u32>,
    /// Bytes in the file.
    pub span: Option<Range<usize>>,
    pub variable: Option<String>,
    /// The place in words: `config/orchestrator.json:7`, `ORCHESTRATOR_AGENT__MAX_PARALLEL`, `editor setting aiOrchestrator.agent.maxParallel`.
    pub place: String,
}

impl Origin {
    /// A layer as a whole.
    pub fn of(layer: Layer) -> Self {
        let place = match layer {
            Layer::Default => "built-in default",
            Layer::User => "user file",
            Layer::Project => "project file",
            Layer::Environment => "environment",
            Layer::Editor => "editor settings",
            Layer::CommandLine => COMMAND_LINE,
        };
        Origin { layer, file: None, line: None, span: None, variable: None, place: place.into() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

/// Where each option's value comes from, by key.
pub type Origins = BTreeMap<String, Origin>;

/// One thing that is wrong. Its text never carries a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    pub level: Level,
    pub key: Option<String>,
    /// What is wrong, without the place.
    pub message: String,
    pub hint: Option<String>,
    /// Absolute.
    pub file: Option<PathBuf>,
    /// Bytes in the file.
    pub span: Option<Range<usize>>,
    /// From 1.
    pub line: Option<u32>,
    pub variable: Option<String>,
    /// The place in words, as in [`Origin`].
    pub place: String,
}

impl ConfigProblem {
    /// A problem at a place.
    pub fn new(level: Level, origin: &Origin, key: Option<&str>, message: impl Into<String>) -> Self {
        ConfigProblem {
            level,
            key: key.map(str::to_owned),
            message: message.into(),
            hint: None,
            file: origin.file.clone(),
            span: origin.span.clone(),
            line: origin.line,
            variable: origin.variable.clone(),
            place: origin.place.clone(),
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// The same as an error for the command line: `config/orchestrator.json:7: agent.max_parallel: expected …`.
    pub fn to_error(&self) -> Error {
        let mut error = Error::configuration(self.to_string());
        error.hint = self.hint.clone();
        error
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            // A variable and an editor setting name their key already.
            Some(key) if self.file.is_some() || self.place == COMMAND_LINE => write!(f, "{}: {key}: {}", self.place, self.message),
            _ => write!(f, "{}: {}", self.place, self.message),
        }
    }
}

/// A path as it is shown: relative to the project where it lies in it.
pub fn shown_path(file: &Path, project: &Path) -> String {
    let inside = file.strip_prefix(project).ok().filter(|rest| !rest.as_os_str().is_empty());
    inside.unwrap_or(file).display().to_string().replace('\\', "/")
}
