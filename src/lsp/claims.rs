//! When the claims of an open artifact are compared with what its run read: beside the loop, the newest text alone, at most once a second for each document.
//! Keeps what was found for exactly the text it was found in; a document is published when its comparison has come back.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ropey::Rope;
use tokio::time::Instant;
use tower_lsp::lsp_types::{Diagnostic, DiagnosticSeverity, NumberOrString};

use crate::documents::evidence::{self, Grounds};
use crate::domain::{Flaw, Severity};

use super::diagnostics::SOURCE;
use super::documents::Document;
use super::from_proto::Key;
use super::main_loop::Done;
use super::state::State;
use super::to_proto;

/// A document is compared no more often than this.
pub const EVERY: Duration = Duration::from_secs(1);
/// Flaws told of one document.
const MOST: usize = 200;

/// What a text was found to claim wrongly, and against what.
#[derive(Debug)]
pub struct Compared {
    text: Rope,
    grounds: Arc<Grounds>,
    flaws: Vec<Flaw>,
}

#[derive(Debug, Default)]
struct Comparison {
    last: Option<Compared>,
    under_way: bool,
    begun: Option<Instant>,
    /// The document waits to be published.
    wanted: bool,
}

/// The comparisons of the open artifacts.
#[derive(Debug, Default)]
pub struct Comparisons(BTreeMap<Key, Comparison>);

impl Comparisons {
    pub fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// When the next comparison may begin.
    pub fn due(&self) -> Option<Instant> {
        let waiting = self.0.values().filter(|comparison| comparison.wanted && !comparison.under_way);
        waiting.map(|comparison| comparison.begun.map_or_else(Instant::now, |begun| begun + EVERY)).min()
    }

    /// The flaws of exactly this text against exactly these grounds.
    fn known(&self, key: &Key, text: &Rope, grounds: &Arc<Grounds>) -> Option<&[Flaw]> {
        let last = self.0.get(key)?.last.as_ref()?;
        (last.text.is_instance(text) && Arc::ptr_eq(&last.grounds, grounds)).then_some(last.flaws.as_slice())
    }
}

impl State {
    /// Whether a document has to be compared before it can be published. Remembers that it waits.
    pub fn awaits_claims(&mut self, key: &Key) -> bool {
        let Some(document) = self.documents.by_key(key) else { return false };
        let Some((grounds, _)) = self.grounds(document) else { return false };
        let awaits = self.comparisons.known(key, &document.rope, grounds).is_none();
        if awaits {
            self.comparisons.0.entry(key.clone()).or_default().wanted = true;
        }
        awaits
    }

    /// Begins the comparisons that are due.
    pub fn settle_claims(&mut self, now: Instant) {
        let is_due = |comparison: &Comparison| {
            comparison.wanted && !comparison.under_way && comparison.begun.is_none_or(|begun| begun + EVERY <= now)
        };
        let due: Vec<Key> = self.comparisons.0.iter().filter(|(_, comparison)| is_due(comparison)).map(|(key, _)| key.clone()).collect();
        for key in due {
            let document = self.documents.by_key(&key);
            let Some((text, grounds)) = document.and_then(|document| Some((document.rope.clone(), self.grounds(document)?.0.clone())))
            else {
                self.comparisons.forget(&key);
                continue;
            };
            let comparison = self.comparisons.0.entry(key.clone()).or_default();
            (comparison.wanted, comparison.under_way, comparison.begun) = (false, true, Some(now));
            let (inputs, read, against) = (self.inputs.clone(), text.clone(), grounds.clone());
            tokio::spawn(async move {
                let work = tokio::task::spawn_blocking(move || evidence::check(&read.to_string(), &against).flaws);
                // One that breaks off has found nothing; the document is published all the same.
                let flaws = work.await.unwrap_or_default();
                inputs.done(Done::Compared(key, Box::new(Compared { text, grounds, flaws })));
            });
        }
    }

    /// A comparison has come back.
    pub fn take_compared(&mut self, key: Key, compared: Compared) {
        // A document that was closed meanwhile is told nothing.
        let Some(comparison) = self.comparisons.0.get_mut(&key) else { return };
        (comparison.under_way, comparison.last) = (false, Some(compared));
        self.stale.insert(key);
    }

    /// What claims of an artifact their sources do not bear out, as far as that is known of this text.
    pub fn claim_diagnostics(&self, document: &Document) -> Vec<Diagnostic> {
        let grounds = self.grounds(document).map(|(grounds, _)| grounds);
        let known = grounds.and_then(|grounds| self.comparisons.known(&document.key, &document.rope, grounds));
        let flaws = known.unwrap_or_default();
        flaws.iter().take(MOST).map(|flaw| self.claim(&document.rope, flaw)).collect()
    }

    fn claim(&self, rope: &Rope, flaw: &Flaw) -> Diagnostic {
        Diagnostic {
            range: to_proto::range(rope, flaw.start..flaw.end, self.documents.encoding),
            severity: Some(match flaw.level {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warning => DiagnosticSeverity::WARNING,
                Severity::Info => DiagnosticSeverity::INFORMATION,
            }),
            code: Some(NumberOrString::String(flaw.rule.into())),
            source: Some(SOURCE.into()),
            message: format!("{}; {}", flaw.message, flaw.advice),
            ..Diagnostic::default()
        }
    }
}
