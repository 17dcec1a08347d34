//! Texts that are made from the table of arguments: completion scripts and the manual page. Parses nothing and prints nothing.
use clap_complete::Shell;

/// The completion script for a shell.
pub fn completions(shell: Shell, mut command: clap::Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "ai-orchestrator", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page, in roff.
pub fn manual(command: clap::Command) -> String {
    let command = command.about("turn a goal into a reviewed folder of results with a team of agents").long_about(
        "ai-orchestrator plans a workflow for a goal in plain words, gives each step to a specialist agent, asks where a person must decide, and \
         keeps everything as files in a dated workspace folder that can be resumed.",
    );
    let page = clap_mangen::Man::new(command).manual("User Commands").source(concat!("ai-orchestrator ", env!("CARGO_PKG_VERSION")));
    let mut roff = Vec::new();
    // Writing to memory does not fail.
    let _ = page.render(&mut roff);
    String::from_utf8_lossy(&roff).into_owned()
}
