//! Small pieces of Markdown and Mermaid, safe for any text that is put into them. Knows no specialist.

/// Text for a table cell: one line, no bar that would end it.
pub fn cell(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").replace('|', "\\|")
}

/// A table; without rows it is the sentence `none` instead.
pub fn table(head: &[&str], rows: &[Vec<String>], none: &str) -> String {
    if rows.is_empty() {
        return format!("{none}\n");
    }
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.iter().map(|name| (*name).to_owned()).collect());
    text.push_str(&line(head.iter().map(|name| if is_number(name) { "---:".to_owned() } else { "---".to_owned() }).collect()));
    for row in rows {
        text.push_str(&line(row.iter().map(|value| cell(value)).collect()));
    }
    text
}

/// Columns of numbers are set to the right.
fn is_number(head: &str) -> bool {
    matches!(head, "files" | "lines" | "bytes" | "imported by" | "rows" | "columns" | "line" | "count" | "errors" | "warnings")
}

/// `text` as code in a sentence; a backtick in it is taken out.
pub fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace(['\n', '\r'], " "))
}

/// Lines as a quotation that stays exactly as it is, links and all.
pub fn verbatim(text: &str) -> String {
    let mut fence = "~~~".to_owned();
    while text.contains(&fence) {
        fence.push('~');
    }
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

/// Words of the user as a block quotation; HTML and link marks lose their meaning.
pub fn quoted(text: &str) -> String {
    let safe = text.trim().replace('<', "&lt;").replace('[', "\\[").replace("```", "'''").replace("~~~", "'''");
    safe.lines().map(|line| format!("> {}", line.trim_end()).trim_end().to_owned() + "\n").collect()
}

/// A label inside a Mermaid node, in quotes.
pub fn label(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "#quot;".to_owned(),
        '#' => "#35;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        '`' => "'".to_owned(),
        c if c.is_control() => " ".to_owned(),
        c => c.to_string(),
    };
    let short: String = if text.chars().count() > 60 { text.chars().take(59).chain(['…']).collect() } else { text.to_owned() };
    format!("\"{}\"", short.chars().map(escape).collect::<String>())
}

/// `1 file`, `3 files`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A list in one cell or sentence: the first `most`, and how many more there are.
pub fn some_of(items: &[String], most: usize) -> String {
    let shown = items.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > most { format!("{shown} and {} more", items.len() - most) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_break_a_table_a_fence_or_a_diagram() {
        assert_eq!(cell("a|b\nc"), "a\\|b c");
        assert!(verbatim("~~~\nx").starts_with("~~~~text\n"));
        assert_eq!(label("a\"<b>#`"), "\"a#quot;#lt;b#gt;#35;'\"");
        assert_eq!(quoted("a [x](y)\n\n<b>"), "> a \\[x](y)\n>\n> &lt;b>\n");
        assert_eq!(table(&["a"], &[], "There is none."), "There is none.\n");
    }
}
