//! The state of one step: its conversation with a model, the files it knows, what it cost. Changed only by events.
use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};

use crate::domain::message::CallFailure;
use crate::domain::{Block, Finding, Message, RelPath, Role, Said, StepStatus, StopReason, ToolCall, Usage};

/// A tool call that a reply asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingTool {
    pub call: ToolCall,
    pub started: bool,
    /// What the model will be told, and whether the call failed.
    pub result: Option<(String, bool)>,
}

/// A model call under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCall {
    pub ordinal: u32,
    pub note: Option<String>,
    pub model: Option<String>,
    pub max_output_tokens: Option<u32>,
}

/// How the last call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    Replied { stop: StopReason, text: String, cut_tool: bool },
    Failed(CallFailure),
}

/// One agent's conversation: append-only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversation {
    pub messages: Vec<Message>,
    pub open: Option<OpenCall>,
    /// The number of the last call that ended; 0 before the first.
    pub ordinal: u32,
    pub pending: Vec<PendingTool>,
    pub last: Option<Ended>,
    /// Answers cut off or paused, which do not count as turns.
    pub continuations: u32,
    pub nudges: u32,
    /// Answers in a row that broke off after they were paid for.
    pub broken: u32,
    /// Bytes of the messages of the last call, and the prompt tokens that the provider counted for it.
    pub measured: Option<(u64, u64)>,
}

/// Everything known about a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepState {
    pub status: StepStatus,
    /// 0 before the first start.
    pub attempt: u32,
    pub log: String,
    pub system: String,
    pub tools: Vec<String>,
    pub max_turns: u32,
    pub conversation: Conversation,
    /// Replies of this attempt that count against the turn limit.
    pub attempt_turns: u32,
    /// Replies in all attempts.
    pub turns: u32,
    pub usage: Usage,
    pub cost_usd: Option<f64>,
    pub cost_known: bool,
    pub started_at: Option<DateTime<FixedOffset>>,
    pub ended_at: Option<DateTime<FixedOffset>>,
    pub error: Option<String>,
    pub output_file: Option<RelPath>,
    /// The hash of each file as this step last read or wrote it.
    pub known: BTreeMap<RelPath, String>,
    /// Files written in this attempt.
    pub wrote: Vec<RelPath>,
    /// What a person said when the step was to be done again.
    pub retry_note: Option<String>,
    /// The step's result was approved (hash of the output then).
    pub result_decided: Option<bool>,
    /// Calls sent again because their end was not known.
    pub repeated_calls: u32,
    /// The call under way or just ended asks for a hand-over.
    pub handing_over: bool,
    /// Fresh conversations begun in this attempt.
    pub hand_overs: u32,
    /// One of them because the window was exceeded.
    pub overflowed: bool,
    /// What this attempt reported; `None` where it reported nothing, not even that nothing was found.
    pub findings: Option<Vec<Finding>>,
    /// How often findings came back to this step since it last started.
    pub reworks: u32,
}

impl Conversation {
    /// A call leaves: `note` joins the tail. A repeated start of the same call changes nothing; returns whether it was one.
    pub fn start_call(&mut self, call: OpenCall) -> bool {
        if self.open.as_ref().is_some_and(|open| open.ordinal == call.ordinal) {
            return true;
        }
        if let Some(note) = &call.note {
            push_user_text(&mut self.messages, note);
        }
        self.open = Some(call);
        false
    }

    /// A reply arrived. Returns whether it counts as a turn.
    pub fn take_reply(&mut self, reply: &Said, stop: StopReason) -> bool {
        let cut_tool = stop == StopReason::MaxTokens && matches!(reply.blocks.last(), Some(Block::ToolCall(_)));
        let refused = stop == StopReason::Refusal;
        // A pause may hold nothing but the provider's own tool blocks; the continuation needs them.
        let paused = stop == StopReason::PauseTurn && reply.raw.is_some();
        if !cut_tool && !refused && (!reply.blocks.is_empty() || paused) {
            self.messages.push(Message { role: Role::Assistant, blocks: reply.blocks.clone(), raw: reply.raw.clone() });
            let acts = !matches!(stop, StopReason::MaxTokens | StopReason::PauseTurn);
            if acts {
                self.pending = reply.tool_calls().map(|call| PendingTool { call: call.clone(), started: false, result: None }).collect();
            }
        }
        self.broken = 0;
        self.last = Some(Ended::Replied { stop, text: reply.text(), cut_tool });
        let continues = matches!(stop, StopReason::MaxTokens | StopReason::PauseTurn);
        if continues {
            self.continuations += 1;
        }
        !continues
    }

