//! How each event changes the state of a run. Total: any sequence of records gives some state, without a panic.
use crate::domain::event::{Event, PlannedBy, Record};
use crate::domain::message::{CallFailure, FailureClass};
use crate::domain::tool::Touched;
use crate::domain::usage::add_costs;
use crate::domain::{Decision, Goal, Plan, Question, QuestionId, RunStatus, Said, StepId, StepStatus, StopReason, Subject, Usage, Via};

use super::replan::replan_id;
use super::review::Round;
use super::step::{Conversation, Ended, OpenCall, StepState};
use super::turn::planner_id;
use super::workflow::{Decided, NoteFact, PlanState, RunFacts, Workflow};

/// Answers that may break off in a row before the run parks: the first, and three more tries.
const MOST_BROKEN: u32 = 3;

impl Workflow {
    /// Takes one record in.
    pub fn apply(&mut self, record: &Record) {
        if matches!(record.event, Event::RunStarted { .. }) {
            // A crash leaves no RunFinished: the time until the last record was held time too.
            self.held_ms = self.duration_ms();
            self.held_since = None;
        }
        self.last_seq = record.seq;
        self.last_at = Some(record.at);
        match &record.event {
            Event::RunStarted { .. } => self.run_started(record),
            Event::Planned { plan, text, by } => self.planned(plan, text, *by),
            Event::Asked { question } => self.asked(question, record),
            Event::Answered { id, decision, via, .. } => self.answered(id, decision, *via, record),
            Event::StepStarted { .. } => self.step_started(record),
            Event::CallStarted { .. } => self.call_started(&record.event),
            Event::CallFinished { step, ordinal, stop, usage, cost_usd, reply, failure, .. } => {
                self.spend(step, *usage, *cost_usd);
                if let Some(raw) = reply.as_ref().and_then(|reply| reply.raw.as_ref()) {
                    self.found(raw, step, record.at);
                }
                self.call_finished(step, *ordinal, reply.as_ref().map(|reply| (reply, *stop, *usage)), failure.as_ref());
            }
            Event::ToolStarted { .. } => self.tool_started(&record.event),
            Event::ToolFinished { .. } => self.tool_finished(record),
            Event::Saved { step, path, sha256, bytes } => {
                self.touched(step, &[Touched { path: path.clone(), sha256: sha256.clone(), bytes: *bytes, wrote: true }]);
            }
            Event::StepFinished { step, status, output_file, error } => {
                self.questions.retain(|question| question.step.as_ref() != Some(step));
                let state = self.step_mut(step);
                state.status = *status;
                state.output_file.clone_from(output_file);
                state.error.clone_from(error);
                state.ended_at = Some(record.at);
            }
            Event::HandedOver { step, text, exceeded } => self.step_mut(step).hand_over(text, *exceeded),
            Event::Returned { .. } => self.returned(&record.event),
            Event::StepReopened { step, note } => self.reopened(step, note.clone()),
            Event::RunFinished { status, reason } => self.run_finished(*status, reason.clone(), record),
            Event::Note { level, text, step } => {
                self.notes.push(NoteFact { at: record.at, level: *level, text: text.clone(), step: step.clone() });
            }
            Event::Retry { .. } => {}
        }
    }

    pub(super) fn step_mut(&mut self, id: &StepId) -> &mut StepState {
        self.steps.entry(id.clone()).or_default()
    }

    fn run_started(&mut self, record: &Record) {
        let Event::RunStarted {
            run_id,
            goal,
            project,
            inputs,
            provider,
            model,
            approvals,
            resumed,
            version,
            budget_usd,
            budget_tokens,
            ..
        } = &record.event
        else {
            return;
        };
        let started_at = self.run.as_ref().filter(|_| *resumed).map_or(record.at, |run| run.started_at);
        self.run = Some(RunFacts {
            run_id: run_id.clone(),
            goal: goal.clone(),
            project: project.clone(),
            inputs: inputs.clone(),
            provider: provider.clone(),
            model: model.clone(),
            approvals: *approvals,
            started_at,
            version: version.clone(),
            budget_usd: *budget_usd,
            budget_tokens: *budget_tokens,
        });
        self.finished = None;
        self.parked = None;
        self.held_since = Some(record.at);
        if *resumed {
            // A power cut may have taken the record of a tool's start and left what the tool did.
            let pending = self.steps.values_mut().flat_map(|state| &mut state.conversation.pending);
            pending.for_each(|pending| pending.started = true);
        }
    }

