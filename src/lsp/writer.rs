//! What goes out: two lanes, answers before notices, written in batches. Never blocks who puts a message in; knows nothing of what the messages mean.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::frame::encode;

/// One write takes up to this many bytes.
const BATCH_BYTES: usize = 64 * 1024;
/// With more than this waiting, messages that only inform are dropped.
const CROWDED_BYTES: usize = 4 * 1024 * 1024;
/// With more than this waiting, nothing more is read until the client reads.
const FULL_BYTES: usize = 32 * 1024 * 1024;

/// Which queue a message takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Answers to the client's requests: first, and never dropped.
    Answer,
    /// Requests and notifications of ours, in order.
    Notice,
    /// A notice that a later one replaces (progress, logs): dropped while the client does not read.
    Fleeting,
}

#[derive(Debug, Default)]
struct Lanes {
    answers: VecDeque<Vec<u8>>,
    notices: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
    closed: bool,
    failed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    lanes: Mutex<Lanes>,
    /// Something was put in, or the outbox was closed.
    filled: Notify,
    /// Something was written, or writing failed.
    emptied: Notify,
}

/// Where messages for the client are put. All clones share one queue.
#[derive(Debug, Clone, Default)]
pub struct Outbox(Arc<Shared>);

impl Outbox {
    pub fn push(&self, lane: Lane, message: &Value) {
        let bytes = encode(message);
        let mut lanes = self.lanes();
        if lanes.closed || lanes.failed {
            return;
        }
        if lane == Lane::Fleeting && lanes.bytes > CROWDED_BYTES {
            lanes.dropped += 1;
            tracing::debug!(dropped = lanes.dropped, "the client does not read: a fleeting notice was dropped");
            return;
        }
        lanes.bytes += bytes.len();
        match lane {
            Lane::Answer => lanes.answers.push_back(bytes),
            Lane::Notice | Lane::Fleeting => lanes.notices.push_back(bytes),
        }
        drop(lanes);
        self.0.filled.notify_one();
    }

    /// Nothing more is taken; what is queued is still written.
    pub fn close(&self) {
        self.lanes().closed = true;
        self.0.filled.notify_one();
    }

    /// Returns once there is room for the answers to what will be read next.
    pub async fn room(&self) {
        self.wait_for(|lanes| lanes.bytes < FULL_BYTES || lanes.failed).await;
    }

    /// Returns once the client can no longer be written to.
    pub async fn failed(&self) {
        self.wait_for(|lanes| lanes.failed).await;
    }

    async fn wait_for(&self, is_so: impl Fn(&Lanes) -> bool) {
        loop {
            let emptied = self.0.emptied.notified();
            tokio::pin!(emptied);
            // Registered before looking, so that a change in between is not missed.
            emptied.as_mut().enable();
            if is_so(&self.lanes()) {
                return;
            }
            emptied.await;
        }
    }

    /// Writes until the outbox is closed and empty, or the client goes away.
    pub async fn write_to<W: AsyncWrite + Unpin>(self, mut output: W) {
        while let Some(batch) = self.next_batch().await {
            let written = match output.write_all(&batch).await {
                Ok(()) => output.flush().await,
                error => error,
            };
            let mut lanes = self.lanes();
            lanes.bytes = lanes.bytes.saturating_sub(batch.len());
            lanes.failed = written.is_err();
            let failed = lanes.failed;
            drop(lanes);
            self.0.emptied.notify_waiters();
            if failed {
                return;
            }
        }
    }

    async fn next_batch(&self) -> Option<Vec<u8>> {
        loop {
            {
                let mut lanes = self.lanes();
                if let Some(batch) = lanes.take_batch() {
                    return Some(batch);
                }
                if lanes.closed {
                    return None;
                }
            }
            self.0.filled.notified().await;
        }
    }

    /// Everything queued, as messages.
    #[cfg(test)]
    pub fn drain(&self) -> Vec<Value> {
        let mut lanes = self.lanes();
        let queued: Vec<Vec<u8>> = std::mem::take(&mut lanes.answers).into_iter().chain(std::mem::take(&mut lanes.notices)).collect();
        lanes.bytes = 0;
        let body = |frame: Vec<u8>| {
            let start = frame.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0) + 4;
            serde_json::from_slice(&frame[start..]).unwrap_or_default()
        };
        queued.into_iter().map(body).collect()
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn take_batch(&mut self) -> Option<Vec<u8>> {
        let mut batch = self.answers.pop_front().or_else(|| self.notices.pop_front())?;
        while batch.len() < BATCH_BYTES {
            match self.answers.pop_front().or_else(|| self.notices.pop_front()) {
                Some(next) => batch.extend_from_slice(&next),
                None => break,
            }
        }
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn answers_overtake_notices_and_all_are_written_before_the_end() {
        let outbox = Outbox::default();
        outbox.push(Lane::Notice, &json!("first notice"));
        outbox.push(Lane::Fleeting, &json!("second notice"));
        outbox.push(Lane::Answer, &json!("answer"));
        outbox.close();
        outbox.push(Lane::Answer, &json!("too late"));
        let mut written = Vec::new();
        outbox.write_to(&mut written).await;
        let text = String::from_utf8(written).unwrap();
        let place = |word: &str| text.find(word).unwrap_or(usize::MAX);
        assert!(place("answer") < place("first notice") && place("first notice") < place("second notice"), "{text}");
        assert!(!text.contains("too late"));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_costs_bounded_memory_and_no_answer() {
        let outbox = Outbox::default();
        let long = json!("x".repeat(100_000));
        for _ in 0..200 {
            outbox.push(Lane::Fleeting, &long);
        }
        outbox.push(Lane::Answer, &json!("kept"));
        assert!(outbox.lanes().dropped > 100);
        assert!(outbox.lanes().bytes < CROWDED_BYTES + 300_000);
        assert_eq!(outbox.lanes().answers.len(), 1);
    }

    #[tokio::test]
    async fn a_client_that_went_away_is_noticed() {
        let outbox = Outbox::default();
        let (near, mut far) = tokio::io::duplex(64);
        let writing = tokio::spawn(outbox.clone().write_to(near));
        outbox.push(Lane::Notice, &json!("hello"));
        let mut some = [0; 8];
        far.read_exact(&mut some).await.unwrap();
        drop(far);
        outbox.push(Lane::Notice, &json!("x".repeat(1000)));
        outbox.failed().await;
        writing.await.unwrap();
    }
}
