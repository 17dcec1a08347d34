//! The Agent Client Protocol face: a chat client's session is a run, its prompts are goals. Blind to the other faces.
mod agent;
mod serve;
mod session;
mod told;

pub use serve::{connect, serve};
pub use session::Machine;
