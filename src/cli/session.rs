//! One run at the terminal: one loop, one closed list of inputs, one owner of what the person sees. Knows no rule of the engine.
use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::plan::PlanRules;
use crate::domain::view::{PendingApproval, RunResult};
use crate::domain::{Command, Event, Plan, Question, QuestionId, Result, Subject, Via};
use crate::orchestrator::{RunHandle, Subscription, Update};
use crate::sys::process;

use super::ask::{Asker, Attention, editor};
use super::exit::{Circumstances, quoted};
use super::interrupt::Signals;
use super::loaded;
use super::plan_text::PlanText;
use super::prompt::{Kind, Next, Prompt, kind_of};
use super::render::Renderer;
use super::setup::Setup;
use super::style;
use super::terminal::Terminal;

/// How often elapsed times are redrawn.
const TICK: Duration = Duration::from_millis(200);
/// How long a pause may take after the first signal before the program leaves anyway.
const PATIENCE: Duration = Duration::from_secs(2);

/// Everything that can happen to a session.
enum Input {
    Update(Box<Update>),
    Line(Option<String>),
    Signal,
    Tick,
    /// The pause took too long.
    OutOfPatience,
    Finished(Result<RunResult>),
}

/// A run and the person in front of it.
pub struct Session<'a> {
    pub setup: &'a Setup,
    pub terminal: &'a Terminal,
    pub handle: RunHandle,
    pub updates: Subscription,
    pub renderer: Renderer,
    /// `None` when nobody can be asked.
    pub asker: Option<Asker>,
    pub signals: Signals,
    pub circumstances: Circumstances,
    pub questions: BTreeMap<QuestionId, Question>,
    pub plan: Option<Plan>,
    /// What an edited plan is checked against.
    pub plan_rules: PlanRules,
    pub deadline: Option<tokio::time::Instant>,
}