    fn planned(&mut self, plan: &Plan, text: &str, by: PlannedBy) {
        let before = self.plan.take();
        let approved = before.as_ref().is_some_and(|before| before.approved);
        let mut declared = before.map(|before| before.declared).unwrap_or_default();
        if approved && by == PlannedBy::Model {
            // The rest was planned anew, and a person said yes to what the new steps use.
            self.replanned = true;
            declared.extend(plan.steps.iter().flat_map(|step| step.uses.iter().map(|word| (step.id.clone(), word.clone()))));
        }
        self.plan = Some(PlanState { plan: plan.clone(), text: text.to_owned(), by, approved, declared });
        let known: Vec<StepId> = plan.steps.iter().map(|step| step.id.clone()).collect();
        self.steps.retain(|id, state| state.status != StepStatus::Pending || state.attempt > 0 || known.contains(id));
    }

    fn asked(&mut self, question: &Question, record: &Record) {
        let mut question = question.clone();
        question.asked_at = question.asked_at.or(Some(record.at));
        match self.questions.iter_mut().find(|open| open.id == question.id) {
            Some(open) => *open = Question { asked_at: open.asked_at, ..question },
            None => {
                self.questions_asked += 1;
                self.questions.push(question);
            }
        }
    }

    fn answered(&mut self, id: &QuestionId, decision: &Decision, via: Via, record: &Record) {
        let Some(at) = self.questions.iter().position(|question| &question.id == id) else { return };
        let question = self.questions.remove(at);
        match &question.subject {
            Subject::Plan if decision.approved => {
                if let Some(plan) = &mut self.plan {
                    plan.approved = true;
                    let declared = plan.plan.steps.iter().flat_map(|step| step.uses.iter().map(|word| (step.id.clone(), word.clone())));
                    plan.declared = declared.collect();
                }
            }
            Subject::Plan => self.plan_rejected = Some(decision.clone()),
            Subject::StepResult => {
                if let Some(step) = &question.step {
                    self.step_mut(step).result_decided = Some(decision.approved);
                }
            }
            Subject::Budget { limit_usd, limit_tokens } if decision.approved => {
                if let Some(run) = &mut self.run {
                    run.budget_usd = limit_usd.or(run.budget_usd);
                    run.budget_tokens = limit_tokens.or(run.budget_tokens);
                }
            }
            _ => {}
        }
        self.decided.push(Decided { question, decision: decision.clone(), via, at: record.at });
    }

    fn step_started(&mut self, record: &Record) {
        let Event::StepStarted { step, attempt, log, tools, max_turns, system, prompt, .. } = &record.event else { return };
        let at = record.at;
        // The project's own instructions are the project's text.
        self.read_private |= prompt.contains(super::prompt::GUIDE_HEAD);
        let state = self.step_mut(step);
        state.reopen(state.retry_note.clone());
        state.status = StepStatus::Running;
        state.attempt = *attempt;
        state.log.clone_from(log);
        state.tools.clone_from(tools);
        state.max_turns = *max_turns;
        state.system.clone_from(system);
        state.started_at = Some(at);
        state.conversation.messages = vec![crate::domain::Message::user(prompt.clone())];
    }

    /// A reviewer that reviews again is still running; whatever else is done again makes the versions kept so far worthless.
    fn reopened(&mut self, step: &StepId, note: Option<String>) {
        let ended = self.step(step).is_some_and(|state| state.status.is_end());
        let mut again: Vec<StepId> = Vec::new();
        self.reviews.retain(|reviewer, rounds| {
            let of_author = rounds.iter().any(|round| round.authors.contains(step));
            again.extend(Some(reviewer).filter(|reviewer| of_author && *reviewer != step).cloned());
            !(of_author || reviewer == step && ended)
        });
        for reviewer in again {
            // It waited for that version; its findings are about one that is no more.
            if self.step(&reviewer).is_some_and(|state| state.status == StepStatus::Running) {
                self.step_mut(&reviewer).reopen(None);
            }
        }
        self.step_mut(step).reopen(note);
    }

    fn returned(&mut self, event: &Event) {
        let Event::Returned { step, review, note, kept, .. } = event else { return };
        let reviewer = self.step_mut(review);
        let (attempt, findings) = (reviewer.attempt, reviewer.findings.clone().unwrap_or_default());
        self.step_mut(step).rework(note);
        let rounds = self.reviews.entry(review.clone()).or_default();
        if rounds.last().is_none_or(|round| round.attempt != attempt) {
            rounds.push(Round { attempt, findings, authors: Vec::new(), kept: Vec::new() });
        }
        if let Some(round) = rounds.last_mut() {
            round.authors.push(step.clone());
            round.kept.extend(kept.iter().cloned());
        }
    }

