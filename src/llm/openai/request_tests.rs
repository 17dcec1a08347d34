//! Tests of the chat completion request: only what strict servers take.
use serde_json::json;

use super::*;
use crate::domain::message::Brief;
use crate::domain::{RelPath, StepId, ToolCall, ToolSpec};

fn request(messages: Vec<Message>) -> ModelRequest {
    let brief = Brief::new("writer", "g", StepId("s1".into()), RelPath::new("a.md").unwrap());
    ModelRequest {
        system: "You write.".into(),
        tools: vec![ToolSpec { name: "read_file".into(), description: "d".into(), input_schema: json!({"type": "object"}).into() }.into()],
        ..ModelRequest::new(brief, messages)
    }
}

fn conversation(raw: Option<Value>) -> Vec<Message> {
    let call = ToolCall { id: "call_1".into(), name: "read_file".into(), input: json!({"path": "a.md"}) };
    let result = Block::ToolResult { id: "call_1".into(), content: "gone".into(), is_error: true };
    vec![
        Message::user("Write."),
        Message { role: Role::Assistant, blocks: vec![Block::ToolCall(call)], raw },
        Message { role: Role::User, blocks: vec![Block::Text { text: "Last turn.".into() }, result], raw: None },
    ]
}

fn sent(request: &ModelRequest, host: &str) -> Value {
    body(request, "m", Dialect::of_host(host), (echoed(host), Some(16_000)))
}

#[test]
fn a_conversation_becomes_chat_messages() {
    let body = sent(&request(conversation(None)), "example.com");
    assert_eq!(
        body["messages"],
        json!([
            {"role": "system", "content": "You write."},
            {"role": "user", "content": "Write."},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "read_file", "arguments": "{\"path\":\"a.md\"}"}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "ERROR: gone"},
            {"role": "user", "content": "Last turn."},
        ])
    );
    assert_eq!(body["tools"][0]["function"]["parameters"], json!({"type": "object"}));
    assert_eq!((body["max_tokens"].as_u64(), body["stream_options"]["include_usage"].as_bool()), (Some(16_000), Some(true)));
    for refused in ["temperature", "tool_choice", "response_format", "parallel_tool_calls"] {
        assert!(body.get(refused).is_none(), "{refused}");
    }
}

#[test]
fn reasoning_goes_back_only_where_it_is_wanted() {
    let raw = json!({"role": "assistant", "content": "ok", "reasoning_content": "r", "reasoning_details": [1], "usage_estimated": true, "tool_calls": []});
    let message = |host: &str| sent(&request(conversation(Some(raw.clone()))), host)["messages"][2].clone();
    assert_eq!(message("example.com"), json!({"role": "assistant", "content": "ok"}));
    assert_eq!(message("api.deepseek.com"), json!({"role": "assistant", "content": "ok", "reasoning_content": "r"}));
    assert_eq!(message("openrouter.ai"), json!({"role": "assistant", "content": "ok", "reasoning_details": [1]}));
}

#[test]
fn another_providers_answer_is_told_in_neutral_words() {
    let raw = json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}]});
    let body = sent(&request(conversation(Some(raw))), "example.com");
    assert_eq!(body["messages"][2]["tool_calls"][0]["id"], "call_1");
}

#[test]
fn an_empty_answer_is_left_out_and_texts_of_the_user_join() {
    let empty = Message { role: Role::Assistant, blocks: Vec::new(), raw: Some(json!({"role": "assistant", "content": null})) };
    let body = sent(&request(vec![Message::user("a"), empty, Message::user("b")]), "example.com");
    assert_eq!(body["messages"][1], json!({"role": "user", "content": "a\n\nb"}));
    assert_eq!(body["messages"].as_array().unwrap().len(), 2);
}

#[test]
fn a_schema_is_asked_for_in_the_way_the_endpoint_knows() {
    let mut request = request(vec![Message::user("Plan.")]);
    request.schema = Some(json!({"type": "object"}));
    let with = |schema| body(&request, "m", Dialect { schema, ..Dialect::of_host("x") }, (&[], None));
    let strict = with(SchemaRoute::JsonSchema);
    assert_eq!(strict["response_format"]["json_schema"]["schema"], json!({"type": "object"}));
    let object = with(SchemaRoute::JsonObject);
    assert_eq!(object["response_format"], json!({"type": "json_object"}));
    let prompt = with(SchemaRoute::Prompt);
    assert!(prompt.get("response_format").is_none());
    for body in [object, prompt] {
        assert!(body["messages"][1]["content"].as_str().unwrap().contains(r#"{"type":"object"}"#));
    }
}

#[test]
fn no_tools_and_no_limit_are_left_out() {
    let mut request = request(vec![Message::user("a")]);
    request.tools.clear();
    let body = body(&request, "m", Dialect { limit: Limit::Left, ..Dialect::of_host("x") }, (&[], Some(5)));
    assert!(body.get("tools").is_none() && body.get("max_tokens").is_none());
}

#[test]
fn an_answers_own_json_is_kept_only_where_the_blocks_would_go_back_as_other_bytes() {
    let blocks = conversation(None).into_iter().find(|message| message.role == Role::Assistant).unwrap().blocks;
    let Some(plain) = from_blocks(&blocks) else { panic!() };
    assert_eq!(own(plain.clone(), &blocks), None);
    let with = |key: &str, value: Value| {
        let mut raw = plain.clone();
        raw[key] = value;
        raw
    };
    let mut signed = plain.clone();
    signed["tool_calls"][0]["extra_content"] = json!({"google": {"thought_signature": "s"}});
    for raw in [with("reasoning_content", json!("r")), with("usage_estimated", json!(true)), with("content", json!("other")), signed] {
        assert_eq!(own(raw.clone(), &blocks), Some(raw));
    }
}
