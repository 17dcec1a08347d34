//! Trust in a project's own files: what is in question, and recording that a person trusts it as it stands. Asks nobody itself.
use crate::domain::Result;

use super::load::{Layers, load};
use super::memory::{Memory, TrustedValues};
use super::untrusted::UntrustedValue;

/// What has no effect until it is trusted: the values a person should see before [`record`].
pub fn question(layers: &Layers) -> Vec<UntrustedValue> {
    load(&Layers { editor_trusted: false, session: TrustedValues::default(), config_file: None, ..layers.clone() }).untrusted
}

/// Records trust in exactly these values of the project; a value that changes afterwards is in question again.
pub fn record(layers: &Layers, values: &[UntrustedValue]) -> Result<()> {
    let mut trusted = TrustedValues::default();
    values.iter().for_each(|value| trusted.add(&value.key, &value.value));
    Memory::open(layers.disk.clone(), &layers.environment).trust(&layers.project, &trusted)
}
