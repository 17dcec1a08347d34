//! An artifact as blocks and sentences with their places, code and comments left out. Reads Markdown as far as claims need it; judges nothing.
use std::ops::Range;

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    Prose,
    /// `> …`
    Quote,
    /// `[^s3]: …`
    Definition,
    Heading,
    Row,
}

/// A block in bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub kind: BlockKind,
    pub place: Range<usize>,
}

/// The text with code, comments and front matter blanked out: as long as the original, so that places hold.
pub(super) fn without_code(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for place in code_places(text) {
        blank(&mut bytes, place);
    }
    String::from_utf8(bytes).unwrap_or_else(|_| " ".repeat(text.len()))
}

/// Spaces for everything but line breaks.
pub(super) fn blank(bytes: &mut [u8], place: Range<usize>) {
    for byte in bytes.get_mut(place).unwrap_or_default() {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end_matches(['\n', '\r']))
    })
}

fn code_places(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut fence: Option<(u8, usize)> = None;
    let mut front_matter = text.starts_with("---\n") || text.starts_with("---\r\n");
    for (start, line) in lines(text) {
        let place = start..start + line.len();
        if front_matter {
            front_matter = start == 0 || line.trim_end() != "---";
            places.push(place);
            continue;
        }
        let trimmed = line.trim_start().trim_start_matches("> ");
        let sign = trimmed.bytes().next().filter(|sign| matches!(sign, b'`' | b'~'));
        let length = sign.map_or(0, |sign| trimmed.bytes().take_while(|byte| *byte == sign).count());
        match (fence, sign) {
            (None, Some(sign)) if length >= 3 => fence = Some((sign, length)),
            (Some((open, least)), Some(sign)) if sign == open && length >= least && trimmed.bytes().skip(length).all(|b| b == b' ') => {
                fence = None;
            }
            (None, _) => {
                places.extend(inline_code(start, line));
                continue;
            }
            _ => {}
        }
        places.push(place);
    }
    let (code, mut at) = (places.clone(), 0);
    while let Some(start) = text.get(at..).and_then(|rest| rest.find("<!--")).map(|found| at + found) {
        // In code it is no comment, and hides nothing.
        if let Some(code) = code.iter().find(|code| code.contains(&start)) {
            at = code.end;
            continue;
        }
        let end = text.get(start..).and_then(|rest| rest.find("-->")).map_or(text.len(), |end| start + end + 3);
        places.push(start..end);
        at = end;
    }
    places
}

/// Stretches between equal runs of backticks in one line.
fn inline_code(start: usize, line: &str) -> Vec<Range<usize>> {
    let runs: Vec<Range<usize>> = {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (at, _) in line.match_indices('`') {
            match runs.last_mut() {
                Some(run) if run.end == at => run.end += 1,
                _ => runs.push(at..at + 1),
            }
        }
        runs
    };
    let mut places = Vec::new();
    let mut index = 0;
    while let Some(open) = runs.get(index) {
        match runs.iter().enumerate().skip(index + 1).find(|(_, close)| close.len() == open.len()) {
            Some((end, close)) => {
                places.push(start + open.start..start + close.end);
                index = end + 1;
            }
            None => index += 1,
        }
    }
    places
}

/// Blocks of a text without code.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (start, line) in lines(text) {
        let place = start..start + line.len();
        let trimmed = line.trim_start();
        if trimmed.is_empty() {
            open = false;
            continue;
        }
        let (kind, stands_alone, starts) = kind_of(trimmed);
        match found.last_mut() {
            Some(block) if open && !starts && (kind == block.kind || kind == BlockKind::Prose) && block.kind != BlockKind::Heading => {
                block.place.end = place.end;
            }
            _ => found.push(Block { kind, place }),
        }
        open = !stands_alone;
    }
    found
}

/// What a line is, whether nothing goes on after it, and whether it starts a block although one is open.
fn kind_of(line: &str) -> (BlockKind, bool, bool) {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..).unwrap_or_default();
    let item =
        ["- ", "* ", "+ "].iter().any(|sign| line.starts_with(sign)) || digits > 0 && (rest.starts_with(". ") || rest.starts_with(") "));
    if line.starts_with('>') {
        (BlockKind::Quote, false, false)
    } else if line.starts_with("[^") && line.find("]:").is_some_and(|end| end < 40) {
        (BlockKind::Definition, false, true)
    } else if line.starts_with('#') {
        (BlockKind::Heading, true, true)
    } else if line.starts_with('|') {
        (BlockKind::Row, true, true)
    } else {
        (BlockKind::Prose, false, item)
    }
}

const SHORT_FORMS: [&str; 24] = [
    "e.g", "i.e", "cf", "vs", "approx", "ca", "etc", "no", "nr", "dr", "mr", "mrs", "ms", "prof", "st", "z.b", "d.h", "u.a", "bzw", "vgl",
    "fig", "al", "inc", "ltd",
];

