//! Files of the project that a goal names in its own words. Looks only whether they exist; never reads one, never picks up secrets or links that leave.
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::domain::{RelPath, path::fold};
use crate::sys::disk::{Disk, EntryKind};

/// A goal names at most so many files.
const MAX_NAMED: usize = 64;
/// So many words of a goal are looked at.
const MAX_WORDS: usize = 20_000;
/// Characters around a path in prose, before and after.
const AROUND: &[char] = &[
    '(', ')', '[', ']', '{', '}', '<', '>', '"', '\'', '`', '“', '”', '„', '‘', '’', '«', '»', '‹', '›', '「', '」', '『', '』', '（',
    '）', '【', '】', '《', '》', ',', ';', ':', '!', '?', '…', '。', '，', '、', '：', '；', '！', '？', '*', '@', '=', '|',
];

/// A word that names something which is not attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedProblem {
    pub word: String,
    pub message: String,
    pub hint: String,
    /// The goal cannot be meant without it: a folder written like a path (`docs/`).
    pub fatal: bool,
}

/// What a goal names in the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedFiles {
    /// Absolute, in the order of the goal, each once.
    pub files: Vec<PathBuf>,
    pub problems: Vec<NamedProblem>,
}

/// Finds the files of `project` (absolute) that `goal` names: in quotes, backticks, parentheses, links, with punctuation, or in text without spaces.
pub fn named_in_goal(disk: &Arc<dyn Disk>, goal: &str, project: &Path) -> NamedFiles {
    let mut named = NamedFiles::default();
    let (Ok(folder), Ok(real_project)) = (disk.open(project), disk.resolve(project)) else { return named };
    let look = Look { disk, folder: &folder, project, real_project: &real_project };
    let mut seen = BTreeSet::new();
    for candidate in candidates(goal) {
        if named.files.len() >= MAX_NAMED {
            break;
        }
        if seen.insert(candidate.text.clone()) {
            look.at(&candidate, &mut named);
        }
    }
    named
}

/// Whether a path looks like a key or a password file, or belongs to git: such a file is never attached unasked.
pub fn is_secret(path: &Path) -> bool {
    let names: Vec<String> = path
        .components()
        .filter_map(|part| if let Component::Normal(name) = part { Some(fold(&name.to_string_lossy())) } else { None })
        .collect();
    if names.iter().any(|name| matches!(name.as_str(), ".git" | ".ssh" | ".gnupg" | ".aws")) {
        return true;
    }
    let Some(name) = names.last() else { return false };
    let stem = name.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let starts = [".env", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials", ".git-credentials"];
    let ends = [".env", ".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx"];
    let whole = [".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd"];
    starts.iter().any(|start| name.starts_with(start))
        || ends.iter().any(|end| name.ends_with(end))
        || whole.contains(&name.as_str())
        || matches!(stem, "secret" | "secrets")
}

/// A piece of the goal that may be a path.
struct Candidate {
    text: String,
    /// It stood in quotes or backticks.
    quoted: bool,
}

struct Look<'a> {
    disk: &'a Arc<dyn Disk>,
    folder: &'a Arc<dyn Disk>,
    project: &'a Path,
    real_project: &'a Path,
}

