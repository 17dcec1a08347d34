//! What agents may do: one trait, one file for each group of tools. Decides no approval; the engine has already allowed a call that arrives here.
pub mod chart;
mod chart_scale;
mod chart_svg;
pub mod check;
mod check_code;
mod check_data;
mod check_html;
mod check_markdown;
mod check_python;
pub mod data;
mod data_cell;
mod data_infer;
mod data_profile;
pub mod data_read;
mod data_tables;
pub mod described;
pub mod files;
pub mod finding;
pub mod findings;
pub mod mcp;
mod mcp_connect;
mod mcp_meter;
mod mcp_tool;
pub mod pdf;
pub mod project;
mod project_graph;
mod project_links;
mod project_manifest;
mod project_outline;
mod project_source;
pub mod search;
pub mod syntax;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod tool;
pub mod web;
mod web_html;
mod web_page;
pub mod web_search;

use std::sync::Arc;

pub use tool::{Evidence, Held, MAX_RESULT_BYTES, Tool, ToolContext};

/// Every tool of the house, one line for each file of them.
pub fn built_in() -> Vec<Arc<dyn Tool>> {
    let mut tools = Vec::new();
    tools.extend(chart::tools());
    tools.extend(data::tools());
    tools.extend(files::tools());
    tools.extend(search::tools());
    tools.extend(check::tools());
    tools.extend(findings::tools());
    tools.extend(project::tools());
    tools.extend(project_outline::tools());
    tools
}
