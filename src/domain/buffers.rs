//! Unsaved editor text, seen by whoever reads a project or attaches a file.
use std::path::Path;

/// Gives the text of a document that is open in an editor and may differ from the disk.
pub trait Buffers: Send + Sync {
    /// The open text of the file at this absolute path, or `None` when it is not open.
    fn text(&self, path: &Path) -> Option<String>;
}

/// No editor: nothing is open.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBuffers;

impl Buffers for NoBuffers {
    fn text(&self, _path: &Path) -> Option<String> {
        None
    }
}
