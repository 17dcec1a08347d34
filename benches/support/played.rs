//! The reference work played in memory: the engine's loop with hands that answer at once. For measuring the engine alone, and for records to replay.
use std::collections::{BTreeMap, BTreeSet};

use ai_orchestrator::documents::plan;
use ai_orchestrator::domain::agent::built_in_agents;
use ai_orchestrator::domain::event::{PlannedBy, SCHEMA};
use ai_orchestrator::domain::plan::PlanRules;
use ai_orchestrator::domain::policy::{ApprovalMode, ProjectRead};
use ai_orchestrator::domain::tool::Touched;
use ai_orchestrator::domain::{Block, Event, Goal, Plan, Policy, Record, RelPath, Reply, StepId, StopReason, ToolCall, ToolSpec, Usage};
use ai_orchestrator::engine::{Wish, Workflow, next, prompt};
use chrono::{DateTime, FixedOffset};
use serde_json::json;

pub const PLAN: &str = include_str!("../plan.md");

pub fn noon() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-22T12:00:00Z").unwrap_or_default()
}

fn policy() -> Policy {
    let spec =
        |name: &str| ToolSpec { name: name.into(), description: "writes a file".into(), input_schema: json!({"type": "object"}).into() };
    let agents = built_in_agents();
    Policy {
        servers: Default::default(),
        plan_rules: PlanRules {
            agents: agents.iter().map(|agent| agent.name.clone()).collect(),
            allowed_extensions: vec![".md".into()],
            max_steps: 12,
        },
        agents: agents.into_iter().map(|agent| (agent.name.clone(), agent)).collect::<BTreeMap<_, _>>().into(),
        tools: ["write_file", "read_file"].iter().map(|name| ((*name).to_owned(), spec(name).into())).collect(),
        read_only_tools: BTreeSet::from(["read_file".to_owned()]),
        approvals: ApprovalMode::Plan,
        rules: vec![],
        interactive: false,
        project_read: ProjectRead::Deny,
        max_parallel: 3,
        model: None,
        model_per_agent: BTreeMap::new(),
        plan_by_model: false,
        left_today_usd: None,
        allowed_hosts: Vec::new(),
        max_output_tokens: None,
        budget_usd: Some(1.0),
        budget_tokens: None,
        rates: BTreeMap::new(),
        question_timeout_minutes: 0,
        ..Policy::default()
    }
}

struct Played {
    records: Vec<Record>,
    workflow: Workflow,
    policy: Policy,
    plan: Plan,
    content: String,
}

/// All records of one run of the reference work.
pub fn play() -> Vec<Record> {
    let mut played = Played {
        records: Vec::new(),
        workflow: Workflow::replay(&[]),
        policy: policy(),
        plan: plan::parse(PLAN).plan,
        content: "The sea rises and falls twice a day, and the moon is why.\n".repeat(35),
    };
    played.put(Event::RunStarted {
        schema: SCHEMA,
        run_id: "120000-k7".into(),
        goal: Goal::new("Study the tides").unwrap_or_else(|error| unreachable!("{error:?}")),
        project: "/p".into(),
        inputs: vec![],
        provider: "bench".into(),
        model: None,
        approvals: ApprovalMode::Plan,
        resumed: false,
        version: "0".into(),
        budget_usd: Some(1.0),
        budget_tokens: None,
    });
    while played.workflow.finished.is_none() {
        let wishes = next(&played.workflow, &played.policy);
        assert!(!wishes.is_empty(), "the reference work is stuck");
        wishes.into_iter().for_each(|wish| played.fulfil(wish));
    }
    played.records
}

impl Played {
    fn put(&mut self, event: Event) {
        let record = Record { seq: self.records.len() as u64 + 1, at: noon(), event };
        self.workflow.apply(&record);
        self.records.push(record);
    }

    fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Plan { .. } => self.put(Event::Planned { plan: self.plan.clone(), text: PLAN.into(), by: PlannedBy::User }),
            Wish::Record(event) => self.put(*event),
            Wish::Ask(question) => self.put(Event::Asked { question: *question }),
            Wish::StartStep { step, attempt } => self.start(step, attempt),
            Wish::CallModel { step, ordinal, note, max_output_tokens, .. } => self.call(step, ordinal, (note, max_output_tokens)),
            Wish::RunTool { step, call, .. } => self.tool(step, call),
            Wish::ReturnWork { .. } => {}
            Wish::SaveText { step, path, .. } => self.put(Event::Saved { step, path, sha256: "h".into(), bytes: 1 }),
            Wish::Finish { status, reason } => self.put(Event::RunFinished { status, reason }),
        }
    }

    fn start(&mut self, id: StepId, attempt: u32) {
        let Some(step) = self.plan.step(&id).cloned() else { return };
        let opening = prompt::opening(&self.workflow, &self.policy, &step, &[]);
        self.put(Event::StepStarted {
            step: id,
            attempt,
            agent: step.agent,
            log: String::new(),
            tools: opening.tools,
            max_turns: opening.max_turns,
            system: opening.system,
            prompt: opening.prompt,
        });
    }

    fn call(&mut self, step: StepId, ordinal: u32, (note, max): (Option<String>, Option<u32>)) {
        let Some(planned) = self.plan.step(&step) else { return };
        let Some(request) = ai_orchestrator::engine::turn::request(&self.workflow, &self.policy, planned, (&note, max)) else { return };
        let output = planned.output.clone();
        self.put(Event::CallStarted {
            step: step.clone(),
            ordinal,
            request_hash: request.hash(),
            model: None,
            max_output_tokens: max,
            note,
        });
        let wrote = request.tool_results().len();
        let (blocks, stop) = if wrote == 0 {
            let input = json!({"path": output, "content": self.content});
            (vec![Block::ToolCall(ToolCall { id: format!("{step}-1"), name: "write_file".into(), input })], StopReason::ToolUse)
        } else {
            (vec![Block::Text { text: "The step is done.".into() }], StopReason::EndTurn)
        };
        let usage = Usage { input_tokens: 900, output_tokens: 600, ..Usage::default() };
        let reply = Reply { blocks, stop, usage, cost_usd: Some(0.0), request_id: None, raw: None };
        self.put(Event::CallFinished {
            step,
            ordinal,
            request_id: None,
            stop,
            usage,
            cost_usd: Some(0.0),
            reply: Some(reply.said()),
            failure: None,
        });
    }

    fn tool(&mut self, step: StepId, call: ToolCall) {
        let path = call.input.get("path").and_then(|path| path.as_str()).and_then(|path| RelPath::new(path).ok());
        let touched = path.into_iter().map(|path| Touched { path, sha256: "h".into(), bytes: 2048, wrote: true }).collect();
        self.put(Event::ToolFinished {
            step,
            call_id: call.id,
            tool: call.name,
            ok: true,
            summary: "wrote".into(),
            content: "written".into(),
            touched,
        });
    }
}
