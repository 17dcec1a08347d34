//! Small pieces of Markdown that every specialist writes: notices, tables, quotes, anchors. Reads nothing, decides nothing.
use super::moves::NO_MODEL;

/// The notice that opens every artifact; `how` is a sentence that says what was done instead.
pub fn notice(how: &str) -> String {
    format!("> **{NO_MODEL} for this document.** {how}\n")
}

/// A table; cells are made safe, and an empty table is an empty text.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut text = line(&mut header.iter().map(|cell| (*cell).to_owned()));
    text.push_str(&line(&mut header.iter().map(|_| "---".to_owned())));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(|cell| self::cell(cell))));
    }
    text
}

/// One line without characters that would break a table.
pub fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Lines as a block quote, each verbatim.
pub fn quoted<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(|line| if line.is_empty() { ">\n".to_owned() } else { format!("> {line}\n") }).collect()
}

/// A fenced block with a fence longer than any inside.
pub fn fenced(language: &str, text: &str) -> String {
    let longest = text.lines().map(|line| line.trim_start().chars().take_while(|c| *c == '`').count()).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// A contents list of the second-level headings, once there are enough of them to need one.
pub fn with_contents(text: &str) -> String {
    let mut open = false;
    let mut titles = Vec::new();
    for line in text.lines() {
        open ^= line.trim_start().starts_with("```");
        if let Some(title) = line.strip_prefix("## ").filter(|_| !open) {
            titles.push(title);
        }
    }
    let at = text.find("\n## ");
    match at.and_then(|at| text.split_at_checked(at + 1)) {
        Some((head, rest)) if titles.len() > 4 => {
            let list: String = titles.iter().map(|title| format!("- [{title}](#{})\n", anchor(title))).collect();
            format!("{head}## Contents\n\n{list}\n{rest}")
        }
        _ => text.to_owned(),
    }
}

/// The anchor that common renderers give a heading.
pub fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect::<String>();
    kept.replace(' ', "-")
}

/// `3 passages`, `1 passage`.
pub fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// The first letter as a capital.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A heading made of a goal: its first line without the closing full stop, at most 90 characters.
pub fn title(text: &str) -> String {
    let line = crate::domain::goal::shorten(text, 90);
    capital(line.trim_start_matches(['#', ' ']).trim_end_matches(['.', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_survive_bars_and_line_breaks() {
        assert_eq!(table(&["a"], &[vec!["x|y\nz".into()]]), "| a |\n| --- |\n| x\\|y z |\n");
        assert_eq!(table(&["a"], &[]), "");
    }

    #[test]
    fn fences_are_longer_than_those_inside() {
        assert_eq!(fenced("md", "```\nx\n```"), "````md\n```\nx\n```\n````\n");
    }

    #[test]
    fn only_long_documents_get_contents_and_code_is_no_heading() {
        let short = "# T\n\n## A\n\ntext\n";
        assert_eq!(with_contents(short), short);
        let long = "# T\n\n## A b\n```\n## no\n```\n## B\n## C\n## D\n## E\n";
        let text = with_contents(long);
        assert!(text.contains("- [A b](#a-b)") && !text.contains("[no]"), "{text}");
    }
}
