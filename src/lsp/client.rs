//! What we know about the client, in one table: what it announced, what it is known by name to accept, what it turned out not to have.
//! Nothing is sent that is not allowed here. Reads the raw capabilities by path: the typed ones forget unknown fields.
use std::collections::BTreeSet;

use serde_json::Value;

use super::editor::{Answer, METHOD_NOT_FOUND};

/// Clients whose behaviour was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    VsCode,
    Neovim,
    Helix,
    Zed,
    Eglot,
    LspMode,
    Sublime,
    Kakoune,
    Other,
}

/// Something we can send to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    Prompt,
    Message,
    ShowDocument,
    Progress,
    LensRefresh,
    HintRefresh,
    Diagnostics,
    Configuration,
    ApplyEdit,
    WatchedFiles,
    /// Our own notifications `orchestrator/…`.
    RunsExtension,
}

struct Row {
    feature: Feature,
    /// Where the capabilities announce it: the value there is true, or an object.
    announced: &'static str,
    /// Clients that are known to take it although they do not announce it. Tried once; off on "method not found".
    known: &'static [Name],
}

const EVERY_KNOWN: &[Name] =
    &[Name::VsCode, Name::Neovim, Name::Helix, Name::Zed, Name::Eglot, Name::LspMode, Name::Sublime, Name::Kakoune];

const TABLE: [Row; 11] = [
    Row { feature: Feature::Prompt, announced: "/window/showMessage", known: EVERY_KNOWN },
    // Plain messages have no capability of their own: a client with a window shows them.
    Row { feature: Feature::Message, announced: "/window", known: EVERY_KNOWN },
    // Helix 25 shows documents since before it says so.
    Row { feature: Feature::ShowDocument, announced: "/window/showDocument/support", known: &[Name::Helix] },
    Row { feature: Feature::Progress, announced: "/window/workDoneProgress", known: &[] },
    Row { feature: Feature::LensRefresh, announced: "/workspace/codeLens/refreshSupport", known: &[] },
    Row { feature: Feature::HintRefresh, announced: "/workspace/inlayHint/refreshSupport", known: &[] },
    Row { feature: Feature::Diagnostics, announced: "/textDocument/publishDiagnostics", known: &[] },
    Row { feature: Feature::Configuration, announced: "/workspace/configuration", known: &[] },
    Row { feature: Feature::ApplyEdit, announced: "/workspace/applyEdit", known: &[] },
    Row { feature: Feature::WatchedFiles, announced: "/workspace/didChangeWatchedFiles/dynamicRegistration", known: &[] },
    Row { feature: Feature::RunsExtension, announced: "/experimental/orchestrator", known: &[] },
];

/// The client of this connection.
#[derive(Debug, Clone)]
pub struct Client {
    pub name: Name,
    version: (u32, u32),
    capabilities: Value,
    off: BTreeSet<Feature>,
}

impl Client {
    /// From the raw parameters of `initialize`.
    pub fn new(initialize: &Value) -> Self {
        let text = |path: &str| initialize.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let capabilities = initialize.get("capabilities").cloned().unwrap_or_default();
        Client {
            name: name_of(text("/clientInfo/name")),
            version: version_of(text("/clientInfo/version")),
            capabilities,
            off: BTreeSet::new(),
        }
    }

    /// Whether it may be sent.
    pub fn may(&self, feature: Feature) -> bool {
        let Some(row) = TABLE.iter().find(|row| row.feature == feature) else { return false };
        !self.off.contains(&feature) && (self.announces(row.announced) || row.known.contains(&self.name) && self.is_new_enough(feature))
    }

    /// Learns from an answer: a method that is not there is not tried again.
    pub fn learn(&mut self, feature: Feature, answer: &Answer) {
        if *answer == Answer::Refused(METHOD_NOT_FOUND) {
            self.off.insert(feature);
        }
    }

    fn is_new_enough(&self, feature: Feature) -> bool {
        feature != Feature::ShowDocument || self.name != Name::Helix || self.version.0 >= 25
    }

