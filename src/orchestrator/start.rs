//! How a run comes to life: a new workspace for a goal, or an existing one taken up again. Ends with a driver at work.
use std::path::Path;
use std::sync::{Arc, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use crate::config::settings::ProviderChoice;
use crate::domain::event::{Event, JOURNAL_SCHEMA, NoteLevel};
use crate::domain::plan::PlanRules;
use crate::domain::policy::{ProjectRead, Rates};
use crate::domain::{Command, Error, Goal, Policy, Record, Result, RunStatus, StepId};
use crate::engine::{Workflow, commands, report, schedule};
use crate::llm::Provider;
use crate::tools::Held;
use crate::tools::mcp::ServerSpec;
use crate::workspace::inputs::{self, Attachment};
use crate::workspace::views::PLAN;
use crate::workspace::{Journal, JournalHealth, Lease, Owner, Workspace, layout, named};

use super::driver::{Driver, Parts};
use super::planner;
use super::reach;
use super::run::RunHandle;
use super::shared::{Shared, blocking};

/// How a goal is started.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// The text of a plan to run, instead of planning.
    pub plan: Option<String>,
    /// Another provider than the configured one.
    pub provider: Option<ProviderChoice>,
}

/// How a workspace is taken up again.
#[derive(Debug, Clone, Default)]
pub struct ResumeOptions {
    /// A new budget for the run, in US dollars.
    pub budget_usd: Option<f64>,
    /// An order that comes first: a retry reopens its step even in a run that had ended.
    pub first: Option<Command>,
    /// This step and all that needs it are done again; what is finished among them is asked about first, since it is paid for again.
    pub from_step: Option<StepId>,
    /// Another provider than the one that was chosen when the run began.
    pub provider: Option<ProviderChoice>,
}

pub(super) async fn start(shared: &Arc<Shared>, mut goal: Goal, options: StartOptions) -> Result<RunHandle> {
    choose(&mut goal, options.provider);
    let Hands { provider, tools, servers, mut policy } = hands(shared, &goal).await?;
    policy.plan_by_model &= options.plan.is_none();
    check_agents(&goal, &policy)?;
    let (now, noise) = (shared.clock.now(), shared.clock.noise());
    let run_id = layout::run_id(now, noise);
    let shared_here = Arc::clone(shared);
    let goal_here = goal.clone();
    let (workspace, files, warnings) = blocking(move || create(&shared_here, &goal_here)).await?;
    let lease = workspace.take_lease(&owner(shared, "run"))?;
    if let Some(plan) = &options.plan {
        // On disk before the run is: a crash between the two records must not lead to another plan.
        workspace.write_view(PLAN, plan)?;
    }
    let (journal, _, _) = workspace.open_journal()?;
    let started = Event::RunStarted {
        schema: JOURNAL_SCHEMA,
        run_id: run_id.clone(),
        project: shared.settings.project.to_string_lossy().into_owned(),
        inputs: files,
        provider: provider.name().to_owned(),
        model: policy.model.clone(),
        approvals: policy.approvals,
        resumed: false,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        budget_usd: policy.budget_usd,
        budget_tokens: policy.budget_tokens,
        goal,
    };
    let mut first = vec![started];
    let warnings = warnings.into_iter().chain(reach::missing(&shared.settings));
    first.extend(warnings.map(|text| schedule::note(NoteLevel::Warning, text)));
    first.extend(reach::sandbox(&shared.settings).map(|text| schedule::note(NoteLevel::Info, text)));
    let parts = Parts { workspace, lease, journal, records: Vec::new(), policy, provider, tools, servers, plan: options.plan, first };
    launch(shared, run_id, parts, Workflow::replay(&[])).await
}

