//! A defect as the QA tester knows it. Finds nothing and writes nothing.

/// A defect with its place, ready to be reported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Defect {
    /// 0 error, 1 warning, 2 info: the order of the report.
    pub rank: u8,
    pub path: String,
    pub line: Option<usize>,
    pub rule: String,
    pub message: String,
    pub evidence: String,
}

impl Defect {
    pub fn severity(&self) -> &'static str {
        match self.rank {
            0 => "error",
            1 => "warning",
            _ => "info",
        }
    }
}
