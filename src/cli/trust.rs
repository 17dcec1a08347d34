//! Trusts a project's own configuration after showing the values in question. Reads and records through `setup`.
use crate::domain::{Error, Result};

use super::setup::{Setup, Untrusted};
use super::style::{self, Paint};
use super::terminal::{LineReader, Terminal};

/// `trust`; the exit code. Without a terminal only `--yes` records anything.
pub async fn trust(yes: bool, setup: &Setup, terminal: &Terminal) -> Result<i32> {
    if setup.untrusted.is_empty() {
        terminal.out(&format!("nothing to trust: no value of {} is held back", setup.project.display()));
        return Ok(0);
    }
    terminal.out(&question(&setup.project.display().to_string(), &setup.untrusted, terminal.paint_out()));
    if !yes && !terminal.stdin_is_terminal {
        return Err(Error::usage("nobody is there to ask whether to trust these values").hint("read them, then run it again with --yes"));
    }
    if !yes && !confirmed(terminal).await {
        terminal.out("nothing was recorded");
        return Ok(1);
    }
    setup.record_trust()?;
    terminal.out("trusted; a value that changes later asks again");
    Ok(0)
}

async fn confirmed(terminal: &Terminal) -> bool {
    terminal.prompt("Trust these values? [y/N] ");
    let mut reader = LineReader::start();
    reader.want();
    reader.line().await.is_some_and(|line| matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The values in question, each with its place.
fn question(project: &str, values: &[Untrusted], paint: Paint) -> String {
    let mut lines = vec![format!("{} wants to set:", paint.bold(&style::one_line(project)))];
    for value in values {
        let key = paint.yellow(&style::one_line(&value.key));
        lines.push(format!("  {key} = {}  {}", style::one_line(&value.value), paint.dim(&style::one_line(&value.place))));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_shown_with_its_place_and_harmless() {
        let values = [Untrusted {
            key: "model.base_url".into(),
            value: "\"https://example.com/\u{1b}[2J\"".into(),
            place: "config/orchestrator.json:4".into(),
        }];
        insta::assert_snapshot!(question("/home/ada/sales", &values, Paint::default()), @r#"
        /home/ada/sales wants to set:
          model.base_url = "https://example.com/ [2J"  config/orchestrator.json:4
        "#);
    }
}
