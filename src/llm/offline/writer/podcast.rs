//! Podcast scripts and show notes: segments with timings, host lines that quote their source. What a host has to say in own words is a placeholder.
use super::material::Material;
use super::prose::{self, placeholder};
use crate::domain::message::Brief;
use crate::llm::offline::markdown::{self, count};
use crate::llm::offline::quotes::Quote;

/// Spoken words a minute.
const PACE: usize = 150;
/// Seconds for the opening, the ending, and a lead-in of the host.
const OPENING: usize = 45;
const ENDING: usize = 30;
const LEAD_IN: usize = 15;
const MOST_SEGMENTS: usize = 6;
const MOST_LINES: usize = 3;

struct Segment<'a> {
    theme: &'a str,
    quotes: Vec<&'a Quote>,
    start: usize,
    seconds: usize,
}

/// A script with a rundown, an intro, one segment for each theme, an outro.
pub fn script(brief: &Brief, material: &Material) -> (String, String) {
    let segments = segments(material);
    let end = segments.last().map_or(OPENING, |segment| segment.start + segment.seconds);
    let mut text = prose::heading("Podcast script", brief);
    text.push_str(&format!("Estimated length: {} at {PACE} words a minute, lead-ins included.\n\n", clock(end + ENDING)));
    text.push_str(&rundown(&segments, end));
    text.push_str(&format!("## [{}] Intro\n\n", clock(0)));
    text.push_str(&host(&placeholder("welcome, name of the show, date, who is speaking")));
    text.push_str(&host(&format!("The question today, as it was put to us: “{}”", markdown::title(&brief.goal))));
    let topics: Vec<String> = segments.iter().map(|segment| spoken(segment.theme)).collect();
    text.push_str(&host(&format!("We go through {}.", and_list(&topics))));
    for segment in &segments {
        text.push_str(&segment_text(segment));
    }
    text.push_str(&format!("## [{}] Outro\n\n", clock(end)));
    let gaps = material.gaps();
    if let Some(gap) = gaps.iter().find_map(|gap| gap.strip_prefix("Left open by a source: ")) {
        text.push_str(&host(&format!("The sources leave one thing open: {gap}")));
    }
    text.push_str(&host(&placeholder("what to take away, thanks, the next episode")));
    prose::finish(brief, material, text, "Podcast script")
}

fn segments(material: &Material) -> Vec<Segment<'_>> {
    let mut start = OPENING;
    let mut segments = Vec::new();
    for (theme, quotes) in material.themes().into_iter().take(MOST_SEGMENTS) {
        let quotes: Vec<&Quote> = quotes.into_iter().filter(|quote| !is_table(quote)).take(MOST_LINES).collect();
        if quotes.is_empty() {
            continue;
        }
        let words: usize = quotes.iter().map(|quote| quote.text().split_whitespace().count() + 8).sum();
        let seconds = LEAD_IN + (words * 60).div_ceil(PACE).next_multiple_of(5);
        segments.push(Segment { theme, quotes, start, seconds });
        start += seconds;
    }
    segments
}

fn is_table(quote: &Quote) -> bool {
    quote.lines.iter().any(|line| line.trim_start().starts_with('|') || line.trim_start().starts_with("```"))
}

fn rundown(segments: &[Segment], end: usize) -> String {
    let mut rows = vec![vec![clock(0), clock(OPENING), "Intro".to_owned(), String::new()]];
    for segment in segments {
        let mut ids: Vec<String> = segment.quotes.iter().map(|quote| quote.mark().trim().to_owned()).collect();
        ids.dedup();
        rows.push(vec![clock(segment.start), clock(segment.seconds), markdown::capital(segment.theme), ids.join(" ")]);
    }
    rows.push(vec![clock(end), clock(ENDING), "Outro".to_owned(), String::new()]);
    format!("## Rundown\n\n{}\n", markdown::table(&["start", "length", "segment", "sources"], &rows))
}

