//! Findings of a review as data: taken only when their file, place and evidence are real. Judges no finding's worth.
use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::finding::REPORT_FINDINGS as NAME;
use crate::domain::{Finding, Flaw, Severity, ToolOutcome};
use crate::tools::check::claims_facts;
use crate::tools::described::{Described, Input, Worked, plural};
use crate::tools::text::decode;
use crate::tools::tool::{MAX_RESULT_BYTES, Tool, ToolContext};
use crate::workspace::jail::{Jail, Refusal};

/// The largest artifact whose claims are compared, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Findings about claims that are added at the most.
const MOST_CLAIMS: usize = 40;
/// The longest text in a finding, in characters.
const LONGEST: usize = 500;

/// The tools of this file.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![REPORT_FINDINGS.tool()]
}

const REPORT_FINDINGS: Described = Described {
    name: NAME,
    description: "Report the findings of a review as data. Each is checked: the file must exist and the evidence must stand in it word for word, \
        unless the rule says that something is missing, absent or empty. Claims that their sources do not bear out are added. Answers {findings, refused}. An empty list says that nothing was found.",
    inputs: &[(
        "findings",
        r#"{"type": "array", "items": {"type": "object", "properties": {"path": {"type": "string"}, "line": {"type": "integer"},
            "severity": {"type": "string", "enum": ["error", "warning", "info"]}, "rule": {"type": "string"}, "evidence": {"type": "string"},
            "advice": {"type": "string"}}, "required": ["path", "severity", "rule", "evidence", "advice"], "additionalProperties": false}}"#,
        true,
        "path, line if there is one, severity, a short rule name like broken-link, the words in the file that show it, what to do",
    )],
    read_only: true,
    work: report_findings,
};

fn report_findings(input: &Input<'_>, context: &ToolContext) -> Worked {
    let Some(given) = input.get("findings").and_then(Value::as_array) else {
        return Err(input.refuse("findings", "a list of {path, line, severity, rule, evidence, advice}"));
    };
    let (mut taken, mut refused, mut room) = (Vec::new(), Vec::new(), MAX_RESULT_BYTES - 4096);
    for (index, value) in given.iter().enumerate() {
        let checked = match check(value, context)? {
            Ok(finding) => {
                let cost = json!(finding).to_string().len() + 1;
                if cost <= room { Ok((finding, cost)) } else { Err("there are too many findings; report the weightiest first".to_owned()) }
            }
            Err(reason) => Err(reason),
        };
        match checked {
            Ok((finding, cost)) => {
                room -= cost;
                taken.push(finding);
            }
            Err(reason) if refused.len() < 20 => {
                refused.push(json!({"index": index, "reason": reason.chars().take(160).collect::<String>()}))
            }
            Err(_) => {}
        }
    }
    let all_refused = taken.is_empty() && !given.is_empty();
    let claims = claims(context, &taken)?;
    let added = claims.len();
    for finding in claims {
        let cost = json!(finding).to_string().len() + 1;
        if cost <= room {
            room -= cost;
            taken.push(finding);
        }
    }
    let summary = format!("reported {}", plural(taken.len(), "finding"));
    let summary = if added > 0 { format!("{summary}, {added} of them claims without a source") } else { summary };
    let content = json!({"findings": taken, "refused": refused}).to_string();
    let all_refused = all_refused && taken.is_empty();
    Ok(ToolOutcome { ok: !all_refused, ..ToolOutcome::ok(content, summary) })
}

/// What comparing the artifacts with the run's evidence found, where the reviewer did not report it already.
fn claims(context: &ToolContext, taken: &[Finding]) -> Result<Vec<Finding>, ToolOutcome> {
    let mut found = Vec::new();
    for (path, bytes) in context.workspace.files()? {
        if path.folded().starts_with("inputs/") || bytes > LARGEST || !claims_facts(path.as_str()) {
            continue;
        }
        let text = match context.workspace.read(&path) {
            Ok(bytes) => decode(bytes).map(|decoded| decoded.text).unwrap_or_default(),
            Err(Refusal::NotAllowed(_)) => continue,
            Err(refusal) => return Err(refusal.into()),
        };
        let flaws = (context.evidence.compare)(&text).into_iter().filter(|flaw| flaw.level != Severity::Info);
        let reported = |flaw: Flaw| Finding {
            path: path.clone(),
            line: Some(flaw.line),
            severity: flaw.level,
            rule: flaw.rule.to_owned(),
            evidence: flaw.evidence.chars().take(LONGEST).collect(),
            advice: format!("{}: {}", flaw.message, flaw.advice).chars().take(LONGEST).collect(),
        };
        let is_new = |finding: &Finding| {
            !taken.iter().any(|known| (&known.path, known.line, &known.rule) == (&finding.path, finding.line, &finding.rule))
        };
        found.extend(flaws.map(reported).filter(is_new));
    }
    found.truncate(MOST_CLAIMS);
    Ok(found)
}

