//! The library behind the `ai-orchestrator` program.
pub mod config;
pub mod domain;
pub mod llm;
pub mod sys;
pub mod tools;
pub mod workspace;
