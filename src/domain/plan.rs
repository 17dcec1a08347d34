//! A plan: steps with needs and outputs, and every rule about it. Problems name a step and a field; `documents` finds their place in a text.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::path::RelPath;

/// The id of a step: `s1`, `s2`, or any short word the user gave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StepId(pub String);

impl StepId {
    /// `s1` for 1.
    pub fn numbered(number: usize) -> Self {
        StepId(format!("s{number}"))
    }

    /// Whether `text` can be a step id: a letter, then up to 30 letters, digits, `_` or `-`.
    pub fn is_valid(text: &str) -> bool {
        text.len() <= 31
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    pub id: StepId,
    pub agent: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instructions: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<StepId>,
    pub output: RelPath,
    /// The result waits for a person's approval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approve: bool,
    /// What the step reaches beyond the workspace: `project`, `web`, `mcp:NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<String>,
    /// Marked `[-]`: not to be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip: bool,
}

/// A titled list of steps that form a directed acyclic graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    pub title: String,
    pub steps: Vec<Step>,
}

/// The part of a step that a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Id,
    Agent,
    Title,
    Needs,
    Output,
    Uses,
}

/// Something that keeps a plan from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanProblem {
    /// Index into `Plan::steps`; `None` for the plan as a whole.
    pub step: Option<usize>,
    pub field: Option<Field>,
    /// The word the problem is about, where there is one (`s9`, `coder2`).
    pub word: Option<String>,
    pub message: String,
    /// A replacement for `word` that would mend it.
    pub suggestion: Option<String>,
}

/// What a plan is checked against.
#[derive(Debug, Clone, Default)]
pub struct PlanRules {
    pub agents: Vec<String>,
    /// With the dot, lower case: `.md`.
    pub allowed_extensions: Vec<String>,
    pub max_steps: usize,
}

/// The names of our own files in a workspace, which no step may own (compared folded).
pub const OWN_FILES: [&str; 8] = [
    "context-main.md",
    "workflow-history.json",
    "workflow-state.json",
    "workspace-info.json",
    "execution-summary.md",
    "plan.md",
    "approvals.md",
    "evidence.json",
];
/// The folders of ours in a workspace.
pub const OWN_FOLDERS: [&str; 4] = ["agent_outputs", "inputs", ".orchestrator", super::evidence::FOLDER];

/// Whether a path inside a workspace is ours, so that no agent may write it.
pub fn is_own(path: &RelPath) -> bool {
    let folded = path.folded();
    let first = folded.split('/').next().unwrap_or_default();
    OWN_FILES.contains(&folded.as_str()) || OWN_FILES.contains(&first) || OWN_FOLDERS.contains(&first)
}

