//! Goals in documents: what kinds of text carry them, what was found, and how that becomes a goal. The scanning itself is in `goal_index`.
use crate::domain::{Error, Goal, Result};

use super::goal_file::GoalFile;
use super::goal_index::GoalIndex;
use super::place::{Problem, Span};

/// The markers in force unless the settings name others.
pub const DEFAULT_MARKERS: [&str; 3] = ["goal:", "TODO(goal)", "@goal"];

/// What kind of text a document is, which decides the forms of goals it can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextKind {
    /// Goal lines outside code fences and front matter; comment markers in HTML comments.
    Markdown,
    /// As Markdown, and comment markers behind any comment sign.
    Plain,
    /// Comment markers only.
    Code,
    /// The whole document is one goal.
    GoalFile,
}

const MARKDOWN: [&str; 8] = ["md", "markdown", "mdx", "mkd", "mdown", "qmd", "rmd", "livemd"];
const PLAIN: [&str; 10] = ["txt", "text", "rst", "org", "adoc", "asciidoc", "norg", "log", "wiki", "textile"];
/// Names without an extension that are code all the same.
const CODE_NAMES: [&str; 12] = [
    "makefile",
    "gnumakefile",
    "dockerfile",
    "containerfile",
    "justfile",
    "rakefile",
    "gemfile",
    "jenkinsfile",
    "vagrantfile",
    "procfile",
    "build",
    "cmakelists.txt",
];

impl TextKind {
    /// The kind of a document by its path or name, helped by the editor's language id where the name says nothing.
    pub fn of(path_or_name: &str, language_id: Option<&str>) -> Self {
        let name = path_or_name.rsplit(['/', '\\']).next().unwrap_or(path_or_name).to_lowercase();
        if name.ends_with(".goal.md") {
            return TextKind::GoalFile;
        }
        if CODE_NAMES.contains(&name.as_str()) {
            return TextKind::Code;
        }
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        match extension {
            Some(extension) if MARKDOWN.contains(&extension) => return TextKind::Markdown,
            Some(extension) if PLAIN.contains(&extension) => return TextKind::Plain,
            _ => {}
        }
        match language_id.map(str::to_lowercase).as_deref() {
            Some("markdown" | "mdx" | "rmd" | "quarto" | "ghmarkdown" | "pandoc" | "vimwiki") => TextKind::Markdown,
            Some("plaintext" | "text" | "txt" | "org" | "asciidoc" | "restructuredtext" | "rst" | "git-commit" | "gitcommit") => {
                TextKind::Plain
            }
            Some(id) if !id.is_empty() => TextKind::Code,
            _ if extension.is_none() => TextKind::Plain,
            _ => TextKind::Code,
        }
    }
}

/// The mark of a task item that holds a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkbox {
    /// What stands between the brackets.
    pub span: Span,
    pub checked: bool,
}

/// A goal found in a document.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundGoal {
    pub kind: TextKind,
    /// From the marker to the end of the last line that continues it; the whole text of a goal file.
    pub span: Span,
    /// The line of the marker, from 0.
    pub line: usize,
    /// The goal's words, markers and indentation taken off; empty only in a goal file that says nothing yet.
    pub text: String,
    pub checkbox: Option<Checkbox>,
    /// What the front matter of a goal file says.
    pub file: Option<GoalFile>,
    pub problems: Vec<Problem>,
}

impl FoundGoal {
    /// The goal, with everything the file said about it. Fails when the text is empty or too long, or the front matter has an error.
    pub fn to_goal(&self) -> Result<Goal> {
        let mut goal = Goal::new(self.text.as_str())?;
        if let Some(problem) = self.problems.iter().find(|problem| problem.severity == super::Severity::Error) {
            let what = format!("the goal file has a problem: {}", problem.message);
            return Err(Error::usage(what).hint("mend the front matter between the two `---` lines, then run the goal again"));
        }
        if let Some(file) = &self.file {
            file.apply(&mut goal);
        }
        Ok(goal)
    }
}

/// Every goal in `text`, in order. Offsets are bytes of `text`.
pub fn scan(text: &str, kind: TextKind, markers: &[String]) -> Vec<FoundGoal> {
    GoalIndex::new(&ropey::Rope::from_str(text), kind, markers).goals()
}

/// The goal in a selection of three words or more; `None` for less, which is no goal but a slip of the mouse.
pub fn selection_goal(text: &str) -> Option<String> {
    let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).take(3).count();
    (words >= 3).then(|| text.trim().to_owned())
}

/// Whether a path names a file that a run writes for people (plan.md, approvals.md, …), in which no goal is looked for.
/// A plan.md counts only by its name; the caller knows whether it lies in a workspace.
pub fn is_own_document(path: &str) -> bool {
    let mut parts = path.rsplit(['/', '\\']);
    let name = parts.next().unwrap_or(path).to_lowercase();
    let ours = crate::domain::plan::OWN_FILES.contains(&name.as_str());
    // `inputs` and `evidence` are names that people give to folders of their own.
    ours || parts.any(|part| matches!(part, "agent_outputs" | ".orchestrator"))
}

#[cfg(test)]
#[path = "goals_tests.rs"]
mod tests;
