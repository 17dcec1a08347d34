//! The methods of the protocol, one line each: a handler records what was said or asks the loop. Never works, never waits for a client.
use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{
    CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams, CompletionParams, CompletionResponse, DidChangeConfigurationParams,
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DidSaveTextDocumentParams, DocumentLink, DocumentLinkParams, DocumentSymbolParams, DocumentSymbolResponse,
    ExecuteCommandParams, FoldingRange, FoldingRangeParams, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverParams,
    InitializeParams, InitializeResult, InitializedParams, InlayHint, InlayHintParams, PrepareRenameResponse, RenameParams,
    SymbolInformation, TextDocumentPositionParams, WorkDoneProgressCancelParams, WorkspaceEdit, WorkspaceSymbolParams,
};
use tower_lsp::{LanguageServer, async_trait};

use super::main_loop::{Inputs, Notice, Query};

/// The face that tower-lsp's router calls.
pub struct Server {
    pub inputs: Inputs,
}

impl Server {
    /// `window/workDoneProgress/cancel`, which the crate does not route by itself.
    pub async fn progress_cancelled(&self, params: WorkDoneProgressCancelParams) {
        self.inputs.notice(Notice::ProgressCancelled(params.token)).await;
    }
}

#[async_trait]
impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        self.inputs.ask(|reply| Query::Initialize(Box::new(params), reply)).await
    }

    async fn initialized(&self, _: InitializedParams) {
        self.inputs.notice(Notice::Initialized).await;
    }

    async fn shutdown(&self) -> Result<()> {
        // Nothing is saved here: everything is on disk as it happens.
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.inputs.notice(Notice::Opened(params)).await;
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        self.inputs.notice(Notice::Changed(params)).await;
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.inputs.notice(Notice::Saved(params)).await;
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.inputs.notice(Notice::Closed(params)).await;
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        self.inputs.notice(Notice::Configured(params.settings)).await;
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        self.inputs.notice(Notice::FoldersChanged(params)).await;
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.inputs.notice(Notice::FilesChanged(params)).await;
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        self.inputs.ask(|reply| Query::Lenses(params, reply)).await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        self.inputs.ask(|reply| Query::Actions(params, reply)).await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        self.inputs.ask(|reply| Query::Hover(params, reply)).await
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        self.inputs.ask(|reply| Query::Definition(params, reply)).await
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        self.inputs.ask(|reply| Query::Completion(params, reply)).await
    }

    async fn document_symbol(&self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        self.inputs.ask(|reply| Query::Symbols(params, reply)).await
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        self.inputs.ask(|reply| Query::Links(params, reply)).await
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        self.inputs.ask(|reply| Query::Folding(params, reply)).await
    }

    async fn symbol(&self, params: WorkspaceSymbolParams) -> Result<Option<Vec<SymbolInformation>>> {
        self.inputs.ask(|reply| Query::WorkspaceSymbols(params, reply)).await
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        self.inputs.ask(|reply| Query::Hints(params, reply)).await
    }

    async fn prepare_rename(&self, params: TextDocumentPositionParams) -> Result<Option<PrepareRenameResponse>> {
        self.inputs.ask(|reply| Query::PrepareRename(params, reply)).await
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        self.inputs.ask(|reply| Query::Rename(params, reply)).await
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        self.inputs.ask(|reply| Query::Command(params, reply)).await
    }
}
