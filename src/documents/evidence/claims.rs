//! What an artifact claims: marks of sources, quotations with the marks that stand for them, cited sentences, addresses. Compares nothing.
use std::ops::Range;

use super::markdown::{Block, BlockKind, blank, blocks, sentences, without_code};
use super::words::words;
use crate::domain::address::WebAddress;

/// `[^s3]` at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub number: usize,
    pub place: Range<usize>,
}

/// Words in quotation marks, or a block quotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quotation {
    pub place: Range<usize>,
    /// The sources named for it; none where none is.
    pub sources: Vec<usize>,
    pub is_block: bool,
}

/// A sentence, with the sources it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    pub place: Range<usize>,
    pub sources: Vec<usize>,
    /// A later sentence of its paragraph names a source, which stands for all.
    pub is_covered: bool,
    pub is_prose: bool,
}

/// `[^s3]: …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    pub number: usize,
    pub place: Range<usize>,
}

/// An address as it stands, and in the form by which addresses are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub place: Range<usize>,
    pub key: String,
}

/// Everything that an artifact claims.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub marks: Vec<Mark>,
    pub quotations: Vec<Quotation>,
    pub sentences: Vec<Sentence>,
    pub definitions: Vec<Definition>,
    pub addresses: Vec<Address>,
    /// The text without code and addresses; places are the original's.
    pub prose: String,
}

/// Reads a Markdown or plain text.
pub(super) fn read(text: &str) -> Claims {
    let visible = without_code(text);
    let addresses = addresses(&visible);
    let mut bytes = visible.clone().into_bytes();
    addresses.iter().for_each(|address| blank(&mut bytes, address.place.clone()));
    let prose = String::from_utf8(bytes).unwrap_or_default();
    let mut claims = Claims { marks: marks(&visible), addresses, ..Claims::default() };
    let all = blocks(&visible);
    for (index, block) in all.iter().enumerate() {
        let own: Vec<Mark> = claims.marks.iter().filter(|mark| is_within(&mark.place, &block.place)).cloned().collect();
        match block.kind {
            BlockKind::Heading => {}
            BlockKind::Definition => {
                claims.definitions.extend(own.first().map(|mark| Definition { number: mark.number, place: block.place.clone() }));
            }
            BlockKind::Quote if is_quotation(&prose, block) => {
                let beside = || beside(&all, index, &prose, &claims.marks);
                let sources = if own.is_empty() { beside() } else { numbers(&own) };
                let place = quoted_part(&prose, block, &own);
                claims.quotations.push(Quotation { place, sources, is_block: true });
            }
            _ => {
                let cut = sentences(&prose, &block.place);
                claims.quotations.extend(in_marks(&prose, block, (&cut, &own)));
                claims.sentences.extend(cited(block, &cut, &own));
            }
        }
    }
    let defined: Vec<Range<usize>> = claims.definitions.iter().map(|definition| definition.place.clone()).collect();
    claims.marks.retain(|mark| !defined.iter().any(|place| place.start <= mark.place.start && mark.place.start < place.start + 3));
    claims.prose = prose;
    claims
}

