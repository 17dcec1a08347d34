//! Whether an artifact says what its sources say: citations, quotations, figures and addresses against the ledger, each with its place. Pure.
pub mod check;
mod claims;
mod figures;
pub mod grounds;
mod markdown;
mod near;
mod passage;
mod place;
mod words;

pub use check::{Checked, check};
pub use grounds::{Grounds, Known};
pub use place::{Cited, cited_at};
