//! Goals in documents: the four forms, what must not fire, and the index after random edits.
use super::*;
use proptest::prelude::*;
use ropey::Rope;

fn markers() -> Vec<String> {
    DEFAULT_MARKERS.iter().map(|marker| (*marker).to_owned()).collect()
}

fn texts(text: &str, kind: TextKind) -> Vec<String> {
    scan(text, kind, &markers()).into_iter().map(|goal| goal.text).collect()
}

fn markdown(text: &str) -> Vec<String> {
    texts(text, TextKind::Markdown)
}

fn code(text: &str) -> Vec<String> {
    texts(text, TextKind::Code)
}

#[test]
fn goal_lines_stand_at_the_start_of_a_line_or_item() {
    let text = "# Notes\r\ngoal: Write docs\r\n- goal: Two\n1. goal: Three\n* [x] goal: Four\n  - [ ] goal: Five\nmy goal: none\nGoal: none\ngoal:none\n";
    assert_eq!(markdown(text), ["Write docs", "Two", "Three", "Four", "Five"]);
}

#[test]
fn a_checkbox_has_the_place_of_its_mark() {
    let text = "a\n- [x] goal: Do it\n- [ ] goal: And this\n";
    let found = scan(text, TextKind::Markdown, &markers());
    let boxes: Vec<_> = found.iter().filter_map(|goal| goal.checkbox).collect();
    assert_eq!(boxes.iter().map(|mark| (mark.span.of(text), mark.checked)).collect::<Vec<_>>(), [("x", true), (" ", false)]);
    assert_eq!(found[0].span.of(text), "goal: Do it");
    assert_eq!(found[1].line, 2);
}

#[test]
fn indented_lines_continue_a_goal_until_a_blank_line_or_the_next_goal() {
    let text = "- goal: Write docs\n    - for users\n      - with examples\n  - goal: Other\n\n  not this\ngoal:\n  Below\nnot this\n";
    assert_eq!(markdown(text), ["Write docs\n- for users\n  - with examples", "Other", "Below"]);
    let found = scan(text, TextKind::Markdown, &markers());
    assert!(found[0].span.of(text).ends_with("with examples"));
}

#[test]
fn fences_front_matter_and_indented_code_hide_goals() {
    let text = "---\ngoal: no\n---\n```md\ngoal: no\n````\ngoal: yes\n~~~~\n~~~\ngoal: no\n~~~~~\n    goal: code\n- ```\n  goal: no\n  ```\n`` ` ``\ngoal: also\n";
    assert_eq!(markdown(text), ["yes", "also"]);
    assert_eq!(markdown("---\ngoal: a rule without an end\n"), ["a rule without an end"]);
    assert_eq!(markdown("```\ngoal: an open fence hides the rest\n"), Vec::<String>::new());
}

#[test]
fn goals_near_a_line_are_those_that_cover_it() {
    let rope = Rope::from_str("goal: One\n  more\n\ngoal: Two\n");
    let index = GoalIndex::new(&rope, TextKind::Markdown, &markers());
    let near = |first, last| index.goals_in(first, last).into_iter().map(|goal| goal.line).collect::<Vec<_>>();
    assert_eq!((near(1, 1), near(2, 2), near(0, 3)), (vec![0], vec![], vec![0, 3]));
}

#[test]
fn comments_of_many_languages_carry_goals() {
    let cases = [
        ("// TODO(goal): Do it", "Do it"),
        ("    /// @goal Do it", "Do it"),
        ("# TODO(goal): Do it", "Do it"),
        ("x = 1  # @goal Do it", "Do it"),
        ("foo(\"a // b\"); // @goal: Do it", "Do it"),
        ("-- @goal Do it", "Do it"),
        (";; TODO(goal) Do it", "Do it"),
        ("% @goal Do it", "Do it"),
        ("/* @goal Do it */ int x;", "Do it"),
        (" * @goal Do it */", "Do it"),
        ("<!-- @goal Do it -->", "Do it"),
        ("(* @goal Do it *)", "Do it"),
        ("\" @goal Do it", "Do it"),
        ("' @goal Do it", "Do it"),
        ("REM @goal Do it", "Do it"),
        ("{/* @goal Do it */}", "Do it"),
        ("\"\"\"@goal Do it\"\"\"", "Do it"),
        ("  TODO(goal): Do it", "Do it"),
        ("fn f<'a>(x: &'a str) {} // @goal Do it", "Do it"),
    ];
    for (line, expected) in cases {
        assert_eq!(code(line), [expected], "{line}");
    }
}

