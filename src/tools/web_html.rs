//! HTML as readable Markdown: headings, links, lists and tables stay, scripts and menus go. Fetches nothing; a hostile page costs bounded time and memory.
use std::collections::BTreeMap;
use std::sync::Arc;

use htmd::element_handler::{HandlerResult, Handlers};
use htmd::options::{BulletListMarker, Options};
use htmd::{Element, HtmlToMarkdown, Node};

use crate::domain::address::WebAddress;

/// Deeper nesting is cut off: the converter walks the tree by recursion.
const MAX_DEPTH: usize = 150;
/// What the parser may have to do: open elements looked at, summed over all tags.
const MAX_WORK: usize = 30_000_000;
/// Elements that the parser may have to repeat because formatting was left open.
const MAX_REPEATED: usize = 1_000_000;

const SKIPPED: [&str; 14] = [
    "script", "style", "noscript", "svg", "iframe", "template", "nav", "footer", "button", "select", "input", "textarea", "object",
    "canvas",
];
/// Elements that have no end, or whose next sibling ends them: they do not nest by themselves.
const FLAT: [&str; 26] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "p", "li", "dt", "dd",
    "tr", "td", "th", "option", "thead", "tbody", "html", "body",
];
const FORMATTING: [&str; 14] = ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// A page as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readable {
    pub title: String,
    pub markdown: String,
    /// It asks for a password.
    pub asks_password: bool,
}

/// Reads a page; links become whole addresses, seen from `address`.
///
/// # Errors
/// When the page is built to cost time or memory.
pub fn readable(html: &str, address: &WebAddress) -> Result<Readable, String> {
    if !is_affordable(html) {
        return Err("the page is nested too deeply to be read".into());
    }
    let converter = converter(address);
    let convert = |html: &str| {
        let tree = converter.html_to_tree(html).map_err(|error| format!("the page cannot be read: {error}"))?;
        prune(&tree);
        Ok::<_, String>(converter.tree_to_markdown(&tree))
    };
    let title = element(html, "title").map(|title| convert(&format!("<p>{title}</p>"))).transpose()?.unwrap_or_default();
    let markdown = tidy(&convert(html)?);
    Ok(Readable { title: title.split_whitespace().collect::<Vec<_>>().join(" "), markdown, asks_password: asks_password(html) })
}

fn converter(address: &WebAddress) -> HtmlToMarkdown {
    let base = Arc::new(address.clone());
    let link = move |handlers: &dyn Handlers, element: Element| -> Option<HandlerResult> {
        let text = handlers.walk_children(element.node).content;
        let href = element.attrs.iter().find(|attribute| &attribute.name.local == "href").map(|attribute| attribute.value.to_string());
        let target = href.filter(|href| !href.trim_start().starts_with('#')).and_then(|href| base.join(&href).ok());
        let shown = text.trim();
        Some(match target {
            Some(target) if !shown.is_empty() && !shown.contains('\n') => format!("[{shown}]({})", target.as_str()).into(),
            // A link around whole paragraphs: the text matters more than where it leads.
            _ => text.into(),
        })
    };
    let image = |_: &dyn Handlers, element: Element| -> Option<HandlerResult> {
        let alt = element.attrs.iter().find(|attribute| &attribute.name.local == "alt").map(|attribute| attribute.value.trim().to_owned());
        alt.filter(|alt| !alt.is_empty()).map(|alt| format!("[image: {alt}]").into())
    };
    let options = Options { bullet_list_marker: BulletListMarker::Dash, ul_bullet_spacing: 1, ol_number_spacing: 1, ..Options::default() };
    HtmlToMarkdown::builder()
        .options(options)
        .skip_tags([&SKIPPED[..], &["title"]].concat())
        .add_handler(vec!["a"], link)
        .add_handler(vec!["img"], image)
        .build()
}

/// Cuts off what lies too deep, without recursion.
fn prune(tree: &std::rc::Rc<Node>) {
    let mut open = vec![(std::rc::Rc::clone(tree), 0)];
    while let Some((node, depth)) = open.pop() {
        if depth >= MAX_DEPTH {
            node.children.borrow_mut().clear();
        }
        open.extend(node.children.borrow().iter().map(|child| (std::rc::Rc::clone(child), depth + 1)));
    }
}

