//! Tool calls put together from the fragments of a stream. Servers number them, name them and repeat them in their own ways; this reads them all. Pure.
use serde_json::{Map, Value};

use crate::domain::ToolCall;

/// A call as it arrives.
#[derive(Debug, Default)]
struct Arriving {
    index: Option<i64>,
    id: Option<String>,
    name: String,
    arguments: String,
    /// What the server wants back verbatim beside the call (thought signatures).
    extra: Map<String, Value>,
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    arriving: Vec<Arriving>,
}

/// A finished call with what goes back beside it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finished {
    pub call: ToolCall,
    pub extra: Map<String, Value>,
}

impl Calls {
    pub fn is_empty(&self) -> bool {
        self.arriving.is_empty()
    }

    /// Takes one entry of a delta's `tool_calls`; returns the bytes of arguments in it.
    pub fn push(&mut self, fragment: &Value) -> usize {
        let function = fragment.get("function").unwrap_or(&Value::Null);
        let index = fragment.get("index").or_else(|| function.get("index")).and_then(Value::as_i64);
        let id = fragment.get("id").and_then(Value::as_str).filter(|id| is_id(id));
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default().trim();
        let arguments = match function.get("arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(value) => value.to_string(),
        };
        let at = self.place_of(index, (id, name), &arguments);
        let call = match at.and_then(|at| self.arriving.get_mut(at)) {
            Some(call) => call,
            None => {
                self.arriving.push(Arriving { index, name: name.to_owned(), ..Arriving::default() });
                let Some(call) = self.arriving.last_mut() else { return 0 };
                call
            }
        };
        if call.id.is_none() {
            call.id = id.map(str::to_owned);
        }
        if call.name.is_empty() {
            call.name = name.to_owned();
        }
        call.arguments.push_str(&arguments);
        if let Some(extra) = fragment.get("extra_content").filter(|extra| !extra.is_null()) {
            call.extra.insert("extra_content".into(), extra.clone());
        }
        arguments.len()
    }

    /// Which open call a fragment continues; `None` begins a new one.
    fn place_of(&self, index: Option<i64>, (id, name): (Option<&str>, &str), arguments: &str) -> Option<usize> {
        let last = self.arriving.len().checked_sub(1)?;
        let with_index = index.and_then(|index| self.arriving.iter().rposition(|call| call.index == Some(index)));
        if name.is_empty() {
            return Some(with_index.unwrap_or(last));
        }
        let known_index = with_index.is_some() || index.is_none() || self.arriving.last().is_some_and(|call| call.index.is_none());
        if !known_index {
            return None;
        }
        let at = with_index.unwrap_or(last);
        let open = self.arriving.get(at)?;
        let same_id = matches!((id, &open.id), (Some(id), Some(open)) if id == open);
        let other_id = matches!((id, &open.id), (Some(id), Some(open)) if id != open);
        // Whole calls in one chunk each, all with one index and no id: the one before is whole, and this one brings its own arguments.
        let next_whole = !same_id && !arguments.is_empty() && is_whole(&open.arguments);
        (!other_id && !next_whole).then_some(at)
    }

    /// The calls, with an id each. `turn` makes ids of our own unlike those of earlier answers.
    pub fn finish(self, turn: usize) -> Vec<Finished> {
        let mut finished: Vec<Finished> = Vec::new();
        for (number, arriving) in self.arriving.into_iter().enumerate() {
            let fresh = |id: &String| !finished.iter().any(|other| other.call.id == *id);
            let id = arriving.id.filter(fresh).unwrap_or_else(|| format!("call_{turn}_{number}"));
            let input = ToolCall::input_from_text(&arriving.arguments);
            finished.push(Finished { call: ToolCall { id, name: arriving.name, input }, extra: arriving.extra });
        }
        finished
    }
}

/// Some servers send a placeholder where an id should be.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id != "null"
}

