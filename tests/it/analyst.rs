//! The offline analyst with the real data tools in a real folder: what a person would find there, and whether its figures are right.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A row as the test drew it: month, region, cents (none where the cell is empty).
type Sale = (u32, usize, Option<i64>);

use ai_orchestrator::domain::message::{Brief, Upstream};
use ai_orchestrator::domain::{Block, InputFile, Message, ModelRequest, NoBuffers, RelPath, Role, StepId};
use ai_orchestrator::llm::offline::{Move, analyst, moves};
use ai_orchestrator::sys::disk::RealDisk;
use ai_orchestrator::tools::{Tool, ToolContext, chart, data};
use ai_orchestrator::workspace::jail::Jail;

/// What a finished step left.
struct Finished {
    folder: tempfile::TempDir,
    said: String,
    turns: usize,
    /// Every call with its result, in order.
    calls: Vec<(String, serde_json::Value, String, bool)>,
}

impl Finished {
    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn report(&self) -> String {
        self.read("analysis_report.md")
    }
}

fn brief(goal: &str, inputs: &[&str]) -> Brief {
    let input = |path: &&str| InputFile { path: RelPath::new(path).unwrap(), source: (*path).into(), bytes: 0, sha256: String::new() };
    Brief {
        inputs: inputs.iter().map(input).collect(),
        turns_left: 6,
        ..Brief::new("analyst", goal, StepId::numbered(1), RelPath::new("analysis_report.md").unwrap())
    }
}

/// Runs the analyst's turns against the tools until it says its closing text.
async fn finish(folder: tempfile::TempDir, brief: Brief) -> Finished {
    let context = context(folder.path());
    let tools: Vec<Arc<dyn Tool>> = data::tools().into_iter().chain(chart::tools()).collect();
    let turns = brief.turns_left as usize + 1;
    let opening = vec![Message::user(&brief.goal)];
    let mut request = ModelRequest::new(brief, opening);
    let mut calls = Vec::new();
    for turn in 1..=turns {
        let next = analyst::turn(&request);
        assert_eq!(next, analyst::turn(&request), "a turn depends on the request alone");
        if let Move::Say(said) = next {
            return Finished { folder, said, turns: turn, calls };
        }
        let reply = moves::reply(&request, next);
        let mut results = Vec::new();
        for call in reply.tool_calls() {
            let (content, ok) = match tools.iter().find(|tool| tool.spec().name == call.name) {
                Some(tool) => {
                    let outcome = tool.run(call.input.clone(), &context).await;
                    assert!(outcome.disk_failure.is_none());
                    (outcome.content, outcome.ok)
                }
                None => file_tool(&context, &call.name, &call.input),
            };
            calls.push((call.name.clone(), call.input.clone(), content.clone(), ok));
            results.push(Block::ToolResult { id: call.id.clone(), content, is_error: !ok });
        }
        request.messages.push(Message { role: Role::Assistant, blocks: reply.blocks, raw: None });
        request.messages.push(Message { role: Role::User, blocks: results, raw: None });
        request.brief.turns_left = request.brief.turns_left.saturating_sub(1);
    }
    panic!("the analyst did not finish in {turns} turns");
}

fn context(folder: &Path) -> ToolContext {
    let disk = RealDisk::root().unwrap().open(folder).unwrap();
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

/// write_file and list_files in their simplest form: others build and test the real ones.
fn file_tool(context: &ToolContext, name: &str, input: &serde_json::Value) -> (String, bool) {
    if name == "list_files" {
        let files = context.workspace.files().unwrap();
        return (files.iter().map(|(path, bytes)| format!("{path} ({bytes} bytes)\n")).collect(), true);
    }
    assert_eq!(name, "write_file");
    let path = Jail::path(input["path"].as_str().unwrap()).unwrap();
    match context.workspace.write(&path, input["content"].as_str().unwrap().as_bytes()) {
        Ok(_) => ("written".into(), true),
        Err(refusal) => (format!("{refusal:?}"), false),
    }
}

fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn sales() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sales.csv")).unwrap()
}

async fn analyse_sales(goal: &str) -> Finished {
    finish(workspace(&[("inputs/sales.csv", &sales())]), brief(goal, &["inputs/sales.csv"])).await
}

/// The example's rows, read by the csv crate alone.
fn rows() -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(sales().as_bytes()).deserialize().map(Result::unwrap).collect()
}

