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
        Event::StepStarted { step, agent, attempt, tools, max_turns, prompt, .. } => {
            let tools = tools.join(", ");
            let guide = prompt.split_once(super::prompt::GUIDE_HEAD).and_then(|(_, after)| after.split_once(')'));
            let guide = guide.map(|(name, _)| format!("; project instructions: {name}")).unwrap_or_default();
            format!(
                "{step} {agent}, attempt {attempt}, at most {max_turns} turns, tools: {tools}{guide}\n\n{}\n",
                capped(&without_outputs(prompt), WORDS_CAP)
            )
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

/// The prompt without the texts of earlier outputs, which stand in their files.
fn without_outputs(prompt: &str) -> String {
    let (mut text, mut rest) = (String::new(), prompt);
    while let Some((before, output)) = rest.split_once("<output of=") {
        let Some((_, after)) = output.split_once("\n</output>\n") else { break };
        text.push_str(before.trim_end());
        text.push('\n');
        rest = after;
    }
    text + rest
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
    fn a_transcript_refers_to_earlier_outputs_and_does_not_repeat_them() {
        let prompt = "# Goal\n\n# What s1 left in `a.md`\n\n<output of=\"s1\">\nlong\ntext\n</output>\n\n# What s2 left in `b.md`\n\n\
                      <output of=\"s2\">\nmore\n</output>\n";
        assert_eq!(without_outputs(prompt), "# Goal\n\n# What s1 left in `a.md`\n\n# What s2 left in `b.md`\n");
        assert_eq!(without_outputs("no <output of=\"s1\"> end"), "no <output of=\"s1\"> end");
    }
}
