//! The building inspector: imports only point down, outside crates stay in their home, files stay small and say what they know.
use std::fs;
use std::path::{Path, PathBuf};

/// Module, floor, and what of ours it may import besides its own floor's own module.
const FLOORS: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("engine", &["domain"]),
    ("documents", &["domain"]),
    ("sys", &["domain"]),
    ("config", &["domain", "sys"]),
    ("workspace", &["domain", "documents", "sys", "config"]),
    ("llm", &["domain", "documents", "sys", "config"]),
    ("tools", &["domain", "sys", "config", "workspace"]),
    ("orchestrator", &["domain", "engine", "documents", "sys", "config", "workspace", "llm", "tools"]),
    ("lsp", &["domain", "documents", "sys", "config", "orchestrator"]),
    ("cli", &["domain", "documents", "sys", "config", "orchestrator"]),
    ("mcp", &["domain", "sys", "config", "orchestrator"]),
    ("acp", &["domain", "sys", "orchestrator"]),
];

/// Outside crates that live in one place, with the paths (prefixes below `src/`) that may name them.
const HOMES: [(&str, &[&str]); 27] = [
    ("cap_std", &["sys/disk"]),
    ("cap_fs_ext", &["sys/disk"]),
    ("reqwest", &["sys/http"]),
    ("rustls", &["sys/http"]),
    ("rusqlite", &["tools/data"]),
    ("landlock", &["sys/fence"]),
    ("agent_client_protocol", &["acp/"]),
    ("lopdf", &["tools/pdf"]),
    ("rmcp", &["tools/mcp", "mcp/"]),
    ("sse_stream", &["tools/mcp"]),
    ("tower_lsp", &["lsp/"]),
    ("tower_service", &["lsp/"]),
    ("clap", &["cli/args"]),
    ("clap_complete", &["cli/args"]),
    ("clap_mangen", &["cli/args"]),
    ("tracing_subscriber", &["cli/log", "sys/otlp"]),
    ("notify", &["sys/watch"]),
    ("tree_sitter", &["tools/"]),
    ("ignore", &["tools/project"]),
    ("serde_saphyr", &["documents/front_matter", "tools/check"]),
    ("indicatif", &["cli/"]),
    ("jsonc_parser", &["config/"]),
    ("sha2", &["domain/hash"]),
    ("ropey", &["documents/", "lsp/"]),
    ("encoding_rs", &["tools/web_page"]),
    ("htmd", &["tools/web_html"]),
    ("url", &["domain/address"]),
];

const MAX_LINES: usize = 400;
const MAX_FUNCTION: usize = 60;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

struct Source {
    /// Below `src/`, with forward slashes.
    name: String,
    text: String,
}

impl Source {
    /// The text before the tests at the end of the file.
    fn code(&self) -> &str {
        let end = self.text.find("\n#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        &self.text[..end]
    }

    fn is_test(&self) -> bool {
        self.name.ends_with("_tests.rs") || self.name.ends_with("/tests.rs")
    }
}

fn sources() -> Vec<Source> {
    let root = source();
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files.sort();
    let read = |path: PathBuf| Source {
        name: path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"),
        text: fs::read_to_string(&path).unwrap(),
    };
    files.into_iter().map(read).collect()
}

fn fail_on(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Words of the form `crate::name` in code, comments left out.
fn crate_imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default();
        for part in line.split("crate::").skip(1) {
            let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push((number + 1, name));
        }
    }
    found
}

#[test]
fn imports_only_point_down() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let module = source.name.split('/').next().unwrap_or_default();
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == module) else { continue };
        for (line, name) in crate_imports(source.code()) {
            let is_module = FLOORS.iter().any(|(module, _)| *module == name);
            if is_module && name != module && !allowed.contains(&name.as_str()) {
                problems.push(format!("src/{}:{line}: {module} may not import {name}", source.name));
            }
        }
    }
    fail_on(problems);
}

#[test]
fn every_top_folder_has_a_floor() {
    let folders = fs::read_dir(source()).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.is_dir().then(|| path.file_name().unwrap().to_string_lossy().into_owned())
    });
    let strangers: Vec<String> = folders.filter(|folder| !FLOORS.iter().any(|(name, _)| name == folder)).collect();
    assert_eq!(strangers, Vec::<String>::new());
}

#[test]
fn outside_crates_stay_at_home() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (number, line) in source.code().lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            for (name, homes) in HOMES {
                let named = line
                    .match_indices(&format!("{name}::"))
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
                if named && !homes.iter().any(|home| source.name.starts_with(home)) {
                    problems.push(format!("src/{}:{}: {name} lives in {homes:?}", source.name, number + 1));
                }
            }
        }
    }
    fail_on(problems);
}

#[test]
fn printing_has_one_home() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test() && source.name != "cli/terminal.rs") {
        for (number, line) in source.code().lines().enumerate() {
            for word in ["println!(", "print!(", "eprintln!(", "eprint!(", "std::io::stdout", "io::stdout(", "io::stderr("] {
                if line.split("//").next().unwrap_or_default().contains(word) {
                    problems.push(format!("src/{}:{}: {word}", source.name, number + 1));
                }
            }
        }
    }
    fail_on(problems);
}

#[test]
fn files_are_small_and_say_what_they_know() {
    let mut problems = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//! ") {
            problems.push(format!("src/{}: does not open with `//!`", source.name));
        }
        let lines = source.code().lines().count();
        if !source.is_test() && lines > MAX_LINES {
            problems.push(format!("src/{}: {lines} lines, more than {MAX_LINES}", source.name));
        }
    }
    fail_on(problems);
}

#[test]
fn functions_are_short() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let mut open: Option<(usize, usize)> = None;
        for (number, line) in source.code().lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let trimmed = line.trim_start();
            let starts =
                ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(super) fn ", "pub(super) async fn ", "pub(crate) fn ", "const fn "];
            if starts.iter().any(|start| trimmed.starts_with(start)) && open.is_none() && !trimmed.ends_with(';') {
                open = Some((number, indent));
            }
            if let Some((start, at)) = open
                && indent == at
                && (trimmed.starts_with('}') || (number == start && trimmed.ends_with('}')))
            {
                let length = number - start + 1;
                if length > MAX_FUNCTION {
                    problems.push(format!("src/{}:{}: a function of {length} lines", source.name, start + 1));
                }
                open = None;
            }
        }
    }
    fail_on(problems);
}
