//! The outline of a project as JSON: sizes, modules, who imports whom, entry points, dependencies. Drops detail for large trees and says so.
//!
//! `{project, path, files, lines, detail, languages: [{language, files, lines}], documents: [path], manifests: [{path, name, description,
//! dependencies, development}], entry_points: [{path, why}], groups: [{name, files, lines, imports: {group: count}}], cycles: [[path]],
//! hubs: [{path, imported_by}], largest: [{path, lines}], unreferenced: [path], modules: [{path, language, lines, imports, external, declares}], notes: [text]}`
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::ToolOutcome;
use crate::tools::described::{Described, Input, Worked, plural};
use crate::tools::project::{Project, each};
use crate::tools::project_graph::{Graph, cycles, groups, hubs};
use crate::tools::project_links::{Links, Map};
use crate::tools::project_manifest::{self as manifest, Manifest};
use crate::tools::project_source::{Source, read};
use crate::tools::syntax::Language;
use crate::tools::tool::{MAX_RESULT_BYTES, Tool, ToolContext};

/// Source text that is parsed in one outline, in bytes.
const PARSED: usize = 24 * 1024 * 1024;
/// The largest source file that is parsed, in bytes.
const PARSED_FILE: usize = 1024 * 1024;

/// The tools of this file.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![OUTLINE_PROJECT.tool()]
}

const OUTLINE_PROJECT: Described = Described {
    name: "outline_project",
    description: "Outline the user's project as JSON: languages and sizes, modules with their declarations, who imports whom, cycles, entry \
        points, dependencies. For a large project ask again with the path of a folder.",
    inputs: &[("path", "string", false, "only this folder or file of the project")],
    read_only: true,
    work: outline_project,
};

/// One file of the project, read.
struct File {
    path: String,
    language: &'static str,
    lines: usize,
    /// `None` for a file without imports, or one that was not parsed.
    source: Option<Source>,
    manifest: Option<Manifest>,
}

/// Everything the outline is made of.
struct Outline {
    project: String,
    scope: String,
    files: Vec<File>,
    total_files: usize,
    links: BTreeMap<String, Links>,
    notes: Vec<String>,
}

fn outline_project(input: &Input<'_>, context: &ToolContext) -> Worked {
    let project = Project::open(context)?;
    let scope = input.optional_text("path")?.unwrap_or_default().trim_start_matches("./").trim_end_matches('/');
    let scope = if scope.is_empty() || scope == "." { String::new() } else { project.path(scope)?.as_str().to_owned() };
    let (paths, too_many) = project.files();
    let is_inside = |path: &str| scope.is_empty() || path == scope || path.strip_prefix(&scope).is_some_and(|rest| rest.starts_with('/'));
    let wanted: Vec<String> = paths.iter().filter(|path| is_inside(path) || manifest::is_manifest(path)).cloned().collect();
    if !wanted.iter().any(|path| is_inside(path)) {
        return Err(ToolOutcome::refused(format!("there is no file below `{scope}` in the project")));
    }
    let budget = std::sync::atomic::AtomicUsize::new(0);
    let files = each(&wanted, |path| file(&project, path, &budget));
    if project.is_cancelled() {
        return Err(ToolOutcome::refused("stopped"));
    }
    let outline = build((project.name(), scope.clone()), (paths, too_many), files, &is_inside);
    let summary = format!("outlined {}, {}", plural(outline.total_files, "file"), plural(outline.links.len(), "module"));
    Ok(ToolOutcome::ok(fitted(&outline), summary))
}

fn file(project: &Project<'_>, path: &str, budget: &std::sync::atomic::AtomicUsize) -> Option<File> {
    let language = language_name(path)?;
    let text = if project.is_cancelled() { None } else { project.text(path).ok() }?;
    let cost = if Language::of(path).is_some() { text.len() } else { 0 };
    let parsed = budget.fetch_add(cost, std::sync::atomic::Ordering::Relaxed) < PARSED;
    let is_minified = path.contains(".min.") || text.len() > 20_000 && text.len() / (text.lines().count() + 1) > 400;
    let source = Language::of(path).filter(|_| parsed && text.len() <= PARSED_FILE && !is_minified).map(|language| read(language, &text));
    let manifest = manifest::is_manifest(path).then(|| manifest::read(path, &text));
    Some(File { path: path.to_owned(), language, lines: text.lines().count(), source, manifest })
}

