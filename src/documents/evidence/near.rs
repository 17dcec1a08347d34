//! Whether a place in a source lies where the source speaks of what a sentence says, by the words that both use. Knows no figure and judges no claim.
use std::collections::{BTreeMap, HashMap};

/// Words on each side of a place that belong to its passage.
const AROUND: usize = 40;
/// Words that a sentence must share with some passage of a source before it can be told what the passage is: with fewer the sentence is in another
/// language, or in words of its own.
const ENOUGH: usize = 3;
/// A place belongs to the sentence if its surroundings share one in so many of the words that the best passage shares.
const PART: usize = 3;
/// Letters of a word that are compared, and that it has at the least: endings do not count, small words say nothing.
const STEM: usize = 5;
const SHORTEST: usize = 4;
/// Words of four letters and more that stand everywhere.
const EMPTY: [&str; 44] = [
    "about", "after", "also", "been", "before", "between", "could", "each", "from", "have", "into", "less", "like", "many", "more", "most",
    "much", "only", "other", "over", "same", "should", "some", "such", "than", "that", "their", "them", "then", "there", "these", "they",
    "this", "those", "were", "what", "when", "where", "which", "while", "will", "with", "would", "your",
];

/// The words of a source, with their places.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// Where each word starts (bytes).
    starts: Vec<usize>,
    /// The words (by number) that begin so.
    stems: HashMap<String, Vec<usize>>,
}

/// What a sentence is about, as one source says it.
#[derive(Debug)]
pub(super) struct Topic<'a> {
    subjects: &'a Subjects,
    /// Words of the source that the sentence uses as well, in the source's order: their number, and which of the sentence's words it is.
    shared: Vec<(usize, usize)>,
    /// Different words that the best passage shares.
    best: usize,
}

impl Subjects {
    pub fn new(text: &str) -> Self {
        let mut subjects = Subjects::default();
        for (start, word) in lettered(text) {
            if let Some(stem) = stem(word) {
                subjects.stems.entry(stem).or_default().push(subjects.starts.len());
            }
            subjects.starts.push(start);
        }
        subjects
    }

    /// `None` where no passage shares enough words with the sentence to be the one it means.
    pub fn topic(&self, sentence: &str) -> Option<Topic<'_>> {
        let mut wanted: Vec<String> = lettered(sentence).filter_map(|(_, word)| stem(word)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let found =
            wanted.iter().enumerate().flat_map(|(index, stem)| self.stems.get(stem).into_iter().flatten().map(move |at| (*at, index)));
        let mut shared: Vec<(usize, usize)> = found.collect();
        shared.sort_unstable();
        let best = most_at_once(&shared);
        (best >= ENOUGH).then_some(Topic { subjects: self, shared, best })
    }
}

impl Topic<'_> {
    /// Whether the source speaks of the sentence's subject around a place (byte).
    pub fn is_at(&self, place: usize) -> bool {
        let word = self.subjects.starts.partition_point(|start| *start < place);
        let from = self.shared.partition_point(|(at, _)| at + AROUND < word);
        let to = self.shared.partition_point(|(at, _)| *at < word + AROUND);
        let mut different: Vec<usize> = self.shared.get(from..to).unwrap_or_default().iter().map(|(_, index)| *index).collect();
        different.sort_unstable();
        different.dedup();
        different.len() * PART >= self.best
    }
}

/// Different words within one passage, at the most.
fn most_at_once(shared: &[(usize, usize)]) -> usize {
    let mut inside: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut from, mut best) = (0, 0);
    for (at, index) in shared {
        *inside.entry(*index).or_default() += 1;
        while let Some((first, gone)) = shared.get(from).filter(|(first, _)| first + 2 * AROUND < *at) {
            debug_assert!(first < at);
            if let Some(count) = inside.get_mut(gone) {
                *count -= 1;
                if *count == 0 {
                    inside.remove(gone);
                }
            }
            from += 1;
        }
        best = best.max(inside.len());
    }
    best
}

/// The words in letters, with their places.
pub(super) fn lettered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find(char::is_alphabetic)?;
        let rest = text.get(start..)?;
        let length = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        at = start + length;
        Some((start, rest.get(..length)?))
    })
}

fn stem(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    let says_something = lower.chars().count() >= SHORTEST && !EMPTY.contains(&lower.as_str());
    says_something.then(|| lower.chars().take(STEM).collect())
}

/// Whether a place lies in a row of a table, in a list of values or in a line with hardly a word: what such a figure is about stands elsewhere.
pub(super) fn is_in_table(text: &str, place: usize) -> bool {
    let (before, after) = (text.get(..place).unwrap_or_default(), text.get(place..).unwrap_or_default());
    let head = before.rsplit('\n').next().unwrap_or_default();
    let tail = after.split('\n').next().unwrap_or_default();
    let count = |signs: &[char]| head.matches(signs).count() + tail.matches(signs).count();
    let words = lettered(head).chain(lettered(tail)).take(STEM).count();
    count(&['|', '\t']) > 0 || count(&[',', ';']) * 3 > words.max(4) * 2 || words < STEM
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "Heat pumps in old houses draw 37 kW in January, says the survey of households.\n\nThe river was high that spring. \
        Along its banks stood old willows, and men came to fish there every Sunday; it was quiet, and nothing passed but ducks, a heron now and \
        again, and in the evening a boat or two on the way home from the weir, where the water falls over stones into a pool so deep that nobody \
        has seen its ground.\n\nThe ferry carried 412 people a day.\n\n| month | power |\n| --- | --- |\n| May | 99 |\n";

    fn at(sentence: &str, figure: &str) -> Option<bool> {
        let subjects = Subjects::new(SOURCE);
        let place = SOURCE.find(figure).unwrap();
        Some(subjects.topic(sentence)?.is_at(place))
    }

    #[test]
    fn a_place_is_near_where_the_source_speaks_of_the_same() {
        let pumps = "Heat pumps of the households surveyed drew 412 kW in January";
        assert_eq!((at(pumps, "37"), at(pumps, "412")), (Some(true), Some(false)));
        let ferry = "Each day the ferry carried people, 37 of them";
        assert_eq!((at(ferry, "37"), at(ferry, "412")), (Some(false), Some(true)));
    }

    #[test]
    fn in_words_of_its_own_or_another_language_nothing_can_be_told() {
        assert_eq!(at("Im Mai waren es 412 kW", "412"), None);
        assert_eq!(at("That was 412", "412"), None);
    }

    #[test]
    fn rows_and_bare_lines_are_tables() {
        assert!(is_in_table(SOURCE, SOURCE.find("99").unwrap()));
        assert!(!is_in_table(SOURCE, SOURCE.find("412").unwrap()));
        assert!(is_in_table("a,b\n1,2,3,4\n", 5) && is_in_table("Total 7", 6));
    }

    proptest::proptest! {
        #[test]
        fn any_texts_are_compared_without_a_panic(source in "[a-zA-Zä0-9 \n|,.]{0,200}", said in "[a-zA-Zä0-9 ]{0,80}", place in 0_usize..260) {
            let subjects = Subjects::new(&source);
            if let Some(topic) = subjects.topic(&said) {
                topic.is_at(place);
            }
            is_in_table(&source, place);
        }
    }
}
