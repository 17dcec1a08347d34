//! From the program's streams to a connection and its end: runs that live then are paused, so that they can be resumed.
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::service::ServiceExt;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, stdin, stdout};

use crate::orchestrator::Host;
use crate::sys::{Environment, RealDisk};

use super::server::Server;

/// Threads that serve; the work of runs is waiting, not computing.
const THREADS: usize = 2;
/// How long runs may take to pause when the client has gone.
const PATIENCE: Duration = Duration::from_millis(900);

/// Serves one client on standard input and output until it leaves; gives the exit code. The caller ends the process.
pub fn serve(environment: Environment, command_line: Vec<(String, Value)>, config_file: Option<PathBuf>) -> i32 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let (Ok(runtime), Ok(disk)) = (runtime, RealDisk::root()) else { return 2 };
    let host = Arc::new(Host::new(environment, disk, command_line, config_file));
    let code = runtime.block_on(connect(stdin(), stdout(), host));
    // A read of standard input cannot be called off; it must not hold the process.
    runtime.shutdown_background();
    code
}

/// Serves one client over any pair of streams; 0 when it left in order, 2 when it spoke no MCP.
pub async fn connect<R, W>(input: R, output: W, host: Arc<Host>) -> i32
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let transport = AsyncRwTransport::<RoleServer, _, _>::new(input, output);
    let code = match (Server { host: Arc::clone(&host) }).serve(transport).await {
        Ok(service) => i32::from(service.waiting().await.is_err()),
        Err(error) => {
            tracing::warn!("the client did not shake hands: {error}");
            2
        }
    };
    let _ = tokio::time::timeout(PATIENCE, host.pause_runs()).await;
    code
}
