//! Views: only what changed is written, unknown fields and edits survive, the history is small.
use super::super::store::Workspace;
use super::super::test_support::*;
use super::*;
use crate::domain::{RunStatus, StepId};

fn texts(history: Vec<HistoryEntry>) -> ViewTexts {
    let state = RunState {
        schema: SCHEMA,
        run_id: "143022-k7".into(),
        goal: "x".into(),
        status: RunStatus::Running,
        status_reason: None,
        steps: Vec::new(),
        pending_approvals: Vec::new(),
        totals: Default::default(),
        success_rate: 0.0,
    };
    let info = WorkspaceInfo {
        schema: SCHEMA,
        run_id: "143022-k7".into(),
        goal: "x".into(),
        workspace: "/w".into(),
        project: "/p".into(),
        created_at: at(NOON),
        provider: "offline".into(),
        model: None,
        version: "0.1.0".into(),
        origin: None,
    };
    let (context, plan) = ("# Context".to_owned(), Some("# Plan".to_owned()));
    let history = Arc::new(history.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect());
    ViewTexts { state, context, summary: None, plan, approvals: "---".into(), history, info, evidence: None, sources: Vec::new() }
}

fn written(scratch: &Scratch, workspace: &Workspace, from: usize) -> Vec<String> {
    let recording = scratch.control.recording();
    recording[from..].iter().filter_map(|change| Some(change.path.strip_prefix(workspace.path()).ok()?.to_str()?.to_owned())).collect()
}

#[test]
fn only_views_that_changed_are_written() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    let mut cache = ViewCache::default();
    let mut texts = texts(Vec::new());
    let count = || scratch.control.recording().len();
    let before = count();
    write_views(&workspace, &texts, &mut cache).unwrap();
    assert_eq!(written(&scratch, &workspace, before), [INFO, PLAN, APPROVALS, CONTEXT, HISTORY, STATE]);
    let before = count();
    write_views(&workspace, &texts, &mut cache).unwrap();
    write_views(&workspace, &texts, &mut ViewCache::default()).unwrap();
    assert_eq!(count(), before, "neither again nor by a new process");
    texts.context.push('!');
    texts.summary = Some("# Summary".into());
    write_views(&workspace, &texts, &mut cache).unwrap();
    assert_eq!(written(&scratch, &workspace, before), [CONTEXT, SUMMARY]);
    assert!(workspace.read_text(STATE).unwrap().starts_with("{\n  \"schema\": 1,\n  \"run_id\""));
}

#[test]
fn unknown_fields_survive_and_torn_views_do_no_harm() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    for (name, text) in [(STATE, "{\"schema\":1,\"colour\":[\"red\"]}"), (HISTORY, "{\"entries\":[1],\"mood\":1}"), (INFO, "{\"torn")] {
        std::fs::write(workspace.path().join(name), text).unwrap();
    }
    let history = vec![history_entry(&Record { seq: 1, at: at(NOON), event: note("one") })];
    write_views(&workspace, &texts(history), &mut ViewCache::default()).unwrap();
    let json = |name: &str| serde_json::from_str::<Value>(&workspace.read_text(name).unwrap()).unwrap();
    assert_eq!((json(STATE)["colour"].clone(), json(STATE)["goal"].clone()), (json!(["red"]), json!("x")));
    assert_eq!((json(HISTORY)["mood"].clone(), json(HISTORY)["entries"][0]["text"].clone()), (json!(1), json!("one")));
    assert_eq!(json(HISTORY)["schema"], 1);
    assert_eq!(json(INFO)["provider"], "offline");
    assert!(serde_json::from_value::<RunState>(json(STATE)).is_ok());
}

