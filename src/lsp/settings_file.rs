//! Configuration files and agent files as open documents: what is wrong, exactly where; keys completed and explained. Changes no setting.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range as Bytes;
use std::path::{Path, PathBuf};

use ropey::Rope;
use serde_json::json;
use tower_lsp::lsp_types::{
    CompletionItem, CompletionItemKind, Diagnostic, DiagnosticSeverity, Documentation, MarkupContent, MarkupKind, NumberOrString, Position,
    Range, Url,
};

use crate::config::file::{MAX_CONFIG_BYTES, parse, places};
use crate::config::problem::Layer;
use crate::config::{self, ConfigOption, ConfigProblem, Layers, Level, Loaded, TrustedValues};
use crate::documents::{Problem, agent_file};
use crate::domain::agent::built_in_agents;
use crate::domain::{AgentSource, Severity as Weight};

use super::client::Feature;
use super::diagnostics::SOURCE;
use super::documents::Document;
use super::from_proto::{Encoding, Key, key};
use super::main_loop::Done;
use super::state::State;
use super::to_proto;

/// Settings as they were read, of the first project and of the others, with the texts of the files that have problems.
pub struct Read {
    pub loaded: Loaded,
    /// What each project has of what is trusted.
    pub trusted: Vec<(PathBuf, TrustedValues)>,
    others: Vec<ConfigProblem>,
    texts: BTreeMap<PathBuf, Rope>,
}

/// Reads the settings of every project. Blocks.
pub fn read(layers: &[Layers]) -> Option<Read> {
    let mut all: VecDeque<Loaded> = layers.iter().map(config::load).collect();
    let trusted = layers.iter().zip(&all).map(|(layers, loaded)| (layers.project.clone(), loaded.trusted.clone())).collect();
    let loaded = all.pop_front()?;
    let others: Vec<ConfigProblem> = all.into_iter().flat_map(|loaded| loaded.problems).collect();
    let files: BTreeSet<&PathBuf> = loaded.problems.iter().chain(&others).filter_map(|problem| problem.file.as_ref()).collect();
    let text = |file: &PathBuf| {
        let folder = layers.first()?.disk.open(file.parent()?).ok()?;
        let bytes = folder.read(file.file_name()?.to_str()?, MAX_CONFIG_BYTES).ok()?;
        Some((file.clone(), Rope::from_str(&String::from_utf8(bytes).ok()?)))
    };
    let texts = files.into_iter().filter_map(text).collect();
    Some(Read { loaded, trusted, others, texts })
}

/// Whether a document is a configuration file of ours.
pub fn is_settings(document: &Document) -> bool {
    let Some(path) = document.path() else { return false };
    path.file_name().is_some_and(|name| name == "orchestrator.json") || path.ends_with("ai-orchestrator/config.json")
}

impl State {
    /// Reads the settings beside the loop.
    pub fn read_settings(&mut self) {
        let first = self.setup.project_of(None);
        let others = self.setup.folders.iter().filter(|folder| **folder != first);
        let layers: Vec<Layers> = std::iter::once(&first).chain(others).map(|project| self.setup.layers(project)).collect();
        let inputs = self.inputs.clone();
        tokio::task::spawn_blocking(move || {
            if let Some(read) = read(&layers) {
                inputs.done(Done::Loaded(Box::new(read)));
            }
        });
    }

    /// A saved configuration or agent file counts from now on; runs that live go on as they started.
    pub fn settings_saved(&mut self, uri: &Url) {
        let Some(document) = self.documents.get(uri) else { return };
        if is_settings(document) || self.is_agent_file(document) {
            self.setup.renew();
            self.read_settings();
            self.settings_taken(uri);
        }
    }

    pub fn is_agent_file(&self, document: &Document) -> bool {
        let Some(path) = document.path().filter(|path| path.extension().is_some_and(|extension| extension == "md")) else { return false };
        let folder = path.parent().unwrap_or(path);
        folder.ends_with(&self.preferences.agent_directory) || folder.ends_with("ai-orchestrator/agents")
    }

