//! The language server as an editor meets it: the program at its pipes, a document of 10,000 lines, goals that run meanwhile; and others in turn with it.
//! `cargo bench --bench server` prints one table. `RUFF=PATH` measures `ruff server` in the same rounds, `OTHER_SERVER=PATH` another build of this
//! program, `ROUNDS=N` says how often (5).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench makes its own folders and prints"
)]
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use support::Server;

#[path = "support/server.rs"]
mod support;

const LINES: usize = 10_000;
const LINE: usize = 5_000;
/// Measured a round.
const STARTS: usize = 10;
const KEYSTROKES: usize = 1_000;
/// Goals at once, and after how many keystrokes the next ones are started: an offline goal is over within a moment.
const GOALS: usize = 10;
const GOALS_EVERY: usize = 100;

/// Someone to be measured.
struct Peer {
    name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
    /// Changes in one flood: enough for half a second.
    flood: usize,
    is_ours: bool,
}

/// What was measured of one of them.
#[derive(Default)]
struct Seen {
    starts: Vec<f64>,
    keystrokes: Vec<f64>,
    in_notes: Vec<f64>,
    lenses: Vec<f64>,
    beside_goals: Vec<f64>,
    lenses_beside_goals: Vec<f64>,
    floods: Vec<f64>,
    memory: Vec<f64>,
    wake_ups: Vec<f64>,
    leaving: Vec<f64>,
}

/// A program with a goal in a comment every hundred lines: what both servers can work on.
fn code() -> String {
    let line = |line: usize| match line % 100 {
        0 => format!("# TODO(goal): Study the tides of sea {line}\n"),
        odd if odd % 2 == 1 => "# Plain words of a comment.\n".to_owned(),
        _ => format!("sea_{line} = {line}\n"),
    };
    (0..LINES).map(line).collect()
}

/// Notes with a goal every hundred lines.
fn notes() -> String {
    let line = |line: usize| {
        if line.is_multiple_of(100) { format!("- [ ] goal: Study the tides of sea {line}\n") } else { "Plain words of a note.\n".into() }
    };
    (0..LINES).map(line).collect()
}

fn peers() -> Vec<Peer> {
    let ours = |name, program| Peer { name, program, arguments: &["lsp"], flood: 20_000, is_ours: true };
    let mut peers = vec![ours("this build", PathBuf::from(env!("CARGO_BIN_EXE_ai-orchestrator")))];
    peers.extend(std::env::var_os("OTHER_SERVER").map(|path| ours("other build", path.into())));
    match std::env::var_os("RUFF") {
        Some(path) => peers.push(Peer { name: "ruff server", program: path.into(), arguments: &["server"], flood: 500, is_ours: false }),
        None => println!("ruff server is not measured: RUFF names no program (`pip install ruff` has one)"),
    }
    peers
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn round(peer: &Peer, (code, notes): (&str, &str), seen: &mut Seen) {
    let start = |document| Server::start(&peer.program, peer.arguments, document);
    let (in_code, in_notes) = (("tides.py", "python", code), ("notes.md", "markdown", notes));
    for _ in 0..STARTS {
        let server = start(("empty.py", "python", ""));
        seen.starts.push(ms(server.started_in));
        seen.leaving.push(ms(server.leave()));
    }
    let server = start(("empty.py", "python", ""));
    let (memory, wake_ups) = server.idle();
    seen.memory.push(memory);
    seen.wake_ups.push(wake_ups);
    drop(server);
    let mut server = start(in_code);
    // The first looks at everything; an editor asks again and again.
    server.type_and_ask(LINE);
    seen.keystrokes.extend((0..KEYSTROKES).map(|_| ms(server.type_and_ask(LINE))));
    seen.floods.push(server.flood(peer.flood, LINE));
    drop(server);
    if !peer.is_ours {
        return;
    }
    let mut server = start(in_notes);
    server.type_and_ask(LINE);
    seen.in_notes.extend((0..KEYSTROKES).map(|_| ms(server.type_and_ask(LINE))));
    seen.lenses.extend((0..KEYSTROKES).map(|_| ms(server.type_and_ask_lenses(LINE))));
    for number in 0..KEYSTROKES {
        if number % GOALS_EVERY == 0 {
            for goal in 0..GOALS {
                let goal = json!({"goal": format!("Study sea {goal}"), "approvals": "none"});
                server.request("workspace/executeCommand", json!({"command": "orchestrator.runGoal", "arguments": [goal]}));
            }
        }
        seen.beside_goals.push(ms(server.type_and_ask(LINE)));
        seen.lenses_beside_goals.push(ms(server.type_and_ask_lenses(LINE)));
    }
}

fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((values.len() * percent / 100).min(last)).copied().unwrap_or(f64::NAN)
}

fn both(values: &mut [f64]) -> String {
    if values.is_empty() { String::new() } else { format!("{:.2} / {:.2}", percentile(values, 50), percentile(values, 99)) }
}

type Column = (&'static str, fn(&mut Seen) -> String);

fn main() {
    // `cargo test --benches` builds this and has nothing to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let (peers, code, notes) = (peers(), code(), notes());
    let mut all: Vec<Seen> = peers.iter().map(|_| Seen::default()).collect();
    for _ in 0..rounds {
        for (peer, seen) in peers.iter().zip(&mut all) {
            round(peer, (&code, &notes), seen);
        }
    }
    println!("| measure, {rounds} rounds |{}", peers.iter().map(|peer| format!(" {} |", peer.name)).collect::<String>());
    println!("|---|{}", "---|".repeat(peers.len()));
    let columns: [Column; 10] = [
        ("start to `initialize` answer, ms (p50)", |seen| format!("{:.1}", percentile(&mut seen.starts, 50))),
        ("idle: memory, MB", |seen| format!("{:.1}", percentile(&mut seen.memory, 50))),
        ("idle: wake-ups a second", |seen| format!("{:.1}", percentile(&mut seen.wake_ups, 50))),
        ("keystroke to code action, 10,000 lines of code, ms (p50 / p99)", |seen| both(&mut seen.keystrokes)),
        ("the same in notes with 100 goals", |seen| both(&mut seen.in_notes)),
        ("the same while 10 goals run", |seen| both(&mut seen.beside_goals)),
        ("keystroke to code lenses in notes with 100 goals, ms (p50 / p99)", |seen| both(&mut seen.lenses)),
        ("the same while 10 goals run", |seen| both(&mut seen.lenses_beside_goals)),
        ("didChange a second", |seen| format!("{:.0}", percentile(&mut seen.floods, 50))),
        ("leaves after `exit`, ms (p50)", |seen| format!("{:.1}", percentile(&mut seen.leaving, 50))),
    ];
    for (name, value) in columns {
        let values: String = all.iter_mut().map(|seen| format!(" {} |", value(seen))).collect();
        println!("| {name} |{values}");
    }
}
