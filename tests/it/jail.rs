//! More than three hundred ways out of the workspace, tried through the real tools: none may read, write or hang.
#![cfg(unix)]
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ai_orchestrator::config::Settings;
use ai_orchestrator::domain::{Goal, NoBuffers, ToolOutcome};
use ai_orchestrator::sys::{Clock, FixedClock, RealDisk};
use ai_orchestrator::tools::{Tool, ToolContext, built_in};
use ai_orchestrator::workspace::Workspace;
use serde_json::{Value, json};

const CANARY: &str = "CANARY-7f3a-outside";
const PRIVATE: &str = "CANARY-91bc-journal";

struct Prison {
    folder: tempfile::TempDir,
    workspace: PathBuf,
    context: ToolContext,
    tools: Vec<Arc<dyn Tool>>,
}

/// A workspace with every trap that a hostile hand could have laid in it, and secrets around it.
fn prison() -> Prison {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for name in ["outside/deep", "project/src", "base"] {
        std::fs::create_dir_all(here.join(name)).unwrap();
    }
    for name in ["outside/secret.md", "outside/deep/secret.csv", "outside/secret.csv", "outside/secret.json"] {
        std::fs::write(here.join(name), format!("name,note\na,{CANARY}\n")).unwrap();
    }
    std::fs::write(here.join("project/src/main.py"), "print('hello')\n").unwrap();
    let root = RealDisk::root().unwrap();
    let clock = FixedClock::at("2026-11-22T14:30:22+01:00");
    let made = Workspace::create(&root, &here.join("base"), &Goal::new("Escape").unwrap(), clock.now()).unwrap();
    let workspace = made.path().to_owned();
    for name in ["plan.md", "approvals.md", "context-main.md", "workflow-state.json", "workspace-info.json", "inputs/data.csv"] {
        std::fs::write(workspace.join(name), "a,b\n1,2\n").unwrap();
    }
    std::fs::write(workspace.join(".orchestrator/journal.jsonl"), PRIVATE).unwrap();
    std::fs::write(workspace.join(".orchestrator/note.md"), PRIVATE).unwrap();
    std::fs::write(workspace.join("agent_outputs/coder_1.log"), "log").unwrap();
    std::fs::create_dir(workspace.join("x.md")).unwrap();
    for (target, link) in [
        ("../../../../outside/secret.md", "link.md"),
        ("../../../../outside/secret.csv", "link.csv"),
        ("../../../../outside", "out"),
        ("out", "chain"),
        ("/dev/zero", "zero.md"),
        ("/dev/zero", "zero.csv"),
        ("/proc/self/environ", "environ.md"),
        ("/proc/self/cwd", "cwd"),
        ("/proc/self/root", "root"),
        (".orchestrator", "own"),
        (".orchestrator/journal.jsonl", "journal.md"),
        ("plan.md", "alias.md"),
        ("inputs", "attached"),
        ("loop.md", "loop.md"),
        ("nowhere.md", "dangling.md"),
        ("../../../../outside/new.md", "dangling-out.md"),
    ] {
        symlink(target, workspace.join(link)).unwrap();
    }
    symlink(here.join("outside"), workspace.join("absolute")).unwrap();
    symlink(here.join("outside/secret.csv"), workspace.join("inputs/link.csv")).unwrap();
    symlink("../outside", here.join("project/out")).unwrap();
    symlink("../../outside/secret.md", here.join("project/src/link.md")).unwrap();
    std::fs::hard_link(here.join("outside/secret.md"), workspace.join("hard.md")).unwrap();
    std::fs::hard_link(here.join("outside/secret.csv"), workspace.join("hard.csv")).unwrap();
    std::fs::hard_link(workspace.join(".orchestrator/journal.jsonl"), workspace.join("hard-journal.md")).unwrap();
    for pipe in ["pipe.md", "pipe.csv"] {
        assert!(std::process::Command::new("mkfifo").arg(workspace.join(pipe)).status().unwrap().success());
    }
    let context = ToolContext {
        workspace: Arc::new(made.jail(Settings::defaults(here).allowed_file_extensions)),
        project: here.join("project"),
        base_dir: here.join("base"),
        buffers: Arc::new(NoBuffers),
        disk: root,
        known: Arc::new(BTreeMap::new()),
        rerun: false,
        inputs: Arc::new(Vec::new()),
        evidence: Default::default(),
        cancelled: Arc::new(AtomicBool::new(false)),
    };
    Prison { folder, workspace, context, tools: built_in() }
}

