//! The integration tests, one binary.
#![allow(clippy::disallowed_methods, reason = "tests make their own folders and read their own fixtures")]

mod floors;
mod providers;
