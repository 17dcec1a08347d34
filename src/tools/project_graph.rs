//! Who imports whom, as a graph: groups of files, cycles, files many others need. Pure; knows paths and no text.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// File → files it imports.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// Groups shown at the most: a diagram with more cannot be read.
const MOST_GROUPS: usize = 28;
/// Imports of one group shown at the most.
const MOST_ARROWS: usize = 14;

/// A folder with its files, or a single file of a small project.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub files: usize,
    pub lines: usize,
    /// Other group → how many imports lead there.
    pub imports: BTreeMap<String, usize>,
}

/// The folder that holds more than half of the files: its inside says more than its name.
fn largest_folder(folders: impl Iterator<Item = String>) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    folders.for_each(|folder| *counts.entry(folder).or_default() += 1);
    let all: usize = counts.values().sum();
    counts.into_iter().find(|(_, count)| count * 2 > all).map(|(folder, _)| folder)
}

/// The files as groups: single files when there are few, else folders, as deep as still fits a picture.
pub fn groups(lines: &BTreeMap<String, usize>, graph: &Graph) -> Vec<Group> {
    let folder = |path: &str, depth: usize| {
        let mut parts: Vec<&str> = path.split('/').collect();
        parts.pop();
        parts.truncate(depth);
        if parts.is_empty() { "(top folder)".to_owned() } else { parts.join("/") }
    };
    let count = |depth: usize| lines.keys().map(|path| folder(path, depth)).collect::<BTreeSet<_>>().len();
    let depth = (1..=8).take_while(|depth| count(*depth) <= MOST_GROUPS).last().unwrap_or(0);
    let few = lines.len() <= MOST_GROUPS / 2 || depth == 0 && lines.len() <= MOST_GROUPS;
    let largest = largest_folder(lines.keys().map(|path| folder(path, depth)));
    let split = |path: &str| largest.as_deref() == Some(folder(path, depth).as_str());
    let finer = |path: &str| folder(path, if split(path) { depth + 1 } else { depth });
    let fits = lines.keys().map(|path| finer(path)).collect::<BTreeSet<_>>().len() <= MOST_GROUPS;
    let name = |path: &str| match (few, fits) {
        (true, _) => path.to_owned(),
        (false, true) => finer(path),
        (false, false) => folder(path, depth),
    };
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (path, count) in lines {
        let group = groups.entry(name(path)).or_default();
        group.files += 1;
        group.lines += count;
        for target in graph.get(path).into_iter().flatten().filter(|target| lines.contains_key(*target)) {
            if name(target) != name(path) {
                *group.imports.entry(name(target)).or_default() += 1;
            }
        }
    }
    let finish = |(name, mut group): (String, Group)| {
        let mut arrows: Vec<(String, usize)> = std::mem::take(&mut group.imports).into_iter().collect();
        arrows.sort_by_key(|arrow| std::cmp::Reverse(arrow.1));
        arrows.truncate(MOST_ARROWS);
        Group { name, imports: arrows.into_iter().collect(), ..group }
    };
    groups.into_iter().map(finish).collect()
}

/// How many files import each file, most first.
pub fn hubs(graph: &Graph) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for target in graph.values().flatten() {
        *counts.entry(target).or_default() += 1;
    }
    let mut hubs: Vec<(String, usize)> = counts.into_iter().map(|(path, count)| (path.clone(), count)).collect();
    hubs.sort_by_key(|hub| std::cmp::Reverse(hub.1));
    hubs
}

/// Sets of files that import each other in a circle, largest first. Two passes over the graph, without recursion.
pub fn cycles(graph: &Graph) -> Vec<Vec<String>> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut finished: Vec<&str> = Vec::new();
    for start in graph.keys() {
        visit(start, &|path| graph.get(path).into_iter().flatten().map(String::as_str).collect(), &mut seen, &mut finished);
    }
    let mut importers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, target) in graph.iter().flat_map(|(path, targets)| targets.iter().map(move |target| (path, target))) {
        importers.entry(target).or_default().push(path);
    }
    let mut seen = BTreeSet::new();
    let mut cycles: Vec<Vec<String>> = Vec::new();
    for start in finished.into_iter().rev() {
        let mut members = Vec::new();
        visit(start, &|path| importers.get(path).cloned().unwrap_or_default(), &mut seen, &mut members);
        if members.len() > 1 {
            members.sort_unstable();
            cycles.push(members.into_iter().map(str::to_owned).collect());
        }
    }
    cycles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    cycles
}

/// Depth first from `start`; nodes are pushed to `finished` once all behind them are.
fn visit<'a>(start: &'a str, next: &dyn Fn(&str) -> Vec<&'a str>, seen: &mut BTreeSet<&'a str>, finished: &mut Vec<&'a str>) {
    if !seen.insert(start) {
        return;
    }
    let mut open = vec![(start, next(start))];
    while let Some((path, rest)) = open.last_mut() {
        match rest.pop() {
            Some(target) if seen.insert(target) => open.push((target, next(target))),
            Some(_) => {}
            None => {
                finished.push(path);
                open.pop();
            }
        }
    }
}
