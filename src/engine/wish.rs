//! What the engine wishes for next. The driver performs each wish once and reports what happened as events.
use crate::domain::{Event, ModelRequest, Plan, Question, RelPath, RunStatus, StepId, ToolCall};

/// One wish. Wishes repeat until an event fulfils them; [`Wish::key`] tells the driver which ones are already under way.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Put a plan in force: this one of a model's, or one by rules (with the reason why no model's is used, where one was asked).
    Plan { made: Option<Box<Plan>>, reason: Option<String> },
    /// Write this event down: nothing else is needed.
    Record(Box<Event>),
    /// Ask a person.
    Ask(Box<Question>),
    /// Open the conversation of a step.
    StartStep { step: StepId, attempt: u32 },
    /// Ask the model. `note` is news that goes to the tail of the conversation with this call; `turn::request` has the whole request, which is
    /// large: it is rendered when the call leaves, not each time it is wished for. The planner's comes along.
    CallModel { step: StepId, ordinal: u32, note: Option<String>, max_output_tokens: Option<u32>, request: Option<Box<ModelRequest>> },
    /// Run a tool that is allowed. `rerun`: it was started before and its end is not known.
    RunTool { step: StepId, call: ToolCall, rerun: bool },
    /// The closing text of an agent becomes its step's output.
    /// `verbatim`: exactly this text, which stood there before; else missing footnotes are added.
    SaveText { step: StepId, path: RelPath, text: String, verbatim: bool },
    /// A reviewer's findings go back to the author `step`; `paths` are the files to be kept as they are now.
    ReturnWork { step: StepId, review: StepId, round: u32, note: String, paths: Vec<RelPath> },
    /// Let go of the run.
    Finish { status: RunStatus, reason: Option<String> },
}

/// What makes two wishes the same piece of work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WishKey {
    Plan,
    Call(StepId, u32, u32),
    Tool(StepId, u32, String),
}

impl Wish {
    /// The key of work that takes time; `None` for wishes that the driver fulfils on the spot. `attempt` is the step's.
    pub fn key(&self, attempt: u32) -> Option<WishKey> {
        match self {
            Wish::Plan { .. } => Some(WishKey::Plan),
            Wish::CallModel { step, ordinal, .. } => Some(WishKey::Call(step.clone(), attempt, *ordinal)),
            Wish::RunTool { step, call, .. } => Some(WishKey::Tool(step.clone(), attempt, call.id.clone())),
            _ => None,
        }
    }

    /// The step a wish works for.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Wish::StartStep { step, .. } | Wish::CallModel { step, .. } | Wish::RunTool { step, .. } | Wish::SaveText { step, .. } => {
                Some(step)
            }
            _ => None,
        }
    }
}
