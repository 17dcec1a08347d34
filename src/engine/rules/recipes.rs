//! The recipes: for each kind of goal, which specialists work on what, in which order, and what they are told. Knows nothing of limits or allowed files.
use crate::domain::Agent;

use super::kind::{self, Kind};
use super::names::{code_file, document_name, written_name};
use super::words::{after_word, cut_before, is_one_of, sentence, subject, verb, words};
use super::{PlanRequest, kind_of};

/// A step before it has an id and a free output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    /// The name by which other drafts need it.
    pub key: String,
    pub agent: String,
    pub title: String,
    pub instructions: String,
    pub needs: Vec<String>,
    pub output: String,
    /// The goal itself names the output.
    pub output_is_fixed: bool,
    pub uses: Vec<String>,
    /// It checks what other steps made; never the deliverable.
    pub is_check: bool,
}

/// What every recipe wants to know about the goal.
pub(super) struct About {
    pub subject: String,
    /// The goal's own first sentence, when it opens with a verb we know.
    sentence: Option<String>,
    pub words: Vec<String>,
    /// A sentence that names the material to read, with a space behind it; empty when there is none.
    material: String,
    reads_project: bool,
    searches_web: bool,
    has_inputs: bool,
    /// Texts to read came with the goal.
    has_prose: bool,
}

impl Draft {
    fn new(agent: &str, title: impl Into<String>, output: impl Into<String>) -> Self {
        let output = output.into();
        Draft { key: format!("{agent}:{output}"), agent: agent.to_owned(), title: title.into(), output, ..Draft::default() }
    }

    fn says(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = instructions.into();
        self
    }

    fn needs(mut self, others: &[&Draft]) -> Self {
        self.needs = others.iter().map(|other| other.key.clone()).collect();
        self
    }

    fn uses(mut self, project: bool, web: bool) -> Self {
        self.uses = [("project", project), ("web", web)].into_iter().filter(|(_, used)| *used).map(|(name, _)| name.to_owned()).collect();
        self
    }
}

/// The drafts for a goal, each after those it needs.
pub(super) fn drafts(request: &PlanRequest<'_>) -> Vec<Draft> {
    let kind = kind_of(request);
    let about = About::new(request, kind);
    match kind {
        Kind::Podcast => podcast(&about),
        Kind::Tool => tool(&about),
        Kind::Documentation => documentation(&about),
        Kind::DataAnalysis => data_analysis(&about),
        Kind::Research => research(&about),
        Kind::Design => design(&about),
        Kind::Review => review(&about),
        Kind::General => general(&about),
    }
}

impl About {
    fn new(request: &PlanRequest<'_>, kind: Kind) -> Self {
        let words = words(&request.goal.text);
        let has_inputs = !request.inputs.is_empty();
        let talks = kind::talks_of_project(&words);
        let wants_project = match kind {
            Kind::Design | Kind::Documentation | Kind::Review => talks || !has_inputs,
            Kind::Tool => talks || words.iter().any(|word| word == "tests"),
            Kind::Research | Kind::General => talks,
            Kind::Podcast | Kind::DataAnalysis => false,
        };
        let reads_project = request.project_readable && (wants_project || request.goal.read_project);
        About {
            subject: subject(&request.goal.text),
            sentence: verb(&words).map(|_| sentence(&request.goal.text)),
            material: material(request, reads_project),
            words,
            reads_project,
            searches_web: request.web_available,
            has_inputs,
            has_prose: request.inputs.iter().any(kind::is_prose),
        }
    }

    /// `doing` with the subject: a title even where the goal's grammar is not understood.
    fn titled(&self, doing: &str) -> String {
        let colon = if self.sentence.is_some() { "" } else { ":" };
        format!("{doing}{colon} {}", self.subject)
    }

    pub fn has(&self, known: &[&str]) -> bool {
        self.words.iter().any(|word| is_one_of(word, known))
    }
}

fn material(request: &PlanRequest<'_>, reads_project: bool) -> String {
    const SHOWN: usize = 12;
    let paths: Vec<&str> = request.inputs.iter().take(SHOWN).map(|input| input.path.as_str()).collect();
    let rest = request.inputs.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!(" and {rest} more files in inputs/") } else { String::new() };
    let inputs = if paths.is_empty() { String::new() } else { format!("Read the attached material first: {}{more}. ", paths.join(", ")) };
    let project = if reads_project { "Read the project itself where the goal is about it, the overview before the details. " } else { "" };
    format!("{inputs}{project}")
}

