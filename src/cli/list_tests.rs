//! The list of workspaces at several widths, with and without colour.
use super::*;
use crate::cli::samples::{self, without_colours};

fn lines(from: &str, width: Option<usize>, paint: Paint) -> Vec<String> {
    let table = Table { now: samples::time("2026-11-22T14:30:22+01:00"), from: Path::new(from), show_cost: true };
    table.lines(&samples::runs(), width, paint)
}

#[test]
fn a_pipe_gets_one_line_a_run_with_nothing_cut() {
    insta::assert_snapshot!(lines("/home/ada/sales", None, Paint::default()).join("\n"), @r#"
    status            steps  cost   age  goal                                         path
    running           2/3    $0.02  5m   Create a Python dashboard for monthly sales  workspaces/week-47/2026-11-22/create-a-python-dashboard-143022
    waiting approval  2/3    ?      1d   売上を分析する                               workspaces/week-47/2026-11-22/create-a-python-dashboard-143022
    "#);
}

#[test]
fn a_narrow_terminal_gets_the_path_on_a_line_of_its_own() {
    insta::assert_snapshot!(lines("/home/ada/sales", Some(40), Paint::default()).join("\n"), @r#"
    status            steps  cost   age  goal
    running           2/3    $0.02  5m   Create a …
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022
    waiting approval  2/3    ?      1d   売上を分…
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022
    "#);
    insta::assert_snapshot!(lines("/home/ada/sales", Some(80), Paint::default()).join("\n"), @r#"
    status            steps  cost   age  goal
    running           2/3    $0.02  5m   Create a Python dashboard for monthly sales
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022
    waiting approval  2/3    ?      1d   売上を分析する
      workspaces/week-47/2026-11-22/create-a-python-dashboard-143022
    "#);
}

#[test]
fn a_wide_terminal_gets_one_line_a_run() {
    insta::assert_snapshot!(lines("/home/ada/sales/workspaces/week-47", Some(120), Paint::default()).join("\n"), @r#"
    status            steps  cost   age  goal
    running           2/3    $0.02  5m   Create a Python dashboard for monthly sales
      2026-11-22/create-a-python-dashboard-143022
    waiting approval  2/3    ?      1d   売上を分析する
      2026-11-22/create-a-python-dashboard-143022
    "#);
}

#[test]
fn only_the_status_and_the_quiet_parts_are_coloured() {
    insta::assert_snapshot!(lines("/home/ada/sales", Some(80), Paint { colour: true }).join("\n").replace('\u{1b}', "^"), @r#"
    ^[2mstatus            steps  cost   age  goal^[0m
    ^[36mrunning^[0m           2/3    $0.02  5m   Create a Python dashboard for monthly sales
    ^[2m  workspaces/week-47/2026-11-22/create-a-python-dashboard-143022^[0m
    ^[33mwaiting approval^[0m  2/3    ?      1d   売上を分析する
    ^[2m  workspaces/week-47/2026-11-22/create-a-python-dashboard-143022^[0m
    "#);
    for width in [Some(40), Some(80), Some(120), None] {
        let painted = lines("/x", width, Paint { colour: true });
        assert_eq!(painted.iter().map(|line| without_colours(line)).collect::<Vec<_>>(), lines("/x", width, Paint::default()));
    }
}

#[test]
fn without_cost_tracking_no_cost_is_shown() {
    let table = Table { now: samples::time("2026-11-22T14:30:22+01:00"), from: Path::new("/"), show_cost: false };
    let text = table.lines(&samples::runs(), None, Paint::default()).join("\n");
    assert!(!text.contains('$') && !text.contains("cost"), "{text}");
}

#[test]
fn the_json_form_is_one_array_with_the_fields_of_the_contract() {
    let rows: serde_json::Value = serde_json::from_str(&json(&samples::runs())).unwrap();
    for key in ["run_id", "goal", "status", "steps_done", "steps", "cost_usd", "workspace", "started_at"] {
        assert!(rows[1].get(key).is_some(), "{key}");
    }
    assert_eq!(rows[1]["cost_usd"], serde_json::Value::Null);
    assert_eq!(rows[1]["status"], "waiting_approval");
    assert_eq!(json(&[]), "[]");
}
