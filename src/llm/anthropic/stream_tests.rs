//! Tests of the Messages stream: whole, by single bytes, and cut at every offset. A cut is an error, never a shorter success.
use serde_json::{Value, json};

use super::stream::{Answer, Finished, Heard};
use crate::domain::{Block, CallFailure, FailureClass};
use crate::llm::price::Prices;
use crate::llm::sse::SseDecoder;

macro_rules! fixture {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../../tests/fixtures/llm/anthropic/", $name, ".sse")).as_slice())
    };
}

/// A stream read in pieces of `size` bytes, as the provider reads it.
fn read(bytes: &[u8], size: usize) -> Result<Finished, Box<(CallFailure, Answer)>> {
    let mut decoder = SseDecoder::default();
    let mut answer = Answer::default();
    let mut events = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        events.extend(decoder.push(piece).unwrap());
    }
    events.extend(decoder.finish());
    for event in events {
        match answer.push(&event) {
            Ok(Heard::Complete) => break,
            Ok(_) => {}
            Err(failure) => return Err(Box::new((failure, answer))),
        }
    }
    answer.finish().map_err(|failure| Box::new((failure, Answer::default())))
}

/// `stop | text | calls | input/output/read/write tokens`
fn told(finished: &Finished) -> String {
    let calls = finished.blocks.iter().filter_map(|block| match block {
        Block::ToolCall(call) => Some(format!("{}:{}{}", call.id, call.name, call.input)),
        _ => None,
    });
    let texts = finished.blocks.iter().filter_map(|block| if let Block::Text { text } = block { Some(text.as_str()) } else { None });
    let usage = finished.billed.usage;
    format!(
        "{:?} | {} | {} | {}/{}/{}/{}",
        finished.stop,
        texts.collect::<Vec<_>>().join("¶"),
        calls.collect::<Vec<_>>().join(" "),
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens
    )
}

