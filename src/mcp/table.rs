//! The one table of the tools that this face offers: name, whether it only looks, what it does, what it takes. Does nothing itself.
use serde_json::{Map, Value, json};

/// One tool.
pub(super) struct Row {
    pub name: &'static str,
    pub reads: bool,
    pub about: &'static str,
    /// Name, JSON type, whether it must be given, what it means.
    inputs: &'static [(&'static str, &'static str, bool, &'static str)],
}

const GOAL: (&str, &str, bool, &str) = ("goal", "string", true, "what is to be done, in plain words");
const ATTACH: (&str, &str, bool, &str) = ("attach", "array", false, "paths of files to copy into the workspace, relative to the project");
const AGENTS: (&str, &str, bool, &str) = ("agents", "array", false, "names of the only agents to plan with");
const BUDGET: (&str, &str, bool, &str) =
    ("budget_usd", "number", false, "the most that the run may cost in US dollars; can only lower the configured limit");
const WORKSPACE: (&str, &str, bool, &str) = ("workspace", "string", true, "the workspace's folder, as another tool gave it");
const WAIT: (&str, &str, bool, &str) = (
    "wait",
    "boolean",
    false,
    "true (default): answer when the run has ended or needs a decision, with progress on the way; false: answer at once",
);

/// Every tool, in the order in which they are listed.
pub(super) const TOOLS: [Row; 7] = [
    Row {
        name: "run_goal",
        reads: false,
        about: "Start a team of agents on a goal. It makes a plan first and then needs a person's approval: show the user the plan and answer with \
                answer_approval only as the user decided. Results are files in the workspace.",
        inputs: &[GOAL, ATTACH, AGENTS, BUDGET, WAIT],
    },
    Row {
        name: "plan_goal",
        reads: false,
        about: "Make a plan for a goal and stop there. The plan is in plan.md; approve it with answer_approval, then run it with resume.",
        inputs: &[GOAL, ATTACH, AGENTS, BUDGET],
    },
    Row {
        name: "list_workspaces",
        reads: true,
        about: "Recent workspaces, newest first: status, steps done, cost, goal, folder.",
        inputs: &[("limit", "integer", false, "how many at the most (20)")],
    },
    Row {
        name: "workspace_status",
        reads: true,
        about: "The state of one workspace: its steps, artifacts, open approvals and cost. With wait it answers when the run has ended or needs a decision.",
        inputs: &[WORKSPACE, ("wait", "boolean", false, "wait for the run's end or its next question (false)")],
    },
    Row {
        name: "read_artifact",
        reads: true,
        about: "The text of one file of a workspace: an artifact, plan.md or execution-summary.md. A long one is cut; go on with offset.",
        inputs: &[
            WORKSPACE,
            ("path", "string", true, "the file's path in the workspace, like report.md"),
            ("offset", "integer", false, "the character to go on from"),
        ],
    },
    Row {
        name: "resume",
        reads: false,
        about: "Go on with a workspace that was planned, paused, parked, interrupted or failed. Finished steps are not done again.",
        inputs: &[WORKSPACE, BUDGET, WAIT],
    },
    Row {
        name: "answer_approval",
        reads: false,
        about: "Pass on what the user decided about an open approval. Never decide for the user. The hash binds the answer to what was shown.",
        inputs: &[
            WORKSPACE,
            ("id", "string", true, "the approval's id, like A1"),
            ("hash", "string", true, "its hash, from pending_approvals"),
            ("approve", "boolean", true, "what the user decided"),
            ("note", "string", false, "what the user said about it"),
        ],
    },
];

impl Row {
    /// The JSON Schema of the input.
    pub fn schema(&self) -> Map<String, Value> {
        let property = |(name, kind, _, about): &(&str, &str, bool, &str)| {
            let mut property = json!({"type": kind, "description": about});
            if *kind == "array" {
                property["items"] = json!({"type": "string"});
            }
            ((*name).to_owned(), property)
        };
        let properties: Map<String, Value> = self.inputs.iter().map(property).collect();
        let required: Vec<&str> = self.inputs.iter().filter(|input| input.2).map(|input| input.0).collect();
        let schema = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        schema.as_object().cloned().unwrap_or_default()
    }

    /// What is wrong with an input: something unknown, missing, or of another type.
    pub fn problem(&self, input: &Map<String, Value>) -> Option<String> {
        let fits = |kind: &str, value: &Value| match kind {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.as_u64().is_some(),
            "number" => value.as_f64().is_some_and(|number| number.is_finite() && number >= 0.0),
            _ => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        };
        let known = || self.inputs.iter().map(|input| input.0).collect::<Vec<_>>().join(", ");
        if let Some(unknown) = input.keys().find(|name| !self.inputs.iter().any(|known| known.0 == name.as_str())) {
            return Some(format!("`{unknown}` is unknown here; known: {}", known()));
        }
        self.inputs.iter().find_map(|(name, kind, required, _)| match input.get(*name) {
            None | Some(Value::Null) if *required => Some(format!("`{name}` is missing")),
            None | Some(Value::Null) => None,
            Some(value) if fits(kind, value) => None,
            Some(_) => Some(format!("`{name}` must be of type {kind}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(tool: &str, input: Value) -> Option<String> {
        TOOLS.iter().find(|row| row.name == tool).unwrap().problem(input.as_object().unwrap())
    }

    #[test]
    fn inputs_are_checked_by_name_and_type() {
        assert_eq!(problem("run_goal", json!({"goal": "g", "attach": ["a"], "wait": false, "budget_usd": null})), None);
        for (input, word) in [
            (json!({}), "`goal` is missing"),
            (json!({"goal": 3}), "type string"),
            (json!({"goal": "g", "attach": [1]}), "type array"),
            (json!({"goal": "g", "budget_usd": -1}), "type number"),
            (json!({"goal": "g", "approvals": "none"}), "`approvals` is unknown"),
        ] {
            assert!(problem("run_goal", input).unwrap().contains(word), "{word}");
        }
    }
}
