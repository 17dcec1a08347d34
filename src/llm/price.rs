//! What calls cost: a dated table of prices with the user's own on top. An unknown model has no price, never a price of zero.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::Usage;
use crate::domain::policy::Rates;

const TABLE: &str = include_str!("prices.json");

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Price {
    input: f64,
    output: f64,
    cache_write: Option<f64>,
    cache_write_1h: Option<f64>,
    cache_read: Option<f64>,
}

impl Price {
    // A price that is not named is taken at its worst: a cache that saves nothing and costs a quarter more to fill.
    fn write(&self) -> f64 {
        self.cache_write.unwrap_or(self.input * 1.25)
    }

    fn write_1h(&self) -> f64 {
        self.cache_write_1h.unwrap_or(self.input * 2.0).max(self.write())
    }

    fn read(&self) -> f64 {
        self.cache_read.unwrap_or(self.input)
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Row {
    #[serde(flatten)]
    price: Price,
    #[serde(default)]
    tiers: Vec<Tier>,
    /// The longest prompt, in tokens.
    context: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
struct Tier {
    /// Prompt tokens, cached ones included, above which the tier holds for the whole request.
    above: u64,
    #[serde(flatten)]
    price: Price,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Data {
    as_of: String,
    per_search: f64,
    models: BTreeMap<String, Row>,
}

/// What a call is billed for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Billed {
    pub usage: Usage,
    /// Of `usage.cache_write_tokens`, those kept for an hour.
    pub written_for_1h: u64,
    /// Searches made by the provider.
    pub searches: u64,
}

/// Prices by model.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    data: Data,
    /// Whether a model without a price costs nothing: it runs on this machine.
    free: bool,
}

impl Prices {
    /// The built-in table with `overrides` (`model.prices`: model → input, output and, if given, cache_read, cache_write) on top.
    pub fn new(overrides: &Value) -> Prices {
        let mut data: Data = serde_json::from_str(TABLE).unwrap_or_default();
        for (model, price) in overrides.as_object().into_iter().flatten() {
            if let Ok(row) = Row::deserialize(price) {
                data.models.insert(model.clone(), row);
            }
        }
        Prices { data, free: false }
    }

    /// The prices of a model on this machine: only the user's own, and nothing where there is none.
    pub fn on_this_machine(overrides: &Value) -> Prices {
        let mut prices = Prices::new(overrides);
        prices.data.models.retain(|model, _| overrides.get(model).is_some());
        prices.free = true;
        prices
    }

    /// The day the built-in prices were read, `YYYY-MM-DD`.
    pub fn as_of(&self) -> &str {
        &self.data.as_of
    }

    /// The models with a price.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.data.models.keys().map(String::as_str)
    }

    /// A dated id (`claude-haiku-4-5-20251001`) has the price of its family.
    fn row(&self, model: &str) -> Option<&Row> {
        let undated = model.rsplit_once('-').filter(|(_, date)| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()));
        self.data.models.get(model).or_else(|| self.data.models.get(undated?.0))
    }

    /// US dollars; `None` when the model's price is unknown.
    pub fn cost(&self, model: &str, billed: &Billed) -> Option<f64> {
        let Some(row) = self.row(model) else { return self.free.then_some(0.0) };
        let usage = &billed.usage;
        let prompt = usage.input_tokens.saturating_add(usage.cache_read_tokens).saturating_add(usage.cache_write_tokens);
        let tier = row.tiers.iter().filter(|tier| prompt > tier.above).max_by_key(|tier| tier.above);
        let price = tier.map_or(&row.price, |tier| &tier.price);
        let for_1h = billed.written_for_1h.min(usage.cache_write_tokens);
        let tokens = [
            (usage.input_tokens, price.input),
            (usage.output_tokens, price.output),
            (usage.cache_read_tokens, price.read()),
            (usage.cache_write_tokens - for_1h, price.write()),
            (for_1h, price.write_1h()),
        ];
        let sum: f64 = tokens.iter().map(|(count, price)| float(*count) * price / 1e6).sum();
        Some(sum + float(billed.searches) * self.data.per_search)
    }

    /// The cost by the first of these names that has a price: a request's alias, the id that answered.
    pub fn cost_of_either(&self, names: [&str; 2], billed: &Billed) -> Option<f64> {
        let name = names.into_iter().find(|name| self.row(name).is_some()).unwrap_or_default();
        self.cost(name, billed)
    }

