//! A machine of its own for tests of the real program: empty home and project, no keys, nothing of the tester's environment.
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A machine of its own: empty home and project, no keys, nothing of the tester's environment.
pub struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("project/.git")).unwrap();
        Machine { folder }
    }

    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ai-orchestrator"));
        command.env_clear().args(words).current_dir(self.project()).stdin(Stdio::null());
        for (variable, folder) in [("HOME", "home"), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")]
        {
            command.env(variable, self.folder.path().join(folder));
        }
        // A model that happens to run on this machine is nobody's business: nothing listens at this port.
        command.env("OLLAMA_HOST", "127.0.0.1:9");
        // What Windows needs to start a process at all.
        if let Some(root) = std::env::var_os("SystemRoot") {
            command.env("SystemRoot", root);
        }
        command
    }

    pub fn run(&self, words: &[&str]) -> Said {
        Said::of(self.command(words).output().unwrap())
    }
}

/// What the program said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
