//! A data file as its profile describes it, and which column plays which part: date, measures, groups, entities. Reads profile_data's JSON; asks nothing.
use serde::Deserialize;

/// The answer of `profile_data`, as far as a report needs it.
#[derive(Debug, Clone, Deserialize)]
pub struct Profile {
    pub path: String,
    pub table: String,
    #[serde(default)]
    pub format: String,
    #[serde(default)]
    pub encoding: String,
    pub rows: usize,
    pub columns: usize,
    #[serde(default)]
    pub duplicate_rows: usize,
    #[serde(default)]
    pub ragged_rows: usize,
    #[serde(default)]
    pub likely_keys: Vec<String>,
    #[serde(default)]
    pub constant_columns: Vec<String>,
    #[serde(default)]
    pub notes: Vec<String>,
    #[serde(rename = "profile", default)]
    pub shown: Vec<Column>,
}

/// One column of a profile.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub missing: usize,
    pub distinct: usize,
    pub invalid: usize,
    pub invalid_examples: Vec<String>,
    pub unit: Option<char>,
    pub min: f64,
    pub q1: f64,
    pub median: f64,
    pub q3: f64,
    pub max: f64,
    pub mean: f64,
    pub stddev: f64,
    pub outliers: Outliers,
    pub date_format: String,
    pub first: String,
    pub last: String,
    pub granularity: String,
    pub top: Vec<Top>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Outliers {
    pub count: usize,
    pub below: f64,
    pub above: f64,
    pub farthest: Vec<Outlier>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Outlier {
    pub row: usize,
    pub value: f64,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Top {
    pub value: String,
    pub count: usize,
}

impl Column {
    pub fn is_number(&self) -> bool {
        matches!(self.kind.as_str(), "integer" | "number")
    }

    fn words(&self) -> Vec<String> {
        words(&self.name)
    }

    fn has_word(&self, list: &str) -> bool {
        self.words().iter().any(|word| list.split(' ').any(|listed| listed == word))
    }

    fn is_identifier(&self) -> bool {
        let last_is_id = self
            .words()
            .last()
            .is_some_and(|word| "id uuid guid key nr no code zip plz postcode phone index sku ean isbn".split(' ').any(|id| id == word));
        last_is_id || self.is_number() && self.has_word("latitude longitude lat lon lng")
    }
}

/// A column to be summed or averaged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure<'a> {
    pub column: &'a Column,
    /// Adding it up makes sense (revenue does, a price does not).
    pub additive: bool,
}

/// Which column plays which part.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    pub date: Option<&'a Column>,
    /// The first one is the main measure.
    pub measures: Vec<Measure<'a>>,
    /// Columns with few values, the goal's own first.
    pub groups: Vec<&'a Column>,
    /// Columns with many repeated values: customers, products.
    pub entities: Vec<&'a Column>,
}

const ADDED: &str = "revenue sale turnover amount total profit cost unit quantity qty count order volume visit click view session tax fee spend budget income \
     expense hour minute download signup population ticket opened closed created resolved request issue call sold umsatz betrag menge anzahl paid payment";
const AVERAGED: &str = "price rate ratio percent pct percentage share discount average avg mean median score rating temperature temp age weight height margin speed \
     index level per humidity pressure duration latency grade";
const MAIN: &str = "revenue turnover umsatz sale profit amount total income cost spend quantity unit count";
const NUMBERED_GROUPS: &str = "year month quarter week weekday hour class grade level rank stars";

