//! What a fetched body is: its kind, its characters, its text; and whether it is a page at all or a wall before one. Fetches nothing.
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use serde_json::Value;

use crate::domain::address::WebAddress;
use crate::tools::{pdf, web_html};

/// How far into a page its own statement of the encoding may stand, in bytes.
const PRESCAN: usize = 2048;
/// A page with more text than this is content, whatever words it uses; in characters.
const WALL_CHARS: usize = 1500;

/// A body as it came.
pub struct Body<'a> {
    pub bytes: &'a [u8],
    /// The `content-type` header; empty when there is none.
    pub content_type: &'a str,
    /// Where it came from, after redirects.
    pub address: &'a WebAddress,
    /// The way here led through a redirect.
    pub redirected: bool,
}

/// A body as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub title: String,
    pub text: String,
    /// `text/html`, as far as it is known.
    pub kind: String,
    /// Some characters could not be read.
    pub lossy: bool,
}

/// The text of a body.
///
/// # Errors
/// In words for a model: no text, or a wall (log-in, cookies, robots, an error page) in place of the content.
pub fn text(body: &Body<'_>) -> Result<Text, String> {
    let stated = body.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let unsaid = matches!(stated.as_str(), "" | "application/octet-stream" | "application/pdf");
    if body.bytes.starts_with(b"%PDF-") || unsaid && pdf::is_pdf(body.bytes) {
        let read = pdf::text(body.bytes)?;
        return Ok(Text { title: read.title, text: read.text, kind: "application/pdf".into(), lossy: read.lossy });
    }
    // Where a PDF file is promised and a page comes, that page says why.
    let kind = if unsaid { sniffed(body.bytes) } else { &stated };
    let is_html = matches!(kind, "text/html" | "application/xhtml+xml");
    if !is_html && !is_text(kind) {
        return Err(format!("this is `{kind}`, not text; look for a page that describes it"));
    }
    let (decoded, lossy) = decode(body.bytes, charset(body.content_type));
    if decoded.chars().take(8192).any(|c| c == '\0') {
        return Err("this is binary data, not text".into());
    }
    let kind = kind.to_owned();
    if !is_html {
        api_error(&decoded).map_or(Ok(()), Err)?;
        return Ok(Text { title: String::new(), text: decoded, kind, lossy });
    }
    let page = web_html::readable(&decoded, body.address)?;
    if let Some(reason) = wall(&page, body) {
        return Err(reason);
    }
    Ok(Text { title: page.title, text: page.markdown, kind, lossy })
}

fn is_text(kind: &str) -> bool {
    let (family, name) = kind.split_once('/').unwrap_or((kind, ""));
    let suffix = name.rsplit('+').next().unwrap_or_default();
    family == "text"
        || matches!(suffix, "json" | "xml" | "yaml")
        || matches!(
            name,
            "javascript"
                | "x-javascript"
                | "ecmascript"
                | "x-yaml"
                | "toml"
                | "x-ndjson"
                | "ndjson"
                | "x-sh"
                | "sql"
                | "graphql"
                | "rtf"
                | "x-www-form-urlencoded"
                | "x-tex"
                | "csv"
        )
}

/// The kind of a body that does not say: a page, text, or something else.
fn sniffed(bytes: &[u8]) -> &'static str {
    let head: Vec<u8> = bytes.iter().copied().take(PRESCAN).collect();
    let lower = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let start = lower.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| start.starts_with(tag)) {
        "text/html"
    } else if head.contains(&0) {
        "application/octet-stream"
    } else {
        "text/plain"
    }
}

fn charset(content_type: &str) -> Option<&'static Encoding> {
    let lower = content_type.to_ascii_lowercase();
    let (_, after) = lower.split_once("charset")?;
    label(after)
}

/// The encoding named after `charset`: `="utf-8"`.
fn label(after: &str) -> Option<&'static Encoding> {
    let after = after.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let label: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '+')).collect();
    Encoding::for_label(label.as_bytes())
}

