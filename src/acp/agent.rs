//! The protocol's side: what is offered, requests in, answers and updates out. The home of the crate `agent-client-protocol`, with its neighbours here.
use std::sync::Arc;

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::schema::{
    AgentCapabilities, CancelNotification, Implementation, InitializeRequest, InitializeResponse, ListSessionsRequest,
    ListSessionsResponse, LoadSessionRequest, NewSessionRequest, NewSessionResponse, PromptRequest, SessionCapabilities,
    SessionListCapabilities,
};
use agent_client_protocol::{Agent, ConnectTo, Error as Refusal, on_receive_notification, on_receive_request};

use super::session::Sessions;
use crate::domain::Error;

/// Serves a connection until its client leaves.
pub(super) async fn serve_lines(lines: impl ConnectTo<Agent> + 'static, sessions: Arc<Sessions>) -> Result<(), Refusal> {
    let (made, loaded, listed, prompted, cancelled) =
        (Arc::clone(&sessions), Arc::clone(&sessions), Arc::clone(&sessions), Arc::clone(&sessions), sessions);
    Agent
        .v1()
        .name("ai-orchestrator")
        .on_receive_request(async move |_: InitializeRequest, responder, _| responder.respond(hello()), on_receive_request!())
        .on_receive_request(
            async move |request: NewSessionRequest, responder, _| responder.respond(NewSessionResponse::new(made.begin(&request.cwd))),
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: ListSessionsRequest, responder, connection| {
                let sessions = Arc::clone(&listed);
                connection.spawn(async move {
                    let rows = sessions.list(request.cwd.as_deref()).await.map(ListSessionsResponse::new);
                    responder.respond_with_result(rows.map_err(refusal))
                })
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: LoadSessionRequest, responder, connection| {
                let (sessions, tell) = (Arc::clone(&loaded), connection.clone());
                connection.spawn(async move {
                    let shown = sessions.load(&request, &tell).await;
                    responder.respond_with_result(shown.map_err(refusal))
                })
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: PromptRequest, responder, connection| {
                let (sessions, tell) = (Arc::clone(&prompted), connection.clone());
                // A prompt lasts as long as its run: other requests go on meanwhile.
                connection.spawn(async move {
                    let ended = sessions.prompt(request, &tell).await;
                    responder.respond_with_result(ended.map_err(refusal))
                })
            },
            on_receive_request!(),
        )
        .on_receive_notification(
            async move |cancel: CancelNotification, _| {
                cancelled.cancel(&cancel.session_id.0).await;
                Ok(())
            },
            on_receive_notification!(),
        )
        .connect_to(lines)
        .await
}

fn hello() -> InitializeResponse {
    let sessions = SessionCapabilities::new().list(SessionListCapabilities::new());
    let offered = AgentCapabilities::new().load_session(true).session_capabilities(sessions);
    let us = Implementation::new("ai-orchestrator", env!("CARGO_PKG_VERSION")).title("AI Orchestrator".to_owned());
    InitializeResponse::new(ProtocolVersion::V1).agent_capabilities(offered).agent_info(us)
}

/// An error of ours in the protocol's words.
fn refusal(error: Error) -> Refusal {
    let hint = error.hint.map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    Refusal::new(-32603, format!("{}{hint}", error.what))
}
