//! One agent, one step, an output file and instructions of your own: `cargo run --example spawn_agent`.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "an example prints, and makes its own scratch folder")]
use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::orchestrator::Orchestrator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let project = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let settings = Settings { provider: ProviderChoice::Offline, ..Settings::defaults(project) };
    let orchestrator = Orchestrator::builder().settings(settings).interactive(false).build()?;
    let result = orchestrator
        .spawn_agent(
            "researcher",
            "What does docs/architecture.md say about the journal?",
            Some("journal_notes.md"),
            Some("Quote the passages with their lines."),
        )
        .await?;
    for step in &result.results {
        println!("{} {}: {}", step.step, step.agent, step.status.as_str());
    }
    println!("{}", result.workspace.join("journal_notes.md").display());
    Ok(())
}
