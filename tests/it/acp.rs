//! `ai-orchestrator acp` as a chat client sees it: the client's side of the published crate, over pipes in this process.
use std::path::Path;
use std::sync::{Arc, Mutex};

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    CancelNotification, ContentBlock, InitializeRequest, ListSessionsRequest, LoadSessionRequest, NewSessionRequest, PlanEntryStatus,
    PromptRequest, PromptResponse, RequestPermissionOutcome, RequestPermissionRequest, RequestPermissionResponse, ResourceLink,
    SelectedPermissionOutcome, SessionNotification, SessionUpdate, StopReason,
};
use agent_client_protocol::{Agent, Client, Lines, Result, on_receive_notification, on_receive_request};
use ai_orchestrator::acp::{Machine, connect};
use ai_orchestrator::sys::{Environment, RealDisk};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// What a client heard and was asked.
#[derive(Default)]
struct Heard {
    updates: Mutex<Vec<SessionUpdate>>,
    asked: Mutex<Vec<RequestPermissionRequest>>,
}

impl Heard {
    fn plans(&self) -> Vec<Vec<PlanEntryStatus>> {
        let updates = self.updates.lock().unwrap();
        let plan = |update: &SessionUpdate| match update {
            SessionUpdate::Plan(plan) => Some(plan.entries.iter().map(|entry| entry.status.clone()).collect()),
            _ => None,
        };
        updates.iter().filter_map(plan).collect()
    }

    fn words(&self) -> String {
        let updates = self.updates.lock().unwrap();
        let words = |update: &SessionUpdate| match update {
            SessionUpdate::AgentMessageChunk(chunk) | SessionUpdate::UserMessageChunk(chunk) => Some(match &chunk.content {
                ContentBlock::Text(text) => text.text.clone(),
                ContentBlock::ResourceLink(link) => format!("<{}>", link.uri),
                other => format!("{other:?}"),
            }),
            _ => None,
        };
        updates.iter().filter_map(words).collect::<Vec<_>>().join("\n")
    }
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("p/.git")).unwrap();
        std::fs::write(folder.path().join("p/bees.md"), "# Bees\n\nA bee visits fifty flowers on one trip.\n").unwrap();
        Place { folder }
    }

    fn project(&self) -> std::path::PathBuf {
        self.folder.path().join("p")
    }

    /// Runs a client against a server of its own; `choice` is what its person says to every question.
    async fn talk<R>(
        &self,
        heard: &Arc<Heard>,
        choice: Option<&'static str>,
        work: impl AsyncFnOnce(ConnectionTo<Agent>) -> Result<R>,
    ) -> Result<R> {
        let place = |name: &str| (name.to_owned(), self.folder.path().join(name).to_string_lossy().into_owned());
        let environment = Environment::new(["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"].map(place), "/");
        let command_line = vec![("model.provider".to_owned(), json!("offline"))];
        let machine = Machine { environment, disk: RealDisk::root().unwrap(), command_line, config_file: None };
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(theirs);
        let served = tokio::spawn(connect(read, write, machine));
        let (output, input) = tokio::io::split(ours);
        let incoming = futures::stream::unfold(BufReader::new(output).lines(), |mut lines| async move {
            Some((Ok(lines.next_line().await.ok()??), lines))
        });
        let outgoing = futures::sink::unfold(input, |mut input, line: String| async move {
            input.write_all(format!("{line}\n").as_bytes()).await?;
            Ok::<_, std::io::Error>(input)
        });
        let (updates, asked) = (Arc::clone(heard), Arc::clone(heard));
        let answer = Client
            .v1()
            .on_receive_notification(
                async move |news: SessionNotification, _| {
                    updates.updates.lock().unwrap().push(news.update);
                    Ok(())
                },
                on_receive_notification!(),
            )
            .on_receive_request(
                async move |request: RequestPermissionRequest, responder, _| {
                    asked.asked.lock().unwrap().push(request);
                    if choice == Some("nothing yet") {
                        std::mem::forget(responder);
                        return Ok(());
                    }
                    let outcome = match choice {
                        Some(choice) => RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(choice)),
                        None => RequestPermissionOutcome::Cancelled,
                    };
                    responder.respond(RequestPermissionResponse::new(outcome))
                },
                on_receive_request!(),
            )
            .connect_with(Lines::new(Box::pin(outgoing), Box::pin(incoming)), async move |connection| {
                let hello = connection.send_request(InitializeRequest::new(ProtocolVersion::V1)).block_task().await?;
                assert!(hello.agent_capabilities.load_session && hello.agent_capabilities.session_capabilities.list.is_some());
                work(connection).await
            })
            .await;
        assert_eq!(served.await.unwrap(), 0);
        answer
    }
}

async fn begin(connection: &ConnectionTo<Agent>, folder: &Path) -> Result<String> {
    Ok(connection.send_request(NewSessionRequest::new(folder)).block_task().await?.session_id.0.to_string())
}

