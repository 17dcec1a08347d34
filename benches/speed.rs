//! The parts that decide the figures of docs/performance.md, each alone: `cargo bench`. The whole against a bare loop is `benches/report`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a bench makes its own folders and stops where one is not to be had")]
use std::sync::Arc;

use ai_orchestrator::config::Settings;
use ai_orchestrator::config::settings::ProviderChoice;
use ai_orchestrator::documents::goal_index::GoalIndex;
use ai_orchestrator::documents::goals::TextKind;
use ai_orchestrator::domain::event::{Event, NoteLevel};
use ai_orchestrator::domain::view::WorkspaceInfo;
use ai_orchestrator::domain::{Goal, Record};
use ai_orchestrator::engine::{Workflow, report};
use ai_orchestrator::orchestrator::Orchestrator;
use ai_orchestrator::sys::{Disk, RealDisk};
use ai_orchestrator::workspace::{Workspace, catalog, views};
use criterion::{Criterion, criterion_group, criterion_main};
use ropey::Rope;

#[path = "support/played.rs"]
mod played;

const EVENTS: usize = 10_000;
const WORKSPACES: usize = 10_000;
const LINES: usize = 10_000;

/// A run of the reference work is 5 steps: a fifth of the figure is what the engine costs a step.
fn engine(bench: &mut Criterion) {
    bench.bench_function("engine: one run of 5 steps, 10 calls", |bench| bench.iter(played::play));
    let workflow = Workflow::replay(&played::play());
    bench.bench_function("engine: state of a run as a value", |bench| bench.iter(|| report::state(&workflow)));
}

/// A journal of the size of a very long run: the reference work over and over.
fn long_journal(root: &Arc<dyn Disk>, folder: &std::path::Path) -> Workspace {
    let workspace = Workspace::create(root, folder, &Goal::new("Study the tides").unwrap(), played::noon()).unwrap();
    let (mut journal, _, _) = workspace.open_journal().unwrap();
    let records = played::play();
    // The end of the run would stop the replay's story; all else may repeat.
    let events: Vec<Event> = records.into_iter().map(|record| record.event).filter(|event| event.name() != "run_finished").collect();
    for event in events.iter().cycle().take(EVENTS) {
        journal.append(played::noon(), event.clone()).unwrap();
    }
    workspace
}

fn journal(bench: &mut Criterion) {
    let scratch = tempfile::tempdir().unwrap();
    let root = RealDisk::root().unwrap();
    let mut group = bench.benchmark_group("journal");
    group.sample_size(10);
    let note = Event::Note { level: NoteLevel::Info, text: "the tide turns".repeat(20), step: None };
    let empty = Workspace::create(&root, scratch.path(), &Goal::new("Append").unwrap(), played::noon()).unwrap();
    let (mut open, _, _) = empty.open_journal().unwrap();
    group.bench_function("append an event of 300 bytes, not synced", |bench| {
        bench.iter(|| open.append(played::noon(), note.clone()).unwrap());
    });
    let workspace = long_journal(&root, scratch.path());
    group.bench_function("resume: read and replay 10,000 events", |bench| {
        bench.iter(|| {
            let (records, _): (Vec<Record>, _) = workspace.read_journal().unwrap();
            Workflow::replay(&records)
        });
    });
    group.finish();
}

fn list(bench: &mut Criterion) {
    let scratch = tempfile::tempdir().unwrap();
    let root = RealDisk::root().unwrap();
    let workflow = Workflow::replay(&played::play());
    let state = serde_json::to_string_pretty(&report::state(&workflow)).unwrap();
    for number in 0..WORKSPACES {
        let now = played::noon() - chrono::Duration::minutes(i64::try_from(number).unwrap() * 7);
        let workspace = Workspace::create(&root, scratch.path(), &Goal::new("Study the tides").unwrap(), now).unwrap();
        let info: WorkspaceInfo = report::info(&workflow, workspace.path()).unwrap();
        workspace.write_view(views::STATE, &state).unwrap();
        workspace.write_view(views::INFO, &serde_json::to_string_pretty(&info).unwrap()).unwrap();
    }
    let mut group = bench.benchmark_group("list");
    group.sample_size(10);
    group.bench_function("10,000 workspaces", |bench| {
        bench.iter(|| assert_eq!(catalog::list(&root, scratch.path(), WORKSPACES).unwrap().len(), WORKSPACES));
    });
    group.bench_function("the newest 20 of 10,000", |bench| bench.iter(|| catalog::list(&root, scratch.path(), 20).unwrap()));
    group.finish();
}

fn document(bench: &mut Criterion) {
    let text: String =
        (0..LINES).map(|line| if line % 100 == 0 { "- [ ] @goal Study the tides\n" } else { "Plain words of a note.\n" }).collect();
    let rope = Rope::from_str(&text);
    let markers = Settings::defaults("/p").goal_markers;
    let kind = TextKind::of("notes.md", Some("markdown"));
    bench.bench_function("document: scan of 10,000 lines", |bench| bench.iter(|| GoalIndex::new(&rope, kind, &markers)));
    let mut index = GoalIndex::new(&rope, kind, &markers);
    let mut edited = rope.clone();
    bench.bench_function("document: a keystroke in 10,000 lines", |bench| {
        bench.iter(|| {
            edited.insert(edited.line_to_char(5_001), "x");
            index.edit(&edited, 5_001, 1, 1);
        });
    });
}

fn offline(bench: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let settings = Settings { provider: ProviderChoice::Offline, ..Settings::defaults(scratch.path()) };
    let orchestrator = Orchestrator::builder().settings(settings).interactive(false).durable(false).build().unwrap();
    let mut group = bench.benchmark_group("whole");
    group.sample_size(20);
    group.bench_function("one goal, offline, not synced", |bench| {
        bench.iter(|| runtime.block_on(orchestrator.execute_goal("Research how tides work")).unwrap());
    });
    group.finish();
}

criterion_group!(benches, engine, journal, list, document, offline);
criterion_main!(benches);
