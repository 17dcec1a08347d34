//! Who may go now: the governor's decisions as a pure machine. Knows no task and no clock; times are durations since an epoch of the owner.
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::bucket::{Bucket, Seen};
use super::pace::Pace;

/// Requests at once before anything is known.
const START: f64 = 4.0;
const MOST: f64 = 128.0;
/// How long siblings wait for the first byte of the one that fills the provider's prompt cache.
const STAGGER: Duration = Duration::from_secs(3);
/// How long a filled prompt cache is taken to last.
const WARM: Duration = Duration::from_secs(300);
/// A refusal without a figure pauses everybody this long.
const PAUSE: Duration = Duration::from_millis(500);

/// What a refusal leaves of a rate that was read from headers: they tell whole numbers, so a reading can be a few parts in a hundred too high.
const SLOWER: f64 = 0.98;

/// What is known of a request before it leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Visit {
    /// Requests with one cacheable prefix share this; `None` where nothing is cached.
    pub prefix: Option<u64>,
    /// Prompt tokens, estimated.
    pub tokens: u64,
}

/// What a server's headers say about its limits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    pub requests: Option<Seen>,
    pub tokens: Option<Seen>,
}

#[derive(Debug)]
struct Flight {
    visit: Visit,
    started: Duration,
    /// The head of its answer is there, so the server has counted it.
    counted: bool,
}

#[derive(Debug, Clone, Copy)]
enum Prefix {
    /// One request is filling the cache.
    Filling {
        by: u64,
        since: Duration,
    },
    Warm {
        until: Duration,
    },
}

#[derive(Debug)]
pub(super) struct State {
    next_id: u64,
    allowed: f64,
    ramping: bool,
    last_cut: Duration,
    cool_until: Duration,
    pace: Pace,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    prefixes: HashMap<u64, Prefix>,
    waiting: VecDeque<(u64, Visit)>,
    flights: HashMap<u64, Flight>,
}

impl Default for State {
    fn default() -> Self {
        State {
            next_id: 0,
            allowed: START,
            ramping: true,
            last_cut: Duration::ZERO,
            cool_until: Duration::ZERO,
            pace: Pace::default(),
            requests: None,
            tokens: None,
            prefixes: HashMap::new(),
            waiting: VecDeque::new(),
            flights: HashMap::new(),
        }
    }
}

/// Who goes, and when to look again if nothing else happens.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pumped {
    pub go: Vec<u64>,
    pub look_again: Option<Duration>,
}

impl State {
    /// Joins the queue.
    pub fn arrive(&mut self, visit: Visit) -> u64 {
        self.next_id += 1;
        self.waiting.push_back((self.next_id, visit));
        self.next_id
    }

    pub fn is_flying(&self, id: u64) -> bool {
        self.flights.contains_key(&id)
    }

    /// The first in the queue: it keeps the time for all.
    pub fn head(&self) -> Option<u64> {
        self.waiting.front().map(|(id, _)| *id)
    }

