//! Which files of a workspace are data, and what their tables are called. Knows neither SQL nor the inside of a file.
use std::collections::HashSet;

use crate::domain::RelPath;
use crate::workspace::jail::{Jail, Refusal};

/// All data files of a workspace together; later ones are left out.
const MAX_TOTAL_BYTES: u64 = 160 * 1024 * 1024;

/// A data file, or why it cannot be read.
pub struct DataFile {
    pub path: RelPath,
    pub table: String,
    pub bytes: Result<Vec<u8>, String>,
}

/// Paths of the data files with their table names; attached files first, so that theirs are the plain names.
fn named_files(jail: &Jail) -> Result<Vec<(RelPath, u64, String)>, Refusal> {
    let is_data =
        |path: &RelPath| path.extension().is_some_and(|ext| [".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson"].contains(&ext.as_str()));
    let mut files: Vec<(RelPath, u64)> = jail.files()?.into_iter().filter(|(path, _)| is_data(path)).collect();
    files.sort_by_key(|(path, _)| (!path.folded().starts_with("inputs/"), path.clone()));
    let mut taken = HashSet::new();
    Ok(files.into_iter().map(|(path, bytes)| (path.clone(), bytes, unique_table_name(&path, &mut taken))).collect())
}

/// The table's name of one file in `query_data`.
pub fn table_name_in(jail: &Jail, path: &RelPath) -> Result<String, Refusal> {
    let named = named_files(jail)?;
    Ok(named.into_iter().find(|(found, _, _)| found == path).map_or_else(|| table_name(path), |(_, _, name)| name))
}

/// Every data file of the workspace with its content.
pub fn data_files(jail: &Jail) -> Result<Vec<DataFile>, Refusal> {
    let mut total = 0;
    let mut files = Vec::new();
    for (path, size, table) in named_files(jail)? {
        total += size;
        let bytes = match jail.read(&path) {
            _ if total > MAX_TOTAL_BYTES => Err("the data files are too large together".into()),
            Ok(bytes) => Ok(bytes),
            Err(Refusal::NotAllowed(reason)) => Err(reason),
            Err(disk) => return Err(disk),
        };
        files.push(DataFile { path, table, bytes });
    }
    Ok(files)
}

fn unique_table_name(path: &RelPath, taken: &mut HashSet<String>) -> String {
    let base = table_name(path);
    let mut name = base.clone();
    let mut count = 2;
    while !taken.insert(name.to_lowercase()) {
        name = format!("{base}_{count}");
        count += 1;
    }
    name
}

/// Words that SQL keeps for itself, so that a table cannot have them for a name without quotes.
const RESERVED: &str = "all and as by case check column create default delete drop else end exists from group having in index insert into is \
    join like limit not null on or order select set table then to transaction union unique update using values view when where with";

/// `inputs/Sales 2024.csv` → `Sales_2024`.
fn table_name(path: &RelPath) -> String {
    let stem = path.file_name().rsplit_once('.').map_or(path.file_name(), |(stem, _)| stem);
    let plain: String = stem.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let plain = plain.trim_matches('_');
    let lower = plain.to_lowercase();
    if plain.is_empty()
        || plain.starts_with(|c: char| !c.is_alphabetic())
        || lower.starts_with("sqlite")
        || RESERVED.split(' ').any(|word| word == lower)
    {
        return format!("t_{plain}");
    }
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_names_are_plain_words() {
        let taken = &mut HashSet::new();
        let mut name = |path: &str| unique_table_name(&RelPath::new(path).unwrap(), taken);
        assert_eq!(name("inputs/sales.csv"), "sales");
        assert_eq!(name("Sales.json"), "Sales_2");
        assert_eq!(name("inputs/2024 data-set.csv"), "t_2024_data_set");
        assert_eq!(name("inputs/select.csv"), "t_select");
        assert_eq!(name("inputs/sqlite_master.csv"), "t_sqlite_master");
        assert_eq!(name("inputs/---.csv"), "t_");
    }
}
