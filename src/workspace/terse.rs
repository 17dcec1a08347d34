//! What a line of the journal need not say, because who reads it knows: nothing, noughts, a summary said twice, the run's own model. Knows
//! fields of JSON, not events.
use serde_json::{Map, Value};

/// How records are written that may be without something when they are read.
const TOOL_FINISHED: &str = "\"event\":\"tool_finished\"";
const STEP_STARTED: &str = "\"event\":\"step_started\"";
const CALL_STARTED: &str = "\"event\":\"call_started\"";
/// What else a line contains that can be shorter. A text that only quotes one of these loses nothing.
const SHORTER: [&str; 2] = [":null", "_tokens\":0"];

/// Whether a line may have something to take out.
pub(super) fn may_shorten(line: &str) -> bool {
    may_lengthen(line) || SHORTER.iter().any(|part| line.contains(part))
}

/// Whether a line may have something to put back.
pub(super) fn may_lengthen(line: &str) -> bool {
    [TOOL_FINISHED, STEP_STARTED, CALL_STARTED].iter().any(|part| line.contains(part))
}

/// Takes out of a record what [`put_back`] or any reader supplies. `model` is the one that the run's last start named.
pub(super) fn take_out(record: &mut Value, model: Option<&str>) {
    let Some(fields) = record.as_object_mut() else { return };
    if name(fields) == "call_started" && fields.get("model").is_some_and(|named| named.as_str() == model) {
        fields.shift_remove("model");
    }
    // Readers take a missing field for nothing, and missing tokens for none. That a call has no model is said if the run has one.
    fields.retain(|field, value| !value.is_null() || (field == "model" && model.is_some()));
    if let Some(Value::Object(usage)) = fields.get_mut("usage") {
        usage.retain(|_, tokens| tokens.as_u64() != Some(0));
    }
    match name(fields) {
        "tool_finished" if fields.get("content") == fields.get("summary") => drop(fields.shift_remove("content")),
        // One text, so that it is told once like every text of the journal.
        "step_started" => {
            if let Some(joined) = fields.get("tools").and_then(joined) {
                fields.insert("tools".into(), joined);
            }
        }
        _ => {}
    }
}

/// Puts back what [`take_out`] took out and a reader would miss.
pub(super) fn put_back(record: &mut Value, model: Option<&str>) {
    let Some(fields) = record.as_object_mut() else { return };
    match name(fields) {
        "call_started" if !fields.contains_key("model") => drop(fields.insert("model".into(), Value::from(model))),
        "tool_finished" if !fields.contains_key("content") => {
            if let Some(summary) = fields.get("summary").cloned() {
                fields.insert("content".into(), summary);
            }
        }
        "step_started" => {
            if let Some(Value::String(tools)) = fields.get("tools") {
                let tools = tools.split(' ').map(Value::from).collect();
                fields.insert("tools".into(), Value::Array(tools));
            }
        }
        _ => {}
    }
}

fn name(fields: &Map<String, Value>) -> &str {
    fields.get("event").and_then(Value::as_str).unwrap_or_default()
}

/// Names as one text, where splitting it gives them back.
fn joined(names: &Value) -> Option<Value> {
    let names = names.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<&str>>>()?;
    let whole = !names.is_empty() && names.iter().all(|name| !name.contains(' '));
    whole.then(|| Value::from(names.join(" ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MODEL: Option<&str> = Some("big");

    fn taken_out(mut record: Value) -> Value {
        take_out(&mut record, MODEL);
        record
    }

    fn comes_back(record: &Value) {
        let mut again = taken_out(record.clone());
        put_back(&mut again, MODEL);
        assert_eq!(&again, record);
    }

    #[test]
    fn a_summary_that_is_the_whole_content_is_told_once() {
        let same = json!({"event": "tool_finished", "summary": "wrote a.md", "content": "wrote a.md"});
        assert_eq!(taken_out(same.clone()), json!({"event": "tool_finished", "summary": "wrote a.md"}));
        comes_back(&same);
        for content in ["", "wrote a.md\n"] {
            comes_back(&json!({"event": "tool_finished", "summary": "wrote a.md", "content": content}));
        }
    }

    #[test]
    fn tools_are_one_text_unless_a_name_would_be_split() {
        let named = |names: Value| json!({"event": "step_started", "tools": names});
        assert_eq!(taken_out(named(json!(["read_file", "edit_file"])))["tools"], "read_file edit_file");
        for names in [json!(["read_file", "edit_file"]), json!([]), json!(["a b", "c"]), json!([""]), json!(["", ""])] {
            comes_back(&named(names));
        }
    }

    #[test]
    fn a_call_of_the_runs_own_model_does_not_name_it() {
        let call = |model: Value| json!({"event": "call_started", "step": "s1", "model": model});
        assert_eq!(taken_out(call(json!("big"))), json!({"event": "call_started", "step": "s1"}));
        for model in [json!("big"), json!("small"), json!(null)] {
            comes_back(&call(model));
        }
        let mut without = call(json!(null));
        take_out(&mut without, None);
        put_back(&mut without, None);
        assert_eq!(without, call(json!(null)));
    }

    #[test]
    fn nothing_is_left_out_at_the_top_only_and_noughts_among_the_tokens_only() {
        let record = json!({
            "event": "call_finished", "request_id": null, "usage": {"input_tokens": 0, "output_tokens": 7}, "ordinal": 0, "reply": {"raw": {"a": null}}
        });
        let left = json!({"event": "call_finished", "usage": {"output_tokens": 7}, "ordinal": 0, "reply": {"raw": {"a": null}}});
        assert_eq!(taken_out(record), left);
    }

    #[test]
    fn what_is_no_record_is_let_be() {
        for value in [json!(null), json!([1]), json!({"event": 7}), json!({"event": "tool_finished"})] {
            put_back(&mut value.clone(), MODEL);
            take_out(&mut value.clone(), None);
        }
    }
}
