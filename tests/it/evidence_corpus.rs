//! Planted fabrications and honest claims, made by rule from real texts: every false address and quotation is found, honest text is left alone.
use std::collections::BTreeSet;
use std::path::Path;

use ai_orchestrator::documents::evidence::{Grounds, Known, check};
use ai_orchestrator::domain::tool::Touched;
use ai_orchestrator::domain::{Ledger, RelPath, Severity, StepId, ToolCall};
use serde_json::json;

/// Draws that are the same on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }
}

/// A sentence of a real text, with the number of its source.
#[derive(Clone)]
struct Sentence {
    source: usize,
    text: String,
}

struct Corpus {
    grounds: Grounds,
    texts: Vec<String>,
    sentences: Vec<Sentence>,
    addresses: Vec<(usize, String)>,
}

/// Prose lines of a text, joined to paragraphs and cut at full stops.
fn sentences(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut code = false;
    for line in text.lines() {
        code ^= line.trim_start().starts_with("```");
        if line.starts_with("- ") {
            paragraphs.push(String::new());
        }
        let item = line.strip_prefix("- ").or_else(|| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
        let line = item.unwrap_or(line);
        let prose = !code && !line.trim().is_empty() && !line.starts_with(['|', '#', '>', '<', '*', '[', ' ', '-']);
        match paragraphs.last_mut() {
            Some(open) if prose => open.push_str(&format!("{line}\n")),
            _ => paragraphs.push(String::new()),
        }
    }
    let whole = |part: &str| {
        let words = part.split_whitespace().count();
        let plain =
            !part.contains(['“', '”', '"', '[', '„', '…', '|']) && !part.contains("://") && part.matches('`').count().is_multiple_of(2);
        (8..=45).contains(&words) && plain && part.chars().next().is_some_and(char::is_alphabetic)
    };
    let cut = paragraphs.iter().flat_map(|paragraph| {
        let sentences = paragraph.split(". ").flat_map(|part| part.split(".\n"));
        sentences.map(|part| part.trim().trim_end_matches('.').to_owned())
    });
    cut.filter(|part| whole(part)).collect()
}

/// Every text as an attached file, and two of its paragraphs as a page of the web with an address of its own and one that it links to.
fn corpus() -> Corpus {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/evidence/sources");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut corpus = Corpus { grounds: Grounds::default(), texts: Vec::new(), sentences: Vec::new(), addresses: Vec::new() };
    let mut ledger = Ledger::default();
    let at = chrono::DateTime::parse_from_rfc3339("2026-11-24T14:30:22Z").unwrap();
    let take = |ledger: &mut Ledger, name: &str, input: serde_json::Value, content: &str, touched: &[Touched]| {
        let call = ToolCall { id: "c".into(), name: name.into(), input };
        ledger.take(&call, (content, touched), (&StepId::numbered(1), at))[0]
    };
    for name in &names {
        let text = std::fs::read_to_string(name).unwrap();
        let path = format!("inputs/{}", name.file_name().unwrap().to_str().unwrap());
        let touched = [Touched { path: RelPath::new(&path).unwrap(), sha256: "0".into(), bytes: 1, wrote: false }];
        let numbered: String = text.lines().enumerate().map(|(index, line)| format!("{}\t{line}\n", index + 1)).collect();
        let number = take(&mut ledger, "read_file", json!({"path": path}), &numbered, &touched);
        corpus.sentences.extend(sentences(&text).into_iter().map(|text| Sentence { source: number, text }));
        corpus.texts.push(text);
    }
    let mut draw = Draw(7);
    let words: Vec<String> =
        corpus.texts.join(" ").split(|c: char| !c.is_ascii_lowercase()).filter(|w| w.len() > 4).map(str::to_owned).collect();
    for index in 0..80 {
        let mut word = || words[draw.next(words.len())].clone();
        let own = format!("https://{}-{index}.example.org/{}/{}", word(), word(), word());
        let linked = format!("https://www.{}.example.net/{}?id={index}", word(), word());
        let body = &corpus.sentences[index % corpus.sentences.len()].text;
        let page = format!("Address: {own}\nKind: html, 99 characters\nTitle: Page {index}\n\n# {body}\n\nSee [more]({linked}).\n");
        let number = take(&mut ledger, "web_fetch", json!({"url": own}), &page, &[]);
        corpus.addresses.push((number, own));
        corpus.addresses.push((number, linked));
    }
    corpus.grounds = Grounds::new(&ledger, &Known::default());
    corpus
}

/// Whether something is wrong with a text, by rule.
fn found(corpus: &Corpus, text: &str) -> BTreeSet<&'static str> {
    let flaws = check(text, &corpus.grounds).flaws;
    flaws.into_iter().filter(|flaw| flaw.level != Severity::Info).map(|flaw| flaw.rule).collect()
}

