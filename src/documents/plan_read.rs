//! Reading plan.md, liberally: any bullet, any line break, attributes in any order. What it cannot read becomes a problem, never a failure.
use std::collections::BTreeSet;

use crate::domain::agent::built_in_agents;
use crate::domain::path::fold;
use crate::domain::plan::nearest;
use crate::domain::{Plan, RelPath, Step, StepId};

use super::front_matter::FrontMatter;
use super::goal_line::column;
use super::mark::{self, Item, Mark};
use super::place::{Lines, Problem, Span, span_of};
use super::plan::{ATTRIBUTES, FORMAT, PlanDocument, StepPlace};

/// A step while it is read.
#[derive(Default)]
struct Draft {
    id: String,
    agent: String,
    title: String,
    instructions: Option<String>,
    needs: Vec<StepId>,
    output: Option<RelPath>,
    approve: bool,
    uses: Vec<String>,
    mark: Mark,
    place: StepPlace,
}

struct Reader<'a> {
    text: &'a str,
    title: Option<(String, Span)>,
    drafts: Vec<Draft>,
    problems: Vec<Problem>,
}

/// Reads a plan document. Never fails; `problems` says what could not be read.
pub fn parse(text: &str) -> PlanDocument {
    let front = FrontMatter::read(text);
    let mut reader = Reader { text, title: None, drafts: Vec::new(), problems: front_problems(&front) };
    let lines = Lines::new(text);
    let first = if front.block.is_some() { lines.line_of(front.body) } else { 0 };
    let first = if front.block.is_some() && lines.start(first) < front.body { first + 1 } else { first };
    for number in first..lines.count() {
        let span = lines.span(text, number);
        reader.line(number, span);
    }
    reader.finish(&front)
}

fn front_problems(front: &FrontMatter) -> Vec<Problem> {
    let mut problems = front.problems.clone();
    let start = Span::at(front.body);
    if front.block.is_none() {
        problems.push(Problem::warning(start, format!("the document does not start with its front matter (`orchestrator: {FORMAT}`)")));
        return problems;
    }
    problems.extend(front.unknown_keys(&["orchestrator", "run"]));
    match front.string("orchestrator").as_deref() {
        Some(FORMAT) => {}
        Some(other) => {
            let span = front.value_span("orchestrator");
            problems.push(Problem::error(span, format!("`{other}` is not a format this version reads")).replace(span, FORMAT));
        }
        None => problems.push(Problem::warning(front.content, format!("the front matter does not say `orchestrator: {FORMAT}`"))),
    }
    problems
}

