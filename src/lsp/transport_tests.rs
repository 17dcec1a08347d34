//! The dispatcher against handlers that misbehave in every way that stalls or kills a server.
use std::sync::Mutex;

use tokio::io::{AsyncWriteExt, DuplexStream};
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{InitializeParams, InitializeResult};

use super::super::editor::Answer;
use super::super::frame::encode;
use super::*;

/// A server whose handlers misbehave in every way that stalls or kills the crate's own loop.
struct Odd {
    editor: Editor,
    seen: Arc<Mutex<Vec<i64>>>,
}

#[tower_lsp::async_trait]
impl LanguageServer for Odd {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        Ok(InitializeResult::default())
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
}

impl Odd {
    async fn panics(&self) -> Result<()> {
        panic!("a defect")
    }

    async fn waits(&self) -> Result<()> {
        std::future::pending().await
    }

    async fn asks(&self) -> Result<Value> {
        match self.editor.ask("test/question", &Value::Null, Duration::from_secs(5)).await {
            Answer::Result(result) => Ok(result),
            other => Ok(json!(format!("{other:?}"))),
        }
    }

    async fn quick(&self) -> Result<i64> {
        Ok(i64::try_from(self.seen.lock().unwrap().len()).unwrap())
    }

    async fn counts(&self, number: i64) {
        self.seen.lock().unwrap().push(number);
        tokio::task::yield_now().await;
    }
}

struct Peer {
    input: DuplexStream,
    output: FrameReader<DuplexStream>,
    ending: tokio::task::JoinHandle<Ending>,
    seen: Arc<Mutex<Vec<i64>>>,
}

impl Peer {
    async fn start() -> Peer {
        let (input, server_input) = tokio::io::duplex(1 << 16);
        let (server_output, output) = tokio::io::duplex(1 << 16);
        let outbox = Outbox::default();
        let editor = Editor::new(outbox.clone());
        let (odd_editor, seen) = (editor.clone(), Arc::new(Mutex::new(Vec::new())));
        let odd_seen = seen.clone();
        let (service, _socket) = LspService::build(move |_| Odd { editor: odd_editor, seen: odd_seen })
            .custom_method("test/panics", Odd::panics)
            .custom_method("test/waits", Odd::waits)
            .custom_method("test/asks", Odd::asks)
            .custom_method("test/quick", Odd::quick)
            .custom_method("test/counts", Odd::counts)
            .finish();
        let surroundings = Surroundings {
            raw_initialize: Arc::default(),
            // The process with the id 1 is dead at once, all others live for ever.
            parent_gone: Box::new(
                |process| if process == 1 { futures::future::ready(()).boxed() } else { futures::future::pending().boxed() },
            ),
            patch: Arc::new(|_, _| {}),
        };
        let transport = Transport::new(service, outbox, editor, surroundings);
        let ending = tokio::spawn(async move { transport.run(server_input, server_output, async {}).await });
        let mut peer = Peer { input, output: FrameReader::new(output), ending, seen };
        peer.send(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}})).await;
        assert!(peer.next().await["result"].is_object());
        peer
    }

    async fn send(&mut self, message: Value) {
        self.input.write_all(&encode(&message)).await.unwrap();
    }

    async fn request(&mut self, id: i64, method: &str) {
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method})).await;
    }

    async fn next(&mut self) -> Value {
        match tokio::time::timeout(Duration::from_secs(60), self.output.next()).await {
            Ok(Some(Frame::Message(message))) => message,
            other => panic!("no message but {other:?}"),
        }
    }

    /// The server still answers.
    async fn is_alive(&mut self) {
        self.request(999, "test/quick").await;
        assert_eq!(self.next().await["id"], 999);
    }
}

#[tokio::test(start_paused = true)]
async fn notifications_are_done_in_order_and_before_the_request_that_follows() {
    let mut peer = Peer::start().await;
    for number in 0..400 {
        peer.send(json!({"jsonrpc": "2.0", "method": "test/counts", "params": number})).await;
    }
    peer.request(1, "test/quick").await;
    assert_eq!(peer.next().await["result"], 400);
    assert_eq!(*peer.seen.lock().unwrap(), (0..400).collect::<Vec<i64>>());
}

