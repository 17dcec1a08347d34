//! A custom agent: one Markdown file, front matter for its name and limits, body for its instructions. Decides nothing about trust or which agent wins.
use serde_json::Value;

use crate::domain::plan::nearest;
use crate::domain::{Agent, AgentSource, RelPath};

use super::front_matter::FrontMatter;
use super::place::{Problem, Span};

/// The keys an agent file may have (contract, section 4).
pub const KEYS: [&str; 6] = ["name", "description", "tools", "max_turns", "model", "output"];
/// Model calls in one step of an agent that states no limit; the caller puts `agent.default_max_turns` in its place.
pub const NO_LIMIT: u32 = 0;
/// More turns than this are a slip of the keyboard.
const MOST_TURNS: u32 = 100;
const READING_TOOLS: [&str; 5] = ["read_file", "list_files", "search_files", "write_file", "edit_file"];

/// Reads an agent file. `path` names it in messages and gives the agent its name when the front matter does not. An error among the problems
/// means no agent; `max_turns` is [`NO_LIMIT`] when the file states none.
pub fn parse(text: &str, path: &str, source: AgentSource, known_tools: &[String]) -> (Option<Agent>, Vec<Problem>) {
    let front = FrontMatter::read(text);
    let mut problems = front.problems.clone();
    let start = Span::at(front.body.min(text.len()));
    if front.block.is_none() {
        problems.push(Problem::error(start, format!("{path}: an agent file starts with front matter between two `---` lines")));
        return (None, problems);
    }
    problems.extend(front.unknown_keys(&KEYS));
    let name = name(&front, path, &mut problems);
    let instructions = text.get(front.body..).unwrap_or_default().trim();
    if instructions.is_empty() {
        problems.push(Problem::error(start, "the agent has no instructions; write them below the front matter"));
    }
    let purpose = front.string("description").map(|words| words.split_whitespace().collect::<Vec<_>>().join(" "));
    if purpose.is_none() {
        let message = "the agent has no `description`; the planner chooses agents by it";
        problems.push(Problem::warning(front.content, message));
    }
    let agent = Agent {
        purpose: purpose.unwrap_or_else(|| format!("Custom agent {name}")),
        tools: tools(&front, text, known_tools, &mut problems),
        max_turns: max_turns(&front, &mut problems),
        output: output(&front, &name, &mut problems),
        model: front.string("model"),
        instructions: instructions.replace("\r\n", "\n"),
        source,
        name,
    };
    let broken = problems.iter().any(|problem| problem.severity == super::Severity::Error);
    ((!broken).then_some(agent), problems)
}

/// Whether a word can name an agent: a lower-case letter, then lower-case letters, digits, `_` or `-`.
pub fn is_valid_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}

fn name(front: &FrontMatter, path: &str, problems: &mut Vec<Problem>) -> String {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = file.strip_suffix(".md").unwrap_or(file);
    let name = front.string("name").unwrap_or_else(|| stem.strip_suffix(".agent").unwrap_or(stem).to_lowercase());
    if !is_valid_name(&name) {
        let span = front.value_span("name");
        let message = format!("`{name}` cannot name an agent: a lower-case letter, then lower-case letters, digits, `_` or `-`");
        let problem = Problem::error(span, message);
        let mended: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let mended = mended.trim_start_matches(|c: char| !c.is_ascii_lowercase());
        let fixable = front.place("name").is_some_and(|place| !place.value.is_empty()) && is_valid_name(mended);
        problems.push(if fixable { problem.replace(span, mended) } else { problem });
    }
    name
}

/// The tools as written, unknown ones warned about and left out. None stated: reading and writing in the workspace.
fn tools(front: &FrontMatter, text: &str, known: &[String], problems: &mut Vec<Problem>) -> Vec<String> {
    if !matches!(front.values.get("tools"), None | Some(Value::Null | Value::String(_) | Value::Array(_))) {
        problems.push(Problem::error(front.value_span("tools"), "`tools` must be a list of names"));
    }
    let mut tools: Vec<String> = Vec::new();
    for tool in front.words("tools") {
        // A server's tools are known only once it runs.
        if known.contains(&tool) || tool.starts_with("mcp__") {
            if !tools.contains(&tool) {
                tools.push(tool);
            }
            continue;
        }
        let span = front.word_span(text, "tools", &tool);
        let problem = Problem::warning(span, format!("unknown tool `{tool}`; the agent goes without it"));
        problems.push(match nearest(&tool, known.iter().map(String::as_str)) {
            Some(name) => problem.replace(span, name),
            None => problem,
        });
    }
    let stated = front.values.contains_key("tools") && front.values.get("tools") != Some(&Value::Null);
    if stated { tools } else { READING_TOOLS.map(str::to_owned).to_vec() }
}

fn max_turns(front: &FrontMatter, problems: &mut Vec<Problem>) -> u32 {
    let stated = match front.values.get("max_turns") {
        None | Some(Value::Null) => return NO_LIMIT,
        Some(_) => front.string("max_turns").and_then(|text| text.parse::<u32>().ok()),
    };
    stated.filter(|turns| (1..=MOST_TURNS).contains(turns)).unwrap_or_else(|| {
        problems.push(Problem::error(front.value_span("max_turns"), format!("`max_turns` must be a whole number from 1 to {MOST_TURNS}")));
        NO_LIMIT
    })
}

fn output(front: &FrontMatter, name: &str, problems: &mut Vec<Problem>) -> String {
    let output = front.string("output").unwrap_or_else(|| format!("{name}_output.md"));
    let checked = RelPath::new(&output).and_then(|path| match crate::domain::plan::is_own(&path) {
        true => Err(format!("`{path}` is a file of the orchestrator itself")),
        false => Ok(path),
    });
    match checked {
        Ok(path) => path.as_str().to_owned(),
        Err(reason) => {
            if front.place("output").is_some() {
                problems.push(Problem::error(front.value_span("output"), reason));
            }
            output
        }
    }
}

#[cfg(test)]
#[path = "agent_file_tests.rs"]
mod tests;
