//! The library behind the `ai-orchestrator` program: a language server and command line that run teams of AI agents and keep every result as a file.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make and read their own folders"))]
pub mod cli;
pub mod config;
pub mod documents;
pub mod domain;
pub mod engine;
pub mod llm;
pub mod lsp;
pub mod orchestrator;
pub mod sys;
pub mod tools;
pub mod workspace;