    /// A tool's result; when it was the last one missing, all results go to the model in one message, in the order of the calls.
    pub fn take_result(&mut self, call_id: &str, content: &str, ok: bool) {
        let Some(pending) = self.pending.iter_mut().find(|pending| pending.call.id == call_id && pending.result.is_none()) else { return };
        pending.result = Some((content.to_owned(), !ok));
        if self.pending.iter().any(|pending| pending.result.is_none()) {
            return;
        }
        let blocks = self
            .pending
            .drain(..)
            .filter_map(|pending| {
                let (content, is_error) = pending.result?;
                Some(Block::ToolResult { id: pending.call.id, content, is_error })
            })
            .collect();
        self.messages.push(Message { role: Role::User, blocks, raw: None });
    }

    /// How often this very call was made before, the pending ones left out.
    pub fn times_made(&self, call: &ToolCall) -> usize {
        let made = self.messages.iter().flat_map(|message| &message.blocks);
        let same = made.filter(|block| matches!(block, Block::ToolCall(other) if other.name == call.name && other.input == call.input));
        let pending = self.pending.iter().filter(|pending| pending.call.name == call.name && pending.call.input == call.input).count();
        same.count().saturating_sub(pending)
    }
}

/// News for the model joins the last message of ours, or becomes one.
pub(super) fn push_user_text(messages: &mut Vec<Message>, text: &str) {
    let block = Block::Text { text: text.to_owned() };
    match messages.last_mut() {
        Some(message) if message.role == Role::User => message.blocks.push(block),
        _ => messages.push(Message { role: Role::User, blocks: vec![block], raw: None }),
    }
}

impl StepState {
    /// Adds what a call cost.
    pub fn spend(&mut self, usage: Usage, cost: Option<f64>) {
        self.cost_usd = if self.usage == Usage::default() && self.turns == 0 && !self.cost_known {
            cost
        } else {
            crate::domain::usage::add_costs(self.cost_usd, cost)
        };
        self.cost_known = true;
        self.usage = self.usage.plus(usage);
    }

    /// Starts over: a fresh conversation, keeping what was spent and what is known of the files.
    pub fn reopen(&mut self, note: Option<String>) {
        self.status = StepStatus::Pending;
        self.conversation = Conversation::default();
        self.attempt_turns = 0;
        self.wrote.clear();
        self.error = None;
        self.ended_at = None;
        self.output_file = None;
        self.result_decided = None;
        self.retry_note = note;
        self.findings = None;
        self.reworks = 0;
        self.handing_over = false;
        self.hand_overs = 0;
        self.overflowed = false;
    }

    /// Takes what the agent reported; the same finding counts once.
    pub fn report(&mut self, reported: Vec<Finding>) {
        let findings = self.findings.get_or_insert_default();
        for finding in reported {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }

    /// Goes on in a fresh conversation.
    pub fn hand_over(&mut self, text: &str, exceeded: bool) {
        let opening = super::hand_over::opening(self.conversation.messages.first(), text);
        let ordinal = self.conversation.ordinal;
        self.conversation = Conversation { messages: vec![opening], ordinal, ..Conversation::default() };
        self.handing_over = false;
        self.hand_overs += 1;
        self.overflowed |= exceeded;
    }

    /// Goes on in the same conversation with what a reviewer found. What was written stays.
    pub fn rework(&mut self, note: &str) {
        self.status = StepStatus::Running;
        self.attempt_turns = 0;
        self.ended_at = None;
        self.error = None;
        self.result_decided = None;
        self.reworks += 1;
        let conversation = &mut self.conversation;
        conversation.last = None;
        conversation.continuations = 0;
        push_user_text(&mut conversation.messages, note);
    }
}
