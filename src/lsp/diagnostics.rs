//! Diagnostics: open questions on the goal's line and in approvals.md, and a run's status where lenses cannot tell it. Sent only when they changed.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tower_lsp::lsp_types::{Diagnostic, DiagnosticSeverity, NumberOrString, Url};

use crate::config::settings::InlineStatus;
use crate::domain::view::PendingApproval;

use super::client::Feature;
use super::documents::Document;
use super::from_proto::{self, Key, key};
use super::origins;
use super::papers::{self, Paper};
use super::runs::Run;
use super::settings_file::is_settings;
use super::state::State;
use super::{to_proto, words};

pub const SOURCE: &str = "ai-orchestrator";

/// What was last sent for each document.
#[derive(Debug, Default)]
pub struct Published(BTreeMap<Key, Value>);

impl State {
    /// Sends what changed in the documents that may have changed.
    pub fn publish_stale(&mut self) {
        let stale = std::mem::take(&mut self.stale);
        if !self.client.may(Feature::Diagnostics) {
            return;
        }
        for key in stale {
            // Published when its claims have been compared.
            if self.awaits_claims(&key) {
                continue;
            }
            let Some(document) = self.documents.by_key(&key) else { continue };
            let diagnostics = json!(self.diagnostics_of(document));
            let (uri, version) = (document.uri.clone(), document.version);
            self.publish(&uri, Some(version), diagnostics);
        }
    }

    /// A document was closed: what was found in its text goes; what is known of the file on disk is told as for any file that is not open.
    pub fn diagnose_closed(&mut self, uri: &Url) {
        if self.client.may(Feature::Diagnostics) {
            let of_settings = self.config_problems.get(&key(uri)).cloned();
            let of_file = || from_proto::path(uri).map(|path| self.finding_diagnostics(&path, None)).unwrap_or_default();
            let diagnostics = of_settings.unwrap_or_else(of_file);
            self.publish(uri, None, json!(diagnostics));
        }
    }

    /// The files in a folder that have diagnostics of ours and are not open.
    pub fn told_in(&self, folder: &Path) -> Vec<PathBuf> {
        let closed = self.published.0.keys().filter(|key| self.documents.by_key(key).is_none());
        closed.map(Key::path).filter(|path| path.starts_with(folder)).map(Path::to_owned).collect()
    }

    pub fn publish(&mut self, uri: &Url, version: Option<i32>, diagnostics: Value) {
        let last = self.published.0.get(&key(uri));
        let nothing = json!([]);
        if *last.unwrap_or(&nothing) == diagnostics {
            return;
        }
        let mut params = json!({"uri": uri, "diagnostics": diagnostics});
        if let Some(version) = version.filter(|_| self.client.announces("/textDocument/publishDiagnostics/versionSupport")) {
            params["version"] = json!(version);
        }
        self.editor.tell("textDocument/publishDiagnostics", &params);
        if diagnostics == nothing {
            self.published.0.remove(&key(uri));
        } else {
            self.published.0.insert(key(uri), diagnostics);
        }
    }

    fn diagnostics_of(&self, document: &Document) -> Vec<Diagnostic> {
        match papers::kind(document.file_name()) {
            Some(Paper::Approvals) => self.waiting_items(document),
            Some(Paper::Plan) => self.plan_diagnostics(document),
            None if is_settings(document) => self.settings_diagnostics(document),
            None if self.is_agent_file(document) => {
                self.agent_problems(document).iter().map(|problem| self.problem(document, problem)).collect()
            }
            None => self.goal_diagnostics(document),
        }
    }

    fn waiting_items(&self, document: &Document) -> Vec<Diagnostic> {
        let Some(run) = self.run_of_paper(document) else { return Vec::new() };
        let items = papers::items(&document.rope.to_string());
        let waiting = items.iter().filter_map(|item| {
            let pending = run.pending().iter().find(|pending| pending.id.0 == item.id)?;
            Some(self.waiting(document, item.line, (run, pending)))
        });
        waiting.collect()
    }

    fn goal_diagnostics(&self, document: &Document) -> Vec<Diagnostic> {
        let found = document.goals.known();
        let shows_status = match self.preferences.inline_status {
            InlineStatus::Auto => !self.client.has_live_lenses(),
            InlineStatus::Diagnostic => true,
            InlineStatus::Lens | InlineStatus::Off => false,
        };
        let path = document.path().filter(|_| !self.runs.is_empty());
        let mut diagnostics = path.map(|path| self.finding_diagnostics(path, Some(&document.rope))).unwrap_or_default();
        let claims = self.claim_diagnostics(document);
        // A reviewer reports the same flaws; the one with the exact place is enough.
        let is_told =
            |told: &Diagnostic| claims.iter().any(|claim| claim.code == told.code && claim.range.start.line == told.range.start.line);
        diagnostics.retain(|diagnostic| !is_told(diagnostic));
        diagnostics.extend(claims);
        for marker in found {
            diagnostics.extend(marker.problems.iter().map(|problem| self.problem(document, problem)));
            let Some(run) = origins::run_of(self.runs.iter(), &document.key, marker) else { continue };
            diagnostics.extend(run.pending().iter().map(|pending| self.waiting(document, marker.line, (run, pending))));
            if shows_status && run.pending().is_empty() && (run.state.is_some() || !run.status.is_end()) {
                diagnostics.push(self.status(document, marker.line, run));
            }
        }
        diagnostics
    }

    fn waiting(&self, document: &Document, line: usize, (run, pending): (&Run, &PendingApproval)) -> Diagnostic {
        Diagnostic {
            range: to_proto::line_range(&document.rope, line, self.documents.encoding),
            severity: Some(DiagnosticSeverity::INFORMATION),
            code: Some(NumberOrString::String("approval".into())),
            source: Some(SOURCE.into()),
            message: format!("waiting for your approval: {}", words::question(run, pending)),
            data: self
                .client
                .announces("/textDocument/publishDiagnostics/dataSupport")
                .then(|| json!({"runId": run.run_id, "approvalId": pending.id, "hash": pending.hash})),
            ..Diagnostic::default()
        }
    }

    fn status(&self, document: &Document, line: usize, run: &Run) -> Diagnostic {
        let message = match run.state.as_ref().filter(|_| run.is_live()) {
            Some(state) => words::progress(state),
            None => format!("{} {}", words::status(run.status), words::tally(run)),
        };
        Diagnostic {
            range: to_proto::line_range(&document.rope, line, self.documents.encoding),
            severity: Some(DiagnosticSeverity::HINT),
            code: Some(NumberOrString::String("status".into())),
            source: Some(SOURCE.into()),
            message,
            ..Diagnostic::default()
        }
    }
}
