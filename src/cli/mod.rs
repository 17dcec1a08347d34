//! The command line: arguments in, a live view and exit codes out. Blind to the language server.
pub mod answer;
pub mod args;
pub mod args_pages;
pub mod ask;
pub mod dispatch;
pub mod editors;
pub mod exit;
pub mod goal_file;
pub mod interrupt;
pub mod list;
pub mod live;
pub mod loaded;
pub mod log;
pub mod order;
pub mod plan_text;
pub mod prompt;
pub mod render;
pub mod run;
#[cfg(test)]
mod samples;
pub mod session;
pub mod setup;
pub mod show;
pub mod style;
pub mod summary;
pub mod terminal;
pub mod trust;

pub use args::parse;
pub use dispatch::{start, stop};
pub use order::{Invocation, Options, Order, Parsed, Stop};
pub use terminal::Terminal;
