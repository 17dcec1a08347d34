//! Chat completions as OpenAI defined them and many servers speak them, streaming. The table of contents.
mod calls;
mod dialect;
mod errors;
mod provider;
mod request;
mod stream;
mod text_tools;

pub use provider::{DEFAULT_BASE_URL, DEFAULT_MODEL, OpenAi};

#[cfg(test)]
#[path = "stream_tests.rs"]
mod stream_tests;