impl Profile {
    /// Finds the parts; columns that the goal names come first.
    pub fn parts(&self, goal: &str) -> Parts<'_> {
        let goal = words(goal);
        let named = |column: &Column| mention(column, &goal);
        let mut dates: Vec<&Column> = self.shown.iter().filter(|column| column.kind == "date" && column.distinct > 1).collect();
        dates.sort_by_key(|column| (named(column), column.missing));
        let mut measures: Vec<Measure<'_>> = self.shown.iter().filter(|column| self.is_measure(column)).map(measure).collect();
        measures.sort_by_key(|measure| (named(measure.column), !measure.additive, main_rank(measure.column)));
        measures.truncate(4);
        let mut groups: Vec<&Column> = self.shown.iter().filter(|column| self.is_group(column, named(column) < UNNAMED)).collect();
        groups.sort_by_key(|column| (named(column), column.distinct > 12));
        groups.truncate(4);
        let mut entities: Vec<&Column> = self.shown.iter().filter(|column| self.is_entity(column) && !groups.contains(column)).collect();
        entities.sort_by_key(|column| (named(column), column.distinct));
        entities.truncate(2);
        Parts { date: dates.first().copied(), measures, groups, entities }
    }

    fn is_measure(&self, column: &Column) -> bool {
        let numbered = column.kind == "integer" && column.has_word(NUMBERED_GROUPS) && column.distinct <= 60;
        let counts_rows = column.kind == "integer" && self.likely_keys.contains(&column.name) && !column.has_word(ADDED);
        column.is_number() && column.distinct > 1 && !column.is_identifier() && !numbered && !counts_rows
    }

    fn is_group(&self, column: &Column, named: bool) -> bool {
        let few = column.distinct >= 2 && column.distinct <= 40 && column.distinct * 2 <= self.rows;
        let numbered = column.kind == "integer" && (column.has_word(NUMBERED_GROUPS) || column.is_identifier() && named);
        let textual = matches!(column.kind.as_str(), "text" | "boolean") && (!column.is_identifier() || named);
        few && (textual || numbered)
    }

    fn is_entity(&self, column: &Column) -> bool {
        let repeats = column.distinct > 2 && column.distinct < self.rows;
        let nameable = column.kind == "text" || column.kind == "integer" && column.is_identifier();
        nameable && (repeats || column.kind == "text" && column.distinct > 2 && !column.is_identifier())
    }
}

fn measure(column: &Column) -> Measure<'_> {
    let additive = column.has_word(ADDED) && !column.has_word(AVERAGED) && column.unit != Some('%');
    Measure { column, additive }
}

fn main_rank(column: &Column) -> usize {
    let words = column.words();
    MAIN.split(' ').position(|main| words.iter().any(|word| word == main)).unwrap_or(usize::MAX)
}

const UNNAMED: usize = usize::MAX;

/// Where the goal names a column: the place of its first word, for a part of its words later, [`UNNAMED`] for none.
fn mention(column: &Column, goal: &[String]) -> usize {
    let words = column.words();
    let places: Vec<usize> = words.iter().filter_map(|word| goal.iter().position(|other| other == word)).collect();
    match places.iter().min() {
        // At one place the longer name is meant: `unit price` before `units`.
        Some(place) if places.len() == words.len() => *place * 10 + 10_usize.saturating_sub(words.len()),
        // One word of several says little: `unit_price` is not meant by "per unit".
        _ => UNNAMED,
    }
}

/// Lower-case words of a text or a column name, camelCase parted, plural s dropped.
pub fn words(text: &str) -> Vec<String> {
    let mut parted = String::new();
    let mut before_was_lower = false;
    for c in text.chars() {
        if c.is_uppercase() && before_was_lower {
            parted.push(' ');
        }
        before_was_lower = c.is_lowercase() || c.is_numeric();
        parted.extend(c.to_lowercase());
    }
    let singular = |word: &str| {
        if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") { word.trim_end_matches('s').to_owned() } else { word.to_owned() }
    };
    parted.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(singular).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        let column =
            |name: &str, kind: &str, distinct: usize| Column { name: name.into(), kind: kind.into(), distinct, ..Column::default() };
        let shown = vec![
            column("order_id", "integer", 400),
            column("date", "date", 300),
            column("region", "text", 4),
            column("product", "text", 11),
            column("units", "integer", 9),
            column("unit_price", "number", 20),
            column("revenue", "number", 350),
            column("customer_id", "text", 80),
        ];
        let text =
            serde_json::json!({"path": "inputs/s.csv", "table": "s", "rows": 400, "columns": 8, "likely_keys": ["order_id"]}).to_string();
        Profile { shown, ..serde_json::from_str(&text).unwrap() }
    }

    #[test]
    fn columns_find_their_parts() {
        let profile = profile();
        let parts = profile.parts("Analyse the data");
        assert_eq!(parts.date.unwrap().name, "date");
        assert_eq!(
            parts.measures.iter().map(|m| (m.column.name.as_str(), m.additive)).collect::<Vec<_>>(),
            [("revenue", true), ("units", true), ("unit_price", false)]
        );
        assert_eq!(parts.groups.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["region", "product"]);
        assert_eq!(parts.entities.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["customer_id"]);
    }

    #[test]
    fn what_the_goal_names_comes_first() {
        let profile = profile();
        let parts = profile.parts("How many units by product and region?");
        assert_eq!((parts.measures[0].column.name.as_str(), parts.groups[0].name.as_str()), ("units", "product"));
        assert_eq!(profile.parts("average unitPrice").measures[0].column.name, "unit_price");
    }
}