/// Whether parsing stays within bounds: an upper estimate of open elements at each tag, from the tags alone.
fn is_affordable(html: &str) -> bool {
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    let (mut depth, mut formatting, mut work, mut repeated) = (0_usize, 0_usize, 0_usize, 0_usize);
    for piece in html.split('<').skip(1) {
        let (ends, rest) = piece.strip_prefix('/').map_or((false, piece), |rest| (true, rest));
        let name: String = rest.chars().take_while(|c| !c.is_whitespace() && !matches!(c, '>' | '/')).take(32).collect();
        let name = name.to_ascii_lowercase();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        work = work.saturating_add(depth);
        repeated = repeated.saturating_add(formatting);
        if work > MAX_WORK || repeated > MAX_REPEATED {
            return false;
        }
        if FLAT.contains(&name.as_str()) {
            continue;
        }
        let formats = usize::from(FORMATTING.contains(&name.as_str()));
        let count = open.entry(name).or_default();
        if !ends {
            *count += 1;
            depth += 1;
            formatting += formats;
        } else if *count > 0 {
            *count -= 1;
            depth -= 1;
            formatting -= formats;
        }
    }
    true
}

/// What stands between the first `<name …>` and its end.
fn element<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let lower = html.to_ascii_lowercase();
    let start = lower.find(&format!("<{name}"))?;
    let open = start + lower.get(start..)?.find('>')? + 1;
    let end = open + lower.get(open..)?.find(&format!("</{name}"))?;
    html.get(open..end)
}

fn asks_password(html: &str) -> bool {
    let lower = html.to_ascii_lowercase();
    let inputs = lower.split("<input").skip(1).filter_map(|piece| piece.split('>').next());
    inputs.into_iter().any(|attributes| {
        let plain: String = attributes.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).collect();
        plain.contains("type=password")
    })
}

/// Without the empty lines and trailing blanks that a page's layout leaves behind.
fn tidy(markdown: &str) -> String {
    let mut tidy = String::with_capacity(markdown.len());
    let mut empty = true;
    for line in markdown.lines().map(str::trim_end) {
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        tidy.push_str(line);
        tidy.push('\n');
    }
    tidy.truncate(tidy.trim_end().len());
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Readable {
        readable(html, &WebAddress::parse("https://example.com/docs/page").unwrap()).unwrap()
    }

    #[test]
    fn title_headings_links_lists_and_tables_are_kept() {
        let page = read(
            "<!doctype html><html><head><title>Tides &amp; moons</title><style>p{}</style></head><body><nav><a href=/>Home</a></nav>\
             <h1>Tides</h1><p>See <a href='../b?x=1#part'>the <b>moon</b></a> and <a href=#top>top</a>.</p><ul><li>spring<li>neap</ul>\
             <table><tr><th>Port<th>Metres</tr><tr><td>Brest<td>6.1</tr></table><pre><code>let x = 1;</code></pre>\
             <img src=data:image/png;base64,AAAA alt='a chart'><script>alert('x')</script><footer>Imprint</footer></body></html>",
        );
        assert_eq!(page.title, "Tides & moons");
        for expected in [
            "# Tides",
            "[the **moon**](https://example.com/b?x=1)",
            "- spring",
            "- neap",
            "| Brest | 6.1",
            "let x = 1;",
            "[image: a chart]",
        ] {
            assert!(page.markdown.contains(expected), "{expected} in {}", page.markdown);
        }
        for gone in ["alert", "Home", "Imprint", "base64", "p{}", "#top"] {
            assert!(!page.markdown.contains(gone), "{gone} in {}", page.markdown);
        }
        assert!(!page.asks_password);
    }

    #[test]
    fn a_field_for_a_password_is_seen_however_it_is_written() {
        for html in ["<input type=password>", "<INPUT name=p TYPE = 'Password' >", "<form><input\nid=a\ntype=\"password\"/></form>"] {
            assert!(read(html).asks_password, "{html}");
        }
        assert!(!read("<p>type=password</p><input type=text>").asks_password);
    }

    #[test]
    fn deep_and_unclosed_pages_end_in_bounded_time() {
        let deep = format!("{}<p>end", "<div>".repeat(5_000));
        assert!(read(&deep).markdown.len() < 100_000);
        let address = WebAddress::parse("https://example.com/").unwrap();
        assert!(readable(&"<div>".repeat(800_000), &address).is_err());
        let formatting: String = (0..3000).map(|number| format!("<b a={number}>")).collect();
        assert!(readable(&format!("{formatting}{}", "<p>x".repeat(100_000)), &address).is_err());
        assert!(readable(&"<p>one<li>two<td>three".repeat(50_000), &address).is_ok());
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn no_markup_panics(html in "(<[a-z/!]{0,6}[ a-z=\"']{0,8}>?|[&;ü#x0-9]{1,4}){0,40}") {
            let _ = readable(&html, &WebAddress::parse("https://example.com/").unwrap());
        }
    }
}
