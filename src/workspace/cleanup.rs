//! Removes workspaces that have ended long enough ago. Judges by the journal alone, under the lease, and never goes through a link.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Days, FixedOffset, TimeDelta};

use super::catalog::{Day, days, ended, open_base, workspaces};
use super::lease::Owner;
use super::store::{PRIVATE, Workspace};
use crate::domain::{Error, Result};
use crate::sys::disk::{Disk, EntryKind};

/// Removes the workspaces below `base_dir` that completed, failed or were cancelled more than `days` days before `now` (0: all that ended),
/// with the day and week folders that this empties. Returns their paths, newest first; `dry_run` only says which they would be.
pub fn cleanup(root: &Arc<dyn Disk>, base_dir: &Path, days: u64, now: DateTime<FixedOffset>, dry_run: bool) -> Result<Vec<PathBuf>> {
    refuse_link(root, base_dir)?;
    let Some(base) = open_base(root, base_dir)? else { return Ok(Vec::new()) };
    let sweep = Sweep { days, now, dry_run };
    let mut removed = Vec::new();
    let mut failures = Vec::new();
    for day in self::days(&base)?.iter().filter(|day| sweep.may_hold_old(day)) {
        let Ok(folder) = day.week.sub(&day.name) else { continue };
        let before = removed.len();
        for name in workspaces(&folder) {
            match sweep.one(&folder, &name) {
                Ok(true) => removed.push(folder.path().join(&name)),
                Ok(false) => {}
                Err(error) => failures.push(format!("`{}`: {}", folder.path().join(&name).display(), error.what)),
            }
        }
        if !dry_run && removed.len() > before && day.week.remove_empty_folder(&day.name).is_ok() {
            let _ = base.remove_empty_folder(&day.week_name);
        }
    }
    match failures.first() {
        None => Ok(removed),
        Some(first) => Err(Error::place(format!("removed {} workspaces, but not {} of them: {first}", removed.len(), failures.len()))
            .hint("check the permissions of these folders, then clean up again")),
    }
}

struct Sweep {
    days: u64,
    now: DateTime<FixedOffset>,
    dry_run: bool,
}

impl Sweep {
    /// A run that began after the limit cannot have ended before it: its journal need not be read. A day is spared for time zones.
    fn may_hold_old(&self, day: &Day) -> bool {
        let limit = self.now.date_naive().checked_sub_days(Days::new(self.days.saturating_sub(1)));
        self.days == 0 || limit.is_some_and(|limit| day.date <= limit)
    }

    fn one(&self, day: &Arc<dyn Disk>, name: &str) -> Result<bool> {
        let Ok(workspace) = Workspace::open_in(day, name) else { return Ok(false) };
        if !self.is_old(&workspace) {
            return Ok(false);
        }
        if self.dry_run {
            return Ok(workspace.lease_holder().is_none());
        }
        let owner =
            Owner { pid: std::process::id(), host: "this machine".into(), program: "ai-orchestrator --cleanup".into(), since: self.now };
        let lease = match workspace.take_lease(&owner) {
            Ok(lease) => lease,
            Err(error) if error.kind == crate::domain::ErrorKind::Held => return Ok(false),
            Err(error) => return Err(error),
        };
        // Somebody may have taken the run up again between the first look and the lease.
        if !self.is_old(&workspace) {
            return Ok(false);
        }
        let outcome = remove(day, &workspace, name);
        drop(lease);
        outcome.map(|()| true).map_err(|error| Error::disk("cannot remove it", &error))
    }

    fn is_old(&self, workspace: &Workspace) -> bool {
        let Ok((records, health)) = workspace.read_journal() else { return false };
        let end = ended(&records).filter(|end| health.is_resumable() && end.status.is_end());
        let age = i64::try_from(self.days).ok().and_then(TimeDelta::try_days);
        match (end, age) {
            (Some(_), _) if self.days == 0 => true,
            (Some(end), Some(age)) => self.now.signed_duration_since(end.at) > age,
            _ => false,
        }
    }
}

/// Our own folder goes last: what a crash leaves in between is still known as ours and goes the next time.
fn remove(day: &Arc<dyn Disk>, workspace: &Workspace, name: &str) -> std::io::Result<()> {
    let folder = workspace.folder();
    for (entry, kind) in folder.list("")?.into_iter().filter(|(entry, _)| entry != PRIVATE) {
        if kind == EntryKind::Folder { folder.remove_folder(&entry)? } else { folder.remove_file(&entry)? }
    }
    day.remove_folder(name)
}

fn refuse_link(root: &Arc<dyn Disk>, base_dir: &Path) -> Result<()> {
    let place = base_dir.parent().zip(base_dir.file_name().and_then(|name| name.to_str()));
    let kind = place.and_then(|(parent, name)| root.open(parent).ok()?.metadata(name).ok()).map(|meta| meta.kind);
    match kind {
        Some(EntryKind::Link) => Err(Error::place(format!("clean-up does not go through a link, and `{}` is one", base_dir.display()))
            .hint("name the folder that it leads to: --base-dir DIR")),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "cleanup_tests.rs"]
mod tests;
