//! What the writer has in hand: quotes of notes, sections of other outputs, links, gaps, placeholders to fill. Writes nothing.
use crate::domain::message::Brief;
use crate::llm::offline::passages;
use crate::llm::offline::quotes::{self, Quote};
use crate::llm::offline::results::{Document, Gathered};
use crate::llm::offline::words;

/// The most passages taken straight from attached texts.
const MOST_QUOTES: usize = 15;
/// Sections of our own documents that speak about the document, not about its subject.
const ABOUT_ITSELF: [&str; 8] =
    ["question", "coverage", "gaps", "sources", "contents", "scope", "how to give this step material", "overview"];

/// A section of an earlier output or an attached text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub heading: String,
    pub line: usize,
    /// Verbatim, without empty lines at the ends.
    pub lines: Vec<String>,
}

/// A file with its sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub path: String,
    /// `s2 (analyst)`, or empty for attached texts.
    pub step: String,
    pub title: String,
    pub sections: Vec<Section>,
    pub gaps: Vec<String>,
    /// Its passages are in `Material::quotes`.
    pub quoted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub address: String,
    pub place: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Material {
    pub quotes: Vec<Quote>,
    pub sources: Vec<Source>,
    pub links: Vec<Link>,
    /// Footnotes of earlier outputs whose quotes are not in our block form, such as a script's host lines.
    pub footnotes: Vec<String>,
    /// Earlier outputs and inputs that could not be read, with the reason.
    pub unread: Vec<String>,
}

impl Material {
    pub fn from(brief: &Brief, gathered: &Gathered) -> Self {
        let mut material = Material::default();
        let documents =
            || gathered.documents.iter().filter(|document| document.path != brief.output.as_str() && passages::is_prose(&document.path));
        for document in documents() {
            let quotes = quotes::parse(&document.text());
            let source = source(brief, document, !quotes.is_empty());
            let known = material.quotes.clone();
            material.quotes.extend(quotes.into_iter().filter(|quote| !known.iter().any(|other| other.lines == quote.lines)));
            material.links.extend(links(document));
            material.sources.push(source);
        }
        if material.quotes.is_empty() {
            let notes =
                documents().flat_map(|document| document.lines.values()).filter(|line| line.starts_with("[^") && line.contains("]: "));
            material.footnotes = notes.cloned().collect();
            material.quotes = own_quotes(brief, gathered, &documents().collect::<Vec<_>>());
        }
        for refusal in gathered.refusals.iter().filter(|refusal| refusal.tool == "read_file") {
            material.unread.push(format!("`{}` could not be read: {}.", refusal.target, refusal.reason.trim_end_matches('.')));
        }
        material
    }

    pub fn is_empty(&self) -> bool {
        self.quotes.is_empty() && self.sources.iter().all(|source| source.sections.is_empty())
    }

    /// Themes in order, each with its quotes.
    pub fn themes(&self) -> Vec<(&str, Vec<&Quote>)> {
        let mut themes: Vec<(&str, Vec<&Quote>)> = Vec::new();
        for quote in &self.quotes {
            match themes.iter_mut().find(|(theme, _)| *theme == quote.theme) {
                Some((_, quotes)) => quotes.push(quote),
                None => themes.push((&quote.theme, vec![quote])),
            }
        }
        themes
    }

    /// Sources whose text is not already in the quotes.
    pub fn told(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| !source.quoted && !source.sections.is_empty())
    }

    /// Quoted words with their footnote, `“…” [^s1]`, from texts whose quotes are not in our block form.
    pub fn spoken(&self) -> Vec<String> {
        let lines = self.sources.iter().flat_map(|source| &source.sections).flat_map(|section| &section.lines);
        let quote = |line: &String| {
            let start = line.find(": “").map(|at| at + 2).filter(|_| line.contains("” [^"))?;
            line.get(start..).map(str::to_owned)
        };
        lines.filter_map(quote).collect()
    }

    /// Gaps of all sources, each once, then what could not be read.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps: Vec<String> = Vec::new();
        for gap in self.sources.iter().flat_map(|source| &source.gaps).chain(&self.unread) {
            if !gaps.contains(gap) {
                gaps.push(gap.clone());
            }
        }
        gaps
    }
}

