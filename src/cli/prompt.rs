//! A question to the person at the terminal as a state machine: lines in, a decision out. Reads nothing, prints nothing; silence decides nothing.
use crate::domain::view::PendingApproval;
use crate::domain::{Decision, Question, Scope, Subject};

use super::style::{self, Paint};

/// Which choices a question has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// May also be edited.
    Plan,
    /// May also be allowed for the run or for good.
    Access,
    /// A step's result, which may be edited as well.
    Result,
    /// Approve or reject.
    Plain,
}

/// What came of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Decided(Decision),
    /// Open the plan in an editor.
    Edit,
    /// Leave the question open.
    Later,
    /// Ask again; the text says why.
    Again(String),
    /// Go on to the next line of the same answer.
    More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    ForChoice,
    ForReason,
}

/// One open question and what was said about it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub kind: Kind,
    /// The hash of what is shown; the answer is bound to it.
    pub hash: String,
    waiting: Waiting,
}

/// The kind of an open question; without its record only the plan's is known.
pub fn kind_of(pending: &PendingApproval, asked: Option<&Question>) -> Kind {
    match asked.map(|question| &question.subject) {
        Some(Subject::Plan) => Kind::Plan,
        Some(Subject::Tool { .. } | Subject::ReadProject { .. }) => Kind::Access,
        Some(Subject::StepResult) => Kind::Result,
        Some(_) => Kind::Plain,
        None if pending.step.is_none() && pending.what == "plan" => Kind::Plan,
        None => Kind::Plain,
    }
}

impl Prompt {
    pub fn new(kind: Kind, hash: impl Into<String>) -> Self {
        Prompt { kind, hash: hash.into(), waiting: Waiting::ForChoice }
    }

    /// The line to show before reading, without a line break.
    pub fn ask(&self, paint: Paint) -> String {
        let key = |before: &str, letter: &str, after: &str| format!("{before}[{}]{after}", paint.bold(letter));
        let choices = match (self.waiting, self.kind) {
            (Waiting::ForReason, _) => return "why? (one line for the agents, `-` for none) ".into(),
            (_, Kind::Plan) => {
                vec![key("", "a", "pprove"), key("", "e", "dit"), key("", "r", "eject"), key("", "q", "uit and decide later")]
            }
            (_, Kind::Access) => vec![
                key("", "a", "pprove once"),
                key("for this r", "u", "n"),
                key("al", "w", "ays"),
                key("", "r", "eject"),
                key("", "l", "ater"),
            ],
            (_, Kind::Result) => vec![key("", "a", "pprove"), key("", "e", "dit"), key("", "r", "eject"), key("", "l", "ater")],
            (_, Kind::Plain) => vec![key("", "a", "pprove"), key("", "r", "eject"), key("", "l", "ater")],
        };
        format!("{} > ", choices.join("  "))
    }

    /// Takes one line; `None` is the end of input.
    pub fn on_line(&mut self, line: Option<&str>) -> Next {
        let Some(line) = line.map(style::one_line) else { return Next::Later };
        if self.waiting == Waiting::ForReason {
            self.waiting = Waiting::ForChoice;
            return match line.as_str() {
                "" => Next::Again("nothing was decided; a reason or `-` rejects".into()),
                "-" => reject(None),
                reason => reject(Some(reason.to_owned())),
            };
        }
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let alone = rest.is_empty();
        match (word.to_lowercase().as_str(), self.kind) {
            ("", _) => Next::Again("nothing was decided".into()),
            ("a" | "approve" | "y" | "yes", _) if alone => approve(Scope::Once),
            ("u" | "run", Kind::Access) if alone => approve(Scope::Run),
            ("w" | "always", Kind::Access) if alone => approve(Scope::Always),
            ("e" | "edit", Kind::Plan | Kind::Result) if alone => Next::Edit,
            ("q" | "quit" | "l" | "later", _) if alone => Next::Later,
            ("r" | "reject" | "n" | "no", _) if alone => {
                self.waiting = Waiting::ForReason;
                Next::More
            }
            ("r" | "reject", _) => reject(Some(rest.to_owned())),
            _ => Next::Again(format!("`{}` is none of the choices; nothing was decided", style::cut(&line, 40))),
        }
    }
}

