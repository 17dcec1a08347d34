//! Everything an invocation starts from: environment, disk, clock, project and settings. The one place where this face calls `config` and `documents`.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::config::{Settings, TrustedValues};
use crate::domain::policy::ProjectRead;
use crate::domain::{Error, Plan, Result};
use crate::orchestrator::{Builder, Orchestrator};
use crate::sys::{Clock, Disk, Environment, RealDisk, SystemClock};

use super::loaded;
use super::order::Options;
use super::terminal::Terminal;

/// The longest plan.md that is read back after an edit, in bytes.
const MAX_PLAN_BYTES: u64 = 1024 * 1024;

/// What is off in a configuration file, an environment variable or an override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// An error stops what runs goals; a warning is only told.
    pub is_error: bool,
    /// With its place: `config/orchestrator.json:12: agent.max_parallel is not a whole number`.
    pub what: String,
    pub hint: Option<String>,
}

/// A value of the project's own file that is ignored until it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untrusted {
    pub key: String,
    /// The value as JSON.
    pub value: String,
    /// `config/orchestrator.json:12`.
    pub place: String,
}

/// What an invocation starts from.
#[derive(Clone)]
pub struct Setup {
    pub environment: Environment,
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub project: PathBuf,
    pub settings: Settings,
    pub problems: Vec<Problem>,
    pub untrusted: Vec<Untrusted>,
    pub trusted: TrustedValues,
}

impl Setup {
    /// Reads the configuration of the project around the current folder. Wrong settings are reported in `problems`, not here.
    pub fn load(environment: Environment, options: &Options) -> Result<Self> {
        let project_of = environment.current_dir().to_owned();
        Self::load_for(environment, options, &project_of)
    }

    /// The same for the project around `folder`.
    pub fn load_for(environment: Environment, options: &Options, folder: &Path) -> Result<Self> {
        let disk = RealDisk::root().map_err(|error| Error::disk("opening the file system", &error))?;
        let mut options = options.clone();
        options.base_dir = options.base_dir.map(|path| environment.absolute(&path));
        options.config = options.config.map(|path| environment.absolute(&path));
        let project = crate::config::find_project(&*disk, folder);
        let loaded = loaded::load(&environment, &disk, &project, &options);
        let clock = Arc::new(SystemClock);
        Ok(Setup {
            environment,
            disk,
            clock,
            project,
            settings: loaded.settings,
            problems: loaded.problems,
            untrusted: loaded.untrusted,
            trusted: loaded.trusted,
        })
    }

    /// Says once what is off in the configuration.
    pub fn warn(&self, terminal: &Terminal) {
        for problem in self.problems.iter().filter(|problem| !problem.is_error) {
            terminal.warning(&problem.what, problem.hint.as_deref());
        }
        if let Some(first) = self.untrusted.first() {
            let keys: Vec<&str> = self.untrusted.iter().map(|value| value.key.as_str()).collect();
            let what = format!("{}: ignored until the project is trusted: {}", first.place, keys.join(", "));
            terminal.warning(&what, Some("`ai-orchestrator trust` shows the values and asks"));
        }
    }

    /// The same with errors shown as such: for what starts although the configuration is wrong.
    pub fn warn_all(&self, terminal: &Terminal) {
        for problem in self.problems.iter().filter(|problem| problem.is_error) {
            terminal.warning(&problem.what, problem.hint.as_deref());
        }
        self.warn(terminal);
    }

    /// Every error of the configuration, or `Ok` when goals may run.
    pub fn may_run(&self) -> std::result::Result<(), Vec<Error>> {
        let errors: Vec<Error> = self.problems.iter().filter(|problem| problem.is_error).map(Problem::error).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// `--read-project`: as `security.project_read = allow`; a deny stays.
    pub fn allow_project(&mut self) {
        if self.settings.project_read != ProjectRead::Deny {
            self.settings.project_read = ProjectRead::Allow;
        }
    }

    /// A builder that knows everything here.
    pub fn builder(&self) -> Builder {
        Orchestrator::builder()
            .settings(self.settings.clone())
            .environment(self.environment.clone())
            .disk(self.disk.clone())
            .clock(self.clock.clone())
            .trusted(self.trusted.clone())
    }

    /// An orchestrator that asks no model: for lists, answers and reports. Needs no key.
    pub fn reader(&self) -> Result<Orchestrator> {
        let mut settings = self.settings.clone();
        settings.provider = crate::config::settings::ProviderChoice::Offline;
        self.builder().settings(settings).build()
    }

    /// The text of the workspace's plan.md.
    pub fn plan_text(&self, workspace: &Path) -> Result<String> {
        let reading = |error: std::io::Error| Error::place(format!("reading {}: {error}", workspace.join("plan.md").display()));
        let folder = self.disk.open(workspace).map_err(reading)?;
        let bytes = folder.read("plan.md", MAX_PLAN_BYTES).map_err(reading)?;
        String::from_utf8(bytes).map_err(|_| Error::place("plan.md is not UTF-8 text").hint("save it as UTF-8"))
    }

    /// The workspace's plan as it stands in plan.md, if it can be read.
    pub fn plan_of(&self, workspace: &Path) -> Option<Plan> {
        loaded::parse_plan(&self.plan_text(workspace).ok()?)
    }

    /// Records that the values in question are trusted.
    pub fn record_trust(&self) -> Result<()> {
        loaded::record_trust(self)
    }
}

impl Problem {
    fn error(&self) -> Error {
        let error = Error::configuration(self.what.clone());
        match &self.hint {
            Some(hint) => error.hint(hint.clone()),
            None => error,
        }
    }
}

/// Says what is wrong with custom agents.
pub fn warn_of_agents(orchestrator: &Orchestrator, terminal: &Terminal) {
    for problem in orchestrator.agent_problems() {
        terminal.warning(&format!("{}:{}: {}", problem.file.display(), problem.line, problem.message), None);
    }
}

/// The JSON Schema of the configuration file.
pub fn config_schema() -> Value {
    crate::config::schema()
}