fn segment_text(segment: &Segment) -> String {
    let mut text = format!("## [{}] {}\n\n", clock(segment.start), markdown::capital(segment.theme));
    text.push_str(&host(&placeholder(&format!("a sentence that leads to {}", spoken(segment.theme)))));
    for quote in &segment.quotes {
        let spoken: Vec<&str> = quote.lines.iter().map(|line| line.trim().trim_start_matches(['-', '*', '>', ' '])).collect();
        let from = quote.path.rsplit('/').next().unwrap_or(&quote.path);
        let part = if quote.heading.is_empty() { String::new() } else { format!(", under “{}”", quote.heading) };
        text.push_str(&host(&format!("From {from}{part}: “{}”{}", spoken.join(" ").trim(), quote.mark())));
    }
    text
}

fn host(line: &str) -> String {
    format!("**Host:** {line}\n\n")
}

/// A heading inside a sentence: small first letter, unless it is an abbreviation.
fn spoken(theme: &str) -> String {
    let mut letters = theme.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => theme.to_owned(),
    }
}

/// `02:05`
fn clock(seconds: usize) -> String {
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn and_list(words: &[String]) -> String {
    match words.split_last() {
        None => "the question".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// Notes for listeners: topics with times, what was quoted, links, sources.
pub fn show_notes(brief: &Brief, material: &Material) -> (String, String) {
    let mut text = prose::heading("Show notes", brief);
    text.push_str(&format!("{}\n\n", placeholder("number, date and guests of the episode")));
    text.push_str(&format!("## What it is about\n\n{}\n", markdown::quoted(brief.goal.lines())));
    let (times, from) = timed_topics(material);
    if !times.is_empty() {
        let lines: Vec<String> = times.iter().map(|(time, topic)| format!("**{time}** {topic}")).collect();
        text.push_str(&format!("## Topics\n\n{}\n{from}\n\n", prose::list(&lines)));
    }
    let facts: Vec<String> = material
        .themes()
        .into_iter()
        .filter_map(|(_, quotes)| quotes.into_iter().find(|quote| !is_table(quote)))
        .map(|quote| format!("“{}”{}", quote.first_sentence(), quote.mark()))
        .collect();
    let facts = if facts.is_empty() { material.spoken() } else { facts };
    if !facts.is_empty() {
        text.push_str(&format!("## Quoted in this episode\n\n{}\n", prose::list(&facts)));
    }
    if !material.links.is_empty() {
        let mut lines: Vec<String> = Vec::new();
        for link in &material.links {
            if !lines.iter().any(|line| line.starts_with(&format!("<{}>", link.address))) {
                lines.push(format!("<{}> — named in `{}`", link.address, link.place));
            }
        }
        text.push_str(&format!("## Links\n\n{}\n", prose::list(&lines)));
    }
    let (text, _) = prose::finish(brief, material, text, "Show notes");
    let closing = format!(
        "Wrote {}: {} with times, {} and {}. Thin: times are estimates and the lines about the episode itself are left to fill.",
        brief.output,
        count(times.len(), "topic"),
        count(facts.len(), "quoted fact"),
        count(material.links.len(), "link")
    );
    (text, closing)
}

/// Times of the script if one was written, else estimates from the passages.
fn timed_topics(material: &Material) -> (Vec<(String, String)>, String) {
    for source in &material.sources {
        let timed = source.sections.iter().filter_map(|section| section.heading.strip_prefix('[')?.split_once("] "));
        let times: Vec<(String, String)> = timed.map(|(time, topic)| (time.to_owned(), topic.to_owned())).collect();
        if !times.is_empty() {
            return (times, format!("Times as estimated in {}.", prose::link(&source.path)));
        }
    }
    let segments = segments(material);
    let times = segments.iter().map(|segment| (clock(segment.start), markdown::capital(segment.theme))).collect();
    (times, format!("Times are estimated from the length of the passages at {PACE} words a minute."))
}