    /// What is wrong with the text as it is typed; what is ignored for lack of trust is known from the disk alone.
    pub fn settings_diagnostics(&self, document: &Document) -> Vec<Diagnostic> {
        let (text, file) = (document.rope.to_string(), document.path().map(Path::to_owned).unwrap_or_default());
        let project = self.setup.project_of(Some(&file));
        let found = parse(&text, &file, &project, Layer::Project).problems;
        let typed = found.iter().map(|problem| diagnostic(problem, Some(&document.rope), self.documents.encoding));
        let known = self.config_problems.get(&key(&document.uri)).into_iter().flatten();
        typed.chain(known.filter(|known| known.severity == Some(DiagnosticSeverity::INFORMATION)).cloned()).collect()
    }

    pub fn agent_problems(&self, document: &Document) -> Vec<Problem> {
        let tools: BTreeSet<String> = built_in_agents().into_iter().flat_map(|agent| agent.tools).collect();
        let path = document.file_name().to_owned();
        let known: Vec<String> = tools.into_iter().collect();
        agent_file::parse(&document.rope.to_string(), &path, AgentSource::Project(path.clone()), &known).1
    }

    /// Tells what is wrong with configuration files, in files that are not open too; what was mended is taken back.
    pub fn take_config_problems(&mut self, read: &Read) {
        let mut by_file: BTreeMap<Key, (Url, Vec<Diagnostic>)> = BTreeMap::new();
        let problems: Vec<&ConfigProblem> = read.loaded.problems.iter().chain(&read.others).collect();
        self.config_broken = problems.iter().any(|problem| problem.level == Level::Error);
        for problem in problems {
            let Some((file, uri)) = problem.file.as_deref().and_then(|file| Some((file, to_proto::uri(file)?))) else { continue };
            let found = diagnostic(problem, read.texts.get(file), self.documents.encoding);
            by_file.entry(key(&uri)).or_insert_with(|| (uri, Vec::new())).1.push(found);
        }
        let now: BTreeSet<Key> = by_file.keys().cloned().collect();
        let mended: Vec<Key> = self.config_problems.keys().filter(|key| !now.contains(key)).cloned().collect();
        self.config_problems = by_file.iter().map(|(key, (_, diagnostics))| (key.clone(), diagnostics.clone())).collect();
        self.stale.extend(now.into_iter().chain(mended.iter().cloned()));
        if !self.client.may(Feature::Diagnostics) {
            return;
        }
        for (key, (uri, diagnostics)) in by_file {
            if self.documents.by_key(&key).is_none() {
                self.publish(&uri, None, json!(diagnostics));
            }
        }
        for uri in mended.iter().filter(|key| self.documents.by_key(key).is_none()).filter_map(Key::uri).collect::<Vec<_>>() {
            self.publish(&uri, None, json!([]));
        }
    }