/// The ways in which a writer quotes.
fn quoted(way: usize, text: &str, number: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let even = words.join(" ");
    let (head, tail) = (words[..4].join(" "), words[words.len() - 4..].join(" "));
    match way % 8 {
        0 => format!("As the text has it, “{even}” [^s{number}]."),
        1 => format!("The author writes: \"{even}.\"[^s{number}] This matters for the goal."),
        2 => format!("> {even}.\n>\n> — the file [^s{number}]\n"),
        3 => format!("- It says “{head} … {tail}” [^s{number}]\n"),
        4 => format!("| point | words |\n| --- | --- |\n| one | “{even}” [^s{number}] |\n"),
        5 => format!("Nach [^s{number}] gilt: „{}“.", even.replace('-', "–").replace('\'', "’")),
        6 => {
            format!("> {}\n\n— them, as read [^s{number}]\n", words.chunks(6).map(|chunk| chunk.join(" ")).collect::<Vec<_>>().join("\n> "))
        }
        _ => format!("It holds that «**{}** {}» [^s{number}].", words[0], words[1..].join("  ")),
    }
}

#[test]
fn honest_claims_from_real_texts_raise_no_more_than_two_false_alarms_in_a_hundred() {
    let corpus = corpus();
    let mut alarms = Vec::new();
    let mut claims = 0;
    let mut judge = |text: String| {
        claims += 1;
        let rules = found(&corpus, &text);
        if !rules.is_empty() {
            alarms.push(format!("{rules:?}: {text}"));
        }
    };
    for (index, sentence) in corpus.sentences.iter().enumerate() {
        judge(quoted(index, &sentence.text, sentence.source));
        judge(quoted(index + 3, &sentence.text, sentence.source));
        // Said again in its own words with its figures.
        judge(format!("In short, {} [^s{}].", sentence.text, sentence.source));
        // In half of its words, with all of its figures.
        judge(format!("{} [^s{}].", shortened(&sentence.text), sentence.source));
        // Two statements of one source in one sentence.
        let next = corpus.sentences.get(index + 1).filter(|next| next.source == sentence.source);
        if let Some(next) = next {
            judge(format!("{}, and {} [^s{}].", shortened(&sentence.text), shortened(&next.text), sentence.source));
        }
    }
    for (index, (number, address)) in corpus.addresses.iter().enumerate() {
        judge(match index % 4 {
            0 => format!("See {address}/."),
            1 => format!("See [the page]({address}#part-2) [^s{number}]."),
            2 => format!("(<{}>)", address.replace("https://", "http://")),
            _ => format!("It is at {address}, among others."),
        });
    }
    println!("{claims} honest claims, {} false alarms\n{}", alarms.len(), alarms.join("\n"));
    assert!(claims >= 500, "{claims}");
    assert!(alarms.len() * 50 <= claims, "{} of {claims}\n{}", alarms.len(), alarms.join("\n"));
}

