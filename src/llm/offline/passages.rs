//! Documents cut into passages that can be quoted with their place, and ranked against terms (Okapi BM25). Changes no character of a source.
use std::collections::{BTreeMap, BTreeSet};

use super::moves::NO_MODEL;
use super::results::{Document, Place};
use super::words::{self, Term};

/// The longest passage, in lines and in characters; longer blocks are cut at a line, a single line at a sentence.
const MAX_LINES: usize = 12;
const MAX_CHARACTERS: usize = 900;
/// Words a passage must have to say something.
const MIN_WORDS: usize = 5;
/// What a word of the heading counts against one of the text.
const HEADING: f64 = 0.7;
/// A document with this many passages quoted is heard.
const HEARD: usize = 2;
/// Two passages more alike than this are one.
const SAME: f64 = 0.6;

/// Consecutive lines of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    pub path: String,
    pub place: Place,
    /// First and last line, from 1.
    pub start: usize,
    pub end: usize,
    /// The nearest heading above; empty if there is none.
    pub heading: String,
    /// Verbatim.
    pub lines: Vec<String>,
    /// Inside a code fence.
    pub code: bool,
}

/// A passage with its score and the term that counts most in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked<'a> {
    pub passage: &'a Passage,
    pub score: f64,
    pub theme: String,
    /// Places of passages that say nearly the same.
    pub also: Vec<String>,
}

impl Passage {
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// `inputs/a.md:12`.
    pub fn at(&self) -> String {
        format!("{}:{}", self.path, self.start)
    }
}

/// Whether a file is prose to quote from (rather than code or data).
pub fn is_prose(path: &str) -> bool {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    [".md", ".markdown", ".txt", ".rst", ".adoc", ".org", ".tex", ".html", ".htm"].iter().any(|end| name.ends_with(end))
        || !name.contains('.')
}

/// Whether a file holds tests, their data, or copies of something else, rather than the thing itself.
pub fn is_aside(path: &str) -> bool {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let folders = [
        "tests",
        "test",
        "spec",
        "__tests__",
        "benches",
        "fixtures",
        "testdata",
        "snapshots",
        "template",
        "templates",
        "vendor",
        "node_modules",
    ];
    lower.split('/').any(|part| folders.contains(&part))
        || name.starts_with("test_")
        || [".test.", ".spec.", "_test.", "_tests.", "tests.rs"].iter().any(|mark| name.contains(mark))
}

/// Cuts a document at blank lines, headings, fences and list items.
pub fn split(document: &Document) -> Vec<Passage> {
    let markdown = is_prose(&document.path);
    let mut cutter = Cutter { document, heading: String::new(), open: Vec::new(), code: false, done: Vec::new() };
    let mut front_matter = document.lines.get(&1).is_some_and(|line| line.trim_end() == "---");
    let mut last = 0;
    for (number, line) in &document.lines {
        if *number != last + 1 {
            cutter.close();
        }
        last = *number;
        if front_matter {
            front_matter = *number == 1 || line.trim_end() != "---";
            continue;
        }
        let trimmed = line.trim();
        if markdown && (trimmed.starts_with("```") || trimmed.starts_with("~~~")) {
            cutter.fence(*number, line);
        } else if cutter.code {
            cutter.push(*number, line);
        } else if let Some(heading) = heading(line).filter(|_| markdown) {
            cutter.close();
            cutter.heading = heading.to_owned();
        } else if trimmed.is_empty() {
            cutter.close();
        } else {
            if starts_item(trimmed) && cutter.open.len() > 3 {
                cutter.close();
            }
            cutter.push(*number, line);
        }
    }
    cutter.close();
    cutter.done
}

/// The text of an ATX heading.
pub fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    ((1..=6).contains(&level) && rest.starts_with(' ')).then(|| rest.trim().trim_end_matches('#').trim())
}

fn starts_item(trimmed: &str) -> bool {
    trimmed.starts_with("- ")
        || trimmed.starts_with("* ")
        || trimmed.split_once(". ").is_some_and(|(number, _)| number.parse::<u16>().is_ok())
}

struct Cutter<'a> {
    document: &'a Document,
    heading: String,
    open: Vec<(usize, String)>,
    code: bool,
    done: Vec<Passage>,
}

