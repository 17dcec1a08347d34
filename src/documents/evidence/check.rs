//! The checks of an artifact's claims against the ledger. Every flaw has its place and a rule; what cannot be judged is left alone.
use std::ops::Range;

use super::claims::{Claims, Quotation, Sentence, read};
use super::figures::{Figure, figures};
use super::grounds::{Ground, Grounds};
use super::near::is_in_table;
use super::words::words;
use crate::domain::{Flaw, Severity, SourceKind, Tally};

/// A citation of a source that is not in the ledger.
pub const UNKNOWN_SOURCE: &str = "unknown-source";
/// A footnote that names another place than its source's.
pub const WRONG_SOURCE: &str = "wrong-source";
/// An address that nobody read and nobody gave.
pub const UNKNOWN_ADDRESS: &str = "unknown-address";
/// Quoted words that are not in their source.
pub const FALSE_QUOTATION: &str = "false-quotation";
/// Quoted words without a source that nothing read holds.
pub const UNSOURCED_QUOTATION: &str = "unsourced-quotation";
/// A number that is not in the source named for it.
pub const NUMBER_DIFFERS: &str = "number-differs";

/// Words in quotation marks that a quotation has at the least; a single one is a term.
const QUOTED: usize = 2;
/// The same for words without spaces between them: `low-temperature` is a term, a Chinese sentence is not.
const UNSPACED: usize = 4;
/// The same where no source is named: shorter ones are titles, labels, speech.
const QUOTED_UNSOURCED: usize = 7;
/// The longest piece of the artifact that a flaw repeats, in characters.
const LONGEST: usize = 160;

/// What checking an artifact gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// In the order of their places.
    pub flaws: Vec<Flaw>,
    pub tally: Tally,
}

/// Compares every claim of an artifact with its sources.
pub fn check(text: &str, grounds: &Grounds) -> Checked {
    let claims = read(text);
    let mut checking = Checking { text, grounds, claims: &claims, checked: Checked::default() };
    checking.marks();
    checking.definitions();
    checking.addresses();
    claims.quotations.iter().for_each(|quotation| checking.quotation(quotation));
    claims.sentences.iter().for_each(|sentence| checking.sentence(sentence));
    checking.checked.flaws.sort_by_key(|flaw| (flaw.start, flaw.end));
    checking.checked
}

struct Checking<'a> {
    text: &'a str,
    grounds: &'a Grounds,
    claims: &'a Claims,
    checked: Checked,
}