impl Session<'_> {
    /// Shows the run until the process lets go of it; `None` when the person left before that.
    pub async fn drive(&mut self) -> Result<Option<RunResult>> {
        let handle = self.handle.clone();
        let finished = handle.finished();
        tokio::pin!(finished);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let ticking = self.renderer.needs_ticks();
            let deadline = self.deadline;
            let input = tokio::select! {
                Some(update) = self.updates.recv() => Input::Update(Box::new(update)),
                result = &mut finished => Input::Finished(result),
                line = line_of(&mut self.asker) => Input::Line(line),
                () = self.signals.next() => Input::Signal,
                () = until(deadline) => Input::OutOfPatience,
                _ = ticks.tick(), if ticking => Input::Tick,
            };
            match input {
                Input::Finished(result) => {
                    self.catch_up();
                    self.renderer.clear();
                    return result.map(Some);
                }
                Input::OutOfPatience => return Ok(self.leave()),
                Input::Signal if self.circumstances.interrupted => return Ok(self.leave()),
                Input::Signal => self.pause_for_signal(),
                Input::Tick => self.renderer.tick(self.setup.clock.now()),
                Input::Update(update) => self.take(&update),
                Input::Line(line) => self.on_line(line).await?,
            }
            if self.terminal.is_gone() && !self.circumstances.interrupted {
                self.pause_for_signal();
            }
            self.attend();
        }
    }

    fn leave(&mut self) -> Option<RunResult> {
        self.renderer.clear();
        None
    }

    /// Whether a budget question is open.
    pub fn budget_is_open(&self) -> bool {
        let pending = self.handle.state();
        let about = |pending: &PendingApproval| self.questions.get(&pending.id).map(|question| &question.subject);
        pending.pending_approvals.iter().any(|pending| matches!(about(pending), Some(Subject::Budget { .. })))
    }

    fn take(&mut self, update: &Update) {
        if update.run_id != self.handle.run_id {
            return;
        }
        match &update.record.event {
            Event::Asked { question } => {
                self.questions.insert(question.id.clone(), question.clone());
            }
            Event::Planned { plan, .. } => self.plan = Some(plan.clone()),
            _ => {}
        }
        self.renderer.update(update, self.setup.clock.now());
    }

    /// Takes what was published and not looked at yet.
    fn catch_up(&mut self) {
        while let Ok(update) = self.updates.try_recv() {
            self.take(&update);
        }
    }

    fn pause_for_signal(&mut self) {
        self.circumstances.interrupted = true;
        self.deadline = Some(tokio::time::Instant::now() + PATIENCE);
        self.renderer.hide();
        if !self.terminal.is_gone() {
            self.terminal.err("\npausing; once more leaves at once");
        }
        self.asker = None;
        self.pause("interrupted");
    }

    /// Gives the order and does not wait: the run's end comes as an input.
    fn pause(&self, reason: &str) {
        let (handle, reason) = (self.handle.clone(), Some(reason.to_owned()));
        tokio::spawn(async move { handle.command(Command::Pause { reason }).await });
    }

    /// Brings what is asked in line with what is open.
    fn attend(&mut self) {
        if self.circumstances.decide_later {
            return;
        }
        loop {
            let Some(asker) = &mut self.asker else { return };
            let state = self.handle.state();
            match asker.attention(&state) {
                Attention::Keep | Attention::Idle => return,
                Attention::Withdraw => {
                    asker.withdraw();
                    self.terminal.err("\nthe question was decided elsewhere, or it changed");
                    self.renderer.show(self.setup.clock.now());
                }
                Attention::Blocked => {
                    self.circumstances.decide_later = true;
                    self.pause("waiting for an approval");
                    return;
                }
                Attention::Show(pending) => {
                    self.catch_up();
                    self.put(&pending);
                    return;
                }
            }
        }
    }

    /// Shows a question with its choices and waits for a line.
    fn put(&mut self, pending: &PendingApproval) {
        self.renderer.hide();
        let kind = kind_of(pending, self.questions.get(&pending.id));
        let paint = self.terminal.paint_err();
        let width = self.terminal.width_err();
        let state = self.handle.state();
        let plan = self.plan.clone().or_else(|| self.setup.plan_of(&self.handle.workspace));
        let plan = (kind == Kind::Plan).then(|| plan.as_ref().map_or_else(|| PlanText::from(&*state), PlanText::from));
        let budget = self.budget_note();
        let file = style::shown_path(&self.handle.workspace.join("plan.md"), self.setup.environment.current_dir());
        let shown = Shown { pending, plan, budget: &budget, file: &file };
        self.terminal.err(&format!("\n{}", shown.lines(width, paint).join("\n")));
        let prompt = Prompt::new(kind, pending.hash.clone());
        self.terminal.prompt(&prompt.ask(paint));
        if let Some(asker) = &mut self.asker {
            asker.open = Some((pending.id.clone(), prompt));
            asker.reader.want();
        }
    }

    fn budget_note(&self) -> String {
        let settings = &self.setup.settings;
        let provider = &self.renderer.look.provider;
        match (settings.cost_tracking, provider.as_str(), settings.per_run_usd) {
            (false, _, _) => String::new(),
            (true, "offline", _) => "Cost: none, the offline provider is free".into(),
            (true, _, Some(limit)) => format!("Budget: at most {} for this run", style::money(Some(limit))),
            (true, _, None) => "Budget: no limit in money".into(),
        }
    }

    async fn on_line(&mut self, line: Option<String>) -> Result<()> {
        let paint = self.terminal.paint_err();
        let Some(asker) = &mut self.asker else { return Ok(()) };
        asker.at_end |= line.is_none();
        if std::mem::take(&mut asker.void_line) {
            if let Some((_, prompt)) = &asker.open {
                self.terminal.err("that line came for the question before; it decided nothing");
                self.terminal.prompt(&prompt.ask(paint));
                asker.reader.want();
            }
            return Ok(());
        }
        let Some((id, mut prompt)) = asker.open.take() else { return Ok(()) };
        match prompt.on_line(line.as_deref()) {
            Next::Decided(decision) => {
                let answer = Command::Answer { id, hash: Some(prompt.hash), decision, via: Via::CommandLine };
                self.order(answer).await?;
            }
            Next::Edit => self.edit(&id).await?,
            Next::Later => {
                asker.deferred.insert(id);
            }
            Next::Again(why) => {
                self.terminal.err(&why);
                self.ask_on(id, prompt);
                return Ok(());
            }
            Next::More => {
                self.ask_on(id, prompt);
                return Ok(());
            }
        }
        self.renderer.show(self.setup.clock.now());
        Ok(())
    }

    fn ask_on(&mut self, id: QuestionId, prompt: Prompt) {
        self.terminal.prompt(&prompt.ask(self.terminal.paint_err()));
        if let Some(asker) = &mut self.asker {
            asker.open = Some((id, prompt));
            asker.reader.want();
        }
    }

    /// Gives an order that answers the person; a refusal is said, and the question is put again where it is still open.
    async fn order(&mut self, command: Command) -> Result<()> {
        let outcome = self.handle.command(command).await?;
        if !outcome.done {
            let reason = outcome.reason.unwrap_or_else(|| "it was refused".into());
            self.terminal.warning(&reason, None);
        }
        Ok(())
    }

    /// Opens what is asked about in the person's editor: the plan, or a step's result where it waits.
    async fn edit(&mut self, id: &QuestionId) -> Result<()> {
        let state = self.handle.state();
        let pending = state.pending_approvals.iter().find(|pending| pending.id == *id);
        let proposal = pending.and_then(|pending| pending.proposal.as_ref().zip(pending.step.clone()));
        let path = self.handle.workspace.join(proposal.as_ref().map_or("plan.md", |(path, _)| path.as_str()));
        let words = editor(&self.setup.environment);
        let ended = process::run_interactive(&words, path.as_os_str()).await;
        self.signals.forget();
        match (ended, proposal) {
            (Err(error), _) => self.terminal.error(&error),
            (Ok(status), _) if !status.success() => {
                let what = format!("the editor ended with {status}; nothing is taken from it");
                self.terminal.warning(&what, Some(&format!("edit {} by other means, then answer here", quoted(&path))));
            }
            (Ok(_), Some((_, step))) => self.order(Command::EditResult { step }).await?,
            (Ok(_), None) => match self.setup.plan_text(&self.handle.workspace) {
                Ok(text) => self.take_edit(text).await?,
                Err(error) => self.terminal.error(&error),
            },
        }
        self.catch_up();
        Ok(())
    }

    /// A plan that cannot start is told here, where the lines are still fresh; the run keeps the plan it had.
    async fn take_edit(&mut self, text: String) -> Result<()> {
        let problems = loaded::plan_problems(&text, &self.plan_rules);
        if problems.is_empty() {
            return self.order(Command::EditPlan { text }).await;
        }
        for problem in &problems {
            self.terminal.warning(&format!("plan.md {problem}"), None);
        }
        self.terminal.hint("edit it again; until then the plan stands as before");
        Ok(())
    }
}

