//! What is fuzzed, one function for each parser that meets bytes from outside. Shared by the fuzz targets and by the ordinary test that replays
//! the corpus. Each one asserts what must hold for any bytes; a panic is a finding.
use std::cell::RefCell;
use std::sync::Arc;

use ai_orchestrator::config::{Layers, load};
use ai_orchestrator::documents::front_matter::FrontMatter;
use ai_orchestrator::documents::goals::{DEFAULT_MARKERS, TextKind};
use ai_orchestrator::documents::{Problem, Span, agent_file, approvals, goal_file, goals, plan};
use ai_orchestrator::domain::address::WebAddress;
use ai_orchestrator::domain::agent::AgentSource;
use ai_orchestrator::domain::plan::PlanRules;
use ai_orchestrator::domain::{Goal, RelPath};
use ai_orchestrator::engine::{Workflow, report};
use ai_orchestrator::llm::sse::SseDecoder;
use ai_orchestrator::lsp::frame::{Frame, FrameReader, encode};
use ai_orchestrator::sys::{Clock, Disk, Environment, FixedClock, RealDisk};
use ai_orchestrator::tools::data_read;
use ai_orchestrator::workspace::Workspace;

/// A parser and what must hold for it.
pub type Parser = fn(&[u8]);

/// Every parser by the name of its target and of its folder in the corpus.
pub const ALL: [(&str, Parser); 10] = [
    ("approvals", approvals_document),
    ("config", config_file),
    ("csv", data_file),
    ("frames", json_frames),
    ("front_matter", front_matter),
    ("goals", goals_of_a_document),
    ("journal", journal),
    ("paths", paths),
    ("plan", plan_document),
    ("sse", server_sent_events),
];

#[track_caller]
fn check_span(text: &str, span: Span) {
    assert!(text.get(span.start..span.end).is_some(), "{span:?} does not cut out a piece of the text");
}

fn check_problems(text: &str, problems: &[Problem]) {
    problems.iter().for_each(|problem| check_span(text, problem.span));
}

/// The same events come whatever pieces the bytes arrive in.
pub fn server_sent_events(bytes: &[u8]) {
    let read = |piece: usize| {
        let mut decoder = SseDecoder::with_limit(4096);
        let mut events = Vec::new();
        for part in bytes.chunks(piece.max(1)) {
            match decoder.push(part) {
                Ok(more) => events.extend(more),
                Err(_) => return None,
            }
        }
        events.extend(decoder.finish());
        Some(events)
    };
    let whole = read(bytes.len());
    assert_eq!(read(1), whole);
    assert_eq!(read(7), whole);
}

/// Reading comes to an end, and what was read can be written and read again.
pub fn json_frames(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut reader = FrameReader::new(bytes);
        let mut count = 0;
        while let Some(frame) = reader.next().await {
            count += 1;
            assert!(count <= bytes.len() + 1, "more frames than bytes");
            if let Frame::Message(message) = frame {
                let written = encode(&message);
                assert_eq!(FrameReader::new(written.as_slice()).next().await, Some(Frame::Message(message)));
            }
        }
    });
}

/// Every place lies in the text, and setting marks changes nothing but marks.
pub fn plan_document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let document = plan::parse(&text);
    let rules = PlanRules { agents: vec!["writer".into(), "coder".into()], allowed_extensions: vec![".md".into()], max_steps: 12 };
    check_problems(&text, &plan::problems(&document, &rules));
    let marks = plan::plain_marks(&document.plan);
    if let Some(marked) = plan::set_marks(&text, &|id| Some(marks(id))) {
        assert_eq!(plan::parse(&marked).plan.steps.len(), document.plan.steps.len());
    }
    let rendered = plan::render(&document.plan, "r-1", &marks);
    plan::parse(&rendered);
}

