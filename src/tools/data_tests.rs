//! SQL over workspace files: right values, reading only, one statement, stopped in time, errors that help.
use super::*;
use crate::domain::NoBuffers;
use crate::sys::disk::{Disk, RealDisk};

fn workspace(files: &[(&str, &str)]) -> (tempfile::TempDir, ToolContext) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let disk = RealDisk::root().unwrap().open(folder.path()).unwrap();
    let context = context_on(disk, folder.path());
    (folder, context)
}

fn context_on(disk: Arc<dyn Disk>, folder: &std::path::Path) -> ToolContext {
    ToolContext {
        workspace: Arc::new(Jail::new(disk.clone(), vec![".md".into(), ".svg".into()])),
        project: folder.to_owned(),
        base_dir: folder.to_owned(),
        buffers: Arc::new(NoBuffers),
        disk,
        known: Arc::default(),
        rerun: false,
        inputs: Arc::default(),
        evidence: Default::default(),
        cancelled: Arc::default(),
    }
}

async fn query(context: &ToolContext, sql: &str) -> Result<Value, String> {
    let tool = QueryData { warehouse: Arc::default() };
    let outcome = tool.run(json!({"sql": sql}), context).await;
    if outcome.ok { Ok(serde_json::from_str(&outcome.content).unwrap()) } else { Err(outcome.content) }
}

const SALES: &str = "date,region,units,unit price\n31/01/2024,North,3,\"1,200.50\"\n15/02/2024,South,,2\n15/02/2024,South,5,NA\n";

#[tokio::test]
async fn every_data_file_is_a_table_with_typed_columns() {
    let (_folder, context) = workspace(&[
        ("inputs/sales.csv", SALES),
        ("inputs/order.json", r#"[{"id":1,"ok":true}]"#),
        ("notes.md", "x"),
        ("inputs/broken.json", "[1]"),
    ]);
    let answer = query(&context, "SELECT date, units, \"unit price\", typeof(units) FROM sales").await.unwrap();
    assert_eq!(
        answer["rows"],
        json!([["2024-01-31", 3, 1200.5, "integer"], ["2024-02-15", null, 2.0, "null"], ["2024-02-15", 5, null, "integer"]])
    );
    assert_eq!(query(&context, "SELECT id, ok FROM t_order").await.unwrap()["rows"], json!([[1, "true"]]));
    let error = query(&context, "SELECT nope FROM sales").await.unwrap_err();
    assert!(
        error.contains("sales (date TEXT, region TEXT, units INTEGER, \"unit price\" REAL)") && error.contains("broken.json"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_but_reading_is_possible() {
    let (folder, context) = workspace(&[("inputs/sales.csv", SALES)]);
    let other = folder.path().join("other.db");
    for sql in [
        "DELETE FROM sales",
        "DROP TABLE sales",
        "INSERT INTO sales VALUES (1,2,3,4)",
        "UPDATE sales SET units = 0",
        "CREATE TEMP TABLE x (a)",
        &format!("ATTACH '{}' AS other", other.display()),
        &format!("VACUUM INTO '{}'", other.display()),
        "PRAGMA query_only = OFF",
        "SELECT * FROM pragma_table_info('sales')",
        "SELECT load_extension('x')",
        "BEGIN",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE sales",
        "",
        "-- nothing",
        "SELECT 'a\0b",
        "SELECT \"no such column\" FROM sales",
    ] {
        assert!(query(&context, sql).await.is_err(), "{sql}");
    }
    assert!(!other.exists());
    assert_eq!(query(&context, "SELECT count(*) FROM sales;").await.unwrap()["rows"], json!([[3]]));
}

#[tokio::test]
async fn an_endless_query_is_stopped_when_the_call_is_cancelled() {
    let (_folder, context) = workspace(&[("inputs/sales.csv", SALES)]);
    context.cancelled.store(true, Ordering::Relaxed);
    let error = query(&context, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n").await.unwrap_err();
    assert!(error.contains("stopped"), "{error}");
    assert!(query(&context, "SELECT length(printf('%.*c', 100000000, 'x'))").await.is_err());
}

#[tokio::test]
async fn long_results_are_cut_and_say_so() {
    let (_folder, context) = workspace(&[("inputs/sales.csv", SALES)]);
    let answer =
        query(&context, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1000) SELECT i FROM n").await.unwrap();
    assert_eq!((answer["rows"].as_array().unwrap().len(), &answer["row_count"], &answer["truncated"]), (200, &json!(1000), &json!(true)));
    let wide = query(
        &context,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 150) SELECT printf('%.*c', 3000, 'x') FROM n",
    )
    .await
    .unwrap();
    assert!(wide.to_string().len() <= MAX_RESULT_BYTES && wide["truncated"] == json!(true));
}

#[tokio::test]
async fn a_changed_file_is_loaded_anew_and_an_unchanged_one_is_not() {
    let (folder, context) = workspace(&[("inputs/sales.csv", "a\n1\n2\n")]);
    let warehouse = Warehouse::default();
    let ask = || warehouse.query(&context.workspace, "SELECT sum(a) FROM sales", 10, &context.cancelled).unwrap().rows;
    assert_eq!(ask(), [[json!(3)]]);
    std::fs::write(folder.path().join("inputs/sales.csv"), "a\n10\n20\n").unwrap();
    assert_eq!(ask(), [[json!(30)]]);
    let key = warehouse.loaded.lock().unwrap().as_ref().unwrap().key;
    assert_eq!(ask(), [[json!(30)]]);
    assert_eq!(warehouse.loaded.lock().unwrap().as_ref().unwrap().key, key);
}

#[tokio::test]
async fn wrong_inputs_are_refused_with_what_is_expected() {
    let (_folder, context) = workspace(&[("inputs/empty.csv", ""), ("inputs/a.csv", "x\n")]);
    for (input, word) in [
        (json!({}), "expects"),
        (json!({"path": 3}), "expects"),
        (json!({"path": "../x.csv"}), "relative"),
        (json!({"path": "inputs/none.csv"}), "does not exist"),
        (json!({"path": "inputs/empty.csv"}), "empty"),
        (json!({"path": ".orchestrator/journal.jsonl"}), "belongs"),
    ] {
        let outcome = ProfileData.run(input.clone(), &context).await;
        assert!(!outcome.ok && outcome.content.contains(word), "{input}: {}", outcome.content);
    }
    let outcome = ProfileData.run(json!({"path": "inputs/a.csv"}), &context).await;
    assert!(outcome.ok && outcome.touched[0].path.as_str() == "inputs/a.csv" && !outcome.touched[0].wrote);
}

#[tokio::test]
async fn a_file_of_200_megabytes_is_refused_and_the_others_still_answer() {
    let (folder, context) = workspace(&[("inputs/a.csv", "x\n1\n")]);
    std::fs::File::create(folder.path().join("inputs/huge.csv")).unwrap().set_len(200 * 1024 * 1024).unwrap();
    let outcome = ProfileData.run(json!({"path": "inputs/huge.csv"}), &context).await;
    assert!(!outcome.ok && outcome.disk_failure.is_none() && outcome.content.contains("larger"), "{}", outcome.content);
    assert_eq!(query(&context, "SELECT sum(x) FROM a").await.unwrap()["rows"], json!([[1]]));
    assert!(query(&context, "SELECT * FROM huge").await.unwrap_err().contains("left out: inputs/huge.csv"));
}
