//! Servers from the registries as tools of agents: what the hostile server of our own cannot prove.
use ai_orchestrator::config::Settings;
use ai_orchestrator::tools::mcp::configured;
use serde_json::{Value, json};

use crate::mcp::{LONG, Tools, start};

async fn call(tools: &Tools, tool: &str, input: Value) -> String {
    let outcome = tools.tools[tool].run(input, &tools.context()).await;
    assert!(outcome.ok, "{tool}: {}", outcome.content);
    outcome.content
}

#[tokio::test]
#[ignore = "needs servers from the registries: .ci/stages/87-mcp installs and starts them"]
async fn servers_of_others_work_as_tools() {
    let servers: Value = serde_json::from_str(&std::env::var("REAL_MCP_SERVERS").unwrap()).unwrap();
    let folder = std::env::var("REAL_MCP_FOLDER").unwrap();
    let settings = Settings { mcp_servers: servers, ..Settings::defaults("/p") };
    let specs = configured(&settings);
    assert_eq!(specs.len(), 4);
    for spec in specs {
        let name = spec.name.clone();
        let tools = start(spec, LONG).await.unwrap_or_else(|problem| panic!("{name}: {problem}"));
        println!("{name}: {} tools, problems {:?}", tools.tools.len(), tools.problems);
        match name.as_str() {
            "files" => {
                let text = call(&tools, "mcp__files__read_text_file", json!({"path": format!("{folder}/tides.txt")})).await;
                assert!(text.contains("High water is at noon."), "{text}");
                assert!(tools.tools["mcp__files__read_text_file"].is_read_only() && !tools.tools["mcp__files__write_file"].is_read_only());
                let outside = tools.tools["mcp__files__read_text_file"].run(json!({"path": "/etc/hostname"}), &tools.context()).await;
                assert!(!outside.ok, "{}", outside.content);
            }
            "fetch" => {
                let web = crate::web::pages::Pages::open(|_| vec![("/a", crate::web::pages::html("<h1>Tides</h1><p>Noon.</p>"))]).await;
                let text = call(&tools, "mcp__fetch__fetch", json!({"url": web.address("/a")})).await;
                assert!(text.contains("Noon."), "{text}");
            }
            server => {
                let tool = |tool: &str| format!("mcp__{server}__{tool}");
                assert!(call(&tools, &tool("echo"), json!({"message": "hello"})).await.contains("hello"));
                assert!(call(&tools, &tool("get-sum"), json!({"a": 2, "b": 40})).await.contains("42"));
                assert!(call(&tools, &tool("get-tiny-image"), json!({})).await.contains("[an image, image/png"));
                let slow = call(&tools, &tool("trigger-long-running-operation"), json!({"duration": 1, "steps": 4})).await;
                assert!(slow.contains('4'), "{slow}");
                let wrong = tools.tools[&tool("get-sum")].run(json!({"a": "two"}), &tools.context()).await;
                assert!(!wrong.ok, "{}", wrong.content);
            }
        }
    }
}
