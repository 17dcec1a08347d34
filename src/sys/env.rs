//! The environment of the process as a value: variables, home folders, terminal facts. The only home of `std::env`.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The arguments of the process, its own name left out.
#[allow(clippy::disallowed_methods, reason = "this is the home of the environment")]
pub fn arguments() -> Vec<std::ffi::OsString> {
    std::env::args_os().skip(1).collect()
}

/// A snapshot of the environment; tests build their own.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    current_dir: PathBuf,
}

impl Environment {
    /// The process's own environment.
    #[allow(clippy::disallowed_methods, reason = "this is the home of the environment")]
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        Environment { variables, current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")) }
    }

    /// An environment for tests: these variables, this current folder.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>, current_dir: impl Into<PathBuf>) -> Self {
        Environment { variables: variables.into_iter().collect(), current_dir: current_dir.into() }
    }

    /// The same environment in another current folder.
    pub fn moved_to(&self, folder: &Path) -> Self {
        Environment { variables: self.variables.clone(), current_dir: folder.to_owned() }
    }

    /// The variable's value, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All variables whose name starts with `prefix`.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.variables.iter().filter(move |(name, _)| name.starts_with(prefix)).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The machine's name, for messages; `localhost` where nothing tells.
    pub fn host_name(&self) -> String {
        self.get("HOSTNAME").or_else(|| self.get("COMPUTERNAME")).unwrap_or("localhost").to_owned()
    }

    pub fn current_dir(&self) -> &Path {
        &self.current_dir
    }

    pub fn home(&self) -> PathBuf {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map_or_else(|| self.current_dir.clone(), PathBuf::from)
    }

    /// `$XDG_CONFIG_HOME/ai-orchestrator`, or `~/.config/ai-orchestrator`.
    pub fn config_folder(&self) -> PathBuf {
        self.xdg("XDG_CONFIG_HOME", ".config")
    }

    /// `$XDG_STATE_HOME/ai-orchestrator`, or `~/.local/state/ai-orchestrator`.
    pub fn state_folder(&self) -> PathBuf {
        self.xdg("XDG_STATE_HOME", ".local/state")
    }

    /// `$XDG_RUNTIME_DIR/ai-orchestrator`, or a folder under the state folder.
    pub fn runtime_folder(&self) -> PathBuf {
        match self.get("XDG_RUNTIME_DIR") {
            Some(folder) if Path::new(folder).is_absolute() => Path::new(folder).join("ai-orchestrator"),
            _ => self.state_folder().join("run"),
        }
    }

    fn xdg(&self, variable: &str, fallback: &str) -> PathBuf {
        let base = self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        base.unwrap_or_else(|| self.home().join(fallback)).join("ai-orchestrator")
    }

    /// `path` made absolute from the current folder, with `~/` expanded and `.`/`..` resolved in the text.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        let expanded = match path.strip_prefix("~") {
            Ok(rest) => self.home().join(rest),
            Err(_) => self.current_dir.join(path),
        };
        let mut clean = PathBuf::new();
        for part in expanded.components() {
            match part {
                std::path::Component::ParentDir => {
                    clean.pop();
                }
                std::path::Component::CurDir => {}
                part => clean.push(part),
            }
        }
        clean
    }
}

/// Words in the name of a variable that holds a secret.
const SECRET_WORDS: [&str; 12] =
    ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASS", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "CREDS", "COOKIE", "JWT"];
/// The same at the end of a word: `PGPASSWORD`, `NPM_AUTHTOKEN`.
const SECRET_ENDS: [&str; 6] = ["APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE"];
/// Words that mean a secret only behind another: `MYSQL_PWD` and `GITHUB_PAT`, but `PWD` is a folder.
const SECRET_TAILS: [&str; 2] = ["PWD", "PAT"];

/// Whether a variable's name says that it holds a secret: `GITHUB_TOKEN`, `AWS_SECRET_ACCESS_KEY`, `PGPASSWORD`, `MYSQL_PWD`.
pub fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let mut words = upper.split('_').enumerate();
    words.any(|(at, word)| {
        SECRET_WORDS.contains(&word) || SECRET_ENDS.iter().any(|end| word.ends_with(end)) || at > 0 && SECRET_TAILS.contains(&word)
    })
}

/// The names of the process's variables that are named like secrets.
#[allow(clippy::disallowed_methods, reason = "this is the home of the environment")]
pub fn secret_variables() -> Vec<std::ffi::OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.to_str().is_some_and(is_secret_name)).collect()
}

/// The id of this process.
pub fn process_id() -> u32 {
    std::process::id()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_name() {
        for name in [
            "GITHUB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "db_password",
            "OPENAI_API_KEY",
            "PGPASSWORD",
            "MYSQL_PWD",
            "GITHUB_PAT",
            "DB_PASS",
            "NPM_AUTHTOKEN",
            "CLIENTSECRET",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["PATH", "HOME", "KEYBOARD", "TOKENIZERS_PARALLELISM", "XDG_RUNTIME_DIR", "PWD", "OLDPWD", "SSH_AUTH_SOCK", "PATTERN"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
