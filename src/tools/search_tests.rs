//! search_files: words, patterns, caps.
use serde_json::json;

use crate::tools::testing::Bench;
use crate::tools::tool::MAX_RESULT_BYTES;

#[test]
fn matches_are_told_with_file_and_line() {
    let mut bench = Bench::new().file("a.md", "Alpha\n  beta (x)\n").file("inputs/b.txt", "BETA (X)\n").file("c.png", [0, 1, 2]);
    let outcome = bench.run("search_files", json!({"query": "beta (x)"}));
    assert_eq!(outcome.content, "a.md:2: beta (x)\ninputs/b.txt:1: BETA (X)\n");
    assert_eq!(outcome.summary, "2 matches in 2 files");
    assert_eq!(bench.run("search_files", json!({"query": "b.ta", "regex": true, "path": "a.md"})).content, "a.md:2: beta (x)\n");
    assert_eq!(bench.run("search_files", json!({"query": "gamma"})).content, "[no matches]\n");
}

#[test]
fn an_invalid_expression_is_refused_with_its_reason() {
    let mut bench = Bench::new();
    let outcome = bench.run("search_files", json!({"query": "(", "regex": true}));
    assert!(!outcome.ok && outcome.content.contains("unclosed group"), "{}", outcome.content);
    assert!(!bench.run("search_files", json!({"query": "  "})).ok);
}

#[test]
fn many_matches_are_capped_for_each_file_and_in_all() {
    let mut bench = Bench::new();
    for number in 0..40 {
        bench = bench.file(&format!("f{number}.txt"), format!("{}needle{}\n", "ö".repeat(400), "ü".repeat(400)).repeat(50));
    }
    let outcome = bench.run("search_files", json!({"query": "NEEDLE"}));
    assert!(outcome.content.len() <= MAX_RESULT_BYTES, "{}", outcome.content.len());
    assert!(outcome.content.contains("f0.txt: 20 more matches left out"));
    assert!(outcome.content.contains("narrow the query, or search one folder"));
    assert_eq!(outcome.summary, "2000 matches in 40 files");
}
