//! The share of repeated prompt that a provider's cache can serve, computed from the requests by the rules of Anthropic's prompt caching.
use std::collections::BTreeSet;

use ai_orchestrator::domain::{Block, ModelRequest};
use ai_orchestrator::llm::Provider;
use serde_json::Value;

use crate::providers::{anthropic, continued, fixture, request};
use crate::support::model_server::{ModelServer, Scripted};

/// A request as the cache sees it: blocks in the order tools, system, messages, and which of them carry a breakpoint.
fn blocks(body: &Value) -> Vec<(String, bool)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut blocks: Vec<Value> = list(&body["tools"]);
    blocks.extend(list(&body["system"]));
    for message in list(&body["messages"]) {
        blocks.extend(list(&message["content"]));
    }
    let plain = |mut block: Value| {
        let marked = block.as_object_mut().unwrap().remove("cache_control").is_some();
        (block.to_string(), marked)
    };
    blocks.into_iter().map(plain).collect()
}

/// Blocks that stand before a breakpoint at which a lookup still finds an entry.
const LOOK_BACK: usize = 20;

/// Bytes served from the cache, and bytes that were in the request before as well.
fn served_and_repeated(bodies: &[Value]) -> (usize, usize) {
    let mut entries: BTreeSet<String> = BTreeSet::new();
    let mut before: Vec<(String, bool)> = Vec::new();
    let (mut served, mut repeated) = (0, 0);
    for body in bodies {
        let now = blocks(body);
        let prefix = |count: usize| now[..count].iter().map(|(text, _)| text.as_str()).collect::<String>();
        let same = before.iter().zip(&now).take_while(|(left, right)| left.0 == right.0).count();
        repeated += prefix(same).len();
        let marked: Vec<usize> = (1..=now.len()).filter(|count| now[count - 1].1).collect();
        let hit = marked
            .iter()
            .flat_map(|count| (count.saturating_sub(LOOK_BACK)..=*count).rev())
            .filter(|count| entries.contains(&prefix(*count)));
        served += hit.max().map_or(0, |count| prefix(count).len());
        entries.extend(marked.iter().map(|count| prefix(*count)));
        before = now;
    }
    (served, repeated)
}

#[tokio::test]
async fn an_agent_of_four_turns_reads_nine_tenths_of_its_repeated_prompt_from_the_cache() {
    let answers = ["tool_use", "thinking", "parallel_tools", "text"].map(|name| Scripted::stream(fixture("anthropic", name)));
    let server = ModelServer::start(answers.to_vec()).await;
    let provider = anthropic(&server);
    let mut next = ModelRequest { system: "You write. ".repeat(400), ..request("Do the step.") };
    for _ in 0..4 {
        let reply = provider.complete(&next).await.unwrap();
        next = continued(next, &reply);
        for block in next.messages.last_mut().into_iter().flat_map(|message| &mut message.blocks) {
            if let Block::ToolResult { content, .. } = block {
                *content = "A line of a file that was read.\n".repeat(80);
            }
        }
    }
    let (served, repeated) = served_and_repeated(&server.bodies());
    assert!(repeated > 20_000, "{repeated}");
    assert!(served * 100 >= repeated * 90, "{served} of {repeated} bytes");
}
