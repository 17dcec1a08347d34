//! Every `bash` block of the documentation, run: each page's in order, in a scratch project, with the built program and the offline provider. A block
//! that cannot be run says why, in a comment before it: `<!-- not run: needs a model -->`. `<!-- run: exit 3 -->` expects another end than 0.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::machine::Machine;

/// A fenced block of shell commands.
#[derive(Debug, PartialEq)]
struct Block {
    line: usize,
    commands: String,
    wanted: Wanted,
}

#[derive(Debug, PartialEq)]
enum Wanted {
    Exit(i32),
    NotRun(String),
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.extend(["README.md", "CONTRIBUTING.md", "examples/README.md"].map(|page| root().join(page)));
    pages.sort();
    pages
}

/// The comment before a block decides; a block without one is run and must succeed.
fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if !matches!(lines[at].trim_end(), "```bash" | "```sh" | "```shell" | "```console") {
            at += 1;
            continue;
        }
        let end = (at + 1..lines.len()).find(|end| lines[*end].starts_with("```")).expect("a closed block");
        let before = lines[..at].iter().rev().find(|line| !line.trim().is_empty()).copied().unwrap_or_default();
        found.push(Block { line: at + 1, commands: lines[at + 1..end].join("\n"), wanted: wanted(before) });
        at = end + 1;
    }
    found
}

fn wanted(before: &str) -> Wanted {
    let comment = before.trim().strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")).unwrap_or_default();
    match comment.split_once(": ") {
        Some(("not run", reason)) => Wanted::NotRun(reason.to_owned()),
        // The README's own two, which the stages of .ci run.
        Some(("command", _)) => Wanted::NotRun("a stage of .ci runs it".to_owned()),
        Some(("run", exit)) => Wanted::Exit(exit.strip_prefix("exit ").and_then(|code| code.parse().ok()).expect("`run: exit NUMBER`")),
        _ => Wanted::Exit(0),
    }
}

/// A project with what the pages speak of: the sample data, the examples, the documents, and a text to attach.
fn project(machine: &Machine) {
    let project = machine.project();
    for folder in ["examples", "docs"] {
        copy(&root().join(folder), &project.join(folder));
    }
    fs::create_dir_all(project.join("notes")).unwrap();
    fs::write(
        project.join("notes/interview.md"),
        "# Interview\n\nThe bakery opens at six. It sells 300 rolls a day and gives away what is left.\n",
    )
    .unwrap();
    fs::write(project.join("README.md"), "# Rolls\n\nA small project to try things in.\n").unwrap();
    let agents = project.join(".orchestrator/agents");
    fs::create_dir_all(&agents).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

fn shell(machine: &Machine, commands: &str) -> Command {
    let like = machine.command(&[]);
    let program = Path::new(like.get_program()).parent().unwrap();
    let path = std::env::join_paths([program.to_owned(), "/usr/local/bin".into(), "/usr/bin".into(), "/bin".into()]).unwrap();
    let mut shell = Command::new("bash");
    shell.env_clear().args(["-euo", "pipefail", "-c", commands]).current_dir(machine.project()).stdin(Stdio::null());
    shell.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", path).env("ORCHESTRATOR_MODEL__PROVIDER", "offline");
    shell
}

#[cfg(unix)]
#[test]
fn every_command_in_the_documentation_does_what_its_page_says() {
    let mut failures = Vec::new();
    let mut run = 0;
    for page in pages() {
        let machine = Machine::new();
        project(&machine);
        for block in blocks(&fs::read_to_string(&page).unwrap()) {
            let Wanted::Exit(code) = block.wanted else { continue };
            run += 1;
            let output = shell(&machine, &block.commands).output().unwrap();
            if output.status.code() != Some(code) {
                let said = String::from_utf8_lossy(&output.stderr);
                failures.push(format!("{}:{}: {}\n{}\n{said}", page.display(), block.line, output.status, block.commands));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n---\n"));
    assert!(run > 20, "only {run} blocks were run");
}

#[test]
fn a_block_that_is_not_run_says_why() {
    for page in pages() {
        for block in blocks(&fs::read_to_string(&page).unwrap()) {
            if let Wanted::NotRun(reason) = &block.wanted {
                assert!(reason.split_whitespace().count() >= 3, "{}:{}: {reason}", page.display(), block.line);
            }
        }
    }
}

#[test]
fn the_convention_is_read_as_it_is_written_down() {
    let text = "<!-- not run: needs a model -->\n```bash\na\n```\n\ntext\n```bash\nb\nc\n```\n<!-- run: exit 3 -->\n\n```bash\nd\n```\n```text\ne\n```\n";
    let found: Vec<(usize, String, Wanted)> = blocks(text).into_iter().map(|block| (block.line, block.commands, block.wanted)).collect();
    let expected = [
        (2, "a".to_owned(), Wanted::NotRun("needs a model".into())),
        (7, "b\nc".to_owned(), Wanted::Exit(0)),
        (13, "d".to_owned(), Wanted::Exit(3)),
    ];
    assert_eq!(found, expected);
}
