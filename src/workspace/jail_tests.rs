//! The jail against a corpus of tricks; every refusal leaves the outside and our own files untouched.
use super::super::test_support::*;
use super::*;

fn jail() -> (Scratch, super::super::Workspace, Jail) {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    std::fs::write(workspace.path().join("plan.md"), "plan").unwrap();
    let jail = workspace.jail(vec![".md".into(), ".csv".into(), ".json".into()]);
    (scratch, workspace, jail)
}

fn write(jail: &Jail, path: &str) -> Result<String, Refusal> {
    Jail::path(path).and_then(|path| jail.write(&path, b"x"))
}

fn told(refusal: Refusal) -> String {
    match refusal {
        Refusal::NotAllowed(reason) => reason,
        Refusal::Disk(error) => panic!("the disk did not fail: {error}"),
    }
}

#[test]
fn ordinary_files_are_written_read_and_listed() {
    let (_scratch, workspace, jail) = jail();
    for path in ["a.md", "charts/2026/sales by month.csv", "x.sh.md", "überblick.md"] {
        write(&jail, path).unwrap();
        assert_eq!(jail.read(&Jail::path(path).unwrap()).unwrap(), b"x");
    }
    write(&jail, "a.md").unwrap();
    std::fs::write(workspace.path().join("inputs/data.csv"), "1").unwrap();
    assert_eq!(jail.read(&Jail::path("inputs/data.csv").unwrap()).unwrap(), b"1");
    assert_eq!(jail.read(&Jail::path("plan.md").unwrap()).unwrap(), b"plan");
    let names: Vec<String> = jail.files().unwrap().into_iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(names, ["a.md", "charts/2026/sales by month.csv", "inputs/data.csv", "x.sh.md", "überblick.md"]);
}

#[test]
fn names_that_reach_for_what_is_not_theirs_are_refused() {
    let (_scratch, workspace, jail) = jail();
    for path in [
        "plan.md",
        "PLAN.md",
        "Plan.MD",
        "ｐlan.md",
        "plan.md/x.md",
        "approvals.md",
        "context-main.md",
        "workflow-state.json",
        "WORKFLOW-STATE.JSON",
        "workspace-info.json",
        "workflow-history.json",
        "execution-summary.md",
        "agent_outputs/x.md",
        "Agent_Outputs/x.md",
        "inputs/x.csv",
        "INPUTS/x.csv",
        "ｉnputs/x.csv",
        ".orchestrator/x.json",
        ".Orchestrator/x.json",
        "．orchestrator/x.json",
        "a/../plan.md",
        "../x.md",
        "/tmp/x.md",
        "~/x.md",
        "C:/x.md",
        "x.md/",
        "./",
        "",
        ".",
        "x.sh",
        "x.md.sh",
        "x.sh\0.md",
        "x.md.",
        "x.md ",
        "x",
        ".md",
        ".hidden.md",
        "a/.git/x.md",
        "．hidden.md",
        "con.md",
        "NUL.md",
        "a/aux.md",
        "x.md:stream",
        "x.md::$DATA",
        "ORCHES~1/x.json",
        "PLAN~1.MD",
        "a\\b.md",
        "\\\\server\\x.md",
        "x\u{200b}.md",
        "x\u{202e}dm.sh",
        "x.ｓh",
        "x.MD\u{0}",
        "a//b.md",
        "x.\u{ff4d}d.sh",
        "%2e%2e/x.sh",
    ] {
        told(write(&jail, path).unwrap_err());
    }
    told(write(&jail, &("d/".repeat(20) + "x.md")).unwrap_err());
    assert_eq!(workspace.read_text("plan.md").as_deref(), Some("plan"));
    for path in [
        ".orchestrator/journal.jsonl",
        ".ORCHESTRATOR/journal.jsonl",
        "x/.orchestrator/y",
        "ORCHES~1/journal.jsonl",
        "gone.md",
        "gone/x.md",
        "inputs",
    ] {
        told(Jail::path(path).and_then(|path| jail.read(&path).map(|_| ())).unwrap_err());
    }
}

#[cfg(unix)]
#[test]
fn links_hard_links_pipes_and_devices_are_refused() {
    use std::os::unix::fs::symlink;
    let (_scratch, workspace, jail) = jail();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.md");
    std::fs::write(&secret, "secret").unwrap();
    let at = |name: &str| workspace.path().join(name);
    symlink(&secret, at("link.md")).unwrap();
    symlink(outside.path(), at("out")).unwrap();
    symlink(".orchestrator", at("inner")).unwrap();
    symlink("plan.md", at("alias.md")).unwrap();
    symlink("/proc/self/environ", at("proc.md")).unwrap();
    std::fs::hard_link(&secret, at("hard.md")).unwrap();
    std::fs::hard_link(at("plan.md"), at("hardplan.md")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("pipe.md")).status().unwrap().success());
    for path in ["link.md", "out/secret.md", "inner/journal.json", "alias.md", "proc.md", "hard.md", "hardplan.md", "pipe.md"] {
        let path = Jail::path(path).unwrap();
        told(jail.read(&path).map(|_| ()).unwrap_err());
        told(jail.write(&path, b"mine").unwrap_err());
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
    assert_eq!(workspace.read_text("plan.md").as_deref(), Some("plan"));
    assert!(jail.files().unwrap().iter().all(|(path, _)| path.as_str().starts_with("hard")));
}

