//! Attaching: copies, names, limits, and every wrong thing one can attach.
use super::super::test_support::*;
use super::*;

fn attachment(path: PathBuf) -> Attachment {
    Attachment { given: path.display().to_string(), path, text: None, named_in_goal: false }
}

fn put(scratch: &Scratch, name: &str, text: &str) -> Attachment {
    let path = scratch.folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    attachment(path)
}

#[test]
fn files_are_copied_under_names_of_their_own() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    let files = [
        put(&scratch, "a/sales.csv", "1"),
        put(&scratch, "b/SALES.csv", "2"),
        put(&scratch, "c/.env", "3"),
        put(&scratch, "d/we:ird\u{202e}|name?.csv", "4"),
        put(&scratch, "e/con.csv", "5"),
        put(&scratch, "a/sales.csv", "1"),
    ];
    let inputs = attach(&scratch.root, &workspace, &files, scratch.folder.path()).unwrap();
    let names: Vec<&str> = inputs.iter().map(|input| input.path.as_str()).collect();
    assert_eq!(names, ["inputs/sales.csv", "inputs/SALES-2.csv", "inputs/env", "inputs/we_ird__name_.csv", "inputs/input-con.csv"]);
    assert_eq!(std::fs::read_to_string(workspace.path().join("inputs/SALES-2.csv")).unwrap(), "2");
    assert_eq!((inputs[1].bytes, inputs[1].sha256.as_str()), (1, sha256(b"2").as_str()));
    let again = attach(&scratch.root, &workspace, &files[..1], scratch.folder.path()).unwrap();
    assert_eq!(again[0].path.as_str(), "inputs/sales-2.csv".replace("-2", "-3"), "what is there already is never replaced");
}

#[test]
fn unsaved_text_goes_before_the_file() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    let saved = Attachment { text: Some("unsaved".into()), ..put(&scratch, "notes.md", "saved") };
    let new = Attachment { text: Some("never saved".into()), ..attachment(scratch.folder.path().join("new.md")) };
    let inputs = attach(&scratch.root, &workspace, &[saved, new], scratch.folder.path()).unwrap();
    assert_eq!(workspace.read_text(inputs[0].path.as_str()).as_deref(), Some("unsaved"));
    assert_eq!(workspace.read_text(inputs[1].path.as_str()).as_deref(), Some("never saved"));
}

fn refusal(scratch: &Scratch, attachment: Attachment) -> Error {
    let error = check(&scratch.root, &[attachment], scratch.folder.path()).unwrap_err();
    assert!(error.kind == crate::domain::ErrorKind::Usage && error.hint.is_some(), "{error:?}");
    error
}

#[test]
fn what_cannot_be_attached_is_said_before_anything_is_copied() {
    let scratch = Scratch::new();
    assert!(refusal(&scratch, attachment(scratch.folder.path().join("gone.csv"))).what.contains("no such file"));
    assert!(refusal(&scratch, attachment(scratch.folder.path().to_owned())).what.contains("is a folder"));
    assert!(refusal(&scratch, attachment("/".into())).hint.unwrap().contains("--read-project"));
    let below_file = attachment(put(&scratch, "f", "x").path.join("x"));
    assert!(refusal(&scratch, below_file).what.contains("no such file"));
    let large = put(&scratch, "large.bin", "");
    std::fs::File::options().write(true).open(&large.path).unwrap().set_len(200 * 1024 * 1024).unwrap();
    assert!(refusal(&scratch, large.clone()).what.contains("200 MB large, more than 64 MB"));
    let huge = Attachment { text: Some("x".repeat(65 * 1024 * 1024)), ..attachment("/x".into()) };
    assert!(refusal(&scratch, huge).what.contains("more than 64 MB"));
    let workspace = scratch.create("x", NOON);
    attach(&scratch.root, &workspace, &[put(&scratch, "ok.csv", "1"), large], scratch.folder.path()).unwrap_err();
    assert_eq!(std::fs::read_dir(workspace.path().join("inputs")).unwrap().count(), 0);
}

#[test]
fn all_together_have_a_limit_too() {
    let scratch = Scratch::new();
    let files: Vec<Attachment> = (0..5).map(|number| put(&scratch, &format!("{number}.bin"), "")).collect();
    for file in &files {
        std::fs::File::options().write(true).open(&file.path).unwrap().set_len(60 * 1024 * 1024).unwrap();
    }
    assert!(check(&scratch.root, &files[..4], scratch.folder.path()).is_ok());
    assert!(check(&scratch.root, &files, scratch.folder.path()).unwrap_err().what.contains("256 MB together"));
}

#[test]
fn a_full_disk_is_ours_and_not_the_persons_fault() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    scratch.control.fail_changes(std::io::ErrorKind::StorageFull);
    let error = attach(&scratch.root, &workspace, &[put(&scratch, "a.csv", "1")], scratch.folder.path()).unwrap_err();
    assert_eq!(error.kind, crate::domain::ErrorKind::Disk);
}

#[cfg(unix)]
#[test]
fn links_are_followed_by_hand_only_and_pipes_never() {
    let scratch = Scratch::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("data.csv"), "far").unwrap();
    let link = scratch.folder.path().join("link.csv");
    std::os::unix::fs::symlink(outside.path().join("data.csv"), &link).unwrap();
    let workspace = scratch.create("x", NOON);
    let inputs = attach(&scratch.root, &workspace, &[attachment(link.clone())], scratch.folder.path()).unwrap();
    assert_eq!(workspace.read_text(inputs[0].path.as_str()).as_deref(), Some("far"));
    assert_eq!(inputs[0].path.as_str(), "inputs/link.csv");
    let named = |path: PathBuf| Attachment { named_in_goal: true, ..attachment(path) };
    assert!(refusal(&scratch, named(link)).what.contains("leads out of the project"));
    assert!(refusal(&scratch, named(put(&scratch, ".env", "KEY=1").path)).what.contains("secrets"));
    assert!(check(&scratch.root, &[attachment(scratch.folder.path().join(".env"))], scratch.folder.path()).is_ok());
    let pipe = scratch.folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(refusal(&scratch, attachment(pipe)).what.contains("not a regular file"));
    assert!(refusal(&scratch, attachment("/dev/zero".into())).what.contains("not a regular file"));
}
