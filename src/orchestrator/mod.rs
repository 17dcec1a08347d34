//! The conductor: owns runs, their tasks and channels, and joins the engine's wishes to hands. The library's API.
mod answer;
pub mod builder;
mod driver;
mod effects;
mod fulfil;
mod obey;
pub mod feed;
pub mod handle;
mod letters;
mod outlook;
mod planner;
mod run;
mod start;
mod team;

pub use builder::{Builder, WhenBlocked};
pub use feed::{Subscription, Update};
pub use handle::Orchestrator;
pub use run::{CommandOutcome, RunHandle};
pub use start::{ResumeOptions, StartOptions};
