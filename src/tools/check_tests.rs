//! check_file against planted defects and clean files.
use serde_json::{Value, json};

use super::*;
use crate::tools::testing::Bench;

/// Rules and lines found in a file, with nothing around it but `there.md` and the folder `img`.
fn found(path: &str, text: &str) -> Vec<String> {
    let around = Around {
        exists: &|path| matches!(path, "there.md" | "img" | "img/a.svg" | "docs/near.md"),
        text: &|path| (path == "there.md").then(|| "# There\n\n## A `b` & C\n\ntext\n".to_owned()),
    };
    check_around(path, text, &around).into_iter().map(|finding| format!("{}:{}", finding.line, finding.rule)).collect()
}

#[test]
fn clean_files_raise_no_alarm() {
    let markdown = "---\ntitle: x\n---\n# A\n\nSee [there](there.md#a-b--c), [up](#a), [web](https://x.y/z), ![i](img/a.svg), [mail](mailto:a@b.c).\n\n\
        ## B\n\n### C\n\n~~~python\nprint(\"```\")\n~~~\n\n> ```\n> quoted\n> ```\n\n- item\n\n  ```sh\n  ls\n  ```\n\n[ref][r] and note[^1] and a [lone] word, `x[1][2]`.\n\n\
        [r]: there.md\n[^1]: The note.\n\n## D\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## D\n\n[second](#d-1) <a id=\"spot\"></a> [spot](#spot)\n";
    let html = "<!doctype html>\n<html lang=\"en\"><head><title>x</title><meta charset=utf-8>\n<link rel=\"icon\" href=\"data:,\">\n\
        <style>body { color: red; }</style><script>const a = `${1}`; // <b>\n</script>\n<script type=\"application/json\">{\"a\": 1}</script></head>\n\
        <body id=\"top\"><img src=\"img/a.svg\" alt=\"\"><br><p>one<p>two<a href=\"#top\">up</a><a href=\"there.md?x#y\">z</a></body></html>\n";
    for (path, text) in [
        ("a.md", markdown),
        ("a.html", html),
        ("a.json", "{\"a\": {\"b\": [1, null, true, -2.5, \"x\"]}, \"b\": {}}"),
        ("a.jsonl", "{\"a\": 1}\n\n[2]\n"),
        ("a.yaml", "a: 1\n1: b\nlist:\n  - x\n  - y: z\n---\nsecond: &d {k: 1}\nuse: *d\n"),
        ("a.toml", "[a]\nb = 1\n[[c]]\nd = 2026-01-01\n"),
        ("a.csv", "a,b\n1,\"x, \"\"y\"\"\nz\"\n2,3\n"),
        ("a.csv", "\u{feff}a;b\n1,5;2\n"),
        (
            "a.py",
            "import os\n\ndef f(a: int = 1, *, b) -> str:\n    return f\"{a!r:>{b}}\"\n\nmatch 1:\n    case _:\n        print(f(1, b=2))\n",
        ),
        ("a.js", "import x from './x.js';\nexport default class A { #p = 1; get p() { return this?.#p ?? 2; } }\n"),
        ("a.tsx", "export const A = (p: { x?: number }) => <div className=\"a\">{p.x}</div>;\n"),
        ("a.ts", "type A<T> = T extends string ? 1 : 2;\nexport function f<T>(x: T): x is T & string { return true }\n"),
        ("a.rs", "fn main() { let x = |a: &str| -> usize { a.len() }; }\n"),
        ("a.css", ":root { --a: 1px; }\n@media (min-width: 10em) { a:hover > b::after { content: \"x\"; } }\n"),
        ("a.txt", "anything ``` <p> {"),
    ] {
        assert_eq!(found(path, text), Vec::<String>::new(), "{path}\n{text}");
    }
}

#[test]
fn markdown_links_and_anchors_that_lead_nowhere_are_found() {
    let text = "# A\n\n[x](gone.md)\n[y](#nowhere)\n[z](there.md#not-there)\n[out](../../secret.md)\n![i](img/none.svg)\n[]()\n[q][undefined] note[^9]\n";
    assert_eq!(
        found("a.md", text),
        [
            "3:broken-link",
            "4:missing-anchor",
            "5:missing-anchor",
            "6:broken-link",
            "7:broken-link",
            "8:broken-link",
            "9:undefined-footnote",
            "9:undefined-reference"
        ]
    );
    assert_eq!(found("docs/a.md", "[x](near.md) [y](../there.md) [z](there.md)\n"), ["1:broken-link"]);
    assert_eq!(found("a.md", "<img src=\"none.png\">\n"), ["1:broken-link"]);
}

#[test]
fn markdown_structure_is_checked() {
    assert_eq!(found("a.md", "# A\n\ntext\n\n```python\nprint(1)\n\n## B\n"), ["5:unclosed-fence"]);
    assert_eq!(found("a.md", "# A\n\ntext\n\n~~~\n```\n"), ["5:unclosed-fence"]);
    assert_eq!(found("a.md", "# A\n\ntext\n\n```"), ["5:unclosed-fence"]);
    assert_eq!(found("a.md", "# A\n\ntext\n\n#### B\n\ntext\n"), ["5:heading-jump"]);
    assert_eq!(found("a.md", "# A\n\n## B\n\n## C\n\ntext\n\n## D\n"), ["3:empty-section", "9:empty-section"]);
    assert_eq!(found("a.md", " \n"), ["1:empty-file"]);
}

