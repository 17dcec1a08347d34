//! The end of a run at three widths, with and without colour.
use super::*;
use crate::cli::samples::{self, without_colours};

fn shown(width: usize, paint: Paint, show_cost: bool) -> Vec<String> {
    let result = samples::result();
    let ending = Ending {
        goal: "Create a Python dashboard for monthly sales",
        result: &result,
        artifacts: outputs(&result),
        show_cost,
        from: Path::new("/home/ada/sales"),
    };
    lines(&ending, width, paint)
}

#[test]
fn a_narrow_terminal_still_shows_what_failed_and_why() {
    insta::assert_snapshot!(shown(40, Paint::default(), true).join("\n"), @r#"
    failed: Create a Python dashboard for m…
      2 of 3 steps done · 1 failed · 1:15 ·
      $0.02 · 3000 tokens
      ✓ s1 designer    Plan…  2 turns  $0.01
      ✓ s2 researcher  Find…  2 turns  $0.01
      ✗ s3 coder         6 turns  cost unknown
          the turn limit was reached without
          a usable output
          hint: raise agent.max_turns.coder,
          then resume
    Artifacts:
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022/architecture_design.md
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022/research_notes.md
    Summary: workspaces/week-47/2026-11-22/create-a-python-dashboard-143022/execution-summary.md
    "#);
}

#[test]
fn a_usual_terminal_shows_everything() {
    insta::assert_snapshot!(shown(80, Paint::default(), true).join("\n"), @r#"
    failed: Create a Python dashboard for monthly sales
      2 of 3 steps done · 1 failed · 1:15 · $0.02 · 3000 tokens
      ✓ s1 designer    Plan the dashboard architecture                2 turns  $0.01
      ✓ s2 researcher  Find the best visualisation libraries for mo…  2 turns  $0.01
      ✗ s3 coder       Write it                                6 turns  cost unknown
          the turn limit was reached without a usable output
          hint: raise agent.max_turns.coder, then resume
    Artifacts:
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022/architecture_design.md
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022/research_notes.md
    Summary: workspaces/week-47/2026-11-22/create-a-python-dashboard-143022/execution-summary.md
    "#);
}

#[test]
fn a_wide_terminal_shows_everything() {
    insta::assert_snapshot!(shown(120, Paint::default(), true).join("\n"), @r#"
    failed: Create a Python dashboard for monthly sales
      2 of 3 steps done · 1 failed · 1:15 · $0.02 · 3000 tokens
      ✓ s1 designer    Plan the dashboard architecture                                                        2 turns  $0.01
      ✓ s2 researcher  Find the best visualisation libraries for monthly sales 売上の可視化                   2 turns  $0.01
      ✗ s3 coder       Write it                                                                        6 turns  cost unknown
          the turn limit was reached without a usable output
          hint: raise agent.max_turns.coder, then resume
    Artifacts:
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022/architecture_design.md
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022/research_notes.md
    Summary: workspaces/week-47/2026-11-22/create-a-python-dashboard-143022/execution-summary.md
    "#);
}

#[test]
fn without_cost_tracking_tokens_are_still_counted() {
    let text = shown(80, Paint::default(), false).join("\n");
    assert!(!text.contains('$') && text.contains("3000 tokens"), "{text}");
}

#[test]
fn an_unknown_cost_is_said() {
    let mut result = samples::result();
    result.summary.cost_usd = None;
    let ending = Ending { goal: "g", result: &result, artifacts: BTreeSet::new(), show_cost: true, from: Path::new("/") };
    assert!(lines(&ending, 80, Paint::default()).join("\n").contains("cost unknown"));
}

#[test]
fn a_failed_step_is_red_and_nothing_but_colours_differ() {
    assert!(shown(80, Paint { colour: true }, true).join("\n").contains("\u{1b}[31m✗"));
    for width in 20..140 {
        let painted: Vec<String> = shown(width, Paint { colour: true }, true).iter().map(|line| without_colours(line)).collect();
        assert_eq!(painted.iter().map(|line| line.trim_end()).collect::<Vec<_>>(), shown(width, Paint::default(), true));
    }
}

#[test]
fn a_reason_is_shown_unless_the_run_completed() {
    let mut result = samples::result();
    result.status = RunStatus::Parked;
    result.status_reason = Some("the provider refused the key".into());
    let ending = Ending { goal: "g", result: &result, artifacts: BTreeSet::new(), show_cost: true, from: Path::new("/") };
    assert_eq!(lines(&ending, 80, Paint::default())[1], "  the provider refused the key");
}
