//! One run's loop: ask the engine what next, write down, do, and wait for what happens. Owns the run's state and journal; nobody else changes them.
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Sleep;

use crate::domain::event::NoteLevel;
use crate::domain::{Error, Event, Policy, Record, Result, RunState, RunStatus};
use crate::engine::wish::WishKey;
use crate::engine::{Wish, Workflow, schedule};
use crate::llm::Provider;
use crate::tools::Held;
use crate::tools::mcp::ServerSpec;
use crate::workspace::jail::Jail;
use crate::workspace::{Journal, Lease, Workspace};

use super::effects::{Done, Report, Task};
use super::letters::{Heard, Letters, Opened};
use super::outlook::{Outlook, PAUSE};
use super::run::{Order, RunHandle};
use super::servers::Servers;
use super::shared::{Shared, WhenBlocked};
use super::spans::Spans;
use super::spending::Spending;

/// What a driver starts with.
pub(super) struct Parts {
    pub workspace: Workspace,
    pub lease: Lease,
    pub journal: Journal,
    pub records: Vec<Record>,
    pub policy: Policy,
    pub provider: Arc<dyn Provider>,
    /// The tools that exist in this run.
    pub tools: Vec<Held>,
    /// The servers that may be started for it.
    pub servers: Vec<ServerSpec>,
    /// The text of a given plan.
    pub plan: Option<String>,
    /// Written down before anything else.
    pub first: Vec<Event>,
}

pub(super) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) handle: RunHandle,
    pub(super) workspace: Arc<Workspace>,
    /// One for the whole run, so that what all steps wrote counts against its quotas.
    pub(super) jail: Arc<Jail>,
    _lease: Lease,
    pub(super) journal: Option<Journal>,
    /// A tool wrote a file since the journal was last made durable.
    pub(super) wrote_unsynced: bool,
    /// How long the journal took to reach the disk when it was last asked to.
    pub(super) sync_took: Duration,
    /// What was written down must be durable before anything follows from it.
    pub(super) owes_sync: bool,
    pub(super) workflow: Workflow,
    pub(super) policy: Policy,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) tools: Vec<Held>,
    pub(super) servers: Servers,
    pub(super) given_plan: Option<String>,
    first: Vec<Event>,
    /// The transcripts that steps of this sitting were given: their files may not stand yet.
    pub(super) logs: std::collections::BTreeSet<String>,
    pub(super) outlook: Outlook,
    pub(super) spans: Spans,
    pub(super) last_refresh: Option<std::time::Instant>,
    begun: std::time::Instant,
    /// Set once for as long as it holds: a timer that is set anew at every turn wakes a thread each time.
    pub(super) alarm: Option<Pin<Box<Sleep>>>,
    pub(super) spending: Spending,
    /// Written down, and not yet told to whoever listens.
    pub(super) untold: Vec<(Record, Option<Arc<RunState>>)>,
    pub(super) under_way: BTreeMap<WishKey, Task>,
    pub(super) report: Report,
    done: mpsc::UnboundedReceiver<Done>,
    orders: mpsc::UnboundedReceiver<Order>,
    letters: Letters,
    pub(super) state: watch::Sender<Arc<RunState>>,
}

/// What woke the driver.
enum Woken {
    Done(Box<Done>),
    Order(Box<Order>),
    Letter(Box<Opened>),
    PlanChanged,
    Alarm,
    TimedOut,
}

impl Driver {
    pub fn new(
        shared: Arc<Shared>,
        handle: RunHandle,
        workflow: Workflow,
        (parts, orders, state): (Parts, mpsc::UnboundedReceiver<Order>, watch::Sender<Arc<RunState>>),
    ) -> Self {
        let (report, done) = mpsc::unbounded_channel();
        let letters = Letters::open(&shared, &parts.workspace);
        let settings = &shared.settings;
        let jail = parts.workspace.jail(settings.allowed_file_extensions.clone()).fenced(settings.sandbox_mode).durable(shared.durable);
        let mut outlook = Outlook::new(shared.settings.enable_logging);
        outlook.history = crate::workspace::History::of(&parts.records);
        if let Some(plan) = &workflow.plan {
            outlook.plan_taken(super::outlook::marked(&workflow, &plan.text));
        }
        let spans = Spans::new(parts.workspace.path().to_string_lossy().into_owned());
        Driver {
            outlook,
            spans,
            workspace: Arc::new(parts.workspace),
            jail: Arc::new(jail),
            _lease: parts.lease,
            journal: Some(parts.journal),
            wrote_unsynced: false,
            sync_took: Duration::MAX,
            owes_sync: false,
            policy: parts.policy,
            provider: parts.provider,
            tools: parts.tools,
            servers: Servers::new(parts.servers),
            given_plan: parts.plan,
            first: parts.first,
            logs: std::collections::BTreeSet::new(),
            last_refresh: None,
            begun: shared.clock.instant(),
            alarm: None,
            spending: Spending::default(),
            untold: Vec::new(),
            under_way: BTreeMap::new(),
            shared,
            handle,
            workflow,
            report,
            done,
            orders,
            letters,
            state,
        }
    }

