//! The debug log on standard error. Never on standard output, and nothing at all unless it was asked for.
use tracing_subscriber::EnvFilter;

use crate::sys::Environment;

use super::terminal::Terminal;

/// Starts logging when `--verbose` or `RUST_LOG` asks for it.
pub fn start(environment: &Environment, verbose: bool, terminal: &Terminal) {
    let filter = match (environment.get("RUST_LOG"), verbose) {
        (Some(wanted), _) => EnvFilter::builder().parse_lossy(wanted),
        (None, true) => EnvFilter::new("ai_orchestrator=debug"),
        (None, false) => return,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal.paint_err().colour);
    // A second start in one process (tests of a library user) keeps the first log.
    let _ = log.try_init();
}
