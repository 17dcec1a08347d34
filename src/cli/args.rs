//! The words of the command line and their help: the only home of clap. Turns them into plain values and starts nothing.
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use crate::domain::Error;
use crate::domain::plan::nearest;

use super::order::{Format, Invocation, Options, Order, Parsed, Stop, Work};
use super::{args_pages, editors};

const EXAMPLES: &str = "\
Examples:
  ai-orchestrator \"Analyse sales.csv and write a report with charts\"
  ai-orchestrator --provider offline --non-interactive \"Document the project\"
  ai-orchestrator --list
  ai-orchestrator --resume workspaces/week-47/2026-11-22/analyse-sales-143022

A goal that starts with a dash or is named like a command goes after `--`.

Exit codes: 0 done, 1 a step failed or the run was cancelled, 2 bad usage, configuration or place, 3 waits for an approval,
4 budget reached, 5 the provider refuses or is unreachable, 130 interrupted (resumable).";

/// Turns a goal into a reviewed folder of results with a team of agents.
#[derive(Debug, Parser)]
#[command(name = "ai-orchestrator", version, after_help = EXAMPLES, disable_help_subcommand = true, override_usage =
    "ai-orchestrator [OPTIONS] \"GOAL\"\n       ai-orchestrator [OPTIONS] COMMAND")]
