//! Programs for goals without data: a working store of entries where the goal is about keeping things, else a frame whose commands are named by the goal.
use super::Code;
use super::fill::{fill, literal, plain_line};
use super::target::{self, Language, Target};
use crate::domain::message::Brief;
use crate::llm::offline::markdown;
use crate::llm::offline::results::Gathered;
use crate::llm::offline::words;

const STORE: &str = include_str!("template/store.py");
const CLI_PYTHON: &str = include_str!("template/cli.py");
const CLI_SCRIPT: &str = include_str!("template/cli.js");
const CLI_RUST: &str = include_str!("template/cli.rs.txt");
/// Words of a goal that is about keeping entries.
const KEEPING: [&str; 14] = [
    "todo",
    "todos",
    "tracker",
    "track",
    "inventory",
    "bookmarks",
    "contacts",
    "expenses",
    "diary",
    "journal",
    "catalog",
    "catalogue",
    "store",
    "manage",
];
/// Verbs that become commands.
const VERBS: [&str; 44] = [
    "convert",
    "rename",
    "download",
    "fetch",
    "parse",
    "validate",
    "sync",
    "backup",
    "restore",
    "count",
    "search",
    "sort",
    "merge",
    "split",
    "compare",
    "export",
    "import",
    "watch",
    "send",
    "resize",
    "compress",
    "extract",
    "filter",
    "clean",
    "check",
    "monitor",
    "calculate",
    "scan",
    "encrypt",
    "decrypt",
    "translate",
    "format",
    "lint",
    "deploy",
    "scrape",
    "crawl",
    "transform",
    "encode",
    "decode",
    "replace",
    "remove",
    "list",
    "add",
    "play",
];

/// A program in the target's language.
pub fn write(brief: &Brief, gathered: &Gathered, target: &Target) -> Code {
    let text = format!("{} {} {}", brief.goal, brief.title, brief.instructions);
    let all = words::words(&text.replace("to-do", "todo"));
    let mut code = match target.language {
        Language::Python if all.iter().any(|word| KEEPING.contains(&word.as_str())) => store(brief, target, &all),
        Language::Python => python(brief, target, &commands(&all)),
        Language::JavaScript | Language::TypeScript => script(brief, target, &commands(&all)),
        Language::Rust => rust(brief, target, &commands(&all)),
        language => {
            let lines = words::terms(brief).iter().map(|term| term.word.clone()).collect::<Vec<_>>();
            let text = commented(language, brief, &lines);
            Code {
                path: target.path.clone(),
                text,
                does: vec!["Holds an outline in comments.".into()],
                usage: vec![],
                thin: vec!["There is no template for this language, so nothing but the outline was written.".into()],
            }
        }
    };
    for (path, about) in target::planned_files(brief, gathered).into_iter().filter(|(path, _)| *path != target.path) {
        let about = if about.is_empty() { String::new() } else { format!(" ({about})") };
        code.thin.push(format!("The design names `{path}`{about}; it is not written."));
    }
    code
}

fn commands(all: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in all {
        let stem = words::stem(word);
        if let Some(verb) = VERBS.iter().find(|verb| words::stem(verb) == stem).filter(|verb| !found.iter().any(|known| known == *verb)) {
            found.push((*verb).to_owned());
        }
    }
    if found.is_empty() {
        found.push("run".to_owned());
    }
    found
}

fn name(target: &Target) -> String {
    target.path.rsplit('/').next().unwrap_or(&target.path).to_owned()
}

fn store(brief: &Brief, target: &Target, all: &[String]) -> Code {
    let subject = words::subjects(&brief.goal)
        .into_iter()
        .find(|word| !["tracker", "manager", "line", "command", "manage", "track", "store", "keep"].contains(&word.as_str()));
    let thing = if all.iter().any(|word| word.starts_with("todo")) { "to-do item".to_owned() } else { subject.unwrap_or("entry".into()) };
    let thing = thing.strip_suffix('s').filter(|single| !single.ends_with('s')).map_or(thing.clone(), str::to_owned);
    let name = name(target);
    let file = format!("{}.json", name.trim_end_matches(".py"));
    let things = format!("entries of the kind “{}”", plain_line(&thing).to_lowercase());
    let values = [
        ("TITLE", plain_line(&brief.goal)),
        ("THINGS", things),
        ("NAME", name.clone()),
        ("THING", literal(&thing)),
        ("STORE", literal(&file)),
    ];
    Code {
        path: target.path.clone(),
        text: fill(STORE, &values),
        does: vec![
            format!("Keeps entries of the kind “{thing}” in `{file}`: add, list, show, search, update, remove, export to CSV."),
            "An entry has a title and any fields given as `key=value`.".to_owned(),
        ],
        usage: vec![
            format!("python3 {name} add \"a title\" key=value"),
            format!("python3 {name} list"),
            format!("python3 {name} --self-test"),
        ],
        thin: vec!["What is special about the entries (dates, amounts, states) is not known to it: fields are plain text.".to_owned()],
    }
}

