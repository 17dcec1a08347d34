//! Filling templates: `@@NAME@@` marks, and values as literals of the language they go into. Knows no template.
use serde_json::Value;

use crate::llm::offline::markdown;

/// Replaces each mark once through; what is put in is not searched again.
pub fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("@@") {
        text.push_str(before);
        let known = after.split_once("@@").and_then(|(name, after)| Some((values.iter().find(|(known, _)| *known == name)?, after)));
        rest = match known {
            Some(((_, value), after)) => {
                text.push_str(value);
                after
            }
            None => {
                text.push_str("@@");
                after
            }
        };
    }
    text + rest
}

/// A string literal of Python and JavaScript: what JSON writes, with the separators that end a line in old JavaScript escaped.
pub fn literal(text: &str) -> String {
    Value::from(text).to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029").replace('\u{7f}', "\\u007f")
}

/// A list of string literals.
pub fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", texts.map(literal).collect::<Vec<_>>().join(", "))
}

/// JSON that can stand in a script element.
pub fn json_in_html(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// One line for a comment or docstring: no quote, backslash or control character that could end it.
pub fn plain_line(text: &str) -> String {
    let line = markdown::title(text);
    let safe: String = line
        .chars()
        .filter(|c| !c.is_control() && !is_direction(*c))
        .map(|c| if matches!(c, '"' | '\\' | '`') { '\'' } else { c })
        .collect();
    safe.replace("*/", "* /").replace("--", "—").trim().to_owned()
}

/// A path as part of a comment, as it is written but for what could end the comment.
pub fn plain_path(path: &str) -> String {
    let line = plain_line(&format!("/{path}"));
    line.strip_prefix('/').unwrap_or(&line).to_owned()
}

/// Direction marks can make code read as what it is not.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Text of an HTML element.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_filled_once_and_values_are_left_alone() {
        let text = fill("a @@X@@ b @@Y@@ @@Z@@", &[("X", "@@Y@@".into()), ("Y", "2".into())]);
        assert_eq!(text, "a @@Y@@ b 2 @@Z@@");
    }

    #[test]
    fn nothing_in_a_goal_ends_a_comment_or_a_string() {
        assert_eq!(plain_line("a \"\"\" */ -- \\ \u{202e}b\nc"), "A ''' * / — ' b");
        assert_eq!(literal("a\"\n\\"), r#""a\"\n\\""#);
        assert!(!json_in_html(&Value::from("</script>")).contains('<'));
    }
}