async fn prompt(connection: &ConnectionTo<Agent>, session: &str, text: &str) -> Result<PromptResponse> {
    connection.send_request(PromptRequest::new(session.to_owned(), vec![ContentBlock::from(text)])).block_task().await
}

#[tokio::test]
async fn a_prompt_is_planned_asked_about_run_and_told_with_its_files() {
    let (place, heard) = (Place::new(), Arc::new(Heard::default()));
    let project = place.project();
    let ended = place.talk(&heard, Some("approve"), async move |connection| {
        let session = begin(&connection, &project).await?;
        let link = ResourceLink::new("bees.md", format!("file://{}/bees.md", project.display()));
        let blocks = vec![ContentBlock::from("Write an article on bees from "), ContentBlock::ResourceLink(link)];
        connection.send_request(PromptRequest::new(session, blocks)).block_task().await
    });
    assert_eq!(ended.await.unwrap().stop_reason, StopReason::EndTurn);
    let asked = heard.asked.lock().unwrap();
    assert_eq!(asked.len(), 1, "the plan alone asks");
    let shown = format!("{:?}", asked[0].tool_call.fields);
    assert!(asked[0].tool_call.fields.title.as_deref() == Some("plan") && shown.contains("# Plan:"), "{shown}");
    let plans = heard.plans();
    assert!(plans.len() > 2 && plans.last().unwrap().iter().all(|status| *status == PlanEntryStatus::Completed), "{plans:?}");
    assert!(plans[0].iter().all(|status| *status == PlanEntryStatus::Pending), "{plans:?}");
    let words = heard.words();
    assert!(words.contains("The run is completed") && words.contains(".md>"), "{words}");
}

#[tokio::test]
async fn a_rejected_plan_ends_the_turn_and_a_question_put_away_decides_nothing() {
    let (place, heard) = (Place::new(), Arc::new(Heard::default()));
    let project = place.project();
    let ended = place.talk(&heard, Some("reject"), async move |connection| {
        let session = begin(&connection, &project).await?;
        prompt(&connection, &session, "Write an article on bees").await
    });
    assert_eq!(ended.await.unwrap().stop_reason, StopReason::Cancelled);
    let project = place.project();
    let heard = Arc::new(Heard::default());
    let ended = place.talk(&heard, None, async move |connection| {
        let session = begin(&connection, &project).await?;
        prompt(&connection, &session, "Write an article on bees").await
    });
    assert_eq!(ended.await.unwrap().stop_reason, StopReason::EndTurn);
    assert!(heard.words().contains("Say `continue` to go on."), "{}", heard.words());
}

#[tokio::test]
async fn sessions_are_listed_loaded_and_go_on_in_another_connection() {
    let (place, first) = (Place::new(), Arc::new(Heard::default()));
    let project = place.project();
    place
        .talk(&first, None, async move |connection| {
            let session = begin(&connection, &project).await?;
            prompt(&connection, &session, "Write an article on bees").await
        })
        .await
        .unwrap();
    let heard = Arc::new(Heard::default());
    let project = place.project();
    let ended = place.talk(&heard, Some("approve"), async move |connection| {
        let listed = connection.send_request(ListSessionsRequest::new().cwd(project.clone())).block_task().await?;
        assert_eq!(listed.sessions.len(), 1);
        assert_eq!(listed.sessions[0].title.as_deref(), Some("Write an article on bees"));
        let session = listed.sessions[0].session_id.0.to_string();
        connection.send_request(LoadSessionRequest::new(session.clone(), project.clone())).block_task().await?;
        // A workspace of ours, but by a way that leaves their folder first.
        let roundabout = session.replacen("/workspaces/", "/workspaces/../workspaces/", 1);
        for stranger in ["/etc".to_owned(), roundabout] {
            let loaded = connection.send_request(LoadSessionRequest::new(stranger.clone(), project.clone())).block_task().await;
            assert!(loaded.is_err(), "{stranger}");
        }
        prompt(&connection, &session, "continue").await
    });
    assert_eq!(ended.await.unwrap().stop_reason, StopReason::EndTurn);
    let words = heard.words();
    assert!(words.starts_with("Write an article on bees") && words.contains("The run is completed"), "{words}");
}

#[tokio::test]
async fn a_cancelled_prompt_answers_that_it_was_cancelled() {
    let (place, heard) = (Place::new(), Arc::new(Heard::default()));
    let project = place.project();
    let told = Arc::clone(&heard);
    // The cancellation comes while the question is open.
    let ended = place.talk(&heard, Some("nothing yet"), async move |connection| {
        let session = begin(&connection, &project).await?;
        let sent = connection.send_request(PromptRequest::new(session.clone(), vec![ContentBlock::from("Write an article on bees")]));
        while told.asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        connection.send_notification(CancelNotification::new(session))?;
        sent.block_task().await
    });
    assert_eq!(ended.await.unwrap().stop_reason, StopReason::Cancelled);
    assert!(heard.words().contains("cancelled in the chat"), "{}", heard.words());
}