impl Reader<'_> {
    fn line(&mut self, number: usize, span: Span) {
        let line = span.of(self.text);
        let body = line.trim_start_matches(['\u{feff}', ' ', '\t']);
        if body.is_empty() || body.starts_with("<!--") {
            return;
        }
        if let Some(quoted) = body.strip_prefix('>') {
            return self.instruction(quoted, span);
        }
        if let Some(heading) = body.strip_prefix("# ") {
            return self.heading(line, heading, span);
        }
        match mark::item(line) {
            Some(item) => self.item(number, span, &item),
            None if body.len() < line.len() && !self.drafts.is_empty() && !body.starts_with('#') => self.stray(line, body, span),
            None => {}
        }
    }

    fn heading(&mut self, line: &str, heading: &str, span: Span) {
        if self.title.is_none() {
            let words = heading.trim();
            let title = words.strip_prefix("Plan:").unwrap_or(words).trim();
            let place = if title.is_empty() { Span::at(span.end) } else { span_of(line, title).shifted(span.start) };
            self.title = Some((title.to_owned(), place));
        }
    }

    fn instruction(&mut self, quoted: &str, span: Span) {
        let Some(draft) = self.drafts.last_mut() else { return };
        let line = quoted.strip_prefix(' ').unwrap_or(quoted);
        match &mut draft.instructions {
            None => draft.instructions = Some(line.to_owned()),
            Some(text) => {
                text.push('\n');
                text.push_str(line);
            }
        }
        draft.place.span.end = span.end;
    }

    fn stray(&mut self, line: &str, body: &str, span: Span) {
        let place = span_of(line, body).shifted(span.start);
        let problem = Problem::warning(place, "this line is not part of the plan; instructions to the agent start with `>`");
        self.problems.push(problem.replace(Span::at(place.start), "> "));
    }

    fn item(&mut self, number: usize, span: Span, item: &Item<'_>) {
        let line = span.of(self.text);
        let depth = column(line.get(..item.indent).unwrap_or_default());
        let attribute = item.mark.is_none() && !self.drafts.is_empty() && is_attribute(item.rest);
        let head = head(item.rest);
        if attribute || depth > 1 && item.mark.is_none() && head.is_none() {
            return self.attribute(span, item);
        }
        if depth > 1 && head.is_none() {
            return self.stray(line, line.trim_start(), span);
        }
        if item.mark.is_some() || head.is_some() {
            self.step(number, span, item);
        }
    }

    fn step(&mut self, number: usize, span: Span, item: &Item<'_>) {
        let line = span.of(self.text);
        let rest = item.rest.trim_end();
        let at = span_of(line, rest).start + span.start;
        let mut draft = Draft::default();
        draft.place.line = number;
        draft.place.span = Span::new(span.start + item.indent, span.start + line.trim_end().len());
        match item.mark_span(line) {
            Some(inside) => draft.place.mark = inside.shifted(span.start),
            None => {
                let problem = Problem::error(Span::new(at, span.end), "a step starts with its mark: `[ ]`, `[x]` or `[-]`");
                self.problems.push(problem.replace(Span::at(at), "[ ] "));
            }
        }
        draft.mark = item.mark.map(Mark::read).unwrap_or(Some(Mark::Todo)).unwrap_or_else(|| {
            let inside = draft.place.mark;
            let problem = Problem::warning(inside, "a mark is `[ ]` to do, `[x]` done or `[-]` skip; this one counts as to do");
            self.problems.push(problem.replace(inside, " "));
            Mark::Todo
        });
        let (id, agent, title) = head(rest).unwrap_or_else(|| loose_head(rest));
        if agent.is_empty() || title.is_empty() {
            let place = if rest.is_empty() { draft.place.span } else { Span::new(at, at + rest.len()) };
            self.problems.push(Problem::error(place, "a step is written as `id agent: title`, for example `s1 writer: Write the guide`"));
        }
        let place = |part: &str| if part.is_empty() { Span::at(at + rest.len()) } else { span_of(line, part).shifted(span.start) };
        (draft.place.id, draft.place.agent, draft.place.title) = (place(id), place(agent), place(title));
        (draft.id, draft.agent, draft.title) = (id.to_owned(), agent.to_owned(), title.to_owned());
        self.drafts.push(draft);
    }

    fn attribute(&mut self, span: Span, item: &Item<'_>) {
        let line = span.of(self.text);
        let rest = item.rest.trim_end();
        let place = if rest.is_empty() { span } else { span_of(line, rest).shifted(span.start) };
        let Some(draft) = self.drafts.last_mut() else { return };
        draft.place.span.end = place.end;
        let Some((name, value)) = rest.split_once(':').map(|(name, value)| (name.trim_end(), value.trim())) else {
            let problem = Problem::warning(place, format!("this is none of a step's attributes: {}", ATTRIBUTES.join(", ")));
            return self.problems.push(problem);
        };
        match name.to_lowercase().as_str() {
            "output" => output(draft, &mut self.problems, (line, value), span),
            "needs" => {
                for word in words(value) {
                    let need = StepId(word.to_owned());
                    if !draft.needs.contains(&need) {
                        draft.needs.push(need);
                        draft.place.needs.push(span_of(line, word).shifted(span.start));
                    }
                }
            }
            "uses" => {
                for word in words(value).filter(|word| !draft.uses.iter().any(|used| used == word)).collect::<BTreeSet<_>>() {
                    draft.place.uses.push(span_of(line, word).shifted(span.start));
                }
                draft.place.uses.sort();
                draft.uses = draft.place.uses.iter().map(|place| place.of(self.text).to_owned()).collect();
            }
            "approve" => approve(draft, &mut self.problems, (line, value), span),
            _ => self.unknown(name, span_of(line, name).shifted(span.start)),
        }
    }

    fn unknown(&mut self, name: &str, span: Span) {
        let problem = Problem::warning(span, format!("unknown attribute `{name}`; known: {}", ATTRIBUTES.join(", ")));
        self.problems.push(match nearest(name, ATTRIBUTES.into_iter()) {
            Some(known) if !span.is_empty() => problem.replace(span, known),
            _ => problem,
        });
    }

    fn finish(mut self, front: &FrontMatter) -> PlanDocument {
        let mut taken: BTreeSet<String> = self.drafts.iter().filter_map(|draft| Some(draft.output.as_ref()?.folded())).collect();
        let mut steps = Vec::new();
        let mut places = Vec::new();
        let mut marks = Vec::new();
        for draft in std::mem::take(&mut self.drafts) {
            let Some(output) = draft.output.clone().or_else(|| default_output(&draft.agent, &mut taken)) else { continue };
            marks.push(draft.mark);
            places.push(draft.place);
            steps.push(Step {
                id: StepId(draft.id),
                agent: draft.agent,
                title: draft.title,
                instructions: draft.instructions.unwrap_or_default(),
                needs: draft.needs,
                output,
                approve: draft.approve,
                uses: draft.uses,
                skip: draft.mark == Mark::Skip,
            });
        }
        let (title, title_span) = self.title.unwrap_or_else(|| (String::new(), Span::at(front.body)));
        let plan = Plan { title, steps };
        PlanDocument { run: front.string("run"), plan, problems: self.problems, steps: places, marks, title: title_span }
    }
}

