//! How the driver takes orders: decisions, edits of the plan, retry, skip, stop, pause. The engine says what each one means.
use std::sync::Arc;

use crate::documents::plan as plan_text;
use crate::documents::{Lines, Problem, Severity};
use crate::domain::plan::PlanRules;
use crate::domain::policy::Rule;
use crate::domain::{Command, Decision, Error, Event, QuestionId, Result, Scope, Subject};
use crate::engine::{Workflow, commands};

use super::driver::Driver;
use super::run::CommandOutcome;

impl Driver {
    /// Carries out one order. A refusal is an outcome, not an error.
    pub(super) async fn obey(&mut self, command: Command) -> Result<CommandOutcome> {
        match &command {
            Command::EditPlan { text } => {
                let taken = self.take_plan(text.clone()).await?;
                return Ok(CommandOutcome::from_result(taken));
            }
            Command::Answer { id, decision, .. } if decision.approved && self.asks_about_plan(id) => {
                // What is approved is the plan as it stands in the file.
                if let Err(problems) = self.take_plan_from_disk().await? {
                    return Ok(CommandOutcome::from_result(Err(problems)));
                }
                self.ask_again().await?;
            }
            _ => {}
        }
        let proposal = self.take_proposal(&command).await?;
        let mut events = match commands::decide(&self.workflow, &command) {
            Ok(events) => events,
            Err(reason) => return Ok(CommandOutcome::from_result(Err(reason))),
        };
        if let Some(standing) = proposal.filter(|_| matches!(command, Command::Answer { .. })) {
            match self.keep_proposal(&standing)? {
                // First, so that a crash between the two finds the file as approved and the question still open.
                Ok(saved) => events.splice(0..0, saved),
                Err(reason) => return Ok(CommandOutcome::from_result(Err(reason))),
            };
        }
        let grant = self.grant(&command);
        self.commit(events).await?;
        if let Some(rule) = grant {
            self.remember(rule).await?;
        }
        Ok(CommandOutcome::from_result(Ok(())))
    }

    fn asks_about_plan(&self, id: &QuestionId) -> bool {
        self.workflow.question(id).is_some_and(|question| question.subject == Subject::Plan)
    }

    /// The plan's question under its new hash, where the text changed.
    async fn ask_again(&mut self) -> Result<()> {
        let question = crate::engine::approval::plan_question(&self.workflow);
        let stale = self.workflow.question(&question.id).is_some_and(|open| open.hash != question.hash);
        if stale { self.commit(vec![Event::Asked { question }]).await } else { Ok(()) }
    }

    /// The rule that "always" adds.
    fn grant(&self, command: &Command) -> Option<Rule> {
        let Command::Answer { id, decision: Decision { approved: true, scope: Scope::Always, .. }, .. } = command else { return None };
        Rule::always(&self.workflow.question(id)?.subject)
    }

    async fn remember(&mut self, rule: Rule) -> Result<()> {
        self.policy.rules.push(rule.clone());
        match self.shared.memory.grant(rule) {
            Ok(()) => Ok(()),
            Err(error) => self.warn(format!("the rule could not be remembered: {}", error.what)).await,
        }
    }

    /// The plan as it stands in the file, if it changed since we last saw it. The inner error names the problems.
    pub(super) async fn take_plan_from_disk(&mut self) -> Result<std::result::Result<(), String>> {
        let path = self.workspace.path().join("plan.md");
        if self.shared.buffers.text(&path).is_some() {
            return Ok(Ok(()));
        }
        let workspace = Arc::clone(&self.workspace);
        let text = super::shared::blocking(move || Ok(workspace.plan_text())).await?;
        match text {
            Some(text) if self.outlook.plan_on_disk.as_ref() != Some(&text) => self.take_plan(text).await,
            _ => Ok(Ok(())),
        }
    }

    async fn take_plan(&mut self, text: String) -> Result<std::result::Result<(), String>> {
        match read_plan(&text, &self.workflow, &self.policy.plan_rules) {
            Ok(planned) => {
                self.outlook.plan_taken(text);
                self.commit(vec![planned]).await?;
                Ok(Ok(()))
            }
            Err(problem) => Ok(Err(problem)),
        }
    }

    /// What keeps the plan in the file from being run, if it was edited while nobody held the run.
    pub(super) async fn check_plan_on_disk(&mut self) -> Result<()> {
        if self.workflow.plan.is_none() {
            return Ok(());
        }
        let workspace = Arc::clone(&self.workspace);
        let text = super::shared::blocking(move || Ok(workspace.plan_text())).await?;
        let edited = text.filter(|text| self.outlook.plan_on_disk.as_ref() != Some(text));
        match edited.map(|text| read_plan(&text, &self.workflow, &self.policy.plan_rules)) {
            Some(Err(problem)) => Err(Error::usage(format!("the plan cannot be run: {problem}")).hint("mend plan.md, then resume")),
            _ => Ok(()),
        }
    }
}

/// A plan's text as the event that puts it in force, or its first problem with the line.
pub(super) fn read_plan(text: &str, workflow: &Workflow, rules: &PlanRules) -> std::result::Result<Event, String> {
    let document = plan_text::parse(text);
    let problems = plan_text::problems(&document, rules);
    if let Some(problem) = problems.iter().find(|problem| problem.severity == Severity::Error) {
        return Err(said(problem, text));
    }
    commands::edit_plan(workflow, rules, document.plan, text)
        .map_err(|problems| problems.first().map_or_else(String::new, |problem| problem.message.clone()))
}

fn said(problem: &Problem, text: &str) -> String {
    format!("plan.md line {}: {}", Lines::new(text).line_of(problem.span.start) + 1, problem.message)
}
