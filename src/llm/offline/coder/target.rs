//! What to write: the language and the file's name, from the step's output, the goal's words and the plan of a designer. Writes nothing.
use crate::domain::message::Brief;
use crate::llm::offline::results::{Gathered, Place};
use crate::llm::offline::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Python,
    JavaScript,
    TypeScript,
    Rust,
    Html,
    Sql,
    Json,
    /// Comments start with `#`: shell-like and YAML or TOML files.
    Hash,
    /// Comments start with `//`.
    Slash,
    /// Comments stand in `/* */`.
    Css,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub language: Language,
    pub path: String,
    /// The step's output is a description, and the code a file beside it.
    pub described: bool,
}

/// The step's own output, or a code file beside a description.
pub fn choose(brief: &Brief, gathered: &Gathered) -> Target {
    let output = brief.output.as_str();
    if let Some(language) = by_extension(output) {
        return Target { language, path: output.to_owned(), described: false };
    }
    let language = by_words(brief);
    let taken = |path: &str| {
        path == output
            || brief.planned_files.iter().any(|file| file.folded() == path)
            || brief.upstream.iter().any(|upstream| upstream.output.folded() == path)
    };
    let planned = planned_files(brief, gathered).into_iter().map(|(path, _)| path);
    let planned = planned
        .filter(|path| by_extension(path) == Some(language) && !taken(path) && !is_helper(path))
        .min_by_key(|path| !path.contains("main") && !path.contains("dashboard") && !path.contains("app"));
    let extension = extension(language);
    let name = subject(brief);
    let numbered = (1..).map(|number: u32| if number == 1 { format!("{name}{extension}") } else { format!("{name}_{number}{extension}") });
    let path = planned.unwrap_or_else(|| numbered.take(50).find(|path| !taken(path)).unwrap_or_else(|| format!("program{extension}")));
    Target { language, path, described: true }
}

fn is_helper(path: &str) -> bool {
    path.contains("test") || path.contains("__init__") || path.contains("config")
}

pub fn by_extension(path: &str) -> Option<Language> {
    let language = match path.rsplit_once('.')?.1.to_lowercase().as_str() {
        "py" => Language::Python,
        "js" | "mjs" | "jsx" => Language::JavaScript,
        "ts" | "tsx" => Language::TypeScript,
        "rs" => Language::Rust,
        "html" | "htm" => Language::Html,
        "sql" => Language::Sql,
        "json" => Language::Json,
        "yaml" | "yml" | "toml" | "rb" | "sh" => Language::Hash,
        "go" | "java" | "c" | "h" | "cpp" => Language::Slash,
        "css" => Language::Css,
        _ => return None,
    };
    Some(language)
}

fn extension(language: Language) -> &'static str {
    match language {
        Language::JavaScript => ".js",
        Language::TypeScript => ".ts",
        Language::Rust => ".rs",
        Language::Html => ".html",
        _ => ".py",
    }
}

fn by_words(brief: &Brief) -> Language {
    let text = words::words(&format!("{} {} {}", brief.goal, brief.title, brief.instructions));
    let has = |known: &[&str]| text.iter().any(|word| known.contains(&word.as_str()));
    if has(&["python", "py", "pandas", "flask", "django", "fastapi"]) {
        Language::Python
    } else if has(&["typescript"]) {
        Language::TypeScript
    } else if has(&["javascript", "node", "nodejs", "js", "npm"]) {
        Language::JavaScript
    } else if has(&["rust", "cargo"]) {
        Language::Rust
    } else if has(&["html", "webpage", "website", "page", "landing"]) {
        Language::Html
    } else {
        Language::Python
    }
}

/// A name from the goal: what kind of thing it is, else its first subject.
fn subject(brief: &Brief) -> String {
    const THINGS: [&str; 21] = [
        "dashboard",
        "scraper",
        "parser",
        "converter",
        "tracker",
        "server",
        "api",
        "bot",
        "calculator",
        "generator",
        "manager",
        "checker",
        "cleaner",
        "importer",
        "exporter",
        "website",
        "cli",
        "report",
        "game",
        "tool",
        "script",
    ];
    const GENERAL: [&str; 12] =
        ["command", "line", "list", "sum", "simple", "small", "convert", "converts", "using", "add", "count", "show"];
    let text = format!("{} {}", brief.goal, brief.title).to_lowercase().replace("to-do", "todo");
    let all = words::words(&text);
    let thing = THINGS.iter().copied().find(|thing| all.iter().any(|word| word == thing));
    let ascii = |word: &String| deunicode::deunicode(word).chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let subject = words::subjects(&text).iter().map(ascii).find(|word| {
        word.len() > 2
            && !GENERAL.contains(&word.as_str())
            && !word.starts_with(|c: char| c.is_ascii_digit())
            && thing.is_none_or(|thing| word != thing)
    });
    let name = match (subject, thing) {
        (_, Some(thing @ ("dashboard" | "website"))) => thing.to_owned(),
        (Some(subject), Some(thing)) => format!("{subject}_{thing}"),
        (Some(subject), None) => subject,
        (None, Some(thing)) => thing.to_owned(),
        (None, None) => "program".to_owned(),
    };
    name.chars().take(40).collect()
}

/// Code files that an earlier step names in backticks, each with the rest of its line.
pub fn planned_files(brief: &Brief, gathered: &Gathered) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for upstream in brief.upstream.iter().filter(|upstream| upstream.agent == "designer") {
        let Some(document) = gathered.document(upstream.output.as_str(), Place::Workspace) else { continue };
        for line in document.lines.values() {
            for (index, part) in line.split('`').enumerate() {
                let is_path = index % 2 == 1 && by_extension(part).is_some() && crate::domain::RelPath::new(part).is_ok();
                if is_path && !part.contains(' ') && !found.iter().any(|(path, _)| path == part) {
                    let rest = line.rsplit('`').next().unwrap_or_default();
                    found.push((
                        part.to_owned(),
                        rest.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | ')' | '(')).to_owned(),
                    ));
                }
            }
        }
    }
    found
}
