//! What a goal leaves on disk: the reference work of the benches stays within the promised size, and its journal still tells every text in full.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::domain::{Event, Goal, RunStatus};
use ai_orchestrator::orchestrator::{Orchestrator, StartOptions};
use ai_orchestrator::sys::{Environment, RealDisk};
use ai_orchestrator::workspace::Workspace;

#[path = "../../benches/support/model.rs"]
mod model;

const PLAN: &str = include_str!("../../benches/plan.md");
const ARTIFACTS: [&str; 5] = ["design.md", "research.md", "analysis.md", "table.md", "check.md"];

fn files(folder: &Path, found: &mut Vec<(PathBuf, u64)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), found),
            false => found.push((entry.path(), entry.metadata().unwrap().len())),
        }
    }
}

/// The workspace of the reference work, done once.
async fn reference_work(base: &Path, provider: ProviderChoice, path: &str) -> PathBuf {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}{path}", listener.local_addr().unwrap());
    let server = tokio::spawn(model::serve(listener, Duration::ZERO, Arc::default()));
    let settings = Settings { provider, base_url: Some(base_url), model: Some("m".into()), ..Settings::defaults(base) };
    let keys = ["CLAUDE_API_KEY", "OPENAI_API_KEY"].map(|name| (name.to_owned(), "none-needed".to_owned()));
    let builder = Orchestrator::builder().settings(settings).environment(Environment::new(keys, base)).interactive(false);
    let options = StartOptions { plan: Some(PLAN.into()), ..StartOptions::default() };
    let run = builder.build().unwrap().start_with(Goal::new("Study the tides").unwrap(), options).await.unwrap();
    let result = run.finished().await.unwrap();
    assert_eq!(result.status, RunStatus::Completed, "{:?}", result.status_reason);
    server.abort();
    result.workspace
}

#[tokio::test]
async fn the_reference_work_leaves_at_most_25_kb_beside_its_artifacts_and_loses_no_text() {
    for (provider, path) in [(ProviderChoice::Anthropic, ""), (ProviderChoice::OpenAi, "/v1")] {
        let base = tempfile::tempdir().unwrap();
        let workspace = reference_work(base.path(), provider, path).await;
        let mut found = Vec::new();
        files(&workspace, &mut found);
        found.retain(|(path, _)| !ARTIFACTS.iter().any(|artifact| path.ends_with(artifact)));
        let sum: u64 = found.iter().map(|(_, bytes)| bytes).sum();
        assert!(sum <= 25_000, "{sum} bytes: {found:#?}");
        let (records, _) = Workspace::open(&RealDisk::root().unwrap(), &workspace).unwrap().read_journal().unwrap();
        let prompts: Vec<&String> = records
            .iter()
            .filter_map(|record| if let Event::StepStarted { prompt, .. } = &record.event { Some(prompt) } else { None })
            .collect();
        let design = std::fs::read_to_string(workspace.join("design.md")).unwrap();
        assert_eq!(prompts.len(), 5);
        assert!(design.len() > 1900 && prompts[1].contains(design.trim_end()), "{}", prompts[1]);
    }
}