    fn call_started(&mut self, event: &Event) {
        let Event::CallStarted { step, ordinal, model, max_output_tokens, note, .. } = event else { return };
        let call = OpenCall { ordinal: *ordinal, note: note.clone(), model: model.clone(), max_output_tokens: *max_output_tokens };
        if self.plan.is_none() && *step == planner_id() {
            self.repeated_other += u32::from(self.planner.start_call(call));
            return;
        }
        if *step == replan_id() {
            self.repeated_other += u32::from(self.replanner.start_call(call));
            return;
        }
        let state = self.step_mut(step);
        state.handing_over = note.as_deref().is_some_and(|note| note.starts_with(super::hand_over::ASK));
        if state.conversation.start_call(call) {
            state.repeated_calls += 1;
        }
    }

    fn spend(&mut self, step: &StepId, usage: Usage, cost: Option<f64>) {
        if self.plan_step(step).is_some() {
            self.step_mut(step).spend(usage, cost);
        } else {
            self.other_usage = self.other_usage.plus(usage);
            self.other_cost = add_costs(self.other_cost, cost);
        }
    }

    /// Whether a failed call stops the whole run. An answer that broke off is asked for again a few times.
    fn parks(&self, step: &StepId, failure: &CallFailure) -> bool {
        let broken = self.step(step).map_or(self.planner.broken.max(self.replanner.broken), |state| state.conversation.broken);
        match failure.class {
            FailureClass::Transient | FailureClass::Throttled => !failure.again || broken >= MOST_BROKEN,
            FailureClass::Parked => true,
            FailureClass::Doomed | FailureClass::Overflow | FailureClass::Cancelled => false,
        }
    }

    fn call_finished(&mut self, step: &StepId, ordinal: u32, reply: Option<Replied<'_>>, failure: Option<&CallFailure>) {
        if let Some(failure) = failure.filter(|failure| self.parks(step, failure)) {
            self.parked = Some(failure.message.clone());
        }
        if self.plan.is_none() && *step == planner_id() {
            finish_call(&mut self.planner, ordinal, reply, failure);
            return;
        }
        if *step == replan_id() {
            finish_call(&mut self.replanner, ordinal, reply, failure);
            return;
        }
        if self.plan_step(step).is_none() {
            return;
        }
        let state = self.step_mut(step);
        if let Some((_, _, usage)) = reply {
            let prompt = usage.total() - usage.output_tokens;
            let weight = super::hand_over::weight(&state.conversation.messages);
            state.conversation.measured = (prompt > 0).then_some((weight, prompt));
        }
        if let Some(counts) = finish_call(&mut state.conversation, ordinal, reply, failure) {
            state.turns += 1;
            state.attempt_turns += u32::from(counts && !state.handing_over);
        }
        if state.handing_over {
            // What a hand-over calls for is never run: its conversation ends here.
            state.conversation.pending.clear();
        }
    }

    fn run_finished(&mut self, status: RunStatus, reason: Option<String>, record: &Record) {
        if status == RunStatus::Cancelled {
            let open: Vec<StepId> = self
                .plan_steps()
                .iter()
                .map(|step| step.id.clone())
                .filter(|id| !self.step(id).is_some_and(|state| state.status.is_end()))
                .collect();
            for id in open {
                let state = self.step_mut(&id);
                state.status = StepStatus::Cancelled;
                state.ended_at = Some(record.at);
            }
        }
        if matches!(status, RunStatus::Cancelled | RunStatus::Completed) {
            self.questions.clear();
        }
        self.held_ms = self.duration_ms();
        self.held_since = None;
        self.finished = Some((status, reason));
    }

    /// The goal's text, for prompts and titles.
    pub fn goal_text(&self) -> &str {
        self.goal().map_or("", |goal: &Goal| goal.text.as_str())
    }
}

/// A reply as its event tells it: what was said, why it ended, what it used.
type Replied<'a> = (&'a Said, StopReason, Usage);

/// A call's end in its conversation; for a reply, whether it counts as a turn.
fn finish_call(conversation: &mut Conversation, ordinal: u32, reply: Option<Replied<'_>>, failure: Option<&CallFailure>) -> Option<bool> {
    conversation.open = None;
    conversation.ordinal = ordinal;
    match (reply, failure) {
        (Some((reply, stop, _)), _) => return Some(conversation.take_reply(reply, stop)),
        (None, Some(failure)) => {
            conversation.broken = if failure.again { conversation.broken + 1 } else { 0 };
            conversation.last = Some(Ended::Failed(failure.clone()));
        }
        (None, None) => conversation.last = Some(Ended::Replied { stop: StopReason::Error, text: String::new(), cut_tool: false }),
    }
    None
}
