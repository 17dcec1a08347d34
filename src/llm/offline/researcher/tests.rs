//! Tests of the researcher: real documents in, notes and syntheses out.
use super::turn;
use crate::llm::offline::quotes;
use crate::llm::offline::stage::{Played, Stage};

const DOCUMENTS: [(&str, &str); 5] = [
    ("retrofit-basics.md", include_str!("../../../../tests/fixtures/research/retrofit-basics.md")),
    ("cost-survey-2024.md", include_str!("../../../../tests/fixtures/research/cost-survey-2024.md")),
    ("case-mill-lane.md", include_str!("../../../../tests/fixtures/research/case-mill-lane.md")),
    ("grid-note.txt", include_str!("../../../../tests/fixtures/research/grid-note.txt")),
    ("refrigerants.md", include_str!("../../../../tests/fixtures/research/refrigerants.md")),
];
const GOAL: &str = "Research the costs and flow temperatures of heat pumps in old houses, and hydrogen boilers, for my podcast";

fn with_documents(goal: &str) -> Stage {
    DOCUMENTS.iter().fold(Stage::new("researcher", goal), |stage, (name, text)| stage.input(name, text))
}

fn play(stage: Stage) -> (String, Played) {
    let output = stage.brief.output.as_str().to_owned();
    let played = stage.play(turn);
    (played.files.get(&output).cloned().unwrap_or_default(), played)
}

#[test]
fn notes_on_five_documents_read_like_this() {
    let (notes, played) = play(with_documents(GOAL));
    insta::with_settings!({ snapshot_path => "../snapshots" }, { insta::assert_snapshot!("research_notes", notes) });
    assert!(played.turns <= 8);
}

#[test]
fn every_quote_stands_in_its_source_at_its_line() {
    let (notes, _) = play(with_documents(GOAL));
    let quotes = quotes::parse(&notes);
    assert!((8..=15).contains(&quotes.len()), "{}", quotes.len());
    for quote in quotes {
        let (_, source) = DOCUMENTS.iter().find(|(name, _)| format!("inputs/{name}") == quote.path).unwrap();
        let lines: Vec<&str> = source.lines().skip(quote.start - 1).take(quote.lines.len()).collect();
        assert_eq!(lines, quote.lines, "{}", quote.path);
    }
}

#[test]
fn words_that_no_source_holds_are_named_as_a_gap() {
    let (notes, played) = play(with_documents(GOAL));
    assert!(notes.contains("Found in no source: `hydrogen`."), "{notes}");
    assert!(played.closing.contains("`hydrogen`"), "{}", played.closing);
}

#[test]
fn without_material_the_notes_are_an_outline_and_say_so() {
    let (notes, played) = play(Stage::new("researcher", "Research battery recycling in Norway"));
    assert!(notes.contains("No language model was used") && notes.contains("no document was attached"), "{notes}");
    assert!(notes.contains("**Recycling**"), "{notes}");
    assert!(played.closing.contains("nothing to read"));
}

#[test]
fn a_goal_without_shared_words_gets_the_opening_passages() {
    let (notes, _) = play(with_documents("Summarise the attached documents"));
    assert!(notes.contains("opening passages are quoted instead"), "{notes}");
    assert_eq!(quotes::parse(&notes).len(), 10);
}

#[test]
fn a_synthesis_regroups_the_notes_and_points_back_to_them() {
    let (notes, _) = play(with_documents(GOAL));
    let stage = Stage::new("researcher", GOAL).title("Synthesise the findings").output("research_synthesis.md");
    let (synthesis, _) = play(stage.upstream("researcher", "research_notes.md", &notes));
    insta::with_settings!({ snapshot_path => "../snapshots" }, { insta::assert_snapshot!("research_synthesis", synthesis) });
    let noted = synthesis.split("In the notes: [research_notes.md](research_notes.md), line ").skip(1);
    let noted: Vec<usize> = noted.map(|rest| rest.split('.').next().unwrap().parse().unwrap()).collect();
    let read_back = quotes::parse(&synthesis);
    assert!(!read_back.is_empty() && read_back.len() == noted.len());
    for (quote, noted_at) in read_back.iter().zip(noted) {
        let first = notes.lines().nth(noted_at - 1).unwrap();
        assert_eq!(first, format!("> {}", quote.lines[0]));
    }
}

#[test]
fn the_project_is_searched_when_the_step_may_read_it() {
    let stage = DOCUMENTS.iter().fold(Stage::new("researcher", GOAL), |stage, (name, text)| stage.project(&format!("docs/{name}"), text));
    let (notes, _) = play(stage);
    assert!(notes.contains("`docs/cost-survey-2024.md:"), "{notes}");
}

#[test]
fn a_long_document_is_read_around_its_hits() {
    let filler = "This line of a long log says nothing of interest to anyone at all.\n\n".repeat(3000);
    let text = format!("{filler}Heat pumps of this series cost 12,000 € when bought by the dozen.\n\n{filler}");
    let (notes, played) = play(Stage::new("researcher", "Research what heat pumps cost").input("long.md", &text));
    assert!(notes.contains("> Heat pumps of this series cost"), "{notes}");
    assert!(notes.contains("(in part)") && notes.contains("is long"), "{notes}");
    assert!(played.turns <= 8);
}

#[test]
fn an_output_of_an_earlier_attempt_is_replaced() {
    let mut stage = with_documents(GOAL);
    stage.files.insert("research_notes.md".into(), "old".into());
    let (notes, played) = play(stage);
    assert!(notes.starts_with("# Research notes"), "{notes}");
    assert!(played.turns <= 8);
}

#[test]
fn without_a_writing_tool_the_closing_text_is_the_output() {
    let mut stage = with_documents(GOAL);
    stage.tools = vec!["read_file".into()];
    let played = stage.play(turn);
    assert!(played.closing.starts_with("# Research notes"));
}

#[test]
fn with_one_turn_left_it_still_delivers() {
    for turns in 1..=3 {
        let mut stage = with_documents(GOAL);
        stage.turns = turns;
        let (notes, played) = play(stage);
        assert!(notes.contains("No language model") || played.closing.contains("No language model"), "{turns}");
    }
}

#[test]
fn no_input_makes_it_panic() {
    for text in
        ["", "\u{0}\u{1}", "# \n## \n```\nopen", "👩‍👩‍👧‍👦 مرحبا بالعالم\n\nשלום עולם and more words here for all", "a:b:c\n> — `x:1` [^s1]\n"]
    {
        let (notes, _) = play(Stage::new("researcher", "🎉 مرحبا 電池の価格").input("odd.md", text));
        assert!(notes.contains("No language model was used"));
    }
}

#[test]
fn every_claim_of_notes_and_of_their_synthesis_is_borne_out_by_what_was_read() {
    let (notes, played) = play(with_documents(GOAL));
    let known = crate::documents::evidence::Known { goal: GOAL.into(), ..Default::default() };
    let grounds = crate::documents::evidence::Grounds::new(&played.ledger, &known);
    let checked = crate::documents::evidence::check(&notes, &grounds);
    assert_eq!(checked.flaws, []);
    assert!(checked.tally.checked >= 30, "{:?}", checked.tally);
    let stage = Stage::new("researcher", GOAL).title("Synthesise the findings").output("research_synthesis.md");
    let (synthesis, _) = play(stage.upstream("researcher", "research_notes.md", &notes));
    let checked = crate::documents::evidence::check(&synthesis, &grounds);
    assert_eq!(checked.flaws, []);
    assert!(checked.tally.checked >= 30, "{:?}", checked.tally);
}
