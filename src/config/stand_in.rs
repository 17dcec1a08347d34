//! Stand-in for `Settings::defaults`, which the configuration branch brings: this file goes at the merge.
use std::path::PathBuf;

use serde_json::json;

use super::Settings;
use super::settings::{InlineStatus, OpenArtifacts, PromptStyle, ProviderChoice};
use crate::domain::policy::{ApprovalMode, ProjectRead};

impl Settings {
    /// The built-in defaults.
    pub fn defaults(project: impl Into<PathBuf>) -> Self {
        let project = project.into();
        let extensions =
            ".md .txt .json .csv .py .js .html .css .yaml .yml .svg .toml .xml .sql .rs .ts .tsx .jsx .go .java .c .h .cpp .rb";
        Settings {
            base_dir: project.join("workspaces"),
            project,
            max_workspace_age_days: 30,
            auto_cleanup: false,
            default_max_turns: 6,
            max_turns: Default::default(),
            default_timeout: 300,
            cost_tracking: true,
            enable_logging: true,
            max_parallel: 4,
            agent_directory: ".orchestrator/agents".into(),
            provider: ProviderChoice::Auto,
            model: None,
            base_url: None,
            max_output_tokens: None,
            api_key_command: None,
            model_per_agent: Default::default(),
            prices: json!({}),
            max_steps: 12,
            per_run_usd: Some(1.0),
            per_run_tokens: None,
            per_day_usd: Some(10.0),
            approvals: ApprovalMode::Plan,
            rules: Vec::new(),
            approvals_timeout_minutes: 0,
            allow_external_apis: true,
            restrict_file_access: true,
            project_read: ProjectRead::Ask,
            allowed_file_extensions: extensions.split(' ').map(str::to_owned).collect(),
            sandbox_mode: false,
            allowed_hosts: Vec::new(),
            search_provider: "auto".into(),
            search_url: None,
            search_key_command: None,
            mcp_servers: json!({}),
            goal_markers: vec!["goal:".into(), "TODO(goal)".into(), "@goal".into()],
            inline_status: InlineStatus::Auto,
            open_artifacts: OpenArtifacts::Beside,
            prompt: PromptStyle::Auto,
        }
    }
}
