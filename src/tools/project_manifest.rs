//! What the manifests of a project declare: packages, dependencies, entry points. Reads Cargo.toml, package.json, pyproject.toml and requirements files.
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// One manifest.
#[derive(Debug, Default, Serialize, PartialEq)]
pub struct Manifest {
    pub path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Name and version as written.
    pub dependencies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub development: Vec<String>,
    /// What it says can be started: name and target.
    #[serde(skip)]
    pub starts: Vec<(String, String)>,
}

/// Whether a file is a manifest that can be read here.
pub fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "Cargo.toml" | "package.json" | "pyproject.toml") || name.starts_with("requirements") && name.ends_with(".txt")
}

/// Reads one manifest; one that cannot be parsed has a path and nothing else.
pub fn read(path: &str, text: &str) -> Manifest {
    let mut manifest = match path.rsplit('/').next().unwrap_or(path) {
        "Cargo.toml" => cargo(&as_json(text)),
        "package.json" => package(&serde_json::from_str(text).unwrap_or_default()),
        "pyproject.toml" => pyproject(&as_json(text)),
        _ => requirements(text),
    };
    manifest.path = path.to_owned();
    manifest
}

/// Package names of the project with their folders.
pub fn packages(manifests: &[Manifest]) -> BTreeMap<String, String> {
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned()).unwrap_or_default();
    manifests.iter().filter(|manifest| !manifest.name.is_empty()).map(|manifest| (manifest.name.clone(), folder(&manifest.path))).collect()
}

/// The names of all packages that the manifests ask for.
pub fn asked_for(manifests: &[Manifest]) -> std::collections::BTreeSet<String> {
    let all = manifests.iter().flat_map(|manifest| manifest.dependencies.iter().chain(&manifest.development));
    all.filter_map(|entry| entry.split(' ').next().map(str::to_owned)).collect()
}

fn as_json(toml: &str) -> Value {
    toml::from_str::<Value>(toml).unwrap_or_default()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `name version` for each entry of a table of dependencies.
fn table(value: &Value, pointer: &str) -> Vec<String> {
    let entry = |(name, wanted): (&String, &Value)| {
        let version = wanted.as_str().or_else(|| wanted.get("version").and_then(Value::as_str)).unwrap_or_default();
        format!("{name} {version}").trim().to_owned()
    };
    value.pointer(pointer).and_then(Value::as_object).map(|table| table.iter().map(entry).collect()).unwrap_or_default()
}

fn cargo(value: &Value) -> Manifest {
    let mut dependencies = table(value, "/dependencies");
    dependencies.extend(table(value, "/workspace/dependencies"));
    let mut development = table(value, "/dev-dependencies");
    development.extend(table(value, "/build-dependencies"));
    Manifest {
        name: text(value, "/package/name"),
        description: text(value, "/package/description"),
        dependencies,
        development,
        ..Manifest::default()
    }
}

fn package(value: &Value) -> Manifest {
    let mut dependencies = table(value, "/dependencies");
    dependencies.extend(table(value, "/peerDependencies"));
    let mut starts: Vec<(String, String)> = Vec::new();
    for field in ["main", "module", "browser", "types"] {
        let target = text(value, &format!("/{field}"));
        starts.extend((!target.is_empty()).then(|| (format!("package.json {field}"), target)));
    }
    match value.get("bin") {
        Some(Value::String(target)) => starts.push(("package.json bin".to_owned(), target.clone())),
        Some(Value::Object(bins)) => {
            starts.extend(bins.iter().filter_map(|(name, target)| Some((format!("package.json bin {name}"), target.as_str()?.to_owned()))));
        }
        _ => {}
    }
    let scripts = value.get("scripts").and_then(Value::as_object).into_iter().flatten();
    starts.extend(scripts.filter_map(|(name, command)| Some((format!("package.json script {name}"), command.as_str()?.to_owned()))));
    let development = table(value, "/devDependencies");
    Manifest {
        name: text(value, "/name"),
        description: text(value, "/description"),
        dependencies,
        development,
        starts,
        ..Manifest::default()
    }
}

fn pyproject(value: &Value) -> Manifest {
    let list =
        |value: &Value| value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect::<Vec<_>>();
    let mut dependencies = value.pointer("/project/dependencies").map(list).unwrap_or_default();
    dependencies.extend(table(value, "/tool/poetry/dependencies"));
    let mut development = table(value, "/tool/poetry/group/dev/dependencies");
    let optional = value.pointer("/project/optional-dependencies").and_then(Value::as_object).into_iter().flatten();
    development.extend(optional.flat_map(|(_, items)| list(items)));
    let scripts = value.pointer("/project/scripts").and_then(Value::as_object).into_iter().flatten();
    let starts = scripts.filter_map(|(name, target)| Some((format!("pyproject script {name}"), target.as_str()?.to_owned()))).collect();
    Manifest {
        name: text(value, "/project/name"),
        description: text(value, "/project/description"),
        dependencies,
        development,
        starts,
        ..Manifest::default()
    }
}

fn requirements(text: &str) -> Manifest {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let dependencies = lines.filter(|line| !line.is_empty() && !line.starts_with('-')).map(str::to_owned).collect();
    Manifest { dependencies, ..Manifest::default() }
}
