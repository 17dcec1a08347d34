//! Tests of reviews: a writer and a reviewer play scripts, and the engine decides what goes back, how often, and which version stays.
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use crate::domain::agent::built_in_agents;
use crate::domain::event::{Event, Kept, PlannedBy, Record};
use crate::domain::hash::sha256;
use crate::domain::message::{CallFailure, FailureClass};
use crate::domain::tool::Touched;
use crate::domain::view::Verdict;
use crate::domain::*;

use super::super::test_support::{recorded, started};
use super::super::{Workflow, next, prompt, report};
use super::*;

/// What an agent does with one call.
#[derive(Debug, Clone)]
enum Act {
    Write(&'static str),
    /// Reports this many errors in the writer's file, and writes the report.
    Report(usize),
    /// Writes the report and reports nothing.
    OnlyWrite,
    Say,
    Fail,
}

struct Play {
    workflow: Workflow,
    policy: Policy,
    records: Vec<Record>,
    writer: Vec<Act>,
    reviewer: Vec<Act>,
    text: String,
    calls: usize,
}

fn plan() -> Plan {
    let step = |id: usize, agent: &str, needs: Vec<StepId>, output: &str| Step {
        id: StepId::numbered(id),
        agent: agent.into(),
        title: "Work".into(),
        instructions: String::new(),
        needs,
        output: RelPath::new(output).unwrap(),
        approve: false,
        uses: vec![],
        skip: false,
    };
    let reviews = step(2, "qa_tester", vec![StepId::numbered(1)], "qa.md");
    let after = step(3, "writer", vec![StepId::numbered(2)], "after.md");
    Plan { title: "T".into(), steps: vec![step(1, "writer", vec![], "a.md"), reviews, after] }
}

impl Play {
    fn new(writer: Vec<Act>, reviewer: Vec<Act>) -> Play {
        let spec = |name: &str| ToolSpec { name: name.into(), description: String::new(), input_schema: json!({}).into() };
        let policy = Policy {
            agents: built_in_agents().into_iter().map(|agent| (agent.name.clone(), agent)).collect::<BTreeMap<_, _>>().into(),
            tools: ["write_file", "read_file", REPORT_FINDINGS].iter().map(|name| ((*name).to_owned(), spec(name).into())).collect(),
            read_only_tools: BTreeSet::from([REPORT_FINDINGS.to_owned(), "read_file".to_owned()]),
            max_parallel: 1,
            ..Policy::default()
        };
        let mut play = Play { workflow: Workflow::replay(&[]), policy, records: vec![], writer, reviewer, text: String::new(), calls: 0 };
        play.put(started(None, None));
        play
    }

    fn put(&mut self, event: Event) {
        let record = recorded(self.records.len() as u64 + 1, event);
        self.workflow.apply(&record);
        self.records.push(record);
    }

    /// Plays to the end; returns how the run ended.
    fn run(&mut self) -> RunStatus {
        for _ in 0..500 {
            let wishes = next(&self.workflow, &self.policy);
            assert!(!wishes.is_empty(), "stuck");
            for wish in wishes {
                self.fulfil(wish);
            }
            if let Some((status, _)) = self.workflow.finished {
                assert_eq!(Workflow::replay(&self.records), self.workflow);
                return status;
            }
        }
        panic!("the run does not end");
    }

    fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Plan { .. } => self.put(Event::Planned { plan: plan(), text: "p".into(), by: PlannedBy::Rules }),
            Wish::Record(event) => self.put(*event),
            Wish::Ask(question) => self.put(Event::Asked { question: *question }),
            Wish::StartStep { step, attempt } => {
                let planned = self.workflow.plan_step(&step).unwrap();
                let opening = prompt::opening(&self.workflow, &self.policy, planned, &[]);
                let agent = planned.agent.clone();
                let prompt::Opening { system, prompt, tools, max_turns } = opening;
                self.put(Event::StepStarted { step, attempt, agent, log: String::new(), tools, max_turns, system, prompt });
            }
            Wish::CallModel { step, ordinal, note, .. } => self.call(step, ordinal, note),
            Wish::RunTool { step, call, .. } => self.tool(step, call),
            Wish::SaveText { step, path, text, verbatim } => {
                // The driver adds the sources that a text cites, unless it is told not to.
                let text = if verbatim { text } else { format!("{text}\n[^s1]: a source") };
                if path.as_str() == "a.md" {
                    self.text = text.clone();
                }
                self.put(Event::Saved { step, path, sha256: sha256(text.as_bytes()), bytes: 1 });
            }
            Wish::ReturnWork { step, review, round, note, paths } => {
                let text = self.text.clone();
                let ours = paths.into_iter().filter(|path| path.as_str() == "a.md");
                let kept = ours.map(|path| Kept { path, sha256: sha256(text.as_bytes()), text: text.clone() }).collect();
                self.put(Event::Returned { step, review, round, note, kept });
            }
            Wish::Finish { status, reason } => self.put(Event::RunFinished { status, reason }),
        }
    }

    fn call(&mut self, step: StepId, ordinal: u32, note: Option<String>) {
        self.calls += 1;
        let scripts = match step.as_str() {
            "s1" => &mut self.writer,
            "s2" => &mut self.reviewer,
            _ => &mut vec![Act::Say],
        };
        let act = if scripts.is_empty() { Act::Say } else { scripts.remove(0) };
        self.put(Event::CallStarted { step: step.clone(), ordinal, request_hash: "h".into(), model: None, max_output_tokens: None, note });
        let call = |name: &str, input| ToolCall { id: format!("{step}-{ordinal}-{name}"), name: name.into(), input };
        let report = |count: usize| {
            let finding =
                |number| json!({"path": "a.md", "severity": "error", "rule": format!("r{number}"), "evidence": "e", "advice": "mend"});
            json!({"findings": (0..count).map(finding).collect::<Vec<_>>()})
        };
        let output = if step.as_str() == "s1" { "a.md" } else { "qa.md" };
        let write = |text: &str| call("write_file", json!({"path": output, "content": text}));
        let calls = match &act {
            Act::Write(text) => vec![write(text)],
            Act::Report(count) => vec![call(REPORT_FINDINGS, report(*count)), write("report")],
            Act::OnlyWrite => vec![write("report")],
            Act::Say | Act::Fail => vec![],
        };
        let stop = if calls.is_empty() { StopReason::EndTurn } else { StopReason::ToolUse };
        let blocks =
            if calls.is_empty() { vec![Block::Text { text: "Done.".into() }] } else { calls.into_iter().map(Block::ToolCall).collect() };
        let failure = matches!(act, Act::Fail).then(|| CallFailure::new(FailureClass::Doomed, "no"));
        let usage = Usage::default();
        let reply = failure.is_none().then_some(Reply { blocks, stop, usage, cost_usd: Some(0.0), request_id: None, raw: None });
        self.put(Event::CallFinished {
            step,
            ordinal,
            request_id: None,
            stop,
            usage,
            cost_usd: Some(0.0),
            reply: reply.map(crate::domain::Reply::said),
            failure,
        });
    }

    fn tool(&mut self, step: StepId, call: ToolCall) {
        let mut touched = vec![];
        let mut content = "ok".to_owned();
        if call.name == "write_file" {
            let text = call.input["content"].as_str().unwrap();
            let path = RelPath::new(call.input["path"].as_str().unwrap()).unwrap();
            if path.as_str() == "a.md" {
                self.text = text.to_owned();
            }
            touched.push(Touched { path, sha256: sha256(text.as_bytes()), bytes: 1, wrote: true });
        } else {
            content = call.input.to_string();
        }
        self.put(Event::ToolFinished { step, call_id: call.id, tool: call.name, ok: true, summary: String::new(), content, touched });
    }

    fn review(&self) -> ReviewView {
        report::state(&self.workflow).steps[1].review.unwrap()
    }

    fn returned(&self) -> usize {
        self.records.iter().filter(|record| matches!(record.event, Event::Returned { .. })).count()
    }
}

const VERSIONS: [Act; 6] = [Act::Write("v0"), Act::Say, Act::Write("v1"), Act::Say, Act::Write("v2"), Act::Say];

fn reviews(counts: &[usize]) -> Vec<Act> {
    counts.iter().flat_map(|count| [Act::Report(*count), Act::Say]).collect()
}

#[test]
fn findings_go_back_until_there_are_none_and_the_author_is_told_them() {
    let mut play = Play::new(VERSIONS.to_vec(), reviews(&[2, 0]));
    assert_eq!(play.run(), RunStatus::Completed);
    let review = play.review();
    assert_eq!((review.verdict, review.rounds, review.errors, play.text.as_str()), (Verdict::Passed, 1, 0, "v1"));
    let told = play.workflow.step(&StepId::numbered(1)).unwrap().conversation.messages.iter().flat_map(|message| &message.blocks);
    let told = told.filter(|block| matches!(block, Block::Text { text } if text.contains("1. error r0 in a.md: e Advice: mend"))).count();
    assert_eq!(told, 1);
    let again = play.workflow.step(&StepId::numbered(2)).unwrap();
    assert!(matches!(&again.conversation.messages[0].blocks[0], Block::Text { text } if text.contains("# Your last review")));
}

