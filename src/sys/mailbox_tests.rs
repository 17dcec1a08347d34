//! Letters between two ends on one machine: answers, absence, stale sockets, rudeness.
use super::*;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_letter_is_answered_and_the_socket_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = folder.path().join("run");
    let mut mailbox = Mailbox::open(&runtime, "0123abcd").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&runtime), 0o700);
    assert_eq!(mode(&runtime.join("0123abcd.sock")), 0o600);
    let (answer, ()) = tokio::join!(send(&runtime, "0123abcd", "approve A1\nnötig"), async {
        let letter = mailbox.receive().await.unwrap();
        let text = format!("got {}", letter.text);
        letter.reply(text);
    });
    assert_eq!(answer.unwrap().as_deref(), Some("got approve A1\nnötig"));
    assert_eq!(Mailbox::open(&runtime, "0123abcd").unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(mailbox);
    assert!(!runtime.join("0123abcd.sock").exists());
}

#[tokio::test]
async fn nobody_there_is_none_and_a_stale_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(send(folder.path(), "x", "hello").await.unwrap(), None);
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("x.sock")).unwrap());
    assert!(std::fs::symlink_metadata(folder.path().join("x.sock")).unwrap().file_type().is_socket());
    assert_eq!(send(folder.path(), "x", "hello").await.unwrap(), None);
    let _mailbox = Mailbox::open(folder.path(), "x").unwrap();
    assert_eq!(std::fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_letter_that_nobody_answers_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut mailbox = Mailbox::open(folder.path(), "x").unwrap();
    let (answer, ()) = tokio::join!(send(folder.path(), "x", "hello"), async { drop(mailbox.receive().await) });
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn what_is_too_long_or_no_text_never_arrives_and_others_still_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut mailbox = Mailbox::open(folder.path(), "x").unwrap();
    assert_eq!(send(folder.path(), "x", &"x".repeat(70_000)).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    for bytes in [vec![b'x'; MAX_LETTER_BYTES + 1], vec![0xff, 0xfe]] {
        let mut stream = tokio::net::UnixStream::connect(folder.path().join("x.sock")).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    }
    // One that connects and says nothing holds up nobody.
    let _silent = tokio::net::UnixStream::connect(folder.path().join("x.sock")).await.unwrap();
    let (answer, ()) = tokio::join!(send(folder.path(), "x", "still here"), async {
        let letter = mailbox.receive().await.unwrap();
        assert_eq!(letter.text, "still here");
        letter.reply("é".repeat(40_000));
    });
    assert_eq!(answer.unwrap().unwrap().len(), MAX_LETTER_BYTES);
}

#[tokio::test]
async fn names_cannot_leave_the_folder_and_a_file_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "../x", "a/b", "a\0"] {
        assert_eq!(Mailbox::open(folder.path(), name).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(Mailbox::open(&folder.path().join("file"), "x").is_err());
    std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
    assert!(Mailbox::open(&folder.path().join("link"), "x").is_err());
    assert_eq!(mailbox_name(Path::new("/w")).len(), 16);
    assert_ne!(mailbox_name(Path::new("/w")), mailbox_name(Path::new("/v")));
}
