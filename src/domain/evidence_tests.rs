//! Tests of the ledger: what counts as a source, when two readings are one, what the agent is told.
use serde_json::{Value, json};

use super::*;

fn at() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-24T14:30:22Z").unwrap()
}

fn call(name: &str, input: Value) -> ToolCall {
    ToolCall { id: "c".into(), name: name.into(), input }
}

fn touched(path: &str) -> Vec<Touched> {
    vec![Touched { path: RelPath::new(path).unwrap(), sha256: "ab".into(), bytes: 3, wrote: false }]
}

fn take(ledger: &mut Ledger, call: &ToolCall, content: &str, touched: &[Touched]) -> Vec<usize> {
    ledger.take(call, (content, touched), (&StepId::numbered(1), at()))
}

#[test]
fn attached_files_pages_and_answers_are_sources_and_work_of_other_agents_is_not() {
    let mut ledger = Ledger::default();
    let read = call("read_file", json!({"path": "inputs/a.md"}));
    assert_eq!(take(&mut ledger, &read, "1\tone\n2\ttwo\n[lines 1 to 2 of 9; ask]\n", &touched("inputs/a.md")), [1]);
    assert_eq!(take(&mut ledger, &call("read_file", json!({"path": "notes.md"})), "1\tx\n", &touched("notes.md")), Vec::<usize>::new());
    let page = "Address: https://a.example/x\nKind: html, 5 characters\nTitle: A [b]\n\nHello\n[characters 0 to 5 of 9; ask for the rest with offset 5]\n";
    assert_eq!(take(&mut ledger, &call("web_fetch", json!({"url": "https://a.example/x"})), page, &[]), [2]);
    let found = "1. Tides\n   https://b.example/t\n   High water\n2. Ebb\n   https://c.example/\n   \n";
    assert_eq!(take(&mut ledger, &call("web_search", json!({"query": "tides"})), found, &[]), [3, 4]);
    assert_eq!(take(&mut ledger, &call("mcp__w__today", json!({})), "{\"t\":1}", &[]), [5]);
    assert_eq!(take(&mut ledger, &call("search_files", json!({})), "inputs/a.md:4: four\nnotes.md:1: x\n", &[]), [1]);
    assert_eq!(take(&mut ledger, &call("read_project", json!({"path": "src/a.rs"})), "7\tfn a() {}\n", &[]), [6]);
    let texts: Vec<String> = ledger.iter().map(Source::text).collect();
    assert_eq!(texts, ["one\ntwo\n\nfour\n", "Hello", "Tides\nHigh water\n", "Ebb\n\n", "{\"t\":1}", "\n\n\n\n\n\nfn a() {}\n"]);
    assert_eq!(ledger.get(1).unwrap().sha256(), "ab");
    assert_eq!(ledger.get(2).unwrap().definition(), "[^s2]: A  b, <https://a.example/x>, read 2026-11-24");
    assert_eq!((ledger.get(1).unwrap().kept_at().as_str(), ledger.get(6).unwrap().kept_at().as_str()), ("inputs/a.md", "evidence/s6.txt"));
    assert!(ledger.get(0).is_none() && ledger.get(7).is_none());
    // The kept text of a source is that source.
    assert_eq!(take(&mut ledger, &call("read_file", json!({"path": "evidence/s2.txt"})), "1\tHello\n", &touched("evidence/s2.txt")), [2]);
}

#[test]
fn the_same_read_again_is_one_source_and_a_changed_text_is_another() {
    let mut ledger = Ledger::default();
    let read = call("read_project", json!({"path": "a.md"}));
    assert_eq!(take(&mut ledger, &read, "1\tone\n", &[]), [1]);
    assert_eq!(take(&mut ledger, &read, "1\tone\n2\ttwo\n", &[]), [1]);
    assert_eq!(take(&mut ledger, &read, "1\tuno\n", &[]), [2]);
    assert_eq!(take(&mut ledger, &read, "2\ttwo\n", &[]), [2], "the newer one that it agrees with");
    assert_eq!(ledger.get(1).unwrap().text(), "one\ntwo\n");
    assert_eq!(ledger.get(1).unwrap().steps, [StepId::numbered(1)]);
}

#[test]
fn what_an_agent_is_told_reads_back() {
    let mut ledger = Ledger::default();
    let found = "inputs/a b.md:1: x\ninputs/c.md:2: y";
    let numbers = take(&mut ledger, &call("search_files", json!({})), found, &[]);
    let told = ledger.told(found, &numbers);
    assert_eq!(told, format!("{found}\n[cite as: inputs/a b.md is [^s1]; inputs/c.md is [^s2]]\n"));
    assert_eq!(split_told(&told), (&*format!("{found}\n"), vec![("inputs/a b.md", 1), ("inputs/c.md", 2)]));
    assert_eq!(ledger.told(found, &[]), found);
    for text in ["", "x", "[cite as: ", "[cite as: ]", "[cite as: a]\nx"] {
        assert!(split_told(text).1.is_empty());
    }
}

#[test]
fn a_document_gets_the_footnotes_it_lacks_once() {
    let mut ledger = Ledger::default();
    take(&mut ledger, &call("search_files", json!({})), "inputs/a.md:1: x\ninputs/c.md:2: y", &[]);
    let path = RelPath::new("out.md").unwrap();
    let text = "A [^s1]. B [^s2][^s1]. C [^s9].\n```\n[^s2]\n```\n";
    let completed = ledger.completed(&path, text);
    assert_eq!(completed, format!("{}\n\n[^s1]: `inputs/a.md`, attached\n[^s2]: `inputs/c.md`, attached\n", text.trim_end()));
    assert_eq!(ledger.completed(&path, &completed), completed);
    let own = "A [^s1], [^s2].\n\n[^s2]: mine\n";
    assert_eq!(ledger.completed(&path, own), "A [^s1], [^s2].\n\n[^s2]: mine\n[^s1]: `inputs/a.md`, attached\n");
    assert_eq!(ledger.completed(&RelPath::new("a.py").unwrap(), text), text);
    assert_eq!(Ledger::default().completed(&path, text), text);
}

proptest::proptest! {
    #[test]
    fn no_result_makes_the_ledger_panic(name in 0_usize..8, content in "[a-z0-9:\t\n \\[\\]^.…/-]{0,200}") {
        let names = ["read_file", "search_files", "read_project", "search_project", "web_fetch", "web_search", "query_data", "mcp__a__b"];
        let mut ledger = Ledger::default();
        let call = call(names[name], json!({"path": "inputs/a.md", "offset": 3}));
        let numbers = take(&mut ledger, &call, &content, &touched("inputs/a.md"));
        let told = ledger.told(&content, &numbers);
        if !numbers.is_empty() {
            let (rest, named) = split_told(&told);
            proptest::prop_assert_eq!(rest.trim_end_matches('\n'), content.trim_end_matches('\n'));
            proptest::prop_assert!(!named.is_empty());
        }
        let _ = ledger.iter().map(Source::text).count();
    }
}

#[test]
fn a_line_number_that_nobody_can_have_costs_nothing() {
    let mut ledger = Ledger::default();
    let hits = "inputs/a.md:4294967295: boom\ninputs/a.md:18446744073709551615: boom\ninputs/a.md:2: two\n";
    assert_eq!(take(&mut ledger, &call("search_files", json!({})), hits, &[]), [1]);
    assert_eq!(ledger.get(1).unwrap().text(), "\ntwo\n");
    take(&mut ledger, &call("read_project", json!({"path": "a.rs"})), "4294967295\tboom\n1\tone\n", &[]);
    assert_eq!(ledger.get(2).unwrap().text(), "one\n");
}
