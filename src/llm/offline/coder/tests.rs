//! Tests of the coder: tables and goals in, programs out. Whether the programs run is tried by `.ci/generated-code.sh`.
use super::turn;
use crate::llm::offline::stage::{Played, Stage};

const SALES: &str = "order_id,date,region,product,units,revenue\n1001,2024-01-05,North,Lamp,3,88.50\n1002,2024-01-19,South,Chair,1,120.00\n1003,2024-02-02,North,Chair,2,240.00\n1004,2024-02-11,West,Lamp,,29.50\n1005,2024-03-08,South,Table,1,310.00\n1006,2024-03-21,West,Chair,4,\n";
const GERMAN: &str =
    "Datum;Umsatz (€);Stadt;;Stadt\n05.01.2024;1.234,50;Köln;x;a\n17.02.2024;80,00;\"Müns;ter\";y;b\n01.03.2024;n/a;Köln;;c\n";
const HOSTILE: &str = "na\"me,@@TITLE@@,</script>\n\"\"\"\"\"\",1,\\\n'''x,2,{y}\n%s,3,\u{2028}z\n";

macro_rules! snapshot {
    ($name:expr, $text:expr) => {
        insta::with_settings!({ snapshot_path => "../snapshots" }, { insta::assert_snapshot!($name, $text) })
    };
}

fn code(stage: Stage, path: &str) -> (String, Played) {
    let played = stage.play(turn);
    assert!(played.turns <= 6 && played.closing.contains("Thin"), "{}", played.closing);
    let text = played.files.get(path).unwrap_or_else(|| panic!("{path} is missing in {:?}", played.files.keys())).clone();
    let head: String = text.lines().take(3).collect();
    assert!(head.contains("No language model was used"), "{head}");
    (text, played)
}

fn parses(language: tree_sitter::Language, text: &str) -> bool {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&language).unwrap();
    !parser.parse(text, None).unwrap().root_node().has_error()
}

fn is_python(text: &str) {
    assert!(parses(tree_sitter_python::LANGUAGE.into(), text), "{text}");
}

fn is_script(text: &str) {
    assert!(parses(tree_sitter_javascript::LANGUAGE.into(), text), "{text}");
}

#[test]
fn a_dashboard_over_a_table_is_described_and_checked() {
    let stage = Stage::new("coder", "Create a Python dashboard to analyze monthly sales data with charts").input("sales.csv", SALES);
    let (text, played) = code(stage, "dashboard.py");
    is_python(&text);
    let settings: String =
        text.lines().skip_while(|line| !line.starts_with("# What was found")).take(24).map(|line| format!("{line}\n")).collect();
    snapshot!("dashboard_settings", settings);
    snapshot!("implementation", &played.files["implementation.md"]);
    assert!(played.calls.iter().any(|(tool, input, _)| tool == "check_file" && input["path"] == "dashboard.py"));
}

#[test]
fn problems_of_the_check_are_told_and_left() {
    let mut stage = Stage::new("coder", "Write a Python script that converts files");
    stage.problems = vec!["something is open".into()];
    let played = stage.play(turn);
    assert!(played.files["implementation.md"].contains("something is open"));
    assert!(played.closing.contains("1 problem, left as they are"), "{}", played.closing);
}