#[test]
fn code_that_only_looks_like_a_goal_is_left_alone() {
    for line in [
        "let s = \"// @goal no\";",
        "let s = \"a # @goal no\";",
        "print('x # @goal no')",
        "@goal",
        "@goal class X",
        "// see `@goal x`",
        "// @goals no",
        "// about @goal no",
        "goal: no",
        "# goal: no",
        "// @goal",
        "\"@goal\": \"no\",",
        "\" @goal no\",",
    ] {
        assert_eq!(code(line), Vec::<String>::new(), "{line}");
    }
    assert_eq!(markdown("# @goal no\n// TODO(goal): no\n`<!-- @goal no -->`\n<!-- @goal yes -->"), ["yes"]);
}

#[test]
fn comment_goals_go_on_in_deeper_comments() {
    assert_eq!(code("// TODO(goal): Write\n//    a parser\n// other"), ["Write\na parser"]);
    assert_eq!(code("  # @goal Write\n  #   a parser\n  x = 1"), ["Write\na parser"]);
    assert_eq!(code("/* @goal Write\n   a parser\n   and tests */\n   no"), ["Write\na parser\nand tests"]);
    assert_eq!(code("/**\n * @goal Write\n *   a parser */\n *     no"), ["Write\na parser"]);
}

#[test]
fn markers_come_from_the_settings() {
    let markers = ["task:".to_owned(), "FIXME(ai)".to_owned(), String::new()];
    assert_eq!(scan("task: One thing\ngoal: no\n", TextKind::Markdown, &markers).len(), 1);
    assert_eq!(scan("// FIXME(ai): One thing\n// @goal no\n", TextKind::Code, &markers).len(), 1);
}

#[test]
fn a_goal_file_is_one_goal_with_its_front_matter() {
    let text = "\u{feff}---\r\ngoal: Review\r\nagents: researcher, writer\r\nattach: [a b.csv, c.md]\r\nbudget_usd: 0.5\r\napprovals: steps\r\n\
                max_parallel: 2\r\noutput: out.md\r\nmodel: m-1\r\n---\r\nThe body.\r\n";
    let found = scan(text, TextKind::GoalFile, &markers());
    assert_eq!(found[0].problems, []);
    let goal = found[0].to_goal().unwrap();
    assert_eq!(goal.text, "Review\n\nThe body.");
    assert_eq!(goal.agents, ["researcher", "writer"]);
    assert_eq!(goal.attach, [std::path::PathBuf::from("a b.csv"), "c.md".into()]);
    assert_eq!((goal.budget_usd, goal.max_parallel, goal.model.as_deref()), (Some(0.5), Some(2), Some("m-1")));
    assert_eq!(goal.output.map(|path| path.as_str().to_owned()).as_deref(), Some("out.md"));
}

#[test]
fn a_goal_file_reports_each_wrong_value_at_its_place() {
    let text = "---\nagent: x\nbudget_usd: lots\napprovals: stepz\nmax_parallel: 0\noutput: ../x.md\n---\nDo it\n";
    let found = scan(text, TextKind::GoalFile, &markers());
    let places: Vec<&str> = found[0].problems.iter().map(|problem| problem.span.of(text)).collect();
    assert_eq!(places, ["agent", "lots", "0", "stepz", "../x.md"]);
    assert!(found[0].to_goal().is_err());
}

#[test]
fn an_unknown_agent_in_a_goal_file_is_named_at_its_place() {
    let text = "---\nagents: [writer, resercher]\n---\nDo it\n";
    let problems = crate::documents::goal_file::agent_problems(text, &["researcher".to_owned(), "writer".to_owned()]);
    assert_eq!(problems.iter().map(|problem| problem.span.of(text)).collect::<Vec<_>>(), ["resercher"]);
    assert_eq!(problems[0].fix.as_ref().map(|fix| fix.edits[0].1.as_str()), Some("researcher"));
}

#[test]
fn an_empty_goal_file_says_so_and_is_no_goal() {
    let found = scan("", TextKind::GoalFile, &markers());
    assert_eq!(found[0].problems.len(), 1);
    assert!(found[0].to_goal().is_err());
}

