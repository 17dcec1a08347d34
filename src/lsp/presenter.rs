//! Shows what runs do: progress in words, artifacts when they are done, lenses told to look again. Coalesces; ends what it began exactly once; steals no focus.
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tower_lsp::lsp_types::ProgressToken;

use crate::config::settings::OpenArtifacts;
use crate::domain::goal::shorten;
use crate::domain::{Command, Event, RunStatus, StepStatus};
use crate::orchestrator::Update;

use super::client::Feature;
use super::editor::Answer;
use super::main_loop::Done;
use super::state::State;
use super::{papers, to_proto, words};

/// At most four progress messages a second.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// At most one refresh of lenses a second.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// Nothing unasked opens until nobody has typed for this long.
pub const QUIET: Duration = Duration::from_secs(3);
/// How long an answer to a small request is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The client was asked to make the token.
    Asked,
    Begun,
    Ended,
}

#[derive(Debug)]
struct Progress {
    run_id: String,
    token: String,
    phase: Phase,
    sent: String,
    sent_at: Instant,
}

/// A document that was shown or should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub path: PathBuf,
    pub focus: bool,
}

/// What is being shown.
#[derive(Debug, Default)]
pub struct Presenter {
    progress: Vec<Progress>,
    tokens: u64,
    to_show: VecDeque<PathBuf>,
    pub refresh_wanted: bool,
    refreshed_at: Option<Instant>,
}

impl State {
    /// Renders one piece of news.
    pub fn present(&mut self, update: &Update) {
        self.begin_progress(&update.run_id);
        match &update.record.event {
            Event::RunFinished { status, .. } => {
                self.end_progress(&update.run_id, words::status(*status));
                if *status == RunStatus::Completed {
                    self.queue_artifacts(update);
                }
            }
            _ if update.state.status.is_end() => self.end_progress(&update.run_id, words::status(update.state.status)),
            _ => {}
        }
    }

    fn queue_artifacts(&mut self, update: &Update) {
        if self.preferences.open_artifacts == OpenArtifacts::Never {
            return;
        }
        let mut files: Vec<PathBuf> = Vec::new();
        for step in update.state.steps.iter().filter(|step| step.status == StepStatus::Completed) {
            let path = step.output_file.as_ref().map(|file| update.workspace.join(file.as_str()));
            files.extend(path.filter(|path| !files.contains(path)));
        }
        self.presenter.to_show.extend(files);
    }

    /// Asks for a progress token, once for each time that a run lives.
    pub fn begin_progress(&mut self, run_id: &str) {
        let is_live = self.runs.get(run_id).is_some_and(super::runs::Run::is_live);
        let is_shown = self.presenter.progress.iter().any(|progress| progress.run_id == run_id && progress.phase != Phase::Ended);
        if !is_live || is_shown || !self.client.may(Feature::Progress) {
            return;
        }
        self.presenter.tokens += 1;
        let token = format!("goal-{}", self.presenter.tokens);
        let progress =
            Progress { run_id: run_id.into(), token: token.clone(), phase: Phase::Asked, sent: String::new(), sent_at: Instant::now() };
        self.presenter.progress.retain(|progress| progress.phase != Phase::Ended);
        self.presenter.progress.push(progress);
        self.ask_beside("window/workDoneProgress/create", json!({"token": token}), move |answer| Done::ProgressCreated(token, answer));
    }

    pub fn progress_created(&mut self, token: &str, answer: &Answer) {
        self.client.learn(Feature::Progress, answer);
        let Some(progress) = self.presenter.progress.iter_mut().find(|progress| progress.token == token && progress.phase == Phase::Asked)
        else {
            return;
        };
        if !matches!(answer, Answer::Result(_)) {
            progress.phase = Phase::Ended;
            return;
        }
        let Some(run) = self.runs.get(&progress.run_id) else { return };
        progress.phase = Phase::Begun;
        progress.sent = run.state.as_ref().map(|state| words::progress(state)).unwrap_or_default();
        progress.sent_at = Instant::now();
        let title = shorten(&run.goal, 40);
        let value = json!({"kind": "begin", "title": title, "message": progress.sent, "cancellable": true});
        self.editor.tell("$/progress", &json!({"token": token, "value": value}));
    }