fn is_whole(arguments: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(arguments).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(fragments: &[Value]) -> Vec<(String, String, Value)> {
        let mut calls = Calls::default();
        for fragment in fragments {
            calls.push(fragment);
        }
        calls.finish(3).into_iter().map(|finished| (finished.call.id, finished.call.name, finished.call.input)).collect()
    }

    fn call(id: &str, name: &str, input: Value) -> (String, String, Value) {
        (id.to_owned(), name.to_owned(), input)
    }

    #[test]
    fn openai_streams_arguments_by_index() {
        let read = read(&[
            json!({"index": 0, "id": "a", "type": "function", "function": {"name": "read", "arguments": ""}}),
            json!({"index": 0, "function": {"arguments": "{\"p\":"}}),
            json!({"index": 1, "id": "b", "type": "function", "function": {"name": "list", "arguments": ""}}),
            json!({"index": 0, "function": {"arguments": "1}"}}),
            json!({"index": 1, "function": {"arguments": "{}"}}),
        ]);
        assert_eq!(read, [call("a", "read", json!({"p": 1})), call("b", "list", json!({}))]);
    }

    #[test]
    fn two_whole_calls_with_one_index_and_no_id_stay_two() {
        for index in [json!(0), Value::Null] {
            let whole = |path: &str| json!({"index": index, "id": "", "function": {"name": "read", "arguments": format!("{{\"path\":\"{path}\"}}")}});
            let read = read(&[whole("a.md"), whole("b.md")]);
            assert_eq!(
                read,
                [call("call_3_0", "read", json!({"path": "a.md"})), call("call_3_1", "read", json!({"path": "b.md"}))],
                "{index}"
            );
        }
    }

    #[test]
    fn nulls_placeholders_and_repeated_names_are_read() {
        let read = read(&[
            json!({"index": 0, "id": "null", "type": null, "function": {"name": "read", "arguments": null}}),
            json!({"index": 0, "id": null, "function": {"name": null, "arguments": "{\"p\""}}),
            json!({"index": 0, "id": "", "function": {"name": "", "arguments": ":1"}}),
            json!({"index": 0, "id": "", "function": {"name": "read", "arguments": "}"}}),
            json!({"index": 0, "function": {"name": "read", "arguments": ""}}),
        ]);
        assert_eq!(read, [call("call_3_0", "read", json!({"p": 1}))]);
    }

    #[test]
    fn different_ids_are_different_calls_and_equal_ones_are_made_unique() {
        let one = |id: &str| json!({"index": 0, "id": id, "function": {"name": "list", "arguments": "{}"}});
        assert_eq!(read(&[one("x"), one("y")]).len(), 2);
        let parallel = [
            json!({"index": 0, "id": "x", "function": {"name": "a", "arguments": "{}"}}),
            json!({"index": 1, "id": "x", "function": {"name": "b", "arguments": "{}"}}),
        ];
        assert_eq!(read(&parallel), [call("x", "a", json!({})), call("call_3_1", "b", json!({}))]);
    }

    #[test]
    fn arguments_may_be_missing_an_object_or_broken() {
        assert_eq!(read(&[json!({"function": {"name": "list"}})]), [call("call_3_0", "list", json!({}))]);
        assert_eq!(read(&[json!({"function": {"name": "list", "arguments": {"a": 1}}})]), [call("call_3_0", "list", json!({"a": 1}))]);
        let broken = read(&[json!({"function": {"name": "list", "arguments": "{\"a\":"}})]);
        assert_eq!(broken, [call("call_3_0", "list", json!({"__invalid_json": "{\"a\":"}))]);
    }

    #[test]
    fn a_fragment_before_any_name_is_kept() {
        let read = read(&[
            json!({"index": 0, "function": {"arguments": "{\"a\":"}}),
            json!({"index": 0, "id": "i", "function": {"name": "n", "arguments": "1}"}}),
        ]);
        assert_eq!(read, [call("i", "n", json!({"a": 1}))]);
    }

    proptest! {
        #[test]
        fn any_fragments_are_read_without_a_panic(fragments in proptest::collection::vec((0i64..3, "[a-b]{0,1}", "[a-b]{0,1}", "[{}\":a1]{0,4}"), 0..12)) {
            let values: Vec<Value> = fragments.iter().map(|(index, id, name, arguments)| json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}})).collect();
            let calls = read(&values);
            let ids: std::collections::BTreeSet<&String> = calls.iter().map(|(id, _, _)| id).collect();
            prop_assert_eq!(ids.len(), calls.len());
        }
    }
}
