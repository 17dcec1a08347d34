//! The contract's line of exit codes, and the hint for each.
use super::*;
use crate::cli::samples;

fn ended(status: RunStatus, reason: Option<&str>) -> RunResult {
    RunResult { status, status_reason: reason.map(str::to_owned), workspace: "/w/my run".into(), ..samples::result() }
}

#[test]
fn every_end_has_its_exit_code() {
    let plain = Circumstances::default();
    let interrupted = Circumstances { interrupted: true, ..plain };
    let plan_only = Circumstances { plan_only: true, ..plain };
    let budget = Circumstances { budget_open: true, ..plain };
    let table = [
        (RunStatus::Completed, None, plain, 0),
        (RunStatus::Completed, None, interrupted, 0),
        (RunStatus::Failed, None, plain, 1),
        (RunStatus::Failed, None, interrupted, 1),
        (RunStatus::Cancelled, None, plain, 1),
        (RunStatus::WaitingApproval, None, plain, 3),
        (RunStatus::WaitingApproval, None, plan_only, 0),
        (RunStatus::WaitingApproval, None, budget, 4),
        (RunStatus::Paused, None, plain, 3),
        (RunStatus::Paused, Some("budget reached"), plain, 4),
        (RunStatus::Paused, Some("disk: writing the journal: no space left"), plain, 2),
        (RunStatus::Paused, Some("interrupted"), interrupted, 130),
        (RunStatus::Running, None, interrupted, 130),
        (RunStatus::Parked, Some("the key was refused"), plain, 5),
        (RunStatus::Running, None, plain, 1),
    ];
    for (status, reason, circumstances, expected) in table {
        assert_eq!(code(&ended(status, reason), circumstances), expected, "{status:?} {reason:?} {circumstances:?}");
    }
}

#[test]
fn every_unfinished_end_says_how_to_go_on() {
    let plain = Circumstances::default();
    let said = |status, circumstances, open| hint(&ended(status, None), circumstances, open);
    assert_eq!(said(RunStatus::Completed, plain, None), None);
    insta::assert_snapshot!(said(RunStatus::WaitingApproval, plain, Some("A1")).unwrap_or_default(), @r#"decide with: ai-orchestrator approve '/w/my run' A1, then go on with: ai-orchestrator --resume '/w/my run' (or run with --non-interactive)"#);
    insta::assert_snapshot!(said(RunStatus::Paused, Circumstances { interrupted: true, ..plain }, None).unwrap_or_default(), @r#"go on with: ai-orchestrator --resume '/w/my run'"#);
    insta::assert_snapshot!(said(RunStatus::Paused, Circumstances { budget_open: true, ..plain }, None).unwrap_or_default(), @r#"go on with a new limit: ai-orchestrator --resume '/w/my run' --budget USD"#);
    insta::assert_snapshot!(said(RunStatus::WaitingApproval, Circumstances { plan_only: true, ..plain }, Some("A1")).unwrap_or_default(), @r#"read or edit the plan, then: ai-orchestrator --resume '/w/my run'"#);
    insta::assert_snapshot!(said(RunStatus::Failed, plain, None).unwrap_or_default(), @r#"the failed steps are done again by: ai-orchestrator --resume '/w/my run'"#);
    insta::assert_snapshot!(said(RunStatus::Parked, plain, None).unwrap_or_default(), @r#"mend the cause, then: ai-orchestrator --resume '/w/my run'"#);
    assert!(said(RunStatus::Cancelled, plain, None).is_some_and(|hint| !hint.contains("--resume")));
}

#[test]
fn a_path_in_a_hint_is_one_word_for_a_shell() {
    assert_eq!(quoted(Path::new("/w/week-47/überblick_1.md")), "/w/week-47/überblick_1.md");
    assert_eq!(quoted(Path::new("/w/it's here")), "'/w/it'\\''s here'");
}
