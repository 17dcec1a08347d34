//! Tests of record and replay: a run again without its provider, and a miss that says what differs.
use std::collections::VecDeque;

use super::*;
use crate::domain::message::Brief;
use crate::domain::{Block, Message, RelPath, StepId, StopReason, Usage};
use crate::sys::RealDisk;

struct Scripted(Mutex<VecDeque<std::result::Result<Reply, CallFailure>>>);

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn default_model(&self) -> Option<String> {
        Some("m-1".into())
    }

    async fn complete(&self, _: &ModelRequest) -> std::result::Result<Reply, CallFailure> {
        self.0.lock().unwrap().pop_front().unwrap()
    }

    fn rates(&self, _: &str) -> Option<Rates> {
        Some(Rates { input: 1.0, output: 2.0 })
    }
}

fn request(text: &str) -> ModelRequest {
    let brief = Brief::new("writer", "g", StepId("s1".into()), RelPath::new("a.md").unwrap());
    ModelRequest { system: "Du schreibst.\nGut.".into(), ..ModelRequest::new(brief, vec![Message::user(text)]) }
}

fn reply(text: &str) -> Reply {
    Reply {
        blocks: vec![Block::Text { text: text.into() }],
        stop: StopReason::EndTurn,
        usage: Usage { input_tokens: 3, ..Usage::default() },
        cost_usd: Some(0.1 + 0.2),
        request_id: Some("req_1".into()),
        raw: Some(serde_json::json!({"role": "assistant", "z": 1.1, "a": [text]})),
    }
}

struct Scratch {
    folder: tempfile::TempDir,
    disk: Arc<dyn Disk>,
}

fn scratch() -> Scratch {
    Scratch { folder: tempfile::tempdir().unwrap(), disk: RealDisk::root().unwrap() }
}

impl Scratch {
    fn record(&self, script: Vec<std::result::Result<Reply, CallFailure>>) -> Recording {
        let inner = Arc::new(Scripted(Mutex::new(script.into())));
        Recording::open(inner, &self.disk, &self.folder.path().join("rec"), vec![Secret::new("sk-canary-9").unwrap()]).unwrap()
    }

    fn replay(&self) -> Replay {
        Replay::open(&self.disk, &self.folder.path().join("rec")).unwrap()
    }

    fn all(&self) -> String {
        let folder = self.disk.open(&self.folder.path().join("rec")).unwrap();
        let names = folder.list("").unwrap();
        names.iter().map(|(name, _)| String::from_utf8(folder.read(name, MAX_FILE).unwrap()).unwrap()).collect()
    }
}

#[tokio::test]
async fn what_was_recorded_comes_back_to_the_byte_and_in_order() {
    let scratch = scratch();
    let doomed = CallFailure::new(FailureClass::Doomed, "no");
    let recording = scratch.record(vec![Ok(reply("one")), Ok(reply("two")), Ok(reply("other")), Err(doomed.clone())]);
    for text in ["a", "a", "b", "c"] {
        let _ = recording.complete(&request(text)).await;
    }
    let replay = scratch.replay();
    assert_eq!(
        (replay.name(), replay.default_model(), replay.rates("m-1")),
        ("anthropic", Some("m-1".into()), Some(Rates { input: 1.0, output: 2.0 }))
    );
    assert_eq!(replay.complete(&request("b")).await, Ok(reply("other")));
    assert_eq!(replay.complete(&request("a")).await, Ok(reply("one")));
    assert_eq!(replay.complete(&request("a")).await, Ok(reply("two")));
    assert_eq!(replay.complete(&request("c")).await, Err(doomed));
    assert!(replay.complete(&request("a")).await.unwrap_err().message.contains("recorded 2 times"));
}

#[tokio::test]
async fn failures_that_pass_are_not_kept() {
    let scratch = scratch();
    let recording = scratch.record(vec![Err(CallFailure::new(FailureClass::Throttled, "slow")), Ok(reply("one"))]);
    assert!(recording.complete(&request("a")).await.is_err());
    assert!(recording.complete(&request("a")).await.is_ok());
    assert_eq!(scratch.replay().complete(&request("a")).await, Ok(reply("one")));
}

#[tokio::test]
async fn a_miss_shows_how_it_differs_from_the_nearest_recording() {
    let scratch = scratch();
    let recording = scratch.record(vec![Ok(reply("one"))]);
    recording.complete(&request("Write about 2025.")).await.unwrap();
    let failure = scratch.replay().complete(&request("Write about 2026.")).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Doomed);
    assert!(
        failure.message.contains("- \"text\": \"Write about 2025.\"") && failure.message.contains("+ \"text\": \"Write about 2026.\""),
        "{}",
        failure.message
    );
    assert!(failure.message.lines().count() < 6, "{}", failure.message);
}

#[tokio::test]
async fn no_key_gets_into_a_recording() {
    let scratch = scratch();
    let recording = scratch.record(vec![Ok(reply("the key is sk-canary-9"))]);
    recording.complete(&request("use sk-canary-9")).await.unwrap();
    assert!(!scratch.all().contains("canary") && scratch.all().contains("[key]"));
}

#[test]
fn a_folder_without_recordings_is_a_configuration_error() {
    let scratch = scratch();
    let error = Replay::open(&scratch.disk, scratch.folder.path()).err().unwrap();
    assert_eq!(error.kind, crate::domain::ErrorKind::Configuration);
}
