//! MCP servers that hang, crash, flood, lie and change their tools: an agent gets a result or a plain refusal, and the run goes on.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ai_orchestrator::config::Settings;
use ai_orchestrator::domain::policy::ApprovalMode;
use ai_orchestrator::domain::view::RunResult;
use ai_orchestrator::domain::{ModelRequest, NoBuffers, RunStatus, ToolOutcome};
use ai_orchestrator::sys::{Environment, RealDisk};
use ai_orchestrator::tools::mcp::{Around, Server, ServerSpec};
use ai_orchestrator::tools::{Tool, ToolContext};
use ai_orchestrator::workspace::jail::Jail;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::support::mcp_server::{entry, spec, spec_with};
use crate::support::scripted::{Rig, Scripted, calls, goal, results, says, with_plan};

/// Long enough for a busy machine; a test that needs a server to be late says so.
pub const LONG: Duration = Duration::from_secs(120);

pub struct Tools {
    pub folder: tempfile::TempDir,
    pub tools: BTreeMap<String, Arc<dyn Tool>>,
    pub problems: Vec<String>,
}

pub async fn start(spec: ServerSpec, limit: Duration) -> Result<Tools, String> {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::new([("TEST_WORD".to_owned(), "swordfish".to_owned())], folder.path());
    let around = Around { project: folder.path().to_owned(), environment, limit };
    let (server, tools) = Server::start(spec, around).await?;
    let problems = server.problems().to_vec();
    Ok(Tools { folder, tools: tools.into_iter().map(|tool| (tool.spec().name, tool)).collect(), problems })
}

impl Tools {
    pub fn context(&self) -> ToolContext {
        let disk = RealDisk::root().unwrap();
        ToolContext {
            workspace: Arc::new(Jail::new(disk.open(self.folder.path()).unwrap(), vec![])),
            project: self.folder.path().to_owned(),
            base_dir: self.folder.path().to_owned(),
            buffers: Arc::new(NoBuffers),
            disk,
            known: Arc::default(),
            rerun: false,
            inputs: Arc::default(),
            evidence: Default::default(),
            cancelled: Arc::default(),
        }
    }

    async fn call(&self, tool: &str, text: &str) -> ToolOutcome {
        self.tools[&format!("mcp__h__{tool}")].run(json!({"text": text}), &self.context()).await
    }

    async fn refusal(&self, tool: &str) -> String {
        let outcome = self.call(tool, "x").await;
        assert!(!outcome.ok, "{tool}: {}", outcome.content);
        outcome.content
    }
}

async fn normal() -> Tools {
    start(spec("h", "normal"), LONG).await.unwrap()
}

#[tokio::test]
async fn a_servers_tools_work_and_those_that_cannot_be_offered_are_told() {
    let tools = normal().await;
    let outcome = tools.call("echo", "hello ü").await;
    assert!(outcome.ok && outcome.content == "hello ü", "{}", outcome.content);
    assert!(tools.tools["mcp__h__echo"].is_read_only() && !tools.tools["mcp__h__store"].is_read_only());
    assert_eq!(tools.tools["mcp__h__echo"].spec().input_schema.as_value()["properties"]["text"]["type"], "string");
    assert!(!tools.tools.contains_key("mcp__h__shapeless"));
    assert!(tools.problems.concat().contains("shapeless"), "{:?}", tools.problems);
}

#[tokio::test]
async fn an_allow_list_leaves_out_the_rest() {
    let only = ServerSpec { tools: Some(vec!["echo".into(), "typo".into()]), ..spec("h", "normal") };
    let tools = start(only, LONG).await.unwrap();
    assert_eq!(tools.tools.keys().collect::<Vec<_>>(), ["mcp__h__echo"]);
    assert!(tools.problems.concat().contains("`typo`"), "{:?}", tools.problems);
}

#[tokio::test]
async fn a_server_gets_what_is_configured_and_never_a_models_key() {
    let tools = start(spec_with("h", "normal", &[("WORD", "${TEST_WORD}")]), LONG).await.unwrap();
    let names = tools.call("variables", "").await.content;
    assert!(names.contains("WORD") && names.contains("PATH"), "{names}");
    let problem = start(spec_with("h", "normal", &[("WORD", "${ANTHROPIC_API_KEY}")]), LONG).await.err().unwrap();
    assert!(problem.contains("no server gets"), "{problem}");
}