fn podcast(about: &About) -> Vec<Draft> {
    let topic = cut_before(&about.subject, &[" for my ", " for this ", " for the ", " for our ", " for a ", " for an "]).to_owned();
    let notes = Draft::new("researcher", format!("Research {topic}"), "research_notes.md")
        .says(format!(
            "{}Collect facts, figures, names and dates, each with its source. Note what is new, what is disputed and what listeners would ask. \
             The file lists findings by topic and ends with its sources.",
            about.material
        ))
        .uses(false, about.searches_web);
    let synthesis = Draft::new("researcher", format!("Synthesise the findings on {topic}"), "research_synthesis.md")
        .says(
            "Turn the research notes into three to five themes, strongest first. For each: what it means for the audience, the evidence with its \
             sources, and what remains open. Propose an order for the episode.",
        )
        .needs(&[&notes]);
    let script = Draft::new("writer", format!("Write the podcast script on {topic}"), "podcast_script.md")
        .says(
            "Write a script that can be read aloud: a hook, an introduction, one segment for each theme with transitions, and a close. Mark times \
             and speakers. Say nothing that the research does not carry.",
        )
        .needs(&[&synthesis]);
    let show_notes = Draft::new("writer", format!("Write the show notes on {topic}"), "show_notes.md")
        .says(
            "Write what is published beside the episode: a summary of two or three sentences, a list of topics with times that match the script, \
             key statements, and every source as a link.",
        )
        .needs(&[&synthesis, &script]);
    vec![notes, synthesis, script, show_notes]
}

fn tool(about: &About) -> Vec<Draft> {
    let subject = &about.subject;
    let is_small =
        about.has(&["script", "function", "utility", "class", "regex"]) && !about.has(&["dashboard", "app", "application", "website"]);
    let shown = about.has(&["dashboard", "chart", "plot", "graph", "visuali*"]);
    let libraries = if shown { "visualisation libraries" } else { "libraries and techniques" };
    let plan = Draft::new("designer", format!("Plan the architecture of {subject}"), "architecture_design.md")
        .says(format!(
            "{}Say what it must do, its parts and how data flows between them, the inputs it takes with their fields, the outputs, how it is \
             started, and how errors are met. Keep it as small as the goal allows, so that one person can build it from this page.",
            about.material
        ))
        .uses(about.reads_project, false);
    let notes = Draft::new("researcher", format!("Find the best {libraries} for {subject}"), "research_notes.md")
        .says(
            "Compare the candidates that fit the design: purpose, maturity, licence, cost of use. Recommend one for each need with a reason, name \
             the calls that will be used, and warn of known traps.",
        )
        .needs(&[&plan])
        .uses(false, about.searches_web);
    let known = if is_small { vec![&plan] } else { vec![&plan, &notes] };
    let code = Draft::new("coder", format!("Implement {subject}"), code_file(about))
        .says(format!(
            "{}Write one complete file that runs as it is: no placeholders, errors reported in words, a short usage text at the top that names \
             what must be installed. Follow the design; where you depart from it, say why in a comment.",
            about.material
        ))
        .needs(&known)
        .uses(about.reads_project, false);
    let check = check(format!("Check {subject}"), &[&code, &plan]);
    if is_small { vec![plan, code, check] } else { vec![plan, notes, code, check] }
}

fn documentation(about: &About) -> Vec<Draft> {
    let is_api = about.has(&["api", "endpoint", "sdk"]);
    let topic = after_word(&about.subject, &[" for ", " of ", " about ", " on "]).unwrap_or_else(|| about.subject.clone());
    let name = document_name(about, is_api);
    let structure = Draft::new("designer", format!("Map the structure of {topic}"), "architecture_design.md")
        .says(format!(
            "{}Describe the parts a reader must know, how they fit together and where each is found in the source. {}Name what is missing or \
             contradictory.",
            about.material,
            if is_api { "List every endpoint or public function with its inputs, outputs and errors. " } else { "" }
        ))
        .uses(about.reads_project, false);
    let uses = Draft::new("researcher", format!("Find out how {topic} is used"), "research_notes.md")
        .says(format!(
            "{}Take the user's side: who uses it, for which tasks, in which order, with which questions. Collect real examples and quote them with \
             their places. Note every fact the documentation must state.",
            about.material
        ))
        .uses(about.reads_project, about.searches_web);
    let document = Draft::new("writer", format!("Write the documentation of {topic}"), name)
        .says(format!(
            "{}Write for a reader who is new to it: what it is, how to start, the common tasks step by step, then the reference. {}State only what \
             the sources carry; mark what you could not find out.",
            about.material,
            if is_api { "Every endpoint or function has its parameters, its answer, its errors and one worked example. " } else { "Give an example for every task. " }
        ))
        .needs(&[&structure, &uses])
        .uses(about.reads_project, false);
    let check = check(format!("Check the documentation of {topic}"), &[&document, &structure]);
    vec![structure, uses, document, check]
}