impl Cutter<'_> {
    fn push(&mut self, number: usize, line: &str) {
        let size: usize = self.open.iter().map(|(_, line)| line.len()).sum();
        if self.open.len() >= MAX_LINES || !self.open.is_empty() && size + line.len() > MAX_CHARACTERS {
            self.close();
        }
        self.open.push((number, line.to_owned()));
    }

    fn fence(&mut self, number: usize, line: &str) {
        if self.code {
            self.open.push((number, line.to_owned()));
            self.close();
            self.code = false;
        } else {
            self.close();
            self.code = true;
            self.open.push((number, line.to_owned()));
        }
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        let (Some((start, _)), Some((end, _))) = (open.first(), open.last()) else { return };
        let (start, end) = (*start, *end);
        let lines: Vec<String> = open.into_iter().map(|(_, line)| line).collect();
        for lines in sentences_of_long_lines(lines) {
            let passage = Passage {
                path: self.document.path.clone(),
                place: self.document.place,
                start,
                end,
                heading: self.heading.clone(),
                lines,
                code: self.code,
            };
            if is_telling(&passage) {
                self.done.push(passage);
            }
        }
    }
}

/// A single overlong line comes in pieces that end with a sentence; everything else stays as it is.
fn sentences_of_long_lines(lines: Vec<String>) -> Vec<Vec<String>> {
    let [line] = lines.as_slice() else { return vec![lines] };
    if line.chars().count() <= MAX_CHARACTERS {
        return vec![lines];
    }
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for sentence in line.split_inclusive(['.', '!', '?', '。', ' ']) {
        let full = piece.chars().count() + sentence.chars().count() > MAX_CHARACTERS / 2;
        if full && (piece.trim_end().ends_with(['.', '!', '?', '。']) || piece.chars().count() > MAX_CHARACTERS) {
            pieces.push(vec![std::mem::take(&mut piece).trim().to_owned()]);
        }
        piece.push_str(sentence);
    }
    pieces.push(vec![piece.trim().to_owned()]);
    pieces
}

/// Badges, lists of links, our own notices and scraps say nothing worth quoting.
fn is_telling(passage: &Passage) -> bool {
    let text = passage.text();
    let names = |line: &String| {
        ["use ", "import ", "from ", "#include", "mod ", "pub mod ", "pub use "].iter().any(|start| line.trim_start().starts_with(start))
    };
    if !is_prose(&passage.path) && passage.lines.iter().all(names) {
        return false;
    }
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let links: usize = text.split_whitespace().filter(|word| word.contains("://")).map(str::len).sum();
    let dense = words::words(&text).len() >= MIN_WORDS;
    let is_table = passage.lines.len() > 2 && passage.lines.iter().all(|line| line.trim_start().starts_with('|'));
    dense
        && letters * if is_table { 5 } else { 2 } > text.chars().filter(|c| !c.is_whitespace()).count()
        && links * 2 < text.len()
        && !text.contains(NO_MODEL)
        && !text.starts_with("<!--")
}

/// Sentences with the line each starts on; a line break inside becomes a space, list marks are left out.
pub fn sentences(passage: &Passage) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (offset, line) in passage.lines.iter().enumerate() {
        let trimmed = line.trim();
        if starts_item(trimmed) || trimmed.starts_with('>') || trimmed.starts_with('|') {
            found.extend(open.take());
        }
        for part in trimmed.trim_start_matches(['-', '*', '>', ' ']).split_inclusive(". ").flat_map(|part| part.split_inclusive("? ")) {
            let (_, text) = open.get_or_insert((passage.start + offset, String::new()));
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(part.trim());
            if part.trim_end().ends_with(['.', '?', '!', '。', '|']) {
                found.extend(open.take());
            }
        }
    }
    found.extend(open);
    found
}

