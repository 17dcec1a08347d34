//! What next? The one function that turns the state of a run into wishes. Called after every event; never does anything.
use crate::domain::event::{Event, NoteLevel};
use crate::domain::{Decision, Policy, Question, RunStatus, Step, StepId, StepStatus, Subject, ToolCall, Via};

use super::approval::{self, Judgement};
use super::budget::{self, Fit, Room, Worst};
use super::planner::{self, Planning};
use super::replan;
use super::review;
use super::step::{Conversation, StepState};
use super::turn::{self, Turn};
use super::wish::Wish;
use super::workflow::Workflow;

/// Everything to be done now. Empty while the run waits for work under way or for a person.
pub fn next(workflow: &Workflow, policy: &Policy) -> Vec<Wish> {
    if workflow.run.is_none() || workflow.finished.is_some() {
        return Vec::new();
    }
    if let Some(reason) = &workflow.parked {
        return vec![Wish::Finish { status: RunStatus::Parked, reason: Some(reason.clone()) }];
    }
    if let Some(answer) = automatic_answer(workflow, policy) {
        return vec![answer];
    }
    let Some(plan) = &workflow.plan else { return plan_wish(workflow, policy) };
    if let Some(rejected) = &workflow.plan_rejected {
        let note = rejected.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        return vec![Wish::Finish { status: RunStatus::Cancelled, reason: Some(format!("plan rejected{note}")) }];
    }
    let single = workflow.goal().is_some_and(|goal| goal.single.is_some());
    if !plan.approved && !single {
        return ask_for_plan(workflow, policy);
    }
    let settled = settle_steps(workflow);
    if !settled.is_empty() {
        return settled;
    }
    if let Some(finish) = finish(workflow) {
        let failed = matches!(finish, Wish::Finish { status: RunStatus::Failed, .. });
        return if failed { replan_or(workflow, policy, finish) } else { vec![finish] };
    }
    work(workflow, policy)
}

/// A question that needs no person is answered at once, and stands in the journal like any other.
fn automatic_answer(workflow: &Workflow, policy: &Policy) -> Option<Wish> {
    workflow.questions.iter().find_map(|question| {
        let decision = approval::automatic(workflow, policy, question)?;
        Some(record(Event::Answered { id: question.id.clone(), hash: question.hash.clone(), decision, via: Via::Policy }))
    })
}

fn record(event: Event) -> Wish {
    Wish::Record(Box::new(event))
}

fn ask(question: Question) -> Wish {
    Wish::Ask(Box::new(question))
}

/// One agent needs no planner; a model plans where there is one, else the rules do.
fn plan_wish(workflow: &Workflow, policy: &Policy) -> Vec<Wish> {
    let single = workflow.goal().is_some_and(|goal| goal.single.is_some());
    if single || !policy.plan_by_model {
        return vec![Wish::Plan { made: None, reason: None }];
    }
    match planner::next(workflow, policy) {
        Planning::Made(plan) => vec![Wish::Plan { made: Some(Box::new(plan)), reason: None }],
        Planning::ByRules(reason) => vec![Wish::Plan { made: None, reason: Some(reason) }],
        ask @ Planning::Ask { .. } => planner_call(workflow, policy, ask, &workflow.planner),
    }
}

/// A call about the plan, if the budget has room for it.
fn planner_call(workflow: &Workflow, policy: &Policy, ask: Planning, conversation: &Conversation) -> Vec<Wish> {
    let Planning::Ask { ordinal, note, mut request } = ask else { return Vec::new() };
    let mut calls = Calls::new(workflow, policy, &[]);
    let mut max = request.max_output_tokens;
    if conversation.open.is_none() && calls.reserve(|| budget::ask_of(policy, &request), &mut max).is_none() {
        return if budget::is_asked(workflow) { Vec::new() } else { vec![budget_wish(workflow, policy)] };
    }
    request.max_output_tokens = max;
    vec![Wish::CallModel { step: request.brief.step.clone(), ordinal, note, max_output_tokens: max, request: Some(request) }]
}

