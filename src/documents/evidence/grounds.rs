//! What claims are compared with: the ledger's sources made ready to be searched, and what else a run may name (goal, attached files). Reads no file.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::claims::key;
use super::figures::values_in;
use super::near::Subjects;
use super::passage::Haystack;
use crate::domain::address::addresses_in;
use crate::domain::evidence::Source;
use crate::domain::{Ledger, SourceKind};

/// Texts beside the ledger.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub goal: String,
    /// Attached files by their path in the workspace, as they are.
    pub inputs: BTreeMap<String, String>,
}

/// A source that can be searched.
#[derive(Debug)]
pub struct Ground {
    pub source: Source,
    /// The whole file where it is at hand, else what was read.
    pub text: String,
    words: OnceLock<Haystack>,
    values: OnceLock<Vec<(f64, usize)>>,
    subjects: OnceLock<Subjects>,
}

impl Ground {
    pub(super) fn words(&self) -> &Haystack {
        self.words.get_or_init(|| Haystack::new(&self.text))
    }

    /// Every value of the text with its place, sorted.
    pub(super) fn values(&self) -> &[(f64, usize)] {
        self.values.get_or_init(|| values_in(&self.text))
    }

    pub(super) fn subjects(&self) -> &Subjects {
        self.subjects.get_or_init(|| Subjects::new(&self.text))
    }
}

/// Everything that claims are compared with. Made once, asked often.
#[derive(Debug, Default)]
pub struct Grounds {
    grounds: Vec<Ground>,
    /// Addresses that may be named.
    known: BTreeSet<String>,
    /// Goal and attached files.
    other: String,
    other_words: OnceLock<Haystack>,
}

impl Grounds {
    pub fn new(ledger: &Ledger, known: &Known) -> Self {
        let ground = |source: &Source| {
            let whole = known.inputs.get(&source.origin).filter(|_| source.kind == SourceKind::Input);
            let text = whole.cloned().unwrap_or_else(|| source.text());
            Ground { source: source.clone(), text, words: OnceLock::new(), values: OnceLock::new(), subjects: OnceLock::new() }
        };
        let grounds: Vec<Ground> = ledger.iter().map(ground).collect();
        let mut other = known.goal.clone();
        for text in known.inputs.values() {
            other.push_str("\n\n");
            other.push_str(text);
        }
        let mut addresses: BTreeSet<String> = BTreeSet::new();
        let texts = grounds.iter().map(|ground| ground.text.as_str()).chain([other.as_str()]);
        for text in texts {
            addresses.extend(addresses_in(text).iter().filter_map(|address| key(address)));
            addresses.extend(bare_addresses(text));
        }
        addresses.extend(grounds.iter().filter_map(|ground| key(&ground.source.origin)));
        Grounds { grounds, known: addresses, other, other_words: OnceLock::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.grounds.is_empty()
    }

    /// The source with this number.
    pub fn get(&self, number: usize) -> Option<&Ground> {
        self.grounds.get(number.checked_sub(1)?)
    }

    pub(super) fn is_known(&self, key: &str) -> bool {
        self.known.contains(key)
    }

    /// Whether words stand anywhere in what was read or given.
    pub(super) fn holds_words(&self, words: &str) -> bool {
        let other = self.other_words.get_or_init(|| Haystack::new(&self.other));
        other.find(words).is_some() || self.grounds.iter().any(|ground| ground.words().find(words).is_some())
    }
}

/// Addresses without a scheme: `www.example.org/a`, `doi:10.1000/1`.
fn bare_addresses(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let starts = ["www.", "doi:", "doi.org/"].iter().flat_map(|sign| lower.match_indices(*sign)).map(|(at, _)| at);
    let read = |at: usize| {
        let rest = text.get(at..)?;
        let end = rest.find(|c: char| c.is_whitespace() || "<>\"'`|\\^{}()[]“”".contains(c)).unwrap_or(rest.len());
        key(rest.get(..end)?.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']))
    };
    starts.filter_map(read).collect()
}
