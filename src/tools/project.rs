//! Reading the project: one file, a search over all, the list of its files. Respects .gitignore, keeps secrets closed, follows no link, writes nothing.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ignore::gitignore::Gitignore;
use ignore::{DirEntry, Match, WalkBuilder};
use regex::RegexBuilder;

use crate::domain::path::fold;
use crate::domain::{RelPath, ToolOutcome};
use crate::sys::Disk;
use crate::sys::disk::EntryKind;
use crate::tools::described::{Described, Input, Worked, cut, fit_lines, plural, size};
use crate::tools::files::{glob, numbered};
use crate::tools::search::{around, matches_of};
use crate::tools::text::decode;
use crate::tools::tool::{MAX_RESULT_BYTES, Tool, ToolContext};

/// The largest project file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Files of a project that are looked at, at the most.
const MOST_FILES: usize = 50_000;
/// Lines of one file shown by a search.
const PER_FILE: usize = 8;
/// Folders that hold what others made, whether a .gitignore says so or not.
const PASSED_OVER: [&str; 7] = [".git", "node_modules", "__pycache__", ".venv", "venv", ".tox", "site-packages"];

/// The tools of this file.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    [READ_PROJECT, SEARCH_PROJECT].map(Described::tool).into()
}

const READ_PROJECT: Described = Described {
    name: "read_project",
    description: "Read a text file of the user's project, unsaved editor text included. Lines come as number, tab, text.",
    inputs: &[
        ("path", "string", true, "path relative to the project, like src/main.rs"),
        ("offset", "integer", false, "first line to read, from 1"),
        ("limit", "integer", false, "how many lines at the most"),
    ],
    read_only: true,
    work: read_project,
};

const SEARCH_PROJECT: Described = Described {
    name: "search_project",
    description: "Search the files of the user's project for words, case ignored. Files that hold most of the words come first, as path:line: text.",
    inputs: &[("query", "string", true, "words, found as they stand"), ("glob", "string", false, "only files like src/**/*.rs or *.md")],
    read_only: true,
    work: search_project,
};

/// The open project folder.
pub struct Project<'a> {
    folder: Arc<dyn Disk>,
    context: &'a ToolContext,
}

impl<'a> Project<'a> {
    pub fn open(context: &'a ToolContext) -> Result<Self, ToolOutcome> {
        let folder = context.disk.open(&context.project);
        let folder = folder.map_err(|error| ToolOutcome::refused(format!("the project folder cannot be opened: {error}")))?;
        Ok(Project { folder, context })
    }

    /// The path as given by a model, checked: inside the project, no secret, not ignored, not behind a link.
    pub fn path(&self, text: &str) -> Result<RelPath, ToolOutcome> {
        let hint = "; paths are relative to the project, like `src/main.rs`";
        let path = RelPath::new(text.trim_end_matches('/')).map_err(|problem| ToolOutcome::refused(format!("{problem}{hint}")))?;
        let absolute = self.context.project.join(path.as_str());
        if is_closed(path.as_str()) {
            return Err(ToolOutcome::refused(format!("`{path}` may hold secrets or belongs to others; it is not read")));
        }
        // A project that is or lies in the folder of workspaces would be closed as a whole.
        let base_dir = &self.context.base_dir;
        if absolute.starts_with(base_dir) && !self.context.project.starts_with(base_dir) {
            return Err(ToolOutcome::refused(format!("`{path}` belongs to a workspace, not to the project")));
        }
        if is_ignored(&self.context.project, &path) {
            return Err(ToolOutcome::refused(format!("`{path}` is ignored by the project's .gitignore; it is not read")));
        }
        let mut folder = String::new();
        for name in path.as_str().split('/') {
            folder = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if self.folder.metadata(&folder).is_ok_and(|meta| meta.kind == EntryKind::Link) {
                return Err(ToolOutcome::refused(format!("`{folder}` is a link; links are not followed")));
            }
        }
        Ok(path)
    }

