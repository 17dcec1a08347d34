//! Relative paths inside a workspace: valid by construction, comparable across cases and Unicode forms. Touches no disk.
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest path we accept, in bytes.
pub const MAX_PATH_BYTES: usize = 400;
/// The longest single name we accept, in bytes (most file systems stop at 255).
const MAX_NAME_BYTES: usize = 200;

/// A relative path with forward slashes: no `..`, no empty part, no device name, no stream, no control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct RelPath(String);

impl RelPath {
    /// Checks `text` and builds a path; leading `./` is dropped. The error says which rule it breaks.
    pub fn new(text: &str) -> Result<Self, String> {
        let trimmed = text.strip_prefix("./").unwrap_or(text);
        if trimmed.is_empty() || trimmed == "." {
            return Err("the path is empty".into());
        }
        if trimmed.len() > MAX_PATH_BYTES {
            return Err(format!("the path is longer than {MAX_PATH_BYTES} bytes"));
        }
        if trimmed.starts_with('/') || trimmed.starts_with('~') {
            return Err(format!("`{text}` is not a relative path"));
        }
        if trimmed.contains('\\') {
            return Err(format!("`{text}` contains a backslash; use forward slashes"));
        }
        for name in trimmed.split('/') {
            check_name(name).map_err(|problem| format!("`{text}`: {problem}"))?;
        }
        Ok(RelPath(trimmed.to_owned()))
    }

    /// `plan.md`.
    pub fn of_plan() -> Self {
        RelPath("plan.md".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last name of the path.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The part after the last dot of the name with the dot, lower case; `None` for `README` and `.env`.
    pub fn extension(&self) -> Option<String> {
        let name = self.file_name();
        match name.rfind('.') {
            None | Some(0) => None,
            Some(at) => Some(name[at..].to_lowercase()),
        }
    }

    /// The form in which two names are the same file on some system: NFKC, then lower case.
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// NFKC and lower case: equal for names that some file system would not tell apart.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().collect::<String>().to_lowercase().nfkc().collect()
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a part of the path is empty".into());
    }
    if name == "." || name == ".." {
        return Err("`.` and `..` are not allowed".into());
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(format!("a name is longer than {MAX_NAME_BYTES} bytes"));
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')) {
        return Err("a name has a character that is not allowed in file names everywhere".into());
    }
    if name.chars().any(is_invisible) {
        return Err("a name has an invisible or direction-changing character".into());
    }
    if name.ends_with('.') || name.ends_with(' ') || name.starts_with(' ') {
        return Err("a name starts or ends with a space or ends with a dot".into());
    }
    let folded = fold(name);
    if folded.contains('/') || folded.contains('\\') || folded.contains("..") && folded != name.to_lowercase() {
        return Err("a name has a character that stands for a path separator".into());
    }
    let stem = folded.split('.').next().unwrap_or("").trim_end();
    if is_reserved(stem) {
        return Err("the name is reserved on Windows".into());
    }
    Ok(())
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{00ad}')
}

fn is_reserved(stem: &str) -> bool {
    if matches!(stem, "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") {
        return true;
    }
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| rest.chars().count() == 1 && rest.chars().all(|c| c.is_ascii_digit() && c != '0'))
    };
    numbered("com") || numbered("lpt")
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        RelPath::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_accepted() {
        for path in ["a.md", "charts/sales by month.svg", "überblick.md", "./notes.txt", "a/b/c.tar.gz"] {
            assert!(RelPath::new(path).is_ok(), "{path}");
        }
        assert_eq!(RelPath::new("./a.md").map(|p| p.as_str().to_owned()), Ok("a.md".into()));
    }

    #[test]
    fn paths_that_could_leave_or_hide_are_refused() {
        for path in [
            "",
            ".",
            "..",
            "../a.md",
            "a/../b.md",
            "/etc/passwd",
            "a//b.md",
            "a/",
            "a\\b.md",
            "~/.ssh",
            "a\0.md",
            "con",
            "NUL.md",
            "com1.txt",
            "a.md.",
            "a.md ",
            "a:stream.md",
            "a\u{202e}dm.md",
            "a\u{ff0f}b.md",
            "\u{2024}\u{2024}/a.md",
            "CON .md",
        ] {
            assert!(RelPath::new(path).is_err(), "{path:?}");
        }
        assert!(RelPath::new(&"a".repeat(500)).is_err());
    }

    #[test]
    fn names_that_differ_only_in_case_or_form_fold_to_one() {
        assert_eq!(fold("Über.MD"), fold("u\u{308}BER.md"));
        assert_eq!(fold("PLAN.md"), "plan.md");
    }
}
