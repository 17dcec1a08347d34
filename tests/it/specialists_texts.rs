//! The offline researcher, writer and coder with the real tools, on the fixtures and on each other's results.
use std::path::Path;

use ai_orchestrator::llm::offline::{coder, qa_tester, researcher, writer};

use crate::support::specialist::Scene;

const GOAL: &str = "Research the costs and flow temperatures of heat pumps in old houses for my podcast";

fn fixtures(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files.into_iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap())).collect()
}

fn notes() -> String {
    let scene = fixtures("research")
        .into_iter()
        .fold(Scene::new("researcher", GOAL), |scene, (name, text)| scene.file(&format!("inputs/{name}"), text));
    scene.play(researcher::turn).artifact("research_notes.md")
}

#[test]
fn notes_quote_the_attached_documents_at_their_lines() {
    let notes = notes();
    let sources = fixtures("research");
    let mut seen = 0;
    for (quote, place) in notes.split("\n\n").filter_map(|block| block.rsplit_once("\n>\n> — `inputs/")) {
        let (name, line) = place.split('`').next().unwrap().rsplit_once(':').unwrap();
        let text = String::from_utf8(sources.iter().find(|(known, _)| known == name).unwrap().1.clone()).unwrap();
        let first = quote.lines().next().unwrap().strip_prefix("> ").unwrap();
        assert_eq!(text.lines().nth(line.parse::<usize>().unwrap() - 1), Some(first));
        seen += 1;
    }
    assert!(seen >= 8, "{notes}");
}

#[test]
fn a_podcast_goes_from_notes_to_script_to_show_notes() {
    let notes = notes();
    let synthesis = Scene::new("researcher", GOAL)
        .upstream("researcher", "research_notes.md", Some(&notes))
        .brief(|brief| brief.output = ai_orchestrator::domain::RelPath::new("research_synthesis.md").unwrap())
        .play(researcher::turn)
        .artifact("research_synthesis.md");
    assert!(synthesis.contains("## Threads"), "{synthesis}");
    let output = |name: &'static str| {
        move |brief: &mut ai_orchestrator::domain::message::Brief| brief.output = ai_orchestrator::domain::RelPath::new(name).unwrap()
    };
    let script =
        Scene::new("writer", GOAL).upstream("researcher", "research_synthesis.md", Some(&synthesis)).brief(output("podcast_script.md"));
    let script = script.play(writer::turn).artifact("podcast_script.md");
    let show_notes = Scene::new("writer", GOAL).upstream("writer", "podcast_script.md", Some(&script)).brief(output("show_notes.md"));
    let show_notes = show_notes.play(writer::turn).artifact("show_notes.md");
    assert!(show_notes.contains("- **00:00** Intro") && show_notes.contains("” [^s1]"), "{show_notes}");
}

#[test]
fn documentation_of_the_fixture_lists_its_endpoints() {
    let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/api");
    let played =
        Scene::new("writer", "Write complete documentation for my REST API including examples").project_at(&api).play(writer::turn);
    let text = played.artifact("document.md");
    for part in ["| GET | `/items/{id}` | `get_item` |", "pip install -e .", "def test_an_order_needs_an_item():"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn every_table_gets_a_script_that_the_real_check_accepts() {
    for (name, bytes) in fixtures("tables") {
        let played =
            Scene::new("coder", "Create a Python dashboard for this data").file(&format!("inputs/{name}"), bytes).play(coder::turn);
        let report = played.artifact("implementation.md");
        assert!(report.contains("found no problem"), "{name}: {report}");
        assert!(played.artifact("dashboard.py").contains("No language model was used"));
    }
}

#[test]
fn programs_in_every_language_pass_the_real_check() {
    for output in ["tool.py", "tool.js", "tool.ts", "tool.rs", "tool.html", "tool.css", "tool.json", "tool.yaml", "tool.toml", "tool.sql"] {
        let scene = Scene::new("coder", "Build a tool that converts Markdown and validates links");
        let played = scene.brief(|brief| brief.output = ai_orchestrator::domain::RelPath::new(output).unwrap()).play(coder::turn);
        for result in played.results("check_file") {
            let value: serde_json::Value = serde_json::from_str(result).unwrap();
            assert_eq!(value["ok"], true, "{output}: {result}");
        }
    }
}

#[test]
fn the_tester_finds_no_broken_markdown_in_what_the_writer_left() {
    let notes = notes();
    let played = Scene::new("qa_tester", GOAL).upstream("researcher", "research_notes.md", Some(&notes)).play(qa_tester::turn);
    let report = played.artifact("qa_report.md");
    assert!(report.contains("nothing was found"), "{report}");
}
