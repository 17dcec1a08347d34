//! The one state of the server and what each input does to it. Owned by the loop; features add their own part in their own files.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tower_lsp::lsp_types::{Diagnostic, DidChangeTextDocumentParams, InitializeParams, InitializeResult};

use crate::config::Settings;
use crate::domain::plan::PlanRules;
use crate::domain::{Command, Event};
use crate::orchestrator::Update;

use super::capabilities;
use super::claims::Comparisons;
use super::client::{Client, Feature};
use super::diagnostics::Published;
use super::documents::Documents;
use super::editor::{Answer, Editor};
use super::evidence::Evidence;
use super::from_proto::{self, Encoding, Key};
use super::main_loop::{Done, Inputs, Notice};
use super::papers;
use super::presenter::Presenter;
use super::prompts::Prompts;
use super::runs::Runs;
use super::settings_file::Read;
use super::setup::{Machine, Preferences, Setup};
use super::ticks::Ticks;
use super::watched::Watched;

/// Live runs are given this long to let go when the connection ends.
const LETTING_GO: Duration = Duration::from_millis(600);

/// Why a run was paused when its editor went away.
pub const LEFT: &str = "the editor left";

/// Everything the loop owns.
pub struct State {
    pub editor: Editor,
    pub inputs: Inputs,
    raw_initialize: Arc<OnceLock<Value>>,
    pub client: Client,
    pub documents: Documents,
    pub runs: Runs,
    pub setup: Setup,
    pub preferences: Preferences,
    pub presenter: Presenter,
    pub prompts: Prompts,
    pub published: Published,
    /// What plans are checked against; known once an engine is there.
    pub rules: Option<PlanRules>,
    /// What is wrong with configuration files.
    pub config_problems: BTreeMap<Key, Vec<Diagnostic>>,
    /// Documents whose diagnostics may have changed.
    pub stale: BTreeSet<Key>,
    /// Documents whose goals were not looked for since they changed.
    pub(super) untidy: BTreeSet<Key>,
    /// Open papers or goals may lack something that happened.
    pub papers_wanted: bool,
    pub ticks: Ticks,
    /// The provider of the engine that was last built.
    pub provider: String,
    /// Why the engine could not be built at the last try.
    pub engine_problem: Option<String>,
    /// Whether a configuration file has an error.
    pub config_broken: bool,
    pub watched: Watched,
    /// Workspaces on disk were looked for, and interrupted ones offered.
    pub found_once: bool,
    /// When the user last typed.
    pub last_edit: Option<Instant>,
    /// What runs have read, for the artifacts that are open.
    pub evidence: Evidence,
    pub comparisons: Comparisons,
}

impl State {
    pub fn new(editor: Editor, inputs: Inputs, raw_initialize: Arc<OnceLock<Value>>, machine: Machine) -> Self {
        let documents = Documents::default();
        let setup = Setup::new(machine, documents.texts.clone(), inputs.clone());
        State {
            editor,
            inputs,
            raw_initialize,
            client: Client::new(&Value::Null),
            documents,
            runs: Runs::default(),
            preferences: Preferences::from(&Settings::defaults("/")),
            rules: None,
            config_problems: BTreeMap::new(),
            setup,
            presenter: Presenter::default(),
            prompts: Prompts::default(),
            published: Published::default(),
            stale: BTreeSet::new(),
            untidy: BTreeSet::new(),
            papers_wanted: false,
            ticks: Ticks::default(),
            provider: String::new(),
            engine_problem: None,
            config_broken: false,
            watched: Watched::default(),
            found_once: false,
            last_edit: None,
            evidence: Evidence::default(),
            comparisons: Comparisons::default(),
        }
    }

    /// Learns who the client is. Nothing is started.
    pub fn initialize(&mut self, params: &InitializeParams) -> InitializeResult {
        let raw = self.raw_initialize.get().cloned().unwrap_or_default();
        self.client = Client::new(&raw);
        self.documents.encoding = if self.client.offers_utf8() { Encoding::Utf8 } else { Encoding::Utf16 };
        let folders = params.workspace_folders.iter().flatten().map(|folder| &folder.uri);
        #[allow(deprecated, reason = "older clients send only this")]
        let root = params.root_uri.iter();
        self.setup.folders = folders.filter_map(from_proto::path).collect();
        if self.setup.folders.is_empty() {
            self.setup.folders = root.filter_map(from_proto::path).collect();
        }
        let options = raw.get("initializationOptions").cloned().unwrap_or_default();
        self.setup.trusted = options.get("trusted") == Some(&Value::Bool(true));
        let settings = options.get("settings").or_else(|| options.get("aiOrchestrator"));
        self.setup.configure(settings.cloned().unwrap_or_default());
        capabilities::offer(self.documents.encoding)
    }

