//! The models we ask: one trait, one file or folder for each provider. Blind to the workspace.
pub mod offline;
pub mod retry;
pub mod route;

use async_trait::async_trait;

use crate::domain::{CallFailure, ModelRequest, Reply};

/// Something that answers a request: a model behind an endpoint, or the offline provider.
#[async_trait]
pub trait Provider: Send + Sync {
    /// `anthropic`, `openai`, `offline`.
    fn name(&self) -> &'static str;
    /// The model used where a request names none.
    fn default_model(&self) -> Option<String>;
    /// One complete answer, or why there is none. Dropping the future stops the call.
    async fn complete(&self, request: &ModelRequest) -> Result<Reply, CallFailure>;
}
