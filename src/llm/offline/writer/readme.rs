//! The sections of a README or a manifest, verbatim with their lines. Reads Markdown headings only.
use crate::llm::offline::passages;
use crate::llm::offline::results::Document;

/// A part of a document under one heading, sub-headings included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub heading: String,
    pub path: String,
    pub start: usize,
    pub end: usize,
    pub lines: Vec<String>,
}

/// Parts by second- and third-level headings, and what stands before the first.
pub fn parts(document: &Document) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut code = false;
    let part = |heading: &str, start: usize| Part {
        heading: heading.to_owned(),
        path: document.path.clone(),
        start,
        end: start,
        lines: Vec::new(),
    };
    for (number, line) in &document.lines {
        code ^= line.trim_start().starts_with("```");
        match passages::heading(line).filter(|_| !code) {
            Some(_) if line.starts_with("# ") => parts.push(part("", number + 1)),
            Some(heading) if !line.starts_with("####") => parts.push(part(heading, number + 1)),
            _ => {
                if parts.is_empty() {
                    parts.push(part("", *number));
                }
                if let Some(part) = parts.last_mut() {
                    part.lines.push(line.clone());
                    part.end = *number;
                }
            }
        }
    }
    for part in &mut parts {
        trim(part);
    }
    parts.retain(|part| part.lines.iter().any(|line| !line.trim().is_empty()));
    parts
}

fn trim(part: &mut Part) {
    while part.lines.first().is_some_and(|line| line.trim().is_empty()) {
        part.lines.remove(0);
        part.start += 1;
    }
    while part.lines.last().is_some_and(|line| line.trim().is_empty()) {
        part.lines.pop();
        part.end = part.end.saturating_sub(1);
    }
}

/// Parts whose heading holds one of the words.
pub fn about<'a>(parts: &'a [Part], words: &'a [&str]) -> impl Iterator<Item = &'a Part> {
    parts.iter().filter(move |part| {
        let heading = part.heading.to_lowercase();
        words.iter().any(|word| heading.contains(word))
    })
}

/// The part as it stands, after a line that says where it comes from.
pub fn carried(part: &Part) -> String {
    let lines = if part.end > part.start { format!("lines {}–{}", part.start, part.end) } else { format!("line {}", part.start) };
    format!("From `{}`, {lines}:\n\n{}\n\n", part.path, part.lines.join("\n"))
}

/// `name`, `version`, `description` and the like of a TOML or JSON manifest: key, value, line.
pub fn manifest_fields(document: &Document) -> Vec<(String, String, usize)> {
    const KEYS: [&str; 7] = ["name", "version", "description", "license", "requires-python", "rust-version", "edition"];
    let mut fields: Vec<(String, String, usize)> = Vec::new();
    for (number, line) in &document.lines {
        let Some((key, value)) = line.split_once(['=', ':']) else { continue };
        let key = key.trim().trim_matches('"');
        let value = value.trim().trim_end_matches(',').trim_matches('"');
        let known = KEYS.contains(&key) && !fields.iter().any(|(other, _, _)| other == key);
        if known && !value.is_empty() && !value.starts_with(['{', '[']) {
            fields.push((key.to_owned(), value.to_owned(), *number));
        }
    }
    fields
}
