//! How every played run of the engine's tests begins, and the time at which all of it happens.
use chrono::DateTime;

use crate::domain::Goal;
use crate::domain::event::{Event, Record, SCHEMA};
use crate::domain::policy::ApprovalMode;

/// The first event of a run with the goal "Write"; its limits are in US dollars and in tokens.
pub fn started(budget_usd: Option<f64>, budget_tokens: Option<u64>) -> Event {
    Event::RunStarted {
        schema: SCHEMA,
        run_id: "143022-k7".into(),
        goal: Goal::new("Write").unwrap(),
        project: "/p".into(),
        inputs: vec![],
        provider: "p".into(),
        model: None,
        approvals: ApprovalMode::Plan,
        resumed: false,
        version: "0".into(),
        budget_usd,
        budget_tokens,
    }
}

pub fn recorded(seq: u64, event: Event) -> Record {
    Record { seq, at: DateTime::parse_from_rfc3339("2026-11-22T14:30:22+01:00").unwrap(), event }
}
