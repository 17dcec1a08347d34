//! The offline researcher: reads documents, ranks their passages against the goal's words, quotes them with their places. Never concludes, never goes to the web.
mod gaps;
mod notes;
mod synthesis;

use super::delivery::{Delivery, deliver};
use super::moves::Move;
use super::reading;
use super::results::Gathered;
use super::words;
use crate::domain::ModelRequest;
use crate::domain::message::Brief;

/// The last turn on which the researcher still reads.
const LAST_READING_TURN: usize = 4;

/// The next move of a researcher.
pub fn turn(request: &ModelRequest) -> Move {
    let gathered = Gathered::from(request);
    let terms = words::terms(&request.brief);
    let unwritten = gathered.written.is_empty() && !gathered.refusals.iter().any(|refusal| refusal.tool == "write_file");
    if unwritten && request.brief.turns_left > 1 && gathered.turn <= LAST_READING_TURN {
        let calls = if gathered.turn == 0 { reading::first(request, &terms) } else { reading::next(request, &gathered, &terms) };
        if !calls.is_empty() {
            return Move::Calls(calls);
        }
    }
    deliver(request, &gathered, &delivery(request, &gathered, &terms))
}

fn delivery(request: &ModelRequest, gathered: &Gathered, terms: &[words::Term]) -> Delivery {
    let brief = &request.brief;
    let earlier = if is_synthesis(brief) { synthesis::earlier_quotes(brief, gathered) } else { Vec::new() };
    let (content, closing) =
        if earlier.is_empty() { notes::write(request, gathered, terms) } else { synthesis::write(brief, gathered, &earlier) };
    Delivery { files: vec![(brief.output.as_str().to_owned(), content)], closing }
}

/// Whether the step is to order what earlier notes hold, rather than to look for more.
fn is_synthesis(brief: &Brief) -> bool {
    let says = |text: &str| text.to_lowercase().contains("synthes");
    says(&brief.title)
        || says(&brief.instructions)
        || says(brief.output.as_str())
        || brief.upstream.iter().any(|upstream| upstream.agent == "researcher")
}

#[cfg(test)]
mod tests;
