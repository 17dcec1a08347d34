//! From our words to the protocol's: places, addresses, errors. The only place that builds them.
use std::path::Path;

use ropey::Rope;
use serde_json::{Value, json};
use tower_lsp::jsonrpc;
use tower_lsp::lsp_types::{Position, Range, Url};

use crate::domain::Error;

use super::from_proto::{Encoding, line_end};

/// `RequestFailed` of the protocol.
const REQUEST_FAILED: i64 = -32803;

/// The address of an absolute path; `None` for one that is not absolute.
pub fn uri(path: &Path) -> Option<Url> {
    Url::from_file_path(path).ok()
}

/// The address as JSON, null where there is none.
pub fn uri_value(path: &Path) -> Value {
    uri(path).map_or(Value::Null, |uri| json!(uri))
}

/// The position of a character index.
pub fn position(rope: &Rope, char_index: usize, encoding: Encoding) -> Position {
    let char_index = char_index.min(rope.len_chars());
    let line = rope.char_to_line(char_index);
    let before = rope.slice(rope.line_to_char(line)..char_index);
    let column = match encoding {
        Encoding::Utf8 => before.len_bytes(),
        Encoding::Utf16 => before.len_utf16_cu(),
    };
    Position { line: number(line), character: number(column) }
}

/// The range of a span of bytes.
pub fn range(rope: &Rope, bytes: std::ops::Range<usize>, encoding: Encoding) -> Range {
    let char_of = |byte: usize| rope.byte_to_char(byte.min(rope.len_bytes()));
    Range { start: position(rope, char_of(bytes.start), encoding), end: position(rope, char_of(bytes.end), encoding) }
}

/// The range of a whole line without its break.
pub fn line_range(rope: &Rope, line: usize, encoding: Encoding) -> Range {
    let line = line.min(rope.len_lines().saturating_sub(1));
    Range { start: Position { line: number(line), character: 0 }, end: position(rope, line_end(rope, line), encoding) }
}

/// A count as the protocol's unsigned integer.
pub fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A failure that a person reads: what, then the hint.
pub fn failure(error: &Error) -> jsonrpc::Error {
    let message = match &error.hint {
        Some(hint) => format!("{} (hint: {hint})", error.what),
        None => error.what.clone(),
    };
    jsonrpc::Error { code: jsonrpc::ErrorCode::ServerError(REQUEST_FAILED), message: message.into(), data: None }
}

/// An argument that is of the wrong type, or names something that does not exist.
pub fn invalid(message: impl Into<String>) -> jsonrpc::Error {
    jsonrpc::Error::invalid_params(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsp::from_proto::char_index;

    #[test]
    fn every_place_goes_there_and_back() {
        let rope = Rope::from_str("ü😀\n\r\n\u{2028}x\u{0c}y\rlast");
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for index in 0..=rope.len_chars() {
                // Between `\r` and `\n` there is no place.
                if index == 4 {
                    continue;
                }
                assert_eq!(char_index(&rope, position(&rope, index, encoding), encoding), index, "{encoding:?} {index}");
            }
        }
    }

    #[test]
    fn only_the_protocols_line_breaks_break_lines() {
        assert_eq!(Rope::from_str("a\u{2028}b\u{0c}c\u{85}d\ne\rf").len_lines(), 3);
    }
}