#[cfg(unix)]
#[test]
fn the_program_gives_its_servers_its_environment_without_keys_and_secrets() {
    let machine = crate::machine::Machine::new();
    let dump = machine.project().join("dump");
    let server = json!({"command": "sh", "args": ["-c", "env > dump; exit 3"], "env": {"GIVEN": "${GITHUB_TOKEN}"}});
    let config = machine.project().parent().unwrap().join("config/ai-orchestrator");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.json"), json!({"mcp": {"servers": {"h": server}}}).to_string()).unwrap();
    let mut command = machine.command(&["--provider", "offline", "doctor"]);
    let secrets = ["ANTHROPIC_API_KEY", "CLAUDE_API_KEY", "OPENAI_API_KEY", "GITHUB_TOKEN", "PGPASSWORD", "MYSQL_PWD", "GITHUB_PAT"];
    for (number, name) in secrets.iter().enumerate() {
        command.env(name, format!("canary-{number}"));
    }
    command.env("PLAIN", "plain-value").env("PATH", std::env::var_os("PATH").unwrap());
    let said = crate::machine::Said::of(command.output().unwrap());
    let seen = std::fs::read_to_string(&dump).unwrap_or_else(|error| panic!("the server never ran: {error}: {}{}", said.out, said.err));
    assert!(seen.contains("PLAIN=plain-value") && seen.contains("PATH="), "{seen}");
    // What is given by name arrives under that name, and nothing else does.
    assert!(seen.contains("GIVEN=canary-3"), "{seen}");
    let others: Vec<&str> = seen.lines().filter(|line| line.contains("canary-") && !line.starts_with("GIVEN=")).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let dead = start(spec("h", "dead"), LONG).await.err().unwrap();
    assert!(dead.contains("no such database"), "{dead}");
    let secret = start(spec_with("h", "dead", &[("DSN", "canary-db")]), LONG).await.err().unwrap();
    assert!(!secret.contains("canary-db"), "{secret}");
    let bad_list = start(spec("h", "bad_list"), LONG).await.err().unwrap();
    assert!(bad_list.contains("list of tools cannot be read"), "{bad_list}");
    for manners in ["mute", "endless_line"] {
        let late = start(spec("h", manners), Duration::from_millis(600)).await.err().unwrap();
        assert!(late.contains("did not answer") || late.contains("does not speak MCP"), "{manners}: {late}");
    }
}

#[tokio::test]
async fn a_list_without_end_is_cut() {
    assert_eq!(start(spec("h", "endless_list"), LONG).await.unwrap().tools.len(), 1);
}

#[tokio::test]
async fn lies_become_plain_refusals() {
    let tools = normal().await;
    for (tool, word) in [("lie", "no result of a tool"), ("odd", "no result of a tool"), ("refuse", "the city is unknown")] {
        let said = tools.refusal(tool).await;
        assert!(said.contains(word), "{tool}: {said}");
    }
    let huge = tools.call("huge", "").await;
    assert!(huge.ok && huge.content.len() <= 24 * 1024 && huge.content.contains("[cut: "));
    let wrong = tools.tools["mcp__h__echo"].run(json!([1]), &tools.context()).await;
    assert!(!wrong.ok, "{}", wrong.content);
}

#[tokio::test]
async fn a_server_that_crashes_is_started_once_more_and_no_more() {
    let tools = normal().await;
    // The call that changes nothing is made again on the new server, which crashes as well.
    let said = tools.refusal("crash").await;
    assert!(said.contains("ended during the call") && said.contains("out of cheese"), "{said}");
    let said = tools.refusal("echo").await;
    assert!(said.contains("restarted once already"), "{said}");
}

