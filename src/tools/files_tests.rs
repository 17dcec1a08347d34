//! The file tools in a real workspace: reads, writes, edits, refusals.
use serde_json::json;

use crate::tools::testing::{Bench, put};
use crate::tools::tool::MAX_RESULT_BYTES;

#[test]
fn a_file_is_read_with_line_numbers_and_its_hash() {
    let mut bench = Bench::new().file("a.md", "one\ntwo\nthree\n");
    let outcome = bench.run("read_file", json!({"path": "a.md", "offset": 2, "limit": "1"}));
    assert!(outcome.ok);
    assert_eq!(outcome.content, "2\ttwo\n[lines 2 to 2 of 3; ask for the rest with offset 3]\n");
    assert_eq!(outcome.touched[0].sha256.len(), 64);
    assert!(!outcome.touched[0].wrote);
}

#[test]
fn a_long_file_is_cut_to_size_and_can_be_read_on() {
    let text: String = (0..20_000).map(|number| format!("line {number} é\n")).collect();
    let mut bench = Bench::new().file("long.txt", text).file("wide.txt", "é".repeat(200_000));
    let outcome = bench.run("read_file", json!({"path": "long.txt"}));
    assert!(outcome.content.len() <= MAX_RESULT_BYTES);
    let next: usize = outcome.content.rsplit("offset ").next().unwrap().trim_end_matches("]\n").parse().unwrap();
    let rest = bench.run("read_file", json!({"path": "long.txt", "offset": next}));
    assert!(rest.content.starts_with(&format!("{next}\tline {} é\n", next - 1)), "{}", &rest.content[..40]);
    let wide = bench.run("read_file", json!({"path": "wide.txt"}));
    assert!(wide.content.len() <= MAX_RESULT_BYTES && wide.content.contains("[line cut: 400.0 kB in all]"));
}

#[test]
fn an_attached_pdf_file_is_read_as_the_text_of_its_pages() {
    let print: &[u8] = include_bytes!("../../tests/fixtures/pdf/tides.pdf");
    let mut bench = Bench::new().file("tides.pdf", print).file("broken.pdf", b"%PDF-1.4 and no more");
    let read = bench.run("read_file", json!({"path": "tides.pdf"}));
    assert!(read.ok && read.content.starts_with("1\t[page 1]\n2\tTides of the North Sea\n"), "{}", read.content);
    assert!(read.content.contains("was 2.97 m in 2024") && read.touched[0].sha256 == crate::domain::hash::sha256(print));
    let refused = bench.run("read_file", json!({"path": "broken.pdf"}));
    assert!(!refused.ok && refused.content.contains("no text"), "{}", refused.content);
}

#[test]
fn what_is_not_text_is_refused_and_latin_1_is_shown_as_far_as_it_goes() {
    let mut bench = Bench::new().file("a.png", [0x89, b'P', 0, 1]).file("l.txt", [b'c', 0xe9, b'\n']).file("e.txt", "");
    let refused = bench.run("read_file", json!({"path": "a.png"}));
    assert!(!refused.ok && refused.content.contains("binary"), "{}", refused.content);
    assert!(bench.run("read_file", json!({"path": "l.txt"})).content.contains("not valid UTF-8"));
    assert!(bench.run("read_file", json!({"path": "e.txt"})).content.contains("empty"));
}

#[test]
fn wrong_inputs_are_refusals_that_say_what_is_expected() {
    let mut bench = Bench::new().file("a.md", "x");
    for (tool, input, expected) in [
        ("read_file", json!({}), "`path` must be a string"),
        ("read_file", json!({"path": 3}), "`path` must be a string"),
        ("read_file", json!({"path": "a.md", "offset": 0}), "`offset` must be a whole number from 1"),
        ("read_file", json!({"path": "a.md", "offset": -3.5}), "`offset` must be a whole number from 1"),
        ("read_file", json!("a.md"), "must be a JSON object"),
        ("read_file", json!({"path": "../a.md"}), "not allowed"),
        ("read_file", json!({"path": "missing.md"}), "does not exist"),
        ("list_files", json!({"pattern": "[a"}), "not a glob"),
        ("edit_file", json!({"path": "a.md", "old_text": "", "new_text": "y"}), "`old_text` must be"),
        ("edit_file", json!({"path": "a.md", "old_text": "x", "new_text": "y", "replace_all": 1}), "true or false"),
        ("write_file", json!({"path": "plan.md", "content": ""}), "orchestrator itself"),
        ("write_file", json!({"path": "a.exe", "content": ""}), "allowed_file_extensions"),
    ] {
        let outcome = bench.run(tool, input.clone());
        assert!(!outcome.ok && outcome.content.contains(expected), "{tool} {input}: {}", outcome.content);
    }
}

