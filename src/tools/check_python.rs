//! Habits in Python that hide errors or open doors, told from the syntax tree alone. Warnings, since each can be meant; runs no code and follows no name.
use tree_sitter::Node;

use crate::tools::check_code::excerpt;
use crate::tools::finding::Finding;
use crate::tools::syntax::{line, text_of, walk};

/// Warnings told of one file.
const MOST: usize = 20;
/// Parts of names whose value should not stand in the source.
const SECRETS: [&str; 5] = ["password", "passwd", "secret", "api_key", "token"];

/// What a reader should look at twice.
pub fn check(root: Node<'_>, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    walk(root, &mut |node| {
        findings.extend(habit(node, text).map(|(rule, message)| Finding::warning(line(node), rule, message)));
        findings.len() < MOST
    });
    findings
}

fn habit(node: Node<'_>, text: &str) -> Option<(&'static str, String)> {
    match node.kind() {
        "except_clause" if is_bare(node) => {
            Some(("bare-except", "`except:` also catches what should end the program; name the exception".to_owned()))
        }
        "default_parameter" | "typed_default_parameter" => {
            let value = node.child_by_field_name("value")?;
            if matches!(value.kind(), "list" | "dictionary" | "set") {
                let message = format!("the default `{}` is shared by all calls; use None and make it inside", excerpt(node, text));
                return Some(("mutable-default", message));
            }
            secret(node.child_by_field_name("name")?, value, text)
        }
        "assignment" => secret(node.child_by_field_name("left")?, node.child_by_field_name("right")?, text),
        "call" => {
            let function = text_of(node.child_by_field_name("function")?, text);
            let runs_text = matches!(function, "eval" | "exec");
            runs_text.then(|| ("dynamic-code", format!("`{function}` runs whatever text it is given; parse the text instead")))
        }
        "comparison_operator" => {
            let words = text_of(node, text);
            let loose = ["== None", "!= None"].iter().any(|loose| words.contains(loose));
            loose.then(|| ("none-comparison", "compare with None by `is` or `is not`".to_owned()))
        }
        _ => None,
    }
}

/// Only the block hangs below an `except` that names nothing.
fn is_bare(node: Node<'_>) -> bool {
    node.named_child(0).is_some_and(|first| first.kind() == "block")
}

fn secret(name: Node<'_>, value: Node<'_>, text: &str) -> Option<(&'static str, String)> {
    let name = text_of(name, text);
    let lower = name.to_lowercase();
    // Two quotes and nothing between them is a value to be filled in.
    let told = value.kind() == "string" && text_of(value, text).len() > 2 && SECRETS.iter().any(|secret| lower.ends_with(secret));
    told.then(|| ("secret-in-code", format!("the value of `{name}` stands in the source; read it from the environment")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::syntax::Language;

    fn rules(text: &str) -> Vec<(usize, &'static str)> {
        let tree = Language::Python.parse(text).unwrap();
        check(tree.root_node(), text).into_iter().map(|finding| (finding.line, finding.rule)).collect()
    }

    #[test]
    fn habits_that_hide_errors_are_found_on_their_lines() {
        let text = "def a(x=[], password=\"hunter2\"):\n    try:\n        eval(x)\n    except:\n        pass\n    if x == None:\n        api_key = 'k1'\n";
        let expected = [
            (1, "mutable-default"),
            (1, "secret-in-code"),
            (3, "dynamic-code"),
            (4, "bare-except"),
            (6, "none-comparison"),
            (7, "secret-in-code"),
        ];
        assert_eq!(rules(text), expected);
    }

    #[test]
    fn sound_code_is_left_alone() {
        let text = "def a(x=None, y=(), token=\"\"):\n    try:\n        return evaluate(x)\n    except ValueError:\n        return x is None\n    except (KeyError, OSError) as error:\n        raise\n";
        assert_eq!(rules(text), []);
    }
}