#[tokio::test(start_paused = true)]
async fn a_dozen_handlers_that_wait_for_the_editor_block_nobody() {
    let mut peer = Peer::start().await;
    for id in 1..=12 {
        peer.request(id, "test/asks").await;
    }
    let mut questions = Vec::new();
    for _ in 0..12 {
        let question = peer.next().await;
        assert_eq!(question["method"], "test/question");
        questions.push(question["id"].clone());
    }
    for number in 0..150 {
        peer.send(json!({"jsonrpc": "2.0", "method": "test/counts", "params": number})).await;
    }
    peer.is_alive().await;
    for question in questions {
        peer.send(json!({"jsonrpc": "2.0", "id": question, "result": "yes"})).await;
    }
    for _ in 0..12 {
        assert_eq!(peer.next().await["result"], "yes");
    }
}

#[tokio::test(start_paused = true)]
async fn cancel_is_answered_at_once_and_a_late_second_or_unknown_reply_of_the_editor_is_ignored() {
    let mut peer = Peer::start().await;
    peer.request(1, "test/asks").await;
    let question = peer.next().await["id"].clone();
    peer.send(json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1}})).await;
    let mut got = [peer.next().await, peer.next().await];
    got.sort_by_key(|message| message.get("method").is_some());
    assert_eq!(got[0]["error"]["code"], -32800);
    assert_eq!((&got[1]["method"], &got[1]["params"]["id"]), (&json!("$/cancelRequest"), &question), "our question is withdrawn");
    for id in [question.clone(), question, json!(77), json!("seven"), json!(null)] {
        peer.send(json!({"jsonrpc": "2.0", "id": id, "result": {"title": null}})).await;
    }
    peer.send(json!({"jsonrpc": "2.0", "id": 5})).await;
    // A null id belongs to nobody: it is either ignored or refused, but never harmful.
    peer.request(2, "test/quick").await;
    loop {
        let message = peer.next().await;
        if message["id"] == 2 {
            break;
        }
        assert_eq!(message["id"], Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn an_editor_that_never_answers_is_given_up_and_told() {
    let mut peer = Peer::start().await;
    peer.request(1, "test/asks").await;
    let question = peer.next().await["id"].clone();
    let mut rest = [peer.next().await, peer.next().await];
    rest.sort_by_key(|message| message.get("method").is_some());
    assert_eq!(rest[0]["result"], "Nothing");
    assert_eq!(rest[1], json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": question}}));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_of_its_request_alone() {
    let mut peer = Peer::start().await;
    peer.request(1, "test/panics").await;
    let answer = peer.next().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(-32603)));
    peer.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_refused_and_a_slow_one_is_ended() {
    let mut peer = Peer::start().await;
    for id in 1..=70 {
        peer.request(id, "test/waits").await;
    }
    for id in 65..=70 {
        let answer = peer.next().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32803)));
    }
    let before = tokio::time::Instant::now();
    for _ in 1..=64 {
        assert_eq!(peer.next().await["error"]["code"], -32803);
    }
    assert_eq!(before.elapsed().as_secs(), 10);
    peer.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_parent_and_a_closed_output_end_the_connection() {
    let Peer { mut input, output, ending, .. } = Peer::start().await;
    drop(output);
    input.write_all(&encode(&json!({"jsonrpc": "2.0", "id": 1, "method": "test/quick"}))).await.unwrap();
    assert_eq!(ending.await.unwrap(), Ending::Abrupt);

    let (mut input, server_input) = tokio::io::duplex(1 << 16);
    let (server_output, _output) = tokio::io::duplex(1 << 16);
    let outbox = Outbox::default();
    let editor = Editor::new(outbox.clone());
    let (service, _socket) = LspService::build({
        let editor = editor.clone();
        move |_| Odd { editor, seen: Arc::default() }
    })
    .finish();
    let surroundings = Surroundings {
        raw_initialize: Arc::default(),
        parent_gone: Box::new(|_| futures::future::ready(()).boxed()),
        patch: Arc::new(|_, _| {}),
    };
    let running = tokio::spawn(Transport::new(service, outbox, editor, surroundings).run(server_input, server_output, async {}));
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"processId": 1, "capabilities": {}}});
    input.write_all(&encode(&initialize)).await.unwrap();
    assert_eq!(running.await.unwrap(), Ending::Abrupt);
}
