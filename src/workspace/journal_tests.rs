//! The journal after every kind of harm: torn at each byte, corrupt in the middle, newer, full disk, failed sync, large strings.
use super::super::store::Workspace;
use super::super::test_support::*;
use super::*;
use crate::domain::{Plan, RunStatus};
use crate::sys::disk_crash::{Crash, rebuild};
use crate::sys::disk_faulty::Verb;
use proptest::prelude::*;

fn file(workspace: &Workspace) -> std::path::PathBuf {
    workspace.path().join(".orchestrator/journal.jsonl")
}

fn three() -> (Scratch, Workspace) {
    let scratch = Scratch::new();
    let workspace = scratch.with_events("Analyze sales", NOON, vec![started("Analyze sales"), note("zwei ✓"), note("three")]);
    (scratch, workspace)
}

#[test]
fn events_come_back_as_they_were_with_a_number_each() {
    let (_scratch, workspace) = three();
    let (records, health) = workspace.read_journal().unwrap();
    assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(records[1].event, note("zwei ✓"));
    assert_eq!(health, JournalHealth::Sound);
    let text = std::fs::read_to_string(file(&workspace)).unwrap();
    assert!(text.ends_with('\n') && text.lines().all(|line| serde_json::from_str::<Record>(line).is_ok()));
    let (mut journal, ..) = workspace.open_journal().unwrap();
    assert_eq!(journal.append(at(NOON), note("four")).unwrap().seq, 4);
    assert_eq!(journal.len(), 4);
}

fn tool_finished(content: &str) -> Event {
    Event::ToolFinished {
        step: crate::domain::StepId::numbered(1),
        call_id: "c1".into(),
        tool: "write_file".into(),
        ok: true,
        summary: "wrote a.md".into(),
        content: content.into(),
        touched: Vec::new(),
    }
}

fn of_format(schema: u32) -> Event {
    let Event::RunStarted { run_id, goal, project, inputs, provider, model, approvals, resumed, version, .. } = started("x") else {
        panic!()
    };
    let (budget_usd, budget_tokens) = (None, None);
    Event::RunStarted { schema, run_id, goal, project, inputs, provider, model, approvals, resumed, version, budget_usd, budget_tokens }
}

/// An old journal that a newer program goes on with, as a resume does, reads in one piece: each format with its own dictionary.
#[test]
fn a_journal_goes_through_the_formats_and_every_event_comes_back() {
    let told = "What is told again and again, in every format there ever was. ".repeat(10);
    let mut events = Vec::new();
    for schema in [1, 2, 3, 3] {
        events.extend([
            of_format(schema),
            note(&told),
            tool_finished("wrote a.md"),
            tool_finished("other words"),
            finished(RunStatus::Paused),
            note(&told),
        ]);
    }
    let scratch = Scratch::new();
    let workspace = scratch.with_events("x", NOON, events.clone());
    let (records, health) = workspace.read_journal().unwrap();
    assert_eq!(health, JournalHealth::Sound);
    assert_eq!(records.into_iter().map(|record| record.event).collect::<Vec<_>>(), events);
    let text = std::fs::read_to_string(file(&workspace)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[2].contains("\"content\":\"wrote a.md\"") && lines[4].contains("\"reason\":null"), "as the first version writes");
    assert!(!lines[14].contains("content") && !lines[16].contains("null"), "{}{}", lines[14], lines[16]);
    assert!(lines[5].len() > 600 && lines[11].len() < 200, "{}", lines[11]);
    // A process that opens it later goes on where it ends.
    let (mut journal, ..) = workspace.open_journal().unwrap();
    journal.append(at(NOON), note(&told)).unwrap();
    assert_eq!(workspace.read_journal().unwrap().0.last().map(|record| record.event.clone()), Some(note(&told)));
}