    /// Whether the capability at this path is there and not false.
    pub fn announces(&self, path: &str) -> bool {
        !matches!(self.capabilities.pointer(path), None | Some(Value::Null | Value::Bool(false)))
    }

    /// Whether a prompt takes the keys of whoever is typing. Our own plugins queue prompts instead; they announce themselves.
    pub fn grabs_keys(&self) -> bool {
        matches!(self.name, Name::Neovim | Name::Helix | Name::Eglot | Name::LspMode) && !self.may(Feature::RunsExtension)
    }

    /// Whether lenses are shown and can be told to change. Where not, status is a diagnostic.
    pub fn has_live_lenses(&self) -> bool {
        self.may(Feature::LensRefresh)
    }

    /// Whether positions can be counted in bytes.
    pub fn offers_utf8(&self) -> bool {
        self.list("/general/positionEncodings").contains(&"utf-8")
    }

    /// Whether a code action of this kind may be offered: the client lists its kind or a parent of it, or lists none.
    pub fn takes_actions(&self) -> bool {
        self.announces("/textDocument/codeAction/codeActionLiteralSupport")
    }

    /// `LLMGenerated` may be put on code actions.
    pub fn takes_action_tags(&self) -> bool {
        self.capabilities
            .pointer("/textDocument/codeAction/tagSupport/valueSet")
            .and_then(Value::as_array)
            .is_some_and(|set| set.iter().any(|tag| tag.as_u64() == Some(1)))
    }

    /// Nested symbols; a flat list otherwise.
    pub fn takes_symbol_trees(&self) -> bool {
        self.announces("/textDocument/documentSymbol/hierarchicalDocumentSymbolSupport")
    }

    /// Versioned edits of documents.
    pub fn takes_document_changes(&self) -> bool {
        self.announces("/workspace/workspaceEdit/documentChanges")
    }

    /// Edits that the user confirms one by one.
    pub fn takes_annotations(&self) -> bool {
        self.announces("/workspace/workspaceEdit/changeAnnotationSupport")
    }

    fn list(&self, path: &str) -> Vec<&str> {
        let list = self.capabilities.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).collect()
    }
}

fn name_of(name: &str) -> Name {
    let name = name.to_lowercase();
    let known: [(&str, Name); 13] = [
        ("visual studio code", Name::VsCode),
        ("vscod", Name::VsCode),
        ("code-server", Name::VsCode),
        ("code - oss", Name::VsCode),
        ("cursor", Name::VsCode),
        ("windsurf", Name::VsCode),
        ("neovim", Name::Neovim),
        ("helix", Name::Helix),
        ("zed", Name::Zed),
        ("eglot", Name::Eglot),
        ("emacs", Name::LspMode),
        ("sublime", Name::Sublime),
        ("kakoune", Name::Kakoune),
    ];
    known.iter().find(|(start, _)| name.starts_with(start)).map_or(Name::Other, |(_, name)| *name)
}

fn version_of(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_client_that_announces_nothing_and_is_unknown_gets_nothing() {
        let client = Client::new(&json!({"capabilities": {}}));
        assert!(TABLE.iter().all(|row| !client.may(row.feature)));
        assert!(!client.offers_utf8() && !client.takes_actions() && !client.grabs_keys());
    }

    #[test]
    fn what_is_not_there_is_tried_once() {
        let mut client = Client::new(&json!({"clientInfo": {"name": "helix", "version": "25.07.1"}, "capabilities": {}}));
        assert!(client.may(Feature::Prompt) && client.may(Feature::ShowDocument) && !client.may(Feature::LensRefresh));
        client.learn(Feature::Prompt, &Answer::Nothing);
        assert!(client.may(Feature::Prompt));
        client.learn(Feature::Prompt, &Answer::Refused(METHOD_NOT_FOUND));
        assert!(!client.may(Feature::Prompt) && client.may(Feature::ShowDocument));
    }

    #[test]
    fn odd_capabilities_are_read_without_harm() {
        let client = Client::new(&json!({"capabilities": {"window": 3, "general": {"positionEncodings": [1, "utf-8"]}}}));
        assert!(client.offers_utf8() && !client.may(Feature::Progress));
    }
}
