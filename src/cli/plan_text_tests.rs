//! The plan as shown before it is approved, at three widths.
use super::*;
use crate::cli::samples::{self, without_colours};
use crate::cli::session::Shown;

fn shown(width: usize, paint: Paint) -> Vec<String> {
    let pending = samples::pending("A1", "51d0aa");
    Shown {
        pending: &pending,
        plan: Some(PlanText::from(&samples::plan())),
        budget: "Budget: at most $1.00 for this run",
        file: "week-47/x/plan.md",
    }
    .lines(width, paint)
}

#[test]
fn a_narrow_terminal_gets_a_list() {
    insta::assert_snapshot!(shown(40, Paint::default()).join("\n"), @r#"
    Plan: Create a Python dashboard for mon…
      s1 designer: Plan the dashboard archi…
         → architecture_design.md
      s2 researcher: Find the best visualis…
         → research_notes.md (needs s1)
      s3 coder: Write it
         → dashboard.py (needs s2)
         its result is asked about
    Reaches beyond the workspace: s2:
    project, web
    Budget: at most $1.00 for this run
      week-47/x/plan.md
    "#);
}

#[test]
fn a_usual_terminal_gets_a_table() {
    insta::assert_snapshot!(shown(80, Paint::default()).join("\n"), @r#"
    Plan: Create a Python dashboard for monthly sales
      step  agent       title                          needs  output
      s1    designer    Plan the dashboard architect…         architecture_design.md
      s2    researcher  Find the best visualisation …  s1     research_notes.md
      s3    coder       Write it                       s2     dashboard.py
            its result is asked about
    Reaches beyond the workspace: s2: project, web
    Budget: at most $1.00 for this run
      week-47/x/plan.md
    "#);
}

#[test]
fn a_wide_terminal_cuts_nothing() {
    insta::assert_snapshot!(shown(120, Paint::default()).join("\n"), @r#"
    Plan: Create a Python dashboard for monthly sales
      step  agent       title                                                         needs  output
      s1    designer    Plan the dashboard architecture                                      architecture_design.md
      s2    researcher  Find the best visualisation libraries for monthly sales 売…   s1     research_notes.md
      s3    coder       Write it                                                      s2     dashboard.py
            its result is asked about
    Reaches beyond the workspace: s2: project, web
    Budget: at most $1.00 for this run
      week-47/x/plan.md
    "#);
}

#[test]
fn a_plan_that_was_not_seen_is_shown_from_the_state() {
    insta::assert_snapshot!(PlanText::from(&samples::state()).lines(80, Paint::default()).join("\n"), @r#"
    Plan: Create a Python dashboard for monthly sales
      step  agent       title                          needs  output
      s1    designer    Plan the dashboard architect…         architecture_design.md
      s2    researcher  Find the best visualisation …  s1     research_notes.md
      s3    coder       Write it                       s2     dashboard.py
    "#);
}

#[test]
fn colours_change_nothing_but_the_look_and_no_line_is_too_wide() {
    for width in 20..140 {
        let plain = shown(width, Paint::default());
        assert_eq!(shown(width, Paint { colour: true }).iter().map(|line| without_colours(line)).collect::<Vec<_>>(), plain);
        for line in &plain {
            assert!(style::width(line) <= width || !line.contains(' '), "{width}: {line}");
        }
    }
}

#[test]
fn another_question_is_shown_with_its_detail() {
    let mut pending = samples::pending("A3", "9c1e44");
    pending.what = "s4 coder wants to fetch \u{1b}[31mexample.com".into();
    pending.detail = "GET https://example.com/a\nafter it read the project".into();
    let shown = Shown { pending: &pending, plan: None, budget: "", file: "plan.md" };
    insta::assert_snapshot!(shown.lines(80, Paint::default()).join("\n"), @r#"
    A3: s4 coder wants to fetch [31mexample.com
      GET https://example.com/a
      after it read the project
    "#);
}
