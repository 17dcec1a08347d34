//! One loop, one closed list of inputs, one owner of the state. Never awaits a client, a model or a disk: such work is spawned and comes back as an input.
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tower_lsp::jsonrpc;
use tower_lsp::lsp_types::{
    CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams, CompletionParams, CompletionResponse, DidChangeTextDocumentParams,
    DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, DocumentLink, DocumentLinkParams, DocumentSymbolParams, DocumentSymbolResponse, ExecuteCommandParams,
    FoldingRange, FoldingRangeParams, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverParams, InitializeParams, InitializeResult,
    InlayHint, InlayHintParams, PrepareRenameResponse, ProgressToken, RenameParams, SymbolInformation, TextDocumentPositionParams,
    WorkspaceEdit, WorkspaceSymbolParams,
};

use crate::documents::evidence::Grounds;
use crate::domain::plan::PlanRules;
use crate::domain::view::RunSummary;
use crate::orchestrator::{RunHandle, Update};

use super::claims::Compared;
use super::editor::Answer;
use super::from_proto::Key;
use super::origins::{Kept, Origin};
use super::presenter::Shown;
use super::prompts::PromptKey;
use super::settings_file::Read;
use super::state::State;

/// Notifications that may wait for the loop; with more, the reader waits too.
const MAX_NOTICES: usize = 4096;

/// Inputs that are taken before what they mean is told.
const MOST_AT_ONCE: usize = 256;

/// Edits and news of runs come in bursts: what they mean is told once, this long after the first of them.
const AFTER_THE_FIRST: Duration = Duration::from_millis(10);

/// Everything that can reach the loop.
pub enum Input {
    Notice(Notice, OwnedSemaphorePermit),
    Query(Query),
    /// Something happened in a run.
    Engine(Update),
    /// A task that the loop started has come back.
    Done(Done),
    /// The connection has ended; told when live runs have been let go.
    Leave(oneshot::Sender<()>),
}

/// What the client lets us know.
pub enum Notice {
    Initialized,
    Opened(DidOpenTextDocumentParams),
    Changed(DidChangeTextDocumentParams),
    Saved(DidSaveTextDocumentParams),
    Closed(DidCloseTextDocumentParams),
    Configured(Value),
    FoldersChanged(DidChangeWorkspaceFoldersParams),
    FilesChanged(DidChangeWatchedFilesParams),
    ProgressCancelled(ProgressToken),
}

/// Where the answer to a query goes; dropping it answers with an internal error.
pub type Reply<T> = oneshot::Sender<jsonrpc::Result<T>>;

/// What the client asks.
pub enum Query {
    Initialize(Box<InitializeParams>, Reply<InitializeResult>),
    Lenses(CodeLensParams, Reply<Option<Vec<CodeLens>>>),
    Actions(CodeActionParams, Reply<Option<CodeActionResponse>>),
    Hover(HoverParams, Reply<Option<Hover>>),
    Definition(GotoDefinitionParams, Reply<Option<GotoDefinitionResponse>>),
    Completion(CompletionParams, Reply<Option<CompletionResponse>>),
    Symbols(DocumentSymbolParams, Reply<Option<DocumentSymbolResponse>>),
    Links(DocumentLinkParams, Reply<Option<Vec<DocumentLink>>>),
    Folding(FoldingRangeParams, Reply<Option<Vec<FoldingRange>>>),
    WorkspaceSymbols(WorkspaceSymbolParams, Reply<Option<Vec<SymbolInformation>>>),
    Hints(InlayHintParams, Reply<Option<Vec<InlayHint>>>),
    PrepareRename(TextDocumentPositionParams, Reply<Option<PrepareRenameResponse>>),
    Rename(RenameParams, Reply<Option<WorkspaceEdit>>),
    Command(ExecuteCommandParams, Reply<Option<Value>>),
}

/// What a spawned task brings back.
pub enum Done {
    /// A run was started or resumed here.
    Started(Box<RunHandle>, Option<Origin>),
    /// The settings were read.
    Loaded(Box<Read>),
    /// What plans are checked against, once an engine knows; and its provider.
    Rules(PlanRules, String),
    /// Workspaces found on disk.
    Listed(Vec<RunSummary>),
    /// The same, at the start of the server, with the places where their goals were last seen.
    Found(Vec<RunSummary>, BTreeMap<PathBuf, Kept>),
    /// Workspaces that were cleaned away.
    Removed(Vec<PathBuf>),
    /// An edit of a document of a run came back from the client.
    Edited {
        key: Key,
        /// The run whose goal it ticks.
        tick: Option<String>,
        answer: Answer,
    },
    /// The editor's own settings arrived.
    Configured(Value),
    Prompted(PromptKey, Answer),
    /// By token.
    ProgressCreated(String, Answer),
    Showed(Shown, Answer),
    Registered(Answer),
    Refreshed(Answer),
    HintsRefreshed(Answer),
    /// Why no engine could be built.
    NoEngine(String),
    /// Work that failed where nobody waits for an answer.
    Failed(String),
    /// A document of ours that the user asked to see.
    Show(PathBuf),
    /// What a run read, by its workspace; `None` where it cannot be told.
    Evidence(PathBuf, Option<Arc<Grounds>>),
    /// The claims of an open document were compared with their sources.
    Compared(Key, Box<Compared>),
    /// The user's own settings or agents changed on disk.
    OwnFilesChanged,
}

