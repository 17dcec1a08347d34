//! Tests of the Messages request: what is sent, in which order, with how many breakpoints.
use serde_json::json;

use super::*;
use crate::domain::message::Brief;
use crate::domain::{Block, Message, RelPath, Role, StepId, ToolCall};
use crate::llm::anthropic::messages::{own, without_thinking};

fn request(messages: Vec<Message>) -> ModelRequest {
    let spec = |name: &str| ToolSpec { name: name.into(), description: "d".into(), input_schema: json!({"type": "object"}).into() };
    let brief = Brief::new("writer", "g", StepId("s1".into()), RelPath::new("a.md").unwrap());
    ModelRequest {
        system: "You write.".into(),
        tools: [spec("read_file"), spec("web_search")].map(Into::into).into(),
        ..ModelRequest::new(brief, messages)
    }
}

/// The body as it travels.
fn body(request: &ModelRequest, model: &str, shape: &Shape) -> Value {
    serde_json::to_value(super::body(request, model, shape)).unwrap()
}

fn official() -> Shape {
    Shape { official: true, cache: true, server_tools: true, allowed_hosts: Vec::new() }
}

fn conversation() -> Vec<Message> {
    let raw = json!({"role": "assistant", "content": [
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "text", "text": " "},
        {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "a.md"}},
    ]});
    let call = ToolCall { id: "toolu_1".into(), name: "read_file".into(), input: json!({"path": "a.md"}) };
    let result = Block::ToolResult { id: "toolu_1".into(), content: String::new(), is_error: true };
    vec![
        Message::user("Write."),
        Message { role: Role::Assistant, blocks: vec![Block::ToolCall(call)], raw: Some(raw) },
        Message { role: Role::User, blocks: vec![Block::Text { text: "Last turn.".into() }, result], raw: None },
    ]
}

fn breakpoints(value: &Value) -> usize {
    match value {
        Value::Object(fields) => usize::from(fields.contains_key("cache_control")) + fields.values().map(breakpoints).sum::<usize>(),
        Value::Array(items) => items.iter().map(breakpoints).sum(),
        _ => 0,
    }
}

