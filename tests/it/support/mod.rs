//! What the integration tests share.
pub mod desk;
pub mod editor;
pub mod mcp_server;
pub mod model_server;
pub mod protocol;
pub mod scripted;
pub mod specialist;
