//! The SQL that an analysis asks, decided from the profile and the goal. The same profile and goal give the same questions.
use super::facts::{Column, Measure, Parts, Profile, words};

/// What a question is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Topic {
    /// Rows, and sum and mean of each measure.
    Totals,
    /// Each measure by period.
    Trend,
    /// Each measure by the values of a column.
    Group(String),
    /// The main measure by period and value of a column.
    GroupTrend(String),
    /// The main measure by two columns.
    Cross(String, String),
    /// The largest of many: customers, products.
    Entity(String),
    /// Sums from which the correlation of two columns follows.
    Relation(String, String),
    /// The rows with the largest main measure.
    Largest,
    /// Whether a column is the product of others; a factor `1 - x` stands for a discount.
    Check { result: String, factors: Vec<String> },
    /// How many values of a column are found in another file.
    Join { column: String, other: String, other_column: String },
}

/// One question with its SQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub topic: Topic,
    pub sql: String,
}

/// The length of a period, short ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Period {
    pub fn name(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Quarter => "quarter",
            Period::Year => "year",
        }
    }

    /// Whether the period, named as in an answer, holds the ISO date `day`.
    pub fn holds(self, name: &str, day: &str) -> bool {
        match self {
            Period::Day | Period::Month | Period::Year => day.starts_with(name),
            // Periods are looked through from the last: the first whose start is not after the day holds it.
            Period::Week => name <= day,
            Period::Quarter => name.split_once("-Q").is_some_and(|(year, quarter)| {
                let month: Option<u32> = day.get(5..7).and_then(|month| month.parse().ok());
                day.starts_with(year) && month.map(|month| month.saturating_sub(1) / 3 + 1) == quarter.parse().ok()
            }),
        }
    }

    fn expression(self, column: &Column) -> String {
        let column = quoted(&column.name);
        match self {
            Period::Day => format!("substr({column}, 1, 10)"),
            Period::Week => format!("date({column}, 'weekday 0', '-6 days')"),
            Period::Month => format!("substr({column}, 1, 7)"),
            Period::Quarter => format!("substr({column}, 1, 4) || '-Q' || ((CAST(substr({column}, 6, 2) AS INTEGER) + 2) / 3)"),
            Period::Year => format!("substr({column}, 1, 4)"),
        }
    }
}

/// One data file with what is to be asked about it.
#[derive(Debug, Clone)]
pub struct Study<'a> {
    pub profile: &'a Profile,
    pub parts: Parts<'a>,
    pub period: Period,
    /// The file in the centre gets every question, the others a few.
    pub is_main: bool,
}

impl<'a> Study<'a> {
    pub fn new(profile: &'a Profile, goal: &str, is_main: bool) -> Self {
        let parts = profile.parts(goal);
        let period = parts.date.map_or(Period::Month, |date| period(date, goal));
        Study { profile, parts, period, is_main }
    }

