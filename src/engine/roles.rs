//! The role prompts: who an agent is and how it works, for real language models. Knows no step and no goal; `prompt` puts those around it.
use crate::domain::Agent;

/// The rules that every agent works by, built-in or custom.
const COMMON: &str = include_str!("roles/common.md");

/// Name and role of the built-in agents.
const ROLES: [(&str, &str); 6] = [
    ("researcher", include_str!("roles/researcher.md")),
    ("coder", include_str!("roles/coder.md")),
    ("writer", include_str!("roles/writer.md")),
    ("analyst", include_str!("roles/analyst.md")),
    ("designer", include_str!("roles/designer.md")),
    ("qa_tester", include_str!("roles/qa_tester.md")),
];

/// The role prompt of `agent`: its own instructions if it has any, else the built-in text of its name, then the rules for all.
/// The same agent always gets the same text, so that a provider's prompt cache can serve it.
pub fn prompt(agent: &Agent) -> String {
    let own = agent.instructions.trim();
    let built_in = ROLES.iter().find(|(name, _)| *name == agent.name).map(|(_, role)| role.trim_end());
    let role = match built_in {
        Some(role) if own.is_empty() => role.to_owned(),
        // The rules come last: a custom text may shape the work, not lift them.
        _ if !own.is_empty() => format!("# {}\n\n{}\n\n## Your instructions\n\n{own}", agent.name, agent.purpose.trim()),
        _ => format!("# {}\n\n{}", agent.name, agent.purpose.trim()),
    };
    format!("{role}\n\n{}", COMMON.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::agent::built_in_agents;

    #[test]
    fn every_built_in_agent_has_its_role_and_the_common_rules() {
        for agent in built_in_agents() {
            let text = prompt(&agent);
            assert!(text.starts_with("# ") && text.contains("## Output") && text.contains("## Leave to others"), "{}", agent.name);
            assert!(text.ends_with(COMMON.trim_end()), "{}", agent.name);
        }
    }

    #[test]
    fn no_role_is_longer_than_forty_five_lines_or_names_a_tool_the_agent_lacks() {
        let tools: Vec<String> = built_in_agents().into_iter().flat_map(|agent| agent.tools).collect();
        for agent in built_in_agents() {
            let role = ROLES.iter().find(|(name, _)| *name == agent.name).map(|(_, role)| *role).unwrap_or_default();
            assert!(role.lines().count() <= 45, "{}", agent.name);
            let foreign = tools.iter().find(|tool| role.contains(&format!("`{tool}`")) && !agent.tools.contains(tool));
            assert_eq!(foreign, None, "{}", agent.name);
        }
        assert!(COMMON.lines().count() <= 45);
    }

    #[test]
    fn a_custom_agent_keeps_its_words_and_gets_the_rules() {
        let mut agent = built_in_agents().remove(0);
        agent.name = "translator".into();
        agent.instructions = "Translate.\n".into();
        let text = prompt(&agent);
        assert!(text.starts_with("# translator\n") && text.contains("Translate.\n\n## How work is done here"), "{text}");
    }

    #[test]
    fn instructions_of_ones_own_replace_a_built_in_role() {
        let mut agent = built_in_agents().remove(0);
        agent.instructions = "Only quote.".into();
        assert!(!prompt(&agent).contains("Split the step"));
    }
}
