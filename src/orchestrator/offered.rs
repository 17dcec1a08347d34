//! Which models the configured endpoint offers, for reports and completion. Asks for a list and nothing else; a run never waits for it.
use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::message::FailureClass;
use crate::domain::{CallFailure, Result};

use super::handle::Orchestrator;

/// How long an endpoint may take to answer; who asks is looking at a screen.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an endpoint said when it was asked for its models.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    /// The endpoint as it may be shown, without user, path and query.
    pub place: String,
    /// The models that agents would be given: the configured one, else the provider's own choice, and those of single agents.
    pub wanted: Vec<String>,
    /// Their names in the endpoint's order, or why there is no list.
    pub names: std::result::Result<Vec<String>, CallFailure>,
}

impl Orchestrator {
    /// Asks the configured endpoint for its models, which is free of charge. `None` without a language model.
    ///
    /// # Errors
    /// As choosing the provider: nothing leaves this machine where that is forbidden, nobody is asked without the key that is needed.
    pub async fn offered(&self) -> Result<Option<Offered>> {
        let shared = &self.0;
        let provider = shared.models.provider((&shared.settings, &shared.environment, &shared.disk), None).await?;
        let Some(place) = provider.place() else { return Ok(None) };
        let names = match tokio::time::timeout(PATIENCE, provider.models()).await {
            Ok(listed) => listed.map(|models| models.into_iter().map(|model| model.id).collect::<Vec<String>>()),
            Err(_) => Err(CallFailure::new(FailureClass::Transient, format!("{place} sent no list within {} s", PATIENCE.as_secs()))),
        };
        let chosen = shared.settings.model.clone().or_else(|| provider.default_model());
        let of_agents = shared.team.agents.iter().filter_map(|agent| agent.model.clone());
        let single = shared.settings.model_per_agent.values().cloned();
        let wanted: BTreeSet<String> = chosen.into_iter().chain(single).chain(of_agents).collect();
        Ok(Some(Offered { place, wanted: wanted.into_iter().collect(), names }))
    }

    /// The names alone, for completion: empty where nobody can be asked, or asking would start `model.api_key_command`, which may itself ask a person.
    pub async fn model_names(&self) -> Vec<String> {
        if self.0.settings.api_key_command.is_some() {
            return Vec::new();
        }
        match self.offered().await {
            Ok(Some(offered)) => offered.names.unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

impl Offered {
    /// Wanted models that the list does not name. A tag may be left out (`llama3` for `llama3:latest`), and so may a date (`claude-x` for `claude-x-20251001`).
    pub fn missing(&self) -> Vec<&str> {
        let names = self.names.as_deref().unwrap_or_default();
        let means = |name: &str, wanted: &str| {
            let rest = name.strip_prefix(wanted);
            rest.is_some_and(|rest| {
                rest.is_empty()
                    || rest == ":latest"
                    || rest.strip_prefix('-').is_some_and(|date| date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()))
            })
        };
        self.wanted.iter().map(String::as_str).filter(|wanted| !names.iter().any(|name| means(name, wanted))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_or_a_date_may_be_left_out_of_a_models_name() {
        let offered = |wanted: &[&str]| Offered {
            place: "http://x".into(),
            wanted: wanted.iter().map(|name| (*name).to_owned()).collect(),
            names: Ok(["llama3:latest", "claude-x-20251001", "gpt-9-mini"].map(str::to_owned).to_vec()),
        };
        assert!(offered(&["llama3", "claude-x", "gpt-9-mini"]).missing().is_empty());
        assert_eq!(offered(&["llama", "claude-x-2", "gpt-9", "gpt-9-mini-20251001"]).missing().len(), 4);
    }
}