    pub fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Initialized => {
                // Nothing is published before the client has said that it is ready.
                self.read_settings();
                self.fetch_configuration();
                self.watch_files();
                self.watch_own_files();
                self.look_for_runs();
            }
            Notice::Opened(params) => {
                let (uri, markers) = (params.text_document.uri.clone(), self.preferences.markers.clone());
                self.documents.open(params.text_document, &markers);
                self.papers_wanted = true;
                self.want_evidence(&uri);
                self.touched(from_proto::key(&uri));
            }
            Notice::Changed(params) => self.changed(params),
            Notice::Saved(params) => {
                self.paper_saved(&params.text_document.uri);
                self.settings_saved(&params.text_document.uri);
                self.tidy();
                self.keep_origins(&params.text_document.uri);
            }
            Notice::Closed(params) => {
                if let Some(document) = self.documents.close(&params.text_document.uri) {
                    self.comparisons.forget(&from_proto::key(&document.uri));
                    self.diagnose_closed(&document.uri);
                }
            }
            Notice::Configured(settings) => {
                // Clients that keep their settings to themselves send null and want to be asked.
                if settings.get("aiOrchestrator").is_some() { self.configure(settings) } else { self.fetch_configuration() }
            }
            Notice::FoldersChanged(params) => {
                let removed: Vec<_> = params.event.removed.iter().filter_map(|folder| from_proto::path(&folder.uri)).collect();
                self.setup.folders.retain(|folder| !removed.contains(folder));
                self.setup.folders.extend(params.event.added.iter().filter_map(|folder| from_proto::path(&folder.uri)));
            }
            Notice::FilesChanged(params) => self.files_changed(&params),
            Notice::ProgressCancelled(token) => self.stop_by_token(&token),
        }
    }

    fn changed(&mut self, params: DidChangeTextDocumentParams) {
        let (uri, version) = (params.text_document.uri, params.text_document.version);
        // Every keystroke comes by here: the address is read once.
        let key = from_proto::key(&uri);
        let Some(document) = self.documents.change(&key, version, &params.content_changes) else {
            tracing::warn!("a change of a document that is not open");
            return;
        };
        let is_paper = papers::kind(document.file_name()).is_some();
        // What comes back from an edit of ours is nobody's typing.
        if !document.is_our_edit() {
            let can_decide = is_paper || document.is_result();
            self.last_edit = Some(Instant::now());
            if can_decide {
                self.note_reload(&uri);
            }
        }
        self.papers_wanted |= is_paper;
        self.touched(key);
    }

    /// A text changed; its goals are looked for when somebody wants to know, once for many edits.
    fn touched(&mut self, key: Key) {
        self.untidy.insert(key.clone());
        self.stale.insert(key);
    }

    pub fn configure(&mut self, settings: Value) {
        self.setup.configure(settings);
        self.read_settings();
    }

    /// Takes settings that were read; documents look for other markers if they name others.
    fn loaded(&mut self, read: &Read) {
        let loaded = &read.loaded;
        let preferences = Preferences::from(&loaded.settings);
        if preferences.markers != self.preferences.markers {
            self.documents.remark(&preferences.markers);
        }
        self.preferences = preferences;
        if self.setup.trusted {
            for (project, trusted) in &read.trusted {
                self.setup.session.entry(project.clone()).or_insert_with(|| trusted.clone());
            }
        }
        self.take_config_problems(read);
        self.stale.extend(self.documents.iter().map(|(key, _)| key.clone()));
    }

    fn fetch_configuration(&mut self) {
        if !self.client.may(Feature::Configuration) {
            return;
        }
        let (editor, inputs) = (self.editor.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let params = json!({"items": [{"section": "aiOrchestrator"}]});
            let answer = editor.ask("workspace/configuration", &params, Duration::from_secs(10)).await;
            if let Answer::Result(Value::Array(sections)) = answer
                && let Some(section) = sections.into_iter().next().filter(Value::is_object)
            {
                inputs.done(Done::Configured(section));
            }
        });
    }

    pub fn update(&mut self, update: Update) {
        self.runs.update(&update);
        self.present(&update);
        if matches!(update.record.event, Event::ToolFinished { .. } | Event::StepStarted { .. }) {
            self.publish_findings(&update.run_id);
        }
        if matches!(update.record.event, Event::StepFinished { .. } | Event::Saved { .. } | Event::ToolFinished { .. }) {
            self.evidence_grew(&update.workspace);
        }
        if let Event::Planned { .. } = update.record.event {
            self.show_wanted_plan(&update.run_id);
        }
        self.runs_changed();
    }

    /// Everything that shows runs is looked at again.
    pub fn runs_changed(&mut self) {
        self.presenter.refresh_wanted = true;
        self.papers_wanted = true;
        let documents: Vec<Key> = self.documents.iter().map(|(key, _)| key.clone()).collect();
        self.stale.extend(documents);
    }

    pub fn done(&mut self, done: Done) {
        match done {
            Done::Started(handle, origin) => {
                let run_id = handle.run_id.clone();
                self.untidy.extend(origin.as_ref().map(|origin| origin.document.clone()));
                self.runs.started(*handle, origin);
                self.begin_progress(&run_id);
                self.show_wanted_plan(&run_id);
                self.runs_changed();
            }
            Done::Loaded(loaded) => {
                self.loaded(&loaded);
                self.presenter.refresh_wanted |= self.client.may(Feature::RunsExtension);
            }
            Done::Rules(rules, provider) => {
                self.rules = Some(rules);
                self.provider = provider;
                self.engine_problem = None;
                self.presenter.refresh_wanted |= self.client.may(Feature::RunsExtension);
                self.stale.extend(self.documents.iter().map(|(key, _)| key.clone()));
            }
            Done::Listed(rows) => {
                self.runs.listed(rows, BTreeMap::new());
                self.runs_changed();
            }
            Done::Found(rows, kept) => self.found_runs(rows, kept),
            Done::Removed(workspaces) => {
                self.runs.forget(&workspaces);
                self.withdraw_findings(&workspaces);
                self.runs_changed();
            }
            Done::Edited { key, tick, answer } => self.edited(&key, tick.as_deref(), &answer),
            Done::Configured(settings) => self.configure(settings),
            Done::Prompted(key, answer) => self.prompted(&key, &answer),
            Done::ProgressCreated(run_id, answer) => self.progress_created(&run_id, &answer),
            Done::Showed(shown, answer) => self.showed(&shown, &answer),
            Done::Registered(answer) => self.client.learn(Feature::WatchedFiles, &answer),
            Done::Refreshed(answer) => self.client.learn(Feature::LensRefresh, &answer),
            Done::HintsRefreshed(answer) => self.client.learn(Feature::HintRefresh, &answer),
            Done::NoEngine(why) => {
                self.engine_problem = Some(why);
                self.presenter.refresh_wanted = true;
            }
            Done::Failed(why) => self.say(&why),
            Done::Show(path) => self.show(&path, true),
            Done::Evidence(workspace, grounds) => self.take_evidence(workspace, grounds),
            Done::Compared(key, compared) => self.take_compared(key, *compared),
            Done::OwnFilesChanged => self.settings_changed(),
        }
    }

    /// When something has to be done although nothing comes in.
    pub fn next_due(&self) -> Option<Instant> {
        let beside = [self.evidence.due(), self.comparisons.due(), self.ticks.due()];
        [self.presenter_due(), self.prompt_due()].into_iter().chain(beside).flatten().min()
    }

    /// Does what is due.
    pub fn settle(&mut self) {
        self.tidy();
        let now = Instant::now();
        self.settle_papers(now);
        self.settle_evidence(now);
        self.settle_prompts(now);
        self.settle_presenter(now);
        self.publish_stale();
        self.settle_claims(now);
    }

    /// Lets go of live runs, resumably, and tells when they have been let go.
    pub fn leave(&mut self, left: oneshot::Sender<()>) {
        self.end_all_progress();
        let live: Vec<_> = self.runs.iter().filter(|run| run.is_live()).filter_map(|run| run.handle.clone()).collect();
        if live.is_empty() {
            let _ = left.send(());
            return;
        }
        tokio::spawn(async move {
            let pauses = live.iter().map(|handle| handle.command(Command::Pause { reason: Some(LEFT.into()) }));
            let _ = tokio::time::timeout(LETTING_GO, futures::future::join_all(pauses)).await;
            let _ = left.send(());
        });
    }
}
