//! From a place in an artifact to the passage it rests on: what a hover shows and where "go to definition" leads. Judges nothing.
use std::ops::Range;

use super::claims::{Claims, Sentence, read};
use super::grounds::{Ground, Grounds};
use super::words::words;

/// A cited place of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited {
    /// The mark, the quotation or the sentence (bytes of the artifact).
    pub place: Range<usize>,
    pub number: usize,
    /// Where the passage stands in the source's text (bytes); `None` for a source that the ledger does not have.
    pub passage: Option<Range<usize>>,
}

/// What is cited at an offset; `None` where nothing is.
pub fn cited_at(text: &str, offset: usize, grounds: &Grounds) -> Option<Cited> {
    let claims = read(text);
    let touches = |place: &Range<usize>| place.start <= offset && offset <= place.end;
    let definition = claims.definitions.iter().find(|definition| touches(&definition.place));
    if let Some(definition) = definition {
        let passage = grounds.get(definition.number).map(|_| 0..0);
        return Some(Cited { place: definition.place.clone(), number: definition.number, passage });
    }
    let mark = claims.marks.iter().find(|mark| touches(&mark.place));
    let quotation = claims.quotations.iter().find(|quotation| touches(&quotation.place) && !quotation.sources.is_empty());
    let sentence = claims.sentences.iter().find(|sentence| touches(&sentence.place) && !sentence.sources.is_empty());
    let (place, number) = match (mark, quotation, sentence) {
        (Some(mark), ..) => (mark.place.clone(), mark.number),
        (_, Some(quotation), _) => (quotation.place.clone(), *quotation.sources.first()?),
        (_, _, Some(sentence)) => (sentence.place.clone(), *sentence.sources.first()?),
        _ => return None,
    };
    let passage = grounds.get(number).map(|ground| passage(text, &claims, (&place, number), ground));
    Some(Cited { place, number, passage })
}

/// The quotation that the place belongs to, as it stands in the source; else the line that shares most words with the sentence.
fn passage(text: &str, claims: &Claims, (place, number): (&Range<usize>, usize), ground: &Ground) -> Range<usize> {
    let distance = |other: &Range<usize>| place.start.abs_diff(other.end).min(other.start.abs_diff(place.start));
    let mut quotations: Vec<&Range<usize>> =
        claims.quotations.iter().filter(|quotation| quotation.sources.contains(&number)).map(|quotation| &quotation.place).collect();
    quotations.sort_by_key(|other| distance(other));
    let holds = |sentence: &&Sentence| sentence.place.start <= place.start && place.end <= sentence.place.end;
    let sentence = claims.sentences.iter().find(holds);
    let near =
        |other: &&&Range<usize>| distance(other) <= 400 || sentence.is_some_and(|s| s.place.start < other.end && other.start < s.place.end);
    let found = quotations.iter().find(near).and_then(|other| ground.words().find(text.get((*other).clone())?));
    found.unwrap_or_else(|| {
        let said = sentence.map_or(place.clone(), |sentence| sentence.place.clone());
        nearest_line(&ground.text, text.get(said).unwrap_or_default())
    })
}

fn nearest_line(source: &str, said: &str) -> Range<usize> {
    let wanted: Vec<String> = words(said)
        .into_iter()
        .map(|word| word.text)
        .filter(|word| word.chars().count() > 3 || word.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    let (mut best, mut at, mut place) = (0, 0, 0..0);
    for line in source.split_inclusive('\n') {
        let score = words(line).iter().filter(|word| wanted.contains(&word.text)).count();
        if score > best {
            (best, place) = (score, at..at + line.trim_end().len());
        }
        at += line.len();
    }
    place
}
