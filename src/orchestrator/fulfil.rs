//! How the driver fulfils each wish: on the spot (as events) or as work under way. The only place where a wish meets a hand.
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::domain::event::{Kept, NoteLevel};
use crate::domain::{
    Error, ErrorKind, Event, ModelRequest, Plan, RelPath, Result, RunStatus, Step, StepId, StepStatus, ToolCall, ToolOutcome,
};
use crate::engine::prompt::{self, UPSTREAM_CAP, UpstreamText};
use crate::engine::wish::WishKey;
use crate::engine::{Wish, approval, schedule, turn};
use crate::tools::ToolContext;
use crate::workspace::jail::{Jail, Refusal};
use crate::workspace::layout;

use super::driver::Driver;
use super::effects::{self, Call, Run};
use super::planner;
use super::shared::blocking;

/// The largest file of which an earlier version is kept while findings are worked in, in bytes.
const MAX_KEPT: usize = 512 * 1024;
/// Digits of a request's hash in the journal.
const HASH_DIGITS: usize = 16;

impl Driver {
    /// What a wished call says to its model.
    pub(super) fn request_of(&self, wish: &Wish) -> Option<ModelRequest> {
        let Wish::CallModel { step, note, max_output_tokens, request, .. } = wish else { return None };
        if let Some(request) = request {
            return Some(request.as_ref().clone());
        }
        let step = self.workflow.plan_step(step)?;
        turn::request(&self.workflow, &self.policy, step, (note, *max_output_tokens))
    }

    /// The event that says work begins, written down before it does.
    pub(super) fn announce(&self, wish: &Wish, request: Option<&ModelRequest>) -> Option<Event> {
        match wish {
            Wish::CallModel { step, ordinal, note, .. } => request.map(|request| Event::CallStarted {
                step: step.clone(),
                ordinal: *ordinal,
                request_hash: request.hash().chars().take(HASH_DIGITS).collect(),
                model: request.model.clone(),
                max_output_tokens: request.max_output_tokens,
                note: note.clone(),
            }),
            Wish::RunTool { step, call, .. } => Some(Event::ToolStarted {
                step: step.clone(),
                call_id: call.id.clone(),
                tool: call.name.clone(),
                target: approval::target(call),
            }),
            _ => None,
        }
    }

    /// Fulfils what takes no time.
    pub(super) async fn fulfil(&mut self, wish: Wish) -> Result<Vec<Event>> {
        if self.owes_sync && matches!(wish, Wish::SaveText { .. } | Wish::ReturnWork { .. } | Wish::Ask(_)) {
            // Files may follow from it.
            self.sync().await?;
        }
        Ok(match wish {
            Wish::Record(event) => vec![*event],
            Wish::Ask(question) => {
                self.propose(&question).await?;
                vec![Event::Asked { question: *question }]
            }
            Wish::Finish { status, reason } => vec![Event::RunFinished { status, reason }],
            Wish::StartStep { step, attempt } => vec![self.step_started(&step, attempt)],
            Wish::SaveText { step, path, text, verbatim } => {
                // A version that is put back must have the hash it had, or it would be put back for ever.
                let text = if verbatim { text } else { self.workflow.evidence.completed(&path, &text) };
                vec![save(Arc::clone(&self.jail), step, path, text).await?]
            }
            Wish::ReturnWork { step, review, round, note, paths } => {
                let kept = keep(Arc::clone(&self.jail), paths).await?;
                vec![Event::Returned { step, review, round, note, kept }]
            }
            Wish::Plan { .. } | Wish::CallModel { .. } | Wish::RunTool { .. } => Vec::new(),
        })
    }

    /// Starts work that takes time; planning by rules is done at once and comes back as events.
    pub(super) fn start_work(&mut self, key: WishKey, (wish, request): (Wish, Option<ModelRequest>)) -> Result<Option<Vec<Event>>> {
        match wish {
            Wish::Plan { made, reason } => return self.make_plan(made, reason).map(Some),
            Wish::CallModel { step, ordinal, .. } => {
                let Some(request) = request else { return Ok(None) };
                let attempt = self.attempt(&step);
                let span = self.spans.call(&step, ordinal);
                let call = Call { step, attempt, ordinal, request, span };
                let task = effects::call_model(Arc::clone(&self.provider), Arc::clone(&self.shared.clock), call, self.report.clone());
                self.under_way.insert(key, task);
            }
            Wish::RunTool { step, call, rerun } => return Ok(self.run_tool(key, step, call, rerun)),
            _ => {}
        }
        Ok(None)
    }

    fn attempt(&self, step: &StepId) -> u32 {
        self.workflow.step(step).map_or(0, |state| state.attempt)
    }

