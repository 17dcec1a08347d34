//! A plan as a person reads it in a terminal: a table where there is room, else a list. Prints nothing and decides nothing.
use crate::domain::view::StepView;
use crate::domain::{Plan, RunState};

use super::style::{self, Paint};

/// Below this width the table would cut too much: a list is shown.
const TABLE_WIDTH: usize = 70;
/// The widest a title column becomes.
const MAX_TITLE: usize = 60;

/// One step, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    id: String,
    agent: String,
    title: String,
    needs: String,
    output: String,
    /// `asks for its result`, `skipped`.
    remark: String,
}

/// A plan ready to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanText {
    title: String,
    rows: Vec<Row>,
    /// `s2: project, web`.
    uses: Vec<String>,
}

impl From<&Plan> for PlanText {
    fn from(plan: &Plan) -> Self {
        let row = |step: &crate::domain::Step| {
            let remarks = [(step.skip, "skipped"), (step.approve, "its result is asked about")];
            Row {
                id: style::one_line(step.id.as_str()),
                agent: style::one_line(&step.agent),
                title: style::one_line(&step.title),
                needs: step.needs.iter().map(|need| need.as_str()).collect::<Vec<_>>().join(" "),
                output: style::one_line(step.output.as_str()),
                remark: remarks.into_iter().filter(|(given, _)| *given).map(|(_, text)| text).collect::<Vec<_>>().join(", "),
            }
        };
        let uses = plan.steps.iter().filter(|step| !step.uses.is_empty() && !step.skip);
        PlanText {
            title: style::one_line(&plan.title),
            rows: plan.steps.iter().map(row).collect(),
            uses: uses.map(|step| style::one_line(&format!("{}: {}", step.id, step.uses.join(", ")))).collect(),
        }
    }
}

impl From<&RunState> for PlanText {
    /// What the state tells of a plan whose text was not seen.
    fn from(state: &RunState) -> Self {
        let row = |step: &StepView| Row {
            id: step.id.to_string(),
            agent: style::one_line(&step.agent),
            title: style::one_line(&step.title),
            needs: step.depends_on.iter().map(|need| need.as_str()).collect::<Vec<_>>().join(" "),
            output: step.output_file.as_ref().map(ToString::to_string).unwrap_or_default(),
            remark: String::new(),
        };
        PlanText { title: style::one_line(&state.goal), rows: state.steps.iter().map(row).collect(), uses: Vec::new() }
    }
}

impl PlanText {
    /// The lines to show, each at most `width` columns.
    pub fn lines(&self, width: usize, paint: Paint) -> Vec<String> {
        let mut lines = vec![paint.bold(&style::cut(&format!("Plan: {}", self.title), width))];
        if width >= TABLE_WIDTH {
            self.table(width, paint, &mut lines)
        } else {
            self.list(width, paint, &mut lines)
        }
        if !self.uses.is_empty() {
            let text = format!("Reaches beyond the workspace: {}", self.uses.join("; "));
            lines.extend(style::wrap(&text, width).iter().map(|line| paint.yellow(line)));
        }
        lines
    }

    fn table(&self, width: usize, paint: Paint, lines: &mut Vec<String>) {
        let widest = |column: fn(&Row) -> &str, heading: &str| {
            self.rows.iter().map(|row| style::width(column(row))).chain([style::width(heading)]).max().unwrap_or(0)
        };
        let id = widest(|row| &row.id, "step").min(12);
        let agent = widest(|row| &row.agent, "agent").min(16);
        let needs = widest(|row| &row.needs, "needs").min(12);
        let output = widest(|row| &row.output, "output").min(30);
        let room = width.saturating_sub(id + agent + needs + output + 10);
        let title = widest(|row| &row.title, "title").min(room).min(MAX_TITLE);
        let line = |cells: [&str; 5]| {
            let [a, b, c, d, e] = cells;
            let fixed = [style::fit(a, id), style::fit(b, agent), style::fit(c, title), style::fit(d, needs), style::cut(e, output)];
            format!("  {}", fixed.join("  ")).trim_end().to_owned()
        };
        lines.push(paint.dim(&line(["step", "agent", "title", "needs", "output"])));
        for row in &self.rows {
            lines.push(line([&row.id, &row.agent, &row.title, &row.needs, &row.output]));
            if !row.remark.is_empty() {
                lines.push(paint.yellow(&style::cut(&format!("  {}  {}", " ".repeat(id), row.remark), width)));
            }
        }
    }

    fn list(&self, width: usize, paint: Paint, lines: &mut Vec<String>) {
        for row in &self.rows {
            lines.push(style::cut(&format!("  {} {}: {}", row.id, row.agent, row.title), width));
            let needs = if row.needs.is_empty() { String::new() } else { format!(" (needs {})", row.needs) };
            lines.push(paint.dim(&style::cut(&format!("     → {}{needs}", row.output), width)));
            if !row.remark.is_empty() {
                lines.push(paint.yellow(&style::cut(&format!("     {}", row.remark), width)));
            }
        }
    }
}

#[cfg(test)]
#[path = "plan_text_tests.rs"]
mod tests;
