//! Making and opening workspaces: names, collisions, bad places, the lease.
use super::super::test_support::*;
use super::*;
use crate::sys::disk_faulty::Verb;
use std::io::ErrorKind as Io;

fn relative(scratch: &Scratch, workspace: &Workspace) -> String {
    workspace.path().strip_prefix(scratch.base()).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_workspace_has_its_place_its_folders_and_an_ignored_base() {
    let scratch = Scratch::new();
    let workspace = scratch.create("Analyze sales data", NOON);
    assert_eq!(relative(&scratch, &workspace), "week-47/2026-11-22/analyze-sales-data-143022");
    for folder in ["agent_outputs", "inputs", ".orchestrator"] {
        assert!(workspace.path().join(folder).is_dir());
    }
    assert_eq!(std::fs::read_to_string(scratch.base().join(".gitignore")).unwrap(), "*\n");
    std::fs::write(scratch.base().join(".gitignore"), "mine").unwrap();
    let second = scratch.create("Analyze sales data", NOON);
    assert_eq!(relative(&scratch, &second), "week-47/2026-11-22/analyze-sales-data-143022-2");
    assert_eq!(std::fs::read_to_string(scratch.base().join(".gitignore")).unwrap(), "mine");
}

#[test]
fn the_first_days_of_a_year_stand_in_the_last_week_of_the_old_one() {
    let scratch = Scratch::new();
    for (now, week) in [("2026-12-28T09:00:00Z", "week-53/2026-12-28"), ("2027-01-01T09:00:00Z", "week-53/2027-01-01")] {
        assert!(relative(&scratch, &scratch.create("x y", now)).starts_with(week));
    }
}

#[test]
fn many_runs_in_one_second_each_get_their_own_folder() {
    let scratch = Scratch::new();
    let paths: std::collections::BTreeSet<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| (0..5).map(|_| scratch.create("Same goal", NOON).path).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(paths.len(), 40);
    assert!(paths.iter().any(|path| path.ends_with("same-goal-143022-40")));
}

fn creation_error(scratch: &Scratch, base: &Path) -> Error {
    let error = Workspace::create(&scratch.root, base, &Goal::new("x").unwrap(), at(NOON)).unwrap_err();
    assert!(error.what.starts_with("workspace creation failed: "), "{}", error.what);
    assert_eq!(error.exit_code(), 2);
    assert!(error.hint.is_some());
    error
}

#[test]
fn a_base_folder_that_is_a_file_is_a_clear_error() {
    let scratch = Scratch::new();
    let file = scratch.folder.path().join("file");
    std::fs::write(&file, "kept").unwrap();
    for base in [file.clone(), file.join("below")] {
        assert!(creation_error(&scratch, &base).what.contains("is not a folder"));
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "kept");
    std::fs::create_dir(scratch.base()).unwrap();
    std::fs::write(scratch.base().join("week-47"), "").unwrap();
    creation_error(&scratch, &scratch.base());
}

#[test]
fn a_full_or_read_only_disk_is_a_clear_error_at_every_change_and_leaves_no_half() {
    for (kind, word) in
        [(Io::StorageFull, "full"), (Io::ReadOnlyFilesystem, "cannot be written"), (Io::PermissionDenied, "cannot be written")]
    {
        for n in 1..=9 {
            let scratch = Scratch::new();
            scratch.control.fail_change(n, kind);
            let error = creation_error(&scratch, &scratch.base());
            assert!(error.what.contains(word), "{n}: {}", error.what);
            let day = scratch.base().join("week-47/2026-11-22");
            assert!(std::fs::read_dir(&day).map_or(0, Iterator::count) == 0, "{n}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_linked_week_folder_is_not_written_through() {
    let scratch = Scratch::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(scratch.base()).unwrap();
    std::os::unix::fs::symlink(outside.path(), scratch.base().join("week-47")).unwrap();
    creation_error(&scratch, &scratch.base());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_workspace_is_said_to_be_none() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    assert_eq!(Workspace::open(&scratch.root, workspace.path()).unwrap().path(), workspace.path());
    let message = |path: &Path| {
        let error = Workspace::open(&scratch.root, path).unwrap_err();
        assert!(error.hint.is_some() && error.exit_code() == 2);
        error.what
    };
    assert!(message(&scratch.base()).contains("no journal"));
    assert!(message(&scratch.base().join("gone")).contains("there is no workspace"));
    assert!(message(&scratch.base().join(".gitignore")).contains("is a file"));
    assert!(message(&scratch.base().join(".gitignore/x")).contains("is not a workspace"));
    assert!(message(Path::new("/")).contains("is not a workspace"));
    #[cfg(unix)]
    {
        let link = scratch.folder.path().join("link");
        std::os::unix::fs::symlink(workspace.path(), &link).unwrap();
        assert!(message(&link).contains("is a link"));
        std::fs::rename(workspace.path().join(".orchestrator"), workspace.path().join("moved")).unwrap();
        std::os::unix::fs::symlink("moved", workspace.path().join(".orchestrator")).unwrap();
        assert!(message(workspace.path()).contains("no journal"));
    }
}

#[test]
fn a_held_workspace_names_its_holder() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    assert_eq!(workspace.lease_holder(), None);
    let lease = workspace.take_lease(&owner()).unwrap();
    let other = Workspace::open(&scratch.root, workspace.path()).unwrap();
    let error = other.take_lease(&owner()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Held);
    assert_eq!(error.what, "workspace held by another process (ai-orchestrator lsp, pid 123 on host, since 14:31)");
    assert_eq!(other.lease_holder(), Some(owner()));
    lease.heartbeat(at("2026-11-22T15:00:00+01:00")).unwrap();
    assert!(other.folder().read(".orchestrator/owner.json", 999).unwrap().ends_with(b"\"heartbeat\":\"2026-11-22T15:00:00+01:00\"}"));
    std::fs::write(workspace.path().join(".orchestrator/owner.json"), "torn{").unwrap();
    assert_eq!(other.take_lease(&owner()).unwrap_err().what, "workspace held by another process");
    assert_eq!(other.lease_holder().unwrap().pid, 0);
    drop(lease);
    assert_eq!(other.lease_holder(), None);
    // A note without a lock is a dead owner's: it holds nothing.
    std::fs::write(workspace.path().join(".orchestrator/owner.json"), serde_json::to_vec(&owner()).unwrap()).unwrap();
    assert_eq!(other.lease_holder(), None);
    other.take_lease(&owner()).unwrap();
}

#[test]
fn those_who_only_look_never_keep_an_owner_out() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    drop(workspace.take_lease(&owner()).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| (0..200).for_each(|_| drop(workspace.lease_holder())));
        (0..50).for_each(|_| drop(workspace.take_lease(&owner()).unwrap()));
    });
}

