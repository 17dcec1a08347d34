//! Sessions of a client: each lies in a folder and belongs, from its first prompt on, to a workspace. Passes on what a person decides; decides nothing.
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use agent_client_protocol::v1::schema::{
    LoadSessionRequest, LoadSessionResponse, PlanEntry, PromptRequest, PromptResponse, RequestPermissionResponse, SessionInfo,
    SessionNotification, StopReason,
};
use agent_client_protocol::{Client, Error as Refusal, v1::ConnectionTo};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use crate::domain::view::PendingApproval;
use crate::domain::{Command, Decision, Error, Goal, Result, RunState, RunStatus, Scope, Subject, Via};
use crate::orchestrator::{Host, Orchestrator, RunHandle, Subscription};
use crate::sys::{Clock, Disk, Environment, SystemClock};

use super::told::{self, Asked};

/// Sessions that a list holds.
const MOST: usize = 50;

/// The machine and the command line's settings.
pub struct Machine {
    pub environment: Environment,
    pub disk: Arc<dyn Disk>,
    pub command_line: Vec<(String, Value)>,
    pub config_file: Option<PathBuf>,
}

#[derive(Clone)]
struct Session {
    host: Arc<Host>,
    /// Of its last run.
    workspace: Option<PathBuf>,
    run: Option<RunHandle>,
}

/// The sessions of one connection.
pub(super) struct Sessions {
    machine: Machine,
    /// By folder.
    hosts: Mutex<BTreeMap<PathBuf, Arc<Host>>>,
    open: Mutex<BTreeMap<String, Session>>,
}

impl Sessions {
    pub fn new(machine: Machine) -> Self {
        Sessions { machine, hosts: Mutex::default(), open: Mutex::default() }
    }

    /// A new session in a folder: its id.
    pub fn begin(&self, folder: &Path) -> String {
        let id = format!("session-{:016x}", SystemClock.noise());
        self.keep(&id, Session { host: self.host(folder), workspace: None, run: None });
        id
    }

    fn host(&self, folder: &Path) -> Arc<Host> {
        let machine = &self.machine;
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.entry(folder.to_owned()).or_insert_with(|| {
            let environment = machine.environment.moved_to(folder);
            Arc::new(Host::new(environment, Arc::clone(&machine.disk), machine.command_line.clone(), machine.config_file.clone()))
        });
        Arc::clone(host)
    }

    fn keep(&self, id: &str, session: Session) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), session);
    }

    fn get(&self, id: &str) -> Option<Session> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Workspaces are sessions that can be loaded; their paths are the ids.
    pub async fn list(&self, folder: Option<&Path>) -> Result<Vec<SessionInfo>> {
        let host = self.host(folder.unwrap_or(self.machine.environment.current_dir()));
        let reader = host.reader().await?;
        let project = reader.settings().project.clone();
        let rows = reader.list(MOST).await?.into_iter().map(|row| {
            let changed = row.ended_at.unwrap_or(row.started_at).to_rfc3339();
            SessionInfo::new(row.workspace.display().to_string(), project.clone()).title(row.goal).updated_at(changed)
        });
        Ok(rows.collect())
    }

    /// Tells again what a session holds; its next prompt can go on with it.
    pub async fn load(&self, request: &LoadSessionRequest, client: &ConnectionTo<Client>) -> Result<LoadSessionResponse> {
        let id = request.session_id.0.to_string();
        let (host, workspace) = match self.get(&id) {
            Some(Session { host, workspace, .. }) => (host, workspace),
            None => (self.host(&request.cwd), Some(PathBuf::from(&id))),
        };
        let reader = host.reader().await?;
        if let Some(workspace) = &workspace {
            let leaves = workspace.components().any(|part| part == Component::ParentDir);
            if leaves || !workspace.starts_with(&reader.settings().base_dir) {
                return Err(Error::usage(format!("there is no session `{id}`")).hint("session/list names those that there are"));
            }
            let state = reader.state_of(workspace).await?;
            tell(client, told::said(&id, state.goal.clone()))?;
            tell(client, told::plan_update(&id, told::plan(&state)))?;
            tell_end(client, &id, &state, workspace)?;
        }
        self.keep(&id, Session { host: Arc::clone(&host), workspace, run: None });
        Ok(LoadSessionResponse::new())
    }

    /// Runs a goal, or goes on with the session's run; answers when it has ended or stands still.
    pub async fn prompt(&self, request: PromptRequest, client: &ConnectionTo<Client>) -> Result<PromptResponse> {
        let id = request.session_id.0.to_string();
        let session = self.get(&id).ok_or_else(|| Error::usage(format!("there is no session `{id}`")))?;
        if session.run.as_ref().is_some_and(|run| !run.has_ended()) {
            return Err(Error::usage("a goal of this session is under way").hint("cancel it, or wait for its end"));
        }
        let engine = session.host.engine().await?;
        let asked = Asked::new(&request.prompt);
        let updates = engine.subscribe();
        let run = match session.workspace.filter(|_| asked.goes_on()) {
            Some(workspace) => engine.resume(&workspace).await?,
            None => engine.start(Goal { attach: asked.files, attach_guarded: true, ..Goal::new(&asked.text)? }).await?,
        };
        self.keep(&id, Session { host: Arc::clone(&session.host), workspace: Some(run.workspace.to_path_buf()), run: Some(run.clone()) });
        let mut turn = Turn { id: &id, client, engine, run: &run, shown: Vec::new() };
        turn.follow(updates).await?;
        let state = run.state();
        turn.plan(&state)?;
        tell_end(client, &id, &state, &run.workspace)?;
        let cancelled = state.status == RunStatus::Cancelled;
        Ok(PromptResponse::new(if cancelled { StopReason::Cancelled } else { StopReason::EndTurn }))
    }

    /// Stops the session's run; its prompt answers that it was cancelled.
    pub async fn cancel(&self, id: &str) {
        let run = self.get(id).and_then(|session| session.run).filter(|run| !run.has_ended());
        if let Some(run) = run {
            let _ = run.command(Command::Stop { reason: Some("cancelled in the chat".into()) }).await;
        }
    }

    /// Lets go of all runs, resumably.
    pub async fn pause(&self) {
        let hosts: Vec<Arc<Host>> = self.hosts.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        futures::future::join_all(hosts.iter().map(|host| host.pause_runs())).await;
    }
}

