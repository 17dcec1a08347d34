//! The decisions: what next, may we, is it done. Pure: no async, no disk, no clock, no randomness.
pub mod roles;
pub mod rules;
