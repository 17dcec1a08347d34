//! Which folder is the project. Looks for names only, reads no file.
use std::path::{Path, PathBuf};

use crate::sys::Disk;

/// The project's own configuration files, in the order in which they are looked for.
pub const PROJECT_FILES: [&str; 2] = ["config/orchestrator.json", "orchestrator.json"];

/// The nearest folder upwards from `start` (absolute) with `config/orchestrator.json`, `orchestrator.json` or `.git`, else `start`.
/// In a folder called `config`, `orchestrator.json` is the file of the project above it.
pub fn find_project(disk: &dyn Disk, start: &Path) -> PathBuf {
    let is_project = |folder: &&Path| {
        let Ok(open) = disk.open(folder) else { return false };
        let is_config_folder = folder.file_name().is_some_and(|name| name == "config");
        let marks: &[&str] = if is_config_folder { &[PROJECT_FILES[0]] } else { &PROJECT_FILES };
        marks.iter().chain(&[".git"]).any(|name| open.metadata(name).is_ok())
    };
    start.ancestors().find(is_project).unwrap_or(start).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::RealDisk;

    #[test]
    fn the_nearest_folder_with_a_mark_is_the_project() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        std::fs::create_dir_all(root.join("a/config")).unwrap();
        std::fs::create_dir_all(root.join("a/b/.git")).unwrap();
        std::fs::create_dir_all(root.join("a/b/c/d")).unwrap();
        std::fs::create_dir_all(root.join("a/e/f")).unwrap();
        std::fs::create_dir_all(root.join("g")).unwrap();
        std::fs::write(root.join("a/config/orchestrator.json"), "{}").unwrap();
        std::fs::write(root.join("g/orchestrator.json"), "{}").unwrap();
        let disk = RealDisk::root().unwrap();
        let find = |below: &str| find_project(&*disk, &root.join(below));
        assert_eq!(find("a/b/c/d"), root.join("a/b"));
        assert_eq!(find("a/e/f"), root.join("a"));
        assert_eq!(find("a/config"), root.join("a"));
        assert_eq!(find("g"), root.join("g"));
        assert_eq!(find("not/there"), root.join("not/there"));
    }
}