fn is_within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn numbers(marks: &[Mark]) -> Vec<usize> {
    let mut numbers: Vec<usize> = marks.iter().map(|mark| mark.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn marks(text: &str) -> Vec<Mark> {
    let mark = |(at, _): (usize, &str)| {
        let tail = text.get(at + 3..)?;
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        let number = tail.get(..digits)?.parse().ok()?;
        tail.get(digits..)?.starts_with(']').then(|| Mark { number, place: at..at + 3 + digits + 1 })
    };
    text.match_indices("[^s").filter_map(mark).collect()
}

/// Whether a block quotation quotes: a notice in bold type or an admonition does not.
fn is_quotation(prose: &str, block: &Block) -> bool {
    let text = prose.get(block.place.clone()).unwrap_or_default().trim_start_matches(['>', ' ']);
    !text.starts_with("**") && !text.starts_with("[!")
}

/// The block without the line that says where it is from, and without marks at its end.
fn quoted_part(prose: &str, block: &Block, own: &[Mark]) -> Range<usize> {
    let text = prose.get(block.place.clone()).unwrap_or_default();
    let mut end = block.place.end;
    let mut at = block.place.start;
    for line in text.split_inclusive('\n') {
        let words = line.trim().trim_start_matches(['>', ' ']);
        let says_where = ["—", "–", "-- ", "― ", "Source:", "Quelle:"].iter().any(|sign| words.starts_with(sign));
        if says_where && at > block.place.start {
            end = at;
            break;
        }
        at += line.len();
    }
    let only_marks = |from: usize| {
        let rest = prose.get(from..end).unwrap_or_default();
        words(rest).is_empty()
    };
    let first_mark = own.iter().map(|mark| mark.place.start).find(|start| *start < end && only_marks(*start));
    block.place.start..first_mark.unwrap_or(end).max(block.place.start)
}

/// Marks of the attribution after a block quotation, or of the sentence that leads to it.
fn beside(all: &[Block], index: usize, prose: &str, marks: &[Mark]) -> Vec<usize> {
    let of = |block: &Block| -> Vec<Mark> { marks.iter().filter(|mark| is_within(&mark.place, &block.place)).cloned().collect() };
    let text = |block: &Block| prose.get(block.place.clone()).unwrap_or_default().trim().to_owned();
    let prose_at = |index: Option<usize>| index.and_then(|index| all.get(index)).filter(|block| block.kind == BlockKind::Prose);
    if let Some(after) = prose_at(Some(index + 1)) {
        let text = text(after);
        if text.starts_with(['—', '–', '―']) || text.starts_with("-- ") || text.starts_with("[^") {
            return numbers(&of(after));
        }
    }
    let before = prose_at(index.checked_sub(1)).filter(|block| text(block).ends_with(':'));
    let last = before.and_then(|block| sentences(prose, &block.place).pop());
    let Some(last) = last else { return Vec::new() };
    numbers(&marks.iter().filter(|mark| is_within(&mark.place, &last)).cloned().collect::<Vec<_>>())
}

/// Words between quotation marks in a block.
fn in_marks(prose: &str, block: &Block, (cut, own): (&[Range<usize>], &[Mark])) -> Vec<Quotation> {
    let text = prose.get(block.place.clone()).unwrap_or_default();
    let mut found = Vec::new();
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let here = block.place.start + at;
        let closes = open.is_some_and(|(_, sign)| match sign {
            '“' => c == '”',
            '„' => matches!(c, '“' | '”'),
            '«' => c == '»',
            '»' => c == '«',
            '「' => c == '」',
            '『' => c == '』',
            _ => c == '"',
        });
        if closes {
            if let Some((start, _)) = open.take() {
                let place = start..here;
                let sources = sources_of(prose, &(start..here + c.len_utf8()), (&block.place, cut), own);
                found.push(Quotation { place, sources, is_block: false });
            }
        } else if open.is_none() && (matches!(c, '“' | '„' | '«' | '「' | '『') || c == '"' && !before.is_ascii_digit()) {
            open = Some((here + c.len_utf8(), c));
        }
        before = c;
    }
    found
}

/// The marks that stand for a quotation: right behind it, else later in the sentence where it ends, else earlier in the one where it
/// starts, else the next ones in its paragraph.
fn sources_of(prose: &str, quotation: &Range<usize>, (block, cut): (&Range<usize>, &[Range<usize>]), own: &[Mark]) -> Vec<usize> {
    let mut behind = Vec::new();
    let mut end = quotation.end;
    for mark in own.iter().filter(|mark| mark.place.start >= quotation.end) {
        let between = prose.get(end..mark.place.start).unwrap_or("x");
        if between.chars().any(|c| !c.is_whitespace() && !".,;:!?)”’\"*_".contains(c)) {
            break;
        }
        end = mark.place.end;
        behind.push(mark.clone());
    }
    let holds = |sentence: &&Range<usize>, at: usize| sentence.start <= at && at < sentence.end;
    let last = cut.iter().find(|sentence| holds(sentence, quotation.end.saturating_sub(1)));
    let first = cut.iter().find(|sentence| holds(sentence, quotation.start));
    let later: Vec<Mark> = own
        .iter()
        .filter(|mark| mark.place.start >= quotation.end && last.is_some_and(|sentence| mark.place.end <= sentence.end))
        .cloned()
        .collect();
    let earlier: Vec<Mark> = own
        .iter()
        .filter(|mark| mark.place.end <= quotation.start && first.is_some_and(|sentence| mark.place.start >= sentence.start))
        .cloned()
        .collect();
    let next: Vec<Mark> =
        own.iter().find(|mark| mark.place.start >= quotation.end && mark.place.end <= block.end).cloned().into_iter().collect();
    [behind, later, earlier, next].into_iter().find(|marks| !marks.is_empty()).map(|marks| numbers(&marks)).unwrap_or_default()
}

fn cited(block: &Block, cut: &[Range<usize>], own: &[Mark]) -> Vec<Sentence> {
    let sentence = |place: &Range<usize>| {
        let inside: Vec<Mark> = own.iter().filter(|mark| is_within(&mark.place, place)).cloned().collect();
        let is_covered = own.iter().any(|mark| mark.place.start >= place.end);
        Sentence { place: place.clone(), sources: numbers(&inside), is_covered, is_prose: block.kind == BlockKind::Prose }
    };
    cut.iter().map(sentence).collect()
}

/// Every address of a text: `https://…`, `www.…`, `doi:10.…`.
fn addresses(text: &str) -> Vec<Address> {
    let lower = text.to_ascii_lowercase();
    let mut found: Vec<Address> = Vec::new();
    let starts = ["http://", "https://", "www.", "doi:", "doi.org/"].iter().flat_map(|sign| lower.match_indices(*sign));
    let mut starts: Vec<usize> = starts.map(|(at, _)| at).collect();
    starts.sort_unstable();
    for start in starts {
        let before = text.get(..start).unwrap_or_default();
        let inside = found.last().is_some_and(|last| start < last.place.end);
        if inside || before.ends_with(|c: char| c.is_alphanumeric() || c == '@') {
            continue;
        }
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"'`|\\^{}“”„«»".contains(c)).unwrap_or(rest.len());
        let written = without_end(rest.get(..end).unwrap_or_default());
        found.extend(key(written).map(|key| Address { place: start..start + written.len(), key }));
    }
    found
}

