//! The list: order, limits, missing and torn views, dead owners, newer and broken workspaces, links.
use super::super::test_support::*;
use super::super::views::{ViewCache, ViewTexts, write_views};
use super::*;
use crate::domain::view::{StepView, WorkspaceInfo};
use crate::domain::{Decision, Question, QuestionId, RunState, Scope, StepId, Via};
use std::sync::atomic::{AtomicUsize, Ordering};

fn step(number: usize, status: StepStatus) -> StepView {
    StepView {
        id: StepId::numbered(number),
        agent: "writer".into(),
        title: "t".into(),
        depends_on: Vec::new(),
        status,
        attempt: 1,
        output_file: None,
        turns: 1,
        max_turns: 6,
        usage: Default::default(),
        cost_usd: Some(0.0),
        started_at: Some(at(NOON)),
        ended_at: Some(at(NOON)),
        error: None,
        review: None,
    }
}

fn with_views(workspace: &Workspace, goal: &str, status: RunStatus) {
    let state = RunState {
        schema: SCHEMA,
        run_id: "143022-k7".into(),
        goal: goal.into(),
        started_at: Some(at(NOON)),
        ended_at: Some(at(NOON)),
        origin: None,
        status,
        status_reason: None,
        steps: vec![step(1, StepStatus::Completed), step(2, StepStatus::Skipped), step(3, StepStatus::Pending)],
        pending_approvals: Vec::new(),
        totals: Default::default(),
        success_rate: 0.5,
    };
    let info = WorkspaceInfo {
        schema: SCHEMA,
        run_id: "143022-k7".into(),
        goal: goal.into(),
        workspace: workspace.path().to_owned(),
        project: "/p".into(),
        created_at: at(NOON),
        provider: "offline".into(),
        model: None,
        version: "0.1.0".into(),
        origin: None,
    };
    let texts = ViewTexts {
        state,
        context: String::new(),
        summary: None,
        plan: None,
        approvals: String::new(),
        history: super::super::History::default(),
        info,
        evidence: None,
        sources: Vec::new(),
    };
    write_views(workspace, &texts, &mut ViewCache::default()).unwrap();
}

fn listed(scratch: &Scratch) -> Vec<RunSummary> {
    list(&scratch.root, &scratch.base(), 20).unwrap()
}

#[test]
fn the_newest_come_first_across_weeks_days_and_collisions() {
    let scratch = Scratch::new();
    assert!(listed(&scratch).is_empty());
    let times = ["2026-12-31T10:00:00Z", "2027-01-01T10:00:00Z", "2027-01-04T08:00:00Z", "2027-01-04T09:00:00Z"];
    let mut made: Vec<_> = times.iter().map(|time| scratch.with_events("z first", time, vec![started("z")]).path().to_owned()).collect();
    for _ in 0..11 {
        made.push(scratch.with_events("a second", "2027-01-04T10:00:00Z", vec![started("a")]).path().to_owned());
    }
    made.reverse();
    assert_eq!(listed(&scratch).into_iter().map(|row| row.workspace).collect::<Vec<_>>(), made);
    assert_eq!(list(&scratch.root, &scratch.base(), 3).unwrap().len(), 3);
    assert_eq!(list(&scratch.root, &scratch.base(), 0).unwrap().len(), 0);
}

#[test]
fn a_run_that_died_before_its_view_told_of_the_question_waits_all_the_same() {
    let question = Question {
        id: QuestionId("A1".into()),
        step: None,
        subject: Subject::Plan,
        what: "plan".into(),
        detail: String::new(),
        hash: "51d0aa".into(),
        asked_at: None,
    };
    let decision = Decision { approved: true, scope: Scope::Once, note: None };
    let answered = Event::Answered { id: question.id.clone(), hash: question.hash.clone(), decision, via: Via::Prompt };
    let asked = [started("x"), planned(2), Event::Asked { question }];
    for (events, status) in [(asked.to_vec(), RunStatus::WaitingApproval), ([&asked[..], &[answered]].concat(), RunStatus::Paused)] {
        let scratch = Scratch::new();
        let workspace = scratch.with_events("x", NOON, events);
        assert_eq!(listed(&scratch)[0].status, status, "by its journal alone");
        with_views(&workspace, "x", RunStatus::Planning);
        assert_eq!(listed(&scratch)[0].status, status, "beside a view that lags");
    }
}

