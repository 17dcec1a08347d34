//! Tests of the program and the library as a whole, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests fail by panicking and touch their own folders"
)]
mod support;

mod acp;
mod analyst;
mod approvals;
mod bad_input;
mod cli;
mod cli_args;
mod crash_points;
mod disk_use;
mod docs_commands;
mod docs_reference;
mod evidence_corpus;
mod evidence_runs;
mod examples;
mod floors;
mod fuzz_corpus;
mod golden_workspaces;
mod guide;
mod hostile_anthropic;
mod hostile_models;
mod injection;
mod jail;
mod lsp_clients;
mod lsp_commands;
mod lsp_goals;
mod lsp_journey;
mod lsp_killed;
mod lsp_origins;
mod lsp_papers;
mod lsp_profiles;
mod lsp_reference;
mod lsp_results;
mod lsp_scopes;
mod lsp_sessions;
mod lsp_settings;
mod lsp_transport;
mod lsp_weather;
mod machine;
mod mcp;
mod mcp_face;
mod mcp_http;
mod mcp_real;
mod model_list;
mod models;
mod observability;
mod package;
mod prompt_cache;
mod proposals;
mod providers;
mod sandbox;
mod secrets;
mod specialists_texts;
mod specialists_tools;
mod traps;
mod trust;
#[cfg(unix)]
mod two_processes;
mod vscode_package;
mod web;
