//! What a run has spent, on its way into the ledger of the day that all runs of a user share. Counts at once, writes seldom.
use std::sync::Arc;

use crate::domain::{Event, Result};

use super::driver::Driver;
use super::shared::blocking;

/// The day's limit is near when it leaves less than so many calls like the last ones.
const CALLS_AHEAD: f64 = 20.0;

/// Amounts in US dollars.
#[derive(Debug, Default)]
pub(super) struct Spending {
    /// Spent, and not yet in the ledger.
    unentered: f64,
    /// What the calls that ended together last came to.
    last: f64,
}

impl Driver {
    /// Counts what these events cost against what the day leaves, before anything else asks for it.
    pub(super) fn count_spend(&mut self, events: &[Event]) {
        let costs = events.iter().filter_map(|event| if let Event::CallFinished { cost_usd, .. } = event { *cost_usd } else { None });
        let spent: f64 = costs.sum();
        self.spending.unentered += spent;
        self.spending.last = spent;
        self.policy.left_today_usd = self.policy.left_today_usd.map(|left| left - spent);
    }

    /// Whether what other runs spend has to count with the very next call.
    pub(super) fn is_near_the_days_limit(&self) -> bool {
        self.policy.left_today_usd.is_some_and(|left| left < self.spending.last * CALLS_AHEAD)
    }

    /// Enters what was spent into the ledger, and takes from it what the day leaves: when the views are written, when the run lets go, and
    /// near the day's limit after each call.
    pub(super) async fn enter_spend(&mut self) -> Result<()> {
        let spent = std::mem::take(&mut self.spending.unentered);
        if spent <= 0.0 {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let entered = blocking(move || shared.memory.add_spend(shared.clock.now().date_naive(), spent)).await;
        match entered {
            Ok(today) => {
                self.policy.left_today_usd = self.policy.left_today_usd.and(self.shared.settings.per_day_usd).map(|limit| limit - today);
                Ok(())
            }
            Err(error) => self.warn(format!("the day's spend could not be entered: {}", error.what)).await,
        }
    }
}
