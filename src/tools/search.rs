//! Searching the text files of the workspace. Goes through the jail alone.
use std::sync::Arc;
use std::sync::atomic::Ordering;

use regex::{Regex, RegexBuilder};

use crate::domain::{RelPath, ToolOutcome};
use crate::tools::described::{Described, Input, Worked, fit_lines, plural};
use crate::tools::files::is_below;
use crate::tools::text::decode;
use crate::tools::tool::{MAX_RESULT_BYTES, Tool, ToolContext};
use crate::workspace::jail::Refusal;

/// Matches shown of one file; the rest are counted.
const PER_FILE: usize = 30;
/// Files above this size are passed over, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;
/// Characters of a matching line that are shown.
const LINE: usize = 300;

/// The tools of this file.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![SEARCH_FILES.tool()]
}

const SEARCH_FILES: Described = Described {
    name: "search_files",
    description: "Search the text files of the workspace line by line. Matches come as path:line: text. Case does not matter unless regex is true.",
    inputs: &[
        ("query", "string", true, "the words to find, as they stand; with regex a regular expression"),
        ("path", "string", false, "only this file, or below this folder"),
        ("regex", "boolean", false, "whether query is a regular expression"),
    ],
    read_only: true,
    work: search_files,
};

fn search_files(input: &Input<'_>, context: &ToolContext) -> Worked {
    let query = input.text("query")?;
    if query.trim().is_empty() {
        return Err(input.refuse("query", "the words to find"));
    }
    let pattern = pattern(query, input.flag("regex")?)?;
    let folder = input.optional_text("path")?.unwrap_or_default();
    let (mut lines, mut notes, mut total, mut hits) = (Vec::new(), Vec::new(), 0, 0);
    for (path, bytes) in context.workspace.files()? {
        if !is_below(&path, folder) || context.cancelled.load(Ordering::Relaxed) {
            continue;
        }
        if bytes > LARGEST {
            notes.push(format!("[{path} is too large to search]"));
            continue;
        }
        let found = search_file(&path, &pattern, context)?;
        total += found.len();
        hits += usize::from(!found.is_empty());
        if found.len() > PER_FILE {
            notes.push(format!(
                "[{path}: {} more matches left out; search it alone with path, or narrow the query]",
                found.len() - PER_FILE
            ));
        }
        lines.extend(found.into_iter().take(PER_FILE));
    }
    let (mut content, left_out) = fit_lines(&lines, MAX_RESULT_BYTES - 2048);
    if left_out > 0 {
        notes.insert(0, format!("[{left_out} more matches left out; narrow the query, or search one folder with path]"));
    }
    if total == 0 {
        content = "[no matches]\n".to_owned();
    }
    content.push_str(&fit_lines(&notes, 1800).0);
    Ok(ToolOutcome::ok(content, format!("{} in {}", matches_of(total), plural(hits, "file"))))
}

/// `1 match`, `3 matches`.
pub fn matches_of(count: usize) -> String {
    if count == 1 { "1 match".to_owned() } else { format!("{count} matches") }
}

fn pattern(query: &str, is_regex: bool) -> Result<Regex, ToolOutcome> {
    let built = if is_regex {
        RegexBuilder::new(query).size_limit(1 << 20).build()
    } else {
        RegexBuilder::new(&regex::escape(query.trim())).case_insensitive(true).build()
    };
    built.map_err(|error| ToolOutcome::refused(format!("`query` is not a usable regular expression: {error}")))
}

fn search_file(path: &RelPath, pattern: &Regex, context: &ToolContext) -> Result<Vec<String>, ToolOutcome> {
    let bytes = match context.workspace.read(path) {
        Ok(bytes) => bytes,
        Err(Refusal::NotAllowed(_)) => return Ok(Vec::new()),
        Err(refusal) => return Err(refusal.into()),
    };
    let Ok(decoded) = decode(bytes) else { return Ok(Vec::new()) };
    let show =
        |(index, line): (usize, &str)| pattern.find(line).map(|found| format!("{path}:{}: {}", index + 1, around(line, found.start())));
    Ok(decoded.text.lines().enumerate().filter_map(show).collect())
}

/// A line without its indentation, cut to the part around byte `at` when it is long.
pub fn around(line: &str, at: usize) -> String {
    let trimmed = line.trim();
    if trimmed.chars().count() <= LINE {
        return trimmed.to_owned();
    }
    let before: Vec<char> = line[..at].chars().rev().take(LINE / 3).collect();
    let start: String = before.into_iter().rev().collect();
    let rest: String = line[at..].chars().take(LINE - start.chars().count()).collect();
    format!("…{start}{rest}…")
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
