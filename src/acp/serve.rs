//! From the program's streams to a connection and its end: runs that live then are paused, so that they can be resumed.
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_client_protocol::Lines;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, stdin, stdout};

use crate::sys::{Environment, RealDisk};

use super::agent::serve_lines;
use super::session::{Machine, Sessions};

/// Threads that serve; the work of runs is waiting, not computing.
const THREADS: usize = 2;
/// How long runs may take to pause when the client has gone.
const PATIENCE: Duration = Duration::from_millis(900);

/// Serves one client on standard input and output until it leaves; gives the exit code. The caller ends the process.
pub fn serve(environment: Environment, command_line: Vec<(String, Value)>, config_file: Option<PathBuf>) -> i32 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let (Ok(runtime), Ok(disk)) = (runtime, RealDisk::root()) else { return 2 };
    let machine = Machine { environment, disk, command_line, config_file };
    let code = runtime.block_on(connect(stdin(), stdout(), machine));
    // A read of standard input cannot be called off; it must not hold the process.
    runtime.shutdown_background();
    code
}

/// Serves one client over any pair of streams; 0 when it left in order.
pub async fn connect<R, W>(input: R, output: W, machine: Machine) -> i32
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let sessions = Arc::new(Sessions::new(machine));
    let incoming = futures::stream::unfold(BufReader::new(input).lines(), |mut lines| async move {
        match lines.next_line().await {
            Ok(line) => line.map(|line| (Ok(line), lines)),
            // What cannot be read is the end.
            Err(_) => None,
        }
    });
    let outgoing = futures::sink::unfold(output, |mut output, line: String| async move {
        output.write_all(line.as_bytes()).await?;
        output.write_all(b"\n").await?;
        output.flush().await?;
        Ok::<_, io::Error>(output)
    });
    let served = serve_lines(Lines::new(Box::pin(outgoing), Box::pin(incoming)), Arc::clone(&sessions)).await;
    if let Err(error) = &served {
        tracing::warn!("the connection ended: {error}");
    }
    let _ = tokio::time::timeout(PATIENCE, sessions.pause()).await;
    i32::from(served.is_err())
}
