//! Findings of a review as data: what is wrong where, and what would mend it. Judges nothing.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::path::RelPath;

/// The tool through which reviewers report.
pub const REPORT_FINDINGS: &str = "report_findings";

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
    Info,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// One finding on an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub path: RelPath,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    pub severity: Severity,
    /// A short name that groups like with like: `broken-link`.
    pub rule: String,
    #[serde(default)]
    pub evidence: String,
    pub advice: String,
}

impl Finding {
    /// Whether its author has to hear of it: an error or a warning.
    pub fn is_grave(&self) -> bool {
        self.severity != Severity::Info
    }
}

/// The findings in the answer of [`REPORT_FINDINGS`]: `{"findings": […], …}`. `None` where that cannot be read.
pub fn reported(content: &str) -> Option<Vec<Finding>> {
    let value: Value = serde_json::from_str(content).ok()?;
    serde_json::from_value(value.get("findings")?.clone()).ok()
}

/// How many of each severity: errors, warnings, the rest. The smaller, the better.
pub fn count(findings: &[Finding]) -> (usize, usize, usize) {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    (of(Severity::Error), of(Severity::Warning), of(Severity::Info))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_and_anything_else_is_none() {
        let content = r#"{"findings":[{"path":"a.md","severity":"error","rule":"x","evidence":"e","advice":"a"}],"refused":[]}"#;
        let findings = reported(content).unwrap();
        assert_eq!((count(&findings), findings[0].is_grave()), ((1, 0, 0), true));
        assert_eq!(reported(r#"{"findings":[]}"#), Some(Vec::new()));
        for other in ["", "[]", "{}", r#"{"findings":[{"path":"../a"}]}"#] {
            assert_eq!(reported(other), None, "{other}");
        }
    }
}
