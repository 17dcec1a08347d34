//! The package: everything that the program is built from is in it, so that it can be installed from there.
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.to_string_lossy().ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The include list of Cargo.toml, without what it takes out again.
fn included(root: &Path) -> GlobSet {
    let manifest: toml::Value = toml::from_str(&std::fs::read_to_string(root.join("Cargo.toml")).unwrap()).unwrap();
    let mut set = GlobSetBuilder::new();
    for pattern in manifest["package"]["include"].as_array().unwrap().iter().map(|pattern| pattern.as_str().unwrap()) {
        if let Some(pattern) = pattern.strip_prefix('/') {
            set.add(GlobBuilder::new(pattern).literal_separator(true).build().unwrap());
        }
    }
    set.build().unwrap()
}

/// `a/b/../c` without its dots.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

#[test]
fn every_file_that_the_source_takes_in_is_in_the_package() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let included = included(root);
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let mut taken_in = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let names = code.split("include_str!(\"").skip(1).chain(code.split("include_bytes!(\"").skip(1));
        for name in names.filter_map(|rest| rest.split('"').next()) {
            let path = plain(&file.parent().unwrap().join(name));
            let inside = path.strip_prefix(root).unwrap();
            assert!(path.is_file() && included.is_match(inside), "{} takes in {}", file.display(), inside.display());
            // Cargo leaves out folders that are packages of their own, whatever the list says.
            let apart = inside
                .ancestors()
                .skip(1)
                .filter(|folder| *folder != Path::new(""))
                .find(|folder| root.join(folder).join("Cargo.toml").exists());
            assert_eq!(apart, None, "{} lies in another package", inside.display());
            taken_in += 1;
        }
    }
    assert!(taken_in > 15, "{taken_in}");
}
