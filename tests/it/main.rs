//! Tests of the program and the library as a whole, in one binary.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]
mod cli_args;