/// The sending end.
#[derive(Clone)]
pub struct Inputs {
    sender: mpsc::UnboundedSender<Input>,
    room: Arc<Semaphore>,
}

impl Inputs {
    pub fn channel() -> (Inputs, mpsc::UnboundedReceiver<Input>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Inputs { sender, room: Arc::new(Semaphore::new(MAX_NOTICES)) }, receiver)
    }

    /// Puts a notification in, in order; waits while the loop is far behind.
    pub async fn notice(&self, notice: Notice) {
        if let Ok(permit) = self.room.clone().acquire_owned().await {
            self.send(Input::Notice(notice, permit));
        }
    }

    /// Puts a question in at once, and waits for its answer.
    pub async fn ask<T>(&self, query: impl FnOnce(Reply<T>) -> Query) -> jsonrpc::Result<T> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Query(query(reply)));
        answer.await.unwrap_or_else(|_| Err(jsonrpc::Error::internal_error()))
    }

    pub fn engine(&self, update: Update) {
        self.send(Input::Engine(update));
    }

    pub fn done(&self, done: Done) {
        self.send(Input::Done(done));
    }

    /// Asks the loop to let go of live runs and waits for it.
    pub async fn leave(&self) {
        let (sender, receiver) = oneshot::channel();
        self.send(Input::Leave(sender));
        let _ = receiver.await;
    }

    /// Returns once nobody takes inputs any more.
    pub async fn ended(&self) {
        self.sender.closed().await;
    }

    fn send(&self, input: Input) {
        // The loop is gone only when the process is ending.
        let _ = self.sender.send(input);
    }
}

/// How soon what an input means has to be told.
fn settled_by(input: &Input, now: Instant) -> Option<Instant> {
    match input {
        Input::Notice(Notice::Changed(_), _) | Input::Engine(_) => Some(now + AFTER_THE_FIRST),
        // Questions change nothing, unless they are commands.
        Input::Query(Query::Command(..) | Query::Initialize(..)) | Input::Notice(..) | Input::Done(_) | Input::Leave(_) => Some(now),
        Input::Query(_) => None,
    }
}

/// Runs until all senders are gone or the connection has ended. There is a timer only while something is due.
pub async fn run(mut state: State, mut inputs: mpsc::UnboundedReceiver<Input>) {
    let mut due = state.next_due();
    loop {
        let input = tokio::select! {
            biased;
            input = inputs.recv() => match input {
                Some(input) => Some(input),
                None => return,
            },
            () = at(due), if due.is_some() => None,
        };
        let mut leaving = false;
        // One input that goes wrong must not end the loop; its asker gets an internal error.
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            // All that is there already is taken first: many edits are followed by one look at what they mean.
            let mut next = input;
            for _ in 0..MOST_AT_ONCE {
                let Some(input) = next.take().or_else(|| inputs.try_recv().ok()) else { break };
                leaving = matches!(input, Input::Leave(_));
                due = [due, settled_by(&input, Instant::now())].into_iter().flatten().min();
                take(&mut state, input);
                if leaving {
                    break;
                }
            }
            if due.is_some_and(|due| due <= Instant::now()) {
                state.settle();
                due = state.next_due();
            }
        }));
        if outcome.is_err() {
            tracing::error!("handling an input panicked");
            due = Some(Instant::now() + AFTER_THE_FIRST);
        }
        if leaving {
            return;
        }
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn take(state: &mut State, input: Input) {
    match input {
        Input::Notice(notice, _permit) => state.notice(notice),
        Input::Query(query) => query_state(state, query),
        Input::Engine(update) => state.update(update),
        Input::Done(done) => state.done(done),
        Input::Leave(left) => state.leave(left),
    }
}

fn query_state(state: &mut State, query: Query) {
    state.tidy();
    match query {
        Query::Initialize(params, reply) => answer(reply, Ok(state.initialize(&params))),
        Query::Lenses(params, reply) => answer(reply, Ok(state.lenses(&params))),
        Query::Actions(params, reply) => answer(reply, Ok(state.actions(&params))),
        Query::Hover(params, reply) => answer(reply, Ok(state.hover(&params))),
        Query::Definition(params, reply) => answer(reply, Ok(state.definition(&params))),
        Query::Completion(params, reply) => state.complete(&params, reply),
        Query::Symbols(params, reply) => answer(reply, Ok(state.symbols(&params))),
        Query::Links(params, reply) => answer(reply, Ok(state.links(&params))),
        Query::Folding(params, reply) => answer(reply, Ok(state.folding(&params))),
        Query::WorkspaceSymbols(params, reply) => answer(reply, Ok(state.workspace_symbols(&params))),
        Query::Hints(params, reply) => answer(reply, Ok(state.hints(&params))),
        Query::PrepareRename(params, reply) => answer(reply, state.prepare_rename(&params)),
        Query::Rename(params, reply) => answer(reply, state.rename(&params)),
        Query::Command(params, reply) => super::commands::execute(state, params, reply),
    }
}

fn answer<T>(reply: Reply<T>, result: jsonrpc::Result<T>) {
    // The asker may have been cancelled.
    let _ = reply.send(result);
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
