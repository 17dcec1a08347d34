//! The text of a QA report: verdict, findings with places and advice, what was checked and what was not. Finds nothing itself.
use std::fmt::Write;

use serde_json::Value;

use crate::llm::offline::answers::files;
use crate::llm::offline::gathered::Gathered;
use crate::llm::offline::marks::{code, plural, table};
use crate::llm::offline::moves::NO_MODEL;
use crate::llm::offline::qa_defect::Defect;
use crate::llm::offline::qa_tester;

/// One sentence on the outcome.
pub fn verdict(defects: &[Defect]) -> String {
    let count = |rank: u8| defects.iter().filter(|defect| defect.rank == rank).count();
    match (count(0), count(1), count(2)) {
        (0, 0, 0) => "Verdict: pass; nothing was found by the checks named below.".to_owned(),
        (errors, warnings, notes) => {
            let mut parts = Vec::new();
            for (count, noun) in [(errors, "error"), (warnings, "warning"), (notes, "note")] {
                if count > 0 {
                    parts.push(plural(count, noun));
                }
            }
            format!("Verdict: {}: {}.", plural(defects.len(), "finding"), parts.join(", "))
        }
    }
}

/// What to do about a finding of this rule.
pub fn advice(rule: &str) -> &'static str {
    match rule {
        "broken-link" => "correct the link, or add the file it leads to",
        "missing-anchor" => "link to a heading that exists, or add it",
        "missing-source" => "add the file, or take the element out",
        "missing-output" => "run that step again; later steps rely on the file",
        "missing-file" => "add the file, or name the one that is meant",
        "missing-section" => "add the section, or say why it is left out",
        "empty-file" => "fill the file, or take it out of the plan",
        "empty-section" => "fill the section, or remove its heading",
        "unclosed-fence" => "close the code block with the same fence",
        "heading-jump" => "use the next lower level",
        "undefined-footnote" | "undefined-reference" => "add the definition, or remove the mark",
        "invalid-json" | "invalid-yaml" | "invalid-toml" | "invalid-csv" => "correct the syntax; no program can read the file as it is",
        "repeated-key" | "repeated-header" | "repeated-id" => "give each its own name",
        "empty-header" => "name the column",
        "ragged-row" => "give every row the header's number of fields",
        "no-rows" => "check why no row was written",
        "unbalanced-quotes" => "close the quote, or double it inside a field",
        "encoding" => "save the file as UTF-8",
        "syntax-error" => "correct the syntax",
        "bare-except" => "name the exceptions that can happen here",
        "mutable-default" => "give None as the default, and make the value inside",
        "dynamic-code" => "parse the text, or choose among functions by name",
        "none-comparison" => "write `is None` or `is not None`",
        "secret-in-code" => "take it out, change it where it was used, and read it from the environment",
        _ => "look at the place and decide",
    }
}

/// The whole report.
pub fn document(gathered: &Gathered<'_>, listing: &str, defects: &[Defect]) -> String {
    let sections = [
        ("Findings", findings(defects)),
        ("What was checked", checked(gathered, listing)),
        ("What was not checked", not_checked(gathered, listing)),
    ];
    let mut report = format!(
        "# QA report\n\n> {NO_MODEL}: these checks parse files and follow links. They do not judge whether the content is right, complete or well written.\n\n**{}**\n\n",
        verdict(defects)
    );
    for (title, body) in sections {
        let _ = write!(report, "## {title}\n\n{}\n\n", body.trim_end());
    }
    report.trim_end().to_owned() + "\n"
}

fn findings(defects: &[Defect]) -> String {
    let place = |defect: &Defect| match defect.line {
        Some(line) => code(&format!("{}:{line}", defect.path)),
        None => code(&defect.path),
    };
    let row = |defect: &Defect| {
        // What stands in a file may hold marks that would become links here.
        let evidence = if defect.evidence == defect.message { "—".to_owned() } else { code(&defect.evidence) };
        let message = defect.message.replace('[', "\\[").replace('<', "&lt;");
        vec![defect.severity().to_owned(), place(defect), defect.rule.clone(), message, evidence, advice(&defect.rule).to_owned()]
    };
    let rows: Vec<Vec<String>> = defects.iter().map(row).collect();
    table(&["severity", "place", "rule", "what is wrong", "what stands there", "advice"], &rows, "None.")
}

fn checked(gathered: &Gathered<'_>, listing: &str) -> String {
    let size = |path: &str| files(listing).into_iter().find(|(listed, _)| *listed == path).map_or(0, |(_, bytes)| bytes);
    let row = |(input, content, _): (&Value, &str, bool)| {
        let path = input.get("path").and_then(Value::as_str).unwrap_or_default();
        let report: Value = serde_json::from_str(content).unwrap_or_default();
        let text = |key: &str| report.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let problems = report.get("problems").and_then(Value::as_array).map_or(0, Vec::len);
        vec![code(path), text("kind"), size(path).to_string(), text("checked"), problems.to_string()]
    };
    let rows: Vec<Vec<String>> = gathered.all("check_file").filter(|(_, _, ok)| *ok).map(row).collect();
    let mut body = table(&["file", "kind", "bytes", "looked at", "problems"], &rows, "No file: the workspace holds no artifact to check.");
    let brief = &gathered.request.brief;
    let upstream: Vec<String> = brief.upstream.iter().map(|upstream| code(upstream.output.as_str())).collect();
    if !upstream.is_empty() {
        let _ = write!(body, "\nOutputs of earlier steps looked for: {}.\n", upstream.join(", "));
    }
    body.push_str("\nDocuments were also searched for files they name that do not exist, and for sections that goal or instructions ask for by name.\n");
    body
}

fn not_checked(gathered: &Gathered<'_>, listing: &str) -> String {
    let mut body = "- Whether statements are true, figures right, and the goal met: that takes a reader.\n- Whether code does what it should: nothing was executed.\n- Links to the web: nothing was fetched.\n".to_owned();
    let subjects = qa_tester::artifacts(listing, gathered.request.brief.output.as_str());
    let is_left_out = |path: &str| path.starts_with("inputs/") && !subjects.iter().any(|(subject, _)| *subject == path);
    let inputs: Vec<String> = files(listing).into_iter().filter(|(path, _)| is_left_out(path)).map(|(path, _)| code(path)).collect();
    if !inputs.is_empty() {
        let _ = writeln!(body, "- The attached files: {}.", inputs.join(", "));
    }
    for (input, reason, _) in gathered.all("check_file").filter(|(_, _, ok)| !ok) {
        let path = input.get("path").and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(body, "- {}: {}.", code(path), reason.trim_end_matches('.').replace('`', ""));
    }
    let wanted = gathered.all("check_file").count();
    if subjects.len() > wanted {
        let _ = writeln!(body, "- {} for which there was no room.", plural(subjects.len() - wanted, "more file"));
    }
    body
}
