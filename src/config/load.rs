//! All layers read, checked and laid over each other: the settings in force, and what is wrong with the rest. Never fails: what is wrong is replaced by its default and reported.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::domain::Error;
use crate::sys::disk::EntryKind;
use crate::sys::{Disk, Environment};

use super::file::{Entry, Layered, Source};
use super::given::{from_command_line, from_editor, from_environment};
use super::guide;
use super::memory::{Memory, TrustedValues, agent_key};
use super::overrides::Values;
use super::problem::{ConfigProblem, Layer, Level, Origin, Origins, shown_path};
use super::project::PROJECT_FILES;
use super::settings::{Settings, absolute};
use super::untrusted::{self, Around, UntrustedValue};

const MAX_AGENT_BYTES: u64 = 256 * 1024;
const MAX_AGENT_FILES: usize = 200;

/// Everything that can say something about the settings.
#[derive(Debug, Clone)]
pub struct Layers {
    pub environment: Environment,
    /// The machine's root.
    pub disk: Arc<dyn Disk>,
    /// Absolute; see [`super::find_project`].
    pub project: PathBuf,
    /// `--config`: stands in for the project's file and counts as trusted.
    pub config_file: Option<PathBuf>,
    /// The `aiOrchestrator` object of the editor, in camelCase.
    pub editor: Option<Value>,
    /// The editor sends its defaults along (VS Code's pull does): an editor value equal to our default says nothing.
    pub editor_sends_defaults: bool,
    /// `(key, value)`.
    pub command_line: Vec<(String, Value)>,
    /// The editor trusts the workspace: the values seen at this load count as trusted.
    pub editor_trusted: bool,
    /// What an earlier load of this session trusted for the editor ([`Loaded::trusted`]).
    pub session: TrustedValues,
}

impl Layers {
    /// Only files and environment.
    pub fn new(environment: Environment, disk: Arc<dyn Disk>, project: PathBuf) -> Self {
        Layers {
            environment,
            disk,
            project,
            config_file: None,
            editor: None,
            editor_sends_defaults: false,
            command_line: Vec::new(),
            editor_trusted: false,
            session: TrustedValues::default(),
        }
    }

    /// The person's own file.
    pub fn user_file(&self) -> PathBuf {
        self.environment.config_folder().join("config.json")
    }
}

/// The settings in force and what there is to say about them.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub settings: Settings,
    pub problems: Vec<ConfigProblem>,
    pub origins: Origins,
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// What has no effect until the project is trusted.
    pub untrusted: Vec<UntrustedValue>,
    /// Whether every custom agent of the project is trusted as it stands now.
    pub project_trusted: bool,
    /// All that is trusted in this project; ask it about an agent's text before using it.
    pub trusted: TrustedValues,
}

impl Loaded {
    /// The problems that stop what runs goals.
    pub fn errors(&self) -> Vec<Error> {
        self.problems.iter().filter(|problem| problem.level == Level::Error).map(ConfigProblem::to_error).collect()
    }
}

/// Reads all layers. The disk is read, nothing is written but a broken memory file set aside.
pub fn load(layers: &Layers) -> Loaded {
    let memory = Memory::open(layers.disk.clone(), &layers.environment);
    let mut trusted = memory.trusted(&layers.project);
    trusted.extend(&layers.session);
    let mut loading = Loading { layers, values: Values::default(), problems: memory.take_problems(), untrusted: Vec::new(), trusted };
    let user = loading.file(&layers.user_file(), Layer::User, true).unwrap_or_default();
    let project = loading.project_file();
    let later = [
        from_environment(&layers.environment),
        layers.editor.as_ref().map(|editor| from_editor(editor, layers.editor_sends_defaults)).unwrap_or_default(),
        from_command_line(&layers.command_line),
    ];
    let others = later.iter().chain([&user]).flat_map(|layered| &layered.entries);
    let cleans_up = others.into_iter().any(|entry| entry.option.key == "workspace.auto_cleanup" && entry.value == Value::Bool(true));
    let files = user.files.iter().chain(&project.files).cloned().collect();
    loading.lay(&user);
    loading.lay_project(&project, cleans_up);
    later.iter().for_each(|layered| loading.lay(layered));
    let settings = Settings::resolve(&loading.values, &layers.project, &layers.environment);
    let project_trusted = loading.agents(&settings.agent_directory);
    loading.guide();
    Loaded {
        settings,
        problems: loading.problems,
        origins: loading.values.into_origins(),
        files,
        untrusted: loading.untrusted,
        project_trusted,
        trusted: loading.trusted,
    }
}

struct Loading<'a> {
    layers: &'a Layers,
    values: Values,
    problems: Vec<ConfigProblem>,
    untrusted: Vec<UntrustedValue>,
    trusted: TrustedValues,
}

