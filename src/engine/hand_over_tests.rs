//! Tests of the hand-over: when it is due, what the fresh conversation opens with, and that it ends.
use serde_json::json;
use std::collections::BTreeMap;

use crate::domain::agent::built_in_agents;
use crate::domain::event::{Event, PlannedBy, Record};
use crate::domain::message::{CallFailure, FailureClass};
use crate::domain::*;

use super::super::test_support::{recorded, started};
use super::super::{Wish, Workflow, next, turn};
use super::*;

struct Play {
    records: Vec<Record>,
    workflow: Workflow,
    policy: Policy,
    calls: u32,
    requests: Vec<ModelRequest>,
}

fn policy(window: Option<u64>) -> Policy {
    let spec = |name: &str| ToolSpec { name: name.into(), description: String::new(), input_schema: json!({}).into() };
    Policy {
        agents: built_in_agents()
            .into_iter()
            .map(|agent| (agent.name.clone(), Agent { max_turns: 20, ..agent }))
            .collect::<BTreeMap<_, _>>()
            .into(),
        tools: ["write_file", "read_file"].iter().map(|name| ((*name).to_owned(), spec(name).into())).collect(),
        read_only_tools: std::collections::BTreeSet::from(["read_file".to_owned()]),
        model: Some("m".into()),
        context_tokens: window.map(|window| ("m".to_owned(), window)).into_iter().collect(),
        ..Policy::default()
    }
}

/// What the model does with the call of this number; `asked` says that a hand-over is asked for.
type Script = dyn Fn(u32, bool) -> std::result::Result<(Vec<Block>, StopReason), CallFailure>;

impl Play {
    fn run(window: Option<u64>, script: &Script) -> Play {
        let mut play = Play { records: vec![], workflow: Workflow::replay(&[]), policy: policy(window), calls: 0, requests: vec![] };
        play.put(started(None, None));
        for _ in 0..400 {
            for wish in next(&play.workflow, &play.policy) {
                play.fulfil(wish, script);
            }
            if play.workflow.finished.is_some() {
                assert_eq!(Workflow::replay(&play.records), play.workflow);
                return play;
            }
        }
        panic!("the run does not end");
    }

    fn put(&mut self, event: Event) {
        let record = recorded(self.records.len() as u64 + 1, event);
        self.workflow.apply(&record);
        self.records.push(record);
    }

    fn fulfil(&mut self, wish: Wish, script: &Script) {
        match wish {
            Wish::Plan { .. } => {
                let step = Step {
                    id: StepId::numbered(1),
                    agent: "researcher".into(),
                    title: "T".into(),
                    instructions: String::new(),
                    needs: vec![],
                    output: RelPath::new("a.md").unwrap(),
                    approve: false,
                    uses: vec![],
                    skip: false,
                };
                self.put(Event::Planned { plan: Plan { title: "T".into(), steps: vec![step] }, text: "p".into(), by: PlannedBy::Rules });
            }
            Wish::Record(event) => self.put(*event),
            Wish::Ask(question) => self.put(Event::Asked { question: *question }),
            Wish::StartStep { step, attempt } => self.put(Event::StepStarted {
                step,
                attempt,
                agent: "researcher".into(),
                log: String::new(),
                tools: vec!["write_file".into(), "read_file".into()],
                max_turns: 20,
                system: "s".repeat(300),
                prompt: "THE PROMPT".into(),
            }),
            Wish::CallModel { step, ordinal, note, max_output_tokens, .. } => {
                let planned = self.workflow.plan_step(&step).unwrap();
                let request = turn::request(&self.workflow, &self.policy, planned, (&note, max_output_tokens)).unwrap();
                let asked = note.as_deref().is_some_and(|note| note.starts_with(ASK));
                self.put(Event::CallStarted {
                    step: step.clone(),
                    ordinal,
                    request_hash: "h".into(),
                    model: None,
                    max_output_tokens,
                    note,
                });
                self.calls += 1;
                let input = weight(&request.messages) / 4;
                self.requests.push(request);
                let usage = Usage { input_tokens: input, output_tokens: 1, ..Usage::default() };
                let (reply, failure) = match script(self.calls, asked) {
                    Ok((blocks, stop)) => (Some(Reply { blocks, stop, usage, cost_usd: None, request_id: None, raw: None }), None),
                    Err(failure) => (None, Some(failure)),
                };
                let stop = reply.as_ref().map_or(StopReason::Error, |reply| reply.stop);
                self.put(Event::CallFinished {
                    step,
                    ordinal,
                    request_id: None,
                    stop,
                    usage,
                    cost_usd: None,
                    reply: reply.map(crate::domain::Reply::said),
                    failure,
                });
            }
            Wish::RunTool { step, call, .. } => {
                let touched = match call.name.as_str() {
                    "write_file" => {
                        vec![tool::Touched { path: RelPath::new("a.md").unwrap(), sha256: "h".into(), bytes: 1, wrote: true }]
                    }
                    _ => vec![],
                };
                let content = "x".repeat(3_000);
                self.put(Event::ToolFinished {
                    step,
                    call_id: call.id,
                    tool: call.name,
                    ok: true,
                    summary: String::new(),
                    content,
                    touched,
                });
            }
            Wish::SaveText { step, path, .. } => self.put(Event::Saved { step, path, sha256: "h".into(), bytes: 1 }),
            Wish::ReturnWork { .. } => {}
            Wish::Finish { status, reason } => self.put(Event::RunFinished { status, reason }),
        }
    }