fn revenue(row: &BTreeMap<String, String>) -> f64 {
    row["revenue"].parse().unwrap_or(0.0)
}

/// `12345.6` as the report writes it.
fn money(value: f64) -> String {
    let text = format!("{value:.2}");
    let (whole, cents) = text.split_once('.').unwrap();
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if cents == "00" { grouped } else { format!("{grouped}.{cents}") }
}

#[tokio::test]
async fn the_sales_report_has_the_right_figures() {
    let finished = analyse_sales("Analyse inputs/sales.csv and write a report with charts").await;
    let report = finished.report();
    assert!(finished.turns <= 7);
    assert!(report.lines().take(4).any(|line| line.contains(moves::NO_MODEL)), "{report}");
    assert!(finished.calls.iter().all(|(_, _, _, ok)| *ok), "{:?}", finished.calls.iter().filter(|call| !call.3).collect::<Vec<_>>());
    let rows = rows();
    let total: f64 = rows.iter().map(revenue).sum();
    assert!(report.contains(&format!("**Revenue: {} in all**", money(total))), "{total}\n{report}");
    for key in ["region", "product", "category"] {
        let mut sums: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
        for row in &rows {
            let entry = sums.entry(&row[key]).or_default();
            *entry = (entry.0 + 1, entry.1 + revenue(row));
        }
        for (value, (count, sum)) in sums {
            let line = report.lines().find(|line| line.starts_with(&format!("| {value} | {count} | {} ", money(sum))));
            let line = line.unwrap_or_else(|| panic!("{value} {count} {}\n{report}", money(sum)));
            assert!(line.ends_with(&format!("| {:.1}% |", sum / total * 100.0)), "{line}");
        }
    }
    let mut months: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for row in &rows {
        let entry = months.entry(row["date"][..7].to_owned()).or_default();
        *entry = (entry.0 + 1, entry.1 + revenue(row));
    }
    assert_eq!(months.len(), 18);
    for (month, (count, sum)) in &months {
        assert!(report.contains(&format!("| {month} | {count} | {} ", money(*sum))), "{month} {count} {}", money(*sum));
    }
    let half = |from: &str, to: &str| months.range(from.to_owned()..=to.to_owned()).map(|(_, (_, sum))| sum).sum::<f64>();
    let (before, after) = (half("2024-07", "2024-12"), half("2025-07", "2025-12"));
    let growth = format!("The last 6 months brought {} of revenue, {:+.1}% against", money(after), (after - before) / before * 100.0);
    assert!(report.contains(&growth), "{growth}\n{report}");
    let best = months.iter().max_by(|a, b| a.1.1.total_cmp(&b.1.1)).unwrap();
    assert!(report.contains(&format!("The best month was {} with {}", best.0, money(best.1.1))));
    let missing = |key: &str| rows.iter().filter(|row| row[key].is_empty()).count();
    assert!(
        report.contains(&format!("`discount` ({})", missing("discount")))
            && report.contains(&format!("`customer_id` ({})", missing("customer_id")))
    );
}

#[tokio::test]
async fn the_sales_charts_are_linked_and_there() {
    let finished = analyse_sales("Analyse inputs/sales.csv and write a report with charts").await;
    let report = finished.report();
    let links: Vec<&str> = report.split("](charts/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(links.len(), 3, "{links:?}");
    for link in links {
        let svg = finished.read(&format!("charts/{link}"));
        assert!(svg.starts_with("<svg") && svg.contains(moves::NO_MODEL), "{link}");
    }
    assert!(finished.said.contains("3 charts") && finished.said.contains("analysis_report.md"), "{}", finished.said);
    if let Some(folder) = option_env!("ANALYST_KEEP") {
        keep(&finished, Path::new(folder));
    }
}

/// For looking at what was made: build with `ANALYST_KEEP=FOLDER`.
fn keep(finished: &Finished, folder: &Path) {
    std::fs::create_dir_all(folder.join("charts")).unwrap();
    std::fs::copy(finished.folder.path().join("analysis_report.md"), folder.join("analysis_report.md")).unwrap();
    for entry in std::fs::read_dir(finished.folder.path().join("charts")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join("charts").join(path.file_name().unwrap())).unwrap();
    }
}

#[tokio::test]
async fn the_words_of_the_goal_steer_the_report() {
    let report = analyse_sales("Which category sells the most units? Show the weekly trend.").await.report();
    assert!(report.contains("**Units: ") && report.contains("### Units by week"), "{report}");
    let (category, region) = (report.find("### Units by category").unwrap(), report.find("### Units by region").unwrap());
    assert!(category < region);
}

