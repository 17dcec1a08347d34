//! The model server of the benches as a process of its own: `cargo run --release --example model_server -- [LATENCY_MS]` prints its URL and answers.
//! `GET /count` tells how many answers it gave.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example of its own process reads its arguments"
)]
use std::sync::Arc;
use std::time::Duration;

#[path = "../benches/support/model.rs"]
mod model;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let latency = std::env::args().nth(1).map_or(Ok(0), |ms| ms.parse())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    model::serve(listener, Duration::from_millis(latency), Arc::default()).await;
    Ok(())
}
