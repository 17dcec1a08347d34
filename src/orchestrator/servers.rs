//! The MCP servers of one run: each is started when the first step that may use it begins, serves to the run's end, and goes with it. Speaks no protocol.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::event::NoteLevel;
use crate::domain::{Event, StepId, StepStatus};
use crate::engine::{Wish, outside, prompt, schedule};
use crate::tools::Held;
use crate::tools::mcp::{Around, ServerSpec};

use super::driver::Driver;
use super::effects::{Started, Task, start_server};

/// Starting may mean that a package is fetched first.
const START_LIMIT: Duration = Duration::from_secs(60);

enum State {
    Starting(#[allow(dead_code, reason = "dropping it stops the start")] Task),
    /// Up, or given up: nobody waits for it any more.
    Settled,
}

/// The servers that a run may start, and those it did.
pub(super) struct Servers {
    specs: BTreeMap<String, ServerSpec>,
    states: BTreeMap<String, State>,
    /// Servers that a step asked for and nobody configured; said once each.
    unknown: BTreeSet<String>,
}

impl Servers {
    pub fn new(specs: Vec<ServerSpec>) -> Self {
        let specs = specs.into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        Servers { specs, states: BTreeMap::new(), unknown: BTreeSet::new() }
    }

    pub fn are_starting(&self) -> bool {
        self.states.values().any(|state| matches!(state, State::Starting(_)))
    }
}

impl Driver {
    /// Whether a wish has to wait until the servers of its step are up or given up; starts those that nobody started yet.
    pub(super) fn waits_for_servers(&mut self, wish: &Wish, events: &mut Vec<Event>) -> bool {
        if !matches!(wish, Wish::StartStep { .. } | Wish::CallModel { .. } | Wish::RunTool { .. }) {
            return false;
        }
        let needed = wish.step().map(|step| self.servers_of(step)).unwrap_or_default();
        let mut waits = false;
        for name in needed {
            let spec = match self.servers.states.get(&name) {
                Some(State::Settled) => continue,
                Some(State::Starting(_)) => None,
                None => match self.servers.specs.get(&name) {
                    Some(spec) => Some(spec.clone()),
                    None => {
                        self.report_unknown(name, events);
                        continue;
                    }
                },
            };
            waits = true;
            if let Some(spec) = spec {
                let task = start_server(spec, self.around(), self.report.clone());
                self.servers.states.insert(name, State::Starting(task));
            }
        }
        waits
    }

    /// Before a step begins: what it may use. After that: what it was told it has, so that a resumed conversation finds its tools.
    fn servers_of(&self, id: &StepId) -> Vec<String> {
        let state = self.workflow.step(id);
        if let Some(state) = state.filter(|state| state.status == StepStatus::Running) {
            let servers: BTreeSet<&str> = state.tools.iter().filter_map(|tool| outside::server_of(tool)).collect();
            return servers.into_iter().map(str::to_owned).collect();
        }
        let Some(step) = self.workflow.plan_step(id) else { return Vec::new() };
        let agent = self.policy.agents.get(&step.agent);
        agent.map(|agent| prompt::servers(agent, step).into_iter().map(str::to_owned).collect()).unwrap_or_default()
    }

    fn around(&self) -> Around {
        let settings = &self.shared.settings;
        Around {
            project: settings.project.clone(),
            environment: self.shared.environment.clone(),
            limit: START_LIMIT.min(Duration::from_secs(settings.default_timeout.max(1))),
        }
    }

    fn report_unknown(&mut self, name: String, events: &mut Vec<Event>) {
        let settings = &self.shared.settings;
        let is_configured = settings.mcp_servers.get(&name).is_some();
        let why = match (is_configured, settings.allow_external_apis) {
            _ if is_configured && settings.sandbox_mode => "security.sandbox_mode is on",
            (true, true) => "the offline provider calls no server",
            (true, false) => "security.allow_external_apis is false",
            (false, _) => "mcp.servers has no server of that name",
        };
        if self.servers.unknown.insert(name.clone()) {
            events.push(schedule::note(NoteLevel::Warning, format!("the server `{name}` is not used: {why}")));
        }
    }

    /// A server is up with its tools, or given up: the run goes on in either case.
    pub(super) fn server_started(&mut self, name: &str, outcome: Result<Started, String>, events: &mut Vec<Event>) {
        self.servers.states.insert(name.to_owned(), State::Settled);
        let (server, tools) = match outcome {
            Ok(started) => started,
            Err(problem) => {
                let text = format!("the server `{name}` cannot be used: {problem}; the run goes on without it");
                events.push(schedule::note(NoteLevel::Warning, text));
                return;
            }
        };
        events.extend(server.problems().iter().map(|problem| schedule::note(NoteLevel::Warning, problem.clone())));
        for held in tools.into_iter().map(Held::from) {
            let name = &held.spec.name;
            if self.policy.tools.contains_key(name) {
                continue;
            }
            if held.tool.is_read_only() {
                self.policy.read_only_tools.insert(name.clone());
            }
            self.policy.tools.insert(name.clone(), Arc::clone(&held.spec));
            self.tools.push(held);
        }
    }
}