#[tokio::test]
async fn without_data_the_report_says_how_to_bring_some() {
    let finished = finish(workspace(&[("inputs/notes.txt", "hello")]), brief("Analyse our churn", &["inputs/notes.txt"])).await;
    let report = finished.report();
    assert!(report.contains("--attach") && report.contains(moves::NO_MODEL) && report.contains("inputs/notes.txt"), "{report}");
}

#[tokio::test]
async fn data_that_earlier_steps_left_is_found() {
    let folder = workspace(&[("results.csv", "name,score\nA,1\nB,2\nC,4\n"), ("notes.md", "x")]);
    let mut brief = brief("Analyse what there is", &[]);
    brief.upstream.push(Upstream {
        step: brief.step.clone(),
        agent: "researcher".into(),
        title: "Notes".into(),
        output: RelPath::new("notes.md").unwrap(),
    });
    brief.output = RelPath::new("reports/final.md").unwrap();
    let finished = finish(folder, brief).await;
    let report = finished.read("reports/final.md");
    assert!(report.contains("results.csv") && report.contains("[Notes](../notes.md)"), "{report}");
}

#[tokio::test]
async fn two_files_that_fit_together_are_said_to() {
    let orders: String = (0..40).map(|i| format!("{},{},{}\n", i, i % 8, i * 3)).collect();
    let customers: String = (0..8).map(|i| format!("{i},{}\n", ["North", "South"][i % 2])).collect();
    let files = [
        ("inputs/orders.csv", format!("order_id,customer_id,amount\n{orders}")),
        ("inputs/customers.csv", format!("customer_id,region\n{customers}")),
        ("inputs/broken.json", "[1, 2".into()),
    ];
    let folder = workspace(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
    let report =
        finish(folder, brief("Analyse the orders", &["inputs/orders.csv", "inputs/customers.csv", "inputs/broken.json"])).await.report();
    assert!(report.contains("8 of 8 values of `customer_id`") && report.contains("`inputs/broken.json` could not be analysed"), "{report}");
}

#[tokio::test]
async fn odd_files_still_end_in_a_report() {
    let wide = format!(
        "{}\n{}\n",
        (0..500).map(|i| format!("c{i}")).collect::<Vec<_>>().join(","),
        (0..500).map(|i| i.to_string()).collect::<Vec<_>>().join(",")
    );
    for text in [
        "a,b\n",
        "only\n1\n2\n3\n",
        "name\nx\ny\n",
        "a,a,\"x\"\"y\"\n1,2,3\n4,5,6\n",
        "when,what\n2024-01-05,x|y\n2024-02-06,<b>\n2024-03-01,\"new\nline\"\n",
        "a,b\n,\n,\n",
        "v,g\nNaN,x\ninf,y\n1e308,x\n1e308,y\n",
        "день,сумма\n2024-01-01,5\n2024-02-01,6\n",
        "😀,שלום\n1,א\n2,ב\n3,א\n4,א\n",
        "' OR 1=1 --,\"];DROP TABLE x\"\nx,1\nx,2\ny,3\ny,4\n",
        wide.as_str(),
    ] {
        let finished = finish(workspace(&[("inputs/odd.csv", text)]), brief("Analyse odd", &["inputs/odd.csv"])).await;
        let report = finished.report();
        let failed: Vec<_> = finished.calls.iter().filter(|call| !call.3).collect();
        assert!(failed.is_empty(), "{text:?}: {failed:?}");
        assert!(report.contains(moves::NO_MODEL) && !report.contains("<b>"), "{report}");
    }
}

#[tokio::test]
async fn few_turns_left_still_give_a_report() {
    for turns_left in 0..6 {
        let mut brief = brief("Analyse sales", &["inputs/sales.csv"]);
        brief.turns_left = turns_left;
        let finished = finish(workspace(&[("inputs/sales.csv", &sales())]), brief).await;
        let text = std::fs::read_to_string(finished.folder.path().join("analysis_report.md")).unwrap_or(finished.said);
        assert!(text.contains(moves::NO_MODEL), "{turns_left}: {text}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 24, failure_persistence: None, ..Default::default() })]
    #[test]
    fn figures_of_random_files_agree_with_a_naive_recomputation(
        rows in proptest::collection::vec((0u32..400, 0usize..4, proptest::option::weighted(0.9, 0i64..500_000)), 12..80),
    ) {
        let places = ["North", "South", "Far, \"East\"", "Île"];
        let first = chrono::NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
        let day = |after: u32| first + chrono::Days::new(u64::from(after));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["day", "place", "amount"]).unwrap();
        for (after, place, cents) in &rows {
            let amount = cents.map(|cents| format!("{}.{:02}", cents / 100, cents % 100)).unwrap_or_default();
            writer.write_record([day(*after).format("%d.%m.%Y").to_string(), places[*place].to_owned(), amount]).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let known = rows.iter().filter_map(|row| row.2).count();
        let different = |of: &dyn Fn(&Sale) -> String| rows.iter().map(of).collect::<std::collections::BTreeSet<_>>().len();
        // With too little to tell them apart, columns play other parts: that is no matter of figures.
        proptest::prop_assume!(known > 2 && different(&|row| row.1.to_string()) > 1 && different(&|row| row.2.map_or(String::new(), |cents| cents.to_string())) > 2);
        proptest::prop_assume!(rows.iter().map(|row| row.0).max().unwrap() - rows.iter().map(|row| row.0).min().unwrap() > 160);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let finished = runtime.block_on(finish(workspace(&[("inputs/random.csv", &text)]), brief("Analyse the amount by place and month", &["inputs/random.csv"])));
        let report = finished.report();
        let cents = |wanted: &dyn Fn(&Sale) -> bool| {
            let found: Vec<_> = rows.iter().filter(|row| wanted(row)).collect();
            (found.len(), found.iter().filter_map(|row| row.2).sum::<i64>(), found.iter().any(|row| row.2.is_some()))
        };
        // A whole sum is shown with its cents where others in the column have some.
        let tells = |name: &str, (count, cents, known): (usize, i64, bool)| {
            let sum = if known { money(cents as f64 / 100.0) } else { "–".to_owned() };
            [sum.clone(), format!("{sum}.00")].iter().any(|sum| report.contains(&format!("| {name} | {count} | {sum} |")))
        };
        let (_, total, _) = cents(&|_| true);
        proptest::prop_assert!(report.contains(&format!("{} in all", money(total as f64 / 100.0))), "{}\n{}", total, report);
        for (at, place) in places.iter().enumerate() {
            let found = cents(&|row| row.1 == at);
            proptest::prop_assert!(found.0 == 0 || tells(place, found), "{} {:?}\n{}", place, found, report);
        }
        for month in rows.iter().map(|row| day(row.0).format("%Y-%m").to_string()) {
            let found = cents(&|row| day(row.0).format("%Y-%m").to_string() == month);
            let told = tells(&month, found) || tells(&format!("{month} (partial)"), found);
            proptest::prop_assert!(told, "{} {:?}\n{}", month, found, report);
        }
        let missing = rows.len() - known;
        proptest::prop_assert!(missing == 0 || report.contains(&format!("`amount`: {missing} missing")), "{}", report);
    }
}

/// `cargo test --release --test it -- --ignored --nocapture a_million`: seconds, not minutes.
#[tokio::test]
#[ignore = "takes a minute without optimisation"]
async fn a_million_rows_are_analysed() {
    let mut text = String::from("date,region,product,units,price,revenue,customer\n");
    for i in 0_u64..1_000_000 {
        let noise = i.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 40;
        let (units, cents) = (noise % 9 + 1, noise % 9_900 + 100);
        let (month, day, cost) = (i * 12 / 1_000_000 + 1, i % 28 + 1, units * cents);
        let region = ["N", "S", "E", "W"][(i % 4) as usize];
        let line = format!(
            "2024-{month:02}-{day:02},{region},product {},{units},{}.{:02},{}.{:02},C{}\n",
            i % 37,
            cents / 100,
            cents % 100,
            cost / 100,
            cost % 100,
            noise % 20_000
        );
        text.push_str(&line);
    }
    let folder = workspace(&[("inputs/big.csv", &text)]);
    let start = std::time::Instant::now();
    let finished = finish(folder, brief("Analyse the data", &["inputs/big.csv"])).await;
    println!("{} MB in {:.1?}", text.len() / 1_000_000, start.elapsed());
    assert!(finished.report().contains("1,000,000 rows"));
    assert!(finished.calls.iter().all(|call| call.3), "{:?}", finished.calls.iter().filter(|call| !call.3).collect::<Vec<_>>());
}