#[tokio::test]
async fn a_flood_is_stopped_and_the_next_call_finds_a_fresh_server() {
    let tools = normal().await;
    let said = tools.refusal("pour").await;
    assert!(said.contains("sent more than 32 MB"), "{said}");
    let outcome = tools.call("echo", "still there").await;
    assert!(outcome.ok && outcome.content == "still there", "{}", outcome.content);
    // Once more, and the restart is used up: the server stays away.
    tools.refusal("pour").await;
    let said = tools.refusal("echo").await;
    assert!(said.contains("restarted once already") && said.contains("32 MB"), "{said}");
}

#[tokio::test]
async fn a_reading_tool_that_floods_is_tried_on_a_fresh_server_and_then_given_up() {
    let tools = normal().await;
    let said = tools.refusal("flood").await;
    assert!(said.contains("sent more than 32 MB"), "{said}");
    assert!(tools.refusal("echo").await.contains("restarted once already"));
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_no_hung_server_behind() {
    let tools = normal().await;
    let hung = tokio::time::timeout(Duration::from_millis(300), tools.call("hang", "")).await;
    assert!(hung.is_err());
    let outcome = tools.call("echo", "again").await;
    assert!(outcome.ok && outcome.content == "again", "{}", outcome.content);
}

#[tokio::test]
async fn a_tool_that_changed_or_went_is_not_called() {
    let tools = normal().await;
    assert!(tools.call("change", "").await.ok);
    let changed = tools.refusal("echo").await;
    assert!(changed.contains("has changed `echo`"), "{changed}");
    let gone = tools.refusal("huge").await;
    assert!(gone.contains("no longer offers `huge`"), "{gone}");
    assert!(tools.call("variables", "").await.ok, "what did not change goes on");
}

#[tokio::test]
async fn the_server_ends_with_its_tools() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tools = normal().await;
    let address = listener.local_addr().unwrap().to_string();
    assert!(tools.call("hold", &address).await.ok);
    let (mut held, _) = listener.accept().await.unwrap();
    drop(tools);
    let mut rest = Vec::new();
    let _ = held.read_to_end(&mut rest).await;
}

const PLAN: &str =
    "---\norchestrator: plan/1\n---\n# Plan: Ask the server\n- [ ] s1 writer: Ask it\n  - output: answer.md\n  - uses: mcp:h\n";

/// A run of one step; the agent makes these calls one after another and then repeats what it was told.
async fn run(tools: Vec<(&'static str, Value)>, plan: &str, change: impl FnOnce(&mut Settings)) -> (Rig, RunResult, String) {
    let model = Scripted::new(move |request: &ModelRequest, turn| match tools.get(turn - 1) {
        Some(call) => calls(vec![call.clone()]),
        None => {
            let offered: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).filter(|name| name.starts_with("mcp__")).collect();
            let told: Vec<String> = request.tool_results().iter().map(|(_, content, _)| (*content).to_owned()).collect();
            says(&format!("offered: {}\n{}\n", offered.join(" "), told.join("\n")))
        }
    });
    let mut rig = Rig::new(model);
    rig.settings.mcp_servers = json!({"h": entry("normal", &[]), "dead": entry("dead", &[])});
    change(&mut rig.settings);
    let handle = rig.orchestrator().start_with(goal("Ask the server"), with_plan(plan)).await.unwrap();
    let result = handle.finished().await.unwrap();
    let text = std::fs::read_to_string(result.workspace.join("answer.md")).unwrap_or_default();
    (rig, result, text)
}

fn journal(result: &RunResult) -> String {
    std::fs::read_to_string(result.workspace.join(".orchestrator/journal.jsonl")).unwrap()
}

#[tokio::test]
async fn a_step_that_declares_a_server_gets_its_tools_and_reads_unasked() {
    let (_, result, text) = run(vec![("mcp__h__echo", json!({"text": "high water"}))], PLAN, |_| {}).await;
    assert_eq!(result.status, RunStatus::Completed, "{text}");
    assert!(text.contains("mcp__h__echo") && text.contains("mcp__h__store") && text.contains("high water"), "{text}");
}

