//! A synthesis of earlier notes: their passages regrouped, near copies folded, ordered by how many sources speak. Adds no statement of its own.
use std::collections::{BTreeMap, BTreeSet};

use super::notes;
use crate::domain::message::Brief;
use crate::llm::offline::markdown::{self, count};
use crate::llm::offline::quotes::Quote;
use crate::llm::offline::results::{Gathered, Place};
use crate::llm::offline::words;

/// Two quotes more alike than this say the same.
const SAME: f64 = 0.5;
/// Two quotes that share this many stems, from different documents, speak about one point.
const SHARED: usize = 3;

/// A quote with the notes it was read from.
#[derive(Debug, Clone)]
pub struct Noted {
    pub quote: Quote,
    pub notes: String,
}

/// The quotes of all earlier notes.
pub fn earlier_quotes(brief: &Brief, gathered: &Gathered) -> Vec<Noted> {
    let mut found: Vec<Noted> = Vec::new();
    for upstream in &brief.upstream {
        let notes = upstream.output.as_str();
        let Some(document) = gathered.document(notes, Place::Workspace) else { continue };
        for quote in notes::read_back(&document.text()) {
            found.push(Noted { quote, notes: notes.to_owned() });
        }
    }
    found
}

/// The synthesis and the closing text.
pub fn write(brief: &Brief, gathered: &Gathered, all: &[Noted]) -> (String, String) {
    let (kept, folded) = fold(all);
    let sources: BTreeSet<&str> = kept.iter().map(|noted| noted.quote.path.as_str()).collect();
    let names: BTreeSet<&str> = all.iter().map(|noted| noted.notes.as_str()).collect();
    let from = names.iter().map(|name| format!("[{name}]({name})")).collect::<Vec<_>>().join(", ");
    let notice = markdown::notice(
        "The offline researcher regrouped the passages of the earlier notes; every one is quoted word for word and nothing was added.",
    );
    let mut text = format!("# Research synthesis: {}\n\n{notice}\n## Scope\n\n{}", markdown::title(&brief.goal), notes::asked(brief));
    text.push_str(&format!("From {from}: {} of {}", count(kept.len(), "passage"), count(sources.len(), "document")));
    text.push_str(&if folded > 0 {
        format!("; {} folded into others that say the same.\n\n", count(folded, "passage"))
    } else {
        ".\n\n".into()
    });
    let threads = threads(&kept);
    text.push_str(&overview(&threads));
    text.push_str("## Threads\n\n");
    for (theme, quotes) in &threads {
        text.push_str(&thread(theme, quotes));
    }
    text.push_str(&meetings(&kept));
    text.push_str(&carried_gaps(brief, gathered));
    text.push_str("## Sources\n\n");
    let mut order: Vec<&Quote> = kept.iter().map(|noted| &noted.quote).collect();
    order.sort_by_key(|quote| (quote.id.len(), quote.id.clone(), quote.path.clone(), quote.start));
    text.extend(order.into_iter().map(Quote::source));
    let closing = format!(
        "Wrote {}: {} in {}, each with its place in the source and in the notes. Thin: passages are ordered by shared words, not understood; no conclusion is drawn.",
        brief.output,
        count(kept.len(), "passage"),
        count(threads.len(), "thread")
    );
    (text, closing)
}

/// Quotes without near copies, and how many were folded.
fn fold(all: &[Noted]) -> (Vec<Noted>, usize) {
    let mut kept: Vec<(Noted, BTreeSet<String>)> = Vec::new();
    for noted in all {
        let set = words::stem_set(&noted.quote.text());
        match kept.iter_mut().find(|(_, other)| words::likeness(other, &set) > SAME) {
            Some((twin, _)) => twin.quote.also.push(format!("{}:{}", noted.quote.path, noted.quote.start)),
            None => kept.push((noted.clone(), set)),
        }
    }
    let folded = all.len() - kept.len();
    (kept.into_iter().map(|(noted, _)| noted).collect(), folded)
}

