//! Simulated runs: a driver without hands plays random plans with injected failures, crashes and edits, and the rules must hold.
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;
use serde_json::json;

use crate::domain::agent::built_in_agents;
use crate::domain::event::{Event, PlannedBy, Record, SCHEMA};
use crate::domain::message::{CallFailure, FailureClass};
use crate::domain::plan::PlanRules;
use crate::domain::policy::{ApprovalMode, ProjectRead};
use crate::domain::tool::Touched;
use crate::domain::*;

use super::{Wish, Workflow, commands, next, report};

/// How each call of a step's agent goes, drawn by the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Luck {
    Writes,
    Says,
    Silent,
    Doomed,
    Parks,
    Refuses,
    CutInTool,
    Babbles,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        8 => Just(Luck::Writes), 2 => Just(Luck::Says), 1 => Just(Luck::Silent), 1 => Just(Luck::Doomed),
        1 => Just(Luck::Parks), 1 => Just(Luck::Refuses), 1 => Just(Luck::CutInTool), 1 => Just(Luck::Babbles),
    ]
}

fn time(seq: u64) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-22T14:30:22+01:00").unwrap() + chrono::Duration::milliseconds(i64::try_from(seq).unwrap())
}

fn plan_of(edges: &[Vec<usize>], skips: &[bool], approve: bool) -> Plan {
    let step = |(index, needs): (usize, &Vec<usize>)| Step {
        id: StepId::numbered(index + 1),
        agent: "writer".into(),
        title: format!("Step {index}"),
        instructions: String::new(),
        needs: needs
            .iter()
            .filter(|need| **need < index)
            .map(|need| StepId::numbered(need + 1))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        output: RelPath::new(&format!("out{index}.md")).unwrap(),
        approve,
        uses: vec![],
        skip: skips.get(index).copied().unwrap_or(false),
    };
    Plan { title: "T".into(), steps: edges.iter().enumerate().map(step).collect() }
}

fn policy(max_parallel: usize) -> Policy {
    let spec = |name: &str| ToolSpec { name: name.into(), description: String::new(), input_schema: json!({"type": "object"}).into() };
    Policy {
        servers: Default::default(),
        agents: built_in_agents().into_iter().map(|agent| (agent.name.clone(), agent)).collect::<BTreeMap<_, _>>().into(),
        tools: ["write_file", "read_file"].iter().map(|name| ((*name).to_owned(), spec(name).into())).collect(),
        read_only_tools: BTreeSet::from(["read_file".to_owned()]),
        approvals: ApprovalMode::Plan,
        rules: vec![],
        interactive: true,
        project_read: ProjectRead::Ask,
        allowed_hosts: vec![],
        max_parallel,
        plan_rules: PlanRules {
            agents: built_in_agents().into_iter().map(|agent| agent.name).collect(),
            allowed_extensions: vec![".md".into()],
            max_steps: 0,
        },
        plan_by_model: false,
        model: None,
        model_per_agent: BTreeMap::new(),
        max_output_tokens: None,
        budget_usd: None,
        budget_tokens: None,
        left_today_usd: None,
        rates: BTreeMap::new(),
        question_timeout_minutes: 0,
        ..Policy::default()
    }
}

struct Simulation {
    records: Vec<Record>,
    workflow: Workflow,
    policy: Policy,
    plan: Plan,
    luck: Vec<Luck>,
    calls: usize,
    most_parallel: usize,
    sent: BTreeSet<(String, u32, u32)>,
    resends: usize,
}

impl Simulation {
    fn new(plan: Plan, policy: Policy, luck: Vec<Luck>) -> Self {
        let workflow = Workflow::replay(&[]);
        let mut simulation =
            Simulation { records: vec![], workflow, policy, plan, luck, calls: 0, most_parallel: 0, sent: BTreeSet::new(), resends: 0 };
        simulation.start(false);
        simulation
    }

    fn start(&mut self, resumed: bool) {
        self.put(Event::RunStarted {
            schema: SCHEMA,
            run_id: "143022-k7".into(),
            goal: Goal::new("Write").unwrap(),
            project: "/p".into(),
            inputs: vec![],
            provider: "offline".into(),
            model: None,
            approvals: self.policy.approvals,
            resumed,
            version: "0".into(),
            budget_usd: None,
            budget_tokens: None,
        });
    }

