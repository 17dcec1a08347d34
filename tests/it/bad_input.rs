//! Bad input of every kind: a clear error with a hint and the right exit code, or a clean degrade; never a panic, a lost file or half a workspace.
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ai_orchestrator::domain::{Command, Decision, ErrorKind, Goal, ModelRequest, Reply, RunStatus, Scope, Via};
use ai_orchestrator::orchestrator::WhenBlocked;
use ai_orchestrator::sys::FixedClock;
use ai_orchestrator::sys::disk_faulty::Verb;
use serde_json::{Value, json};

use crate::machine::{Machine, Said};
use crate::support::scripted::{Rig, Scripted, artifacts, calls, goal, says, with_plan};

const GOAL: &str = "Write an article on bees";
const OFFLINE: [&str; 3] = ["--provider", "offline", "--non-interactive"];

fn run(machine: &Machine, words: &[&str]) -> Said {
    machine.run(&[OFFLINE.as_slice(), words].concat())
}

fn rows(machine: &Machine) -> Vec<Value> {
    serde_json::from_str(&machine.run(&["--list", "--json"]).out).unwrap()
}

fn workspace(machine: &Machine) -> PathBuf {
    PathBuf::from(rows(machine)[0]["workspace"].as_str().unwrap())
}

/// Exit 2, an error, a hint, no panic, and no workspace left behind.
#[track_caller]
fn refused(machine: &Machine, said: &Said, words: &str) {
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.starts_with("error: ") && said.err.contains("\nhint: ") && said.err.contains(words), "{}", said.err);
    assert!(!said.err.contains("panicked"), "{}", said.err);
    assert_eq!(rows(machine).len(), 0, "half a workspace was left");
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push((entry.path(), std::fs::read(entry.path()).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn a_goal_without_words_or_far_too_long_is_refused() {
    let machine = Machine::new();
    for empty in ["", "   ", "\n\t", "..."] {
        refused(&machine, &run(&machine, &[empty]), "the goal is empty");
    }
    refused(&machine, &run(&machine, &[&"word ".repeat(20_000)]), "more than 64 kB");
    assert!(!machine.project().join("workspaces").exists());
}

#[test]
fn any_script_is_a_goal() {
    let machine = Machine::new();
    for text in
        ["🐝🐝🐝", "اكتب مقالا عن النحل", "写一篇关于蜜蜂的文章", "e\u{301}crire \u{202e}sdrawkcab\u{202c}", "x\u{7f}\u{1b}[31m bees"]
    {
        let said = run(&machine, &["--plan-only", text]);
        assert_eq!(said.code, 0, "{text:?}: {}", said.err);
        let path = workspace(&machine);
        assert!(path.join("plan.md").is_file());
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
    }
}

#[test]
fn nul_in_a_goal_is_a_space() {
    assert_eq!(Goal::new("a\0b").unwrap().text, "a b");
}

#[test]
fn a_base_dir_that_is_a_file_is_named() {
    let machine = Machine::new();
    std::fs::write(machine.project().join("place"), "mine").unwrap();
    let said = run(&machine, &["--base-dir", "place", GOAL]);
    assert_eq!(said.code, 2);
    assert!(said.err.starts_with("error: workspace creation failed: ") && said.err.contains("hint: "), "{}", said.err);
    let below = run(&machine, &["--base-dir", "place/below", GOAL]);
    assert!(below.code == 2 && below.err.contains("workspace creation failed"), "{}", below.err);
    assert_eq!(std::fs::read_to_string(machine.project().join("place")).unwrap(), "mine");
}

#[test]
fn attached_files_that_cannot_be_attached_leave_no_workspace() {
    let machine = Machine::new();
    refused(&machine, &run(&machine, &["--attach", "missing.csv", GOAL]), "missing.csv`: there is no such file");
    let large = std::fs::File::create(machine.project().join("large.csv")).unwrap();
    large.set_len(200 * 1024 * 1024).unwrap();
    refused(&machine, &run(&machine, &["--attach", "large.csv", GOAL]), "large, more than");
    std::fs::create_dir(machine.project().join("data")).unwrap();
    refused(&machine, &run(&machine, &["--attach", "data", GOAL]), "it is a folder");
    refused(&machine, &run(&machine, &["Summarise ./data/"]), "folder");
    refused(&machine, &run(&machine, &["--attach", "", GOAL]), "");
    let good = machine.project().join("good.md");
    std::fs::write(&good, "good").unwrap();
    refused(&machine, &run(&machine, &["--attach", "good.md", "--attach", "missing.csv", GOAL]), "missing.csv");
}

#[test]
fn a_binary_file_is_attached_as_it_is() {
    let machine = Machine::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    for name in ["picture.png", "broken.csv", "latin.md"] {
        std::fs::write(machine.project().join(name), &bytes).unwrap();
        let said = run(&machine, &["--attach", name, "Analyse the attached file and write a report"]);
        assert!(matches!(said.code, 0 | 1) && !said.err.contains("panicked"), "{name}: {}{}", said.out, said.err);
        assert_eq!(std::fs::read(workspace(&machine).join("inputs").join(name)).unwrap(), bytes);
    }
}

#[test]
fn a_broken_plan_stops_the_resume_and_the_approval_and_is_kept() {
    let machine = Machine::new();
    assert_eq!(run(&machine, &["--plan-only", GOAL]).code, 0);
    let path = workspace(&machine);
    let (plan, text) = (path.join("plan.md"), path.to_str().unwrap());
    let good = std::fs::read_to_string(&plan).unwrap();
    for broken in
        [good.replace("s1 ", "s1 nobody-knows-"), good.replace("# Plan", "# P").replace("- [ ]", "-"), "\u{0}\u{1}binary: [".into()]
    {
        std::fs::write(&plan, &broken).unwrap();
        for words in [&["--resume", text, "--non-interactive"][..], &["approve", text, "A1"]] {
            let said = machine.run(words);
            assert_eq!(said.code, 2, "{words:?} with {broken:?}: {}{}", said.out, said.err);
            assert!(said.err.contains("error: ") && said.err.contains("plan.md line"), "{}", said.err);
        }
        assert_eq!(std::fs::read_to_string(&plan).unwrap(), broken, "an edit that cannot be read is not lost");
        assert_eq!(rows(&machine)[0]["status"], "waiting_approval");
    }
    std::fs::write(&plan, &good).unwrap();
    assert_eq!(machine.run(&["--resume", text, "--non-interactive"]).code, 0);
}

#[test]
fn runs_of_one_goal_in_one_second_get_folders_of_their_own() {
    let machine = Machine::new();
    let start = || machine.command(&[OFFLINE.as_slice(), &[GOAL]].concat()).stdout(std::process::Stdio::null()).spawn().unwrap();
    let children: Vec<_> = (0..3).map(|_| start()).collect();
    children.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    let paths: std::collections::BTreeSet<String> = rows(&machine).iter().map(|row| row["workspace"].to_string()).collect();
    assert_eq!(paths.len(), 3);
    assert!(rows(&machine).iter().all(|row| row["status"] == "completed"));
}

#[test]
fn a_folder_that_is_gone_is_no_reason_to_break() {
    let machine = Machine::new();
    let gone = machine.project().join("gone");
    std::fs::create_dir(&gone).unwrap();
    for words in ["--list", "doctor", "--plan-only --provider offline Bees"] {
        std::fs::create_dir_all(&gone).unwrap();
        let mut command = machine.command(&[]);
        let program = command.get_program().to_owned();
        let script = format!("cd gone && rmdir ../gone && exec \"$0\" {words}");
        let environment: Vec<_> = command.get_envs().map(|(name, value)| (name.to_owned(), value.unwrap_or_default().to_owned())).collect();
        command = std::process::Command::new("/bin/sh");
        let output =
            command.env_clear().envs(environment).current_dir(machine.project()).arg("-c").arg(script).arg(program).output().unwrap();
        let said = Said::of(output);
        assert!(matches!(said.code, 0..=2) && !said.err.contains("panicked"), "{words}: {}{}", said.out, said.err);
    }
}

fn ended_workspace() -> (Machine, PathBuf) {
    let machine = Machine::new();
    assert_eq!(run(&machine, &["--plan-only", GOAL]).code, 0);
    let path = workspace(&machine);
    (machine, path)
}

#[test]
fn a_workspace_of_a_newer_version_is_shown_and_never_written() {
    let (machine, path) = ended_workspace();
    for name in [".orchestrator/journal.jsonl", "workflow-state.json", "workspace-info.json"] {
        let text = std::fs::read_to_string(path.join(name)).unwrap();
        let newer = text.replacen("\"schema\":3", "\"schema\":99", 1).replacen("\"schema\": 1", "\"schema\": 99", 1);
        assert_ne!(text, newer, "{name}");
        std::fs::write(path.join(name), newer).unwrap();
    }
    let before = files(&path);
    let text = path.to_str().unwrap();
    let said = machine.run(&["--resume", text, "--non-interactive"]);
    assert!(said.code == 2 && said.err.contains("newer version") && said.err.contains("hint: "), "{}", said.err);
    let said = machine.run(&["approve", text, "A1"]);
    assert!(said.code == 2 && said.err.contains("newer version"), "{}", said.err);
    assert!(rows(&machine)[0]["status_reason"].as_str().unwrap_or_default().contains("newer"), "{:?}", rows(&machine));
    assert_eq!(machine.run(&["--cleanup", "0"]).out, "");
    let after = files(&path);
    let changed: Vec<_> = after.iter().filter(|file| !before.contains(file) && !file.0.ends_with("lease")).collect();
    assert!(changed.is_empty() && after.len() <= before.len() + 1, "{changed:?}");
}

#[test]
fn a_torn_journal_goes_on_and_a_corrupt_one_is_set_aside() {
    let (machine, path) = ended_workspace();
    let journal = path.join(".orchestrator/journal.jsonl");
    let text = path.to_str().unwrap();
    let whole = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, &whole[..whole.len() - 7]).unwrap();
    let said = machine.run(&["--resume", text, "--non-interactive"]);
    assert_eq!(said.code, 0, "a torn last line is forgiven: {}", said.err);
    let (machine, path) = ended_workspace();
    let (journal, text) = (path.join(".orchestrator/journal.jsonl"), path.to_str().unwrap());
    let mut damaged = std::fs::read(&journal).unwrap();
    let second = damaged.iter().position(|byte| *byte == b'\n').unwrap() + 5;
    damaged[second..second + 9].copy_from_slice(b"\xff\0garbage");
    std::fs::write(&journal, &damaged).unwrap();
    for words in [&["--resume", text, "--non-interactive"][..], &["approve", text, "A1"]] {
        let said = machine.run(words);
        assert!(said.code == 2 && said.err.contains("damaged at line 2") && said.err.contains("hint: "), "{}", said.err);
    }
    assert_eq!(std::fs::read(&journal).unwrap(), damaged, "the journal itself is left as it was");
    assert_eq!(std::fs::read(path.join(".orchestrator/journal.jsonl.corrupt-1")).unwrap(), damaged);
    assert!(rows(&machine)[0]["workspace"].as_str().is_some());
}

#[test]
fn places_that_are_no_workspace_are_told_from_each_other() {
    let machine = Machine::new();
    std::fs::create_dir(machine.project().join("plain")).unwrap();
    std::fs::write(machine.project().join("file"), "x").unwrap();
    for (place, words) in
        [("plain", "it has no journal"), ("file", "it is a file"), ("file/below", "below a file"), ("missing", "there is no workspace at")]
    {
        let said = machine.run(&["--resume", place]);
        assert!(said.code == 2 && said.err.contains(words) && said.err.contains("hint: "), "{place}: {}", said.err);
    }
    assert_eq!(std::fs::read_dir(machine.project().join("plain")).unwrap().count(), 0);
}

const PLAN: &str = "---\norchestrator: plan/1\n---\n# Plan: Three\n
- [ ] s1 writer: One\n  - output: one.md
- [ ] s2 writer: Two\n  - output: sub/two.md
- [ ] s3 writer: Three\n  - needs: s1, s2\n  - output: three.md\n";

fn script(request: &ModelRequest, turn: usize) -> Reply {
    let write = |path: &str| ("write_file", json!({"path": path, "content": path.repeat(50)}));
    match (request.brief.step.to_string().as_str(), turn) {
        ("s1", 1) => calls(vec![write("one.md")]),
        ("s2", 1) => calls(vec![write("sub/two.md"), write("sub/more.md")]),
        _ => says("Done."),
    }
}

fn grows(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::CreateAndOpen
            | Verb::CreateFolder
            | Verb::CreateFolders
            | Verb::Replace
            | Verb::CreateNew
            | Verb::OpenAppend
            | Verb::Append
            | Verb::Sync
    )
}