/// What the page itself says: `<meta charset=…>` or the older form.
fn stated_inside(bytes: &[u8]) -> Option<&'static Encoding> {
    let head: Vec<u8> = bytes.iter().copied().take(PRESCAN).collect();
    let lower = String::from_utf8_lossy(&head).to_ascii_lowercase();
    lower.split("<meta").skip(1).find_map(|meta| label(meta.split('>').next()?.split_once("charset")?.1))
}

/// The characters of a body: by a byte order mark, the header, the page, else UTF-8 or what old pages mean by nothing.
/// A statement that does not fit the bytes gives way to one that does.
fn decode(bytes: &[u8], header: Option<&'static Encoding>) -> (String, bool) {
    let stated = header.into_iter().chain(stated_inside(bytes));
    let candidates: Vec<&'static Encoding> = stated.chain([UTF_8, WINDOWS_1252]).collect();
    let read = |encoding: &&'static Encoding| {
        let (text, _, broken) = encoding.decode(bytes);
        (text.into_owned(), broken)
    };
    let fitting = candidates.iter().map(read).find(|(_, broken)| !broken);
    fitting.or_else(|| candidates.first().map(read)).unwrap_or_default()
}

/// The message of an answer that is an error and nothing else.
fn api_error(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let object = value.as_object()?;
    let error = object.get("error").or_else(|| object.get("errors"))?;
    let is_error = match error {
        Value::Null | Value::Bool(false) => false,
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        _ => true,
    };
    let has_content = object.iter().any(|(name, value)| {
        matches!(name.as_str(), "data" | "result" | "results" | "items") && !value.is_null() && value != &Value::Array(Vec::new())
    });
    let shown: String = error.to_string().chars().take(300).collect();
    (is_error && !has_content).then(|| format!("the server answered with an error: {shown}"))
}

/// What stands between us and the content, if so. A page with much text is content.
fn wall(page: &web_html::Readable, body: &Body<'_>) -> Option<String> {
    let length = page.markdown.chars().filter(|c| !c.is_whitespace()).count();
    if length == 0 {
        return Some("the page holds no text without running its scripts; look for another source".into());
    }
    let said = format!("{}\n{}", page.title, page.markdown).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let login_path = body.address.path().to_ascii_lowercase().split('/').any(is_login);
    if page.asks_password && (length < WALL_CHARS || login_path) || body.redirected && login_path && length < WALL_CHARS {
        return Some("the page asks to log in; its content is not public. Look for another source".into());
    }
    if length >= WALL_CHARS {
        return None;
    }
    let title = page.title.to_lowercase();
    let robots =
        ["captcha", "are you a robot", "not a robot", "verify you are human", "checking your browser", "just a moment", "unusual traffic"];
    let scripts = ["enable javascript", "javascript is disabled", "javascript is required", "requires javascript", "turn on javascript"];
    let cookies = ["cookie", "consent"];
    let agree = [
        "accept all",
        "accept cookies",
        "i agree",
        "agree and continue",
        "enable cookies",
        "manage preferences",
        "before you continue",
        "reject all",
    ];
    let missing =
        ["404", "not found", "403 forbidden", "access denied", "internal server error", "service unavailable", "error 4", "error 5"];
    if says(&robots) {
        Some("the site asks for proof that a person is reading; it does not serve programs. Look for another source".into())
    } else if says(&scripts) && length < WALL_CHARS / 3 {
        Some("the page shows nothing without running its scripts; look for another source".into())
    } else if says(&cookies) && says(&agree) {
        Some("the site shows only a request to accept cookies; its content is behind it. Look for another source".into())
    } else if missing.iter().any(|word| title.contains(word)) && length < WALL_CHARS / 2 {
        Some(format!("the site shows an error page (`{}`) in place of content", page.title))
    } else {
        None
    }
}

fn is_login(part: &str) -> bool {
    let word: String = part.split('.').next().unwrap_or_default().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    matches!(word.as_str(), "login" | "signin" | "logon" | "sso" | "auth" | "authenticate" | "userlogin" | "accountlogin")
}

#[cfg(test)]
#[path = "web_page_tests.rs"]
mod tests;
