//! A workspace and a project in temporary folders, for the tests of tools. Not part of the program.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::domain::{Buffers, NoBuffers, RelPath, ToolOutcome};
use crate::sys::disk::RealDisk;
use crate::tools::{ToolContext, built_in};
use crate::workspace::jail::Jail;

pub struct Bench {
    pub context: ToolContext,
    workspace: tempfile::TempDir,
    project: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let (workspace, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let disk = RealDisk::root().unwrap();
        let extensions = [".md", ".txt", ".json", ".csv", ".py", ".html"].map(str::to_owned).to_vec();
        let context = ToolContext {
            workspace: Arc::new(Jail::new(disk.open(workspace.path()).unwrap(), extensions)),
            project: project.path().to_owned(),
            base_dir: project.path().join("workspaces"),
            buffers: Arc::new(NoBuffers),
            disk,
            known: Arc::new(BTreeMap::new()),
            rerun: false,
            inputs: Arc::default(),
            evidence: Default::default(),
            cancelled: Arc::default(),
        };
        Bench { context, workspace, project }
    }

    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        put(self.workspace.path(), path, content.as_ref());
        self
    }

    pub fn project_file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        put(self.project.path(), path, content.as_ref());
        self
    }

    pub fn buffers(mut self, buffers: impl Buffers + 'static) -> Self {
        self.context.buffers = Arc::new(buffers);
        self
    }

    pub fn project(&self) -> &Path {
        self.project.path()
    }

    pub fn workspace(&self) -> &Path {
        self.workspace.path()
    }

    pub fn read(&self, path: &str) -> String {
        self.context
            .disk
            .open(self.workspace.path())
            .and_then(|folder| folder.read(path, 1 << 20))
            .map(|b| String::from_utf8(b).unwrap())
            .unwrap()
    }

    /// Runs a tool by name and remembers what it touched, as a step does.
    pub fn run(&mut self, tool: &str, input: Value) -> ToolOutcome {
        let found = built_in().into_iter().find(|known| known.spec().name == tool).unwrap_or_else(|| panic!("no tool {tool}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(found.run(input, &self.context));
        let known = Arc::make_mut(&mut self.context.known);
        known.extend(outcome.touched.iter().map(|touched| (touched.path.clone(), touched.sha256.clone())));
        outcome
    }

    pub fn forget(&mut self, path: &str) {
        Arc::make_mut(&mut self.context.known).remove(&RelPath::new(path).unwrap());
    }
}

pub fn put(folder: &Path, path: &str, content: &[u8]) {
    let target = RealDisk::root().unwrap().create_and_open(folder.join(path).parent().unwrap()).unwrap();
    target.replace(path.rsplit('/').next().unwrap(), content, false).unwrap();
}
