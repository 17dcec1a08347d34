//! The QA tester without a language model: checks every artifact for what can be told without understanding it. Its findings all have a place.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::ModelRequest;
use crate::llm::offline::Move;
use crate::llm::offline::answers::{files, numbered_lines};
use crate::llm::offline::gathered::Gathered;
use crate::llm::offline::qa_defect::Defect;
use crate::llm::offline::qa_report;

/// Files that are checked at the most.
const MOST: usize = 60;
/// Findings that are reported at the most.
const REPORTED: usize = 60;
/// Endings of files that a document may promise. `.js` is left out of bare words: Node.js is no file.
const ENDINGS: [&str; 12] = ["md", "csv", "json", "svg", "html", "py", "txt", "yaml", "yml", "css", "sql", "js"];
/// Names that stand for a file of any project, not for one of this workspace.
const ANYWHERE: [&str; 12] = [
    "readme.md",
    "package.json",
    "requirements.txt",
    "index.html",
    "changelog.md",
    "contributing.md",
    "plan.md",
    "approvals.md",
    "context-main.md",
    "execution-summary.md",
    "tsconfig.json",
    "docker-compose.yml",
];

/// The tester's next move: list, check, look at the places, report and write, close.
pub fn turn(request: &ModelRequest) -> Move {
    let gathered = Gathered::of(request);
    let output = request.brief.output.as_str();
    let Some((listing, listed)) = gathered.answer("list_files", "") else {
        return Move::Calls(vec![("list_files", json!({}))]);
    };
    if gathered.answer("check_file", "").is_none() && gathered.answer("write_file", "").is_none() {
        let calls = checks(listing, output);
        if listed && !calls.is_empty() {
            return Move::Calls(calls);
        }
    }
    let mut defects = defects(&gathered, listing);
    let unread = unread_places(&gathered, &defects);
    if !unread.is_empty() && request.brief.turns_left > 1 && gathered.answer("write_file", "").is_none() && !looked(&gathered) {
        return Move::Calls(unread);
    }
    add_evidence(&gathered, &mut defects);
    let report = qa_report::document(&gathered, listing, &defects);
    match gathered.answer("write_file", output) {
        None if request.brief.turns_left > 0 => Move::Calls(vec![
            ("report_findings", json!({"findings": defects.iter().take(REPORTED).map(as_finding).collect::<Vec<_>>()})),
            ("write_file", json!({"path": output, "content": report})),
        ]),
        Some((_, true)) => Move::Say(format!("No language model was used. {} The report is {output}.", qa_report::verdict(&defects))),
        _ => Move::Say(report),
    }
}

/// Checks every artifact, reads the documents for what they promise, and the report of an earlier try so that it may be replaced.
fn checks(listing: &str, output: &str) -> Vec<(&'static str, Value)> {
    let mut calls = Vec::new();
    for (path, bytes) in artifacts(listing, output).into_iter().take(MOST) {
        calls.push(("check_file", json!({"path": path})));
        if path.ends_with(".md") && bytes > 0 {
            calls.push(("read_file", json!({"path": path})));
        }
    }
    if files(listing).iter().any(|(path, _)| *path == output) {
        calls.push(("read_file", json!({"path": output})));
    }
    calls
}

/// What is to be checked: everything agents wrote, the report itself left out; where nobody wrote anything, what was attached.
pub fn artifacts<'a>(listing: &'a str, output: &str) -> Vec<(&'a str, u64)> {
    let (inputs, written): (Vec<_>, Vec<_>) =
        files(listing).into_iter().filter(|(path, _)| *path != output).partition(|(path, _)| path.starts_with("inputs/"));
    if written.is_empty() { inputs } else { written }
}

fn defects(gathered: &Gathered<'_>, listing: &str) -> Vec<Defect> {
    let mut found: Vec<Defect> = Vec::new();
    for (input, content, _) in gathered.all("check_file").filter(|(_, _, ok)| *ok) {
        let path = input.get("path").and_then(Value::as_str).unwrap_or_default();
        let report: Value = serde_json::from_str(content).unwrap_or_default();
        found.extend(report.get("problems").and_then(Value::as_array).into_iter().flatten().map(|problem| from_problem(path, problem)));
    }
    found.extend(missing_outputs(gathered, listing));
    found.extend(missing_files(gathered, listing));
    found.extend(missing_sections(gathered));
    found.sort();
    found.dedup();
    found
}

fn from_problem(path: &str, problem: &Value) -> Defect {
    let text = |key: &str| problem.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rank = match text("severity").as_str() {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    };
    let line = problem.get("line").and_then(Value::as_u64).and_then(|line| usize::try_from(line).ok());
    Defect { rank, path: path.to_owned(), line, rule: text("rule"), message: text("message"), evidence: String::new() }
}

