//! The design outline for a goal without source code: what is asked, what is at hand, parts, flow, files, a checklist. Invents no facts.
use std::fmt::Write;

use crate::domain::goal::shorten;
use crate::llm::offline::answers::{files, numbered_lines};
use crate::llm::offline::gathered::Gathered;
use crate::llm::offline::marks::{code, label, plural, quoted, some_of, table};
use crate::llm::offline::moves::NO_MODEL;

/// A part of a design: name, what it does, what it hands on.
type Part = (&'static str, &'static str, &'static str);

/// Kinds of result, known by the words of a goal; the first whose word occurs is taken.
const KINDS: [(&str, &[&str], &[Part]); 6] = [
    (
        "a dashboard",
        &["dashboard", "visuali", "chart", "plot"],
        &[
            ("Loading", "reads the input files and checks their columns", "rows with types"),
            ("Measures", "groups and sums the rows into the figures that are shown", "tables of figures"),
            ("Charts", "draws each figure with title, axes and units", "charts"),
            ("Page", "arranges charts, filters and notes, and says where the data comes from", "what the reader sees"),
        ],
    ),
    (
        "an interface for programs",
        &["api", "endpoint", "rest ", "graphql", "service", "server"],
        &[
            ("Routes", "match a request to its handler", "a request with its parameters"),
            ("Validation", "refuses what does not fit, with a reason", "values that can be trusted"),
            ("Logic", "does what the goal asks, without knowing the protocol", "a result or a refusal"),
            ("Storage", "keeps and finds what the logic needs", "records"),
            ("Errors and logs", "turn every failure into an answer and a line", "answers"),
        ],
    ),
    (
        "a page or site",
        &["website", "web site", "web page", "landing", "html", "frontend", "front end"],
        &[
            ("Content", "the texts and figures that are shown", "text"),
            ("Structure", "headings, sections and navigation", "pages"),
            ("Appearance", "colours, type and layout for small and large screens", "styles"),
            ("Behaviour", "what reacts to the reader, and works without it where possible", "interaction"),
        ],
    ),
    (
        "a program or script",
        &["script", "tool", "cli", "command", "program", "app", "automat", "bot", "library", "code", "implement"],
        &[
            ("Arguments", "read and check what the user asks for", "settings"),
            ("Reading", "opens the inputs and reports what is wrong with them", "data"),
            ("Processing", "does the work, without reading or writing files itself", "results"),
            ("Writing", "writes the results and never half a file", "output files"),
            ("Tests", "show each part right on small examples", "confidence"),
        ],
    ),
    (
        "a text or recording",
        &["podcast", "article", "blog", "document", "guide", "report", "episode", "course", "paper", "story"],
        &[
            ("Sources", "what is known, each with its place", "notes"),
            ("Structure", "the order of the parts and their length", "an outline"),
            ("Text", "the parts written out", "a draft"),
            ("Review", "claims checked against the sources, links followed", "findings"),
        ],
    ),
    (
        "a piece of work",
        &[],
        &[
            ("Inputs", "what is given, read and checked", "material"),
            ("Work", "turns the material into what the goal asks for", "results"),
            ("Result", "puts the results into their files", "files"),
            ("Check", "compares the files with the goal", "findings"),
        ],
    ),
];

/// The whole document.
pub fn document(gathered: &Gathered<'_>) -> String {
    let brief = &gathered.request.brief;
    let (kind, word, parts) = kind_of(&brief.goal);
    let sections = [
        ("Goal", format!("{}{}", quoted(&brief.goal), instructions(gathered))),
        ("What is asked", requirements(&brief.goal)),
        ("What is at hand", at_hand(gathered)),
        ("Parts", components(kind, word, parts)),
        ("Flow", flow(gathered, parts)),
        ("Files", file_plan(gathered)),
        ("Done when", checklist(gathered)),
        ("Open questions", questions(gathered)),
    ];
    let mut document = format!("# Design: {}\n\n", shorten(&brief.goal, 80).replace(['[', '<'], "("));
    let _ = write!(
        document,
        "> {NO_MODEL}: this outline was put together from the words of the goal, the structure of the inputs and the plan. \
         The parts are a common pattern, not a judgement of this case.\n\n"
    );
    if let Some(reason) = gathered.refusal("outline_project") {
        let _ = write!(document, "The project itself was not looked at: {}.\n\n", reason.trim_end_matches('.'));
    }
    for (title, body) in sections {
        let _ = write!(document, "## {title}\n\n{}\n\n", body.trim_end());
    }
    document.trim_end().to_owned() + "\n"
}

fn instructions(gathered: &Gathered<'_>) -> String {
    let instructions = gathered.request.brief.instructions.trim();
    if instructions.is_empty() { String::new() } else { format!("\nInstructions of this step:\n\n{}", quoted(instructions)) }
}

fn kind_of(goal: &str) -> (&'static str, Option<&'static str>, &'static [Part]) {
    let lower = format!(" {} ", goal.to_lowercase());
    let starts = |word: &str| lower.match_indices(word).any(|(at, _)| !lower[..at].ends_with(char::is_alphanumeric));
    for (kind, words, parts) in KINDS {
        if let Some(word) = words.iter().find(|word| starts(word)) {
            return (kind, Some(word.trim()), parts);
        }
    }
    let (kind, _, parts) = KINDS[KINDS.len() - 1];
    (kind, None, parts)
}

/// The sentences and list items of the goal, numbered.
fn asked(goal: &str) -> Vec<String> {
    let lines = goal.lines().map(|line| line.trim().trim_start_matches(['-', '*', '•', ' ']).trim());
    let sentences = lines.flat_map(|line| line.split_inclusive(['.', ';', '!', '?']).map(str::to_owned).collect::<Vec<_>>());
    let mut found: Vec<String> = Vec::new();
    for sentence in sentences {
        // `app.py` and `3.5` are no ends of sentences: what follows without a space belongs to what went before.
        match found.last_mut() {
            Some(last) if !sentence.starts_with(char::is_whitespace) && last.ends_with(['.', '?', '!']) && last.len() < 2000 => {
                last.push_str(&sentence)
            }
            _ => found.push(sentence),
        }
    }
    let found = found.into_iter().map(|part| part.trim().trim_end_matches([';', '.']).to_owned());
    found.filter(|part| part.chars().filter(|c| c.is_alphanumeric()).count() > 2).take(24).collect()
}

fn requirements(goal: &str) -> String {
    let rows: Vec<Vec<String>> = asked(goal).iter().enumerate().map(|(index, part)| vec![format!("R{}", index + 1), safe(part)]).collect();
    table(&["number", "in the goal's own words"], &rows, "The goal has no sentence that could be numbered.")
}

/// User text inside a table or list: marks that would become links or tags lose their meaning.
fn safe(text: &str) -> String {
    text.replace('[', "\\[").replace('<', "&lt;").replace('`', "'")
}

fn at_hand(gathered: &Gathered<'_>) -> String {
    let brief = &gathered.request.brief;
    let inputs = brief.inputs.iter().map(|input| (input.path.as_str(), format!("{} bytes, attached", input.bytes)));
    let earlier = brief.upstream.iter().map(|upstream| (upstream.output.as_str(), format!("by {} ({})", upstream.agent, upstream.step)));
    let row = |(path, origin): (&str, String)| {
        let holds = match gathered.answer("read_file", path) {
            Some((content, true)) => structure(path, content),
            Some((reason, false)) => format!("not read: {reason}"),
            None => "not read".to_owned(),
        };
        vec![code(path), origin, holds]
    };
    let rows: Vec<Vec<String>> = inputs.chain(earlier).map(row).collect();
    table(&["file", "origin", "holds"], &rows, "Nothing was attached and no earlier step left a file.")
}

/// What a file holds, told by its first lines.
fn structure(path: &str, content: &str) -> String {
    let lines = numbered_lines(content);
    let first = lines.first().map_or("", |(_, line)| *line);
    if path.ends_with(".csv") || path.ends_with(".tsv") {
        return format!("columns {}", some_of(&columns(first).iter().map(|name| code(name)).collect::<Vec<_>>(), 24));
    }
    let declared: Vec<String> =
        lines.iter().filter(|(_, line)| is_declaration(path, line)).map(|(number, line)| declaration(*number, line)).collect();
    if !declared.is_empty() {
        return format!("declares {}", some_of(&declared, 12));
    }
    let headings: Vec<String> =
        lines.iter().filter(|(_, line)| line.starts_with('#')).map(|(_, line)| code(line.trim_start_matches(['#', ' ']))).collect();
    if headings.is_empty() { format!("starts with {}", code(&shorten(first, 80))) } else { format!("sections {}", some_of(&headings, 10)) }
}

/// Whether a line at the margin of a source file opens a function, a class or the like.
fn is_declaration(path: &str, line: &str) -> bool {
    let words: &[&str] = match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "py" => &["def ", "class ", "async def "],
        "rs" => &["pub fn ", "fn ", "pub struct ", "struct ", "pub enum ", "enum ", "pub trait ", "trait "],
        "js" | "ts" | "jsx" | "tsx" => &["function ", "class ", "export ", "interface ", "async function "],
        _ => &[],
    };
    words.iter().any(|word| line.starts_with(word))
}

