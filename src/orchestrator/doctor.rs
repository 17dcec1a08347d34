//! The doctor's report, shared by all faces: is everything there that a run needs? Repairs nothing, prints no key, leaves no file behind.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::config::Settings;
use crate::config::settings::ProviderChoice;
use crate::domain::address::WebAddress;
use crate::domain::view::RunSummary;
use crate::domain::{RelPath, Result, RunStatus};
use crate::sys::fence::Fence;
use crate::sys::http::shown;
use crate::sys::{Disk, Environment};
use crate::tools::Tool;
use crate::tools::mcp::{self, Around, Server, ServerSpec};
use crate::tools::web_search::WebSearch;
use crate::workspace::jail::{Jail, Refusal};

use super::doctor_model;
use super::handle::Orchestrator;
use super::offered::Offered;

/// How long a server may take to start; a run gives it more.
const SERVER_LIMIT: Duration = Duration::from_secs(20);

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    Warning,
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: String,
    pub status: Status,
    pub message: String,
    pub hint: Option<String>,
}

/// Everything that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub checks: Vec<Check>,
}

/// What is off in the configuration, with its place in the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub is_error: bool,
    pub message: String,
    pub hint: Option<String>,
}

/// What the checks stand on.
pub struct Facts<'a> {
    pub disk: &'a dyn Disk,
    pub environment: &'a Environment,
    pub settings: &'a Settings,
    pub problems: Vec<Problem>,
    /// The provider that would be used now, or why there is none.
    pub provider: Result<String>,
    /// What its endpoint said about its models ([`look_at_provider`]).
    pub offered: Option<Offered>,
    /// Recent workspaces.
    pub runs: Result<Vec<RunSummary>>,
    /// What each configured MCP server said ([`look_at_servers`]).
    pub servers: Vec<ServerFound>,
    /// Makes the probe's name unlike any other ([`crate::sys::Clock::noise`]).
    pub noise: u64,
}

impl Report {
    pub fn has_failed(&self) -> bool {
        self.checks.iter().any(|check| check.status == Status::Failed)
    }

    /// The report as a Markdown document.
    pub fn markdown(&self) -> String {
        let mut text = String::from("# Doctor\n\n| check | status | what was found |\n|---|---|---|\n");
        for check in &self.checks {
            let status = match check.status {
                Status::Ok => "ok",
                Status::Warning => "warning",
                Status::Failed => "**failed**",
            };
            let hint = check.hint.as_ref().map(|hint| format!(" — hint: {hint}")).unwrap_or_default();
            let found = format!("{}{hint}", check.message).replace('|', "\\|").replace('\n', " ");
            text.push_str(&format!("| {} | {status} | {found} |\n", check.name));
        }
        text
    }
}

/// Looks at everything.
pub fn examine(facts: &Facts<'_>) -> Report {
    let mut checks = vec![ok("version", format!("ai-orchestrator {}", env!("CARGO_PKG_VERSION")))];
    configuration(facts, &mut checks);
    checks.push(doctor_model::provider(&facts.provider, facts.offered.as_ref()));
    checks.push(key(facts));
    checks.push(search(facts.settings));
    checks.extend(facts.servers.iter().map(server));
    let (place, folder) = base_dir(facts);
    checks.push(place);
    checks.push(jail(facts, folder));
    checks.extend(sandbox(facts));
    checks.push(runs(facts));
    Report { checks }
}

pub(super) fn check(name: &str, status: Status, message: String, hint: Option<&str>) -> Check {
    Check { name: name.to_owned(), status, message, hint: hint.map(str::to_owned) }
}

pub(super) fn ok(name: &str, message: impl Into<String>) -> Check {
    check(name, Status::Ok, message.into(), None)
}

fn configuration(facts: &Facts<'_>, checks: &mut Vec<Check>) {
    for problem in &facts.problems {
        let status = if problem.is_error { Status::Failed } else { Status::Warning };
        checks.push(check("configuration", status, problem.message.clone(), problem.hint.as_deref()));
    }
    if facts.problems.is_empty() {
        checks.push(ok("configuration", format!("valid; the project is {}", facts.settings.project.display())));
    }
}

/// What `security.sandbox_mode` comes to on this machine.
fn sandbox(facts: &Facts<'_>) -> Option<Check> {
    let held = super::reach::sandbox(facts.settings)?;
    Some(match crate::sys::fence::in_force() {
        Fence::Whole => ok("sandbox", held),
        Fence::Part | Fence::Missing => check("sandbox", Status::Warning, held, Some("a newer Linux kernel (6.12) holds all of it")),
    })
}

