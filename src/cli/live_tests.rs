//! The live view at several widths, and the lines of a plain one.
use super::*;
use crate::cli::render::{event_json, result_json};
use crate::cli::samples::{self, without_colours};
use crate::domain::event::PlannedBy;
use crate::domain::{Decision, QuestionId, RelPath, RunStatus, StopReason, Usage, Via};

fn look() -> Look {
    let mut look = Look { provider: "offline".into(), workspace: "workspaces/week-47/x".into(), show_cost: true, ..Look::default() };
    look.note(&Event::ToolStarted {
        step: StepId::numbered(2),
        call_id: "c1".into(),
        tool: "read_file".into(),
        target: "inputs/sales.csv".into(),
    });
    look
}

fn canvas(width: usize, paint: Paint) -> Canvas {
    Canvas { now: samples::time("2026-11-22T14:31:15+01:00"), width, paint }
}

fn shown(width: usize, paint: Paint) -> Vec<String> {
    block(&samples::state(), &look(), canvas(width, paint))
}

#[test]
fn one_line_a_step_at_three_widths() {
    insta::assert_snapshot!(shown(40, Paint::default()).join("\n"), @r#"
    Create a Python dashboard for monthly s…
      running · 1/3 steps · 1:15 · $0.02 · …
      ✓ s1 designer    Plan the dashb… 9.0 s
      ▶ s2 researcher  Find th…: read_… 1:15
      · s3 coder       Write it
    "#);
    insta::assert_snapshot!(shown(80, Paint::default()).join("\n"), @r#"
    Create a Python dashboard for monthly sales
      running · 1/3 steps · 1:15 · $0.02 · offline · workspaces/week-47/x
      ✓ s1 designer    Plan the dashboard architecture        9.0 s  turn 2/6  $0.01
      ▶ s2 researcher  Find the best visua…: read_file inputs… 1:15  turn 2/6  $0.01
      · s3 coder       Write it
    "#);
    insta::assert_snapshot!(shown(120, Paint::default()).join("\n"), @r#"
    Create a Python dashboard for monthly sales
      running · 1/3 steps · 1:15 · $0.02 · offline · workspaces/week-47/x
      ✓ s1 designer    Plan the dashboard architecture                                                9.0 s  turn 2/6  $0.01
      ▶ s2 researcher  Find the best visualisation libraries for monthly …: read_file inputs/sales.csv 1:15  turn 2/6  $0.01
      · s3 coder       Write it
    "#);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in 20..160 {
        let plain = shown(width, Paint::default());
        assert!(plain.iter().all(|line| style::width(line) <= width), "{width}: {plain:#?}");
        let painted = shown(width, Paint { colour: true });
        for (painted, plain) in painted.iter().zip(&plain) {
            assert_eq!(without_colours(painted).trim_end(), plain.trim_end());
        }
    }
}

#[test]
fn of_a_long_plan_the_steps_at_work_are_shown() {
    let mut state = samples::state();
    let pending = state.steps[2].clone();
    let running = state.steps[1].clone();
    state.steps = (1..=40).map(|number| crate::domain::view::StepView { id: StepId::numbered(number), ..pending.clone() }).collect();
    state.steps.push(crate::domain::view::StepView { id: StepId::numbered(41), ..running });
    let lines = block(&state, &Look::default(), canvas(80, Paint::default()));
    assert!(lines.iter().any(|line| line.contains("s41")), "{lines:#?}");
    assert!(lines.last().is_some_and(|line| line.contains("25 steps more")), "{lines:#?}");
}

#[test]
fn an_activity_ends_with_its_step() {
    let mut look = look();
    assert_eq!(look.activity.len(), 1);
    look.note(&Event::StepFinished { step: StepId::numbered(2), status: StepStatus::Completed, output_file: None, error: None });
    assert!(look.activity.is_empty());
}

fn record(event: Event) -> Record {
    Record { seq: 7, at: samples::time("2026-11-22T14:31:15+01:00"), event }
}

#[test]
fn a_plain_view_has_one_line_for_what_matters() {
    let step = StepId::numbered(1);
    let events = [
        Event::Planned { plan: samples::plan(), text: String::new(), by: PlannedBy::Rules },
        Event::Answered {
            id: QuestionId("A1".into()),
            hash: "51d0aa".into(),
            decision: Decision { approved: false, note: Some("too\nlong".into()), ..Decision::default() },
            via: Via::CommandLine,
        },
        Event::StepFinished {
            step: step.clone(),
            status: StepStatus::Completed,
            output_file: RelPath::new("architecture_design.md").ok(),
            error: None,
        },
        Event::StepFinished { step: step.clone(), status: StepStatus::Failed, output_file: None, error: Some("no usable output".into()) },
        Event::Retry { step: step.clone(), ordinal: 1, reason: "overloaded".into(), wait_ms: 1500 },
        Event::Note { level: NoteLevel::Info, text: "quiet".into(), step: None },
        Event::Note { level: NoteLevel::Warning, text: "\u{1b}[2Jloud".into(), step: None },
        Event::RunFinished { status: RunStatus::Paused, reason: Some("interrupted".into()) },
    ];
    let lines: Vec<String> = events.into_iter().filter_map(|event| line(&record(event), &samples::state(), &look())).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    planned: 3 steps (Create a Python dashboard for monthly sales)
    rejected: A1: too long
    s1 designer completed: architecture_design.md (2 turns, $0.01)
    s1 designer failed: no usable output (2 turns, $0.01)
    s1 tries again in 1.5 s: overloaded
    note: [2Jloud
    paused: interrupted
    "#);
}

#[test]
fn a_json_line_is_the_record_with_its_type() {
    let event = Event::CallFinished {
        step: StepId::numbered(1),
        ordinal: 2,
        request_id: None,
        stop: StopReason::EndTurn,
        usage: Usage::default(),
        cost_usd: None,
        reply: None,
        failure: None,
    };
    let value: serde_json::Value = serde_json::from_str(&event_json(&record(event))).unwrap();
    assert_eq!(value["type"], "call_finished");
    assert_eq!(value["seq"], 7);
    assert_eq!(value["step"], "s1");
    assert!(value["cost_usd"].is_null());
}

#[test]
fn the_last_json_line_is_the_result() {
    let line = result_json(&samples::result());
    assert!(!line.contains('\n'));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["type"], "result");
    assert_eq!(value["status"], "failed");
    assert_eq!(value["summary"]["completed"], 2);
    assert_eq!(value["results"][2]["status"], "failed");
}
