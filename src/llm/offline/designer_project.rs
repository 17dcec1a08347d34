//! The architecture document: measured facts of an outlined project, each with its place. Judges nothing that was not counted.
use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::llm::offline::answers::numbered_lines;
use crate::llm::offline::gathered::Gathered;
use crate::llm::offline::marks::{cell, code, label, plural, quoted, some_of, table, verbatim};
use crate::llm::offline::moves::NO_MODEL;

/// Rows of the table of imports.
const MODULES: usize = 80;

/// The path of the README, or else of the first document at the top of the project.
pub fn readme(outline: &Value) -> Option<&str> {
    let mut documents = list(outline, "documents").filter_map(Value::as_str);
    documents.find(|path| path.rsplit('/').next().is_some_and(|name| name.to_lowercase().starts_with("readme")))
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    list(value, key).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The whole document.
pub fn document(gathered: &Gathered<'_>, outline: &Value) -> String {
    let sections = [
        ("What it is", what_it_is(gathered, outline)),
        ("At a glance", at_a_glance(outline)),
        ("Parts", parts(outline)),
        ("How the parts depend on each other", diagram(outline)),
        ("Entry points", entry_points(outline)),
        ("Who imports whom", imports(outline)),
        ("What the central modules declare", declarations(outline)),
        ("Dependencies", dependencies(outline)),
        ("Observations", observations(outline)),
        ("Open questions", questions(gathered, outline)),
        ("How this was made", method(outline)),
    ];
    let mut document = format!("# Architecture of {}\n\n", cell(project_name(outline)));
    let _ = write!(
        document,
        "> {NO_MODEL}: this document was put together from the project's files by counting and parsing. It says what stands there and judges nothing.\n\n\
         The task was:\n\n{}\n",
        quoted(&gathered.request.brief.goal)
    );
    for (title, body) in sections {
        let _ = write!(document, "## {title}\n\n{}\n\n", body.trim_end());
    }
    document.trim_end().to_owned() + "\n"
}

/// The name in the manifest at the top, else the folder's.
fn project_name(outline: &Value) -> &str {
    let named = list(outline, "manifests").find(|manifest| !text(manifest, "path").contains('/') && !text(manifest, "name").is_empty());
    named.map_or_else(|| text(outline, "project"), |manifest| text(manifest, "name"))
}

fn what_it_is(gathered: &Gathered<'_>, outline: &Value) -> String {
    let mut body = String::new();
    for manifest in list(outline, "manifests").filter(|manifest| !text(manifest, "description").is_empty()).take(3) {
        let _ = writeln!(
            body,
            "{} describes itself in {} as:\n\n{}",
            code(text(manifest, "name")),
            code(text(manifest, "path")),
            verbatim(text(manifest, "description"))
        );
    }
    let Some(path) = readme(outline) else {
        return body + "The project has no README.";
    };
    match gathered.answer("read_project", path) {
        Some((content, true)) => match first_paragraph(&numbered_lines(content)) {
            Some((from, to, paragraph)) => {
                let _ = write!(body, "From {}, {}:\n\n{}", code(path), places(from, to), verbatim(&paragraph));
            }
            None => {
                let _ = write!(body, "{} has no paragraph of text in its first lines.", code(path));
            }
        },
        Some((reason, false)) => {
            let _ = write!(body, "{} could not be read: {}.", code(path), cell(reason));
        }
        None => {
            let _ = write!(body, "{} was not read.", code(path));
        }
    }
    body
}

fn places(from: usize, to: usize) -> String {
    if from == to { format!("line {from}") } else { format!("lines {from} to {to}") }
}

/// The first lines of prose: no heading, badge, HTML, fence or list.
fn first_paragraph(lines: &[(usize, &str)]) -> Option<(usize, usize, String)> {
    let is_prose = |line: &str| {
        let line = line.trim();
        !line.is_empty()
            && !line.starts_with(['#', '<', '!', '|', '=', '-', '*', '`', '~'])
            && !line.starts_with("[![")
            && line.contains(' ')
    };
    let mut fenced = false;
    let mut found: Vec<&(usize, &str)> = Vec::new();
    for entry in lines {
        fenced ^= entry.1.trim_start().starts_with("```");
        if !fenced && is_prose(entry.1) {
            found.push(entry);
        } else if !found.is_empty() {
            break;
        }
    }
    let (first, last) = (found.first()?, found.last()?);
    let paragraph: Vec<&str> = found.iter().map(|(_, line)| *line).collect();
    Some((first.0, last.0, paragraph.join("\n")))
}

fn at_a_glance(outline: &Value) -> String {
    let languages: Vec<Vec<String>> = list(outline, "languages")
        .map(|language| {
            vec![text(language, "language").to_owned(), number(language, "files").to_string(), number(language, "lines").to_string()]
        })
        .collect();
    format!(
        "{} files and {} lines of text that could be counted; {} with imports.\n\n{}",
        number(outline, "files"),
        number(outline, "lines"),
        plural(list(outline, "modules").count(), "module"),
        table(&["language", "files", "lines"], &languages, "No language was recognised.")
    )
}

/// Group → groups that import it, with counts.
fn importers(outline: &Value) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for (name, count) in list(outline, "groups").filter_map(|group| group.get("imports")?.as_object()).flatten() {
        *counts.entry(name.as_str()).or_default() += count.as_u64().unwrap_or(0);
    }
    counts
}

