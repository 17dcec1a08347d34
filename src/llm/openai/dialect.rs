//! What an endpoint has shown to understand: learned from its refusals and kept for the life of the provider. Pure.
use crate::llm::failure::Rejection;

/// How the limit of an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    MaxTokens,
    MaxCompletionTokens,
    /// The endpoint refused the limit itself: its own is smaller.
    Left,
}

/// How an answer that fits a schema is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemaRoute {
    JsonSchema,
    JsonObject,
    /// In words only.
    Prompt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub limit: Limit,
    /// The limit's other name was tried already: the names are not tried in turns.
    pub renamed: bool,
    pub schema: SchemaRoute,
    /// `stream_options: {include_usage: true}` is understood.
    pub usage_option: bool,
    /// Tools are described and called in words: this model has none of its own.
    pub text_tools: bool,
}

/// What a request held that may have been refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub schema: bool,
    pub dialect: Dialect,
}

impl Dialect {
    /// What to try first: OpenAI's own newer models refuse `max_tokens`.
    pub fn of_host(host: &str) -> Dialect {
        let limit = if host == "api.openai.com" { Limit::MaxCompletionTokens } else { Limit::MaxTokens };
        Dialect { limit, renamed: false, schema: SchemaRoute::JsonSchema, usage_option: true, text_tools: false }
    }

    /// Another form to try after this refusal, if it names what was refused. Each change goes one way, so that this ends.
    pub fn learn(&mut self, rejection: &Rejection, sent: Sent) -> bool {
        if !matches!(rejection.status, 400 | 422) {
            return false;
        }
        let body = rejection.body.to_ascii_lowercase();
        if sent.dialect.usage_option && (body.contains("stream_options") || body.contains("include_usage")) {
            self.usage_option = false;
            return true;
        }
        if sent.dialect.limit != Limit::Left && (body.contains("max_tokens") || body.contains("max_completion_tokens")) {
            self.limit = if sent.dialect.renamed { Limit::Left } else { next_limit(sent.dialect.limit, &body) };
            self.renamed = true;
            return true;
        }
        let about_schema =
            ["response_format", "json_schema", "json_object", "structured output", "schema"].iter().any(|word| body.contains(word));
        if sent.schema && about_schema && sent.dialect.schema != SchemaRoute::Prompt {
            self.schema = if sent.dialect.schema == SchemaRoute::JsonSchema { SchemaRoute::JsonObject } else { SchemaRoute::Prompt };
            return true;
        }
        false
    }
}

/// The other name where the refusal is about the name, no limit where it is about the number.
fn next_limit(limit: Limit, body: &str) -> Limit {
    let about_the_name = ["unsupported", "not supported", "unknown", "unrecognized", "instead", "extra", "not permitted"];
    let named = about_the_name.iter().any(|word| body.contains(word));
    match limit {
        Limit::MaxTokens if named && body.contains("max_completion_tokens") => Limit::MaxCompletionTokens,
        Limit::MaxCompletionTokens if named && !body.contains("'max_tokens'") => Limit::MaxTokens,
        _ => Limit::Left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(dialect: &mut Dialect, schema: bool, body: &str) -> bool {
        let sent = Sent { schema, dialect: *dialect };
        dialect.learn(&Rejection { status: 400, body: body.into(), ..Rejection::default() }, sent)
    }

    #[test]
    fn the_limits_name_is_learned() {
        let mut dialect = Dialect::of_host("example.com");
        assert!(refuse(
            &mut dialect,
            false,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        ));
        assert_eq!(dialect.limit, Limit::MaxCompletionTokens);
        let mut older = Dialect::of_host("api.openai.com");
        assert!(refuse(&mut older, false, "Unrecognized request argument supplied: max_completion_tokens"));
        assert_eq!(older.limit, Limit::MaxTokens);
    }

    #[test]
    fn a_limit_that_is_too_large_is_left_out() {
        let mut dialect = Dialect::of_host("example.com");
        assert!(refuse(&mut dialect, false, "'max_tokens' or 'max_completion_tokens' is too large: 16000."));
        assert_eq!(dialect.limit, Limit::Left);
        assert!(!refuse(&mut dialect, false, "max_tokens again"));
    }

    #[test]
    fn a_schema_is_asked_for_in_ever_simpler_ways() {
        let mut dialect = Dialect::of_host("example.com");
        let mut routes = Vec::new();
        while refuse(&mut dialect, true, "response_format is not supported") {
            routes.push(dialect.schema);
        }
        assert_eq!(routes, [SchemaRoute::JsonObject, SchemaRoute::Prompt]);
        assert!(!refuse(&mut Dialect::of_host("example.com"), false, "response_format is not supported"));
    }

    #[test]
    fn every_row_of_refusals_ends() {
        let mut dialect = Dialect::of_host("api.openai.com");
        let all = "stream_options max_tokens max_completion_tokens unsupported response_format";
        let times = (0..50).take_while(|_| refuse(&mut dialect, true, all)).count();
        assert!(times < 10, "{times}");
    }
}
