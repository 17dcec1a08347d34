//! The conductor: owns runs, their tasks and channels, and joins the engine's wishes to hands. The library's API.
pub mod builder;
pub mod doctor;
pub mod feed;
pub mod handle;

pub use builder::{Builder, WhenBlocked};
pub use feed::{Subscription, Update};
pub use handle::{CommandOutcome, Orchestrator, RunHandle};
