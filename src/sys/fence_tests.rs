//! What a fenced thread can and cannot reach on this kernel. Where there is no Landlock only the plain work is looked at.
#![allow(clippy::disallowed_methods, reason = "the fence is tried from inside with plain calls")]
use super::*;

/// `inside` and `outside`, each with a file.
fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("inside"), folder.path().join("outside"));
    for place in [&inside, &outside] {
        std::fs::create_dir(place).unwrap();
        std::fs::write(place.join("a.md"), "text").unwrap();
    }
    (folder, inside, outside)
}

#[tokio::test]
async fn work_below_the_folder_goes_on_as_without_a_fence() {
    let (_folder, inside, _) = folders();
    let place = inside.clone();
    let done = fenced(inside, move || {
        std::fs::create_dir(place.join("sub"))?;
        std::fs::write(place.join("sub/new.md"), "new")?;
        std::fs::rename(place.join("sub/new.md"), place.join("moved.md"))?;
        std::fs::File::open(&place)?.sync_all()?;
        std::fs::remove_file(place.join("a.md"))?;
        std::fs::read_to_string(place.join("moved.md"))
    });
    assert_eq!(done.await.unwrap().unwrap(), "new");
}

#[tokio::test]
async fn the_kernel_refuses_files_outside_links_and_the_network() {
    if in_force() == Fence::Missing {
        return;
    }
    let (_folder, inside, outside) = folders();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let whole = in_force() == Fence::Whole;
    let refused = fenced(inside.clone(), move || {
        let denied = |error: Option<io::Error>| error.map(|error| error.kind()) == Some(io::ErrorKind::PermissionDenied);
        let mut open = Vec::new();
        let mut expect = |what: &str, error: Option<io::Error>| {
            if !denied(error) {
                open.push(what.to_owned());
            }
        };
        expect("reading outside", std::fs::read(outside.join("a.md")).err());
        expect("writing outside", std::fs::write(outside.join("b.md"), "x").err());
        expect("removing outside", std::fs::remove_file(outside.join("a.md")).err());
        expect("listing outside", std::fs::read_dir(&outside).err());
        expect("/proc", std::fs::read("/proc/self/environ").err());
        expect("running a program", std::process::Command::new("/bin/sh").arg("-c").arg("true").spawn().err());
        #[cfg(unix)]
        expect("making a link", std::os::unix::fs::symlink("/etc/passwd", inside.join("link.md")).err());
        if whole {
            expect("connecting", std::net::TcpStream::connect(address).err());
            expect("listening", std::net::TcpListener::bind("127.0.0.1:0").err());
        }
        open
    });
    assert_eq!(refused.await.unwrap(), Vec::<String>::new(), "ways that were open");
}

#[tokio::test]
async fn the_fence_ends_with_its_thread() {
    let (_folder, inside, outside) = folders();
    fenced(inside, || ()).await.unwrap();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(outside.join("a.md")));
    assert_eq!(read.await.unwrap().unwrap(), "text");
}

#[tokio::test]
async fn a_missing_folder_and_work_that_panics_are_errors() {
    let (_folder, inside, _) = folders();
    if cfg!(target_os = "linux") {
        let gone = fenced(inside.join("gone"), || ()).await.unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }
    let broken = fenced(inside, || panic!("on purpose")).await;
    assert!(broken.is_err());
}
