//! Growth, room, loss and keys.
use super::*;
use crate::sys::RealDisk;

fn log_in(folder: &std::path::Path) -> LogFile {
    LogFile::new(RealDisk::root().unwrap(), folder.join("log"))
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder.join("log")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn nothing_is_created_before_the_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = log_in(folder.path());
    assert!(!folder.path().join("log").exists());
    log.write_all(b"one\n").unwrap();
    log.write_all(b"two\n").unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("log").join(NAME)).unwrap(), "one\ntwo\n");
}

#[cfg(unix)]
#[test]
fn the_folder_is_closed_to_other_users() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    log_in(folder.path()).write_all(b"one\n").unwrap();
    assert_eq!(std::fs::metadata(folder.path().join("log")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn however_much_is_logged_only_four_files_of_about_a_mebibyte_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = log_in(folder.path());
    let line = [b'x'; 256 * 1024];
    for _ in 0..64 {
        log.write_all(&line).unwrap();
    }
    assert_eq!(names(folder.path()), [NAME, "ai-orchestrator.log.1", "ai-orchestrator.log.2", "ai-orchestrator.log.3", LOCK]);
    let total: u64 = names(folder.path()).iter().map(|name| std::fs::metadata(folder.path().join("log").join(name)).unwrap().len()).sum();
    assert!(total <= 4 * (MAX_BYTES + line.len() as u64), "{total}");
}

#[test]
fn two_processes_put_a_full_file_aside_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (log_in(folder.path()), log_in(folder.path()));
    one.write_all(b"a").unwrap();
    two.write_all(&vec![b'b'; 1024 * 1024]).unwrap();
    two.write_all(b"c").unwrap();
    one.write_all(&vec![b'd'; 1024 * 1024]).unwrap();
    one.write_all(b"e").unwrap();
    assert_eq!(names(folder.path()), [NAME, "ai-orchestrator.log.1", LOCK]);
    assert_eq!(std::fs::read_to_string(folder.path().join("log").join(NAME)).unwrap(), "ce");
}

#[test]
fn a_log_that_cannot_be_written_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("log"), "a file").unwrap();
    let mut log = log_in(folder.path());
    log.write_all(b"one\n").unwrap();
    log.write_all(b"two\n").unwrap();
}

#[test]
fn keys_are_taken_out_and_other_text_is_left_alone() {
    let variables = [("OPENAI_API_KEY", " sk-canary-1\n"), ("CLAUDE_API_KEY", "short")];
    let environment = Environment::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())), "/");
    let mut written = Vec::new();
    WithoutKeys::new(Keys::of(&environment), &mut written).write_all("bad key sk-canary-1, — a short word\n".as_bytes()).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), "bad key [key], — a short word\n");
}
