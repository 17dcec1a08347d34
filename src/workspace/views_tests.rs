//! Views: only what changed is written, unknown fields and edits survive.
use super::super::store::Workspace;
use super::super::test_support::*;
use super::*;
use crate::domain::{Record, RunStatus};

fn texts(history: History) -> ViewTexts {
    let state = RunState {
        schema: SCHEMA,
        run_id: "143022-k7".into(),
        goal: "x".into(),
        started_at: None,
        ended_at: None,
        origin: None,
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
    let mut texts = texts(History::default());
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
    let history = History::of(&[Record { seq: 1, at: at(NOON), event: note("one") }]);
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
    let mut texts = texts(History::default());
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
    let error = write_views(&workspace, &texts(History::default()), &mut cache).unwrap_err();
    assert!(error.what.starts_with("context not updating: `context-main.md`"));
    assert!(workspace.read_text(STATE).is_some());
    scratch.control.heal();
    write_views(&workspace, &texts(History::default()), &mut cache).unwrap();
    assert!(workspace.read_text(CONTEXT).is_some());
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
