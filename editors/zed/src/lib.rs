//! Tells Zed how the language server is started: as the settings say, else from the `PATH`. Downloads nothing.
use zed_extension_api::settings::LspSettings;
use zed_extension_api::{self as zed, Command, LanguageServerId, Result, Worktree};

struct AiOrchestrator;

impl zed::Extension for AiOrchestrator {
    fn new() -> Self {
        AiOrchestrator
    }

    fn language_server_command(&mut self, id: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let binary = LspSettings::for_worktree(id.as_ref(), worktree).ok().and_then(|settings| settings.binary);
        let arguments = binary.as_ref().and_then(|binary| binary.arguments.clone());
        let command = binary.and_then(|binary| binary.path).or_else(|| worktree.which("ai-orchestrator"));
        let command = command.ok_or("ai-orchestrator is not on the PATH, and lsp.ai-orchestrator.binary.path is not set")?;
        Ok(Command { command, args: arguments.unwrap_or_else(|| vec!["lsp".into()]), env: worktree.shell_env() })
    }
}

zed::register_extension!(AiOrchestrator);