fn declaration(number: usize, line: &str) -> String {
    let head = line.split(['(', '{', '=', ':', '<']).next().unwrap_or(line);
    format!("{} (line {number})", code(head.trim()))
}

fn columns(header: &str) -> Vec<String> {
    let separator = [';', '\t', '|', ','].into_iter().max_by_key(|mark| header.matches(*mark).count()).unwrap_or(',');
    header.trim_start_matches('\u{feff}').split(separator).map(|name| name.trim().trim_matches('"').to_owned()).collect()
}

fn components(kind: &str, word: Option<&str>, parts: &[Part]) -> String {
    let why = match word {
        Some(word) => format!("The goal says {}, so these are the usual parts of {kind}.", code(word)),
        None => format!("The goal names no kind of result that is known here, so these are the parts of {kind}."),
    };
    let rows: Vec<Vec<String>> =
        parts.iter().map(|(name, does, gives)| vec![(*name).to_owned(), (*does).to_owned(), (*gives).to_owned()]).collect();
    format!("{why}\n\n{}", table(&["part", "does", "hands on"], &rows, ""))
}

fn flow(gathered: &Gathered<'_>, parts: &[Part]) -> String {
    let brief = &gathered.request.brief;
    let mut drawing = "```mermaid\nflowchart LR\n".to_owned();
    for (index, (name, _, _)) in parts.iter().enumerate() {
        let _ = writeln!(drawing, "    c{index}({})", label(name));
    }
    for index in 1..parts.len() {
        let _ = writeln!(drawing, "    c{} --> c{index}", index - 1);
    }
    for (index, input) in brief.inputs.iter().take(12).enumerate() {
        let _ = writeln!(drawing, "    i{index}[{}] --> c0", label(input.path.as_str()));
    }
    // Notes feed the work, reports of tests look back at it: neither is what the last part makes.
    let is_result = |path: &str| !path.starts_with("qa_") && *path != *brief.output.as_str();
    let is_material = |path: &str| path.contains("research") || path.contains("notes");
    for (index, file) in brief.planned_files.iter().filter(|file| is_result(file.as_str())).take(12).enumerate() {
        let node = label(file.as_str());
        let _ = match is_material(file.as_str()) {
            true => writeln!(drawing, "    o{index}[{node}] --> c0"),
            false => writeln!(drawing, "    c{} --> o{index}[{node}]", parts.len().saturating_sub(1)),
        };
    }
    format!("{drawing}```")
}

