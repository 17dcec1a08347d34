//! The layers laid over each other: later wins, maps add up by name, rules hold together. Reads nothing and checks nothing.
use std::collections::BTreeMap;

use serde_json::Value;

use super::file::Entry;
use super::kind::Kind;
use super::problem::{Layer, Origin, Origins};
use super::table;

/// The value in force of every option, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    values: BTreeMap<&'static str, Value>,
    origins: Origins,
}

impl Default for Values {
    /// The built-in defaults.
    fn default() -> Self {
        let values = table::options().iter().map(|option| (option.key, option.default())).collect();
        let origins = table::keys().map(|key| (key.to_owned(), Origin::of(Layer::Default))).collect();
        Values { values, origins }
    }
}

impl Values {
    /// The value of an option; null for a key that is none.
    pub fn get(&self, key: &str) -> &Value {
        self.values.get(key).unwrap_or(&Value::Null)
    }

    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }

    pub fn into_origins(self) -> Origins {
        self.origins
    }

    /// Lays a value over what was there.
    pub fn set(&mut self, entry: &Entry) {
        let option = entry.option;
        let below = self.values.remove(option.key).unwrap_or_default();
        self.values.insert(option.key, combine(option.kind, below, entry.value.clone()));
        self.origins.insert(option.key.to_owned(), entry.origin.clone());
    }
}

fn combine(kind: Kind, below: Value, above: Value) -> Value {
    match (below, above) {
        (Value::Object(mut below), Value::Object(above)) if kind.is_map() => {
            below.extend(above);
            Value::Object(below)
        }
        // A rule of one layer cannot be undone by another: the strictest that matches wins.
        (Value::Array(mut below), Value::Array(above)) if kind == Kind::Rules => {
            for rule in above {
                if !below.contains(&rule) {
                    below.push(rule);
                }
            }
            Value::Array(below)
        }
        (_, above) => above,
    }
}
