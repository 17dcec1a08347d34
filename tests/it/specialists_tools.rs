//! The designer and the QA tester, played against the real tools.
use std::path::Path;

use ai_orchestrator::llm::offline::{designer, moves, qa_tester};
use ai_orchestrator::tools::check::{Finding, check};
use serde_json::Value;

use crate::support::specialist::{Played, Scene};

/// The document, after the tests that every artifact must pass: it says who wrote it, and the house's own checks find nothing.
fn sound(played: &Played, path: &str) -> String {
    let document = played.artifact(path);
    let head: String = document.lines().take(4).collect();
    assert!(head.contains(moves::NO_MODEL), "{head}");
    assert_eq!(check(path, &document, &|_| false), Vec::<Finding>::new(), "{document}");
    if std::env::var_os("SHOW_ARTIFACTS").is_some() {
        println!("{document}\n{}\n", "=".repeat(80));
    }
    document
}

fn contains_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[test]
fn designer_describes_this_source_tree() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let played = Scene::new("designer", "Describe the architecture of this project").project_at(project).play(designer::turn);
    let document = sound(&played, "architecture_design.md");
    contains_all(
        &document,
        &[
            "# Architecture of ai-orchestrator",
            "`src/domain`",
            "```mermaid\nflowchart LR\n",
            "| `src/lib.rs` | library root |",
            "serde_json",
        ],
    );
    assert!(played.turns <= 4, "{}", played.turns);
}

/// A small web application in Python and TypeScript, with a circle of imports and a file nobody uses.
fn mixed_project() -> Scene {
    Scene::new("designer", "Plan the architecture | of the shop")
        .project_file("README.md", "# Shop\n\n[![badge](x.svg)](y)\n\nA small shop that sells [tea](tea.md)\nand nothing else.\n\n## Use\n")
        .project_file("pyproject.toml", "[project]\nname = \"shop\"\ndependencies = [\"flask>=3\"]\n[project.scripts]\nshop = \"shop.main:run\"\n")
        .project_file("shop/__init__.py", "")
        .project_file("shop/main.py", "import flask\nfrom . import store\nfrom shop.prices import price\n\ndef run():\n    pass\n\nif __name__ == \"__main__\":\n    run()\n")
        .project_file("shop/store.py", "from .prices import price\n\nclass Store:\n    pass\n")
        .project_file("shop/prices.py", "import shop.store\n\ndef price(x):\n    return x\n")
        .project_file("shop/unused.py", "import os\n")
        .project_file("package.json", "{\"name\": \"shop-web\", \"main\": \"web/index.ts\", \"dependencies\": {\"react\": \"^19\"}}")
        .project_file("web/index.ts", "import React from 'react';\nimport { show } from './view.js';\nexport * from './api';\nshow();\n")
        .project_file("web/view.tsx", "const api = require('./api');\nexport function show() { return <b>{api.x}</b>; }\n")
        .project_file("web/api/index.ts", "export const x = 1;\n")
        .project_file(".gitignore", "dist/\n")
        .project_file("dist/bundle.js", "import './ignored';\n")
        .project_file(".env", "SECRET=1\n")
}

#[test]
fn designer_finds_imports_circles_entry_points_and_unused_files() {
    let played = mixed_project().play(designer::turn);
    let document = sound(&played, "architecture_design.md");
    contains_all(
        &document,
        &[
            "From `README.md`, lines 5 to 6:",
            "A small shop that sells [tea](tea.md)\nand nothing else.",
            "| `shop/main.py` | run as a script (`__main__`) |",
            "| `web/index.ts` | package.json main |",
            "| `shop/main.py` | 9 | `shop/prices.py`, `shop/store.py` |",
            "| `web/index.ts` | 4 | `web/api/index.ts`, `web/view.tsx` |",
            "| `web/view.tsx` | 2 | `web/api/index.ts` |",
            "**Circle of imports** among 2 files: `shop/prices.py`, `shop/store.py`",
            "no entry point, test or example: `shop/unused.py`.",
            "`flask>=3`",
            "`react ^19`",
        ],
    );
    assert!(!document.contains("bundle") && !document.contains("SECRET"), "{document}");
}

#[test]
fn designer_says_so_when_the_project_may_not_be_read() {
    let played = mixed_project().deny("outline_project").deny("read_project").planned(&["app.py"]).play(designer::turn);
    let document = sound(&played, "architecture_design.md");
    contains_all(&document, &["The project itself was not looked at: the user did not allow this.", "`app.py`"]);
    assert!(!document.contains("shop/main.py"));
}

