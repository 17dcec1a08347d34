//! What runs read, for the artifacts that are open: fetched beside the loop, at most once a second; the passage on hover, the source by "go to definition".
//! Which claims it does not bear out is told in `claims`.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ropey::Rope;
use tokio::time::Instant;
use tower_lsp::lsp_types::{
    GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverContents, Location, MarkupContent, MarkupKind, Position, Url,
};

use crate::documents::evidence::{self, Cited, Grounds};
use crate::orchestrator::evidence::{of_workspace, workspace_of};

use super::claims::EVERY;
use super::documents::Document;
use super::from_proto::{self, Key};
use super::hover::plain;
use super::main_loop::Done;
use super::papers;
use super::state::State;
use super::to_proto;

/// Larger documents are not checked, in bytes.
const LARGEST: usize = 512 * 1024;
/// Lines of a source that a hover shows, and their length in characters.
const SHOWN_LINES: usize = 8;
const SHOWN_CHARACTERS: usize = 900;

/// What is known of one workspace.
#[derive(Debug, Default)]
struct Held {
    grounds: Option<Arc<Grounds>>,
    /// It is being read.
    under_way: bool,
    /// When that was begun last.
    begun: Option<Instant>,
    /// More was read by the run since.
    is_old: bool,
}

/// What runs have read, by workspace, for artifacts that are or were open.
#[derive(Debug, Default)]
pub struct Evidence(BTreeMap<PathBuf, Held>);

impl Evidence {
    /// When what a run read is to be fetched again.
    pub fn due(&self) -> Option<Instant> {
        let old = self.0.values().filter(|held| held.is_old && !held.under_way);
        old.map(|held| held.begun.map_or_else(Instant::now, |begun| begun + EVERY)).min()
    }
}

impl State {
    /// The workspace of an artifact that may claim something, and its path in it.
    fn artifact(&self, path: &Path) -> Option<(PathBuf, String)> {
        let known = self.runs.iter().find_map(|run| {
            let inside = path.strip_prefix(&run.workspace).ok()?.to_str()?.replace('\\', "/");
            Some((run.workspace.clone(), inside))
        });
        let (workspace, inside) = known.or_else(|| workspace_of(path))?;
        let lower = inside.to_lowercase();
        let is_text = [".md", ".markdown", ".txt"].iter().any(|end| lower.ends_with(end));
        let top = inside.split('/').next().unwrap_or_default();
        let is_ours = ["inputs", "agent_outputs", ".orchestrator", "evidence"].contains(&top) && inside.contains('/')
            || ["context-main.md", "execution-summary.md"].contains(&inside.as_str())
            || papers::kind(&inside).is_some();
        (is_text && !is_ours).then_some((workspace, inside))
    }

    /// A document was opened: what its run read is fetched, if it is an artifact.
    pub fn want_evidence(&mut self, uri: &Url) {
        if let Some((workspace, _)) = from_proto::path(uri).and_then(|path| self.artifact(&path)) {
            self.want_fetched(workspace);
        }
    }

    /// A run went on: what it read is fetched again, if one of its artifacts is open.
    pub fn evidence_grew(&mut self, workspace: &Path) {
        // An artifact may have been opened before anything was known of its run.
        if self.evidence.0.contains_key(workspace) || !self.artifacts_of(workspace).is_empty() {
            self.want_fetched(workspace.to_owned());
        }
    }

    fn artifacts_of(&self, workspace: &Path) -> Vec<Key> {
        let is_of = |document: &Document| {
            let inside = document.path().filter(|path| path.starts_with(workspace));
            inside.and_then(|path| self.artifact(path)).is_some_and(|(of, _)| of == workspace)
        };
        self.documents.iter().filter(|(_, document)| is_of(document)).map(|(key, _)| key.clone()).collect()
    }

    fn want_fetched(&mut self, workspace: PathBuf) {
        self.evidence.0.entry(workspace).or_default().is_old = true;
    }

    /// Fetches what is wanted and was not fetched a moment ago.
    pub fn settle_evidence(&mut self, now: Instant) {
        let is_due = |held: &Held| held.is_old && !held.under_way && held.begun.is_none_or(|begun| begun + EVERY <= now);
        let due: Vec<PathBuf> = self.evidence.0.iter().filter(|(_, held)| is_due(held)).map(|(place, _)| place.clone()).collect();
        due.into_iter().for_each(|workspace| self.fetch_evidence(workspace, now));
    }

