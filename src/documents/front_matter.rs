//! Front matter: the YAML between two `---` lines at the top of a document, with the place of every key. Knows no document's own keys.
use serde_json::{Map, Value};

use crate::domain::plan::nearest;

use super::place::{Lines, Problem, Span, span_of};

/// A block longer than this many lines is no front matter but a document that opens with a rule.
pub const MAX_LINES: usize = 256;
/// The largest block we hand to the YAML reader, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Where a top-level key and its value stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlace {
    pub name: String,
    pub key: Span,
    /// From the value's first to its last character, over several lines where it has them.
    pub value: Span,
}

/// The front matter of a document. Absent or broken, it is empty and `problems` says why.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FrontMatter {
    /// The whole block with both `---` lines and the last line break; `None` when the document has none.
    pub block: Option<Span>,
    /// What stands between the two `---` lines.
    pub content: Span,
    /// Where the document's body starts.
    pub body: usize,
    pub values: Map<String, Value>,
    pub keys: Vec<KeyPlace>,
    pub problems: Vec<Problem>,
    text: String,
}

/// Whether `line` (no line break) opens a block when it is the first of a document.
pub fn opens(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').trim_end_matches([' ', '\t']) == "---"
}

/// Whether `line` (no line break) closes a block.
pub fn closes(line: &str) -> bool {
    matches!(line.trim_end_matches([' ', '\t']), "---" | "...")
}

impl FrontMatter {
    /// Reads the front matter of `text`. A byte order mark and any line break are tolerated. Never fails.
    pub fn read(text: &str) -> Self {
        let lines = Lines::new(text);
        let line = |number: usize| lines.span(text, number).of(text);
        let body = text.len() - text.trim_start_matches('\u{feff}').len();
        if !opens(line(0)) {
            return FrontMatter { body, ..FrontMatter::default() };
        }
        let last = lines.count().min(MAX_LINES);
        let Some(end) = (1..last).find(|number| closes(line(*number))) else {
            return FrontMatter { body, ..FrontMatter::default() };
        };
        let content = Span::new(lines.start(1), lines.start(end));
        let mut front = FrontMatter {
            block: Some(Span::new(body, lines.start(end + 1))),
            content,
            body: lines.start(end + 1),
            text: content.of(text).to_owned(),
            ..FrontMatter::default()
        };
        front.keys = key_places(text, &lines, 1..end);
        front.parse();
        front
    }

    fn parse(&mut self) {
        if self.text.trim().is_empty() {
            return;
        }
        if self.text.len() > MAX_BYTES {
            self.problems.push(Problem::error(self.content, "the front matter is too long to be read"));
            return;
        }
        let options = serde_saphyr::options! { with_snippet: false };
        match serde_saphyr::from_str_with_options::<Value>(&self.text, options) {
            Ok(Value::Object(values)) => self.values = values,
            Ok(Value::Null) => {}
            Ok(_) => self.problems.push(Problem::error(self.content, "the front matter must be `key: value` lines")),
            Err(error) => {
                let span = self.place_of(error.location());
                let message = error.to_string();
                let reason = message.lines().next().unwrap_or("not YAML").to_lowercase();
                self.problems.push(Problem::error(span, format!("the front matter cannot be read as YAML: {reason}")));
                self.values = self.keys.iter().map(|place| (place.name.clone(), Value::String(self.raw(place)))).collect();
            }
        }
    }

    /// The line that the YAML reader complains about, or the whole block.
    fn place_of(&self, location: Option<serde_saphyr::Location>) -> Span {
        let line = location.and_then(|location| usize::try_from(location.line()).ok()).filter(|line| *line > 0);
        let lines = Lines::new(&self.text);
        match line {
            Some(line) if line <= lines.count() => lines.span(&self.text, line - 1).shifted(self.content.start),
            _ => self.content,
        }
    }

    fn raw(&self, place: &KeyPlace) -> String {
        let start = place.value.start.saturating_sub(self.content.start);
        let end = place.value.end.saturating_sub(self.content.start);
        let value = self.text.get(start..end).unwrap_or_default();
        let without_comment = value.split(" #").next().unwrap_or(value).trim();
        without_comment.trim_matches(['"', '\'']).to_owned()
    }

    pub fn place(&self, key: &str) -> Option<&KeyPlace> {
        self.keys.iter().find(|place| place.name == key)
    }

    /// Where `key`'s value stands: the place of a problem about it. The whole content when the key is not found.
    pub fn value_span(&self, key: &str) -> Span {
        self.place(key).map_or(self.content, |place| if place.value.is_empty() { place.key } else { place.value })
    }