    pub fn main_measure(&self) -> Option<Measure<'a>> {
        self.parts.measures.first().copied()
    }

    /// What the main measure's column is called in answers.
    pub fn main_name(&self) -> String {
        self.main_measure().map_or_else(|| "rows".to_owned(), measure_name)
    }

    fn main_expression(&self) -> String {
        self.main_measure().map_or_else(|| "COUNT(*)".to_owned(), |measure| aggregate(measure, &quoted(&measure.column.name)))
    }

    fn table(&self) -> String {
        quoted(&self.profile.table)
    }

    /// `COUNT(*) AS "rows", SUM(…) AS "revenue", …`.
    fn measure_list(&self) -> String {
        let measures = self.parts.measures.iter().map(|measure| {
            let column = quoted(&measure.column.name);
            format!(", {} AS {}", aggregate(*measure, &column), quoted(&measure_name(*measure)))
        });
        format!("COUNT(*) AS \"rows\"{}", measures.collect::<String>())
    }

    /// All questions about this file, the important ones first.
    pub fn questions(&self) -> Vec<Question> {
        if self.profile.rows == 0 {
            return Vec::new();
        }
        let mut questions = vec![self.totals()];
        questions.extend(self.parts.date.map(|date| self.trend(date)));
        let groups = if self.is_main { self.parts.groups.len() } else { 1 };
        questions.extend(self.parts.groups.iter().take(groups).map(|column| self.group(column)));
        if self.is_main {
            questions.extend(self.group_trend());
            questions.extend(self.cross());
            questions.extend(self.parts.entities.iter().map(|column| self.entity(column)));
            questions.extend(self.relations());
            questions.extend(self.check());
            questions.extend(self.main_measure().map(|measure| self.largest(measure)));
        }
        questions
    }

    /// The main measure alone by period, for a line chart.
    pub fn trend_chart(&self) -> Option<String> {
        let date = self.parts.date?;
        let (period, name, main) = (self.period.expression(date), self.period.name(), self.main_expression());
        let (alias, table, column) = (quoted(&self.main_name()), self.table(), quoted(&date.name));
        Some(format!("SELECT {period} AS \"{name}\", {main} AS {alias} FROM {table} WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 1"))
    }

    /// The main measure alone by the values of a column, the largest twenty.
    pub fn group_chart(&self, column: &Column) -> String {
        let (name, main, alias, table) = (quoted(&column.name), self.main_expression(), quoted(&self.main_name()), self.table());
        format!("SELECT {name}, {main} AS {alias} FROM {table} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20")
    }

    /// Every value of a measure below `limit`, for a histogram.
    pub fn values_chart(&self, column: &Column, limit: Option<f64>) -> String {
        let name = quoted(&column.name);
        let limit = limit.map(|limit| format!(" AND {name} <= {limit}")).unwrap_or_default();
        format!("SELECT {name} FROM {} WHERE {name} IS NOT NULL{limit}", self.table())
    }

    /// Two measures against each other; of a large file every n-th row.
    pub fn pair_chart(&self, x: &str, y: &str) -> String {
        let (x, y, every) = (quoted(x), quoted(y), self.profile.rows.div_ceil(2000).max(1));
        format!("SELECT {x}, {y} FROM {} WHERE {x} IS NOT NULL AND {y} IS NOT NULL AND rowid % {every} = 0", self.table())
    }

    fn totals(&self) -> Question {
        let measures = self.parts.measures.iter().map(|measure| {
            let column = quoted(&measure.column.name);
            let (sum, mean) = (quoted(&format!("sum {}", measure.column.name)), quoted(&format!("mean {}", measure.column.name)));
            format!(", SUM({column}) AS {sum}, AVG({column}) AS {mean}")
        });
        let sql = format!("SELECT COUNT(*) AS \"rows\"{} FROM {}", measures.collect::<String>(), self.table());
        Question { topic: Topic::Totals, sql }
    }

    fn trend(&self, date: &Column) -> Question {
        let (period, list, table, column) = (self.period.expression(date), self.measure_list(), self.table(), quoted(&date.name));
        let name = self.period.name();
        let sql = format!("SELECT {period} AS \"{name}\", {list} FROM {table} WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 1");
        Question { topic: Topic::Trend, sql }
    }

    fn group(&self, column: &Column) -> Question {
        let (name, list, table, by) = (quoted(&column.name), self.measure_list(), self.table(), quoted(&self.main_name()));
        let sql = format!("SELECT {name}, {list} FROM {table} GROUP BY 1 ORDER BY {by} DESC, 1");
        Question { topic: Topic::Group(column.name.clone()), sql }
    }

    /// A column of the main measure for each value, one row a period; only where all values are known and few.
    fn group_trend(&self) -> Option<Question> {
        let date = self.parts.date?;
        let column = self.parts.groups.iter().find(|column| (2..=6).contains(&column.distinct) && column.kind != "integer")?;
        let mut values: Vec<&str> = column.top.iter().map(|top| top.value.as_str()).filter(|value| value.chars().count() < 60).collect();
        values.dedup();
        if values.len() < 2 {
            return None;
        }
        let name = quoted(&column.name);
        let cases = values.iter().map(|value| {
            let case = |then: &str| format!("CASE WHEN TRIM({name}) = {} THEN {then} END", literal(value));
            let expression = match self.main_measure() {
                Some(measure) => aggregate(measure, &case(&quoted(&measure.column.name))),
                None => format!("COUNT({})", case("1")),
            };
            format!(", {expression} AS {}", quoted(value))
        });
        let (period, period_name) = (self.period.expression(date), self.period.name());
        let sql = format!(
            "SELECT {period} AS \"{period_name}\"{} FROM {} WHERE {} IS NOT NULL GROUP BY 1 ORDER BY 1",
            cases.collect::<String>(),
            self.table(),
            quoted(&date.name)
        );
        Some(Question { topic: Topic::GroupTrend(column.name.clone()), sql })
    }

    fn cross(&self) -> Option<Question> {
        let [first, second, ..] = self.parts.groups.as_slice() else { return None };
        let (a, b, main) = (quoted(&first.name), quoted(&second.name), self.main_expression());
        let name = quoted(&self.main_name());
        let count = if self.main_measure().is_some() { "COUNT(*) AS \"rows\", " } else { "" };
        let sql =
            format!("SELECT {a}, {b}, {count}{main} AS {name} FROM {} GROUP BY 1, 2 ORDER BY {name} DESC, 1, 2 LIMIT 10", self.table());
        Some(Question { topic: Topic::Cross(first.name.clone(), second.name.clone()), sql })
    }

    fn entity(&self, column: &Column) -> Question {
        let (name, list, table, by) = (quoted(&column.name), self.measure_list(), self.table(), quoted(&self.main_name()));
        let sql = format!("SELECT {name}, {list} FROM {table} WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY {by} DESC, 1 LIMIT 10");
        Question { topic: Topic::Entity(column.name.clone()), sql }
    }

    /// Each pair of measures; values are taken relative to their mean so that the sums lose no digits.
    fn relations(&self) -> Vec<Question> {
        let mut questions = Vec::new();
        for (at, first) in self.parts.measures.iter().enumerate() {
            for second in self.parts.measures.iter().skip(at + 1) {
                let (a, b) = (quoted(&first.column.name), quoted(&second.column.name));
                let (x, y) = (format!("({a} - ({}))", first.column.mean), format!("({b} - ({}))", second.column.mean));
                let sql = format!(
                    "SELECT COUNT(*) AS n, SUM({x}) AS x, SUM({y}) AS y, SUM({x} * {y}) AS xy, SUM({x} * {x}) AS xx, SUM({y} * {y}) AS yy \
                     FROM {} WHERE {a} IS NOT NULL AND {b} IS NOT NULL",
                    self.table()
                );
                questions.push(Question { topic: Topic::Relation(first.column.name.clone(), second.column.name.clone()), sql });
            }
        }
        questions
    }

    /// revenue = units × price × (1 − discount), where columns of such names exist.
    fn check(&self) -> Option<Question> {
        let numbers = || self.profile.shown.iter().filter(|column| column.is_number());
        let named =
            |list: &str| numbers().find(|column| words(&column.name).iter().any(|word| list.split(' ').any(|listed| listed == word)));
        let price = named("price")?;
        let others = |list: &str| named(list).filter(|column| column.name != price.name);
        let (count, result) = (others("unit quantity qty menge")?, others("revenue turnover sale amount total umsatz")?);
        let discount = others("discount").filter(|column| column.min >= 0.0 && column.max <= 1.0);
        let (r, c, p) = (quoted(&result.name), quoted(&count.name), quoted(&price.name));
        let mut product = format!("{c} * {p}");
        let mut known = format!("{r} IS NOT NULL AND {c} IS NOT NULL AND {p} IS NOT NULL");
        let mut factors = vec![count.name.clone(), price.name.clone()];
        if let Some(discount) = discount {
            let d = quoted(&discount.name);
            product.push_str(&format!(" * (1 - {d})"));
            known.push_str(&format!(" AND {d} IS NOT NULL"));
            factors.push(format!("1 - {}", discount.name));
        }
        // A cent of rounding, and a thousandth for prices rounded before multiplying.
        let sql = format!(
            "SELECT COUNT(*) AS compared, SUM(off) AS off, MIN(CASE WHEN off THEN place END) AS first_row FROM \
             (SELECT rowid AS place, ABS({r} - {product}) > 0.011 + 0.001 * ABS({r}) AS off FROM {} WHERE {known})",
            self.table()
        );
        Some(Question { topic: Topic::Check { result: result.name.clone(), factors }, sql })
    }

    fn largest(&self, measure: Measure<'_>) -> Question {
        let described = self.parts.date.into_iter().chain(self.parts.entities.iter().copied()).chain(self.parts.groups.iter().copied());
        let others = self.parts.measures.iter().skip(1).map(|measure| measure.column);
        let names: Vec<String> = described.chain(others).take(6).map(|column| quoted(&column.name)).collect();
        let main = quoted(&measure.column.name);
        let list = names.into_iter().chain([main.clone()]).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {list} FROM {} WHERE {main} IS NOT NULL ORDER BY {main} DESC LIMIT 5", self.table());
        Question { topic: Topic::Largest, sql }
    }

    /// Whether values of same-named columns of two files meet; asked where one of them is a key.
    pub fn joins(&self, others: &[&Profile]) -> Vec<Question> {
        let mut questions = Vec::new();
        for other in others {
            let pairs = self.profile.shown.iter().flat_map(|mine| other.shown.iter().map(move |theirs| (mine, theirs)));
            let same = pairs.filter(|(mine, theirs)| words(&mine.name) == words(&theirs.name) && mine.kind == theirs.kind);
            let keyed =
                same.filter(|(mine, theirs)| self.profile.likely_keys.contains(&mine.name) || other.likely_keys.contains(&theirs.name));
            questions.extend(keyed.take(2).map(|(mine, theirs)| {
                let (a, b, table, other_table) = (quoted(&mine.name), quoted(&theirs.name), self.table(), quoted(&other.table));
                let sql = format!(
                    "SELECT COUNT(DISTINCT {a}) AS \"values\", COUNT(DISTINCT CASE WHEN {a} IN (SELECT {b} FROM {other_table}) THEN {a} END) AS found FROM {table}"
                );
                let topic = Topic::Join { column: mine.name.clone(), other: other.table.clone(), other_column: theirs.name.clone() };
                Question { topic, sql }
            }));
        }
        questions
    }
}