    fn fetch_evidence(&mut self, workspace: PathBuf, now: Instant) {
        let held = self.evidence.0.entry(workspace.clone()).or_default();
        (held.under_way, held.is_old, held.begun) = (true, false, Some(now));
        let (disk, inputs) = (self.setup.machine.disk.clone(), self.inputs.clone());
        tokio::task::spawn_blocking(move || {
            let grounds = of_workspace(&disk, &workspace).ok().map(Arc::new);
            inputs.done(Done::Evidence(workspace, grounds));
        });
    }

    /// What a run read has been fetched.
    pub fn take_evidence(&mut self, workspace: PathBuf, grounds: Option<Arc<Grounds>>) {
        let open = self.artifacts_of(&workspace);
        let Some(held) = self.evidence.0.get_mut(&workspace) else { return };
        held.under_way = false;
        held.grounds = grounds;
        if open.is_empty() {
            // Nobody looks any more: it is fetched anew when somebody does.
            self.evidence.0.remove(&workspace);
            return;
        }
        self.stale.extend(open);
    }

    /// What the claims of an artifact are compared with, as far as it has been fetched, and the artifact's workspace.
    pub fn grounds(&self, document: &Document) -> Option<(&Arc<Grounds>, PathBuf)> {
        if self.evidence.0.is_empty() || document.rope.len_bytes() > LARGEST {
            return None;
        }
        let (workspace, _) = self.artifact(document.path()?)?;
        Some((self.evidence.0.get(&workspace)?.grounds.as_ref()?, workspace))
    }

    fn cited(&self, document: &Document, position: Position) -> Option<(Cited, &Arc<Grounds>, PathBuf)> {
        let (grounds, workspace) = self.grounds(document)?;
        let index = from_proto::char_index(&document.rope, position, self.documents.encoding);
        let offset = document.rope.char_to_byte(index);
        Some((evidence::cited_at(&document.rope.to_string(), offset, grounds)?, grounds, workspace))
    }

    /// The passage that a cited place rests on.
    pub fn passage_hover(&self, document: &Document, position: Position) -> Option<Hover> {
        let (cited, grounds, _) = self.cited(document, position)?;
        let text = match (grounds.get(cited.number), &cited.passage) {
            (Some(ground), Some(passage)) => {
                let source = &ground.source;
                let (line, shown) = around(&ground.text, passage.start);
                let place = if source.has_lines() { format!(", line {line}") } else { String::new() };
                let read = source.read_at.format("%Y-%m-%d %H:%M");
                let quoted: String = shown.lines().map(|line| format!("> {line}\n")).collect();
                format!(
                    "**{}** `{}`{place}, read {read}\n\n{quoted}",
                    source.mark().trim_matches(['[', ']']),
                    source.origin.replace('`', "'")
                )
            }
            _ => format!("**^s{}** is not in the evidence ledger of this run: nothing was read under this number.", cited.number),
        };
        let is_markdown = self.client.announces("/textDocument/hover/contentFormat/0");
        let (kind, value) = if is_markdown { (MarkupKind::Markdown, text) } else { (MarkupKind::PlainText, plain(&text)) };
        let range = to_proto::range(&document.rope, cited.place, self.documents.encoding);
        Some(Hover { contents: HoverContents::Markup(MarkupContent { kind, value }), range: Some(range) })
    }

    /// The source of a cited place, at the passage.
    pub fn definition(&self, params: &GotoDefinitionParams) -> Option<GotoDefinitionResponse> {
        let place = &params.text_document_position_params;
        let document = self.documents.get(&place.text_document.uri)?;
        let (cited, grounds, workspace) = self.cited(document, place.position)?;
        let ground = grounds.get(cited.number)?;
        let uri = to_proto::uri(&workspace.join(ground.source.kept_at()))?;
        let rope = Rope::from_str(&ground.text);
        let range = to_proto::range(&rope, cited.passage.unwrap_or_default(), self.documents.encoding);
        Some(GotoDefinitionResponse::Scalar(Location { uri, range }))
    }
}

/// The line (from 1) of a place, and the lines from there on.
fn around(text: &str, at: usize) -> (usize, String) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest: Vec<&str> = text.get(start..).unwrap_or_default().lines().take(SHOWN_LINES).collect();
    let end = rest.iter().skip(1).position(|line| line.trim().is_empty()).map_or(rest.len(), |end| end + 1);
    let shown = rest.get(..end).unwrap_or_default().join("\n");
    (line, shown.chars().take(SHOWN_CHARACTERS).collect())
}
