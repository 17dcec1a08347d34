//! The loop without a transport: news goes in by hand, what goes out is read.
use std::sync::OnceLock;
use std::time::Duration;

use chrono::DateTime;
use serde_json::json;

use super::super::editor::Editor;
use super::super::goals::words;
use super::super::setup::Machine;
use super::super::writer::Outbox;
use super::*;
use crate::domain::event::NoteLevel;
use crate::domain::plan::StepId;
use crate::domain::view::{PendingApproval, RunState, StepView, Totals};
use crate::domain::{Event, QuestionId, Record, RelPath, RunStatus, StepStatus};
use crate::sys::{Environment, RealDisk};

const URI: &str = "file:///nowhere/notes.md";

/// The state without a transport: news is put in by hand, and what goes out is read.
struct Bench {
    state: State,
    editor: Editor,
    outbox: Outbox,
    receiver: mpsc::UnboundedReceiver<Input>,
    room: Arc<Semaphore>,
}

fn rich(name: &str) -> Value {
    json!({"clientInfo": {"name": name, "version": "1.0"}, "capabilities": {
        "window": {"workDoneProgress": true, "showDocument": {"support": true}, "showMessage": {}},
        "workspace": {"codeLens": {"refreshSupport": true}},
        "textDocument": {"publishDiagnostics": {}, "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}}}
    }})
}

impl Bench {
    fn new(initialize: Value) -> Bench {
        let outbox = Outbox::default();
        let editor = Editor::new(outbox.clone());
        let (inputs, receiver) = Inputs::channel();
        let raw = Arc::new(OnceLock::new());
        raw.set(initialize.clone()).unwrap();
        let machine = Machine::new(Environment::new([], "/nowhere"), RealDisk::root().unwrap());
        let mut state = State::new(editor.clone(), inputs, raw, machine);
        state.initialize(&serde_json::from_value(initialize).unwrap());
        Bench { state, editor, outbox, receiver, room: Arc::new(Semaphore::new(10)) }
    }

    /// Lets tasks run and takes what they bring, until nothing moves.
    async fn settle(&mut self) -> Vec<Value> {
        for _ in 0..20 {
            tokio::task::yield_now().await;
            while let Ok(input) = self.receiver.try_recv() {
                take(&mut self.state, input);
            }
            self.state.settle();
        }
        self.outbox.drain()
    }

    async fn after(&mut self, seconds: f64) -> Vec<Value> {
        tokio::time::advance(Duration::from_secs_f64(seconds)).await;
        self.settle().await
    }

    fn notice(&mut self, notice: Notice) {
        let permit = self.room.clone().try_acquire_owned().unwrap();
        take(&mut self.state, Input::Notice(notice, permit));
    }

    fn open(&mut self, uri: &str, text: &str) {
        let params = json!({"textDocument": {"uri": uri, "languageId": "markdown", "version": 1, "text": text}});
        self.notice(Notice::Opened(serde_json::from_value(params).unwrap()));
    }

    fn edit(&mut self, uri: &str, text: &str) {
        let params = json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": text}]});
        self.notice(Notice::Changed(serde_json::from_value(params).unwrap()));
    }

    fn save(&mut self, uri: &str) {
        self.notice(Notice::Saved(serde_json::from_value(json!({"textDocument": {"uri": uri}})).unwrap()));
    }

    fn answer(&self, request: &Value, answer: Value) {
        let mut message = json!({"jsonrpc": "2.0", "id": request["id"]});
        message.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        self.editor.answered(&request["id"], &message);
    }

    fn news(&mut self, state: RunState, event: Event) {
        let at = DateTime::parse_from_rfc3339("2026-11-22T14:30:22Z").unwrap();
        let workspace = Arc::new(PathBuf::from(format!("/nowhere/workspaces/{}", state.run_id)));
        let update =
            Update { run_id: state.run_id.clone(), workspace, record: Arc::new(Record { seq: 1, at, event }), state: Arc::new(state) };
        take(&mut self.state, Input::Engine(update));
        for run in self.state.runs.iter_mut().filter(|run| run.origin.is_none()) {
            run.origin = Some(Origin::new(&URI.parse().unwrap(), words("write a guide"), 1));
        }
    }

    fn lenses(&mut self, uri: &str) -> Vec<(u32, String, String)> {
        let params = serde_json::from_value(json!({"textDocument": {"uri": uri}})).unwrap();
        self.state.tidy();
        let lenses = self.state.lenses(&params).unwrap_or_default();
        lenses.into_iter().map(|lens| (lens.range.start.line, lens.command.clone().unwrap().title, lens.command.unwrap().command)).collect()
    }

    fn action_commands(&mut self, line: u32) -> Vec<String> {
        let position = json!({"line": line, "character": 2});
        let params = json!({"textDocument": {"uri": URI}, "range": {"start": position, "end": position}, "context": {"diagnostics": []}});
        self.state.tidy();
        let actions = self.state.actions(&serde_json::from_value(params).unwrap()).unwrap_or_default();
        actions.into_iter().map(|action| json!(action)["command"]["command"].as_str().unwrap().to_owned()).collect()
    }
}

fn note() -> Event {
    Event::Note { level: NoteLevel::Info, text: "x".into(), step: None }
}

fn finished(status: RunStatus) -> Event {
    Event::RunFinished { status, reason: None }
}

fn step(number: usize, agent: &str, status: StepStatus) -> StepView {
    StepView {
        id: StepId::numbered(number),
        agent: agent.into(),
        title: "Work".into(),
        depends_on: vec![],
        status,
        attempt: 1,
        output_file: Some(RelPath::new(&format!("{agent}.md")).unwrap()),
        turns: 1,
        max_turns: 6,
        usage: crate::domain::Usage::default(),
        cost_usd: Some(0.0),
        started_at: None,
        ended_at: None,
        error: None,
        review: None,
    }
}

fn run(run_id: &str, status: RunStatus, steps: Vec<StepView>) -> RunState {
    RunState {
        schema: 1,
        run_id: run_id.into(),
        goal: "write a guide".into(),
        started_at: None,
        ended_at: None,
        origin: None,
        status,
        status_reason: None,
        steps,
        pending_approvals: vec![],
        totals: Totals { cost_usd: Some(0.03), ..Totals::default() },
        success_rate: 0.0,
    }
}

fn waiting(run_id: &str, hash: &str) -> RunState {
    let pending = PendingApproval {
        id: QuestionId("A1".into()),
        step: None,
        what: "plan".into(),
        detail: String::new(),
        hash: hash.into(),
        asked_at: None,
        subject: None,
        proposal: None,
    };
    RunState { pending_approvals: vec![pending], ..run(run_id, RunStatus::WaitingApproval, vec![step(1, "coder", StepStatus::Pending)]) }
}

fn of<'a>(messages: &'a [Value], method: &str) -> Vec<&'a Value> {
    messages.iter().filter(|message| message["method"] == method).collect()
}

