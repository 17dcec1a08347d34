//! A run as spans with OpenTelemetry's names for generative AI (semantic conventions 1.41): goal, step, model call, tool call. Fed by the run's events.
//! Decides nothing, and lets no goal, prompt, answer or tool input into a span.
use std::collections::BTreeMap;

use tracing::field::Empty;
use tracing::{Span, debug, info, info_span, warn};

use crate::domain::event::NoteLevel;
use crate::domain::message::{CallFailure, FailureClass};
use crate::domain::{Event, RunStatus, StepId, StepStatus, StopReason, Usage};

/// The spans of one run that are open.
pub(super) struct Spans {
    workspace: String,
    provider: String,
    run_id: String,
    run: Span,
    steps: BTreeMap<StepId, Span>,
    calls: BTreeMap<(StepId, u32), Span>,
    tools: BTreeMap<(StepId, String), Span>,
}

impl Spans {
    pub fn new(workspace: String) -> Self {
        Spans {
            workspace,
            provider: String::new(),
            run_id: String::new(),
            run: Span::none(),
            steps: BTreeMap::new(),
            calls: BTreeMap::new(),
            tools: BTreeMap::new(),
        }
    }

    /// The span of a model call that is under way.
    pub fn call(&self, step: &StepId, ordinal: u32) -> Span {
        self.calls.get(&(step.clone(), ordinal)).cloned().unwrap_or_else(|| self.step(step).clone())
    }

    /// The span of a tool call that is under way.
    pub fn tool(&self, step: &StepId, call_id: &str) -> Span {
        self.tools.get(&(step.clone(), call_id.to_owned())).cloned().unwrap_or_else(|| self.step(step).clone())
    }

    /// The step's span; what belongs to no step (planning) belongs to the goal.
    fn step(&self, step: &StepId) -> &Span {
        self.steps.get(step).unwrap_or(&self.run)
    }