    /// The first records: once this returns, the run exists on disk.
    pub async fn begin(&mut self) -> Result<()> {
        self.check_plan_on_disk().await?;
        let first = std::mem::take(&mut self.first);
        self.write_down(first)?;
        if self.workflow.plan.is_some() {
            // A plan edited while nobody held the run counts as it stands in the file; it was checked just now.
            let _ = self.take_plan_from_disk().await?;
        }
        Ok(())
    }

    /// Works until the run lets go. An error is one of our own disk's; what is in the journal stays resumable. `settled` is what came of
    /// settling first.
    pub async fn run(&mut self, settled: Result<()>) -> Result<()> {
        let outcome = match settled {
            Ok(()) => self.work().await,
            failed => failed,
        };
        self.under_way.clear();
        if let Err(error) = &outcome {
            let _ = self.enter_spend().await;
            self.publish_failure(error);
        }
        let refreshed = self.refresh().await;
        outcome.and(refreshed)
    }

    async fn work(&mut self) -> Result<()> {
        loop {
            self.settle().await?;
            if self.workflow.finished.is_some() {
                return self.enter_spend().await;
            }
            if self.is_blocked() && self.lets_go() {
                let reason = Some("waits for an approval".to_owned());
                self.commit(vec![Event::RunFinished { status: RunStatus::WaitingApproval, reason }]).await?;
                return self.enter_spend().await;
            }
            let woken = self.wait().await;
            self.handle_woken(woken).await?;
        }
    }

    /// Nothing is under way, and only a person can move the run.
    fn is_blocked(&self) -> bool {
        self.under_way.is_empty() && !self.servers.are_starting() && !self.workflow.questions.is_empty()
    }

    fn lets_go(&self) -> bool {
        let plan_only = self.workflow.goal().is_some_and(|goal| goal.plan_only);
        plan_only || self.shared.when_blocked == WhenBlocked::LetGo
    }

    /// Fulfils wishes until none is left that can be fulfilled on the spot. The views wait for the end of it, the models do not.
    pub async fn settle(&mut self) -> Result<()> {
        loop {
            let wishes = schedule::next(&self.workflow, &self.policy);
            self.stop_unwished(&wishes);
            let mut events = Vec::new();
            let mut to_start = Vec::new();
            for wish in wishes {
                if self.waits_for_servers(&wish, &mut events) {
                    continue;
                }
                match self.key(&wish) {
                    Some(key) if self.under_way.contains_key(&key) => {}
                    Some(key) => {
                        let request = self.request_of(&wish);
                        events.extend(self.announce(&wish, request.as_ref()));
                        to_start.push((key, (wish, request)));
                    }
                    None => events.extend(self.fulfil(wish).await?),
                }
            }
            if events.is_empty() && to_start.is_empty() {
                return self.tell().await;
            }
            self.write_down(events)?;
            // Of tools that write, only the last may be in doubt after a power cut: what it did can be told from the file.
            let in_doubt = self.wrote_unsynced && to_start.iter().any(|(_, (wish, _))| self.writes(wish));
            if in_doubt || self.owes_sync && !to_start.is_empty() {
                self.sync().await?;
            }
            for (key, wish) in to_start {
                if let Some(events) = self.start_work(key, wish)? {
                    self.write_down(events)?;
                }
            }
        }
    }

    fn key(&self, wish: &Wish) -> Option<WishKey> {
        let attempt = wish.step().and_then(|step| self.workflow.step(step)).map_or(0, |state| state.attempt);
        wish.key(attempt)
    }

    /// Work that the engine no longer wishes for is stopped: its step was skipped or reopened, or the run ended. Wishes that only write
    /// something down come before all others and say nothing about work; those of the next round do.
    fn stop_unwished(&mut self, wishes: &[Wish]) {
        let only_records = !wishes.is_empty() && wishes.iter().all(|wish| matches!(wish, Wish::Record(_)));
        if self.under_way.is_empty() || only_records {
            return;
        }
        let wished: Vec<WishKey> = wishes.iter().filter_map(|wish| self.key(wish)).collect();
        self.under_way.retain(|key, _| wished.contains(key));
    }

    /// Writes events down, makes them durable where they must be, and only then lets anyone know.
    pub(super) async fn commit(&mut self, events: Vec<Event>) -> Result<()> {
        self.write_down(events)?;
        self.tell().await
    }

    /// Writes events down and takes them in. What has to be durable among them is owed a sync, before anything follows from it and before
    /// anyone knows; until then more may join it.
    fn write_down(&mut self, events: Vec<Event>) -> Result<()> {
        let now = self.shared.clock.now();
        for event in events {
            let Some(journal) = &mut self.journal else { return Err(Error::internal("the journal is gone")) };
            self.owes_sync |= event.is_durable();
            self.wrote_unsynced |= event.is_written_file();
            let record = journal.append(now, event)?;
            let update = self.take(record);
            self.untold.push(update);
        }
        Ok(())
    }