#[test]
fn anthropic_itself_gets_breakpoints_server_tools_and_eager_input() {
    let body = body(&request(conversation()), "claude-sonnet-5-5", &official());
    assert_eq!(body["system"], json!([{"type": "text", "text": "You write.", "cache_control": {"type": "ephemeral"}}]));
    assert_eq!(body["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(body["tools"][0]["eager_input_streaming"], true);
    assert_eq!(body["tools"][1], json!({"type": "web_search_20260318", "name": "web_search", "max_uses": 5}));
    assert_eq!((breakpoints(&body), body["max_tokens"].as_u64(), body["stream"].as_bool()), (3, Some(16_000), Some(true)));
    for refused in ["temperature", "top_p", "top_k", "thinking", "tool_choice", "output_config"] {
        assert!(body.get(refused).is_none(), "{refused}");
    }
}

#[test]
fn a_gateway_gets_a_breakpoint_at_the_tail_instead() {
    let body = body(&request(conversation()), "m", &Shape { official: false, ..official() });
    assert!(body.get("cache_control").is_none() && body["tools"][0].get("eager_input_streaming").is_none());
    assert!(body["messages"][2]["content"].as_array().unwrap().last().unwrap().get("cache_control").is_some());
    assert_eq!(breakpoints(&body), 3);
}

#[test]
fn a_local_server_gets_the_plain_protocol() {
    let body = body(&request(conversation()), "m", &Shape::default());
    assert_eq!(breakpoints(&body), 0);
    assert_eq!(body["tools"][1]["name"], "web_search");
    assert!(body["tools"][1].get("type").is_none());
}

#[test]
fn results_come_first_and_answers_go_back_as_they_came() {
    let body = body(&request(conversation()), "m", &Shape::default());
    let messages = body["messages"].as_array().unwrap();
    let thinking = json!({"type": "thinking", "thinking": "t", "signature": "s"});
    assert_eq!(messages[1]["content"][0], thinking);
    assert_eq!(messages[1]["content"].as_array().unwrap().len(), 2, "the blank text is left out");
    assert_eq!(
        messages[2]["content"],
        json!([
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "(no output)", "is_error": true},
            {"type": "text", "text": "Last turn."},
        ])
    );
}

#[test]
fn a_paused_answer_and_its_continuation_are_one_message() {
    let part = |text: &str| Message {
        role: Role::Assistant,
        blocks: Vec::new(),
        raw: Some(json!({"role": "assistant", "content": [{"type": "text", "text": text}]})),
    };
    let empty = Message { role: Role::Assistant, blocks: Vec::new(), raw: Some(json!({"role": "assistant", "content": []})) };
    let body = body(&request(vec![Message::user("a"), part("1"), empty, part("2"), Message::user("b")]), "m", &Shape::default());
    let roles: Vec<&str> = body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    assert_eq!(body["messages"][1]["content"].as_array().unwrap().len(), 2);
}

#[test]
fn another_providers_answer_is_told_in_neutral_words() {
    let mut messages = conversation();
    messages[1].raw = Some(json!({"role": "assistant", "content": null, "tool_calls": []}));
    let body = body(&request(messages), "m", &Shape::default());
    assert_eq!(body["messages"][1]["content"][0]["type"], "tool_use");
}

#[test]
fn a_schema_is_asked_for_as_the_output_format() {
    let mut request = request(conversation());
    request.schema = Some(json!({"type": "object"}));
    let body = body(&request, "m", &Shape::default());
    assert_eq!(body["output_config"], json!({"format": {"type": "json_schema", "schema": {"type": "object"}}}));
}

#[test]
fn the_allowed_hosts_bound_the_providers_searches() {
    let shape = Shape { allowed_hosts: vec!["*.example.com".into(), "a.org".into()], ..official() };
    let body = body(&request(conversation()), "claude-haiku-4-5", &shape);
    assert_eq!(body["tools"][1]["allowed_domains"], json!(["example.com", "a.org"]));
    assert_eq!(body["tools"][1]["type"], "web_search_20250305");
}

#[test]
fn earlier_bytes_stay_the_same_when_the_conversation_grows() {
    let strip = |mut value: Value| {
        fn without(value: &mut Value) {
            match value {
                Value::Object(fields) => {
                    fields.remove("cache_control");
                    fields.values_mut().for_each(without);
                }
                Value::Array(items) => items.iter_mut().for_each(without),
                _ => {}
            }
        }
        without(&mut value);
        value
    };
    let all = conversation();
    let short = strip(body(&request(all[..1].to_vec()), "m", &official()));
    let long = strip(body(&request(all), "m", &official()));
    for key in ["system", "tools"] {
        assert_eq!(short[key].to_string(), long[key].to_string());
    }
    assert_eq!(short["messages"][0].to_string(), long["messages"][0].to_string());
}

#[test]
fn thinking_is_taken_out_from_the_message_complained_about() {
    let request = request(conversation());
    let mut messages = messages(&request, &Shape::default());
    let first = |messages: &[Wire<'_>]| serde_json::to_value(messages).unwrap()[1]["content"][0]["type"].clone();
    without_thinking(&mut messages, 2..9);
    assert_eq!(first(&messages), "thinking");
    without_thinking(&mut messages, 1..9);
    assert_eq!(first(&messages), "tool_use");
}

#[test]
fn an_answers_own_json_is_kept_only_where_the_blocks_would_go_back_as_other_bytes() {
    let call = json!({"type": "tool_use", "id": "t1", "name": "write_file", "input": {"path": "a.md", "content": "é"}});
    let blocks = [
        Block::Text { text: "I write.".into() },
        Block::ToolCall(ToolCall { id: "t1".into(), name: "write_file".into(), input: json!({"path": "a.md", "content": "é"}) }),
    ];
    let text = json!({"type": "text", "text": "I write."});
    let said = |content: Value| json!({"role": "assistant", "content": content});
    assert_eq!(own(said(json!([text, call])), &blocks), None);
    let reordered = json!({"id": "t1", "type": "tool_use", "name": "write_file", "input": {"path": "a.md", "content": "é"}});
    let more = json!({"type": "tool_use", "id": "t1", "name": "write_file", "input": {"path": "a.md", "content": "é"}, "caller": {"type": "direct"}});
    let thinking = json!({"type": "thinking", "thinking": "t", "signature": "s"});
    for content in [json!([text, reordered]), json!([text, more]), json!([thinking, text, call]), json!([text]), json!([])] {
        assert_eq!(own(said(content.clone()), &blocks), Some(said(content)));
    }
    assert!(own(said(json!([])), &[]).is_some());
}