/// Before a run fails, the rest may be planned once more; where that comes to nothing, it ends.
fn replan_or(workflow: &Workflow, policy: &Policy, finish: Wish) -> Vec<Wish> {
    match replan::next(workflow, policy) {
        replan::Next::Nothing => vec![finish],
        replan::Next::Wait => Vec::new(),
        replan::Next::Ask(question) => vec![Wish::Ask(question)],
        replan::Next::PutInForce(plan) => vec![Wish::Plan { made: Some(plan), reason: None }],
        replan::Next::Call(ask) => planner_call(workflow, policy, ask, &workflow.replanner),
    }
}

/// Asks about the plan, and again under the same id when its text changed since.
fn ask_for_plan(workflow: &Workflow, policy: &Policy) -> Vec<Wish> {
    let mut question = approval::plan_question(workflow);
    if let Some(estimate) = budget::estimate(workflow, policy) {
        question.detail = format!("{} {estimate}", question.detail);
    }
    match workflow.questions.iter().find(|open| open.subject == Subject::Plan) {
        Some(open) if open.hash == question.hash => Vec::new(),
        _ => vec![ask(question)],
    }
}

/// Steps that end without work: skipped ones, and those whose needs failed.
fn settle_steps(workflow: &Workflow) -> Vec<Wish> {
    let pending = workflow.plan_steps().iter().filter(|step| workflow.step_status(&step.id) == StepStatus::Pending);
    pending.filter_map(|step| settle(workflow, step)).collect()
}

fn settle(workflow: &Workflow, step: &Step) -> Option<Wish> {
    let finished = |status, error| record(Event::StepFinished { step: step.id.clone(), status, output_file: None, error });
    if step.skip {
        return Some(finished(StepStatus::Skipped, None));
    }
    let lost = step.needs.iter().find(|need| matches!(workflow.step_status(need), StepStatus::Failed | StepStatus::Cancelled))?;
    Some(finished(StepStatus::Failed, Some(format!("step {lost}, which it needs, did not complete"))))
}

fn finish(workflow: &Workflow) -> Option<Wish> {
    let statuses: Vec<StepStatus> = workflow.plan_steps().iter().map(|step| workflow.step_status(&step.id)).collect();
    // Whether a finished step is done again is for a person to say, and holds the end.
    let asked_again = workflow.questions.iter().any(|question| question.subject == Subject::Retry);
    if asked_again || !statuses.iter().all(|status| status.is_end()) {
        return None;
    }
    let failed = statuses.iter().filter(|status| **status == StepStatus::Failed).count();
    let cancelled = statuses.contains(&StepStatus::Cancelled);
    let (status, reason) = match failed {
        0 if cancelled => (RunStatus::Cancelled, Some("steps were cancelled".to_owned())),
        0 => (RunStatus::Completed, None),
        count => (RunStatus::Failed, Some(format!("{count} of {} steps failed", statuses.len()))),
    };
    Some(Wish::Finish { status, reason })
}

/// The wishes of running steps, then of those that can start.
fn work(workflow: &Workflow, policy: &Policy) -> Vec<Wish> {
    let mut wishes = Vec::new();
    let running: Vec<(&Step, &StepState)> = workflow
        .plan_steps()
        .iter()
        .filter_map(|step| workflow.step(&step.id).filter(|state| state.status == StepStatus::Running).map(|state| (step, state)))
        .collect();
    let mut calls = Calls::new(workflow, policy, &running);
    for (step, state) in &running {
        run_step(workflow, policy, (step, state), &mut calls, &mut wishes);
    }
    let busy = running.iter().filter(|(step, _)| workflow.step_status(&step.id) == StepStatus::Running).count();
    let free = policy.max_parallel.max(1).saturating_sub(busy);
    let ready = workflow.plan_steps().iter().filter(|step| workflow.is_ready(step)).take(free);
    wishes.extend(ready.map(|step| Wish::StartStep { step: step.id.clone(), attempt: attempt_of(workflow, &step.id) + 1 }));
    wishes
}

