//! From an order to a goal.
use super::*;
use crate::sys::Environment;

fn order(work: Work) -> Order {
    Order { work, attach: Vec::new(), non_interactive: false, plan_only: false, read_project: false, record: None, replay: None }
}

fn setup() -> Setup {
    Setup::load(Environment::new([("HOME".to_owned(), "/home/ada".to_owned())], "/home/ada/sales"), &Options::default()).unwrap()
}

fn agent(output: Option<&str>) -> Order {
    order(Work::Agent {
        name: "coder".into(),
        task: "fix it".into(),
        output: output.map(str::to_owned),
        instructions: Some("be short".into()),
    })
}

#[test]
fn everything_said_about_a_goal_reaches_it() {
    let said = Order {
        attach: vec!["a.csv".into(), "~/b.md".into(), "../c.md".into()],
        read_project: true,
        plan_only: true,
        ..order(Work::Goal(" Write docs ".into()))
    };
    let goal = goal_of(&said, &setup()).unwrap().unwrap();
    assert_eq!(goal.text, "Write docs");
    assert_eq!(goal.attach, [Path::new("/home/ada/sales/a.csv"), Path::new("/home/ada/b.md"), Path::new("/home/ada/c.md")]);
    assert!(goal.read_project && goal.plan_only && goal.single.is_none());
}

#[test]
fn one_agent_becomes_a_goal_of_a_single_step() {
    let goal = goal_of(&agent(Some("out/a.py")), &setup()).unwrap().unwrap();
    let single = goal.single.unwrap();
    assert_eq!((goal.text.as_str(), single.agent.as_str(), single.instructions.as_deref()), ("fix it", "coder", Some("be short")));
    assert_eq!(single.output_file.as_ref().map(RelPath::as_str), Some("out/a.py"));
}

#[test]
fn bad_goals_and_outputs_are_refused_before_anything_starts() {
    let refused = [
        order(Work::Goal("  \n ".into())),
        order(Work::Goal("x".repeat(100 * 1024))),
        agent(Some("../a.py")),
        agent(Some("/etc/passwd")),
        agent(Some("")),
    ];
    for order in refused {
        let error = goal_of(&order, &setup()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.hint.is_some(), "{error}");
    }
    assert_eq!(goal_of(&order(Work::Resume("w".into())), &setup()), Ok(None));
}

#[test]
fn a_deny_is_stronger_than_read_project() {
    use crate::domain::policy::ProjectRead;
    let mut setup = setup();
    setup.allow_project();
    assert_eq!(setup.settings.project_read, ProjectRead::Allow);
    setup.settings.project_read = ProjectRead::Deny;
    setup.allow_project();
    assert_eq!(setup.settings.project_read, ProjectRead::Deny);
}

#[test]
fn recordings_are_made_or_played_and_start_at_the_current_folder() {
    let recorded = Order { record: Some("d".into()), ..order(Work::Goal("Write docs".into())) };
    let tapes = tapes_of(&recorded, &setup()).unwrap();
    assert!(tapes.record.unwrap().is_absolute() && tapes.replay.is_none());
    let both = Order { replay: Some("d".into()), ..recorded };
    assert_eq!(tapes_of(&both, &setup()).unwrap_err().exit_code(), 2);
}
