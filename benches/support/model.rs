//! A model server for measuring: loopback only, speaks the streaming forms of Anthropic and OpenAI, answers the reference work. Checks nothing.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of the file that each step writes.
pub const FILE_BYTES: usize = 2048;

/// Answers until the task is dropped. A conversation without a tool's result gets one write_file, any other a closing text.
/// Every answer begins `latency` after its request is read; `requests` counts the answers.
pub async fn serve(listener: TcpListener, latency: Duration, requests: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, latency, Arc::clone(&requests)));
    }
}

async fn connection(mut stream: TcpStream, latency: Duration, requests: Arc<AtomicU64>) {
    let mut buffer = Vec::with_capacity(64 * 1024);
    while let Some((path, body)) = read_request(&mut stream, &mut buffer).await {
        if path == "/count" {
            let count = format!("{{\"requests\":{}}}", requests.load(Ordering::SeqCst));
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", count.len());
            if stream.write_all(format!("{head}{count}").as_bytes()).await.is_err() {
                return;
            }
            continue;
        }
        requests.fetch_add(1, Ordering::SeqCst);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let answer = answer(&path, &body);
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// A request: its path and body; `None` where the client leaves.
pub async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).to_ascii_lowercase();
    let path = head.split_whitespace().nth(1)?.to_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok()).unwrap_or(0);
    while buffer.len() < head_end + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer[head_end..head_end + length].to_vec();
    buffer.drain(..head_end + length);
    Some((path, body))
}

/// The whole answer, chunked as a real server does it, one chunk for each event.
pub fn answer(path: &str, body: &[u8]) -> Vec<u8> {
    let body = String::from_utf8_lossy(body);
    let output = between(&body, "Write the result to `", "`").unwrap_or("output.md");
    let events = if path.ends_with("/messages") {
        anthropic(output, body.contains("\"tool_result\""))
    } else {
        openai(output, body.contains("\"role\":\"tool\"") || body.contains("\"role\": \"tool\""))
    };
    let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for event in events {
        bytes.extend_from_slice(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

/// The input of the call, in pieces of about 256 bytes.
fn pieces(output: &str) -> Vec<String> {
    let line = "The sea rises and falls twice a day, and the moon is why.\\n";
    let mut content = line.repeat(FILE_BYTES / (line.len() - 1) + 1);
    content.truncate(FILE_BYTES / (line.len() - 1) * line.len());
    let input = format!("{{\"path\": \"{output}\", \"content\": \"{content}\"}}");
    input.as_bytes().chunks(256).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const CLOSING: &str = "The step is done. Its file holds what was found.";

fn anthropic(output: &str, closing: bool) -> Vec<String> {
    let event = |name: &str, data: String| format!("event: {name}\ndata: {data}\n\n");
    let start = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":900,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}"#;
    let mut events = vec![event("message_start", start.into())];
    let (block, deltas, stop) = if closing {
        let delta = format!(r#"{{"type":"text_delta","text":{}}}"#, quoted(CLOSING));
        (r#"{"type":"text","text":""}"#, vec![delta], "end_turn")
    } else {
        let delta = |piece: String| format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, quoted(&piece));
        let block = r#"{"type":"tool_use","id":"toolu_1","name":"write_file","input":{}}"#;
        (block, pieces(output).into_iter().map(delta).collect(), "tool_use")
    };
    events.push(event("content_block_start", format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#)));
    for delta in deltas {
        events.push(event("content_block_delta", format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#)));
    }
    events.push(event("content_block_stop", r#"{"type":"content_block_stop","index":0}"#.into()));
    let end =
        format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{stop}","stop_sequence":null}},"usage":{{"output_tokens":600}}}}"#);
    events.push(event("message_delta", end));
    events.push(event("message_stop", r#"{"type":"message_stop"}"#.into()));
    events
}

fn openai(output: &str, closing: bool) -> Vec<String> {
    let chunk = |delta: String, finish: &str| {
        format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let mut events = Vec::new();
    if closing {
        events.push(chunk(format!("{{\"role\":\"assistant\",\"content\":{}}}", quoted(CLOSING)), "null"));
    } else {
        let call = r#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"write_file","arguments":""}}]}"#;
        events.push(chunk(call.into(), "null"));
        for piece in pieces(output) {
            let delta = format!("{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":{}}}}}]}}", quoted(&piece));
            events.push(chunk(delta, "null"));
        }
    }
    events.push(chunk("{}".into(), if closing { "\"stop\"" } else { "\"tool_calls\"" }));
    events.push("data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":600,\"total_tokens\":1500}}\n\n".into());
    events.push("data: [DONE]\n\n".into());
    events
}
