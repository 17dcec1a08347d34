//! The library in a few lines: a goal in, a workspace out. Runs offline, without a key: `cargo run --example quick_start`.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "an example prints, and makes its own scratch folder")]
use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::orchestrator::Orchestrator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let project = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let settings = Settings { provider: ProviderChoice::Offline, ..Settings::defaults(project) };
    // `interactive(false)`: the plan is accepted, whatever else would ask is denied.
    let orchestrator = Orchestrator::builder().settings(settings).interactive(false).build()?;
    let result = orchestrator.execute_goal("Analyse examples/sales.csv and write a report with charts").await?;
    println!("completed {} of {} steps", result.summary.completed, result.summary.steps);
    println!("workspace: {}", result.workspace.display());
    println!("success rate: {:.0} %", result.summary.success_rate * 100.0);
    Ok(())
}
