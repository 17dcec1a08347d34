//! The agents in force: the built-in six, and those the user and the project define in files. What is broken is reported, never passed over.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Settings, TrustedValues};
use crate::documents::agent_file;
use crate::documents::{Lines, Problem, Severity};
use crate::domain::agent::built_in_agents;
use crate::domain::{Agent, AgentSource};
use crate::sys::{Disk, EntryKind, Environment};

/// The largest agent file, in bytes.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Something wrong with a custom agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentProblem {
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    pub is_error: bool,
    pub message: String,
}

/// An agent's file as it was read: trust is given to exactly this text.
struct Seen {
    name: String,
    text: String,
}

/// The agents of a project and its user.
#[derive(Debug, Clone, Default)]
pub struct Team {
    pub agents: Vec<Agent>,
    /// The same by name, as every run's policy holds them.
    pub by_name: Arc<BTreeMap<String, Agent>>,
    /// Agents of the project that are listed but not used until it is trusted.
    pub untrusted: Vec<Agent>,
    pub problems: Vec<AgentProblem>,
}

impl Team {
    /// Reads the custom agents. The user's own folder may replace a built-in agent; the project's may not.
    pub fn load(
        disk: &Arc<dyn Disk>,
        (settings, environment): (&Settings, &Environment),
        trusted: &TrustedValues,
        tools: &[String],
    ) -> Team {
        let mut team = Team { agents: built_in_agents(), ..Team::default() };
        let user = environment.config_folder().join("agents");
        for (agent, _) in team.read(disk, &user, tools, AgentSource::User) {
            team.agents.retain(|other| other.name != agent.name);
            team.agents.push(agent);
        }
        let folder = settings.project.join(&settings.agent_directory);
        for (agent, seen) in team.read(disk, &folder, tools, AgentSource::Project) {
            team.take_project_agent(agent, trusted.covers_agent(&seen.name, &seen.text), &folder.join(&seen.name));
        }
        for agent in &mut team.agents {
            if agent.max_turns == agent_file::NO_LIMIT {
                agent.max_turns = settings.default_max_turns;
            }
            if let Some(turns) = settings.max_turns.get(&agent.name) {
                agent.max_turns = *turns;
            }
        }
        team.by_name = Arc::new(team.agents.iter().map(|agent| (agent.name.clone(), agent.clone())).collect());
        team
    }

    fn take_project_agent(&mut self, agent: Agent, trusted: bool, file: &Path) {
        let taken = self.agents.iter().any(|other| other.name == agent.name);
        let file = file.to_owned();
        if taken {
            let message = format!("an agent named `{}` exists already; a project's agent cannot take its place", agent.name);
            self.problems.push(AgentProblem { file, line: 1, is_error: true, message });
        } else if trusted {
            self.agents.push(agent);
        } else {
            let message = format!("agent `{}` is not used until the project is trusted (ai-orchestrator trust)", agent.name);
            self.problems.push(AgentProblem { file, line: 1, is_error: false, message });
            self.untrusted.push(agent);
        }
    }

    fn read(
        &mut self,
        disk: &Arc<dyn Disk>,
        folder: &Path,
        tools: &[String],
        source: impl Fn(String) -> AgentSource,
    ) -> Vec<(Agent, Seen)> {
        let Ok(handle) = disk.open(folder) else { return Vec::new() };
        let names = handle.list("").unwrap_or_default();
        let files = names.into_iter().filter(|(name, kind)| *kind == EntryKind::File && name.ends_with(".md"));
        let mut found = BTreeMap::new();
        for (name, _) in files {
            let path = folder.join(&name);
            match handle.read(&name, MAX_FILE_BYTES) {
                Err(error) => self.problems.push(AgentProblem { file: path, line: 1, is_error: true, message: error.to_string() }),
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let shown = path.to_string_lossy();
                    let (agent, problems) = agent_file::parse(&text, &shown, source(shown.clone().into_owned()), tools);
                    self.problems.extend(problems.iter().map(|problem| placed(problem, &text, &path)));
                    let seen = Seen { name: name.clone(), text: text.clone().into_owned() };
                    found.extend(agent.map(|agent| (agent.name.clone(), (agent, seen))));
                }
            }
        }
        found.into_values().collect()
    }
}

fn placed(problem: &Problem, text: &str, path: &Path) -> AgentProblem {
    AgentProblem {
        file: path.to_owned(),
        line: Lines::new(text).line_of(problem.span.start) + 1,
        is_error: problem.severity == Severity::Error,
        message: problem.message.clone(),
    }
}
