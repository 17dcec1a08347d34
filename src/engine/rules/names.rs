//! The names of the files that steps write, from the words of the goal. Knows no allowed extensions; the planner falls back where one is not.
use super::recipes::About;
use super::words::{after_word, words};

/// The file a coder writes: named for what is made, with the extension of the language the goal names.
pub(super) fn code_file(about: &About) -> String {
    const LANGUAGES: [(&[&str], &str); 14] = [
        (&["python", "streamlit", "pandas", "flask", "django", "fastapi"], "py"),
        (&["typescript"], "ts"),
        (&["react", "jsx"], "jsx"),
        (&["javascript", "js", "node", "node.js", "express"], "js"),
        (&["rust"], "rs"),
        (&["golang", "go"], "go"),
        (&["java"], "java"),
        (&["c++", "cpp"], "cpp"),
        (&["ruby", "rails"], "rb"),
        (&["sql", "sqlite", "postgres", "postgresql"], "sql"),
        (&["html", "website", "webpage", "page", "frontend", "wireframe"], "html"),
        (&["css", "stylesheet"], "css"),
        (&["yaml", "yml"], "yaml"),
        (&["toml"], "toml"),
    ];
    const NAMES: [&str; 12] =
        ["dashboard", "website", "scraper", "bot", "server", "parser", "converter", "calculator", "game", "cli", "crawler", "app"];
    let language = LANGUAGES.iter().find(|(names, _)| about.words.iter().any(|word| names.contains(&word.as_str())));
    let extension = language.map_or("py", |(_, extension)| extension);
    let name = NAMES.iter().find(|name| about.words.iter().any(|word| word == *name));
    let stem = name.map(|name| (*name).to_owned()).unwrap_or_else(|| file_stem(about));
    let test = if about.words.iter().any(|word| word == "tests") { "test_" } else { "" };
    format!("{test}{stem}.{extension}")
}

/// A file name from what the thing is for: `script to analyze sales data` gives `analyze_sales_data`.
fn file_stem(about: &About) -> String {
    let purpose = after_word(&about.subject, &[" to ", " for ", " that "]).unwrap_or_else(|| about.subject.clone());
    let parts: Vec<String> = words(&purpose)
        .into_iter()
        .filter(|word| {
            word.chars().all(|c| c.is_ascii_alphanumeric()) && word.len() <= 20 && !matches!(word.as_str(), "the" | "a" | "an" | "of")
        })
        .take(4)
        .collect();
    if parts.is_empty() { "script".to_owned() } else { parts.join("_") }
}

/// What a document is called, by the word the goal has for it.
pub(super) fn document_name(about: &About, is_api: bool) -> &'static str {
    const NAMES: [(&[&str], &str); 6] = [
        (&["readme", "readme.md"], "README.md"),
        (&["tutorial"], "tutorial.md"),
        (&["changelog"], "changelog.md"),
        (&["faq"], "faq.md"),
        (&["guide", "handbook", "manual"], "user_guide.md"),
        (&["document"], "document.md"),
    ];
    let named = NAMES.iter().find(|(words, _)| about.has(words)).map(|(_, name)| *name);
    match named {
        Some(name) if name != "document.md" => name,
        _ if is_api => "api_documentation.md",
        Some(name) => name,
        None => "documentation.md",
    }
}

/// What a writer's file is called, by the word the goal has for it.
pub(super) fn written_name(about: &About) -> String {
    const NAMES: [&str; 12] = [
        "report",
        "article",
        "email",
        "letter",
        "summary",
        "presentation",
        "newsletter",
        "story",
        "speech",
        "proposal",
        "essay",
        "checklist",
    ];
    let name = NAMES.iter().find(|name| about.has(&[**name]));
    match name {
        Some(name) => format!("{name}.md"),
        None if about.has(&["summari*"]) => "summary.md".to_owned(),
        None if about.has(&["blog"]) => "blog_post.md".to_owned(),
        None => "document.md".to_owned(),
    }
}