/// Every other word, and every figure.
fn shortened(text: &str) -> String {
    let words = text.split_whitespace().enumerate();
    words
        .filter(|(at, word)| at % 2 == 0 || word.contains(|c: char| c.is_ascii_digit()))
        .map(|(_, word)| word)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A sentence made false: another word, a word more or less, another order, another figure, another source.
fn falsified(way: usize, sentence: &Sentence, others: &[Sentence], draw: &mut Draw) -> Option<Sentence> {
    let mut words: Vec<String> = sentence.text.split_whitespace().map(str::to_owned).collect();
    let long: Vec<usize> = (1..words.len() - 1).filter(|at| words[*at].chars().all(char::is_alphabetic) && words[*at].len() > 3).collect();
    if long.is_empty() {
        return None;
    }
    let at = long[draw.next(long.len())];
    let other = &others[draw.next(others.len())];
    match way % 6 {
        0 => {
            let foreign: Vec<&str> = other.text.split_whitespace().filter(|w| w.len() > 3 && w.chars().all(char::is_alphabetic)).collect();
            let new = (*foreign.get(draw.next(foreign.len()))?).to_owned();
            if new.to_lowercase() == words[at].to_lowercase() {
                return None;
            }
            words[at] = new;
        }
        1 => words.insert(at, "not".into()),
        2 => {
            words.remove(at);
        }
        3 => {
            let is_word = words[at + 1].chars().any(char::is_alphanumeric);
            if !is_word || words[at].to_lowercase() == words[at + 1].to_lowercase() {
                return None;
            }
            words.swap(at, at + 1);
        }
        4 => {
            let digits = words.iter().position(|word| word.chars().any(|c| c.is_ascii_digit()))?;
            words[digits] = bumped(&words[digits]);
        }
        _ => {
            let text = other.text.clone();
            return (other.source != sentence.source).then_some(Sentence { source: sentence.source, text });
        }
    }
    Some(Sentence { source: sentence.source, text: words.join(" ") })
}

/// The first digit of a number changed.
fn bumped(word: &str) -> String {
    let mut done = false;
    let change = |c: char| match c.to_digit(10) {
        Some(digit) if !done => {
            done = true;
            char::from_digit((digit + 3) % 9 + 1, 10).unwrap()
        }
        _ => c,
    };
    word.chars().map(change).collect()
}

#[test]
fn every_planted_quotation_is_found() {
    let corpus = corpus();
    let mut draw = Draw(11);
    let (mut planted, mut missed) = (0, Vec::new());
    for (index, sentence) in corpus.sentences.iter().cycle().take(corpus.sentences.len() * 4).enumerate() {
        let Some(false_one) = falsified(index, sentence, &corpus.sentences, &mut draw) else { continue };
        // An ellipsis leaves out what was changed: that quotation may well be true.
        let way = if index % 8 == 3 { 0 } else { index };
        let text = quoted(way, &false_one.text, false_one.source);
        planted += 1;
        if !found(&corpus, &text).contains("false-quotation") {
            missed.push(text);
        }
    }
    println!("{planted} false quotations planted, {} missed", missed.len());
    assert!(planted >= 200, "{planted}");
    assert!(missed.is_empty(), "{} of {planted}\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn every_planted_address_is_found() {
    let corpus = corpus();
    let mut draw = Draw(13);
    let mut missed = Vec::new();
    for index in 0..240 {
        let (number, address) = &corpus.addresses[index % corpus.addresses.len()];
        let (host, path) = address.trim_start_matches("https://").split_once('/').unwrap();
        let at = draw.next(path.len().max(2) - 1);
        let false_one = match index % 6 {
            0 => format!("https://{host}/{}x{}", &path[..at], &path[at..]),
            1 => format!("https://{}/{path}", host.replacen('.', "s.", 1)),
            2 => format!("https://{host}/{path}/{}", draw.next(9000)),
            3 => format!("https://doi.org/10.{}/{}", 1000 + draw.next(9000), draw.next(99999)),
            4 => format!("www.{}.example.com/{}", path.split(['/', '?']).next().unwrap(), draw.next(9000)),
            _ => format!("https://{host}/{}", path.chars().rev().filter(|c| c.is_ascii_lowercase()).collect::<String>()),
        };
        let text = match index % 3 {
            0 => format!("As shown at {false_one}."),
            1 => format!("See [the source]({false_one}) [^s{number}]."),
            _ => format!("| a | <{false_one}> |"),
        };
        if !found(&corpus, &text).contains("unknown-address") {
            missed.push(text);
        }
    }
    assert!(missed.is_empty(), "{} of 240\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn planted_figures_are_found_where_the_source_does_not_happen_to_hold_them() {
    let corpus = corpus();
    let (mut planted, mut missed, mut happens) = (0, Vec::new(), 0);
    for sentence in &corpus.sentences {
        let words: Vec<&str> = sentence.text.split_whitespace().collect();
        let figures = (1..words.len()).filter(|at| {
            words[*at].chars().filter(char::is_ascii_digit).count() >= 2 && words[*at].starts_with(|c: char| c.is_ascii_digit())
        });
        for at in figures {
            let mut changed: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            changed[at] = bumped(words[at]);
            let text = format!("{} [^s{}].", changed.join(" "), sentence.source);
            planted += 1;
            let digits: String = changed[at].chars().filter(|c| c.is_ascii_digit()).collect();
            if !found(&corpus, &text).contains("number-differs") {
                let source: String = corpus.texts[sentence.source - 1].chars().filter(|c| !matches!(c, ',' | '.')).collect();
                if source.contains(&digits) { happens += 1 } else { missed.push(text) }
            }
        }
    }
    println!("{planted} figures planted, {happens} stand elsewhere in the source, {} missed", missed.len());
    assert!(planted >= 20 && missed.is_empty(), "{planted}\n{}", missed.join("\n"));
}

#[test]
fn figures_that_the_source_has_for_something_else_are_found_where_they_stand_far_apart() {
    let corpus = corpus();
    let is_figure = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().filter(char::is_ascii_digit).count() >= 2;
    let with_figures: Vec<(&Sentence, &str)> =
        corpus.sentences.iter().filter_map(|sentence| Some((sentence, sentence.text.split_whitespace().find(is_figure)?))).collect();
    let (mut planted, mut found_ones) = (0, 0);
    for (sentence, own) in &with_figures {
        let text = &corpus.texts[sentence.source - 1];
        let at = |sentence: &Sentence| text.find(sentence.text.split_whitespace().next().unwrap()).unwrap_or(0);
        let place = text.find(sentence.text.as_str()).unwrap_or_else(|| at(sentence));
        for (other, foreign) in with_figures.iter().filter(|(other, _)| other.source == sentence.source) {
            let far = text.find(other.text.as_str()).is_some_and(|there| there.abs_diff(place) > 2_000);
            if !far || sentence.text.contains(*foreign) || own.contains(*foreign) || foreign.contains(*own) {
                continue;
            }
            planted += 1;
            let false_one = sentence.text.replacen(*own, foreign, 1);
            let flaws = check(&format!("{false_one} [^s{}].", sentence.source), &corpus.grounds).flaws;
            found_ones += usize::from(flaws.iter().any(|flaw| flaw.rule == "number-differs"));
        }
    }
    println!("{planted} figures of other passages planted, {found_ones} found");
    assert!(planted > 0 && found_ones * 10 >= planted * 7, "{found_ones} of {planted}");
}
