//! Tests of chat completion streams in the shapes of many servers: whole, by single bytes, and cut at every offset.
use serde_json::{Value, json};

use super::stream::{Answer, Finished, Heard};
use crate::domain::{Block, CallFailure, FailureClass};
use crate::llm::sse::SseDecoder;

macro_rules! fixture {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../../tests/fixtures/llm/openai/", $name, ".sse")).as_slice())
    };
}

fn read(bytes: &[u8], size: usize) -> Result<Finished, CallFailure> {
    let mut decoder = SseDecoder::default();
    let mut answer = Answer::default();
    let mut events = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        events.extend(decoder.push(piece).unwrap());
    }
    events.extend(decoder.finish());
    for event in events {
        match answer.push(&event) {
            Ok(Heard::Done) => break,
            Ok(_) => {}
            // A cut chunk after the answer was complete: only figures are missing.
            Err(failure) if answer.is_complete() && failure.class == FailureClass::Transient => break,
            Err(failure) => return Err(failure),
        }
    }
    answer.finish(3, 77)
}

fn content(finished: &Finished) -> String {
    let block = |block: &Block| match block {
        Block::ToolCall(call) => format!("{}:{}{}", call.id, call.name, call.input),
        Block::Text { text } => text.clone(),
        Block::ToolResult { .. } => String::new(),
    };
    let blocks: Vec<String> = finished.blocks.iter().map(block).collect();
    format!("{:?} | {}", finished.stop, blocks.join(" "))
}

fn told(finished: &Finished) -> String {
    let usage = finished.usage;
    let estimated = if finished.raw.get("usage_estimated").is_some() { " estimated" } else { "" };
    format!("{} | {}/{}/{}{estimated}", content(finished), usage.input_tokens, usage.output_tokens, usage.cache_read_tokens)
}

const A: &str = r#"read_file{"path":"a.md"}"#;

fn good() -> Vec<((&'static str, &'static [u8]), String)> {
    vec![
        (fixture!("openai_text"), "EndTurn | Grüße ☃ | 40/20/60".into()),
        (fixture!("openai_tools"), format!("ToolUse | call_a:{A} call_b:list_files{{}} | 40/20/60")),
        (fixture!("ollama_tools"), format!("ToolUse | call_3_0:{A} call_3_1:read_file{{\"path\":\"b.md\"}} | 50/9/0")),
        (fixture!("ollama_one_index"), format!("ToolUse | call_x:{A} call_y:read_file{{\"path\":\"b.md\"}} | 77/8/0 estimated")),
        (fixture!("vllm_reasoning"), "EndTurn | Answer | 10/5/0".into()),
        (fixture!("lmstudio"), format!("ToolUse | Ok call_3_0:{A} | 77/5/0 estimated")),
        (fixture!("openrouter"), "EndTurn | Hi | 10/2/0".into()),
        (fixture!("groq"), format!("ToolUse | call_g:{A} | 30/7/0")),
        (fixture!("deepseek"), format!("ToolUse | call_00:{A} | 8/11/32")),
        (fixture!("azure"), "EndTurn | Hi | 77/1/0 estimated".into()),
        (fixture!("mistral"), format!("ToolUse | Hi call_3_0:{A} | 5/6/0")),
        (fixture!("sglang_nulls"), format!("ToolUse | call_s:{A} | 77/4/0 estimated")),
        (
            fixture!("length_in_tool"),
            r#"MaxTokens | Writing. call_l:write_file{"__invalid_json":"{\"path\":\"a.md\",\"content\":\"half"} | 77/10/0 estimated"#
                .into(),
        ),
        (fixture!("content_filter"), "Refusal | I | 77/1/0 estimated".into()),
        (fixture!("no_done"), "EndTurn | Hi | 77/1/0 estimated".into()),
        (fixture!("no_space_done"), "EndTurn | Hi | 77/1/0 estimated".into()),
        (fixture!("gemini_signature"), format!("ToolUse | call_s:{A} | 77/4/0 estimated")),
    ]
}

#[test]
fn streams_are_read_whole_and_byte_by_byte() {
    for ((name, bytes), expected) in good() {
        for size in [bytes.len(), 1, 7] {
            let finished = read(bytes, size).unwrap_or_else(|failure| panic!("{name} in pieces of {size}: {failure:?}"));
            assert_eq!(told(&finished), expected, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn a_stream_cut_anywhere_is_an_error_until_its_end_was_named() {
    for ((name, bytes), _) in good() {
        let whole = content(&read(bytes, bytes.len()).unwrap());
        let named = bytes.windows(17).rposition(|window| window == b"\"finish_reason\":\"").unwrap();
        for end in 0..bytes.len() {
            match read(&bytes[..end], 4096) {
                Err(failure) => assert_eq!(failure.class, FailureClass::Transient, "{name} cut at {end}: {failure:?}"),
                Ok(finished) => assert!(end > named && content(&finished) == whole, "{name} cut at {end}: {}", content(&finished)),
            }
        }
    }
}

#[test]
fn broken_streams_fail_in_their_class() {
    use FailureClass::{Doomed, Transient};
    for ((name, bytes), class) in [
        (fixture!("bad_error_chunk"), Transient),
        (fixture!("bad_error_line"), Transient),
        (fixture!("bad_old_vllm_error"), Doomed),
        (fixture!("bad_done_without_finish"), Transient),
        (fixture!("bad_ollama_swallowed"), Transient),
        (fixture!("bad_lost_call"), Transient),
    ] {
        let failure = read(bytes, bytes.len()).unwrap_err();
        assert_eq!(failure.class, class, "{name}: {}", failure.message);
    }
}

#[test]
fn what_a_host_wants_back_is_kept_with_the_message() {
    let raw = |bytes: &[u8]| read(bytes, 64).unwrap().raw;
    assert_eq!(raw(fixture!("deepseek").1)["reasoning_content"], "Need the file.");
    assert_eq!(raw(fixture!("ollama_tools").1)["reasoning"], "hmm");
    assert_eq!(raw(fixture!("openrouter").1)["reasoning_details"], json!([{"type": "reasoning.encrypted", "data": "q"}]));
    assert_eq!(raw(fixture!("gemini_signature").1)["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "sig==");
    assert_eq!(
        raw(fixture!("length_in_tool").1)["tool_calls"][0]["function"]["arguments"],
        r#"{"__invalid_json":"{\"path\":\"a.md\",\"content\":\"half"}"#
    );
}

#[test]
fn a_call_with_the_users_own_key_costs_the_fee_and_what_is_paid_upstream() {
    let cost = |usage: Value| {
        let mut answer = Answer::default();
        answer.count(&json!({ "usage": usage }));
        answer.cost_usd
    };
    let upstream = json!({"upstream_inference_cost": 0.0361});
    assert_eq!(cost(json!({"cost": 0.0, "is_byok": true, "cost_details": upstream})), Some(0.0361));
    assert_eq!(cost(json!({"cost": 0.0018, "is_byok": true, "cost_details": upstream})), Some(0.0018 + 0.0361));
    // The upstream figure of an ordinary call is a part of its cost.
    assert_eq!(cost(json!({"cost": 0.04, "is_byok": false, "cost_details": upstream})), Some(0.04));
    assert_eq!(cost(json!({"cost": 0.04, "cost_details": upstream})), Some(0.04));
    // The fee alone says nothing of what was paid: the table of prices does.
    assert_eq!(cost(json!({"cost": 0.0, "is_byok": true})), None);
    assert_eq!(cost(json!({"cost": -1.0})), None);
}
