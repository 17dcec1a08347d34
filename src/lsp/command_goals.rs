//! Commands that start work: a goal, one agent, the sample. They return once the workspace exists; the run goes on without its caller.
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::jsonrpc;
use tower_lsp::lsp_types::{Range, Url};

use crate::config::settings::ProviderChoice;
use crate::documents::goals::{FoundGoal, TextKind, selection_goal};
use crate::domain::goal::GoalOrigin;
use crate::domain::policy::ApprovalMode;
use crate::domain::{Error, Goal, Result};
use crate::orchestrator::StartOptions;
use crate::orchestrator::handle::single_goal;

use super::commands::{Call, answer_beside};
use super::documents::Document;
use super::goals::{bare, words};
use super::main_loop::{Done, Reply};
use super::origins::Origin;
use super::state::State;
use super::{command_places, from_proto, to_proto};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GoalArgument {
    goal: Option<String>,
    uri: Option<Url>,
    range: Option<Range>,
    attach: Vec<String>,
    agents: Vec<String>,
    budget_usd: Option<f64>,
    approvals: Option<ApprovalMode>,
    provider: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AgentArgument {
    agent: String,
    task: String,
    output_file: Option<String>,
    custom_instructions: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewGoalArgument {
    template: Option<String>,
}

/// A goal with the place it came from.
struct Start {
    goal: Goal,
    origin: Option<Origin>,
    project: PathBuf,
    provider: Option<ProviderChoice>,
    with_plan_uri: bool,
}

pub fn run_goal(state: &mut State, call: Call) {
    goal_command(state, call, false);
}

pub fn plan_goal(state: &mut State, call: Call) {
    goal_command(state, call, true);
}

fn goal_command(state: &mut State, call: Call, plan_first: bool) {
    let Some((argument, reply)) = call.take::<GoalArgument>() else { return };
    if argument.budget_usd.is_some_and(|budget| !budget.is_finite() || budget < 0.0) {
        return drop(reply.send(Err(to_proto::invalid("budgetUsd must be a sum of money, 0 or more"))));
    }
    let provider = match argument.provider.as_deref().map(provider_named).transpose() {
        Ok(provider) => provider,
        Err(error) => return drop(reply.send(Err(error))),
    };
    let Some(wanted) = find_goal(state, &argument) else {
        if argument.uri.is_some() {
            return drop(reply.send(Err(to_proto::invalid("there is no goal at this place"))));
        }
        state.say("no single goal to run: put the cursor on a `goal:` line, or give the goal's text");
        return command_places::open_list(state, reply);
    };
    let project = state.setup.project_of(wanted.document.as_deref());
    match build_goal(&wanted, &argument, &project, plan_first) {
        Ok(goal) => {
            let origin = wanted.origin.or_else(|| plan_first.then(|| Origin::nowhere(&wanted.text)));
            let origin = origin.map(|origin| origin.showing_plan(plan_first));
            start(state, Start { goal, origin, project, provider, with_plan_uri: plan_first }, reply);
        }
        Err(error) => drop(reply.send(Err(to_proto::failure(&error)))),
    }
}

fn provider_named(name: &str) -> jsonrpc::Result<ProviderChoice> {
    ProviderChoice::named(name).ok_or_else(|| {
        let known = ProviderChoice::NAMES.map(|(known, _)| known).join(", ");
        to_proto::invalid(format!("there is no provider `{name}`; known: {known}"))
    })
}

/// A file as a client names it: a path, or its address.
fn address(text: &str) -> PathBuf {
    Url::parse(text).ok().as_ref().and_then(from_proto::path).unwrap_or_else(|| PathBuf::from(text))
}

/// The goal's words, or the marker with all that its file says; and where it stands.
struct Wanted {
    text: String,
    marker: Option<FoundGoal>,
    origin: Option<Origin>,
    document: Option<PathBuf>,
    /// The document it stands in, where that says more than the goal.
    beside: Option<PathBuf>,
}

fn build_goal(wanted: &Wanted, argument: &GoalArgument, project: &Path, plan_first: bool) -> Result<Goal> {
    let mut goal = match &wanted.marker {
        Some(marker) => {
            let goal = marker.to_goal()?;
            Goal { text: bare(&goal.text), ..goal }
        }
        None => Goal::new(wanted.text.as_str())?,
    };
    // What a document names lies beside it; what a command names lies in the project.
    let beside = wanted.document.as_deref().and_then(Path::parent).unwrap_or(project);
    goal.attach = goal.attach.iter().map(|path| beside.join(path)).collect();
    goal.attach.extend(argument.attach.iter().map(|text| project.join(address(text))));
    goal.attach.extend(wanted.beside.clone());
    goal.origin = wanted.origin.as_ref().map(|origin| GoalOrigin { uri: origin.uri.clone(), line: origin.line });
    if !argument.agents.is_empty() {
        goal.agents.clone_from(&argument.agents);
    }
    goal.budget_usd = argument.budget_usd.or(goal.budget_usd);
    // To plan first means to be asked about the plan, whatever the mode is.
    goal.approvals = match argument.approvals.or(goal.approvals) {
        Some(ApprovalMode::None) | None if plan_first => Some(ApprovalMode::Plan),
        mode => mode,
    };
    Ok(goal)
}

/// The goal that is meant: its text, or the marker or selection at a place, or the only marker of all open documents.
fn find_goal(state: &State, argument: &GoalArgument) -> Option<Wanted> {
    let Some(uri) = &argument.uri else {
        let text = |goal: &String| Wanted { text: goal.clone(), marker: None, origin: None, document: None, beside: None };
        return argument.goal.as_ref().map(text).or_else(|| only_goal(state));
    };
    let document = state.documents.get(uri);
    let found = document.map(|document| document.goals.known()).unwrap_or_default();
    let line = argument.range.map(|range| usize::try_from(range.start.line).unwrap_or(usize::MAX));
    let covers_line = |marker: &&FoundGoal, line| document.is_some_and(|document| covers(&document.rope, marker, line));
    let marker = match (line, found) {
        (Some(line), _) => found.iter().rfind(|marker| covers_line(marker, line)),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let is_meant = |marker: &&FoundGoal| argument.goal.as_ref().is_none_or(|goal| words(goal) == words(&marker.text));
    if let Some(marker) = marker.filter(is_meant) {
        return document.map(|document| at_marker(state, document, marker));
    }
    let selected = || selection_goal(&document?.slice(argument.range?, state.documents.encoding));
    let text = argument.goal.clone().or_else(selected)?;
    Some(Wanted { text, marker: None, origin: None, document: from_proto::path(uri), beside: None })
}

fn only_goal(state: &State) -> Option<Wanted> {
    let mut all = state.documents.iter().flat_map(|(_, document)| document.goals.known().iter().map(move |marker| (document, marker)));
    let (document, marker) = all.next()?;
    all.next().is_none().then(|| at_marker(state, document, marker))
}

fn at_marker(state: &State, document: &Document, marker: &FoundGoal) -> Wanted {
    let origin = Origin::new(&document.uri, words(&marker.text), marker.line);
    let (text, path) = (marker.text.clone(), document.path().map(Path::to_owned));
    let beside = path.clone().filter(|path| says_more(document) && state.setup.is_of_project(path));
    Wanted { text, marker: Some(marker.clone()), origin: Some(origin), document: path, beside }
}

/// A larger document is not attached unasked, in bytes.
const MAX_BESIDE_BYTES: usize = 256 * 1024;
/// With fewer words beside its goals a document has nothing to tell.
const MIN_WORDS_BESIDE: usize = 3;

/// Whether a document says something beside its goals. A goal file says in its head what to attach.
fn says_more(document: &Document) -> bool {
    let (rope, goals) = (&document.rope, document.goals.known());
    if rope.len_bytes() > MAX_BESIDE_BYTES || goals.iter().any(|goal| goal.kind == TextKind::GoalFile) {
        return false;
    }
    let text = rope.to_string();
    let mut rest = text.as_str();
    let mut words = 0;
    let count = |text: &str| text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
    for goal in goals.iter().rev() {
        words += rest.get(goal.span.end..).map_or(0, count);
        rest = rest.get(..goal.span.start).unwrap_or_default();
    }
    words + count(rest) >= MIN_WORDS_BESIDE
}

fn covers(rope: &ropey::Rope, marker: &FoundGoal, line: usize) -> bool {
    if marker.kind == TextKind::GoalFile {
        return true;
    }
    let line_of = |byte: usize| rope.byte_to_line(byte.min(rope.len_bytes()));
    (line_of(marker.span.start)..=line_of(marker.span.end)).contains(&line)
}

fn start(state: &mut State, start: Start, reply: Reply<Option<Value>>) {
    let engine = state.setup.engine(&start.project);
    let inputs = state.inputs.clone();
    answer_beside(reply, async move {
        let options = StartOptions { provider: start.provider, ..StartOptions::default() };
        let handle = engine.get().await?.start_with(start.goal, options).await?;
        let mut result = json!({"runId": handle.run_id, "workspace": *handle.workspace});
        if start.with_plan_uri {
            result["planUri"] = to_proto::uri_value(&handle.workspace.join("plan.md"));
        }
        inputs.done(Done::Started(Box::new(handle), start.origin));
        Ok(result)
    });
}

pub fn spawn_agent(state: &mut State, call: Call) {
    if call.argument == json!({}) {
        state.say("name an agent and its task: {\"agent\": …, \"task\": …}");
        return command_places::open_list(state, call.reply);
    }
    let Some((argument, reply)) = call.take::<AgentArgument>() else { return };
    let project = state.setup.project_of(None);
    match single_step(&argument) {
        Ok(goal) => start(state, Start { goal, origin: None, project, provider: None, with_plan_uri: false }, reply),
        Err(error) => {
            let _ = reply.send(Err(to_proto::failure(&error)));
        }
    }
}

fn single_step(argument: &AgentArgument) -> Result<Goal> {
    single_goal(&argument.agent, &argument.task, argument.output_file.as_deref(), argument.custom_instructions.as_deref())
}

const SAMPLE: &str = "Write a short guide to this product: what a goal, a plan, an approval and a workspace are";

pub fn run_sample(state: &mut State, call: Call) {
    let project = state.setup.project_of(None);
    match Goal::new(SAMPLE) {
        Ok(goal) => {
            let sample = Start { goal, origin: None, project, provider: Some(ProviderChoice::Offline), with_plan_uri: false };
            start(state, sample, call.reply);
        }
        Err(error) => {
            let _ = call.reply.send(Err(to_proto::failure(&error)));
        }
    }
}

const NEW_GOAL: &str =
    "---\n# all of these may be left out\n# agents: [researcher, writer]\n# budget_usd: 0.50\n# approvals: plan\n---\n\n";

pub fn new_goal(state: &mut State, call: Call) {
    let Some((argument, reply)) = call.take::<NewGoalArgument>() else { return };
    let project = state.setup.project_of(None);
    let (disk, inputs) = (state.setup.machine.disk.clone(), state.inputs.clone());
    let text = argument.template.map_or_else(|| NEW_GOAL.to_owned(), |template| format!("{NEW_GOAL}{template}\n"));
    answer_beside(reply, async move {
        let created = tokio::task::spawn_blocking(move || create_free(&*disk, &project, text.as_bytes())).await;
        let path = created.map_err(|_| Error::internal("creating a goal document failed"))??;
        inputs.done(Done::Show(path.clone()));
        Ok(json!({"uri": to_proto::uri_value(&path)}))
    });
}

/// Creates `new.goal.md`, or the next free name of that kind; an existing file is never touched.
fn create_free(disk: &dyn crate::sys::Disk, folder: &Path, text: &[u8]) -> Result<PathBuf> {
    let failed = |error: &std::io::Error| Error::disk(format!("creating a goal document in {}", folder.display()), error);
    let open = disk.open(folder).map_err(|error| failed(&error))?;
    for number in 1..100 {
        let name = if number == 1 { "new.goal.md".to_owned() } else { format!("new-{number}.goal.md") };
        match open.create_new(&name, text, false) {
            Ok(()) => return Ok(folder.join(name)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(&error)),
        }
    }
    Err(Error::usage(format!("{} is full of new goal documents", folder.display())).hint("use or remove some of them"))
}