impl Checking<'_> {
    fn flaw(&mut self, place: &Range<usize>, (level, rule, advice): (Severity, &'static str, &'static str), message: String) {
        let words: String = self.text.get(place.clone()).unwrap_or_default().trim().chars().take(LONGEST).collect();
        let line = self.text.get(..place.start).unwrap_or_default().matches('\n').count() + 1;
        self.checked.flaws.push(Flaw { start: place.start, end: place.end, line, level, rule, evidence: words, message, advice });
    }

    fn count(&mut self, fails: bool) {
        self.checked.tally.checked += 1;
        self.checked.tally.failed += usize::from(fails);
    }

    fn marks(&mut self) {
        for mark in &self.claims.marks {
            let known = self.grounds.get(mark.number).is_some();
            self.count(!known);
            if !known {
                let message = format!("[^s{}] is not in the evidence ledger: nothing was read under this number", mark.number);
                self.flaw(
                    &mark.place,
                    (Severity::Error, UNKNOWN_SOURCE, "cite a source that was read, or take the statement out"),
                    message,
                );
            }
        }
    }

    fn definitions(&mut self) {
        let advice = "name the place that was read, or leave the footnote to be added";
        for definition in &self.claims.definitions {
            let place = &definition.place;
            let Some(ground) = self.grounds.get(definition.number) else {
                let message = format!("[^s{}] is not in the evidence ledger: nothing was read under this number", definition.number);
                self.flaw(place, (Severity::Error, UNKNOWN_SOURCE, "take the footnote out, with what cites it"), message);
                continue;
            };
            let source = &ground.source;
            let is_page = matches!(source.kind, SourceKind::Page | SourceKind::Search);
            let origin = super::claims::key(&source.origin);
            let inside =
                self.claims.addresses.iter().filter(|address| place.start <= address.place.start && address.place.end <= place.end);
            let other = inside.into_iter().find(|address| is_page && Some(&address.key) != origin.as_ref());
            let path = input_path(self.text.get(place.clone()).unwrap_or_default());
            let is_other_file = path.is_some_and(|path| source.kind != SourceKind::Input || !source.origin.eq_ignore_ascii_case(path));
            if other.is_some() || is_other_file {
                let message = format!("source [^s{}] is `{}`, not what this footnote names", definition.number, source.origin);
                self.flaw(place, (Severity::Error, WRONG_SOURCE, advice), message);
            }
        }
    }

    fn addresses(&mut self) {
        for address in &self.claims.addresses {
            let known = self.grounds.is_known(&address.key);
            self.count(!known);
            if !known {
                let level = if self.grounds.is_empty() { Severity::Warning } else { Severity::Error };
                let message =
                    "this address was not read in this run, and stands neither in the goal nor in any text that was read".to_owned();
                self.flaw(&address.place, (level, UNKNOWN_ADDRESS, "name an address that was read, or take it out"), message);
            }
        }
    }

    fn quotation(&mut self, quotation: &Quotation) {
        let quoted = self.text.get(quotation.place.clone()).unwrap_or_default();
        let length = words(quoted).len();
        if quotation.sources.is_empty() {
            if !quotation.is_block && length >= QUOTED_UNSOURCED && !self.grounds.is_empty() {
                self.unsourced(quotation, quoted);
            }
            return;
        }
        let grounds: Vec<_> = quotation.sources.iter().filter_map(|number| self.grounds.get(*number)).collect();
        let is_term = quoted.split_whitespace().count() < QUOTED && length < UNSPACED;
        if is_term || grounds.is_empty() {
            return;
        }
        let holds = grounds.iter().any(|ground| ground.words().find(quoted).is_some());
        self.count(!holds);
        if !holds {
            let named: Vec<String> = grounds.iter().map(|ground| format!("`{}`", ground.source.origin)).collect();
            let message = format!("these words do not stand in {}", named.join(" or in "));
            let advice = "quote the source word for word, or say it in your own words without quotation marks";
            self.flaw(&quotation.place, (Severity::Error, FALSE_QUOTATION, advice), message);
        }
    }

    fn unsourced(&mut self, quotation: &Quotation, quoted: &str) {
        self.checked.tally.uncited += 1;
        if !self.grounds.holds_words(quoted) {
            let message = "these quoted words name no source, and nothing that was read holds them".to_owned();
            self.flaw(
                &quotation.place,
                (Severity::Info, UNSOURCED_QUOTATION, "name the source, or take the quotation marks away"),
                message,
            );
        }
    }

    fn sentence(&mut self, sentence: &Sentence) {
        let quoted: Vec<&Range<usize>> = self.claims.quotations.iter().map(|quotation| &quotation.place).collect();
        let all = figures(self.claims.prose.get(sentence.place.clone()).unwrap_or_default());
        let own: Vec<_> = all
            .into_iter()
            .map(|mut figure| {
                figure.place = figure.place.start + sentence.place.start..figure.place.end + sentence.place.start;
                figure
            })
            .filter(|figure| !figure.is_reference && !figure.is_small)
            .filter(|figure| !is_list_number(self.text, &sentence.place, &figure.place) && !self.is_part_of_date(&figure.place))
            .filter(|figure| !quoted.iter().any(|place| place.start <= figure.place.start && figure.place.end <= place.end))
            .collect();
        if sentence.sources.is_empty() {
            let counts = sentence.is_prose && !sentence.is_covered && !own.is_empty() && !self.grounds.is_empty();
            self.checked.tally.uncited += usize::from(counts);
            return;
        }
        let grounds: Vec<_> = sentence.sources.iter().filter_map(|number| self.grounds.get(*number)).collect();
        if grounds.is_empty() || own.is_empty() {
            return;
        }
        let said = self.claims.prose.get(sentence.place.clone()).unwrap_or_default();
        let false_ones: Vec<_> = own.iter().map(|figure| (figure, standing(figure, &grounds, said))).collect();
        let false_ones: Vec<_> = false_ones.into_iter().filter(|(_, standing)| *standing != Standing::Here).collect();
        self.count(!false_ones.is_empty());
        let named: Vec<String> = grounds.iter().map(|ground| format!("`{}`", ground.source.origin)).collect();
        for (figure, standing) in false_ones {
            let written = self.text.get(figure.place.clone()).unwrap_or_default();
            let message = match standing {
                Standing::Elsewhere => format!("`{written}` stands in {}, but not where this is spoken of", named.join(" or in ")),
                _ => format!("`{written}` does not stand in {}", named.join(" or in ")),
            };
            let advice = "give the number as the source has it, or say how it was worked out and cite nothing for it";
            self.flaw(&figure.place, (Severity::Warning, NUMBER_DIFFERS, advice), message);
        }
    }

    /// Month and day of `2026-11-24`, hours of `14:30`: written in too many ways to be compared.
    fn is_part_of_date(&self, place: &Range<usize>) -> bool {
        let before = self.text.get(..place.start).unwrap_or_default().as_bytes();
        let after = self.text.get(place.end..).unwrap_or_default().as_bytes();
        let short = place.len() <= 2;
        let joined = |sign: &u8, digit: Option<&u8>| matches!(sign, b'-' | b':' | b'/') && digit.is_some_and(u8::is_ascii_digit);
        let behind = before.last().is_some_and(|sign| joined(sign, before.get(before.len().wrapping_sub(2))));
        let ahead = after.first().is_some_and(|sign| joined(sign, after.get(1)));
        short && (behind || ahead)
    }
}

