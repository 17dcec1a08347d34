//! Self-contained HTML pages: a dashboard over a table, or a page laid out from earlier outputs. Loads nothing from elsewhere.
use super::Code;
use super::data_code::{self, Chosen};
use super::fill::{escaped, fill, json_in_html, plain_path};
use super::table::Table;
use super::target::Target;
use crate::domain::message::Brief;
use crate::llm::offline::markdown::{self, count};
use crate::llm::offline::results::{Gathered, Place};
use crate::llm::offline::words;

const DATA_PAGE: &str = include_str!("template/data.html");
const PLAIN_PAGE: &str = include_str!("template/plain.html");

/// A dashboard with the rows that were read inside; any file can be chosen in the browser.
pub fn data_page(brief: &Brief, target: &Target, table: &Table) -> Code {
    let chosen = Chosen::of(brief, table);
    let mut settings = chosen.settings(table);
    if let Some(fields) = settings.as_object_mut() {
        fields.insert("sample".into(), data_code::sample(table, &table.rows).into());
        fields.retain(|name, _| name != "sampleRows" && name != "sampleTotal");
    }
    let part = if table.whole { "all" } else { "the first" };
    let coverage = format!("This page holds {part} {} of {}.", count(table.rows.len(), "row"), table.path);
    let values = [
        ("FILE_COMMENT", plain_path(&table.path)),
        ("TITLE_HTML", escaped(&markdown::title(&brief.goal))),
        ("COVERAGE_HTML", escaped(&coverage)),
        ("SETTINGS", json_in_html(&settings)),
    ];
    let mut does = chosen.does(table, "draws bars, a line and a table");
    does.pop();
    does.push(coverage);
    let usage = vec![format!("Open `{}` in a browser.", target.path)];
    Code { path: target.path.clone(), text: fill(DATA_PAGE, &values), does, usage, thin: data_code::thin(table) }
}

/// A page with a section for each subject of the goal; texts are quoted from earlier outputs or marked as to be written.
pub fn plain_page(brief: &Brief, gathered: &Gathered, target: &Target) -> Code {
    let quotes: Vec<_> = brief
        .upstream
        .iter()
        .filter_map(|upstream| gathered.document(upstream.output.as_str(), Place::Workspace))
        .flat_map(|document| crate::llm::offline::quotes::parse(&document.text()))
        .collect();
    let mut sections: Vec<(String, String)> = Vec::new();
    for quote in quotes.iter().take(12) {
        let text = format!("<blockquote>{}<footer>{}:{}</footer></blockquote>", escaped(&quote.text()), escaped(&quote.path), quote.start);
        match sections.iter_mut().find(|(title, _)| *title == quote.theme) {
            Some((_, body)) => body.push_str(&text),
            None => sections.push((quote.theme.clone(), text)),
        }
    }
    let filled = !sections.is_empty();
    if !filled {
        let terms = words::terms(brief);
        sections.extend(
            terms.iter().take(5).map(|term| (term.word.clone(), format!("<p class=\"open\">[to be written: {}]</p>", escaped(&term.word)))),
        );
    }
    let body: String = sections
        .iter()
        .enumerate()
        .map(|(index, (title, body))| format!("<section id=\"s{index}\"><h2>{}</h2>{body}</section>\n", escaped(&markdown::capital(title))))
        .collect();
    let links: String = sections
        .iter()
        .enumerate()
        .map(|(index, (title, _))| format!("<a href=\"#s{index}\">{}</a>\n", escaped(&markdown::capital(title))))
        .collect();
    let values = [("TITLE_HTML", escaped(&markdown::title(&brief.goal))), ("LINKS", links), ("SECTIONS", body)];
    let does = vec![format!("A page with {}, its style inside and nothing loaded from elsewhere.", count(sections.len(), "section"))];
    let thin = vec![
        if filled {
            "The sections hold quotes; the words between them are yours to write."
        } else {
            "Nothing was at hand to put into the sections; each is marked as to be written."
        }
        .to_owned(),
    ];
    Code {
        path: target.path.clone(),
        text: fill(PLAIN_PAGE, &values),
        does,
        usage: vec![format!("Open `{}` in a browser.", target.path)],
        thin,
    }
}