#[tokio::test(start_paused = true)]
async fn a_marker_keeps_its_three_lenses_and_each_has_a_twin_action() {
    use StepStatus::{Completed, Failed, Pending, Running};
    let mut bench = Bench::new(rich("Zed"));
    bench.open(URI, "# Notes\ngoal: write a guide\n");
    let states: Vec<(Option<(RunState, Event)>, &str)> = vec![
        (None, "▶ Run goal"),
        (Some((run("r1", RunStatus::Planning, vec![]), note())), "⟳ planning · $0.03"),
        (Some((waiting("r1", "aaaaaa"), note())), "⏸ plan of 1 step: review"),
        (
            Some((run("r1", RunStatus::Running, vec![step(1, "coder", Completed), step(2, "writer", Running)]), note())),
            "⟳ 2/2 writer · turn 1/6 · $0.03",
        ),
        (Some((run("r1", RunStatus::Paused, vec![step(1, "coder", Pending)]), finished(RunStatus::Paused))), "⏸ paused 0/1 · $0.03"),
        (Some((run("r1", RunStatus::Failed, vec![step(1, "coder", Failed)]), finished(RunStatus::Failed))), "✗ step s1"),
        (Some((run("r1", RunStatus::Completed, vec![step(1, "coder", Completed)]), finished(RunStatus::Completed))), "✓ 1/1 · $0.03"),
    ];
    for (news, title) in states {
        if let Some((state, event)) = news {
            bench.news(state, event);
        }
        let lenses = bench.lenses(URI);
        assert_eq!((lenses.len(), lenses[0].1.as_str()), (3, title));
        assert!(lenses.iter().all(|lens| lens.0 == 1), "{lenses:?}");
        let actions = bench.action_commands(1);
        assert!(lenses.iter().all(|lens| actions.contains(&lens.2)), "{lenses:?} {actions:?}");
        assert!(bench.action_commands(0).is_empty());
    }
    // Text above the marker moves it; its run goes with it.
    bench.edit(URI, "# Notes\n\nmore\n\ngoal: write a  guide\n");
    assert_eq!(bench.lenses(URI)[0].0, 4);
    assert_eq!(bench.lenses(URI)[0].1, "✓ 1/1 · $0.03");
    bench.edit(URI, "goal: write something else\n");
    assert_eq!(bench.lenses(URI)[0].1, "▶ Run goal");
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_in_words_at_most_four_times_a_second_and_ended_once() {
    let mut bench = Bench::new(rich("Zed"));
    bench.news(run("r1", RunStatus::Planning, vec![]), note());
    let sent = bench.settle().await;
    let create = of(&sent, "window/workDoneProgress/create")[0].clone();
    assert_eq!(create["params"]["token"], "goal-1");
    assert!(of(&sent, "$/progress").is_empty(), "nothing before the client made the token");
    bench.answer(&create, json!({"result": null}));
    let begin = bench.settle().await;
    let value = &of(&begin, "$/progress")[0]["params"]["value"];
    assert_eq!((&value["kind"], &value["message"], &value["cancellable"]), (&json!("begin"), &json!("planning · $0.03"), &json!(true)));
    assert!(value.get("percentage").is_none());
    let mut reports = 0;
    for tick in 0..100u32 {
        let state = RunState {
            totals: Totals { cost_usd: Some(0.03 + f64::from(tick) / 10.0), ..Totals::default() },
            ..run("r1", RunStatus::Running, vec![step(1, "coder", StepStatus::Running)])
        };
        bench.news(state, note());
        reports += of(&bench.after(0.01).await, "$/progress").len();
    }
    assert!((2..=4).contains(&reports), "{reports} in a second");
    let done = run("r1", RunStatus::Completed, vec![step(1, "coder", StepStatus::Completed)]);
    bench.news(done.clone(), finished(RunStatus::Completed));
    bench.news(done, note());
    let end = bench.after(5.0).await;
    assert_eq!(of(&end, "$/progress").len(), 1);
    assert_eq!(of(&end, "$/progress")[0]["params"]["value"], json!({"kind": "end", "message": "completed · 1/1 · $0.03"}));
}

#[tokio::test(start_paused = true)]
async fn without_a_token_there_is_no_progress() {
    let mut bench = Bench::new(rich("Zed"));
    bench.news(run("r1", RunStatus::Running, vec![step(1, "coder", StepStatus::Running)]), note());
    let sent = bench.settle().await;
    bench.answer(of(&sent, "window/workDoneProgress/create")[0], json!({"error": {"code": -32601, "message": "no"}}));
    bench.settle().await;
    bench.news(run("r1", RunStatus::Failed, vec![step(1, "coder", StepStatus::Failed)]), finished(RunStatus::Failed));
    bench.news(run("r2", RunStatus::Running, vec![]), note());
    let rest = bench.after(2.0).await;
    assert!(of(&rest, "$/progress").is_empty() && of(&rest, "window/workDoneProgress/create").is_empty(), "{rest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_prompt_offers_the_harmless_button_first_and_waits_for_a_pause_in_typing() {
    let mut bench = Bench::new(rich("Visual Studio Code"));
    bench.open(URI, "goal: write a guide\n");
    bench.edit(URI, "goal: write a guide\n\n");
    bench.news(waiting("r1", "aaaaaa"), note());
    let early = bench.after(2.9).await;
    assert!(of(&early, "window/showMessageRequest").is_empty());
    let sent = bench.after(0.2).await;
    let prompt = of(&sent, "window/showMessageRequest")[0];
    assert_eq!(prompt["params"]["actions"], json!([{"title": "Review"}, {"title": "Approve"}, {"title": "Reject"}]));
    let text = prompt["params"]["message"].as_str().unwrap();
    assert!(text.contains("r1") && text.contains("A1"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn only_a_clear_answer_decides() {
    let nothing = [
        json!({"result": null}),
        json!({"result": {"title": null}}),
        json!({"result": {"title": "Maybe"}}),
        json!({"result": "Approve"}),
        json!({"result": []}),
        json!({"error": {"code": -32603, "message": "no"}}),
        json!({}),
    ];
    for answer in nothing {
        let mut bench = Bench::new(rich("Visual Studio Code"));
        bench.news(waiting("r1", "aaaaaa"), note());
        let sent = bench.settle().await;
        bench.answer(of(&sent, "window/showMessageRequest")[0], answer.clone());
        let after = bench.after(100.0).await;
        // An attempt to decide would end in a message: no engine holds this run.
        assert!(of(&after, "window/showMessage").is_empty(), "{answer} decided something: {after:?}");
        assert!(of(&after, "window/showMessageRequest").is_empty(), "a question is pointed to once");
    }
    let mut bench = Bench::new(rich("Visual Studio Code"));
    bench.news(waiting("r1", "aaaaaa"), note());
    let sent = bench.settle().await;
    bench.answer(of(&sent, "window/showMessageRequest")[0], json!({"result": {"title": "Approve"}}));
    assert!(!of(&wait_for_message(&mut bench).await, "window/showMessage").is_empty(), "an approval reaches the engine");
}

/// Work on blocking threads takes a moment of its own.
async fn wait_for_message(bench: &mut Bench) -> Vec<Value> {
    let mut all = Vec::new();
    while of(&all, "window/showMessage").is_empty() {
        let input = tokio::time::timeout(Duration::from_secs(60), bench.receiver.recv()).await.expect("nothing came").expect("open");
        take(&mut bench.state, input);
        all.extend(bench.settle().await);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn an_answer_faster_than_reading_from_a_client_that_grabs_keys_is_not_taken() {
    let mut bench = Bench::new(rich("Neovim"));
    bench.news(waiting("r1", "aaaaaa"), note());
    let sent = bench.settle().await;
    tokio::time::advance(Duration::from_millis(360)).await;
    bench.answer(of(&sent, "window/showMessageRequest")[0], json!({"result": {"title": "Approve"}}));
    let after = bench.settle().await;
    assert!(of(&after, "window/showMessage")[0]["params"]["message"].as_str().unwrap().contains("not taken"));
}

#[tokio::test(start_paused = true)]
async fn one_prompt_is_open_at_most_and_each_waiting_run_gets_its_turn() {
    let mut bench = Bench::new(rich("Visual Studio Code"));
    bench.news(waiting("r1", "aaaaaa"), note());
    bench.news(waiting("r2", "bbbbbb"), note());
    let sent = bench.settle().await;
    let first = of(&sent, "window/showMessageRequest");
    assert_eq!(first.len(), 1);
    assert!(first[0]["params"]["message"].as_str().unwrap().contains("r1"));
    let id = first[0]["id"].clone();
    assert!(of(&bench.after(59.0).await, "window/showMessageRequest").is_empty());
    let later = bench.after(1.1).await;
    assert_eq!(of(&later, "$/cancelRequest")[0]["params"]["id"], id);
    let second = of(&later, "window/showMessageRequest")[0].clone();
    assert!(second["params"]["message"].as_str().unwrap().contains("r2"));
    // Decided elsewhere: the prompt is withdrawn.
    bench.news(run("r2", RunStatus::Running, vec![step(1, "coder", StepStatus::Running)]), note());
    let gone = bench.settle().await;
    assert_eq!(of(&gone, "$/cancelRequest")[0]["params"]["id"], second["id"]);
}

#[tokio::test(start_paused = true)]
async fn where_no_prompt_works_the_approvals_open_without_focus() {
    let mut bench = Bench::new(json!({"clientInfo": {"name": "helix", "version": "25.07.1"}, "capabilities": {"window": {}}}));
    bench.news(waiting("r1", "aaaaaa"), note());
    let sent = bench.settle().await;
    bench.answer(of(&sent, "window/showMessageRequest")[0], json!({"error": {"code": -32601, "message": "no"}}));
    let shown = bench.settle().await;
    let show = of(&shown, "window/showDocument")[0];
    assert!(show["params"]["uri"].as_str().unwrap().ends_with("/r1/approvals.md"));
    assert_ne!(show["params"]["takeFocus"], true);
    bench.news(waiting("r2", "bbbbbb"), note());
    assert!(of(&bench.settle().await, "window/showMessageRequest").is_empty(), "tried once");
}

#[tokio::test(start_paused = true)]
async fn artifacts_open_at_the_end_without_focus_and_not_while_someone_types() {
    let mut bench = Bench::new(rich("Zed"));
    bench.open(URI, "x");
    bench.edit(URI, "y");
    let done = run("r1", RunStatus::Completed, vec![step(1, "coder", StepStatus::Completed), step(2, "writer", StepStatus::Completed)]);
    bench.news(done, finished(RunStatus::Completed));
    assert!(of(&bench.after(2.0).await, "window/showDocument").is_empty());
    let sent = bench.after(1.1).await;
    let shown: Vec<&str> = of(&sent, "window/showDocument").iter().map(|show| show["params"]["uri"].as_str().unwrap()).collect();
    assert_eq!(shown, ["file:///nowhere/workspaces/r1/coder.md", "file:///nowhere/workspaces/r1/writer.md"]);
    assert!(of(&sent, "window/showDocument").iter().all(|show| show["params"]["takeFocus"] != true));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_refuses_everything_is_asked_for_each_thing_once() {
    let mut bench = Bench::new(rich("Zed"));
    bench.open(URI, "goal: write a guide\n");
    let mut asked: Vec<String> = Vec::new();
    for round in 0..6 {
        let id = format!("r{round}");
        bench.news(waiting(&id, "aaaaaa"), note());
        bench.news(run(&id, RunStatus::Completed, vec![step(1, "coder", StepStatus::Completed)]), finished(RunStatus::Completed));
        bench.news(waiting(&format!("w{round}"), "aaaaaa"), note());
        for message in bench.after(5.0).await.iter().filter(|message| message.get("id").is_some()) {
            asked.push(message["method"].as_str().unwrap().to_owned());
            bench.answer(message, json!({"error": {"code": -32601, "message": "no"}}));
        }
        bench.settle().await;
    }
    let count = |method: &str| asked.iter().filter(|asked| *asked == method).count();
    assert_eq!(count("window/showMessageRequest"), 1, "{asked:?}");
    assert_eq!(count("workspace/codeLens/refresh"), 1);
    // Two runs were live before the first answer came.
    assert!(count("window/workDoneProgress/create") <= 2 && count("window/showDocument") <= 2, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn status_is_a_lens_or_a_diagnostic_but_never_both() {
    let state = || run("r1", RunStatus::Running, vec![step(1, "coder", StepStatus::Running)]);
    let mut with_lenses = Bench::new(rich("Zed"));
    with_lenses.open(URI, "goal: write a guide\n");
    with_lenses.news(state(), note());
    assert!(of(&with_lenses.after(1.0).await, "textDocument/publishDiagnostics").is_empty());
    let mut without = Bench::new(json!({"capabilities": {"textDocument": {"publishDiagnostics": {}}}}));
    without.open(URI, "goal: write a guide\n");
    without.news(state(), note());
    without.news(state(), note());
    let sent = without.after(1.0).await;
    let published = of(&sent, "textDocument/publishDiagnostics");
    assert_eq!(published.len(), 1, "only what changed is sent");
    assert_eq!(published[0]["params"]["diagnostics"][0]["message"], "1/1 coder · turn 1/6 · $0.03");
    assert_eq!(published[0]["params"]["diagnostics"][0]["severity"], 4);
}

const PAPER: &str = "---\norchestrator: approvals/1\nrun: r1\n---\n## Pending\n- [ ] A1 plan <!-- A1 aaaaaa -->\n";

#[tokio::test(start_paused = true)]
async fn only_a_mark_that_a_person_changed_in_the_open_document_decides_on_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("approvals.md");
    std::fs::write(&path, PAPER).unwrap();
    let uri = format!("file://{}", path.display());
    let marked = PAPER.replace("[ ]", "[x]");
    let bench = || {
        let mut bench = Bench::new(rich("Zed"));
        bench.news(waiting("r1", "aaaaaa"), note());
        bench.state.runs.iter_mut().for_each(|run| run.workspace = folder.path().to_owned());
        bench.open(&uri, PAPER);
        bench
    };
    // Saved unchanged.
    let mut unchanged = bench();
    unchanged.save(&uri);
    assert!(of(&unchanged.after(1.0).await, "window/showMessage").is_empty());
    // Reloaded from disk: somebody else wrote the mark.
    let mut reloaded = bench();
    std::fs::write(&path, &marked).unwrap();
    reloaded.edit(&uri, &marked);
    reloaded.save(&uri);
    assert!(of(&reloaded.after(1.0).await, "window/showMessage").is_empty());
    // Typed and saved.
    std::fs::write(&path, PAPER).unwrap();
    let mut typed = bench();
    typed.edit(&uri, &marked);
    typed.save(&uri);
    assert!(!of(&wait_for_message(&mut typed).await, "window/showMessage").is_empty(), "the decision reaches the engine");
    // Opened with the mark already in it.
    let mut opened = Bench::new(rich("Zed"));
    opened.news(waiting("r1", "aaaaaa"), note());
    opened.open(&uri, &marked);
    opened.save(&uri);
    assert!(of(&opened.after(1.0).await, "window/showMessage").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_told_after_the_file_was_written_is_an_edit_to_clients_that_reload_by_opening_anew_and_a_reload_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("approvals.md");
    let uri = format!("file://{}", path.display());
    let marked = PAPER.replace("[ ]", "[x]");
    for (client, decides) in
        [("Neovim", true), ("Eglot (GNU Emacs)", true), ("Zed", false), ("Visual Studio Code", false), ("helix", false)]
    {
        std::fs::write(&path, PAPER).unwrap();
        let bench = || {
            let mut bench = Bench::new(rich(client));
            bench.news(waiting("r1", "aaaaaa"), note());
            bench.state.runs.iter_mut().for_each(|run| run.workspace = folder.path().to_owned());
            bench.open(&uri, PAPER);
            bench
        };
        // The file first, then the change that is equal to it, then the save.
        let mut told = bench();
        std::fs::write(&path, &marked).unwrap();
        told.edit(&uri, &marked);
        told.save(&uri);
        if decides {
            assert!(!of(&wait_for_message(&mut told).await, "window/showMessage").is_empty(), "{client}: the decision reaches the engine");
        } else {
            assert!(of(&told.after(1.0).await, "window/showMessage").is_empty(), "{client}: it came from the disk");
        }
        // The way these reload: closed, opened with what is on disk, saved. That decides nothing anywhere.
        let mut reopened = bench();
        reopened.notice(Notice::Closed(serde_json::from_value(json!({"textDocument": {"uri": uri}})).unwrap()));
        reopened.open(&uri, &marked);
        reopened.save(&uri);
        assert!(of(&reopened.after(1.0).await, "window/showMessage").is_empty(), "{client}: reloaded");
    }
}

fn running(run_id: &str) -> RunState {
    run(run_id, RunStatus::Running, vec![step(1, "coder", StepStatus::Running)])
}

impl Bench {
    /// Takes what tasks brought; how many comparisons were among it.
    fn take_all(&mut self) -> usize {
        let mut compared = 0;
        while let Ok(input) = self.receiver.try_recv() {
            compared += usize::from(matches!(input, Input::Done(Done::Compared(..))));
            take(&mut self.state, input);
        }
        self.state.settle();
        compared
    }

    /// The same for so long. Work on blocking threads holds the clock.
    async fn take_for(&mut self, seconds: f64) -> usize {
        let end = tokio::time::Instant::now() + Duration::from_secs_f64(seconds);
        let mut compared = 0;
        while tokio::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(50)).await;
            compared += self.take_all();
        }
        compared
    }
}

#[tokio::test(start_paused = true)]
async fn claims_are_compared_beside_the_loop_once_a_second_at_most_and_told_of_the_newest_text() {
    const ARTIFACT: &str = "file:///nowhere/workspaces/r1/report.md";
    let of_artifact = |sent: &[Value]| {
        let published = of(sent, "textDocument/publishDiagnostics").into_iter().cloned();
        published.filter(|message| message["params"]["uri"] == ARTIFACT).collect::<Vec<Value>>()
    };
    let mut bench = Bench::new(rich("Zed"));
    bench.news(running("r1"), note());
    bench.open(ARTIFACT, "It is so [^s9].\n");
    // What was read is fetched when it is opened; there is nothing on this disk, so it is put in by hand.
    assert_eq!(bench.take_for(2.0).await, 0);
    take(&mut bench.state, Input::Done(Done::Evidence("/nowhere/workspaces/r1".into(), Some(Arc::default()))));
    bench.state.settle();
    assert!(of_artifact(&bench.outbox.drain()).is_empty(), "no task had a chance to run: the loop itself compared");
    assert_eq!(bench.take_for(0.2).await, 1);
    assert_eq!(of_artifact(&bench.outbox.drain()).len(), 1, "told when the comparison is back");
    let mut compared = 0;
    for number in 0..60 {
        bench.news(running("r1"), note());
        bench.edit(ARTIFACT, &format!("It is so [^s9].\n{}It is not so [^s8].\n", "\n".repeat(number)));
        tokio::time::advance(Duration::from_millis(10)).await;
        tokio::task::yield_now().await;
        compared += bench.take_all();
    }
    assert_eq!(compared, 0, "sixty pieces of news and as many edits in less than a second");
    assert!(of_artifact(&bench.outbox.drain()).is_empty(), "nothing is told of a text that was not compared");
    assert_eq!(bench.take_for(3.0).await, 1);
    let told = of_artifact(&bench.outbox.drain());
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["params"]["diagnostics"][1]["range"]["start"]["line"], 60, "{told:?}");
    for _ in 0..20 {
        bench.news(running("r1"), note());
        assert_eq!(bench.take_for(0.3).await, 0, "the same text against the same sources is not compared again");
    }
}

fn editing() -> Value {
    let mut client = rich("Zed");
    client["capabilities"]["workspace"]["applyEdit"] = json!(true);
    client["capabilities"]["workspace"]["workspaceEdit"] = json!({"documentChanges": true});
    client
}

fn completed(run_id: &str) -> RunState {
    run(run_id, RunStatus::Completed, vec![step(1, "coder", StepStatus::Completed)])
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_the_editor_did_not_apply_is_tried_again_and_not_for_ever() {
    for (answer, wanted) in [(json!({"result": {"applied": true}}), 1), (json!({"result": {"applied": false}}), 3)] {
        let mut bench = Bench::new(editing());
        bench.open(URI, "# Notes\n- [ ] goal: write a guide\n");
        bench.settle().await;
        bench.news(completed("r1"), finished(RunStatus::Completed));
        let mut asked = 0;
        for _ in 0..12 {
            for edit in of(&bench.after(6.0).await, "workspace/applyEdit") {
                bench.answer(edit, answer.clone());
                asked += 1;
            }
            // Other news asks for nothing more.
            bench.news(completed("r1"), note());
        }
        assert_eq!(asked, wanted, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_goals_that_are_done_at_once_are_ticked_one_after_the_other() {
    let text = "# Notes\n- [ ] goal: write a guide\n- [ ] goal: read a book\n";
    let mut bench = Bench::new(editing());
    bench.open(URI, text);
    bench.settle().await;
    bench.news(completed("r1"), finished(RunStatus::Completed));
    bench.news(RunState { goal: "read a book".into(), ..completed("r2") }, finished(RunStatus::Completed));
    for run in bench.state.runs.iter_mut().filter(|run| run.run_id == "r2") {
        run.origin = Some(Origin::new(&URI.parse().unwrap(), words("read a book"), 2));
    }
    let sent = bench.settle().await;
    let first = of(&sent, "workspace/applyEdit");
    assert_eq!(first.len(), 1, "one edit for a version");
    let ticked = text.replacen("- [ ] goal: write a guide", "- [x] goal: write a guide ([summary](workspaces/r1/execution-summary.md))", 1);
    bench.edit(URI, &ticked);
    bench.answer(first[0], json!({"result": {"applied": true}}));
    let sent = bench.after(0.1).await;
    let second = of(&sent, "workspace/applyEdit");
    assert_eq!(second.len(), 1, "the other one is not forgotten");
    let edits = &second[0]["params"]["edit"]["documentChanges"][0]["edits"];
    assert_eq!((&edits[0]["newText"], &edits[0]["range"]["start"]["line"]), (&json!("x"), &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn findings_stay_with_a_file_that_is_closed_and_go_when_they_are_taken_back() {
    const ARTIFACT: &str = "file:///nowhere/workspaces/r1/coder.md";
    let mut bench = Bench::new(rich("Zed"));
    let found = json!({"findings": [{"path": "coder.md", "line": 2, "severity": "error", "rule": "x", "advice": "mend it"}]}).to_string();
    let report = Event::ToolFinished {
        step: StepId::numbered(2),
        call_id: "c".into(),
        tool: "report_findings".into(),
        ok: true,
        summary: String::new(),
        content: found,
        touched: vec![],
    };
    bench.news(running("r1"), report);
    let last = |sent: &[Value]| {
        let mut of_file = of(sent, "textDocument/publishDiagnostics").into_iter().filter(|message| message["params"]["uri"] == ARTIFACT);
        of_file.next_back().map(|message| message["params"]["diagnostics"].as_array().unwrap().len())
    };
    assert_eq!(last(&bench.settle().await), Some(1), "told of a file that is not open");
    bench.open(ARTIFACT, "# Code\nwrong\n");
    bench.settle().await;
    bench.notice(Notice::Closed(serde_json::from_value(json!({"textDocument": {"uri": ARTIFACT}})).unwrap()));
    assert_ne!(last(&bench.settle().await), Some(0), "closing a file mends nothing in it");
    let again = Event::StepStarted {
        step: StepId::numbered(2),
        attempt: 2,
        agent: "qa_tester".into(),
        log: "agent_outputs/qa.log".into(),
        tools: vec![],
        max_turns: 5,
        system: String::new(),
        prompt: String::new(),
    };
    bench.news(running("r1"), again);
    assert_eq!(last(&bench.settle().await), Some(0), "the reviewer looks anew: what it said before is gone");
}
