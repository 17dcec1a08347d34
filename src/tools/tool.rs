//! What a tool is, and where it works. Knows none of them.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::domain::{Buffers, Flaw, InputFile, Ledger, RelPath, ToolOutcome, ToolSpec};
use crate::sys::Disk;
use crate::workspace::jail::Jail;

/// The longest result a tool hands to a model, in bytes; longer ones say how to ask for the rest.
pub const MAX_RESULT_BYTES: usize = 24 * 1024;

/// Compares the claims of a text with what was read.
pub type Comparison = Arc<dyn Fn(&str) -> Vec<Flaw> + Send + Sync>;

/// The evidence of a run as tools see it. The default knows no source and finds no flaw.
#[derive(Clone)]
pub struct Evidence {
    pub ledger: Arc<Ledger>,
    pub compare: Comparison,
}

impl Default for Evidence {
    fn default() -> Self {
        Evidence { ledger: Arc::default(), compare: Arc::new(|_| Vec::new()) }
    }
}

/// Where a tool works: the jailed workspace and, if reading it was allowed, the project.
#[derive(Clone)]
pub struct ToolContext {
    pub workspace: Arc<Jail>,
    /// The project's folder, absolute.
    pub project: PathBuf,
    /// Where workspaces live; a search of the project passes over it.
    pub base_dir: PathBuf,
    pub buffers: Arc<dyn Buffers>,
    /// The whole machine's disk, for reading the project.
    pub disk: Arc<dyn Disk>,
    /// The hash of each workspace file as this step last saw or wrote it: a file that differs now was changed by others and must be read first.
    pub known: Arc<BTreeMap<RelPath, String>>,
    /// The same call was started before and its end is not known: what it did may already stand.
    pub rerun: bool,
    /// The attached files.
    pub inputs: Arc<Vec<InputFile>>,
    /// What the run has read, and how claims are compared with it.
    pub evidence: Evidence,
    /// Set when the call must stop.
    pub cancelled: Arc<std::sync::atomic::AtomicBool>,
}

/// A tool with its description, which is made once and shared by every request that offers it.
#[derive(Clone)]
pub struct Held {
    pub spec: Arc<ToolSpec>,
    pub tool: Arc<dyn Tool>,
}

impl From<Arc<dyn Tool>> for Held {
    fn from(tool: Arc<dyn Tool>) -> Self {
        Held { spec: Arc::new(tool.spec()), tool }
    }
}

/// One tool. Library users add their own.
#[async_trait]
pub trait Tool: Send + Sync {
    fn spec(&self) -> ToolSpec;
    /// Whether it changes nothing, so that independent calls may run together.
    fn is_read_only(&self) -> bool {
        true
    }
    /// Does it. Never panics on any input; a wrong input is a refusal that says what is expected.
    async fn run(&self, input: Value, context: &ToolContext) -> ToolOutcome;
}