#[test]
fn designer_outlines_a_goal_without_a_project() {
    let goal = "Create a Python dashboard for monthly sales. It should show revenue by region; also [export] to app.py as <b>PDF</b>.";
    let played = Scene::new("designer", goal)
        .file("inputs/sales.csv", "date,region,amount\n2026-01-01,North,3\n")
        .file("inputs/load.py", "import csv\n\ndef load(path):\n    return []\n\nclass Rows(list):\n    pass\n")
        .upstream("researcher", "research_notes.md", Some("# Notes\n\n## Libraries\n\nx\n"))
        .planned(&["research_notes.md", "dashboard.py", "qa_report.md"])
        .play(designer::turn);
    let document = sound(&played, "architecture_design.md");
    contains_all(
        &document,
        &[
            "| `inputs/sales.csv` | 38 bytes, attached | columns `date`, `region`, `amount` |",
            "declares `def load` (line 3), `class Rows` (line 6)",
            "sections `Notes`, `Libraries`",
            "usual parts of a dashboard",
            "| R3 | also \\[export] to app.py as &lt;b>PDF&lt;/b> |",
            "- [ ] each of the 3 columns of `inputs/sales.csv`",
            "o1[\"dashboard.py\"]",
        ],
    );
}

#[test]
fn designer_closes_with_the_document_when_it_may_not_write() {
    let played = Scene::new("designer", "Design a thing").deny("write_file").play(designer::turn);
    contains_all(&played.closing, &["# Design: Design a thing", moves::NO_MODEL]);
}

fn reported(played: &Played) -> Vec<String> {
    let results = played.results("report_findings");
    let value: Value = serde_json::from_str(results.first().expect("findings were reported")).unwrap();
    assert_eq!(value["refused"], serde_json::json!([]), "{value}");
    let line = |finding: &Value| format!("{}:{} {}", finding["path"].as_str().unwrap(), finding["line"], finding["rule"].as_str().unwrap());
    let mut found: Vec<String> = value["findings"].as_array().unwrap().iter().map(line).collect();
    found.sort();
    found
}

#[test]
fn qa_tester_finds_every_planted_defect() {
    let played = Scene::new("qa_tester", "Check the report")
        .brief(|brief| brief.instructions = "The report has the sections: Summary, Risks and Sources.".to_owned())
        .file("inputs/sales.csv", "a,b\n1\n")
        .file("data.json", "{\n  \"a\": 1,\n}\n")
        .file("table.csv", "a,b\n1,2\n1\n")
        .file("tool.py", "def f(:\n    pass\n")
        .file("page.html", "<!doctype html>\n<p id=\"a\">x</p>\n<p id=\"a\"><img src=\"none.png\"></p>\n")
        .file("notes.md", "")
        .upstream("writer", "report.md", Some("# Report\n\n## Summary\n\nSee [details](details.md) and `chart.svg`, made by `tool.py` from sales.csv.\n\n## Sources\n\n```text\nnever closed\n"))
        .upstream("coder", "missing.py", None)
        .planned(&["qa_report.md"])
        .play(qa_tester::turn);
    assert_eq!(
        reported(&played),
        [
            "data.json:3 invalid-json",
            "missing.py:null missing-output",
            "notes.md:1 empty-file",
            "page.html:3 missing-source",
            "page.html:3 repeated-id",
            "report.md:5 broken-link",
            "report.md:5 missing-file",
            "report.md:9 unclosed-fence",
            "report.md:null missing-section",
            "table.csv:3 ragged-row",
            "tool.py:1 syntax-error",
        ]
    );
    let report = sound(&played, "qa_report.md");
    contains_all(
        &report,
        &["**Verdict: 11 findings: 10 errors, 1 warning.**", "| error | `report.md:5` | broken-link |", "`inputs/sales.csv`", "Risks"],
    );
    assert!(played.turns <= 5);
}

#[test]
fn qa_tester_raises_no_alarm_on_clean_files() {
    let report = "# Report\n\n## Summary\n\nUses Node.js, `inputs/sales.csv`, [chart](charts/a.svg), `app.py`, README.md and the later `summary.md`.\n\n```sh\ncat nothing.txt\n```\n";
    let played = Scene::new("qa_tester", "Check everything")
        .file("inputs/sales.csv", "a\n1\n")
        .file("charts/a.svg", "<svg/>")
        .upstream("writer", "report.md", Some(report))
        .upstream("coder", "app.py", Some("print(1)\n"))
        .planned(&["summary.md", "qa_report.md"])
        .play(qa_tester::turn);
    assert_eq!(reported(&played), Vec::<String>::new());
    contains_all(
        &sound(&played, "qa_report.md"),
        &[
            "**Verdict: pass; nothing was found by the checks named below.**",
            "None.",
            "| `app.py` | python | 9 | syntax, habits that hide errors | 0 |",
        ],
    );
}

#[test]
fn qa_tester_replaces_its_report_of_an_earlier_round_and_survives_an_empty_workspace() {
    let again = Scene::new("qa_tester", "Check").file("qa_report.md", "old").file("a.md", "# A\n\nx\n").play(qa_tester::turn);
    assert!(!sound(&again, "qa_report.md").contains("old"));
    let empty = Scene::new("qa_tester", "Check").play(qa_tester::turn);
    contains_all(&sound(&empty, "qa_report.md"), &["No file: the workspace holds no artifact to check."]);
}

#[test]
fn qa_tester_accepts_what_the_designer_writes() {
    let design = mixed_project().play(designer::turn).artifact("architecture_design.md");
    let played =
        Scene::new("qa_tester", "Check the design").upstream("designer", "architecture_design.md", Some(&design)).play(qa_tester::turn);
    assert_eq!(reported(&played), Vec::<String>::new());
}
