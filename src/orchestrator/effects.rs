//! Where a wish meets a hand: model calls and tool calls as tasks that report back. Knows no schedule and writes no journal.
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::{Instrument, Span};

use crate::domain::message::{CallFailure, FailureClass};
use crate::domain::{Event, ModelRequest, Reply, StepId, StopReason, ToolCall, ToolOutcome};
use crate::llm::{Provider, retry};
use crate::sys::Clock;
use crate::tools::mcp::{Around, Server, ServerSpec};
use crate::tools::{Tool, ToolContext};

/// What a task reports.
pub(super) enum Done {
    Retry { step: StepId, ordinal: u32, reason: String, wait_ms: u64 },
    Call { step: StepId, attempt: u32, ordinal: u32, outcome: Result<Reply, CallFailure> },
    Tool { step: StepId, attempt: u32, call: ToolCall, outcome: ToolOutcome },
    Server { name: String, outcome: Result<Started, String> },
}

/// A server that was started, with its tools.
pub(super) type Started = (Arc<Server>, Vec<Arc<dyn Tool>>);

/// A task under way; dropping it stops the task.
pub(super) struct Task {
    abort: AbortHandle,
    cancelled: Option<Arc<AtomicBool>>,
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(cancelled) = &self.cancelled {
            cancelled.store(true, Ordering::Relaxed);
        }
        self.abort.abort();
    }
}

pub(super) type Report = mpsc::UnboundedSender<Done>;

/// A model call with its retries.
pub(super) struct Call {
    pub step: StepId,
    pub attempt: u32,
    pub ordinal: u32,
    pub request: ModelRequest,
    pub span: Span,
}

pub(super) fn call_model(provider: Arc<dyn Provider>, clock: Arc<dyn Clock>, call: Call, report: Report) -> Task {
    let Call { step, attempt, ordinal, request, span } = call;
    let work = async move {
        let asked = complete(provider, clock, (step.clone(), ordinal, request), &report);
        let outcome = AssertUnwindSafe(asked).catch_unwind().await.unwrap_or_else(|_| Err(broke_off()));
        let _ = report.send(Done::Call { step, attempt, ordinal, outcome });
    };
    Task { abort: tokio::spawn(work.instrument(span)).abort_handle(), cancelled: None }
}

struct StopOnDrop(AbortHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn broke_off() -> CallFailure {
    CallFailure::new(FailureClass::Doomed, "the provider broke off (a defect of ours)")
}

async fn complete(
    provider: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
    (step, ordinal, request): (StepId, u32, ModelRequest),
    report: &Report,
) -> Result<Reply, CallFailure> {
    let mut waited = Duration::ZERO;
    let mut tries = 0;
    loop {
        tries += 1;
        let mut failure = match provider.complete(&request).await {
            Ok(reply) => return Ok(reply),
            Err(failure) => failure,
        };
        let Some(wait) = retry::wait(&failure, tries, waited, clock.noise()) else { return Err(failure) };
        waited += wait;
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let _ = report.send(Done::Retry { step: step.clone(), ordinal, reason: failure.message.clone(), wait_ms });
        tokio::time::sleep(wait).await;
        if failure.spent.is_some_and(|spent| spent.usage.total() > 0) {
            // Only one try was reserved, and this one was paid for: the engine asks the budget before the next.
            failure.again = true;
            return Err(failure);
        }
    }
}

/// A tool call with its time limit.
pub(super) struct Run {
    pub step: StepId,
    pub attempt: u32,
    pub call: ToolCall,
    pub context: ToolContext,
    pub limit: Duration,
    pub span: Span,
}

pub(super) fn run_tool(tool: Arc<dyn Tool>, run: Run, report: Report) -> Task {
    let Run { step, attempt, call, context, limit, span } = run;
    let cancelled = Arc::clone(&context.cancelled);
    let input = call.input.clone();
    let task = tokio::spawn(async move {
        let flag = Arc::clone(&context.cancelled);
        let work = tokio::spawn(async move { tool.run(input, &context).await }.instrument(span));
        let _stop = StopOnDrop(work.abort_handle());
        let outcome = match tokio::time::timeout(limit, work).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => ToolOutcome::refused(format!("{} broke off (a defect of the tool); try another way", call.name)),
            Err(_) => {
                flag.store(true, Ordering::Relaxed);
                ToolOutcome::refused(format!("{} took longer than {} seconds and was stopped", call.name, limit.as_secs()))
            }
        };
        let _ = report.send(Done::Tool { step, attempt, call, outcome });
    });
    Task { abort: task.abort_handle(), cancelled: Some(cancelled) }
}

/// Starts a server; its own limits hold.
pub(super) fn start_server(spec: ServerSpec, around: Around, report: Report) -> Task {
    let task = tokio::spawn(async move {
        let name = spec.name.clone();
        // Its own task: a defect there ends this server, not the run that waits for it.
        let starting = tokio::spawn(Server::start(spec, around));
        let _stop = StopOnDrop(starting.abort_handle());
        let outcome = starting.await.unwrap_or_else(|_| Err(format!("the server `{name}` could not be started: its start broke off")));
        let _ = report.send(Done::Server { name, outcome });
    });
    Task { abort: task.abort_handle(), cancelled: None }
}

/// The record of a call that ended.
pub(super) fn call_finished(step: StepId, ordinal: u32, outcome: Result<Reply, CallFailure>) -> Event {
    match outcome {
        Ok(mut reply) => Event::CallFinished {
            step,
            ordinal,
            request_id: reply.request_id.take(),
            stop: reply.stop,
            usage: reply.usage,
            cost_usd: reply.cost_usd,
            reply: Some(reply.said()),
            failure: None,
        },
        Err(mut failure) => {
            // Another name mends it, so the run is parked rather than its step failed: a resume goes on.
            if failure.message.starts_with("unknown model") {
                failure.class = FailureClass::Parked;
            }
            Event::CallFinished {
                step,
                ordinal,
                request_id: None,
                stop: StopReason::Error,
                usage: failure.spent.map(|spent| spent.usage).unwrap_or_default(),
                cost_usd: failure.spent.map_or(Some(0.0), |spent| spent.cost_usd),
                reply: None,
                failure: Some(failure),
            }
        }
    }
}

/// The record of a tool call that ended.
pub(super) fn tool_finished(step: StepId, call: ToolCall, outcome: ToolOutcome) -> Event {
    Event::ToolFinished {
        step,
        call_id: call.id,
        tool: call.name,
        ok: outcome.ok,
        summary: outcome.summary,
        content: outcome.content,
        touched: outcome.touched,
    }
}
