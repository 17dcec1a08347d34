//! The conductor: owns runs, their tasks and channels, and joins the engine's wishes to hands. The library's API.
mod answer;
pub mod builder;
pub mod doctor;
mod driver;
mod effects;
pub mod feed;
mod fulfil;
pub mod handle;
mod letters;
mod models;
mod obey;
mod outlook;
mod planner;
mod reach;
mod run;
mod shared;
mod spans;
mod start;
mod team;
mod telling;

pub use builder::Builder;
pub use feed::{Subscription, Update};
pub use handle::Orchestrator;
pub use models::Tapes;
pub use run::{CommandOutcome, RunHandle};
pub use shared::WhenBlocked;
pub use start::{ResumeOptions, StartOptions};
