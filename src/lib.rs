//! The library behind the `ai-orchestrator` program: a language server and command line that run teams of AI agents and keep every result as a file.
//!
//! A goal in plain words goes in; a dated workspace folder comes out, with a plan, every artifact, a journal and a summary.
//!
//! ```
//! use ai_orchestrator::config::{Settings, settings::ProviderChoice};
//! use ai_orchestrator::orchestrator::Orchestrator;
//!
//! # let scratch = tempfile::tempdir()?;
//! # let project = scratch.path();
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let settings = Settings { provider: ProviderChoice::Offline, ..Settings::defaults(project) };
//! let orchestrator = Orchestrator::builder().settings(settings).interactive(false).build()?;
//! let result = orchestrator.execute_goal("Research how tides work").await?;
//! println!("{} of {} steps in {}", result.summary.completed, result.summary.steps, result.workspace.display());
//! # assert_eq!(result.summary.success_rate, 1.0);
//! # Ok::<_, ai_orchestrator::domain::Error>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Where to look: [`orchestrator::Orchestrator`] starts, resumes, lists and cleans up; [`tools::Tool`] adds a tool;
//! [`llm::Provider`] adds a model; [`domain`] has the words. The map of the inside is `docs/architecture.md`.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make and read their own folders"))]
pub mod acp;
pub mod cli;
pub mod config;
pub mod documents;
pub mod domain;
pub mod engine;
pub mod llm;
pub mod lsp;
pub mod mcp;
pub mod orchestrator;
pub mod sys;
pub mod tools;
pub mod workspace;
