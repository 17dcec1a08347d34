//! The planner as a machine: answers read, repaired at most twice, and the rules as the last resort.
use chrono::DateTime;
use serde_json::json;
use std::collections::BTreeMap;

use super::*;
use crate::domain::agent::built_in_agents;
use crate::domain::event::{Event, Record, SCHEMA};
use crate::domain::plan::PlanRules;
use crate::domain::policy::{ApprovalMode, ProjectRead};
use crate::domain::{Block, CallFailure, Goal, Reply, StopReason, Usage};

fn policy() -> Policy {
    Policy {
        servers: Default::default(),
        agents: built_in_agents().into_iter().map(|agent| (agent.name.clone(), agent)).collect::<BTreeMap<_, _>>().into(),
        tools: Default::default(),
        read_only_tools: Default::default(),
        approvals: ApprovalMode::Plan,
        rules: vec![],
        interactive: true,
        project_read: ProjectRead::Ask,
        max_parallel: 2,
        plan_rules: PlanRules {
            agents: built_in_agents().into_iter().map(|agent| agent.name).collect(),
            allowed_extensions: vec![".md".into()],
            max_steps: 3,
        },
        plan_by_model: true,
        model: Some("m".into()),
        model_per_agent: Default::default(),
        max_output_tokens: None,
        budget_usd: None,
        budget_tokens: None,
        left_today_usd: None,
        allowed_hosts: Vec::new(),
        rates: Default::default(),
        question_timeout_minutes: 0,
        ..Policy::default()
    }
}

fn put(records: &mut Vec<Record>, event: Event) {
    let seq = records.len() as u64 + 1;
    records.push(Record { seq, at: DateTime::parse_from_rfc3339("2026-11-22T14:30:22+01:00").unwrap(), event });
}

fn started() -> Vec<Record> {
    let mut records = Vec::new();
    put(
        &mut records,
        Event::RunStarted {
            schema: SCHEMA,
            run_id: "143022-k7".into(),
            goal: Goal::new("Write about tides").unwrap(),
            project: "/p".into(),
            inputs: vec![],
            provider: "anthropic".into(),
            model: Some("m".into()),
            approvals: ApprovalMode::Plan,
            resumed: false,
            version: "0".into(),
            budget_usd: None,
            budget_tokens: None,
        },
    );
    records
}

/// Plays a call that is answered with `text`, and returns the request.
fn answered(records: &mut Vec<Record>, text: &str) -> ModelRequest {
    let Planning::Ask { ordinal, note, request } = next(&Workflow::replay(records.iter()), &policy()) else {
        panic!("no call is wished for")
    };
    let step = planner_id();
    let hash = request.hash();
    put(records, Event::CallStarted { step: step.clone(), ordinal, request_hash: hash, model: None, max_output_tokens: None, note });
    let blocks = vec![Block::Text { text: text.into() }];
    let reply = Reply { blocks, stop: StopReason::EndTurn, usage: Usage::default(), cost_usd: Some(0.25), request_id: None, raw: None };
    put(
        records,
        Event::CallFinished {
            step,
            ordinal,
            request_id: None,
            stop: StopReason::EndTurn,
            usage: Usage { output_tokens: 7, ..Usage::default() },
            cost_usd: Some(0.25),
            reply: Some(reply.said()),
            failure: None,
        },
    );
    *request
}

fn answer(agent: &str, output: &str) -> String {
    json!({"title": "Tides", "steps": [{"id": "s1", "agent": agent, "title": "Write", "instructions": "", "needs": [],
        "output": output, "approve": false, "uses": []}]})
    .to_string()
}

#[test]
fn a_sound_answer_becomes_the_plan_even_in_a_fence() {
    let mut records = started();
    let request = answered(&mut records, &format!("Here it is:\n```json\n{}\n```\n", answer("writer", "tides.md")));
    assert!(request.schema.is_some() && request.tools.is_empty());
    let workflow = Workflow::replay(records.iter());
    let Planning::Made(plan) = next(&workflow, &policy()) else { panic!("{:?}", next(&workflow, &policy())) };
    assert_eq!(plan.steps[0].output.as_str(), "tides.md");
    assert_eq!((workflow.usage().output_tokens, workflow.cost_usd()), (7, Some(0.25)));
}

#[test]
fn what_is_wrong_goes_back_twice_and_then_the_rules_plan() {
    let mut records = started();
    answered(&mut records, &answer("wrtier", "tides.md"));
    let second = answered(&mut records, "no plan today");
    let sent = serde_json::to_string(&second.messages).unwrap();
    assert!(sent.contains("unknown agent `wrtier`") && second.messages.len() == 3, "{sent}");
    let third = answered(&mut records, &answer("writer", "../tides.md"));
    assert_eq!(third.messages.len(), 5);
    let Planning::ByRules(reason) = next(&Workflow::replay(records.iter()), &policy()) else { panic!("a third repair") };
    assert!(reason.contains("output"), "{reason}");
}

#[test]
fn a_call_cut_off_by_a_crash_is_sent_again_as_it_was() {
    let mut records = started();
    let first = answered(&mut records, "nothing");
    let Planning::Ask { ordinal, note, request } = next(&Workflow::replay(records.iter()), &policy()) else { panic!() };
    put(
        &mut records,
        Event::CallStarted { step: planner_id(), ordinal, request_hash: request.hash(), model: None, max_output_tokens: None, note },
    );
    let Planning::Ask { ordinal: again, request: same, .. } = next(&Workflow::replay(records.iter()), &policy()) else { panic!() };
    assert_eq!((again, same.hash()), (ordinal, request.hash()));
    assert_ne!(first.hash(), request.hash());
}

#[test]
fn a_doomed_call_leaves_planning_to_the_rules() {
    let mut records = started();
    let Planning::Ask { ordinal, request, .. } = next(&Workflow::replay(records.iter()), &policy()) else { panic!() };
    put(
        &mut records,
        Event::CallStarted { step: planner_id(), ordinal, request_hash: request.hash(), model: None, max_output_tokens: None, note: None },
    );
    put(
        &mut records,
        Event::CallFinished {
            step: planner_id(),
            ordinal,
            request_id: None,
            stop: StopReason::Error,
            usage: Usage::default(),
            cost_usd: Some(0.0),
            reply: None,
            failure: Some(CallFailure::new(FailureClass::Doomed, "no schema here")),
        },
    );
    assert!(matches!(next(&Workflow::replay(records.iter()), &policy()), Planning::ByRules(reason) if reason.contains("no schema here")));
}

proptest::proptest! {
    #[test]
    fn any_answer_is_read_without_a_panic(text in "\\PC{0,200}", inner in proptest::collection::vec("[{}\\[\\]\":,a-z0-9 ]{0,12}", 0..20)) {
        let _ = read(&text, &policy());
        let _ = read(&inner.concat(), &policy());
    }
}
