//! Frames of the base protocol: bytes to JSON values and back. Forgives everything that can be forgiven; knows nothing of JSON-RPC or of language servers.
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest body that is read, in bytes; a longer one is passed over and reported.
pub const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;
/// A body said to be longer than this is not believed: the reader looks for the next header instead of waiting for it.
const MAX_SKIPPED_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Header lines are short; of a longer one only the end is kept, where the next header may begin.
const MAX_LINE_BYTES: usize = 8 * 1024;
const KEPT_LINE_BYTES: usize = 64;
const READ_BYTES: usize = 64 * 1024;
const LENGTH_HEADER: &str = "content-length";

/// What stood in the input.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    Message(Value),
    /// Something that could not be read, in words.
    Bad(String),
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Header,
    Body(usize),
    Skip(u64),
}

#[derive(Debug, Default)]
struct Header {
    length: Option<u64>,
    seen: bool,
    problem: Option<String>,
}

/// Cuts a byte stream into frames. `next` may be dropped at any await without losing bytes.
#[derive(Debug)]
pub struct FrameReader<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    phase: Phase,
    header: Header,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(input: R) -> Self {
        FrameReader { input, buffer: Vec::new(), start: 0, phase: Phase::Header, header: Header::default() }
    }

    /// The next frame; `None` at the end of the input.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.step() {
                return Some(frame);
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn fill(&mut self) -> bool {
        self.buffer.drain(..self.start);
        self.start = 0;
        let wanted = match self.phase {
            Phase::Body(length) => length.saturating_sub(self.buffer.len()).max(READ_BYTES),
            _ => READ_BYTES,
        };
        self.buffer.reserve(wanted);
        matches!(self.input.read_buf(&mut self.buffer).await, Ok(count) if count > 0)
    }

    /// Goes as far as the bytes at hand allow.
    fn step(&mut self) -> Option<Frame> {
        loop {
            match self.phase {
                Phase::Skip(0) => self.phase = Phase::Header,
                Phase::Skip(left) => {
                    let here = self.rest().len();
                    if here == 0 {
                        return None;
                    }
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(here);
                    self.start += taken;
                    self.phase = Phase::Skip(left.saturating_sub(taken as u64));
                }
                Phase::Body(length) => {
                    let frame = decode(self.rest().get(..length)?);
                    self.start += length;
                    self.phase = Phase::Header;
                    return Some(frame);
                }
                Phase::Header => {
                    let line = self.take_line()?;
                    if let Some(frame) = self.header_line(&line) {
                        return Some(frame);
                    }
                }
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn take_line(&mut self) -> Option<String> {
        let rest = self.rest();
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            if rest.len() > MAX_LINE_BYTES {
                self.start = self.buffer.len() - KEPT_LINE_BYTES;
                self.header.seen = true;
                self.header.problem = Some("a header line without an end".into());
            }
            return None;
        };
        let line = String::from_utf8_lossy(&rest[..end]).trim_end_matches('\r').to_owned();
        self.start += end + 1;
        Some(line)
    }

    fn header_line(&mut self, line: &str) -> Option<Frame> {
        if line.trim().is_empty() {
            return self.end_of_header();
        }
        self.header.seen = true;
        // ASCII lowering keeps byte offsets, so that the place found is a place in `line` too.
        let lowered = line.to_ascii_lowercase();
        match lowered.find(LENGTH_HEADER) {
            Some(at) => {
                if !line[..at].trim().is_empty() {
                    self.header.problem = Some(format!("stray text before a header: {}", cut(&line[..at])));
                }
                self.length_header(&line[at + LENGTH_HEADER.len()..]);
            }
            None if is_header(line) => {}
            None => self.header.problem = Some(format!("a stray line: {}", cut(line))),
        }
        None
    }

    fn length_header(&mut self, rest: &str) {
        let value = rest.trim_start().strip_prefix(':').map(str::trim).unwrap_or_default();
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        match value.parse::<u64>() {
            Ok(length) if digits && length <= MAX_SKIPPED_BYTES => self.header.length = Some(length),
            _ => self.header.problem = Some(format!("a Content-Length that is no length: {}", cut(value))),
        }
    }

    fn end_of_header(&mut self) -> Option<Frame> {
        let header = std::mem::take(&mut self.header);
        match header.length {
            Some(length) if length > MAX_BODY_BYTES => {
                self.phase = Phase::Skip(length);
                Some(Frame::Bad(format!("a message of {length} bytes, more than {MAX_BODY_BYTES}")))
            }
            Some(length) => {
                self.phase = Phase::Body(usize::try_from(length).unwrap_or(0));
                header.problem.map(Frame::Bad)
            }
            None if header.seen => Some(Frame::Bad(header.problem.unwrap_or_else(|| "a header without Content-Length".into()))),
            None => None,
        }
    }
}

fn is_header(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    line.contains(':') && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Reads a body: UTF-8 that is broken becomes U+FFFD, and so do halves of surrogate pairs in escapes.
pub fn decode(bytes: &[u8]) -> Frame {
    let first = match serde_json::from_slice(bytes) {
        Ok(value) => return Frame::Message(value),
        Err(error) => error,
    };
    let text = String::from_utf8_lossy(bytes);
    match serde_json::from_str(&repair_surrogates(&text)) {
        Ok(value) => Frame::Message(value),
        Err(_) => Frame::Bad(format!("not JSON: {first}")),
    }
}

/// Replaces each `\uD8xx`-like escape that has no partner by `\ufffd`.
pub fn repair_surrogates(text: &str) -> String {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        repaired.push_str(before);
        let taken = match unit(escape) {
            Some(0xD800..=0xDBFF) if matches!(escape.get(6..).and_then(unit), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                repaired.push_str("\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            Some(_) => 6,
            // An escape of two characters; the second may be of several bytes in broken input.
            None => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (copied, after) = escape.split_at_checked(taken).unwrap_or((escape, ""));
        repaired.push_str(copied);
        rest = after;
    }
    repaired.push_str(rest);
    repaired
}

/// The number of a `\uXXXX` escape at the start of `text`.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// The bytes of a message with its header.
pub fn encode(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
