//! How things look: colours, marks, money, times, and text fitted to a width. Prints nothing; harmless for any text of a model.
use std::path::Path;
use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::{RunStatus, StepStatus};

/// Adds colours, or leaves text as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paint {
    pub colour: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub fn cyan(self, text: &str) -> String {
        self.wrap("36", text)
    }

    /// The text in the colour of a run's status.
    pub fn status(self, status: RunStatus, text: &str) -> String {
        match status {
            RunStatus::Completed => self.green(text),
            RunStatus::Failed | RunStatus::Parked => self.red(text),
            RunStatus::WaitingApproval | RunStatus::Paused => self.yellow(text),
            RunStatus::Planning | RunStatus::Running => self.cyan(text),
            RunStatus::Cancelled => self.dim(text),
        }
    }

    /// The mark of a step, one column wide.
    pub fn mark(self, status: StepStatus) -> String {
        match status {
            StepStatus::Pending => self.dim("·"),
            StepStatus::Running => self.cyan("▶"),
            StepStatus::WaitingApproval => self.yellow("?"),
            StepStatus::Completed => self.green("✓"),
            StepStatus::Failed => self.red("✗"),
            StepStatus::Skipped => self.dim("-"),
            StepStatus::Cancelled => self.dim("×"),
        }
    }
}

/// `$0.00`, `$0.0042` below a cent, `cost unknown` where there is no price.
pub fn money(cost: Option<f64>) -> String {
    match cost {
        None => "cost unknown".into(),
        Some(cost) if cost > 0.0 && cost < 0.01 => format!("${cost:.4}"),
        Some(cost) => format!("${cost:.2}"),
    }
}

/// `0.4 s`, `12 s`, `3:05`, `1:02:03`.
pub fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// How long ago, in one unit: `12s`, `5m`, `3h`, `9d`.
pub fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86400),
    }
}

/// `1 step`, `2 steps`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// One line of text without anything a terminal would obey: control and direction characters become spaces.
pub fn one_line(text: &str) -> String {
    harmless(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text of several lines without anything a terminal would obey.
pub fn harmless(text: &str) -> String {
    let obeyed =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    text.chars().map(|c| if obeyed(c) { ' ' } else { c }).collect()
}

/// Columns that `text` takes; it must hold no colours.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` cut to `columns` with an ellipsis, at a character boundary; it must hold no colours.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > columns {
            break;
        }
        kept.push(c);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// `text` cut or filled with spaces to exactly `columns`.
pub fn fit(text: &str, columns: usize) -> String {
    let cut = cut(text, columns);
    let missing = columns.saturating_sub(width(&cut));
    format!("{cut}{}", " ".repeat(missing))
}

/// `text` broken at spaces into lines of at most `columns`; a longer word stands alone and is not cut.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The path as shown to a person: relative when it is below `from`.
pub fn shown_path(path: &Path, from: &Path) -> String {
    let short = path.strip_prefix(from).ok().filter(|rest| !rest.as_os_str().is_empty()).unwrap_or(path);
    one_line(&short.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_price_is_never_shown_as_zero() {
        assert_eq!([money(None), money(Some(0.0)), money(Some(0.0042)), money(Some(1.5))], ["cost unknown", "$0.00", "$0.0042", "$1.50"]);
    }

    #[test]
    fn times_use_the_unit_a_person_would() {
        let shown = [0.42, 12.0, 185.0, 3723.0].map(|seconds| elapsed(Duration::from_secs_f64(seconds)));
        assert_eq!(shown, ["0.4 s", "12 s", "3:05", "1:02:03"]);
        assert_eq!([age(-5), age(59), age(3599), age(7200), age(864_000)], ["0s", "59s", "59m", "2h", "10d"]);
    }

    #[test]
    fn wide_characters_count_two_columns_and_are_never_split() {
        assert_eq!(cut("日本語テキスト", 5), "日本…");
        assert_eq!(fit("日本語", 8), "日本語  ");
        assert_eq!(cut("plain", 5), "plain");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn text_of_a_model_cannot_command_the_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\r\nc\u{202e}d"), "a [2Jb c d");
        assert_eq!(harmless("a\u{7}\nb"), "a \nb");
    }

    #[test]
    fn long_words_are_kept_whole_when_text_is_wrapped() {
        assert_eq!(wrap("one two /a/very/long/path three", 8), ["one two", "/a/very/long/path", "three"]);
    }

    #[test]
    fn without_colour_nothing_is_added() {
        assert_eq!(Paint { colour: false }.red("x"), "x");
        assert_eq!(Paint { colour: true }.red("x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