    fn writes(&self, wish: &Wish) -> bool {
        matches!(wish, Wish::RunTool { call, .. } if !self.policy.read_only_tools.contains(&call.name))
    }

    async fn wait(&mut self) -> Woken {
        if self.alarm.is_none() {
            self.alarm = self.alarm_in().map(|left| Box::pin(tokio::time::sleep(left)));
        }
        let mut patience = (self.policy.question_timeout_minutes > 0 && self.is_blocked())
            .then(|| Box::pin(tokio::time::sleep(Duration::from_secs(self.policy.question_timeout_minutes * 60))));
        tokio::select! {
            Some(done) = self.done.recv() => Woken::Done(Box::new(done)),
            Some(order) = self.orders.recv() => Woken::Order(Box::new(order)),
            heard = self.letters.next() => match heard {
                Heard::Order(letter) => Woken::Letter(Box::new(letter)),
                Heard::PlanChanged => Woken::PlanChanged,
            },
            () = ring(self.alarm.as_mut()) => Woken::Alarm,
            () = ring(patience.as_mut()) => Woken::TimedOut,
        }
    }

    /// How long until the views are due, or the watch over the plan's file: nobody edits the plan of a run that is over at once, and the
    /// run's own files would be told to it one by one.
    fn alarm_in(&self) -> Option<Duration> {
        let views = self.outlook.dirty.then(|| self.last_refresh.map_or(Duration::ZERO, |last| PAUSE.saturating_sub(self.since(last))));
        let watch = (!self.letters.watch_tried()).then(|| PAUSE.saturating_sub(self.since(self.begun)));
        views.into_iter().chain(watch).min()
    }

    async fn take_alarm(&mut self) -> Result<()> {
        self.alarm = None;
        if !self.letters.watch_tried() {
            self.letters.watch_plan(&self.shared, &self.workspace);
            let _ = self.take_plan_from_disk().await?;
        }
        self.enter_spend().await?;
        self.refresh().await
    }

    async fn handle_woken(&mut self, woken: Woken) -> Result<()> {
        match woken {
            Woken::Done(done) => self.take_done(*done).await,
            Woken::Order(order) => {
                let outcome = self.obey(order.command).await?;
                let _ = order.outcome.send(outcome);
                Ok(())
            }
            Woken::Letter(letter) => {
                let outcome = self.obey(letter.command.clone()).await?;
                letter.reply(&outcome);
                Ok(())
            }
            Woken::PlanChanged => self.take_plan_from_disk().await.map(|_| ()),
            Woken::Alarm => self.take_alarm().await,
            Woken::TimedOut => {
                let reason = format!("nobody answered within {} minutes", self.policy.question_timeout_minutes);
                self.commit(vec![Event::RunFinished { status: RunStatus::Paused, reason: Some(reason) }]).await
            }
        }
    }

    /// Takes this report and all others that are there, so that they share one sync of the disk.
    async fn take_done(&mut self, first: Done) -> Result<()> {
        let mut events = Vec::new();
        let mut next = Some(first);
        while let Some(done) = next {
            self.event_of(done, &mut events)?;
            next = self.done.try_recv().ok();
        }
        self.count_spend(&events);
        self.write_down(events)?;
        if self.is_near_the_days_limit() { self.enter_spend().await } else { Ok(()) }
    }

    fn event_of(&mut self, done: Done, events: &mut Vec<Event>) -> Result<()> {
        match done {
            Done::Retry { step, ordinal, reason, wait_ms } => events.push(Event::Retry { step, ordinal, reason, wait_ms }),
            Done::Server { name, outcome } => self.server_started(&name, outcome, events),
            Done::Call { step, attempt, ordinal, outcome } => {
                // A reply that was paid for is kept even when its step was stopped meanwhile.
                self.under_way.remove(&WishKey::Call(step.clone(), attempt, ordinal));
                events.push(super::effects::call_finished(step, ordinal, outcome));
            }
            Done::Tool { step, attempt, call, outcome } => {
                if self.under_way.remove(&WishKey::Tool(step.clone(), attempt, call.id.clone())).is_none() {
                    return Ok(());
                }
                if let Some(failure) = outcome.disk_failure {
                    return Err(Error::new(crate::domain::ErrorKind::Disk, format!("{} in step {step}: {failure}", call.name))
                        .hint("check the disk and the workspace folder, then resume"));
                }
                events.push(super::effects::tool_finished(step, call, outcome));
            }
        }
        Ok(())
    }

    pub(super) async fn warn(&mut self, text: String) -> Result<()> {
        self.commit(vec![schedule::note(NoteLevel::Warning, text)]).await
    }
}

/// Waits for the alarm; for ever where none is set.
async fn ring(alarm: Option<&mut Pin<Box<Sleep>>>) {
    match alarm {
        Some(alarm) => alarm.await,
        None => std::future::pending().await,
    }
}
