//! Every invocation of the contract, and what a slip is told.
use super::*;

fn parsed(words: &[&str]) -> Parsed {
    parse(words.iter().map(OsString::from).collect()).unwrap_or_else(|stop| panic!("{words:?}: {stop:?}"))
}

fn invocation(words: &[&str]) -> Invocation {
    parsed(words).invocation
}

fn error(words: &[&str]) -> Error {
    match parse(words.iter().map(OsString::from).collect()) {
        Err(Stop::Error(error)) => error,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn order(work: Work) -> Order {
    Order { work, attach: Vec::new(), non_interactive: false, plan_only: false, read_project: false, record: None, replay: None }
}

fn goal() -> Order {
    order(Work::Goal("Write docs".into()))
}

#[test]
fn a_goal_runs_with_everything_that_can_be_said_about_it() {
    assert_eq!(invocation(&["Write docs"]), Invocation::Run(goal()));
    assert_eq!(invocation(&["--non-interactive", "Write docs"]), Invocation::Run(Order { non_interactive: true, ..goal() }));
    assert_eq!(invocation(&["--plan-only", "Write docs"]), Invocation::Run(Order { plan_only: true, ..goal() }));
    assert_eq!(invocation(&["Write docs", "--plan-only"]), Invocation::Run(Order { plan_only: true, ..goal() }));
    assert_eq!(invocation(&["--read-project", "Write docs"]), Invocation::Run(Order { read_project: true, ..goal() }));
    let attach = vec!["a.csv".into(), "b c.md".into()];
    assert_eq!(invocation(&["Write docs", "--attach", "a.csv", "--attach", "b c.md"]), Invocation::Run(Order { attach, ..goal() }));
    assert_eq!(invocation(&["Write docs", "--record", "d"]), Invocation::Run(Order { record: Some("d".into()), ..goal() }));
    assert_eq!(invocation(&["Write docs", "--replay", "d"]), Invocation::Run(Order { replay: Some("d".into()), ..goal() }));
}

#[test]
fn one_agent_takes_a_task_a_file_and_instructions() {
    let agent = |output: Option<&str>, instructions: Option<&str>| {
        Invocation::Run(order(Work::Agent {
            name: "coder".into(),
            task: "fix".into(),
            output: output.map(str::to_owned),
            instructions: instructions.map(str::to_owned),
        }))
    };
    assert_eq!(invocation(&["--agent", "coder", "fix"]), agent(None, None));
    assert_eq!(
        invocation(&["--agent", "coder", "fix", "--output", "a.py", "--instructions", "be short"]),
        agent(Some("a.py"), Some("be short"))
    );
    assert!(error(&["--output", "a.py", "Write docs"]).what.contains("--agent"));
    assert_eq!(error(&["--agent", "coder"]).what, "no goal given");
}

#[test]
fn workspaces_are_listed_resumed_and_cleaned() {
    assert_eq!(invocation(&["--list"]), Invocation::List { limit: 20 });
    assert_eq!(invocation(&["--list", "--limit", "3"]), Invocation::List { limit: 3 });
    assert_eq!(invocation(&["--resume", "w"]), Invocation::Run(order(Work::Resume("w".into()))));
    let non_interactive = Order { non_interactive: true, ..order(Work::Resume("w".into())) };
    assert_eq!(invocation(&["--resume", "w", "--non-interactive"]), Invocation::Run(non_interactive));
    assert_eq!(invocation(&["--cleanup", "30"]), Invocation::Cleanup { days: 30, dry_run: false });
    assert_eq!(invocation(&["--cleanup", "0", "--dry-run"]), Invocation::Cleanup { days: 0, dry_run: true });
}

#[test]
fn every_command_of_the_contract_is_understood() {
    let table: Vec<(&[&str], Invocation)> = vec![
        (&["lsp"], Invocation::Lsp),
        (&["lsp", "--stdio"], Invocation::Lsp),
        (&["mcp"], Invocation::Mcp),
        (&["acp"], Invocation::Acp),
        (&["doctor", "--json"], Invocation::Doctor),
        (&["agents"], Invocation::Agents),
        (&["trust"], Invocation::Trust { project: None, yes: false }),
        (&["trust", "p", "--yes"], Invocation::Trust { project: Some("p".into()), yes: true }),
        (&["editor-config", "helix"], Invocation::EditorConfig { editor: "helix".into() }),
        (
            &["approve", "w", "A1", "--note", "go", "--always"],
            Invocation::Approve { workspace: "w".into(), id: "A1".into(), note: Some("go".into()), always: true },
        ),
        (&["reject", "w", "A1"], Invocation::Reject { workspace: "w".into(), id: "A1".into(), note: None }),
    ];
    for (words, expected) in table {
        assert_eq!(invocation(words), expected, "{words:?}");
    }
    for (name, format) in
        Format::NAMES.into_iter().zip([Format::Config, Format::Plan, Format::State, Format::Info, Format::History, Format::Event])
    {
        assert_eq!(invocation(&["schema", name]), Invocation::Schema(format));
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(matches!(invocation(&["completions", shell]), Invocation::Print(script) if script.contains("non-interactive")));
    }
}

#[test]
fn overrides_stand_before_or_behind_a_command_and_become_the_strongest_layer() {
    let words = [
        "--provider",
        "offline",
        "--model",
        "m",
        "--base-url",
        "http://localhost:1/v1",
        "--budget",
        "2.5",
        "--max-parallel",
        "2",
        "--base-dir",
        "w",
        "--config",
        "c.json",
        "--json",
        "--verbose",
    ];
    let before: Vec<&str> = words.into_iter().chain(["doctor"]).collect();
    let behind: Vec<&str> = ["doctor"].into_iter().chain(words).collect();
    assert_eq!(parsed(&before), parsed(&behind));
    let options = parsed(&before).options;
    assert!(options.json && options.verbose);
    assert_eq!(options.config, Some("c.json".into()));
    let layer: Vec<String> = options.layer().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        layer,
        [
            "model.provider=\"offline\"",
            "model.name=\"m\"",
            "model.base_url=\"http://localhost:1/v1\"",
            "budget.per_run_usd=2.5",
            "agent.max_parallel=2",
            "workspace.base_dir=\"w\"",
        ]
    );
    assert_eq!(Options::default().layer(), []);
}

#[test]
fn behind_two_dashes_everything_is_a_goal() {
    for text in ["doctor", "--list", "-x", "lsp"] {
        assert_eq!(invocation(&["--", text]), Invocation::Run(order(Work::Goal(text.into()))), "{text}");
    }
}

#[test]
fn a_slip_in_a_command_is_no_goal() {
    let slip = error(&["docter"]);
    assert_eq!(slip.what, "there is no command `docter`");
    assert!(slip.hint.is_some_and(|hint| hint.contains("`doctor`") && hint.contains("-- docter")));
    assert!(error(&["help"]).hint.is_some_and(|hint| hint.contains("--help")));
    assert_eq!(invocation(&["Internationalisation"]), Invocation::Run(order(Work::Goal("Internationalisation".into()))));
    assert_eq!(invocation(&["売上を分析する"]), Invocation::Run(order(Work::Goal("売上を分析する".into()))));
}

#[test]
fn forgotten_quotes_are_noticed() {
    let error = error(&["Write", "docs", "for", "me"]);
    assert_eq!(error.hint.as_deref(), Some("put it in quotes: ai-orchestrator \"Write docs for me\""));
}

#[test]
fn bad_usage_is_told_in_two_lines_with_exit_code_two() {
    let wrong: Vec<&[&str]> = vec![
        &[],
        &["--lst"],
        &["--limit", "3"],
        &["--list", "--limit", "0"],
        &["--list", "--limit", "-1"],
        &["--list", "Write docs"],
        &["--list", "--resume", "w"],
        &["--list", "--non-interactive"],
        &["--dry-run"],
        &["--cleanup", "old"],
        &["--cleanup", "-1"],
        &["--cleanup", "1", "--attach", "x"],
        &["--resume", "w", "Write docs"],
        &["--resume", "w", "--plan-only"],
        &["--resume", "w", "--attach", "x"],
        &["--budget", "NaN", "Write docs"],
        &["--budget=-1", "Write docs"],
        &["--budget", "inf", "Write docs"],
        &["--max-parallel", "0", "Write docs"],
        &["--provider", "skynet", "Write docs"],
        &["schema"],
        &["schema", "everything"],
        &["approve", "w"],
        &["reject"],
        &["editor-config", "ed"],
        &["completions", "command.com"],
        &["--plan-only", "doctor"],
        &["--list", "doctor"],
        &["lsp", "--port", "1"],
        &["Write docs", "doctor"],
    ];
    for words in wrong {
        let error = error(words);
        assert_eq!(error.exit_code(), 2, "{words:?}");
        assert!(!error.what.is_empty() && !error.what.contains('\n'), "{words:?}: {}", error.what);
        assert!(!error.what.starts_with("error"), "{words:?}: {}", error.what);
        assert!(error.hint.as_deref().is_some_and(|hint| !hint.contains('\n')), "{words:?}: {error}");
    }
}

#[test]
fn help_names_every_option_and_command() {
    let Err(Stop::Text(help)) = parse(vec!["--help".into()]) else { panic!("no help") };
    let named = "--non-interactive --list --limit --resume --cleanup --dry-run --plan-only --agent --output --instructions --attach \
                 --provider --model --base-url --budget --max-parallel --base-dir --config --read-project --record --replay --json --verbose \
                 lsp mcp acp doctor agents schema approve reject trust editor-config completions man";
    for name in named.split_whitespace() {
        assert!(help.contains(name), "{name} is missing");
    }
    assert!(matches!(parse(vec!["--version".into()]), Err(Stop::Text(text)) if text.starts_with("ai-orchestrator ")));
    assert!(matches!(parse(vec!["approve".into(), "--help".into()]), Err(Stop::Text(text)) if text.contains("--always")));
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_unicode_are_refused_kindly() {
    use std::os::unix::ffi::OsStringExt;
    let stop = parse(vec![OsString::from_vec(vec![0xff, 0xfe])]);
    assert!(matches!(stop, Err(Stop::Error(error)) if error.exit_code() == 2), "a goal must be text");
}

#[test]
fn the_manual_page_is_roff_and_names_every_option_and_command() {
    let Invocation::Print(page) = invocation(&["man"]) else { panic!("no page") };
    assert!(page.contains(".TH ai-orchestrator 1"), "{}", &page[..200]);
    let plain = page.replace("\\-", "-");
    for name in ["--non-interactive", "--resume", "--budget", "editor-config", "doctor", "Exit codes"] {
        assert!(plain.contains(name), "{name} is missing");
    }
}
