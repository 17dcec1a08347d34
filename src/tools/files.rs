//! Reading, listing, writing and editing the files of the workspace. Goes through the jail alone; never overwrites what the step has not seen.
use std::sync::Arc;

use globset::GlobBuilder;

use crate::domain::hash::sha256;
use crate::domain::tool::Touched;
use crate::domain::{RelPath, ToolOutcome};
use crate::tools::described::{Described, Input, Worked, cut, fit_lines, plural, size};
use crate::tools::pdf;
use crate::tools::text::{Decoded, decode, line_of};
use crate::tools::tool::{MAX_RESULT_BYTES, Tool, ToolContext};
use crate::workspace::jail::{Jail, Refusal};

/// The tools of this file.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    [READ_FILE, LIST_FILES, WRITE_FILE, EDIT_FILE].map(Described::tool).into()
}

const READ_FILE: Described = Described {
    name: "read_file",
    description: "Read a text file of the workspace, or the text of a PDF file. Lines come as number, tab, text. A long file is cut: ask for the rest with offset.",
    inputs: &[
        ("path", "string", true, "path relative to the workspace, like notes.md or inputs/data.csv"),
        ("offset", "integer", false, "first line to read, from 1"),
        ("limit", "integer", false, "how many lines at the most"),
    ],
    read_only: true,
    work: read_file,
};

const LIST_FILES: Described = Described {
    name: "list_files",
    description: "List the files of the workspace with their sizes in bytes: path, tab, size.",
    inputs: &[
        ("path", "string", false, "only below this folder"),
        ("pattern", "string", false, "a glob such as *.md or charts/**/*.svg; without a slash it is compared with the file's name"),
    ],
    read_only: true,
    work: list_files,
};

const WRITE_FILE: Described = Described {
    name: "write_file",
    description: "Write a whole file into the workspace; folders are created. An existing file must have been read in its present state.",
    inputs: &[("path", "string", true, "path relative to the workspace"), ("content", "string", true, "the whole content of the file")],
    read_only: false,
    work: write_file,
};

const EDIT_FILE: Described = Described {
    name: "edit_file",
    description: "Replace a piece of a text file that was read before. old_text must occur exactly once, unless replace_all is true.",
    inputs: &[
        ("path", "string", true, "path relative to the workspace"),
        ("old_text", "string", true, "the text to replace, exactly as it stands, without line numbers"),
        ("new_text", "string", true, "what to put in its place"),
        ("replace_all", "boolean", false, "replace every occurrence"),
    ],
    read_only: false,
    work: edit_file,
};

/// Lines numbered from `offset`, as many as fit, and a last line in brackets that says what is missing.
pub fn numbered(text: &str, offset: usize, limit: Option<usize>) -> String {
    let total = text.lines().count();
    if total == 0 {
        return "[the file is empty]\n".to_owned();
    }
    if offset > total {
        return format!("[the file has {}; offset {offset} is past its end]\n", plural(total, "line"));
    }
    let longest = MAX_RESULT_BYTES / 4;
    let show = |(index, line): (usize, &str)| match cut(line, longest) {
        whole if whole.len() == line.len() => format!("{}\t{line}", index + 1),
        part => format!("{}\t{part} [line cut: {} in all]", index + 1, size(line.len() as u64)),
    };
    let wanted = limit.unwrap_or(usize::MAX).min(4000);
    let lines: Vec<String> = text.lines().enumerate().skip(offset - 1).take(wanted).map(show).collect();
    let (mut shown, left_out) = fit_lines(&lines, MAX_RESULT_BYTES);
    let last = offset - 1 + lines.len() - left_out;
    if last < total {
        shown.push_str(&format!("[lines {offset} to {last} of {total}; ask for the rest with offset {}]\n", last + 1));
    }
    shown
}

fn read_file(input: &Input<'_>, context: &ToolContext) -> Worked {
    let path = Jail::path(input.text("path")?)?;
    let (offset, limit) = (input.count("offset")?.unwrap_or(1), input.count("limit")?);
    let bytes = context.workspace.read(&path)?;
    let touched = Touched { path: path.clone(), sha256: sha256(&bytes), bytes: bytes.len() as u64, wrote: false };
    let summary = format!("read {path} ({})", size(touched.bytes));
    let decoded = readable(bytes).map_err(|what| ToolOutcome::refused(format!("`{path}` is {what}")))?;
    let mut content = numbered(&decoded.text, offset, limit);
    if decoded.lossy {
        content.push_str("[the file is not valid UTF-8; bytes that could not be read are shown as \u{fffd}]\n");
    }
    Ok(ToolOutcome { touched: vec![touched], ..ToolOutcome::ok(content, summary) })
}

/// A text as it is, a PDF file as the text of its pages.
fn readable(bytes: Vec<u8>) -> Result<Decoded, String> {
    if !bytes.starts_with(b"%PDF-") {
        return decode(bytes);
    }
    let read = pdf::text(&bytes).map_err(|problem| format!("no text: {problem}"))?;
    let remark = if read.lossy { "[some letters or pages could not be read]\n" } else { "" };
    Ok(Decoded { text: read.text + remark, lossy: false })
}

/// Whether a path is wanted, by a glob on the whole path or, without a slash, on the name alone.
pub fn glob(pattern: &str) -> Result<impl Fn(&str) -> bool, ToolOutcome> {
    let glob = GlobBuilder::new(pattern.trim_start_matches("./")).literal_separator(true).case_insensitive(true).build();
    let matcher = glob.map_err(|error| ToolOutcome::refused(format!("`{pattern}` is not a glob: {}", error.kind())))?.compile_matcher();
    let by_name = !pattern.contains('/');
    Ok(move |path: &str| matcher.is_match(if by_name { path.rsplit('/').next().unwrap_or(path) } else { path }))
}

