//! The library behind the `ai-orchestrator` program.
pub mod domain;
