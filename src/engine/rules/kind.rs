//! What kind of goal it is, by its verb, its nouns and the files that came with it.
use crate::domain::InputFile;

use super::words::{is_one_of, verb, words};

/// The kinds of goals that have a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Research,
    Podcast,
    Documentation,
    DataAnalysis,
    /// Something that runs or is opened: a script, a tool, a dashboard, a page.
    Tool,
    Design,
    Review,
    General,
}

const MAKING: [&str; 24] = [
    "create",
    "build",
    "write",
    "make",
    "generate",
    "develop",
    "implement",
    "draft",
    "produce",
    "prepare",
    "code",
    "program",
    "automate",
    "prototype",
    "scaffold",
    "improve",
    "update",
    "compose",
    "set",
    "add",
    "refactor",
    "debug",
    "fix",
    "edit",
];
const CODING: [&str; 10] = ["build", "develop", "implement", "code", "program", "automate", "prototype", "scaffold", "refactor", "debug"];
const ANALYSING: [&str; 16] = [
    "analy*",
    "analis*",
    "analiz*",
    "explore",
    "examine",
    "visuali*",
    "plot",
    "chart",
    "summari*",
    "profile",
    "evaluate",
    "assess",
    "calculate",
    "measure",
    "track",
    "report",
];
const RESEARCHING: [&str; 11] =
    ["research", "investigate", "find", "study", "compare", "survey", "collect", "gather", "explain", "describe", "explore"];
const REVIEWING: [&str; 9] = ["review", "audit", "check", "proofread", "validate", "verify", "test", "critique", "inspect"];
/// A plan may be one for a journey: these design only together with something that is built.
const DESIGNING: [&str; 4] = ["plan", "sketch", "model", "map"];

const QUESTIONS: [&str; 8] = ["what", "who", "when", "why", "how", "which", "where", "whose"];

const TOOL: [&str; 34] = [
    "dashboard",
    "script",
    "tool",
    "app",
    "application",
    "program",
    "cli",
    "website",
    "webpage",
    "page",
    "bot",
    "utility",
    "utilities",
    "library",
    "function",
    "module",
    "plugin",
    "extension",
    "scraper",
    "calculator",
    "game",
    "server",
    "service",
    "parser",
    "converter",
    "api",
    "endpoint",
    "class",
    "widget",
    "backend",
    "frontend",
    "crawler",
    "generator",
    "code",
];
const DOCUMENT: [&str; 16] = [
    "documentation",
    "dokumentation",
    "documentación",
    "docs",
    "doc",
    "document",
    "manual",
    "readme",
    "readme.md",
    "guide",
    "handbook",
    "tutorial",
    "changelog",
    "docstring",
    "reference",
    "faq",
];
const DESIGN: [&str; 9] = ["architecture", "blueprint", "design", "diagram", "schema", "wireframe", "workflow", "roadmap", "mockup"];
const DATA: [&str; 21] = [
    "data",
    "dataset",
    "csv",
    "tsv",
    "json",
    "spreadsheet",
    "excel",
    "metric",
    "sales",
    "figure",
    "number",
    "statistic*",
    "table",
    "kpi",
    "revenue",
    "column",
    "log",
    "survey",
    "measurement",
    "daten",
    "datos",
];
const OUTCOME: [&str; 18] = [
    "analy*",
    "analis*",
    "analiz*",
    "report",
    "bericht",
    "rapport",
    "informe",
    "chart",
    "graph",
    "plot",
    "trend",
    "visuali*",
    "statistic*",
    "insight",
    "summari*",
    "summary",
    "diagramm*",
    "correlat*",
];
const PROJECT: [&str; 12] =
    ["project", "repository", "repo", "codebase", "code", "api", "sdk", "module", "crate", "package", "library", "app"];
const PODCAST_SOFTWARE: [&str; 10] =
    ["website", "app", "tool", "dashboard", "bot", "player", "downloader", "application", "program", "api"];
