//! plan.md there and back: every problem with its place, marks, and text kept as it was.
use super::*;
use crate::domain::{RelPath, Step};
use proptest::prelude::*;

const EXAMPLE: &str = "---
orchestrator: plan/1
run: 143022-k7
---
# Plan: Create a Python dashboard for monthly sales
- [ ] s1 designer: Plan the dashboard architecture
  - output: architecture_design.md
- [ ] s2 researcher: Find the best visualisation libraries
  - needs: s1
  - output: research_notes.md
  - approve: yes
  - uses: project, web
  > Any number of lines of instructions to this agent.
";

fn rules() -> PlanRules {
    let agents = crate::domain::agent::built_in_agents().into_iter().map(|agent| agent.name).collect();
    PlanRules { agents, allowed_extensions: vec![".md".into(), ".py".into()], max_steps: 12 }
}

fn messages(text: &str) -> Vec<(String, String)> {
    problems(&parse(text), &rules()).into_iter().map(|problem| (problem.span.of(text).to_owned(), problem.message)).collect()
}

#[test]
fn the_contracts_example_is_read_and_written_to_the_letter() {
    let document = parse(EXAMPLE);
    assert_eq!(problems(&document, &rules()), []);
    assert_eq!(document.run.as_deref(), Some("143022-k7"));
    assert_eq!(document.plan.steps[1].uses, ["project", "web"]);
    assert!(document.plan.steps[1].approve);
    assert_eq!(render(&document.plan, "143022-k7", &plain_marks(&document.plan)), EXAMPLE);
    let place = &document.steps[1];
    assert_eq!((place.id.of(EXAMPLE), place.agent.of(EXAMPLE), place.line), ("s2", "researcher", 7));
    assert_eq!(place.needs.iter().map(|span| span.of(EXAMPLE)).collect::<Vec<_>>(), ["s1"]);
}

#[test]
fn other_bullets_line_breaks_and_orders_are_read_the_same() {
    let text = "\u{feff}---\r\norchestrator: plan/1\r\nrun: r\r\n---\r\n\r\n# My title\r\n\r\n* [X]  s1   designer :  Plan it \r\n\t* Uses: [project,web]\r\n\t\
                * needs:\r\n- output: `a.md`\r\n> One\r\n>two\r\n\r\n  >\r\n+ [-] s2 coder: b: c\r\n";
    let document = parse(text);
    assert_eq!(problems(&document, &rules()), []);
    let steps = &document.plan.steps;
    assert_eq!(document.plan.title, "My title");
    assert_eq!((steps[0].agent.as_str(), steps[0].title.as_str(), steps[0].output.as_str()), ("designer", "Plan it", "a.md"));
    assert_eq!((steps[0].instructions.as_str(), steps[0].uses.len()), ("One\ntwo\n", 2));
    assert_eq!((steps[1].title.as_str(), steps[1].output.as_str(), steps[1].skip), ("b: c", "implementation.md", true));
    assert_eq!(document.marks, [Mark::Done, Mark::Skip]);
}

#[test]
fn a_missing_output_is_the_agents_own_and_never_taken_twice() {
    let document = parse("- [ ] s1 writer: A\n- [ ] s2 writer: B\n- [ ] s3 writer: C\n  - output: document.md\n- [ ] s4 poet: D\n");
    let outputs: Vec<&str> = document.plan.steps.iter().map(|step| step.output.as_str()).collect();
    assert_eq!(outputs, ["document_2.md", "document_3.md", "document.md", "document_4.md"]);
}

#[test]
fn rule_problems_stand_at_their_word_with_a_fix() {
    let text = "---\norchestrator: plan/1\nrun: r\n---\n# Plan: T\n- [ ] s1 codr: A\n  - needs: s3\n  - output: a.exe\n  - uses: webb\n- [ ] s1 writer: B\n";
    let found = problems(&parse(text), &rules());
    let fixed = |word: &str| {
        let problem = found.iter().find(|problem| problem.span.of(text) == word);
        problem.and_then(|problem| problem.fix.as_ref()).map(|fix| fix.edits[0].1.clone())
    };
    assert_eq!(fixed("codr").as_deref(), Some("coder"));
    assert_eq!(fixed("webb").as_deref(), Some("web"));
    assert_eq!(fixed("s1").as_deref(), Some("s2"));
    let extension = found.iter().find(|problem| problem.span.of(text) == "a.exe");
    assert!(extension.is_some_and(|problem| problem.message.contains("add it there") && problem.fix.is_none()));
}