#[test]
fn files_are_listed_below_a_folder_and_by_pattern() {
    let mut bench = Bench::new().file("a.md", "12345").file("charts/b.svg", "x").file("inputs/c.md", "x").file("plan.md", "ours");
    assert_eq!(bench.run("list_files", json!({})).content, "a.md\t5\ncharts/b.svg\t1\ninputs/c.md\t1\n");
    assert_eq!(bench.run("list_files", json!({"pattern": "*.md"})).content, "a.md\t5\ninputs/c.md\t1\n");
    assert_eq!(bench.run("list_files", json!({"path": "charts/", "pattern": "charts/*"})).content, "charts/b.svg\t1\n");
    assert_eq!(bench.run("list_files", json!({"path": "chart"})).content, "[no files]\n");
}

#[test]
fn a_file_changed_by_others_must_be_read_before_it_is_written() {
    let mut bench = Bench::new().file("other.md", "theirs");
    let unread = bench.run("write_file", json!({"path": "other.md", "content": "mine"}));
    assert!(!unread.ok && unread.content.contains("read it first"), "{}", unread.content);
    bench.run("read_file", json!({"path": "other.md"}));
    assert!(bench.run("write_file", json!({"path": "other.md", "content": "mine"})).ok);
    put(bench.workspace(), "other.md", b"changed by a person");
    let changed = bench.run("edit_file", json!({"path": "other.md", "old_text": "person", "new_text": "robot"}));
    assert!(changed.content.contains("changed since you read it"), "{}", changed.content);
    assert_eq!(bench.read("other.md"), "changed by a person");
}

#[test]
fn a_new_file_needs_no_reading_and_is_summed_up() {
    let mut bench = Bench::new();
    let outcome = bench.run("write_file", json!({"path": "deep/er/report.md", "content": "x".repeat(2150)}));
    assert_eq!(outcome.summary, "wrote deep/er/report.md (2.1 kB)");
    assert!(outcome.touched[0].wrote);
    assert!(bench.run("edit_file", json!({"path": "no.md", "old_text": "a", "new_text": "b"})).content.contains("does not exist"));
}

#[test]
fn an_edit_needs_exactly_one_place_and_says_where_the_others_are() {
    let mut bench = Bench::new().file("a.md", "x = 1\ny\nx = 1\n");
    bench.run("read_file", json!({"path": "a.md"}));
    let several = bench.run("edit_file", json!({"path": "a.md", "old_text": "x = 1", "new_text": "x = 2"}));
    assert!(!several.ok && several.content.contains("2 times, on lines 1, 3"), "{}", several.content);
    assert!(bench.run("edit_file", json!({"path": "a.md", "old_text": "zzz", "new_text": "x"})).content.contains("not found"));
    assert!(bench.run("edit_file", json!({"path": "a.md", "old_text": "x = 1", "new_text": "x = 2", "replace_all": true})).ok);
    assert_eq!(bench.read("a.md"), "x = 2\ny\nx = 2\n");
}

#[test]
fn an_edit_keeps_crlf() {
    let mut bench = Bench::new().file("a.md", "one\r\ntwo\r\nthree\r\n");
    bench.run("read_file", json!({"path": "a.md"}));
    assert!(bench.run("edit_file", json!({"path": "a.md", "old_text": "one\ntwo", "new_text": "1\n2"})).ok);
    assert_eq!(bench.read("a.md"), "1\r\n2\r\nthree\r\n");
}

#[test]
fn a_call_started_before_a_crash_is_not_done_twice() {
    let mut bench = Bench::new().file("a.md", "old rest");
    bench.run("read_file", json!({"path": "a.md"}));
    let insert = json!({"path": "a.md", "old_text": "old", "new_text": "old and new"});
    assert!(bench.run("edit_file", insert.clone()).ok);
    bench.context.rerun = true;
    bench.forget("a.md");
    assert!(bench.run("edit_file", insert).ok);
    assert_eq!(bench.read("a.md"), "old and new rest");
    bench.forget("a.md");
    assert!(bench.run("write_file", json!({"path": "a.md", "content": "old and new rest"})).ok);
    bench.forget("a.md");
    assert!(!bench.run("write_file", json!({"path": "a.md", "content": "something else"})).ok);
}

#[test]
fn a_failing_disk_is_never_told_to_the_model() {
    let refusal = crate::workspace::jail::Refusal::Disk(std::io::Error::other("no space left"));
    let outcome: crate::domain::ToolOutcome = refusal.into();
    assert!(outcome.disk_failure.is_some_and(|failure| failure.contains("no space left")));
}
