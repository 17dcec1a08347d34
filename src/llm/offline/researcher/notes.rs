//! Research notes: the best passages by theme, word for word, with coverage, gaps and sources. States nothing that no source states.
use std::collections::BTreeSet;

use super::gaps;
use crate::domain::ModelRequest;
use crate::domain::message::Brief;
use crate::llm::offline::markdown::{self, count};
use crate::llm::offline::passages::{self, Passage, Ranked};
use crate::llm::offline::quotes::{self, Quote};
use crate::llm::offline::reading;
use crate::llm::offline::results::{Document, Gathered};
use crate::llm::offline::words::{self, Term};

/// The most passages quoted.
const MOST: usize = 15;
const MOST_FIGURES: usize = 10;

/// The notes and the closing text.
pub fn write(request: &ModelRequest, gathered: &Gathered, terms: &[Term]) -> (String, String) {
    let brief = &request.brief;
    let documents: Vec<&Document> = gathered.documents.iter().filter(|document| document.path != brief.output.as_str()).collect();
    let passages: Vec<Passage> = documents.iter().flat_map(|document| passages::split(document)).collect();
    let ranked = passages::rank(&passages, terms, MOST);
    let matched = !ranked.is_empty();
    let mut chosen = if matched { ranked } else { passages::openings(&passages, MOST) };
    let attached: Vec<&str> = brief.inputs.iter().map(|input| input.path.as_str()).collect();
    // Where the words of the goal lead to little, what was attached is heard anyway.
    if matched && chosen.len() < 2 * attached.len() {
        let room = MOST.saturating_sub(chosen.len());
        chosen.extend(passages::unheard(&passages, &chosen, &attached).into_iter().take(room));
    }
    let quotes = quotes_in_order(&chosen, gathered);
    if quotes.is_empty() {
        return without_sources(request, gathered, terms);
    }
    let mut text = head(brief, terms);
    text.push_str("## What the sources say\n\n");
    if !matched {
        text.push_str("None of the words looked for occurs in these documents; their opening passages are quoted instead.\n\n");
    }
    text.push_str(&themes(&quotes));
    text.push_str(&figures(&passages, terms, gathered));
    text.push_str(&coverage(brief, &documents, &passages, terms, &quotes));
    text.push_str(&gaps::section(request, gathered, terms, &passages));
    text.push_str("## Sources\n\n");
    text.extend(quotes.iter().map(Quote::source));
    (text, closing(brief, &documents, &quotes, terms, &passages))
}

fn head(brief: &Brief, terms: &[Term]) -> String {
    let notice = markdown::notice(
        "The offline researcher searched the documents named below for the words of the question and quotes what it found, word for word. \
         It draws no conclusions, and it did not search the web.",
    );
    let mut text = format!("# Research notes: {}\n\n{notice}\n## Question\n\n{}", markdown::title(&brief.goal), asked(brief));
    if !terms.is_empty() {
        let list: Vec<String> = terms.iter().map(|term| format!("`{}`", term.word)).collect();
        text.push_str(&format!("Looked for, other forms of the words included: {}.\n\n", list.join(", ")));
    }
    text
}

/// The goal, the step and its instructions, each said once.
pub fn asked(brief: &Brief) -> String {
    let mut text = markdown::quoted(brief.goal.lines()) + "\n";
    if brief.title.trim() != brief.goal.trim() && !brief.title.trim().is_empty() {
        text.push_str(&format!("This step: {}\n\n", brief.title.trim().trim_end_matches('.')));
    }
    if !brief.instructions.trim().is_empty() {
        text.push_str(&format!("Instructions:\n\n{}\n", markdown::quoted(brief.instructions.trim().lines())));
    }
    text
}

/// In the order of the text: themes by the score of their best passage.
fn quotes_in_order(chosen: &[Ranked], gathered: &Gathered) -> Vec<Quote> {
    let mut themes: Vec<&str> = Vec::new();
    for ranked in chosen {
        if !themes.contains(&ranked.theme.as_str()) {
            themes.push(&ranked.theme);
        }
    }
    let ordered = themes.iter().flat_map(|theme| chosen.iter().filter(move |ranked| ranked.theme == *theme));
    ordered.map(|ranked| Quote::new(&gathered.sources, ranked)).collect()
}

fn themes(quotes: &[Quote]) -> String {
    let mut text = String::new();
    let mut theme = "";
    for quote in quotes {
        if quote.theme != theme {
            theme = &quote.theme;
            text.push_str(&format!("### {}\n\n", markdown::capital(theme)));
        }
        text.push_str(&quote.render());
        text.push('\n');
    }
    text
}

/// Sentences with a number and a word of the question, as they stand.
fn figures(passages: &[Passage], terms: &[Term], gathered: &Gathered) -> String {
    let mut rows = Vec::new();
    for passage in passages.iter().filter(|passage| !passage.code && passages::is_prose(&passage.path)) {
        let telling = passages::sentences(passage)
            .into_iter()
            .filter(|(_, sentence)| !sentence.contains('|') && has_figure(sentence) && !reading::found_terms(terms, sentence).is_empty());
        let mark =
            gathered.sources.get(&passage.path).map(|number| format!(" {}", crate::domain::evidence::mark(*number))).unwrap_or_default();
        rows.extend(telling.map(|(line, sentence)| vec![sentence, format!("`{}:{line}`{mark}", passage.path)]));
    }
    rows.truncate(MOST_FIGURES);
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "### Figures\n\nSentences that hold a number and a word of the question, as they stand:\n\n{}\n",
        markdown::table(&["sentence", "place"], &rows)
    )
}