#[test]
fn data_files_that_do_not_parse_are_found_on_their_line() {
    assert_eq!(found("a.json", "{\n  \"a\": 1,\n}\n"), ["3:invalid-json"]);
    assert_eq!(found("a.json", "{\"a\": 1,\n \"a\": 2}\n"), ["2:repeated-key"]);
    assert_eq!(found("a.jsonl", "{}\n{]\n"), ["2:invalid-json"]);
    assert_eq!(found("a.yaml", "a: 1\nb: [1, 2\nc: 3\n").len(), 1);
    assert_eq!(found("a.yaml", "a: 1\nb: c: d\n"), ["2:invalid-yaml"]);
    assert_eq!(found("a.toml", "a = 1\nb = \n"), ["2:invalid-toml"]);
}

#[test]
fn csv_rows_headers_and_quotes_are_checked() {
    assert_eq!(
        found("a.csv", "a,b,A,\n1,2,3,4\n1,2\n1,2,3,4,5\n"),
        ["1:empty-header", "1:repeated-header", "3:ragged-row", "4:ragged-row"]
    );
    assert_eq!(found("a.csv", "a,b\n"), ["1:no-rows"]);
    let many: String = "a,b\n".to_owned() + &"1\n".repeat(50);
    let findings = check("a.csv", &many, &|_| true);
    assert_eq!(findings.len(), ROWS_AND_SUM);
    assert!(findings[0].message.contains("50 of 50 rows"), "{findings:?}");
    assert!(found("a.csv", "a,b\n\"1,2\n3,4\n").contains(&"2:unbalanced-quotes".to_owned()));
}
const ROWS_AND_SUM: usize = 6;

#[test]
fn syntax_errors_in_code_are_found() {
    assert_eq!(found("a.py", "def f(:\n    pass\n"), ["1:syntax-error"]);
    assert_eq!(found("a.py", "x = 1\nprint \"old\"\n"), ["2:syntax-error"]);
    assert!(found("a.py", "x = (1,\n").iter().all(|found| found.ends_with("syntax-error")) && !found("a.py", "x = (1,\n").is_empty());
    assert_eq!(found("a.js", "const a = 1;\nfunction ( {\n").first().map(String::as_str), Some("2:syntax-error"));
    assert!(!found("a.ts", "let a: = 1;\n").is_empty());
    assert!(!found("a.rs", "fn main( {}\n").is_empty());
    assert!(!found("a.css", "a { color: red;\n").is_empty());
}

#[test]
fn pages_are_checked_with_their_scripts_ids_and_sources() {
    let text = "<!doctype html>\n<p id=\"a\">x</p>\n<p id='a'>y</p>\n<img src=\"none.png\"><a href=\"gone.html\">g</a>\n<a href=\"#b\">b</a>\n<script>\nlet a = ;\n</script>\n</div>\n\
        <script type=\"application/json\">{,}</script>\n";
    assert_eq!(
        found("a.html", text),
        ["3:repeated-id", "4:broken-link", "4:missing-source", "5:broken-link", "7:syntax-error", "9:syntax-error", "10:invalid-json"]
    );
}

#[test]
fn the_tool_answers_with_json() {
    let mut bench =
        Bench::new().file("a.md", "# A\n\n[b](b.md) [plan](plan.md) [charts](charts/) [c](inputs/c.csv)\n").file("plan.md", "x");
    bench = bench.file("charts/x.svg", "<svg/>").file("inputs/c.csv", [b'a', b',', 0xe9, b'\n', b'1', b',', b'2', b'\n']);
    let outcome = bench.run("check_file", json!({"path": "a.md"}));
    let value: Value = serde_json::from_str(&outcome.content).unwrap();
    assert_eq!((&value["kind"], &value["ok"]), (&json!("markdown"), &json!(false)));
    assert_eq!(
        value["problems"],
        json!([{"line": 3, "severity": "error", "rule": "broken-link", "message": "the link `b.md` leads to a file that does not exist"}])
    );
    assert_eq!(outcome.summary, "checked a.md: 1 problem");
    let csv = bench.run("check_file", json!({"path": "inputs/c.csv"}));
    assert!(csv.content.contains("\"rule\":\"encoding\""), "{}", csv.content);
    let clean = bench.file("ok.json", "{}").run("check_file", json!({"path": "ok.json"}));
    assert!(clean.content.contains("\"ok\":true"), "{}", clean.content);
}

#[test]
fn hostile_input_never_panics() {
    let nasty = [
        "\0",
        "\u{feff}",
        "[",
        "<",
        "```",
        "---\n",
        "{\"a\":",
        "😀\u{200d}",
        "[a](%",
        "[a](%e)",
        "[a](%zz#%)",
        "# \n## \n",
        "\"",
        "<a id=",
        "<a id=\"",
        "&#x;",
    ];
    for path in ["a.md", "a.json", "a.yaml", "a.toml", "a.csv", "a.html", "a.py", "a.js", "a.css", "a.rs", "a.tsx"] {
        for first in nasty {
            for second in nasty {
                found(path, &format!("{first}{second}{first}"));
            }
        }
        found(path, &"[".repeat(5_000));
        found(path, &"<a>".repeat(5_000));
        found(path, &"- ".repeat(2_000));
    }
}

proptest::proptest! {
    #[test]
    fn any_text_can_be_checked(text in "[\\[\\]()`~#<>=\"' \n\\-a-c😀%^:,{}]{0,120}") {
        for path in ["a.md", "a.json", "a.yaml", "a.toml", "a.csv", "a.html", "a.py"] {
            found(path, &text);
        }
    }
}