#[test]
fn views_are_believed_and_a_dead_owners_run_is_paused() {
    let scratch = Scratch::new();
    let workspace = scratch.with_events("x", NOON, vec![started("x")]);
    with_views(&workspace, "x", RunStatus::Running);
    let row = &listed(&scratch)[0];
    assert_eq!((row.status, row.status_reason.as_deref()), (RunStatus::Paused, Some("interrupted")));
    assert_eq!((row.steps_done, row.steps, row.started_at), (1, 2, at(NOON)));
    let lease = workspace.take_lease(&owner()).unwrap();
    assert_eq!(listed(&scratch)[0].status, RunStatus::Running);
    drop(lease);
    let (mut journal, ..) = workspace.open_journal().unwrap();
    journal.append(at(NOON), finished(RunStatus::Completed)).unwrap();
    assert_eq!(listed(&scratch)[0].status, RunStatus::Completed, "the journal knows the end that the view missed");
    for status in [RunStatus::WaitingApproval, RunStatus::Parked, RunStatus::Failed] {
        with_views(&workspace, "x", status);
        assert_eq!(listed(&scratch)[0].status, status);
    }
}

#[test]
fn a_state_of_an_earlier_version_takes_its_start_from_the_other_view() {
    let scratch = Scratch::new();
    let workspace = scratch.with_events("x", NOON, vec![started("x")]);
    with_views(&workspace, "x", RunStatus::Completed);
    let new = listed(&scratch);
    let state: serde_json::Value = serde_json::from_str(&workspace.read_text(STATE).unwrap()).unwrap();
    let mut old = state.clone();
    assert!(["started_at", "ended_at"].iter().all(|field| old.as_object_mut().unwrap().remove(*field).is_some()));
    workspace.write_view(STATE, &old.to_string()).unwrap();
    assert_eq!((new[0].started_at, new[0].ended_at), (at(NOON), Some(at(NOON))));
    assert_eq!(listed(&scratch), new);
}

#[test]
fn without_views_the_journal_tells() {
    let scratch = Scratch::new();
    let events = vec![started("The goal"), planned(3), step_done(1), step_done(2), finished(RunStatus::Failed)];
    let workspace = scratch.with_events("The goal", NOON, events);
    let check = || {
        let row = &listed(&scratch)[0];
        assert_eq!((row.goal.as_str(), row.run_id.as_str(), row.status), ("The goal", "143022-k7", RunStatus::Failed));
        assert_eq!((row.steps_done, row.steps, row.started_at, row.ended_at), (2, 3, at(NOON), Some(at(NOON))));
    };
    check();
    for torn in ["", "{\"schema\":1,", "\0\0\0"] {
        std::fs::write(workspace.path().join(STATE), torn).unwrap();
        check();
    }
    let (mut journal, ..) = workspace.open_journal().unwrap();
    journal.append(at(NOON), started("The goal")).unwrap();
    assert_eq!(listed(&scratch)[0].status, RunStatus::Paused);
    let lease = workspace.take_lease(&owner());
    assert_eq!(listed(&scratch)[0].status, RunStatus::Running);
    drop(lease);
}