fn build(
    (project, scope): (String, String),
    (paths, too_many): (Vec<String>, bool),
    files: Vec<Option<File>>,
    is_inside: &dyn Fn(&str) -> bool,
) -> Outline {
    let total_files = paths.iter().filter(|path| is_inside(path)).count();
    let all: BTreeSet<String> = paths.into_iter().collect();
    let mut files: Vec<File> = files.into_iter().flatten().collect();
    let manifests: Vec<Manifest> = files.iter_mut().filter_map(|file| file.manifest.take()).collect();
    let packages = manifest::packages(&manifests);
    let sources: BTreeMap<String, Source> = files.iter_mut().filter_map(|file| Some((file.path.clone(), file.source.take()?))).collect();
    let asked_for = manifest::asked_for(&manifests);
    let map = Map::new(&all, &packages, &asked_for, &sources);
    let links = sources.iter().filter(|(path, _)| is_inside(path)).map(|(path, source)| (path.clone(), map.links(path, source))).collect();
    let mut notes = Vec::new();
    if too_many {
        notes.push("the project has more files than are looked at; the outline covers the first ones".to_owned());
    }
    let skipped = files.iter().filter(|file| Language::of(&file.path).is_some() && !sources.contains_key(&file.path)).count();
    if skipped > 0 {
        notes.push(format!("{} counted but not parsed: too large, minified, or too many", plural(skipped, "source file")));
    }
    let mut sources = sources;
    for file in &mut files {
        file.source = sources.remove(&file.path);
    }
    for manifest in manifests {
        if let Some(file) = files.iter_mut().find(|file| file.path == manifest.path) {
            file.manifest = Some(manifest);
        }
    }
    files.retain(|file| is_inside(&file.path) || file.manifest.is_some());
    Outline { project, scope, files, total_files, links, notes }
}

/// The outline with as much detail as a result may hold.
fn fitted(outline: &Outline) -> String {
    let facts = facts(outline);
    let modules = modules(outline);
    let details = ["full", "no private declarations", "no declarations", "no declarations and packages"];
    for (level, detail) in details.iter().enumerate() {
        let shown: Vec<Value> = modules.iter().map(|module| with_detail(module, level)).collect();
        let text = rendered(&facts, detail, shown, None);
        if text.len() <= MAX_RESULT_BYTES {
            return text;
        }
    }
    let mut by_size: Vec<&Value> = modules.iter().collect();
    by_size.sort_by_key(|module| std::cmp::Reverse(module["lines"].as_u64().unwrap_or(0)));
    let mut count = by_size.len() / 2;
    loop {
        let shown = by_size.iter().take(count).map(|module| with_detail(module, 3)).collect();
        let note =
            format!("only the {count} largest of {} are listed; ask again with the path of a folder", plural(modules.len(), "module"));
        let text = rendered(&facts, "largest modules only", shown, Some(note));
        if text.len() <= MAX_RESULT_BYTES || count == 0 {
            return text;
        }
        count /= 2;
    }
}

fn rendered(facts: &Value, detail: &str, modules: Vec<Value>, note: Option<String>) -> String {
    let mut whole = facts.clone();
    whole["detail"] = json!(detail);
    whole["modules"] = Value::Array(modules);
    if let (Some(note), Some(notes)) = (note, whole["notes"].as_array_mut()) {
        notes.push(json!(note));
    }
    whole.to_string()
}

fn with_detail(module: &Value, level: usize) -> Value {
    let mut module = module.clone();
    let is_rust = module["language"] == "Rust";
    if let (true, Some(declares)) = (level == 1 && is_rust, module["declares"].as_array_mut()) {
        declares.retain(|line| line.as_str().is_some_and(|line| line.contains(": pub ")));
    }
    if let (true, Some(object)) = (level > 1, module.as_object_mut()) {
        object.remove("declares");
        if level > 2 {
            object.remove("external");
        }
    }
    module
}

