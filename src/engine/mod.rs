//! The decisions: what next, may we, is it done. Pure: no async, no disk, no clock, no randomness.
pub mod approval;
pub mod budget;
pub mod commands;
pub mod evidence_report;
pub mod fold;
mod fold_tools;
pub mod hand_over;
pub mod outside;
pub mod planner;
pub mod prompt;
pub mod replan;
pub mod report;
pub mod review;
pub mod roles;
pub mod rules;
pub mod schedule;
pub mod step;
pub mod timeline;
pub mod transcript;
pub mod turn;
pub mod wish;
pub mod workflow;

pub use schedule::next;
pub use wish::Wish;
pub use workflow::Workflow;

#[cfg(test)]
mod approval_tests;
#[cfg(test)]
mod simulation_tests;
#[cfg(test)]
mod test_support;
