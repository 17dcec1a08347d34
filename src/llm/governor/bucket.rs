//! A token bucket as a value: what a server's limit looks like from here. Pure; times are durations since an epoch of the owner.
use std::time::Duration;

/// Fills at `rate` a second up to `capacity`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub capacity: f64,
    pub rate: f64,
    level: f64,
    at: Duration,
}

/// What a server's headers say about one of its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    pub limit: f64,
    pub remaining: f64,
    /// Until the limit is whole again.
    pub reset_in: Duration,
}

impl Bucket {
    pub fn new(capacity: f64, rate: f64, level: f64, now: Duration) -> Bucket {
        Bucket { capacity, rate, level, at: now }
    }

    /// The bucket behind the headers, less what is on its way there and not yet counted.
    pub fn seen(seen: Seen, on_its_way: f64, now: Duration) -> Option<Bucket> {
        let missing = seen.limit - seen.remaining;
        let reset = seen.reset_in.as_secs_f64();
        if !(seen.limit >= 1.0 && seen.remaining >= 0.0) || (missing > 0.0 && reset <= 0.0) {
            return None;
        }
        // A full bucket tells no rate; every provider counts by the minute.
        let rate = if missing > 0.0 { missing / reset } else { seen.limit / 60.0 };
        Some(Bucket::new(seen.limit, rate, seen.remaining - on_its_way, now))
    }

    pub fn level(&self, now: Duration) -> f64 {
        let since = now.saturating_sub(self.at).as_secs_f64();
        (self.level + since * self.rate).min(self.capacity)
    }

    /// When `amount` (at most the capacity) is there.
    pub fn ready_at(&self, amount: f64, now: Duration) -> Duration {
        let missing = amount.min(self.capacity) - self.level(now);
        if missing <= 0.0 {
            return now;
        }
        // Never a wait that rounds to nothing, and never one without an end.
        let wait = (missing / self.rate.max(1e-6)).clamp(0.001, 3600.0);
        now + Duration::from_secs_f64(wait) + Duration::from_micros(100)
    }

    pub fn take(&mut self, amount: f64, now: Duration) {
        self.level = self.level(now) - amount;
        self.at = now;
    }

    pub fn set_rate(&mut self, rate: f64, now: Duration) {
        self.level = self.level(now);
        self.at = now;
        self.rate = rate;
    }
}
