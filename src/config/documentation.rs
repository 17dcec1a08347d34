//! The text of docs/configuration.md, made from the one table. Writes no file.
use std::fmt::Write;

use serde_json::Value;

use super::kind::Kind;
use super::table::{self, ConfigOption, Stricter, Untrusted};

const OPENING: &str = "# Configuration

<!-- Made from the table in src/config/table.rs: change it there, then run `UPDATE_DOCS=1 cargo test --lib config`. -->

Everything works without configuration. What you set is looked up in this order, and **later wins**:

| | layer | where |
|---|---|---|
| 1 | built-in defaults | the tables below |
| 2 | your own file | `$XDG_CONFIG_HOME/ai-orchestrator/config.json` (usually `~/.config/ai-orchestrator/config.json`) |
| 3 | the project's file | `config/orchestrator.json`, else `orchestrator.json`, in the project; or the file given by `--config` |
| 4 | environment | `ORCHESTRATOR_SECTION__KEY`, for example `ORCHESTRATOR_AGENT__MAX_PARALLEL=8` |
| 5 | editor settings | `aiOrchestrator.section.key` in camelCase, for example `aiOrchestrator.agent.maxParallel` |
| 6 | command line | `--model`, `--budget`, `--max-parallel`, … |

The project is the nearest folder upwards with `config/orchestrator.json`, `orchestrator.json` or `.git`, else the current folder (in an editor:
its workspace folder). Relative paths start there.

Objects (`agent.max_turns`, `model.per_agent`, `model.prices`, `mcp.servers`) add up name by name: a later layer replaces single names. `approvals.rules`
of all layers hold together, because the strictest rule that matches wins. Every other value is replaced as a whole.

## An example

```json
{
  \"workspace\": { \"base_dir\": \"workspaces\", \"max_workspace_age_days\": 30 },
  \"agent\": { \"max_parallel\": 2, \"max_turns\": { \"researcher\": 12 } },
  \"budget\": { \"per_run_usd\": 0.50 },
  \"approvals\": {
    \"mode\": \"steps\",
    \"rules\": [
      { \"tool\": \"write_file\", \"path\": \"secrets/**\", \"decision\": \"deny\", \"match\": [\"secrets/a.md\"], \"not_match\": [\"notes.md\"] }
    ]
  }
}
```

The file is JSON; comments (`//` and `/* */`) are allowed, trailing commas are not. A `\"$schema\"` entry is allowed, and
`ai-orchestrator schema config` prints the JSON Schema for editors that check by one.

## When something is wrong

A wrong value is an error that names file, line and key, like `config/orchestrator.json:7: agent.max_parallel: expected a whole number, found \"abc\"`.
What runs goals does not start then; `doctor`, `--list` and the language server do, with the default in its place. An unknown key is a warning that names the nearest
known one. In the editor both are diagnostics on the line.

## Environment

Lists and objects are JSON: `ORCHESTRATOR_SECURITY__ALLOWED_FILE_EXTENSIONS='[\".md\", \".txt\"]'`. Flags are `true`, `false`, `1`, `0`, `yes` or `no`. Numbers are
written as in JSON: `1e6` is 1000000; `007`, `+5`, `1_000` and ` 5` are wrong. `null` or `none` stands for \"none\" where an option may be none. An empty variable counts as
not set. An unknown `ORCHESTRATOR_` name is a warning.

Keys are read from `CLAUDE_API_KEY` or `ANTHROPIC_API_KEY`, and `OPENAI_API_KEY`, or from the command in `model.api_key_command`. They never stand in a file of ours.

## Trust

A project's own file may come from anyone, and a `git pull` changes it. Until you trust it, a setting in it has the effect named in the column *untrusted project*
of the tables below. What is ignored is reported, and the project's own agents are listed but not used.

`ai-orchestrator trust` shows the values in question and records that you trust them as they stand; a value that changes afterwards asks again. The workspace trust
of an editor counts for the values seen when it started. A file given by `--config` counts as trusted. Trust, rules granted by \"always\" and the day's spend live in
`$XDG_STATE_HOME/ai-orchestrator/` (usually `~/.local/state/ai-orchestrator/`), for you alone.

## Rules

An entry of `approvals.rules` is `{\"tool\", \"path\" or \"host\", \"agent\", \"decision\", \"match\", \"not_match\"}`; everything but `decision` may be left out. In `tool` and `agent`
`*` is any text. In `path`, `*` and `?` stop at `/`, `**` does not, and a pattern without `/` is compared with the file's name at any depth. In `host`, `*.example.com` is every
host below `example.com`, not itself. `match` and `not_match` are examples, paths or hosts, that are checked when the rule is loaded: a rule that does not mean what its
author wrote down is an error. What denies or asks does not tell cases apart; what allows does.
";

/// The whole text of docs/configuration.md.
pub fn documentation() -> String {
    let mut text = String::from(OPENING);
    for section in table::sections() {
        let _ = write!(text, "\n## {section}\n\n| option | default | | untrusted project |\n|---|---|---|---|\n");
        for option in table::options().iter().filter(|option| option.section() == section) {
            text.push_str(&row(option));
        }
    }
    text.push_str("\n## All names\n\n| option | environment | editor |\n|---|---|---|\n");
    for option in table::options() {
        let _ = writeln!(text, "| `{}` | `{}` | `aiOrchestrator.{}` |", option.key, option.variable(), option.editor_key());
    }
    text
}

fn row(option: &ConfigOption) -> String {
    let default = match option.default() {
        Value::Null => "none".to_owned(),
        value => format!("`{}`", value.to_string().replace(',', ", ").replace('|', "\\|")),
    };
    let kind = match option.kind {
        Kind::Choice(choices) => choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<String>>().join(" "),
        Kind::Whole { minimum, .. } => format!("{}, at least {minimum}", option.kind.words()),
        kind => kind.words().to_owned(),
    };
    let unit = if option.unit.is_empty() { String::new() } else { format!(", in {}", option.unit) };
    let none = if option.nullable { ", or `null`" } else { "" };
    format!("| `{}` | {default} | {} ({kind}{unit}{none}) | {} |\n", option.key, option.doc, untrusted(option.untrusted))
}

fn untrusted(untrusted: Untrusted) -> &'static str {
    match untrusted {
        Untrusted::Yes => "may set it",
        Untrusted::No => "ignored",
        Untrusted::OnlyStricter(stricter) => match stricter {
            Stricter::Lower => "may lower it",
            Stricter::True => "`true` only",
            Stricter::False => "`false` only",
            Stricter::LaterChoice => "may only choose a later word",
            Stricter::Fewer => "may only leave some out",
            Stricter::FewerNotNone => "may only leave some of your own out",
            Stricter::NoAllowingRules => "`deny` and `ask` only",
            Stricter::InsideProject => "inside the project only",
            Stricter::KeepsLonger => "not lower while clean-up is on",
        },
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