#[test]
fn what_cannot_be_read_is_listed_with_the_reason() {
    let scratch = Scratch::new();
    let corrupt = scratch.with_events("corrupt", "2026-11-22T10:00:00Z", vec![started("corrupt")]);
    let file = corrupt.path().join(".orchestrator/journal.jsonl");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + "junk\n{}\n").unwrap();
    let newer = scratch.with_events("newer", "2026-11-22T11:00:00Z", vec![started("newer")]);
    std::fs::write(newer.path().join(STATE), "{\"schema\":9,\"run_id\":\"r9\",\"goal\":\"Later\",\"status\":\"dreaming\"}").unwrap();
    scratch.create("empty", "2026-11-22T12:00:00Z");
    std::fs::create_dir(scratch.base().join("week-47/2026-11-22/not-ours-130000")).unwrap();
    let rows = listed(&scratch);
    let seen: Vec<_> = rows.iter().map(|row| (row.goal.as_str(), row.status_reason.as_deref().unwrap())).collect();
    assert_eq!(
        seen,
        [
            ("empty-120000", "interrupted"),
            ("Later", "written by a newer version (schema 9), read-only here"),
            ("corrupt", "line 2 of its journal is corrupt"),
        ]
    );
    assert_eq!(rows[0].started_at, at("2026-11-22T12:00:00Z"));
    scratch.control.fail_when(std::io::ErrorKind::PermissionDenied, |operation| operation.path.ends_with("newer-110000"));
    assert!(listed(&scratch).iter().any(|row| row.status_reason.as_deref().unwrap().contains("cannot be read")));
}

#[cfg(unix)]
#[test]
fn linked_weeks_days_and_workspaces_are_passed_over() {
    let scratch = Scratch::new();
    let far = Scratch::new();
    far.with_events("far", NOON, vec![started("far")]);
    let near = scratch.with_events("near", NOON, vec![started("near")]);
    let day = near.path().parent().unwrap();
    std::os::unix::fs::symlink(far.base().join("week-47"), scratch.base().join("week-46")).unwrap();
    std::os::unix::fs::symlink(far.base().join("week-47/2026-11-22"), scratch.base().join("week-47/2026-11-21")).unwrap();
    std::os::unix::fs::symlink(far.base().join("week-47/2026-11-22/far-143022"), day.join("far-143022")).unwrap();
    assert_eq!(listed(&scratch).len(), 1);
}

#[test]
fn a_base_that_is_a_file_is_an_error() {
    let scratch = Scratch::new();
    std::fs::write(scratch.base(), "").unwrap();
    let error = list(&scratch.root, &scratch.base(), 20).unwrap_err();
    assert!(error.what.contains("is not a folder") && error.hint.is_some());
}

#[test]
fn of_a_thousand_workspaces_only_those_shown_are_opened() {
    let scratch = Scratch::new();
    for number in 0..1000 {
        let time = format!("2026-{:02}-{:02}T10:00:{:02}Z", 1 + number % 12, 1 + number % 28, number % 60);
        scratch.with_events("many", &time, vec![started("many")]);
    }
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    scratch.control.fail_when(std::io::ErrorKind::Other, move |operation| {
        count.fetch_add(1, Ordering::Relaxed);
        let _ = operation;
        false
    });
    assert_eq!(list(&scratch.root, &scratch.base(), 20).unwrap().len(), 20);
    let few = opened.swap(0, Ordering::Relaxed);
    assert!(few < 500, "{few} operations to list 20 of 1,000");
    assert_eq!(list(&scratch.root, &scratch.base(), 5000).unwrap().len(), 1000);
    assert!(opened.load(Ordering::Relaxed) > 5000);
}

#[test]
fn a_full_day_is_read_by_several_threads_and_stays_in_order() {
    let scratch = Scratch::new();
    let made: Vec<PathBuf> = (0..2 * ALONE)
        .map(|number| {
            let time = format!("2027-01-04T10:{:02}:{:02}Z", number / 60, number % 60);
            let workspace = scratch.with_events("tides", &time, vec![started("tides")]);
            // Some are at rest, some have no view, some are not ours.
            match number % 3 {
                0 => with_views(&workspace, "tides", RunStatus::Completed),
                1 => std::fs::remove_dir_all(workspace.path().join(".orchestrator")).unwrap(),
                _ => {}
            }
            workspace.path().to_owned()
        })
        .collect();
    let ours = |count: usize| -> Vec<PathBuf> {
        let kept = made.iter().enumerate().rev().filter(|(number, _)| number % 3 != 1);
        kept.map(|(_, path)| path.clone()).take(count).collect()
    };
    for limit in [ALONE, ALONE + 7, 1_000] {
        let rows = list(&scratch.root, &scratch.base(), limit).unwrap();
        assert_eq!(rows.into_iter().map(|row| row.workspace).collect::<Vec<_>>(), ours(limit), "{limit}");
    }
}