impl Look<'_> {
    fn at(&self, candidate: &Candidate, named: &mut NamedFiles) {
        let word = &candidate.text;
        let inside = Path::new(word).strip_prefix(self.project).ok().and_then(Path::to_str).unwrap_or(word);
        let path_like = word.contains('/');
        let telling = path_like || word.contains('.') || candidate.quoted || word.starts_with(char::is_uppercase);
        let trimmed = inside.trim_end_matches('/');
        let Ok(path) = RelPath::new(trimmed) else { return self.outside(word, named) };
        let mut problem = |message: String, hint: String, fatal: bool| {
            let known = named.problems.iter().any(|problem| problem.message == message);
            if !known {
                named.problems.push(NamedProblem { word: word.clone(), message, hint, fatal });
            }
        };
        let leaves = (
            format!("`{word}` is a link that leaves the project and is not attached"),
            format!("if the agents should have it, attach it yourself: --attach {trimmed}"),
        );
        let kind = match self.folder.metadata(path.as_str()) {
            Ok(meta) => meta.kind,
            // The folder's handle refuses to walk out of the project.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && telling => return problem(leaves.0, leaves.1, false),
            Err(_) => return,
        };
        let absolute = self.project.join(path.as_str());
        let Ok(real) = self.disk.resolve(&absolute) else { return };
        let real_kind = if kind == EntryKind::Link { kind_at(self.disk, &real) } else { Some(kind) };
        match real_kind {
            _ if !telling && real_kind != Some(EntryKind::Folder) => {}
            _ if !real.starts_with(self.real_project) => problem(leaves.0, leaves.1, false),
            _ if is_secret(Path::new(path.as_str())) || real.strip_prefix(self.real_project).is_ok_and(is_secret) => problem(
                format!("`{word}` may hold secrets and is not attached"),
                format!("if the agents should see it, attach it yourself: --attach {trimmed}"),
                false,
            ),
            Some(EntryKind::Folder) => problem(
                format!("`{word}` is a folder and is not attached"),
                "attach its files one by one with --attach, or let the agents read the project with --read-project".into(),
                path_like,
            ),
            Some(EntryKind::File) if !named.files.contains(&absolute) => named.files.push(absolute),
            _ => {}
        }
    }

    /// A path with `..` that exists is worth a word; anything else that is no relative path is just a word.
    fn outside(&self, word: &str, named: &mut NamedFiles) {
        let steps_out = word.split('/').any(|part| part == "..");
        if steps_out && word.len() <= 400 && !word.contains('\0') && self.disk.resolve(&self.project.join(word)).is_ok() {
            named.problems.push(NamedProblem {
                word: word.to_owned(),
                message: format!("`{word}` is outside the project and is not attached"),
                hint: format!("if the agents should have it, attach it yourself: --attach {word}"),
                fatal: false,
            });
        }
    }
}

fn kind_at(disk: &Arc<dyn Disk>, real: &Path) -> Option<EntryKind> {
    let (parent, name) = (real.parent()?, real.file_name()?.to_str()?);
    Some(disk.open(parent).ok()?.metadata(name).ok()?.kind)
}

fn candidates(goal: &str) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for (open, close) in [('`', '`'), ('"', '"'), ('“', '”'), ('„', '“'), ('«', '»'), ('「', '」'), ('‘', '’')] {
        let mut rest = goal;
        while let Some((_, after)) = rest.split_once(open) {
            let Some((inside, next)) = after.split_once(close) else { break };
            if inside.len() <= 400 && !inside.contains('\n') {
                found.push(Candidate { text: inside.trim().to_owned(), quoted: true });
            }
            // The same sign may close one quotation and open the next, so go on behind the opening one.
            rest = if open == close { after } else { next };
        }
    }
    for word in goal.split_whitespace().take(MAX_WORDS).filter(|word| !word.contains("://")) {
        add_word(word, &mut found);
    }
    found.retain(|candidate| !candidate.text.is_empty());
    found
}

/// The word as it stands, without what surrounds it, in its pieces, and its longest runs of path characters.
fn add_word(word: &str, found: &mut Vec<Candidate>) {
    let mut add = |text: &str| {
        let text = text.trim_matches(AROUND);
        let text = text.strip_suffix("'s").or_else(|| text.strip_suffix("’s")).unwrap_or(text);
        for text in [text, without_place(text), without_place(text.trim_end_matches('.'))] {
            let new = found.iter().rev().take(8).all(|known| known.text != text);
            if new && text.chars().any(char::is_alphanumeric) {
                found.push(Candidate { text: text.to_owned(), quoted: false });
            }
        }
    };
    add(word);
    if word.contains(AROUND) {
        word.split(AROUND).for_each(&mut add);
    }
    if !word.is_ascii() {
        let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '-');
        word.split(|c| !is_path(c)).filter(|run| run.contains(['.', '/'])).for_each(&mut add);
    }
}

/// `src/main.rs` of `src/main.rs:42:7` and `src/main.rs#L42`.
fn without_place(text: &str) -> &str {
    let text = text.split_once("#L").map_or(text, |(path, _)| path);
    let mut rest = text;
    while let Some((path, number)) = rest.rsplit_once(':') {
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        rest = path;
    }
    rest
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;
