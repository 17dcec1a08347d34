//! The document beside the code: what was written, how to start it, what a check found, what is thin. Claims no run.
use super::Code;
use super::table;
use crate::domain::message::Brief;
use crate::llm::offline::markdown::{self, count};
use crate::llm::offline::results::{Check, Gathered};

/// `implementation.md`
pub fn write(brief: &Brief, gathered: &Gathered, code: &Code) -> String {
    let notice = markdown::notice("The offline coder filled in a template; nothing was executed.");
    let mut text = format!("# Implementation: {}\n\n{notice}\n", markdown::title(&brief.goal));
    let lines = code.text.lines().count();
    text.push_str(&format!("## What was written\n\n[{0}]({0}), {1}.\n\n{2}\n", code.path, count(lines, "line"), bullets(&code.does)));
    if !code.usage.is_empty() {
        let commands = code.usage.iter().all(|line| !line.starts_with("Open "));
        text.push_str("## How to start it\n\n");
        text.push_str(&if commands { markdown::fenced("bash", &code.usage.join("\n")) } else { format!("{}\n", code.usage.join("\n")) });
        text.push_str("\nPaths are relative to this folder.\n\n");
    }
    text.push_str(&columns(brief, gathered));
    text.push_str("## Check\n\n");
    text.push_str(&match check(gathered, code) {
        None => format!("`{}` was not checked.\n\n", code.path),
        Some(check) if check.problems.is_empty() => {
            format!("`check_file` parsed `{}` and found no problem. It was not run.\n\n", code.path)
        }
        Some(check) => format!("`check_file` found in `{}`:\n\n{}\nThese were left as they are.\n\n", code.path, bullets(&check.problems)),
    });
    if !code.thin.is_empty() {
        text.push_str(&format!("## Thin or left to fill in\n\n{}\n", bullets(&code.thin)));
    }
    text.push_str(&sources(brief));
    text.trim_end().to_owned() + "\n"
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

fn check<'a>(gathered: &'a Gathered, code: &Code) -> Option<&'a Check> {
    gathered.checks.iter().rev().find(|check| check.path == code.path)
}

/// The columns as they were read, so that a wrong reading is seen.
fn columns(brief: &Brief, gathered: &Gathered) -> String {
    let Some(table) = super::data(brief, gathered) else { return String::new() };
    let row = |column: &table::Column| {
        vec![
            column.name.clone(),
            format!("{:?}", column.kind).to_lowercase(),
            column.missing.to_string(),
            column.distinct.to_string(),
            column.examples.join(" · "),
        ]
    };
    let rows: Vec<Vec<String>> = table.columns.iter().map(row).collect();
    let table_text = markdown::table(&["column", "read as", "empty", "different", "examples"], &rows);
    let form = if table.is_json {
        "JSON".to_owned()
    } else {
        format!("cells parted by `{}`", if table.delimiter == '\t' { "tab".to_owned() } else { table.delimiter.to_string() })
    };
    let mark = if table.decimal_comma { "decimal comma" } else { "decimal point" };
    let date = table.formats().first().map(|format| format!(", dates as `{format}`")).unwrap_or_default();
    format!(
        "## The data it is shaped by\n\n`{}`, {} read: {form}, {mark}{date}.\n\n{table_text}\n",
        table.path,
        count(table.rows.len(), "row")
    )
}

fn sources(brief: &Brief) -> String {
    let mut lines: Vec<String> = brief.inputs.iter().map(|input| format!("[{0}]({0}) — attached", input.path)).collect();
    lines.extend(
        brief.upstream.iter().map(|upstream| format!("[{0}]({0}) — step {1} ({2})", upstream.output, upstream.step, upstream.agent)),
    );
    if lines.is_empty() { String::new() } else { format!("## Made from\n\n{}", bullets(&lines)) }
}

/// Two sentences: what was written, what is thin.
pub fn closing(brief: &Brief, gathered: &Gathered, code: &Code) -> String {
    let described = brief.output.as_str() != code.path;
    let beside = if described { format!(" and {}, which describes it", brief.output) } else { String::new() };
    let check = match check(gathered, code) {
        None => "it was not checked".to_owned(),
        Some(check) if check.problems.is_empty() => "check_file found no problem".to_owned(),
        Some(check) => format!(
            "check_file found {}, left as they are: {}",
            count(check.problems.len(), "problem"),
            check.problems.first().cloned().unwrap_or_default()
        ),
    };
    let does = code.does.first().map(|line| line.trim_end_matches('.')).unwrap_or_default();
    let first = does.chars().next().map(|letter| letter.to_lowercase().chain(does.chars().skip(1)).collect::<String>()).unwrap_or_default();
    let thin = code
        .thin
        .first()
        .map_or("nothing was executed, and it knows no more than its template".to_owned(), |line| line.trim_end_matches('.').to_owned());
    format!("Wrote {}{beside}, from a template without a language model: {first}; {check}. Thin: {thin}.", code.path)
}
