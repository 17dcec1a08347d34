//! From an invocation to an exit code: loads what it needs, calls the one function that does it, prints what went wrong.
use crate::domain::{Decision, Error, Result, Scope};
use crate::sys::Environment;

use super::order::{Invocation, Options, Parsed, Stop};
use super::setup::Setup;
use super::terminal::Terminal;
use super::{answer, editors, list, log, run, show, trust};

/// Threads for a run: the work is waiting, not computing.
const WORKERS: usize = 2;

/// Runs everything but the language server, which the program joins itself; the exit code.
pub fn start(parsed: Parsed, environment: Environment) -> i32 {
    let terminal = Terminal::of_process(&environment);
    let logs = log::start(&environment, parsed.options.verbose);
    let code = match act(parsed, environment, &terminal) {
        Ok(code) => code,
        Err(error) => {
            terminal.error(&error);
            error.exit_code()
        }
    };
    logs.finish();
    code
}

/// Ends without starting anything: help, version, bad usage; the exit code.
pub fn stop(stop: &Stop, environment: &Environment) -> i32 {
    let terminal = Terminal::of_process(environment);
    match stop {
        Stop::Text(text) => {
            terminal.out(text);
            0
        }
        Stop::Error(error) => {
            terminal.error(error);
            error.exit_code()
        }
    }
}

fn act(parsed: Parsed, environment: Environment, terminal: &Terminal) -> Result<i32> {
    let Parsed { invocation, options } = parsed;
    match invocation {
        Invocation::Print(text) => terminal.out(&text),
        Invocation::Schema(format) => terminal.out(&show::schema(format)),
        Invocation::EditorConfig { editor } => match editors::configuration(&editor) {
            Some(text) => terminal.out(text.trim_end()),
            None => return Err(Error::usage(format!("there is no configuration for `{editor}`"))),
        },
        Invocation::Lsp | Invocation::Mcp | Invocation::Acp => return Err(Error::internal("servers are started by the program itself")),
        invocation => return with_setup(invocation, &options, environment, terminal),
    }
    Ok(0)
}

/// What needs the configuration. It is read for the named project by `trust`, else for the one around the current folder.
fn with_setup(invocation: Invocation, options: &Options, environment: Environment, terminal: &Terminal) -> Result<i32> {
    let setup = match &invocation {
        Invocation::Trust { project: Some(project), .. } => {
            let project = environment.absolute(project);
            Setup::load_for(environment, options, &project)?
        }
        _ => Setup::load(environment, options)?,
    };
    match invocation {
        Invocation::Run(order) => {
            if let Err(errors) = setup.may_run() {
                errors.iter().for_each(|error| terminal.error(error));
                return Ok(2);
            }
            setup.warn(terminal);
            block_on(run::run(order, options, setup, terminal))
        }
        // The report says everything about the configuration itself.
        Invocation::Doctor => block_on(show::doctor(options, &setup, terminal)),
        Invocation::Trust { yes, .. } => block_on(trust::trust(yes, &setup, terminal)),
        other => {
            setup.warn_all(terminal);
            block_on(look(other, options, &setup, terminal))
        }
    }
}

/// What only looks at workspaces or answers one.
async fn look(invocation: Invocation, options: &Options, setup: &Setup, terminal: &Terminal) -> Result<i32> {
    let hands = (options, setup, terminal);
    match invocation {
        Invocation::List { limit } => list::list(limit, options, setup, terminal).await,
        Invocation::Cleanup { days, dry_run } => list::cleanup(days, dry_run, options, (setup, terminal)).await,
        Invocation::Agents => Ok(show::agents(options, setup, terminal)),
        Invocation::Approve { workspace, id, note, always } => {
            let scope = if always { Scope::Always } else { Scope::Once };
            answer::answer(&workspace, &id, Decision { approved: true, scope, note }, hands).await
        }
        Invocation::Reject { workspace, id, note } => {
            answer::answer(&workspace, &id, Decision { approved: false, scope: Scope::Once, note }, hands).await
        }
        _ => Err(Error::internal("this invocation is handled elsewhere")),
    }
}

/// Runs to the end on a small runtime. What still blocks then is not waited for.
fn block_on(work: impl Future<Output = Result<i32>>) -> Result<i32> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    let runtime = runtime.map_err(|error| Error::internal(format!("starting the runtime: {error}")))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}