    fn put(&mut self, event: Event) {
        let seq = self.records.len() as u64 + 1;
        let record = Record { seq, at: time(seq), event };
        self.workflow.apply(&record);
        self.records.push(record);
    }

    /// Fulfils one round of wishes; false when there was nothing to do.
    fn round(&mut self) -> bool {
        let wishes = next(&self.workflow, &self.policy);
        let calling = wishes.iter().filter(|wish| matches!(wish, Wish::CallModel { .. })).count();
        self.most_parallel = self.most_parallel.max(calling);
        let any = !wishes.is_empty();
        for wish in wishes {
            self.fulfil(wish);
        }
        any
    }

    fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Plan { .. } => self.put(Event::Planned { plan: self.plan.clone(), text: "plan".into(), by: PlannedBy::Rules }),
            Wish::Record(event) => self.put(*event),
            Wish::Ask(question) => self.put(Event::Asked { question: *question }),
            Wish::StartStep { step, attempt } => {
                for need in &self.plan.step(&step).unwrap().needs {
                    assert!(matches!(self.workflow.step_status(need), StepStatus::Completed | StepStatus::Skipped), "{step} before {need}");
                }
                self.put(Event::StepStarted {
                    step,
                    attempt,
                    agent: "writer".into(),
                    log: String::new(),
                    tools: vec!["write_file".into()],
                    max_turns: 3,
                    system: "s".into(),
                    prompt: "p".into(),
                });
            }
            Wish::CallModel { step, ordinal, note, max_output_tokens, .. } => {
                let planned = self.plan.step(&step).unwrap();
                let request = super::turn::request(&self.workflow, &self.policy, planned, (&note, max_output_tokens)).unwrap();
                self.call(step, ordinal, note, &request);
            }
            Wish::RunTool { step, call, .. } => {
                let path = RelPath::new(call.input["path"].as_str().unwrap()).unwrap();
                assert_eq!(path, self.plan.step(&step).unwrap().output, "a step wrote another's file");
                let touched = vec![Touched { path, sha256: "h".into(), bytes: 1, wrote: true }];
                self.put(Event::ToolFinished {
                    step,
                    call_id: call.id,
                    tool: call.name,
                    ok: true,
                    summary: "wrote".into(),
                    content: "ok".into(),
                    touched,
                });
            }
            Wish::ReturnWork { step, review, round, note, .. } => {
                self.put(Event::Returned { step, review, round, note, kept: vec![] });
            }
            Wish::SaveText { step, path, .. } => self.put(Event::Saved { step, path, sha256: "h".into(), bytes: 1 }),
            Wish::Finish { status, reason } => self.put(Event::RunFinished { status, reason }),
        }
    }

    fn call(&mut self, step: StepId, ordinal: u32, note: Option<String>, request: &ModelRequest) {
        check_request(request);
        let attempt = self.workflow.step(&step).unwrap().attempt;
        if !self.sent.insert((step.0.clone(), attempt, ordinal)) {
            self.resends += 1;
        }
        self.put(Event::CallStarted {
            step: step.clone(),
            ordinal,
            request_hash: request.hash(),
            model: None,
            max_output_tokens: request.max_output_tokens,
            note,
        });
        let luck = self.luck[self.calls % self.luck.len()];
        self.calls += 1;
        let output = self.plan.step(&step).unwrap().output.clone();
        self.put(finished(step, ordinal, luck, &output));
    }
}

/// What every provider may rely on: results answer calls, roles alternate, no text is empty.
fn check_request(request: &ModelRequest) {
    let mut open: Vec<&str> = vec![];
    let mut last = None;
    for message in &request.messages {
        assert!(last != Some(Role::User) || message.role != Role::User, "two user messages in a row");
        for block in &message.blocks {
            match block {
                Block::Text { text } => assert!(!text.is_empty() || message.role == Role::Assistant),
                Block::ToolCall(call) => open.push(&call.id),
                Block::ToolResult { id, .. } => {
                    assert_eq!(open.first(), Some(&id.as_str()), "a result without its call");
                    open.remove(0);
                }
            }
        }
        last = Some(message.role);
    }
    assert!(open.is_empty(), "a call without its result");
}

