//! Clean-up: the contract's rules as a table, links, leases, emptied folders.
use super::super::test_support::*;
use super::*;
use crate::domain::{Event, RunStatus};

const NOW: &str = "2026-12-22T15:00:00+01:00";

fn clean(scratch: &Scratch, days: u64) -> Vec<PathBuf> {
    let dry = cleanup(&scratch.root, &scratch.base(), days, at(NOW), true).unwrap();
    let done = cleanup(&scratch.root, &scratch.base(), days, at(NOW), false).unwrap();
    assert_eq!(dry, done, "a dry run tells what a real one does");
    done
}

#[test]
fn only_what_ended_long_enough_ago_is_removed() {
    let old = NOON;
    let young = "2026-12-20T12:00:00+01:00";
    let table: Vec<(&str, Vec<Event>, u64, bool)> = vec![
        (old, vec![started("x"), finished(RunStatus::Completed)], 29, true),
        (old, vec![started("x"), finished(RunStatus::Completed)], 30, true),
        (old, vec![started("x"), finished(RunStatus::Completed)], 31, false),
        (old, vec![started("x"), finished(RunStatus::Completed)], u64::MAX, false),
        (old, vec![started("x"), finished(RunStatus::Failed), note("late")], 7, true),
        (old, vec![started("x"), finished(RunStatus::Cancelled)], 7, true),
        (young, vec![started("x"), finished(RunStatus::Completed)], 7, false),
        (young, vec![started("x"), finished(RunStatus::Completed)], 1, true),
        (NOW, vec![started("x"), finished(RunStatus::Completed)], 0, true),
        (old, vec![started("x"), finished(RunStatus::Paused)], 0, false),
        (old, vec![started("x"), finished(RunStatus::Parked)], 0, false),
        (old, vec![started("x"), finished(RunStatus::WaitingApproval)], 0, false),
        (old, vec![started("x"), planned(1)], 0, false),
        (old, vec![], 0, false),
        (old, vec![started("x"), finished(RunStatus::Completed), started("x")], 0, false),
        (old, vec![started("x"), finished(RunStatus::Failed), started("x"), finished(RunStatus::Completed)], 7, true),
    ];
    for (index, (when, events, days, removed)) in table.into_iter().enumerate() {
        let scratch = Scratch::new();
        let workspace = scratch.with_events("x", when, events);
        let expected = if removed { vec![workspace.path().to_owned()] } else { Vec::new() };
        assert_eq!(clean(&scratch, days), expected, "row {index}");
        assert_eq!(workspace.path().exists(), !removed, "row {index}");
        assert_eq!(std::fs::read_dir(scratch.base()).unwrap().count(), if removed { 1 } else { 2 }, "row {index}: emptied weeks go too");
    }
}

#[test]
fn a_held_a_corrupt_and_a_newer_workspace_stay() {
    let scratch = Scratch::new();
    let ended = |name: &str| scratch.with_events(name, NOON, vec![started(name), finished(RunStatus::Completed)]);
    let (held, corrupt, newer, gone) = (ended("held"), ended("corrupt"), ended("newer"), ended("gone"));
    let lease = held.take_lease(&owner()).unwrap();
    let file = |workspace: &Workspace| workspace.path().join(".orchestrator/journal.jsonl");
    let text = std::fs::read_to_string(file(&corrupt)).unwrap();
    std::fs::write(file(&corrupt), format!("junk\n{text}")).unwrap();
    std::fs::write(file(&newer), text.replace("\"schema\":1", "\"schema\":99")).unwrap();
    assert_eq!(clean(&scratch, 0), [gone.path()]);
    drop(lease);
    assert_eq!(clean(&scratch, 0), [held.path()]);
    assert!(corrupt.path().exists() && newer.path().exists());
}

#[test]
fn folders_that_are_not_ours_and_files_beside_stay() {
    let scratch = Scratch::new();
    let workspace = scratch.with_events("x", NOON, vec![started("x"), finished(RunStatus::Completed)]);
    let day = workspace.path().parent().unwrap().to_owned();
    std::fs::create_dir(day.join("mine-100000")).unwrap();
    std::fs::write(workspace.path().join("report.md"), "x").unwrap();
    clean(&scratch, 0);
    assert!(day.join("mine-100000").exists() && !workspace.path().exists());
    assert!(cleanup(&scratch.root, &scratch.folder.path().join("gone"), 0, at(NOW), false).unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn nothing_is_removed_through_a_link() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new();
    let far = Scratch::new();
    let far_workspace = far.with_events("far", NOON, vec![started("far"), finished(RunStatus::Completed)]);
    let near = scratch.with_events("near", NOON, vec![started("near"), finished(RunStatus::Completed)]);
    std::fs::write(far.folder.path().join("precious"), "x").unwrap();
    symlink(far.folder.path(), near.path().join("out")).unwrap();
    symlink(far.base().join("week-47"), scratch.base().join("week-46")).unwrap();
    symlink(far_workspace.path().parent().unwrap(), scratch.base().join("week-47/2026-11-21")).unwrap();
    symlink(far_workspace.path(), near.path().parent().unwrap().join("far-143022")).unwrap();
    assert_eq!(clean(&scratch, 0), [near.path()]);
    assert!(far_workspace.path().join(".orchestrator/journal.jsonl").exists() && far.folder.path().join("precious").exists());
    let link = scratch.folder.path().join("link");
    symlink(far.base(), &link).unwrap();
    assert!(cleanup(&scratch.root, &link, 0, at(NOW), false).unwrap_err().what.contains("through a link"));
    assert!(far_workspace.path().exists());
}

#[test]
fn a_removal_that_fails_is_told_and_can_be_done_again() {
    let scratch = Scratch::new();
    let workspace = scratch.with_events("x", NOON, vec![started("x"), finished(RunStatus::Completed)]);
    let name = workspace.path().to_owned();
    scratch.control.fail_when(std::io::ErrorKind::PermissionDenied, move |operation| {
        operation.verb == crate::sys::disk_faulty::Verb::RemoveFolder && operation.path == name
    });
    let error = cleanup(&scratch.root, &scratch.base(), 0, at(NOW), false).unwrap_err();
    assert!(error.what.contains("not 1 of them") && error.hint.is_some());
    scratch.control.heal();
    assert_eq!(clean(&scratch, 0), [workspace.path()]);
}