#[tokio::test]
async fn a_tool_that_may_change_something_is_denied_where_nobody_is_there() {
    let (_, _, text) = run(vec![("mcp__h__store", json!({"text": "x"}))], PLAN, |_| {}).await;
    assert!(text.contains("not allowed: nobody is there"), "{text}");
    let rule = serde_json::from_value(json!({"tool": "mcp__h__store", "decision": "allow"})).unwrap();
    let (_, _, text) = run(vec![("mcp__h__store", json!({"text": "stored it"}))], PLAN, |settings| settings.rules = vec![rule]).await;
    assert!(text.contains("stored it"), "{text}");
    let (_, _, text) = run(vec![("mcp__h__echo", json!({"text": "x"}))], PLAN, |settings| settings.approvals = ApprovalMode::Tools).await;
    assert!(text.contains("not allowed"), "{text}");
}

#[tokio::test]
async fn a_step_that_declares_nothing_starts_no_server() {
    let plan = PLAN.replace("  - uses: mcp:h\n", "");
    let (_, _, text) = run(vec![("mcp__h__echo", json!({"text": "x"}))], &plan, |_| {}).await;
    assert!(text.contains("offered: \n") && text.contains("there is no tool `mcp__h__echo`"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_to_be_had_stops_no_run() {
    for (name, why) in [("dead", "no such database"), ("typo", "no server of that name")] {
        let plan = PLAN.replace("mcp:h", &format!("mcp:{name}"));
        let (_rig, result, text) = run(vec![], &plan, |_| {}).await;
        assert_eq!(result.status, RunStatus::Completed, "{text}");
        let journal = journal(&result);
        assert!(journal.contains(why), "{journal}");
        assert!(journal.contains(&format!("The tools of the server `{name}` are not available now")), "{journal}");
    }
    let (_rig, result, text) = run(vec![], PLAN, |settings| settings.allow_external_apis = false).await;
    assert!(text.contains("offered: \n") && journal(&result).contains("security.allow_external_apis is false"), "{text}");
}

#[tokio::test]
async fn a_server_that_hangs_or_crashes_costs_a_step_one_refusal() {
    let hang = vec![("mcp__h__hang", json!({})), ("mcp__h__echo", json!({"text": "still there"}))];
    let (_rig, result, text) = run(hang, PLAN, |settings| settings.default_timeout = 5).await;
    assert_eq!(result.status, RunStatus::Completed, "{text}");
    assert!(text.contains("took longer than") && text.contains("still there"), "{text}");
    let crash = vec![("mcp__h__crash", json!({})), ("mcp__h__echo", json!({"text": "x"}))];
    let (_rig, result, text) = run(crash, PLAN, |_| {}).await;
    assert_eq!(result.status, RunStatus::Completed, "{text}");
    assert!(text.contains("ended during the call"), "{text}");
}

#[tokio::test]
async fn a_custom_agent_gets_the_tools_it_names_and_no_others() {
    let model = Scripted::new(|request: &ModelRequest, _| {
        let offered: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert!(results(request).is_empty());
        says(&format!("offered: {}\n", offered.join(" ")))
    });
    let mut rig = Rig::new(model);
    rig.settings.mcp_servers = json!({"h": entry("normal", &[])});
    let agents = rig.path().join("config/ai-orchestrator/agents");
    std::fs::create_dir_all(&agents).unwrap();
    for (name, tools) in [("asker", "read_file mcp__h__echo"), ("every", "mcp__h__*")] {
        let text = format!("---\nname: {name}\ndescription: Asks\ntools: {tools}\noutput: {name}.md\n---\nAsk.\n");
        std::fs::write(agents.join(format!("{name}.md")), text).unwrap();
    }
    let orchestrator = rig.orchestrator();
    let result = orchestrator.spawn_agent("asker", "Ask it", None, None).await.unwrap();
    let text = std::fs::read_to_string(result.workspace.join("asker.md")).unwrap();
    assert_eq!(text.trim(), "offered: read_file mcp__h__echo");
    let result = orchestrator.spawn_agent("every", "Ask it", None, None).await.unwrap();
    let text = std::fs::read_to_string(result.workspace.join("every.md")).unwrap();
    assert!(text.contains("mcp__h__store") && !text.contains("read_file"), "{text}");
}
