//! The clock, and the little randomness run ids need. The only home of "now".
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset, Local, SubsecRound};

/// Tells the time; real in the program, fixed in tests.
pub trait Clock: Send + Sync {
    /// Now to the millisecond, with the offset of the local time zone.
    fn now(&self) -> DateTime<FixedOffset>;
    /// A clock that never goes back, for durations.
    fn instant(&self) -> Instant;
    /// A few unpredictable bits for ids; not for secrets.
    fn noise(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the home of the clock")]
    fn now(&self) -> DateTime<FixedOffset> {
        Local::now().fixed_offset().trunc_subsecs(3)
    }

    #[allow(clippy::disallowed_methods, reason = "this is the home of the clock")]
    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn noise(&self) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        // Each RandomState is seeded by the system's random source.
        std::collections::hash_map::RandomState::new().build_hasher().finish()
    }
}

/// A clock for tests: starts where told and moves only when told.
#[derive(Debug)]
pub struct FixedClock {
    now: Mutex<DateTime<FixedOffset>>,
    start: Instant,
    noise: std::sync::atomic::AtomicU64,
}

impl FixedClock {
    /// A clock that shows `now`, an RFC 3339 time; falls back to 1970 where it cannot be read.
    #[allow(clippy::disallowed_methods, reason = "this is the home of the clock")]
    pub fn at(now: &str) -> Self {
        let now = DateTime::parse_from_rfc3339(now).unwrap_or_default();
        FixedClock { now: Mutex::new(now), start: Instant::now(), noise: 0.into() }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<FixedOffset> {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn instant(&self) -> Instant {
        self.start
    }

    fn noise(&self) -> u64 {
        self.noise.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }
}