    fn end_progress(&mut self, run_id: &str, how: &str) {
        let tally = self.runs.get(run_id).map(words::tally).unwrap_or_default();
        for progress in self.presenter.progress.iter_mut().filter(|progress| progress.run_id == run_id) {
            if progress.phase == Phase::Begun {
                let value = json!({"kind": "end", "message": format!("{how} · {tally}")});
                self.editor.tell("$/progress", &json!({"token": progress.token, "value": value}));
            }
            progress.phase = Phase::Ended;
        }
    }

    pub fn end_all_progress(&mut self) {
        let runs: Vec<String> = self.presenter.progress.iter().map(|progress| progress.run_id.clone()).collect();
        for run_id in runs {
            self.end_progress(&run_id, "the server stops");
        }
    }

    /// The user pressed cancel on a progress of ours.
    pub fn stop_by_token(&mut self, token: &ProgressToken) {
        let ProgressToken::String(token) = token else { return };
        let run_id = self.presenter.progress.iter().find(|progress| progress.token == *token).map(|progress| progress.run_id.clone());
        if let Some(handle) = run_id.and_then(|id| self.runs.get(&id)).and_then(|run| run.handle.clone()) {
            let inputs = self.inputs.clone();
            tokio::spawn(async move {
                if let Err(error) = handle.command(Command::Stop { reason: Some("cancelled in the editor".into()) }).await {
                    inputs.done(Done::Failed(error.what));
                }
            });
        }
    }

    pub fn presenter_due(&self) -> Option<Instant> {
        let unsent = self.presenter.progress.iter().filter(|progress| progress.phase == Phase::Begun && self.is_news(progress));
        let progress = unsent.map(|progress| progress.sent_at + PROGRESS_EVERY).min();
        let refresh = self.presenter.refresh_wanted.then(|| self.presenter.refreshed_at.map_or_else(Instant::now, |at| at + REFRESH_EVERY));
        let show = (!self.presenter.to_show.is_empty()).then(|| self.quiet_from());
        [progress, refresh, show].into_iter().flatten().min()
    }

    /// From when on nobody has typed for a while.
    pub fn quiet_from(&self) -> Instant {
        self.last_edit.map_or_else(Instant::now, |at| at + QUIET)
    }

    /// Whether nobody has typed for a while. The moment is given: one taken here would always lie after it.
    pub fn is_quiet(&self, now: Instant) -> bool {
        self.last_edit.is_none_or(|at| at + QUIET <= now)
    }

    fn is_news(&self, progress: &Progress) -> bool {
        let state = self.runs.get(&progress.run_id).and_then(|run| run.state.as_ref());
        state.is_some_and(|state| words::progress(state) != progress.sent)
    }

    pub fn settle_presenter(&mut self, now: Instant) {
        self.report_progress(now);
        if !self.presenter.to_show.is_empty() && self.is_quiet(now) {
            for path in std::mem::take(&mut self.presenter.to_show) {
                self.show(&path, false);
            }
        }
        if self.presenter.refresh_wanted && self.presenter.refreshed_at.is_none_or(|at| at + REFRESH_EVERY <= now) {
            self.presenter.refresh_wanted = false;
            self.presenter.refreshed_at = Some(now);
            self.refresh();
        }
    }

    fn report_progress(&mut self, now: Instant) {
        for index in 0..self.presenter.progress.len() {
            let progress = &self.presenter.progress[index];
            if progress.phase != Phase::Begun || progress.sent_at + PROGRESS_EVERY > now || !self.is_news(progress) {
                continue;
            }
            let state = self.runs.get(&progress.run_id).and_then(|run| run.state.as_ref());
            let message = state.map(|state| words::progress(state)).unwrap_or_default();
            let progress = &mut self.presenter.progress[index];
            // Never a percentage: clients that saw one once show no message any more.
            let value = json!({"kind": "report", "message": message});
            self.editor.mention("$/progress", &json!({"token": progress.token, "value": value}));
            progress.sent = message;
            progress.sent_at = now;
        }
    }