impl Plan {
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| &step.id == id)
    }

    /// Every rule about a plan; an empty list means that it can start.
    pub fn problems(&self, rules: &PlanRules) -> Vec<PlanProblem> {
        let mut problems = Vec::new();
        if self.steps.is_empty() {
            problems.push(whole("the plan has no steps"));
        }
        if rules.max_steps > 0 && self.steps.len() > rules.max_steps {
            problems.push(whole(&format!("the plan has {} steps, more than planner.max_steps ({})", self.steps.len(), rules.max_steps)));
        }
        if !self.steps.is_empty() && self.steps.iter().all(|step| step.skip) {
            problems.push(whole("every step is skipped"));
        }
        self.check_ids(&mut problems);
        self.check_agents(rules, &mut problems);
        self.check_needs(&mut problems);
        self.check_outputs(rules, &mut problems);
        self.check_uses(&mut problems);
        self.check_cycles(&mut problems);
        problems
    }

    fn check_ids(&self, problems: &mut Vec<PlanProblem>) {
        let mut seen = BTreeSet::new();
        for (index, step) in self.steps.iter().enumerate() {
            if !StepId::is_valid(step.id.as_str()) {
                problems.push(at(index, Field::Id, step.id.as_str(), "a step id is a letter followed by letters, digits, `_` or `-`"));
            }
            if !seen.insert(&step.id) {
                let free = (1..).map(StepId::numbered).find(|id| self.step(id).is_none()).map(|id| id.0);
                problems.push(PlanProblem {
                    suggestion: free,
                    ..at(index, Field::Id, step.id.as_str(), &format!("the id `{}` is used twice", step.id))
                });
            }
            if step.title.trim().is_empty() {
                problems.push(at(index, Field::Title, "", "the step has no title"));
            }
        }
    }

    fn check_agents(&self, rules: &PlanRules, problems: &mut Vec<PlanProblem>) {
        for (index, step) in self.steps.iter().enumerate() {
            if rules.agents.contains(&step.agent) {
                continue;
            }
            let nearest = nearest(&step.agent, rules.agents.iter().map(String::as_str));
            let known = rules.agents.join(", ");
            let message = format!("unknown agent `{}`; known: {known}", step.agent);
            problems.push(PlanProblem { suggestion: nearest, ..at(index, Field::Agent, &step.agent, &message) });
        }
    }

    fn check_needs(&self, problems: &mut Vec<PlanProblem>) {
        for (index, step) in self.steps.iter().enumerate() {
            for need in &step.needs {
                if need == &step.id {
                    problems.push(at(index, Field::Needs, need.as_str(), &format!("`{need}` needs itself")));
                } else if self.step(need).is_none() {
                    let nearest =
                        nearest(need.as_str(), self.steps.iter().filter(|other| other.id != step.id).map(|other| other.id.as_str()));
                    let message = format!("there is no step `{need}`");
                    problems.push(PlanProblem { suggestion: nearest, ..at(index, Field::Needs, need.as_str(), &message) });
                }
            }
        }
    }

    fn check_outputs(&self, rules: &PlanRules, problems: &mut Vec<PlanProblem>) {
        let mut owners: BTreeMap<String, &StepId> = BTreeMap::new();
        for (index, step) in self.steps.iter().enumerate() {
            let path = step.output.as_str();
            if is_own(&step.output) {
                problems.push(at(index, Field::Output, path, &format!("`{path}` is a file of the orchestrator itself")));
            } else if !extension_allowed(&step.output, &rules.allowed_extensions) {
                let message = format!("`{path}`: the extension is not in security.allowed_file_extensions");
                problems.push(at(index, Field::Output, path, &message));
            }
            if let Some(owner) = owners.insert(step.output.folded(), &step.id) {
                problems.push(at(index, Field::Output, path, &format!("`{path}` is already the output of {owner}")));
            }
        }
    }

    fn check_uses(&self, problems: &mut Vec<PlanProblem>) {
        for (index, step) in self.steps.iter().enumerate() {
            for word in &step.uses {
                if word != "project" && word != "web" && word.strip_prefix("mcp:").is_none_or(str::is_empty) {
                    let nearest = nearest(word, ["project", "web"].into_iter());
                    let message = format!("`{word}` is not something a step can use; known: project, web, mcp:NAME");
                    problems.push(PlanProblem { suggestion: nearest, ..at(index, Field::Uses, word, &message) });
                }
            }
        }
    }

    fn check_cycles(&self, problems: &mut Vec<PlanProblem>) {
        let order = self.topological_order();
        if order.len() == self.steps.len() {
            return;
        }
        let stuck: Vec<usize> = (0..self.steps.len()).filter(|index| !order.contains(index)).collect();
        for index in stuck.iter().copied() {
            let step = &self.steps[index];
            let word = step.needs.iter().find(|need| stuck.iter().any(|other| &self.steps[*other].id == *need));
            if let Some(word) = word {
                problems.push(at(index, Field::Needs, word.as_str(), &format!("`{}` and `{word}` wait for each other (a cycle)", step.id)));
            }
        }
    }

    /// Indices of the steps, each after those it needs; steps in a cycle are left out. Unknown needs count as met.
    pub fn topological_order(&self) -> Vec<usize> {
        let known: BTreeSet<&StepId> = self.steps.iter().map(|step| &step.id).collect();
        let mut done: BTreeSet<&StepId> = BTreeSet::new();
        let mut order = Vec::new();
        loop {
            let ready = (0..self.steps.len()).find(|index| {
                !order.contains(index) && self.steps[*index].needs.iter().all(|need| done.contains(need) || !known.contains(need))
            });
            match ready {
                None => return order,
                Some(index) => {
                    done.insert(&self.steps[index].id);
                    order.push(index);
                }
            }
        }
    }

    /// Whether `step` needs `other`, directly or through others.
    pub fn depends_on(&self, step: &StepId, other: &StepId) -> bool {
        let mut open = vec![step];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            for need in self.step(id).map(|step| step.needs.as_slice()).unwrap_or_default() {
                if need == other {
                    return true;
                }
                if seen.insert(need) {
                    open.push(need);
                }
            }
        }
        false
    }
}