    fn make_plan(&mut self, made: Option<Box<Plan>>, reason: Option<String>) -> Result<Vec<Event>> {
        if let Some(plan) = made {
            return Ok(vec![planner::made(&self.workflow, *plan)]);
        }
        let note = reason.map(|reason| schedule::note(NoteLevel::Warning, format!("planned by rules: {reason}")));
        let given = self.given_plan.take();
        match planner::plan(&self.shared, &self.workflow, &self.policy, given.as_deref()) {
            Ok(planned) => Ok(note.into_iter().chain([planned]).collect()),
            Err(error) if error.kind == ErrorKind::Usage => {
                Ok(vec![Event::RunFinished { status: RunStatus::Failed, reason: Some(error.what) }])
            }
            Err(error) => Err(error),
        }
    }

    fn step_started(&mut self, id: &StepId, attempt: u32) -> Event {
        let failed = |error: &str| Event::StepFinished {
            step: id.clone(),
            status: StepStatus::Failed,
            output_file: None,
            error: Some(error.to_owned()),
        };
        let Some(step) = self.workflow.plan_step(id) else { return failed("the step is not in the plan") };
        if !self.policy.agents.contains_key(&step.agent) {
            return failed(&format!("agent failed to spawn: there is no agent `{}`", step.agent));
        }
        let texts = self.upstream_texts(step);
        let opening = prompt::opening(&self.workflow, &self.policy, step, &texts);
        let taken = |path: &str| self.logs.contains(path) || self.workspace.folder().metadata(path).is_ok();
        let log = layout::log_name(&step.agent, self.shared.clock.now(), taken);
        let agent = step.agent.clone();
        self.logs.insert(log.clone());
        Event::StepStarted {
            step: id.clone(),
            attempt,
            agent,
            log,
            tools: opening.tools,
            max_turns: opening.max_turns,
            system: opening.system,
            prompt: opening.prompt,
        }
    }

    /// The outputs of earlier steps that can be shown as text; what cannot is read by tools.
    fn upstream_texts(&self, step: &Step) -> Vec<UpstreamText> {
        let read = |path: &RelPath| self.jail.read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        turn::upstream(&self.workflow, step)
            .into_iter()
            .filter_map(|earlier| {
                let text = read(&earlier.output)?;
                Some(UpstreamText { step: earlier.step, text: prompt::capped(&text, UPSTREAM_CAP) })
            })
            .collect()
    }

    fn run_tool(&mut self, key: WishKey, step: StepId, call: ToolCall, rerun: bool) -> Option<Vec<Event>> {
        let Some(tool) = self.tools.iter().find(|held| held.spec.name == call.name).map(|held| Arc::clone(&held.tool)) else {
            let outcome = ToolOutcome::refused(format!("there is no tool `{}`", call.name));
            return Some(vec![effects::tool_finished(step, call, outcome)]);
        };
        let context = self.tool_context(&step, rerun);
        let limit = Duration::from_secs(self.shared.settings.default_timeout.max(1));
        let attempt = self.attempt(&step);
        let span = self.spans.tool(&step, &call.id);
        let task = effects::run_tool(tool, Run { step, attempt, call, context, limit, span }, self.report.clone());
        self.under_way.insert(key, task);
        None
    }

    fn tool_context(&self, step: &StepId, rerun: bool) -> ToolContext {
        let known = self.workflow.step(step).map(|state| state.known.clone()).unwrap_or_default();
        let inputs = self.workflow.run.as_ref().map(|run| run.inputs.clone()).unwrap_or_default();
        let project = self.workflow.run.as_ref().map(|run| run.project.clone().into());
        let workspace = Arc::clone(&self.jail);
        ToolContext {
            evidence: super::evidence::for_tools(&self.workflow, &workspace),
            workspace,
            project: project.unwrap_or_else(|| self.shared.settings.project.clone()),
            base_dir: self.shared.settings.base_dir.clone(),
            buffers: Arc::clone(&self.shared.buffers),
            disk: Arc::clone(&self.shared.disk),
            known: Arc::new(known),
            rerun,
            inputs: Arc::new(inputs),
            cancelled: Arc::new(AtomicBool::new(false)),
        }
    }
}

/// The texts of these files as they are now. What is no text or too large cannot be put back later and is left out.
async fn keep(jail: Arc<Jail>, paths: Vec<RelPath>) -> Result<Vec<Kept>> {
    blocking(move || {
        let kept = paths.into_iter().filter_map(|path| {
            let bytes = jail.read(&path).ok().filter(|bytes| bytes.len() <= MAX_KEPT)?;
            let sha256 = crate::domain::hash::sha256(&bytes);
            Some(Kept { path, sha256, text: String::from_utf8(bytes).ok()? })
        });
        Ok(kept.collect())
    })
    .await
}

/// Writes a closing text as its step's output; off the async threads, since it waits for the disk.
async fn save(jail: Arc<Jail>, step: StepId, path: RelPath, text: String) -> Result<Event> {
    blocking(move || match jail.write(&path, text.as_bytes()) {
        Ok(sha256) => Ok(Event::Saved { step, path, sha256, bytes: text.len() as u64 }),
        Err(Refusal::NotAllowed(reason)) => {
            Ok(Event::StepFinished { step, status: StepStatus::Failed, output_file: None, error: Some(reason) })
        }
        Err(Refusal::Disk(error)) => Err(Error::disk(format!("writing {path}"), &error)),
    })
    .await
}
