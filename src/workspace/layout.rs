//! The names of folders and files of a workspace: weeks, dates, slugs, run ids, logs. Pure; touches no disk.
use chrono::{DateTime, FixedOffset, NaiveDate};

/// The longest slug, in bytes.
const MAX_SLUG_BYTES: usize = 40;
/// Of a long goal only so many characters are looked at.
const LOOKED_AT: usize = 600;
/// Words that say nothing about what a goal is about.
const FILLERS: [&str; 47] = [
    "a", "an", "and", "are", "as", "at", "be", "build", "by", "can", "could", "create", "do", "for", "from", "generate", "give", "help",
    "i", "in", "into", "is", "it", "its", "make", "me", "my", "need", "of", "on", "or", "our", "please", "produce", "some", "that", "the",
    "this", "to", "us", "want", "we", "with", "would", "write", "you", "your",
];
/// Base 32 without the letters that are read as digits.
const DIGITS: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't',
    'v', 'w', 'x', 'y', 'z',
];

/// What the goal is about in a few ASCII words joined by `-`: at most 40 bytes, cut between words, never empty.
pub fn slug(goal: &str) -> String {
    let start: String = goal.chars().take(LOOKED_AT).filter(|c| !matches!(c, '\'' | '’')).collect();
    let ascii = deunicode::deunicode_with_tofu(&start, " ").to_lowercase();
    let words: Vec<&str> = ascii.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let telling: Vec<&str> = words.iter().copied().filter(|word| !FILLERS.contains(word)).collect();
    let mut slug = String::new();
    for word in if telling.is_empty() { words } else { telling } {
        let word = word.get(..MAX_SLUG_BYTES).unwrap_or(word);
        if !slug.is_empty() && slug.len() + 1 + word.len() > MAX_SLUG_BYTES {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(word);
    }
    if slug.is_empty() { "goal".into() } else { slug }
}

/// The folders of a new workspace below the base folder: ISO week, local date, slug with the local time.
pub fn folder_names(now: DateTime<FixedOffset>, goal: &str) -> (String, String, String) {
    (now.format("week-%V").to_string(), now.format("%Y-%m-%d").to_string(), format!("{}-{}", slug(goal), now.format("%H%M%S")))
}

/// `143022-k7xw`: local time and four characters that tell apart the runs of one second, a million to one.
pub fn run_id(now: DateTime<FixedOffset>, noise: u64) -> String {
    let digit = |shift: u32| usize::try_from((noise >> shift) & 31).ok().and_then(|index| DIGITS.get(index)).copied().unwrap_or('0');
    format!("{}-{}{}{}{}", now.format("%H%M%S"), digit(0), digit(5), digit(10), digit(15))
}

/// `agent_outputs/coder_143042.log`; `-2`, `-3` where `taken` says that a path is in use.
pub fn log_name(agent: &str, at: DateTime<FixedOffset>, taken: impl Fn(&str) -> bool) -> String {
    let agent: String = agent.chars().take(60).map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect();
    let stem = format!("agent_outputs/{agent}_{}", at.format("%H%M%S"));
    numbered(&stem, ".log", taken)
}

/// `stem` + `ending`, with `-2`, `-3`, … between them while that is taken.
pub fn numbered(stem: &str, ending: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut name = format!("{stem}{ending}");
    let mut number: u64 = 2;
    while taken(&name) {
        name = format!("{stem}-{number}{ending}");
        number += 1;
    }
    name
}

/// The date that a date folder stands for.
pub fn date_of(name: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(name, "%Y-%m-%d").ok().filter(|_| name.len() == 10)
}

/// Whether a folder of the base folder is a week of ours.
pub fn is_week(name: &str) -> bool {
    name.strip_prefix("week-").is_some_and(|week| week.len() == 2 && week.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What sorts the workspaces of one day: their time (`143022`), then the number that a collision gave (1 for none).
pub fn time_of(name: &str) -> (String, u64) {
    let is_time = |text: &str| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = name.rsplit('-');
    let (last, before) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if is_time(before) && !last.is_empty() && last.len() < 6 && last.bytes().all(|byte| byte.is_ascii_digit()) {
        return (before.to_owned(), last.parse().unwrap_or(1));
    }
    if is_time(last) { (last.to_owned(), 1) } else { (String::new(), 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(text).unwrap()
    }

    #[test]
    fn slugs_keep_the_words_that_tell() {
        for (goal, expected) in [
            ("Analyze sales data", "analyze-sales-data"),
            ("create a python dashboard to analyse monthly sales", "python-dashboard-analyse-monthly-sales"),
            ("Write docs for my team's REST API, please!", "docs-teams-rest-api"),
            ("Überblick über die Verkäufe", "uberblick-uber-die-verkaufe"),
            ("Анализ продаж", "analiz-prodazh"),
            ("分析销售数据", "fen-xi-xiao-shou-shu-ju"),
            ("make it", "make-it"),
            ("", "goal"),
            ("…!?", "goal"),
            ("\u{10ffff}\0\u{202e}", "goal"),
            (
                "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
                "donaudampfschifffahrtselektrizitatenhaup",
            ),
        ] {
            assert_eq!(slug(goal), expected, "{goal}");
        }
    }

    proptest! {
        #[test]
        fn any_goal_has_a_slug_that_is_a_folder_name(goal in ".{0,300}") {
            let slug = slug(&goal);
            prop_assert!(!slug.is_empty() && slug.len() <= 40);
            prop_assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            prop_assert!(!slug.starts_with('-') && !slug.ends_with('-'));
        }
    }

    #[test]
    fn weeks_are_iso_weeks_of_the_local_date() {
        for (now, week, date) in [
            ("2026-11-22T14:30:22+01:00", "week-47", "2026-11-22"),
            ("2026-12-28T00:00:00+00:00", "week-53", "2026-12-28"),
            ("2027-01-01T00:10:00+13:00", "week-53", "2027-01-01"),
            ("2027-01-04T09:00:00-08:00", "week-01", "2027-01-04"),
            ("2024-12-30T23:59:59+00:00", "week-01", "2024-12-30"),
        ] {
            let names = folder_names(at(now), "Analyze sales data");
            assert_eq!((names.0.as_str(), names.1.as_str()), (week, date));
        }
        assert_eq!(folder_names(at("2026-11-22T14:30:22+01:00"), "Analyze sales data").2, "analyze-sales-data-143022");
    }

    #[test]
    fn run_ids_and_logs_carry_the_local_time() {
        let now = at("2026-11-22T14:30:22+01:00");
        assert_eq!(run_id(now, 19 + 7 * 32), "143022-k700");
        let of_one_second: std::collections::BTreeSet<String> = (0..4_000).map(|noise| run_id(now, noise * 263)).collect();
        assert_eq!(of_one_second.len(), 4_000, "runs of one second have ids of their own");
        assert_ne!(run_id(now, 1), run_id(now, 2));
        assert_eq!(log_name("coder", now, |_| false), "agent_outputs/coder_143022.log");
        assert_eq!(log_name("coder", now, |name| !name.ends_with("-3.log")), "agent_outputs/coder_143022-3.log");
        assert_eq!(log_name("../x y", now, |_| false), "agent_outputs/___x_y_143022.log");
    }

    #[test]
    fn folders_of_one_day_sort_by_time_and_number() {
        assert_eq!(time_of("sales-data-143022"), ("143022".into(), 1));
        assert_eq!(time_of("sales-data-143022-12"), ("143022".into(), 12));
        assert_eq!(time_of("renamed by hand"), (String::new(), 1));
        assert!(is_week("week-07") && !is_week("week-7") && !is_week("week-xx") && !is_week("weeks"));
        assert!(date_of("2026-11-22").is_some() && date_of("2026-11-2").is_none() && date_of("2026-13-01").is_none());
    }
}
