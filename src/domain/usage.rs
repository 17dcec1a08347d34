//! Tokens used by model calls. Money is a plain `Option<f64>` in US dollars beside it: `None` means the price is unknown, never zero.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tokens of one call or the sum of many. `input_tokens` leaves out the cached ones, on every provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cache_read_tokens: u64,
    pub cache_write_tokens: u64,
}

impl Usage {
    /// Input, cached included, plus output: what token budgets count.
    pub fn total(&self) -> u64 {
        self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens
    }

    #[must_use]
    pub fn plus(self, other: Usage) -> Usage {
        Usage {
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
            cache_read_tokens: self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens: self.cache_write_tokens + other.cache_write_tokens,
        }
    }
}

/// The sum of two costs; unknown if either is.
pub fn add_costs(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? + b?)
}
