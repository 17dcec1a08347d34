//! Joins the parts for one connection: transport, router, loop. Knows each part's door and nothing of what happens behind it.
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use futures::future::Either;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, stdin, stdout};
use tower_lsp::LspService;

use crate::sys::parent::parent_gone;
use crate::sys::{Environment, RealDisk};

use super::actions::{KIND_RUN, KIND_SELECTION};
use super::client::Client;
use super::editor::Editor;
use super::main_loop::{self, Inputs};
use super::server::Server;
use super::setup::Machine;
use super::state::State;
use super::transport::{Ending, Patch, Surroundings, Transport};
use super::writer::Outbox;

/// Threads that serve; the work of runs is waiting, not computing.
const THREADS: usize = 2;

/// Serves one client on standard input and output until it leaves; gives the exit code. The caller ends the process.
pub fn serve(environment: Environment, command_line: Vec<(String, Value)>, config_file: Option<PathBuf>) -> i32 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let (runtime, disk) = match (runtime, RealDisk::root()) {
        (Ok(runtime), Ok(disk)) => (runtime, disk),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!("the language server cannot start: {error}");
            return 2;
        }
    };
    let ending = runtime.block_on(connect(stdin(), stdout(), Machine { command_line, config_file, ..Machine::new(environment, disk) }));
    // A read of standard input cannot be called off; it must not hold the process.
    runtime.shutdown_background();
    ending.code()
}

/// Serves one client over any pair of streams.
pub async fn connect<R, W>(input: R, output: W, machine: Machine) -> Ending
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let outbox = Outbox::default();
    let editor = Editor::new(outbox.clone());
    let (inputs, receiver) = Inputs::channel();
    let raw_initialize: Arc<OnceLock<Value>> = Arc::default();
    let state = State::new(editor.clone(), inputs.clone(), raw_initialize.clone(), machine);
    // Never cut short for the sake of other tasks: what it does for one input is little.
    let looping = tokio::task::unconstrained(main_loop::run(state, receiver));

    let face = inputs.clone();
    // The crate's own `Client` is not used: its answers go through a table that panics on a late one.
    let (service, _socket) = LspService::build(move |_client| Server { inputs: face })
        .custom_method("window/workDoneProgress/cancel", Server::progress_cancelled)
        .finish();
    let raw = raw_initialize.clone();
    let surroundings = Surroundings { raw_initialize, parent_gone: Box::new(|process| parent_gone(process).boxed()), patch: patch(raw) };
    let serving = Transport::new(service, outbox, editor, surroundings).run(input, output, inputs.leave());
    // One task for both: on its way from the client to the loop and back a message waits for no thread that works for a run.
    match futures::future::select(std::pin::pin!(serving), std::pin::pin!(looping)).await {
        Either::Left((ending, _)) => ending,
        Either::Right(((), serving)) => serving.await,
    }
}

/// Adds what the protocol types of the crate cannot say.
fn patch(raw_initialize: Arc<OnceLock<Value>>) -> Patch {
    // The capabilities are large; what matters of them here is read once.
    let takes_tags: OnceLock<bool> = OnceLock::new();
    Arc::new(move |method, result| {
        if method != "textDocument/codeAction" {
            return;
        }
        let Some(raw) = raw_initialize.get() else { return };
        if !*takes_tags.get_or_init(|| Client::new(raw).takes_action_tags()) {
            return;
        }
        for action in result.as_array_mut().into_iter().flatten() {
            // 1 is `LLMGenerated` (3.18): what follows was made by a model.
            if action.get("kind").and_then(Value::as_str).is_some_and(|kind| kind == KIND_RUN || kind == KIND_SELECTION) {
                action["tags"] = json!([1]);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;

    use super::super::frame::{Frame, FrameReader, encode};
    use super::*;

    #[test]
    fn an_answer_waits_for_no_thread_that_works_for_a_run() {
        let (told, ending) = mpsc::channel();
        let (release, held) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let (begun, begins) = mpsc::channel();
            // The only worker does something long.
            runtime.spawn(async move {
                begun.send(()).unwrap();
                let _ = held.recv();
            });
            begins.recv().unwrap();
            let machine = Machine::new(Environment::new([], "/nowhere"), RealDisk::root().unwrap());
            let (mut input, server_input) = tokio::io::duplex(1 << 16);
            let (server_output, output) = tokio::io::duplex(1 << 16);
            let client = async {
                let mut output = FrameReader::new(output);
                for (id, method) in [(1, "initialize"), (2, "textDocument/hover"), (3, "shutdown")] {
                    let place = json!({"textDocument": {"uri": "file:///a.md"}, "position": {"line": 0, "character": 0}});
                    let params = if id == 2 { place } else { json!({"capabilities": {}}) };
                    input.write_all(&encode(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))).await.unwrap();
                    let answer = output.next().await;
                    assert!(matches!(&answer, Some(Frame::Message(message)) if message["id"] == id), "{answer:?}");
                }
                input.write_all(&encode(&json!({"jsonrpc": "2.0", "method": "exit"}))).await.unwrap();
            };
            let (ending, ()) = runtime.block_on(async { futures::join!(connect(server_input, server_output, machine), client) });
            told.send(ending).unwrap();
            // Its worker is still held.
            runtime.shutdown_background();
        });
        assert_eq!(ending.recv_timeout(Duration::from_secs(60)), Ok(Ending::Clean));
        drop(release);
    }
}
