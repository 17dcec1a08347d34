//! The library behind the `ai-orchestrator` program: a language server and command line that run teams of AI agents and keep every result as a file.

pub mod config;
pub mod documents;
pub mod domain;
pub mod engine;
pub mod llm;


pub mod sys;
pub mod tools;
pub mod workspace;
