//! The history: bulk stays out, a call is told once, and a call without an end is still told.
use super::super::test_support::*;
use super::*;
use crate::domain::{StepId, StopReason};

#[test]
fn the_history_leaves_bulk_out() {
    let record = |event| Record { seq: 7, at: at(NOON), event };
    let step = StepId::numbered(1);
    let started_step = entry(&record(crate::domain::Event::StepStarted {
        step,
        attempt: 1,
        agent: "coder".into(),
        log: "agent_outputs/coder_1.log".into(),
        tools: vec!["read_file".into()],
        max_turns: 6,
        system: "secret sauce".into(),
        prompt: "é".repeat(300),
    }));
    assert_eq!((started_step.seq, started_step.event.as_str()), (7, "step_started"));
    assert_eq!((started_step.details.get("system"), started_step.details.get("prompt")), (None, None));
    assert_eq!(started_step.details["agent"], "coder");
    assert_eq!(entry(&record(note(&"x".repeat(201)))).details["text"], "(201 characters)");
    assert_eq!(entry(&record(note(&"x".repeat(200)))).details["text"], "x".repeat(200));
    let reply = crate::domain::Reply {
        blocks: vec![crate::domain::Block::Text { text: "é".repeat(50) }],
        stop: crate::domain::StopReason::EndTurn,
        usage: Default::default(),
        cost_usd: Some(0.5),
        request_id: None,
        raw: Some(json!({"content": "x"})),
    };
    let finished = entry(&record(crate::domain::Event::CallFinished {
        step: StepId::numbered(1),
        ordinal: 2,
        request_id: Some("req_1".into()),
        stop: reply.stop,
        usage: reply.usage,
        cost_usd: reply.cost_usd,
        reply: Some(reply.said()),
        failure: None,
    }));
    assert_eq!(finished.details.get("reply"), None);
    assert_eq!((finished.details["ordinal"].clone(), finished.details["request_id"].clone()), (json!(2), json!("req_1")));
    let planned = entry(&record(planned(3)));
    assert_eq!((planned.details["plan"].clone(), planned.details.get("text")), (json!({"steps": 3}), None));
    assert!(!serde_json::to_string(&entry(&record(started("x")))).unwrap().contains("null"));
}

fn call_started(ordinal: u32, model: &str) -> Event {
    Event::CallStarted {
        step: StepId::numbered(1),
        ordinal,
        request_hash: "d64ca3".into(),
        model: Some(model.into()),
        max_output_tokens: Some(900),
        note: None,
    }
}

fn call_finished(ordinal: u32) -> Event {
    Event::CallFinished {
        step: StepId::numbered(1),
        ordinal,
        request_id: None,
        stop: StopReason::EndTurn,
        usage: Default::default(),
        cost_usd: None,
        reply: None,
        failure: None,
    }
}

fn told(history: &History) -> Vec<Value> {
    history.lines().map(|line| serde_json::from_str(&line).unwrap()).collect()
}

#[test]
fn a_call_is_told_once_with_what_its_intent_said_and_how_long_it_took() {
    let mut history = History { model: Some("big".into()), ..History::default() };
    let later = at(NOON) + chrono::Duration::milliseconds(57);
    history.take(&Record { seq: 1, at: at(NOON), event: call_started(1, "small") });
    assert_eq!(told(&history)[0]["event"], "call_started");
    assert_eq!(history.extent(), (0, 1));
    history.take(&Record { seq: 2, at: at(NOON), event: note("between") });
    history.take(&Record { seq: 3, at: later, event: call_finished(1) });
    let entries = told(&history);
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[1]["event"], &entries[1]["ms"], &entries[1]["model"]), (&json!("call_finished"), &json!(57), &json!("small")));
    assert_eq!(entries[1]["max_output_tokens"], 900);
    history.take(&Record { seq: 4, at: later, event: call_started(2, "big") });
    history.take(&Record { seq: 5, at: at(NOON), event: call_finished(2) });
    let last = told(&history).pop().unwrap();
    assert_eq!((&last["model"], &last["ms"]), (&Value::Null, &json!(0)), "the run's own model, and a clock that went back");
}

#[test]
fn a_call_that_a_crash_cut_off_keeps_its_line_before_the_one_that_took_its_place() {
    let mut history = History::of(&[
        Record { seq: 1, at: at(NOON), event: call_started(1, "m") },
        Record { seq: 2, at: at(NOON), event: started("x") },
        Record { seq: 3, at: at(NOON), event: call_started(1, "m") },
        Record { seq: 4, at: at(NOON), event: call_finished(1) },
    ]);
    let seqs = |history: &History| told(history).iter().map(|entry| entry["seq"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(seqs(&history), [1, 2, 4]);
    history.take(&Record { seq: 5, at: at(NOON), event: call_started(2, "m") });
    history.take(&Record { seq: 6, at: at(NOON), event: call_started(2, "m") });
    assert_eq!(seqs(&history), [1, 2, 4, 5, 6], "an intent that is repeated stays");
    history.take(&Record { seq: 7, at: at(NOON), event: call_finished(3) });
    assert_eq!(seqs(&history), [1, 2, 4, 5, 7, 6], "an end without an intent is told, what is under way comes last");
}
