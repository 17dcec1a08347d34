//! The texts people edit, as values with the place of every part: goals, plan.md, approvals.md, agent files. Pure; shared by all faces.
pub mod agent_file;
pub mod approvals;
pub mod evidence;
pub mod front_matter;
pub mod goal_file;
pub mod goal_index;
pub mod goal_line;
pub mod goals;
pub mod mark;
pub mod place;
pub mod plan;
mod plan_read;

pub use mark::Mark;
pub use place::{Fix, Lines, Problem, Severity, Span};