fn parts(outline: &Value) -> String {
    let importers = importers(outline);
    let row = |group: &Value| {
        let name = text(group, "name");
        let imports: Vec<String> = group
            .get("imports")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, count)| format!("{} ({count})", code(name)))
            .collect();
        let needs = if imports.is_empty() { "—".to_owned() } else { some_of(&imports, 8) };
        vec![
            code(name),
            number(group, "files").to_string(),
            number(group, "lines").to_string(),
            needs,
            importers.get(name).unwrap_or(&0).to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = list(outline, "groups").map(row).collect();
    let head = ["part", "files", "lines", "imports (how often)", "imported by"];
    format!(
        "Source files only; the last column counts imports from other parts.\n\n{}",
        table(&head, &rows, "No source file could be parsed.")
    )
}

fn diagram(outline: &Value) -> String {
    let names: Vec<&str> = list(outline, "groups").map(|group| text(group, "name")).take(40).collect();
    if names.is_empty() {
        return "There is nothing to draw.".to_owned();
    }
    let mut drawing = "```mermaid\nflowchart LR\n".to_owned();
    for (index, group) in list(outline, "groups").take(40).enumerate() {
        let title = format!("{} · {}", text(group, "name"), plural(usize::try_from(number(group, "lines")).unwrap_or(0), "line"));
        let _ = writeln!(drawing, "    p{index}[{}]", label(&title));
    }
    let mut arrows = 0;
    for (index, group) in list(outline, "groups").take(40).enumerate() {
        for (target, count) in group.get("imports").and_then(Value::as_object).into_iter().flatten() {
            if let Some(to) = names.iter().position(|name| name == target) {
                arrows += 1;
                let _ = writeln!(drawing, "    p{index} -->|{count}| p{to}");
            }
        }
    }
    let caption = if arrows == 0 {
        "No part imports another."
    } else {
        "An arrow points from a part to what it imports; its number counts the imports."
    };
    format!("{caption}\n\n{drawing}```")
}

fn entry_points(outline: &Value) -> String {
    let rows: Vec<Vec<String>> =
        list(outline, "entry_points").map(|entry| vec![code(text(entry, "path")), text(entry, "why").to_owned()]).collect();
    table(&["where", "what"], &rows, "None was recognised: no `main`, no `__main__`, no index file, nothing in a manifest.")
}

fn imports(outline: &Value) -> String {
    let mut modules: Vec<&Value> = list(outline, "modules").filter(|module| list(module, "imports").next().is_some()).collect();
    let (with, all) = (modules.len(), list(outline, "modules").count());
    modules.sort_by_key(|module| text(module, "path"));
    let row = |module: &&Value| {
        let names: Vec<String> = texts(module, "imports").iter().map(|path| code(path)).collect();
        vec![code(text(module, "path")), number(module, "lines").to_string(), some_of(&names, 12)]
    };
    let rows: Vec<Vec<String>> = modules.iter().take(MODULES).map(row).collect();
    let mut body = table(&["module", "lines", "imports from this project"], &rows, "No module imports another one of this project.");
    if with > MODULES {
        let _ = write!(body, "\n{} more are left out here.", with - MODULES);
    }
    let _ = write!(body, "\n{} of {} import nothing of this project.", all - with, plural(all, "module"));
    body
}

fn declarations(outline: &Value) -> String {
    let hubs: Vec<&str> = list(outline, "hubs").map(|hub| text(hub, "path")).collect();
    let modules = hubs.iter().filter_map(|path| list(outline, "modules").find(|module| text(module, "path") == *path));
    let mut rows = Vec::new();
    for module in modules.filter(|module| list(module, "declares").next().is_some()).take(8) {
        let path = text(module, "path");
        let declared: Vec<String> = texts(module, "declares")
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(line, what)| format!("{} (line {line})", code(what)))
            .collect();
        rows.push(vec![code(path), some_of(&declared, 8)]);
    }
    table(&["module", "declares"], &rows, "The outline holds no declarations at this size; outline one folder to see them.")
}