/// Without what closes the sentence or the bracket around it.
fn without_end(written: &str) -> &str {
    let mut written = written;
    loop {
        let unbalanced = written.ends_with(')') && written.matches(')').count() > written.matches('(').count();
        match written.strip_suffix(|c: char| ".,;:!?[]*_".contains(c) || "。，、”’»".contains(c)) {
            Some(shorter) => written = shorter,
            None if unbalanced => written = written.get(..written.len() - 1).unwrap_or_default(),
            None => return written,
        }
    }
}

/// The form by which addresses are compared: no scheme, no `www.`, no fragment, no last slash. `None` for addresses of this machine.
pub(super) fn key(address: &str) -> Option<String> {
    let lower = address.to_ascii_lowercase();
    let whole = match lower.strip_prefix("doi:") {
        Some(_) => format!("https://doi.org/{}", address.get(4..)?.trim()),
        None if lower.starts_with("http") => address.to_owned(),
        None => format!("https://{address}"),
    };
    let parsed = WebAddress::parse(&whole).ok()?;
    let host = parsed.host();
    let local = host == "localhost"
        || host.ends_with(".localhost")
        || host.ends_with(".local")
        || parsed.ip().is_some_and(|ip| !crate::domain::address::is_public(ip));
    if local || !host.contains('.') {
        return None;
    }
    let (_, rest) = parsed.as_str().split_once("://")?;
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    let rest = rest.strip_prefix("dx.doi.org/").map_or_else(|| rest.to_owned(), |doi| format!("doi.org/{doi}"));
    Some(rest.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(String, Vec<usize>)> {
        let quotation = |quotation: Quotation| (text[quotation.place].to_owned(), quotation.sources);
        read(text).quotations.into_iter().map(quotation).collect()
    }

    #[test]
    fn a_quotation_has_the_marks_that_stand_for_it() {
        assert_eq!(shown("He says “a b” [^s1] and “c d”.[^s2]"), [("a b".into(), vec![1]), ("c d".into(), vec![2])]);
        assert_eq!(shown("By [^s3], “a b”. Then \"c d\" in 5\" pipes. [^s4]"), [("a b".into(), vec![3]), ("c d".into(), vec![4])]);
        assert_eq!(shown("| “a. b” | x [^s1] |"), [("a. b".into(), vec![1])]);
        assert_eq!(shown("„Ja. Nein“ und «oui» `“no”` [^s7]."), [("Ja. Nein".into(), vec![7]), ("oui".into(), vec![7])]);
        assert_eq!(shown("It is “so”."), [("so".into(), vec![])]);
    }

    #[test]
    fn block_quotations_leave_out_who_said_it() {
        let text =
            "> a b\n> c\n>\n> — `x:1` [^s2]\n\n> d e [^s1]\n\nAs it says [^s4]:\n\n> f g\n\n> h\n\n— them [^s5]\n\n> **Note** i [^s6]\n";
        let found = shown(text);
        assert_eq!(found[0].0.trim(), "> a b\n> c\n>");
        let sources: Vec<Vec<usize>> = found.into_iter().map(|(_, sources)| sources).collect();
        assert_eq!(sources, [vec![2], vec![1], vec![4], vec![5]]);
    }

    #[test]
    fn addresses_end_where_they_end() {
        let text = "See <https://a.example/x>, [b](https://b.example/y_(z))[^s1], https://www.c.example/. Also www.d.example/e#f; doi:10.1000/q; http://localhost:8080/ `https://code.example`";
        let keys: Vec<String> = read(text).addresses.into_iter().map(|address| address.key).collect();
        assert_eq!(keys, ["a.example/x", "b.example/y_(z)", "c.example", "d.example/e", "doi.org/10.1000/q"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z“”\"\\[\\]\\^s1:>|`.\nä/(h)w-]{0,120}") {
            let claims = read(&text);
            for quotation in claims.quotations {
                proptest::prop_assert!(text.get(quotation.place).is_some());
            }
        }
    }
}
