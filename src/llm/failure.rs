//! Failures of calls in classes, and the figures a server sends along: when to come back, what is left of its limits. Knows no provider's words.
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use crate::domain::{CallFailure, FailureClass};
use crate::sys::http::{Answer, HttpFailure, HttpProblem};

use super::governor::{Limits, Seen};

/// The longest body of an error that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// The longest message of a server that is passed on, in characters.
const MAX_MESSAGE: usize = 600;

/// Words by which servers say that a prompt is too long for the model: error codes first (OpenAI, llama.cpp), then messages (Anthropic, vLLM).
const TOO_LONG: [&str; 6] = [
    "context_length_exceeded",
    "exceed_context_size",
    "prompt is too long",
    "maximum context length",
    "context window",
    "exceeds the available context size",
];

pub fn transient(message: impl Into<String>) -> CallFailure {
    CallFailure::new(FailureClass::Transient, message)
}

pub fn doomed(message: impl Into<String>) -> CallFailure {
    CallFailure::new(FailureClass::Doomed, message)
}

/// An answer that is an error: a status that is none of success, or an error body with status 200.
#[derive(Debug, Clone, Default)]
pub struct Rejection {
    pub status: u16,
    /// The body, keys taken out.
    pub body: String,
    /// The body as JSON; `Null` where it is none.
    pub json: Value,
    pub retry_after_ms: Option<u64>,
    /// What the server itself says about trying again (`x-should-retry`).
    pub should_retry: Option<bool>,
    pub request_id: Option<String>,
}

impl Rejection {
    /// The object that describes the error, wherever the server put it.
    pub fn error(&self) -> &Value {
        match self.json.get("error") {
            Some(Value::Null) | None => &self.json,
            Some(error) => error,
        }
    }