    fn refresh(&mut self) {
        if self.client.may(Feature::LensRefresh) {
            self.ask_beside("workspace/codeLens/refresh", Value::Null, Done::Refreshed);
        }
        let plan_is_open = self.documents.iter().any(|(_, document)| papers::kind(document.file_name()) == Some(papers::Paper::Plan));
        if plan_is_open && self.client.may(Feature::HintRefresh) {
            self.ask_beside("workspace/inlayHint/refresh", Value::Null, Done::HintsRefreshed);
        }
        if self.client.may(Feature::RunsExtension) {
            let runs: Vec<Value> =
                self.runs.iter().filter(|run| run.state.is_some() || !run.status.is_end()).map(super::command_runs::row).collect();
            self.editor.mention("orchestrator/runsChanged", &json!({"runs": runs}));
            let status = self.health();
            self.editor.mention("orchestrator/status", &status);
        }
    }

    /// `orchestrator/status`: what works and what does not, in one word and one sentence.
    fn health(&self) -> Value {
        let pending: usize = self.runs.iter().map(|run| run.pending().len()).sum();
        let active = self.runs.iter().filter(|run| run.is_live()).count();
        let parked = self.runs.iter().find(|run| run.status == RunStatus::Parked && run.state.is_some());
        let (health, message) = match (&self.engine_problem, parked) {
            (Some(problem), _) => ("error", problem.clone()),
            (None, Some(run)) => {
                ("warning", format!("run {} is parked: {}", run.run_id, run.reason.as_deref().unwrap_or("the provider refuses")))
            }
            (None, None) if self.config_broken => ("error", "a configuration file has an error".to_owned()),
            (None, None) if self.provider == "offline" => ("ok", "offline: no language model is used".to_owned()),
            (None, None) => ("ok", String::new()),
        };
        let mut status = json!({"health": health, "message": message, "pendingApprovals": pending, "activeRuns": active});
        if !self.provider.is_empty() {
            status["provider"] = json!(self.provider);
        }
        status
    }

    /// Opens a file in the editor; only what the user has just asked for takes the focus.
    pub fn show(&mut self, path: &Path, focus: bool) {
        let shown = Shown { path: path.to_owned(), focus };
        if !self.client.may(Feature::ShowDocument) {
            self.tell_path(&shown);
            return;
        }
        let Some(uri) = to_proto::uri(path) else { return };
        let mut params = json!({"uri": uri, "external": false});
        // Left out where it is false: some clients take any value for true.
        if focus {
            params["takeFocus"] = json!(true);
        }
        self.ask_beside("window/showDocument", params, move |answer| Done::Showed(shown, answer));
    }

    pub fn showed(&mut self, shown: &Shown, answer: &Answer) {
        self.client.learn(Feature::ShowDocument, answer);
        let refused = matches!(answer, Answer::Refused(_))
            || matches!(answer, Answer::Result(result) if result.get("success") == Some(&Value::Bool(false)));
        if refused {
            self.tell_path(shown);
        }
    }

    /// Where nothing can be opened, the user who asked is told where it is.
    fn tell_path(&self, shown: &Shown) {
        if shown.focus {
            self.say(&format!("see {}", shown.path.display()));
        }
    }

    /// A line for the user, without buttons.
    pub fn say(&self, message: &str) {
        if self.client.may(Feature::Message) {
            self.editor.tell("window/showMessage", &json!({"type": 3, "message": message}));
        }
    }

    /// plan.md is shown once it is there, if the goal was only to be planned at first.
    pub fn show_wanted_plan(&mut self, run_id: &str) {
        let Some(run) = self.runs.iter_mut().find(|run| run.run_id == run_id) else { return };
        let is_planned = run.state.as_ref().is_some_and(|state| !state.steps.is_empty());
        let path = run.workspace.join("plan.md");
        if let Some(origin) = run.origin.as_mut().filter(|origin| origin.show_plan && is_planned) {
            origin.show_plan = false;
            self.show(&path, true);
        }
    }

    /// Asks the client from a task of its own; the answer comes back as an input.
    pub fn ask_beside(&self, method: &'static str, params: Value, done: impl FnOnce(Answer) -> Done + Send + 'static) {
        let (editor, inputs) = (self.editor.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let answer = editor.ask(method, &params, PATIENCE).await;
            inputs.done(done(answer));
        });
    }
}