    /// Sections, or the options of the section around the cursor, that are not there yet.
    pub fn settings_items(&self, document: &Document, at: usize) -> Vec<CompletionItem> {
        let text = document.rope.to_string();
        let before = text.get(..document.rope.char_to_byte(at)).unwrap_or_default();
        let Some(around) = surroundings(before) else { return Vec::new() };
        let quote = if around.in_string { "" } else { "\"" };
        let item = |name: &str, detail: String, doc: Option<&ConfigOption>| CompletionItem {
            label: name.to_owned(),
            insert_text: Some(format!("{quote}{name}{quote}")),
            detail: Some(detail),
            kind: Some(CompletionItemKind::PROPERTY),
            documentation: doc
                .map(|option| Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value: option.doc.to_owned() })),
            ..CompletionItem::default()
        };
        let written: BTreeSet<&str> = places(&text).into_iter().map(|place| place.option.key).collect();
        match around.path.as_slice() {
            [] => config::table::sections().into_iter().map(|section| item(section, "section".into(), None)).collect(),
            [section] => {
                let options =
                    config::table::options().iter().filter(|option| option.section() == *section && !written.contains(option.key));
                options.map(|option| item(option.name(), format!("default {}", option.default()), Some(option))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What the option at a place means.
    pub fn setting_text(&self, document: &Document, at: usize) -> Option<(String, Bytes<usize>)> {
        let at = document.rope.char_to_byte(at);
        let place = places(&document.rope.to_string()).into_iter().find(|place| (place.name.start..=place.value.end).contains(&at))?;
        let option = place.option;
        let unit = if option.unit.is_empty() { String::new() } else { format!(" {}", option.unit) };
        let text = format!("**{}** — {}\n\n{}\n\nDefault: `{}`{unit}", option.key, option.kind.words(), option.doc, option.default());
        Some((text, place.name.start..place.value.end))
    }

    /// What reviewers found in an artifact, on its line.
    pub fn finding_diagnostics(&self, path: &Path, rope: Option<&Rope>) -> Vec<Diagnostic> {
        let Some((run, inside)) = self.runs.iter().find_map(|run| Some((run, path.strip_prefix(&run.workspace).ok()?.to_str()?))) else {
            return Vec::new();
        };
        let findings = run.findings.iter().flat_map(|(step, findings)| findings.iter().map(move |finding| (step, finding)));
        let here = findings.filter(|(_, finding)| finding.path.as_str() == inside).map(|(step, finding)| {
            let line = finding.line.unwrap_or(1).saturating_sub(1);
            Diagnostic {
                range: rope.map_or_else(|| whole_line(line), |rope| to_proto::line_range(rope, line, self.documents.encoding)),
                severity: Some(match finding.severity {
                    Weight::Error => DiagnosticSeverity::ERROR,
                    Weight::Warning => DiagnosticSeverity::WARNING,
                    Weight::Info => DiagnosticSeverity::INFORMATION,
                }),
                code: Some(NumberOrString::String(finding.rule.clone())),
                source: Some(SOURCE.into()),
                message: format!("{} (found by {step}): {}", finding.advice, finding.evidence),
                ..Diagnostic::default()
            }
        });
        here.collect()
    }

    /// Workspaces are gone, and with them what was found in their files.
    pub fn withdraw_findings(&mut self, workspaces: &[PathBuf]) {
        if !self.client.may(Feature::Diagnostics) {
            return;
        }
        let gone: Vec<PathBuf> = workspaces.iter().flat_map(|workspace| self.told_in(workspace)).collect();
        for uri in gone.iter().filter_map(|path| to_proto::uri(path)) {
            self.publish(&uri, None, json!([]));
        }
    }

    /// Tells a run's findings for files that are not open as well.
    pub fn publish_findings(&mut self, run_id: &str) {
        let Some(run) = self.runs.get(run_id).filter(|_| self.client.may(Feature::Diagnostics)) else { return };
        let mut paths: BTreeSet<PathBuf> =
            run.findings.values().flatten().map(|finding| run.workspace.join(finding.path.as_str())).collect();
        // Files whose findings went away are told so.
        paths.extend(self.told_in(&run.workspace));
        for path in paths {
            let Some(uri) = to_proto::uri(&path) else { continue };
            if self.documents.get(&uri).is_none() {
                let found = json!(self.finding_diagnostics(&path, None));
                self.publish(&uri, None, found);
            }
        }
    }
}

fn whole_line(line: usize) -> Range {
    let line = to_proto::number(line);
    Range { start: Position { line, character: 0 }, end: Position { line: line.saturating_add(1), character: 0 } }
}

fn diagnostic(problem: &ConfigProblem, text: Option<&Rope>, encoding: Encoding) -> Diagnostic {
    let severity = match problem.level {
        Level::Error => DiagnosticSeverity::ERROR,
        Level::Warning => DiagnosticSeverity::WARNING,
        Level::Ignored => DiagnosticSeverity::INFORMATION,
    };
    let line = usize::try_from(problem.line.unwrap_or(1).saturating_sub(1)).unwrap_or_default();
    let exact = text.zip(problem.span.clone()).map(|(rope, span)| to_proto::range(rope, span, encoding));
    let key = problem.key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
    let hint = problem.hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    Diagnostic {
        range: exact.unwrap_or_else(|| whole_line(line)),
        severity: Some(severity),
        source: Some(SOURCE.into()),
        message: format!("{key}{}{hint}", problem.message),
        ..Diagnostic::default()
    }
}

/// What surrounds the end of a JSON text that is being written.
struct Surroundings {
    /// The names of the objects that are open.
    path: Vec<String>,
    in_string: bool,
}

/// A value that is being written.
pub struct Value {
    /// The names that lead to it.
    pub path: Vec<String>,
    /// Bytes that stand of a string; `None` where none is open.
    pub written: Option<usize>,
}

/// A JSON text read up to where it breaks off.
#[derive(Default)]
struct Scanned {
    open: Vec<(char, String)>,
    name: String,
    word: String,
    in_string: bool,
    after_colon: bool,
}

/// `None` where no key can stand: in a list, or behind a colon.
fn surroundings(before: &str) -> Option<Surroundings> {
    let scanned = scan(before);
    if scanned.after_colon || scanned.open.last().is_none_or(|(bracket, _)| *bracket == '[') {
        return None;
    }
    let in_string = scanned.in_string;
    Some(Surroundings { path: scanned.open.into_iter().skip(1).map(|(_, name)| name).collect(), in_string })
}

/// The value that is being written at the end of a text; `None` where a key stands, in a list, and behind a value that is complete.
pub fn value_at(before: &str) -> Option<Value> {
    let scanned = scan(before);
    let begins = scanned.in_string || before.trim_end().ends_with(':');
    if !(scanned.after_colon && begins && scanned.open.last().is_some_and(|(bracket, _)| *bracket == '{')) {
        return None;
    }
    let written = scanned.in_string.then_some(scanned.word.len());
    let path = scanned.open.into_iter().skip(1).map(|(_, name)| name).chain([scanned.name]).collect();
    Some(Value { path, written })
}

fn scan(before: &str) -> Scanned {
    let mut at = Scanned::default();
    let mut escaped = false;
    for c in before.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if at.in_string => escaped = true,
            '"' => {
                at.in_string = !at.in_string;
                if at.in_string {
                    at.word.clear();
                } else if !at.after_colon {
                    at.name.clone_from(&at.word);
                }
            }
            _ if at.in_string => at.word.push(c),
            '{' | '[' => {
                at.open.push((c, std::mem::take(&mut at.name)));
                at.after_colon = false;
            }
            '}' | ']' => {
                at.open.pop();
                at.after_colon = false;
            }
            ':' => at.after_colon = true,
            ',' => at.after_colon = false,
            _ => {}
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_key_is_known_while_the_text_is_broken() {
        let path = |before: &str| surroundings(before).map(|around| around.path.join("."));
        assert_eq!(path("{ "), Some(String::new()));
        assert_eq!(path("{ \"agent\": { \"max"), Some("agent".into()));
        assert_eq!(path("{ \"agent\": { \"max_parallel\": 3, "), Some("agent".into()));
        assert_eq!(path("{ \"agent\": { \"max_parallel\": "), None);
        assert_eq!(path("{ \"goals\": { \"markers\": [ "), None);
        assert_eq!(path("{ \"agent\": { \"a\": \"}\\\"{\" }, "), Some(String::new()));
    }

    #[test]
    fn a_value_is_known_while_it_is_written() {
        let value = |before: &str| value_at(before).map(|value| (value.path.join("."), value.written));
        assert_eq!(value("{ \"model\": { \"name\": "), Some(("model.name".into(), None)));
        assert_eq!(value("{ \"model\": { \"name\": \"cla"), Some(("model.name".into(), Some(3))));
        assert_eq!(value("{ \"model\": { \"per_agent\": { \"coder\": \""), Some(("model.per_agent.coder".into(), Some(0))));
        for none in ["{ \"model\": { \"name\": \"x\"", "{ \"model\": { \"na", "{ \"a\": [ \"x", "{ \"a\": 1", "\"a\": "] {
            assert_eq!(value(none), None, "{none}");
        }
    }
}
