//! The models we ask: one trait, one file or folder for each provider. Blind to the workspace.
pub mod anthropic;
mod endpoint;
mod failure;
mod governor;
pub mod keys;
mod model;
pub mod offline;
pub mod openai;
pub mod price;
pub mod replay;
pub mod retry;
pub mod route;
mod secret;
pub mod sse;

use async_trait::async_trait;

use crate::domain::policy::Rates;
use crate::domain::{CallFailure, ModelRequest, Reply};

pub use endpoint::{Endpoint, Hands, KeyHeader};
pub use model::ModelInfo;
pub use secret::Secret;

/// Something that answers a request: a model behind an endpoint, or the offline provider.
#[async_trait]
pub trait Provider: Send + Sync {
    /// `anthropic`, `openai`, `offline`.
    fn name(&self) -> &'static str;

    /// The model used where a request names none; `None` where there is none, or it is not known before the first call.
    fn default_model(&self) -> Option<String>;

    /// The endpoint as it may be shown; `None` where there is none.
    fn place(&self) -> Option<String> {
        None
    }

    /// Whether it can make plans: it answers a request with a schema by JSON that fits. False leaves planning to the rules.
    fn plans(&self) -> bool {
        false
    }

    /// One complete answer, or why there is none: one try, which never waits for a retry of its own. Dropping the future stops the call.
    async fn complete(&self, request: &ModelRequest) -> Result<Reply, CallFailure>;

    /// The models that the endpoint offers, for completion and checks. Asks the endpoint.
    async fn models(&self) -> Result<Vec<ModelInfo>, CallFailure> {
        Ok(Vec::new())
    }

    /// The worst price of a model, for reservations; `None` when it is unknown.
    fn rates(&self, model: &str) -> Option<Rates> {
        let _ = model;
        None
    }

    /// The longest prompt of a model in tokens, where it is known.
    fn context_tokens(&self, model: &str) -> Option<u64> {
        let _ = model;
        None
    }

    /// Whether the provider runs this tool itself: it is offered by name and never called here.
    fn runs_tool(&self, name: &str) -> bool {
        let _ = name;
        false
    }
}
