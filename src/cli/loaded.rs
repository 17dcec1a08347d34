//! What `config` and `documents` tell, in this face's words. A stand-in until both are joined at the merge: reads no file yet.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::Settings;
use crate::domain::plan::PlanRules;
use crate::domain::{Error, Plan, Result};
use crate::sys::{Disk, Environment};

use super::order::Options;
use super::setup::{Problem, Setup, Untrusted};

/// The settings in force and what there is to say about them.
pub struct Loaded {
    pub settings: Settings,
    pub problems: Vec<Problem>,
    pub untrusted: Vec<Untrusted>,
    pub project_trusted: bool,
}

/// The project around a folder.
pub fn find_project(disk: &dyn Disk, folder: &Path) -> PathBuf {
    let marked = |folder: &&Path| {
        disk.open(folder)
            .is_ok_and(|open| ["config/orchestrator.json", "orchestrator.json", ".git"].iter().any(|name| open.metadata(name).is_ok()))
    };
    folder.ancestors().find(marked).unwrap_or(folder).to_owned()
}

/// The settings of a project.
pub fn load(_environment: &Environment, _disk: &Arc<dyn Disk>, project: &Path, options: &Options) -> Loaded {
    let mut settings = Settings::defaults(project);
    for (key, value) in options.layer() {
        match key.as_str() {
            "workspace.base_dir" => settings.base_dir = PathBuf::from(value.as_str().unwrap_or_default()),
            "budget.per_run_usd" => settings.per_run_usd = value.as_f64(),
            _ => {}
        }
    }
    Loaded { settings, problems: Vec::new(), untrusted: Vec::new(), project_trusted: false }
}

/// The JSON Schema of the configuration file.
pub fn schema() -> Value {
    json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"})
}

/// The plan in a text, if it can be read.
pub fn parse_plan(_text: &str) -> Option<Plan> {
    None
}

/// What keeps an edited plan.md from starting: `line 7: unknown agent …`.
pub fn plan_problems(_text: &str, _rules: &PlanRules) -> Vec<String> {
    Vec::new()
}

/// Trusts the values in question.
pub fn record_trust(_setup: &Setup) -> Result<()> {
    Err(Error::not_available("trust"))
}
