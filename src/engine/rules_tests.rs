//! The rules planner: the worked examples, every kind of goal, and plans that always pass the rules.
use super::*;
use crate::domain::agent::built_in_agents;
use crate::domain::plan::PlanRules;
use proptest::prelude::*;

struct Case {
    goal: Goal,
    inputs: Vec<InputFile>,
    agents: Vec<Agent>,
    allowed: Vec<String>,
    max_steps: usize,
    project: bool,
    web: bool,
}

fn case(text: &str) -> Case {
    Case {
        goal: Goal::new(text).unwrap(),
        inputs: vec![],
        agents: built_in_agents(),
        allowed: [".md", ".txt", ".json", ".csv", ".py", ".js", ".html"].map(str::to_owned).to_vec(),
        max_steps: 12,
        project: true,
        web: false,
    }
}

fn input(path: &str) -> InputFile {
    InputFile { path: RelPath::new(path).unwrap(), source: path.into(), bytes: 1, sha256: String::new() }
}

impl Case {
    fn request(&self) -> PlanRequest<'_> {
        PlanRequest {
            goal: &self.goal,
            inputs: &self.inputs,
            agents: &self.agents,
            allowed_extensions: &self.allowed,
            max_steps: self.max_steps,
            project_readable: self.project,
            web_available: self.web,
        }
    }

    fn plan(&self) -> Plan {
        let plan = plan(&self.request());
        let agents = self.agents.iter().map(|agent| agent.name.clone()).collect();
        let rules = PlanRules { agents, allowed_extensions: self.allowed.clone(), max_steps: self.max_steps };
        assert_eq!(plan.problems(&rules), [], "{plan:#?}");
        plan
    }

    fn kind(&self) -> Kind {
        kind_of(&self.request())
    }
}

/// `agent output` of each step.
fn shape(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| format!("{} {}", step.agent, step.output)).collect()
}

#[test]
fn the_podcast_example_gives_its_four_files() {
    let plan = case("Research the latest AI developments for this week's tech podcast").plan();
    let files: Vec<&str> = plan.steps.iter().map(|step| step.output.as_str()).collect();
    assert_eq!(files, ["research_notes.md", "research_synthesis.md", "podcast_script.md", "show_notes.md"]);
    assert_eq!(plan.steps[0].title, "Research the latest AI developments");
}

#[test]
fn the_dashboard_example_gives_its_four_specialists() {
    let plan = case("Create a Python dashboard to analyze monthly sales data with charts").plan();
    assert_eq!(
        shape(&plan),
        ["designer architecture_design.md", "researcher research_notes.md", "coder dashboard.py", "qa_tester qa_report.md"]
    );
    assert_eq!(plan.steps[0].title, "Plan the architecture of the Python dashboard to analyze monthly sales data");
    assert!(plan.steps[1].title.starts_with("Find the best visualisation libraries for the Python dashboard"));
    assert_eq!(plan.steps[2].needs, [StepId::numbered(1), StepId::numbered(2)]);
}

#[test]
fn the_documentation_example_is_centred_on_the_writer_and_reads_the_project() {
    let plan = case("Write complete documentation for my REST API including examples").plan();
    assert_eq!(
        shape(&plan),
        ["designer architecture_design.md", "researcher research_notes.md", "writer api_documentation.md", "qa_tester qa_report.md"]
    );
    assert!(plan.steps[..3].iter().all(|step| step.uses == ["project"]));
    assert_eq!(plan.steps[2].title, "Write the documentation of the REST API");
    assert!(plan.steps[0].needs.is_empty() && plan.steps[1].needs.is_empty());
}

