//! Tests of the program and the library as a whole, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests fail by panicking and touch their own folders"
)]

mod floors;
mod providers;
