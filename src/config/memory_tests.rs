//! The person's memory on a real disk: remembered, locked, private, and a broken file set aside.
use serde_json::json;

use super::*;
use crate::domain::policy::Verdict;
use crate::sys::RealDisk;

struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Scratch { folder: tempfile::tempdir().unwrap() }
    }

    fn memory(&self) -> Memory {
        let state = self.folder.path().to_string_lossy().into_owned();
        let environment = Environment::new([("XDG_STATE_HOME".to_owned(), state)], "/");
        Memory::open(RealDisk::root().unwrap(), &environment)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("ai-orchestrator").join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::create_dir_all(self.file("")).unwrap();
        std::fs::write(self.file(name), content).unwrap();
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn rule() -> Rule {
    serde_json::from_value(json!({"tool": "web_fetch", "host": "*.example.com", "decision": "allow"})).unwrap()
}

#[test]
fn looking_creates_nothing() {
    let scratch = Scratch::new();
    let memory = scratch.memory();
    assert!(memory.granted_rules().is_empty() && memory.trusted(Path::new("/p")).is_empty());
    assert_eq!(memory.spent_on(day("2026-11-24")), 0.0);
    assert!(!scratch.file("").exists());
    assert!(memory.take_problems().is_empty());
}

#[test]
fn rules_and_spend_are_remembered_by_the_next_process() {
    let scratch = Scratch::new();
    scratch.memory().grant(rule()).unwrap();
    scratch.memory().grant(rule()).unwrap();
    assert_eq!(scratch.memory().granted_rules(), [rule()]);
    assert_eq!(scratch.memory().granted_rules().first().unwrap().decision, Verdict::Allow);
    let memory = scratch.memory();
    assert_eq!(memory.add_spend(day("2026-11-24"), 0.25).unwrap(), 0.25);
    assert_eq!(memory.add_spend(day("2026-11-24"), 0.5).unwrap(), 0.75);
    assert_eq!(memory.add_spend(day("2026-11-25"), 1.0).unwrap(), 1.0);
    assert_eq!(scratch.memory().spent_on(day("2026-11-24")), 0.75);
}

#[test]
fn what_is_no_amount_of_money_adds_nothing() {
    let scratch = Scratch::new();
    let memory = scratch.memory();
    for usd in [f64::NAN, f64::INFINITY, -5.0, 0.0] {
        assert_eq!(memory.add_spend(day("2026-11-24"), usd).unwrap(), 0.0);
    }
}

#[test]
fn trust_holds_for_one_project_and_one_value() {
    let scratch = Scratch::new();
    let mut values = TrustedValues::default();
    values.add("model.name", &json!("m"));
    scratch.memory().trust(Path::new("/p"), &values).unwrap();
    let mut more = TrustedValues::default();
    more.add("search.url", &json!("http://s"));
    scratch.memory().trust(Path::new("/p"), &more).unwrap();
    let trusted = scratch.memory().trusted(Path::new("/p"));
    assert!(trusted.covers("model.name", &json!("m")) && trusted.covers("search.url", &json!("http://s")));
    assert!(!trusted.covers("model.name", &json!("other")) && !trusted.covers("model.base_url", &json!("m")));
    assert!(scratch.memory().trusted(Path::new("/q")).is_empty());
}

#[test]
fn a_broken_file_is_set_aside_and_told_once() {
    let scratch = Scratch::new();
    for (number, broken) in [&b"{\"schema\":1,\"con"[..], b"\xff\xfe\0", b"[]", b"", br#"{"schema":1,"content":[1]}"#].iter().enumerate() {
        scratch.write("trust.json", broken);
        let memory = scratch.memory();
        assert!(memory.trusted(Path::new("/p")).is_empty());
        let problems = memory.take_problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems.first().unwrap().message.contains("set aside"), "{problems:?}");
        assert!(memory.trusted(Path::new("/p")).is_empty() && memory.take_problems().is_empty());
        let aside = scratch.file(&format!("trust.json.broken-{}", number + 1));
        assert_eq!(std::fs::read(aside).unwrap(), *broken);
    }
}

#[test]
fn a_newer_file_is_neither_used_nor_changed() {
    let scratch = Scratch::new();
    let newer = br#"{"schema":2,"content":{"anything":true}}"#;
    scratch.write("spend.json", newer);
    let memory = scratch.memory();
    assert_eq!(memory.spent_on(day("2026-11-24")), 0.0);
    assert!(memory.take_problems().first().unwrap().message.contains("newer"));
    assert!(memory.add_spend(day("2026-11-24"), 1.0).is_err());
    assert_eq!(std::fs::read(scratch.file("spend.json")).unwrap(), newer);
}

#[test]
fn parallel_spending_loses_no_cent() {
    let scratch = Scratch::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let memory = scratch.memory();
                (0..10).for_each(|_| assert!(memory.add_spend(day("2026-11-24"), 0.25).unwrap() > 0.0));
            });
        }
    });
    assert_eq!(scratch.memory().spent_on(day("2026-11-24")), 10.0);
}

#[test]
fn the_ledger_does_not_grow_for_ever() {
    let scratch = Scratch::new();
    let days: Spend = (0..450).map(|number| (day("2025-01-01") + chrono::Days::new(number), 1.0)).collect();
    scratch.write("spend.json", &serde_json::to_vec(&Stored { schema: 1, content: days }).unwrap());
    let memory = scratch.memory();
    memory.add_spend(day("2027-01-01"), 2.0).unwrap();
    assert_eq!(memory.look::<Spend>(SPEND).len(), LEDGER_DAYS);
    assert_eq!((memory.spent_on(day("2027-01-01")), memory.spent_on(day("2025-01-01"))), (2.0, 0.0));
}

#[cfg(unix)]
#[test]
fn folder_and_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    scratch.memory().grant(rule()).unwrap();
    let mode = |name: &str| std::fs::metadata(scratch.file(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("rules.json")), (0o700, 0o600));
}
