//! The resolved settings: every value known, checked and of its final type.
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::domain::policy::{ApprovalMode, ProjectRead, Rule};

/// Which provider to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProviderChoice {
    #[default]
    Auto,
    Anthropic,
    OpenAi,
    Offline,
}

/// When artifacts are opened in the editor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OpenArtifacts {
    #[default]
    Beside,
    Active,
    Never,
}

/// How a run's status is shown in documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InlineStatus {
    #[default]
    Auto,
    Lens,
    Diagnostic,
    Off,
}

/// How approvals are pointed at in the editor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PromptStyle {
    #[default]
    Auto,
    Buttons,
    Message,
    Off,
}

/// Every option of the contract's section 3, resolved.
#[derive(Debug, Clone)]
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
