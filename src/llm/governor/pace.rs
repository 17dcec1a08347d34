//! The rate at which a server lets requests in, learned from its refusals where its headers tell nothing. Pure.
use std::collections::VecDeque;
use std::time::Duration;

use super::bucket::Bucket;

/// A refusal takes this share of the rate away.
const CUT: f64 = 0.92;
/// Refusals that follow each other take more.
const HARD_CUT: f64 = 0.7;
/// Successes that end a row of refusals.
const CALM: u32 = 8;
/// Growth with each success: slow enough that one refusal comes on some 280 successes.
const GROWTH: f64 = 1.0003;
/// Growth after a long time without a refusal: the limit is somewhere else.
const FAST_GROWTH: f64 = 1.01;
const LONG: u32 = 400;
/// Successes remembered to measure the first rate.
const REMEMBERED: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Pace {
    bucket: Option<Bucket>,
    successes: VecDeque<Duration>,
    since_refusal: u32,
}

impl Pace {
    pub fn ready_at(&self, now: Duration) -> Duration {
        self.bucket.map_or(now, |bucket| bucket.ready_at(1.0, now))
    }

    pub fn take(&mut self, now: Duration) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(1.0, now);
        }
    }

    pub fn succeeded(&mut self, now: Duration) {
        self.since_refusal = self.since_refusal.saturating_add(1);
        if self.successes.len() == REMEMBERED {
            self.successes.pop_front();
        }
        self.successes.push_back(now);
        if let Some(bucket) = self.bucket {
            self.set(bucket.rate * if self.since_refusal > LONG { FAST_GROWTH } else { GROWTH }, now);
        }
    }

    pub fn refused(&mut self, now: Duration) {
        let calm = self.since_refusal >= CALM;
        self.since_refusal = 0;
        let rate = match self.bucket {
            Some(bucket) => bucket.rate * if calm { CUT } else { HARD_CUT },
            None => self.measured(now) * CUT,
        };
        self.set(rate, now);
    }

    fn measured(&self, now: Duration) -> f64 {
        let since = self.successes.front().map_or(Duration::from_secs(1), |first| now.saturating_sub(*first));
        #[allow(clippy::cast_precision_loss, reason = "at most 64")]
        let count = self.successes.len().max(1) as f64;
        count / since.as_secs_f64().max(0.1)
    }

    fn set(&mut self, rate: f64, now: Duration) {
        let rate = rate.clamp(0.05, 10_000.0);
        // A quarter of a second may be caught up after a pause, not more: the server's own bucket may be small.
        let capacity = (rate / 4.0).max(1.0);
        match &mut self.bucket {
            Some(bucket) => {
                bucket.set_rate(rate, now);
                bucket.capacity = capacity;
            }
            None => self.bucket = Some(Bucket::new(capacity, rate, 0.0, now)),
        }
    }
}