fn data_analysis(about: &About) -> Vec<Draft> {
    let title = if about.has_prose { "Analyse the figures".to_owned() } else { about.titled("Analyse") };
    let analysis = Draft::new("analyst", title, "analysis_report.md").says(format!(
        "{}Profile every data file first: types, ranges, missing and odd values. Then answer the goal with queries: totals, groups, trend over time, \
         outliers. Draw two or three charts into charts/ and show them in the report. Open with the answer in a few sentences; give the query or \
         the column behind every number.",
        about.material
    ));
    if about.has_prose {
        return figures_and_texts(about, analysis);
    }
    let is_for_readers =
        about.has(&["management", "executive", "presentation", "article", "blog", "newsletter", "slides", "email", "stakeholder", "board"]);
    if !is_for_readers {
        let check = check(about.titled("Check the analysis of"), &[&analysis]);
        return vec![analysis, check];
    }
    let report = Draft::new("writer", about.titled("Write up the findings on"), written_name(about))
        .says(
            "Write for the readers the goal names: the answer first, then what it rests on, then what to do. Take every number from the analysis as \
             it stands there, and show its charts.",
        )
        .needs(&[&analysis]);
    let check = check(about.titled("Check the findings on"), &[&report, &analysis]);
    vec![analysis, report, check]
}

/// Data and texts together, such as a week's notes with its figures: each is read by whoever can, and a writer joins them.
fn figures_and_texts(about: &About, analysis: Draft) -> Vec<Draft> {
    let notes = Draft::new("researcher", "Collect what the texts say", "research_notes.md").says(format!(
        "{}Read every text. Note what happened, what was decided, what is at risk and what comes next, each with its source and date.",
        about.material
    ));
    let title = about.sentence.clone().unwrap_or_else(|| format!("Write it up: {}", about.subject));
    let report = Draft::new("writer", title, written_name(about))
        .says(
            "Write exactly what the goal asks for, for its readers: what matters most first, then what the figures and the texts say, then what is \
             open. Take every number from the analysis as it stands there, and show its charts.",
        )
        .needs(&[&analysis, &notes]);
    let check = check(format!("Check what was written on {}", about.subject), &[&report, &analysis]);
    vec![analysis, notes, report, check]
}

fn research(about: &About) -> Vec<Draft> {
    let notes = Draft::new("researcher", about.titled("Research"), "research_notes.md")
        .says(format!(
            "{}Split the goal into questions and answer each with facts and their sources. Prefer primary sources, note dates, keep what disagrees. \
             Mark what could not be found.",
            about.material
        ))
        .uses(about.reads_project, about.searches_web);
    let report = Draft::new("writer", about.titled("Write the report on"), "research_report.md")
        .says(
            "Open with the answer in five sentences at most. Then one section for each question: finding, evidence with its source, how sure it is. \
             Close with what remains open and the list of sources.",
        )
        .needs(&[&notes]);
    vec![notes, report]
}

fn design(about: &About) -> Vec<Draft> {
    let subject = &about.subject;
    let notes = Draft::new("researcher", format!("Collect requirements and options for {subject}"), "research_notes.md")
        .says(format!(
            "{}List what the design must do, its limits in numbers where there are any, and the options known for each open question with their costs.",
            about.material
        ))
        .uses(about.reads_project, about.searches_web);
    let describes =
        !about.words.iter().any(|word| matches!(word.as_str(), "design" | "architect" | "create" | "draft" | "plan" | "sketch" | "model"));
    let doing = if describes { "Describe" } else { "Design" };
    let design = Draft::new("designer", format!("{doing} {subject}"), "architecture_design.md")
        .says(format!(
            "{}Give the parts with their duties, how they talk to each other (a Mermaid diagram), the data they keep, what happens when a part fails, \
             and the decisions taken with the options turned down and why. End with the order in which to build.",
            about.material
        ))
        .uses(about.reads_project, false);
    // An existing project is its own best source; a new design starts from what is wanted.
    if about.reads_project {
        let checked = if describes { "description" } else { "design" };
        let check = check(format!("Check the {checked} of {subject}"), &[&design]);
        return vec![design, check];
    }
    let design = design.needs(&[&notes]);
    let check = check(format!("Check the design of {subject}"), &[&design, &notes]);
    vec![notes, design, check]
}

