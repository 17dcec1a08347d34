//! A step's result that waits for a person: what they make of it is what is kept, a rejection with a reason goes back to the agent, and only the
//! text that was shown is approved.
use ai_orchestrator::domain::{Command, Decision, ModelRequest, Reply, RunState, RunStatus, Scope, StepId, Via};
use ai_orchestrator::orchestrator::{Orchestrator, RunHandle, Subscription, WhenBlocked};
use serde_json::json;

use crate::support::scripted::{Rig, Scripted, calls, goal, says, with_plan};

const PLAN: &str = "---
orchestrator: plan/1
---
# Plan: Two steps

- [ ] s1 writer: Write
  - output: notes/one.md
  - approve: yes
- [ ] s2 writer: Go on
  - needs: s1
  - output: two.md
";
const PROPOSAL: &str = ".orchestrator/proposed/s1/notes/one.md";

fn script(request: &ModelRequest, turn: usize) -> Reply {
    let prompt = format!("{:?}", request.messages);
    match (request.brief.step.to_string().as_str(), turn) {
        ("s1", 1) if prompt.contains("make it shorter") => {
            assert!(prompt.contains("still holds that attempt"), "{prompt}");
            calls(vec![("write_file", json!({"path": "notes/one.md", "content": "same\nshort\n"}))])
        }
        ("s1", 1) => calls(vec![("write_file", json!({"path": "notes/one.md", "content": "same\nlong and long\n"}))]),
        // The agent tries to get at its own proposal.
        ("s2", 1) => {
            calls(vec![("write_file", json!({"path": PROPOSAL, "content": "mine"})), ("read_file", json!({"path": "notes/one.md"}))])
        }
        _ => says("Done."),
    }
}

fn rig(when_blocked: WhenBlocked) -> Rig {
    Rig { interactive: true, when_blocked, ..Rig::new(Scripted::new(script)) }
}

fn answer(state: &RunState, hash: Option<&str>, approved: bool, note: Option<&str>) -> Command {
    let decision = Decision { approved, scope: Scope::Once, note: note.map(str::to_owned) };
    Command::Answer { id: state.pending_approvals[0].id.clone(), hash: hash.map(str::to_owned), decision, via: Via::Library }
}

/// Waits until this is asked, or the run has ended.
async fn asked(news: &mut Subscription, what: &str) -> RunState {
    loop {
        let update = news.recv().await.expect("the run goes on");
        let waits = update.state.pending_approvals.iter().any(|pending| pending.what.contains(what));
        if waits && update.record.event.name() == "asked" {
            return update.state.as_ref().clone();
        }
    }
}

/// A run whose plan is approved, at the question about its first result.
async fn at_result(orchestrator: &Orchestrator) -> (RunHandle, Subscription, RunState) {
    let mut news = orchestrator.subscribe();
    let run = orchestrator.start_with(goal("Two steps"), with_plan(PLAN)).await.unwrap();
    let plan = asked(&mut news, "plan").await;
    assert!(run.command(answer(&plan, None, true, None)).await.unwrap().done);
    let state = asked(&mut news, "result").await;
    (run, news, state)
}

#[tokio::test]
async fn what_a_person_makes_of_a_result_is_what_is_kept_and_only_what_was_shown_is_approved() {
    let rig = rig(WhenBlocked::Wait);
    let orchestrator = rig.orchestrator();
    let (run, mut news, state) = at_result(&orchestrator).await;
    let pending = &state.pending_approvals[0];
    assert_eq!(pending.proposal.as_ref().map(|path| path.as_str()), Some(PROPOSAL));
    assert!(pending.detail.contains(PROPOSAL), "{}", pending.detail);
    let proposal = run.workspace.join(PROPOSAL);
    assert_eq!(std::fs::read_to_string(&proposal).unwrap(), "same\nlong and long\n");
    std::fs::write(&proposal, "same\nmine\n").unwrap();
    let refused = run.command(answer(&state, Some(&pending.hash), true, None)).await.unwrap();
    assert_eq!(refused.reason.as_deref(), Some("changed since you read it"));
    let anew = asked(&mut news, "result").await;
    assert_eq!((&anew.pending_approvals[0].id, anew.pending_approvals.len()), (&pending.id, 1));
    assert_ne!(anew.pending_approvals[0].hash, pending.hash);
    let hash = anew.pending_approvals[0].hash.clone();
    assert!(run.command(answer(&anew, Some(&hash), true, None)).await.unwrap().done);
    assert_eq!(run.finished().await.unwrap().status, RunStatus::Completed);
    assert_eq!(std::fs::read_to_string(run.workspace.join("notes/one.md")).unwrap(), "same\nmine\n");
    assert_eq!(std::fs::read_to_string(&proposal).unwrap(), "same\nmine\n", "no agent can write there");
}