fn modules(outline: &Outline) -> Vec<Value> {
    let module = |file: &File| {
        let (source, links) = (file.source.as_ref()?, outline.links.get(&file.path)?);
        let declares: Vec<&String> = source.declares.iter().take(80).collect();
        let (imports, external) = (&links.files, &links.external);
        Some(
            json!({"path": file.path, "language": file.language, "lines": file.lines, "imports": imports, "external": external, "declares": declares}),
        )
    };
    outline.files.iter().filter_map(module).collect()
}

fn facts(outline: &Outline) -> Value {
    let inside: Vec<&File> =
        outline.files.iter().filter(|file| outline.scope.is_empty() || file.path.starts_with(&outline.scope)).collect();
    let graph: Graph = outline.links.iter().map(|(path, links)| (path.clone(), links.files.clone())).collect();
    let lines: BTreeMap<String, usize> =
        inside.iter().filter(|file| file.source.is_some()).map(|file| (file.path.clone(), file.lines)).collect();
    let manifests: Vec<&Manifest> = outline.files.iter().filter_map(|file| file.manifest.as_ref()).collect();
    let entries = entry_points(outline, &manifests);
    let mut largest: Vec<(&String, &usize)> = lines.iter().collect();
    largest.sort_by(|a, b| b.1.cmp(a.1));
    let largest: Vec<Value> = largest.iter().take(10).map(|(path, lines)| json!({"path": path, "lines": lines})).collect();
    let hubs: Vec<Value> = hubs(&graph).into_iter().take(10).map(|(path, count)| json!({"path": path, "imported_by": count})).collect();
    let cycles: Vec<Vec<String>> = cycles(&graph).into_iter().take(8).map(|cycle| cycle.into_iter().take(12).collect()).collect();
    let unreferenced = unreferenced(outline, &entries);
    json!({
        "project": outline.project, "path": outline.scope, "files": outline.total_files,
        "lines": inside.iter().map(|file| file.lines).sum::<usize>(),
        "languages": languages(&inside), "documents": documents(&inside), "manifests": manifests.iter().take(6).map(|manifest| short(manifest)).collect::<Vec<_>>(),
        "entry_points": entries.iter().take(24).map(|(path, why)| json!({"path": path, "why": why})).collect::<Vec<_>>(),
        "groups": groups(&lines, &graph), "cycles": cycles, "hubs": hubs, "largest": largest,
        "unreferenced": unreferenced.iter().take(16).collect::<Vec<_>>(), "notes": outline.notes,
    })
}

/// A manifest with no more dependencies than fit.
fn short(manifest: &Manifest) -> Value {
    let most = |list: &[String]| list.iter().take(50).cloned().collect::<Vec<_>>();
    let mut value = json!({"path": manifest.path, "dependencies": most(&manifest.dependencies)});
    for (key, text) in [("name", &manifest.name), ("description", &manifest.description)] {
        if !text.is_empty() {
            value[key] = json!(text.chars().take(200).collect::<String>());
        }
    }
    if !manifest.development.is_empty() {
        value["development"] = json!(most(&manifest.development));
    }
    value
}

fn languages(files: &[&File]) -> Vec<Value> {
    let mut sums: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for file in files {
        let sum = sums.entry(file.language).or_default();
        *sum = (sum.0 + 1, sum.1 + file.lines);
    }
    let mut sums: Vec<(&str, (usize, usize))> = sums.into_iter().collect();
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.1.1));
    sums.iter().map(|(language, (files, lines))| json!({"language": language, "files": files, "lines": lines})).collect()
}

/// The README first, then other documents, the ones nearest to the top first.
fn documents(files: &[&File]) -> Vec<String> {
    let mut found: Vec<&String> =
        files.iter().filter(|file| file.language == "Markdown" || file.language == "Text").map(|file| &file.path).collect();
    found.sort_by_key(|path| (path.matches('/').count(), !path.to_lowercase().contains("readme"), (*path).clone()));
    found.into_iter().take(16).cloned().collect()
}