impl Prison {
    async fn run(&self, name: &str, input: Value) -> ToolOutcome {
        let tool = self.tools.iter().find(|tool| tool.spec().name == name).unwrap_or_else(|| panic!("no tool {name}"));
        let work = tool.run(input.clone(), &self.context);
        tokio::time::timeout(Duration::from_secs(20), work).await.unwrap_or_else(|_| panic!("{name} {input} hangs"))
    }

    /// Everything that no tool may change, by path: the outside, the project, our own files and folders.
    fn untouchable(&self) -> BTreeMap<PathBuf, String> {
        let own = ["plan.md", "approvals.md", "context-main.md", "workflow-state.json", "workspace-info.json"];
        let folders = ["inputs", "agent_outputs", ".orchestrator"].map(|name| self.workspace.join(name));
        let mut found = BTreeMap::new();
        for place in ["outside", "project"].map(|name| self.folder.path().join(name)).into_iter().chain(folders) {
            collect(&place, &mut found);
        }
        found.extend(own.map(|name| (self.workspace.join(name), std::fs::read_to_string(self.workspace.join(name)).unwrap())));
        found
    }
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            collect(&entry.path(), found);
        } else if kind.is_file() {
            found.insert(entry.path(), std::fs::read_to_string(entry.path()).unwrap());
        } else {
            found.insert(entry.path(), format!("{kind:?}"));
        }
    }
}

/// Paths that lead out, to our own files, to things that are no files, or round the list of extensions.
fn ways_out(prison: &Prison) -> Vec<String> {
    let outside = prison.folder.path().join("outside/secret.md").to_string_lossy().into_owned();
    let mut ways: Vec<String> = [
        "../secret.md",
        "../../../../outside/secret.md",
        "../../../../outside/secret.csv",
        "a/../../../../../outside/secret.md",
        "./../x.md",
        "..",
        ".",
        "",
        "/",
        "notes/../../x.md",
        "x/./../../y.md",
        "....//x.md",
        "..\\outside\\secret.md",
        "a\\..\\..\\x.md",
        "\\\\server\\share\\x.md",
        "C:\\x.md",
        "C:x.md",
        "c:/x.md",
        "/etc/passwd",
        "/etc/hostname",
        "//etc/passwd",
        "/proc/self/environ",
        "/proc/self/mem",
        "/proc/self/root/etc/passwd",
        "/dev/stdin",
        "/dev/zero",
        "~/x.md",
        "~root/x.md",
        "file:///etc/passwd",
        "file://x.md",
        "%2e%2e/%2e%2e/x.sh",
        "..%2fx.sh",
        "%2fetc%2fpasswd",
        "..;/x.md",
        "..\u{ff0f}secret.md",
        "\u{ff0e}\u{ff0e}/secret.md",
        "\u{2025}/secret.md",
        "\u{2024}\u{2024}/x.md",
        "a\u{2215}..\u{2215}x.sh",
        "..\0/x.md",
        "x.sh\0.md",
        "secret\0.md",
        "x\n.md",
        "x\r.md",
        "x\u{1b}[2J.md",
        "x\u{202e}dm.md",
        "x\u{200b}.md",
        "\u{feff}plan.md",
        "link.md",
        "link.csv",
        "out/secret.md",
        "out/secret.csv",
        "out/new.md",
        "out/deep/secret.csv",
        "chain/secret.md",
        "chain/deep/new.md",
        "absolute/secret.md",
        "absolute/new.md",
        "zero.md",
        "zero.csv",
        "environ.md",
        "cwd/new.md",
        "root/etc/hostname",
        "root/tmp/new.md",
        "own/journal.jsonl",
        "own/note.md",
        "own/new.md",
        "journal.md",
        "alias.md",
        "attached/data.csv",
        "attached/new.csv",
        "inputs/link.csv",
        "loop.md",
        "dangling.md",
        "dangling-out.md",
        "hard.md",
        "hard.csv",
        "hard-journal.md",
        "pipe.md",
        "pipe.csv",
        "x.md",
        "x.md/",
        "x.md/.",
        "link.md/x.md",
        ".orchestrator/journal.jsonl",
        ".orchestrator/note.md",
        ".ORCHESTRATOR/note.md",
        ".Orchestrator/note.md",
        ".orchestrator",
        "./.orchestrator/note.md",
        "inputs/../.orchestrator/note.md",
        ".orchestrator/blobs/x.md",
        ".orchestrator./note.md",
        ".orchestrator /note.md",
        "ORCHES~1/note.md",
        "\u{ff0e}orchestrator/note.md",
        ".orche\u{17f}trator/note.md",
        ".\u{1d452}rchestrator/x.md",
        "CON",
        "con.md",
        "PRN.md",
        "aux.txt",
        "NUL.md",
        "nul.tar.md",
        "COM1.md",
        "lpt9.csv",
        "COM\u{b9}.md",
        "CONIN$.md",
        "x.md::$DATA",
        "x.md:stream",
        "plan.md::$DATA",
        "x.md:stream.md",
        "dir:x/y.md",
        "x.md.",
        "x.md ",
        " x.md",
        "plan.md.",
        "plan.md ",
        "x?.md",
        "x*.md",
        "x|y.md",
        "<x>.md",
        "\"x\".md",
    ]
    .map(str::to_owned)
    .to_vec();
    ways.push(outside.clone());
    ways.push(format!(".{outside}"));
    ways.push(format!("/proc/self/root{outside}"));
    ways.push("a".repeat(300) + ".md");
    ways.push("a/".repeat(300) + "x.md");
    ways.push("a/".repeat(40) + "x.md");
    ways.push("\u{1f600}".repeat(90) + ".md");
    ways.push("../".repeat(40) + "etc/passwd");
    ways
}

