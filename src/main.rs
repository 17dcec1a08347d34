//! The program: arguments to a face to an exit code. The only place where both faces are known.
use std::process::ExitCode;

use ai_orchestrator::cli::{self, Invocation, Options};
use ai_orchestrator::sys::{Environment, env};

fn main() -> ExitCode {
    let environment = Environment::of_process();
    let code = match cli::parse(env::arguments()) {
        Err(stop) => cli::stop(&stop, &environment),
        Ok(parsed) if parsed.invocation == Invocation::Lsp => {
            let logs = cli::log::start(&environment, parsed.options.verbose);
            let code = serve(&parsed.options, &environment);
            logs.finish();
            code
        }
        Ok(parsed) => cli::start(parsed, environment),
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The language server on standard input and output. The overrides of the command line are its strongest layer.
fn serve(options: &Options, environment: &Environment) -> i32 {
    let config_file = options.config.as_ref().map(|path| environment.absolute(path));
    ai_orchestrator::lsp::serve(environment.clone(), options.layer(), config_file)
}
