//! Shows a run while it goes: redrawn lines on a terminal, one line an event elsewhere, JSON lines on demand. Decides nothing.
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::domain::view::RunResult;
use crate::domain::{Event, Record, RelPath, RunState};
use crate::orchestrator::Update;

use super::live::{self, Canvas, Look};
use super::terminal::Terminal;

/// Redraws a second at the most.
const REDRAWS: u8 = 10;

enum Mode {
    Live(Option<ProgressBar>),
    Lines,
    Json,
}

/// The view of one run.
pub struct Renderer {
    terminal: Terminal,
    mode: Mode,
    pub look: Look,
    state: Option<Arc<RunState>>,
    /// A question is being asked: nothing is drawn meanwhile.
    hidden: bool,
    artifacts: BTreeSet<RelPath>,
}

#[derive(Serialize)]
struct EventLine<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    record: &'a Record,
}

#[derive(Serialize)]
struct ResultLine<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    result: &'a RunResult,
}

/// One event as a line of `--json`.
pub fn event_json(record: &Record) -> String {
    serde_json::to_string(&EventLine { r#type: record.event.name(), record }).unwrap_or_default()
}

/// The last line of `--json`.
pub fn result_json(result: &RunResult) -> String {
    serde_json::to_string(&ResultLine { r#type: "result", result }).unwrap_or_default()
}

impl Renderer {
    /// `plain` forbids redrawing, for example because a log shares the terminal.
    pub fn new(terminal: Terminal, json: bool, plain: bool, look: Look) -> Self {
        let mode = match (json, terminal.can_redraw && !plain) {
            (true, _) => Mode::Json,
            (false, true) => Mode::Live(None),
            (false, false) => Mode::Lines,
        };
        Renderer { terminal, mode, look, state: None, hidden: false, artifacts: BTreeSet::new() }
    }

    /// Whether time passing changes what is shown.
    pub fn needs_ticks(&self) -> bool {
        matches!(self.mode, Mode::Live(_))
    }

    /// Takes one event.
    pub fn update(&mut self, update: &Update, now: DateTime<FixedOffset>) {
        self.look.note(&update.record.event);
        self.keep_artifacts(&update.record.event);
        self.state = Some(update.state.clone());
        match &self.mode {
            Mode::Json => self.terminal.out(&event_json(&update.record)),
            Mode::Lines => {
                if let Some(line) = live::line(&update.record, &update.state, &self.look) {
                    self.terminal.err(&line);
                }
            }
            Mode::Live(bar) => {
                let worth_keeping = matches!(update.record.event, Event::Note { .. } | Event::StepReopened { .. } | Event::Returned { .. });
                let line = if worth_keeping { live::line(&update.record, &update.state, &self.look) } else { None };
                match (line, bar) {
                    (Some(line), Some(bar)) if !self.hidden => bar.println(line),
                    (Some(line), _) => self.terminal.err(&line),
                    (None, _) => {}
                }
                self.tick(now);
            }
        }
    }

    /// Redraws the live view.
    pub fn tick(&mut self, now: DateTime<FixedOffset>) {
        let (Mode::Live(bar), Some(state), false) = (&mut self.mode, &self.state, self.hidden) else { return };
        let canvas = Canvas { now, width: self.terminal.width_err().saturating_sub(1), paint: self.terminal.paint_err() };
        let lines = live::block(state, &self.look, canvas);
        bar.get_or_insert_with(new_bar).set_message(lines.join("\n"));
    }

    /// Takes the live view away so that a person can be asked.
    pub fn hide(&mut self) {
        self.hidden = true;
        self.clear();
    }

    /// Brings the live view back.
    pub fn show(&mut self, now: DateTime<FixedOffset>) {
        self.hidden = false;
        self.tick(now);
    }

    /// Ends the view.
    pub fn clear(&mut self) {
        if let Mode::Live(bar) = &mut self.mode
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
    }

    /// Files that agents wrote, as far as events told.
    pub fn artifacts(&self) -> &BTreeSet<RelPath> {
        &self.artifacts
    }

    fn keep_artifacts(&mut self, event: &Event) {
        match event {
            Event::Saved { path, .. } => {
                self.artifacts.insert(path.clone());
            }
            Event::ToolFinished { touched, .. } => {
                self.artifacts.extend(touched.iter().filter(|file| file.wrote).map(|file| file.path.clone()));
            }
            Event::StepFinished { output_file: Some(path), .. } => {
                self.artifacts.insert(path.clone());
            }
            _ => {}
        }
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(REDRAWS));
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}
