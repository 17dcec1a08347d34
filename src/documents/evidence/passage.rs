//! Whether words stand in a text, and where: as they are, then with other spaces, then with letters that a typist would mistake. Knows no citation.
use std::collections::HashMap;
use std::ops::Range;

use super::words::{Word, words};

/// Quotations shorter than this, in words, must stand exactly; of longer ones one word in so many may differ by a letter or two.
pub(super) const ONE_IN: usize = 8;
/// Letters a quotation must have to be looked for without its spaces.
const SQUEEZED: usize = 16;

/// A text made ready to be searched.
#[derive(Debug, Default)]
pub(super) struct Haystack {
    pub words: Vec<Word>,
    places: HashMap<String, Vec<usize>>,
    squeezed: String,
    /// Where each word starts in `squeezed`.
    starts: Vec<usize>,
}

impl Haystack {
    pub fn new(text: &str) -> Self {
        let mut stack = Haystack { words: words(text), ..Haystack::default() };
        for (index, word) in stack.words.iter().enumerate() {
            stack.places.entry(word.text.clone()).or_default().push(index);
            stack.starts.push(stack.squeezed.len());
            stack.squeezed.push_str(&word.text);
        }
        stack
    }

    /// Where a quotation stands (bytes). Parts that `…` or brackets divide stand one after the other.
    pub fn find(&self, quotation: &str) -> Option<Range<usize>> {
        let parts = parts(quotation);
        let (mut from, mut whole): (usize, Option<Range<usize>>) = (0, None);
        for part in &parts {
            let found = self.find_words(part, from)?;
            from = found.end;
            let start = self.words.get(found.start)?.start;
            let end = self.words.get(found.end.checked_sub(1)?)?.end;
            whole = Some(whole.map_or(start..end, |whole| whole.start..end));
        }
        whole
    }

    /// The same for words, from word `from` on, as indices of words.
    fn find_words(&self, part: &[Word], from: usize) -> Option<Range<usize>> {
        self.find_exact(part, from).or_else(|| self.find_squeezed(part, from)).or_else(|| self.find_near(part, from))
    }

    fn find_exact(&self, part: &[Word], from: usize) -> Option<Range<usize>> {
        let starts = self.places.get(&part.first()?.text)?;
        let stands = |start: &&usize| {
            let there = self.words.get(**start..**start + part.len());
            **start >= from && there.is_some_and(|there| there.iter().zip(part).all(|(a, b)| a.text == b.text))
        };
        starts.iter().find(stands).map(|start| *start..*start + part.len())
    }

    /// Spaces and hyphens may stand elsewhere: `heat-pump`, `heatpump`, a word cut at the end of a line.
    fn find_squeezed(&self, part: &[Word], from: usize) -> Option<Range<usize>> {
        let letters: String = part.iter().map(|word| word.text.as_str()).collect();
        if letters.chars().count() < SQUEEZED {
            return None;
        }
        let base = *self.starts.get(from)?;
        for (at, _) in self.squeezed.get(base..)?.match_indices(&letters) {
            let (start, end) = (base + at, base + at + letters.len());
            let first = self.starts.binary_search(&start);
            let last = if end == self.squeezed.len() { Ok(self.words.len()) } else { self.starts.binary_search(&end) };
            if let (Ok(first), Ok(last)) = (first, last) {
                return Some(first..last);
            }
        }
        None
    }

    fn find_near(&self, part: &[Word], from: usize) -> Option<Range<usize>> {
        let allowed = part.len() / ONE_IN;
        if allowed == 0 {
            return None;
        }
        let windows = self.words.windows(part.len()).enumerate().skip(from);
        let stands = |window: &[Word]| {
            let mut differing = 0;
            window.iter().zip(part).all(|(a, b)| {
                a.text == b.text || {
                    differing += 1;
                    differing <= allowed && is_near(&a.text, &b.text)
                }
            })
        };
        windows.into_iter().find(|(_, window)| stands(window)).map(|(start, _)| start..start + part.len())
    }
}

/// A quotation divided where its writer left something out or put something in.
fn parts(quotation: &str) -> Vec<Vec<Word>> {
    let mut text = String::with_capacity(quotation.len());
    let mut rest = quotation;
    while let Some(at) = rest.find(['…', '[', '.']) {
        let (before, tail) = rest.split_at(at);
        text.push_str(before);
        let bracket = tail.strip_prefix('[').filter(|inner| !inner.starts_with('^')).and_then(|inner| inner.find(']'));
        let is_link = bracket.is_some_and(|end| tail.get(end + 2..).is_some_and(|after| after.starts_with('(')));
        let dots = tail.bytes().take_while(|byte| *byte == b'.').count();
        let skipped = match bracket {
            Some(end) if !is_link && end <= 60 => end + 2,
            _ if tail.starts_with('…') => '…'.len_utf8(),
            _ if dots >= 3 => dots,
            _ => 0,
        };
        let step = if skipped > 0 { skipped } else { tail.chars().next().map_or(1, char::len_utf8) };
        text.push_str(if skipped > 0 { "\u{1}" } else { tail.get(..step).unwrap_or_default() });
        rest = tail.get(step..).unwrap_or_default();
    }
    text.push_str(rest);
    text.split('\u{1}').map(words).filter(|part| !part.is_empty()).collect()
}

/// Whether one is the other with a letter mistyped: long words only, the first letter right, no figures.
fn is_near(a: &str, b: &str) -> bool {
    let (first, second): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let shorter = first.len().min(second.len());
    let allowed = match shorter {
        0..6 => return false,
        6..10 => 1,
        _ => 2,
    };
    first.first() == second.first()
        && first.len().abs_diff(second.len()) <= allowed
        && !first.iter().chain(&second).any(char::is_ascii_digit)
        && distance(&first, &second) <= allowed
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            let best = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            (diagonal, left, *cell) = (above, best, best);
        }
    }
    // The first cell of a row is never looked at again: the left neighbour is carried along.
    if b.is_empty() { a.len() } else { row.last().copied().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "The lower the flow temperature of the heating circuit, the better a *heat pump* works. As a rule of thumb, every degree less saves\nabout 2.5 % of electricity. The instal-\nlation does not take long.";

    fn stands(quotation: &str) -> bool {
        Haystack::new(SOURCE).find(quotation).is_some()
    }

    #[test]
    fn words_are_found_whatever_their_dress() {
        for quotation in [
            "the better a heat pump works",
            "THE BETTER A “HEAT-PUMP” WORKS!",
            "every degree less saves about 2.5% of electricity",
            "The lower the flow temperature … the better a heat pump works",
            "The lower the flow temperature [of it], the better",
            "the installation does not take long",
            "The lower the flow temperatures of the heating circuit",
        ] {
            assert!(stands(quotation), "{quotation}");
        }
    }

    #[test]
    fn words_that_say_something_else_are_not() {
        for quotation in [
            "the worse a heat pump works",
            "every degree less saves about 3.5 % of electricity",
            "the installation does take long",
            "The higher the flow temperature of the heating circuit, the better a heat pump works",
            "a heat pump works the better",
            "the better a heat pump works … The lower the flow temperature",
            "flow pump",
        ] {
            assert!(!stands(quotation), "{quotation}");
        }
    }

    #[test]
    fn the_place_is_that_of_the_words() {
        let place = Haystack::new(SOURCE).find("better a heat pump").unwrap();
        assert_eq!(&SOURCE[place], "better a *heat pump");
        assert_eq!(distance(&['a', 'b', 'c'], &['a', 'x', 'c', 'd']), 2);
        assert_eq!(distance(&[], &['a']), 1);
    }
}
