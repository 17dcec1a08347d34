//! One tool of a server: its name and schema as a model may see them, and its results as text. What a server says about a tool is cleaned here.
use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents, Tool as Offer};
use serde_json::{Map, Value, json};

use crate::domain::hash::short_hash;
use crate::domain::{ToolOutcome, ToolSpec};
use crate::tools::described::{cut, size};
use crate::tools::mcp::Server;
use crate::tools::tool::{MAX_RESULT_BYTES, Tool, ToolContext};

/// The longest name of a tool that every provider takes, in characters.
const MAX_NAME: usize = 64;
/// The longest description and the largest schema of a tool, in bytes: they are sent with every call to the model.
const MAX_DESCRIPTION: usize = 2 * 1024;
const MAX_SCHEMA: usize = 24 * 1024;

/// A tool as it is offered to agents.
pub(super) struct Definition {
    pub(super) offer: Offer,
    pub(super) spec: ToolSpec,
}

/// Whether the server says of a tool that it changes nothing.
pub(super) fn is_read_only(offer: &Offer) -> bool {
    offer.annotations.as_ref().and_then(|annotations| annotations.read_only_hint) == Some(true)
}

/// The tools that can be offered, and why others cannot.
pub(super) fn usable(server: &str, offers: Vec<Offer>) -> (Vec<Definition>, Vec<String>) {
    let (mut tools, mut problems) = (Vec::new(), Vec::new());
    let mut names = BTreeSet::new();
    for offer in offers {
        let name = name(server, &offer.name);
        match schema(&offer.input_schema) {
            Err(problem) => problems.push(format!("the tool `{}` of the server `{server}` is left out: {problem}", cut(&offer.name, 80))),
            Ok(_) if !names.insert(name.clone()) => {
                problems.push(format!("the server `{server}` has two tools named `{}`; the first is used", cut(&offer.name, 80)));
            }
            Ok(input_schema) => {
                let spec = ToolSpec { name, description: description(server, &offer), input_schema: input_schema.into() };
                tools.push(Definition { offer, spec });
            }
        }
    }
    (tools, problems)
}

/// `mcp__server__tool`, with what a model's endpoint does not take replaced; a name that is too long is cut and told apart by a hash.
fn name(server: &str, tool: &str) -> String {
    let clean: String = tool.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect();
    let name = format!("mcp__{server}__{clean}");
    if name.len() <= MAX_NAME { name } else { format!("{}_{}", cut(&name, MAX_NAME - 7), short_hash(tool)) }
}

fn description(server: &str, offer: &Offer) -> String {
    let said = offer.description.as_deref().or(offer.title.as_deref()).unwrap_or_default().trim();
    format!("{}\n(Tool `{}` of the server `{server}`.)", cut(said, MAX_DESCRIPTION), cut(&offer.name, 80)).trim_start().to_owned()
}

/// The schema as every provider takes it: an object at the top, without alternatives there.
fn schema(given: &Map<String, Value>) -> Result<Value, String> {
    let mut schema = given.clone();
    if schema.get("type").is_some_and(|kind| kind != "object") {
        return Err("its input is said to be something else than an object".into());
    }
    if schema.get("properties").is_some_and(|properties| !properties.is_object()) {
        return Err("the properties of its input are no object".into());
    }
    for key in ["$schema", "$id", "anyOf", "oneOf", "allOf", "not", "enum", "const"] {
        schema.remove(key);
    }
    schema.insert("type".into(), json!("object"));
    schema.entry("properties").or_insert_with(|| json!({}));
    let schema = Value::Object(schema);
    let length = schema.to_string().len();
    if length > MAX_SCHEMA { Err(format!("its schema has {}", size(length as u64))) } else { Ok(schema) }
}

/// One tool of a running server.
pub(super) struct McpTool {
    server: Arc<Server>,
    definition: Definition,
}

impl McpTool {
    pub(super) fn new(server: Arc<Server>, definition: Definition) -> Self {
        McpTool { server, definition }
    }
}

#[async_trait]
impl Tool for McpTool {
    fn spec(&self) -> ToolSpec {
        self.definition.spec.clone()
    }

    fn is_read_only(&self) -> bool {
        is_read_only(&self.definition.offer)
    }

    async fn run(&self, input: Value, context: &ToolContext) -> ToolOutcome {
        let name = &self.definition.spec.name;
        let Value::Object(arguments) = input else {
            return ToolOutcome::refused(format!("{name}: the input must be a JSON object"));
        };
        if context.rerun && !self.is_read_only() {
            let what = "this call was under way when the run was interrupted, and what it did may stand; find out before you make it again";
            return ToolOutcome::refused(format!("{name}: {what}"));
        }
        match self.server.call(&self.definition.offer, &arguments).await {
            Ok(result) => outcome(name, &result),
            Err(problem) => ToolOutcome::refused(format!("{name}: {problem}")),
        }
    }
}

/// A result as a model reads it: text as it is, everything else named. Cut to what a conversation can hold.
fn outcome(name: &str, result: &CallToolResult) -> ToolOutcome {
    let mut text = result.content.iter().map(shown).collect::<Vec<_>>().join("\n\n");
    if text.trim().is_empty() {
        text = result.structured_content.as_ref().map_or_else(|| "(no content)".to_owned(), Value::to_string);
    }
    let total = text.len();
    if total > MAX_RESULT_BYTES - 256 {
        let kept = cut(&text, MAX_RESULT_BYTES - 256);
        text = format!("{kept}\n[cut: {} of {} are shown; ask for less]", size(kept.len() as u64), size(total as u64));
    }
    if result.is_error == Some(true) {
        return ToolOutcome::refused(format!("{name} failed: {text}"));
    }
    ToolOutcome::ok(text, format!("{name} answered ({})", size(total as u64)))
}

fn shown(block: &ContentBlock) -> String {
    let decoded = |data: &str| size((data.len() / 4 * 3) as u64);
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => format!("[an image, {}, {}, which is not shown]", cut(&image.mime_type, 60), decoded(&image.data)),
        ContentBlock::Audio(audio) => format!("[a recording, {}, {}, which is not shown]", cut(&audio.mime_type, 60), decoded(&audio.data)),
        ContentBlock::ResourceLink(link) => format!("[{}]({})", link.title.as_deref().unwrap_or(&link.name), link.uri),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { uri, text, .. } => format!("{uri}:\n{text}"),
            ResourceContents::BlobResourceContents { uri, blob, .. } => format!("[{uri}, {}, which is not shown]", decoded(blob)),
            _ => "[a resource of an unknown kind]".into(),
        },
        _ => "[content of an unknown kind]".into(),
    }
}

#[cfg(test)]
#[path = "mcp_tool_tests.rs"]
mod tests;
