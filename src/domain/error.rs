//! What went wrong, in words for a person, with a hint and an exit code. Never carries a secret or another crate's error type.
use std::fmt;

/// The result of everything that can fail in a way a person should read.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of failure it is; decides the exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The words of the command or request are off.
    Usage,
    /// A setting is wrong.
    Configuration,
    /// The workspace folder cannot be created, read or written.
    Place,
    /// Another process holds the workspace.
    Held,
    /// Our own disk fails: full, read-only, gone.
    Disk,
    /// The model provider refuses or stays unreachable.
    Provider,
    /// A defect of ours.
    Internal,
}

/// A failure with a sentence that says what was being done and to what, and a hint that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    pub what: String,
    pub hint: Option<String>,
}

impl Error {
    /// A failure of `kind`; `what` is lower case, without a full stop.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Error { kind, what: what.into(), hint: None }
    }

    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, what)
    }

    pub fn configuration(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, what)
    }

    pub fn place(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Place, what)
    }

    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, what)
    }

    /// Our own disk failing while doing `what`; ends a run resumably.
    pub fn disk(what: impl fmt::Display, source: &std::io::Error) -> Self {
        let error = Self::new(ErrorKind::Disk, format!("{what}: {source}"));
        match source.kind() {
            std::io::ErrorKind::StorageFull => error.hint("free some disk space, then resume"),
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                error.hint("check the permissions of the folder, then resume")
            }
            _ => error.hint("check that the folder exists and can be written, then resume"),
        }
    }

    /// Adds what the person can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code of the command line for this failure (contract, section 1).
    pub fn exit_code(&self) -> i32 {
        match self.kind {
            ErrorKind::Provider => 5,
            ErrorKind::Internal => 1,
            _ => 2,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
