//! What a document consists of: goals, steps and questions as symbols; artifacts as links; what was decided as a fold. And workspaces by name.
use tower_lsp::lsp_types::{
    DocumentLink, DocumentLinkParams, DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, FoldingRange, FoldingRangeKind,
    FoldingRangeParams, Location, Range, SymbolInformation, SymbolKind, WorkspaceSymbolParams,
};

use crate::domain::goal::shorten;
use crate::domain::{RelPath, StepStatus};

use super::documents::Document;
use super::papers::{self, Paper};
use super::state::State;
use super::{to_proto, words};

impl State {
    pub fn symbols(&self, params: &DocumentSymbolParams) -> Option<DocumentSymbolResponse> {
        let document = self.documents.get(&params.text_document.uri)?;
        let named = self.named_lines(document);
        if named.is_empty() {
            return None;
        }
        let range = |line| to_proto::line_range(&document.rope, line, self.documents.encoding);
        if self.client.takes_symbol_trees() {
            let symbols = named.into_iter().map(|(line, name, kind)| symbol(name, kind, range(line)));
            return Some(DocumentSymbolResponse::Nested(symbols.collect()));
        }
        let symbols = named.into_iter().map(|(line, name, kind)| flat(name, kind, Location::new(document.uri.clone(), range(line))));
        Some(DocumentSymbolResponse::Flat(symbols.collect()))
    }

    fn named_lines(&self, document: &Document) -> Vec<(usize, String, SymbolKind)> {
        let text = || document.rope.to_string();
        match papers::kind(document.file_name()) {
            Some(Paper::Plan) => papers::steps(&text())
                .into_iter()
                .map(|step| (step.line, format!("{} {}", step.id, step.title), SymbolKind::FUNCTION))
                .collect(),
            Some(Paper::Approvals) => {
                papers::items(&text()).into_iter().map(|item| (item.line, format!("{} waits", item.id), SymbolKind::EVENT)).collect()
            }
            None => {
                let goals = document.goals.known().iter();
                goals.map(|goal| (goal.line, format!("goal: {}", shorten(&goal.text, 80)), SymbolKind::EVENT)).collect()
            }
        }
    }

    /// Outputs named in the papers of a run, as links to the files that are there.
    pub fn links(&self, params: &DocumentLinkParams) -> Option<Vec<DocumentLink>> {
        let document = self.documents.get(&params.text_document.uri)?;
        papers::kind(document.file_name())?;
        let run = self.run_of_paper(document)?;
        let text = document.rope.to_string();
        let is_done = |path: &RelPath| {
            let steps = run.state.iter().flat_map(|state| &state.steps);
            steps.into_iter().any(|step| step.output_file.as_ref() == Some(path) && step.status == StepStatus::Completed)
        };
        let mut start = 0;
        let mut links = Vec::new();
        for line in text.split_inclusive('\n') {
            let path = line.trim().strip_prefix("- output:").map(str::trim).and_then(|path| RelPath::new(path).ok());
            if let (Some(path), Some(at)) = (path.filter(is_done), line.find("output:")) {
                let value =
                    start + at + "output:".len() + line[at + "output:".len()..].len() - line[at + "output:".len()..].trim_start().len();
                let range = to_proto::range(&document.rope, value..value + path.as_str().len(), self.documents.encoding);
                let target = to_proto::uri(&run.workspace.join(path.as_str()));
                links.push(DocumentLink { range, target, tooltip: None, data: None });
            }
            start += line.len();
        }
        Some(links)
    }

    /// The decided part of approvals.md folds away.
    pub fn folding(&self, params: &FoldingRangeParams) -> Option<Vec<FoldingRange>> {
        let document = self.documents.get(&params.text_document.uri)?;
        if papers::kind(document.file_name()) != Some(Paper::Approvals) {
            return None;
        }
        let text = document.rope.to_string();
        let start = text.lines().position(|line| line.trim_end() == "## Decided")?;
        let end = text.lines().count().saturating_sub(1);
        (end > start).then(|| {
            let (start_line, end_line) = (to_proto::number(start), to_proto::number(end));
            vec![FoldingRange { start_line, end_line, kind: Some(FoldingRangeKind::Region), ..FoldingRange::default() }]
        })
    }

    pub fn workspace_symbols(&self, params: &WorkspaceSymbolParams) -> Option<Vec<SymbolInformation>> {
        let wanted = params.query.to_lowercase();
        let mut symbols = Vec::new();
        for run in self.runs.iter().rev() {
            let name = format!("{} ({})", shorten(&run.goal, 80), words::status(run.status));
            let outputs = run.state.iter().flat_map(|state| &state.steps).filter(|step| step.status == StepStatus::Completed);
            let outputs = outputs.filter_map(|step| step.output_file.as_ref()).map(|file| (file.as_str().to_owned(), SymbolKind::FILE));
            let summary = ("execution-summary.md".to_owned(), SymbolKind::PACKAGE);
            for (file, kind) in std::iter::once(summary).chain(outputs) {
                let label = if kind == SymbolKind::PACKAGE { name.clone() } else { file.clone() };
                let Some(uri) = to_proto::uri(&run.workspace.join(&file)) else { continue };
                if label.to_lowercase().contains(&wanted) {
                    symbols.push(flat(label, kind, Location::new(uri, Range::default())));
                }
            }
        }
        Some(symbols)
    }
}

#[allow(deprecated, reason = "the type still has the field")]
fn symbol(name: String, kind: SymbolKind, range: Range) -> DocumentSymbol {
    DocumentSymbol { name, detail: None, kind, tags: None, deprecated: None, range, selection_range: range, children: None }
}

#[allow(deprecated, reason = "the type still has the field")]
fn flat(name: String, kind: SymbolKind, location: Location) -> SymbolInformation {
    SymbolInformation { name, kind, tags: None, deprecated: None, location, container_name: None }
}