fn finished(step: StepId, ordinal: u32, luck: Luck, output: &RelPath) -> Event {
    let text = |text: &str| vec![Block::Text { text: text.into() }];
    let write = vec![Block::ToolCall(ToolCall {
        id: format!("{step}-{ordinal}"),
        name: "write_file".into(),
        input: json!({"path": output, "content": ordinal.to_string()}),
    })];
    let failure = |class| Some(CallFailure::new(class, "no"));
    let (blocks, stop, failure) = match luck {
        Luck::Writes => (write, StopReason::ToolUse, None),
        Luck::Says => (text("Done."), StopReason::EndTurn, None),
        Luck::Silent => (vec![], StopReason::EndTurn, None),
        Luck::Babbles => (text("and so on"), StopReason::MaxTokens, None),
        Luck::CutInTool => (write, StopReason::MaxTokens, None),
        Luck::Refuses => (vec![], StopReason::Refusal, None),
        Luck::Doomed => (vec![], StopReason::Error, failure(FailureClass::Doomed)),
        Luck::Parks => (vec![], StopReason::Error, failure(FailureClass::Parked)),
    };
    let usage = Usage { input_tokens: 1, output_tokens: 1, ..Usage::default() };
    let reply = failure.is_none().then_some(Reply { blocks, stop, usage, cost_usd: Some(0.5), request_id: None, raw: None });
    Event::CallFinished { step, ordinal, request_id: None, stop, usage, cost_usd: Some(0.5), reply: reply.map(Reply::said), failure }
}

/// Plays until nothing happens any more, approving what is asked and resuming what was parked.
fn play(simulation: &mut Simulation) -> RunStatus {
    for _ in 0..10_000 {
        if simulation.round() {
            continue;
        }
        if let Some(question) = simulation.workflow.questions.first().cloned() {
            let decision = Decision { approved: true, ..Decision::default() };
            let command = Command::Answer { id: question.id, hash: Some(question.hash), decision, via: Via::Prompt };
            for event in commands::decide(&simulation.workflow, &command).unwrap() {
                simulation.put(event);
            }
            continue;
        }
        match simulation.workflow.finished {
            Some((RunStatus::Parked, _)) => simulation.start(true),
            Some((status, _)) => return status,
            None => panic!("stuck: nothing to do and no end"),
        }
    }
    panic!("the run does not end");
}

fn graphs() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(0usize..10, 0..4), 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_plan_ends_and_every_step_comes_after_its_needs(
        edges in graphs(),
        skips in prop::collection::vec(prop::bool::weighted(0.1), 10),
        luck in prop::collection::vec(luck(), 1..40),
        parallel in 1usize..5,
        approve in any::<bool>(),
    ) {
        prop_assume!(luck.iter().any(|luck| *luck != Luck::Parks));
        let plan = plan_of(&edges, &skips, approve);
        let mut simulation = Simulation::new(plan.clone(), policy(parallel), luck);
        let status = play(&mut simulation);
        let statuses: Vec<_> = plan.steps.iter().map(|step| simulation.workflow.step_status(&step.id)).collect();
        prop_assert!(statuses.iter().all(|status| status.is_end()));
        prop_assert!(simulation.most_parallel <= parallel, "{} at once", simulation.most_parallel);
        prop_assert_eq!(simulation.resends, 0);
        let all_done = statuses.iter().all(|status| matches!(status, StepStatus::Completed | StepStatus::Skipped));
        prop_assert_eq!(status == RunStatus::Completed, all_done, "{:?} with {:?}", status, statuses);
        for step in &plan.steps {
            let state = simulation.workflow.step(&step.id).unwrap();
            if state.status == StepStatus::Completed {
                prop_assert!(state.wrote.contains(&step.output));
            }
            prop_assert!(state.attempt_turns <= 3 + 6);
        }
    }

    #[test]
    fn a_crash_at_any_record_loses_nothing_and_resends_only_what_was_open(
        edges in graphs(),
        luck in prop::collection::vec(luck(), 1..40),
        at in any::<prop::sample::Index>(),
    ) {
        prop_assume!(luck.iter().any(|luck| *luck != Luck::Parks));
        let plan = plan_of(&edges, &[], false);
        let mut clean = Simulation::new(plan.clone(), policy(3), luck.clone());
        play(&mut clean);
        let cut = at.index(clean.records.len()) + 1;
        let records = clean.records[..cut].to_vec();
        let finished: BTreeSet<(String, u32)> = records.iter().filter_map(|record| match &record.event {
            Event::CallFinished { step, ordinal, .. } => Some((step.0.clone(), *ordinal)),
            _ => None,
        }).collect();
        let ended = Workflow::replay(&records).finished.is_some_and(|(status, _)| status.is_end());
        prop_assume!(!ended);
        let workflow = Workflow::replay(&records);
        let mut resumed = Simulation { records, workflow, policy: policy(3), plan, luck, calls: 0, most_parallel: 0, sent: BTreeSet::new(), resends: 0 };
        resumed.start(true);
        play(&mut resumed);
        let again = resumed.records[cut..].iter().any(|record| match &record.event {
            Event::CallStarted { step, ordinal, .. } => {
                finished.contains(&(step.0.clone(), *ordinal)) && resumed.workflow.step(step).is_some_and(|state| state.attempt == 1)
            }
            _ => false,
        });
        prop_assert!(!again, "a finished call was sent again");
    }

    #[test]
    fn the_state_is_the_fold_and_every_prefix_renders(
        edges in graphs(),
        luck in prop::collection::vec(luck(), 1..20),
    ) {
        prop_assume!(luck.iter().any(|luck| *luck != Luck::Parks));
        let mut simulation = Simulation::new(plan_of(&edges, &[], true), policy(2), luck);
        play(&mut simulation);
        prop_assert_eq!(&Workflow::replay(&simulation.records), &simulation.workflow);
        for cut in 0..simulation.records.len() {
            let workflow = Workflow::replay(&simulation.records[..cut]);
            let state = report::state(&workflow);
            let json = serde_json::to_string(&state).unwrap();
            let again: RunState = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(again, state);
            report::context(&workflow);
            report::summary(&workflow, &[]);
        }
    }
}

