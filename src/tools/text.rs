//! Telling text from other bytes. Decides no format and touches no disk.

/// The text of a file.
pub struct Decoded {
    pub text: String,
    /// Some bytes were not UTF-8 and are shown as `U+FFFD`: good enough to read, not to edit.
    pub lossy: bool,
}

/// Reads bytes as text; the error says what they are instead.
pub fn decode(bytes: Vec<u8>) -> Result<Decoded, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("UTF-16 text; only UTF-8 is read".to_owned());
    }
    if bytes.iter().take(8192).any(|byte| *byte == 0) {
        return Err("a binary file, not text".to_owned());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Decoded { text, lossy: false }),
        Err(error) => Ok(Decoded { text: String::from_utf8_lossy(error.as_bytes()).into_owned(), lossy: true }),
    }
}

/// The line number, from 1, of a byte offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}