#[test]
fn what_cannot_be_read_is_a_problem_and_the_rest_still_counts() {
    let text = "# Plan: T\n- [?] s1 writer: A\n  - colour: red\n  - outptu: a.md\n  stray words\n  - output: ../a.md\n  - approve: perhaps\n- [ ] s2: B\n- s3 writer: C\n";
    let found = messages(text);
    for word in ["?", "colour", "outptu", "stray words", "../a.md", "perhaps", "s2: B", "s3 writer: C"] {
        assert!(found.iter().any(|(span, _)| span == word), "{word} is missing in {found:?}");
    }
    let document = parse(text);
    assert_eq!(document.plan.steps.len(), 3);
    assert!(document.plan.steps[0].approve);
    assert_eq!(messages("")[1].1, "the plan has no steps");
}

#[test]
fn a_syntax_fix_mends_the_text() {
    let text = "# Plan: T\n- s1 writer: C\n  do it well\n";
    let edits: Vec<_> = parse(text).problems.into_iter().filter_map(|problem| problem.fix).flat_map(|fix| fix.edits).collect();
    assert_eq!(apply(text, &edits), "# Plan: T\n- [ ] s1 writer: C\n  > do it well\n");
}

#[test]
fn a_newer_format_is_refused() {
    assert!(messages(&EXAMPLE.replace("plan/1", "plan/2")).iter().any(|(span, _)| span == "plan/2"));
}

#[test]
fn setting_marks_touches_nothing_else() {
    let text = "# My *own* words\r\n\r\n*  [X] s1 writer: A\r\n\tkeep me\r\n- [] s2 writer: B\r\n- s3 writer: C\r\n";
    let marked = set_marks(text, &|id| Some(if id.as_str() == "s1" { Mark::Done } else { Mark::Skip })).unwrap();
    assert_eq!(marked, text.replace("[] s2", "[-] s2"));
    assert_eq!(set_marks(&marked, &|_| None), None);
}

fn words() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,30}".prop_map(|text| text.trim().to_owned()).prop_filter("has words", |text| !text.is_empty())
}

fn step(number: usize) -> impl Strategy<Value = Step> {
    let agents = crate::domain::agent::built_in_agents();
    let agent = (0..agents.len()).prop_map(move |index| agents[index].name.clone());
    let needs = prop::collection::btree_set(1..=number, 0..3);
    let uses = prop::sample::subsequence(vec!["project".to_owned(), "web".to_owned(), "mcp:a".to_owned()], 0..3);
    let lines = prop::collection::vec("[^\\p{Cc}]{0,20}", 0..4).prop_map(|lines| lines.join("\n"));
    (agent, words(), lines, needs, uses, any::<bool>(), any::<bool>()).prop_map(
        move |(agent, title, instructions, needs, uses, approve, skip)| Step {
            id: StepId::numbered(number),
            agent,
            title,
            instructions,
            needs: needs.into_iter().filter(|need| *need < number).map(StepId::numbered).collect(),
            output: RelPath::new(&format!("file {number}.md")).unwrap(),
            approve,
            uses,
            skip,
        },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    (words(), (1usize..6).prop_flat_map(|count| (1..=count).map(step).collect::<Vec<_>>())).prop_map(|(title, steps)| Plan { title, steps })
}

proptest! {
    #[test]
    fn a_plan_survives_the_way_through_its_text(plan in plan()) {
        let text = render(&plan, "143022-k7", &plain_marks(&plan));
        let document = parse(&text);
        prop_assert_eq!(&document.problems, &vec![]);
        prop_assert_eq!(&document.plan, &plan);
        prop_assert_eq!(parse(&text.replace('\n', "\r\n")).plan, plan);
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "(?s).{0,300}") {
        check(&text)?;
    }

    #[test]
    fn spliced_documents_are_read_without_a_panic(from in 0usize..400, length in 0usize..60, new in "(?s)[\\PC\n\r\t]{0,12}") {
        let mut chars: Vec<char> = EXAMPLE.chars().collect();
        let from = from.min(chars.len());
        let to = (from + length).min(chars.len());
        chars.splice(from..to, new.chars());
        check(&chars.into_iter().collect::<String>())?;
    }
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let document = parse(text);
    prop_assert_eq!(document.plan.steps.len(), document.steps.len());
    for problem in problems(&document, &rules()) {
        prop_assert!(text.get(problem.span.range()).is_some(), "{:?}", problem);
    }
    for (step, place) in document.plan.steps.iter().zip(&document.steps) {
        prop_assert_eq!(place.id.of(text), step.id.as_str());
        prop_assert_eq!(place.needs.len(), step.needs.len());
        prop_assert_eq!(place.uses.len(), step.uses.len());
    }
    set_marks(text, &|_| Some(Mark::Done));
    Ok(())
}
