//! Which open question is put to the person, and the editor they change a plan with. The words of a question live in `prompt`.
use std::collections::BTreeSet;

use crate::domain::view::PendingApproval;
use crate::domain::{QuestionId, RunState, RunStatus, StepStatus};
use crate::sys::{Environment, process};

use super::prompt::Prompt;
use super::terminal::LineReader;

/// The person at the terminal: what they are being asked, and what they want to decide later.
pub struct Asker {
    pub reader: LineReader,
    pub open: Option<(QuestionId, Prompt)>,
    pub deferred: BTreeSet<QuestionId>,
    /// Standard input has ended: nothing more can be asked.
    pub at_end: bool,
    /// The line being read was asked for by a question that is no longer open: it must decide nothing.
    pub void_line: bool,
}

/// What to do about the open questions now.
#[derive(Debug, Clone, PartialEq)]
pub enum Attention {
    /// The question shown stays.
    Keep,
    /// The question shown was decided elsewhere or reads differently now.
    Withdraw,
    Show(Box<PendingApproval>),
    /// Nothing is asked.
    Idle,
    /// Nothing can go on before the person decides what they put off.
    Blocked,
}

impl Asker {
    pub fn start() -> Self {
        Asker { reader: LineReader::start(), open: None, deferred: BTreeSet::new(), at_end: false, void_line: false }
    }

    pub fn attention(&self, state: &RunState) -> Attention {
        let open = self.open.as_ref().map(|(id, prompt)| (id, prompt.hash.as_str()));
        attention(state, open, |id| self.at_end || self.deferred.contains(id))
    }

    /// Takes the question away; a line that is being read for it will be dropped.
    pub fn withdraw(&mut self) {
        self.open = None;
        self.void_line = self.reader.is_reading();
    }
}

fn attention(state: &RunState, open: Option<(&QuestionId, &str)>, put_off: impl Fn(&QuestionId) -> bool) -> Attention {
    if let Some((id, hash)) = open {
        let same = state.pending_approvals.iter().any(|pending| &pending.id == id && pending.hash == hash);
        return if same { Attention::Keep } else { Attention::Withdraw };
    }
    match state.pending_approvals.iter().find(|pending| !put_off(&pending.id)) {
        Some(pending) => Attention::Show(Box::new(pending.clone())),
        None if state.pending_approvals.is_empty() || is_busy(state) => Attention::Idle,
        None => Attention::Blocked,
    }
}

/// Whether something still happens without the person.
fn is_busy(state: &RunState) -> bool {
    state.status == RunStatus::Planning || state.status.is_end() || state.steps.iter().any(|step| step.status == StepStatus::Running)
}

/// The person's editor as a program with its arguments.
pub fn editor(environment: &Environment) -> Vec<String> {
    let wanted = environment.get("VISUAL").or_else(|| environment.get("EDITOR")).map(process::words).unwrap_or_default();
    let fallback = if cfg!(windows) { "notepad" } else { "vi" };
    if wanted.is_empty() { vec![fallback.into()] } else { wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    fn state(pending: &[(&str, &str)], running: bool) -> RunState {
        let mut state = samples::state();
        state.status = RunStatus::WaitingApproval;
        state.steps.iter_mut().for_each(|step| step.status = if running { StepStatus::Running } else { StepStatus::Pending });
        state.pending_approvals = pending.iter().map(|(id, hash)| samples::pending(id, hash)).collect();
        state
    }

    fn of(state: &RunState, open: Option<(&str, &str)>, put_off: &[&str]) -> Attention {
        let open = open.map(|(id, hash)| (QuestionId(id.into()), hash));
        attention(state, open.as_ref().map(|(id, hash)| (id, *hash)), |id| put_off.contains(&id.0.as_str()))
    }

    #[test]
    fn questions_are_put_one_after_the_other() {
        let two = state(&[("A1", "aa"), ("A2", "bb")], false);
        assert_eq!(of(&two, None, &[]), Attention::Show(Box::new(samples::pending("A1", "aa"))));
        assert_eq!(of(&two, Some(("A1", "aa")), &[]), Attention::Keep);
        assert_eq!(of(&two, None, &["A1"]), Attention::Show(Box::new(samples::pending("A2", "bb"))));
    }

    #[test]
    fn a_question_decided_elsewhere_or_changed_is_withdrawn() {
        let one = state(&[("A2", "bb")], false);
        assert_eq!(of(&one, Some(("A1", "aa")), &[]), Attention::Withdraw);
        assert_eq!(of(&one, Some(("A2", "older")), &[]), Attention::Withdraw);
    }

    #[test]
    fn a_question_put_off_blocks_only_when_nothing_else_goes_on() {
        assert_eq!(of(&state(&[("A1", "aa")], true), None, &["A1"]), Attention::Idle);
        assert_eq!(of(&state(&[("A1", "aa")], false), None, &["A1"]), Attention::Blocked);
        assert_eq!(of(&state(&[], false), None, &[]), Attention::Idle);
    }

    #[test]
    fn visual_comes_before_editor() {
        let with = |variables: &[(&str, &str)]| {
            editor(&Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), "/"))
        };
        assert_eq!(with(&[("EDITOR", "nano"), ("VISUAL", "code --wait")]), ["code", "--wait"]);
        assert_eq!(with(&[("EDITOR", "nano")]), ["nano"]);
        assert_eq!(with(&[("EDITOR", "  ")]).len(), 1);
    }
}