fn missing_outputs(gathered: &Gathered<'_>, listing: &str) -> Vec<Defect> {
    let there: BTreeSet<&str> = files(listing).into_iter().map(|(path, _)| path).collect();
    let upstream = gathered.request.brief.upstream.iter().filter(|upstream| !there.contains(upstream.output.as_str()));
    let defect = |upstream: &crate::domain::message::Upstream| Defect {
        rank: 0,
        path: upstream.output.as_str().to_owned(),
        line: None,
        rule: "missing-output".to_owned(),
        message: format!("{} ({}) left no {}", upstream.step, upstream.agent, upstream.output),
        evidence: format!("{} is not in the workspace", upstream.output),
    };
    upstream.map(defect).collect()
}

/// The documents that were read: path and lines.
fn documents<'a>(gathered: &Gathered<'a>) -> Vec<(&'a str, Vec<(usize, &'a str)>)> {
    let output = gathered.request.brief.output.as_str();
    let whole = gathered.all("read_file").filter(|(input, _, ok)| *ok && input.get("offset").is_none());
    let named = whole.filter_map(|(input, content, _)| Some((input.get("path")?.as_str()?, numbered_lines(content))));
    named.filter(|(path, _)| *path != output).collect()
}

/// Files that a document names and that are nowhere, neither planned nor among the inputs.
fn missing_files(gathered: &Gathered<'_>, listing: &str) -> Vec<Defect> {
    let brief = &gathered.request.brief;
    let mut known: BTreeSet<String> = files(listing).into_iter().map(|(path, _)| path.to_lowercase()).collect();
    known.extend(brief.planned_files.iter().chain([&brief.output]).map(|path| path.as_str().to_lowercase()));
    known.extend(brief.upstream.iter().map(|upstream| upstream.output.as_str().to_lowercase()));
    known.extend(brief.inputs.iter().map(|input| input.source.replace('\\', "/").to_lowercase()));
    let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let known_names: BTreeSet<String> = known.iter().map(|path| last(path)).chain(ANYWHERE.map(str::to_owned)).collect();
    let folders: BTreeSet<String> = known.iter().filter_map(|path| path.split_once('/').map(|(folder, _)| folder.to_owned())).collect();
    let mut found = Vec::new();
    for (path, lines) in documents(gathered) {
        let named: Vec<(usize, String)> = names_in(&lines);
        let is_absent = |name: &str| !known_names.contains(&last(&name.to_lowercase()));
        let elsewhere = |name: &str| name.split_once('/').is_some_and(|(folder, _)| !folders.contains(&folder.to_lowercase()));
        // A document with many paths of folders we do not have describes another tree.
        let foreign: BTreeSet<&String> = named.iter().map(|(_, name)| name).filter(|name| elsewhere(name)).collect();
        if foreign.len() > 2 {
            continue;
        }
        let mut told = BTreeSet::new();
        for (line, name) in named.iter().filter(|(_, name)| is_absent(name) && !elsewhere(name)) {
            if told.insert(name.clone()) {
                let message = format!("the document names {name}, which is not in the workspace");
                found.push(Defect {
                    rank: 1,
                    path: path.to_owned(),
                    line: Some(*line),
                    rule: "missing-file".to_owned(),
                    message,
                    evidence: String::new(),
                });
            }
        }
    }
    found
}

/// Words that look like a file, outside of code blocks and links (links are checked by themselves).
fn names_in(lines: &[(usize, &str)]) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (number, line) in lines {
        let is_fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        fenced ^= is_fence;
        if fenced || is_fence || line.trim_start().starts_with('>') {
            continue;
        }
        let line = without_targets(line);
        for (index, part) in line.split('`').enumerate() {
            let is_code = index % 2 == 1;
            let words = part.split(|c: char| {
                c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"' | '\'' | ',' | ';' | '|' | '<' | '>' | '*' | '=')
            });
            let words = words.map(|word| word.trim_end_matches(['.', ':', '!', '?']).trim_start_matches("./"));
            found.extend(words.filter(|word| looks_like_a_file(word, is_code)).map(|word| (*number, word.to_owned())));
        }
    }
    found
}

/// A line without the targets of its links.
fn without_targets(line: &str) -> String {
    let mut parts = line.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "] " + part.split_once(')').map_or("", |(_, rest)| rest))
}

fn looks_like_a_file(word: &str, is_code: bool) -> bool {
    let Some((stem, ending)) = word.rsplit_once('.') else { return false };
    let ending = ending.to_lowercase();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
    ENDINGS.contains(&ending.as_str())
        && (is_code || ending != "js")
        && stem.chars().all(plain)
        && stem.rsplit('/').next().is_some_and(|name| name.chars().filter(|c| c.is_alphanumeric()).count() > 1)
        && !word.contains("..")
        && !word.starts_with(['/', '.', '-'])
        && !word.to_lowercase().starts_with("www.")
}

