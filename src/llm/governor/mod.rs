//! One governor for each endpoint and key: how many requests at once, how fast, and which first. The table of contents.
mod bucket;
mod door;
mod pace;
mod state;

pub use bucket::Seen;
pub use door::{Governor, Permit};
pub use state::{Limits, Visit};
