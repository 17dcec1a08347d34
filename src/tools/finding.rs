//! What a check finds, and what it may ask about the files around. Finds nothing itself.
use serde::Serialize;

use crate::domain::Flaw;
pub use crate::domain::Severity;

/// One defect with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// From 1.
    pub line: usize,
    pub severity: Severity,
    /// The rule's short name: `broken-link`.
    pub rule: &'static str,
    pub message: String,
}

impl Finding {
    pub fn error(line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Finding { line, severity: Severity::Error, rule, message: message.into() }
    }

    /// A claim that its source does not bear out.
    pub fn of_claim(flaw: &Flaw) -> Self {
        let message = format!("{}: “{}”; {}", flaw.message, flaw.evidence, flaw.advice);
        Finding { line: flaw.line, severity: flaw.level, rule: flaw.rule, message }
    }

    pub fn warning(line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Finding { line, severity: Severity::Warning, rule, message: message.into() }
    }
}

/// The other files around the one that is checked; paths are relative to the workspace.
pub struct Around<'a> {
    /// Whether a file or folder exists.
    pub exists: &'a dyn Fn(&str) -> bool,
    /// The text of a file, to look for an anchor; `None` leaves the anchor unchecked.
    pub text: &'a dyn Fn(&str) -> Option<String>,
}

/// Where a link from the file `from` leads: a path inside the workspace, or `None` when it leaves it.
pub fn resolve(from: &str, link: &str) -> Option<String> {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut names: Vec<&str> = if link.starts_with('/') { Vec::new() } else { folder.split('/').filter(|name| !name.is_empty()).collect() };
    for name in link.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

/// Whether a link leads out to the web, a mail program and the like.
pub fn is_remote(link: &str) -> bool {
    let scheme = link.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    link.starts_with("//") || scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// `%20` and the like decoded; what is no valid escape stays.
pub fn percent_decoded(link: &str) -> String {
    let mut bytes = Vec::with_capacity(link.len());
    let mut rest = link.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let value = escaped.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
