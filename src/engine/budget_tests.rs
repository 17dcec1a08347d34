//! The budget's promise: however calls of many agents, the planner and the reviewers end, what was spent never goes past a limit.
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use crate::domain::agent::built_in_agents;
use crate::domain::event::{Event, PlannedBy};
use crate::domain::message::{CallFailure, FailureClass};
use crate::domain::plan::PlanRules;
use crate::domain::*;

use super::super::test_support::{recorded, started};
use super::super::{Wish, Workflow, next, turn};
use super::*;

const AGENTS: usize = 64;

/// How a call ends: shares of the worst case (per cent) that it used, and what came of it.
#[derive(Debug, Clone, Copy)]
struct Fate {
    input: u64,
    output: u64,
    breaks: bool,
    silent: bool,
    /// Which of the calls under way ends next.
    order: usize,
}

fn fate() -> impl Strategy<Value = Fate> {
    (0u64..=100, 0u64..=100, prop::bool::weighted(0.15), prop::bool::weighted(0.3), 0usize..AGENTS)
        .prop_map(|(input, output, breaks, silent, order)| Fate { input, output, breaks, silent, order })
}

struct Flight {
    step: StepId,
    ordinal: u32,
    worst: Ask,
}

struct Play {
    workflow: Workflow,
    policy: Policy,
    seq: u64,
    flights: Vec<Flight>,
    most_at_once: usize,
}

fn plan() -> Plan {
    let step = |number: usize| Step {
        id: StepId::numbered(number),
        agent: if number.is_multiple_of(8) { "qa_tester" } else { "writer" }.into(),
        title: "T".into(),
        instructions: String::new(),
        needs: vec![],
        output: RelPath::new(&format!("o{number}.md")).unwrap(),
        approve: false,
        uses: vec![],
        skip: false,
    };
    Plan { title: "T".into(), steps: (1..=AGENTS).map(step).collect() }
}

impl Play {
    fn new(limit_usd: Option<f64>, limit_tokens: Option<u64>) -> Play {
        let policy = Policy {
            agents: built_in_agents().into_iter().map(|agent| (agent.name.clone(), agent)).collect::<BTreeMap<_, _>>().into(),
            max_parallel: AGENTS,
            plan_rules: PlanRules {
                agents: vec!["writer".into(), "qa_tester".into()],
                allowed_extensions: vec![".md".into()],
                max_steps: 0,
            },
            plan_by_model: true,
            model: Some("m".into()),
            max_output_tokens: Some(2_000),
            budget_usd: limit_usd,
            budget_tokens: limit_tokens,
            rates: BTreeMap::from([("m".to_owned(), Rates { input: 3.0, output: 15.0 })]),
            ..Policy::default()
        };
        let mut play = Play { workflow: Workflow::replay(&[]), policy, seq: 0, flights: vec![], most_at_once: 0 };
        play.put(started(limit_usd, limit_tokens));
        play
    }

    fn put(&mut self, event: Event) {
        self.seq += 1;
        self.workflow.apply(&recorded(self.seq, event));
    }

    /// Fulfils wishes until only calls are under way.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            let wishes = next(&self.workflow, &self.policy);
            let before = self.seq;
            wishes.into_iter().for_each(|wish| self.fulfil(wish));
            self.most_at_once = self.most_at_once.max(self.flights.len());
            if self.seq == before || self.workflow.finished.is_some() {
                return;
            }
        }
        panic!("it does not settle");
    }

    fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Plan { .. } => self.put(Event::Planned { plan: plan(), text: "p".into(), by: PlannedBy::Model }),
            Wish::Record(event) => self.put(*event),
            Wish::Ask(question) => self.put(Event::Asked { question: *question }),
            Wish::StartStep { step, attempt } => self.put(Event::StepStarted {
                step,
                attempt,
                agent: "writer".into(),
                log: String::new(),
                tools: vec![],
                max_turns: 4,
                system: "s".into(),
                prompt: "p".repeat(900),
            }),
            Wish::CallModel { step, ordinal, note, max_output_tokens, request } => {
                if self.flights.iter().any(|flight| flight.step == step) {
                    return;
                }
                let request = request.map(|request| *request).unwrap_or_else(|| {
                    let planned = self.workflow.plan_step(&step).unwrap();
                    turn::request(&self.workflow, &self.policy, planned, (&note, max_output_tokens)).unwrap()
                });
                let worst = ask_of(&self.policy, &request);
                self.put(Event::CallStarted {
                    step: step.clone(),
                    ordinal,
                    request_hash: "h".into(),
                    model: None,
                    max_output_tokens,
                    note,
                });
                self.flights.push(Flight { step, ordinal, worst });
            }
            Wish::SaveText { step, path, .. } => self.put(Event::Saved { step, path, sha256: "h".into(), bytes: 1 }),
            Wish::Finish { status, reason } => self.put(Event::RunFinished { status, reason }),
            Wish::RunTool { .. } | Wish::ReturnWork { .. } => {}
        }
    }

    fn land(&mut self, fate: Fate) {
        let Flight { step, ordinal, worst } = self.flights.swap_remove(fate.order % self.flights.len());
        let usage = Usage {
            input_tokens: worst.input * fate.input / 100,
            output_tokens: u64::from(worst.output) * fate.output / 100,
            ..Usage::default()
        };
        let cost_usd = Some(price(Rates { input: 3.0, output: 15.0 }, usage.input_tokens, usage.output_tokens));
        let failure = fate.breaks.then(|| CallFailure { again: true, ..CallFailure::new(FailureClass::Transient, "broke off") });
        let text = if step == turn::planner_id() {
            let step = json!({"id": "s1", "agent": "writer", "title": "T", "needs": [], "output": "o1.md"});
            json!({"title": "T", "steps": [step]}).to_string()
        } else {
            "Done.".to_owned()
        };
        let blocks = if fate.silent && step != turn::planner_id() { vec![] } else { vec![Block::Text { text }] };
        let stop = StopReason::EndTurn;
        let reply = failure.is_none().then_some(Reply { blocks, stop, usage, cost_usd, request_id: None, raw: None });
        self.put(Event::CallFinished {
            step,
            ordinal,
            request_id: None,
            stop,
            usage,
            cost_usd,
            reply: reply.map(crate::domain::Reply::said),
            failure,
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn sixty_four_agents_never_spend_more_than_the_limit(
        fates in prop::collection::vec(fate(), 40..200),
        usd in prop::option::of(0.01f64..3.0),
        tokens in prop::option::of(1_000u64..400_000),
    ) {
        prop_assume!(usd.is_some() || tokens.is_some());
        let mut play = Play::new(usd, tokens);
        for fate in fates {
            play.settle();
            if play.workflow.finished.is_some() || play.flights.is_empty() {
                break;
            }
            play.land(fate);
            let spent = play.workflow.cost_usd().unwrap();
            prop_assert!(usd.is_none_or(|limit| spent <= limit + 1e-9), "{} of {:?} dollars", spent, usd);
            let used = play.workflow.usage().total();
            prop_assert!(tokens.is_none_or(|limit| used <= limit), "{} of {:?} tokens", used, tokens);
        }
        prop_assert!(play.workflow.questions.is_empty(), "nobody is there to be asked");
    }
}

#[test]
fn a_wide_budget_lets_all_agents_ask_at_once() {
    let mut play = Play::new(Some(1_000.0), None);
    play.settle();
    play.land(Fate { input: 10, output: 10, breaks: false, silent: false, order: 0 });
    play.settle();
    assert_eq!(play.most_at_once, AGENTS);
}