fn one_step(interactive: bool, approvals: ApprovalMode) -> Simulation {
    let mut policy = policy(1);
    policy.interactive = interactive;
    policy.approvals = approvals;
    Simulation::new(plan_of(&[vec![]], &[], false), policy, vec![Luck::Writes, Luck::Says])
}

#[test]
fn the_plan_waits_for_a_person() {
    let mut simulation = one_step(true, ApprovalMode::Plan);
    while simulation.round() {}
    assert_eq!(simulation.workflow.status(), RunStatus::WaitingApproval);
    assert_eq!(simulation.calls, 0);
    assert_eq!(play(&mut simulation), RunStatus::Completed);
}

#[test]
fn without_a_person_the_plan_is_accepted_and_results_are_denied() {
    let mut accepted = one_step(false, ApprovalMode::Plan);
    assert_eq!(play(&mut accepted), RunStatus::Completed);
    let mut denied = one_step(false, ApprovalMode::Steps);
    while denied.round() {}
    assert_eq!(denied.workflow.finished.as_ref().map(|(status, _)| *status), Some(RunStatus::Failed));
    let mut tools = one_step(false, ApprovalMode::Tools);
    while tools.round() {}
    let told = tools
        .records
        .iter()
        .any(|record| matches!(&record.event, Event::ToolFinished { ok: false, content, .. } if content.contains("nobody is there")));
    assert!(told, "the model was not told why");
}

#[test]
fn an_old_hash_and_a_second_answer_are_refused() {
    let mut simulation = one_step(true, ApprovalMode::Plan);
    while simulation.round() {}
    let question = simulation.workflow.questions[0].clone();
    let answer = |hash: &str, approved| Command::Answer {
        id: question.id.clone(),
        hash: Some(hash.into()),
        decision: Decision { approved, ..Decision::default() },
        via: Via::Lens,
    };
    assert_eq!(commands::decide(&simulation.workflow, &answer("000000", true)), Err("changed since you read it".into()));
    for event in commands::decide(&simulation.workflow, &answer(&question.hash, false)).unwrap() {
        simulation.put(event);
    }
    assert_eq!(commands::decide(&simulation.workflow, &answer(&question.hash, true)), Err("already decided".into()));
    while simulation.round() {}
    assert_eq!(simulation.workflow.status(), RunStatus::Cancelled);
}