fn attempt_of(workflow: &Workflow, id: &StepId) -> u32 {
    workflow.step(id).map_or(0, |state| state.attempt)
}

/// Model calls that share one budget.
struct Calls<'a> {
    workflow: &'a Workflow,
    policy: &'a Policy,
    /// Steps whose call is under way.
    open: Vec<(&'a Step, &'a StepState)>,
    /// Measured when the first call asks for it: that takes rendering the calls under way.
    room: Option<Room>,
    /// Agents that may ask their model now: one that waited for a person takes a place again only when there is one.
    places: usize,
    asked: bool,
    /// There is a budget at all.
    limited: bool,
}

impl<'a> Calls<'a> {
    fn new(workflow: &'a Workflow, policy: &'a Policy, running: &[(&'a Step, &'a StepState)]) -> Self {
        let limited = budget::is_limited(workflow, policy);
        let open: Vec<_> = running.iter().filter(|(_, state)| state.conversation.open.is_some()).copied().collect();
        let places = policy.max_parallel.max(1).saturating_sub(open.len());
        Calls { workflow, policy, open, room: None, places, asked: budget::is_asked(workflow), limited }
    }

    /// What the calls under way leave.
    fn room(&mut self) -> &mut Room {
        let (policy, open) = (self.policy, &self.open);
        let worst = |(step, state): &(&Step, &StepState)| {
            let call = state.conversation.open.as_ref()?;
            let ask = budget::ask(policy, (step, state), (None, call.max_output_tokens));
            Some(ask.worst(ask.output))
        };
        self.room.get_or_insert_with(|| {
            let reserved: Vec<Worst> = open.iter().filter_map(worst).collect();
            Room::new(self.workflow, policy, &reserved)
        })
    }

    /// The wish for a step's next call, if the budget has room for it.
    fn wish(&mut self, step: &Step, state: &StepState, (note, mut max): (Option<String>, Option<u32>)) -> Option<Wish> {
        let ordinal = match &state.conversation.open {
            Some(open) => open.ordinal,
            None => {
                self.places.checked_sub(1)?;
                let (policy, limit) = (self.policy, max);
                self.reserve(|| budget::ask(policy, (step, state), (note.as_deref(), limit)), &mut max)?;
                self.places -= 1;
                state.conversation.ordinal + 1
            }
        };
        Some(Wish::CallModel { step: step.id.clone(), ordinal, note, max_output_tokens: max, request: None })
    }

    fn reserve(&mut self, ask: impl FnOnce() -> budget::Ask, max: &mut Option<u32>) -> Option<()> {
        if self.asked || !self.limited {
            return (!self.asked).then_some(());
        }
        match self.room().take(&ask()) {
            Fit::Yes => Some(()),
            Fit::Shrunk(output) => {
                *max = Some(output);
                Some(())
            }
            Fit::Wait => None,
            Fit::No => {
                self.asked = true;
                None
            }
        }
    }
}

fn run_step(workflow: &Workflow, policy: &Policy, (step, state): (&Step, &StepState), calls: &mut Calls<'_>, wishes: &mut Vec<Wish>) {
    match turn::next(step, state, policy) {
        Turn::Call { note, max_output_tokens } => {
            let was_asked = calls.asked;
            wishes.extend(calls.wish(step, state, (note, max_output_tokens)));
            if calls.asked && !was_asked {
                wishes.push(budget_wish(workflow, policy));
            }
        }
        Turn::Tools => {
            for call in turn::due_calls(state, policy) {
                wishes.extend(tool(workflow, policy, (step, state), call, wishes));
            }
        }
        Turn::HandOver { text, exceeded } => wishes.push(record(Event::HandedOver { step: step.id.clone(), text, exceeded })),
        Turn::SaveText(text) => wishes.push(Wish::SaveText { step: step.id.clone(), path: step.output.clone(), text, verbatim: false }),
        // What the agent had delivered before the findings came back still stands.
        Turn::Fail(error) if state.reworks > 0 && state.wrote.contains(&step.output) => {
            let text = format!("the findings could not be worked in: {error}");
            wishes.push(record(Event::Note { level: NoteLevel::Warning, text, step: Some(step.id.clone()) }));
            wishes.push(finished(step, StepStatus::Completed, None));
        }
        Turn::Fail(error) => wishes.push(finished(step, StepStatus::Failed, Some(error))),
        Turn::Done => match review::next(workflow, step, state) {
            review::Move::Settled => wishes.extend(done(workflow, policy, step, state)),
            review::Move::Wait => {}
            review::Move::Do(review) => wishes.extend(review),
        },
    }
}

