//! AGENTS.md: a project's instructions reach the agents that may read the project, once a person trusts the file as it stands, and nobody else.
use std::path::Path;
use std::sync::{Arc, Mutex};

use ai_orchestrator::config::TrustedValues;
use ai_orchestrator::domain::policy::ProjectRead;
use ai_orchestrator::domain::{Block, ModelRequest, RunStatus};

use crate::support::scripted::{Rig, Scripted, goal, says, with_plan};

const RULES: &str = "Write British English. Never mention the moon.";

fn plan(uses: &str) -> String {
    format!("---\norchestrator: plan/1\n---\n# Plan: Tides\n- [ ] s1 writer: Write about tides\n  - output: tides.md\n{uses}")
}

/// The first message that the agent got in a project with these files.
async fn prompt(files: &[(&str, &str)], plan: &str, read: ProjectRead, trusted: &[(&str, &str)]) -> String {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&heard);
    let mut rig = Rig::new(Scripted::new(move |request: &ModelRequest, _| {
        let texts =
            request.messages[0].blocks.iter().filter_map(|block| if let Block::Text { text } = block { Some(text.clone()) } else { None });
        kept.lock().unwrap().push(texts.collect());
        says("Tides come and go.")
    }));
    rig.settings.project_read = read;
    for (name, text) in files {
        std::fs::write(Path::new(&rig.settings.project).join(name), text).unwrap();
    }
    let mut values = TrustedValues::default();
    for (name, text) in trusted {
        values.add(&format!("instructions/{name}"), &(*text).into());
    }
    let orchestrator = rig.builder().trusted(values).build().unwrap();
    let result = orchestrator.start_with(goal("Write about tides"), with_plan(plan)).await.unwrap().finished().await.unwrap();
    assert_eq!(result.status, RunStatus::Completed, "{result:?}");
    heard.lock().unwrap()[0].clone()
}

#[tokio::test]
async fn agents_that_may_read_the_project_get_its_instructions_and_others_do_not() {
    use ProjectRead::{Allow, Ask, Deny};
    let (files, trusted) = ([("AGENTS.md", RULES)], [("AGENTS.md", RULES)]);
    let declared = plan("  - uses: project\n");
    for (plan, read, expected) in
        [(plan(""), Allow, true), (declared.clone(), Ask, true), (plan(""), Ask, false), (plan(""), Deny, false), (declared, Deny, false)]
    {
        let prompt = prompt(&files, &plan, read, &trusted).await;
        assert_eq!(prompt.contains(RULES), expected, "{read:?} {plan}\n{prompt}");
        assert_eq!(prompt.contains("AGENTS.md"), expected, "{read:?}");
    }
}

#[tokio::test]
async fn instructions_that_nobody_trusts_or_that_changed_since_reach_no_prompt() {
    let files = [("AGENTS.md", RULES)];
    for trusted in [&[][..], &[("AGENTS.md", "Write American English.")], &[("CLAUDE.md", RULES)]] {
        assert!(!prompt(&files, &plan(""), ProjectRead::Allow, trusted).await.contains("British"), "{trusted:?}");
    }
}

#[tokio::test]
async fn the_first_of_the_names_counts_and_a_long_text_is_cut() {
    let files = [("AGENTS.md", RULES), ("CLAUDE.md", "Write in haste.")];
    let both = prompt(&files, &plan(""), ProjectRead::Allow, &[("AGENTS.md", RULES), ("CLAUDE.md", "Write in haste.")]).await;
    assert!(both.contains("British") && !both.contains("in haste"), "{both}");
    let other = prompt(&[("CLAUDE.md", "Write in haste.")], &plan(""), ProjectRead::Allow, &[("CLAUDE.md", "Write in haste.")]).await;
    assert!(other.contains("in haste"), "{other}");
    let long = format!("{}the very end", "Mind the rules. ".repeat(4_000));
    let cut = prompt(&[("AGENTS.md", &long)], &plan(""), ProjectRead::Allow, &[("AGENTS.md", &long)]).await;
    assert!(cut.contains("Mind the rules.") && !cut.contains("the very end") && cut.len() < 24 * 1024, "{}", cut.len());
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_somewhere_else_is_no_instruction() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), RULES).unwrap();
    let heard: Arc<Mutex<String>> = Arc::default();
    let kept = Arc::clone(&heard);
    let mut rig = Rig::new(Scripted::new(move |request: &ModelRequest, _| {
        kept.lock().unwrap().push_str(&format!("{:?}", request.messages));
        says("Tides come and go.")
    }));
    rig.settings.project_read = ProjectRead::Allow;
    std::os::unix::fs::symlink(outside.path().join("secret"), rig.settings.project.join("AGENTS.md")).unwrap();
    let mut values = TrustedValues::default();
    values.add("instructions/AGENTS.md", &RULES.into());
    let orchestrator = rig.builder().trusted(values).build().unwrap();
    orchestrator.start_with(goal("Write about tides"), with_plan(&plan(""))).await.unwrap().finished().await.unwrap();
    assert!(!heard.lock().unwrap().contains("British"));
}