fn file_plan(gathered: &Gathered<'_>) -> String {
    let brief = &gathered.request.brief;
    let existing: Vec<&str> =
        gathered.good("list_files", "").map(|content| files(content).into_iter().map(|(path, _)| path).collect()).unwrap_or_default();
    let row = |path: &str, note: &str| vec![code(path), kind_of_file(path).to_owned(), note.to_owned()];
    let mut rows = vec![row(brief.output.as_str(), "this document")];
    for file in brief.planned_files.iter().filter(|file| **file != brief.output) {
        rows.push(row(file.as_str(), if existing.contains(&file.as_str()) { "stands already" } else { "planned" }));
    }
    table(&["file", "kind", "state"], &rows, "")
}

fn kind_of_file(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "md" | "txt" => "text",
        "py" | "js" | "ts" | "rs" | "sql" => "code",
        "html" | "css" => "page",
        "csv" | "json" | "yaml" | "yml" | "toml" | "xml" => "data",
        "svg" => "picture",
        _ => "other",
    }
}

fn checklist(gathered: &Gathered<'_>) -> String {
    let brief = &gathered.request.brief;
    let mut list = String::new();
    for (index, part) in asked(&brief.goal).iter().enumerate() {
        let _ = writeln!(list, "- [ ] R{}: {}", index + 1, safe(part));
    }
    for file in brief.planned_files.iter().filter(|file| **file != brief.output) {
        let _ = writeln!(list, "- [ ] {} exists, is not empty and can be parsed", code(file.as_str()));
    }
    for input in brief.inputs.iter().filter(|input| input.path.as_str().ends_with(".csv")) {
        let header = gathered
            .good("read_file", input.path.as_str())
            .and_then(|content| numbered_lines(content).first().map(|(_, line)| columns(line)));
        if let Some(columns) = header {
            let _ = writeln!(
                list,
                "- [ ] each of the {} of {} is used or left out on purpose",
                plural(columns.len(), "column"),
                code(input.path.as_str())
            );
        }
    }
    if list.is_empty() { "- [ ] A person has looked at the result.".to_owned() } else { list }
}

fn questions(gathered: &Gathered<'_>) -> String {
    let brief = &gathered.request.brief;
    let mut list = "- Who is the result for, and how will they use it? The goal was not asked for it.\n".to_owned();
    if brief.inputs.is_empty() {
        list.push_str("- Is there material to start from? Nothing was attached.\n");
    }
    if brief.planned_files.iter().all(|file| *file == brief.output) {
        list.push_str("- Which files should come out? The plan names none besides this one.\n");
    }
    list
}