#[test]
fn a_last_line_torn_at_any_byte_is_forgiven() {
    let (_scratch, workspace) = three();
    let whole = std::fs::read(file(&workspace)).unwrap();
    let third = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in third..=whole.len() {
        std::fs::write(file(&workspace), &whole[..cut]).unwrap();
        let complete = cut >= whole.len() - 1;
        let expected = if complete || cut == third { JournalHealth::Sound } else { JournalHealth::TornTail };
        let (records, health) = workspace.read_journal().unwrap();
        assert_eq!((records.len(), &health), (if complete { 3 } else { 2 }, &expected), "cut at {cut}");
        let (mut journal, opened, health) = workspace.open_journal().unwrap();
        assert_eq!((opened.len(), &health), (records.len(), &expected));
        journal.append(at(NOON), note("next")).unwrap();
        let (records, health) = workspace.read_journal().unwrap();
        assert_eq!(health, JournalHealth::Sound);
        assert_eq!((records.len(), &records.last().unwrap().event), (opened.len() + 1, &note("next")));
    }
}

#[test]
fn bytes_that_a_power_cut_left_behind_are_a_torn_tail() {
    let (_scratch, workspace) = three();
    let whole = std::fs::read(file(&workspace)).unwrap();
    for tail in [&[0u8; 4096][..], b"\xff\xfe", b"{\"seq\":4,", b"nonsense"] {
        std::fs::write(file(&workspace), [&whole[..], tail].concat()).unwrap();
        let (_, records, health) = workspace.open_journal().unwrap();
        assert_eq!((records.len(), health), (3, JournalHealth::TornTail));
        assert_eq!(std::fs::read(file(&workspace)).unwrap(), whole);
    }
}

#[test]
fn a_corrupt_line_in_the_middle_is_set_aside_and_nothing_is_lost() {
    let (_scratch, workspace) = three();
    let whole = std::fs::read_to_string(file(&workspace)).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let swapped = format!("{}\n{}\n{}\n", lines[0], lines[2], lines[1]);
    let garbled = whole.replace("zwei", "zw\"ei");
    let missing = format!("{}\n{}\n", lines[0], lines[2]);
    for (number, damaged) in [garbled, swapped, missing].iter().enumerate() {
        std::fs::write(file(&workspace), damaged).unwrap();
        for _ in 0..2 {
            let (mut journal, records, health) = workspace.open_journal().unwrap();
            let copy = format!("journal.jsonl.corrupt-{}", number + 1);
            assert_eq!(health, JournalHealth::Corrupt { line: 2, copy: Some(copy.clone()) }, "the same damage is copied once");
            assert!(!health.is_resumable());
            assert_eq!(records.len(), 1);
            assert!(journal.append(at(NOON), note("x")).unwrap_err().what.contains("line 2 is corrupt"));
            assert_eq!(std::fs::read_to_string(file(&workspace)).unwrap(), *damaged);
            assert_eq!(std::fs::read_to_string(workspace.path().join(".orchestrator").join(copy)).unwrap(), *damaged);
        }
        let (_, health) = workspace.read_journal().unwrap();
        assert_eq!(health, JournalHealth::Corrupt { line: 2, copy: None });
    }
}

#[test]
fn a_newer_journal_is_shown_and_never_written() {
    let (_scratch, workspace) = three();
    let whole = std::fs::read_to_string(file(&workspace)).unwrap();
    let resumed =
        "{\"seq\":4,\"at\":\"2027-01-01T00:00:00Z\",\"event\":\"run_started\",\"schema\":7,\"who\":[]}\n{\"seq\":5,\"event\":\"dreamt\"}\n";
    for (text, count) in [(whole.clone() + resumed, 3), (resumed.replace("\"seq\":4", "\"seq\":1"), 0)] {
        std::fs::write(file(&workspace), &text).unwrap();
        let (mut journal, records, health) = workspace.open_journal().unwrap();
        assert_eq!((records.len(), health), (count, JournalHealth::Newer { schema: 7 }));
        assert!(journal.append(at(NOON), note("x")).unwrap_err().what.contains("newer version"));
        assert_eq!(std::fs::read_to_string(file(&workspace)).unwrap(), text);
    }
}

#[test]
fn line_endings_and_blank_lines_of_an_editor_do_no_harm() {
    let (_scratch, workspace) = three();
    let whole = std::fs::read_to_string(file(&workspace)).unwrap();
    std::fs::write(file(&workspace), whole.replace('\n', "\r\n\r\n")).unwrap();
    let (records, health) = workspace.read_journal().unwrap();
    assert_eq!((records.len(), health), (3, JournalHealth::Sound));
}