#[test]
fn views_that_cannot_be_written_say_so_in_the_known_words() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    workspace.write_view("context-main.md", "old").unwrap();
    scratch.control.fail_changes(Io::StorageFull);
    assert!(workspace.write_view("context-main.md", "new").unwrap_err().what.starts_with("context not updating: "));
    assert_eq!(workspace.read_text("context-main.md").as_deref(), Some("old"));
    assert_eq!(workspace.read_text("gone.md"), None);
    std::fs::write(workspace.path().join("bytes.md"), [0xff, b'a']).unwrap();
    assert_eq!(workspace.read_text("bytes.md").as_deref(), Some("\u{fffd}a"));
}

#[test]
fn a_lease_that_is_just_being_let_go_has_no_holder() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    // The lock, and no note any more: as between the two steps of letting go, or in a child that has not begun yet.
    let lock = workspace.folder().lock(".orchestrator/lease").unwrap().unwrap();
    let (looked, looks) = std::sync::mpsc::channel();
    scratch.control.fail_when(Io::Other, move |operation| operation.verb == Verb::Lock && looked.send(()).is_err());
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| workspace.lease_holder());
        // The second look comes after one that found it locked.
        looks.recv().unwrap();
        looks.recv_timeout(std::time::Duration::from_secs(60)).expect("one look was believed");
        drop(lock);
        assert_eq!(looking.join().unwrap(), None);
    });
}
