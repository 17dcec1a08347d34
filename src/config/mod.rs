//! What the user wants: options as written in five layers, then resolved into one value that nobody needs to question.
pub mod documentation;
pub mod file;
mod given;
pub mod guide;
pub mod kind;
pub mod load;
pub mod memory;
mod overrides;
pub mod problem;
pub mod project;
pub mod schema;
pub mod settings;
pub mod table;
pub mod trust;
mod untrusted;

pub use documentation::documentation;
pub use load::{Layers, Loaded, load};
pub use memory::{Memory, TrustedValues};
pub use problem::{ConfigProblem, Layer, Level, Origin};
pub use project::find_project;
pub use schema::{schema, vscode_properties, vscode_restricted};
pub use settings::Settings;
pub use table::{ConfigOption, keys, option};
pub use untrusted::UntrustedValue;
