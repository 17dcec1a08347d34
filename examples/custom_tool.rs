//! A tool of your own, used by an agent of your own: `cargo run --example custom_tool`.
//!
//! The agent is a Markdown file in the user's configuration folder; here it is written to a scratch folder that plays that part.
//! Without a language model nobody would think of calling a new tool, so a small scripted provider plays the model.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "an example prints, and makes its own scratch folder")]
use std::sync::Arc;

use ai_orchestrator::config::Settings;
use ai_orchestrator::domain::{Block, CallFailure, ModelRequest, Reply, StopReason, ToolCall, ToolOutcome, ToolSpec, Usage};
use ai_orchestrator::llm::Provider;
use ai_orchestrator::orchestrator::Orchestrator;
use ai_orchestrator::sys::Environment;
use ai_orchestrator::tools::{Tool, ToolContext};
use async_trait::async_trait;
use serde_json::{Value, json};

/// Counts the words of a text.
struct CountWords;

#[async_trait]
impl Tool for CountWords {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "count_words".into(),
            description: "Counts the words of a text.".into(),
            input_schema: json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}).into(),
        }
    }

    async fn run(&self, input: Value, _context: &ToolContext) -> ToolOutcome {
        match input.get("text").and_then(Value::as_str) {
            Some(text) => ToolOutcome::ok(text.split_whitespace().count().to_string(), "counted"),
            None => ToolOutcome::refused("`text` is missing; give the text to count"),
        }
    }
}

/// Plays a model: calls the tool once, then says what it learned.
struct Scripted;

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn default_model(&self) -> Option<String> {
        None
    }

    async fn complete(&self, request: &ModelRequest) -> Result<Reply, CallFailure> {
        let results = request.tool_results();
        let (block, stop) = match results.last() {
            None => {
                let call = ToolCall { id: "call-1".into(), name: "count_words".into(), input: json!({"text": request.brief.goal}) };
                (Block::ToolCall(call), StopReason::ToolUse)
            }
            Some((_, content, _)) => (Block::Text { text: format!("# Words\n\nThe goal has {content} words.\n") }, StopReason::EndTurn),
        };
        Ok(Reply { blocks: vec![block], stop, usage: Usage::default(), cost_usd: Some(0.0), request_id: None, raw: None })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = std::env::temp_dir().join(format!("ai-orchestrator-custom-tool-{}", std::process::id()));
    let agents = scratch.join("config/ai-orchestrator/agents");
    std::fs::create_dir_all(&agents)?;
    let agent = "---\nname: counter\ndescription: Counts words\ntools: count_words, write_file\nmax_turns: 3\noutput: words.md\n---\nCount the words of the goal.\n";
    std::fs::write(agents.join("counter.md"), agent)?;
    let home = |name: &str, folder: &str| (name.to_owned(), scratch.join(folder).to_string_lossy().into_owned());
    let environment = Environment::new([home("XDG_CONFIG_HOME", "config"), home("XDG_STATE_HOME", "state")], &scratch);
    let orchestrator = Orchestrator::builder()
        .settings(Settings::defaults(&scratch))
        .environment(environment)
        .provider(Arc::new(Scripted))
        .tool(Arc::new(CountWords))
        .interactive(false)
        .build()?;
    let result = orchestrator.spawn_agent("counter", "Count how many words this goal has", None, None).await?;
    print!("{}", std::fs::read_to_string(result.workspace.join("words.md"))?);
    std::fs::remove_dir_all(&scratch)?;
    Ok(())
}