/// Whether the extension of `path` is in the list (with dots, lower case). Every extension of a double one must be harmless to dodge nothing.
pub fn extension_allowed(path: &RelPath, allowed: &[String]) -> bool {
    path.extension().is_some_and(|extension| allowed.contains(&super::path::fold(&extension)))
}

/// The known word closest to `word`, if it is close enough to be a slip.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

fn whole(message: &str) -> PlanProblem {
    PlanProblem { step: None, field: None, word: None, message: message.to_owned(), suggestion: None }
}

fn at(step: usize, field: Field, word: &str, message: &str) -> PlanProblem {
    let word = (!word.is_empty()).then(|| word.to_owned());
    PlanProblem { step: Some(step), field: Some(field), word, message: message.to_owned(), suggestion: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, needs: &[&str], output: &str) -> Step {
        Step {
            id: StepId(id.into()),
            agent: "coder".into(),
            title: "Work".into(),
            instructions: String::new(),
            needs: needs.iter().map(|need| StepId((*need).into())).collect(),
            output: RelPath::new(output).unwrap(),
            approve: false,
            uses: vec![],
            skip: false,
        }
    }

    fn problems(steps: Vec<Step>) -> Vec<String> {
        let rules = PlanRules {
            agents: vec!["coder".into(), "writer".into()],
            allowed_extensions: vec![".md".into(), ".py".into()],
            max_steps: 12,
        };
        Plan { title: "T".into(), steps }.problems(&rules).into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn a_sound_plan_has_no_problems() {
        assert_eq!(problems(vec![step("s1", &[], "a.md"), step("s2", &["s1"], "b.py")]), Vec::<String>::new());
    }

    #[test]
    fn every_rule_is_reported_at_once() {
        let mut unknown = step("s1", &["s9", "s1"], "plan.md");
        unknown.agent = "codr".into();
        unknown.uses = vec!["internet".into()];
        let found = problems(vec![unknown, step("s1", &[], "x.exe")]).join("\n");
        for part in [
            "used twice",
            "unknown agent `codr`",
            "no step `s9`",
            "needs itself",
            "orchestrator itself",
            "allowed_file_extensions",
            "`internet`",
        ] {
            assert!(found.contains(part), "{part} is missing in:\n{found}");
        }
    }

    #[test]
    fn cycles_and_shared_outputs_are_found() {
        let found = problems(vec![step("s1", &["s2"], "a.md"), step("s2", &["s1"], "A.MD")]).join("\n");
        assert!(found.contains("wait for each other"), "{found}");
        assert!(found.contains("already the output of s1"), "{found}");
    }

    #[test]
    fn slips_get_a_suggestion() {
        assert_eq!(nearest("wrter", ["coder", "writer"].into_iter()), Some("writer".into()));
        assert_eq!(nearest("banana", ["coder", "writer"].into_iter()), None);
    }
}
