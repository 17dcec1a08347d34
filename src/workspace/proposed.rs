//! Results that wait for a person: a copy of a step's output in `.orchestrator/proposed/`, which a person may edit and no agent can reach, and the
//! version before it. Knows where they lie; decides nothing.
use std::io;
use std::sync::Arc;

use crate::domain::question::{before_proposal, proposal};
use crate::domain::{Error, RelPath, Result, StepId};
use crate::sys::Disk;

use super::jail::MAX_FILE_BYTES;
use super::store::Workspace;

/// Puts a result aside for a person to look at. What was proposed before becomes the version that it is compared with; before the first one
/// there was nothing. Durable when it returns.
pub fn put(workspace: &Workspace, (step, output): (&StepId, &RelPath), bytes: &[u8]) -> Result<()> {
    let (Some(now), Some(before)) = (proposal(step, output), before_proposal(step, output)) else { return Ok(()) };
    let failed = |error: io::Error| Error::disk(format!("cannot put the result `{output}` aside"), &error);
    let old = read(workspace, &now).map_err(failed)?.unwrap_or_default();
    // A crash between asking and answering asks again: the same text is no new version.
    if old != bytes || read(workspace, &before).map_err(failed)?.is_none() {
        write(workspace, &before, &old).map_err(failed)?;
    }
    write(workspace, &now, bytes).map_err(failed)
}

/// The proposal of a step as it stands, edited or not; `None` where there is none.
pub fn standing(workspace: &Workspace, step: &StepId, output: &RelPath) -> Result<Option<Vec<u8>>> {
    let Some(path) = proposal(step, output) else { return Ok(None) };
    read(workspace, &path).map_err(|error| Error::disk(format!("cannot read the proposal of `{output}`"), &error))
}

fn folder_of(workspace: &Workspace, path: &RelPath, create: bool) -> io::Result<Option<Arc<dyn Disk>>> {
    let mut folder = Arc::clone(workspace.folder());
    let Some((above, _)) = path.as_str().rsplit_once('/') else { return Ok(Some(folder)) };
    for name in above.split('/') {
        if create {
            match folder.create_folder(name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        folder = match folder.sub(name) {
            Ok(next) => next,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
    }
    Ok(Some(folder))
}

fn read(workspace: &Workspace, path: &RelPath) -> io::Result<Option<Vec<u8>>> {
    let Some(folder) = folder_of(workspace, path, false)? else { return Ok(None) };
    match folder.read_single(path.file_name(), MAX_FILE_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(workspace: &Workspace, path: &RelPath, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(workspace, path, true)?.ok_or(io::ErrorKind::NotFound)?;
    folder.replace(path.file_name(), bytes, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Goal;
    use crate::sys::RealDisk;

    #[test]
    fn a_result_is_put_aside_beside_the_version_before_it() {
        let scratch = tempfile::tempdir().unwrap();
        let now = chrono::DateTime::parse_from_rfc3339("2026-11-24T14:30:22Z").unwrap();
        let workspace = Workspace::create(&RealDisk::root().unwrap(), scratch.path(), &Goal::new("tides").unwrap(), now).unwrap();
        let (step, output) = (StepId("s1".into()), RelPath::new("notes/tides.md").unwrap());
        let read = |path: Option<RelPath>| std::fs::read_to_string(workspace.path().join(path.unwrap().as_str())).unwrap();
        assert_eq!(standing(&workspace, &step, &output).unwrap(), None);
        for (text, before) in [("one", ""), ("one", ""), ("two", "one"), ("two", "one"), ("three", "two")] {
            put(&workspace, (&step, &output), text.as_bytes()).unwrap();
            assert_eq!(standing(&workspace, &step, &output).unwrap().as_deref(), Some(text.as_bytes()));
            assert_eq!((read(proposal(&step, &output)), read(before_proposal(&step, &output))), (text.into(), before.into()));
        }
    }
}