    /// The longest prompt of a model in tokens, where it is known.
    pub fn context(&self, model: &str) -> Option<u64> {
        self.row(model)?.context
    }

    /// The worst price of a model, over its tiers and with every input token written to a cache: what reservations are made with.
    pub fn rates(&self, model: &str) -> Option<Rates> {
        let Some(row) = self.row(model) else { return self.free.then_some(Rates { input: 0.0, output: 0.0 }) };
        let prices = row.tiers.iter().map(|tier| &tier.price).chain([&row.price]);
        Some(prices.fold(Rates { input: 0.0, output: 0.0 }, |worst, price| Rates {
            input: worst.input.max(price.input).max(price.write()),
            output: worst.output.max(price.output),
        }))
    }
}

#[allow(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn billed(input: u64, output: u64, read: u64, write: u64) -> Billed {
        let usage = Usage { input_tokens: input, output_tokens: output, cache_read_tokens: read, cache_write_tokens: write };
        Billed { usage, ..Billed::default() }
    }

    fn cost(model: &str, billed: &Billed) -> f64 {
        Prices::new(&json!({})).cost(model, billed).unwrap()
    }

    fn near(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} is not {right}");
    }

    #[test]
    fn the_table_is_readable_and_dated() {
        let prices = Prices::new(&json!({}));
        assert_eq!(prices.as_of().len(), 10);
        assert!(prices.models().count() >= 20);
    }

    #[test]
    fn every_kind_of_token_has_its_price() {
        near(cost("claude-sonnet-5-5", &billed(1_000_000, 0, 0, 0)), 2.0);
        near(cost("claude-sonnet-5-5", &billed(0, 1_000_000, 0, 0)), 10.0);
        near(cost("claude-sonnet-5-5", &billed(0, 0, 1_000_000, 0)), 0.1);
        near(cost("claude-sonnet-5-5", &billed(0, 0, 0, 1_000_000)), 2.5);
        let hour = Billed { written_for_1h: 400_000, ..billed(0, 0, 0, 1_000_000) };
        near(cost("claude-sonnet-5-5", &hour), 0.6 * 2.5 + 0.4 * 4.0);
        near(cost("claude-sonnet-5-5", &Billed { searches: 10, ..Billed::default() }), 0.1);
    }

    #[test]
    fn a_tier_counts_the_whole_prompt_and_holds_for_every_token() {
        near(cost("claude-haiku-5-5", &billed(60_000, 1_000, 40_000, 0)), (60_000.0 * 0.1 + 1_000.0 * 0.5 + 40_000.0 * 0.01) / 1e6);
        near(cost("claude-haiku-5-5", &billed(60_000, 1_000, 40_001, 0)), (60_000.0 * 0.5 + 1_000.0 * 2.5 + 40_001.0 * 0.05) / 1e6);
    }

    #[test]
    fn an_unknown_model_has_no_price_and_a_dated_one_that_of_its_family() {
        let prices = Prices::new(&json!({}));
        assert_eq!(prices.cost("mystery", &billed(1, 1, 0, 0)), None);
        assert_eq!(prices.rates("mystery"), None);
        near(cost("claude-haiku-4-5-20251001", &billed(1_000_000, 0, 0, 0)), 1.0);
        assert_eq!(prices.cost("mystery-20251001", &billed(1, 1, 0, 0)), None);
    }

    #[test]
    fn the_users_prices_go_first_and_a_loopback_model_is_free_unless_priced() {
        let own = json!({"claude-sonnet-5-5": {"input": 1, "output": 1}, "llama": {"input": 3, "output": 4, "cache_read": 0}});
        near(Prices::new(&own).cost("claude-sonnet-5-5", &billed(1_000_000, 0, 1_000_000, 0)).unwrap(), 2.0);
        let local = Prices::on_this_machine(&own);
        near(local.cost("llama", &billed(1_000_000, 0, 0, 0)).unwrap(), 3.0);
        near(local.cost("gpt-4.1", &billed(1_000_000, 0, 0, 0)).unwrap(), 0.0);
        assert_eq!(local.rates("other"), Some(Rates { input: 0.0, output: 0.0 }));
    }

    #[test]
    fn reservations_use_the_worst_tier() {
        let rates = Prices::new(&json!({})).rates("claude-haiku-5-5").unwrap();
        near(rates.input, 0.625);
        near(rates.output, 2.5);
    }
}