/// Whether a path is that of a test, an example or the like, which nobody needs to import.
fn stands_alone(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let in_folder = path.split('/').any(|part| {
        matches!(part, "tests" | "test" | "__tests__" | "examples" | "benches" | "scripts" | "docs" | "migrations" | "fixtures")
    });
    in_folder
        || ["test_", "conftest", "setup.", "__init__", "manage.", "_"].iter().any(|start| name.starts_with(start))
        || ["_test.", "_tests.", ".test.", ".spec.", ".config.", ".d.ts", ".stories."].iter().any(|part| name.contains(part))
}

fn entry_points(outline: &Outline, manifests: &[&Manifest]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for file in outline.files.iter().filter(|file| !stands_alone(&file.path) || file.path.ends_with("__main__.py")) {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let source = file.source.as_ref();
        let depth = file.path.matches('/').count();
        let why = match name {
            "main.rs" if source.is_some_and(|source| source.has_main) => "program (main function)",
            "lib.rs" => "library root",
            "build.rs" if source.is_some_and(|source| source.has_main) => "build script",
            "__main__.py" => "run by `python -m`",
            "index.html" => "page",
            "index.js" | "index.ts" | "index.tsx" | "index.jsx" | "index.mjs" if depth < 2 => "index of the package",
            "main.ts" | "main.tsx" | "main.js" | "main.jsx" if depth < 2 => "main script",
            _ if file.path.contains("src/bin/") && source.is_some_and(|source| source.has_main) => "program (main function)",
            _ if source.is_some_and(|source| source.runs_as_script) => "run as a script (`__main__`)",
            _ => continue,
        };
        found.push((file.path.clone(), why.to_owned()));
    }
    found.extend(manifests.iter().flat_map(|manifest| manifest.starts.iter().map(|(why, target)| (target.clone(), why.clone()))));
    found
}

/// Source files that no other file of the project imports or declares, and that are nothing to start with.
fn unreferenced(outline: &Outline, entries: &[(String, String)]) -> Vec<String> {
    // Seen from a folder alone, the files around it are unknown.
    if !outline.scope.is_empty() {
        return Vec::new();
    }
    let used: BTreeSet<&String> = outline.links.values().flat_map(|links| links.files.iter().chain(&links.modules)).collect();
    let is_entry = |path: &str| entries.iter().any(|(entry, _)| entry.trim_start_matches("./") == path);
    let is_page = |path: &str| matches!(Language::of(path), Some(Language::Html | Language::Css));
    outline.links.keys().filter(|path| !used.contains(path) && !is_entry(path) && !stands_alone(path) && !is_page(path)).cloned().collect()
}

/// The language of a file by its extension; `None` for what is no text we know.
fn language_name(path: &str) -> Option<&'static str> {
    if let Some(language) = Language::of(path) {
        return Some(language.name());
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or(name, |(_, extension)| extension);
    Some(match extension.to_lowercase().as_str() {
        "md" | "markdown" | "rst" | "adoc" => "Markdown",
        "txt" | "license" => "Text",
        "json" | "jsonc" => "JSON",
        "yaml" | "yml" => "YAML",
        "toml" => "TOML",
        "c" | "h" => "C",
        "cc" | "cpp" | "cxx" | "hpp" | "hh" => "C++",
        "cs" => "C#",
        "go" => "Go",
        "java" => "Java",
        "kt" | "kts" => "Kotlin",
        "swift" => "Swift",
        "rb" => "Ruby",
        "php" => "PHP",
        "lua" => "Lua",
        "sh" | "bash" | "zsh" => "Shell",
        "sql" => "SQL",
        "scss" | "sass" | "less" => "Sass",
        "vue" => "Vue",
        "svelte" => "Svelte",
        "ex" | "exs" => "Elixir",
        "hs" => "Haskell",
        "scala" => "Scala",
        "dockerfile" => "Docker",
        "makefile" => "Make",
        "xml" => "XML",
        _ => return None,
    })
}
