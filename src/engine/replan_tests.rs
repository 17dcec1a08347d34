//! Tests of planning the rest anew: only with a person, only once, and a refusal ends the run as it stood.
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::domain::agent::built_in_agents;
use crate::domain::event::{Event, PlannedBy, Record};
use crate::domain::message::{CallFailure, FailureClass};
use crate::domain::plan::PlanRules;
use crate::domain::*;

use super::super::test_support::{recorded, started};
use super::super::{Wish, Workflow, commands};

struct Play {
    records: Vec<Record>,
    workflow: Workflow,
    policy: Policy,
    answers: Vec<String>,
    planner_calls: usize,
    questions: Vec<Question>,
    approve: bool,
}

fn step(id: &str, needs: &[&str], output: &str) -> Value {
    json!({"id": id, "agent": "writer", "title": format!("Do {id}"), "instructions": "", "needs": needs, "output": output, "approve": false, "uses": ["web"]})
}

fn plan(steps: &[Value]) -> String {
    json!({"title": "T", "steps": steps}).to_string()
}

fn policy(interactive: bool) -> Policy {
    Policy {
        agents: built_in_agents().into_iter().map(|agent| (agent.name.clone(), agent)).collect::<BTreeMap<_, _>>().into(),
        interactive,
        max_parallel: 2,
        plan_rules: PlanRules { agents: vec!["writer".into()], allowed_extensions: vec![".md".into()], max_steps: 9 },
        plan_by_model: true,
        model: Some("m".into()),
        ..Policy::default()
    }
}

/// s1 succeeds, s2 (which s3 needs) fails for good; the planner answers with `answers`.
fn play(interactive: bool, approve: bool, answers: &[String]) -> Play {
    let first = plan(&[step("s1", &[], "a.md"), step("s2", &["s1"], "b.md"), step("s3", &["s2"], "c.md")]);
    let answers = [first].iter().chain(answers).cloned().collect();
    let mut play = Play {
        records: vec![],
        workflow: Workflow::replay(&[]),
        policy: policy(interactive),
        answers,
        planner_calls: 0,
        questions: vec![],
        approve,
    };
    play.put(started(None, None));
    play.run();
    play
}

impl Play {
    fn put(&mut self, event: Event) {
        let record = recorded(self.records.len() as u64 + 1, event);
        self.workflow.apply(&record);
        self.records.push(record);
    }

    fn run(&mut self) {
        for _ in 0..200 {
            for wish in super::super::next(&self.workflow, &self.policy) {
                self.fulfil(wish);
            }
            if self.workflow.finished.is_some() {
                assert_eq!(Workflow::replay(&self.records), self.workflow);
                return;
            }
            let Some(question) = self.workflow.questions.first().cloned() else { continue };
            let approved = question.subject != Subject::Replan || self.approve;
            let decision = Decision { approved, ..Decision::default() };
            let command = Command::Answer { id: question.id.clone(), hash: Some(question.hash.clone()), decision, via: Via::Prompt };
            for event in commands::decide(&self.workflow, &command).unwrap() {
                self.put(event);
            }
            self.questions.push(question);
        }
        panic!("the run does not end");
    }

    fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Plan { made, .. } => {
                let plan = *made.expect("a model's plan");
                let text = format!("{plan:?}");
                self.put(Event::Planned { plan, text, by: PlannedBy::Model });
            }
            Wish::Record(event) => self.put(*event),
            Wish::Ask(question) => self.put(Event::Asked { question: *question }),
            Wish::StartStep { step, attempt } => self.put(Event::StepStarted {
                step,
                attempt,
                agent: "writer".into(),
                log: String::new(),
                tools: vec![],
                max_turns: 2,
                system: String::new(),
                prompt: "p".into(),
            }),
            Wish::CallModel { step, ordinal, note, .. } => {
                self.put(Event::CallStarted {
                    step: step.clone(),
                    ordinal,
                    request_hash: "h".into(),
                    model: None,
                    max_output_tokens: None,
                    note,
                });
                let plans = step.as_str().starts_with("planner");
                let text = if plans { self.answers.remove(0) } else { "Done.".into() };
                self.planner_calls += usize::from(plans);
                let failure = (step.as_str() == "s2").then(|| CallFailure::new(FailureClass::Doomed, "it cannot be done"));
                let usage = Usage { input_tokens: 7, output_tokens: 3, ..Usage::default() };
                let blocks = vec![Block::Text { text }];
                let reply = Reply { blocks, stop: StopReason::EndTurn, usage, cost_usd: Some(0.5), request_id: None, raw: None };
                let reply = failure.is_none().then_some(reply);
                let stop = StopReason::EndTurn;
                self.put(Event::CallFinished {
                    step,
                    ordinal,
                    request_id: None,
                    stop,
                    usage,
                    cost_usd: Some(0.5),
                    reply: reply.map(crate::domain::Reply::said),
                    failure,
                });
            }
            Wish::SaveText { step, path, .. } => self.put(Event::Saved { step, path, sha256: "h".into(), bytes: 1 }),
            Wish::Finish { status, reason } => self.put(Event::RunFinished { status, reason }),
            Wish::RunTool { .. } | Wish::ReturnWork { .. } => {}
        }
    }

    fn status(&self) -> RunStatus {
        self.workflow.finished.as_ref().unwrap().0
    }

    fn ids(&self) -> Vec<&str> {
        self.workflow.plan_steps().iter().map(|step| step.id.as_str()).collect()
    }
}

#[test]
fn the_rest_is_planned_anew_after_a_yes_and_what_is_finished_stays() {
    let run = play(true, true, &[plan(&[step("s4", &["s1"], "b.md"), step("s5", &["s4"], "c.md")])]);
    assert_eq!((run.status(), run.ids()), (RunStatus::Completed, vec!["s1", "s4", "s5"]));
    assert_eq!((run.planner_calls, run.workflow.usage().total()), (2, 60), "what was given up still counts");
    let asked = run.questions.iter().find(|question| question.subject == Subject::Replan).unwrap();
    assert_eq!(asked.what, "replan: 2 new steps instead of 2");
    for part in
        ["- s4 writer: Do s4 → `b.md`, needs s1, uses web", "s2 writer: Do s2 (it cannot be done)", "to be paid again: $0.5000, 10 tokens"]
    {
        assert!(asked.detail.contains(part), "{part} in {}", asked.detail);
    }
    assert!(run.workflow.plan.as_ref().unwrap().declared.contains(&(StepId("s4".into()), "web".into())));
}

#[test]
fn a_no_ends_the_run_as_it_stood() {
    let run = play(true, false, &[plan(&[step("s4", &["s1"], "b.md")])]);
    assert_eq!((run.status(), run.ids()), (RunStatus::Failed, vec!["s1", "s2", "s3"]));
}

#[test]
fn with_nobody_there_nothing_is_asked_or_paid() {
    let run = play(false, false, &[]);
    assert_eq!((run.status(), run.planner_calls), (RunStatus::Failed, 1));
}

#[test]
fn an_answer_that_plans_finished_steps_again_is_repaired_and_an_unusable_one_changes_nothing() {
    let again = plan(&[step("s1", &[], "a.md")]);
    let good = plan(&[step("s4", &["s1"], "b.md")]);
    let run = play(true, true, &[again.clone(), good]);
    assert_eq!((run.status(), run.planner_calls), (RunStatus::Completed, 3));
    let run = play(true, true, &[again, "no".into(), "{}".into()]);
    assert_eq!((run.status(), run.planner_calls), (RunStatus::Failed, 4));
}
