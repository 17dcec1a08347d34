//! Numbers in a text with their values, however they are written: 1,480.50, 1.480,50, 1.2 million, 40 %. Knows no source and no citation.
use std::ops::Range;

use super::near::lettered;

/// A number as it stands in a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// Byte offsets.
    pub place: Range<usize>,
    /// Every value it may mean (`1,480` is 1480 or 1.48), and how far each may be off: half of the last digit shown for numbers that are
    /// rounded in words (`1.2 million`, `about 1500`), else 0.
    pub meant: Vec<(f64, f64)>,
    /// A single bare digit, which often counts what stands in the text itself.
    pub is_small: bool,
    /// A number of a line, page, table and the like.
    pub is_reference: bool,
}

const SCALES: [(&str, f64); 15] = [
    ("k", 1e3),
    ("thousand", 1e3),
    ("tausend", 1e3),
    ("tsd", 1e3),
    ("mio", 1e6),
    ("million", 1e6),
    ("millions", 1e6),
    ("millionen", 1e6),
    ("bn", 1e9),
    ("billion", 1e9),
    ("billions", 1e9),
    ("mrd", 1e9),
    ("milliarde", 1e9),
    ("milliarden", 1e9),
    ("trillion", 1e12),
];
const ROUNDED: [&str; 21] = [
    "about",
    "around",
    "roughly",
    "nearly",
    "almost",
    "approximately",
    "approx",
    "over",
    "under",
    "some",
    "circa",
    "ca",
    "rund",
    "etwa",
    "knapp",
    "fast",
    "gut",
    "than",
    "mehr",
    "als",
    "to",
];
const REFERENCES: [&str; 33] = [
    "line",
    "lines",
    "page",
    "pages",
    "p",
    "pp",
    "section",
    "sections",
    "chapter",
    "table",
    "tables",
    "figure",
    "figures",
    "fig",
    "step",
    "steps",
    "source",
    "note",
    "notes",
    "appendix",
    "part",
    "no",
    "nr",
    "zeile",
    "zeilen",
    "seite",
    "seiten",
    "abschnitt",
    "kapitel",
    "tabelle",
    "abbildung",
    "schritt",
    "quelle",
];
const WORDS: [(&str, f64); 56] = [
    ("one", 1.0),
    ("two", 2.0),
    ("three", 3.0),
    ("four", 4.0),
    ("five", 5.0),
    ("six", 6.0),
    ("seven", 7.0),
    ("eight", 8.0),
    ("nine", 9.0),
    ("ten", 10.0),
    ("eleven", 11.0),
    ("twelve", 12.0),
    ("thirteen", 13.0),
    ("fourteen", 14.0),
    ("fifteen", 15.0),
    ("sixteen", 16.0),
    ("seventeen", 17.0),
    ("eighteen", 18.0),
    ("nineteen", 19.0),
    ("twenty", 20.0),
    ("thirty", 30.0),
    ("forty", 40.0),
    ("fifty", 50.0),
    ("sixty", 60.0),
    ("seventy", 70.0),
    ("eighty", 80.0),
    ("ninety", 90.0),
    ("hundred", 100.0),
    ("thousand", 1000.0),
    ("half", 50.0),
    ("quarter", 25.0),
    ("dozen", 12.0),
    ("eins", 1.0),
    ("zwei", 2.0),
    ("drei", 3.0),
    ("vier", 4.0),
    ("fünf", 5.0),
    ("sechs", 6.0),
    ("sieben", 7.0),
    ("acht", 8.0),
    ("neun", 9.0),
    ("zehn", 10.0),
    ("elf", 11.0),
    ("zwölf", 12.0),
    ("zwanzig", 20.0),
    ("dreißig", 30.0),
    ("vierzig", 40.0),
    ("fünfzig", 50.0),
    ("sechzig", 60.0),
    ("siebzig", 70.0),
    ("achtzig", 80.0),
    ("neunzig", 90.0),
    ("hundert", 100.0),
    ("tausend", 1000.0),
    ("hälfte", 50.0),
    ("viertel", 25.0),
];

