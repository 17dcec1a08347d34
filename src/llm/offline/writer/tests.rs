//! Tests of the writer: earlier outputs and a small project in, documents out.
use super::{Kind, kind, turn};
use crate::llm::offline::researcher;
use crate::llm::offline::stage::Stage;

const GOAL: &str = "Research the costs and flow temperatures of heat pumps in old houses for my podcast";
const API: [(&str, &str); 6] = [
    ("README.md", include_str!("../../../../tests/fixtures/api/README.md")),
    ("pyproject.toml", include_str!("../../../../tests/fixtures/api/pyproject.toml")),
    ("shop/handlers.py", include_str!("../../../../tests/fixtures/api/shop/handlers.py")),
    ("shop/routing.py", include_str!("../../../../tests/fixtures/api/shop/routing.py")),
    ("shop/server.py", include_str!("../../../../tests/fixtures/api/shop/server.py")),
    ("tests/test_shop.py", include_str!("../../../../tests/fixtures/api/tests/test_shop.py")),
];
const ANALYSIS: &str = "# Analysis of sales\n\n> **No language model was used for this document.** x\n\n## Totals\n\n- North leads with 1,200.\n- South follows.\n\n| region | total |\n|---|---|\n| North | 1,200 |\n\n![chart](charts/a.svg)\n\nSee https://example.org/method for the method.\n\n## Gaps\n\n- Two rows had no date.\n";

fn notes() -> String {
    let basics = include_str!("../../../../tests/fixtures/research/retrofit-basics.md");
    let survey = include_str!("../../../../tests/fixtures/research/cost-survey-2024.md");
    let stage = Stage::new("researcher", GOAL).input("retrofit-basics.md", basics).input("cost-survey-2024.md", survey);
    stage.play(researcher::turn).files["research_notes.md"].clone()
}

fn write(stage: Stage) -> String {
    let output = stage.brief.output.as_str().to_owned();
    let played = stage.play(turn);
    assert!(played.turns <= 6 && played.closing.contains("Thin"), "{}", played.closing);
    let text = played.files[&output].clone();
    assert!(text.lines().take(4).any(|line| line.contains("No language model was used")), "{text}");
    let mut previous = "";
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        assert!(!(previous.starts_with("## ") && line.starts_with("## ")), "an empty section: {previous}\n{text}");
        previous = line;
    }
    text
}

fn from_notes(output: &str) -> Stage {
    Stage::new("writer", GOAL).output(output).upstream("researcher", "research_notes.md", &notes())
}

macro_rules! snapshot {
    ($name:expr, $text:expr) => {
        insta::with_settings!({ snapshot_path => "../snapshots" }, { insta::assert_snapshot!($name, $text) })
    };
}

#[test]
fn the_kind_follows_the_name_then_the_title_then_the_goal() {
    for (output, title, goal, expected) in [
        ("show_notes.md", "Write", "for my podcast", Kind::ShowNotes),
        ("podcast_script.md", "Write", GOAL, Kind::PodcastScript),
        ("document.md", "Write the report", "Write documentation", Kind::Report),
        ("documentation.md", "Write", "podcast", Kind::Documentation),
        ("document.md", "Write it", "Write documentation for my REST API", Kind::Documentation),
        ("document.md", "Write it", "Ein Text", Kind::General),
    ] {
        assert_eq!(kind(&Stage::new("writer", goal).title(title).output(output).brief), expected, "{output} {title} {goal}");
    }
}

#[test]
fn api_documentation_reads_like_this() {
    let stage =
        API.iter().fold(Stage::new("writer", "Write complete documentation for my REST API including examples"), |stage, (path, text)| {
            stage.project(path, text)
        });
    snapshot!("api_documentation", write(stage));
}

#[test]
fn a_podcast_script_reads_like_this() {
    snapshot!("podcast_script", write(from_notes("podcast_script.md")));
}

#[test]
fn show_notes_take_times_and_quotes_from_the_script() {
    let script = write(from_notes("podcast_script.md"));
    let notes = write(Stage::new("writer", GOAL).output("show_notes.md").upstream("writer", "podcast_script.md", &script));
    snapshot!("show_notes", notes);
}

#[test]
fn a_report_carries_the_analysis_over_as_it_stands() {
    let stage = Stage::new("writer", "Report on the sales of 2024").title("Write the report").output("report.md");
    let text = write(stage.upstream("analyst", "analysis_report.md", ANALYSIS));
    snapshot!("report", text);
}

#[test]
fn articles_and_summaries_quote_word_for_word() {
    for output in ["article.md", "summary.md", "document.md"] {
        let text = write(from_notes(output));
        assert!(text.contains("measurements show that most get by") || text.contains("the better a heat pump works."), "{text}");
    }
}

#[test]
fn attached_texts_alone_are_enough() {
    let stage = Stage::new("writer", "Write an article on refrigerants")
        .input("refrigerants.md", include_str!("../../../../tests/fixtures/research/refrigerants.md"));
    let text = write(stage);
    assert!(text.contains("> Propane burns."), "{text}");
}

#[test]
fn without_material_it_writes_an_outline_that_says_so() {
    let text = write(Stage::new("writer", "Write an article about tidal power"));
    assert!(text.contains("an outline to fill") && text.contains("## Tidal"), "{text}");
}

#[test]
fn a_refused_project_is_named_and_not_invented() {
    let mut stage = Stage::new("writer", "Write documentation for my project").upstream("researcher", "research_notes.md", &notes());
    stage.brief.uses_project = true;
    let text = write(stage);
    assert!(text.contains("No README.md was read"), "{text}");
}

#[test]
fn with_few_turns_it_still_delivers() {
    for turns in 1..=3 {
        let mut stage = from_notes("report.md");
        stage.turns = turns;
        let played = stage.play(turn);
        assert!(played.closing.contains("No language model was used") || played.files.contains_key("report.md"), "{turns}");
    }
}

#[test]
fn odd_texts_do_not_make_it_panic() {
    for text in ["", "---", "---\nx", "# \n#\n##\n```", "\u{0}\u{202e}👩‍👩‍👧‍👦", "> — `x:1` [^", "http://", "“” [^: “"]
    {
        for output in ["podcast_script.md", "show_notes.md", "report.md", "documentation.md", "summary.md"] {
            Stage::new("writer", "🎉 مرحبا")
                .output(output)
                .upstream("researcher", "research_notes.md", text)
                .project("README.md", text)
                .project("a.py", text)
                .play(turn);
        }
    }
}