fn tell(client: &ConnectionTo<Client>, news: SessionNotification) -> Result<()> {
    client.send_notification(news).map_err(|_| Error::usage("the client has gone"))
}

fn tell_end(client: &ConnectionTo<Client>, id: &str, state: &RunState, workspace: &Path) -> Result<()> {
    tell(client, told::says(id, told::end(state, workspace)))?;
    let files = state.steps.iter().filter_map(|step| step.output_file.as_ref());
    files.into_iter().try_for_each(|path| tell(client, told::file(id, workspace, path.as_str())))
}

type Answered = std::result::Result<RequestPermissionResponse, Refusal>;

/// A question that the client shows.
struct Asking {
    open: PendingApproval,
    answer: BoxFuture<'static, Answered>,
}

/// One prompt while its run goes on.
struct Turn<'a> {
    id: &'a str,
    client: &'a ConnectionTo<Client>,
    engine: &'a Orchestrator,
    run: &'a RunHandle,
    shown: Vec<PlanEntry>,
}

impl Turn<'_> {
    async fn follow(&mut self, mut updates: Subscription) -> Result<()> {
        let mut asking: Option<Asking> = None;
        while !self.run.has_ended() {
            let state = self.run.state();
            self.plan(&state)?;
            let open = state.pending_approvals.first();
            // Decided elsewhere, or changed since it was shown: the question is put anew.
            if asking.as_ref().is_some_and(|asking| open.is_none_or(|open| open.hash != asking.open.hash || open.id != asking.open.id)) {
                asking = None;
            }
            if let (None, Some(open)) = (&asking, open) {
                asking = Some(self.ask(open).await);
            }
            tokio::select! {
                ended = self.run.finished() => { ended?; }
                update = updates.recv() => if update.is_none() { return Ok(()) },
                answer = answered(&mut asking) => if let Some(Asking { open, .. }) = asking.take() { self.decide(&open, &answer).await?; },
            }
        }
        // An end by an error of our own is told as one.
        self.run.finished().await.map(|_| ())
    }

    fn plan(&mut self, state: &RunState) -> Result<()> {
        let entries = told::plan(state);
        if entries.is_empty() || entries == self.shown {
            return Ok(());
        }
        self.shown.clone_from(&entries);
        tell(self.client, told::plan_update(self.id, entries))
    }

    async fn ask(&self, open: &PendingApproval) -> Asking {
        let plan = match open.subject {
            Some(Subject::Plan) => self.engine.artifact(&self.run.workspace, "plan.md").await.unwrap_or_default(),
            _ => Vec::new(),
        };
        let text = format!("{}\n\n{}", open.detail, String::from_utf8_lossy(&plan));
        let answer = self.client.send_request(told::question(self.id, open, text.trim())).block_task().boxed();
        Asking { open: open.clone(), answer }
    }

    /// A question that was put away decides nothing: the run stands still and can go on.
    async fn decide(&self, open: &PendingApproval, answer: &Answered) -> Result<()> {
        let chosen = answer.as_ref().ok().and_then(|answer| told::chosen(&answer.outcome));
        let command = match chosen {
            Some(approved) => {
                let decision = Decision { approved, scope: Scope::Once, note: None };
                Command::Answer { id: open.id.clone(), hash: Some(open.hash.clone()), decision, via: Via::Prompt }
            }
            None => Command::Pause { reason: Some("the question was not answered".into()) },
        };
        // Refused where somebody was faster.
        let _ = self.run.command(command).await;
        Ok(())
    }
}

async fn answered(asking: &mut Option<Asking>) -> Answered {
    match asking {
        Some(asking) => (&mut asking.answer).await,
        None => std::future::pending().await,
    }
}