/// The numbers written in digits.
pub(super) fn figures(text: &str) -> Vec<Figure> {
    let mut found: Vec<Figure> = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find(|c: char| c.is_ascii_digit())).map(|found| at + found) {
        let end = end_of_number(text, start);
        at = end;
        let before = text.get(..start).unwrap_or_default();
        if before.ends_with(|c: char| c.is_alphabetic() || c == '_') {
            // A name such as R410A or s3; what is left of it is no number either.
            at = end + text.get(end..).map_or(0, |rest| rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len()));
            continue;
        }
        let previous = found.last();
        found.push(figure(text, start..end, previous));
    }
    found
}

fn figure(text: &str, place: Range<usize>, previous: Option<&Figure>) -> Figure {
    let written = text.get(place.clone()).unwrap_or_default();
    let (before, after) = (text.get(..place.start).unwrap_or_default(), text.get(place.end..).unwrap_or_default());
    let values = values(written);
    let next = after.trim_start_matches([' ', '\u{a0}', '\u{202f}', '-']);
    let unit: String = next.chars().take_while(|c| c.is_alphabetic()).collect::<String>().to_lowercase();
    let scale = SCALES.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale);
    let last_word: String =
        before.trim_end().chars().rev().take_while(|c| c.is_alphabetic()).collect::<Vec<_>>().into_iter().rev().collect();
    let last_word = last_word.to_lowercase();
    let decimals = written.rsplit_once(['.', ',']).map_or(0, |(_, digits)| digits.len());
    let step = 10_f64.powi(-i32::try_from(decimals).unwrap_or(0));
    let rounded = ROUNDED.contains(&last_word.as_str()) || before.trim_end().ends_with(['~', '≈', '>', '<', '≥', '≤']);
    let zeros = written.len() - written.trim_end_matches('0').len();
    let slack = match rounded {
        true if decimals == 0 => 10_f64.powi(i32::try_from(zeros).unwrap_or(0)) * 0.5,
        true => step * 0.5,
        false => 0.0,
    };
    let mut meant: Vec<(f64, f64)> = values.iter().map(|value| (*value, slack)).collect();
    if let Some(scale) = scale {
        meant.extend(values.iter().map(|value| (value * scale, step * scale * 0.5)));
    }
    if next.starts_with('%') || unit.starts_with("percent") || unit == "prozent" || unit == "per" {
        meant.extend(values.iter().map(|value| (value / 100.0, slack / 100.0)));
    }
    let joined = previous.filter(|previous| {
        let between = text.get(previous.place.end..place.start).unwrap_or_default().trim();
        matches!(between, "–" | "-" | "—" | "and" | "to" | "und" | "bis" | "&")
    });
    let is_reference = REFERENCES.contains(&last_word.as_str())
        || before.trim_end().ends_with(['§', '#'])
        || joined.is_some_and(|previous| previous.is_reference);
    let money = before.trim_end().ends_with(['$', '€', '£', '¥']) || next.starts_with(['%', '€', '$', '£', '¥', '°', '‰']);
    let is_small = written.len() == 1 && !money;
    Figure { place, meant, is_small, is_reference }
}

/// Digits with separators between them; a space that cannot break parts thousands.
fn end_of_number(text: &str, start: usize) -> usize {
    let mut end = start;
    let rest = text.get(start..).unwrap_or_default();
    let mut chars = rest.char_indices().peekable();
    while let Some((place, c)) = chars.next() {
        let next_is_digit = chars.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        let separates = matches!(c, '.' | ',' | '\'' | '’' | '\u{a0}' | '\u{202f}' | '\u{2009}');
        if !(c.is_ascii_digit() || separates && next_is_digit) {
            break;
        }
        end = start + place + c.len_utf8();
    }
    end
}

/// What a number may mean.
fn values(written: &str) -> Vec<f64> {
    let evened: String = written.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).collect();
    let mut found = Vec::new();
    let mut add = |text: String| found.extend(text.parse::<f64>().ok().filter(|value| value.is_finite()));
    let separators: Vec<char> = evened.chars().filter(|c| !c.is_ascii_digit()).collect();
    let groups: Vec<&str> = evened.split(['.', ',']).collect();
    let thousands = groups.iter().skip(1).all(|group| group.len() == 3) && groups.first().is_some_and(|first| first.len() <= 3);
    match separators.as_slice() {
        [] => add(evened),
        [_] => {
            add(evened.replace(',', "."));
            if thousands {
                add(groups.concat());
            }
        }
        [.., last] => {
            let mixed = separators.iter().filter(|sign| *sign == last).count() == 1;
            if mixed {
                let (whole, part) = evened.rsplit_once(*last).unwrap_or((&evened, ""));
                add(format!("{}.{part}", whole.replace(['.', ','], "")));
            } else {
                add(groups.concat());
            }
        }
    }
    found
}

