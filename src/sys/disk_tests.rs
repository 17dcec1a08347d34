//! The real disk against a real folder: links, locks, sizes, whole replacement.
use super::*;

fn scratch() -> (tempfile::TempDir, Arc<dyn Disk>) {
    let folder = tempfile::tempdir().unwrap();
    let disk = RealDisk::root().unwrap().open(folder.path()).unwrap();
    (folder, disk)
}

#[test]
fn files_are_replaced_whole_and_listed_in_order() {
    let (_folder, disk) = scratch();
    disk.create_folders("a/b").unwrap();
    disk.replace("a/b/two.md", b"2", true).unwrap();
    disk.replace("a/b/one.md", b"1", false).unwrap();
    disk.replace("a/b/one.md", b"new", false).unwrap();
    assert_eq!(disk.read("a/b/one.md", 10).unwrap(), b"new");
    assert_eq!(disk.list("a/b").unwrap(), [("one.md".into(), EntryKind::File), ("two.md".into(), EntryKind::File)]);
    assert_eq!(disk.read("a/b/one.md", 2).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(disk.create_new("a/b/one.md", b"x", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
}

#[cfg(unix)]
#[test]
fn links_are_never_followed() {
    let (folder, disk) = scratch();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.md"), "secret").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.md"), folder.path().join("link.md")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
    assert!(disk.read("link.md", 100).is_err());
    assert!(disk.read("out/secret.md", 100).is_err());
    assert!(disk.sub("out").is_err());
    assert!(disk.list("out").is_err());
    assert!(disk.append_to("link.md").is_err());
    disk.replace("link.md", b"mine", false).unwrap();
    assert_eq!(std::fs::read_to_string(outside.path().join("secret.md")).unwrap(), "secret");
    disk.create_folder("sub").unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("sub/out")).unwrap();
    disk.remove_folder("sub").unwrap();
    assert!(outside.path().join("secret.md").exists());
}

#[test]
fn a_lock_is_held_by_one() {
    let (_folder, disk) = scratch();
    let held = disk.lock("lease").unwrap();
    assert!(held.is_some());
    assert!(disk.lock("lease").unwrap().is_none());
    drop(held);
    assert!(disk.lock("lease").unwrap().is_some());
}

#[test]
fn appended_lines_add_up() {
    let (_folder, disk) = scratch();
    let mut file = disk.append_to("journal.jsonl").unwrap();
    file.append(b"one\n").unwrap();
    file.append(b"two").unwrap();
    file.truncate(4).unwrap();
    file.append(b"three\n").unwrap();
    file.sync().unwrap();
    assert_eq!(disk.read("journal.jsonl", 100).unwrap(), b"one\nthree\n");
}

#[cfg(unix)]
#[test]
fn files_and_folders_can_be_closed_to_others_and_links_resolved() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, disk) = scratch();
    disk.replace("secret.json", b"{}", false).unwrap();
    std::os::unix::fs::symlink("secret.json", folder.path().join("link.json")).unwrap();
    disk.make_private("").unwrap();
    disk.make_private("secret.json").unwrap();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder.path().into()), mode(folder.path().join("secret.json"))), (0o700, 0o600));
    assert!(disk.make_private("link.json").is_err());
    assert_eq!(disk.resolve(&folder.path().join("link.json")).unwrap().file_name().unwrap(), "secret.json");
    assert!(disk.resolve(&folder.path().join("missing")).is_err());
}

#[test]
fn those_who_look_at_a_lock_are_no_holders_to_each_other() {
    let (_folder, disk) = scratch();
    assert_eq!(disk.is_locked("lease").unwrap_err().kind(), io::ErrorKind::NotFound);
    let held = disk.lock("lease").unwrap();
    assert!(held.is_some() && disk.is_locked("lease").unwrap());
    drop(held);
    std::thread::scope(|scope| {
        let look = || (0..2_000).filter(|_| disk.is_locked("lease").unwrap()).count();
        let lookers: Vec<_> = (0..4).map(|_| scope.spawn(look)).collect();
        assert_eq!(lookers.into_iter().map(|looker| looker.join().unwrap()).sum::<usize>(), 0);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_length_the_system_does_not_know_is_read_whole() {
    let own = RealDisk::root().unwrap().open(Path::new("/proc/self")).unwrap();
    let status = String::from_utf8(own.read("status", 1 << 20).unwrap()).unwrap();
    assert!(status.starts_with("Name:") && status.ends_with('\n') && status.lines().count() > 20, "{status}");
    assert_eq!(own.read("status", 100).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}