    fn handed_over(&self) -> Vec<(&str, bool)> {
        let texts = self.records.iter().filter_map(|record| match &record.event {
            Event::HandedOver { text, exceeded, .. } => Some((text.as_str(), *exceeded)),
            _ => None,
        });
        texts.collect()
    }
}

fn reads(number: u32) -> (Vec<Block>, StopReason) {
    let call = |name: &str| {
        Block::ToolCall(ToolCall { id: format!("c{number}{name}"), name: name.into(), input: json!({"path": format!("{number}.md")}) })
    };
    (vec![call("read_file")], StopReason::ToolUse)
}

fn writes(number: u32) -> (Vec<Block>, StopReason) {
    let input = json!({"path": "a.md", "content": "x"});
    (vec![Block::ToolCall(ToolCall { id: format!("w{number}"), name: "write_file".into(), input })], StopReason::ToolUse)
}

fn says(text: &str) -> (Vec<Block>, StopReason) {
    (vec![Block::Text { text: text.into() }], StopReason::EndTurn)
}

#[test]
fn a_full_window_leads_to_a_written_hand_over_and_a_fresh_conversation() {
    // Three quarters of 4,000 tokens are full after the third reading of 3,000 bytes at the worst.
    let play = Play::run(Some(4_000), &|number, asked| {
        Ok(match (number, asked) {
            (_, true) => says("1.md to 4.md are read; write a.md."),
            (1..=4, _) => reads(number),
            (5..=6, _) => writes(number),
            _ => says("Done."),
        })
    });
    assert_eq!(play.workflow.finished.as_ref().unwrap().0, RunStatus::Completed);
    assert_eq!(play.handed_over(), [("1.md to 4.md are read; write a.md.", false)]);
    let at = play.requests.iter().position(|request| request.messages.len() == 1 && request.messages[0].blocks.len() == 2).unwrap();
    let opening = &play.requests[at].messages[0].blocks;
    assert_eq!(opening[0], Block::Text { text: "THE PROMPT".into() });
    assert!(matches!(&opening[1], Block::Text { text } if text.starts_with(HEAD) && text.ends_with("write a.md.")));
    assert_eq!(play.requests[at].system, play.requests[0].system);
    assert!(play.requests.iter().all(|request| weight(&request.messages) / 4 < 4_000), "a request was longer than the window");
}

#[test]
fn without_a_known_window_nothing_is_handed_over() {
    let play = Play::run(None, &|number, _| Ok(if number < 15 { reads(number) } else { says("Done.") }));
    assert!(play.handed_over().is_empty());
}

#[test]
fn an_exceeded_window_is_handed_over_once_from_what_is_known_and_then_fails() {
    let exceeded = |number: u32, _: bool| {
        Ok(match number {
            1 => writes(number),
            _ => (vec![], StopReason::ContextWindowExceeded),
        })
    };
    let play = Play::run(None, &exceeded);
    let handed = play.handed_over();
    assert_eq!((handed.len(), handed[0].1), (1, true));
    assert!(handed[0].0.contains("written by you: `a.md`"), "{}", handed[0].0);
    assert_eq!((play.calls, play.workflow.finished.as_ref().unwrap().0), (3, RunStatus::Failed));
    let refused = Play::run(None, &|_, _| Err(CallFailure::new(FailureClass::Overflow, "prompt is too long")));
    assert_eq!((refused.calls, refused.handed_over().len()), (2, 1));
}

#[test]
fn an_agent_that_calls_tools_instead_of_handing_over_is_helped_and_ends() {
    let play = Play::run(Some(4_000), &|number, _| Ok(reads(number)));
    assert!(!play.handed_over().is_empty() && play.handed_over().len() <= 8);
    assert_eq!(play.workflow.finished.as_ref().unwrap().0, RunStatus::Failed);
}
