//! The protocol as Microsoft publishes it for machines (tests/fixtures/protocol): says what is wrong with a message that a server sent.
//! Stricter than the protocol in two things: a field it does not know is a slip of ours, and a field that may be left out is never null.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

/// The published model, by name.
pub struct Protocol {
    structures: BTreeMap<String, Value>,
    enumerations: BTreeMap<String, Value>,
    aliases: BTreeMap<String, Value>,
    requests: BTreeMap<String, Value>,
    notifications: BTreeMap<String, Value>,
}

/// The published model.
pub fn protocol() -> &'static Protocol {
    static PROTOCOL: OnceLock<Protocol> = OnceLock::new();
    PROTOCOL.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/protocol/metaModel.json");
        let model: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let table = |list: &str, key: &str| -> BTreeMap<String, Value> {
            let entry = |entry: &Value| (entry[key].as_str().unwrap().to_owned(), entry.clone());
            model[list].as_array().unwrap().iter().map(entry).collect()
        };
        Protocol {
            structures: table("structures", "name"),
            enumerations: table("enumerations", "name"),
            aliases: table("typeAliases", "name"),
            requests: table("requests", "method"),
            notifications: table("notifications", "method"),
        }
    })
}

impl Protocol {
    /// What is wrong with a request or notification of the server; nothing is said of our own `orchestrator/…`.
    pub fn of_server(&self, message: &Value) -> Option<String> {
        let method = message["method"].as_str()?;
        if method.starts_with("orchestrator/") {
            return None;
        }
        let table = if message.get("id").is_some() { &self.requests } else { &self.notifications };
        let Some(entry) = table.get(method) else { return Some(format!("the protocol has no such message: {method}")) };
        if entry["messageDirection"] == "clientToServer" {
            return Some(format!("{method} is for clients to send"));
        }
        match (entry.get("params"), message.get("params")) {
            (Some(wanted), Some(params)) => self.check(wanted, params, method).err(),
            (Some(_), None) => Some(format!("{method} has no parameters")),
            (None, Some(_)) => Some(format!("{method} takes no parameters")),
            (None, None) => None,
        }
    }

    /// What is wrong with the answer to a request of the client.
    pub fn of_answer(&self, method: &str, answer: &Value) -> Option<String> {
        if answer["jsonrpc"] != "2.0" {
            return Some("an answer says which JSON-RPC it speaks".into());
        }
        match (answer.get("result"), answer.get("error")) {
            (Some(result), None) => self.check(&self.requests.get(method)?["result"], result, method).err(),
            (None, Some(error)) => {
                let is_error = error["code"].is_i64() && error["message"].is_string();
                (!is_error).then(|| format!("an error has a code and a message: {error}"))
            }
            _ => Some(format!("an answer has a result or an error: {answer}")),
        }
    }

    fn check(&self, wanted: &Value, value: &Value, at: &str) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{at}: {what}, not {value}"));
        match wanted["kind"].as_str().unwrap() {
            "base" => match base(wanted["name"].as_str().unwrap(), value) {
                true => Ok(()),
                false => wrong(wanted["name"].as_str().unwrap()),
            },
            "reference" => self.named(wanted["name"].as_str().unwrap(), value, at),
            "array" => match value.as_array() {
                Some(items) => {
                    items.iter().enumerate().try_for_each(|(index, item)| self.check(&wanted["element"], item, &format!("{at}[{index}]")))
                }
                None => wrong("a list"),
            },
            "map" => match value.as_object() {
                Some(fields) => fields.iter().try_for_each(|(key, item)| self.check(&wanted["value"], item, &format!("{at}.{key}"))),
                None => wrong("a map"),
            },
            "tuple" => {
                let (items, kinds) = (value.as_array().cloned().unwrap_or_default(), wanted["items"].as_array().unwrap());
                if items.len() != kinds.len() {
                    return wrong("a tuple");
                }
                items.iter().zip(kinds).try_for_each(|(item, kind)| self.check(kind, item, at))
            }
            "or" => {
                let tried: Vec<String> =
                    wanted["items"].as_array().unwrap().iter().filter_map(|kind| self.check(kind, value, at).err()).collect();
                if tried.len() < wanted["items"].as_array().unwrap().len() { Ok(()) } else { Err(tried.join("; or ")) }
            }
            "and" => wanted["items"].as_array().unwrap().iter().try_for_each(|kind| self.check(kind, value, at)),
            "stringLiteral" | "integerLiteral" | "booleanLiteral" if *value == wanted["value"] => Ok(()),
            "literal" => self.fields(wanted["value"]["properties"].as_array().unwrap(), value, at),
            other => wrong(&format!("{other} {}", wanted["value"])),
        }
    }

    fn named(&self, name: &str, value: &Value, at: &str) -> Result<(), String> {
        if matches!(name, "LSPAny" | "LSPObject" | "LSPArray") {
            return Ok(());
        }
        if let Some(alias) = self.aliases.get(name) {
            return self.check(&alias["type"], value, at);
        }
        if let Some(kind) = self.enumerations.get(name) {
            let known = kind["values"].as_array().unwrap().iter().any(|known| known["value"] == *value);
            let custom = kind["supportsCustomValues"] == true && self.check(&kind["type"], value, at).is_ok();
            return if known || custom { Ok(()) } else { Err(format!("{at}: {value} is no {name}")) };
        }
        self.fields(&self.properties(name), value, &format!("{at}:{name}"))
    }

    fn properties(&self, name: &str) -> Vec<Value> {
        let structure = &self.structures[name];
        let above = ["extends", "mixins"].iter().filter_map(|list| structure[list].as_array()).flatten();
        let inherited = above.flat_map(|above| self.properties(above["name"].as_str().unwrap()));
        let mut all: Vec<Value> = structure["properties"].as_array().unwrap().clone();
        let own: Vec<Value> = all.iter().map(|property| property["name"].clone()).collect();
        all.extend(inherited.filter(|property| !own.contains(&property["name"])));
        all
    }

    fn fields(&self, properties: &[Value], value: &Value, at: &str) -> Result<(), String> {
        let Some(fields) = value.as_object() else { return Err(format!("{at}: an object, not {value}")) };
        let known = |name: &String| properties.iter().any(|property| property["name"] == name.as_str());
        if let Some(unknown) = fields.keys().find(|name| !known(name)) {
            return Err(format!("{at}: there is no field `{unknown}`"));
        }
        for property in properties {
            let name = property["name"].as_str().unwrap();
            match fields.get(name) {
                Some(field) => self.check(&property["type"], field, &format!("{at}.{name}"))?,
                None if property["optional"] == true => {}
                None => return Err(format!("{at}: the field `{name}` is missing")),
            }
        }
        Ok(())
    }
}

fn base(name: &str, value: &Value) -> bool {
    match name {
        "integer" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "uinteger" => value.as_u64().is_some_and(|number| number <= 2_147_483_647),
        "decimal" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        // URI, DocumentUri, RegExp, string.
        "URI" | "DocumentUri" => value.as_str().is_some_and(|text| text.contains(':')),
        _ => value.is_string(),
    }
}