#[test]
fn goals_fall_to_their_kind() {
    let cases = [
        ("Research AI trends for my podcast", Kind::Podcast),
        ("Write a podcast episode about bees", Kind::Podcast),
        ("Build a podcast website", Kind::Tool),
        ("Build a Python script to analyze sales data", Kind::Tool),
        ("Create a data analysis dashboard for sales metrics", Kind::Tool),
        ("please can you build me a CLI tool that renames files?", Kind::Tool),
        ("Implement a binary search", Kind::Tool),
        ("Write documentation for my REST API", Kind::Documentation),
        ("Write API documentation", Kind::Documentation),
        ("Document the authentication module", Kind::Documentation),
        ("Create a user guide for the CLI tool", Kind::Documentation),
        ("Write a README for this project", Kind::Documentation),
        ("Analyse examples/sales.csv and write a report with charts", Kind::DataAnalysis),
        ("ANALYZE: monthly sales data!!", Kind::DataAnalysis),
        ("Summarise the survey numbers", Kind::DataAnalysis),
        ("Write a report about the trend in data.csv", Kind::DataAnalysis),
        ("Analyse my codebase", Kind::Design),
        ("Design the architecture of a chat system", Kind::Design),
        ("Create an architecture diagram for a shop", Kind::Design),
        ("Review my code for security problems", Kind::Review),
        ("Check the links in README.md", Kind::Review),
        ("Research the market for electric bikes", Kind::Research),
        ("Compare Postgres and MySQL", Kind::Research),
        ("Plan a trip to Rome", Kind::General),
        ("Plan the architecture of a shop", Kind::Design),
        ("What is the capital of France?", Kind::Research),
        ("Summarise the attached meeting notes", Kind::General),
        ("Write unit tests for the parser module", Kind::Tool),
        ("Generate weekly report", Kind::General),
        ("Write a birthday poem for Ann", Kind::General),
        ("写一首诗", Kind::General),
        ("🚀🚀🚀", Kind::General),
        ("Schreibe einen Brief an die Stadt", Kind::General),
    ];
    let wrong: Vec<_> = cases.iter().filter(|(text, kind)| case(text).kind() != *kind).map(|(text, _)| (text, case(text).kind())).collect();
    assert_eq!(wrong, []);
}

#[test]
fn a_data_file_among_the_inputs_makes_a_report_an_analysis() {
    let mut data = case("Write a report with charts about our year");
    data.inputs = vec![input("inputs/sales.csv")];
    assert_eq!(data.kind(), Kind::DataAnalysis);
    let plan = data.plan();
    assert_eq!(shape(&plan), ["analyst analysis_report.md", "qa_tester qa_report.md"]);
    assert!(plan.steps[0].instructions.contains("inputs/sales.csv"));
    assert!(plan.steps.iter().all(|step| step.uses.is_empty()));
    let mut german = case("Analysiere die Umsätze");
    german.inputs = vec![input("inputs/umsatz.csv")];
    assert_eq!(german.kind(), Kind::DataAnalysis);
}

#[test]
fn what_may_not_be_reached_is_not_declared() {
    let mut closed = case("Write documentation for my REST API");
    closed.project = false;
    assert!(closed.plan().steps.iter().all(|step| step.uses.is_empty()));
    let mut open = case("Research the market for electric bikes");
    open.web = true;
    assert_eq!(open.plan().steps[0].uses, ["web"]);
}

#[test]
fn only_the_named_agents_work_and_each_of_them_does() {
    let mut named = case("Create a Python dashboard for sales");
    named.goal.agents = vec!["coder".into(), "writer".into(), "nobody".into()];
    assert_eq!(shape(&named.plan()), ["coder dashboard.py", "writer document.md"]);
    named.goal.agents = vec!["qa_tester".into()];
    assert_eq!(shape(&named.plan()), ["qa_tester qa_report.md"]);
    named.goal.agents = vec!["nobody".into()];
    assert_eq!(named.plan().steps.len(), 4);
}

#[test]
fn a_custom_agent_that_is_named_gets_a_step_before_the_check() {
    let mut named = case("Write documentation for my REST API");
    let custom = Agent { name: "translator".into(), output: "translation.md".into(), ..built_in_agents().remove(2) };
    named.agents.push(custom);
    named.goal.agents = vec!["translator".into(), "writer".into(), "qa_tester".into()];
    assert_eq!(shape(&named.plan()), ["writer api_documentation.md", "translator translation.md", "qa_tester qa_report.md"]);
}

#[test]
fn the_goals_output_names_the_deliverable_and_no_other_step_takes_it() {
    let mut named = case("Write documentation for my REST API");
    named.goal.output = Some(RelPath::new("research_notes.md").unwrap());
    assert_eq!(
        shape(&named.plan()),
        ["designer architecture_design.md", "researcher research_notes_2.md", "writer research_notes.md", "qa_tester qa_report.md"]
    );
    named.goal.output = Some(RelPath::new("plan.md").unwrap());
    assert_eq!(named.plan().steps[2].output.as_str(), "api_documentation.md");
    named.goal.output = Some(RelPath::new("out/api.pdf").unwrap());
    assert_eq!(named.plan().steps[2].output.as_str(), "out/api.md");
}