/// The sentences of a stretch of text; a footnote mark after the full stop belongs to the sentence before it.
pub(super) fn sentences(text: &str, place: &Range<usize>) -> Vec<Range<usize>> {
    let stretch = text.get(place.clone()).unwrap_or_default();
    let (mut found, mut from) = (Vec::new(), 0);
    let mut next = 0;
    for (at, sign) in stretch.char_indices().filter(|(_, c)| matches!(c, '.' | '!' | '?' | '。' | '！' | '？')) {
        if at < next {
            continue;
        }
        let end = after_closers(stretch, at + sign.len_utf8());
        let rest = stretch.get(end..).unwrap_or_default();
        let full = matches!(sign, '。' | '！' | '？');
        let goes_on = !full && !rest.is_empty() && !rest.starts_with(char::is_whitespace)
            || rest.trim_start().starts_with(|c: char| c.is_lowercase() && !full)
            || sign == '.' && is_short_form(stretch.get(from..at).unwrap_or_default());
        if !goes_on {
            found.push(place.start + from..place.start + end);
            from = end;
            next = end;
        }
    }
    if !stretch.get(from..).unwrap_or_default().trim().is_empty() {
        found.push(place.start + from..place.end);
    }
    found
}

fn is_short_form(before: &str) -> bool {
    let word: String = before.chars().rev().take_while(|c| !c.is_whitespace() && *c != '(').collect::<Vec<_>>().into_iter().rev().collect();
    let lower = word.to_lowercase();
    SHORT_FORMS.contains(&lower.as_str())
        || word.chars().count() == 1 && word.chars().all(char::is_alphabetic)
        || !word.is_empty() && word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit()) && before.trim_start().len() == word.len()
}

/// Past closing quotation marks, brackets, emphasis and footnote marks.
fn after_closers(text: &str, mut end: usize) -> usize {
    loop {
        let rest = text.get(end..).unwrap_or_default();
        let mark = rest.trim_start_matches([' ', '\u{a0}']);
        let spaces = rest.len() - mark.len();
        if mark.starts_with("[^")
            && let Some(close) = mark.find(']').filter(|close| *close <= 40)
        {
            end += spaces + close + 1;
        } else if let Some(c) = rest.chars().next().filter(|c| "\"'”’“»«›)]*_」』".contains(*c)) {
            end += c.len_utf8();
        } else {
            return end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_comment_within_code_hides_nothing() {
        let text = "Write `<!--` to begin. It is 7 [^s1].\n\n```html\n<!-- a\n```\nIt is 8 [^s2]. <!-- gone [^s3] --> End [^s4].\n";
        let masked = without_code(text);
        assert_eq!(masked.len(), text.len());
        for (mark, stays) in [("[^s1]", true), ("[^s2]", true), ("[^s3]", false), ("[^s4]", true)] {
            assert_eq!(masked.contains(mark), stays, "{mark}: {masked}");
        }
    }

    #[test]
    fn blocks_are_what_a_reader_sees_as_one() {
        let text = "---\na: b\n---\n# T\none\ntwo\n\n> q\n>\n> r\n- a\n  more\n- b\n| x | y |\n| - | - |\n[^s1]: n\n```\n> no\n```\nend `c [^s9]`\n";
        let masked = without_code(text);
        assert_eq!(masked.len(), text.len());
        let shown: Vec<(BlockKind, &str)> = blocks(&masked).into_iter().map(|block| (block.kind, masked[block.place].trim())).collect();
        use BlockKind::*;
        assert_eq!(
            shown,
            [
                (Heading, "# T"),
                (Prose, "one\ntwo"),
                (Quote, "> q\n>\n> r"),
                (Prose, "- a\n  more"),
                (Prose, "- b"),
                (Row, "| x | y |"),
                (Row, "| - | - |"),
                (Definition, "[^s1]: n"),
                (Prose, "end"),
            ]
        );
    }

    #[test]
    fn a_mark_belongs_to_the_sentence_it_follows() {
        let text = "About 2.5 % less, e.g. in flats.[^s1] He said “no.” [^s2] Dr. Who came. the end? 1. x";
        let shown: Vec<&str> = sentences(text, &(0..text.len())).into_iter().map(|place| text[place].trim()).collect();
        assert_eq!(shown, ["About 2.5 % less, e.g. in flats.[^s1]", "He said “no.” [^s2]", "Dr. Who came. the end?", "1. x"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_cut_at_character_boundaries(text in "[a-z.“”\\[\\]^s1 >#|`\n\u{e4}-]{0,80}") {
            let masked = without_code(&text);
            proptest::prop_assert_eq!(masked.len(), text.len());
            for block in blocks(&masked) {
                for sentence in sentences(&masked, &block.place) {
                    proptest::prop_assert!(text.get(sentence).is_some());
                }
            }
        }
    }
}
