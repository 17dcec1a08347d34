//! From the protocol's words to ours: places and addresses. Total: every position of a client becomes a place in the text.
use std::path::{Path, PathBuf};

use ropey::Rope;
use tower_lsp::lsp_types::{Position, Range, Url};

/// How the client counts within a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    Utf8,
    #[default]
    Utf16,
}

/// What a document is known by: equal for all spellings of one address. The default is no document's.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The address of a document that is a file.
    pub fn uri(&self) -> Option<Url> {
        Url::from_file_path(&self.0).ok()
    }

    /// The file's path; of a document that is no file, its address.
    pub fn path(&self) -> &Path {
        Path::new(&self.0)
    }
}

/// The key of an address: a file's path, or the address as it is (`untitled:Untitled-1`).
pub fn key(uri: &Url) -> Key {
    match path(uri) {
        Some(path) => Key(path.to_string_lossy().into_owned()),
        None => Key(uri.as_str().to_owned()),
    }
}

/// The file behind an address, percent signs decoded; `None` for anything but `file:`.
pub fn path(uri: &Url) -> Option<PathBuf> {
    if uri.scheme() != "file" {
        return None;
    }
    let path = uri.to_file_path().ok()?;
    let text = path.to_str()?;
    // Editors disagree about the case of a drive letter: `C:` and `c:` are one.
    match text.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_uppercase() => Some(PathBuf::from(format!("{}{}", text[..1].to_ascii_lowercase(), &text[1..]))),
        _ => Some(path),
    }
}

/// The path of a file, or the name of another document: what tells its kind.
pub fn name_or_path(uri: &Url) -> String {
    path(uri).map_or_else(|| file_name(uri), |path| path.to_string_lossy().into_owned())
}

/// The name at the end of an address, decoded.
pub fn file_name(uri: &Url) -> String {
    match path(uri) {
        Some(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        None => uri.path().rsplit('/').next().unwrap_or_default().to_owned(),
    }
}

/// The character index of a position; beyond the line is its end, beyond the text is the text's end, inside a character is its start.
pub fn char_index(rope: &Rope, position: Position, encoding: Encoding) -> usize {
    let line = usize::try_from(position.line).unwrap_or(usize::MAX);
    if line >= rope.len_lines() {
        return rope.len_chars();
    }
    let start = rope.line_to_char(line);
    let text = rope.slice(start..line_end(rope, line));
    let column = usize::try_from(position.character).unwrap_or(usize::MAX);
    start
        + match encoding {
            Encoding::Utf8 => text.byte_to_char(column.min(text.len_bytes())),
            Encoding::Utf16 => text.utf16_cu_to_char(column.min(text.len_utf16_cu())),
        }
}

/// The character indices of a range, in order.
pub fn char_range(rope: &Rope, range: Range, encoding: Encoding) -> std::ops::Range<usize> {
    let start = char_index(rope, range.start, encoding);
    start..char_index(rope, range.end, encoding).max(start)
}

/// Where the text of a line ends, its line break left out.
pub fn line_end(rope: &Rope, line: usize) -> usize {
    let start = rope.line_to_char(line);
    let mut end = if line + 1 < rope.len_lines() { rope.line_to_char(line + 1) } else { rope.len_chars() };
    while end > start && matches!(rope.char(end - 1), '\n' | '\r') {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_have_one_key() {
        let spellings = ["file:///tmp/a%20b/%C3%BC.md", "file:///tmp/a b/ü.md", "file:///tmp/%61%20b/ü.md"];
        let keys: Vec<Key> = spellings.iter().map(|text| key(&Url::parse(text).unwrap())).collect();
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        assert_eq!(path(&Url::parse(spellings[0]).unwrap()), Some(PathBuf::from("/tmp/a b/ü.md")));
    }

    #[test]
    fn addresses_that_are_no_files_are_documents_too() {
        let untitled = Url::parse("untitled:Untitled-1").unwrap();
        assert_eq!(path(&untitled), None);
        assert_eq!(file_name(&untitled), "Untitled-1");
        assert_eq!(file_name(&Url::parse("file:///tmp/x%20y.goal.md").unwrap()), "x y.goal.md");
    }

    #[test]
    fn positions_beyond_or_inside_are_moved_to_a_place_that_exists() {
        let rope = Rope::from_str("a😀b\r\nzwei");
        let at = |line, character, encoding| char_index(&rope, Position { line, character }, encoding);
        assert_eq!(at(0, 2, Encoding::Utf16), 1, "half of a surrogate pair");
        assert_eq!(at(0, 3, Encoding::Utf16), 2);
        assert_eq!(at(0, 3, Encoding::Utf8), 1, "inside of a character's bytes");
        assert_eq!(at(0, 99, Encoding::Utf16), 3, "before the line break");
        assert_eq!(at(1, u32::MAX, Encoding::Utf8), 9);
        assert_eq!(at(u32::MAX, 0, Encoding::Utf16), 9);
    }
}