/// Whether a key is there; never which.
fn key(facts: &Facts<'_>) -> Check {
    let has = |names: &[&str]| names.iter().any(|name| facts.environment.get(name).is_some());
    let anthropic = has(&["CLAUDE_API_KEY", "ANTHROPIC_API_KEY"]);
    let openai = has(&["OPENAI_API_KEY"]);
    let command = facts.settings.api_key_command.is_some();
    let found = [(anthropic, "an Anthropic key"), (openai, "an OpenAI key"), (command, "model.api_key_command")];
    let found: Vec<&str> = found.into_iter().filter(|(there, _)| *there).map(|(_, name)| name).collect();
    let missing = match facts.settings.provider {
        ProviderChoice::Anthropic if !anthropic && !command => Some("set ANTHROPIC_API_KEY, or model.api_key_command"),
        ProviderChoice::OpenAi if !openai && !command && facts.settings.base_url.is_none() => {
            Some("set OPENAI_API_KEY, or model.api_key_command")
        }
        _ => None,
    };
    match missing {
        Some(hint) => check("key", Status::Failed, "the chosen provider needs a key and there is none".into(), Some(hint)),
        None if found.is_empty() => ok("key", "none; none is needed"),
        None => ok("key", format!("present: {}", found.join(", "))),
    }
}

/// Who would search the web for the agents.
fn search(settings: &Settings) -> Check {
    if !settings.allow_external_apis {
        return ok("search", "none; security.allow_external_apis is false");
    }
    let hint = "see docs/web.md";
    match (settings.search_provider.as_str(), WebSearch::configured(settings)) {
        ("none", _) => ok("search", "none; agents work from their inputs and from pages that they are pointed to"),
        ("auto", None) => ok("search", "the model provider's own where it has one, else none"),
        (name, Some(_)) => {
            let at = settings.search_url.as_deref().map(|url| format!(" at {}", shown(url))).unwrap_or_default();
            ok("search", format!("{name}{at}; it was not asked, since that may cost money"))
        }
        (name, None) => check("search", Status::Warning, format!("{name}, but {}", lacking(settings)), Some(hint)),
    }
}

/// Why the search that was chosen cannot be used.
fn lacking(settings: &Settings) -> String {
    match settings.search_url.as_deref().map(WebAddress::parse) {
        Some(Err(problem)) => format!("search.url cannot be used: {problem}"),
        None if settings.search_provider == "searxng" => "search.url is not set".into(),
        _ => "search.key_command is not set".into(),
    }
}

fn server(found: &ServerFound) -> Check {
    let name = format!("mcp {}", found.name);
    match &found.tools {
        Ok(tools) if tools.is_empty() => check(&name, Status::Warning, "answers, but offers no tool".into(), None),
        Ok(tools) => ok(&name, tools.join(", ")),
        Err(problem) => check(&name, Status::Warning, problem.clone(), Some("see docs/mcp.md; a run goes on without the server")),
    }
}

/// The provider that would be used, after its endpoint was asked for its list of models, which costs nothing. Nobody is asked who needs a key that is
/// not there, nor outside this machine where that is forbidden.
pub async fn look_at_provider(orchestrator: Result<Orchestrator>) -> (Result<String>, Option<Offered>) {
    let Ok(orchestrator) = orchestrator else { return (orchestrator.map(|_| String::new()), None) };
    match orchestrator.offered().await {
        Ok(offered) => (Ok(orchestrator.provider_name().to_owned()), offered),
        Err(error) => (Err(error), None),
    }
}

/// What came of starting an MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFound {
    pub name: String,
    /// Its tools as agents see them, those that say they change nothing marked; or why there are none.
    pub tools: std::result::Result<Vec<String>, String>,
}

/// Starts every configured server, reads its tools, and stops it again.
pub async fn look_at_servers(settings: &Settings, environment: &Environment) -> Vec<ServerFound> {
    let around = Around { project: settings.project.clone(), environment: environment.clone(), limit: SERVER_LIMIT };
    let look = |spec: ServerSpec| {
        let around = around.clone();
        async move {
            let name = spec.name.clone();
            let started = Server::start(spec, around).await;
            let told = |tool: &Arc<dyn Tool>| format!("{}{}", tool.spec().name, if tool.is_read_only() { " (reads)" } else { "" });
            let tools = started.map(|(server, tools)| {
                let problems = server.problems().iter().cloned();
                tools.iter().map(told).chain(problems).collect()
            });
            ServerFound { name, tools }
        }
    };
    futures::future::join_all(mcp::configured(settings).into_iter().map(look)).await
}

/// Whether the place for workspaces can be written, and the nearest folder of it that exists, opened.
fn base_dir(facts: &Facts<'_>) -> (Check, Option<Arc<dyn Disk>>) {
    let wanted = &facts.settings.base_dir;
    let hint = Some("set workspace.base_dir to a folder that can be written");
    let Some((path, folder)) = nearest_folder(facts.disk, wanted) else {
        return (check("base_dir", Status::Failed, format!("{} cannot be opened", wanted.display()), hint), None);
    };
    if path != *wanted && blocked_by_a_file(&*folder, &path, wanted) {
        return (check("base_dir", Status::Failed, format!("{} is not a folder, or goes through a file", wanted.display()), hint), None);
    }
    let probe = format!(".ai-orchestrator-probe-{:016x}", facts.noise);
    let written = folder.create_new(&probe, b"probe", false);
    let removed = written.is_ok().then(|| folder.remove_file(&probe));
    match (written, removed) {
        (Err(error), _) => (check("base_dir", Status::Failed, format!("{} cannot be written: {error}", path.display()), hint), None),
        (Ok(()), Some(Err(error))) => {
            let message = format!("{}: the probe {probe} cannot be removed: {error}", path.display());
            (check("base_dir", Status::Warning, message, Some("remove it by hand")), Some(folder))
        }
        (Ok(()), _) if path == *wanted => (ok("base_dir", format!("{} can be written", path.display())), Some(folder)),
        (Ok(()), _) => (ok("base_dir", format!("{} does not exist yet and can be created", wanted.display())), Some(folder)),
    }
}

