//! The resolved settings: every value known, checked and of its final type.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::policy::{ApprovalMode, ProjectRead, Rule};
use crate::sys::Environment;

use super::overrides::Values;

/// Which provider to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderChoice {
    #[default]
    Auto,
    Anthropic,
    OpenAi,
    Offline,
}

impl ProviderChoice {
    /// Every choice, as `model.provider` spells it.
    pub const NAMES: [(&str, ProviderChoice); 4] = [
        ("auto", ProviderChoice::Auto),
        ("anthropic", ProviderChoice::Anthropic),
        ("openai", ProviderChoice::OpenAi),
        ("offline", ProviderChoice::Offline),
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, choice)| *choice)
    }

    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, choice)| *choice == self).map_or("auto", |(name, _)| name)
    }
}

/// When artifacts are opened in the editor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenArtifacts {
    #[default]
    Beside,
    Active,
    Never,
}

/// How a run's status is shown in documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InlineStatus {
    #[default]
    Auto,
    Lens,
    Diagnostic,
    Off,
}

/// How approvals are pointed at in the editor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptStyle {
    #[default]
    Auto,
    Buttons,
    Message,
    Off,
}

/// Every option of the contract's section 3, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The project's folder, absolute.
    pub project: PathBuf,
    /// `workspace.base_dir`, absolute.
    pub base_dir: PathBuf,
    pub max_workspace_age_days: u64,
    pub auto_cleanup: bool,
    pub default_max_turns: u32,
    pub max_turns: BTreeMap<String, u32>,
    /// Seconds without progress of one model call or tool.
    pub default_timeout: u64,
    pub cost_tracking: bool,
    pub enable_logging: bool,
    pub max_parallel: usize,
    /// As written, relative to the project and to the user's configuration folder.
    pub agent_directory: String,
    pub provider: ProviderChoice,
    pub model: Option<String>,
    pub base_url: Option<String>,
    pub max_output_tokens: Option<u32>,
    pub api_key_command: Option<String>,
    pub model_per_agent: BTreeMap<String, String>,
    pub prices: Value,
    pub max_steps: usize,
    pub per_run_usd: Option<f64>,
    pub per_run_tokens: Option<u64>,
    pub per_day_usd: Option<f64>,
    pub approvals: ApprovalMode,
    pub rules: Vec<Rule>,
    pub approvals_timeout_minutes: u64,
    pub allow_external_apis: bool,
    pub restrict_file_access: bool,
    pub project_read: ProjectRead,
    /// With the dot, lower case.
    pub allowed_file_extensions: Vec<String>,
    pub sandbox_mode: bool,
    pub allowed_hosts: Vec<String>,
    pub search_provider: String,
    pub search_url: Option<String>,
    pub search_key_command: Option<String>,
    pub mcp_servers: Value,
    pub goal_markers: Vec<String>,
    pub inline_status: InlineStatus,
    pub open_artifacts: OpenArtifacts,
    pub prompt: PromptStyle,
}

impl Settings {
    /// The built-in defaults for a project (absolute path), as if no file, variable or flag said anything.
    pub fn defaults(project: impl Into<PathBuf>) -> Self {
        Settings::resolve(&Values::default(), &project.into(), &Environment::default())
    }

    /// Gives every value its final type. The values are checked already; one that is not becomes the type's own default.
    pub fn resolve(values: &Values, project: &Path, environment: &Environment) -> Self {
        let of = |key: &str| values.get(key);
        Settings {
            project: project.to_owned(),
            base_dir: absolute(&typed::<String>(of("workspace.base_dir")), project, environment),
            max_workspace_age_days: typed(of("workspace.max_workspace_age_days")),
            auto_cleanup: typed(of("workspace.auto_cleanup")),
            default_max_turns: typed(of("agent.default_max_turns")),
            max_turns: typed(of("agent.max_turns")),
            default_timeout: typed(of("agent.default_timeout")),
            cost_tracking: typed(of("agent.cost_tracking")),
            enable_logging: typed(of("agent.enable_logging")),
            max_parallel: typed(of("agent.max_parallel")),
            agent_directory: typed(of("agent.directory")),
            provider: typed(of("model.provider")),
            model: typed(of("model.name")),
            base_url: typed(of("model.base_url")),
            max_output_tokens: typed(of("model.max_output_tokens")),
            api_key_command: typed(of("model.api_key_command")),
            model_per_agent: typed(of("model.per_agent")),
            prices: of("model.prices").clone(),
            max_steps: typed(of("planner.max_steps")),
            per_run_usd: typed(of("budget.per_run_usd")),
            per_run_tokens: typed(of("budget.per_run_tokens")),
            per_day_usd: typed(of("budget.per_day_usd")),
            approvals: typed(of("approvals.mode")),
            rules: typed(of("approvals.rules")),
            approvals_timeout_minutes: typed(of("approvals.timeout_minutes")),
            allow_external_apis: typed(of("security.allow_external_apis")),
            restrict_file_access: typed(of("security.restrict_file_access")),
            project_read: typed(of("security.project_read")),
            allowed_file_extensions: typed(of("security.allowed_file_extensions")),
            sandbox_mode: typed(of("security.sandbox_mode")),
            allowed_hosts: typed(of("security.allowed_hosts")),
            search_provider: typed(of("search.provider")),
            search_url: typed(of("search.url")),
            search_key_command: typed(of("search.key_command")),
            mcp_servers: of("mcp.servers").clone(),
            goal_markers: typed(of("goals.markers")),
            inline_status: typed(of("ui.inline_status")),
            open_artifacts: typed(of("ui.open_artifacts")),
            prompt: typed(of("ui.prompt")),
        }
    }
}

fn typed<T: Default + DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_default()
}

/// A path of a setting made absolute: from the project, with `~/` as the home folder.
pub fn absolute(path: &str, project: &Path, environment: &Environment) -> PathBuf {
    let path = Path::new(path);
    let from_project = if path.starts_with("~") { path.to_owned() } else { project.join(path) };
    environment.absolute(&from_project)
}
