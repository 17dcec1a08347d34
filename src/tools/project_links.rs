//! From imports as written to files of the project, for Rust, Python, JavaScript and TypeScript. Touches no disk: it knows the list of files.
use std::collections::{BTreeMap, BTreeSet};

use crate::tools::finding::resolve;
use crate::tools::project_source::{Form, Import, Source};

/// Python and JavaScript endings, in the order in which an import tries them.
const SCRIPT_ENDINGS: [&str; 16] = [
    "",
    ".ts",
    ".tsx",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".d.ts",
    ".mts",
    ".json",
    ".vue",
    ".svelte",
    "/index.ts",
    "/index.tsx",
    "/index.js",
    "/index.jsx",
];

/// Where the imports of one file lead.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Links {
    /// Files of the project.
    pub files: BTreeSet<String>,
    /// Files this one declares as its modules (Rust): they belong to it, it need not import them.
    pub modules: BTreeSet<String>,
    /// Packages from elsewhere.
    pub external: BTreeSet<String>,
}

/// Everything needed to resolve the imports of a project.
pub struct Map<'a> {
    files: &'a BTreeSet<String>,
    /// Package or crate name → its folder (`""` is the root).
    packages: &'a BTreeMap<String, String>,
    /// Names of packages from elsewhere that the manifests ask for.
    asked_for: &'a BTreeSet<String>,
    /// Rust file → root file of its crate and its module path.
    rust: BTreeMap<String, (String, Vec<String>)>,
    /// Root file and module path → Rust file.
    modules: BTreeMap<(String, Vec<String>), String>,
    /// Rust file → names it exports from elsewhere, with their paths.
    exports: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl<'a> Map<'a> {
    pub fn new(
        files: &'a BTreeSet<String>,
        packages: &'a BTreeMap<String, String>,
        asked_for: &'a BTreeSet<String>,
        sources: &BTreeMap<String, Source>,
    ) -> Self {
        let mut map = Map { files, packages, asked_for, rust: BTreeMap::new(), modules: BTreeMap::new(), exports: BTreeMap::new() };
        for path in files.iter().filter(|path| path.ends_with(".rs")) {
            let place = map.rust_place(path);
            map.modules.insert(place.clone(), path.clone());
            map.rust.insert(path.clone(), place);
        }
        for (path, source) in sources {
            map.note_modules(path, source);
            map.note_exports(path, source);
        }
        map
    }

    /// The links of one file.
    pub fn links(&self, path: &str, source: &Source) -> Links {
        let mut links = Links::default();
        for import in &source.imports {
            match import {
                Import::Rust { path: names, depth, form } => self.rust(path, names, (*depth, *form), &mut links),
                Import::RustModule { name, file } => links.modules.extend(self.module_file(path, name, file.as_deref())),
                Import::Python { dots, module, names } => self.python(path, *dots, (module, names), &mut links),
                Import::Script(target) => self.script(path, target, &mut links),
            }
        }
        links.files.remove(path);
        links.modules.remove(path);
        links
    }

    /// The crate's root file and the module path of a Rust file, by its place alone.
    fn rust_place(&self, path: &str) -> (String, Vec<String>) {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        let root_in = |folder: &str| {
            let join = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            ["lib.rs", "main.rs", "mod.rs"].iter().take(2).map(|name| join(name)).find(|root| self.files.contains(root))
        };
        if matches!(file, "lib.rs" | "main.rs" | "build.rs") {
            return (path.to_owned(), Vec::new());
        }
        for count in (0..=parts.len()).rev() {
            let folder = parts[..count].join("/");
            let Some(root) = root_in(&folder) else { continue };
            let mut module: Vec<String> = parts[count..].iter().map(|part| (*part).to_owned()).collect();
            if module.first().is_some_and(|first| first == "bin") {
                return (path.to_owned(), Vec::new());
            }
            if file != "mod.rs" {
                module.push(file.trim_end_matches(".rs").to_owned());
            }
            return (root, module);
        }
        (path.to_owned(), Vec::new())
    }

    /// A `#[path]` gives a file another place in the tree of modules than its name says.
    fn note_modules(&mut self, path: &str, source: &Source) {
        for import in &source.imports {
            let Import::RustModule { name, file: Some(file) } = import else { continue };
            let Some((root, module)) = self.rust.get(path).cloned() else { continue };
            let Some(file) = resolve(path, file).filter(|file| self.files.contains(file)) else { continue };
            let place = (root, module.into_iter().chain([name.clone()]).collect::<Vec<String>>());
            self.modules.insert(place.clone(), file.clone());
            self.rust.insert(file, place);
        }
    }

    fn note_exports(&mut self, path: &str, source: &Source) {
        for import in &source.imports {
            let Import::Rust { path: names, depth: 0, form: Form::Export } = import else { continue };
            if let Some(last) = names.last() {
                self.exports.entry(path.to_owned()).or_default().insert(last.clone(), names.clone());
            }
        }
    }

    fn module_file(&self, path: &str, name: &str, file: Option<&str>) -> Option<String> {
        if let Some(file) = file {
            return resolve(path, file).filter(|file| self.files.contains(file));
        }
        let (root, module) = self.rust.get(path)?;
        let child = module.iter().cloned().chain([name.to_owned()]).collect();
        self.modules.get(&(root.clone(), child)).cloned()
    }

    fn rust(&self, path: &str, names: &[String], (depth, form): (usize, Form), links: &mut Links) {
        let Some(first) = names.first() else { return };
        if let Some(file) = self.rust_target(path, names, depth, 0) {
            links.files.insert(file);
            return;
        }
        let own = matches!(first.as_str(), "crate" | "self" | "super" | "std" | "core" | "alloc" | "test");
        let asked_for = self.asked_for.contains(first) || self.asked_for.contains(&first.replace('_', "-"));
        // A path in an expression may start with any local name; only the manifest tells that it is a package.
        if asked_for || form != Form::InPlace && !own && names.len() > 1 && first.starts_with(|c: char| c.is_ascii_lowercase()) {
            links.external.insert(first.clone());
        }
    }

    /// The file that a Rust path leads to, through re-exports.
    fn rust_target(&self, path: &str, names: &[String], depth: usize, hops: usize) -> Option<String> {
        let (root, module) = self.rust.get(path)?;
        let (first, rest) = names.split_first()?;
        if hops > 6 {
            return None;
        }
        match first.as_str() {
            "crate" => self.rust_walk(root, Vec::new(), rest, hops),
            "self" if depth == 0 => self.rust_walk(root, module.clone(), rest, hops),
            "self" => Some(path.to_owned()),
            "super" => {
                let supers = names.iter().take_while(|name| *name == "super").count();
                let up = supers.saturating_sub(depth);
                let base = module.get(..module.len().checked_sub(up)?)?.to_vec();
                if up == 0 { Some(path.to_owned()) } else { self.rust_walk(root, base, names.get(supers..)?, hops) }
            }
            name => {
                let child: Vec<String> = module.iter().cloned().chain([name.to_owned()]).collect();
                if depth == 0 && self.modules.contains_key(&(root.clone(), child.clone())) {
                    return self.rust_walk(root, child, rest, hops);
                }
                let other = self.crate_root(name).filter(|other| other != path)?;
                self.rust_walk(&other, Vec::new(), rest, hops)
            }
        }
    }

    /// Goes down from a module as far as names are modules, then through a re-export if the next name is one.
    fn rust_walk(&self, root: &str, mut module: Vec<String>, names: &[String], hops: usize) -> Option<String> {
        let mut names = names;
        while let Some((first, rest)) = names.split_first() {
            let child: Vec<String> = module.iter().cloned().chain([first.clone()]).collect();
            if !self.modules.contains_key(&(root.to_owned(), child.clone())) {
                break;
            }
            (module, names) = (child, rest);
        }
        let file = self.modules.get(&(root.to_owned(), module))?;
        let exported = names.first().and_then(|name| self.exports.get(file)?.get(name));
        let through = exported.and_then(|path| self.rust_target(file, path, 0, hops + 1));
        Some(through.unwrap_or_else(|| file.clone()))
    }

    /// The library of a crate of this project.
    fn crate_root(&self, name: &str) -> Option<String> {
        let folder = self.packages.get(name).or_else(|| self.packages.get(&name.replace('_', "-")))?;
        let root = if folder.is_empty() { "src/lib.rs".to_owned() } else { format!("{folder}/src/lib.rs") };
        self.files.contains(&root).then_some(root)
    }

    fn python(&self, path: &str, dots: usize, (module, names): (&[String], &[String]), links: &mut Links) {
        let mut folders: Vec<&str> = path.split('/').collect();
        folders.pop();
        let bases: Vec<String> = if dots > 0 {
            let kept = folders.len().saturating_sub(dots - 1);
            vec![folders[..kept].join("/")]
        } else {
            let above = (0..=folders.len()).rev().map(|count| folders[..count].join("/"));
            above.chain(["src".to_owned(), "lib".to_owned()]).collect()
        };
        let found = bases.iter().find_map(|base| self.python_files(base, module, names));
        match found {
            Some(files) => links.files.extend(files),
            None if dots == 0 => links.external.extend(module.first().cloned()),
            None => {}
        }
    }

    /// The files of `module` below a folder; a name taken from a package may be a file of its own.
    fn python_files(&self, base: &str, module: &[String], names: &[String]) -> Option<Vec<String>> {
        let join = |parts: &[String]| {
            let inner = parts.join("/");
            if base.is_empty() || inner.is_empty() { format!("{base}{inner}") } else { format!("{base}/{inner}") }
        };
        let file = |stem: &str| {
            let package = if stem.is_empty() { "__init__.py".to_owned() } else { format!("{stem}/__init__.py") };
            [format!("{stem}.py"), format!("{stem}.pyi"), package].into_iter().find(|path| self.files.contains(path))
        };
        let stem = join(module);
        let inner = names.iter().filter_map(|name| file(&if stem.is_empty() { name.clone() } else { format!("{stem}/{name}") }));
        let mut found: Vec<String> = inner.collect();
        if found.len() < names.len() || names.is_empty() {
            found.extend(file(&stem));
        }
        // `import a.b.c` may end in a name that `a.b` defines.
        if found.is_empty() && names.is_empty() && module.len() > 1 {
            found.extend(file(&join(&module[..module.len() - 1])));
        }
        (!found.is_empty()).then_some(found)
    }

    fn script(&self, path: &str, target: &str, links: &mut Links) {
        let target = target.split('?').next().unwrap_or(target);
        let aliased = target.strip_prefix("@/").or_else(|| target.strip_prefix("~/"));
        let places: Vec<String> = match (target.starts_with('.'), aliased) {
            (true, _) => resolve(path, target).into_iter().collect(),
            (_, Some(rest)) => vec![format!("src/{rest}"), rest.to_owned()],
            _ => self.package_places(target),
        };
        match places.iter().find_map(|place| self.script_file(place)) {
            Some(file) => {
                links.files.insert(file);
            }
            None if !target.starts_with('.') && aliased.is_none() => {
                let count = if target.starts_with('@') { 2 } else { 1 };
                links.external.insert(target.split('/').take(count).collect::<Vec<_>>().join("/"));
            }
            None => {}
        }
    }

    /// Where a package of this project may keep what `target` names.
    fn package_places(&self, target: &str) -> Vec<String> {
        let found = self.packages.iter().filter(|(name, _)| target == name.as_str() || target.starts_with(&format!("{name}/")));
        let places = found.flat_map(|(name, folder)| {
            let rest = target[name.len()..].trim_start_matches('/');
            [format!("{folder}/src/{rest}"), format!("{folder}/{rest}"), format!("{folder}/lib/{rest}")]
        });
        places.map(|place| place.trim_matches('/').to_owned()).collect()
    }

    fn script_file(&self, place: &str) -> Option<String> {
        let as_written = SCRIPT_ENDINGS.iter().map(|ending| format!("{place}{ending}").trim_start_matches('/').to_owned());
        // TypeScript writes `./a.js` for the file `a.ts`.
        let stem = place.strip_suffix(".js").or_else(|| place.strip_suffix(".jsx")).or_else(|| place.strip_suffix(".mjs"));
        let typed = stem.into_iter().flat_map(|stem| [".ts", ".tsx", ".mts"].map(|ending| format!("{stem}{ending}")));
        as_written.chain(typed).find(|path| self.files.contains(path))
    }
}