fn dependencies(outline: &Value) -> String {
    let row = |manifest: &Value| {
        let count = |key: &str| texts(manifest, key).iter().map(|entry| code(entry)).collect::<Vec<_>>();
        let or_none = |list: Vec<String>| if list.is_empty() { "—".to_owned() } else { some_of(&list, 50) };
        vec![code(text(manifest, "path")), or_none(count("dependencies")), or_none(count("development"))]
    };
    let rows: Vec<Vec<String>> = list(outline, "manifests").map(row).collect();
    table(
        &["manifest", "needed", "for development"],
        &rows,
        "No manifest was found (Cargo.toml, package.json, pyproject.toml, requirements.txt).",
    )
}

fn observations(outline: &Value) -> String {
    let total: u64 = list(outline, "groups").map(|group| number(group, "lines")).sum();
    let modules = list(outline, "modules").count();
    let mut body = String::new();
    let largest: Vec<String> =
        list(outline, "largest").take(5).map(|file| format!("{} ({})", code(text(file, "path")), number(file, "lines"))).collect();
    let share: u64 = list(outline, "largest").take(5).map(|file| number(file, "lines")).sum();
    if let (false, Some(percent)) = (largest.is_empty(), (share * 100).checked_div(total)) {
        let _ =
            writeln!(body, "- **Largest files**, in lines: {}. Together {percent} % of the {total} lines of source.", largest.join(", "));
    }
    let hubs: Vec<String> =
        list(outline, "hubs").take(5).map(|hub| format!("{} ({})", code(text(hub, "path")), number(hub, "imported_by"))).collect();
    if !hubs.is_empty() {
        let _ = writeln!(body, "- **Most imported**, by number of modules out of {modules}: {}.", hubs.join(", "));
    }
    let cycles: Vec<Vec<String>> = cycles(outline);
    if cycles.is_empty() {
        let _ = writeln!(body, "- **Circles of imports**: none.");
    }
    for cycle in &cycles {
        let _ = writeln!(body, "- **Circle of imports** among {}: {}.", plural(cycle.len(), "file"), some_of(cycle, 12));
    }
    let alone: Vec<String> = texts(outline, "unreferenced").iter().map(|path| code(path)).collect();
    if alone.is_empty() {
        let _ = writeln!(body, "- **Files that nobody imports** and that are no entry point, test or example: none.");
    } else {
        let _ = writeln!(body, "- **Files that nobody imports** and that are no entry point, test or example: {}.", some_of(&alone, 16));
    }
    body
}

fn cycles(outline: &Value) -> Vec<Vec<String>> {
    let names = |cycle: &Value| cycle.as_array().into_iter().flatten().filter_map(Value::as_str).map(code).collect();
    list(outline, "cycles").map(names).collect()
}

fn questions(gathered: &Gathered<'_>, outline: &Value) -> String {
    let mut body = String::new();
    for cycle in cycles(outline).iter().take(4) {
        let _ = writeln!(body, "- Is it meant that {} import each other in a circle?", some_of(cycle, 4));
    }
    for path in texts(outline, "unreferenced").iter().take(4) {
        let _ = writeln!(body, "- What uses {}? No import leads there; it may be loaded by name, generated, or left over.", code(path));
    }
    if readme(outline).is_none() {
        let _ = writeln!(body, "- What is the project for, and for whom? There is no README to quote.");
    }
    let tests = list(outline, "modules").filter(|module| text(module, "path").to_lowercase().contains("test")).count();
    if tests == 0 && list(outline, "notes").next().is_none() {
        let _ = writeln!(body, "- How is it tested? No module with `test` in its path was found.");
    }
    let _ = writeln!(body, "- Why the parts are cut as they are cannot be read from imports; it is for a person to add.");
    if !gathered.request.brief.instructions.trim().is_empty() {
        let _ = writeln!(
            body,
            "- The step's instructions may ask for more than can be measured:\n\n{}",
            quoted(&gathered.request.brief.instructions)
        );
    }
    body
}

fn method(outline: &Value) -> String {
    let mut body = format!(
        "The outline came from `outline_project`, which reads the files that .gitignore leaves in and parses Rust, Python, JavaScript, TypeScript and HTML. \
         Level of detail: {}. Imports that are built at run time, macros and code generation are not seen.",
        text(outline, "detail")
    );
    for note in texts(outline, "notes") {
        let _ = write!(body, "\n\nNote: {note}.");
    }
    body
}
