//! The report on good and bad set-ups, and that it leaves nothing behind.
use super::*;
use crate::domain::Error;
use crate::sys::RealDisk;

struct Place {
    folder: tempfile::TempDir,
    disk: Arc<dyn Disk>,
    settings: Settings,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::defaults(folder.path());
    settings.base_dir = folder.path().join("workspaces");
    Place { disk: RealDisk::root().unwrap(), settings, folder }
}

fn report(place: &Place, variables: &[(&str, &str)]) -> Report {
    let environment = Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), "/");
    examine(&Facts {
        disk: &*place.disk,
        environment: &environment,
        settings: &place.settings,
        problems: Vec::new(),
        provider: Ok("offline".into()),
        offered: None,
        runs: Ok(Vec::new()),
        servers: Vec::new(),
        noise: 7,
    })
}

fn status(report: &Report, name: &str) -> Status {
    report.checks.iter().find(|check| check.name == name).map(|check| check.status).unwrap()
}

fn left_behind(place: &Place) -> Vec<String> {
    let names = place.disk.open(place.folder.path()).and_then(|folder| folder.list("")).unwrap();
    names.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn a_good_set_up_has_no_complaint_and_nothing_is_left_behind() {
    let place = place();
    let report = report(&place, &[]);
    assert!(report.checks.iter().all(|check| check.status == Status::Ok), "{report:#?}");
    assert_eq!(left_behind(&place), Vec::<String>::new());
    assert!(!report.has_failed());
}

#[test]
fn a_key_is_found_and_never_shown() {
    let mut place = place();
    place.settings.provider = ProviderChoice::Anthropic;
    assert_eq!(status(&report(&place, &[]), "key"), Status::Failed);
    let report = report(&place, &[("CLAUDE_API_KEY", "sk-secret-1"), ("OPENAI_API_KEY", "sk-secret-2")]);
    assert_eq!(status(&report, "key"), Status::Ok);
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("sk-secret") && !report.markdown().contains("sk-secret"), "{json}");
}

#[test]
fn a_base_dir_that_is_a_file_is_a_failure() {
    let place = place();
    place.disk.open(place.folder.path()).unwrap().create_new("workspaces", b"not a folder", false).unwrap();
    let report = report(&place, &[]);
    assert_eq!(status(&report, "base_dir"), Status::Failed);
    assert_eq!(status(&report, "jail"), Status::Warning);
    assert_eq!(left_behind(&place), ["workspaces"]);
}

#[cfg(unix)]
#[test]
fn the_jail_test_would_notice_an_open_door() {
    let place = place();
    let folder = place.disk.open(place.folder.path()).unwrap();
    assert_eq!(try_to_escape(&*folder, "probe").unwrap(), Vec::<&str>::new());
    let workspace = folder.sub("probe/workspace").unwrap();
    workspace.create_new("open.md", b"x", false).unwrap();
    let jail = Jail::new(workspace, vec![".md".into()]);
    assert!(gets_through(&jail, "open.md"), "a file that may be read gets through");
    assert!(!gets_through(&jail, "file.md"), "a link does not");
}

#[test]
fn what_is_off_elsewhere_is_told_with_its_hint() {
    let place = place();
    let run = RunSummary {
        run_id: "r".into(),
        goal: "g".into(),
        status: RunStatus::Paused,
        status_reason: None,
        steps_done: 0,
        steps: 1,
        cost_usd: None,
        workspace: place.settings.base_dir.clone(),
        started_at: chrono::DateTime::default(),
        ended_at: None,
        origin: None,
    };
    let report = examine(&Facts {
        disk: &*place.disk,
        environment: &Environment::default(),
        settings: &place.settings,
        problems: vec![
            Problem { is_error: false, message: "a.json:3: unknown key `modle`".into(), hint: Some("did you mean `model`?".into()) },
            Problem { is_error: true, message: "a.json:4: agent.max_parallel is no number".into(), hint: None },
        ],
        provider: Err(Error::configuration("the provider cannot be had").hint("set a key")),
        offered: None,
        runs: Ok(vec![run]),
        servers: vec![ServerFound { name: "files".into(), tools: Err("`npx` cannot be started".into()) }],
        noise: 7,
    });
    insta::assert_snapshot!(report.markdown().lines().filter(|line| !line.contains("| ok |") && !line.contains("version")).collect::<Vec<_>>().join("\n"), @r#"
    # Doctor

    | check | status | what was found |
    |---|---|---|
    | configuration | warning | a.json:3: unknown key `modle` — hint: did you mean `model`? |
    | configuration | **failed** | a.json:4: agent.max_parallel is no number |
    | provider | **failed** | the provider cannot be had — hint: set a key |
    | mcp files | warning | `npx` cannot be started — hint: see docs/mcp.md; a run goes on without the server |
    | runs | warning | 1 paused or interrupted, 0 waiting for an approval — hint: `ai-orchestrator --list` shows them, `--resume PATH` goes on |
    "#);
    assert!(report.has_failed());
}

#[test]
fn the_search_set_up_is_told() {
    let mut place = place();
    let message = |report: &Report| report.checks.iter().find(|check| check.name == "search").map(|check| check.message.clone()).unwrap();
    assert!(message(&report(&place, &[])).contains("model provider's own"));
    place.settings.search_provider = "searxng".into();
    assert_eq!(status(&report(&place, &[]), "search"), Status::Warning);
    place.settings.search_url = Some("http://user:canary@127.0.0.1:8080/".into());
    let told = message(&report(&place, &[]));
    assert!(told.contains("search.url cannot be used") && !told.contains("canary"), "{told}");
    place.settings.search_url = Some("http://127.0.0.1:8080/?key=canary".into());
    let told = message(&report(&place, &[]));
    assert!(told.starts_with("searxng at http://127.0.0.1:8080;") && !told.contains("canary"), "{told}");
}
