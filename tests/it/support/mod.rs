//! What the integration tests share.
pub mod editor;
pub mod model_server;
pub mod scripted;
pub mod specialist;
