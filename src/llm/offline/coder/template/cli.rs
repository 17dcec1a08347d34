//! @@TITLE@@
// No language model was used for this program: a template was filled in from the words of the goal.
//
// Usage: PROGRAM COMMAND [PATH ...]
// What a command does is still to be filled in: see the functions that return an error.
use std::collections::BTreeMap;
use std::process::ExitCode;

type Inputs = BTreeMap<String, String>;
type Command = fn(&Inputs) -> Result<String, String>;

@@FUNCTIONS@@const COMMANDS: &[(&str, Command)] = &[@@COMMANDS@@];

fn run(arguments: &[String]) -> Result<String, String> {
    let names: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
    let (name, paths) = arguments.split_first().ok_or(format!("a command is needed: {}", names.join(", ")))?;
    let (_, command) = COMMANDS.iter().find(|(known, _)| known == name).ok_or(format!("unknown command {name}; known: {}", names.join(", ")))?;
    let mut inputs = Inputs::new();
    for path in paths {
        inputs.insert(path.clone(), std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?);
    }
    command(&inputs)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_an_error() {
        assert!(run(&["no-such-command".to_owned()]).is_err());
        assert!(run(&[]).is_err());
    }

    #[test]
    fn every_command_answers_or_says_that_it_is_not_filled_in() {
        for (name, command) in COMMANDS {
            if let Err(problem) = command(&Inputs::new()) {
                assert!(problem.contains("fill in"), "{name}: {problem}");
            }
        }
    }
}
