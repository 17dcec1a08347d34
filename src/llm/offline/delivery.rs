//! The last moves of a specialist: write the files, read what stands in the way, close. Knows no content.
use serde_json::json;

use super::moves::Move;
use super::results::{Gathered, Place};
use crate::domain::ModelRequest;

/// What a step hands over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Path and content; the step's own output is among them.
    pub files: Vec<(String, String)>,
    /// Two sentences: what was written, what is thin.
    pub closing: String,
}

/// Whether the agent was given this tool.
pub fn offers(request: &ModelRequest, tool: &str) -> bool {
    request.tools.iter().any(|spec| spec.name == tool)
}

/// The next move towards handing over. A step that cannot write says its output instead: the engine makes a file of it.
pub fn deliver(request: &ModelRequest, gathered: &Gathered, delivery: &Delivery) -> Move {
    let output = request.brief.output.as_str();
    let missing: Vec<&(String, String)> = delivery.files.iter().filter(|(path, _)| !gathered.written.contains(path)).collect();
    let main_missing = missing.iter().any(|(path, _)| path == output);
    if missing.is_empty() || !main_missing && request.brief.turns_left == 0 {
        return Move::Say(delivery.closing.clone());
    }
    let refusals = |path: &str| gathered.refusals.iter().filter(|refusal| refusal.tool == "write_file" && refusal.target == path).count();
    let hopeless = missing.iter().any(|(path, _)| refusals(path) > 1);
    if hopeless || request.brief.turns_left == 0 || !offers(request, "write_file") {
        let content = delivery.files.iter().find(|(path, _)| path == output).map(|(_, content)| content.clone());
        return Move::Say(if main_missing { content.unwrap_or_default() } else { refused_closing(gathered, delivery) });
    }
    let unread: Vec<&str> = missing
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| refusals(path) == 1 && !gathered.tried(path, Place::Workspace))
        .collect();
    if !unread.is_empty() && offers(request, "read_file") {
        return Move::Calls(unread.into_iter().map(|path| ("read_file", json!({ "path": path }))).collect());
    }
    Move::Calls(missing.into_iter().map(|(path, content)| ("write_file", json!({ "path": path, "content": content }))).collect())
}

fn refused_closing(gathered: &Gathered, delivery: &Delivery) -> String {
    let refused = gathered.refusals.iter().filter(|refusal| refusal.tool == "write_file");
    let list: String =
        refused.map(|refusal| format!(" `{}` was not written: {}.", refusal.target, refusal.reason.trim_end_matches('.'))).collect();
    format!("{}{list}", delivery.closing)
}