/// Where the sources of a sentence have its figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// In the passage that the sentence rests on, or where that cannot be told: anywhere.
    Here,
    /// Only where the source speaks of something else.
    Elsewhere,
    Nowhere,
}

fn standing(figure: &Figure, grounds: &[&Ground], said: &str) -> Standing {
    let mut standing = Standing::Nowhere;
    for ground in grounds {
        let mut places = figure.places_in(ground.values()).peekable();
        if places.peek().is_none() {
            continue;
        }
        standing = Standing::Elsewhere;
        // What an answer about data says stands in its own order.
        let topic = ground.subjects().topic(said).filter(|_| ground.source.kind != SourceKind::Data);
        let Some(topic) = topic else { return Standing::Here };
        if places.any(|place| topic.is_at(place) || is_in_table(&ground.text, place)) {
            return Standing::Here;
        }
    }
    standing
}

/// `1.` at the start of a list item.
fn is_list_number(text: &str, sentence: &Range<usize>, figure: &Range<usize>) -> bool {
    let before = text.get(sentence.start..figure.start).unwrap_or_default();
    let after = text.get(figure.end..).unwrap_or_default();
    before.trim().is_empty() && (after.starts_with(". ") || after.starts_with(") "))
}

/// A path of an attached file named in a footnote, without line numbers.
fn input_path(text: &str) -> Option<&str> {
    let at = text.find("inputs/")?;
    let rest = text.get(at..)?;
    let quoted = text.get(..at)?.ends_with('`');
    let end = rest.find(|c: char| if quoted { c == '`' } else { c.is_whitespace() || ",;)]>".contains(c) }).unwrap_or(rest.len());
    let path = rest.get(..end)?;
    // `inputs/a.md:12` or `inputs/a.md:12-14`
    let path = match path.rsplit_once(':') {
        Some((head, tail)) if !tail.is_empty() && tail.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '–')) => head,
        _ => path,
    };
    Some(path.trim_end_matches(['.', ':']))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