    /// The value of `key` as words; a number or boolean as it was written (`run: 143022` keeps its digits). `None` when absent, empty or a list.
    pub fn string(&self, key: &str) -> Option<String> {
        let text = match self.values.get(key)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(_) | Value::Bool(_) => self.place(key).map(|place| self.raw(place))?,
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// The value of `key` as a list of words: a YAML list, or one string cut at commas and white space.
    pub fn words(&self, key: &str) -> Vec<String> {
        match self.values.get(key) {
            Some(Value::Array(items)) => items.iter().map(plain).filter(|item| !item.is_empty()).collect(),
            Some(Value::String(text)) => {
                text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Where `word` stands as a whole word in the value of `key`; the value itself when it is not found. `text` is the whole document.
    pub fn word_span(&self, text: &str, key: &str, word: &str) -> Span {
        let within = self.value_span(key);
        let value = within.of(text);
        let mut words = value.split(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '"' | '\''));
        words.find(|part| *part == word).map_or(within, |part| span_of(value, part).shifted(within.start))
    }

    /// A warning for each key that is not in `known`, with the nearest name as a fix.
    pub fn unknown_keys(&self, known: &[&str]) -> Vec<Problem> {
        let unknown = self.keys.iter().filter(|place| !known.contains(&place.name.as_str()));
        unknown
            .map(|place| {
                let problem = Problem::warning(place.key, format!("unknown key `{}`; known: {}", place.name, known.join(", ")));
                match nearest(&place.name, known.iter().copied()) {
                    Some(name) => problem.replace(place.key, name),
                    None => problem,
                }
            })
            .collect()
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Top-level keys by their lines: unindented `name:`; the value runs to the last non-blank line before the next key.
fn key_places(text: &str, lines: &Lines, numbers: std::ops::Range<usize>) -> Vec<KeyPlace> {
    let mut places: Vec<KeyPlace> = Vec::new();
    for number in numbers {
        let span = lines.span(text, number);
        let line = span.of(text);
        match key_of(line) {
            Some((key, value)) => {
                let key_span = span_of(line, key).shifted(span.start);
                let value = if value.is_empty() { Span::at(span.end) } else { span_of(line, value).shifted(span.start) };
                places.push(KeyPlace { name: key.trim_matches(['"', '\'']).to_owned(), key: key_span, value });
            }
            None if line.trim().is_empty() || line.starts_with('#') => {}
            None => {
                if let Some(place) = places.last_mut() {
                    let start = span.start + (line.len() - line.trim_start().len());
                    let start = if place.value.is_empty() { start } else { place.value.start };
                    place.value = Span::new(start, span.start + line.trim_end().len());
                }
            }
        }
    }
    places
}

fn key_of(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '\'')) {
        return None;
    }
    let (key, value) = line.split_once(':')?;
    (value.is_empty() || value.starts_with([' ', '\t'])).then(|| (key.trim_end(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_have_their_places() {
        let text = "\u{feff}---\r\nrun: 143022e7  # why\r\nlist:\r\n  - a\r\n  - b\r\n---\r\nbody";
        let front = FrontMatter::read(text);
        assert_eq!(front.problems, []);
        assert_eq!(front.string("run").as_deref(), Some("143022e7"));
        assert_eq!(front.words("list"), ["a", "b"]);
        assert_eq!(front.place("list").map(|place| place.value.of(text)), Some("- a\r\n  - b"));
        assert_eq!(&text[front.body..], "body");
    }

    #[test]
    fn broken_yaml_is_a_problem_on_its_line_and_simple_lines_are_still_read() {
        let text = "---\nrun: 1-k7\nbad: [1, 2\n---\n";
        let front = FrontMatter::read(text);
        assert_eq!(front.problems.len(), 1, "{:?}", front.problems);
        assert_eq!(front.string("run").as_deref(), Some("1-k7"));
    }

    #[test]
    fn an_unknown_key_gets_the_nearest_name() {
        let text = "---\nagentz: a\n---\n";
        let problems = FrontMatter::read(text).unknown_keys(&["agents", "attach"]);
        let fix = problems.first().and_then(|problem| problem.fix.as_ref());
        assert_eq!(fix.map(|fix| fix.edits[0].1.as_str()), Some("agents"));
    }

    #[test]
    fn a_rule_without_an_end_is_no_front_matter() {
        assert_eq!(FrontMatter::read("---\ngoal: x\n").block, None);
        assert_eq!(FrontMatter::read("").body, 0);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s)(---\n)?.{0,200}(\n---\n)?.*") {
            let front = FrontMatter::read(&text);
            for place in &front.keys {
                prop_assert!(text.get(place.key.range()).is_some() && text.get(place.value.range()).is_some());
            }
            for problem in &front.problems {
                prop_assert!(text.get(problem.span.range()).is_some());
            }
        }

        #[test]
        fn yaml_like_noise_is_read_without_a_panic(inner in "([a-z&*!|>?%@`\"'{}\\[\\],:# \n\t-]){0,80}") {
            FrontMatter::read(&format!("---\n{inner}\n---\n"));
        }
    }
}
