//! What is wrong with the texts people write, told at its place: plan.md, goal files, agent files; and the quick fixes where one is obvious.
use tower_lsp::lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, Diagnostic, DiagnosticSeverity, DocumentChanges, OneOf,
    OptionalVersionedTextDocumentIdentifier, Range, TextDocumentEdit, TextEdit, WorkspaceEdit,
};

use crate::documents::{Fix, Problem, Severity, plan};

use super::diagnostics::SOURCE;
use super::documents::Document;
use super::papers::{self, Paper};
use super::state::State;
use super::to_proto;

impl State {
    /// Everything wrong with an open plan.md of a run.
    pub fn plan_problems(&self, document: &Document) -> Vec<Problem> {
        // A plan.md elsewhere is somebody else's.
        let Some(rules) = self.rules.as_ref().filter(|_| self.run_of_paper(document).is_some()) else { return Vec::new() };
        plan::problems(&plan::parse(&document.rope.to_string()), rules)
    }

    pub fn plan_diagnostics(&self, document: &Document) -> Vec<Diagnostic> {
        self.plan_problems(document).iter().map(|problem| self.problem(document, problem)).collect()
    }

    pub fn problem(&self, document: &Document, problem: &Problem) -> Diagnostic {
        let severity = match problem.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Info => DiagnosticSeverity::INFORMATION,
        };
        Diagnostic {
            range: to_proto::range(&document.rope, problem.span.range(), self.documents.encoding),
            severity: Some(severity),
            source: Some(SOURCE.into()),
            message: problem.message.clone(),
            ..Diagnostic::default()
        }
    }

    /// The quick fixes for what is wrong in a range.
    pub fn fixes(&self, document: &Document, range: Range) -> Vec<CodeActionOrCommand> {
        if !self.client.takes_actions() {
            return Vec::new();
        }
        let problems = match papers::kind(document.file_name()) {
            Some(Paper::Plan) => self.plan_problems(document),
            Some(Paper::Approvals) => Vec::new(),
            None if self.is_agent_file(document) => self.agent_problems(document),
            None => document.goals.known().iter().flat_map(|goal| goal.problems.clone()).collect(),
        };
        let mut actions = Vec::new();
        for problem in problems {
            let diagnostic = self.problem(document, &problem);
            let touches = diagnostic.range.start.line <= range.end.line && range.start.line <= diagnostic.range.end.line;
            if let Some(fix) = problem.fix.filter(|_| touches) {
                actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                    title: fix.title.clone(),
                    kind: Some(CodeActionKind::QUICKFIX),
                    diagnostics: Some(vec![diagnostic]),
                    edit: Some(self.edit(document, &fix)),
                    ..CodeAction::default()
                }));
            }
        }
        actions
    }

    /// Versioned where the client knows versions: a fix for a text that has changed is then refused by it.
    pub fn edit(&self, document: &Document, fix: &Fix) -> WorkspaceEdit {
        let edits: Vec<TextEdit> = fix
            .edits
            .iter()
            .map(|(span, text)| TextEdit::new(to_proto::range(&document.rope, span.range(), self.documents.encoding), text.clone()))
            .collect();
        let uri = document.uri.clone();
        if !self.client.takes_document_changes() {
            return WorkspaceEdit { changes: Some([(uri, edits)].into()), ..WorkspaceEdit::default() };
        }
        let text_document = OptionalVersionedTextDocumentIdentifier { uri, version: Some(document.version) };
        let edit = TextDocumentEdit { text_document, edits: edits.into_iter().map(OneOf::Left).collect() };
        WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(vec![edit])), ..WorkspaceEdit::default() }
    }
}
