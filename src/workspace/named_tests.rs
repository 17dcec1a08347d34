//! Paths in prose: found in any dress, and never more than was named.
use super::*;
use crate::sys::disk::RealDisk;
use proptest::prelude::*;

fn project() -> (tempfile::TempDir, Arc<dyn Disk>) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["examples", "docs", ".git", "src"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    for name in [
        "examples/sales.csv",
        "my data.csv",
        "README",
        "main",
        ".env",
        ".env.local",
        "tls.key",
        "id_rsa",
        ".git/config",
        "src/main.rs",
        "daten.csv",
    ] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    (folder, RealDisk::root().unwrap())
}

fn found(goal: &str) -> Vec<String> {
    let (folder, disk) = project();
    let named = named_in_goal(&disk, goal, folder.path());
    named.files.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_named_file_is_found_in_any_dress() {
    for goal in [
        "Analyse examples/sales.csv and write a report",
        "Analyse `examples/sales.csv`.",
        "Analyse \"examples/sales.csv\", please",
        "Analyse the sales (examples/sales.csv).",
        "What is in examples/sales.csv?",
        "See [the data](examples/sales.csv)!",
        "Compare **examples/sales.csv** with it",
        "Use ./examples/sales.csv:12:3",
        "Use @examples/sales.csv#L10",
        "examples/sales.csv's trend…",
        "分析examples/sales.csv并写报告",
        "分析「examples/sales.csv」。",
        "data=examples/sales.csv;",
        "\u{202b}examples/sales.csv\u{202c}",
    ] {
        assert_eq!(found(goal), ["examples/sales.csv"], "{goal}");
    }
    assert_eq!(found("Join 'my data.csv' with \"my data.csv\" and README"), ["my data.csv", "README"]);
    assert_eq!(found("daten.csv,examples/sales.csv and daten.csv"), ["daten.csv", "examples/sales.csv"]);
}

#[test]
fn ordinary_words_and_addresses_attach_nothing() {
    for goal in ["write the main thing", "see https://example.com/README", "gone.csv", "e.g. this", "/etc/passwd", "..", "…", ""] {
        assert!(found(goal).is_empty(), "{goal}");
    }
    let (folder, disk) = project();
    let absolute = format!("Analyse {}/examples/sales.csv", folder.path().display());
    assert_eq!(named_in_goal(&disk, &absolute, folder.path()).files, [folder.path().join("examples/sales.csv")]);
    assert!(named_in_goal(&disk, "README", &folder.path().join("gone")).files.is_empty());
}

#[test]
fn secrets_are_never_attached_unasked() {
    let (folder, disk) = project();
    for word in [".env", ".env.local", "tls.key", "`id_rsa`", ".git/config"] {
        let named = named_in_goal(&disk, &format!("Read {word} now"), folder.path());
        assert!(named.files.is_empty(), "{word}");
        assert_eq!(named.problems.len(), 1, "{word}: {:?}", named.problems);
        assert!(named.problems[0].message.contains("secrets") && named.problems[0].hint.contains("--attach") && !named.problems[0].fatal);
    }
    for path in [
        ".ENV",
        "a/.Env.prod",
        "x.PEM",
        "id_rsa.pub",
        "b.p12",
        ".netrc",
        "credentials.json",
        ".npmrc",
        ".pypirc",
        "x/.git/HEAD",
        "secrets.yaml",
        "prod.env",
    ] {
        assert!(is_secret(Path::new(path)), "{path}");
    }
    for path in ["environment.md", "keys.md", "monkey.csv", ".gitignore", "secretary.md", "netrc.md"] {
        assert!(!is_secret(Path::new(path)), "{path}");
    }
}

#[test]
fn a_folder_is_refused_and_fatal_only_when_written_like_a_path() {
    let (folder, disk) = project();
    let named = named_in_goal(&disk, "Improve docs/ and the docs", folder.path());
    assert!(named.files.is_empty());
    assert!(named.problems.iter().any(|problem| problem.word == "docs/" && problem.fatal && problem.hint.contains("--read-project")));
    let named = named_in_goal(&disk, "Write docs for me", folder.path());
    assert!(named.problems.iter().all(|problem| !problem.fatal));
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_project_are_told_and_inner_ones_followed() {
    use std::os::unix::fs::symlink;
    let (folder, disk) = project();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("data.csv"), "x").unwrap();
    symlink(outside.path().join("data.csv"), folder.path().join("out.csv")).unwrap();
    symlink(outside.path(), folder.path().join("outfolder")).unwrap();
    symlink("daten.csv", folder.path().join("in.csv")).unwrap();
    symlink(".env", folder.path().join("innocent.txt")).unwrap();
    symlink("gone", folder.path().join("dangling.csv")).unwrap();
    let named = |goal: &str| named_in_goal(&disk, goal, folder.path());
    for word in ["out.csv", "outfolder/data.csv"] {
        let named = named(&format!("Use {word}"));
        assert!(named.files.is_empty());
        assert!(named.problems[0].message.contains("leaves the project"), "{word}");
    }
    assert_eq!(named("Use in.csv").files, [folder.path().join("in.csv")]);
    assert!(named("Use innocent.txt").problems[0].message.contains("secrets"));
    assert_eq!(named("Use dangling.csv"), NamedFiles::default());
    let sibling = format!("Use ../{}/data.csv", outside.path().file_name().unwrap().to_str().unwrap());
    assert!(named(&sibling).problems[0].message.contains("outside the project"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_goal_makes_it_panic_or_attach_a_stranger(goal in "(\\PC{0,40}|[./`\"' a-z:#\\[\\]()]{0,40}|examples/sales.csv){0,6}") {
        for path in found(&goal) {
            prop_assert!(goal.contains(&path), "{path}");
        }
    }
}
