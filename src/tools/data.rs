//! The tools profile_data and query_data, and the only place that knows SQLite: every data file of the workspace as a table, read-only SQL over them.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Value, json};

use super::data_infer::{Cell, Column, Kind, columns};
use super::data_profile::profile;
use super::data_read::{Table, read};
use super::data_tables::{DataFile, data_files, table_name_in};
use super::described::{Stopped, off_the_async_threads};
use super::tool::{MAX_RESULT_BYTES, Tool, ToolContext};
use crate::domain::hash::sha256;
use crate::domain::tool::Touched;
use crate::domain::{ToolOutcome, ToolSpec};
use crate::sys::clock::{Clock, SystemClock};
use crate::workspace::jail::{Jail, Refusal};

/// Rows of an answer that are shown.
pub const MAX_ROWS: usize = 200;
/// How long one query may run.
const TIME_LIMIT: Duration = Duration::from_secs(10);
const MAX_CELL_CHARS: usize = 400;
/// The longest text or blob a query may build: `printf` and `group_concat` stop here.
const MAX_VALUE_BYTES: i32 = 16 * 1024 * 1024;

/// profile_data and query_data.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(ProfileData), Arc::new(QueryData { warehouse: Arc::default() })]
}

struct ProfileData;

#[async_trait]
impl Tool for ProfileData {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "profile_data".into(),
            description: "Describe a CSV, TSV or JSON file of the workspace: for each column its type, missing and distinct values, \
                range, quartiles, outliers, most frequent values, date span; duplicate and ragged rows, likely keys. Answers JSON; \
                `table` is the file's name in query_data."
                .into(),
            input_schema: json!({"type": "object", "properties": {
                "path": {"type": "string", "description": "path in the workspace, like inputs/sales.csv"}
            }, "required": ["path"], "additionalProperties": false})
            .into(),
        }
    }

    async fn run(&self, input: Value, context: &ToolContext) -> ToolOutcome {
        let Some(text) = input.get("path").and_then(Value::as_str).map(str::to_owned) else {
            return ToolOutcome::refused("profile_data expects {\"path\": \"inputs/file.csv\"}");
        };
        let jail = context.workspace.clone();
        on_blocking_thread(&context.workspace, move || run_profile(&jail, &text)).await
    }
}

fn run_profile(jail: &Jail, text: &str) -> Result<ToolOutcome, Refusal> {
    let path = Jail::path(text)?;
    let bytes = jail.read(&path)?;
    let table = read(&bytes).map_err(|reason| Refusal::NotAllowed(format!("`{path}`: {reason}")))?;
    let profile = profile(&table, path.as_str(), &table_name_in(jail, &path)?);
    let summary = format!("profiled {path}: {} rows, {} columns", profile.rows, profile.columns);
    let touched = Touched { path, sha256: sha256(&bytes), bytes: bytes.len() as u64, wrote: false };
    Ok(ToolOutcome { touched: vec![touched], ..ToolOutcome::ok(profile.to_json(), summary) })
}

struct QueryData {
    warehouse: Arc<Warehouse>,
}

#[async_trait]
impl Tool for QueryData {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "query_data".into(),
            description: format!(
                "Answer one read-only SQL statement (SQLite) over the data files of the workspace; each file is a table named as \
                 profile_data says (inputs/sales.csv is `sales`). Dates are ISO text (use substr or strftime), missing values NULL. \
                 Quote names with spaces. Extra functions: sqrt, power, ln, exp, floor, ceil. Answers JSON {{columns, rows, row_count, \
                 truncated}} with up to {MAX_ROWS} rows."
            ),
            input_schema: json!({"type": "object", "properties": {
                "sql": {"type": "string", "description": "one SELECT or WITH statement"}
            }, "required": ["sql"], "additionalProperties": false})
            .into(),
        }
    }

    async fn run(&self, input: Value, context: &ToolContext) -> ToolOutcome {
        let Some(sql) = input.get("sql").and_then(Value::as_str).map(str::to_owned) else {
            return ToolOutcome::refused("query_data expects {\"sql\": \"SELECT …\"}");
        };
        let (jail, cancelled, warehouse) = (context.workspace.clone(), context.cancelled.clone(), self.warehouse.clone());
        on_blocking_thread(&context.workspace, move || {
            let answer = warehouse.query(&jail, &sql, MAX_ROWS, &cancelled)?;
            Ok(ToolOutcome::ok(answer.to_json(), format!("{} rows", answer.row_count)))
        })
        .await
    }
}

