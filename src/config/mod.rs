//! What the user wants: options as written in five layers, then resolved into one value that nobody needs to question.
pub mod settings;
mod stand_in;

pub use settings::Settings;