/// The best passages for the terms, best first, near copies folded into one.
pub fn rank<'a>(passages: &'a [Passage], terms: &[Term], most: usize) -> Vec<Ranked<'a>> {
    let bags: Vec<BTreeMap<String, f64>> = passages.iter().map(bag).collect();
    let mut scored: Vec<Ranked> =
        passages.iter().zip(scores(&bags, terms)).filter_map(|(passage, score)| to_ranked(passage, score)).collect();
    scored.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| (&a.passage.path, a.passage.start).cmp(&(&b.passage.path, b.passage.start)))
    });
    let floor = scored.first().map_or(0.0, |best| best.score * 0.06);
    let documents = passages.iter().map(|passage| &passage.path).collect::<BTreeSet<_>>().len().max(1);
    let per_document = (2 * most / documents).max(3);
    let mut chosen: Vec<(Ranked, BTreeSet<String>)> = Vec::new();
    for ranked in scored.into_iter().filter(|ranked| ranked.score > floor).take(most * 20) {
        let set = words::stem_set(&ranked.passage.text());
        if let Some((twin, _)) = chosen.iter_mut().find(|(_, other)| words::likeness(other, &set) > SAME) {
            twin.also.push(ranked.passage.at());
            continue;
        }
        let same_document = chosen.iter().filter(|(other, _)| other.passage.path == ranked.passage.path).count();
        if chosen.len() < most && same_document < per_document {
            chosen.push((ranked, set));
        }
    }
    chosen.into_iter().map(|(ranked, _)| ranked).collect()
}

fn to_ranked(passage: &Passage, (score, theme): (f64, Option<String>)) -> Option<Ranked<'_>> {
    let weight = if passage.code || !is_prose(&passage.path) { 0.25 } else { 1.0 };
    Some(Ranked { passage, score: score * weight, theme: theme?, also: Vec::new() })
}

/// Stems with their counts; the heading's words count less.
fn bag(passage: &Passage) -> BTreeMap<String, f64> {
    let mut bag = BTreeMap::new();
    for stem in words::stems(&passage.text()) {
        *bag.entry(stem).or_insert(0.0) += 1.0;
    }
    for stem in words::stems(&passage.heading) {
        *bag.entry(stem).or_insert(0.0) += HEADING;
    }
    bag
}

/// Okapi BM25 with k1 = 1.2 and b = 0.6; passages that hold several of the terms gain a quarter for each more.
fn scores(bags: &[BTreeMap<String, f64>], terms: &[Term]) -> Vec<(f64, Option<String>)> {
    let all = bags.len() as f64;
    let length = |bag: &BTreeMap<String, f64>| bag.values().sum::<f64>();
    let average = (bags.iter().map(length).sum::<f64>() / all.max(1.0)).max(1.0);
    let rarity: Vec<f64> = terms
        .iter()
        .map(|term| {
            let with = bags.iter().filter(|bag| bag.contains_key(&term.stem)).count() as f64;
            ((all - with + 0.5) / (with + 0.5) + 1.0).ln() * term.weight
        })
        .collect();
    let score = |bag: &BTreeMap<String, f64>| {
        let norm = 1.2 * (0.4 + 0.6 * length(bag) / average);
        let parts = terms.iter().zip(&rarity).enumerate().filter_map(|(index, (term, rarity))| {
            let count = bag.get(&term.stem)?;
            Some((rarity * count * 2.2 / (count + norm), index))
        });
        let parts: Vec<(f64, usize)> = parts.collect();
        let best =
            theme(&parts, bag, |index| words::phrase(terms, index, |term| bags.iter().any(|bag| bag.contains_key(&term.stem))), terms);
        let sum: f64 = parts.iter().map(|(part, _)| part).sum();
        (sum * (1.0 + 0.25 * (parts.len().saturating_sub(1)) as f64), best)
    };
    bags.iter().map(score).collect()
}

/// The phrase of the goal that counts most in a passage; words of its text come before those of its heading.
fn theme(parts: &[(f64, usize)], bag: &BTreeMap<String, f64>, phrase: impl Fn(usize) -> String, terms: &[Term]) -> Option<String> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for (part, index) in parts {
        let in_text = terms.get(*index).and_then(|term| bag.get(&term.stem)).is_some_and(|count| *count >= 1.0);
        *sums.entry(phrase(*index)).or_insert(0.0) += if in_text { *part } else { part / 10.0 };
    }
    sums.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(phrase, _)| phrase)
}