    /// Opens, fills and closes spans as the event says.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::RunStarted { run_id, provider, resumed, .. } => self.open_run(run_id, provider, *resumed),
            Event::StepStarted { step, attempt, agent, .. } => self.open_step(step, *attempt, agent),
            Event::CallStarted { step, ordinal, model, max_output_tokens, .. } => {
                self.open_call((step, *ordinal), model.as_deref(), *max_output_tokens);
            }
            Event::CallFinished { step, ordinal, request_id, stop, usage, cost_usd, failure, .. } => {
                let Some(span) = self.calls.remove(&(step.clone(), *ordinal)) else { return };
                close_call(&span, (request_id.as_deref(), *stop), (usage, *cost_usd), failure.as_ref());
            }
            Event::Retry { step, ordinal, reason, wait_ms } => {
                let span = self.call(step, *ordinal);
                span.in_scope(|| warn!(wait_ms, reason, "the model call is tried again"));
            }
            Event::ToolStarted { step, call_id, tool, .. } => self.open_tool((step, call_id), tool),
            Event::ToolFinished { step, call_id, ok, .. } => {
                let Some(span) = self.tools.remove(&(step.clone(), call_id.clone())) else { return };
                if !ok {
                    span.record("error.type", "tool_error");
                }
                span.in_scope(|| debug!(ok, "tool call finished"));
            }
            Event::StepFinished { step, status, error, .. } => self.close_step(step, *status, error.as_deref()),
            Event::Asked { question } => {
                let span = question.step.as_ref().map_or(&self.run, |step| self.step(step));
                span.in_scope(|| info!(approval = %question.id, "a person is asked"));
            }
            Event::Answered { id, decision, .. } => {
                self.run.in_scope(|| info!(approval = %id, approved = decision.approved, "a person has answered"));
            }
            Event::Note { level, text, step } => {
                let span = step.as_ref().map_or(&self.run, |step| self.step(step));
                match level {
                    NoteLevel::Info => span.in_scope(|| debug!("{text}")),
                    NoteLevel::Warning | NoteLevel::Error => span.in_scope(|| warn!("{text}")),
                }
            }
            Event::Returned { step, review, round, .. } => {
                self.step(review).in_scope(|| info!(author = step.as_str(), round, "findings go back"));
            }
            Event::HandedOver { step, exceeded, .. } => self.step(step).in_scope(|| info!(exceeded, "a fresh conversation")),
            Event::RunFinished { status, reason } => self.close_run(*status, reason.as_deref()),
            Event::Planned { .. } | Event::Saved { .. } | Event::StepReopened { .. } => {}
        }
    }

    fn open_run(&mut self, run_id: &str, provider: &str, resumed: bool) {
        run_id.clone_into(&mut self.run_id);
        provider.clone_into(&mut self.provider);
        self.run = info_span!(
            parent: None,
            "goal",
            otel.name = "invoke_workflow goal",
            otel.kind = "internal",
            gen_ai.operation.name = "invoke_workflow",
            gen_ai.workflow.name = "goal",
            gen_ai.conversation.id = run_id,
            orchestrator.workspace = self.workspace,
            orchestrator.status = Empty,
            error.type = Empty,
        );
        self.run.in_scope(|| info!(provider, resumed, "run started"));
    }

    fn open_step(&mut self, step: &StepId, attempt: u32, agent: &str) {
        let span = info_span!(
            parent: &self.run,
            "step",
            otel.name = format!("invoke_agent {agent}"),
            otel.kind = "internal",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = agent,
            gen_ai.provider.name = self.provider,
            gen_ai.conversation.id = self.run_id,
            orchestrator.step = step.as_str(),
            orchestrator.attempt = attempt,
            orchestrator.status = Empty,
            error.type = Empty,
        );
        span.in_scope(|| info!("step started"));
        self.steps.insert(step.clone(), span);
    }

    fn open_call(&mut self, (step, ordinal): (&StepId, u32), model: Option<&str>, max_tokens: Option<u32>) {
        let span = info_span!(
            parent: self.step(step),
            "call",
            otel.name = model.map_or_else(|| "chat".to_owned(), |model| format!("chat {model}")),
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = self.provider,
            gen_ai.request.model = model,
            gen_ai.request.max_tokens = max_tokens,
            gen_ai.conversation.id = self.run_id,
            orchestrator.ordinal = ordinal,
            gen_ai.response.id = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.cache_creation.input_tokens = Empty,
            orchestrator.cost_usd = Empty,
            error.type = Empty,
        );
        self.calls.insert((step.clone(), ordinal), span);
    }

    fn open_tool(&mut self, (step, call_id): (&StepId, &str), tool: &str) {
        let span = info_span!(
            parent: self.step(step),
            "tool",
            otel.name = format!("execute_tool {tool}"),
            otel.kind = "internal",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = tool,
            gen_ai.tool.type = "function",
            gen_ai.tool.call.id = call_id,
            error.type = Empty,
        );
        self.tools.insert((step.clone(), call_id.to_owned()), span);
    }

    fn close_step(&mut self, step: &StepId, status: StepStatus, error: Option<&str>) {
        self.calls.retain(|(of, _), _| of != step);
        self.tools.retain(|(of, _), _| of != step);
        let Some(span) = self.steps.remove(step) else { return };
        span.record("orchestrator.status", status.as_str());
        match (status, error) {
            (StepStatus::Failed, error) => {
                span.record("error.type", "step_failed");
                span.in_scope(|| warn!(error, "step failed"));
            }
            _ => span.in_scope(|| info!(status = status.as_str(), "step finished")),
        }
    }

    /// Whatever is still open was called off with the run.
    fn close_run(&mut self, status: RunStatus, reason: Option<&str>) {
        self.calls.clear();
        self.tools.clear();
        for (_, span) in std::mem::take(&mut self.steps) {
            span.record("orchestrator.status", status.as_str());
        }
        let run = std::mem::replace(&mut self.run, Span::none());
        run.record("orchestrator.status", status.as_str());
        if matches!(status, RunStatus::Failed | RunStatus::Parked) {
            run.record("error.type", status.as_str());
            run.in_scope(|| warn!(status = status.as_str(), reason, "run finished"));
        } else {
            run.in_scope(|| info!(status = status.as_str(), reason, "run finished"));
        }
    }
}

fn close_call(span: &Span, (id, stop): (Option<&str>, StopReason), (usage, cost): (&Usage, Option<f64>), failure: Option<&CallFailure>) {
    if let Some(id) = id {
        span.record("gen_ai.response.id", id);
    }
    // The convention counts cached tokens among the input's; ours stand beside it.
    span.record("gen_ai.usage.input_tokens", usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens);
    span.record("gen_ai.usage.output_tokens", usage.output_tokens);
    span.record("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens);
    span.record("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens);
    if let Some(cost) = cost {
        span.record("orchestrator.cost_usd", cost);
    }
    match failure {
        None => {
            span.record("gen_ai.response.finish_reasons", stop_name(stop));
            span.in_scope(|| debug!("model call finished"));
        }
        Some(failure) => {
            span.record("error.type", class_name(failure.class));
            span.in_scope(|| warn!(error = failure.message, "model call failed"));
        }
    }
}

fn stop_name(stop: StopReason) -> &'static str {
    match stop {
        StopReason::EndTurn | StopReason::StopSequence => "stop",
        StopReason::ToolUse => "tool_call",
        StopReason::MaxTokens | StopReason::ContextWindowExceeded => "length",
        StopReason::PauseTurn => "pause_turn",
        StopReason::Refusal => "content_filter",
        StopReason::Error => "error",
    }
}

fn class_name(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Transient => "transient",
        FailureClass::Throttled => "throttled",
        FailureClass::Parked => "refused",
        FailureClass::Doomed => "rejected",
        FailureClass::Overflow => "too_long",
        FailureClass::Cancelled => "cancelled",
    }
}