/// Runs `work` where it may block; a refusal becomes an outcome, a failing disk stops the run.
pub(super) async fn on_blocking_thread<F>(jail: &Jail, work: F) -> ToolOutcome
where
    F: FnOnce() -> Result<ToolOutcome, Refusal> + Send + 'static,
{
    match off_the_async_threads(jail, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(Refusal::NotAllowed(reason))) => ToolOutcome::refused(reason),
        Ok(Err(Refusal::Disk(error))) | Err(Stopped::Disk(error)) => {
            ToolOutcome { disk_failure: Some(error.to_string()), ..ToolOutcome::refused("the workspace's disk failed") }
        }
        Err(Stopped::BrokeOff) => ToolOutcome::refused("the tool stopped before it was done"),
    }
}

/// The rows of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    /// All rows of the result, also those not kept.
    pub row_count: usize,
}

impl Answer {
    /// `{columns, rows, row_count, truncated}`, with as many rows as fit in a tool's result.
    fn to_json(&self) -> String {
        let mut size = json!(self.columns).to_string().len() + 80;
        let fits = |row: &&Vec<Value>| {
            size += json!(row).to_string().len() + 1;
            size <= MAX_RESULT_BYTES
        };
        let rows: Vec<&Vec<Value>> = self.rows.iter().take_while(fits).collect();
        let truncated = rows.len() < self.row_count;
        json!({"columns": self.columns, "rows": rows, "row_count": self.row_count, "truncated": truncated}).to_string()
    }
}

/// The data files of one workspace in an in-memory database, kept until a file changes.
#[derive(Default)]
pub struct Warehouse {
    loaded: Mutex<Option<Loaded>>,
}

struct Loaded {
    key: u64,
    connection: Connection,
    /// One line a table: `sales (date TEXT, units INTEGER)`.
    tables: Vec<String>,
    left_out: Vec<String>,
}

impl Warehouse {
    /// The first `limit` rows of one read-only statement over the data files of `jail`.
    pub fn query(&self, jail: &Jail, sql: &str, limit: usize, cancelled: &Arc<AtomicBool>) -> Result<Answer, Refusal> {
        let files = data_files(jail)?;
        let key = content_key(&files);
        let mut guard = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.as_ref().is_none_or(|loaded| loaded.key != key) {
            *guard = None;
            *guard = Some(load(files, key).map_err(|error| Refusal::NotAllowed(format!("the data files cannot be loaded: {error}")))?);
        }
        let Some(loaded) = guard.as_mut() else { return Err(Refusal::NotAllowed("no data is loaded".into())) };
        let deadline = SystemClock.instant() + TIME_LIMIT;
        let result = answer(&mut loaded.connection, sql, limit, (deadline, cancelled.clone()));
        result.map_err(|error| Refusal::NotAllowed(loaded.explain(&error)))
    }
}

/// Tells whether the files are those that were loaded. A query must not wait for a cryptographic hash over all data.
fn content_key(files: &[DataFile]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.path.hash(&mut hasher);
        file.bytes.hash(&mut hasher);
    }
    hasher.finish()
}

impl Loaded {
    /// The error, with what could be asked instead.
    fn explain(&self, error: &rusqlite::Error) -> String {
        use rusqlite::ErrorCode::{AuthorizationForStatementDenied, OperationInterrupted, OutOfMemory, TooBig};
        let what = match (error.sqlite_error_code(), error) {
            (Some(OperationInterrupted), _) => format!("the query was stopped: it took longer than {} s", TIME_LIMIT.as_secs()),
            (Some(AuthorizationForStatementDenied), _) => "only reading is allowed: one SELECT or WITH statement over the tables".into(),
            (Some(OutOfMemory | TooBig), _) => "the query needs too much memory".into(),
            (_, rusqlite::Error::MultipleStatement) => "one statement at a time is expected".into(),
            _ => format!("the query cannot be answered: {error}"),
        };
        let mut tables: String = self.tables.join("; ").chars().take(4000).collect();
        if self.tables.is_empty() {
            tables = "none: there is no CSV, TSV or JSON data file in the workspace".into();
        }
        let left_out = if self.left_out.is_empty() { String::new() } else { format!("; left out: {}", self.left_out.join("; ")) };
        format!("{what}. Tables: {tables}{left_out}")
    }
}