#[test]
fn an_edited_plan_is_left_alone_until_it_was_taken_in() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    let mut cache = ViewCache::default();
    let mut texts = texts(Vec::new());
    write_views(&workspace, &texts, &mut cache).unwrap();
    std::fs::write(workspace.path().join(PLAN), "# My plan").unwrap();
    texts.plan = Some("# Plan, step 1 done".into());
    write_views(&workspace, &texts, &mut cache).unwrap();
    assert_eq!(workspace.read_text(PLAN).as_deref(), Some("# My plan"));
    cache.took_in(PLAN, "# My plan");
    texts.plan = Some("# My plan, step 1 done".into());
    write_views(&workspace, &texts, &mut cache).unwrap();
    assert_eq!(workspace.read_text(PLAN).as_deref(), Some("# My plan, step 1 done"));
    std::fs::remove_file(workspace.path().join(PLAN)).unwrap();
    texts.plan = Some("# Again".into());
    write_views(&workspace, &texts, &mut cache).unwrap();
    assert_eq!(workspace.read_text(PLAN).as_deref(), Some("# Again"));
}

#[test]
fn a_failing_view_does_not_keep_the_others_from_being_written() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    let mut cache = ViewCache::default();
    scratch.control.fail_when(std::io::ErrorKind::StorageFull, |operation| operation.path.ends_with(CONTEXT));
    let error = write_views(&workspace, &texts(Vec::new()), &mut cache).unwrap_err();
    assert!(error.what.starts_with("context not updating: `context-main.md`"));
    assert!(workspace.read_text(STATE).is_some());
    scratch.control.heal();
    write_views(&workspace, &texts(Vec::new()), &mut cache).unwrap();
    assert!(workspace.read_text(CONTEXT).is_some());
}

#[test]
fn the_history_leaves_bulk_out() {
    let record = |event| Record { seq: 7, at: at(NOON), event };
    let step = StepId::numbered(1);
    let entry = history_entry(&record(crate::domain::Event::StepStarted {
        step,
        attempt: 1,
        agent: "coder".into(),
        log: "agent_outputs/coder_1.log".into(),
        tools: vec!["read_file".into()],
        max_turns: 6,
        system: "secret sauce".into(),
        prompt: "é".repeat(300),
    }));
    assert_eq!((entry.seq, entry.event.as_str()), (7, "step_started"));
    assert_eq!((entry.details.get("system"), entry.details.get("prompt")), (None, None));
    assert_eq!(entry.details["agent"], "coder");
    assert_eq!(history_entry(&record(note(&"x".repeat(201)))).details["text"], "(201 characters)");
    assert_eq!(history_entry(&record(note(&"x".repeat(200)))).details["text"], "x".repeat(200));
    let reply = crate::domain::Reply {
        blocks: vec![crate::domain::Block::Text { text: "é".repeat(50) }],
        stop: crate::domain::StopReason::EndTurn,
        usage: Default::default(),
        cost_usd: Some(0.5),
        request_id: None,
        raw: Some(json!({"content": "x"})),
    };
    let finished = history_entry(&record(crate::domain::Event::CallFinished {
        step: StepId::numbered(1),
        ordinal: 2,
        request_id: Some("req_1".into()),
        stop: reply.stop,
        usage: reply.usage,
        cost_usd: reply.cost_usd,
        reply: Some(reply.said()),
        failure: None,
    }));
    assert_eq!(finished.details.get("reply"), None);
    assert_eq!((finished.details["ordinal"].clone(), finished.details["request_id"].clone()), (json!(2), json!("req_1")));
    let planned = history_entry(&record(planned(3)));
    assert_eq!((planned.details["plan"].clone(), planned.details["text"].clone()), (json!({"steps": 3}), json!("(6 characters)")));
    assert!(!serde_json::to_string(&history_entry(&record(started("x")))).unwrap().contains("null"));
}

#[test]
fn transcripts_grow_and_stay_in_their_folder() {
    let scratch = Scratch::new();
    let workspace = scratch.create("x", NOON);
    append_log(&workspace, "agent_outputs/coder_143022.log", "one\n").unwrap();
    append_log(&workspace, "agent_outputs/coder_143022.log", "two\n").unwrap();
    assert_eq!(workspace.read_text("agent_outputs/coder_143022.log").as_deref(), Some("one\ntwo\n"));
    for log in ["coder.log", "agent_outputs/../x.log", "inputs/x.log", "agent_outputs/a/b.log", ""] {
        assert!(append_log(&workspace, log, "x").is_err(), "{log}");
    }
}