/// The folder with the attached files in it; taken away again when a file cannot be attached.
fn create(shared: &Shared, goal: &Goal) -> Result<(Workspace, Vec<crate::domain::InputFile>, Vec<String>)> {
    let project = &shared.settings.project;
    let named = named::named_in_goal(&shared.disk, &goal.text, project);
    if let Some(problem) = named.problems.iter().find(|problem| problem.fatal) {
        return Err(Error::usage(problem.message.clone()).hint(problem.hint.clone()));
    }
    let warnings = named.problems.iter().map(|problem| format!("{} ({})", problem.message, problem.hint)).collect();
    let attachment = |path: &Path, given: String, named_in_goal: bool| Attachment {
        text: shared.buffers.text(path),
        path: path.to_owned(),
        given,
        named_in_goal,
    };
    let mut attachments: Vec<Attachment> = Vec::new();
    for path in &goal.attach {
        attachments.push(attachment(&shared.environment.absolute(path), path.to_string_lossy().into_owned(), goal.attach_guarded));
    }
    for path in named.files {
        let given = path.strip_prefix(project).unwrap_or(&path).to_string_lossy().into_owned();
        if !attachments.iter().any(|other| other.path == path) {
            attachments.push(attachment(&path, given, true));
        }
    }
    inputs::check(&shared.disk, &attachments, project)?;
    let workspace = Workspace::create(&shared.disk, &shared.settings.base_dir, goal, shared.clock.now())?;
    match inputs::attach(&shared.disk, &workspace, &attachments, project) {
        Ok(files) => Ok((workspace, files, warnings)),
        Err(error) => {
            discard(shared, workspace.path());
            Err(error)
        }
    }
}

fn discard(shared: &Shared, path: &Path) {
    if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
        let _ = shared.disk.open(parent).and_then(|folder| folder.remove_folder(&name.to_string_lossy()));
    }
}

pub(super) async fn resume(shared: &Arc<Shared>, path: &Path, options: ResumeOptions) -> Result<RunHandle> {
    let (disk, path) = (Arc::clone(&shared.disk), shared.environment.absolute(path));
    let holder = owner(shared, "run");
    let (workspace, lease, journal, records) = blocking(move || take_up(&disk, &path, &holder)).await?;
    let workflow = Workflow::replay(&records);
    let run = workflow.run.clone().ok_or_else(|| Error::place("the workspace's journal has no start").hint("start the goal anew"))?;
    let reopened = match reopen(&workflow, &options) {
        Ok(events) => events,
        Err(refusal) => {
            // The end is journalled before the views tell of it, and a crash in between leaves them behind.
            let _ = super::outlook::write_all(shared, &workspace, &workflow, &records);
            return Err(refusal);
        }
    };
    let mut goal = Goal { plan_only: false, ..run.goal };
    choose(&mut goal, options.provider);
    let Hands { provider, tools, servers, mut policy } = hands(shared, &goal).await?;
    policy.budget_usd = options.budget_usd.or(run.budget_usd);
    policy.budget_tokens = run.budget_tokens.or(policy.budget_tokens);
    let mut first = vec![Event::RunStarted {
        schema: JOURNAL_SCHEMA,
        run_id: run.run_id.clone(),
        goal,
        project: run.project,
        inputs: run.inputs,
        provider: provider.name().to_owned(),
        model: policy.model.clone(),
        approvals: policy.approvals,
        resumed: true,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        budget_usd: policy.budget_usd,
        budget_tokens: policy.budget_tokens,
    }];
    first.extend(reopened);
    first.extend(reach::sandbox(&shared.settings).map(|text| schedule::note(NoteLevel::Info, text)));
    let plan = if workflow.plan.is_none() { workspace.plan_text() } else { None };
    let parts = Parts { workspace, lease, journal, records, policy, provider, tools, servers, plan, first };
    launch(shared, run.run_id, parts, workflow).await
}

pub(super) type Taken = (Workspace, Lease, Journal, Vec<Record>);

pub(super) fn take_up(disk: &Arc<dyn crate::sys::Disk>, path: &Path, owner: &Owner) -> Result<Taken> {
    let workspace = Workspace::open(disk, path)?;
    let lease = workspace.take_lease(owner)?;
    let (journal, records, health) = workspace.open_journal()?;
    match health {
        JournalHealth::Sound | JournalHealth::TornTail => Ok((workspace, lease, journal, records)),
        JournalHealth::Newer { schema } => {
            let what =
                format!("the workspace was written by a newer version (format {schema}, known is {JOURNAL_SCHEMA}); it is shown read-only");
            Err(Error::place(what).hint("install the newer version of ai-orchestrator to resume it"))
        }
        JournalHealth::Corrupt { line, copy } => {
            let copy = copy.map(|copy| format!(" (a copy is in {copy})")).unwrap_or_default();
            let what = format!("the workspace's journal is damaged at line {line}{copy}; it cannot be resumed past it");
            Err(Error::place(what).hint("its artifacts are untouched; start the goal anew to go on"))
        }
    }
}

