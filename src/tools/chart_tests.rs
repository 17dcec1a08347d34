//! Charts from queries through the jail.
use super::*;
use crate::domain::NoBuffers;
use crate::sys::disk::{Disk, RealDisk};

fn workspace() -> (tempfile::TempDir, ToolContext) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inputs")).unwrap();
    std::fs::write(folder.path().join("inputs/sales.csv"), "month,region,units\n2024-01,North,3\n2024-02,North,5\n2024-02,South,\n")
        .unwrap();
    let disk: Arc<dyn Disk> = RealDisk::root().unwrap().open(folder.path()).unwrap();
    let context = ToolContext {
        workspace: Arc::new(Jail::new(disk.clone(), vec![".svg".into(), ".md".into()])),
        project: folder.path().to_owned(),
        base_dir: folder.path().to_owned(),
        buffers: Arc::new(NoBuffers),
        disk,
        known: Arc::default(),
        rerun: false,
        inputs: Arc::default(),
        evidence: Default::default(),
        cancelled: Arc::default(),
    };
    (folder, context)
}

async fn chart(context: &ToolContext, input: Value) -> ToolOutcome {
    MakeChart { warehouse: Arc::default() }.run(input, context).await
}

#[tokio::test]
async fn a_chart_is_written_and_told() {
    let (folder, context) = workspace();
    let input = json!({"sql": "SELECT month, sum(units) AS units FROM sales GROUP BY 1", "kind": "line", "title": "Units", "path": "charts/units.svg"});
    let outcome = chart(&context, input.clone()).await;
    assert!(outcome.ok, "{}", outcome.content);
    let written = std::fs::read_to_string(folder.path().join("charts/units.svg")).unwrap();
    assert!(written.contains("2024-02-01: units 5"));
    assert_eq!(
        (outcome.touched[0].path.as_str(), outcome.touched[0].wrote, outcome.touched[0].bytes),
        ("charts/units.svg", true, written.len() as u64)
    );
    assert_eq!(chart(&context, input).await.touched[0].sha256, outcome.touched[0].sha256);
}

#[tokio::test]
async fn what_cannot_be_drawn_is_refused_with_what_is_expected() {
    let (_folder, context) = workspace();
    let good = json!({"sql": "SELECT region, units FROM sales", "kind": "bar", "title": "t", "path": "a.svg"});
    for (key, value, word) in [
        ("kind", json!("pie"), "histogram"),
        ("path", json!("a.png"), ".svg"),
        ("path", json!("../a.svg"), "relative"),
        ("path", json!("inputs/a.svg"), "orchestrator"),
        ("sql", json!("SELECT region FROM sales"), "series"),
        ("sql", json!("SELECT region, units FROM sales WHERE 0"), "no rows"),
        ("sql", json!("SELECT region, region FROM sales"), "series"),
        ("sql", json!("DELETE FROM sales"), "only reading"),
        ("title", json!(3), "expects"),
    ] {
        let mut input = good.clone();
        input[key] = value;
        let outcome = chart(&context, input).await;
        assert!(!outcome.ok && outcome.content.contains(word), "{key}: {}", outcome.content);
    }
    let scatter = json!({"sql": "SELECT region, units FROM sales", "kind": "scatter", "title": "t", "path": "a.svg"});
    assert!(chart(&context, scatter).await.content.contains("numbers in its first column"));
    let histogram = json!({"sql": "SELECT units FROM sales", "kind": "histogram", "title": "t", "path": "a.svg"});
    assert!(chart(&context, histogram).await.ok);
}