fn review(about: &About) -> Vec<Draft> {
    let subject = &about.subject;
    if about.reads_project {
        let topic = cut_before(subject, &[" for ", " against ", " regarding "]);
        let map = Draft::new("designer", format!("Map the parts of {topic}"), "architecture_design.md")
            .says(format!("{}Outline the parts, who depends on whom, and where the risk lies: size, reach, missing tests.", about.material))
            .uses(true, false);
        let findings = Draft::new("coder", format!("Review {subject}"), "code_review.md")
            .says(format!(
                "{}Read critically: correctness first, then errors that go unhandled, security, clarity. For each finding give file and line, the \
                 words quoted, why it matters, how grave it is, and a remedy. Say also what is good.",
                about.material
            ))
            .uses(true, false);
        let check = check(format!("Check the findings on {topic}"), &[&findings, &map]);
        return vec![map, findings, check];
    }
    let findings = Draft::new("qa_tester", format!("Check {subject}"), "qa_report.md").says(format!(
        "{}Check every file: that it is well formed, complete and consistent, that links and references lead somewhere, that claims hold. Report each \
         finding with file, line, evidence, severity and advice.",
        about.material
    ));
    let report = Draft::new("writer", format!("Write the review of {subject}"), "review.md")
        .says(format!(
            "{}Sum up in one paragraph whether it is fit for its purpose. Then the findings, gravest first, each with a concrete proposal; group small \
             ones.",
            about.material
        ))
        .needs(&[&findings]);
    vec![findings, report]
}

fn general(about: &About) -> Vec<Draft> {
    let subject = &about.subject;
    let notes = Draft::new("researcher", format!("Collect material: {subject}"), "research_notes.md")
        .says(format!("{}Gather what is needed to reach the goal, each fact with its source, and say what is missing.", about.material))
        .uses(about.reads_project, about.searches_web);
    let title = about.sentence.clone().unwrap_or_else(|| format!("Write it up: {subject}"));
    let document = Draft::new("writer", title, written_name(about))
        .says(format!(
            "{}Write exactly what the goal asks for, in its language and for its readers, from the material collected. It must be ready to use as it is.",
            if about.has_inputs { about.material.as_str() } else { "" }
        ))
        .needs(&[&notes])
        .uses(about.reads_project, false);
    vec![notes, document]
}

fn check(title: String, others: &[&Draft]) -> Draft {
    let mut check = Draft::new("qa_tester", title, "qa_report.md")
        .says(
            "Check the files you are given against the goal and against each other: well formed, complete, nothing invented, names and numbers the \
             same everywhere, every file that is named there. Report each finding with file, line, evidence, severity and advice; say what you \
             checked and what you could not.",
        )
        .needs(others);
    check.is_check = true;
    check
}

/// A step of its own for an agent that no recipe gave one.
pub(super) fn lone(agent: &Agent, request: &PlanRequest<'_>) -> Draft {
    let about = About::new(request, kind_of(request));
    let verb = match agent.name.as_str() {
        "researcher" => "Research",
        "coder" => "Implement",
        "writer" => "Write up",
        "analyst" => "Analyse",
        "designer" => "Design",
        "qa_tester" => "Check",
        _ => "Work on",
    };
    let output = if agent.name == "coder" && kind_of(request) == Kind::Tool { code_file(&about) } else { agent.output.clone() };
    let can = |tool: &str| agent.tools.iter().any(|known| known == tool);
    let mut draft = Draft::new(&agent.name, about.titled(verb), output)
        .says(format!("{}Do what your role says to reach the goal, and write the result into your output file.", about.material))
        .uses(about.reads_project && can("read_project"), about.searches_web && can("web_search"));
    draft.key.push_str(":lone");
    draft.is_check = agent.name == "qa_tester";
    draft
}