/// The finding, or why it is not taken; the outer error is a failing disk.
fn check(value: &Value, context: &ToolContext) -> Result<Result<Finding, String>, ToolOutcome> {
    let mut finding: Finding = match serde_json::from_value(value.clone()) {
        Ok(finding) => finding,
        Err(error) => return Ok(Err(format!("expected path, severity (error, warning or info), rule, evidence and advice: {error}"))),
    };
    for (name, text) in [("rule", &mut finding.rule), ("evidence", &mut finding.evidence), ("advice", &mut finding.advice)] {
        if text.trim().is_empty() {
            return Ok(Err(format!("`{name}` is empty")));
        }
        *text = text.trim().chars().take(LONGEST).collect();
    }
    let about_absence = ["missing", "absent", "empty"].iter().any(|word| finding.rule.to_lowercase().contains(word));
    let bytes = match Jail::path(finding.path.as_str()).and_then(|path| context.workspace.read(&path)) {
        Ok(bytes) => bytes,
        Err(Refusal::NotAllowed(reason)) if about_absence && reason.ends_with("does not exist") => return Ok(Ok(finding)),
        Err(Refusal::NotAllowed(reason)) => return Ok(Err(reason)),
        Err(refusal) => return Err(refusal.into()),
    };
    let text = decode(bytes).map(|decoded| decoded.text).unwrap_or_default();
    let lines = text.lines().count().max(1);
    if finding.line.is_some_and(|line| line == 0 || line > lines) {
        return Ok(Err(format!("`{}` has {}", finding.path, plural(lines, "line"))));
    }
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !about_absence && !folded(&text).contains(&folded(&finding.evidence)) {
        return Ok(Err(format!("the evidence does not stand in `{}`; quote the file word for word", finding.path)));
    }
    Ok(Ok(finding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Bench;

    fn finding(path: &str, rule: &str, evidence: &str) -> Value {
        json!({"path": path, "line": 1, "severity": "error", "rule": rule, "evidence": evidence, "advice": "mend it"})
    }

    #[test]
    fn findings_are_kept_only_when_their_evidence_is_real() {
        let mut bench = Bench::new().file("a.md", "one  two\nthree\n");
        let mut far = finding("a.md", "x", "three");
        far["line"] = json!(9);
        let given = json!({"findings": [
            finding("a.md", "x", "one two"), finding("a.md", "x", "four"), finding("b.md", "x", "one"), finding("b.md", "file-missing", "named in a.md"),
            finding("../a.md", "x", "one"), {"path": "a.md"}, far, finding("a.md", "x", " ")
        ]});
        let outcome = bench.run("report_findings", given);
        let value: Value = serde_json::from_str(&outcome.content).unwrap();
        let taken: Vec<Finding> = serde_json::from_value(value["findings"].clone()).unwrap();
        assert_eq!(taken.iter().map(|finding| finding.path.as_str()).collect::<Vec<_>>(), ["a.md", "b.md"]);
        let refused: Vec<u64> = value["refused"].as_array().unwrap().iter().map(|refused| refused["index"].as_u64().unwrap()).collect();
        assert_eq!(refused, [1, 2, 4, 5, 6, 7]);
        assert_eq!(outcome.summary, "reported 2 findings");
    }

    #[test]
    fn nothing_found_is_an_answer_and_everything_refused_is_not() {
        let mut bench = Bench::new();
        assert_eq!(bench.run("report_findings", json!({"findings": []})).content, r#"{"findings":[],"refused":[]}"#);
        assert!(!bench.run("report_findings", json!({"findings": [finding("b.md", "x", "y")]})).ok);
        assert!(bench.run("report_findings", json!({"findings": "none"})).content.contains("must be a list"));
    }

    #[test]
    fn many_long_findings_stay_within_the_cap() {
        let mut bench = Bench::new().file("a.md", "word ".repeat(200));
        let many: Vec<Value> = (0..300).map(|_| finding("a.md", "x", &"word ".repeat(90))).collect();
        let outcome = bench.run("report_findings", json!({"findings": many}));
        assert!(outcome.ok && outcome.content.len() <= MAX_RESULT_BYTES && outcome.content.contains("too many findings"));
    }
}