async fn complete(rig: &Rig) -> std::collections::BTreeMap<String, String> {
    let run = rig.orchestrator().start_with(goal("Three"), with_plan(PLAN)).await.unwrap();
    artifacts(&run.finished().await.unwrap().workspace)
}

/// The disk fills up, or becomes read-only, at the n-th write and stays so; afterwards it heals.
async fn fails_from(n: u64, kind: Io, expected: &std::collections::BTreeMap<String, String>) -> bool {
    let rig = Rig::new(Scripted::new(script));
    let count = AtomicU64::new(0);
    rig.control.fail_when(kind, move |operation| {
        let counts = if kind == Io::StorageFull { grows(operation.verb) } else { operation.verb.is_change() };
        counts && count.fetch_add(1, Ordering::Relaxed) + 1 >= n
    });
    let orchestrator = rig.orchestrator();
    let started = orchestrator.start_with(goal("Three"), with_plan(PLAN)).await;
    let failed = match started {
        Ok(run) => run.finished().await.map(|_| ()),
        Err(error) => Err(error),
    };
    rig.control.heal();
    let Err(error) = failed else { return false };
    assert!(error.exit_code() == 2 && error.hint.is_some(), "{n}: {error}");
    assert!(matches!(error.kind, ErrorKind::Disk | ErrorKind::Place), "{n}: {error}");
    assert!(orchestrator.runs().is_empty(), "{n}: the run is still held");
    let before = rig.model.sent().len();
    let listed = orchestrator.list(9).await.unwrap();
    for row in &listed {
        if row.status == RunStatus::Completed {
            // Only the views of a run that had ended were lost.
            assert_eq!(&artifacts(&row.workspace), expected, "{n}: falsely completed");
            assert!(rig.orchestrator().resume(&row.workspace).await.is_err_and(|error| error.what.contains("completed")));
            let state = std::fs::read_to_string(row.workspace.join("workflow-state.json")).unwrap();
            assert!(state.contains("\"status\": \"completed\""), "{n}: the views are mended");
            continue;
        }
        match rig.orchestrator().resume(&row.workspace).await {
            Ok(run) => {
                let result = run.finished().await.unwrap();
                assert_eq!(result.status, RunStatus::Completed, "{n}: {result:#?}");
                assert_eq!(&artifacts(&result.workspace), expected, "{n}");
                assert!(rig.model.sent().len() <= 6 + 2, "{n}: {:?}", rig.model.sent());
            }
            // The end was journalled, and the state on disk could not tell of it any more; the refusal mends that.
            Err(error) if error.what.contains("completed") => {
                assert_eq!(&artifacts(&row.workspace), expected, "{n}: falsely completed");
                let state = std::fs::read_to_string(row.workspace.join("workflow-state.json")).unwrap();
                assert!(state.contains("\"status\": \"completed\""), "{n}: the views are mended");
            }
            Err(error) => assert!(before == 0 && error.hint.is_some(), "{n}: paid for and not resumable: {error}"),
        }
    }
    assert!(!listed.is_empty() || before == 0, "{n}: paid for and gone");
    true
}

