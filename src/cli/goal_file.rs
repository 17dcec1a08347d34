//! A goal file named on the command line in the goal's place: reads it and finds its attachments beside it. Starts nothing.
use std::io::ErrorKind;
use std::path::Path;

use crate::domain::goal::MAX_GOAL_BYTES;
use crate::domain::{Error, Goal, Result};

use super::loaded;
use super::order::Options;
use super::setup::Setup;

const ENDING: &str = ".goal.md";

/// The goal in the file that `text` names; `None` when the text is a goal itself.
pub fn named(text: &str, setup: &Setup) -> Result<Option<Goal>> {
    let text = text.trim();
    if !text.ends_with(ENDING) || text.contains('\n') {
        return Ok(None);
    }
    let path = setup.environment.absolute(Path::new(text));
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else { return Ok(None) };
    let unreadable = |why: String| {
        Error::usage(format!("reading the goal file {text}: {why}")).hint("name a file that is there, or say the goal in words")
    };
    // Front matter comes beside the goal itself.
    let limit = u64::try_from(2 * MAX_GOAL_BYTES).unwrap_or(u64::MAX);
    let bytes = match setup.disk.open(folder).and_then(|folder| folder.read(name, limit)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound && text.contains(char::is_whitespace) => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let words = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".into()))?;
    let mut goal = loaded::parse_goal(&words)?;
    goal.attach = goal.attach.iter().map(|path| setup.environment.absolute(&folder.join(path))).collect();
    Ok(Some(goal))
}

/// What the command line says wins over what a goal file says: it stands in the settings, which count where the goal is silent.
pub fn overrule(goal: &mut Goal, options: &Options) {
    goal.budget_usd = goal.budget_usd.filter(|_| options.budget.is_none());
    goal.model = goal.model.take().filter(|_| options.model.is_none());
    goal.max_parallel = goal.max_parallel.filter(|_| options.max_parallel.is_none());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Environment;

    fn setup(folder: &Path) -> Setup {
        Setup::load(Environment::new([("HOME".to_owned(), folder.display().to_string())], folder), &Options::default()).unwrap()
    }

    #[test]
    fn a_goal_file_says_its_goal_and_its_limits_and_the_command_line_wins() {
        let folder = tempfile::tempdir().unwrap();
        let text = "---\nattach: [notes/a.md, ../b.md]\nbudget_usd: 0.5\nmax_parallel: 2\n---\nWrite a briefing on the interview.\n";
        std::fs::create_dir(folder.path().join("goals")).unwrap();
        std::fs::write(folder.path().join("goals/brief.goal.md"), text).unwrap();
        let mut goal = named("goals/brief.goal.md", &setup(folder.path())).unwrap().unwrap();
        assert_eq!(goal.text, "Write a briefing on the interview.");
        assert_eq!(goal.attach, [folder.path().join("goals/notes/a.md"), folder.path().join("b.md")]);
        overrule(&mut goal, &Options { budget: Some(2.0), ..Options::default() });
        assert_eq!((goal.budget_usd, goal.max_parallel), (None, Some(2)));
    }

    #[test]
    fn words_that_only_end_like_a_goal_file_are_words() {
        let folder = tempfile::tempdir().unwrap();
        let setup = setup(folder.path());
        assert_eq!(named("Explain what x.goal.md", &setup), Ok(None));
        assert_eq!(named("Write docs", &setup), Ok(None));
        assert!(named("missing.goal.md", &setup).unwrap_err().hint.is_some());
        std::fs::write(folder.path().join("bad.goal.md"), "---\nbudget_usd: lots\n---\nWrite docs").unwrap();
        assert!(named("bad.goal.md", &setup).unwrap_err().what.contains("budget_usd"));
    }
}