    fn text_of(&self, key: &str) -> String {
        match self.error().get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    pub fn kind(&self) -> String {
        self.text_of("type")
    }

    pub fn code(&self) -> String {
        self.text_of("code")
    }

    /// The server's own words, shortened.
    pub fn message(&self) -> String {
        let error = self.error();
        let said = error.get("message").or_else(|| error.get("detail")).or(Some(error)).and_then(Value::as_str);
        let text = said.map_or_else(|| self.plain_body(), str::to_owned);
        shortened(&text)
    }

    fn plain_body(&self) -> String {
        let body = self.body.trim();
        if body.starts_with('<') { "a web page instead of an answer".into() } else { body.to_owned() }
    }

    /// `HTTP 529: overloaded_error: Overloaded (request req_1)`.
    pub fn described(&self) -> String {
        let mut text = format!("HTTP {}", self.status);
        for part in [self.kind(), self.message()].into_iter().filter(|part| !part.is_empty()) {
            text = format!("{text}: {part}");
        }
        match &self.request_id {
            Some(id) => format!("{text} (request {id})"),
            None => text,
        }
    }

    /// Whether the prompt did not fit the model's window.
    pub fn is_too_long(&self) -> bool {
        let body = self.body.to_ascii_lowercase();
        matches!(self.status, 400 | 413 | 422) && TOO_LONG.iter().any(|words| body.contains(words))
    }

    /// The failure of `class`, with the server's own wish about trying again put first.
    pub fn failure(&self, class: FailureClass) -> CallFailure {
        let again = matches!(class, FailureClass::Transient | FailureClass::Throttled);
        let class = match self.should_retry {
            _ if class == FailureClass::Doomed && self.is_too_long() => FailureClass::Overflow,
            Some(false) if again => FailureClass::Parked,
            Some(true) if class == FailureClass::Doomed => FailureClass::Transient,
            _ => class,
        };
        CallFailure { retry_after_ms: self.retry_after_ms, ..CallFailure::new(class, self.described()) }
    }
}

/// White space folded, and not too long.
pub fn shortened(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match folded.char_indices().nth(MAX_MESSAGE) {
        Some((at, _)) => format!("{}…", folded.get(..at).unwrap_or_default()),
        None => folded,
    }
}

/// A request that got no answer at all. `place` is the address as it may be shown.
pub fn unanswered(failure: &HttpFailure, place: &str) -> CallFailure {
    let message = &failure.message;
    match failure.problem {
        HttpProblem::Connect => transient(format!("nobody answers at {place}: {message}")),
        HttpProblem::Timeout => transient(format!("{place} took too long: {message}")),
        HttpProblem::Broken => transient(format!("the connection to {place} broke: {message}")),
        HttpProblem::Invalid | HttpProblem::Refused => doomed(format!("the request to {place} could not be made: {message}")),
    }
}

/// The server's own floor for the next try: `retry-after-ms`, else `retry-after` in seconds or as an HTTP date.
pub fn retry_after_ms(answer: &Answer, now: DateTime<FixedOffset>) -> Option<u64> {
    let number = |name: &str| answer.header(name)?.trim().parse::<f64>().ok();
    number("retry-after-ms").or_else(|| number("retry-after").map(|seconds| seconds * 1000.0)).and_then(whole_ms).or_else(|| {
        let date = DateTime::parse_from_rfc2822(answer.header("retry-after")?.trim()).ok()?;
        u64::try_from((date - server_now(answer, now)).num_milliseconds()).ok()
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be between 0 and a year")]
fn whole_ms(ms: f64) -> Option<u64> {
    (ms > 0.0).then(|| ms.min(365.0 * 86_400_000.0).ceil() as u64)
}

/// Our clock, unless it is far off the server's.
fn server_now(answer: &Answer, now: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
    match answer.header("date").and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
        Some(date) if (date - now).num_seconds().abs() > 30 => date,
        _ => now,
    }
}

/// The limits in an answer's headers, in Anthropic's or OpenAI's form.
pub fn limits(answer: &Answer, now: DateTime<FixedOffset>) -> Limits {
    let number = |name: &str| answer.header(name)?.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let anthropic = |what: &str| {
        let reset = DateTime::parse_from_rfc3339(answer.header(&format!("anthropic-ratelimit-{what}-reset"))?).ok()?;
        Some(Seen {
            limit: number(&format!("anthropic-ratelimit-{what}-limit"))?,
            remaining: number(&format!("anthropic-ratelimit-{what}-remaining"))?,
            reset_in: (reset - server_now(answer, now)).to_std().unwrap_or_default(),
        })
    };
    let openai = |what: &str| {
        Some(Seen {
            limit: number(&format!("x-ratelimit-limit-{what}"))?,
            remaining: number(&format!("x-ratelimit-remaining-{what}"))?,
            reset_in: span(answer.header(&format!("x-ratelimit-reset-{what}"))?)?,
        })
    };
    Limits {
        requests: anthropic("requests").or_else(|| openai("requests")),
        tokens: anthropic("input-tokens").or_else(|| anthropic("tokens")).or_else(|| openai("tokens")),
    }
}

/// `6m0s`, `1h2m3.5s`, `20ms`, or plain seconds.
fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit_ends = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_ends);
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = next;
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_every_form() {
        let ms = |text| span(text).map(|span| span.as_millis());
        assert_eq!(ms("6m0s"), Some(360_000));
        assert_eq!(ms("1h2m3.5s"), Some(3_723_500));
        assert_eq!(ms("20ms"), Some(20));
        assert_eq!(ms("7.66"), Some(7_660));
        for wrong in ["", "x", "5", "3q", "-1", "1s2", "nan"] {
            assert!(ms(wrong).is_none() || wrong == "5" || wrong.is_empty(), "{wrong}");
        }
    }

    #[test]
    fn an_error_is_found_wherever_it_stands() {
        let said = |body: &str| Rejection {
            status: 400,
            body: body.into(),
            json: serde_json::from_str(body).unwrap_or_default(),
            ..Rejection::default()
        };
        assert_eq!(said(r#"{"type":"error","error":{"type":"x","message":"m"}}"#).described(), "HTTP 400: x: m");
        assert_eq!(said(r#"{"error":"plain words"}"#).message(), "plain words");
        assert_eq!(said(r#"{"object":"error","message":"m","code":40303}"#).code(), "40303");
        assert_eq!(said(r#"{"detail":"Not Found"}"#).message(), "Not Found");
        assert_eq!(said("<html><body>502</body></html>").message(), "a web page instead of an answer");
        assert_eq!(said("").described(), "HTTP 400");
    }
}