    /// The text of a file as the user sees it: open in the editor, else on the disk. The error is a sentence.
    pub fn text(&self, path: &str) -> Result<String, String> {
        if let Some(text) = self.context.buffers.text(&self.context.project.join(path)) {
            return Ok(text);
        }
        let bytes = self.folder.read(path, LARGEST).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("`{path}` does not exist in the project"),
            std::io::ErrorKind::FileTooLarge => format!("`{path}` is larger than {}", size(LARGEST)),
            _ => format!("`{path}` cannot be read: {error}"),
        })?;
        decode(bytes).map(|decoded| decoded.text).map_err(|what| format!("`{path}` is {what}"))
    }

    /// Every file that may be read, sorted, and whether there were too many to list.
    pub fn files(&self) -> (Vec<String>, bool) {
        let root = self.context.project.clone();
        let base_dir = self.context.base_dir.clone();
        let mut builder = WalkBuilder::new(&root);
        builder.follow_links(false).require_git(false).git_global(false);
        builder.filter_entry(move |entry: &DirEntry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() == 0 || entry.path() != base_dir && !is_closed(&name)
        });
        let mut files = Vec::new();
        for entry in builder.build().filter_map(Result::ok) {
            if self.is_cancelled() || files.len() > MOST_FILES {
                break;
            }
            let relative = entry.path().strip_prefix(&root).ok().and_then(Path::to_str).map(|path| path.replace('\\', "/"));
            if entry.file_type().is_some_and(|kind| kind.is_file()) {
                // A name that no tool would take, with a line break in it for example, is passed over.
                files.extend(relative.filter(|path| RelPath::new(path).is_ok()));
            }
        }
        let too_many = files.len() > MOST_FILES;
        files.truncate(MOST_FILES);
        files.sort();
        (files, too_many)
    }

    pub fn is_cancelled(&self) -> bool {
        self.context.cancelled.load(Ordering::Relaxed)
    }

    /// The last name of the project's folder.
    pub fn name(&self) -> String {
        self.context.project.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Does `work` for each file on a few threads and keeps the order.
pub fn each<T: Send>(files: &[String], work: impl Fn(&str) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get().clamp(1, 4));
    let next = AtomicUsize::new(0);
    let run = || {
        let take = || {
            let index = next.fetch_add(1, Ordering::Relaxed);
            files.get(index).map(|file| (index, work(file)))
        };
        std::iter::from_fn(take).collect::<Vec<_>>()
    };
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, value)| value).collect()
}