#[tokio::test]
async fn a_disk_that_fills_up_or_locks_at_any_write_stops_the_run_resumably() {
    let expected = complete(&Rig::new(Scripted::new(script))).await;
    assert_eq!(expected.len(), 4);
    for kind in [Io::StorageFull, Io::ReadOnlyFilesystem, Io::PermissionDenied, Io::NotFound] {
        let mut tried = 0;
        for n in (1..400).step_by(if kind == Io::StorageFull { 3 } else { 7 }) {
            if !fails_from(n, kind, &expected).await {
                break;
            }
            tried += 1;
        }
        assert!(tried > 8, "{kind}: {tried}");
        println!("{kind}: {tried} points, all resumable");
    }
}

#[tokio::test]
async fn a_workspace_removed_while_it_runs_ends_the_run_with_a_reason() {
    let base: Arc<std::sync::OnceLock<PathBuf>> = Arc::default();
    let place = Arc::clone(&base);
    let rig = Rig::new(Scripted::new(move |request, turn| {
        if request.brief.step.to_string() == "s3"
            && let Some(base) = place.get()
        {
            let _ = std::fs::remove_dir_all(base);
        }
        script(request, turn)
    }));
    base.set(rig.settings.base_dir.clone()).unwrap();
    let run = rig.orchestrator().start_with(goal("Three"), with_plan(PLAN)).await.unwrap();
    let error = run.finished().await.unwrap_err();
    assert!(error.exit_code() == 2 && error.hint.is_some(), "{error}");
    assert_ne!(run.state().status, RunStatus::Completed);
    assert!(!rig.settings.base_dir.exists(), "a removed workspace is not made again by halves");
}

