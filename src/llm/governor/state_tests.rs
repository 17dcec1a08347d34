//! Tests of the governor's decisions, with a simulated clock and server.
use std::collections::BTreeMap;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn visit(prefix: u64) -> Visit {
    Visit { prefix: Some(prefix), tokens: 0 }
}

fn arrive(state: &mut State, count: usize) {
    (0..count).for_each(|_| {
        state.arrive(Visit::default());
    });
}

#[test]
fn it_starts_with_four_and_ramps_with_each_success() {
    let mut state = State::default();
    arrive(&mut state, 100);
    let first = state.pump(ms(0)).go;
    assert_eq!(first.len(), 4);
    for id in first {
        state.admitted(id, Limits::default(), ms(10));
        state.gone(id);
    }
    assert_eq!(state.pump(ms(10)).go.len(), 8);
}

#[test]
fn a_retry_after_holds_everybody() {
    let mut state = State::default();
    arrive(&mut state, 6);
    let first = state.pump(ms(0)).go;
    state.refused(first[0], (Some(ms(7000)), Limits::default()), ms(100));
    first.iter().for_each(|id| state.gone(*id));
    let pumped = state.pump(ms(200));
    assert_eq!((pumped.go.len(), pumped.look_again), (0, Some(ms(7100))));
    assert!(!state.pump(ms(9000)).go.is_empty());
}

#[test]
fn one_round_of_refusals_is_one_cut() {
    let mut state = State::default();
    arrive(&mut state, 4);
    let flying = state.pump(ms(0)).go;
    flying.iter().for_each(|id| state.refused(*id, (None, Limits::default()), ms(50)));
    assert!((state.allowed - 2.8).abs() < 1e-9, "{}", state.allowed);
}

#[test]
fn siblings_wait_for_the_first_byte_but_not_for_ever() {
    let mut state = State::default();
    (0..3).for_each(|_| {
        state.arrive(visit(1));
    });
    let other = state.arrive(visit(2));
    assert_eq!(state.pump(ms(0)), Pumped { go: vec![1, other], look_again: Some(STAGGER) });
    state.first_byte(1, ms(40));
    assert_eq!(state.pump(ms(40)).go, [2, 3]);

    let mut slow = State::default();
    (0..2).for_each(|_| {
        slow.arrive(visit(1));
    });
    assert_eq!(slow.pump(ms(0)).go, [1]);
    assert_eq!(slow.pump(STAGGER).go, [2]);
}

#[test]
fn when_the_first_fails_the_next_one_fills_the_cache() {
    let mut state = State::default();
    (0..3).for_each(|_| {
        state.arrive(visit(1));
    });
    assert_eq!(state.pump(ms(0)).go, [1]);
    state.gone(1);
    assert_eq!(state.pump(ms(10)).go, [2]);
}

#[test]
fn headers_set_the_rate_and_what_is_on_its_way_counts() {
    let mut state = State { allowed: 100.0, ..State::default() };
    arrive(&mut state, 20);
    let flying = state.pump(ms(0)).go;
    assert_eq!(flying.len(), 20);
    let seen = Seen { limit: 60.0, remaining: 20.0, reset_in: Duration::from_secs(40) };
    state.admitted(flying[0], Limits { requests: Some(seen), tokens: None }, ms(0));
    // 20 are left at the server, 19 requests are not counted yet: one may go, then one a second.
    arrive(&mut state, 5);
    let pumped = state.pump(ms(0));
    assert_eq!(pumped.go.len(), 1);
    assert!(pumped.look_again.is_some_and(|at| at > ms(990) && at < ms(1010)), "{pumped:?}");
}

#[test]
fn figures_that_are_none_are_passed_over() {
    let mut state = State::default();
    arrive(&mut state, 4);
    let flying = state.pump(ms(0)).go;
    let figures = [f64::INFINITY, f64::NAN, -1.0, 0.0, f64::MAX, 60.0];
    for (limit, remaining) in figures.iter().flat_map(|limit| figures.iter().map(move |remaining| (*limit, *remaining))) {
        for reset in [0, 1, 2] {
            let reset_in = if reset > 1 { Duration::MAX } else { ms(reset) };
            let seen = Seen { limit, remaining, reset_in };
            state.admitted(flying[0], Limits { requests: Some(seen), tokens: Some(seen) }, ms(5));
            state.pump(ms(5));
        }
    }
}