const GOOD: [((&str, &[u8]), &str); 17] = [
    (fixture!("text"), "EndTurn | Grüße, wörld ☃ |  | 25/12/0/0"),
    (fixture!("tool_use"), r#"ToolUse | I will write it. | toolu_01:write_file{"path":"a.md","content":"x\n","n":1.5} | 25/40/0/300"#),
    (
        fixture!("parallel_tools"),
        r#"ToolUse |  | toolu_a:read_file{"path":"a.md"} toolu_b:list_files{} toolu_c:read_file{"path":"b.md"} | 25/60/0/0"#,
    ),
    (fixture!("thinking"), r#"ToolUse |  | toolu_t:read_file{"path":"a.md"} | 25/90/2000/0"#),
    (fixture!("web_search"), "EndTurn | I will search.¶As found, Rust is fast. |  | 5000/70/0/0"),
    (fixture!("pause_turn"), "PauseTurn |  |  | 404500/900/0/0"),
    (fixture!("refusal"), "Refusal | category cyber: not this |  | 25/4/0/0"),
    (
        fixture!("max_tokens_in_tool"),
        r#"MaxTokens | Writing. | toolu_m:write_file{"__invalid_json":"{\"path\":\"a.md\",\"content\":\"half of"} | 25/16000/0/0"#,
    ),
    (fixture!("context_window"), "ContextWindowExceeded | So |  | 25/2/0/0"),
    (fixture!("stop_sequence"), "StopSequence | Done |  | 25/2/0/0"),
    (fixture!("future_stop"), "EndTurn | Done |  | 25/2/0/0"),
    (fixture!("unknown_events"), "EndTurn | ok |  | 25/3/0/0"),
    (fixture!("duplicate_start"), "EndTurn | one two |  | 25/5/0/0"),
    (fixture!("crlf"), "EndTurn | hi |  | 25/5/0/0"),
    (fixture!("no_final_blank"), "EndTurn | hi |  | 25/5/0/0"),
    (fixture!("bom_comments_names"), "EndTurn | hi |  | 25/5/0/0"),
    (fixture!("nonempty_start_blocks"), r#"ToolUse | Alpha  | toolu_w:read_file{"path":"whole.md"} | 25/5/0/0"#),
];

#[test]
fn streams_are_read_whole_and_byte_by_byte() {
    for ((name, bytes), expected) in GOOD {
        for size in [bytes.len(), 1, 7] {
            let finished = read(bytes, size).unwrap_or_else(|broken| panic!("{name} in pieces of {size}: {:?}", broken.0));
            assert_eq!(told(&finished), expected, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn a_stream_cut_anywhere_is_an_error() {
    for ((name, bytes), expected) in GOOD {
        let stop = bytes.windows(12).rposition(|window| window == b"message_stop").unwrap();
        for end in 0..bytes.len() {
            match read(&bytes[..end], 4096) {
                Err(broken) => assert_eq!(broken.0.class, FailureClass::Transient, "{name} cut at {end}: {:?}", broken.0),
                // Only the blank line, or what a gateway appends, is missing.
                Ok(finished) => assert!(end > stop && told(&finished) == expected, "{name} cut at {end} of {}", bytes.len()),
            }
        }
    }
}

#[test]
fn broken_streams_fail_in_their_class() {
    use FailureClass::{Parked, Transient};
    for ((name, bytes), class) in [
        (fixture!("bad_error_mid_stream"), Transient),
        (fixture!("bad_error_first"), Parked),
        (fixture!("bad_no_message_stop"), Transient),
        (fixture!("bad_null_stop"), Transient),
        (fixture!("bad_json"), Transient),
        (fixture!("bad_delta_without_start"), Transient),
    ] {
        let failure = read(bytes, bytes.len()).unwrap_err().0;
        assert_eq!(failure.class, class, "{name}: {}", failure.message);
    }
}

#[test]
fn an_answer_that_breaks_off_still_says_what_it_cost() {
    let (_, bytes) = fixture!("bad_error_mid_stream");
    let answer = read(bytes, 64).unwrap_err().1;
    let usage = answer.billed().usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (25, 1));
}

fn raw(bytes: &[u8]) -> Vec<Value> {
    let finished = read(bytes, 64).map_err(|broken| broken.0).unwrap();
    finished.raw["content"].as_array().unwrap().clone()
}

#[test]
fn thinking_and_unknown_parts_are_kept_as_they_came() {
    let thinking = raw(fixture!("thinking").1);
    assert_eq!(thinking[0], json!({"type": "thinking", "thinking": "Let me think.", "signature": "c2lnbmF0dXJl"}));
    assert_eq!(thinking[1], json!({"type": "redacted_thinking", "data": "b3BhcXVl"}));
    assert_eq!(raw(fixture!("unknown_events").1)[0], json!({"type": "hologram", "data": [1, 2]}));
    let search = raw(fixture!("web_search").1);
    assert_eq!(search[1]["input"], json!({"query": "rust"}));
    assert_eq!(search[2]["content"][0]["encrypted_content"], "xyz");
    assert_eq!(search[4]["citations"][0]["url"], "https://example.com/a");
}

#[test]
fn the_order_of_an_inputs_keys_is_kept() {
    let content = raw(fixture!("tool_use").1);
    assert_eq!(content[1]["input"].to_string(), r#"{"path":"a.md","content":"x\n","n":1.5}"#);
}

#[test]
fn blank_texts_do_not_go_back() {
    assert_eq!(raw(fixture!("nonempty_start_blocks").1).len(), 2);
}

#[test]
fn searches_are_billed_and_cumulative_figures_counted_once() {
    let finished = read(fixture!("pause_turn").1, 64).map_err(|broken| broken.0).unwrap();
    assert_eq!(finished.billed.searches, 10);
    let cost = Prices::new(&json!({})).cost("claude-sonnet-5-5", &finished.billed).unwrap();
    assert!((cost - (404_500.0 * 2.0 + 900.0 * 10.0) / 1e6 - 0.1).abs() < 1e-9, "{cost}");
}
