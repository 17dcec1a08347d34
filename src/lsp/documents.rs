//! The open documents: their text as the editor has it, kept in step edit by edit, and the unsaved text that agents may read. Never touches the disk.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use ropey::Rope;
use tower_lsp::lsp_types::{TextDocumentContentChangeEvent, TextDocumentItem, Url};

use crate::domain::Buffers;

use super::from_proto::{self, Encoding, Key};
use super::goals::Goals;
use super::open_papers::Awaited;
use super::origins::Shift;

/// A document that is open in the editor.
#[derive(Debug)]
pub struct Document {
    /// As the client spells it: what is sent back.
    pub uri: Url,
    pub key: Key,
    pub version: i32,
    pub rope: Rope,
    pub goals: Goals,
    /// The text against which a person's changes are told: as opened, as last saved, or as last reloaded from disk.
    pub base: Rope,
    /// An edit of ours that the client may be applying.
    pub awaited: Option<Awaited>,
    /// Its file, where it is one.
    path: Option<PathBuf>,
    name: String,
    /// Lines that moved since runs last looked for their goals.
    pub shifts: Vec<Shift>,
}

/// The open text of files, shared with the agents' tools.
#[derive(Debug, Default)]
pub struct OpenTexts(RwLock<BTreeMap<PathBuf, Rope>>);

impl Buffers for OpenTexts {
    fn text(&self, path: &Path) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(path).map(Rope::to_string)
    }
}

impl OpenTexts {
    fn set(&self, path: &Path, text: Option<Rope>) {
        let mut texts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match (text, texts.get_mut(path)) {
            (Some(text), Some(known)) => *known = text,
            (Some(text), None) => drop(texts.insert(path.to_owned(), text)),
            (None, _) => drop(texts.remove(path)),
        }
    }
}

/// All open documents.
#[derive(Debug, Default)]
pub struct Documents {
    open: BTreeMap<Key, Document>,
    pub encoding: Encoding,
    pub texts: Arc<OpenTexts>,
}

impl Documents {
    pub fn open(&mut self, document: TextDocumentItem, markers: &[String]) {
        let TextDocumentItem { uri, language_id: language, version, text } = document;
        let rope = Rope::from_str(&text);
        let goals = Goals::new(&from_proto::name_or_path(&uri), &language, markers);
        let (path, name) = (from_proto::path(&uri), from_proto::file_name(&uri));
        if let Some(path) = &path {
            self.texts.set(path, Some(rope.clone()));
        }
        let key = from_proto::key(&uri);
        self.open.insert(
            key.clone(),
            Document { uri, key, version, base: rope.clone(), rope, goals, awaited: None, shifts: Vec::new(), path, name },
        );
    }

    /// Applies changes in their order; `None` when the document is not open.
    pub fn change(&mut self, key: &Key, version: i32, changes: &[TextDocumentContentChangeEvent]) -> Option<&mut Document> {
        let document = self.open.get_mut(key)?;
        for change in changes {
            document.apply(change, self.encoding);
        }
        document.version = version;
        if let Some(path) = &document.path {
            self.texts.set(path, Some(document.rope.clone()));
        }
        Some(document)
    }

    pub fn close(&mut self, uri: &Url) -> Option<Document> {
        let closed = self.open.remove(&from_proto::key(uri))?;
        if let Some(path) = &closed.path {
            self.texts.set(path, None);
        }
        Some(closed)
    }

    pub fn get(&self, uri: &Url) -> Option<&Document> {
        self.by_key(&from_proto::key(uri))
    }

    pub fn by_key(&self, key: &Key) -> Option<&Document> {
        self.open.get(key)
    }

    pub fn by_key_mut(&mut self, key: &Key) -> Option<&mut Document> {
        self.open.get_mut(key)
    }

    pub fn get_mut(&mut self, uri: &Url) -> Option<&mut Document> {
        self.open.get_mut(&from_proto::key(uri))
    }

    /// All documents look for other markers from now on.
    pub fn remark(&mut self, markers: &[String]) {
        for document in self.open.values_mut() {
            document.goals.remark(markers);
            let rope = document.rope.clone();
            document.goals.markers(&rope);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Document)> {
        self.open.iter()
    }
}

impl Document {
    fn apply(&mut self, change: &TextDocumentContentChangeEvent, encoding: Encoding) {
        let Some(range) = change.range else {
            self.rope = Rope::from_str(&change.text);
            self.goals.replaced();
            return;
        };
        let chars = from_proto::char_range(&self.rope, range, encoding);
        let first_line = self.rope.char_to_line(chars.start);
        let old_lines = self.rope.char_to_line(chars.end) - first_line + 1;
        let before = self.rope.len_lines();
        self.rope.remove(chars.clone());
        self.rope.insert(chars.start, &change.text);
        let new_lines = (old_lines + self.rope.len_lines()).saturating_sub(before);
        self.goals.edited(&self.rope, first_line, (old_lines, new_lines));
        if old_lines != new_lines {
            self.shifts.push(Shift { first: first_line, old: old_lines, new: new_lines });
        }
    }

    /// The text of a range.
    pub fn slice(&self, range: tower_lsp::lsp_types::Range, encoding: Encoding) -> String {
        self.rope.slice(from_proto::char_range(&self.rope, range, encoding)).to_string()
    }

    pub fn file_name(&self) -> &str {
        &self.name
    }

    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether it lies where results of steps wait for a person.
    pub fn is_result(&self) -> bool {
        self.path().is_some_and(|path| path.to_string_lossy().contains("/.orchestrator/proposed/"))
    }
}

#[cfg(test)]
#[path = "documents_tests.rs"]
mod tests;