fn nearest_folder(disk: &dyn Disk, wanted: &Path) -> Option<(PathBuf, Arc<dyn Disk>)> {
    wanted.ancestors().find_map(|path| disk.open(path).ok().map(|folder| (path.to_owned(), folder)))
}

/// Whether the first part of `wanted` below `path` is there but is no folder.
fn blocked_by_a_file(folder: &dyn Disk, path: &Path, wanted: &Path) -> bool {
    let next = wanted.strip_prefix(path).ok().and_then(|rest| rest.components().next());
    next.is_some_and(|name| folder.metadata(&name.as_os_str().to_string_lossy()).is_ok())
}

/// Tries to leave a workspace of its own in the ways an agent might, and expects a refusal each time.
fn jail(facts: &Facts<'_>, folder: Option<Arc<dyn Disk>>) -> Check {
    let Some(folder) = folder else {
        return check("jail", Status::Warning, "not tested: there is no folder to test it in".into(), None);
    };
    let name = format!(".ai-orchestrator-jail-{:016x}", facts.noise);
    let tried = try_to_escape(&*folder, &name);
    let removed = folder.remove_folder(&name);
    match (tried, removed) {
        (Err(error), _) => check("jail", Status::Warning, format!("not tested: {error}"), None),
        (Ok(escapes), _) if !escapes.is_empty() => {
            let message = format!("agents could leave the workspace by {}", escapes.join(", "));
            check("jail", Status::Failed, message, Some("do not run goals on this system; please report it"))
        }
        (Ok(_), Err(error)) => {
            check("jail", Status::Warning, format!("holds, but {name} cannot be removed: {error}"), Some("remove it by hand"))
        }
        (Ok(_), Ok(())) => ok("jail", "holds: `..`, absolute paths, links and our own files are refused"),
    }
}

/// The ways out that were open.
fn try_to_escape(folder: &dyn Disk, name: &str) -> std::io::Result<Vec<&'static str>> {
    folder.create_folders(&format!("{name}/outside"))?;
    folder.create_folders(&format!("{name}/workspace"))?;
    folder.create_new(&format!("{name}/outside/secret.md"), b"secret", false)?;
    let workspace = folder.sub(&format!("{name}/workspace"))?;
    for (target, link) in [("../outside/secret.md", "file.md"), ("../outside", "folder")] {
        match workspace.create_link(target, link) {
            Err(error) if error.kind() != std::io::ErrorKind::Unsupported => return Err(error),
            _ => {}
        }
    }
    let absolute = folder.path().join(name).join("outside/secret.md");
    let jail = Jail::new(workspace, vec![".md".into()]);
    let ways = [
        ("`..`", "../outside/secret.md"),
        ("an absolute path", absolute.to_str().unwrap_or("/")),
        ("a link to a file", "file.md"),
        ("a link to a folder", "folder/secret.md"),
        ("writing our own files", "plan.md"),
    ];
    let open = ways.into_iter().filter(|(_, path)| gets_through(&jail, path));
    let mut open: Vec<&str> = open.map(|(way, _)| way).collect();
    if folder.read(&format!("{name}/outside/secret.md"), 64)? != b"secret" {
        open.push("changing a file outside");
    }
    Ok(open)
}

fn gets_through(jail: &Jail, path: &str) -> bool {
    let refused = |path: &RelPath| -> std::result::Result<bool, Refusal> {
        let read = path.as_str() != "plan.md" && jail.read(path).is_ok();
        Ok(read || jail.write(path, b"escaped").is_ok())
    };
    Jail::path(path).and_then(|path| refused(&path)).unwrap_or(false)
}

fn runs(facts: &Facts<'_>) -> Check {
    let runs = match &facts.runs {
        Ok(runs) => runs,
        Err(error) => {
            return check("runs", Status::Warning, format!("the workspaces cannot be listed: {}", error.what), error.hint.as_deref());
        }
    };
    let counted = |wanted: &[RunStatus]| runs.iter().filter(|run| wanted.contains(&run.status)).count();
    let stopped = counted(&[RunStatus::Paused, RunStatus::Parked]);
    let waiting = counted(&[RunStatus::WaitingApproval]);
    if stopped + waiting == 0 {
        return ok("runs", format!("none is interrupted ({} seen)", runs.len()));
    }
    let message = format!("{stopped} paused or interrupted, {waiting} waiting for an approval");
    check("runs", Status::Warning, message, Some("`ai-orchestrator --list` shows them, `--resume PATH` goes on"))
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;