/// Going past the budget: a person is asked; where a refusal stands already, or nobody is there, the run pauses.
fn budget_wish(workflow: &Workflow, policy: &Policy) -> Wish {
    if budget::is_the_days(workflow, policy) {
        let reason = "budget reached: the day's limit (budget.per_day_usd)";
        return Wish::Finish { status: RunStatus::Paused, reason: Some(reason.into()) };
    }
    let refused =
        workflow.decided.iter().any(|decided| matches!(decided.question.subject, Subject::Budget { .. }) && !decided.decision.approved);
    if refused || !policy.interactive {
        return Wish::Finish { status: RunStatus::Paused, reason: Some("budget reached".into()) };
    }
    ask(budget::question(workflow, policy))
}

fn finished(step: &Step, status: StepStatus, error: Option<String>) -> Wish {
    let output_file = (status == StepStatus::Completed).then(|| step.output.clone());
    record(Event::StepFinished { step: step.id.clone(), status, output_file, error })
}

fn tool(workflow: &Workflow, policy: &Policy, (step, state): (&Step, &StepState), call: &ToolCall, wishes: &[Wish]) -> Option<Wish> {
    match approval::judge(workflow, policy, step, call) {
        Judgement::Allow => {
            let rerun = turn::was_started(state, &call.id);
            Some(Wish::RunTool { step: step.id.clone(), call: call.clone(), rerun })
        }
        Judgement::Deny(reason) => Some(record(Event::ToolFinished {
            step: step.id.clone(),
            call_id: call.id.clone(),
            tool: call.name.clone(),
            ok: false,
            summary: crate::domain::goal::shorten(&reason, 160),
            content: reason,
            touched: Vec::new(),
        })),
        // One new question at a time: the next one gets its id once this one stands in the journal.
        Judgement::Ask(question) => {
            let asking = wishes.iter().any(|wish| matches!(wish, Wish::Ask(_)));
            question.filter(|_| !asking).map(|question| ask(*question))
        }
    }
}

/// The output is there: the step completes, or a person looks at it first.
fn done(workflow: &Workflow, policy: &Policy, step: &Step, state: &StepState) -> Option<Wish> {
    let asks = approval::result_asks(policy, step);
    match state.result_decided {
        Some(false) => {
            let decided = workflow.decided.iter().rev();
            let mine = decided.filter(|decided| decided.question.step.as_ref() == Some(&step.id));
            let decision = mine.map(|decided| &decided.decision).next();
            Some(finished(step, StepStatus::Failed, Some(rejection(decision))))
        }
        None if asks => {
            let open = workflow
                .questions
                .iter()
                .any(|question| question.step.as_ref() == Some(&step.id) && question.subject == Subject::StepResult);
            (!open).then(|| ask(approval::result_question(workflow, step)))
        }
        _ => Some(finished(step, StepStatus::Completed, None)),
    }
}

fn rejection(decision: Option<&Decision>) -> String {
    match decision.and_then(|decision| decision.note.as_deref()) {
        Some(note) => format!("the result was rejected: {note}"),
        None => "the result was rejected".into(),
    }
}

/// A note for the journal.
pub fn note(level: NoteLevel, text: impl Into<String>) -> Event {
    Event::Note { level, text: text.into(), step: None }
}
