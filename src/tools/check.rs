//! Checking one file for defects that can be told without understanding it: syntax, links, structure. Never executes or changes anything.
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use crate::domain::hash::sha256;
use crate::domain::tool::Touched;
use crate::domain::{RelPath, ToolOutcome};
use crate::tools::described::{Described, Input, Worked, plural};
pub use crate::tools::finding::{Around, Finding, Severity};
use crate::tools::syntax::Language;
use crate::tools::text::decode;
use crate::tools::tool::{Tool, ToolContext};
use crate::tools::{check_code, check_data, check_html, check_markdown};
use crate::workspace::jail::{Jail, Refusal};

/// The largest file that is checked, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;
/// Problems told of one file.
const MOST: usize = 60;

/// What kind of file a path names: `markdown`, `json`, `python`, … or `text`, of which only emptiness is checked.
pub fn kind(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "md" | "markdown" => "markdown",
        "json" => "json",
        "jsonl" | "ndjson" => "jsonl",
        "yaml" | "yml" => "yaml",
        "toml" => "toml",
        "csv" => "csv",
        "tsv" => "tsv",
        _ => match Language::of(path) {
            Some(Language::Html) => "html",
            Some(Language::Css) => "css",
            Some(Language::Python) => "python",
            Some(Language::Rust) => "rust",
            Some(Language::JavaScript) => "javascript",
            Some(Language::Tsx | Language::TypeScript) => "typescript",
            None => "text",
        },
    }
}

/// What is looked at in a file of this kind, in words.
pub fn looked_at(kind: &str) -> &'static str {
    match kind {
        "markdown" => {
            "links, anchors, code fences, heading levels, empty sections, references, footnotes, and claims against their sources"
        }
        "json" | "jsonl" => "syntax, repeated keys",
        "yaml" | "toml" => "syntax",
        "csv" | "tsv" => "columns in every row, headers, quotes, encoding",
        "html" => "syntax of page, scripts and styles, repeated ids, local links and sources",
        "text" => "not empty, readable as text",
        "python" => "syntax, habits that hide errors",
        _ => "syntax",
    }
}

/// Every defect of one file, in the order of its lines. Links to other files are asked of `exists`.
pub fn check(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    check_around(path, text, &Around { exists, text: &|_| None })
}

/// As [`check`], and anchors in other Markdown files are looked up too.
pub fn check_around(path: &str, text: &str, around: &Around<'_>) -> Vec<Finding> {
    if text.trim().is_empty() {
        // A Python package needs its file, not a word in it.
        let may_be_empty = path.ends_with("__init__.py") || path.ends_with("py.typed");
        return if may_be_empty { Vec::new() } else { vec![Finding::error(1, "empty-file", "the file is empty")] };
    }
    if text.len() > LARGEST {
        let message = format!("the file is larger than {} MB and was not checked", LARGEST / 1024 / 1024);
        return vec![Finding { severity: Severity::Info, ..Finding::warning(1, "too-large", message) }];
    }
    let mut findings = match (kind(path), Language::of(path)) {
        ("markdown", _) => check_markdown::check(path, text, around),
        ("json", _) => check_data::json(text),
        ("jsonl", _) => check_data::json_lines(text),
        ("yaml", _) => check_data::yaml(text),
        ("toml", _) => check_data::toml(text),
        ("csv" | "tsv", _) => check_data::csv(text),
        ("html", _) => check_html::check(path, text, around),
        (_, Some(language)) => check_code::check(language, text),
        _ => Vec::new(),
    };
    findings.sort();
    findings.dedup();
    findings
}

/// The tools of this file.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![CHECK_FILE.tool()]
}

const CHECK_FILE: Described = Described {
    name: "check_file",
    description: "Parse a file and report its problems with line numbers, as JSON {path, kind, ok, checked, problems}. Reads Markdown (links, \
        anchors, fences), JSON, YAML, TOML, CSV, Python, JavaScript, TypeScript, Rust, HTML and CSS. Nothing is executed.",
    inputs: &[("path", "string", true, "path relative to the workspace")],
    read_only: true,
    work: check_file,
};

fn check_file(input: &Input<'_>, context: &ToolContext) -> Worked {
    let path = Jail::path(input.text("path")?)?;
    let bytes = context.workspace.read(&path)?;
    let touched = vec![Touched { path: path.clone(), sha256: sha256(&bytes), bytes: bytes.len() as u64, wrote: false }];
    let decoded = decode(bytes).map_err(|what| ToolOutcome::refused(format!("`{path}` is {what}; it cannot be checked")))?;
    let files: BTreeSet<String> = context.workspace.files()?.into_iter().map(|(path, _)| path.as_str().to_owned()).collect();
    let read = |path: &str| RelPath::new(path).ok().and_then(|path| read_text(&path, context));
    let exists = |path: &str| path.is_empty() || is_there(path, &files) || read(path).is_some();
    let mut problems = check_around(path.as_str(), &decoded.text, &Around { exists: &exists, text: &read });
    if decoded.lossy {
        let line = 1 + decoded.text.split('\u{fffd}').next().map_or(0, |before| before.matches('\n').count());
        problems.insert(0, Finding::error(line, "encoding", "the file is not valid UTF-8"));
    }
    if claims_facts(path.as_str()) {
        problems.extend((context.evidence.compare)(&decoded.text).iter().map(Finding::of_claim));
        problems.sort();
    }
    Ok(ToolOutcome { touched, ..report(&path, problems) })
}

/// Whether a file is a text whose claims can be compared with what was read.
pub fn claims_facts(path: &str) -> bool {
    [".md", ".markdown", ".txt"].iter().any(|end| path.to_lowercase().ends_with(end))
}

fn is_there(path: &str, files: &BTreeSet<String>) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    files.contains(path) || files.range(folder.clone()..).next().is_some_and(|next| next.starts_with(&folder))
}

/// A file that cannot be read has no anchors; a failing disk shows itself where the file itself is read.
fn read_text(path: &RelPath, context: &ToolContext) -> Option<String> {
    match context.workspace.read(path) {
        Ok(bytes) => decode(bytes).ok().map(|decoded| decoded.text),
        Err(Refusal::NotAllowed(_) | Refusal::Disk(_)) => None,
    }
}

fn report(path: &RelPath, mut problems: Vec<Finding>) -> ToolOutcome {
    let total = problems.len();
    let ok = problems.iter().all(|problem| problem.severity != Severity::Error);
    problems.truncate(MOST);
    let kind = kind(path.as_str());
    let mut content = json!({"path": path, "kind": kind, "ok": ok, "checked": looked_at(kind), "problems": problems});
    if let (true, Some(object)) = (total > MOST, content.as_object_mut()) {
        object.insert("left_out".to_owned(), json!(format!("{} more; mend these and check again", total - MOST)));
    }
    ToolOutcome::ok(content.to_string(), format!("checked {path}: {}", plural(total, "problem")))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
