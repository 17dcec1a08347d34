//! A text as the words a reader sees: case, quotation marks, dashes, spaces and Markdown's own signs do not count. Knows no source and no citation.
use unicode_normalization::UnicodeNormalization;

/// A word in its plain form, with its place in the text it came from (bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub start: usize,
    pub end: usize,
}

/// Signs that mean something by themselves.
const TELLING: [char; 5] = ['%', '€', '$', '£', '‰'];

/// Characters that are not seen: soft hyphen, zero-width space and joiners, byte order mark.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Scripts that put no spaces between words: each sign is a word.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{e00}'..='\u{e7f}')
}

/// The words of a text, in order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if let Some(skipped) = unseen_part(text, at) {
            at += skipped;
        } else if is_unspaced(c) || TELLING.contains(&c) {
            found.push(Word { text: plain(c.encode_utf8(&mut [0; 4])), start: at, end: at + c.len_utf8() });
            at += c.len_utf8();
        } else if c.is_alphanumeric() {
            let end = end_of_word(text, at);
            let written = text.get(at..end).unwrap_or_default();
            found.push(Word { text: plain(written), start: at, end });
            at = end;
        } else {
            at += c.len_utf8();
        }
    }
    found
}

/// What is no text for a reader: a footnote mark, the target of a link, a tag, an entity. Its length in bytes.
fn unseen_part(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let within = |sign: char, most: usize| {
        let (end, _) = rest.char_indices().take_while(|(at, _)| *at <= most).find(|(_, c)| *c == sign)?;
        Some(end + sign.len_utf8())
    };
    if rest.starts_with("[^") {
        return within(']', 40);
    }
    if rest.starts_with("](") {
        let mut depth = 0_usize;
        for (place, c) in rest.char_indices().skip(1).take(2000) {
            match c {
                '(' => depth += 1,
                ')' if depth == 1 => return Some(place + 1),
                ')' => depth = depth.saturating_sub(1),
                '\n' => return None,
                _ => {}
            }
        }
        return None;
    }
    if rest.starts_with('<') && rest.get(1..)?.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!')) {
        return within('>', 300);
    }
    if rest.starts_with('&') {
        let length = within(';', 10)?;
        let name = rest.get(1..length - 1)?;
        return name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#').then_some(length).filter(|_| !name.is_empty());
    }
    None
}

/// Where the word that starts at `at` ends: `don’t`, `1,480.5` and `tempe\u{ad}rature` are one.
fn end_of_word(text: &str, at: usize) -> usize {
    let mut end = at;
    let mut digits = false;
    let rest = text.get(at..).unwrap_or_default();
    let mut chars = rest.char_indices().peekable();
    while let Some((place, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let joins = match c {
            '\'' | '’' | 'ʼ' => next.is_some_and(char::is_alphabetic) && end > at,
            '.' | ',' => digits && next.is_some_and(|next| next.is_ascii_digit()),
            c => is_unseen(c) || c.is_alphanumeric() && !is_unspaced(c),
        };
        if !joins {
            break;
        }
        digits = c.is_ascii_digit();
        end = at + place + c.len_utf8();
    }
    end
}

fn plain(word: &str) -> String {
    let kept = word.chars().filter(|c| !is_unseen(*c) && !matches!(c, '\'' | '’' | 'ʼ'));
    kept.nfkc().collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_words(text: &str) -> String {
        words(text).into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_reader_does_not_see_does_not_count() {
        for (text, expected) in [
            ("The *low*-temperature “heat\u{a0}pump” don’t", "the low temperature heat pump dont"),
            ("a [link](https://x.example/a_(b)) here[^s1] and &amp; <b>bold</b>", "a link here and bold"),
            ("costs 1,480.50 € or 40%", "costs 1,480.50 € or 40 %"),
            ("tempe\u{ad}rature\u{200b}s ﬁne", "temperatures fine"),
            ("价格是100元", "价 格 是 100 元"),
            ("a < b > c & d", "a b c d"),
            ("", ""),
        ] {
            assert_eq!(plain_words(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_word_stands_at_its_place(text in "\\PC{0,80}") {
            for word in words(&text) {
                proptest::prop_assert!(word.start < word.end && text.get(word.start..word.end).is_some());
            }
        }
    }
}
