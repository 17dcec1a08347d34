//! The results of tools as values again: what the specialists read back. Knows the texts that tools answer with, and no tool.

/// The lines of a `read_file` or `read_project` result: number and text. Notes in brackets are left out.
pub fn numbered_lines(content: &str) -> Vec<(usize, &str)> {
    let split = |line| {
        let (number, text): (&str, &str) = str::split_once(line, '\t')?;
        Some((number.trim().parse().ok()?, text))
    };
    content.lines().filter_map(split).collect()
}

/// The file's text as far as a `read_file` or `read_project` result shows it.
pub fn text(content: &str) -> String {
    let lines: Vec<&str> = numbered_lines(content).into_iter().map(|(_, text)| text).collect();
    lines.join("\n")
}

/// Whether a result says that more can be asked for.
pub fn is_cut(content: &str) -> bool {
    content.lines().rev().take(4).any(|line| line.starts_with('[') && (line.contains("ask for the rest") || line.contains("left out")))
}

/// The files of a `list_files` result: path and bytes.
pub fn files(content: &str) -> Vec<(&str, u64)> {
    let split = |line| {
        let (path, bytes): (&str, &str) = str::rsplit_once(line, '\t')?;
        Some((path, bytes.trim().parse().ok()?))
    };
    content.lines().filter_map(split).collect()
}

/// The matches of a `search_files` or `search_project` result: path, line, text.
pub fn matches(content: &str) -> Vec<(&str, usize, &str)> {
    content.lines().filter(|line| !line.starts_with('[')).filter_map(one_match).collect()
}

/// A path has no colon (it is not allowed in one), so the first colon ends it.
fn one_match(line: &str) -> Option<(&str, usize, &str)> {
    let (path, rest) = line.split_once(':')?;
    let (number, text) = rest.split_once(": ").or_else(|| rest.strip_suffix(':').map(|number| (number, "")))?;
    Some((path, number.parse().ok()?, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_tools_are_read_back() {
        let content = "1\t# Title\n2\ta\tb\n[lines 1 to 2 of 9; ask for the rest with offset 3]\n";
        assert_eq!(numbered_lines(content), vec![(1, "# Title"), (2, "a\tb")]);
        assert_eq!(text(content), "# Title\na\tb");
        assert!(is_cut(content));
        assert_eq!(files("a.md\t12\ninputs/b.csv\t0\n[no]\n"), vec![("a.md", 12), ("inputs/b.csv", 0)]);
        assert_eq!(matches("a.md:3: x: y\n[b:1: z]\n"), vec![("a.md", 3, "x: y")]);
    }
}
