//! Defects of Markdown: links and anchors that lead nowhere, fences left open, headings that jump, sections without text. Judges no prose.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use pulldown_cmark::{BrokenLink, CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use crate::tools::finding::{Around, Finding, is_remote, percent_decoded, resolve};
use crate::tools::text::line_of;

/// Findings of one kind at the most: each costs a count of lines.
const MOST: usize = 500;

/// What a Markdown text holds that matters here.
#[derive(Default)]
struct Outline {
    anchors: BTreeSet<String>,
    headings: Vec<Heading>,
    /// Target and place.
    links: Vec<(String, usize)>,
    /// Places of unclosed fences and of undefined references, as findings.
    findings: Vec<Finding>,
    in_code: bool,
    /// Where text other than headings starts, by byte.
    content: Vec<usize>,
}

struct Heading {
    level: usize,
    text: String,
    range: Range<usize>,
}

/// The defects of one Markdown file.
pub fn check(path: &str, text: &str, around: &Around<'_>) -> Vec<Finding> {
    let outline = outline(text);
    let mut findings = headings(&outline, text);
    let problems =
        outline.links.iter().filter_map(|(target, offset)| Some((link_problem(path, target, &outline.anchors, around)?, offset)));
    findings.extend(problems.take(MOST).map(|((rule, message), offset)| Finding::error(line_of(text, *offset), rule, message)));
    findings.extend(outline.findings);
    findings
}

/// The anchors a Markdown text offers: its headings the way GitHub names them, and explicit ids.
pub fn anchors(text: &str) -> BTreeSet<String> {
    outline(text).anchors
}

fn outline(text: &str) -> Outline {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let broken = RefCell::new(Vec::new());
    let on_broken = |link: BrokenLink<'_>| -> Option<(CowStr<'_>, CowStr<'_>)> {
        let room = MOST.saturating_sub(broken.borrow().len());
        broken.borrow_mut().extend(
            undefined(&link).map(|(rule, message)| Finding::warning(line_of(text, link.span.start), rule, message)).filter(|_| room > 0),
        );
        None
    };
    let mut outline = Outline::default();
    let mut slugs = BTreeMap::new();
    for (event, range) in Parser::new_with_broken_link_callback(text, options, Some(on_broken)).into_offset_iter() {
        take(event, range, text, (&mut outline, &mut slugs));
    }
    outline.findings.append(&mut broken.borrow_mut());
    outline.content.sort_unstable();
    outline
}

/// `[text][name]` without a definition; a lone `[word]` is ordinary text.
fn undefined(link: &BrokenLink<'_>) -> Option<(&'static str, String)> {
    let name = link.reference.as_ref();
    let is_reference = matches!(link.link_type, LinkType::Reference | LinkType::Collapsed);
    (is_reference && !name.trim().is_empty()).then(|| ("undefined-reference", format!("the reference `[{name}]` has no definition")))
}

fn take(event: Event<'_>, range: Range<usize>, text: &str, (outline, slugs): (&mut Outline, &mut BTreeMap<String, usize>)) {
    let in_heading = outline.headings.last().is_some_and(|heading| heading.range.contains(&range.start));
    match event {
        Event::Start(Tag::Heading { level, id, .. }) => {
            outline.anchors.extend(id.map(|id| id.to_string()));
            outline.headings.push(Heading { level: depth(level), text: String::new(), range });
        }
        Event::End(TagEnd::Heading(_)) => {
            let slug = slug(outline.headings.last().map_or("", |heading| &heading.text));
            let count = slugs.entry(slug.clone()).or_insert(0);
            outline.anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
            *count += 1;
        }
        Event::Start(Tag::Link { link_type: LinkType::Email | LinkType::Autolink, .. }) => {}
        Event::Start(Tag::Link { dest_url, .. }) => outline.links.push((dest_url.to_string(), range.start)),
        Event::Start(Tag::Image { dest_url, .. }) => {
            outline.content.push(range.start);
            outline.links.push((dest_url.to_string(), range.start));
        }
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
            outline.in_code = true;
            outline.content.push(range.start);
            let line = line_of(text, range.start);
            if !is_closed(text.get(range).unwrap_or_default()) {
                outline.findings.push(Finding::error(line, "unclosed-fence", "the code fence opened here is never closed"));
            }
        }
        Event::Html(html) | Event::InlineHtml(html) => take_html(&html, range, outline),
        Event::Text(part) | Event::Code(part) if in_heading => {
            if let Some(heading) = outline.headings.last_mut() {
                heading.text.push_str(&part);
            }
        }
        Event::End(TagEnd::CodeBlock) => outline.in_code = false,
        Event::Text(_) if !outline.in_code && outline.findings.len() < MOST => {
            outline.content.push(range.start);
            outline.findings.extend(undefined_footnotes(text, range));
        }
        Event::Text(_) | Event::Code(_) | Event::Rule | Event::FootnoteReference(_) => outline.content.push(range.start),
        Event::Start(Tag::CodeBlock(_)) => {
            outline.in_code = true;
            outline.content.push(range.start);
        }
        Event::Start(Tag::Table(_) | Tag::List(_)) => outline.content.push(range.start),
        _ => {}
    }
}