/// Themes by the number of their documents, then of their passages.
fn threads(kept: &[Noted]) -> Vec<(String, Vec<&Noted>)> {
    let mut themes: BTreeMap<String, Vec<&Noted>> = BTreeMap::new();
    for noted in kept {
        themes.entry(noted.quote.theme.clone()).or_default().push(noted);
    }
    let mut threads: Vec<(String, Vec<&Noted>)> = themes.into_iter().collect();
    threads.sort_by_key(|(theme, quotes)| (std::cmp::Reverse((documents(quotes), quotes.len())), theme.clone()));
    threads
}

fn documents(quotes: &[&Noted]) -> usize {
    quotes.iter().map(|noted| noted.quote.path.as_str()).collect::<BTreeSet<_>>().len()
}

fn overview(threads: &[(String, Vec<&Noted>)]) -> String {
    let row = |(theme, quotes): &(String, Vec<&Noted>)| {
        let first = quotes.first().map(|noted| format!("“{}”{}", noted.quote.first_sentence(), noted.quote.mark())).unwrap_or_default();
        vec![theme.clone(), quotes.len().to_string(), documents(quotes).to_string(), first]
    };
    let rows: Vec<Vec<String>> = threads.iter().map(row).collect();
    format!("## Overview\n\n{}\n", markdown::table(&["thread", "passages", "documents", "opens with"], &rows))
}

fn thread(theme: &str, quotes: &[&Noted]) -> String {
    let mut text = format!("### {theme}\n\n");
    for noted in quotes {
        text.push_str(&format!(
            "{}\nIn the notes: [{}]({}), line {}.\n\n",
            noted.quote.render(),
            noted.notes,
            noted.notes,
            noted.quote.noted_at
        ));
    }
    text
}

/// Pairs of passages from different documents that share rare words: where sources meet, agreeing or not.
fn meetings(kept: &[Noted]) -> String {
    let sets: Vec<BTreeSet<String>> = kept.iter().map(|noted| words::stem_set(&noted.quote.text())).collect();
    let common = |stem: &String| sets.iter().filter(|set| set.contains(stem)).count() * 2 > sets.len().max(4);
    let mut pairs = Vec::new();
    for (index, (a, first)) in kept.iter().zip(&sets).enumerate() {
        for (b, second) in kept.iter().zip(&sets).skip(index + 1) {
            let shared: Vec<&String> = first.intersection(second).filter(|stem| !common(stem) && stem.len() > 3).collect();
            if a.quote.path != b.quote.path && shared.len() >= SHARED {
                pairs.push((shared.len(), a, b));
            }
        }
    }
    let place = |noted: &Noted| (noted.quote.path.clone(), noted.quote.start);
    pairs.sort_by_key(|(shared, a, b)| (std::cmp::Reverse(*shared), place(a), place(b)));
    if pairs.is_empty() {
        return String::new();
    }
    let row = |(shared, a, b): &(usize, &Noted, &Noted)| {
        format!(
            "- `{}` and `{}` share {} words. “{}”{} — “{}”{}\n",
            a.quote.path,
            b.quote.path,
            shared,
            a.quote.first_sentence(),
            a.quote.mark(),
            b.quote.first_sentence(),
            b.quote.mark()
        )
    };
    let list: String = pairs.iter().take(6).map(row).collect();
    format!(
        "## Where two documents speak of one point\n\nRead these side by side; whether they agree is for the reader to judge.\n\n{list}\n"
    )
}

/// The gaps that the notes named, carried over.
fn carried_gaps(brief: &Brief, gathered: &Gathered) -> String {
    let mut lines: Vec<String> = Vec::new();
    for upstream in &brief.upstream {
        let Some(document) = gathered.document(upstream.output.as_str(), Place::Workspace) else {
            lines.push(format!("- [{0}]({0}) could not be read.", upstream.output));
            continue;
        };
        let text = document.text();
        let section = text.split("\n## Gaps\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
        for line in section.lines().filter(|line| line.starts_with("- ")) {
            if !lines.iter().any(|known| known == line) {
                lines.push(line.to_owned());
            }
        }
    }
    if lines.is_empty() { String::new() } else { format!("## Gaps\n\n{}\n\n", lines.join("\n")) }
}