/// Names that may be read, where they exist, and never written.
fn never_written() -> Vec<String> {
    [
        "plan.md",
        "PLAN.md",
        "Plan.MD",
        "\u{ff50}lan.md",
        "pl\u{1d41a}n.md",
        "approvals.md",
        "APPROVALS.MD",
        "approval\u{17f}.md",
        "context-main.md",
        "Context-Main.md",
        "workflow-state.json",
        "WORKFLOW-STATE.JSON",
        "workflow-history.json",
        "workspace-info.json",
        "execution-summary.md",
        "inputs/data.csv",
        "inputs/new.csv",
        "INPUTS/data.csv",
        "Inputs/new.md",
        "agent_outputs/x.md",
        "Agent_Outputs/x.md",
        "agent_outputs/coder_1.log",
        "plan.md/x.md",
        "x.sh",
        "x.exe",
        "x.md.sh",
        "x.bat",
        "x.SH",
        "x.md.exe",
        "x.ps1",
        "x",
        "Makefile",
        ".bashrc",
        ".env",
        ".git/config.md",
        ".github/x.yml",
        ".vscode/tasks.json",
        "notes/.hidden.md",
        "x.md.lnk",
        "x.desktop",
        "x.so",
        "x.md~",
        "x.php",
        "x.jsonl",
        "x.\u{ff4d}\u{ff44}.sh",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[tokio::test]
async fn no_way_out_of_the_workspace_is_open() {
    let prison = prison();
    let before = prison.untouchable();
    // The tools do work where they may.
    for (tool, input) in [
        ("write_file", json!({"path": "mine/fine.md", "content": "fine"})),
        ("read_file", json!({"path": "mine/fine.md"})),
        ("read_file", json!({"path": "inputs/data.csv"})),
        ("profile_data", json!({"path": "inputs/data.csv"})),
        ("make_chart", json!({"path": "fine.svg", "sql": "select 'x' as k, 1 as v", "kind": "bar", "title": "t"})),
    ] {
        let outcome = prison.run(tool, input).await;
        assert!(outcome.ok, "{tool}: {outcome:?}");
    }
    let mut tried = 0;
    let mut escaped = Vec::new();
    for path in ways_out(&prison) {
        let attempts = [
            ("read_file", json!({"path": path})),
            ("check_file", json!({"path": path})),
            ("profile_data", json!({"path": path})),
            ("list_files", json!({"path": path})),
            ("search_files", json!({"path": path, "query": "CANARY"})),
        ];
        for (tool, input) in attempts {
            tried += 1;
            let outcome = prison.run(tool, input).await;
            if outcome.content.contains("CANARY") && !outcome.content.contains("no match") || outcome.disk_failure.is_some() {
                escaped.push(format!("{tool} {path:?}: {outcome:?}"));
            }
            if tool == "read_file" && outcome.ok {
                escaped.push(format!("read_file {path:?} was granted"));
            }
        }
    }
    for path in ways_out(&prison).into_iter().chain(never_written()) {
        let attempts = [
            ("write_file", json!({"path": path, "content": "escaped"})),
            ("edit_file", json!({"path": path, "old_text": "a", "new_text": "escaped"})),
            ("make_chart", json!({"path": path, "sql": "select 'x' as k, 1 as v", "kind": "bar", "title": "t"})),
        ];
        for (tool, input) in attempts {
            tried += 1;
            let outcome = prison.run(tool, input).await;
            if outcome.ok || outcome.disk_failure.is_some() || outcome.content.contains("CANARY") {
                escaped.push(format!("{tool} {path:?}: {outcome:?}"));
            }
        }
    }
    assert!(escaped.is_empty(), "{} of {tried} escapes:\n{}", escaped.len(), escaped.join("\n"));
    assert_eq!(before, prison.untouchable(), "something outside changed");
    assert!(tried >= 300);
    println!("escapes tried: {tried}, succeeded: 0");
}

#[tokio::test]
async fn the_project_is_no_way_out_and_is_never_written() {
    let prison = prison();
    let before = prison.untouchable();
    let outside = prison.folder.path().join("outside/secret.md").to_string_lossy().into_owned();
    let ways = [
        "../outside/secret.md",
        "out/secret.md",
        "src/link.md",
        "src/../../outside/secret.md",
        "/etc/passwd",
        &outside,
        "../base",
        "out",
        "",
        ".",
    ];
    for way in ways {
        for (tool, input) in [
            ("read_project", json!({"path": way})),
            ("outline_project", json!({"path": way})),
            ("search_project", json!({"query": "CANARY", "glob": format!("{way}/**")})),
        ] {
            let outcome = prison.run(tool, input).await;
            let told = outcome.content.replace("`CANARY`", "");
            assert!(!told.contains("CANARY-") && outcome.disk_failure.is_none(), "{tool} {way:?}: {outcome:?}");
        }
    }
    assert_eq!(before, prison.untouchable());
}

#[tokio::test]
async fn a_query_reaches_no_file_and_changes_nothing() {
    let prison = prison();
    let before = prison.untouchable();
    let outside = prison.folder.path().join("outside");
    let secret = outside.join("secret.csv").to_string_lossy().into_owned();
    let new = outside.join("new.db").to_string_lossy().into_owned();
    for sql in [
        format!("attach database '{new}' as x"),
        format!("attach '{secret}' as x; select * from x.sqlite_master"),
        format!("select readfile('{secret}')"),
        format!("select writefile('{new}', 'x')"),
        format!("vacuum into '{new}'"),
        "select load_extension('x')".into(),
        "pragma journal_mode=wal".into(),
        "pragma writable_schema=1".into(),
        "create table t(a)".into(),
        "drop table data".into(),
        "insert into data values (1,2)".into(),
        "delete from data".into(),
        "update data set a = 1".into(),
        "select 1; drop table data".into(),
        "with recursive c(x) as (select 1 union all select x+1 from c) select count(*) from c".into(),
        "select * from pragma_database_list".into(),
        format!("create virtual table t using csv(filename='{secret}')"),
        "select fts3_tokenizer('simple', x'4141414141414141')".into(),
    ] {
        let outcome = prison.run("query_data", json!({"sql": sql})).await;
        let path_told =
            outcome.content.contains("CANARY-") || outcome.content.contains(prison.folder.path().to_str().unwrap()) && outcome.ok;
        assert!(!path_told && outcome.disk_failure.is_none(), "{sql}: {outcome:?}");
    }
    assert_eq!(before, prison.untouchable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_swapped_in_during_the_work_is_never_followed() {
    let prison = Arc::new(prison());
    let before = prison.untouchable();
    let swap = prison.workspace.join("swap");
    let aside = prison.workspace.join("aside");
    std::fs::create_dir(&swap).unwrap();
    std::fs::write(swap.join("secret.md"), "mine").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (stop, outside) = (Arc::clone(&stop), prison.folder.path().join("outside"));
        std::thread::spawn(move || {
            let mut swaps = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let _ = std::fs::rename(&swap, &aside);
                let _ = symlink(&outside, &swap);
                swaps += 1;
                let _ = std::fs::remove_file(&swap);
                let _ = std::fs::rename(&aside, &swap);
            }
            swaps
        })
    };
    for number in 0..150 {
        let name = format!("swap/new{number}.md");
        let _ = prison.run("write_file", json!({"path": name, "content": "escaped"})).await;
        let _ = prison.run("edit_file", json!({"path": "swap/secret.md", "old_text": "CANARY", "new_text": "escaped"})).await;
        let read = prison.run("read_file", json!({"path": "swap/secret.md"})).await;
        let found = prison.run("search_files", json!({"query": "CANARY-7f3a"})).await;
        assert!(!read.content.contains(CANARY) && !found.content.contains(CANARY), "{read:?} {found:?}");
    }
    stop.store(true, Ordering::Relaxed);
    assert!(swapper.join().unwrap() > 0);
    assert_eq!(before, prison.untouchable());
}
