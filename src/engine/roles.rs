//! stand-in
pub fn prompt(agent: &crate::domain::Agent) -> String { agent.purpose.clone() }