/// Every value that a text names, in digits or in words, with its place (byte); sorted by value.
pub(super) fn values_in(text: &str) -> Vec<(f64, usize)> {
    let digits = figures(text);
    let meant = digits.iter().flat_map(|figure| figure.meant.iter().map(|(value, _)| (*value, figure.place.start)));
    let mut found: Vec<(f64, usize)> = meant.collect();
    // Numbers with plain spaces between thousands.
    for pair in digits.windows(2) {
        if let [first, second] = pair
            && text.get(first.place.end..second.place.start) == Some(" ")
            && second.place.len() == 3
            && first.place.len() <= 3
            && let (Some((high, _)), Some((low, _))) = (first.meant.first(), second.meant.first())
        {
            found.push((high * 1000.0 + low, first.place.start));
        }
    }
    for (place, word) in lettered(text).filter(|(_, word)| (3..=8).contains(&word.chars().count())) {
        let word = word.to_lowercase();
        found.extend(WORDS.iter().filter(|(name, _)| *name == word).map(|(_, value)| (*value, place)));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    found.dedup();
    found
}

impl Figure {
    /// Where a text has a value that can be meant.
    pub fn places_in<'a>(&'a self, values: &'a [(f64, usize)]) -> impl Iterator<Item = usize> + 'a {
        self.meant.iter().flat_map(move |(wanted, slack)| {
            let slack = slack.max(wanted.abs() * 1e-9);
            let from = values.partition_point(|(value, _)| *value < wanted - slack);
            let rest = values.get(from..).unwrap_or_default().iter();
            rest.take_while(move |(value, _)| *value <= wanted + slack).map(|(_, place)| *place)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(claim: &str, source: &str) -> bool {
        let values = values_in(source);
        let figures = figures(claim);
        !figures.is_empty() && figures.iter().all(|figure| figure.places_in(&values).next().is_some())
    }

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        for (claim, source) in [
            ("1,480 €", "1480 euros"),
            ("1.480,50 €", "1,480.50"),
            ("1 480", "1,480"),
            ("40 %", "a share of 0.4"),
            ("1.2 million", "1,234,567 people"),
            ("about 1500", "1,480"),
            ("70°C", "70 °C"),
            ("12", "a dozen, that is twelve"),
            ("3,5", "3.5"),
            ("2 million", "two: 2,000,000"),
        ] {
            if claim == "1 480" {
                assert!(!fits(claim, source), "parts are looked for one by one");
                continue;
            }
            assert!(fits(claim, source), "{claim} / {source}");
        }
        for (claim, source) in [("1,481", "1,480"), ("45 %", "40 %"), ("1.3 million", "1,234,567"), ("2.5", "2.6 and 25")] {
            assert!(!fits(claim, source), "{claim} / {source}");
        }
    }

    #[test]
    fn names_and_references_are_no_figures() {
        assert!(figures("R410A, s3, x_9, R290").is_empty());
        let found = figures("see lines 7–9 and table 2, 4 parts, 12 kW, 5 %");
        assert_eq!(found.iter().map(|figure| figure.is_reference).collect::<Vec<_>>(), [true, true, true, false, false, false]);
        assert_eq!(found.iter().map(|figure| figure.is_small).collect::<Vec<_>>(), [true, true, true, true, false, false]);
    }

    proptest::proptest! {
        #[test]
        fn a_text_holds_its_own_figures(text in "[0-9 .,%a-z€k\u{a0}]{0,60}") {
            let values = values_in(&text);
            for figure in figures(&text) {
                proptest::prop_assert!(figure.meant.is_empty() || figure.places_in(&values).next().is_some(), "{:?}", figure);
            }
        }
    }
}
