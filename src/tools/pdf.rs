//! The text of a PDF file, page by page: the only home of lopdf. Whatever a file holds, it ends in text or in words that say why there is none. Draws nothing.
use std::panic::AssertUnwindSafe;

use lopdf::{Document, LoadOptions};
use tokio::time::{Duration, Instant};
use unicode_normalization::UnicodeNormalization;

/// Where the mark of a PDF file stands at the latest, in bytes.
const HEAD: usize = 1024;
/// What one stream of a file may unpack to, in bytes. A page of close print has some 50 kB.
const MAX_UNPACKED: usize = 4 * 1024 * 1024;
/// Pages and characters that are read of one file.
const MAX_PAGES: usize = 1_000;
const MAX_CHARS: usize = 3_000_000;
/// No page is begun after this time.
const MAX_TIME: Duration = Duration::from_secs(10);
/// Fewer characters than these, in all, are no text: a scan may have a page number.
const LEAST: usize = 20;

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdf {
    pub title: String,
    /// Pages follow one another behind lines like `[page 2]`.
    pub text: String,
    /// Some pages or letters could not be read.
    pub lossy: bool,
}

/// Whether these are the bytes of a PDF file.
pub fn is_pdf(bytes: &[u8]) -> bool {
    bytes.get(..HEAD.min(bytes.len())).unwrap_or_default().windows(5).any(|window| window == b"%PDF-")
}

/// The text of a file.
///
/// # Errors
/// In words for a model: no text in it, locked, broken.
pub fn text(bytes: &[u8]) -> Result<Pdf, String> {
    // The library is kept clean of panics by its own fuzzing; a defect in it costs a file, not a program.
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| read(bytes)));
    read.unwrap_or_else(|_| Err("the PDF file cannot be read (a defect of the reader)".into()))
}

fn read(bytes: &[u8]) -> Result<Pdf, String> {
    let begun = Instant::now();
    let options = LoadOptions { max_decompressed_size: Some(MAX_UNPACKED), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(bytes, options).map_err(|error| format!("the PDF file is broken: {error}"))?;
    if document.is_encrypted() {
        return Err("the PDF file is locked with a password".into());
    }
    let (mut text, mut unread, mut cut) = (String::new(), 0, false);
    let mut count = 0;
    for (index, _) in document.page_iter().enumerate() {
        if index >= MAX_PAGES || text.len() > MAX_CHARS || begun.elapsed() > MAX_TIME {
            cut = true;
            break;
        }
        count = index + 1;
        let number = u32::try_from(count).unwrap_or(u32::MAX);
        match document.extract_text_with_limit(&[number], MAX_UNPACKED) {
            Ok(page) => text.push_str(&format!("[page {count}]\n{}\n\n", tidy(&page))),
            Err(_) => unread += 1,
        }
    }
    judged(&document, text, (count, unread, cut))
}

fn judged(document: &Document, mut text: String, (count, unread, cut): (usize, usize, bool)) -> Result<Pdf, String> {
    let said = text.lines().filter(|line| !line.starts_with("[page ")).flat_map(str::chars).filter(|c| !c.is_whitespace());
    let (lost, kept): (Vec<char>, Vec<char>) = said.partition(|c| *c == '\u{fffd}');
    if kept.len() < LEAST && unread == 0 && lost.is_empty() {
        return Err("the PDF file holds no text; its pages may be scanned pictures. Look for another form of it".into());
    }
    if kept.len() < LEAST || lost.len() > kept.len() {
        return Err("the text of the PDF file is in a form that cannot be read here. Look for another form of it".into());
    }
    if unread > 0 {
        text.push_str(&format!("[{unread} of {count} pages could not be read]\n"));
    }
    if cut {
        text.push_str(&format!("[the first {count} pages; the rest is left out]\n"));
    }
    Ok(Pdf { title: title(document).unwrap_or_default(), text, lossy: unread > 0 || !lost.is_empty() })
}

/// Ligatures as letters, no signs that are not seen, no blanks at the ends of lines, no run of empty lines.
fn tidy(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    for c in page.chars() {
        match c {
            '\u{fb00}'..='\u{fb06}' => text.extend(std::iter::once(c).nfkc()),
            '\r' => text.push('\n'),
            '\n' | '\t' => text.push(c),
            _ if c.is_control() => {}
            _ => text.push(c),
        }
    }
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.dedup_by(|next, before| next.is_empty() && before.is_empty());
    lines.join("\n").trim_matches('\n').to_owned()
}

fn title(document: &Document) -> Option<String> {
    let (_, info) = document.dereference(document.trailer.get(b"Info").ok()?).ok()?;
    let title = lopdf::decode_text_string(info.as_dict().ok()?.get(b"Title").ok()?).ok()?;
    Some(tidy(&title).replace('\n', " ").trim().to_owned())
}

#[cfg(test)]
#[path = "pdf_tests.rs"]
mod tests;
