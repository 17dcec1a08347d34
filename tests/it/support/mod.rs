//! What the integration tests share.
pub mod editor;
pub mod scripted;
pub mod specialist;
