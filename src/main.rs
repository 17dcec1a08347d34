//! The program: arguments to a face to an exit code. The only place where all faces are known.
use std::process::ExitCode;

use ai_orchestrator::cli::{self, Invocation, Options};
use ai_orchestrator::sys::{Environment, env};

/// What serves a client: environment, the command line's settings, `--config`.
type Face = fn(Environment, Vec<(String, serde_json::Value)>, Option<std::path::PathBuf>) -> i32;

fn main() -> ExitCode {
    let environment = Environment::of_process();
    let code = match cli::parse(env::arguments()) {
        Err(stop) => cli::stop(&stop, &environment),
        Ok(parsed) if parsed.invocation == Invocation::Lsp => serve(&parsed.options, &environment, ai_orchestrator::lsp::serve),
        Ok(parsed) if parsed.invocation == Invocation::Acp => serve(&parsed.options, &environment, ai_orchestrator::acp::serve),
        Ok(parsed) if parsed.invocation == Invocation::Mcp => serve(&parsed.options, &environment, ai_orchestrator::mcp::serve),
        Ok(parsed) => cli::start(parsed, environment),
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// A server on standard input and output. The overrides of the command line are its strongest layer.
fn serve(options: &Options, environment: &Environment, face: Face) -> i32 {
    let config_file = options.config.as_ref().map(|path| environment.absolute(path));
    let base_dir = options.base_dir.as_ref().map(|path| environment.absolute(path));
    let logs = cli::log::start(environment, options.verbose);
    let code = face(environment.clone(), Options { base_dir, ..options.clone() }.layer(), config_file);
    logs.finish();
    code
}
