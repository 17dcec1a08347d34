//! The tool make_chart: a query's rows as an SVG file in the workspace. Decides what goes where; the drawing is in chart_svg.
use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::chart_svg::{Drawing, Series, draw};
use super::data::{Answer, Warehouse, on_blocking_thread};
use super::tool::{Tool, ToolContext};
use crate::domain::tool::Touched;
use crate::domain::{ToolOutcome, ToolSpec};
use crate::workspace::jail::{Jail, Refusal};

/// Rows that a chart can hold; beyond, nobody could read it.
const MAX_POINTS: usize = 5000;
/// A histogram counts its rows and draws only the bins.
const MAX_COUNTED: usize = 2_000_000;
const MAX_BARS: usize = 60;
const MAX_SERIES: usize = 8;

/// make_chart.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(MakeChart { warehouse: Arc::default() })]
}

/// What a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Bar,
    Line,
    Scatter,
    Histogram,
}

#[derive(Debug, Deserialize)]
struct Input {
    sql: String,
    kind: Kind,
    title: String,
    path: String,
}

struct MakeChart {
    warehouse: Arc<Warehouse>,
}

#[async_trait]
impl Tool for MakeChart {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "make_chart".into(),
            description: format!(
                "Draw an SVG chart from a read-only SQL query over the data files (tables as in query_data). Kinds: bar, line, scatter \
                 (first column is the label or x, up to {MAX_SERIES} number columns are the series, named by their column names), \
                 histogram (one number column, its rows are counted in bins). The path ends in .svg."
            ),
            input_schema: json!({"type": "object", "properties": {
                "sql": {"type": "string", "description": "one SELECT or WITH statement; ORDER BY decides the order of bars"},
                "kind": {"type": "string", "enum": ["bar", "line", "scatter", "histogram"]},
                "title": {"type": "string"},
                "path": {"type": "string", "description": "where to write it, like charts/revenue.svg"}
            }, "required": ["sql", "kind", "title", "path"], "additionalProperties": false})
            .into(),
        }
    }

    fn is_read_only(&self) -> bool {
        false
    }

    async fn run(&self, input: Value, context: &ToolContext) -> ToolOutcome {
        let input: Input = match serde_json::from_value(input) {
            Ok(input) => input,
            Err(error) => {
                let expected = "make_chart expects {sql, kind, title, path}; kind is bar, line, scatter or histogram (there is no pie: bars compare better)";
                return ToolOutcome::refused(format!("{expected}: {error}"));
            }
        };
        let (here, warehouse) = (context.clone(), self.warehouse.clone());
        on_blocking_thread(&context.workspace, move || chart(&input, &here, &warehouse)).await
    }
}

fn chart(input: &Input, context: &ToolContext, warehouse: &Warehouse) -> Result<ToolOutcome, Refusal> {
    let path = Jail::path(&input.path)?;
    if path.extension().as_deref() != Some(".svg") {
        return Err(Refusal::NotAllowed(format!("`{path}`: a chart is an SVG picture, its path ends in .svg")));
    }
    context.workspace.may_write(&path)?;
    let limit = if input.kind == Kind::Histogram { MAX_COUNTED } else { MAX_POINTS };
    let answer = warehouse.query(&context.workspace, &input.sql, limit, &context.cancelled)?;
    let drawing = arrange(input, &answer).map_err(Refusal::NotAllowed)?;
    let svg = draw(&drawing);
    let sha256 = context.workspace.write(&path, svg.as_bytes())?;
    let bytes = svg.len() as u64;
    let content = json!({"path": path, "kind": kind_name(input.kind), "points": drawing.labels.len(), "series": drawing.series.iter().map(|series| &series.name).collect::<Vec<_>>(), "notes": drawing.notes});
    let summary = format!("drew {path} ({} points)", drawing.labels.len());
    Ok(ToolOutcome { touched: vec![Touched { path, sha256, bytes, wrote: true }], ..ToolOutcome::ok(content.to_string(), summary) })
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bar => "bar",
        Kind::Line => "line",
        Kind::Scatter => "scatter",
        Kind::Histogram => "histogram",
    }
}

/// Turns rows into labels and series; the error says what the query should return instead.
fn arrange(input: &Input, answer: &Answer) -> Result<Drawing, String> {
    if answer.rows.is_empty() {
        return Err("the query has no rows: there is nothing to draw".into());
    }
    let mut drawing = Drawing { kind: input.kind, title: input.title.clone(), ..Drawing::new(input.kind) };
    if answer.row_count > answer.rows.len() {
        drawing.notes.push(format!("only the first {} of {} rows are drawn", answer.rows.len(), answer.row_count));
    }
    if input.kind == Kind::Histogram {
        return histogram(drawing, answer);
    }
    let numeric = |column: usize| answer.rows.iter().all(|row| matches!(row.get(column), Some(Value::Number(_) | Value::Null)));
    let columns: Vec<usize> = (1..answer.columns.len()).filter(|column| numeric(*column) && has_number(answer, *column)).collect();
    if columns.is_empty() {
        let expected = "the first column is the label or x, each further one a series of numbers";
        return Err(format!("the query returns {} column(s) and no series: {expected}", answer.columns.len()));
    }
    if columns.len() > MAX_SERIES {
        drawing.notes.push(format!("only the first {MAX_SERIES} of {} series are drawn", columns.len()));
    }
    drawing.x_name = answer.columns.first().cloned().unwrap_or_default();
    drawing.labels = answer.rows.iter().map(|row| label(row.first())).collect();
    drawing.series = columns.iter().take(MAX_SERIES).map(|column| series(answer, *column)).collect();
    drawing.x_values = answer.rows.iter().map(|row| row.first().and_then(Value::as_f64)).collect();
    if input.kind == Kind::Bar && drawing.labels.len() > MAX_BARS {
        return Err(format!("{} bars cannot be read: group the rows, or add ORDER BY … LIMIT {MAX_BARS}", drawing.labels.len()));
    }
    if input.kind == Kind::Scatter && drawing.x_values.iter().all(Option::is_none) {
        return Err(format!(
            "a scatter chart needs numbers in its first column; `{}` has none (a line chart takes labels)",
            drawing.x_name
        ));
    }
    Ok(drawing)
}

fn histogram(mut drawing: Drawing, answer: &Answer) -> Result<Drawing, String> {
    let column = (0..answer.columns.len()).find(|column| has_number(answer, *column));
    let Some(column) = column else { return Err("a histogram needs a column of numbers; the query returns none".into()) };
    let values = series(answer, column);
    drawing.x_name = values.name;
    drawing.x_values = values.values;
    drawing.labels = vec![String::new(); drawing.x_values.iter().flatten().count()];
    Ok(drawing)
}

fn has_number(answer: &Answer, column: usize) -> bool {
    answer.rows.iter().any(|row| row.get(column).is_some_and(Value::is_number))
}

fn series(answer: &Answer, column: usize) -> Series {
    let name = answer.columns.get(column).cloned().unwrap_or_default();
    Series { name, values: answer.rows.iter().map(|row| row.get(column).and_then(Value::as_f64)).collect() }
}

fn label(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "(missing)".to_owned(),
        Some(Value::String(text)) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Some(other) => other.to_string(),
    }
}

/// Which of `count` labels are shown when only `room` fit: evenly spread, the first always.
pub(super) fn thinned(count: usize, room: usize) -> BTreeSet<usize> {
    let step = count.div_ceil(room.max(1)).max(1);
    (0..count).step_by(step).collect()
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
