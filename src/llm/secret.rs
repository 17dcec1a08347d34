//! A key that cannot be shown by accident: no `Debug`, no `Display`, and a way to take it out of texts of others.
use std::fmt;

/// What stands where a key stood.
const REDACTED: &str = "[key]";
/// Shorter texts are not taken out: they would hit ordinary words.
const SHORTEST: usize = 6;

/// A key. Only a request's header may see it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// `None` when nothing but white space is there.
    pub fn new(text: &str) -> Option<Secret> {
        let text = text.trim();
        (!text.is_empty()).then(|| Secret(text.to_owned()))
    }

    /// The key itself, for a header.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without the key.
    pub fn redact(&self, text: &str) -> String {
        if self.0.len() < SHORTEST { text.to_owned() } else { text.replace(&self.0, REDACTED) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let secret = Secret::new(" sk-canary-1 \n").unwrap();
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[key] Some([key])");
        assert_eq!(secret.redact("bad key sk-canary-1!"), "bad key [key]!");
        assert_eq!(secret.expose(), "sk-canary-1");
        assert!(Secret::new(" \n").is_none());
    }
}
