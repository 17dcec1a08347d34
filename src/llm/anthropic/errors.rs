//! Anthropic's errors in classes: by status, type and error code. Its messages are read only where nothing else tells.
use crate::domain::{CallFailure, FailureClass};
use crate::llm::failure::Rejection;

/// The status that an error's type stands for, when it comes inside a stream.
pub(super) fn status_of(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "timeout_error" => 504,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "overloaded_error" => 529,
        _ => 500,
    }
}

pub(super) fn failure(rejection: &Rejection) -> CallFailure {
    let mut failure = rejection.failure(class(rejection));
    if rejection.status == 200 {
        failure.message = format!("the server answered with something else than a stream: {}", rejection.message());
    } else if (300..400).contains(&rejection.status) {
        failure.message = format!("the server redirects (HTTP {}); set model.base_url to where it points", rejection.status);
    } else if rejection.status == 401 {
        failure.message = format!("the key was refused: {}", rejection.described());
    }
    failure
}

fn class(rejection: &Rejection) -> FailureClass {
    if no_money_left(rejection) {
        return FailureClass::Parked;
    }
    match effective_status(rejection) {
        401..=403 => FailureClass::Parked,
        429 => FailureClass::Throttled,
        408 | 409 | 500..=599 => FailureClass::Transient,
        // A page of some gateway in between.
        200 => FailureClass::Transient,
        _ => FailureClass::Doomed,
    }
}

/// An error body under a head of success means what its type says.
fn effective_status(rejection: &Rejection) -> u16 {
    let kind = rejection.kind();
    if rejection.status == 200 && rejection.json.get("error").is_some_and(|error| !error.is_null()) {
        status_of(&kind)
    } else {
        rejection.status
    }
}

/// A spent limit or an empty account: waiting a minute would not help.
fn no_money_left(rejection: &Rejection) -> bool {
    let code = rejection.error().pointer("/details/error_code").and_then(serde_json::Value::as_str).unwrap_or_default();
    if code.contains("spend_limit") {
        return true;
    }
    let message = rejection.message().to_ascii_lowercase();
    // A limit that users set for themselves, and an empty balance, come as ordinary bad requests without a code.
    rejection.status == 400 && ["api usage limits", "credit balance", "spend limit"].iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rejection(status: u16, kind: &str, details: serde_json::Value, message: &str) -> Rejection {
        let json = json!({"type": "error", "error": {"type": kind, "message": message, "details": details}, "request_id": "req_1"});
        Rejection { status, body: json.to_string(), json, ..Rejection::default() }
    }

    fn class_of(status: u16, kind: &str) -> FailureClass {
        failure(&rejection(status, kind, json!(null), "m")).class
    }

    #[test]
    fn each_status_has_its_class() {
        use FailureClass::{Doomed, Parked, Throttled, Transient};
        for (status, expected) in [
            (400, Doomed),
            (401, Parked),
            (402, Parked),
            (403, Parked),
            (404, Doomed),
            (408, Transient),
            (409, Transient),
            (413, Doomed),
            (429, Throttled),
            (500, Transient),
            (502, Transient),
            (503, Transient),
            (504, Transient),
            (529, Transient),
            (302, Doomed),
        ] {
            assert_eq!(class_of(status, "x"), expected, "{status}");
        }
    }

    #[test]
    fn a_reached_spending_limit_parks_the_run_and_a_ramp_limit_does_not() {
        let of = |code: &str| failure(&rejection(429, "rate_limit_error", json!({"error_code": code}), "m")).class;
        assert_eq!(of("enforced_spend_limit_reached"), FailureClass::Parked);
        assert_eq!(of("contract_spend_limit_reached"), FailureClass::Parked);
        assert_eq!(of("ramp_limit_exceeded"), FailureClass::Throttled);
        let own = rejection(400, "invalid_request_error", json!(null), "You have reached your specified API usage limits.");
        assert_eq!(failure(&own).class, FailureClass::Parked);
    }

    #[test]
    fn the_servers_own_word_about_retries_goes_first() {
        let with = |status, should| failure(&Rejection { should_retry: Some(should), ..rejection(status, "x", json!(null), "m") }).class;
        assert_eq!(with(529, false), FailureClass::Parked);
        assert_eq!(with(400, true), FailureClass::Transient);
        assert_eq!(with(401, true), FailureClass::Parked);
    }

    #[test]
    fn an_error_under_a_head_of_success_means_what_it_says() {
        assert_eq!(class_of(200, "authentication_error"), FailureClass::Parked);
        assert_eq!(class_of(200, "overloaded_error"), FailureClass::Transient);
    }
}
