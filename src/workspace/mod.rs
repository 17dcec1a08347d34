//! The folder we write: layout, journal, views, jail, inputs, catalog, lease. Blind to the models.
pub mod blobs;
pub mod catalog;
pub mod cleanup;
pub mod history;
pub mod inputs;
pub mod jail;
pub mod journal;
pub mod layout;
pub mod lease;
pub mod named;
pub mod proposed;
pub mod store;
mod terse;
#[cfg(test)]
mod test_support;
mod texts;
pub mod views;

pub use history::History;
pub use journal::{Journal, JournalHealth};
pub use lease::{Lease, Owner};
pub use store::Workspace;
pub use views::{ViewCache, ViewTexts};
