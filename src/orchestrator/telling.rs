//! What a run tells: its state to whoever holds it, its events to whoever listens, its views to the disk. Decides nothing and writes no journal.
use std::sync::Arc;

use crate::domain::{Error, Event, Record, Result, RunState, RunStatus};
use crate::engine::report;

use super::driver::Driver;
use super::feed::Update;
use super::shared::blocking;

impl Driver {
    /// Whoever hears of a question or a plan may open its document at once: it is written first.
    pub(super) async fn tell(&mut self) -> Result<()> {
        if self.owes_sync {
            self.sync().await?;
        }
        if !self.untold.is_empty() {
            self.state.send_replace(Arc::new(report::state(&self.workflow)));
        }
        if self.outlook.urgent {
            self.refresh().await?;
        }
        self.publish_untold();
        Ok(())
    }

    fn publish_untold(&mut self) {
        for (record, state) in std::mem::take(&mut self.untold) {
            self.publish(record, state);
        }
    }

    /// Takes a record in. The state after it is rendered only for those who listen.
    pub(super) fn take(&mut self, record: Record) -> (Record, Option<Arc<RunState>>) {
        self.workflow.apply(&record);
        self.spans.take(&record.event);
        let log = record.event.step().and_then(|step| self.workflow.step(step)).map(|state| state.log.clone());
        self.outlook.take(&record, log.as_deref().filter(|log| !log.is_empty()));
        let state = self.shared.feed.has_listeners().then(|| Arc::new(report::state(&self.workflow)));
        (record, state)
    }

    fn publish(&self, record: Record, state: Option<Arc<RunState>>) {
        let Some(state) = state else { return };
        let workspace = Arc::clone(&self.handle.workspace);
        self.shared.feed.publish(&Update { run_id: self.handle.run_id.clone(), workspace, record: Arc::new(record), state });
    }

    /// Our own disk failed: the journal cannot say so, but whoever listens must hear it.
    pub(super) fn publish_failure(&mut self, error: &Error) {
        self.publish_untold();
        let event = Event::RunFinished { status: RunStatus::Paused, reason: Some(error.what.clone()) };
        let record = Record { seq: self.workflow.last_seq + 1, at: self.shared.clock.now(), event };
        self.workflow.apply(&record);
        self.spans.take(&record.event);
        let state = Arc::new(report::state(&self.workflow));
        self.state.send_replace(Arc::clone(&state));
        self.outlook.dirty = true;
        self.publish(record, Some(state));
    }

    /// Writes the views that changed.
    pub(super) async fn refresh(&mut self) -> Result<()> {
        if !self.outlook.dirty {
            return Ok(());
        }
        self.last_refresh = Some(self.shared.clock.instant());
        self.alarm = None;
        let state = self.state.borrow().clone();
        let Some(due) = self.outlook.due(&self.workflow, &state, &self.workspace, &self.shared.buffers) else { return Ok(()) };
        let workspace = Arc::clone(&self.workspace);
        let cache = blocking(move || due.write(&workspace)).await?;
        self.outlook.written(cache);
        Ok(())
    }

    pub(super) fn since(&self, instant: std::time::Instant) -> std::time::Duration {
        self.shared.clock.instant().saturating_duration_since(instant)
    }
}
