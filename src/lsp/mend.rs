//! Mends what clients get wrong before it reaches typed code: null parameters, and capabilities of the wrong type. Never refuses anything.
use serde_json::{Map, Value, json};
use tower_lsp::lsp_types::InitializeParams;

/// The parameters as the typed handlers want them.
pub fn params(method: &str, params: Option<Value>) -> Option<Value> {
    match (method, params) {
        // These take none; some clients send null or an empty object.
        ("shutdown" | "exit", _) => None,
        ("initialized", None | Some(Value::Null)) => Some(json!({})),
        (_, Some(Value::Null)) => None,
        (_, params) => params,
    }
}

/// Takes out of an `initialize` request what the types cannot hold, the smallest part that helps, and says which parts.
pub fn initialize(params: &mut Value) -> Vec<String> {
    let mut dropped = Vec::new();
    if !params.is_object() {
        *params = json!({});
    }
    let Some(fields) = params.as_object_mut() else { return dropped };
    if !fields.get("capabilities").is_some_and(Value::is_object) {
        fields.insert("capabilities".into(), json!({}));
    }
    if fits(&Value::Object(fields.clone())) {
        return dropped;
    }
    keep_fitting(fields, "", &mut dropped, &|name, value| {
        name == "capabilities" || fits(&with_capabilities(json!({}), Some((name, value.clone()))))
    });
    let Some(Value::Object(sections)) = fields.get_mut("capabilities") else { return dropped };
    for (name, section) in sections.iter_mut() {
        if let Value::Object(features) = section {
            let path = format!("capabilities.{name}.");
            keep_fitting(features, &path, &mut dropped, &|feature, value| {
                fits(&with_capabilities(json!({ name: { feature: value } }), None))
            });
        }
    }
    keep_fitting(sections, "capabilities.", &mut dropped, &|name, value| fits(&with_capabilities(json!({ name: value }), None)));
    dropped
}

fn keep_fitting(fields: &mut Map<String, Value>, path: &str, dropped: &mut Vec<String>, fits: &dyn Fn(&str, &Value) -> bool) {
    fields.retain(|name, value| {
        let keep = fits(name, value);
        if !keep {
            dropped.push(format!("{path}{name}"));
        }
        keep
    });
}

fn with_capabilities(capabilities: Value, field: Option<(&str, Value)>) -> Value {
    let mut params = Map::from_iter([("capabilities".to_owned(), capabilities)]);
    params.extend(field.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(params)
}

fn fits(params: &Value) -> bool {
    serde_json::from_value::<InitializeParams>(params.clone()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_parameters_stay_as_they_are() {
        let mut sound = json!({"processId": 1, "rootUri": null, "capabilities": {"workspace": {"applyEdit": true}}});
        let before = sound.clone();
        assert!(initialize(&mut sound).is_empty());
        assert_eq!(sound, before);
    }

    #[test]
    fn only_the_broken_part_is_dropped() {
        let mut broken = json!({
            "processId": "many",
            "capabilities": {
                "workspace": {"applyEdit": true, "didChangeConfiguration": {"dynamicRegistration": "maybe"}},
                "textDocument": 7,
                "window": {"workDoneProgress": true}
            }
        });
        let dropped = initialize(&mut broken);
        assert_eq!(dropped, ["processId", "capabilities.workspace.didChangeConfiguration", "capabilities.textDocument"]);
        assert_eq!(broken, json!({"capabilities": {"workspace": {"applyEdit": true}, "window": {"workDoneProgress": true}}}));
    }

    #[test]
    fn anything_can_be_mended() {
        for mut params in [json!(null), json!([1]), json!("x"), json!({"capabilities": []}), json!({"capabilities": {"workspace": [[]]}})] {
            initialize(&mut params);
            assert!(fits(&params), "{params}");
        }
    }
}
