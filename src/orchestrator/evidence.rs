//! Joins the ledger of a run with the texts around it: for tools that compare, for the summary, for editors. Reads the workspace; writes nothing.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::documents::evidence::{self, Grounds, Known};
use crate::domain::{InputFile, RelPath, Result, Tally};
use crate::engine::Workflow;
use crate::sys::Disk;
use crate::tools::Evidence;
use crate::tools::check::claims_facts;
use crate::tools::pdf::is_pdf;
use crate::workspace::Workspace;
use crate::workspace::jail::Jail;

/// The largest attached file that is compared with as a whole, and the largest artifact that is checked, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What a run's claims are compared with, as tools get it. The attached files are read when the first text is compared.
pub(super) fn for_tools(workflow: &Workflow, jail: &Arc<Jail>) -> Evidence {
    let ledger = Arc::clone(&workflow.evidence);
    let goal = workflow.goal_text().to_owned();
    let inputs = workflow.run.as_ref().map(|run| run.inputs.clone()).unwrap_or_default();
    let (held, jail) = (Arc::clone(&ledger), Arc::clone(jail));
    let grounds: OnceLock<Grounds> = OnceLock::new();
    let compare = move |text: &str| {
        let grounds = grounds.get_or_init(|| {
            let read = |path: &RelPath| jail.read(path).ok().filter(|bytes| !is_pdf(bytes)).and_then(|bytes| String::from_utf8(bytes).ok());
            Grounds::new(&held, &known(&goal, &inputs, read))
        });
        evidence::check(text, grounds).flaws
    };
    Evidence { ledger, compare: Arc::new(compare) }
}

fn known(goal: &str, inputs: &[InputFile], read: impl Fn(&RelPath) -> Option<String>) -> Known {
    let texts = inputs.iter().filter(|input| input.bytes <= LARGEST);
    let inputs = texts.filter_map(|input| Some((input.path.as_str().to_owned(), read(&input.path)?))).collect();
    Known { goal: goal.to_owned(), inputs }
}

/// How the claims of each artifact of a run stand. Blocks.
pub(super) fn tallies(workflow: &Workflow, workspace: &Workspace) -> Vec<(RelPath, Tally)> {
    let artifacts = workflow.files.values().filter(|fact| claims_facts(fact.path.as_str()) && fact.bytes <= LARGEST);
    let mut texts = artifacts.filter_map(|fact| Some((&fact.path, workspace.read_text(fact.path.as_str())?))).peekable();
    if texts.peek().is_none() {
        return Vec::new();
    }
    let grounds = grounds(workflow, workspace);
    texts.map(|(path, text)| (path.clone(), evidence::check(&text, &grounds).tally)).collect()
}

fn grounds(workflow: &Workflow, workspace: &Workspace) -> Grounds {
    let inputs = workflow.run.as_ref().map(|run| run.inputs.as_slice()).unwrap_or_default();
    let read = |path: &RelPath| workspace.read_text(path.as_str()).filter(|text| !is_pdf(text.as_bytes()));
    Grounds::new(&workflow.evidence, &known(workflow.goal_text(), inputs, read))
}

/// What the artifacts of the workspace at `path` are compared with. Blocks.
///
/// # Errors
/// The folder is not a workspace, or its journal cannot be read.
pub fn of_workspace(root: &Arc<dyn Disk>, path: &Path) -> Result<Grounds> {
    let workspace = Workspace::open(root, path)?;
    let (records, _) = workspace.read_journal()?;
    Ok(grounds(&Workflow::replay(&records), &workspace))
}

/// The workspace that a file lies in, by the names of its folders (`week-47/2026-11-24/goal-143022`), and the file's path in it.
pub fn workspace_of(file: &Path) -> Option<(PathBuf, String)> {
    let is_day = |name: &str| name.len() == 10 && name.split('-').map(str::len).eq([4, 2, 2]);
    let is_week = |name: &str| name.len() == 7 && name.starts_with("week-");
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let found = file.ancestors().skip(1).find(|folder| {
        let day = folder.parent();
        let week = day.and_then(Path::parent);
        day.and_then(name).is_some_and(|day| is_day(&day)) && week.and_then(name).is_some_and(|week| is_week(&week))
    })?;
    let inside = file.strip_prefix(found).ok()?.to_str()?.replace('\\', "/");
    Some((found.to_owned(), inside))
}

/// The texts of sources that are kept beside `inputs/`, by their path in the workspace.
pub(super) fn kept_texts(workflow: &Workflow, written: &mut BTreeMap<usize, (usize, usize)>) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for source in workflow.evidence.iter().filter(|source| source.kept_at() != source.origin) {
        // A line that was cut at first and is whole now changes the length, not the count.
        let length = (source.pieces.len(), source.pieces.values().map(|piece| piece.text.len()).sum());
        if written.insert(source.number, length) != Some(length) {
            texts.push((source.kept_at(), source.text()));
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_workspace_is_known_by_the_folders_above_it() {
        let (workspace, inside) = workspace_of(Path::new("/p/workspaces/week-47/2026-11-24/goal-143022/charts/a.md")).unwrap();
        assert_eq!((workspace.to_str().unwrap(), inside.as_str()), ("/p/workspaces/week-47/2026-11-24/goal-143022", "charts/a.md"));
        assert_eq!(workspace_of(Path::new("/p/week-47/notes/2026-11-24/a.md")), None);
        assert_eq!(workspace_of(Path::new("a.md")), None);
    }
}