/// The steps that are done again, by the way the run ended and by what was ordered.
fn reopen(workflow: &Workflow, options: &ResumeOptions) -> Result<Vec<Event>> {
    let ended = workflow.finished.as_ref().map(|(status, _)| *status);
    if let Some(step) = &options.from_step {
        return commands::from_step(workflow, step).map_err(|refusal| Error::usage(refusal).hint("its steps stand in plan.md"));
    }
    if let Some(command) = &options.first {
        let refused = |reason| Error::usage(reason).hint("open the workspace's approvals or plan to see what can be done");
        return commands::decide(workflow, command).map_err(refused);
    }
    match ended {
        Some(RunStatus::Completed) => Err(Error::usage("the workspace is completed; there is nothing to resume")
            .hint("retry a step from the editor, or start a new goal")),
        Some(RunStatus::Cancelled) => Err(Error::usage("the workspace was cancelled; it cannot be resumed")
            .hint("retry one of its steps to reopen it, or start the goal anew")),
        Some(RunStatus::Failed) => Ok(commands::reopen_failed(workflow)),
        _ => Ok(Vec::new()),
    }
}

/// A run among those that live here, for as long as this is kept: a driver that panics takes its run off the list as well.
struct Listed {
    shared: Arc<Shared>,
    run_id: String,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.shared.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run_id);
    }
}

/// `workflow` is the fold of the records in `parts`.
async fn launch(shared: &Arc<Shared>, run_id: String, parts: Parts, workflow: Workflow) -> Result<RunHandle> {
    let (orders, order_queue) = mpsc::unbounded_channel();
    let (state_sender, state) = watch::channel(Arc::new(report::state(&workflow)));
    let (ended_sender, ended) = watch::channel(None);
    let path = Arc::new(parts.workspace.path().to_owned());
    let provider = parts.provider.name().into();
    let handle = RunHandle { run_id: run_id.clone(), workspace: path, provider, state, ended, orders };
    shared.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(run_id.clone(), handle.clone());
    let listed = Listed { shared: Arc::clone(shared), run_id };
    let mut driver = Driver::new(Arc::clone(shared), handle.clone(), workflow, (parts, order_queue, state_sender));
    driver.begin().await?;
    let (settles, settled) = oneshot::channel();
    tokio::spawn(async move {
        let listed = listed;
        let first = driver.settle().await;
        let _ = settles.send(());
        let outcome = driver.run(first).await;
        // The lease goes first: whoever hears of the end may take the workspace up at once.
        drop(driver);
        drop(listed);
        let _ = ended_sender.send(Some(outcome.err()));
    });
    // The first request has left and the first views stand before the caller hears of the run; a caller that goes away stops nothing.
    let _ = settled.await;
    Ok(handle)
}

pub(super) fn owner(shared: &Shared, program: &str) -> Owner {
    Owner {
        pid: crate::sys::env::process_id(),
        host: shared.environment.host_name(),
        program: format!("ai-orchestrator {program}"),
        since: shared.clock.now(),
    }
}

fn check_agents(goal: &Goal, policy: &Policy) -> Result<()> {
    let single = goal.single.as_ref().map(|single| &single.agent);
    match goal.agents.iter().chain(single).find(|name| !policy.agents.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            let known: Vec<&str> = policy.agents.keys().map(String::as_str).collect();
            Err(Error::usage(format!("agent failed to spawn: there is no agent `{name}`"))
                .hint(format!("known agents: {}", known.join(", "))))
        }
    }
}

/// What a run works with, and its limits.
struct Hands {
    provider: Arc<dyn Provider>,
    tools: Vec<Held>,
    servers: Vec<ServerSpec>,
    policy: Policy,
}

/// The choice goes with the run, so that a resume works with the same provider.
fn choose(goal: &mut Goal, choice: Option<ProviderChoice>) {
    if let Some(choice) = choice {
        goal.provider = Some(choice.name().to_owned());
    }
}