fn source(brief: &Brief, document: &Document, quoted: bool) -> Source {
    let upstream = brief.upstream.iter().find(|upstream| upstream.output.as_str() == document.path);
    let step = upstream.map(|upstream| format!("{} ({})", upstream.step, upstream.agent)).unwrap_or_default();
    let mut sections = sections(document);
    let first_heading = document.lines.values().find_map(|line| line.strip_prefix("# ")).map(str::trim);
    let title = first_heading.map_or_else(|| document.path.rsplit('/').next().unwrap_or_default().to_owned(), str::to_owned);
    let gaps = sections.iter().filter(|section| section.heading.eq_ignore_ascii_case("gaps")).flat_map(|section| &section.lines);
    let gaps = gaps.filter_map(|line| line.strip_prefix("- ")).map(str::to_owned).collect();
    let ours = upstream.is_some();
    sections.retain(|section| !(ours && ABOUT_ITSELF.contains(&section.heading.to_lowercase().as_str())));
    Source { path: document.path.clone(), step, title, sections, gaps, quoted }
}

/// Cuts a text at its headings; notices and front matter are left out, headings in code are none.
fn sections(document: &Document) -> Vec<Section> {
    let mut sections = vec![Section { heading: String::new(), line: 1, lines: Vec::new() }];
    let mut code = false;
    let mut front_matter = document.lines.get(&1).is_some_and(|line| line.trim_end() == "---");
    for (number, line) in &document.lines {
        if front_matter {
            front_matter = *number == 1 || line.trim_end() != "---";
            continue;
        }
        code ^= line.trim_start().starts_with("```");
        match passages::heading(line).filter(|_| !code) {
            Some(_) if line.starts_with("# ") => {}
            Some(heading) => sections.push(Section { heading: heading.to_owned(), line: *number, lines: Vec::new() }),
            None => {
                let notice = line.contains(crate::llm::offline::moves::NO_MODEL);
                if let Some(section) = sections.last_mut().filter(|_| !notice) {
                    section.lines.push(line.clone());
                }
            }
        }
    }
    for section in &mut sections {
        let blank = |line: &String| line.trim().is_empty();
        let start = section.lines.iter().take_while(|line| blank(line)).count();
        section.lines.drain(..start);
        section.line += start + usize::from(!section.heading.is_empty());
        while section.lines.last().is_some_and(blank) {
            section.lines.pop();
        }
    }
    sections.retain(|section| !section.lines.is_empty());
    sections
}

fn own_quotes(brief: &Brief, gathered: &Gathered, documents: &[&Document]) -> Vec<Quote> {
    let upstream = |document: &&&Document| brief.upstream.iter().any(|upstream| upstream.output.as_str() == document.path);
    let passages: Vec<passages::Passage> =
        documents.iter().filter(|document| !upstream(document)).flat_map(|document| passages::split(document)).collect();
    let ranked = passages::rank(&passages, &words::terms(brief), MOST_QUOTES);
    let chosen = if ranked.is_empty() { passages::openings(&passages, MOST_QUOTES) } else { ranked };
    chosen.iter().map(|ranked| Quote::new(&gathered.sources, ranked)).collect()
}

/// Web addresses, each once a document.
fn links(document: &Document) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for (number, line) in &document.lines {
        for (at, _) in line.match_indices("http") {
            let rest = line.get(at..).unwrap_or_default();
            let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ')' | '>' | '"' | '`' | ']' | '|' | '\'')).unwrap_or(rest.len());
            let address = rest.get(..end).unwrap_or_default().trim_end_matches(['.', ',', ';', ':']);
            let is_address = address.starts_with("http://") || address.starts_with("https://");
            if is_address && address.len() > 10 && !links.iter().any(|link| link.address == address) {
                links.push(Link { address: address.to_owned(), place: format!("{}:{number}", document.path) });
            }
        }
    }
    links
}