/// A text against itself decides nothing.
pub fn approvals_document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    approvals::parse(&text);
    assert!(approvals::decisions(&text, &text).is_empty(), "an unchanged document decided something");
    let (before, after) = text.split_at((0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
    approvals::decisions(before, after);
    approvals::keep_notes(before, after);
}

/// Goals in every kind of text.
pub fn goals_of_a_document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let markers = DEFAULT_MARKERS.map(str::to_owned);
    for kind in [TextKind::Markdown, TextKind::Plain, TextKind::Code, TextKind::GoalFile] {
        for found in goals::scan(&text, kind, &markers) {
            check_problems(&text, &found.problems);
            let _ = found.to_goal();
        }
    }
    goal_file::read(&text);
    goals::selection_goal(&text);
}

/// Front matter, and the agent files that open with it.
pub fn front_matter(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let front = FrontMatter::read(&text);
    check_problems(&text, &front.problems);
    assert!(text.is_char_boundary(front.body.min(text.len())));
    let (_, problems) = agent_file::parse(&text, "agents/x.md", AgentSource::User("agents/x.md".into()), &["read_file".into()]);
    check_problems(&text, &problems);
}

/// A folder of its own for each thread, made once.
struct Scratch {
    folder: tempfile::TempDir,
    root: Arc<dyn Disk>,
    workspace: Workspace,
}

impl Scratch {
    fn new() -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
        let root = RealDisk::root().expect("the disk");
        let now = FixedClock::at("2026-11-22T14:30:22+01:00").now();
        let goal = Goal::new("Fuzz the journal").expect("a goal");
        let workspace = Workspace::create(&root, &folder.path().join("base"), &goal, now).expect("a workspace");
        Scratch { folder, root, workspace }
    }
}

thread_local! {
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

fn with_scratch(work: impl FnOnce(&Scratch)) {
    SCRATCH.with_borrow_mut(|scratch| work(scratch.get_or_insert_with(Scratch::new)));
}

/// What can be read of a journal becomes a state, and reading changes nothing.
pub fn journal(bytes: &[u8]) {
    with_scratch(|scratch| {
        let path = scratch.workspace.path().join(".orchestrator/journal.jsonl");
        std::fs::write(&path, bytes).expect("the journal is written");
        if let Ok((records, _)) = scratch.workspace.read_journal() {
            let workflow = Workflow::replay(&records);
            let state = report::state(&workflow);
            assert!(serde_json::to_string(&state).is_ok());
            report::summary(&workflow, &[]);
        }
        assert_eq!(std::fs::read(&path).expect("the journal is there"), bytes, "reading changed the journal");
    });
}

/// Whatever a project's file says, there are settings; and without trust nothing of it starts a program or moves the key.
pub fn config_file(bytes: &[u8]) {
    with_scratch(|scratch| {
        let project = scratch.folder.path().join("project");
        std::fs::create_dir_all(project.join("config")).expect("a folder");
        std::fs::write(project.join("config/orchestrator.json"), bytes).expect("the file is written");
        let home = scratch.folder.path().join("home").to_string_lossy().into_owned();
        let environment = Environment::new([("HOME".to_owned(), home)], &project);
        let settings = load(&Layers::new(environment, Arc::clone(&scratch.root), project.clone())).settings;
        assert_eq!((settings.api_key_command, settings.search_key_command, settings.base_url), (None, None, None));
        assert!(settings.mcp_servers.as_object().is_none_or(serde_json::Map::is_empty));
        assert!(settings.base_dir.starts_with(&project));
    });
}

/// An accepted path stays inside and reads back as itself; an address is shown as one that reads back.
pub fn paths(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(path) = RelPath::new(&text) {
        let shown = path.as_str();
        assert!(!shown.is_empty() && !shown.starts_with('/') && !shown.contains(['\0', '\\', ':']));
        assert!(shown.split('/').all(|name| !name.is_empty() && name != "." && name != ".."));
        assert_eq!(RelPath::new(shown).as_ref(), Ok(&path));
    }
    let _ = WebAddress::parse(&text);
}

/// A data file becomes a table whose cells can all be read, or a reason.
pub fn data_file(bytes: &[u8]) {
    if let Ok(table) = data_read::read(bytes) {
        let columns = table.header.len();
        for row in 0..table.rows().min(64) {
            (0..columns).for_each(|column| {
                table.cell(row, column);
            });
        }
    }
}
