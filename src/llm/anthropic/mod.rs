//! Anthropic's Messages API, streaming: requests, the stream's grammar, errors. The table of contents.
mod errors;
mod messages;
mod provider;
mod request;
mod stream;

pub use provider::{API_VERSION, Anthropic, DEFAULT_BASE_URL, DEFAULT_MODEL};

#[cfg(test)]
#[path = "stream_tests.rs"]
mod stream_tests;