#[test]
fn semicolons_commas_and_odd_headers_reach_the_script() {
    let (text, _) = code(Stage::new("coder", "Zeige den Umsatz nach Stadt").output("bericht.py").input("umsatz.csv", GERMAN), "bericht.py");
    is_python(&text);
    for part in [
        "DELIMITER = \";\"",
        "DECIMAL_COMMA = True",
        "VALUE_COLUMNS = [\"Umsatz (€)\"]",
        "DATE_FORMATS = [\"%d.%m.%Y\"]",
        "SAMPLE_TOTAL = 1314.5",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn hostile_headers_and_goals_stay_text() {
    let goal = "Build \"\"\" + __import__('os') # \\ */ --> </script><script>alert(1)</script> of name";
    for output in ["a.py", "b.js", "c.ts", "d.html", "e.sql", "f.json"] {
        let (text, _) = code(Stage::new("coder", goal).output(output).input("x.csv", HOSTILE), output);
        match output {
            "a.py" => is_python(&text),
            "b.js" | "c.ts" => is_script(&text),
            "d.html" => assert!(parses(tree_sitter_html::LANGUAGE.into(), &text) && text.matches("<script").count() == 2, "{text}"),
            "f.json" => assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok()),
            _ => {}
        }
    }
    for output in ["a.py", "b.js", "c.rs", "d.html", "e.css", "f.json", "g.yaml"] {
        let (text, _) = code(Stage::new("coder", goal).output(output), output);
        match output {
            "a.py" => is_python(&text),
            "b.js" => is_script(&text),
            "c.rs" => assert!(parses(tree_sitter_rust::LANGUAGE.into(), &text), "{text}"),
            _ => {}
        }
    }
}

#[test]
fn a_page_holds_its_rows_and_loads_nothing() {
    let (text, _) =
        code(Stage::new("coder", "Build a sales dashboard page").output("dashboard.html").input("sales.csv", SALES), "dashboard.html");
    assert!(parses(tree_sitter_html::LANGUAGE.into(), &text));
    assert!(text.contains("This page holds all 6 rows of inputs/sales.csv."), "{text}");
    assert!(!text.replace("http://www.w3.org/2000/svg", "").contains("http"));
    let script = text.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    is_script(script);
}

#[test]
fn a_goal_about_keeping_things_gets_a_working_store() {
    let (text, played) = code(Stage::new("coder", "Build a command line to-do list tracker"), "todo_tracker.py");
    is_python(&text);
    assert!(!text.contains("NotImplementedError") && text.contains("THING = \"to-do item\""), "{text}");
    assert!(played.files["implementation.md"].contains("Keeps entries"));
}

#[test]
fn verbs_of_the_goal_become_commands_that_say_they_are_unfilled() {
    let goal = "Build a tool that converts Markdown, validates links and watches a folder";
    for (output, call) in [
        ("tool.py", "\"validate\": command_validate"),
        ("tool.js", "validate: validateCommand"),
        ("tool.rs", "(\"validate\", validate_command)"),
    ] {
        let (text, played) = code(Stage::new("coder", goal).output(output), output);
        assert!(text.contains(call) && text.contains("fill in: what convert does"), "{text}");
        assert!(played.closing.contains("`convert`, `validate`, `watch`"), "{}", played.closing);
    }
}

#[test]
fn the_designers_files_name_the_script() {
    let design = "# Design\n\n| file | role |\n|---|---|\n| `loader.py` | reads the data |\n| `sales_app.py` | draws |\n";
    let stage = Stage::new("coder", "Create a Python dashboard for sales").upstream("designer", "architecture_design.md", design);
    let (_, played) = code(stage, "sales_app.py");
    assert!(
        played.files["implementation.md"].contains("The design names `loader.py` (reads the data); it is not written."),
        "{}",
        played.files["implementation.md"]
    );
}

#[test]
fn a_long_table_is_read_in_part_and_says_so() {
    let rows: String = (0..4000).map(|number| format!("2024-01-{:02},North,{number}\n", number % 28 + 1)).collect();
    let (_, played) = code(
        Stage::new("coder", "Write a Python script to sum sales").input("big.csv", &format!("date,region,sales\n{rows}")),
        "sales_script.py",
    );
    assert!(played.files["implementation.md"].contains("Only the first 400 rows"), "{}", played.files["implementation.md"]);
}

#[test]
fn with_few_turns_the_output_is_delivered_all_the_same() {
    for turns in 1..=5 {
        let mut stage = Stage::new("coder", "Create a Python dashboard").input("sales.csv", SALES);
        stage.turns = turns;
        let played = stage.play(turn);
        assert!(
            played.files.contains_key("implementation.md") || played.closing.contains("# Implementation"),
            "{turns}: {}",
            played.closing
        );
    }
}

#[test]
fn odd_data_does_not_make_it_panic() {
    for text in
        ["", "\u{feff}", ",,,\n,,,", "a;b\n\"open", "\u{0}\u{1},2\n3", "{", "[1,2]", "[{}]", "{\"a\":[{\"b\":null}]}", "a\tb\n👩‍👩‍👧‍👦\t٣\n"]
    {
        for output in ["implementation.md", "x.py", "x.html", "x.js", "x.sql"] {
            let stage = Stage::new("coder", "🎉 مرحبا").output(output).input("odd.csv", text);
            stage.play(turn);
        }
    }
}

/// Tables of the fixtures, read as the real tool reads them: bytes that are no UTF-8 become U+FFFD.
const TABLES: [(&str, &[u8]); 8] = [
    ("sales.csv", include_bytes!("../../../../tests/fixtures/tables/sales.csv")),
    ("umsatz.csv", include_bytes!("../../../../tests/fixtures/tables/umsatz.csv")),
    ("latin1.csv", include_bytes!("../../../../tests/fixtures/tables/latin1.csv")),
    ("hostile.csv", include_bytes!("../../../../tests/fixtures/tables/hostile.csv")),
    ("visitors.tsv", include_bytes!("../../../../tests/fixtures/tables/visitors.tsv")),
    ("nothing-to-add.csv", include_bytes!("../../../../tests/fixtures/tables/nothing-to-add.csv")),
    ("amounts.json", include_bytes!("../../../../tests/fixtures/tables/amounts.json")),
    ("years.csv", include_bytes!("../../../../tests/fixtures/tables/years.csv")),
];

/// Every program that the script tries: folder, name, text.
fn programs() -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (table, bytes) in TABLES {
        for output in ["data.py", "data.js", "data.ts", "data.html", "data.sql"] {
            let stage =
                Stage::new("coder", "Add up \"the\" numbers \\ by month").output(output).input(table, &String::from_utf8_lossy(bytes));
            all.push((table.to_owned(), output.to_owned(), code(stage, output).0));
        }
    }
    for (folder, goal) in
        [("store", "Build a to-do list tracker for the command line"), ("cli", "Build a tool that converts Markdown and validates links")]
    {
        for output in ["tool.py", "tool.js", "tool.ts", "tool.rs"] {
            all.push((folder.to_owned(), output.to_owned(), code(Stage::new("coder", goal).output(output), output).0));
        }
    }
    all
}

#[test]
fn every_program_for_the_fixtures_parses() {
    for (table, name, text) in programs() {
        match name.rsplit('.').next().unwrap() {
            "py" => is_python(&text),
            "js" | "ts" => is_script(&text),
            "rs" => assert!(parses(tree_sitter_rust::LANGUAGE.into(), &text)),
            "html" => assert!(parses(tree_sitter_html::LANGUAGE.into(), &text), "{table}"),
            _ => {}
        }
    }
}

#[test]
#[ignore = "writes programs for .ci/generated-code.sh, which runs them"]
#[allow(clippy::disallowed_methods, reason = "a test may write where its caller says")]
fn programs_are_written_for_the_script() {
    let target = std::path::PathBuf::from(std::env::var("GENERATED_CODE_DIR").expect("GENERATED_CODE_DIR names an empty folder"));
    for (folder, name, text) in programs() {
        std::fs::create_dir_all(target.join(&folder).join("inputs")).unwrap();
        std::fs::write(target.join(&folder).join(name), text).unwrap();
        if let Some((table, bytes)) = TABLES.iter().find(|(table, _)| *table == folder) {
            std::fs::write(target.join(&folder).join("inputs").join(table), bytes).unwrap();
        }
    }
}
