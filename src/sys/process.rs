//! Child processes: the only home of starting one. Takes every key variable out of a child's environment; agents never get here.
use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::domain::{Error, Result};

/// Variables that hold keys. A child of ours has no business with them.
pub const KEY_VARIABLES: [&str; 3] = ["CLAUDE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"];

/// The most a command may print where its output is wanted, in bytes: keys are short.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024;

#[allow(clippy::disallowed_methods, reason = "this is the home of child processes")]
pub(super) fn command(program: &str) -> Command {
    Command::new(program)
}

pub(super) fn without_keys(command: &mut Command) -> &mut Command {
    for variable in KEY_VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Runs a program for the person at the terminal, which it gets until it ends. `words` are the program and its first arguments.
pub async fn run_interactive(words: &[String], last: &OsStr) -> Result<ExitStatus> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::usage("no program to run is named"));
    };
    let mut command = command(program);
    without_keys(&mut command).args(arguments).arg(last);
    command.status().await.map_err(|error| {
        Error::usage(format!("`{program}` cannot be started: {error}")).hint("set VISUAL or EDITOR to a program that is there")
    })
}

/// Runs a command line in the system's shell and returns what it prints, trimmed. The output is never part of an error: it may be a key.
pub async fn run_for_output(command_line: &str, timeout: Duration) -> Result<String> {
    let mut command = shell(command_line);
    without_keys(&mut command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let failed =
        |why: String| Error::configuration(format!("the command that prints a key {why}")).hint("run it in a shell to see what it says");
    let mut child = command.spawn().map_err(|error| failed(format!("cannot be started: {error}")))?;
    let Some(stdout) = child.stdout.take() else { return Err(failed("has no output".into())) };
    let finished = async {
        let mut bytes = Vec::new();
        stdout.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes).await?;
        Ok::<_, std::io::Error>((child.wait().await?, bytes))
    };
    let (status, bytes) = match tokio::time::timeout(timeout, finished).await {
        Err(_) => return Err(failed(format!("did not end within {} s", timeout.as_secs()))),
        Ok(Err(error)) => return Err(failed(format!("cannot be read: {error}"))),
        Ok(Ok(ended)) => ended,
    };
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    match (status.success(), text.is_empty()) {
        (false, _) => Err(failed(format!("failed ({status})"))),
        (true, true) => Err(failed("printed nothing".into())),
        (true, false) => Ok(text),
    }
}

fn shell(command_line: &str) -> Command {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = command(program);
    command.arg(flag).arg(command_line);
    command
}

/// A command line as its words: spaces part them, quotes hold them together. Good enough for `EDITOR="code --wait"`.
pub fn words(command_line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command_line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_editor_may_have_arguments_and_a_path_with_spaces() {
        assert_eq!(words("code --wait"), ["code", "--wait"]);
        assert_eq!(words("  '/opt/My Editor/bin' -n \"\" "), ["/opt/My Editor/bin", "-n", ""]);
        assert!(words(" \t").is_empty());
    }

    #[tokio::test]
    async fn the_output_of_a_command_is_trimmed() {
        assert_eq!(run_for_output("printf ' secret \\n'", Duration::from_secs(20)).await.as_deref(), Ok("secret"));
    }

    #[tokio::test]
    async fn a_failing_command_never_shows_what_it_printed() {
        let error = run_for_output("echo sk-secret; echo sk-secret >&2; exit 3", Duration::from_secs(20)).await.unwrap_err();
        assert!(!error.to_string().contains("sk-secret"), "{error}");
        assert!(error.what.contains("exit status: 3"), "{error}");
        assert!(run_for_output("true", Duration::from_secs(20)).await.unwrap_err().what.contains("printed nothing"));
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_given_up() {
        let error = run_for_output("exec cat /dev/zero > /dev/null", Duration::from_millis(50)).await.unwrap_err();
        assert!(error.what.contains("did not end"), "{error}");
    }

    #[tokio::test]
    async fn keys_do_not_reach_a_child() {
        let mut command = shell("true");
        let removed: Vec<_> = without_keys(&mut command).as_std().get_envs().collect();
        assert_eq!(removed.len(), KEY_VARIABLES.len());
        assert!(removed.iter().all(|(_, value)| value.is_none()));
    }

    #[tokio::test]
    async fn an_interactive_child_reports_how_it_ended() {
        assert!(run_interactive(&words("sh -c"), OsStr::new("exit 0")).await.unwrap().success());
        assert!(run_interactive(&["no-such-program-here".into()], OsStr::new("x")).await.unwrap_err().hint.is_some());
    }
}
