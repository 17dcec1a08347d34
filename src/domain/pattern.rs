//! Wildcard patterns over paths, hosts and names: `*`, `**` and `?`. Linear in the text for any pattern; touches no disk and resolves no name.
use super::path::fold;

/// The longest pattern a rule may carry, in characters; it bounds the work of a match.
pub const MAX_PATTERN_CHARS: usize = 500;

/// How a wildcard treats the separator between folders.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// `*` and `?` stop at `/`; `**` does not.
    Slash,
    /// Every wildcard takes any character.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    Some,
    Any,
    /// `**/`: no folder, or any number of folders.
    Folders,
}

/// Whether a name (tool, agent) is one that `pattern` means: `*` is any text, `?` one character.
pub fn name_matches(pattern: &str, name: &str) -> bool {
    wildcard(pattern, name, Separator::Nothing)
}

/// Whether a path is one that `pattern` means: `*` and `?` stop at `/`, `**` does not; a pattern without `/` is compared with the file's name, at any
/// depth. With `folded` names that differ only in case or Unicode form are one.
pub fn path_matches(pattern: &str, path: &str, folded: bool) -> bool {
    let form = |text: &str| if folded { fold(text) } else { text.to_owned() };
    let (pattern, path) = (form(pattern), form(path));
    let pattern = pattern.strip_prefix("./").unwrap_or(&pattern);
    let path = path.strip_prefix("./").unwrap_or(&path);
    if pattern.contains('/') || pattern == "**" {
        return wildcard(pattern, path, Separator::Slash);
    }
    wildcard(pattern, path.rsplit('/').next().unwrap_or(path), Separator::Slash)
}

/// Whether a host is one that `pattern` means, cases aside: `*.example.com` is every host below `example.com`, not itself.
pub fn host_matches(pattern: &str, target: &str) -> bool {
    let host = host_of(target);
    !host.is_empty() && wildcard(&host_of(pattern), &host, Separator::Nothing)
}

/// The host that an address or `host:port` names, lower case, without the last dot; what stands before an `@` is not the host.
pub fn host_of(target: &str) -> String {
    let trimmed = target.trim();
    let rest = trimmed.split_once("://").map_or(trimmed, |(_, rest)| rest);
    // Browsers and our HTTP client read a backslash as a slash.
    let authority = rest.split(['/', '\\', '#']).next().unwrap_or_default();
    // A question mark ends the authority of an address; in a pattern it is a wildcard.
    let authority = if trimmed.contains("://") { authority.split('?').next().unwrap_or_default() } else { authority };
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => match host.split_once(':') {
            Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
            _ => host,
        },
    };
    host.trim_end_matches('.').to_lowercase()
}

fn tokens(pattern: &str, separator: Separator) -> Vec<Token> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut tokens = Vec::with_capacity(characters.len());
    let mut rest = characters.as_slice();
    let mut at_start_of_name = true;
    while let Some((&first, after)) = rest.split_first() {
        let (token, after) = match (first, after) {
            ('*', ['*', '/', after @ ..]) if at_start_of_name && separator == Separator::Slash => (Token::Folders, after),
            ('*', ['*', after @ ..]) => (Token::Any, after),
            ('*', after) if separator == Separator::Slash => (Token::Some, after),
            ('*', after) => (Token::Any, after),
            ('?', after) => (Token::One, after),
            (literal, after) => (Token::Literal(literal), after),
        };
        at_start_of_name = token == Token::Folders || first == '/';
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// `reached[i]`: the tokens so far can take the first `i` characters of the text.
fn wildcard(pattern: &str, text: &str, separator: Separator) -> bool {
    let text: Vec<char> = text.chars().collect();
    let stops = |character: char| separator == Separator::Slash && character == '/';
    let mut reached = vec![false; text.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for token in tokens(pattern, separator) {
        let mut next = vec![false; text.len() + 1];
        let mut open = false;
        for (index, here) in reached.iter().copied().enumerate() {
            let before = index.checked_sub(1).and_then(|before| text.get(before)).copied();
            let came_from = index.checked_sub(1).and_then(|before| reached.get(before)).copied().unwrap_or(false);
            let takes = match token {
                Token::Literal(literal) => came_from && before == Some(literal),
                Token::One => came_from && before.is_some_and(|character| !stops(character)),
                Token::Any => {
                    open |= here;
                    open
                }
                Token::Some => {
                    open = here || open && before.is_some_and(|character| !stops(character));
                    open
                }
                Token::Folders => {
                    let takes = here || open && before == Some('/');
                    open |= here;
                    takes
                }
            };
            if let Some(slot) = next.get_mut(index) {
                *slot = takes;
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_folder_and_two_stars_do_not() {
        for (pattern, path, expected) in [
            ("docs/*.md", "docs/a.md", true),
            ("docs/*.md", "docs/sub/a.md", false),
            ("docs/**", "docs/sub/a.md", true),
            ("docs/**", "docs", false),
            ("docs/**/*.md", "docs/a.md", true),
            ("docs/**/*.md", "docs/x/y/a.md", true),
            ("docs/**/*.md", "docsx/a.md", false),
            ("**/secret/*", "secret/a", true),
            ("**/secret/*", "x/secret/a", true),
            ("**/secret/*", "x/notsecret/a", false),
            ("*.md", "deep/down/a.md", true),
            ("*.md", "a.mdx", false),
            ("?.md", "a.md", true),
            ("?.md", "ab.md", false),
            ("a/?", "a//", false),
            ("**", "x/y/z", true),
            ("./a.md", "a.md", true),
            ("ü?.md", "üß.md", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(path_matches(pattern, path, false), expected, "{pattern} {path}");
        }
        assert!(path_matches("Secrets/*", "secrets/KEY", true));
        assert!(!path_matches("Secrets/*", "secrets/KEY", false));
    }

    #[test]
    fn a_host_is_read_as_the_client_would_read_it() {
        for (target, host) in [
            ("https://Example.com:8443/path?x=1", "example.com"),
            ("https://good.com@evil.com/", "evil.com"),
            ("https://evil.com\\@good.com/", "evil.com"),
            ("https://evil.com?@good.com", "evil.com"),
            ("https://evil.com#@good.com", "evil.com"),
            ("example.com.", "example.com"),
            ("http://[::1]:80/", "::1"),
            ("localhost:11434", "localhost"),
        ] {
            assert_eq!(host_of(target), host, "{target}");
        }
        assert!(host_matches("*.example.com", "https://a.b.example.com/x"));
        assert!(!host_matches("*.example.com", "example.com"));
        assert!(!host_matches("*.example.com", "badexample.com"));
        assert!(!host_matches("*", ""));
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics_and_a_text_without_wildcards_matches_itself(pattern in "\\PC{0,40}", text in "[a-zü/.]{0,60}") {
            let _ = (path_matches(&pattern, &text, true), host_matches(&pattern, &text), name_matches(&pattern, &text));
            proptest::prop_assert!(name_matches(&text, &text));
        }
    }

    #[test]
    fn many_stars_do_not_make_a_match_slow() {
        let pattern = "*a".repeat(200);
        assert!(!name_matches(&pattern, &"a".repeat(150)));
        assert!(name_matches(&pattern, &"a".repeat(4000)));
    }
}
