//! Prints what there is: the agents in force, the schema of a format, the doctor's report.
use serde_json::{Value, json};

use crate::domain::agent::built_in_agents;
use crate::domain::view::{HistoryEntry, RunState, WorkspaceInfo};
use crate::domain::{Agent, AgentSource, Plan, Record, Result};
use crate::orchestrator::doctor;

use super::order::{Format, Options};
use super::setup::{Setup, config_schema, warn_of_agents};
use super::style::{self, Paint};
use super::terminal::Terminal;

/// The JSON Schema of a format, indented.
pub fn schema(format: Format) -> String {
    let schema = match format {
        Format::Config => config_schema(),
        Format::Plan => schemars::schema_for!(Plan).to_value(),
        Format::State => schemars::schema_for!(RunState).to_value(),
        Format::Info => schemars::schema_for!(WorkspaceInfo).to_value(),
        Format::History => schemars::schema_for!(Vec<HistoryEntry>).to_value(),
        Format::Event => schemars::schema_for!(Record).to_value(),
    };
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// `agents`; the exit code.
pub fn agents(options: &Options, setup: &Setup, terminal: &Terminal) -> i32 {
    let agents = match setup.reader() {
        Ok(orchestrator) => {
            warn_of_agents(&orchestrator, terminal);
            orchestrator.agents()
        }
        Err(error) => {
            terminal.warning(&format!("only the built-in agents are shown: {}", error.what), error.hint.as_deref());
            built_in_agents()
        }
    };
    if options.json {
        terminal.out(&json!(agents.iter().map(agent_json).collect::<Vec<_>>()).to_string());
    } else {
        terminal.out(&agent_lines(&agents, terminal.width_out().unwrap_or(100), terminal.paint_out()).join("\n"));
    }
    0
}

fn agent_json(agent: &Agent) -> Value {
    json!({
        "name": agent.name,
        "purpose": agent.purpose,
        "tools": agent.tools,
        "max_turns": agent.max_turns,
        "output": agent.output,
        "source": agent.source,
    })
}

fn agent_lines(agents: &[Agent], width: usize, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for agent in agents {
        let source = match &agent.source {
            AgentSource::BuiltIn => String::new(),
            AgentSource::User(path) | AgentSource::Project(path) => format!(" ({})", style::one_line(path)),
        };
        lines.push(format!("{}{}", paint.bold(&style::one_line(&agent.name)), paint.dim(&source)));
        let facts = format!("{}, writes {}", style::count(usize::try_from(agent.max_turns).unwrap_or(0), "turn"), agent.output);
        for text in [style::one_line(&agent.purpose), facts, agent.tools.join(" ")] {
            lines.extend(style::wrap(&text, width.saturating_sub(2)).into_iter().map(|line| format!("  {line}")));
        }
    }
    lines
}

/// `doctor`; 1 when something failed.
pub async fn doctor(options: &Options, setup: &Setup, terminal: &Terminal) -> Result<i32> {
    let runs = match setup.reader() {
        Ok(orchestrator) => orchestrator.list(100).await,
        Err(error) => Err(error),
    };
    let (provider, offered) = doctor::look_at_provider(setup.builder().build()).await;
    let problem = |problem: &super::setup::Problem| doctor::Problem {
        is_error: problem.is_error,
        message: problem.what.clone(),
        hint: problem.hint.clone(),
    };
    let report = doctor::examine(&doctor::Facts {
        disk: &*setup.disk,
        environment: &setup.environment,
        settings: &setup.settings,
        problems: setup.problems.iter().map(problem).collect(),
        provider,
        offered,
        runs,
        servers: doctor::look_at_servers(&setup.settings, &setup.environment).await,
        noise: setup.clock.noise(),
    });
    if options.json {
        terminal.out(&serde_json::to_string(&report).unwrap_or_default());
    } else {
        terminal.out(&report_lines(&report, terminal.paint_out()).join("\n"));
    }
    Ok(i32::from(report.has_failed()))
}

fn report_lines(report: &doctor::Report, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for check in &report.checks {
        let mark = match check.status {
            doctor::Status::Ok => paint.green("ok     "),
            doctor::Status::Warning => paint.yellow("warning"),
            doctor::Status::Failed => paint.red("failed "),
        };
        lines.push(format!("{mark}  {}  {}", style::fit(&check.name, 14), style::one_line(&check.message)));
        lines.extend(
            check.hint.as_ref().map(|hint| format!("{}{}", " ".repeat(25), paint.dim(&format!("hint: {}", style::one_line(hint))))),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_schema_with_a_dialect() {
        for name in Format::NAMES {
            let schema: Value = serde_json::from_str(&schema(Format::named(name))).unwrap();
            assert!(schema["$schema"].as_str().is_some_and(|dialect| dialect.contains("json-schema.org")), "{name}");
        }
        assert!(schema(Format::Event).contains("call_finished"));
        assert!(schema(Format::Plan).contains("needs"));
    }

    #[test]
    fn an_agent_is_told_with_exactly_the_fields_of_the_contract() {
        let agents = built_in_agents();
        let value = agent_json(&agents[0]);
        let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["max_turns", "name", "output", "purpose", "source", "tools"]);
        assert!(agent_lines(&agents, 40, Paint::default()).iter().all(|line| style::width(line) <= 40));
    }
}
