//! Programs that add up a table by category and month, from templates. The table's columns, formats and first rows are all that is filled in.
use serde_json::json;

use super::Code;
use super::fill::{fill, list, literal, plain_line, plain_path};
use super::table::{Kind, Table};
use super::target::{Language, Target};
use crate::domain::message::Brief;
use crate::llm::offline::markdown::{self, count};

const PYTHON: &str = include_str!("template/data.py");
const SCRIPT: &str = include_str!("template/data.js");
/// Rows that the script carries for its own tests.
const SAMPLE_ROWS: usize = 5;

/// A Python script with its own tests.
pub fn python(brief: &Brief, target: &Target, table: &Table) -> Code {
    let chosen = Chosen::of(brief, table);
    let name = file_name(&target.path);
    let page = format!("{}.html", name.trim_end_matches(".py"));
    let date = chosen.date.as_deref().map_or("None".to_owned(), literal);
    let values = [
        ("FILE_COMMENT", plain_path(&table.path)),
        ("TITLE", plain_line(&brief.goal)),
        ("TITLE_TEXT", literal(&markdown::title(&brief.goal))),
        ("NAME", name.to_owned()),
        ("PAGE", page.clone()),
        ("FILE", literal(&relative(&target.path, &table.path))),
        ("VALUES", list(chosen.values.iter().map(String::as_str))),
        ("CATEGORIES", list(chosen.categories.iter().map(String::as_str))),
        ("DATE", date),
        ("DATE_FORMATS", list(table.formats().into_iter())),
        ("DELIMITER", literal(&table.delimiter.to_string())),
        ("DECIMAL_COMMA", if table.decimal_comma { "True" } else { "False" }.to_owned()),
        ("SAMPLE", lines_of_literals(&chosen.sample)),
        ("SAMPLE_ROWS", chosen.sample_rows.to_string()),
        ("SAMPLE_TOTAL", format!("{:?}", chosen.sample_total)),
    ];
    let usage =
        vec![format!("python3 {name}"), format!("python3 {name} {} --html {page}", table.path), format!("python3 {name} --self-test")];
    Code {
        path: target.path.clone(),
        text: fill(PYTHON, &values),
        does: chosen.does(table, "prints tables and, with `--html`, writes a page with charts"),
        usage,
        thin: thin(table),
    }
}

/// The same for Node.
pub fn script(brief: &Brief, target: &Target, table: &Table) -> Code {
    let chosen = Chosen::of(brief, table);
    let name = file_name(&target.path);
    let notice =
        format!("// No language model was used for this script: a template was filled in from the columns of {}.", plain_path(&table.path));
    let (opening, imports) = if target.language == Language::TypeScript || name.ends_with(".mjs") {
        let typed = if target.language == Language::TypeScript { "\n// @ts-nocheck: the template carries no types." } else { "" };
        (format!("{notice}{typed}"), "import assert from \"node:assert/strict\";\nimport { readFileSync } from \"node:fs\";")
    } else {
        (
            format!("#!/usr/bin/env node\n{notice}"),
            "const assert = require(\"node:assert/strict\");\nconst { readFileSync } = require(\"node:fs\");",
        )
    };
    let settings = serde_json::to_string_pretty(&chosen.settings(table)).unwrap_or_default();
    let values = [
        ("OPENING", opening),
        ("IMPORTS", imports.to_owned()),
        ("TITLE", plain_line(&brief.goal)),
        ("NAME", name.to_owned()),
        ("SETTINGS", settings.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")),
    ];
    let usage = vec![format!("node {name} {}", table.path), format!("node {name} --self-test")];
    Code { path: target.path.clone(), text: fill(SCRIPT, &values), does: chosen.does(table, "prints tables"), usage, thin: thin(table) }
}

/// For languages without a template: the columns, as a table definition or as data.
pub fn outline(brief: &Brief, target: &Target, table: &Table) -> Code {
    let text = match target.language {
        Language::Sql => sql(brief, table),
        Language::Json => {
            let columns: Vec<_> = table.columns.iter().map(|column| json!({ "name": column.name, "kind": format!("{:?}", column.kind).to_lowercase(), "missing_in_sample": column.missing, "examples": column.examples })).collect();
            let document = json!({ "_note": "No language model was used for this file; it describes the columns that were read.", "file": table.path, "columns": columns });
            serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
        }
        _ => super::scaffold::commented(
            target.language,
            brief,
            &table.columns.iter().map(|column| format!("{} ({:?})", column.name, column.kind)).collect::<Vec<_>>(),
        ),
    };
    let does = vec![format!("Describes the {} of `{}`.", count(table.columns.len(), "column"), table.path)];
    let thin = vec!["There is no template for a program in this language; only the columns are laid out.".to_owned()];
    Code { path: target.path.clone(), text, does, usage: Vec::new(), thin }
}

fn sql(brief: &Brief, table: &Table) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let name = quoted(file_name(&table.path).split('.').next().unwrap_or("data"));
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("  {} {}", quoted(&column.name), if column.kind == Kind::Number { "REAL" } else { "TEXT" }))
        .collect();
    let mut text = format!(
        "-- No language model was used for this file: it follows the columns of {}.\nCREATE TABLE {name} (\n{}\n);\n",
        plain_path(&table.path),
        columns.join(",\n")
    );
    let value = table.values(&brief.goal).first().map_or("COUNT(*)".to_owned(), |column| format!("SUM({})", quoted(&column.name)));
    for category in table.categories(&brief.goal) {
        let column = quoted(&category.name);
        text.push_str(&format!("\nSELECT {column}, {value} AS total FROM {name} GROUP BY {column} ORDER BY total DESC;\n"));
    }
    text
}