/// The opening passages of each document, for goals that share no word with the sources.
pub fn openings(passages: &[Passage], most: usize) -> Vec<Ranked<'_>> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut chosen = Vec::new();
    for passage in passages.iter().filter(|passage| !passage.code && is_prose(&passage.path)) {
        let count = seen.entry(passage.path.as_str()).or_insert(0);
        *count += 1;
        if *count <= 2 && chosen.len() < most {
            let theme = passage.path.rsplit('/').next().unwrap_or_default().to_owned();
            chosen.push(Ranked { passage, score: 0.0, theme, also: Vec::new() });
        }
    }
    chosen
}

/// The telling passages of documents that the terms (nearly) passed over: whoever attached a document wants it heard. Those with figures come first
/// in choosing, and all in the order of the document.
pub fn unheard<'a>(passages: &'a [Passage], chosen: &[Ranked<'_>], paths: &[&str]) -> Vec<Ranked<'a>> {
    let mut found = Vec::new();
    for path in paths {
        let quoted: Vec<usize> = chosen.iter().filter(|ranked| ranked.passage.path == *path).map(|ranked| ranked.passage.start).collect();
        if quoted.len() >= HEARD {
            continue;
        }
        let fresh = |passage: &&Passage| passage.path == *path && !passage.code && is_prose(path) && !quoted.contains(&passage.start);
        let mut own: Vec<&Passage> = passages.iter().filter(fresh).collect();
        own.sort_by_key(|passage| !passage.text().contains(|c: char| c.is_ascii_digit()));
        own.truncate(HEARD + 1);
        own.sort_by_key(|passage| passage.start);
        found.extend(own.into_iter().map(|passage| {
            let theme = Some(&passage.heading).filter(|heading| !heading.is_empty()).cloned();
            let name = || path.rsplit('/').next().unwrap_or_default().to_owned();
            Ranked { passage, score: 0.0, theme: theme.unwrap_or_else(name), also: Vec::new() }
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned())).collect();
        Document { path: "a.md".into(), place: Place::Workspace, lines, more_from: None, total: None }
    }

    #[test]
    fn passages_keep_their_lines_and_heading() {
        let passages = split(&document(
            "---\nx: 1\n---\n# Top\n\nThe first passage has two\nlines of plain words.\n\n## Next\nAnother passage that says something.\n",
        ));
        assert_eq!(passages.len(), 2);
        assert_eq!((passages[0].start, passages[0].end, passages[0].heading.as_str()), (6, 7, "Top"));
        assert_eq!((passages[1].start, passages[1].heading.as_str()), (10, "Next"));
    }

    #[test]
    fn badges_and_links_are_passed_over() {
        let text = "[![b](https://x.example/badge.svg)](https://x.example/ci/long/address)\n\n- https://example.org/a/very/long/address/that/goes/on\n";
        assert_eq!(split(&document(text)), vec![]);
    }

    #[test]
    fn an_overlong_line_is_cut_at_a_sentence_and_stays_verbatim() {
        let line = "A sentence about heat pumps that is repeated often. ".repeat(60);
        let passages = split(&document(&line));
        assert!(passages.len() > 1);
        for passage in &passages {
            assert!(line.contains(&passage.text()) && passage.text().ends_with('.'));
        }
    }

    #[test]
    fn sentences_run_over_line_ends() {
        let passages =
            split(&document("Costs of 3.5 kW fell in\nthe year 2024. Then they rose.\n- An item without an end\n- Another one, here."));
        let found: Vec<(usize, String)> = sentences(&passages[0]);
        let expected = [
            (1, "Costs of 3.5 kW fell in the year 2024."),
            (2, "Then they rose."),
            (3, "An item without an end"),
            (4, "Another one, here."),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn the_passage_with_the_rarer_term_comes_first_and_copies_are_folded() {
        let text = "Nothing of note stands in this line here.\n\nWe walk along the river in the evening.\n\nPumps are common in many houses of the town.\n\nThe refrigerant of pumps decides their footprint today.\n\nPumps are common in many houses of this town.\n";
        let passages = split(&document(text));
        let term = |word: &str| Term { word: word.into(), stem: words::stem(word), weight: 1.0, joined: false };
        let ranked = rank(&passages, &[term("pumps"), term("refrigerants")], 8);
        assert_eq!(ranked[0].passage.start, 7);
        assert_eq!(ranked[0].theme, "refrigerants");
        assert_eq!((ranked.len(), ranked[1].also.len()), (2, 1));
    }
}