#[test]
fn a_failed_append_leaves_the_journal_as_it_was() {
    let (scratch, workspace) = three();
    let whole = std::fs::read(file(&workspace)).unwrap();
    let (mut journal, ..) = workspace.open_journal().unwrap();
    scratch.control.fail_change(1, std::io::ErrorKind::StorageFull);
    let error = journal.append(at(NOON), note("lost")).unwrap_err();
    assert!(error.kind == ErrorKind::Disk && error.hint.unwrap().contains("free some disk space"));
    assert_eq!(std::fs::read(file(&workspace)).unwrap(), whole);
    // Even where the cutting back fails too, the next append cuts first.
    scratch.control.fail_change(1, std::io::ErrorKind::StorageFull);
    scratch.control.fail_change(2, std::io::ErrorKind::Other);
    journal.append(at(NOON), note("lost")).unwrap_err();
    assert_ne!(std::fs::read(file(&workspace)).unwrap(), whole);
    assert_eq!(journal.append(at(NOON), note("kept")).unwrap().seq, 4);
    let (records, health) = workspace.read_journal().unwrap();
    assert_eq!((records.len(), health), (4, JournalHealth::Sound));
}

#[test]
fn after_a_failed_sync_nothing_is_claimed_any_more() {
    let (scratch, workspace) = three();
    let (mut journal, ..) = workspace.open_journal().unwrap();
    journal.append(at(NOON), note("four")).unwrap();
    scratch.control.fail_when(std::io::ErrorKind::Other, |operation| operation.verb == Verb::Sync);
    journal.sync().unwrap_err();
    scratch.control.heal();
    assert!(journal.append(at(NOON), note("five")).unwrap_err().what.contains("did not reach the disk"));
}

#[test]
fn large_strings_live_in_blobs_and_come_back() {
    let (scratch, workspace) = three();
    let large: String = (0..5000).map(|number| format!("größer {} ", number * 7919 % 10_007)).collect();
    let tricky = serde_json::json!({"a/b~c": large, "blobs": {"/x": "y"}, "$": "\"blobs\":{"});
    let reply = crate::domain::Reply {
        blocks: vec![crate::domain::Block::Text { text: large.clone() }],
        stop: crate::domain::StopReason::EndTurn,
        usage: Default::default(),
        cost_usd: None,
        request_id: None,
        raw: Some(tricky),
    };
    let event = Event::CallFinished {
        step: crate::domain::StepId::numbered(1),
        ordinal: 1,
        request_id: None,
        stop: reply.stop,
        usage: reply.usage,
        cost_usd: Some(0.0),
        reply: Some(reply.said()),
        failure: None,
    };
    let (mut journal, ..) = workspace.open_journal().unwrap();
    journal.append(at(NOON), event.clone()).unwrap();
    journal.append(at(NOON), note(&large)).unwrap();
    journal.append(at(NOON), note("\"blobs\":{")).unwrap();
    let (records, health) = workspace.read_journal().unwrap();
    assert_eq!(health, JournalHealth::Sound);
    assert_eq!(records[3].event, event);
    assert_eq!(records[4].event, note(&large));
    let blobs = workspace.path().join(".orchestrator/blobs");
    assert_eq!(std::fs::read_dir(&blobs).unwrap().count(), 1, "equal strings share one blob");
    assert!(std::fs::metadata(file(&workspace)).unwrap().len() < 3000);
    assert_eq!(scratch.control.recording().iter().filter(|change| change.path.parent() == Some(&blobs)).count(), 1);

    let blob = std::fs::read_dir(&blobs).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&blob, "changed").unwrap();
    assert_eq!(workspace.read_journal().unwrap().1, JournalHealth::Corrupt { line: 4, copy: None });
    std::fs::remove_file(&blob).unwrap();
    let (records, health) = workspace.read_journal().unwrap();
    assert_eq!((records.len(), health), (3, JournalHealth::Corrupt { line: 4, copy: None }));
}