fn load(files: Vec<DataFile>, key: u64) -> rusqlite::Result<Loaded> {
    let mut connection = Connection::open_in_memory()?;
    connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA journal_mode = OFF; PRAGMA trusted_schema = OFF;")?;
    let (mut tables, mut left_out) = (Vec::new(), Vec::new());
    for file in files {
        match file.bytes.and_then(|bytes| read(&bytes)) {
            Ok(table) => tables.push(insert(&mut connection, &file.table, &table)?),
            Err(reason) => left_out.push(format!("{} ({reason})", file.path)),
        }
    }
    add_functions(&connection)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.authorizer(Some(reads_only))?;
    Ok(Loaded { key, connection, tables, left_out })
}

/// SQLite asks this for each thing a statement would do.
fn reads_only(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

fn insert(connection: &mut Connection, name: &str, table: &Table) -> rusqlite::Result<String> {
    let columns = columns(table);
    let declared: Vec<String> = columns.iter().map(|column| format!("\"{}\" {}", column.name, sql_type(column.kind))).collect();
    let transaction = connection.transaction()?;
    transaction.execute(&format!("CREATE TABLE \"{name}\" ({})", declared.join(", ")), [])?;
    let marks = vec!["?"; columns.len()].join(",");
    {
        let mut statement = transaction.prepare(&format!("INSERT INTO \"{name}\" VALUES ({marks})"))?;
        for row in 0..table.rows() {
            statement.execute(params_from_iter(columns.iter().enumerate().map(|(at, column)| stored(column, table.cell(row, at)))))?;
        }
    }
    transaction.commit()?;
    let shown: Vec<String> = columns.iter().map(|column| format!("{} {}", quoted(&column.name), sql_type(column.kind))).collect();
    Ok(format!("{name} ({})", shown.join(", ")))
}

fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "INTEGER",
        Kind::Number => "REAL",
        _ => "TEXT",
    }
}

fn stored(column: &Column, text: &str) -> rusqlite::types::Value {
    match column.read(text) {
        Cell::Missing | Cell::Invalid => rusqlite::types::Value::Null,
        Cell::Integer(value) => rusqlite::types::Value::Integer(value),
        Cell::Number(value) => rusqlite::types::Value::Real(value),
        Cell::Text(text) => rusqlite::types::Value::Text(text.into_owned()),
    }
}

/// The few mathematical functions that this build of SQLite lacks. NULL stays NULL.
fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    type Function = fn(f64) -> f64;
    let functions: [(&str, Function); 6] =
        [("sqrt", f64::sqrt), ("ln", f64::ln), ("exp", f64::exp), ("floor", f64::floor), ("ceil", f64::ceil), ("log10", f64::log10)];
    for (name, function) in functions {
        connection.create_scalar_function(name, 1, flags, move |context| Ok(context.get::<Option<f64>>(0)?.map(function)))?;
    }
    connection.create_scalar_function("power", 2, flags, |context| {
        let (base, exponent) = (context.get::<Option<f64>>(0)?, context.get::<Option<f64>>(1)?);
        Ok(base.zip(exponent).map(|(base, exponent)| base.powf(exponent)))
    })
}

fn answer(connection: &mut Connection, sql: &str, limit: usize, stop: (Instant, Arc<AtomicBool>)) -> rusqlite::Result<Answer> {
    let (deadline, cancelled) = stop;
    let late = move || cancelled.load(Ordering::Relaxed) || SystemClock.instant() >= deadline;
    connection.progress_handler(20_000, Some(late))?;
    let mut statement = connection.prepare(sql.trim())?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = Answer { columns, rows: Vec::new(), row_count: 0 };
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.row_count += 1;
        if found.rows.len() < limit {
            let cells: rusqlite::Result<Vec<Value>> = (0..found.columns.len()).map(|at| row.get_ref(at).map(shown)).collect();
            found.rows.push(cells?);
        }
    }
    Ok(found)
}

fn shown(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => json!(value),
        // JSON has no infinities.
        ValueRef::Real(value) if value.is_finite() => json!(value),
        ValueRef::Real(value) => json!(value.to_string()),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let cut = text.char_indices().nth(MAX_CELL_CHARS).map(|(at, _)| at);
            cut.map_or_else(|| json!(text), |at| json!(format!("{}…", text.get(..at).unwrap_or_default())))
        }
        ValueRef::Blob(bytes) => json!(format!("(blob of {} bytes)", bytes.len())),
    }
}

#[cfg(test)]
#[path = "data_tests.rs"]
mod tests;