/// Whether some part of a path names a secret, or a folder that others filled.
fn is_closed(path: &str) -> bool {
    fold(path).split('/').any(|name| {
        PASSED_OVER.contains(&name)
            || [".env", "id_rsa", "id_ed25519", "id_ecdsa", "id_dsa", "credentials"].iter().any(|start| name.starts_with(start))
            || [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore"].iter().any(|end| name.ends_with(end))
            || [".ssh", ".aws", ".gnupg", ".npmrc", ".pypirc", ".netrc", ".htpasswd", ".git-credentials"].contains(&name)
    })
}

/// Whether the nearest .gitignore that speaks about `path` or a folder above it leaves it out.
fn is_ignored(project: &Path, path: &RelPath) -> bool {
    let absolute = project.join(path.as_str());
    let folders = absolute.ancestors().skip(1).take_while(|folder| folder.starts_with(project));
    for folder in folders {
        let (rules, _) = Gitignore::new(folder.join(".gitignore"));
        match rules.matched_path_or_any_parents(&absolute, false) {
            Match::None => {}
            Match::Ignore(_) => return true,
            Match::Whitelist(_) => return false,
        }
    }
    false
}

fn read_project(input: &Input<'_>, context: &ToolContext) -> Worked {
    let project = Project::open(context)?;
    let path = project.path(input.text("path")?)?;
    let (offset, limit) = (input.count("offset")?.unwrap_or(1), input.count("limit")?);
    let text = project.text(path.as_str()).map_err(ToolOutcome::refused)?;
    Ok(ToolOutcome::ok(numbered(&text, offset, limit), format!("read {path} of the project ({})", size(text.len() as u64))))
}

/// What a search found in one file.
struct Hit {
    path: String,
    /// Distinct words in the file, and in its best line.
    words: usize,
    best: usize,
    total: usize,
    lines: Vec<String>,
}

fn search_project(input: &Input<'_>, context: &ToolContext) -> Worked {
    let query = input.text("query")?.to_lowercase();
    let mut words: Vec<&str> = query.split_whitespace().collect();
    words.sort_unstable();
    words.dedup();
    words.truncate(24);
    if words.is_empty() {
        return Err(input.refuse("query", "the words to find"));
    }
    let wanted = glob(input.optional_text("glob")?.unwrap_or("*"))?;
    let project = Project::open(context)?;
    let (mut files, too_many) = project.files();
    files.retain(|path| wanted(path));
    let escaped: Vec<String> = words.iter().map(|word| regex::escape(word)).collect();
    let any = RegexBuilder::new(&escaped.join("|")).case_insensitive(true).build();
    let any = any.map_err(|error| ToolOutcome::refused(format!("`query` cannot be searched: {error}")))?;
    let search = |path: &str| {
        let text = if project.is_cancelled() { None } else { project.text(path).ok() }?;
        any.is_match(&text).then(|| hit(path, &text, &words))
    };
    let mut hits: Vec<Hit> = each(&files, search).into_iter().flatten().collect();
    hits.retain(|hit| hit.words > 0);
    hits.sort_by(|a, b| (b.words, b.best, b.total).cmp(&(a.words, a.best, a.total)).then_with(|| a.path.cmp(&b.path)));
    let total: usize = hits.iter().map(|hit| hit.total).sum();
    let lines: Vec<String> = hits.iter().flat_map(|hit| hit.lines.iter().cloned()).collect();
    let (mut content, left_out) = fit_lines(&lines, MAX_RESULT_BYTES);
    if hits.is_empty() {
        content = "[no matches]\n".to_owned();
    } else if left_out > 0 || total > lines.len() {
        let left_out = total - (lines.len() - left_out);
        content.push_str(&format!("[{} more left out; narrow the query, or give a glob]\n", matches_of(left_out)));
    }
    if too_many {
        content.push_str(&format!("[only the first {MOST_FILES} files were searched; give a glob or a smaller project]\n"));
    }
    Ok(ToolOutcome::ok(content, format!("{} in {} of the project", matches_of(total), plural(hits.len(), "file"))))
}

fn hit(path: &str, text: &str, words: &[&str]) -> Hit {
    let mut seen = vec![false; words.len()];
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let lower = cut(line, 4096).to_lowercase();
        let mut score = 0;
        for (word, seen) in words.iter().zip(&mut seen) {
            if lower.contains(word) {
                *seen = true;
                score += 1;
            }
        }
        if score > 0 {
            // The lower-case form may differ in length; a place near the word is enough to show it.
            let at = words.iter().filter_map(|word| lower.find(word)).min().unwrap_or(0);
            let at = (0..=at.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
            found.push((score, index + 1, around(line, at)));
        }
    }
    let total = found.len();
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    found.truncate(PER_FILE);
    let best = found.first().map_or(0, |(score, _, _)| *score);
    found.sort_by_key(|(_, line, _)| *line);
    let lines = found.into_iter().map(|(_, line, text)| format!("{path}:{line}: {text}")).collect();
    Hit { path: path.to_owned(), words: seen.iter().filter(|seen| **seen).count(), best, total, lines }
}

#[cfg(test)]
#[path = "project_tests.rs"]
mod tests;
