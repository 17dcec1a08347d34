//! The form in which passages are quoted in notes, and how later steps read them back: `> text`, then `> — `path:line` [^s1]`. Numbers no source.
use std::collections::BTreeMap;

use super::markdown;
use super::passages::Ranked;

/// A passage of a source as it stands in a document of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// `s1`: the source in the evidence ledger; empty for a file that is none.
    pub id: String,
    pub theme: String,
    pub lines: Vec<String>,
    pub path: String,
    pub start: usize,
    pub end: usize,
    /// The source's own heading; empty if there is none.
    pub heading: String,
    pub also: Vec<String>,
    /// The line at which the quote starts in the notes it was read from; 0 for a fresh one.
    pub noted_at: usize,
}

impl Quote {
    /// `sources`: the numbers of files in the evidence ledger.
    pub fn new(sources: &BTreeMap<String, usize>, ranked: &Ranked) -> Self {
        let passage = ranked.passage;
        Quote {
            id: sources.get(&passage.path).map(|number| format!("s{number}")).unwrap_or_default(),
            theme: ranked.theme.clone(),
            lines: passage.lines.clone(),
            path: passage.path.clone(),
            start: passage.start,
            end: passage.end,
            heading: passage.heading.clone(),
            also: ranked.also.clone(),
            noted_at: 0,
        }
    }

    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// ` [^s1]`, or nothing for a file that is no source.
    pub fn mark(&self) -> String {
        if self.id.is_empty() { String::new() } else { format!(" [^{}]", self.id) }
    }

    /// The quote as a block with its place.
    pub fn render(&self) -> String {
        let quoted = markdown::quoted(self.lines.iter().map(String::as_str));
        let also: String = self.also.iter().map(|place| format!(", nearly the same in `{place}`")).collect();
        format!("{quoted}>\n> — `{}:{}`{}{also}\n", self.path, self.start, self.mark())
    }

    /// The line of the list of passages.
    pub fn source(&self) -> String {
        let lines = if self.end > self.start { format!("lines {}–{}", self.start, self.end) } else { format!("line {}", self.start) };
        let heading = if self.heading.is_empty() { String::new() } else { format!(", section “{}”", self.heading) };
        format!("- `{}`, {lines}{heading}{}\n", self.path, self.mark())
    }

    /// The first sentence of the quote without list and table marks, verbatim otherwise.
    pub fn first_sentence(&self) -> String {
        let text = self.lines.join(" ");
        let text = text.trim_start_matches(['-', '*', '>', ' ']);
        first_sentence(text)
    }
}

/// The text up to the first full stop that ends a sentence.
pub fn first_sentence(text: &str) -> String {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(['.', '!', '?', '。'])).map(|at| from + at) {
        let end = at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        let before = text.get(..at).and_then(|head| head.split_whitespace().last()).unwrap_or_default();
        let ends = text.get(end..).is_none_or(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
            || text.get(at..).is_some_and(|rest| rest.starts_with('。'));
        if ends && before.chars().count() > 2 && !before.contains('.') {
            return text.get(..end).unwrap_or(text).trim().to_owned();
        }
        from = end;
    }
    text.trim().to_owned()
}

/// All quotes of a document of ours, in order, each under the `###` heading it stands under.
pub fn parse(text: &str) -> Vec<Quote> {
    let mut found: Vec<Quote> = Vec::new();
    let mut theme = String::new();
    let mut block: Vec<&str> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("### ") {
            theme = title.to_owned();
        }
        match line.strip_prefix('>') {
            None => block.clear(),
            Some(rest) => match place(rest.trim_start()) {
                None => block.push(rest.strip_prefix(' ').unwrap_or(rest)),
                Some((path, start, id)) => {
                    let lines: Vec<String> = block.drain(..).map(str::to_owned).collect();
                    found.extend(quote(lines, &theme, (path, start, id), index));
                }
            },
        }
    }
    for quote in &mut found {
        quote.heading = heading(text, quote).unwrap_or_default();
    }
    found
}

fn quote(mut lines: Vec<String>, theme: &str, (path, start, id): (&str, usize, &str), index: usize) -> Option<Quote> {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let end = start + lines.len().checked_sub(1)?;
    // The line of the place is preceded by an empty one and by the quote itself.
    let noted_at = index.saturating_sub(lines.len());
    Some(Quote {
        id: id.into(),
        theme: theme.into(),
        lines,
        path: path.into(),
        start,
        end,
        heading: String::new(),
        also: Vec::new(),
        noted_at,
    })
}

/// `— `path:12` [^s1]`
fn place(line: &str) -> Option<(&str, usize, &str)> {
    let (place, rest) = line.strip_prefix("— `")?.split_once('`')?;
    let (path, number) = place.rsplit_once(':')?;
    let id = rest.strip_prefix(" [^").and_then(|rest| rest.split_once(']')).map_or("", |(id, _)| id);
    Some((path, number.parse().ok()?, id))
}

fn heading(text: &str, quote: &Quote) -> Option<String> {
    let (one, several) = (format!("- `{}`, line {}, ", quote.path, quote.start), format!("- `{}`, lines {}–", quote.path, quote.start));
    let line = text.lines().find(|line| line.starts_with(&one) || line.starts_with(&several))?;
    line.split_once("section “")?.1.rsplit_once('”').map(|(heading, _)| heading.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rendered_reads_back_the_same() {
        let quote = Quote {
            id: "s2".into(),
            theme: "heat".into(),
            lines: vec!["First line.".into(), String::new(), "- second [x](y)".into()],
            path: "inputs/a b.md".into(),
            start: 7,
            end: 9,
            heading: "Costs".into(),
            also: vec![],
            noted_at: 3,
        };
        let text = format!("## What\n### heat\n{}\n## Sources\n\n{}", quote.render(), quote.source());
        assert_eq!(parse(&text), vec![quote]);
    }

    #[test]
    fn sentences_do_not_end_at_decimals_or_short_forms() {
        assert_eq!(first_sentence("About 3.5 kW, e.g. for a flat. Then more."), "About 3.5 kW, e.g. for a flat.");
        assert_eq!(first_sentence("no end"), "no end");
    }
}