#[cfg(unix)]
#[test]
fn a_folder_swapped_for_a_link_during_the_run_is_not_followed() {
    let (_scratch, workspace, jail) = jail();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("x.md"), "theirs").unwrap();
    let path = Jail::path("sub/x.md").unwrap();
    jail.write(&path, b"mine").unwrap();
    let sub = workspace.path().join("sub");
    let spare = workspace.path().join("spare");
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            for _ in 0..300 {
                // The jail may make the folder anew in between; then this round swaps nothing.
                let _ = std::fs::rename(&sub, &spare);
                let _ = std::os::unix::fs::symlink(outside.path(), &sub);
                let _ = std::fs::remove_file(&sub);
                let _ = std::fs::rename(&spare, &sub);
            }
        });
        while !swapper.is_finished() {
            let _ = jail.write(&path, b"mine");
            if let Ok(bytes) = jail.read(&path) {
                assert_eq!(bytes, b"mine");
            }
        }
    });
    assert_eq!(std::fs::read_to_string(outside.path().join("x.md")).unwrap(), "theirs");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_planted_temporary_file_is_not_written_through() {
    let (_scratch, workspace, jail) = jail();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    std::fs::hard_link(&secret, workspace.path().join(".a.md.tmp")).unwrap();
    write(&jail, "a.md").unwrap();
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
}

#[test]
fn a_run_has_quotas() {
    let (_scratch, workspace, jail) = jail();
    std::fs::create_dir(workspace.path().join("many")).unwrap();
    for number in 0..MAX_FILES {
        std::fs::write(workspace.path().join(format!("many/{number}.md")), "").unwrap();
    }
    assert!(told(write(&jail, "one-more.md").unwrap_err()).contains("2000 files"));
    write(&jail, "many/7.md").unwrap();
    std::fs::remove_file(workspace.path().join("many/0.md")).unwrap();
    write(&jail, "one-more.md").unwrap();
    assert!(write(&jail, "and-another.md").is_err());

    let (_scratch, workspace, jail) = self::jail();
    let large = std::fs::File::create(workspace.path().join("large.csv")).unwrap();
    large.set_len(MAX_BYTES).unwrap();
    assert!(told(write(&jail, "a.md").unwrap_err()).contains("512 MB"));
    write(&jail, "large.csv").unwrap();
    write(&jail, "a.md").unwrap();
    let huge = vec![0; usize::try_from(MAX_FILE_BYTES + 1).unwrap()];
    told(jail.write(&Jail::path("huge.csv").unwrap(), &huge).unwrap_err());
}

#[test]
fn the_last_place_goes_to_one_writer_and_back_when_its_write_fails() {
    let (scratch, workspace, jail) = jail();
    std::fs::create_dir(workspace.path().join("many")).unwrap();
    for number in 1..MAX_FILES {
        std::fs::write(workspace.path().join(format!("many/{number}.md")), "").unwrap();
    }
    scratch.control.fail_changes(std::io::ErrorKind::StorageFull);
    assert!(matches!(write(&jail, "lost.md"), Err(Refusal::Disk(_))));
    scratch.control.heal();
    let written = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn({
                    let jail = &jail;
                    move || write(jail, &format!("{number}.md")).is_ok()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).filter(|written| *written).count()
    });
    assert_eq!(written, 1);
}

#[test]
fn our_own_disk_failing_is_not_the_models_business() {
    let (scratch, workspace, jail) = jail();
    for kind in [std::io::ErrorKind::StorageFull, std::io::ErrorKind::ReadOnlyFilesystem, std::io::ErrorKind::PermissionDenied] {
        scratch.control.fail_changes(kind);
        for path in ["a.md", "sub/a.md"] {
            assert!(matches!(write(&jail, path), Err(Refusal::Disk(_))), "{kind}");
        }
        scratch.control.heal();
    }
    std::fs::remove_dir_all(workspace.path()).unwrap();
    assert!(matches!(write(&jail, "a.md"), Err(Refusal::Disk(_))));
    assert!(matches!(write(&jail, "sub/a.md"), Err(Refusal::Disk(_))));
}
