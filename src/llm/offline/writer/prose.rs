//! Reports, articles, summaries and general documents from material in hand. Each statement is quoted or attributed; the rest are placeholders.
use super::material::{Material, Source};
use crate::domain::message::Brief;
use crate::llm::offline::markdown::{self, count};
use crate::llm::offline::quotes::Quote;
use crate::llm::offline::words;

/// Lines of an earlier output that are carried over; beyond, the document links to it.
const MOST_LINES: usize = 80;

/// A text to be filled in by a person, marked so that it cannot be overlooked.
pub fn placeholder(what: &str) -> String {
    format!("*[to be written: {what}]*")
}

/// Title and notice of a document on the goal.
pub fn heading(kind: &str, brief: &Brief) -> String {
    heading_of(kind, &markdown::title(&brief.goal))
}

/// Title and notice of a document on a subject.
pub fn heading_of(kind: &str, title: &str) -> String {
    let title = if kind.is_empty() { title.to_owned() } else { format!("{kind}: {title}") };
    let notice = markdown::notice(
        "The offline writer put it together from the files named in it: their words are quoted or attributed, and what a person has to \
         add is marked *[to be written: …]*.",
    );
    format!("# {title}\n\n{notice}\n")
}

/// A report: in brief, one section for each source, open points, sources.
pub fn report(brief: &Brief, material: &Material) -> (String, String) {
    let mut text = heading("Report", brief);
    text.push_str(&format!("## Question\n\n{}\n", markdown::quoted(brief.goal.lines())));
    text.push_str(&in_brief(material));
    for source in material.told() {
        text.push_str(&carried_over(source));
    }
    text.push_str(&themes(material, "## What the documents say\n\n"));
    finish(brief, material, text, "Report")
}

/// A summary: the first sentences by theme or by source.
pub fn summary(brief: &Brief, material: &Material) -> (String, String) {
    let mut text = heading("Summary", brief);
    text.push_str(&in_brief(material));
    for source in material.told() {
        let sentences: Vec<String> = source
            .sections
            .iter()
            .filter_map(|section| first_line(&section.lines).map(|line| (section, line)))
            .take(8)
            .map(|(section, line)| {
                format!(
                    "- {}“{line}” (line {})\n",
                    if section.heading.is_empty() { String::new() } else { format!("**{}** — ", section.heading) },
                    section.line
                )
            })
            .collect();
        text.push_str(&format!(
            "## {}\n\nFrom {}, the first sentence of each section:\n\n{}\n",
            source.title,
            link(&source.path),
            sentences.concat()
        ));
    }
    finish(brief, material, text, "Summary")
}

/// An article: a lead to write, a section for each theme, an ending to write.
pub fn article(brief: &Brief, material: &Material, kind: &str) -> (String, String) {
    let mut text = heading(kind, brief);
    text.push_str(&format!("{}\n\n", placeholder("a lead of two or three sentences on why this matters to the reader")));
    for (theme, quotes) in material.themes() {
        text.push_str(&format!("## {}\n\n", markdown::capital(theme)));
        for quote in quotes {
            text.push_str(&format!("{}\n\n{}\n", attribution(quote), markdown::quoted(quote.lines.iter().map(String::as_str))));
        }
    }
    for source in material.told().filter(|source| !source.step.is_empty()) {
        text.push_str(&carried_over(source));
    }
    text.push_str(&format!("## Conclusion\n\n{}\n\n", placeholder("what follows from the passages above")));
    finish(brief, material, text, "Document")
}

/// Nothing to write from: an outline that says so.
pub fn outline(brief: &Brief, material: &Material) -> (String, String) {
    let mut text = heading("", brief);
    text.push_str(
        "No earlier output, attached text or readable project file was at hand, so this is an outline to fill, not a finished text.\n\n",
    );
    let terms = words::terms(brief);
    for term in terms.iter().take(6) {
        text.push_str(&format!(
            "## {}\n\n{}\n\n",
            markdown::capital(&term.word),
            placeholder(&format!("what the reader should know about {}", term.word))
        ));
    }
    if !material.unread.is_empty() {
        text.push_str(&format!("## Open points\n\n{}\n", list(&material.unread)));
    }
    text.push_str("## How to give this step material\n\n- Attach texts with `--attach FILE`, or let a researcher run before it.\n- Let it read the project: `--read-project`, or `uses: project` at this step in plan.md.\n");
    let closing = format!(
        "Wrote {} as an outline with {}. Thin: there was nothing to write from.",
        brief.output,
        count(terms.len().min(6), "section")
    );
    (text, closing)
}

/// One sentence for each theme, and what other outputs open with.
fn in_brief(material: &Material) -> String {
    let mut lines = Vec::new();
    for source in material.told().filter(|source| !source.step.is_empty()) {
        lines.extend(key_lines(source).into_iter().map(|line| format!("{line} ({})", link(&source.path))));
    }
    for (theme, quotes) in material.themes().into_iter().take(8) {
        if let Some(quote) = quotes.first() {
            lines.push(format!("**{}** — “{}”{}", markdown::capital(theme), quote.first_sentence(), quote.mark()));
        }
    }
    if lines.is_empty() { String::new() } else { format!("## In brief\n\n{}\n", list(&lines)) }
}