/// Whether the text of an item starts with the name of an attribute and a colon.
fn is_attribute(rest: &str) -> bool {
    rest.split_once(':').is_some_and(|(name, _)| ATTRIBUTES.contains(&name.trim_end().to_lowercase().as_str()))
}

/// `id agent: title`, where the first two are single words.
fn head(rest: &str) -> Option<(&str, &str, &str)> {
    let (words, title) = rest.split_once(':')?;
    let (id, agent) = words.trim_end().split_once([' ', '\t'])?;
    let agent = agent.trim();
    (StepId::is_valid(id) && !agent.is_empty() && !agent.contains(char::is_whitespace)).then(|| (id, agent, title.trim()))
}

/// As much of a head as can be told: the first word as id, then an agent before a colon, or the rest as title.
fn loose_head(rest: &str) -> (&str, &str, &str) {
    let (id, more) = rest.split_once(|c: char| c.is_whitespace()).unwrap_or((rest, ""));
    let more = more.trim();
    let id = id.trim_end_matches(':');
    match more.split_once(':') {
        Some((agent, title)) if !agent.trim().contains(char::is_whitespace) => (id, agent.trim(), title.trim()),
        _ => (id, "", more),
    }
}

/// Words between commas and white space; the brackets of a YAML list and `none` are passed over.
fn words(value: &str) -> impl Iterator<Item = &str> {
    let words = value.split(|c: char| c == ',' || c.is_whitespace());
    words.map(|word| word.trim_matches(['[', ']', '`', '"'])).filter(|word| !word.is_empty() && !matches!(*word, "none" | "-"))
}

fn output(draft: &mut Draft, problems: &mut Vec<Problem>, (line, value): (&str, &str), span: Span) {
    let value = value.trim_matches('`');
    if value.is_empty() {
        return;
    }
    let place = span_of(line, value).shifted(span.start);
    draft.place.output = Some(place);
    match RelPath::new(value) {
        Ok(path) => draft.output = Some(path),
        Err(reason) => problems.push(Problem::error(place, reason)),
    }
}

fn approve(draft: &mut Draft, problems: &mut Vec<Problem>, (line, value): (&str, &str), span: Span) {
    match value.to_lowercase().as_str() {
        "yes" | "true" | "y" | "on" => draft.approve = true,
        "no" | "false" | "n" | "off" | "" => draft.approve = false,
        _ => {
            let place = span_of(line, value).shifted(span.start);
            // Whatever was meant, asking once too often is the safe side.
            draft.approve = true;
            problems.push(Problem::warning(place, "`approve` is `yes` or `no`; this counts as `yes`").replace(place, "yes"));
        }
    }
}

/// The file an agent writes when the plan does not say: its default, numbered when another step has it.
fn default_output(agent: &str, taken: &mut BTreeSet<String>) -> Option<RelPath> {
    let built_in = built_in_agents().into_iter().find(|known| known.name == agent).map(|known| known.output);
    let name = built_in.unwrap_or_else(|| "document.md".to_owned());
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, "md"));
    let names = (1..).map(|number| if number == 1 { name.clone() } else { format!("{stem}_{number}.{extension}") });
    let path = names.take(1000).filter(|name| !taken.contains(&fold(name))).find_map(|name| RelPath::new(&name).ok());
    taken.extend(path.iter().map(RelPath::folded));
    path
}