/// A number that measures something: not a list number, not a year alone.
pub fn has_figure(sentence: &str) -> bool {
    let number = |word: &str| {
        let digits = word.trim_matches(|c: char| !c.is_ascii_digit());
        let measured = word.contains(['%', '€', '$', '£']) || digits.len() != 4 || digits.contains(['.', ',']);
        digits.chars().filter(char::is_ascii_digit).count() > 0 && measured && !word.contains(['`', '/', '_']) && !word.ends_with(':')
    };
    sentence.split_whitespace().count() > 4 && sentence.split_whitespace().skip(1).any(number)
}

fn coverage(brief: &Brief, documents: &[&Document], passages: &[Passage], terms: &[Term], quotes: &[Quote]) -> String {
    let bags: Vec<(&str, BTreeSet<String>)> = passages
        .iter()
        .map(|passage| (passage.path.as_str(), words::stem_set(&format!("{} {}", passage.heading, passage.text()))))
        .collect();
    let row = |term: &Term| {
        let with: Vec<&str> = bags.iter().filter(|(_, set)| set.contains(&term.stem)).map(|(path, _)| *path).collect();
        let files: BTreeSet<&str> = with.iter().copied().collect();
        let named = if files.is_empty() {
            "not found".to_owned()
        } else {
            files.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
        };
        vec![term.word.clone(), with.len().to_string(), named]
    };
    let words = markdown::table(&["word", "passages", "documents"], &terms.iter().map(row).collect::<Vec<_>>());
    let read = |document: &&Document| {
        let quoted = quotes.iter().filter(|quote| quote.path == document.path).count();
        let part = if document.is_partial() { format!("{} (in part)", document.lines.len()) } else { document.lines.len().to_string() };
        vec![format!("`{}`", document.path), part, quoted.to_string(), origin(brief, document)]
    };
    let files = markdown::table(&["document", "lines read", "passages quoted", "from"], &documents.iter().map(read).collect::<Vec<_>>());
    format!("## Coverage\n\n{words}\n{files}\n")
}

fn origin(brief: &Brief, document: &Document) -> String {
    let input = brief.inputs.iter().find(|input| input.path.as_str() == document.path);
    let upstream = brief.upstream.iter().find(|upstream| upstream.output.as_str() == document.path);
    match (input, upstream, document.place) {
        (Some(_), _, _) => "attached".to_owned(),
        (_, Some(upstream), _) => format!("step {} ({})", upstream.step, upstream.agent),
        (_, _, crate::llm::offline::results::Place::Project) => "project".to_owned(),
        _ => "workspace".to_owned(),
    }
}

fn closing(brief: &Brief, documents: &[&Document], quotes: &[Quote], terms: &[Term], passages: &[Passage]) -> String {
    let all: String = passages.iter().map(|passage| format!("{} {}\n", passage.heading, passage.text())).collect();
    let found = reading::found_terms(terms, &all);
    let missing: Vec<String> = terms.iter().filter(|term| !found.contains(term)).map(|term| format!("`{}`", term.word)).collect();
    let thin = if missing.is_empty() {
        "every word of the question was found, but nothing was interpreted".to_owned()
    } else {
        format!("nothing was found on {}", missing.join(", "))
    };
    format!(
        "Wrote {} with {} from {}, quoted word for word with their places. Thin: {thin}; no language model and no web search were used.",
        brief.output,
        count(quotes.len(), "passage"),
        count(documents.len(), "document")
    )
}

/// Notes for a step that was given nothing to read.
fn without_sources(request: &ModelRequest, gathered: &Gathered, terms: &[Term]) -> (String, String) {
    let brief = &request.brief;
    let mut text = head(brief, terms);
    text.push_str("## What the sources say\n\nNothing: ");
    text.push_str(if gathered.documents.is_empty() {
        "no document was attached and none was found to read.\n\n"
    } else {
        "the documents that could be read hold no passage of prose.\n\n"
    });
    text.push_str("## What to look for\n\n");
    for (index, term) in terms.iter().enumerate() {
        let others: Vec<&str> =
            terms.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, term)| term.word.as_str()).take(2).collect();
        let with = if others.is_empty() { String::new() } else { format!(", and how it relates to {}", others.join(" and ")) };
        text.push_str(&format!("- **{}**: what it is, figures with their date and origin{with}\n", markdown::capital(&term.word)));
    }
    if terms.is_empty() {
        text.push_str("- The question names no subject that could be searched for; say what it is about.\n");
    }
    text.push_str("\n## How to give this step material\n\n- Attach documents: `ai-orchestrator --attach notes.md --attach report.txt \"…\"`, or name their paths in the goal.\n");
    text.push_str("- Let it read the project: `--read-project`, or `uses: project` at this step in plan.md.\n- Use a language model with web search: set a key and drop `--provider offline`.\n\n");
    text.push_str(&gaps::section(request, gathered, terms, &[]));
    let closing =
        format!("Wrote {} as an outline of what to look for. Thin: there was nothing to read, so it holds no findings.", brief.output);
    (text, closing)
}

/// Quotes of a text in the form of these notes.
pub fn read_back(text: &str) -> Vec<Quote> {
    quotes::parse(text)
}