/// An editor whose answer breaks once it is told to.
#[derive(Default)]
struct Breaking(AtomicBool);

impl ai_orchestrator::domain::Buffers for Breaking {
    fn text(&self, _: &Path) -> Option<String> {
        assert!(!self.0.load(Ordering::Relaxed), "a break on purpose");
        None
    }
}

#[tokio::test]
async fn a_run_whose_task_breaks_is_live_no_more_and_can_be_resumed() {
    let mut rig = Rig::new(Scripted::new(script));
    rig.interactive = true;
    let editor = Arc::new(Breaking::default());
    let orchestrator = rig.builder().buffers(editor.clone()).build().unwrap();
    let run = orchestrator.start_with(goal("Three"), with_plan(PLAN)).await.unwrap();
    while run.state().pending_approvals.is_empty() {
        tokio::task::yield_now().await;
    }
    editor.0.store(true, Ordering::Relaxed);
    let plan = run.state().pending_approvals[0].clone();
    let decision = Decision { approved: true, scope: Scope::Once, note: None };
    let command = Command::Answer { id: plan.id, hash: Some(plan.hash), decision, via: Via::Library };
    let _ = orchestrator.answer(&run.workspace, command).await;
    let error = run.finished().await.unwrap_err();
    assert!(error.what.contains("ended without a word"), "{error}");
    assert_eq!(orchestrator.runs().len(), 0);
    rig.interactive = false;
    let result = rig.orchestrator().resume(&run.workspace).await.unwrap().finished().await.unwrap();
    assert_eq!(result.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_clock_that_jumps_back_changes_no_outcome() {
    let mut rig = Rig::new(Scripted::new(script));
    rig.interactive = true;
    rig.when_blocked = WhenBlocked::LetGo;
    let run = rig.orchestrator().start_with(goal("Three"), with_plan(PLAN)).await.unwrap();
    let workspace = run.finished().await.unwrap().workspace;
    rig.clock = Arc::new(FixedClock::at("2019-01-01T00:00:00-08:00"));
    rig.interactive = false;
    let result = rig.orchestrator().resume(&workspace).await.unwrap().finished().await.unwrap();
    assert_eq!((result.status, result.summary.duration_ms), (RunStatus::Completed, 0));
    rig.clock = Arc::new(FixedClock::at("2019-01-01T00:00:00-08:00"));
    assert_eq!(rig.orchestrator().cleanup(1, false).await.unwrap().len(), 0, "what ended in the future is not old");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_told_who_holds_the_workspace_and_can_decide_for_it() {
    let machine = Machine::new();
    let mut rig = Rig::new(Scripted::new(script));
    rig.interactive = true;
    let state = machine
        .command(&[])
        .get_envs()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.unwrap_or_default().to_string_lossy().into_owned()))
        .collect::<Vec<_>>();
    let environment = ai_orchestrator::sys::Environment::new(state, machine.project());
    let orchestrator = rig.builder().environment(environment).build().unwrap();
    let run = orchestrator.start_with(goal("Three"), with_plan(PLAN)).await.unwrap();
    let mut updates = run.clone();
    while updates.state().pending_approvals.is_empty() {
        tokio::task::yield_now().await;
        updates = run.clone();
    }
    let path = run.workspace.to_str().unwrap().to_owned();
    let program = Arc::new(machine);
    let other = |words: Vec<String>| {
        let machine = Arc::clone(&program);
        tokio::task::spawn_blocking(move || machine.run(&words.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    let held = other(vec!["--resume".into(), path.clone(), "--non-interactive".into()]).await.unwrap();
    let pid = format!("pid {}", std::process::id());
    assert!(held.code == 2 && held.err.contains("workspace held by another process") && held.err.contains(&pid), "{}", held.err);
    let none = other(vec!["approve".into(), path.clone(), "A9".into()]).await.unwrap();
    assert!(none.code == 2 && none.err.contains("no approval A9"), "{}{}", none.out, none.err);
    let approved = other(vec!["approve".into(), path.clone(), "A1".into()]).await.unwrap();
    assert_eq!((approved.code, approved.out.as_str()), (0, "A1 approved\n"), "{}", approved.err);
    assert_eq!(run.finished().await.unwrap().status, RunStatus::Completed);
}
