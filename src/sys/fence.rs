//! The kernel's fence round one thread (Landlock on Linux): work inside it reaches one folder and no network. Says what is in force; knows no tool.
use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

/// How much of the fence the running kernel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// Files, TCP, abstract sockets and signals.
    Whole,
    /// An older kernel: files, and not all of the rest.
    Part,
    /// No Landlock, or another system.
    Missing,
}

impl Fence {
    /// For the person who asks what is in force.
    pub fn describe(self) -> &'static str {
        match self {
            Fence::Whole => "tools work in threads that the kernel confines to the workspace (Landlock: files, network, signals)",
            Fence::Part => {
                "tools work in threads that the kernel confines to the workspace in part (an older Landlock: files, not all of the network)"
            }
            Fence::Missing => "the kernel has no Landlock, so tools are confined to the workspace by this program alone",
        }
    }
}

/// What the kernel would hold, found out by raising a fence round a thread that does nothing else. Takes well under a millisecond.
pub fn in_force() -> Fence {
    let tried = std::thread::Builder::new().name("fence-trial".into()).spawn(|| raise(Path::new("/")));
    tried.ok().and_then(|trial| trial.join().ok()).and_then(Result::ok).unwrap_or(Fence::Missing)
}

/// Runs `work` on a thread of its own that reaches only what lies below `folder`, as far as the kernel can hold it to that.
///
/// A fence cannot be taken down again, so the thread ends with the work. Fails when the folder cannot be opened, no thread can be had, or
/// the work broke off.
pub async fn fenced<T: Send + 'static>(folder: PathBuf, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (sender, done) = oneshot::channel();
    std::thread::Builder::new().name("fenced-tool".into()).spawn(move || {
        let _ = sender.send(raise(&folder).map(|_| work()));
    })?;
    done.await.unwrap_or_else(|_| Err(io::Error::other("the work broke off")))
}

/// Fences the calling thread in, for good.
#[cfg(target_os = "linux")]
fn raise(folder: &Path) -> io::Result<Fence> {
    use landlock::{ABI, Access, AccessFs, AccessNet, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope};

    // Rights up to this version of the interface are known and tested; an older kernel holds those that it has.
    const KNOWN: ABI = ABI::V6;
    let below = AccessFs::from_read(KNOWN) & !AccessFs::Execute
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let folder = PathFd::new(folder).map_err(|error| {
        match std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(source) => io::Error::from(source.kind()),
            None => io::Error::other(error.to_string()),
        }
    })?;
    let rules = (|| {
        Ruleset::default()
            .set_compatibility(landlock::CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(KNOWN))?
            .handle_access(AccessNet::from_all(KNOWN))?
            .scope(Scope::from_all(KNOWN))?
            .create()?
            .add_rule(PathBeneath::new(folder, below))?
            .restrict_self()
    })();
    // A kernel that cannot is no reason to stop: the jail stands without it, and `in_force` tells.
    Ok(match rules.map(|status| status.ruleset) {
        Ok(landlock::RulesetStatus::FullyEnforced) => Fence::Whole,
        Ok(landlock::RulesetStatus::PartiallyEnforced) => Fence::Part,
        Ok(landlock::RulesetStatus::NotEnforced) | Err(_) => Fence::Missing,
    })
}

#[cfg(not(target_os = "linux"))]
fn raise(_folder: &Path) -> io::Result<Fence> {
    Ok(Fence::Missing)
}

#[cfg(test)]
#[path = "fence_tests.rs"]
mod tests;
