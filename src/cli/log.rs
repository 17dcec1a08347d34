//! Where log lines go: readable ones to standard error when asked for, JSON ones to a file of bounded size. Never to standard output, never with a key.
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::sys::log_file::{self, Keys, LogFile, WithoutKeys};
use crate::sys::{Environment, RealDisk};

use super::terminal::{Terminal, log_stream};

/// The logs of this process.
#[must_use]
pub struct Logs {
    #[cfg(feature = "otlp")]
    exporter: Option<crate::sys::otlp::Exporter>,
}

impl Logs {
    /// Sends on what is still held back; waits for a short time at the most.
    pub fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = self.exporter {
            exporter.finish();
        }
    }
}

/// Starts logging: to the file from `info` up, to standard error from `debug` up with `--verbose`. `RUST_LOG` (`off`, `debug`,
/// `ai_orchestrator=trace`) rules both where it is set.
pub fn start(environment: &Environment, verbose: bool) -> Logs {
    let asked = environment.get("RUST_LOG").and_then(|text| text.parse::<Targets>().ok());
    let keys = Keys::of(environment);
    let to_terminal =
        asked.clone().or_else(|| verbose.then(|| ours(Level::DEBUG))).map(|filter| terminal_layer(environment, &keys, filter));
    let to_file = RealDisk::root().ok().map(|disk| {
        let file = LogFile::new(disk, log_file::folder(environment));
        let writer = move || WithoutKeys::new(keys.clone(), file.clone());
        let layer = tracing_subscriber::fmt::layer().json().with_current_span(false).with_writer(writer);
        layer.with_filter(asked.unwrap_or_else(|| ours(Level::INFO)))
    });
    let registry = tracing_subscriber::registry().with(to_terminal).with(to_file);
    // A second start in one process (tests of a library user) keeps the first log.
    #[cfg(not(feature = "otlp"))]
    {
        let _ = registry.try_init();
        Logs {}
    }
    #[cfg(feature = "otlp")]
    {
        let (layer, exporter) = exporter(environment).unzip();
        let _ = registry.with(layer.map(|layer| layer.with_filter(ours(Level::INFO)))).try_init();
        Logs { exporter }
    }
}

/// Our own words: what other crates log may hold what they were given.
fn ours(level: Level) -> Targets {
    Targets::new().with_target("ai_orchestrator", level)
}

fn terminal_layer<S>(environment: &Environment, keys: &Keys, filter: Targets) -> impl Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let keys = keys.clone();
    let colour = Terminal::of_process(environment).paint_err().colour;
    let writer = move || WithoutKeys::new(keys.clone(), log_stream());
    tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(writer).with_filter(filter)
}

#[cfg(feature = "otlp")]
fn exporter(environment: &Environment) -> Option<(crate::sys::otlp::SpanLayer, crate::sys::otlp::Exporter)> {
    match crate::sys::otlp::start(environment)? {
        Ok(parts) => Some(parts),
        Err(error) => {
            Terminal::of_process(environment).warning(&error.what, error.hint.as_deref());
            None
        }
    }
}
