//! Figures and texts as a person reads them in a report. Computes nothing.

/// `1,234.50`: thousands separators, no decimals for whole numbers and from a million on, three significant digits below 1.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "n/a".to_owned();
    }
    let size = value.abs();
    if size >= 1e15 || size > 0.0 && size < 1e-6 {
        return format!("{value:.2e}");
    }
    if value.fract() == 0.0 || size >= 1e6 {
        return grouped(value, 0);
    }
    let decimals = match size {
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        size if size >= 0.01 => 4,
        size if size >= 0.001 => 5,
        _ => 8,
    };
    let text = grouped(value, decimals);
    if size < 1.0 { text.trim_end_matches('0').to_owned() } else { text }
}

/// A count.
pub fn count(value: usize) -> String {
    number(f64::from(u32::try_from(value).unwrap_or(u32::MAX)))
}

/// A number with the sign that the file writes beside its numbers, if any.
pub fn amount(value: f64, unit: Option<char>) -> String {
    match unit {
        Some('%') => format!("{}%", number(value)),
        Some(sign) if value < 0.0 => format!("-{sign}{}", number(-value)),
        Some(sign) => format!("{sign}{}", number(value)),
        None => number(value),
    }
}

/// A share of one as `12.3%`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{}%", grouped(share * 100.0, 1)) } else { "n/a".to_owned() }
}

/// A change as `+12.3%`.
pub fn change(from: f64, to: f64) -> Option<String> {
    let share = (to - from) / from;
    (from > 0.0 && share.is_finite()).then(|| format!("{}{}", if share >= 0.0 { "+" } else { "" }, percent(share)))
}

fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut digits = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            digits.push(',');
        }
        digits.push(digit);
    }
    let minus = if value < 0.0 && text.chars().any(|c| matches!(c, '1'..='9')) { "-" } else { "" };
    if fraction.is_empty() { format!("{minus}{digits}") } else { format!("{minus}{digits}.{fraction}") }
}

/// Text of the data in Markdown: on one line, cut, its special characters without effect.
pub fn plain(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = if line.chars().count() > 60 { line.chars().take(59).chain(['…']).collect() } else { line };
    let mut escaped = String::new();
    let mut letters = cut.chars().peekable();
    let mut before = ' ';
    while let Some(c) = letters.next() {
        let inside_word = before.is_alphanumeric() && letters.peek().is_some_and(|next| next.is_alphanumeric());
        before = c;
        match c {
            // Inside a word an underscore is only an underscore.
            '_' if inside_word => escaped.push(c),
            '|' | '*' | '`' | '[' | ']' | '<' | '>' | '\\' | '#' | '~' | '_' => escaped.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// A column's name as code, safe in Markdown.
pub fn code(name: &str) -> String {
    format!("`{}`", name.replace('`', "'").replace('|', "/"))
}

/// `a, b and c`.
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `1 row`, `2 rows`.
pub fn counted(count_of: usize, one: &str) -> String {
    format!("{} {one}{}", count(count_of), if count_of == 1 { "" } else { "s" })
}

/// A Markdown table; columns of figures are aligned right.
pub fn table(header: &[String], rows: &[Vec<String>], figures_from: usize) -> String {
    let mut text = format!("| {} |\n|", header.join(" | "));
    for at in 0..header.len() {
        text.push_str(if at < figures_from { "---|" } else { "---:|" });
    }
    text.push('\n');
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (1234.0, "1,234"),
            (1234.5, "1,234.50"),
            (-1_234_567.8, "-1,234,568"),
            (0.05, "0.05"),
            (0.12345, "0.123"),
            (-0.004, "-0.004"),
            (f64::NAN, "n/a"),
            (1e18, "1.00e18"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!((amount(-5.0, Some('$')).as_str(), amount(5.5, Some('%')).as_str()), ("-$5", "5.50%"));
        assert_eq!(
            (change(100.0, 112.34).as_deref(), change(0.0, 5.0), change(50.0, 25.0).as_deref()),
            (Some("+12.3%"), None, Some("-50.0%"))
        );
    }

    #[test]
    fn texts_cannot_break_the_report() {
        assert_eq!(plain("a|b\n<script>*x*"), "a\\|b \\<script\\>\\*x\\*");
        assert_eq!(plain("unit_price _x_"), "unit_price \\_x\\_");
        assert_eq!(plain(&"x".repeat(100)).chars().count(), 60);
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