#[test]
fn findings_go_back_twice_at_the_most_and_the_best_version_is_kept() {
    for (counts, kept, errors) in
        [([3, 2, 1], "v2", 1), ([3, 1, 2], "v1", 1), ([1, 2, 3], "v0", 1), ([2, 2, 2], "v2", 2), ([2, 1, 1], "v2", 1)]
    {
        let mut play = Play::new(VERSIONS.to_vec(), reviews(&counts));
        assert_eq!(play.run(), RunStatus::Completed);
        let review = play.review();
        assert_eq!((play.text.as_str(), play.returned()), (kept, 2), "{counts:?}");
        assert_eq!((review.verdict, review.rounds, review.errors), (Verdict::Findings, 2, errors), "{counts:?}");
        assert_eq!(play.workflow.files["a.md"].sha256, sha256(kept.as_bytes()));
    }
}

#[test]
fn an_author_that_changes_nothing_ends_the_rounds_and_keeps_its_file() {
    let mut play = Play::new(vec![Act::Write("v0"), Act::Say, Act::Say], reviews(&[2]));
    assert_eq!(play.run(), RunStatus::Completed);
    assert_eq!((play.returned(), play.text.as_str(), play.review().errors), (1, "v0", 2));
    assert_eq!(play.calls, 6, "two calls each, one more of the author and the step after the review");
}

#[test]
fn an_author_that_fails_at_the_findings_keeps_what_it_had_delivered() {
    let mut play = Play::new(vec![Act::Write("v0"), Act::Say, Act::Fail], reviews(&[1]));
    assert_eq!(play.run(), RunStatus::Completed);
    assert_eq!(play.workflow.step_status(&StepId::numbered(1)), StepStatus::Completed);
    assert!(play.workflow.notes.iter().any(|note| note.text.contains("could not be worked in")));
    assert!(report::summary(&play.workflow, &[]).contains("**findings** (1 errors"));
}

#[test]
fn a_review_that_reports_nothing_fails_or_runs_out_of_turns_is_unknown() {
    let mut silent = Play::new(VERSIONS.to_vec(), vec![Act::OnlyWrite, Act::Say]);
    assert_eq!((silent.run(), silent.review().verdict), (RunStatus::Completed, Verdict::Unknown));
    let mut failed = Play::new(VERSIONS.to_vec(), vec![Act::Report(0), Act::Fail]);
    assert_eq!((failed.run(), failed.review().verdict), (RunStatus::Failed, Verdict::Unknown));
    let mut short = Play::new(VERSIONS.to_vec(), vec![Act::Report(0); 5]);
    Arc::make_mut(&mut short.policy.agents).get_mut("qa_tester").unwrap().max_turns = 1;
    assert_eq!((short.run(), short.review().verdict), (RunStatus::Completed, Verdict::Unknown));
    let mut passed = Play::new(VERSIONS.to_vec(), reviews(&[0]));
    assert_eq!((passed.run(), passed.review().verdict), (RunStatus::Completed, Verdict::Passed));
}

#[test]
fn an_unreviewed_version_is_not_thrown_away_for_an_older_one() {
    let mut play = Play::new(VERSIONS.to_vec(), vec![Act::Report(1), Act::Say, Act::OnlyWrite, Act::Say]);
    assert_eq!(play.run(), RunStatus::Completed);
    assert_eq!((play.text.as_str(), play.review().verdict), ("v1", Verdict::Unknown));
}

#[test]
fn a_step_that_a_person_reopens_starts_its_rounds_anew() {
    let mut play = Play::new(VERSIONS.to_vec(), reviews(&[2, 0]));
    play.run();
    play.put(Event::StepReopened { step: StepId::numbered(1), note: Some("shorter".into()) });
    assert!(play.workflow.reviews.is_empty());
}

#[test]
fn a_reviewer_whose_author_is_reopened_in_the_middle_of_a_round_reviews_anew() {
    let mut play = Play::new(VERSIONS.to_vec(), reviews(&[2, 0]));
    while play.returned() == 0 {
        for wish in next(&play.workflow, &play.policy) {
            play.fulfil(wish);
        }
    }
    assert_eq!(play.workflow.step_status(&StepId::numbered(2)), StepStatus::Running, "it waits for the author's next version");
    play.put(Event::StepReopened { step: StepId::numbered(1), note: Some("shorter".into()) });
    assert_eq!(play.workflow.step_status(&StepId::numbered(2)), StepStatus::Pending);
    assert!(play.workflow.reviews.is_empty());
    play.reviewer = reviews(&[0]);
    assert_eq!(play.run(), RunStatus::Completed);
    assert_eq!((play.review().verdict, play.review().rounds), (Verdict::Passed, 0));
}
