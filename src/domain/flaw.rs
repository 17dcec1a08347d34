//! What is wrong with a claim in an artifact: a citation without a source, words nobody wrote, a number or an address from nowhere. Plain values.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Severity;

/// One flaw with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Byte offsets in the artifact's text.
    pub start: usize,
    pub end: usize,
    /// From 1.
    pub line: usize,
    pub level: Severity,
    /// The rule's short name: `false-quotation`.
    pub rule: &'static str,
    /// The words of the artifact, as they stand.
    pub evidence: String,
    /// What is wrong, for people.
    pub message: String,
    /// What would mend it.
    pub advice: &'static str,
}

/// How the claims of a document stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Cited statements, quotations and addresses that were compared with the ledger.
    pub checked: usize,
    /// Of these, the ones with a flaw.
    pub failed: usize,
    /// Quotations and sentences with figures that name no source.
    pub uncited: usize,
}

impl Tally {
    #[must_use]
    pub fn plus(self, other: Tally) -> Tally {
        Tally { checked: self.checked + other.checked, failed: self.failed + other.failed, uncited: self.uncited + other.uncited }
    }
}