/// `revenue` for a sum, `average unit_price` for a mean.
pub fn measure_name(measure: Measure<'_>) -> String {
    if measure.additive { measure.column.name.clone() } else { format!("average {}", measure.column.name) }
}

fn aggregate(measure: Measure<'_>, expression: &str) -> String {
    if measure.additive { format!("SUM({expression})") } else { format!("AVG({expression})") }
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// The goal's own word, else what fits the span.
fn period(date: &Column, goal: &str) -> Period {
    let goal = words(goal);
    let says = |list: &str| goal.iter().any(|word| list.split(' ').any(|listed| listed == word));
    let finest = match date.granularity.as_str() {
        "yearly" => Period::Year,
        "quarterly" => Period::Quarter,
        "monthly" => Period::Month,
        "weekly" => Period::Week,
        _ => Period::Day,
    };
    let days = super::answers::days_between(&date.first, &date.last).unwrap_or(365);
    let wanted = match () {
        () if says("daily day") && days <= 200 => Period::Day,
        () if says("weekly week") && days <= 1400 => Period::Week,
        () if says("monthly month") => Period::Month,
        () if says("quarterly quarter") => Period::Quarter,
        () if says("yearly year annual annually") && days > 400 => Period::Year,
        () if days <= 45 => Period::Day,
        () if days <= 150 => Period::Week,
        () if days <= 366 * 8 => Period::Month,
        () => Period::Year,
    };
    finest.max(wanted)
}
