//! The words of a goal: its verb, its nouns, and its subject for titles. Knows English word lists; other languages get by on shared stems.

/// Enough of a goal to tell its kind; the rest is detail.
const MAX_CHARS: usize = 4000;

/// Words that say nothing about what is wanted.
const FILLERS: [&str; 32] = [
    "please", "can", "could", "would", "you", "i", "we", "want", "need", "like", "to", "help", "me", "us", "let", "lets", "let's", "now",
    "then", "also", "just", "kindly", "hey", "hi", "hello", "my", "goal", "is", "should", "must", "have", "and",
];
/// Verbs that a goal may open with; taken off to leave its subject.
const VERBS: [&str; 72] = [
    "create",
    "build",
    "write",
    "make",
    "generate",
    "develop",
    "implement",
    "design",
    "draft",
    "produce",
    "prepare",
    "research",
    "investigate",
    "find",
    "study",
    "compare",
    "analyze",
    "analyse",
    "explore",
    "examine",
    "visualize",
    "visualise",
    "plot",
    "chart",
    "summarize",
    "summarise",
    "profile",
    "review",
    "audit",
    "check",
    "proofread",
    "validate",
    "verify",
    "test",
    "critique",
    "inspect",
    "document",
    "describe",
    "explain",
    "plan",
    "architect",
    "sketch",
    "model",
    "improve",
    "update",
    "code",
    "program",
    "automate",
    "prototype",
    "scaffold",
    "set",
    "add",
    "collect",
    "gather",
    "survey",
    "evaluate",
    "assess",
    "report",
    "record",
    "outline",
    "map",
    "compose",
    "edit",
    "polish",
    "translate",
    "extract",
    "calculate",
    "measure",
    "track",
    "refactor",
    "debug",
    "fix",
];
const DETERMINERS: [&str; 10] = ["a", "an", "the", "my", "our", "your", "this", "these", "some", "those"];
/// A subject ends before these, and before ` and ` with another verb behind it.
const ENDS: [&str; 7] = [" with ", " including ", " that ", " which ", " so that ", " using ", " based on "];

/// The lower-case words of `text` without punctuation at their edges, dots and slashes inside kept (`sales.csv`).
pub(super) fn words(text: &str) -> Vec<String> {
    let start: String = text.chars().take(MAX_CHARS).collect();
    let edges = |c: char| !(c.is_alphanumeric() || matches!(c, '+' | '#'));
    let split = start.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '"' | '“' | '”'));
    split.map(|word| word.trim_matches(edges).replace('’', "'").to_lowercase()).filter(|word| !word.is_empty()).collect()
}

/// Whether `word` is one of `known`; an entry that ends in `*` stands for all words it begins.
pub(super) fn is_one_of(word: &str, known: &[&str]) -> bool {
    known.iter().any(|known| match known.strip_suffix('*') {
        Some(stem) => word.starts_with(stem),
        None => word == *known || word.strip_suffix('s') == Some(*known),
    })
}

/// The first word that is a verb, among the first that say something.
pub(super) fn verb(words: &[String]) -> Option<&str> {
    let telling = words.iter().filter(|word| !FILLERS.contains(&word.as_str())).take(2);
    telling.map(String::as_str).find(|word| VERBS.contains(word))
}

/// `text` on one line without control characters.
pub(super) fn one_line(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the goal is about, as words for a title: the first sentence without its opening verb, `a` and `my` made `the`, cut to 60 characters.
pub(super) fn subject(text: &str) -> String {
    let line = one_line(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default());
    let sentence = first_sentence(&line);
    let rest = from_verb(sentence);
    let rest = match rest.split_once(' ') {
        Some((word, after)) if VERBS.contains(&bare(word).as_str()) => after,
        _ => rest,
    };
    let cut = cut_before(before_next_verb(rest), &ENDS);
    definite(&limited(cut, 60))
}

/// The goal's own first sentence from its verb on, cut to 80 characters: a title in the author's words.
pub(super) fn sentence(text: &str) -> String {
    let line = one_line(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default());
    let sentence = limited(from_verb(first_sentence(&line)), 80);
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// `sentence` without the words of courtesy before its verb; as it is when there is no verb among the first ten words. `my` may be the
/// subject's own, so a determiner ends the search.
fn from_verb(sentence: &str) -> &str {
    let mut rest = sentence;
    for _ in 0..10 {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let word = bare(word);
        if VERBS.contains(&word.as_str()) {
            return rest;
        }
        if !FILLERS.contains(&word.as_str()) || DETERMINERS.contains(&word.as_str()) {
            break;
        }
        rest = after;
    }
    sentence
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'').to_lowercase()
}

/// `sales.csv and write a report` ends before `and write`.
fn before_next_verb(text: &str) -> &str {
    let verb_at = |at: usize| {
        let next = text.get(at + 5..).and_then(|rest| rest.split_whitespace().find(|word| *word != "then"));
        next.is_some_and(|word| VERBS.contains(&word.to_lowercase().as_str()))
    };
    let end = text.match_indices(" and ").map(|(at, _)| at).find(|at| *at > 0 && verb_at(*at));
    end.and_then(|at| text.get(..at)).unwrap_or(text)
}

/// The part of a subject after a word like `for`, when there is one: `documentation for my API` is about `the API`.
pub(super) fn after_word(subject: &str, openers: &[&str]) -> Option<String> {
    let found = openers.iter().filter_map(|opener| subject.find(opener).map(|at| (at, at + opener.len()))).min()?;
    let rest = subject.get(found.1..)?.trim();
    (!rest.is_empty()).then(|| definite(rest))
}

/// `text` up to the first of `ends`, unless nothing would be left.
pub(super) fn cut_before<'a>(text: &'a str, ends: &[&str]) -> &'a str {
    let at = ends.iter().filter_map(|end| text.find(end)).filter(|at| *at > 0).min();
    at.and_then(|at| text.get(..at)).unwrap_or(text).trim()
}

fn first_sentence(line: &str) -> &str {
    cut_before(line, &[". ", "? ", "! ", "; ", " - ", " – ", " — "]).trim_end_matches(['.', '!', '?', ';', ':', ',', ' '])
}

/// `a dashboard` and `my API` become `the dashboard` and `the API`; other words stay.
fn definite(text: &str) -> String {
    match text.split_once(' ') {
        Some((word, rest)) if DETERMINERS.contains(&word.to_lowercase().as_str()) && !word.eq_ignore_ascii_case("this") => {
            format!("the {rest}")
        }
        _ => text.to_owned(),
    }
}

fn limited(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let cut: String = text.chars().take(limit).collect();
    let whole = cut.rsplit_once(' ').map(|(words, _)| words).filter(|words| words.chars().count() > limit / 2).unwrap_or(&cut);
    format!("{}…", whole.trim_end_matches([',', ' ']))
}
