//! The protocol's side: what is offered, a call in, a result and progress out. The only other home of rmcp than the client's.
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, InitializeResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::domain::Error;
use crate::orchestrator::Host;

use super::calls::{self, Listener, Progress};
use super::table::{Row, TOOLS};

const ABOUT: &str = "Runs teams of AI agents on goals; every result is a file in a workspace folder. run_goal and plan_goal end with a question about the \
                     plan: show it to the user and pass the user's answer on with answer_approval. Never approve on the user's behalf.";

/// One connection.
#[derive(Clone)]
pub(super) struct Server {
    pub host: Arc<Host>,
}

impl ServerHandler for Server {
    fn get_info(&self) -> InitializeResult {
        let mut info = InitializeResult::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = Implementation::new("ai-orchestrator", env!("CARGO_PKG_VERSION"));
        info.instructions = Some(ABOUT.into());
        info
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(TOOLS.iter().map(offer).collect()))
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let Some(row) = TOOLS.iter().find(|row| row.name == request.name) else {
            return Err(ErrorData::invalid_params(format!("there is no tool `{}`", request.name), None));
        };
        let input = request.arguments.unwrap_or_default();
        if let Some(problem) = row.problem(&input) {
            return Ok(failed(&Error::usage(problem)).into());
        }
        let listener = listener(&context);
        let worked = tokio::select! {
            worked = calls::call(&self.host, row.name, &input, listener) => worked,
            // The client no longer waits; the run goes on, and workspace_status finds it.
            () = context.ct.cancelled() => Err(Error::usage("the call was cancelled; a run that it started goes on")),
        };
        Ok(match worked {
            Ok(value) => succeeded(value).into(),
            Err(error) => failed(&error).into(),
        })
    }
}

fn offer(row: &Row) -> Tool {
    let annotations = ToolAnnotations::new().read_only(row.reads).destructive(false).open_world(!row.reads);
    Tool::new(row.name, row.about, Arc::new(row.schema())).with_annotations(annotations)
}

fn succeeded(value: Value) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(value.to_string())]);
    result.structured_content = Some(value);
    result
}

fn failed(error: &Error) -> CallToolResult {
    let hint = error.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    CallToolResult::error(vec![ContentBlock::text(format!("error: {}{hint}", error.what))])
}

/// Sends progress on, where the client asked for it.
fn listener(context: &RequestContext<RoleServer>) -> Listener {
    let token = context.meta.get_progress_token()?;
    let peer = context.peer.clone();
    let (sender, mut receiver) = mpsc::unbounded_channel::<Progress>();
    tokio::spawn(async move {
        // The protocol wants numbers that grow: a step that is done again counts no step back.
        let mut told = -1.0;
        while let Some(Progress { done, all, message }) = receiver.recv().await {
            told = if done > told { done } else { told + 0.001 };
            let progress = ProgressNotificationParam::new(token.clone(), told).with_total(all).with_message(message);
            if peer.notify_progress(progress).await.is_err() {
                return;
            }
        }
    });
    Some(sender)
}
