//! The doctor's word on the provider: who would be used, and whether its endpoint answers and offers the models that are configured. Asks nobody itself.
use crate::domain::message::FailureClass;
use crate::domain::{CallFailure, Result};

use super::doctor::{Check, Status, check, ok};
use super::offered::Offered;

/// Names that a message holds at the most.
const MAX_NAMED: usize = 8;

/// `offered` is what the endpoint said; `None` where nobody was asked.
pub(super) fn provider(name: &Result<String>, offered: Option<&Offered>) -> Check {
    match (name, offered) {
        (Err(error), _) => check("provider", Status::Failed, error.what.clone(), error.hint.as_deref()),
        (Ok(name), None) if name == "offline" => ok("provider", "offline: works without key and network, and without a language model"),
        (Ok(name), None) => ok("provider", name.clone()),
        (Ok(name), Some(offered)) => match &offered.names {
            Ok(names) => listed(name, offered, names),
            Err(failure) => unlisted(name, offered, failure),
        },
    }
}

fn listed(name: &str, offered: &Offered, names: &[String]) -> Check {
    let (place, missing) = (&offered.place, offered.missing());
    if !missing.is_empty() {
        let known: Vec<&str> = names.iter().take(MAX_NAMED).map(String::as_str).collect();
        let more = if names.len() > MAX_NAMED { format!(" and {} more", names.len() - MAX_NAMED) } else { String::new() };
        let known = if known.is_empty() { "no model at all".to_owned() } else { format!("{}{more}", known.join(", ")) };
        return warning(format!("{name}: {place} answers, but does not list {}; it lists {known}", quoted(&missing)));
    }
    let wanted: Vec<&str> = offered.wanted.iter().map(String::as_str).collect();
    match (wanted.is_empty(), names.first()) {
        (false, _) => ok("provider", format!("{name}: {place} answers and offers {}", quoted(&wanted))),
        (true, Some(first)) => ok("provider", format!("{name}: {place} answers; its first model is `{first}`")),
        (true, None) => warning(format!("{name}: {place} answers, but lists no model")),
    }
}

fn unlisted(name: &str, offered: &Offered, failure: &CallFailure) -> Check {
    let place = &offered.place;
    match failure.class {
        FailureClass::Parked | FailureClass::Transient => {
            let hint = match failure.class {
                FailureClass::Parked => "check the key and the account behind it",
                _ => "check model.base_url and the network; a run that cannot reach the provider is parked and can be resumed",
            };
            check("provider", Status::Failed, format!("{name}: {place} cannot be used: {}", failure.message), Some(hint))
        }
        _ => warning(format!("{name}: {place} gives no list of models, so that their names could not be checked: {}", failure.message)),
    }
}

fn warning(message: String) -> Check {
    check("provider", Status::Warning, message, Some("check model.name, model.per_agent and model.base_url"))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(wanted: &[&str], names: std::result::Result<Vec<String>, CallFailure>) -> (Status, String) {
        let wanted = wanted.iter().map(|name| (*name).to_owned()).collect();
        let check = provider(&Ok("openai".into()), Some(&Offered { place: "http://x".into(), wanted, names }));
        (check.status, check.message)
    }

    fn failed(class: FailureClass) -> std::result::Result<Vec<String>, CallFailure> {
        Err(CallFailure::new(class, "HTTP 4xx: no"))
    }

    #[test]
    fn what_the_endpoint_said_decides() {
        let names = |count: usize| Ok((0..count).map(|number| format!("m{number}")).collect());
        assert_eq!(said(&["m1"], names(2)), (Status::Ok, "openai: http://x answers and offers `m1`".into()));
        assert_eq!(said(&[], names(2)).1, "openai: http://x answers; its first model is `m0`");
        let (status, message) = said(&["m1", "other"], names(11));
        assert_eq!(status, Status::Warning);
        assert!(message.contains("does not list `other`; it lists m0, ") && message.ends_with("m7 and 3 more"), "{message}");
        assert_eq!(said(&[], names(0)).0, Status::Warning);
        assert_eq!(said(&["m"], names(0)).0, Status::Warning);
        for (class, status) in [
            (FailureClass::Parked, Status::Failed),
            (FailureClass::Transient, Status::Failed),
            (FailureClass::Throttled, Status::Warning),
            (FailureClass::Doomed, Status::Warning),
        ] {
            let (found, message) = said(&["m"], failed(class));
            assert!(found == status && message.contains("HTTP 4xx: no"), "{class:?}: {message}");
        }
    }
}