#[test]
fn a_selection_of_three_words_is_a_goal() {
    assert_eq!(selection_goal("two words -"), None);
    assert_eq!(selection_goal("  now three words "), Some("now three words".into()));
}

#[test]
fn the_kind_of_a_text_comes_from_its_name_first() {
    assert_eq!(TextKind::of("a/B.GOAL.md", None), TextKind::GoalFile);
    assert_eq!(TextKind::of("README.md", Some("plaintext")), TextKind::Markdown);
    assert_eq!(TextKind::of("Untitled-1", Some("markdown")), TextKind::Markdown);
    assert_eq!(TextKind::of("Untitled-1", None), TextKind::Plain);
    assert_eq!(TextKind::of("Makefile", Some("plaintext")), TextKind::Code);
    assert_eq!(TextKind::of("a.py", Some("python")), TextKind::Code);
    assert_eq!(TextKind::of("c.yaml", None), TextKind::Code);
    assert_eq!(TextKind::of("notes.org", Some("org")), TextKind::Plain);
}

#[test]
fn documents_of_a_run_are_known_by_name() {
    assert!(is_own_document("/w/plan.md") && is_own_document("x/agent_outputs/a.log") && is_own_document("x\\Context-Main.md"));
    assert!(!is_own_document("/w/notes.md"));
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("goal: Do it\n".to_owned()),
        Just("- [ ] goal: Do é it".to_owned()),
        Just("  more\n".to_owned()),
        Just("// @goal x\n".to_owned()),
        Just("//   more\n".to_owned()),
        Just("/* @goal a\n b\n */ c\n".to_owned()),
        Just("```\n".to_owned()),
        Just("~~~~".to_owned()),
        Just("---\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n".to_owned()),
        Just("    - item\n".to_owned()),
        Just("\u{2028}🎉".to_owned()),
        "[ a`~:-]{0,3}",
    ]
}

fn document() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..20).prop_map(|pieces| pieces.concat())
}

fn kind() -> impl Strategy<Value = TextKind> {
    prop_oneof![Just(TextKind::Markdown), Just(TextKind::Plain), Just(TextKind::Code), Just(TextKind::GoalFile)]
}

/// Replaces characters `from..to` and tells the index the lines that a client's range covers.
fn replace(rope: &mut Rope, index: &mut GoalIndex, edit: (usize, usize, &str)) {
    let from = edit.0.min(rope.len_chars());
    let to = edit.1.min(rope.len_chars()).max(from);
    let (first, last) = (rope.char_to_line(from), rope.char_to_line(to));
    rope.remove(from..to);
    rope.insert(from, edit.2);
    let new_last = rope.char_to_line(from + edit.2.chars().count());
    index.edit(rope, first, last - first + 1, (new_last + 1).saturating_sub(first));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn after_any_edits_the_index_equals_a_fresh_scan(
        text in document(),
        kind in kind(),
        edits in prop::collection::vec((0usize..160, 0usize..12, piece()), 1..8),
    ) {
        let mut rope = Rope::from_str(&text);
        let mut index = GoalIndex::new(&rope, kind, &markers());
        for (from, length, new) in &edits {
            replace(&mut rope, &mut index, (*from, from + length, new));
            prop_assert_eq!(index.goals(), scan(&rope.to_string(), kind, &markers()), "in {:?}", rope.to_string());
        }
    }

    #[test]
    fn any_text_is_scanned_without_a_panic_and_every_span_fits(text in "(?s).{0,300}", kind in kind()) {
        for goal in scan(&text, kind, &markers()) {
            prop_assert!(text.get(goal.span.range()).is_some());
        }
    }

    #[test]
    fn every_span_starts_at_its_marker(text in document(), kind in kind()) {
        for goal in scan(&text, kind, &markers()) {
            prop_assert!(kind == TextKind::GoalFile || ["goal:", "@goal", "TODO(goal)"].iter().any(|marker| goal.span.of(&text).starts_with(marker)));
        }
    }

    #[test]
    fn an_edit_with_wrong_numbers_still_gives_a_right_index(text in document(), first in 0usize..30, old in 0usize..30, new in 0usize..30) {
        let mut index = GoalIndex::new(&Rope::from_str("goal: a\n"), TextKind::Markdown, &markers());
        let rope = Rope::from_str(&text);
        index.edit(&rope, first, old, new);
        // Numbers that happen to fit the line count but not the text cannot be told from true ones; they must not panic.
        index.goals();
    }
}
