//! What a server may send from one call to the next, counted on both ways: a program's output and the streams of an HTTP server. Knows no tool.
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::stream::BoxStream;
use rmcp::model::ClientJsonRpcMessage;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
};
use sse_stream::Sse;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Notify;

use crate::sys::http::{HeaderName, HeaderValue};

/// What a server may send from one call to the next, in bytes.
pub(super) const MAX_BYTES_A_CALL: i64 = 32 * 1024 * 1024;
/// What an event costs beside its data: servers could send empty ones without end.
const EVENT_COST: usize = 32;

/// Counts what arrives.
pub(super) struct Meter {
    left: AtomicI64,
    spent: Notify,
}

impl Meter {
    pub fn new() -> Arc<Meter> {
        Arc::new(Meter { left: AtomicI64::new(MAX_BYTES_A_CALL), spent: Notify::new() })
    }

    /// A call begins: what may come is counted anew. What was too much before stays too much.
    pub fn refill(&self) {
        if !self.is_spent() {
            self.left.store(MAX_BYTES_A_CALL, Ordering::Relaxed);
        }
    }

    pub fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) <= 0
    }

    /// Returns when too much has come.
    pub async fn is_too_much(&self) {
        let heard = self.spent.notified();
        tokio::pin!(heard);
        heard.as_mut().enable();
        if !self.is_spent() {
            heard.await;
        }
    }

    fn take(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.left.fetch_sub(bytes, Ordering::Relaxed) <= bytes {
            self.spent.notify_waiters();
        }
    }
}

/// A program's output; at the end of the allowance it ends.
pub(super) struct Metered<R> {
    pub inner: R,
    pub meter: Arc<Meter>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Metered<R> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.meter.is_spent() {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.meter.take(buffer.filled().len() - before);
        polled
    }
}

/// An HTTP client whose streams are counted; at the end of the allowance they end, and nothing more is asked for.
#[derive(Clone)]
pub(super) struct MeteredHttp<C> {
    pub inner: C,
    pub meter: Arc<Meter>,
}

type Headers = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

impl<C> MeteredHttp<C> {
    fn counted(&self, events: Events) -> Events {
        let meter = Arc::clone(&self.meter);
        let within = move |event: &Result<Sse, SseError>| {
            let bytes = event.as_ref().map_or(0, |event| event.data.as_ref().map_or(0, String::len));
            meter.take(bytes + EVENT_COST);
            std::future::ready(!meter.is_spent())
        };
        events.take_while(within).boxed()
    }
}

impl<C: StreamableHttpClient + Sync> StreamableHttpClient for MeteredHttp<C> {
    type Error = C::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        authorization: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, StreamableHttpError<C::Error>> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session, authorization, headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        authorization: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, StreamableHttpError<C::Error>> {
        let sent = self.inner.post_message_with_response_limits(uri, message, session, authorization, headers, limits).await?;
        Ok(match sent {
            StreamableHttpPostResponse::Sse(events, session) => StreamableHttpPostResponse::Sse(self.counted(events), session),
            other => other,
        })
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        authorization: Option<String>,
        headers: Headers,
    ) -> Result<(), StreamableHttpError<C::Error>> {
        self.inner.delete_session(uri, session, authorization, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        authorization: Option<String>,
        headers: Headers,
    ) -> Result<Events, StreamableHttpError<C::Error>> {
        let limit = StreamableHttpResponseLimits::default().max_sse_event_size;
        self.get_stream_with_max_sse_event_size(uri, session, last, authorization, headers, limit).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        authorization: Option<String>,
        headers: Headers,
        limit: usize,
    ) -> Result<Events, StreamableHttpError<C::Error>> {
        if self.meter.is_spent() {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let events = self.inner.get_stream_with_max_sse_event_size(uri, session, last, authorization, headers, limit).await?;
        Ok(self.counted(events))
    }
}