async fn hands(shared: &Arc<Shared>, goal: &Goal) -> Result<Hands> {
    let choice = goal.provider.as_deref().and_then(ProviderChoice::named);
    let provider = shared.models.provider((&shared.settings, &shared.environment, &shared.disk), choice).await?;
    let tools = reach::tools(shared, goal, provider.as_ref());
    let servers = reach::servers(shared, provider.as_ref());
    let mut policy = policy(shared, goal, (provider.as_ref(), &tools));
    policy.servers = servers.iter().map(|server| server.name.clone()).collect();
    Ok(Hands { provider, tools, servers, policy })
}

fn policy(shared: &Shared, goal: &Goal, (provider, tools): (&dyn Provider, &[Held])) -> Policy {
    let settings = &shared.settings;
    let specs = tools.iter().map(|held| (held.spec.name.clone(), Arc::clone(&held.spec))).collect();
    let read_only = tools.iter().filter(|held| held.tool.is_read_only()).map(|held| held.spec.name.clone()).collect();
    let mut rules = settings.rules.clone();
    rules.extend(shared.memory.granted_rules());
    let offline = provider.name() == "offline";
    let model = goal.model.clone().or_else(|| settings.model.clone()).or_else(|| provider.default_model()).filter(|_| !offline);
    let project_read = match settings.project_read {
        _ if settings.sandbox_mode => ProjectRead::Deny,
        ProjectRead::Deny => ProjectRead::Deny,
        _ if !settings.restrict_file_access => ProjectRead::Allow,
        other => other,
    };
    Policy {
        agents: Arc::clone(&shared.team.by_name),
        tools: specs,
        read_only_tools: read_only,
        servers: Default::default(),
        approvals: goal.approvals.unwrap_or(settings.approvals),
        rules,
        interactive: shared.interactive,
        project_read,
        allowed_hosts: settings.allowed_hosts.clone(),
        max_parallel: goal.max_parallel.unwrap_or(settings.max_parallel),
        plan_rules: plan_rules(shared),
        plan_by_model: provider.plans(),
        rates: rates(shared, provider, model.as_deref()),
        context_tokens: named_models(shared, model.as_deref())
            .filter_map(|name| Some((name.to_owned(), provider.context_tokens(name)?)))
            .collect(),
        guide: shared.guide.clone(),
        model,
        model_per_agent: if offline { Default::default() } else { settings.model_per_agent.clone() },
        max_output_tokens: settings.max_output_tokens,
        budget_usd: goal.budget_usd.or(settings.per_run_usd).filter(|_| settings.cost_tracking),
        budget_tokens: settings.per_run_tokens,
        left_today_usd: left_today(shared).filter(|_| !offline),
        question_timeout_minutes: settings.approvals_timeout_minutes,
    }
}

/// What the day's limit leaves, where there is one and money is looked at.
pub(super) fn left_today(shared: &Shared) -> Option<f64> {
    let limit = shared.settings.per_day_usd.filter(|_| shared.settings.cost_tracking)?;
    Some(limit - shared.memory.spent_on(shared.clock.now().date_naive()))
}

/// The prices of every model that the run may use, where they are known.
fn rates(shared: &Shared, provider: &dyn Provider, model: Option<&str>) -> std::collections::BTreeMap<String, Rates> {
    named_models(shared, model).filter_map(|name| Some((name.to_owned(), provider.rates(name)?))).collect()
}

/// Every model that the run may use.
fn named_models<'a>(shared: &'a Shared, model: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let of_agents = shared.team.agents.iter().filter_map(|agent| agent.model.as_deref());
    shared.settings.model_per_agent.values().map(String::as_str).chain(of_agents).chain(model)
}

/// What plans are checked against.
pub(super) fn plan_rules(shared: &Shared) -> PlanRules {
    PlanRules {
        agents: shared.team.agents.iter().map(|agent| agent.name.clone()).collect(),
        allowed_extensions: shared.settings.allowed_file_extensions.clone(),
        max_steps: shared.settings.max_steps,
    }
}

/// The mark of each step, for plan.md.
pub(super) fn marks(workflow: &Workflow) -> impl Fn(&StepId) -> Option<crate::documents::Mark> + '_ {
    |id| Some(planner::mark(workflow, id))
}