#[tokio::test]
async fn an_edit_that_was_saved_binds_the_question_to_the_new_text_at_once() {
    let rig = rig(WhenBlocked::Wait);
    let orchestrator = rig.orchestrator();
    let (run, mut news, state) = at_result(&orchestrator).await;
    std::fs::write(run.workspace.join(PROPOSAL), "mine").unwrap();
    let step = StepId("s1".into());
    assert!(run.command(Command::EditResult { step: step.clone() }).await.unwrap().done);
    let anew = asked(&mut news, "result").await;
    assert_ne!(anew.pending_approvals[0].hash, state.pending_approvals[0].hash);
    let paper = std::fs::read_to_string(run.workspace.join("approvals.md")).unwrap();
    assert!(paper.contains(&anew.pending_approvals[0].hash) || !paper.contains("## Decided\n-"), "{paper}");
    let other = run.command(Command::EditResult { step: StepId("s2".into()) }).await.unwrap();
    assert!(!other.done && other.reason.unwrap().contains("not waiting"));
    assert!(run.command(Command::Stop { reason: None }).await.unwrap().done);
}

#[tokio::test]
async fn a_rejection_with_a_reason_goes_back_to_the_agent_and_shows_what_changed() {
    let rig = rig(WhenBlocked::Wait);
    let orchestrator = rig.orchestrator();
    let (run, mut news, state) = at_result(&orchestrator).await;
    let step = StepId("s1".into());
    let first = orchestrator.changes(&run.workspace, &step).await.unwrap();
    assert_eq!((first.added, first.removed), (2, 0), "{}", first.unified);
    assert!(run.command(answer(&state, None, false, Some("make it shorter"))).await.unwrap().done);
    let again = asked(&mut news, "result").await;
    let step_now = again.steps.iter().find(|step| step.id.0 == "s1").unwrap();
    assert_eq!(step_now.attempt, 2);
    let changes = orchestrator.changes(&run.workspace, &step).await.unwrap();
    assert!(changes.unified.contains("-long and long") && changes.unified.contains("+short"), "{}", changes.unified);
    assert_eq!((changes.added, changes.removed), (1, 1));
    assert!(run.command(answer(&again, None, true, None)).await.unwrap().done);
    assert_eq!(run.finished().await.unwrap().status, RunStatus::Completed);
    assert_eq!(std::fs::read_to_string(run.workspace.join("notes/one.md")).unwrap(), "same\nshort\n");
}

#[tokio::test]
async fn a_rejection_without_a_word_fails_the_step_and_an_edit_counts_although_nobody_holds_the_run() {
    let rig = rig(WhenBlocked::LetGo);
    let orchestrator = rig.orchestrator();
    let run = orchestrator.start_with(goal("Two steps"), with_plan(PLAN)).await.unwrap();
    run.finished().await.unwrap();
    let plan = run.state();
    orchestrator.answer(&run.workspace, answer(&plan, None, true, None)).await.unwrap();
    let run = orchestrator.resume(&run.workspace).await.unwrap();
    run.finished().await.unwrap();
    let state = run.state();
    std::fs::write(run.workspace.join(PROPOSAL), "mine").unwrap();
    let hash = state.pending_approvals[0].hash.clone();
    let refused = orchestrator.answer(&run.workspace, answer(&state, Some(&hash), true, None)).await.unwrap();
    assert_eq!(refused.reason.as_deref(), Some("changed since you read it"));
    assert!(orchestrator.answer(&run.workspace, answer(&state, None, true, None)).await.unwrap().done);
    let run = orchestrator.resume(&run.workspace).await.unwrap();
    assert_eq!(run.finished().await.unwrap().status, RunStatus::Completed);
    assert_eq!(std::fs::read_to_string(run.workspace.join("notes/one.md")).unwrap(), "mine");

    let rig = self::rig(WhenBlocked::Wait);
    let orchestrator = rig.orchestrator();
    let (run, _news, state) = at_result(&orchestrator).await;
    assert!(run.command(answer(&state, None, false, None)).await.unwrap().done);
    let result = run.finished().await.unwrap();
    assert_eq!(result.status, RunStatus::Failed);
    assert!(result.results[0].error.as_deref().unwrap().contains("the result was rejected"));
}