const DATA_EXTENSIONS: [&str; 8] = [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xlsx", ".parquet", ".sqlite"];

/// Whether an input is data to analyse.
pub(super) fn is_data(input: &InputFile) -> bool {
    input.path.extension().is_some_and(|extension| DATA_EXTENSIONS.contains(&extension.as_str()))
}

/// Whether an input is prose to read.
pub(super) fn is_prose(input: &InputFile) -> bool {
    input.path.extension().is_some_and(|extension| [".md", ".txt", ".rst"].contains(&extension.as_str()))
}

/// The kind of the goal `text`, with the files attached to it.
pub(super) fn of(text: &str, inputs: &[InputFile]) -> Kind {
    let words = words(text);
    let has = |known: &[&str]| words.iter().any(|word| is_one_of(word, known));
    let names_data =
        inputs.iter().any(is_data) || words.iter().any(|word| DATA_EXTENSIONS.iter().any(|extension| word.ends_with(extension)));
    let verb = verb(&words);
    let is = |known: &[&str]| verb.is_some_and(|verb| is_one_of(verb, known));
    let made = made(&words);
    if has(&["podcast*", "episode"]) && !has(&PODCAST_SOFTWARE) && !is(&CODING) && !is(&REVIEWING) {
        return Kind::Podcast;
    }
    if is(&REVIEWING) {
        return Kind::Review;
    }
    if is(&["document"]) {
        return Kind::Documentation;
    }
    if is(&MAKING) || verb.is_none() {
        match made {
            Some(Kind::Tool) if !(is(&["write", "edit", "improve", "update"]) && has(&DOCUMENT)) => return Kind::Tool,
            Some(Kind::Tool) => return Kind::Documentation,
            Some(kind) if kind != Kind::Design || !is(&CODING) => return kind,
            _ => {}
        }
        let asks_outcome = has(&OUTCOME);
        if names_data && (asks_outcome || verb.is_none()) || asks_outcome && has(&DATA) {
            return Kind::DataAnalysis;
        }
        let asks = words.first().is_some_and(|word| QUESTIONS.contains(&word.as_str()));
        return match verb {
            None if asks => Kind::Research,
            _ if is(&CODING) => Kind::Tool,
            _ => Kind::General,
        };
    }
    if is(&ANALYSING) {
        return analysed(&words, names_data);
    }
    if is(&["design", "architect"]) || is(&DESIGNING) && (has(&DESIGN) || has(&TOOL)) {
        return Kind::Design;
    }
    if names_data && has(&OUTCOME) {
        return Kind::DataAnalysis;
    }
    if is(&RESEARCHING) { Kind::Research } else { Kind::General }
}

fn analysed(words: &[String], names_data: bool) -> Kind {
    let has = |known: &[&str]| words.iter().any(|word| is_one_of(word, known));
    if names_data || has(&DATA) {
        Kind::DataAnalysis
    } else if talks_of_project(words) || has(&DESIGN) {
        Kind::Design
    } else if has(&["summari*"]) {
        Kind::General
    } else {
        Kind::Research
    }
}

/// What a goal wants made: the kind of the last noun in the first run of nouns, so that an `API manual` is a manual and a `data dashboard` a dashboard.
fn made(words: &[String]) -> Option<Kind> {
    let noun = |word: &String| {
        if is_one_of(word, &DOCUMENT) {
            Some(Kind::Documentation)
        } else if is_one_of(word, &TOOL) {
            Some(Kind::Tool)
        } else if is_one_of(word, &DESIGN) {
            Some(Kind::Design)
        } else {
            None
        }
    };
    // The verb comes first and is no noun here (`document the code`, `design a page`).
    let nouns: Vec<Option<Kind>> = words.iter().map(noun).collect();
    let first = nouns.iter().position(Option::is_some)?;
    nouns.iter().skip(first).take_while(|kind| kind.is_some()).last().copied().flatten()
}

/// Whether the goal is about the project it was started in: `my API`, `this repository`, `the codebase`.
pub(super) fn talks_of_project(words: &[String]) -> bool {
    words.iter().enumerate().any(|(index, word)| {
        let own = words.iter().skip(index.saturating_sub(3)).take(index.min(3));
        is_one_of(word, &["repository", "repo", "codebase"])
            || is_one_of(word, &PROJECT) && own.into_iter().any(|word| matches!(word.as_str(), "my" | "our" | "this" | "existing"))
    })
}
