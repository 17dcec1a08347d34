//! A child process that serves: its streams are pipes, it is the head of a process group of its own, keys are taken out of its environment, and the
//! whole group ends with the handle. Speaks no protocol.
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::env::secret_variables;
use super::process::{command, without_keys};

/// What to start.
pub struct Program<'a> {
    pub command: &'a str,
    pub arguments: &'a [String],
    /// Variables of its own; they go before the inherited ones.
    pub variables: &'a [(String, String)],
    /// Where it starts.
    pub folder: &'a Path,
}

/// Its three streams.
pub struct Pipes {
    pub input: ChildStdin,
    pub output: ChildStdout,
    pub errors: ChildStderr,
}

/// A running server program. Dropping it kills the program and what it started.
pub struct Serving {
    child: Child,
    /// The id of the group, which is the program's own.
    group: Option<u32>,
}

impl Serving {
    /// Starts a program. What it inherits of our environment is everything but keys and what is named like a secret.
    pub fn start(program: &Program<'_>) -> Result<(Serving, Pipes), String> {
        let mut command = command(program.command);
        without_keys(&mut command);
        for name in secret_variables() {
            command.env_remove(name);
        }
        command.args(program.arguments).envs(program.variables.iter().map(|(name, value)| (name, value))).current_dir(program.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| format!("`{}` cannot be started: {error}", program.command))?;
        let group = child.id();
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(output), Some(errors)) => Ok((Serving { child, group }, Pipes { input, output, errors })),
            _ => Err(format!("`{}` was started without pipes", program.command)),
        }
    }

    /// Lets it end by itself for a while (its input is closed by then), then kills what is left of it.
    pub async fn stop(mut self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.child.wait()).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        kill_group(self.group);
        let _ = self.child.start_kill();
    }
}

#[cfg(unix)]
fn kill_group(group: Option<u32>) {
    let id = group.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(id) = id {
        let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_: Option<u32>) {}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn shell(script: &str) -> (Serving, Pipes) {
        let arguments = ["-c".to_owned(), script.to_owned()];
        let variables = [("MINE".to_owned(), "given".to_owned())];
        Serving::start(&Program { command: "sh", arguments: &arguments, variables: &variables, folder: Path::new("/") }).unwrap()
    }

    #[tokio::test]
    async fn the_end_of_the_handle_ends_the_program_and_what_it_started() {
        let (serving, mut pipes) = shell("sleep 1000 & echo up; sleep 1000");
        let mut up = [0; 3];
        pipes.output.read_exact(&mut up).await.unwrap();
        drop(serving);
        // Both hold the pipe open as long as they live.
        let mut rest = Vec::new();
        pipes.output.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty() || rest == b"\n", "{rest:?}");
    }

    #[tokio::test]
    async fn a_program_gets_its_variables_and_no_key() {
        let (_serving, mut pipes) = shell("echo $MINE; env");
        let mut text = String::new();
        pipes.output.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("given\n"), "{text}");
        assert!(!text.contains("API_KEY="), "{text}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let program = Program { command: "no-such-program-here", arguments: &[], variables: &[], folder: Path::new("/") };
        assert!(Serving::start(&program).err().unwrap().contains("no-such-program-here"));
    }
}