#[test]
fn a_token_limit_holds_large_prompts() {
    let mut state = State::default();
    state.arrive(Visit { prefix: None, tokens: 10 });
    let first = state.pump(ms(0)).go;
    let seen = Seen { limit: 10_000.0, remaining: 1_000.0, reset_in: Duration::from_secs(54) };
    state.admitted(first[0], Limits { requests: None, tokens: Some(seen) }, ms(0));
    state.arrive(Visit { prefix: None, tokens: 6_000 });
    let pumped = state.pump(ms(0));
    assert!(pumped.go.is_empty() && pumped.look_again.is_some_and(|at| at > ms(29_000) && at < ms(31_000)), "{pumped:?}");
    assert_eq!(state.pump(ms(31_000)).go.len(), 1);
}

/// When a server looks at its limit for the headers of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tells {
    Nothing,
    WhenCounted,
    WhenAnswered,
}

/// Sixteen agents that always want to call, and a server that is a token bucket, which `tells` of it in headers as of the time when a request came; the
/// share of its limit that is used and the share of refusals after the warm-up.
fn simulate((rate, burst): (f64, f64), latency: Duration, tells: Tells) -> (f64, f64) {
    let mut state = State::default();
    let mut server = Bucket::new(burst, rate, burst, ms(0));
    // What happens at a time: a request ends (id, let in?), or an agent asks again.
    let mut events: BTreeMap<(Duration, u64), Option<(u64, bool)>> = (0..16).map(|agent| ((ms(agent), agent), None)).collect();
    let mut number = 100;
    // What the server had left when it counted a request, and when it would be whole again.
    let mut told: BTreeMap<u64, (f64, Duration)> = BTreeMap::new();
    let (warm, end) = (Duration::from_secs(60), Duration::from_secs(660));
    let (mut good, mut refused) = (0.0, 0.0);
    while let Some(((now, _), event)) = events.pop_first() {
        if now > end {
            break;
        }
        number += 1;
        match event {
            Some((0, _)) => {}
            None => {
                state.arrive(Visit::default());
            }
            Some((id, true)) => {
                good += f64::from(u8::from(now > warm));
                if tells == Tells::WhenAnswered {
                    let left = server.level(now);
                    told.insert(id, (left.floor(), now + Duration::from_secs_f64((burst - left) / rate)));
                }
                let seen = told.remove(&id).map(|(remaining, full)| Seen { limit: burst, remaining, reset_in: full.saturating_sub(now) });
                state.admitted(id, Limits { requests: seen, tokens: None }, now);
                state.gone(id);
                events.insert((now, number), None);
            }
            Some((id, false)) => {
                refused += f64::from(u8::from(now > warm));
                state.refused(id, (Some(ms(1000)), Limits::default()), now);
                state.gone(id);
                events.insert((now + ms(1000), number), None);
            }
        }
        let pumped = state.pump(now);
        for id in pumped.go {
            number += 1;
            let lets_in = server.level(now) >= 1.0;
            if lets_in {
                server.take(1.0, now);
            }
            if tells == Tells::WhenCounted {
                let left = server.level(now);
                told.insert(id, (left.floor(), now + Duration::from_secs_f64((burst - left) / rate)));
            }
            // Now and then an answer takes four times as long.
            let slow = u32::try_from(number * 2_654_435_761 % 4).unwrap() + 1;
            let takes = if lets_in { latency * slow } else { ms(1) };
            events.insert((now + takes, number), Some((id, lets_in)));
        }
        if let Some(at) = pumped.look_again {
            events.insert((at, u64::MAX), Some((0, true)));
        }
    }
    (good / (rate * 600.0), refused / (good + refused))
}

#[test]
fn sixteen_agents_use_nine_tenths_of_a_servers_limit_and_are_seldom_refused() {
    for (rate, burst, latency) in
        [(10.0, 10.0, 200), (5.0, 5.0, 500), (2.0, 4.0, 500), (40.0, 40.0, 100), (1.0, 60.0, 3_000), (20.0, 10.0, 100)]
    {
        for tells in [Tells::Nothing, Tells::WhenCounted, Tells::WhenAnswered] {
            let (goodput, refused) = simulate((rate, burst), ms(latency), tells);
            println!("{rate}/s, burst {burst}, latency {latency} ms, headers {tells:?}: goodput {goodput:.3}, refused {refused:.4}");
            assert!(goodput >= 0.9, "goodput {goodput:.3} at {rate}/s, refused {refused:.4}, headers {tells:?}");
            assert!(refused < 0.02, "refused {refused:.4} at {rate}/s, goodput {goodput:.3}, headers {tells:?}");
        }
    }
}
