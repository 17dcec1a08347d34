//! The readable transcript of one agent: one short passage for each thing that happened. Refers to artifacts, never repeats them.
use crate::domain::{Block, Event, Record};

use super::prompt::capped;
use super::report::duration;

/// The longest passage of an agent's own words, in bytes.
const WORDS_CAP: usize = 4 * 1024;

/// What this record adds to its step's log; `None` where there is nothing to say.
pub fn passage(record: &Record) -> Option<String> {
    let at = record.at.format("%H:%M:%S");
    let text = match &record.event {
        Event::StepStarted { step, agent, attempt, max_turns, prompt, .. } => {
            let guide = prompt.split_once(super::prompt::GUIDE_HEAD).and_then(|(_, after)| after.split_once(')'));
            let guide = guide.map(|(name, _)| format!("; project instructions: {name}")).unwrap_or_default();
            format!("{step} {agent}, attempt {attempt}, at most {max_turns} turns{guide}\n\n{}\n", capped(task(prompt), WORDS_CAP))
        }
        Event::CallFinished { reply: Some(reply), usage, ordinal, .. } => {
            let words = reply.blocks.iter().filter_map(said).collect::<Vec<_>>().join("\n");
            format!("call {ordinal} ({} tokens)\n{}\n", usage.total(), words)
        }
        Event::CallFinished { failure: Some(failure), ordinal, .. } => format!("call {ordinal} failed: {}\n", failure.message),
        Event::Retry { ordinal, reason, wait_ms, .. } => format!("call {ordinal} again in {}: {reason}\n", duration(*wait_ms)),
        Event::ToolFinished { tool, ok, summary, .. } => format!("{tool} {}: {summary}\n", if *ok { "ok" } else { "refused" }),
        Event::Saved { path, bytes, .. } => format!("saved {path} ({bytes} bytes)\n"),
        Event::HandedOver { text, .. } => format!("a fresh conversation with this hand-over:\n\n{}\n", capped(text, WORDS_CAP)),
        Event::Returned { review, round, note, .. } => format!("findings of {review}, round {round}\n\n{}\n", capped(note, WORDS_CAP)),
        Event::StepFinished { status, error, .. } => {
            format!("{}{}\n", status.as_str(), error.as_ref().map(|error| format!(": {error}")).unwrap_or_default())
        }
        _ => return None,
    };
    Some(format!("[{at}] {text}"))
}

/// What a prompt says about the step itself, without its heading: the goal, the plan and earlier outputs stand in files of their own.
fn task(prompt: &str) -> &str {
    let after_heading = |at: usize| prompt.get(at..).and_then(|from| from.split_once("\n\n")).map(|(_, text)| text);
    let from = prompt.find("# Your step (").and_then(after_heading).unwrap_or(prompt);
    let ends = ["\n# The other steps\n", "\n# What "];
    let end = ends.iter().filter_map(|heading| from.find(heading)).min();
    end.and_then(|end| from.get(..end)).unwrap_or(from).trim_end()
}

fn said(block: &Block) -> Option<String> {
    match block {
        Block::Text { text } if text.trim().is_empty() => None,
        Block::Text { text } => Some(capped(text, WORDS_CAP)),
        Block::ToolCall(call) => {
            let about = super::approval::target(call);
            Some(format!("→ {} {about}", call.name))
        }
        Block::ToolResult { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_tells_the_task_and_refers_to_all_else() {
        let prompt = "# Goal\n\nStudy the tides\n\n# Your step (s2)\n\nWrite é\n\nWrite the result to `b.md`.\n\n# The other steps\n\n- s1\n\n\
                      # What s1 left in `a.md`\n\n<output of=\"s1\">\nlong\n</output>\n";
        assert_eq!(task(prompt), "Write é\n\nWrite the result to `b.md`.");
        assert_eq!(task("no headings"), "no headings");
    }
}