/// What a person sees of a question.
pub struct Shown<'a> {
    pub pending: &'a PendingApproval,
    pub plan: Option<PlanText>,
    pub budget: &'a str,
    /// The plan's file, where a person can read all of it.
    pub file: &'a str,
}

impl Shown<'_> {
    /// The lines to print before the choices.
    pub fn lines(&self, width: usize, paint: style::Paint) -> Vec<String> {
        let pending = self.pending;
        let mut lines = Vec::new();
        match &self.plan {
            Some(plan) => {
                lines.extend(plan.lines(width, paint));
                lines.extend((!self.budget.is_empty()).then(|| paint.dim(&style::cut(self.budget, width))));
            }
            None => lines.push(paint.bold(&style::cut(&format!("{}: {}", pending.id, style::one_line(&pending.what)), width))),
        }
        // The plan's own text stands in the table already; what else is said about it does not.
        let repeats = self.plan.is_some() && pending.detail.contains("- [");
        if !pending.detail.is_empty() && !repeats {
            // The detail is Markdown, and a terminal follows no link.
            let detail = style::harmless(&pending.detail).replace("[plan.md](plan.md)", "plan.md");
            lines.extend(detail.lines().map(|line| format!("  {line}")));
        }
        lines.extend(self.plan.as_ref().map(|_| paint.dim(&format!("  {}", self.file))));
        lines
    }
}

async fn line_of(asker: &mut Option<Asker>) -> Option<String> {
    match asker {
        Some(asker) => asker.reader.line().await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
