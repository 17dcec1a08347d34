//! Errors of chat completions in classes. Servers agree on little: the status, where there is one, then type and code.
use crate::domain::{CallFailure, FailureClass};
use crate::llm::failure::Rejection;

/// The status of an error that came inside a stream or under a head of success.
pub(super) fn status_of(rejection: &Rejection) -> u16 {
    if let Some(status) = rejection.code().parse().ok().filter(|status| (400..600).contains(status)) {
        return status;
    }
    let words = format!("{} {}", rejection.kind(), rejection.code()).to_ascii_lowercase();
    let has = |word: &str| words.contains(word);
    if has("rate_limit") || has("too_many") {
        429
    } else if has("auth") || has("api_key") {
        401
    } else if has("not_found") {
        404
    } else if has("invalid_request") || has("badrequest") || has("context_length") {
        400
    } else {
        500
    }
}

pub(super) fn failure(rejection: &Rejection) -> CallFailure {
    let mut failure = rejection.failure(class(rejection));
    if rejection.status == 200 && rejection.json.get("error").is_none() {
        failure.message = format!("the server answered with something else than a stream: {}", rejection.message());
    } else if (300..400).contains(&rejection.status) {
        failure.message = format!("the server redirects (HTTP {}); set model.base_url to where it points", rejection.status);
    } else if rejection.status == 401 {
        failure.message = format!("the key was refused: {}", rejection.described());
    } else if failure.class == FailureClass::Doomed && has_no_tools(rejection) {
        failure.message =
            format!("this model cannot use tools, which agents need: set model.name to one that can ({})", rejection.message());
    }
    failure
}

fn class(rejection: &Rejection) -> FailureClass {
    let words = format!("{} {}", rejection.kind(), rejection.code()).to_ascii_lowercase();
    if ["insufficient_quota", "billing", "insufficient_balance", "insufficient_credits"].iter().any(|word| words.contains(word)) {
        return FailureClass::Parked;
    }
    // The model's own malformed call (Groq): another sample may do better.
    if words.contains("tool_use_failed") || rejection.body.contains("failed_generation") {
        return FailureClass::Transient;
    }
    let status = if rejection.status == 200 && rejection.json.is_object() { status_of(rejection) } else { rejection.status };
    match status {
        401 | 402 => FailureClass::Parked,
        // OpenRouter answers so when its moderation flags a prompt.
        403 if rejection.body.contains("moderation") || rejection.body.contains("flagged") => FailureClass::Doomed,
        403 => FailureClass::Parked,
        429 => FailureClass::Throttled,
        200 | 408 | 409 | 425 | 498 | 500..=599 => FailureClass::Transient,
        _ => FailureClass::Doomed,
    }
}

/// `… does not support tools` (Ollama), `"auto" tool choice requires --enable-auto-tool-choice` (vLLM), `tools … not supported` (others).
pub(super) fn has_no_tools(rejection: &Rejection) -> bool {
    let body = rejection.body.to_ascii_lowercase();
    let about_tools = body.contains("tools") || body.contains("tool choice") || body.contains("tool_choice") || body.contains("tool use");
    let refused =
        ["not support", "unsupported", "no endpoints found", "enable-auto-tool-choice", "--jinja"].iter().any(|word| body.contains(word));
    about_tools && refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: u16, body: &str) -> CallFailure {
        failure(&Rejection { status, body: body.into(), json: serde_json::from_str(body).unwrap_or_default(), ..Rejection::default() })
    }

    #[test]
    fn quota_parks_and_a_rate_limit_throttles() {
        assert_eq!(
            failed(429, r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#).class,
            FailureClass::Parked
        );
        assert_eq!(
            failed(429, r#"{"error":{"message":"m","type":"requests","code":"rate_limit_exceeded"}}"#).class,
            FailureClass::Throttled
        );
        assert_eq!(failed(402, r#"{"error":{"message":"m","code":402}}"#).class, FailureClass::Parked);
    }

    #[test]
    fn errors_under_a_head_of_success_mean_what_they_say() {
        assert_eq!(failed(200, r#"{"error":{"message":"m","code":429}}"#).class, FailureClass::Throttled);
        assert_eq!(failed(200, r#"{"error":{"message":"m","code":401}}"#).class, FailureClass::Parked);
        assert_eq!(failed(200, "<html>").class, FailureClass::Transient);
    }

    #[test]
    fn a_model_without_tools_is_named_as_such() {
        for body in [
            r#"{"error":{"message":"registry.ollama.ai/library/gemma:2b does not support tools","type":"api_error"}}"#,
            r#"{"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set","code":400}"#,
            r#"{"error":{"message":"No endpoints found that support tool use","code":404}}"#,
        ] {
            let failure = failed(400, body);
            assert_eq!(failure.class, FailureClass::Doomed);
            assert!(failure.message.contains("cannot use tools"), "{}", failure.message);
        }
    }

    #[test]
    fn a_malformed_call_of_the_model_is_tried_again() {
        let body = r#"{"error":{"message":"Failed to call a function","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"x"}}"#;
        assert_eq!(failed(400, body).class, FailureClass::Transient);
        assert_eq!(failed(498, "{}").class, FailureClass::Transient);
        assert_eq!(failed(404, "{}").class, FailureClass::Doomed);
    }
}
