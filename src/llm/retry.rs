//! When a failed call is tried again, and after how long. Pure: the caller waits and draws the randomness.
use std::time::Duration;

use crate::domain::message::{CallFailure, FailureClass};

/// Tries of one call at the most, the first included.
pub const MAX_TRIES: u32 = 4;
/// The longest that all tries of one call wait together.
pub const MAX_WAIT: Duration = Duration::from_secs(60);
/// The first wait, doubled each time, where the server names none.
const BASE_MS: u64 = 500;
const CEILING_MS: u64 = 8_000;

/// How long to wait before try number `tries + 1`, or `None` when the failure stands. A server's own figure is a floor; jitter only adds.
pub fn wait(failure: &CallFailure, tries: u32, waited: Duration, noise: u64) -> Option<Duration> {
    let again = matches!(failure.class, FailureClass::Transient | FailureClass::Throttled);
    if !again || tries >= MAX_TRIES {
        return None;
    }
    let own = (BASE_MS << tries.saturating_sub(1).min(16)).min(CEILING_MS);
    let floor = failure.retry_after_ms.unwrap_or(0).max(own);
    let wait = Duration::from_millis(floor + noise % (floor / 4 + 1));
    (waited + wait <= MAX_WAIT).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(class: FailureClass, retry_after_ms: Option<u64>) -> CallFailure {
        CallFailure { retry_after_ms, ..CallFailure::new(class, "m") }
    }

    #[test]
    fn waits_grow_and_end() {
        let transient = failure(FailureClass::Transient, None);
        let waits: Vec<_> = (1..=4).map(|tries| wait(&transient, tries, Duration::ZERO, 0)).collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(waits, [ms(500), ms(1000), ms(2000), None]);
        assert_eq!(wait(&failure(FailureClass::Doomed, None), 1, Duration::ZERO, 0), None);
        assert_eq!(wait(&failure(FailureClass::Parked, None), 1, Duration::ZERO, 0), None);
    }

    #[test]
    fn the_servers_figure_is_a_floor_and_jitter_only_adds() {
        let throttled = failure(FailureClass::Throttled, Some(7_000));
        for noise in [0, 1, 999, u64::MAX] {
            let waited = wait(&throttled, 1, Duration::ZERO, noise);
            assert!(waited >= Some(Duration::from_millis(7_000)) && waited <= Some(Duration::from_millis(8_750)), "{waited:?}");
        }
        assert_eq!(wait(&failure(FailureClass::Throttled, Some(61_000)), 1, Duration::ZERO, 0), None);
    }
}
