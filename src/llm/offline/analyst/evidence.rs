//! What the tools have answered so far, sorted by what it is. Reads a request; decides nothing.
use std::collections::BTreeMap;

use serde_json::Value;

use super::answers::Answer;
use super::facts::Profile;
use super::questions::{Question, Study};
use crate::domain::ModelRequest;

/// Answers of the tools in this conversation.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub profiles: Vec<Profile>,
    /// Data files that could not be profiled, and why.
    pub unreadable: Vec<(String, String)>,
    answers: BTreeMap<String, Result<Answer, String>>,
    /// By path: drawn, or why not.
    pub charts: BTreeMap<String, Result<(), String>>,
    pub listing: Option<String>,
    /// Whether the report was written; the reason if it could not be.
    pub written: Option<Result<(), String>>,
}

impl Evidence {
    pub fn gather(request: &ModelRequest) -> Evidence {
        let mut evidence = Evidence::default();
        for (call, content, ok) in request.tool_results() {
            let text = |key: &str| call.input.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let outcome = if ok { Ok(()) } else { Err(content.to_owned()) };
            match call.name.as_str() {
                "profile_data" => evidence.take_profile(text("path"), content, ok),
                "query_data" => {
                    let answer = outcome.and_then(|()| parse::<Answer>(content).ok_or_else(|| "the answer cannot be read".to_owned()));
                    evidence.answers.insert(text("sql"), answer);
                }
                "make_chart" => {
                    evidence.charts.insert(text("path"), outcome);
                }
                "list_files" => evidence.listing = Some(if ok { content.to_owned() } else { String::new() }),
                "write_file" if text("path") == request.brief.output.as_str() => evidence.written = Some(outcome),
                _ => {}
            }
        }
        evidence
    }

    fn take_profile(&mut self, path: String, content: &str, ok: bool) {
        match parse(content).filter(|_| ok) {
            Some(profile) => self.profiles.push(profile),
            None => self.unreadable.push((path, if ok { "its profile cannot be read".to_owned() } else { content.to_owned() })),
        }
    }

    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The answer to a question, if it could be answered.
    pub fn answer(&self, question: &Question) -> Option<&Answer> {
        self.answers.get(&question.sql)?.as_ref().ok()
    }

    pub fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.answers.iter().filter_map(|(sql, answer)| Some((sql.as_str(), answer.as_ref().err()?.as_str())))
    }

    /// One study a data file, the main one first: the one the goal names, else the one with the most to measure.
    pub fn studies(&self, goal: &str) -> Vec<Study<'_>> {
        let goal_words = super::facts::words(goal);
        let weight = |profile: &Profile| {
            let named = super::facts::words(&profile.table).iter().all(|word| goal_words.contains(word));
            let study = Study::new(profile, goal, true);
            (named, profile.rows > 0, study.parts.measures.iter().any(|measure| measure.additive), study.parts.date.is_some(), profile.rows)
        };
        let main = self.profiles.iter().enumerate().max_by_key(|(at, profile)| (weight(profile), std::cmp::Reverse(*at))).map(|(at, _)| at);
        let mut studies: Vec<Study<'_>> =
            self.profiles.iter().enumerate().map(|(at, profile)| Study::new(profile, goal, Some(at) == main)).collect();
        studies.sort_by_key(|study| !study.is_main);
        studies
    }
}

/// JSON inside whatever a host may have put around it.
fn parse<T: serde::de::DeserializeOwned>(content: &str) -> Option<T> {
    serde_json::from_str(content).ok().or_else(|| {
        let inner = content.get(content.find('{')?..=content.rfind('}')?)?;
        serde_json::from_str(inner).ok()
    })
}