/// The columns that a program works on, and its sample.
pub struct Chosen {
    pub values: Vec<String>,
    pub categories: Vec<String>,
    pub date: Option<String>,
    pub sample: String,
    pub sample_rows: usize,
    pub sample_total: f64,
}

impl Chosen {
    pub fn of(brief: &Brief, table: &Table) -> Self {
        let words = format!("{} {} {}", brief.goal, brief.title, brief.instructions);
        let names = |columns: Vec<&super::table::Column>| columns.into_iter().map(|column| column.name.clone()).collect::<Vec<String>>();
        let values = names(table.values(&words));
        let rows: Vec<Vec<String>> = table.rows.iter().take(SAMPLE_ROWS).cloned().collect();
        let sample_total = table.total(values.first().map(String::as_str), &rows);
        let sample = sample(table, &rows);
        Chosen {
            values,
            categories: names(table.categories(&words)),
            date: table.date().map(|column| column.name.clone()),
            sample,
            sample_rows: rows.len(),
            sample_total,
        }
    }

    pub fn settings(&self, table: &Table) -> serde_json::Value {
        json!({
            "file": table.path, "delimiter": table.delimiter.to_string(), "decimalComma": table.decimal_comma,
            "monthFirst": table.formats().first() == Some(&"%m/%d/%Y"), "date": self.date, "category": self.categories.first(),
            "value": self.values.first(), "sample": self.sample, "sampleRows": self.sample_rows, "sampleTotal": self.sample_total,
        })
    }

    pub fn does(&self, table: &Table, how: &str) -> Vec<String> {
        let named = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let what = self.values.first().map_or("Counts the rows".to_owned(), |value| format!("Adds up `{value}`"));
        let by = if self.categories.is_empty() { String::new() } else { format!(" by {}", named(&self.categories)) };
        let month = self.date.as_ref().map(|date| format!(" and by month of `{date}`")).unwrap_or_default();
        let mut does = vec![format!("{what}{by}{month} and {how}.")];
        if self.values.len() > 1 {
            does.push(format!("Other columns that can be added up with `--value`: {}.", named(self.values.get(1..).unwrap_or_default())));
        }
        does.push(format!(
            "Its tests hold the first {} of `{}` and their total, counted when it was written.",
            count(self.sample_rows, "row"),
            table.path
        ));
        does
    }
}

/// Header and rows as CSV text.
pub fn sample(table: &Table, rows: &[Vec<String>]) -> String {
    let mark = u8::try_from(table.delimiter).unwrap_or(b',');
    let mut writer = csv::WriterBuilder::new().delimiter(mark).from_writer(Vec::new());
    let header: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let written = writer.write_record(&header).and_then(|()| rows.iter().try_for_each(|row| writer.write_record(row)));
    let bytes = written.ok().and_then(|()| writer.into_inner().ok()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// What the sample cannot settle.
pub fn thin(table: &Table) -> Vec<String> {
    let mut thin = Vec::new();
    if !table.whole {
        thin.push(format!(
            "Only the first {} of `{}` were read; columns may hold other values further down.",
            count(table.rows.len(), "row"),
            table.path
        ));
    }
    if table.ambiguous_dates {
        thin.push("Day and month of the dates could be either way round; check `DATE_FORMATS`.".to_owned());
    }
    for column in
        table.columns.iter().filter(|column| column.missing > 0 && matches!(column.kind, Kind::Number | Kind::Date | Kind::Category))
    {
        thin.push(format!(
            "`{}` is empty in {} of the {} read; such rows are left out of its totals and counted.",
            column.name,
            column.missing,
            count(table.rows.len(), "row")
        ));
    }
    if table.values("").is_empty() {
        thin.push("No column measures anything, so rows are counted.".to_owned());
    }
    thin
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The table's path as seen from the folder of the script.
fn relative(script: &str, table: &str) -> String {
    format!("{}{table}", "../".repeat(script.matches('/').count()))
}

/// A long text as adjacent literals, one a line.
fn lines_of_literals(text: &str) -> String {
    let lines: Vec<String> = text.split_inclusive('\n').map(|line| format!("    {}", literal(line))).collect();
    format!("(\n{}\n)", lines.join("\n"))
}
