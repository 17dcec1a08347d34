//! The governor's door: tasks wait here until the state lets them go. Wakes exactly those that may; never polls; leaving the queue is safe at any time.
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::retry::MAX_WAIT;
use super::state::{Limits, State, Visit};

/// Cheap to clone; all clones are one governor.
#[derive(Clone)]
pub struct Governor(Arc<Door>);

struct Door {
    epoch: Instant,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    state: State,
    bells: HashMap<u64, Arc<Notify>>,
    /// When the head of the queue has to look again, and which one was told so.
    timer: (Option<u64>, Option<Duration>),
}

impl Default for Governor {
    fn default() -> Self {
        Governor(Arc::new(Door { epoch: Instant::now(), inner: Mutex::default() }))
    }
}

impl Governor {
    /// Waits until this request may leave.
    ///
    /// # Errors
    /// How long it would have to wait, where the server has closed its door for longer than anybody should wait without a word.
    pub async fn enter(&self, visit: Visit) -> Result<Permit, Duration> {
        let bell = Arc::new(Notify::new());
        // The permit exists before the first wait, so that a cancelled wait leaves the queue.
        let permit = {
            let mut inner = self.0.lock();
            let id = inner.state.arrive(visit);
            inner.bells.insert(id, Arc::clone(&bell));
            Permit { door: Arc::clone(&self.0), id }
        };
        loop {
            self.0.pump();
            let (flying, timer) = {
                let inner = self.0.lock();
                let keeps_time = inner.state.head() == Some(permit.id);
                (inner.state.is_flying(permit.id), inner.timer.1.filter(|_| keeps_time))
            };
            match (flying, timer) {
                (true, _) => return Ok(permit),
                (false, None) => bell.notified().await,
                (false, Some(at)) if at.saturating_sub(self.0.now()) > MAX_WAIT => return Err(at.saturating_sub(self.0.now())),
                (false, Some(at)) => {
                    let _ = tokio::time::timeout_at(self.0.epoch + at, bell.notified()).await;
                }
            }
        }
    }
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn tell(&self, what: impl FnOnce(&mut State, Duration)) {
        what(&mut self.lock().state, self.now());
        self.pump();
    }

    fn pump(&self) {
        let mut inner = self.lock();
        let pumped = inner.state.pump(self.now());
        for id in pumped.go {
            if let Some(bell) = inner.bells.get(&id) {
                bell.notify_one();
            }
        }
        let timer = (inner.state.head(), pumped.look_again);
        if inner.timer != timer
            && let Some(bell) = timer.0.and_then(|head| inner.bells.get(&head))
        {
            bell.notify_one();
        }
        inner.timer = timer;
    }
}

/// The right to one request under way; dropping it ends the request for the governor.
pub struct Permit {
    door: Arc<Door>,
    id: u64,
}

impl Permit {
    /// The server let the request in.
    pub fn admitted(&self, limits: Limits) {
        self.door.tell(|state, now| state.admitted(self.id, limits, now));
    }

    /// The server refused for now; `retry_after` is its own figure, and it holds for everybody.
    pub fn refused(&self, retry_after: Option<Duration>, limits: Limits) {
        self.door.tell(|state, now| state.refused(self.id, (retry_after, limits), now));
    }

    /// The answer began.
    pub fn first_byte(&self) {
        self.door.tell(|state, now| state.first_byte(self.id, now));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.door.lock().bells.remove(&self.id);
        self.door.tell(|state, _| state.gone(self.id));
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.id)
    }
}

impl fmt::Debug for Governor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Governor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fifth_request_waits_until_one_ends() {
        let governor = Governor::default();
        let mut permits = Vec::new();
        for _ in 0..4 {
            permits.push(governor.enter(Visit::default()).await.unwrap());
        }
        let mut fifth = Box::pin(governor.enter(Visit::default()));
        assert!(futures::poll!(fifth.as_mut()).is_pending());
        permits.pop();
        fifth.await.unwrap();
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_leaves_its_place_to_the_next() {
        let governor = Governor::default();
        let mut permits = Vec::new();
        for _ in 0..4 {
            permits.push(governor.enter(Visit::default()).await.unwrap());
        }
        let mut fifth = Box::pin(governor.enter(Visit::default()));
        let mut sixth = Box::pin(governor.enter(Visit::default()));
        assert!(futures::poll!(fifth.as_mut()).is_pending() && futures::poll!(sixth.as_mut()).is_pending());
        permits.pop();
        drop(fifth);
        sixth.await.unwrap();
    }

    #[tokio::test]
    async fn a_sibling_leaves_with_the_first_byte_of_the_one_that_fills_the_cache() {
        let governor = Governor::default();
        let visit = Visit { prefix: Some(7), tokens: 0 };
        let first = governor.enter(visit).await.unwrap();
        let mut second = Box::pin(governor.enter(visit));
        assert!(futures::poll!(second.as_mut()).is_pending());
        let _other = governor.enter(Visit { prefix: Some(8), tokens: 0 }).await.unwrap();
        assert!(futures::poll!(second.as_mut()).is_pending());
        first.first_byte();
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_cool_down_ends_by_itself() {
        let governor = Governor::default();
        let first = governor.enter(Visit::default()).await.unwrap();
        first.refused(Some(Duration::from_millis(20)), Limits::default());
        drop(first);
        let before = Instant::now();
        governor.enter(Visit::default()).await.unwrap();
        assert!(before.elapsed() >= Duration::from_millis(15));
    }

    #[tokio::test]
    async fn nobody_waits_for_hours_without_a_word() {
        let governor = Governor::default();
        let first = governor.enter(Visit::default()).await.unwrap();
        first.refused(Some(Duration::from_secs(86_400)), Limits::default());
        drop(first);
        let refusal = governor.enter(Visit::default()).await.map(|_| ()).unwrap_err();
        assert!(refusal > Duration::from_secs(86_000), "{refusal:?}");
    }
}