/// `[^1]` that the parser left as text, because nothing defines it. A class of a regular expression, `[^a-z]`, is not meant.
fn undefined_footnotes(text: &str, range: Range<usize>) -> Vec<Finding> {
    let look = |at: usize| {
        let rest = text.get(at..)?.strip_prefix("[^")?;
        let label = rest.split(']').next().filter(|label| label.len() < rest.len())?;
        let is_label = label.chars().all(|c| c.is_ascii_digit()) || label.len() > 2 && label.chars().all(char::is_alphanumeric);
        let is_escaped = text.get(..at).is_some_and(|before| before.ends_with('\\'));
        let message = format!("the footnote `[^{label}]` has no definition");
        (is_label && !label.is_empty() && !is_escaped).then(|| Finding::warning(line_of(text, at), "undefined-footnote", message))
    };
    let piece = text.get(range.clone()).unwrap_or_default();
    piece.match_indices('[').filter_map(|(at, _)| look(range.start + at)).collect()
}

fn take_html(html: &str, range: Range<usize>, outline: &mut Outline) {
    if !html.trim_start().starts_with("<!--") {
        outline.content.push(range.start);
    }
    for name in ["id", "name"] {
        outline.anchors.extend(attribute_values(html, name).map(str::to_owned));
    }
    for name in ["src", "href"] {
        outline.links.extend(attribute_values(html, name).map(|value| (value.to_owned(), range.start)));
    }
}

/// The quoted values of an attribute in a piece of HTML.
fn attribute_values<'a>(html: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    html.match_indices(name).filter_map(move |(at, _)| {
        let before = html[..at].chars().next_back()?;
        let rest = html[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|c| before.is_whitespace() && matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next()
    })
}

fn depth(level: HeadingLevel) -> usize {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// The anchor GitHub gives a heading: lower case, punctuation dropped, spaces to hyphens.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Whether the last line of a fenced block is its closing fence.
fn is_closed(block: &str) -> bool {
    let bare = |line: &str| line.trim_start_matches([' ', '\t', '>']).trim_end().to_owned();
    let mut lines = block.trim_end().lines();
    let (Some(first), Some(last)) = (lines.next().map(bare), lines.next_back().map(bare)) else { return false };
    let mark = first.chars().next().unwrap_or('`');
    let width = first.chars().take_while(|c| *c == mark).count();
    last.chars().count() >= width && last.chars().all(|c| c == mark)
}

fn headings(outline: &Outline, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, heading) in outline.headings.iter().enumerate() {
        let line = line_of(text, heading.range.start);
        let before = index.checked_sub(1).and_then(|before| outline.headings.get(before));
        if before.is_some_and(|before| heading.level > before.level + 1) {
            let from = before.map_or(0, |before| before.level);
            let message = format!("the heading `{}` jumps from level {from} to level {}", heading.text.trim(), heading.level);
            findings.push(Finding::warning(line, "heading-jump", message));
        }
        let next = outline.headings.get(index + 1);
        let end = next.map_or(usize::MAX, |next| next.range.start);
        let first = outline.content.partition_point(|at| *at < heading.range.end);
        let has_text = outline.content.get(first).is_some_and(|at| *at < end);
        if !has_text && next.is_none_or(|next| next.level <= heading.level) {
            findings.push(Finding::warning(line, "empty-section", format!("the section `{}` has no text", heading.text.trim())));
        }
    }
    findings
}

/// What is wrong with one link: rule and message.
fn link_problem(path: &str, target: &str, own: &BTreeSet<String>, around: &Around<'_>) -> Option<(&'static str, String)> {
    if is_remote(target) {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(percent_decoded(anchor))));
    let file = percent_decoded(file.split('?').next().unwrap_or_default());
    let has = |anchors: &BTreeSet<String>, anchor: &str| {
        anchor.is_empty() || anchors.contains(anchor) || anchors.contains(&anchor.to_lowercase())
    };
    if file.is_empty() {
        return match anchor {
            Some(anchor) if !has(own, &anchor) => Some(("missing-anchor", format!("there is no heading for the link `#{anchor}`"))),
            None => Some(("broken-link", "the link has no target".to_owned())),
            _ => None,
        };
    }
    let Some(found) = resolve(path, &file) else {
        return Some(("broken-link", format!("the link `{target}` leads out of the workspace")));
    };
    if !(around.exists)(&found) {
        return Some(("broken-link", format!("the link `{target}` leads to a file that does not exist")));
    }
    let anchor = anchor.filter(|_| found.to_lowercase().ends_with(".md"))?;
    let text = (around.text)(&found)?;
    (!has(&anchors(&text), &anchor)).then(|| ("missing-anchor", format!("`{found}` has no heading for `#{anchor}`")))
}