#[test]
fn a_failed_step_fails_only_what_depends_on_it_and_resume_tries_just_those_again() {
    let plan = plan_of(&[vec![], vec![], vec![0]], &[], false);
    let mut simulation = Simulation::new(plan, policy(1), vec![Luck::Doomed, Luck::Writes, Luck::Says]);
    assert_eq!(play(&mut simulation), RunStatus::Failed);
    let statuses = |simulation: &Simulation| -> Vec<StepStatus> {
        simulation.plan.steps.iter().map(|step| simulation.workflow.step_status(&step.id)).collect()
    };
    assert_eq!(statuses(&simulation), [StepStatus::Failed, StepStatus::Completed, StepStatus::Failed]);
    let calls = simulation.calls;
    simulation.luck = vec![Luck::Writes, Luck::Says];
    simulation.calls = 0;
    simulation.start(true);
    for event in commands::reopen_failed(&simulation.workflow) {
        simulation.put(event);
    }
    assert_eq!(play(&mut simulation), RunStatus::Completed);
    assert_eq!((calls, simulation.calls), (3, 4));
}

/// One edit that a person makes while the run is under way: which step, and what becomes of it.
#[derive(Debug, Clone, Copy)]
enum Slip {
    Title,
    Output,
    Remove,
    Add,
    Skip,
    Swap,
}

fn edits() -> impl Strategy<Value = Vec<(Slip, usize)>> {
    use Slip::{Add, Output, Remove, Skip, Swap, Title};
    let slip = prop::sample::select(vec![Title, Output, Remove, Add, Skip, Swap]);
    prop::collection::vec((slip, 0usize..12), 1..60)
}

fn edited(mut plan: Plan, (slip, at): (Slip, usize), number: usize) -> Plan {
    let at = at % plan.steps.len();
    match slip {
        Slip::Title => plan.steps[at].title = format!("Edited {number}"),
        Slip::Output => plan.steps[at].output = RelPath::new(&format!("edited{number}.md")).unwrap(),
        Slip::Skip => plan.steps[at].skip = true,
        Slip::Swap => plan.steps.swap(at, 0),
        Slip::Remove => {
            let gone = plan.steps.remove(at).id;
            plan.steps.iter_mut().for_each(|step| step.needs.retain(|need| *need != gone));
        }
        Slip::Add => {
            let needs = vec![plan.steps[at].id.clone()];
            let (id, output) = (StepId(format!("new{number}")), RelPath::new(&format!("new{number}.md")).unwrap());
            plan.steps.push(Step { id, needs, output, skip: false, ..plan.steps[at].clone() });
        }
    }
    plan
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn edits_of_a_running_plan_change_only_steps_that_have_not_begun(graph in graphs(), edits in edits(), parallel in 1usize..4) {
        let mut simulation = Simulation::new(plan_of(&graph, &[], false), policy(parallel), vec![Luck::Writes, Luck::Says]);
        let mut begun: BTreeMap<StepId, Step> = BTreeMap::new();
        let mut edits = edits.into_iter().enumerate();
        for _ in 0..10_000 {
            // What is dispatched in a round is the plan as it stands: `fulfil` looks every step up in it.
            let acted = simulation.round();
            if simulation.workflow.finished.is_some() {
                break;
            }
            for step in simulation.workflow.plan_steps() {
                if simulation.workflow.has_begun(&step.id) {
                    prop_assert_eq!(begun.entry(step.id.clone()).or_insert_with(|| step.clone()), step, "a step that has begun was changed");
                }
            }
            prop_assert!(begun.keys().all(|id| simulation.workflow.plan_step(id).is_some()), "a step that has begun is gone");
            let plan = simulation.workflow.plan.as_ref().map(|plan| plan.plan.clone()).filter(|plan| !plan.steps.is_empty());
            if let Some((plan, (number, edit))) = plan.and_then(|plan| Some((plan, edits.next()?))) {
                let text = format!("edit {number}");
                let rules = simulation.policy.plan_rules.clone();
                if let Ok(event) = commands::edit_plan(&simulation.workflow, &rules, edited(plan, edit, number), &text) {
                    simulation.put(event);
                    simulation.plan = simulation.workflow.plan.as_ref().unwrap().plan.clone();
                }
            } else if !acted {
                let question = simulation.workflow.questions.first().cloned().expect("somebody is waited for");
                let decision = Decision { approved: true, ..Decision::default() };
                let command = Command::Answer { id: question.id, hash: Some(question.hash), decision, via: Via::Prompt };
                for event in commands::decide(&simulation.workflow, &command).unwrap() {
                    simulation.put(event);
                }
            }
        }
        prop_assert!(simulation.workflow.finished.is_some(), "the run ends");
    }
}