struct Arguments {
    /// What you want, in plain words and in quotes
    #[arg(value_name = "GOAL")]
    goal: Vec<String>,
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    workspaces: WorkspaceArguments,
    #[command(flatten)]
    settings: SettingArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Running a goal")]
struct RunArguments {
    /// Never ask: accept the plan, deny whatever else would need a person
    #[arg(long)]
    non_interactive: bool,
    /// Write the plan and stop; --resume runs it
    #[arg(long)]
    plan_only: bool,
    /// Copy a file into the workspace's inputs/ (repeatable)
    #[arg(long, value_name = "PATH")]
    attach: Vec<PathBuf>,
    /// Let the agents read the project in this run
    #[arg(long)]
    read_project: bool,
    /// Give the task to one agent, without planning
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The file that --agent writes
    #[arg(long, value_name = "FILE", requires = "agent")]
    output: Option<String>,
    /// More instructions for --agent
    #[arg(long, value_name = "TEXT", requires = "agent")]
    instructions: Option<String>,
    /// Go on with a workspace; finished steps are not run again
    #[arg(long, value_name = "PATH")]
    resume: Option<PathBuf>,
    /// Keep every exchange with the model in this folder
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Run again from such a folder, without key or network
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Workspaces")]
struct WorkspaceArguments {
    /// Show recent workspaces, newest first
    #[arg(long)]
    list: bool,
    /// How many --list shows (20 unless told)
    #[arg(long, value_name = "N", requires = "list", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Remove workspaces that ended more than DAYS days ago (0: all that ended)
    #[arg(long, value_name = "DAYS")]
    cleanup: Option<u32>,
    /// Only show what --cleanup would remove
    #[arg(long, requires = "cleanup")]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Settings and output (with every command)")]
struct SettingArguments {
    /// Who answers the agents
    #[arg(long, global = true, value_name = "NAME", value_parser = ["auto", "anthropic", "openai", "offline"])]
    provider: Option<String>,
    /// The model to use
    #[arg(long, global = true, value_name = "NAME")]
    model: Option<String>,
    /// The endpoint of the provider
    #[arg(long, global = true, value_name = "URL")]
    base_url: Option<String>,
    /// The most a run may cost, in US dollars
    #[arg(long, global = true, value_name = "USD", value_parser = dollars)]
    budget: Option<f64>,
    /// Agents at work at the same time
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_parallel: Option<u32>,
    /// Where workspaces are created
    #[arg(long, global = true, value_name = "DIR")]
    base_dir: Option<PathBuf>,
    /// A configuration file to use instead of the project's; it counts as trusted
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Standard output carries JSON only
    #[arg(long, global = true)]
    json: bool,
    /// A debug log on standard error
    #[arg(long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The language server, on standard input and output
    Lsp {
        /// Accepted, since editors pass it
        #[arg(long)]
        stdio: bool,
    },
    /// The engine for other assistants, as an MCP server (not available yet)
    Mcp,
    /// The engine for chat clients, by the Agent Client Protocol (not available yet)
    Acp,
    /// Check the set-up
    Doctor,
    /// Show the agents in force
    Agents,
    /// Print the JSON Schema of a format
    Schema {
        #[arg(value_parser = Format::NAMES)]
        format: String,
    },
    /// Approve what a workspace asks
    Approve {
        /// The workspace
        path: PathBuf,
        /// The approval's id: A1
        id: String,
        /// A word to the agents
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Allow the same from now on, in every run
        #[arg(long)]
        always: bool,
    },
    /// Reject what a workspace asks
    Reject {
        /// The workspace
        path: PathBuf,
        /// The approval's id: A1
        id: String,
        /// Why, for the agents
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Trust a project's own configuration, after showing what is in question
    Trust {
        /// The project (the current one unless told)
        path: Option<PathBuf>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Print the configuration for an editor
    EditorConfig {
        #[arg(value_parser = editors::NAMES)]
        editor: String,
    },
    /// Print the completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page (roff)
    Man,
}

fn dollars(text: &str) -> Result<f64, String> {
    match text.trim_start_matches('$').parse::<f64>() {
        Ok(amount) if amount.is_finite() && amount >= 0.0 => Ok(amount),
        _ => Err("a budget is an amount of US dollars, like 2.50".into()),
    }
}

/// Understands the arguments, the program's own name left out.
pub fn parse(arguments: Vec<OsString>) -> Result<Parsed, Stop> {
    let after_dashes = arguments.iter().any(|argument| argument == "--");
    let words = std::iter::once(OsString::from("ai-orchestrator")).chain(arguments);
    let parsed = Arguments::try_parse_from(words).map_err(|error| refusal(&error))?;
    let options = parsed.settings.options();
    let invocation = match parsed.command.as_ref() {
        Some(command) => parsed.command_alone(command).map(|()| command.invocation()),
        None => parsed.invocation(after_dashes),
    };
    Ok(Parsed { invocation: invocation.map_err(Stop::Error)?, options })
}

impl SettingArguments {
    fn options(&self) -> Options {
        Options {
            provider: self.provider.clone(),
            model: self.model.clone(),
            base_url: self.base_url.clone(),
            budget: self.budget,
            max_parallel: self.max_parallel.and_then(|count| usize::try_from(count).ok()),
            base_dir: self.base_dir.clone(),
            config: self.config.clone(),
            json: self.json,
            verbose: self.verbose,
        }
    }
}

impl Arguments {
    /// The options given that say what to do, by name.
    fn modes(&self) -> Vec<&'static str> {
        let (run, workspaces) = (&self.run, &self.workspaces);
        let given = [
            ("--list", workspaces.list),
            ("--cleanup", workspaces.cleanup.is_some()),
            ("--resume", run.resume.is_some()),
            ("--agent", run.agent.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// The options given that only a run understands, by name.
    fn run_options(&self) -> Vec<&'static str> {
        let run = &self.run;
        let given = [
            ("--non-interactive", run.non_interactive),
            ("--plan-only", run.plan_only),
            ("--attach", !run.attach.is_empty()),
            ("--read-project", run.read_project),
            ("--record", run.record.is_some()),
            ("--replay", run.replay.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    fn command_alone(&self, command: &Command) -> Result<(), Error> {
        let name = command.name();
        let other = self.modes().into_iter().chain(self.run_options()).next();
        match (self.goal.first(), other) {
            (Some(_), _) => Err(Error::usage(format!("a goal does not go with the command `{name}`"))
                .hint(format!("put the goal in quotes: ai-orchestrator \"{} {name} …\"", self.goal.join(" ")))),
            (None, Some(option)) => {
                Err(Error::usage(format!("`{option}` does not go with the command `{name}`")).hint("leave one of them out"))
            }
            (None, None) => Ok(()),
        }
    }

    fn invocation(self, after_dashes: bool) -> Result<Invocation, Error> {
        let modes = self.modes();
        if let [first, second, ..] = modes.as_slice() {
            return Err(Error::usage(format!("`{first}` and `{second}` do not go together")).hint("leave one of them out"));
        }
        let mode = modes.first().copied();
        if matches!(mode, Some("--list" | "--cleanup"))
            && let Some(option) = self.run_options().first()
        {
            let mode = mode.unwrap_or_default();
            return Err(Error::usage(format!("`{option}` does not go with `{mode}`")).hint("leave one of them out"));
        }
        if let (Some(mode @ ("--list" | "--cleanup" | "--resume")), Some(word)) = (mode, self.goal.first()) {
            return Err(Error::usage(format!("`{word}` is one word too many: `{mode}` takes no goal")).hint("leave the goal out"));
        }
        if self.workspaces.list {
            let limit = self.workspaces.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(20);
            return Ok(Invocation::List { limit });
        }
        if let Some(days) = self.workspaces.cleanup {
            return Ok(Invocation::Cleanup { days: u64::from(days), dry_run: self.workspaces.dry_run });
        }
        self.order(after_dashes).map(Invocation::Run)
    }

    fn order(self, after_dashes: bool) -> Result<Order, Error> {
        let run = self.run;
        let work = match (run.resume, run.agent) {
            (Some(path), _) if run.attach.is_empty() && !run.plan_only => Work::Resume(path),
            (Some(_), _) => {
                let option = if run.plan_only { "--plan-only" } else { "--attach" };
                return Err(Error::usage(format!("`{option}` does not go with `--resume`")).hint("the plan and the inputs already stand"));
            }
            (None, Some(name)) => {
                Work::Agent { name, task: one_text(self.goal, true)?, output: run.output, instructions: run.instructions }
            }
            (None, None) => Work::Goal(one_text(self.goal, after_dashes)?),
        };
        Ok(Order {
            work,
            attach: run.attach,
            non_interactive: run.non_interactive,
            plan_only: run.plan_only,
            read_project: run.read_project,
            record: run.record,
            replay: run.replay,
        })
    }
}

/// The goal, which must be one argument: several words mean that the quotes were forgotten, and a lone word near a command's name a slip.
fn one_text(mut words: Vec<String>, surely_a_goal: bool) -> Result<String, Error> {
    if words.len() > 1 {
        return Err(Error::usage("the goal is more than one argument")
            .hint(format!("put it in quotes: ai-orchestrator \"{}\"", words.join(" ").replace('"', "\\\""))));
    }
    let Some(goal) = words.pop() else {
        return Err(Error::usage("no goal given").hint("say what you want: ai-orchestrator \"GOAL\"; `--help` shows everything"));
    };
    let command = Arguments::command();
    let names = command.get_subcommands().map(clap::Command::get_name);
    if !surely_a_goal
        && !goal.contains(char::is_whitespace)
        && let Some(near) = nearest(&goal, names.chain(["help"]))
    {
        let meant = if near == "help" { "--help".to_owned() } else { near };
        return Err(Error::usage(format!("there is no command `{goal}`"))
            .hint(format!("did you mean `{meant}`? a goal of one word goes after `--`: ai-orchestrator -- {goal}")));
    }
    Ok(goal)
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Command::Lsp { .. } => "lsp",
            Command::Mcp => "mcp",
            Command::Acp => "acp",
            Command::Doctor => "doctor",
            Command::Agents => "agents",
            Command::Schema { .. } => "schema",
            Command::Approve { .. } => "approve",
            Command::Reject { .. } => "reject",
            Command::Trust { .. } => "trust",
            Command::EditorConfig { .. } => "editor-config",
            Command::Completions { .. } => "completions",
            Command::Man => "man",
        }
    }

    fn invocation(&self) -> Invocation {
        match self {
            Command::Lsp { stdio: _ } => Invocation::Lsp,
            Command::Mcp => Invocation::Mcp,
            Command::Acp => Invocation::Acp,
            Command::Doctor => Invocation::Doctor,
            Command::Agents => Invocation::Agents,
            Command::Schema { format } => Invocation::Schema(Format::named(format)),
            Command::Approve { path, id, note, always } => {
                Invocation::Approve { workspace: path.clone(), id: id.clone(), note: note.clone(), always: *always }
            }
            Command::Reject { path, id, note } => Invocation::Reject { workspace: path.clone(), id: id.clone(), note: note.clone() },
            Command::Trust { path, yes } => Invocation::Trust { project: path.clone(), yes: *yes },
            Command::EditorConfig { editor } => Invocation::EditorConfig { editor: editor.clone() },
            Command::Completions { shell } => Invocation::Print(args_pages::completions(*shell, Arguments::command())),
            Command::Man => Invocation::Print(args_pages::manual(Arguments::command())),
        }
    }
}

/// clap's refusal in the words of the house: one line on what is off, one on what to do.
fn refusal(error: &clap::Error) -> Stop {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Stop::Text(error.render().to_string());
    }
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let (tips, facts): (Vec<&str>, Vec<&str>) = lines.filter(|line| !line.is_empty()).partition(|line| line.starts_with("tip:"));
    let what = facts.join(" ").trim_start_matches("error: ").to_owned();
    let tip = tips.first().map(|tip| tip.trim_start_matches("tip:").trim().to_owned());
    let suggested = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(option)) => Some(format!("did you mean `{option}`?")),
        _ => None,
    };
    let hint = suggested.or(tip).unwrap_or_else(|| "`ai-orchestrator --help` shows what can be said".into());
    Stop::Error(Error::usage(what).hint(hint))
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