#[test]
fn a_reply_too_deep_to_be_read_back_is_not_written() {
    let (_scratch, workspace) = three();
    let (mut journal, ..) = workspace.open_journal().unwrap();
    let finished = |depth: usize| {
        let raw = (0..depth).fold(serde_json::json!("[{\"\\"), |value, _| serde_json::json!([value]));
        let reply = serde_json::json!({"blocks": [], "stop": "end_turn", "usage": {}, "cost_usd": null, "raw": raw});
        let event = serde_json::json!({"event": "call_finished", "step": "s1", "ordinal": 1, "request_id": null, "stop": "end_turn", "usage": {}, "cost_usd": null, "reply": reply});
        serde_json::from_value::<Event>(event).unwrap()
    };
    journal.append(at(NOON), finished(MAX_DEPTH - 2)).unwrap();
    journal.append(at(NOON), finished(MAX_DEPTH - 1)).unwrap_err();
    assert_eq!(journal.append(at(NOON), note("on")).unwrap().seq, 5);
    let (records, health) = workspace.read_journal().unwrap();
    assert_eq!((records.len(), health), (5, JournalHealth::Sound));
    assert_eq!(records[3].event, finished(MAX_DEPTH - 2));
}

#[test]
fn what_was_synced_survives_every_crash() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.base()).unwrap();
    let workspace = scratch.create("Analyze sales", NOON);
    let (mut journal, ..) = workspace.open_journal().unwrap();
    let mut synced = Vec::new();
    for (number, event) in
        [started("Analyze sales"), planned(2), note(&"x".repeat(20_000)), finished(RunStatus::Paused)].into_iter().enumerate()
    {
        journal.append(at(NOON), event).unwrap();
        if number % 2 == 1 {
            journal.sync().unwrap();
            synced.push((scratch.control.recording().len(), number + 1));
        }
    }
    let recording = scratch.control.recording();
    let below = workspace.path().strip_prefix(scratch.base()).unwrap().to_owned();
    for crash in Crash::every(&recording) {
        let target = tempfile::tempdir().unwrap();
        rebuild(&recording, &scratch.base(), crash, &scratch.root.open(target.path()).unwrap()).unwrap();
        let promised = synced.iter().filter(|(changes, _)| *changes <= crash.changes).map(|(_, count)| *count).max().unwrap_or(0);
        match Workspace::open(&scratch.root, &target.path().join(&below)) {
            Ok(workspace) => {
                let (_, records, health) = workspace.open_journal().unwrap();
                assert!(health.is_resumable() && records.len() >= promised, "{crash:?}: {health:?} {}", records.len());
            }
            Err(_) => assert_eq!(promised, 0, "{crash:?}"),
        }
    }
}

#[test]
fn ten_thousand_events_are_read_in_order() {
    let scratch = Scratch::new();
    let events = std::iter::once(started("x")).chain((0..9_999).map(|number| note(&number.to_string()))).collect();
    let workspace = scratch.with_events("Many", NOON, events);
    assert_eq!(workspace.read_journal().unwrap().0.len(), 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_reading_panic_or_lose_the_file(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_scratch, workspace) = three();
        let whole = [std::fs::read(file(&workspace)).unwrap(), bytes].concat();
        std::fs::write(file(&workspace), &whole).unwrap();
        let (_, records, health) = workspace.open_journal().unwrap();
        prop_assert_eq!(&records[..3].len(), &3);
        if !health.is_resumable() {
            prop_assert_eq!(std::fs::read(file(&workspace)).unwrap(), whole);
        }
    }
}

#[test]
fn a_plan_survives_the_journal() {
    let scratch = Scratch::new();
    let workspace = scratch.with_events("x", NOON, vec![started("x"), planned(3)]);
    let (records, _) = workspace.read_journal().unwrap();
    assert!(matches!(&records[1].event, Event::Planned { plan: Plan { steps, .. }, .. } if steps.len() == 3));
}

#[test]
fn a_journal_of_an_older_format_is_written_on_so_that_its_version_can_read_it() {
    let long: String = (0..200).map(|number| format!("word {number} ")).collect();
    for (format, told_in_full) in [(1, 2), (TEXTS_SCHEMA, 1)] {
        let mut begun = started("Analyze sales");
        if let Event::RunStarted { schema, .. } = &mut begun {
            *schema = format;
        }
        let scratch = Scratch::new();
        let workspace = scratch.with_events("Analyze sales", NOON, vec![begun, note(&long)]);
        let (mut journal, ..) = workspace.open_journal().unwrap();
        journal.append(at(NOON), note(&long)).unwrap();
        let raw = std::fs::read_to_string(file(&workspace)).unwrap();
        assert_eq!(raw.matches(&long).count(), told_in_full, "format {format}");
        assert_eq!(workspace.read_journal().unwrap().0[2].event, note(&long));
    }
}
