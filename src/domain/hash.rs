//! Content hashes: how we name blobs, bind approvals and recognise a request. The only home of the hash crate.
use sha2::{Digest, Sha256};

/// SHA-256 of `bytes` in lower-case hexadecimal (64 characters).
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The six hexadecimal digits that bind an approval to what was shown.
pub fn short_hash(shown: &str) -> String {
    sha256(shown.as_bytes())[..6].to_owned()
}
