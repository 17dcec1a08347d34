//! The face for other assistants: an MCP server on standard input and output. Translates tool calls into orders to the engine and states into JSON; decides
//! nothing, and never answers a question by itself.
mod calls;
mod serve;
mod server;
mod table;

pub use serve::{connect, serve};
