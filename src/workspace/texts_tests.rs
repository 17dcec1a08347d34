//! Every text comes back as it was, repeated ones cost next to nothing, and no line can make reading panic.
use proptest::prelude::*;
use serde_json::json;

use super::*;

const DICTIONARY: &[u8] = DICTIONARIES[1].1;

fn begun() -> Texts {
    let mut texts = Texts::new();
    texts.begin(3);
    texts
}

/// Lines as a journal writes them.
fn written(records: &[Value]) -> Vec<Value> {
    let mut texts = begun();
    records
        .iter()
        .map(|record| {
            let mut line = record.clone();
            texts.take_out(&mut line);
            texts.settle();
            line
        })
        .collect()
}

fn read(lines: &[Value]) -> Result<Vec<Value>, String> {
    let mut texts = begun();
    lines
        .iter()
        .map(|line| {
            let mut record = line.clone();
            texts.put_back(&mut record)?;
            texts.settle();
            Ok(record)
        })
        .collect()
}

fn sizes(lines: &[Value]) -> Vec<usize> {
    lines.iter().map(|line| line.to_string().len()).collect()
}

#[test]
fn a_dictionary_never_changes() {
    let hashes = DICTIONARIES.map(|(_, texts)| crate::domain::hash::sha256(texts));
    let frozen = [
        "833dfdf6a5683991c308fe11bb6d068825fa14a5b3be0d5066ac780f8176eb82",
        "1af3adfa713d62189929fc3223ef65799142114157582238f93ffb8122580ebf",
    ];
    assert_eq!(hashes, frozen, "journals refer into it by place");
}

#[test]
fn a_start_of_a_newer_format_begins_the_stream_anew_and_one_of_the_same_does_not() {
    let mut texts = Texts::new();
    for (schema, length) in [(1, 0), (2, DICTIONARIES[0].1.len()), (3, DICTIONARY.len()), (4, DICTIONARY.len())] {
        texts.begin(schema);
        assert_eq!(texts.length(), length);
    }
    texts.take_out(&mut json!({"text": "tides ".repeat(100)}));
    let length = texts.length();
    texts.begin(3);
    assert_eq!(texts.length(), length);
}

#[test]
fn a_text_told_before_is_named_by_its_place_wherever_it_stands() {
    let content: String = (0..100).map(|number| format!("Line {number} tells of the tides {}.\n", number * 7919)).collect();
    let prompt = format!("# Goal\n\nStudy\n\n<output>\n{content}\n</output>\n");
    let records = [
        json!({"reply": {"input": {"a/b~c": content}}}),
        json!({"system": prompt, "prompt": prompt}),
        json!({"calls": [{"arguments": json!({"content": content}).to_string()}]}),
    ];
    let lines = written(&records);
    let sizes = sizes(&lines);
    assert_eq!(lines[0]["reply"]["input"]["a/b~c"], content, "what is new stays where it is read");
    assert!(sizes[1] < 250, "{}", lines[1]);
    assert!(sizes[2] < records[2].to_string().len() / 2 + 100, "escaped line breaks interrupt a copy: {}", sizes[2]);
    assert_eq!(read(&lines).unwrap(), records);
}

#[test]
fn the_role_texts_of_a_format_cost_next_to_nothing() {
    let text = std::str::from_utf8(DICTIONARY).unwrap();
    let (common, coder) = (text.get(1..2001).unwrap(), text.get(8000..10_000).unwrap());
    let record = json!({"system": format!("{coder}\n\n{common}")});
    let lines = written(std::slice::from_ref(&record));
    assert!(sizes(&lines)[0] < 100, "{}", lines[0]);
    assert_eq!(read(&lines).unwrap(), [record]);
}

#[test]
fn a_repeating_text_copies_from_itself() {
    let record = json!({"content": "The sea rises and falls twice a day, é.\n".repeat(50)});
    let lines = written(std::slice::from_ref(&record));
    assert!(sizes(&lines)[0] < 150, "{}", lines[0]);
    assert_eq!(read(&lines).unwrap(), [record]);
}

#[test]
fn a_line_that_was_not_written_leaves_no_trace() {
    let one = json!({"text": "a text that is told twice, and the second time by its place only; ".repeat(8)});
    let mut texts = begun();
    let before = texts.length();
    texts.take_out(&mut one.clone());
    texts.forget(before);
    let mut line = one.clone();
    texts.take_out(&mut line);
    assert_eq!(line, written(std::slice::from_ref(&one))[0]);
}

#[test]
fn a_very_long_run_begins_its_stream_anew() {
    let record = |number: usize| {
        let text: String = (0..400).map(|line| format!("{number} {line} {}\n", (number * 31 + line) * 7919)).collect();
        json!({ "text": text })
    };
    let mut records: Vec<Value> = (0..60).map(record).collect();
    records.push(record(0));
    let lines = written(&records);
    assert!(lines.iter().all(|line| line["text"] != ""), "nothing known is left of the first");
    assert_eq!(read(&lines).unwrap(), records);
}

#[test]
fn places_that_do_not_exist_are_told() {
    for told in [
        json!([["/x", "a"]]),
        json!([["/text", 9_999_999, 4]]),
        json!([["/text", 1]]),
        json!([["/text", -1, 4]]),
        json!([["/text", 0, 10_000_000]]),
        json!([[]]),
        json!([1]),
    ] {
        let mut record = json!({"text": "", "texts": told});
        assert!(begun().put_back(&mut record).is_err(), "{told}");
    }
    let mut cut = json!({"text": "", "texts": [["/text", "é", DICTIONARY.len(), 1]]});
    assert_eq!(begun().put_back(&mut cut), Err("a text is cut inside a character".into()));
}

proptest! {
    #[test]
    fn any_texts_come_back(
        words in proptest::collection::vec("[a-zé✓ \n]{1,40}", 1..8),
        picks in proptest::collection::vec(proptest::collection::vec(0usize..8, 0..40), 1..12),
    ) {
        let text = |picks: &Vec<usize>| picks.iter().map(|pick| words[pick % words.len()].as_str()).collect::<String>();
        let records: Vec<Value> = picks.iter().map(|picks| json!({"a": text(picks), "b": [{"c": text(picks)}, 7], "d": "short"})).collect();
        prop_assert_eq!(read(&written(&records)).unwrap(), records);
    }

    #[test]
    fn no_list_of_texts_makes_reading_panic(told in "\\[(\\[(\"/text\"|\"x\"|[0-9]{1,6})(,(\"a\"|[0-9]{1,6})){0,6}\\]){0,2}\\]") {
        if let Ok(told) = serde_json::from_str::<Value>(&told) {
            let _ = begun().put_back(&mut json!({"text": "", "texts": told}));
        }
    }
}
