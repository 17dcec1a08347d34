//! Agent files: what is read, what is reported, never a panic.
use super::*;
use crate::documents::Severity;
use proptest::prelude::*;

const EXAMPLE: &str = "---
name: translator
description: Translate documents, keeping names and code
tools: [read_file, write_file]
max_turns: 4
model: some-model
output: translation.md
---
Translate what you are given.

Keep code as it is.
";

fn known() -> Vec<String> {
    ["read_file", "write_file", "web_search"].map(str::to_owned).to_vec()
}

fn read(text: &str) -> (Option<Agent>, Vec<Problem>) {
    parse(text, ".orchestrator/agents/my-agent.md", AgentSource::Project("my-agent.md".into()), &known())
}

#[test]
fn a_whole_file_becomes_an_agent() {
    let (agent, problems) = read(EXAMPLE);
    assert_eq!(problems, []);
    let agent = agent.unwrap();
    assert_eq!((agent.name.as_str(), agent.max_turns, agent.output.as_str()), ("translator", 4, "translation.md"));
    assert_eq!(agent.tools, ["read_file", "write_file"]);
    assert_eq!(agent.instructions, "Translate what you are given.\n\nKeep code as it is.");
    let windows = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    assert_eq!(read(&windows).0, Some(agent));
}

#[test]
fn tools_may_be_one_string_and_unknown_ones_get_the_nearest_name() {
    let text = "---\ndescription: d\ntools: read_file, mcp__x__y web_serch\n---\nDo it.\n";
    let (agent, problems) = read(text);
    let agent = agent.unwrap();
    assert_eq!((agent.name.as_str(), agent.max_turns, agent.output.as_str()), ("my-agent", NO_LIMIT, "my-agent_output.md"));
    assert_eq!(agent.tools, ["read_file", "mcp__x__y"]);
    assert_eq!((problems.len(), problems[0].severity, problems[0].span.of(text)), (1, Severity::Warning, "web_serch"));
    assert_eq!(problems[0].fix.as_ref().map(|fix| fix.edits[0].1.as_str()), Some("web_search"));
}

#[test]
fn a_broken_file_is_no_agent_and_says_why_at_the_place() {
    let cases = [
        ("just text", ""),
        ("---\nname: My Agent\ndescription: d\n---\nx", "My Agent"),
        ("---\nmax_turns: many\ndescription: d\n---\nx", "many"),
        ("---\nmax_turns: 0\ndescription: d\n---\nx", "0"),
        ("---\noutput: plan.md\ndescription: d\n---\nx", "plan.md"),
        ("---\noutput: ../x.md\ndescription: d\n---\nx", "../x.md"),
        ("---\ntools: {a: b}\ndescription: d\n---\nx", "{a: b}"),
        ("---\ndescription: d\n---\n \n", ""),
        ("---\ndescription: [broken\n---\nx", "description: [broken\n"),
    ];
    for (text, place) in cases {
        let (agent, problems) = read(text);
        assert_eq!(agent, None, "{text}");
        let error = problems.iter().find(|problem| problem.severity == Severity::Error).unwrap();
        assert!(error.span.of(text).contains(place.trim()) || place.trim().contains(error.span.of(text)), "{text}: {error:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(?s)(---\n)?.{0,200}(\n---\n)?.*") {
        let (_, problems) = read(&text);
        prop_assert!(problems.iter().all(|problem| text.get(problem.span.range()).is_some()));
    }

    #[test]
    fn spliced_files_are_read_without_a_panic_or_silence(from in 0usize..220, length in 0usize..60, new in "(?s)[\\PC\n\r\t]{0,12}") {
        let mut chars: Vec<char> = EXAMPLE.chars().collect();
        let from = from.min(chars.len());
        let to = (from + length).min(chars.len());
        chars.splice(from..to, new.chars());
        let text: String = chars.into_iter().collect();
        let (agent, problems) = read(&text);
        prop_assert!(agent.is_some() || problems.iter().any(|problem| problem.severity == Severity::Error));
    }
}