fn approve(scope: Scope) -> Next {
    Next::Decided(Decision { approved: true, scope, note: None })
}

fn reject(note: Option<String>) -> Next {
    Next::Decided(Decision { approved: false, scope: Scope::Once, note })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcomes of lines said to one prompt.
    fn said(kind: Kind, lines: &[Option<&str>]) -> Vec<Next> {
        let mut prompt = Prompt::new(kind, "51d0aa");
        lines.iter().map(|line| prompt.on_line(*line)).collect()
    }

    fn rejected(note: Option<&str>) -> Next {
        Next::Decided(Decision { approved: false, scope: Scope::Once, note: note.map(str::to_owned) })
    }

    #[test]
    fn silence_decides_nothing() {
        assert_eq!(said(Kind::Plan, &[None]), [Next::Later]);
        assert!(matches!(said(Kind::Plan, &[Some(""), Some("   ")]).as_slice(), [Next::Again(_), Next::Again(_)]));
        assert!(matches!(said(Kind::Plain, &[Some("r"), Some("")]).as_slice(), [Next::More, Next::Again(_)]));
        assert_eq!(said(Kind::Plain, &[Some("r"), None]), [Next::More, Next::Later]);
    }

    #[test]
    fn an_approval_reaches_as_far_as_was_said() {
        let scopes = [("a", Scope::Once), ("YES", Scope::Once), ("u", Scope::Run), ("always", Scope::Always)];
        for (word, scope) in scopes {
            assert_eq!(said(Kind::Access, &[Some(word)]), [approve(scope)], "{word}");
        }
    }

    #[test]
    fn a_rejection_takes_its_reason_from_the_same_or_the_next_line() {
        assert_eq!(said(Kind::Plan, &[Some("r use the cached copy")]), [rejected(Some("use the cached copy"))]);
        assert_eq!(said(Kind::Plan, &[Some("reject"), Some("too long")]), [Next::More, rejected(Some("too long"))]);
        assert_eq!(said(Kind::Plan, &[Some("n"), Some("-")]), [Next::More, rejected(None)]);
    }

    #[test]
    fn after_an_empty_reason_the_choices_are_open_again() {
        let outcomes = said(Kind::Plan, &[Some("r"), Some(""), Some("a")]);
        assert_eq!(outcomes.last(), Some(&approve(Scope::Once)));
    }

    #[test]
    fn only_a_plan_can_be_edited_and_only_access_lasts() {
        assert_eq!(said(Kind::Plan, &[Some("e")]), [Next::Edit]);
        assert_eq!(said(Kind::Result, &[Some("edit")]), [Next::Edit]);
        assert!(matches!(said(Kind::Access, &[Some("e")]).as_slice(), [Next::Again(_)]));
        assert!(matches!(said(Kind::Plan, &[Some("w")]).as_slice(), [Next::Again(_)]));
        assert!(matches!(said(Kind::Plain, &[Some("u")]).as_slice(), [Next::Again(_)]));
    }

    #[test]
    fn a_sentence_that_begins_like_an_approval_is_none() {
        assert!(matches!(
            said(Kind::Plan, &[Some("a but drop step 2"), Some("yes please"), Some("no way")]).as_slice(),
            [Next::Again(_), Next::Again(_), Next::Again(_)]
        ));
    }

    #[test]
    fn the_choices_are_shown_with_their_letters() {
        let ask = |kind| Prompt::new(kind, "").ask(Paint::default());
        assert_eq!(ask(Kind::Plan), "[a]pprove  [e]dit  [r]eject  [q]uit and decide later > ");
        assert_eq!(ask(Kind::Access), "[a]pprove once  for this r[u]n  al[w]ays  [r]eject  [l]ater > ");
        assert_eq!(ask(Kind::Plain), "[a]pprove  [r]eject  [l]ater > ");
    }
}