#[test]
fn an_extension_that_is_not_allowed_falls_back() {
    let mut narrow = case("Create a Rust dashboard");
    assert_eq!(narrow.plan().steps[2].output.as_str(), "dashboard.md");
    narrow.allowed = vec![".txt".into()];
    assert_eq!(narrow.plan().steps[2].output.as_str(), "dashboard.txt");
}

#[test]
fn a_short_plan_keeps_the_deliverable() {
    let mut short = case("Create a Python dashboard for sales");
    short.max_steps = 2;
    assert_eq!(shape(&short.plan()), ["coder dashboard.py", "qa_tester qa_report.md"]);
    short.max_steps = 1;
    assert_eq!(shape(&short.plan()), ["coder dashboard.py"]);
}

#[test]
fn titles_are_one_short_line_with_the_subject() {
    for text in
        ["Build a script to tidy\u{2028}my downloads\nsecond line", "Research \u{202b}שלום עולם\u{202c}", &"very long words ".repeat(4000)]
    {
        for step in case(text.trim()).plan().steps {
            assert!(step.title.chars().count() <= 140 && !step.title.contains(['\n', '\u{2028}']), "{:?}", step.title);
        }
    }
}

#[test]
fn titles_read_well_for_goals_in_many_words() {
    let titles = |text: &str| case(text).plan().steps.into_iter().map(|step| step.title).collect::<Vec<_>>();
    assert_eq!(
        titles("Analyse examples/sales.csv and write a report with charts"),
        ["Analyse examples/sales.csv", "Check the analysis of examples/sales.csv"]
    );
    assert_eq!(titles("Review my code for security problems")[0], "Map the parts of the code");
    assert_eq!(titles("I want you to write a short story about a fox.")[1], "Write a short story about a fox");
    assert_eq!(titles("Schreibe einen Brief")[1], "Write it up: Schreibe einen Brief");
    assert_eq!(titles("Analyse the structure of this project and document it")[0], "Describe the structure of this project");
}

fn goal_text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "create",
            "build",
            "write",
            "analyse",
            "review",
            "design",
            "research",
            "document",
            "podcast",
            "dashboard",
            "script",
            "my",
            "API",
            "data.csv",
            "report",
            "with",
            "charts",
            "for",
            "the",
            "a",
            ".",
            ",",
            "🎉",
            "مرحبا",
            "code",
            "\n",
            "including",
            "guide",
            "Python",
        ])
        .prop_map(str::to_owned),
        "\\PC{1,8}",
    ];
    prop::collection::vec(word, 1..20).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_plan_passes_the_rules(
        text in goal_text(),
        agents in prop::sample::subsequence((0..6usize).collect::<Vec<_>>(), 1..=6),
        named in prop::sample::subsequence((0..6usize).collect::<Vec<_>>(), 0..=3),
        allowed in prop::sample::subsequence(vec![".md", ".py", ".txt", ".html", ".csv"], 1..=5),
        (max_steps, project, web, with_input) in (0usize..6, any::<bool>(), any::<bool>(), any::<bool>()),
        output in prop::option::of("[a-z]{1,5}\\.(md|py|exe)"),
    ) {
        let Ok(goal) = Goal::new(text) else { return Ok(()) };
        let all = built_in_agents();
        let mut random = case("x");
        random.goal = goal;
        random.goal.agents = named.iter().map(|index| all[*index].name.clone()).collect();
        random.goal.output = output.and_then(|output| RelPath::new(&output).ok());
        random.agents = agents.iter().map(|index| all[*index].clone()).collect();
        random.allowed = allowed.into_iter().map(str::to_owned).collect();
        random.inputs = if with_input { vec![input("inputs/a.csv"), input("inputs/b.md")] } else { vec![] };
        (random.max_steps, random.project, random.web) = (max_steps, project, web);
        let plan = random.plan();
        prop_assert!(plan.topological_order() == (0..plan.steps.len()).collect::<Vec<_>>());
    }
}

#[test]
fn a_goal_of_sixty_kilobytes_is_planned() {
    let text: String = "analyse 🎉 this مرحبا ".repeat(2000).chars().take(40_000).collect();
    assert!(text.len() > 55_000);
    assert!(!case(text.trim()).plan().steps.is_empty());
}