impl Loading<'_> {
    fn file(&self, file: &Path, layer: Layer, follow_links: bool) -> Option<Layered> {
        let source = Source { disk: &*self.layers.disk, file, project: &self.layers.project, layer, follow_links };
        source.load()
    }

    /// The file of `--config`, else the first of the project's own.
    fn project_file(&mut self) -> Layered {
        if let Some(given) = &self.layers.config_file {
            let file = self.layers.environment.absolute(given);
            return self.file(&file, Layer::Project, true).unwrap_or_else(|| {
                let place = shown_path(&file, &self.layers.project);
                let origin = Origin { file: Some(file), place, ..Origin::of(Layer::Project) };
                let problem = ConfigProblem::new(Level::Error, &origin, None, "the file given by --config does not exist");
                Layered { problems: vec![problem], ..Layered::default() }
            });
        }
        let mut found = PROJECT_FILES.iter().filter_map(|name| {
            let file = self.layers.project.join(name);
            self.file(&file, Layer::Project, false).map(|layered| (file, layered))
        });
        let Some((used, mut layered)) = found.next() else { return Layered::default() };
        if let Some((file, _)) = found.next() {
            let place = shown_path(&file, &self.layers.project);
            let origin = Origin { file: Some(file), place, ..Origin::of(Layer::Project) };
            let message = format!("the file is not read, because {} is", shown_path(&used, &self.layers.project));
            layered.problems.push(ConfigProblem::new(Level::Warning, &origin, None, message));
        }
        layered
    }

    fn lay(&mut self, layered: &Layered) {
        self.problems.extend(layered.problems.iter().cloned());
        layered.entries.iter().for_each(|entry| self.values.set(entry));
    }

    fn lay_project(&mut self, layered: &Layered, cleans_up: bool) {
        if self.layers.config_file.is_some() {
            return self.lay(layered);
        }
        self.problems.extend(layered.problems.iter().cloned());
        for entry in last_of_each(&layered.entries) {
            if self.layers.editor_trusted {
                self.trusted.add(entry.option.key, &entry.value);
            }
            if self.trusted.covers(entry.option.key, &entry.value) {
                self.values.set(entry);
            } else {
                self.lay_untrusted(entry, cleans_up);
            }
        }
    }

    fn lay_untrusted(&mut self, entry: &Entry, cleans_up: bool) {
        let stays_inside = |path: &str| self.stays_inside(path);
        let around = Around { current: self.values.get(entry.option.key), cleans_up, stays_inside: &stays_inside };
        let judgement = untrusted::judge(entry, &around);
        if let Some(value) = judgement.value {
            self.values.set(&Entry { value, ..entry.clone() });
        }
        if let Some(why) = judgement.ignored {
            self.problems.push(untrusted::problem(entry, &why));
            let file = entry.origin.file.clone().unwrap_or_default();
            let value = entry.value.clone();
            self.untrusted.push(UntrustedValue { key: entry.option.key.to_owned(), value, file, line: entry.origin.line });
        }
    }

    /// By its words, and with no link on the way that the project brought along.
    fn stays_inside(&self, path: &str) -> bool {
        let project = &self.layers.project;
        let target = absolute(path, project, &self.layers.environment);
        // The person's home is no place a project may speak about, and the agents' folder also counts from their configuration folder.
        if Path::new(path).is_absolute() && !untrusted::is_inside(&target, project) || path.starts_with('~') {
            return false;
        }
        let Some(rest) = target.strip_prefix(project).ok().filter(|_| untrusted::is_inside(&target, project)) else { return false };
        let Ok(folder) = self.layers.disk.open(project) else { return true };
        let names: Option<Vec<&str>> = rest.components().map(|name| name.as_os_str().to_str()).collect();
        let Some(names) = names else { return false };
        let links = (1..=names.len()).any(|count| {
            let below = names.iter().take(count).copied().collect::<Vec<&str>>().join("/");
            folder.metadata(&below).is_ok_and(|meta| meta.kind != EntryKind::Folder)
        });
        !links
    }

    /// Looks at the project's custom agents; true when every one is trusted as it stands.
    fn agents(&mut self, directory: &str) -> bool {
        let folder = self.layers.project.join(directory);
        let Ok(disk) = self.layers.disk.open(&folder) else { return true };
        let names = disk.list("").unwrap_or_default();
        let files = names.into_iter().filter(|(name, kind)| *kind == EntryKind::File && name.ends_with(".md")).take(MAX_AGENT_FILES);
        let mut all_trusted = true;
        for (name, _) in files {
            let Ok(bytes) = disk.read(&name, MAX_AGENT_BYTES) else { continue };
            let text = Value::from(String::from_utf8_lossy(&bytes).into_owned());
            let key = agent_key(&name);
            if self.layers.editor_trusted {
                self.trusted.add(&key, &text);
            }
            if !self.trusted.covers(&key, &text) {
                all_trusted = false;
                self.untrusted_agent(folder.join(&name), key, text);
            }
        }
        all_trusted
    }

    /// Looks at the project's instructions for agents.
    fn guide(&mut self) {
        let Some((name, text)) = guide::read(&*self.layers.disk, &self.layers.project) else { return };
        let (key, text) = (guide::key(name), Value::from(text));
        if self.layers.editor_trusted {
            self.trusted.add(&key, &text);
        }
        if !self.trusted.covers(&key, &text) {
            let message = "ignored: the instructions of an untrusted project are not given to agents";
            self.held_back(message, (self.layers.project.join(name), key, text));
        }
    }

    fn untrusted_agent(&mut self, file: PathBuf, key: String, value: Value) {
        self.held_back("ignored: the agents of an untrusted project are listed but not used", (file, key, value));
    }

    fn held_back(&mut self, message: &str, (file, key, value): (PathBuf, String, Value)) {
        let place = shown_path(&file, &self.layers.project);
        let origin = Origin { file: Some(file.clone()), line: Some(1), span: Some(0..0), place, ..Origin::of(Layer::Project) };
        self.problems.push(ConfigProblem::new(Level::Ignored, &origin, None, message).hint(Some(untrusted::hint())));
        self.untrusted.push(UntrustedValue { key, value, file, line: Some(1) });
    }
}

/// Where a file names an option twice, the later one is the one it means.
fn last_of_each(entries: &[Entry]) -> Vec<&Entry> {
    let is_last = |index: usize, entry: &Entry| !entries.iter().skip(index + 1).any(|later| later.option.key == entry.option.key);
    entries.iter().enumerate().filter(|(index, entry)| is_last(*index, entry)).map(|(_, entry)| entry).collect()
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
