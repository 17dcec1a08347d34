//! The journal's way to the disk, and which thread waits for it. Decides nothing about what has to be durable.
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Error, Result};

use super::driver::Driver;
use super::shared::blocking;

/// Handing work to another thread and hearing back takes about as long: where the disk is quicker, it is waited for on the spot.
const QUICK: Duration = Duration::from_micros(100);

impl Driver {
    /// Returns once the journal would survive a power cut.
    pub(super) async fn sync(&mut self) -> Result<()> {
        (self.wrote_unsynced, self.owes_sync) = (false, false);
        if !self.shared.durable {
            return Ok(());
        }
        let Some(mut journal) = self.journal.take() else { return Err(Error::internal("the journal is gone")) };
        let clock = Arc::clone(&self.shared.clock);
        let work = move || {
            let begun = clock.instant();
            let synced = journal.sync();
            Ok((journal, synced, clock.instant().saturating_duration_since(begun)))
        };
        let (journal, synced, took) = if self.sync_took < QUICK { work()? } else { blocking(work).await? };
        (self.journal, self.sync_took) = (Some(journal), took);
        synced
    }
}
