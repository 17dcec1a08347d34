//! A token bucket as a value: what a server's limit looks like from here. Pure; times are durations since an epoch of the owner.
use std::time::Duration;

/// Growth of a rate with each look at a limit that is nearly whole.
const FASTER: f64 = 1.005;

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

    /// The bucket behind the headers. They tell of a moment between the request and its answer (`age`), and of it alone: what is on its way there may be
    /// counted or not, and the time until the limit is whole again may have shrunk since. Our own count is kept as far as it lies within that.
    pub fn seen(own: Option<Bucket>, seen: Seen, (on_its_way, age): (f64, Duration), now: Duration) -> Option<Bucket> {
        let missing = seen.limit - seen.remaining;
        let (soonest, latest) = (seen.reset_in.as_secs_f64(), seen.reset_in.saturating_add(age).as_secs_f64());
        let told = seen.limit.is_finite() && seen.remaining.is_finite() && seen.limit >= 1.0 && seen.remaining >= 0.0;
        if !told || (missing > 0.0 && latest <= 0.0) {
            return None;
        }
        // A full bucket tells no rate; every provider counts by the minute. What is left is told in whole numbers.
        let slow = if missing > 0.0 { missing / latest } else { seen.limit / 60.0 };
        let rate = match own {
            Some(own) if missing > 1.0 => own.rate.max((missing - 1.0) / latest).min(missing / soonest.max(1e-3)),
            // Nearly whole although we counted every request: it fills faster than we thought.
            Some(own) => (own.rate * FASTER).min(seen.limit),
            None => slow,
        };
        let (low, high) = (seen.remaining - on_its_way, seen.remaining + 1.0 + rate * age.as_secs_f64());
        let level = own.map_or(low, |own| own.level(now).clamp(low, high));
        Some(Bucket::new(seen.limit, rate, level, now))
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