fn unfilled(commands: &[String]) -> Vec<String> {
    let named: Vec<String> = commands.iter().map(|name| format!("`{name}`")).collect();
    vec![format!(
        "What {} to do could not be derived from the goal; each says so when it is called.",
        if named.len() == 1 { format!("{} has", named.concat()) } else { format!("{} have", named.join(", ")) }
    )]
}

fn python(brief: &Brief, target: &Target, commands: &[String]) -> Code {
    let function = |name: &String| {
        let message = literal(&format!("fill in: what {name} does with the texts it is given"));
        format!(
            "def command_{name}(inputs):\n    \"\"\"{} the inputs, a dict of path and text, and return the text to write.\"\"\"\n    raise NotImplementedError({message})\n\n\n",
            markdown::capital(name)
        )
    };
    let table = commands.iter().map(|name| format!("\"{name}\": command_{name}")).collect::<Vec<_>>().join(", ");
    let name = name(target);
    let values = [
        ("TITLE", plain_line(&brief.goal)),
        ("NAME", name.clone()),
        ("FUNCTIONS", commands.iter().map(function).collect()),
        ("COMMANDS", table),
    ];
    frame(target, fill(CLI_PYTHON, &values), commands, &format!("python3 {name}"))
}

fn script(brief: &Brief, target: &Target, commands: &[String]) -> Code {
    let function = |name: &String| {
        format!(
            "// Gets an object of path and text, returns the text to print.\nfunction {name}Command(inputs) {{\n  throw new Error(`fill in: what {name} does with ${{Object.keys(inputs).length}} texts`);\n}}\n\n"
        )
    };
    let table = commands.iter().map(|name| format!("{name}: {name}Command")).collect::<Vec<_>>().join(", ");
    let name = name(target);
    let notice = "// No language model was used for this script: a template was filled in from the words of the goal.";
    let typed = target.language == Language::TypeScript;
    let (opening, imports) = if typed || name.ends_with(".mjs") {
        let check = if typed { "\n// @ts-nocheck: the template carries no types." } else { "" };
        (format!("{notice}{check}"), "import assert from \"node:assert/strict\";\nimport { readFileSync } from \"node:fs\";")
    } else {
        (
            format!("#!/usr/bin/env node\n{notice}"),
            "const assert = require(\"node:assert/strict\");\nconst { readFileSync } = require(\"node:fs\");",
        )
    };
    let values = [
        ("OPENING", opening),
        ("IMPORTS", imports.to_owned()),
        ("TITLE", plain_line(&brief.goal)),
        ("NAME", name.clone()),
        ("FUNCTIONS", commands.iter().map(function).collect()),
        ("COMMANDS", table),
    ];
    frame(target, fill(CLI_SCRIPT, &values), commands, &format!("node {name}"))
}

fn rust(brief: &Brief, target: &Target, commands: &[String]) -> Code {
    let function = |name: &String| {
        format!(
            "/// {} the inputs, path and text, and gives the text to print.\nfn {name}_command(inputs: &Inputs) -> Result<String, String> {{\n    Err(format!(\"fill in: what {name} does with {{}} texts\", inputs.len()))\n}}\n\n",
            markdown::capital(name)
        )
    };
    let table = commands.iter().map(|name| format!("(\"{name}\", {name}_command)")).collect::<Vec<_>>().join(", ");
    let values = [("TITLE", plain_line(&brief.goal)), ("FUNCTIONS", commands.iter().map(function).collect()), ("COMMANDS", table)];
    let mut code = frame(target, fill(CLI_RUST, &values), commands, "./program");
    let name = name(target);
    code.usage = vec![
        format!("rustc --edition 2021 -o program {name} && ./program {}", commands.first().map_or("run", String::as_str)),
        format!("rustc --edition 2021 --test -o program_tests {name} && ./program_tests"),
    ];
    code
}

fn frame(target: &Target, text: String, commands: &[String], start: &str) -> Code {
    let named: Vec<String> = commands.iter().map(|name| format!("`{name}`")).collect();
    let usage = vec![format!("{start} {} FILE", commands.first().map_or("run", String::as_str)), format!("{start} --self-test")];
    Code {
        path: target.path.clone(),
        text,
        does: vec![format!("A frame with argument parsing, reading of files and its own tests, around {}.", named.join(", "))],
        usage,
        thin: unfilled(commands),
    }
}

/// Lines as comments of a language that has no template here.
pub fn commented(language: Language, brief: &Brief, lines: &[String]) -> String {
    let head =
        ["No language model was used for this file: it is an outline from the words of the goal.".to_owned(), plain_line(&brief.goal)];
    let all = head.iter().map(|line| line.to_owned()).chain(lines.iter().map(|line| format!("- {}", plain_line(line))));
    match language {
        Language::Css => format!("/* {} */\n", all.collect::<Vec<_>>().join("\n   ")),
        Language::Json => {
            serde_json::to_string_pretty(&serde_json::json!({ "_note": head[0], "goal": brief.goal, "outline": lines })).unwrap_or_default()
                + "\n"
        }
        Language::Hash => all.map(|line| format!("# {line}\n")).collect(),
        Language::Sql => all.map(|line| format!("-- {line}\n")).collect(),
        _ => all.map(|line| format!("// {line}\n")).collect(),
    }
}
