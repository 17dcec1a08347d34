//! The faulting disk fails where told; the crash images are those a real machine would leave.
use super::*;
use crate::sys::disk::RealDisk;
use crate::sys::disk_faulty::{FaultyDisk, Verb};
use std::io::ErrorKind;

type Rig = (tempfile::TempDir, Arc<dyn Disk>, Arc<crate::sys::disk_faulty::DiskControl>);

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let (root, control) = FaultyDisk::over(RealDisk::root().unwrap());
    let disk = root.open(folder.path()).unwrap();
    (folder, disk, control)
}

#[test]
fn the_nth_change_fails_once_and_reads_never_count() {
    let (_folder, disk, control) = rig();
    control.fail_change(2, ErrorKind::StorageFull);
    disk.create_folder("a").unwrap();
    disk.metadata("a").unwrap();
    assert_eq!(disk.create_folder("b").unwrap_err().kind(), ErrorKind::StorageFull);
    disk.create_folder("b").unwrap();
    assert_eq!(control.changes(), 3);
}

#[test]
fn matching_operations_fail_until_healed_through_every_handle() {
    let (_folder, disk, control) = rig();
    disk.create_folder("a").unwrap();
    let sub = disk.sub("a").unwrap();
    control.fail_when(ErrorKind::PermissionDenied, |operation| operation.verb == Verb::Replace && operation.path.ends_with("a/x.md"));
    assert_eq!(sub.replace("x.md", b"1", false).unwrap_err().kind(), ErrorKind::PermissionDenied);
    sub.replace("y.md", b"1", false).unwrap();
    control.heal();
    sub.replace("x.md", b"1", false).unwrap();
    control.fail_changes(ErrorKind::ReadOnlyFilesystem);
    assert!(sub.remove_file("x.md").is_err() && sub.append_to("x.md").is_err() && sub.lock("l").is_err());
    assert_eq!(sub.read("x.md", 9).unwrap(), b"1");
}

#[test]
fn a_full_disk_takes_the_first_half_of_a_write() {
    let (_folder, disk, control) = rig();
    let mut file = disk.append_to("j").unwrap();
    control.fail_change(1, ErrorKind::StorageFull);
    assert!(file.append(b"12345678").is_err());
    assert_eq!(disk.read("j", 99).unwrap(), b"1234");
}

fn image(recording: &[Change], base: &Path, crash: Crash) -> (tempfile::TempDir, Arc<dyn Disk>) {
    let folder = tempfile::tempdir().unwrap();
    let disk = RealDisk::root().unwrap().open(folder.path()).unwrap();
    rebuild(recording, base, crash, &disk).unwrap();
    (folder, disk)
}

#[test]
fn a_crash_leaves_what_was_synced_and_may_tear_the_last_write() {
    let (folder, disk, control) = rig();
    disk.create_folders("w/x").unwrap();
    let mut file = disk.append_to("w/j").unwrap();
    file.append(b"one\n").unwrap();
    file.sync().unwrap();
    disk.sub("w").unwrap().sync_folder().unwrap();
    disk.sync_folder().unwrap();
    file.append(b"two\n").unwrap();
    disk.replace("w/v", b"view", false).unwrap();
    let recording = control.recording();
    let all = recording.len();

    let crash = |changes, lose_unsynced, torn| Crash { changes, lose_unsynced, torn };
    let (_keep, kept) = image(&recording, folder.path(), crash(all, true, None));
    assert_eq!(kept.read("w/j", 99).unwrap(), b"one\n");
    assert!(kept.metadata("w/x").is_ok() && kept.metadata("w/v").is_err());
    let (_keep, live) = image(&recording, folder.path(), crash(all, false, None));
    assert_eq!(live.read("w/j", 99).unwrap(), b"one\ntwo\n");
    assert_eq!(live.read("w/v", 99).unwrap(), b"view");
    let (_keep, torn) = image(&recording, folder.path(), crash(all - 1, false, Some(2)));
    assert_eq!(torn.read("w/j", 99).unwrap(), b"one\ntw");
    let (_keep, torn) = image(&recording, folder.path(), crash(all, false, Some(2)));
    assert!(torn.metadata("w/v").is_err(), "a torn replacement never shows under its name");
    let (_keep, early) = image(&recording, folder.path(), crash(4, true, None));
    assert!(early.list("").unwrap().is_empty(), "a folder whose name was not synced is gone with all in it");
    assert!(Crash::every(&recording).len() > 2 * all);
}

#[test]
fn renames_removals_and_durable_files_are_followed() {
    let (folder, disk, control) = rig();
    disk.create_new("a", b"1", true).unwrap();
    disk.rename("a", "b").unwrap();
    disk.create_folder("f").unwrap();
    disk.create_new("f/c", b"2", true).unwrap();
    disk.remove_folder("f").unwrap();
    let recording = control.recording();
    let crash = |lose_unsynced| Crash { changes: recording.len(), lose_unsynced, torn: None };
    let (_keep, live) = image(&recording, folder.path(), crash(false));
    assert_eq!(live.list("").unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b"]);
    let (_keep, kept) = image(&recording, folder.path(), crash(true));
    assert_eq!(kept.list("").unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a"]);
}
