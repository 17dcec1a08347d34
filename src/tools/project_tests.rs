//! The project tools over a small tree: reading, searching, outlining, and what stays out of reach.
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::domain::Buffers;
use crate::sys::disk::RealDisk;
use crate::tools::testing::Bench;
use crate::tools::tool::MAX_RESULT_BYTES;

/// One document that is open and unsaved.
struct Open(PathBuf, &'static str);

impl Buffers for Open {
    fn text(&self, path: &Path) -> Option<String> {
        (path == self.0).then(|| self.1.to_owned())
    }
}

fn outline(bench: &mut Bench, input: Value) -> Value {
    let outcome = bench.run("outline_project", input);
    assert!(outcome.ok, "{}", outcome.content);
    assert!(outcome.content.len() <= MAX_RESULT_BYTES, "{}", outcome.content.len());
    serde_json::from_str(&outcome.content).unwrap()
}

fn imports_of(outline: &Value, path: &str) -> Vec<String> {
    let module = outline["modules"].as_array().unwrap().iter().find(|module| module["path"] == path);
    let module = module.unwrap_or_else(|| panic!("no module {path} in {outline:#}"));
    serde_json::from_value(module["imports"].clone()).unwrap()
}

#[test]
fn secrets_ignored_files_workspaces_and_ways_out_are_refused() {
    let mut bench = Bench::new()
        .project_file("src/a.py", "token = 1\n")
        .project_file(".env.local", "token\n")
        .project_file("deploy/Server.PEM", "token\n")
        .project_file("credentials.json", "token\n")
        .project_file(".git/config", "token\n")
        .project_file("workspaces/week/a.md", "token\n")
        .project_file(".gitignore", "build/\n*.log\n!keep.log\n")
        .project_file("build/out.txt", "token\n")
        .project_file("x.log", "token\n")
        .project_file("keep.log", "token\n");
    for (path, reason) in [
        (".env.local", "secrets"),
        ("deploy/Server.PEM", "secrets"),
        ("credentials.json", "secrets"),
        (".git/config", "secrets"),
        ("workspaces/week/a.md", "workspace"),
        ("build/out.txt", ".gitignore"),
        ("x.log", ".gitignore"),
        ("../a.py", "not allowed"),
        ("/etc/passwd", "relative"),
        ("src", "cannot be read"),
        ("src/none.py", "does not exist"),
    ] {
        let outcome = bench.run("read_project", json!({"path": path}));
        assert!(!outcome.ok && outcome.content.contains(reason), "{path}: {}", outcome.content);
        assert!(outcome.disk_failure.is_none());
    }
    assert_eq!(bench.run("read_project", json!({"path": "src/a.py"})).content, "1\ttoken = 1\n");
    assert_eq!(bench.run("search_project", json!({"query": "TOKEN"})).content, "keep.log:1: token\nsrc/a.py:1: token = 1\n");
}

#[test]
fn a_project_that_is_itself_the_folder_of_workspaces_stays_readable() {
    let mut bench = Bench::new().project_file("a.py", "x = 1\n");
    bench.context.base_dir = bench.project().to_owned();
    assert!(bench.run("read_project", json!({"path": "a.py"})).ok);
    assert_eq!(bench.run("search_project", json!({"query": "x"})).content, "a.py:1: x = 1\n");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let mut bench =
        Bench::new().project_file("a.py", "secret_word\n").file("outside.txt", "secret_word\n").file("folder/b.txt", "secret_word\n");
    for (target, name) in [("outside.txt", "link.txt"), ("folder", "linked")] {
        std::os::unix::fs::symlink(bench.workspace().join(target), bench.project().join(name)).unwrap();
    }
    for path in ["link.txt", "linked/b.txt"] {
        let outcome = bench.run("read_project", json!({"path": path}));
        assert!(!outcome.ok && outcome.content.contains("link"), "{}", outcome.content);
    }
    assert_eq!(bench.run("search_project", json!({"query": "secret_word"})).content, "a.py:1: secret_word\n");
    assert!(!bench.run("outline_project", json!({"path": "linked"})).ok);
}

#[test]
fn unsaved_editor_text_beats_the_disk() {
    let bench = Bench::new().project_file("a.py", "import os\n").project_file("b.py", "");
    let path = bench.project().join("a.py");
    let mut bench = bench.buffers(Open(path, "import b\nunsaved = 1\n"));
    assert_eq!(bench.run("read_project", json!({"path": "a.py"})).content, "1\timport b\n2\tunsaved = 1\n");
    assert_eq!(bench.run("search_project", json!({"query": "unsaved"})).content, "a.py:2: unsaved = 1\n");
    assert_eq!(imports_of(&outline(&mut bench, json!({})), "a.py"), ["b.py"]);
}

#[test]
fn files_with_most_of_the_words_come_first() {
    let mut bench = Bench::new()
        .project_file("a.md", "lease\nlease\nlease\n")
        .project_file("b.md", "the Lease is a lock\n")
        .project_file("c.md", "lock\n\nlease\n")
        .project_file("d.txt", "lock lease file\n");
    let outcome = bench.run("search_project", json!({"query": "lock lease", "glob": "*.md"}));
    assert_eq!(outcome.content, "b.md:1: the Lease is a lock\nc.md:1: lock\nc.md:3: lease\na.md:1: lease\na.md:2: lease\na.md:3: lease\n");
    assert_eq!(bench.run("search_project", json!({"query": "(.*"})).content, "[no matches]\n");
    assert!(!bench.run("search_project", json!({"query": " "})).ok);
    assert!(!bench.run("search_project", json!({"query": "x", "glob": "[a"})).ok);
}

#[test]
fn rust_imports_are_resolved_through_modules_paths_and_reexports() {
    let mut bench = Bench::new()
        .project_file("Cargo.toml", "[package]\nname = \"my-app\"\n[dependencies]\nserde_json = \"1\"\n")
        .project_file("src/lib.rs", "pub mod domain;\nmod tools;\n")
        .project_file("src/main.rs", "use my_app::domain::Goal;\nfn main() { my_app::tools::run(); }\n")
        .project_file("src/domain/mod.rs", "pub mod goal;\npub use goal::{Goal, inner::Deep as D};\n")
        .project_file("src/domain/goal.rs", "use super::super::tools;\npub struct Goal;\nmod tests { use super::*; }\n")
        .project_file("src/tools.rs", "use crate::{domain::{self, Goal}};\nfn f(x: str) -> usize { serde_json::to_string(x); usize::MAX }\n#[cfg(test)]\n#[path = \"tools_tests.rs\"]\nmod tests;\n")
        .project_file("src/tools_tests.rs", "use super::f;\nuse std::io;\n")
        .project_file("src/unused.rs", "fn lonely() {}\n");
    let outline = outline(&mut bench, json!({}));
    assert_eq!(imports_of(&outline, "src/main.rs"), ["src/domain/goal.rs", "src/tools.rs"]);
    assert_eq!(imports_of(&outline, "src/domain/mod.rs"), ["src/domain/goal.rs"]);
    assert_eq!(imports_of(&outline, "src/domain/goal.rs"), ["src/tools.rs"]);
    assert_eq!(imports_of(&outline, "src/tools.rs"), ["src/domain/goal.rs", "src/domain/mod.rs"]);
    assert_eq!(imports_of(&outline, "src/tools_tests.rs"), ["src/tools.rs"]);
    assert_eq!(outline["unreferenced"], json!(["src/unused.rs"]));
    let tools = outline["modules"].as_array().unwrap().iter().find(|module| module["path"] == "src/tools.rs").unwrap();
    assert_eq!(tools["external"], json!(["serde_json"]));
    assert_eq!(tools["declares"], json!(["2: fn f"]));
    assert_eq!(outline["entry_points"][1], json!({"path": "src/main.rs", "why": "program (main function)"}));
}

#[test]
fn python_and_script_imports_are_resolved() {
    let mut bench = Bench::new()
        .project_file("src/pkg/__init__.py", "from .core import run\n")
        .project_file("src/pkg/core.py", "import pkg.util.text as t, json\nfrom . import util\nfrom ..pkg import missing\nfrom pkg.util.text import clean\n")
        .project_file("src/pkg/util/__init__.py", "")
        .project_file("src/pkg/util/text.py", "import requests\n")
        .project_file("lib/a.mjs", "import x, { y } from '../shared/b.js';\nconst c = await import('./c');\nimport fs from 'node:fs';\nimport z from '@scope/z/deep';\n")
        .project_file("lib/c/index.tsx", "export { y } from '../../shared/b';\n")
        .project_file("shared/b.ts", "import own from 'own';\nexport default 1;\n")
        .project_file("packages/own/package.json", "{\"name\": \"own\"}")
        .project_file("packages/own/index.js", "module.exports = require('lodash');\n")
        .project_file("page.html", "<script src=\"lib/a.mjs\"></script><a href=\"https://x.y\">x</a>\n");
    let outline = outline(&mut bench, json!({}));
    assert_eq!(imports_of(&outline, "src/pkg/__init__.py"), ["src/pkg/core.py"]);
    assert_eq!(imports_of(&outline, "src/pkg/core.py"), ["src/pkg/__init__.py", "src/pkg/util/__init__.py", "src/pkg/util/text.py"]);
    assert_eq!(imports_of(&outline, "lib/a.mjs"), ["lib/c/index.tsx", "shared/b.ts"]);
    assert_eq!(imports_of(&outline, "lib/c/index.tsx"), ["shared/b.ts"]);
    assert_eq!(imports_of(&outline, "shared/b.ts"), ["packages/own/index.js"]);
    assert_eq!(imports_of(&outline, "page.html"), ["lib/a.mjs"]);
    let script = outline["modules"].as_array().unwrap().iter().find(|module| module["path"] == "lib/a.mjs").unwrap();
    assert_eq!(script["external"], json!(["@scope/z", "node:fs"]));
}

#[test]
fn a_folder_can_be_outlined_alone() {
    let mut bench = Bench::new().project_file("a/x.py", "from b import y\n").project_file("b/y.py", "").project_file("ab/z.py", "");
    let value = outline(&mut bench, json!({"path": "./a/"}));
    assert_eq!((&value["files"], &value["path"]), (&json!(1), &json!("a")));
    assert_eq!(imports_of(&value, "a/x.py"), ["b/y.py"]);
    assert_eq!(value["modules"].as_array().unwrap().len(), 1);
    assert!(!bench.run("outline_project", json!({"path": "none"})).ok);
}

#[test]
fn thousands_of_files_stay_within_the_cap_and_say_what_is_left_out() {
    let mut bench = Bench::new();
    let disk = RealDisk::root().unwrap();
    for folder in 0..20 {
        let target = disk.create_and_open(&bench.project().join(format!("part{}/deep{folder}", folder % 10))).unwrap();
        for file in 0..200 {
            let text = format!("from . import m{}\n\ndef function_{file}(x):\n    return x\n", (file + 1) % 200);
            target.create_new(&format!("m{file}.py"), text.as_bytes(), false).unwrap();
        }
    }
    let value = outline(&mut bench, json!({}));
    assert_eq!(value["files"], json!(4_000));
    assert!(value["notes"].to_string().contains("largest of 4000 modules"), "{}", value["notes"]);
    assert!(value["groups"].as_array().unwrap().len() <= 28);
    assert_eq!(value["cycles"].as_array().unwrap().len(), 8);
    let search = bench.run("search_project", json!({"query": "return"}));
    assert!(search.ok && search.content.len() <= MAX_RESULT_BYTES && search.content.contains("left out"));
}

#[test]
fn broken_sources_and_manifests_are_outlined_as_far_as_they_go() {
    let mut bench = Bench::new()
        .project_file("Cargo.toml", "[package\n")
        .project_file("package.json", "{\"dependencies\": 3, \"bin\": []")
        .project_file("a.rs", "use {{{;\nuse a::b::{c, d::{e};\nmod ;\n#[path = ] mod x;\nfn")
        .project_file("b.py", "from . import\nimport\nfrom .... import x\n")
        .project_file("c.js", "import from;\nrequire();\nimport '';")
        .project_file("d.html", "<script src><a href=\"")
        .project_file("e.rs", "use super::super::super::x;\nuse self;\nuse crate;\n")
        .project_file("f.bin.py", [0, 1, 2, 0xff]);
    let value = outline(&mut bench, json!({}));
    assert_eq!(value["files"], json!(8));
}
