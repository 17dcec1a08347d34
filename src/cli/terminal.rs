//! Standard input, output and error: the only place that prints. Knows what is a terminal, how wide it is and whether colours are wanted.
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::domain::Error;
use crate::sys::Environment;

use super::style::{self, Paint};

/// The three standard streams. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Terminal {
    pub stdin_is_terminal: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// Cursor movement is understood on standard error.
    pub can_redraw: bool,
    colour_out: bool,
    colour_err: bool,
    gone: Arc<AtomicBool>,
}

impl Terminal {
    pub fn of_process(environment: &Environment) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let dumb = environment.get("TERM") == Some("dumb");
        Terminal {
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: out,
            stderr_is_terminal: err,
            can_redraw: err && !dumb,
            colour_out: wants_colour(environment, out && !dumb),
            colour_err: wants_colour(environment, err && !dumb),
            gone: Arc::default(),
        }
    }

    pub fn paint_out(&self) -> Paint {
        Paint { colour: self.colour_out }
    }

    pub fn paint_err(&self) -> Paint {
        Paint { colour: self.colour_err }
    }

    /// Columns of standard output; `None` when it is no terminal, so that nothing need be cut.
    pub fn width_out(&self) -> Option<usize> {
        self.stdout_is_terminal.then(|| columns(&console::Term::stdout()))
    }

    /// Columns of standard error, 100 when it is no terminal.
    pub fn width_err(&self) -> usize {
        if self.stderr_is_terminal { columns(&console::Term::stderr()) } else { 100 }
    }

    /// Whether nobody reads standard output any more (`| head`): what is printed from now on is dropped.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Prints text and a line break on standard output.
    pub fn out(&self, text: &str) {
        if !self.is_gone() && write_line(&mut io::stdout().lock(), text).is_err() {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    /// Prints text and a line break on standard error. Where even that is closed there is nobody left to tell.
    pub fn err(&self, text: &str) {
        let _ = write_line(&mut io::stderr().lock(), text);
    }

    /// Prints a prompt on standard error, the cursor left behind it.
    pub fn prompt(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }

    /// `error: what` and `hint: what to do`, each on a line of its own.
    pub fn error(&self, error: &Error) {
        self.problem(&self.paint_err().red("error:"), &error.what, error.hint.as_deref());
    }

    pub fn warning(&self, what: &str, hint: Option<&str>) {
        self.problem(&self.paint_err().yellow("warning:"), what, hint);
    }

    pub fn hint(&self, hint: &str) {
        self.err(&format!("{} {}", self.paint_err().cyan("hint:"), style::harmless(hint)));
    }

    fn problem(&self, label: &str, what: &str, hint: Option<&str>) {
        self.err(&format!("{label} {}", style::harmless(what)));
        if let Some(hint) = hint {
            self.hint(hint);
        }
    }
}

/// Where the debug log goes.
pub fn log_stream() -> impl Write {
    io::stderr()
}

fn write_line(stream: &mut impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stream.write_all(b"\n")?;
    }
    stream.flush()
}

fn columns(terminal: &console::Term) -> usize {
    terminal.size_checked().map_or(80, |(_, columns)| usize::from(columns)).max(20)
}

/// The rules of no-color.org and bixense.com/clicolors.
fn wants_colour(environment: &Environment, is_terminal: bool) -> bool {
    let forced = environment.get("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    environment.get("NO_COLOR").is_none() && (forced || is_terminal && environment.get("CLICOLOR") != Some("0"))
}

/// Lines of standard input, read one at a time and only when wanted, so that an editor can have the terminal in between.
pub struct LineReader {
    wanted: std::sync::mpsc::Sender<()>,
    lines: mpsc::UnboundedReceiver<Option<String>>,
    reading: bool,
}

impl LineReader {
    /// Starts the thread that reads. It is not waited for: a read from a terminal ends only when somebody types.
    pub fn start() -> Self {
        let (wanted, requests) = std::sync::mpsc::channel();
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            while requests.recv().is_ok() {
                if sender.send(read_line()).is_err() {
                    return;
                }
            }
        });
        LineReader { wanted, lines, reading: false }
    }

    /// Whether a read is under way.
    pub fn is_reading(&self) -> bool {
        self.reading
    }

    /// Asks for a line, unless one is already being read.
    pub fn want(&mut self) {
        if !self.reading {
            self.reading = self.wanted.send(()).is_ok();
        }
    }

    /// The line that was wanted, without its break; `None` at the end of input. Waits forever when none was wanted.
    pub async fn line(&mut self) -> Option<String> {
        if !self.reading {
            return std::future::pending().await;
        }
        let line = self.lines.recv().await.flatten();
        self.reading = false;
        line
    }
}

fn read_line() -> Option<String> {
    let mut bytes = Vec::new();
    match io::stdin().lock().read_until(b'\n', &mut bytes) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(variables: &[(&str, &str)], is_terminal: bool) -> bool {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        wants_colour(&Environment::new(variables, "/"), is_terminal)
    }

    #[test]
    fn colours_follow_the_terminal_unless_the_environment_says_otherwise() {
        assert!(colour(&[], true));
        assert!(!colour(&[], false));
        assert!(!colour(&[("NO_COLOR", "1")], true));
        assert!(colour(&[("NO_COLOR", "")], true));
        assert!(!colour(&[("CLICOLOR", "0")], true));
        assert!(colour(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!colour(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true));
        assert!(!colour(&[("CLICOLOR_FORCE", "0")], false));
    }

    #[test]
    fn every_text_ends_with_one_line_break() {
        let mut written = Vec::new();
        write_line(&mut written, "a").and_then(|()| write_line(&mut written, "b\n")).unwrap();
        assert_eq!(written, b"a\nb\n");
    }
}