/// Sections that goal or instructions ask for by name and that no document has.
fn missing_sections(gathered: &Gathered<'_>) -> Vec<Defect> {
    let brief = &gathered.request.brief;
    let documents = documents(gathered);
    let outputs: Vec<&str> = brief.upstream.iter().map(|upstream| upstream.output.as_str()).filter(|path| path.ends_with(".md")).collect();
    let Some(place) =
        documents.iter().map(|(path, _)| *path).rfind(|path| outputs.contains(path)).or(documents.first().map(|(path, _)| *path))
    else {
        return Vec::new();
    };
    let headings: Vec<String> = documents
        .iter()
        .flat_map(|(_, lines)| lines)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| line.to_lowercase())
        .collect();
    let wanted = sections_asked(&brief.instructions).into_iter().chain(sections_asked(&brief.goal));
    let absent = wanted.filter(|name| !headings.iter().any(|heading| heading.contains(&name.to_lowercase())));
    let defect = |name: String| Defect {
        rank: 0,
        path: place.to_owned(),
        line: None,
        rule: "missing-section".to_owned(),
        message: format!("a section `{name}` was asked for and no document has it"),
        evidence: format!("asked for: {name}"),
    };
    absent.map(defect).collect()
}

/// `sections: A, B and C`, `a section "A"`, `a "A" section`.
pub fn sections_asked(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for sentence in text.split(['\n', '.', ';']) {
        let lower = sentence.to_lowercase();
        let Some(at) = ["sections", "section", "headings", "chapters"].iter().find_map(|word| lower.find(word).map(|at| at + word.len()))
        else {
            continue;
        };
        let quoted: Vec<&str> = sentence.split(['"', '“', '”', '`']).skip(1).step_by(2).collect();
        // The lower-case form may be longer or shorter than the sentence: an end that fits neither is no list.
        let after = sentence.get(at..).unwrap_or_default();
        let list = after.split_once(':').map(|(before, list)| (before.split_whitespace().count(), list));
        if !quoted.is_empty() {
            names.extend(quoted.into_iter().map(str::to_owned));
        } else if let Some((0..=4, list)) = list {
            names
                .extend(list.split(',').flat_map(|part| part.split(" and ")).map(|part| part.trim().trim_start_matches("and ").to_owned()));
        }
    }
    names.retain(|name| !name.trim().is_empty() && name.split_whitespace().count() <= 6 && name.len() <= 60);
    names
}

/// Whether the places of the defects were looked at already.
fn looked(gathered: &Gathered<'_>) -> bool {
    gathered.all("read_file").any(|(input, _, _)| input.get("offset").is_some())
}

fn known_line(gathered: &Gathered<'_>, path: &str, line: usize) -> Option<String> {
    let answers = gathered.all("read_file").filter(|(input, _, ok)| *ok && input.get("path").and_then(Value::as_str) == Some(path));
    answers.flat_map(|(_, content, _)| numbered_lines(content)).find(|(number, _)| *number == line).map(|(_, text)| text.to_owned())
}

/// Reads of lines that a defect points at and that were not read yet.
fn unread_places(gathered: &Gathered<'_>, defects: &[Defect]) -> Vec<(&'static str, Value)> {
    let places = defects.iter().take(REPORTED).filter_map(|defect| Some((&defect.path, defect.line?)));
    let unread: BTreeSet<(&String, usize)> = places.filter(|(path, line)| known_line(gathered, path, *line).is_none()).collect();
    unread.into_iter().map(|(path, line)| ("read_file", json!({"path": path, "offset": line, "limit": 1}))).collect()
}

/// The words at each place; where there are none, the line says what is wrong and the rule that something is absent.
fn add_evidence(gathered: &Gathered<'_>, defects: &mut [Defect]) {
    for defect in defects.iter_mut().filter(|defect| defect.evidence.is_empty()) {
        let line = defect.line.and_then(|line| known_line(gathered, &defect.path, line)).unwrap_or_default();
        defect.evidence = line.trim().chars().take(160).collect();
        if defect.evidence.is_empty() {
            defect.evidence = defect.message.clone();
        }
    }
}

fn as_finding(defect: &Defect) -> Value {
    let mut finding = json!({
        "path": defect.path, "severity": defect.severity(), "rule": defect.rule, "evidence": defect.evidence, "advice": qa_report::advice(&defect.rule),
    });
    if let Some(line) = defect.line {
        finding["line"] = json!(line);
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_where_they_are_asked_for_by_name() {
        assert_eq!(
            sections_asked("Write a report with sections: Summary, Risks and Next steps. Keep it short."),
            ["Summary", "Risks", "Next steps"]
        );
        assert_eq!(sections_asked("Add a \"Limits\" section and a section \"Sources\""), ["Limits", "Sources"]);
        assert!(sections_asked("Describe this section of the market, please: all of it").len() <= 1);
        assert_eq!(sections_asked("Check everything"), Vec::<String>::new());
    }

    #[test]
    fn words_that_only_look_like_files_are_left_alone() {
        let lines = [(1, "Node.js and `app.js`, see chart.svg (or https://x.y/page.html), v1.2, `**/*.md`, www.a.html, e.g. this.")];
        assert_eq!(names_in(&lines), [(1, "app.js".to_owned()), (1, "chart.svg".to_owned())]);
    }
}