/// Whether `path` is `folder` or lies below it; the empty folder and `.` hold everything.
pub fn is_below(path: &RelPath, folder: &str) -> bool {
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    folder.is_empty()
        || folder == "."
        || path.as_str() == folder
        || path.as_str().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn list_files(input: &Input<'_>, context: &ToolContext) -> Worked {
    let folder = input.optional_text("path")?.unwrap_or_default();
    let wanted = glob(input.optional_text("pattern")?.unwrap_or("*"))?;
    let mut files = context.workspace.files()?;
    files.retain(|(path, _)| is_below(path, folder) && wanted(path.as_str()));
    let lines: Vec<String> = files.iter().map(|(path, bytes)| format!("{path}\t{bytes}")).collect();
    let (mut content, left_out) = fit_lines(&lines, MAX_RESULT_BYTES);
    if files.is_empty() {
        content = "[no files]\n".to_owned();
    } else if left_out > 0 {
        content.push_str(&format!("[{left_out} of {} left out; ask again with path or pattern]\n", plural(files.len(), "file")));
    }
    Ok(ToolOutcome::ok(content, format!("listed {}", plural(files.len(), "file"))))
}

/// What stands at `path`, or `None` when nothing does.
fn standing(path: &RelPath, context: &ToolContext) -> Result<Option<Vec<u8>>, ToolOutcome> {
    context.workspace.may_write(path)?;
    match context.workspace.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Refusal::NotAllowed(reason)) if reason.ends_with("does not exist") => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

/// A file that differs from what the step last saw must be read first.
fn check_known(path: &RelPath, bytes: &[u8], context: &ToolContext) -> Result<(), ToolOutcome> {
    match context.known.get(path) {
        Some(hash) if *hash == sha256(bytes) => Ok(()),
        Some(_) => Err(ToolOutcome::refused(format!("`{path}` changed since you read it; read it first"))),
        None => Err(ToolOutcome::refused(format!("`{path}` exists and you have not read it; read it first"))),
    }
}

fn wrote(path: RelPath, sha256: String, bytes: u64, summary: String) -> ToolOutcome {
    let touched = vec![Touched { path, sha256, bytes, wrote: true }];
    ToolOutcome { touched, ..ToolOutcome::ok(summary.clone(), summary) }
}

fn write_file(input: &Input<'_>, context: &ToolContext) -> Worked {
    let path = Jail::path(input.text("path")?)?;
    let content = context.evidence.ledger.completed(&path, input.text("content")?);
    let bytes = content.len() as u64;
    if let Some(old) = standing(&path, context)? {
        if context.rerun && old == content.as_bytes() {
            return Ok(wrote(path.clone(), sha256(&old), bytes, format!("wrote {path} ({})", size(bytes))));
        }
        check_known(&path, &old, context)?;
    }
    let hash = context.workspace.write(&path, content.as_bytes())?;
    Ok(wrote(path.clone(), hash, bytes, format!("wrote {path} ({})", size(bytes))))
}

fn edit_file(input: &Input<'_>, context: &ToolContext) -> Worked {
    let path = Jail::path(input.text("path")?)?;
    let (old, new, all) = (input.text("old_text")?, input.text("new_text")?, input.flag("replace_all")?);
    if old.is_empty() || old == new {
        return Err(input.refuse("old_text", "a piece of the file that differs from new_text"));
    }
    let bytes = standing(&path, context)?.ok_or_else(|| ToolOutcome::refused(format!("`{path}` does not exist")))?;
    let text = String::from_utf8(bytes).map_err(|_| ToolOutcome::refused(format!("`{path}` is not UTF-8 text and cannot be edited")))?;
    let (old, new) = (with_line_ends(old, &text), with_line_ends(new, &text));
    if context.rerun && already_edited(&text, &old, &new, all) {
        let summary = format!("edited {path} ({})", size(text.len() as u64));
        return Ok(wrote(path, sha256(text.as_bytes()), text.len() as u64, summary));
    }
    check_known(&path, text.as_bytes(), context)?;
    let places: Vec<usize> = text.match_indices(&old).map(|(at, _)| at).collect();
    match places.len() {
        0 => return Err(ToolOutcome::refused(format!("`{path}`: old_text was not found; read the file and copy the text exactly"))),
        1 => {}
        _ if all => {}
        count => {
            let lines: Vec<String> = places.iter().take(20).map(|at| line_of(&text, *at).to_string()).collect();
            let reason = format!(
                "`{path}`: old_text occurs {count} times, on lines {}; give more of its surroundings, or replace_all",
                lines.join(", ")
            );
            return Err(ToolOutcome::refused(reason));
        }
    }
    let edited = context.evidence.ledger.completed(&path, &text.replace(&old, &new));
    let hash = context.workspace.write(&path, edited.as_bytes())?;
    let summary = format!("edited {path} ({}, {})", plural(places.len(), "place"), size(edited.len() as u64));
    Ok(wrote(path, hash, edited.len() as u64, summary))
}

/// `piece` with the line ends of `text`: a file that has only CRLF keeps it.
fn with_line_ends(piece: &str, text: &str) -> String {
    let crlf = text.matches("\r\n").count();
    if crlf > 0 && crlf == text.matches('\n').count() { piece.replace("\r\n", "\n").replace('\n', "\r\n") } else { piece.to_owned() }
}

/// Whether the edit already stands: the new text is there once and, outside of it, the old one is gone.
fn already_edited(text: &str, old: &str, new: &str, all: bool) -> bool {
    let count = text.matches(new).count();
    !new.is_empty() && (count == 1 || all && count > 0) && !text.replace(new, "\0").contains(old)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
