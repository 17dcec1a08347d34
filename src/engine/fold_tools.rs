//! What a tool call changes in the state of a run: its conversation, the files, the ledger, and whether private text was read.
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};

use crate::domain::StepId;
use crate::domain::address::addresses_in;
use crate::domain::event::{Event, Record};
use crate::domain::finding::{REPORT_FINDINGS, reported};
use crate::domain::tool::{Touched, WEB_SEARCH};

use super::outside;
use super::workflow::{FileFact, Workflow};

/// The tools that read the project.
pub const PROJECT_TOOLS: [&str; 3] = ["read_project", "search_project", "outline_project"];

/// Tools that look into attached files without naming one.
const INPUT_TOOLS: [&str; 3] = ["search_files", "query_data", "make_chart"];

impl Workflow {
    pub(super) fn tool_started(&mut self, event: &Event) {
        let Event::ToolStarted { step, call_id, .. } = event else { return };
        let pending = &mut self.step_mut(step).conversation.pending;
        pending.iter_mut().filter(|pending| &pending.call.id == call_id).for_each(|pending| pending.started = true);
    }

    pub(super) fn tool_finished(&mut self, record: &Record) {
        let Event::ToolFinished { step, call_id, tool, ok, content, touched, .. } = &record.event else { return };
        // What a server calls an error is told to the model all the same.
        let tells = *ok || outside::server_of(tool).is_some();
        self.read_private |= tells && (self.tells_private(tool) || touched.iter().any(is_input));
        if *ok && tool == WEB_SEARCH {
            self.found_addresses.extend(addresses_in(content));
        }
        self.touched(step, touched);
        let told = if *ok { self.read(step, call_id, (content, touched), record.at) } else { None };
        let state = self.step_mut(step);
        if *ok && tool == REPORT_FINDINGS {
            state.report(reported(content).unwrap_or_default());
        }
        state.conversation.take_result(call_id, told.as_deref().unwrap_or(content), *ok);
    }

    /// Whether a tool's answers hold private text: of the project, of attached files where no single file is named, or of a server.
    fn tells_private(&self, tool: &str) -> bool {
        let has_inputs = self.run.as_ref().is_some_and(|run| !run.inputs.is_empty());
        PROJECT_TOOLS.contains(&tool) || has_inputs && INPUT_TOOLS.contains(&tool) || outside::server_of(tool).is_some()
    }

    /// Enters what a call read into the ledger; its result with the numbers of the sources, where it has any.
    fn read(&mut self, step: &StepId, call_id: &str, told: (&str, &[Touched]), at: DateTime<FixedOffset>) -> Option<String> {
        let pending = self.steps.get(step)?.conversation.pending.iter().find(|pending| pending.call.id == call_id)?;
        let numbers = Arc::make_mut(&mut self.evidence).take(&pending.call, told, (step, at));
        Some(self.evidence.told(told.0, &numbers))
    }

    /// What a search run by the provider itself found.
    pub(super) fn found(&mut self, raw: &serde_json::Value, step: &StepId, at: DateTime<FixedOffset>) {
        self.found_addresses.extend(outside::found_by_provider(raw));
        let results = outside::results_of_provider(raw);
        if !results.is_empty() {
            Arc::make_mut(&mut self.evidence).take_found(results, (step, at));
        }
    }

    pub(super) fn touched(&mut self, step: &StepId, touched: &[Touched]) {
        for touch in touched {
            if touch.wrote {
                let is_planned = |fact: &FileFact| self.plan_step(&fact.owner).is_some();
                // The step that owned it was given up by a new plan.
                let is_orphan = self.plan.is_some() && self.files.get(&touch.path.folded()).is_some_and(|fact| !is_planned(fact));
                let fact = self.files.entry(touch.path.folded()).or_insert_with(|| FileFact {
                    path: touch.path.clone(),
                    owner: step.clone(),
                    sha256: String::new(),
                    bytes: 0,
                });
                if is_orphan {
                    fact.owner = step.clone();
                }
                fact.sha256.clone_from(&touch.sha256);
                fact.bytes = touch.bytes;
            }
            let state = self.step_mut(step);
            state.known.insert(touch.path.clone(), touch.sha256.clone());
            if touch.wrote && !state.wrote.contains(&touch.path) {
                state.wrote.push(touch.path.clone());
            }
        }
    }
}

fn is_input(touch: &Touched) -> bool {
    touch.path.folded().starts_with("inputs/")
}
