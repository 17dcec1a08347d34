//! What a server says about its tools, good and hostile, and what of it reaches a model.
use super::*;

fn offer(name: &str, schema: Value) -> Offer {
    serde_json::from_value(json!({"name": name, "description": "Does it", "inputSchema": schema})).unwrap()
}

#[test]
fn names_are_what_every_provider_takes() {
    assert_eq!(name("files", "read_file"), "mcp__files__read_file");
    assert_eq!(name("files", "read.file/ü"), "mcp__files__read_file__");
    let long = name("files", &"x".repeat(200));
    assert!(long.len() <= MAX_NAME && long.starts_with("mcp__files__xxx"), "{long}");
    assert_ne!(long, name("files", &"x".repeat(201)));
}

#[test]
fn a_schema_that_cannot_be_sent_leaves_the_tool_out() {
    let large = "d".repeat(MAX_SCHEMA);
    let (tools, problems) = usable(
        "s",
        vec![
            offer("plain", json!({"type": "object", "properties": {"a": {"type": "string"}}})),
            offer("bare", json!({})),
            offer("choice", json!({"$schema": "x", "anyOf": [{"required": ["a"]}], "properties": {}})),
            offer("text", json!({"type": "string"})),
            offer("list", json!({"type": "object", "properties": []})),
            offer("large", json!({"type": "object", "description": large})),
            offer("plain", json!({})),
        ],
    );
    let names: Vec<&str> = tools.iter().map(|tool| tool.spec.name.as_str()).collect();
    assert_eq!(names, ["mcp__s__plain", "mcp__s__bare", "mcp__s__choice"]);
    assert!(
        tools
            .iter()
            .map(|tool| tool.spec.input_schema.as_value())
            .all(|schema| schema["type"] == "object" && schema["properties"].is_object())
    );
    assert!(tools[2].spec.input_schema.as_value().get("anyOf").is_none());
    assert_eq!(problems.len(), 4, "{problems:?}");
}

#[test]
fn a_tool_reads_only_if_the_server_says_so() {
    let says = |annotations: Value| {
        let offer: Offer = serde_json::from_value(json!({"name": "a", "inputSchema": {}, "annotations": annotations})).unwrap();
        is_read_only(&offer)
    };
    assert!(says(json!({"readOnlyHint": true})));
    assert!(!says(json!({"readOnlyHint": false})) && !says(json!({})) && !is_read_only(&offer("a", json!({}))));
}

fn result(value: Value) -> ToolOutcome {
    outcome("mcp__s__t", &serde_json::from_value(value).unwrap())
}

#[test]
fn results_become_text_and_are_cut() {
    let mixed = result(json!({"content": [
        {"type": "text", "text": "one"},
        {"type": "image", "data": "AAAA", "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": "file:///a", "text": "two"}},
    ]}));
    assert!(mixed.ok && mixed.content.starts_with("one\n\n[an image, image/png, 3 bytes") && mixed.content.ends_with("file:///a:\ntwo"));
    let structured = result(json!({"content": [], "structuredContent": {"a": 1}}));
    assert_eq!(structured.content, "{\"a\":1}");
    let failed = result(json!({"content": [{"type": "text", "text": "no such city"}], "isError": true}));
    assert!(!failed.ok && failed.content.contains("no such city"));
    let flood = result(json!({"content": [{"type": "text", "text": "ü".repeat(100_000)}]}));
    assert!(flood.content.len() <= MAX_RESULT_BYTES && flood.content.contains("[cut: "));
}