/// The first list of an output, else its first sentence.
fn key_lines(source: &Source) -> Vec<String> {
    let all = || source.sections.iter().flat_map(|section| &section.lines);
    let items: Vec<String> = all()
        .skip_while(|line| !line.starts_with("- "))
        .take_while(|line| line.starts_with("- "))
        .take(5)
        .filter_map(|line| line.strip_prefix("- "))
        .map(str::to_owned)
        .collect();
    if !items.is_empty() {
        return items;
    }
    source.sections.iter().find_map(|section| first_line(&section.lines)).into_iter().collect()
}

/// The first sentence of the first line that is prose.
fn first_line(lines: &[String]) -> Option<String> {
    let is_prose =
        |line: &&String| line.split_whitespace().count() > 3 && !line.starts_with(['|', '!', '`', '<', '#']) && !line.starts_with("> —");
    let start = lines.iter().position(|line| is_prose(&line))?;
    let paragraph: Vec<&str> = lines
        .iter()
        .skip(start)
        .take_while(|line| !line.trim().is_empty())
        .map(|line| line.trim_start_matches(['>', '-', '*', ' ']))
        .collect();
    Some(crate::llm::offline::quotes::first_sentence(&paragraph.join(" ")))
}

/// The sections of an earlier output as they stand, one level deeper.
fn carried_over(source: &Source) -> String {
    let mut text = format!(
        "## {}\n\nFrom {}{}, as it stands there.\n\n",
        source.title,
        link(&source.path),
        if source.step.is_empty() { String::new() } else { format!(", step {}", source.step) }
    );
    let mut lines = 0;
    for section in &source.sections {
        if lines > MOST_LINES {
            text.push_str(&format!("It goes on at line {} with “{}” in {}.\n\n", section.line, section.heading, link(&source.path)));
            break;
        }
        if !section.heading.is_empty() {
            text.push_str(&format!("### {}\n\n", section.heading));
        }
        text.push_str(&format!("{}\n\n", section.lines.join("\n")));
        lines += section.lines.len();
    }
    text
}

fn themes(material: &Material, head: &str) -> String {
    let mut text = String::new();
    for (theme, quotes) in material.themes() {
        text.push_str(&format!("### {}\n\n", markdown::capital(theme)));
        text.extend(quotes.iter().map(|quote| format!("{}\n", quote.render())));
    }
    if text.is_empty() { text } else { format!("{head}{text}") }
}

/// `inputs/a.md, section “Costs” (line 7) [^s1]:`
fn attribution(quote: &Quote) -> String {
    let section = if quote.heading.is_empty() { String::new() } else { format!(", section “{}”", quote.heading) };
    format!("{}{section}, line {}{}:", link(&quote.path), quote.start, quote.mark())
}

/// A link to a file of the workspace; a path of the project is only named.
pub fn link(path: &str) -> String {
    if path.starts_with("inputs/") || !path.contains('/') { format!("[{path}]({})", path.replace(' ', "%20")) } else { format!("`{path}`") }
}

pub fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

/// Open points, sources, contents; and the closing text.
pub fn finish(brief: &Brief, material: &Material, mut text: String, what: &str) -> (String, String) {
    let gaps = material.gaps();
    if !gaps.is_empty() {
        text.push_str(&format!("## Open points\n\n{}\n", list(&gaps)));
    }
    let cited = cited(material, &text);
    text.push_str(&sources(material, &cited));
    let open = text.matches("*[to be written: ").count().saturating_sub(1);
    let closing = format!(
        "Wrote {} ({}) from {}: {}. Thin: {}; nothing was phrased by a language model.",
        brief.output,
        what.to_lowercase(),
        count(material.sources.len(), "file"),
        count(material.quotes.len(), "quoted passage"),
        if open > 0 { format!("{} left to write", count(open, "place")) } else { "it holds only what the sources say".to_owned() }
    );
    (if what == "Podcast script" { text } else { markdown::with_contents(&text) }, closing)
}

/// Files, then footnotes.
fn sources(material: &Material, cited: &str) -> String {
    let mut text = String::from("## Sources\n\n");
    for source in &material.sources {
        let step = if source.step.is_empty() { String::new() } else { format!(" — step {}", source.step) };
        text.push_str(&format!("- {}{step}\n", link(&source.path)));
    }
    if !cited.is_empty() {
        text.push_str(&format!("\n{cited}"));
    }
    text
}

/// The passages that the text quotes, then the footnotes of earlier texts that it refers to.
pub fn cited(material: &Material, text: &str) -> String {
    let quotes = material.quotes.iter().filter(|quote| text.contains(&quote.first_sentence())).map(Quote::source);
    let named = |note: &&String| note.split_once("]:").is_some_and(|(id, _)| text.contains(&format!("{id}]")));
    let passages: String = quotes.collect();
    let notes: String = material.footnotes.iter().filter(named).map(|note| format!("{note}\n")).collect();
    let between = if passages.is_empty() || notes.is_empty() { "" } else { "\n" };
    format!("{passages}{between}{notes}")
}