    /// Lets go whoever may, in the order of arrival; only a sibling of a request that is filling the cache is passed over.
    pub fn pump(&mut self, now: Duration) -> Pumped {
        let mut pumped = Pumped::default();
        let mut index = 0;
        while let Some((id, visit)) = self.waiting.get(index).copied() {
            if self.flights.len() >= self.slots() {
                break;
            }
            let open_at = self.open_at(visit, now);
            if open_at > now {
                pumped.look(open_at);
                break;
            }
            if let Some(until) = self.held_for_sibling(visit, now) {
                pumped.look(until);
                index += 1;
                continue;
            }
            self.waiting.remove(index);
            self.leave(id, visit, now);
            pumped.go.push(id);
        }
        pumped
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and MOST")]
    fn slots(&self) -> usize {
        self.allowed.clamp(1.0, MOST) as usize
    }

    fn open_at(&self, visit: Visit, now: Duration) -> Duration {
        let by_rate = match self.requests {
            Some(bucket) => bucket.ready_at(1.0, now),
            None => self.pace.ready_at(now),
        };
        let by_tokens = self.tokens.map_or(now, |bucket| bucket.ready_at(tokens(visit), now));
        self.cool_until.max(by_rate).max(by_tokens)
    }

    fn held_for_sibling(&self, visit: Visit, now: Duration) -> Option<Duration> {
        match self.prefixes.get(&visit.prefix?)? {
            Prefix::Filling { since, .. } if *since + STAGGER > now => Some(*since + STAGGER),
            _ => None,
        }
    }

    fn leave(&mut self, id: u64, visit: Visit, now: Duration) {
        self.flights.insert(id, Flight { visit, started: now, counted: false });
        self.pace.take(now);
        if let Some(bucket) = &mut self.requests {
            bucket.take(1.0, now);
        }
        if let Some(bucket) = &mut self.tokens {
            bucket.take(tokens(visit), now);
        }
        let Some(prefix) = visit.prefix else { return };
        let cold = !matches!(self.prefixes.get(&prefix), Some(Prefix::Warm { until }) if *until > now);
        if cold {
            self.prefixes.retain(|_, prefix| !matches!(prefix, Prefix::Warm { until } if *until <= now));
            self.prefixes.insert(prefix, Prefix::Filling { by: id, since: now });
        }
    }

    /// The server let a request in.
    pub fn admitted(&mut self, id: u64, limits: Limits, now: Duration) {
        self.mark_counted(id);
        self.pace.succeeded(now);
        if self.flights.len() + 1 >= self.slots() || !self.waiting.is_empty() {
            self.allowed = (self.allowed + if self.ramping { 1.0 } else { 1.0 / self.allowed }).min(MOST);
        }
        self.learn(id, limits, now);
    }

    /// The server refused a request for now. Requests that were under way when the last refusal came tell nothing new.
    pub fn refused(&mut self, id: u64, (retry_after, limits): (Option<Duration>, Limits), now: Duration) {
        self.mark_counted(id);
        self.cool_until = self.cool_until.max(now + retry_after.unwrap_or(PAUSE));
        let started = self.flights.get(&id).map_or(now, |flight| flight.started);
        if started >= self.last_cut || self.last_cut == Duration::ZERO {
            self.allowed = (self.allowed * if self.ramping { 0.7 } else { 0.9 }).max(1.0);
            self.ramping = false;
            self.last_cut = now;
            self.pace.refused(now);
            if let Some(bucket) = &mut self.requests {
                // Refused although it was counted: the limit fills slower than its headers led us to think.
                bucket.set_rate(bucket.rate * SLOWER, now);
            }
        }
        self.learn(id, limits, now);
    }

    fn mark_counted(&mut self, id: u64) {
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.counted = true;
        }
    }

    fn learn(&mut self, id: u64, limits: Limits, now: Duration) {
        let age = self.flights.get(&id).map_or(Duration::ZERO, |flight| now.saturating_sub(flight.started));
        let uncounted = self.flights.values().filter(|flight| !flight.counted);
        let (requests, tokens) = uncounted.fold((0.0, 0.0), |sum, flight| (sum.0 + 1.0, sum.1 + tokens(flight.visit)));
        if let Some(bucket) = limits.requests.and_then(|seen| Bucket::seen(self.requests, seen, (requests, age), now)) {
            self.requests = Some(bucket);
        }
        if let Some(bucket) = limits.tokens.and_then(|seen| Bucket::seen(self.tokens, seen, (tokens, age), now)) {
            self.tokens = Some(bucket);
        }
    }

    /// The first byte of an answer arrived: its prefix can be read from the cache from now on.
    pub fn first_byte(&mut self, id: u64, now: Duration) {
        if let Some(prefix) = self.flights.get(&id).and_then(|flight| flight.visit.prefix) {
            self.prefixes.insert(prefix, Prefix::Warm { until: now + WARM });
        }
    }

    /// A request ended, or its sender went away, waiting or under way.
    pub fn gone(&mut self, id: u64) {
        self.waiting.retain(|(other, _)| *other != id);
        let Some(flight) = self.flights.remove(&id) else { return };
        let Some(prefix) = flight.visit.prefix else { return };
        if matches!(self.prefixes.get(&prefix), Some(Prefix::Filling { by, .. }) if *by == id) {
            self.prefixes.remove(&prefix);
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
fn tokens(visit: Visit) -> f64 {
    visit.tokens as f64
}

impl Pumped {
    fn look(&mut self, at: Duration) {
        self.look_again = Some(self.look_again.map_or(at, |earlier| earlier.min(at)));
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
