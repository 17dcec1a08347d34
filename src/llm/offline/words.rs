//! Words of a goal as search terms: stop words of a few languages, light stemming, the same for goals and sources. Reads no file.
use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::domain::message::Brief;

/// The most terms we look for.
const MAX_TERMS: usize = 12;

/// A word worth looking for.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// As the goal spells it, lower case.
    pub word: String,
    pub stem: String,
    /// 1 for the goal, less for the words around it.
    pub weight: f64,
    /// Follows the term before it without a word or a stop between them: `heat` + `pumps`.
    pub joined: bool,
}

/// Function words of English, German, French, Spanish, Italian, Portuguese and Dutch, without accents.
const STOP_WORDS: &str = "a about above after again against all also am an and any are as at be because been before being below between both but by can \
could did do does doing down during each few for from further had has have having he her here hers him his how i if in into is it its itself just me \
more most my no nor not now of off on once only or other our out over own per same she should so some such than that the their them then there these \
they this those through to too under until up us very was we were what when where which while who whom why will with inside within without would you your \
aber als am an auch auf aus bei bin bis das dass dem den der des die durch ein eine einem einen einer eines er es fur hat ich ihr im in ist ja kann \
man mit nach nicht noch nur oder sein sich sie sind so uber um und uns unter vom von vor war was wie wir wird zu zum zur \
au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur lui mais mon ne nous on ou par pas pour qu que qui sa se ses son sont \
sur un une vos votre vous al como con cual de del donde el ella en entre era es esta este fue ha hay la las lo los mas mi muy para pero por que se ser \
si sin sobre su sus un una y ya alla alle anche che chi come con cui da dal dalla dei del della delle di e gli ha il la le lo ma nei nel nella non per \
piu quale questa questo sono sul sulla tra un una uno ao aos com da das do dos e em foi mais na nas no nos o os ou para pela pelo por se sem seu sua um \
uma aan bij dat de deze die een en er het hij ik in is met naar niet nog of om ook op te tot uit van voor wat wel worden zijn";

/// Words that say what to do with a subject rather than name it.
const TASK_WORDS: &str = "research investigate find gather search look write create make build develop implement generate produce draft compose prepare \
complete completely full fully comprehensive detailed short brief long good best better great new newest latest recent current use using used based \
include including includes including provide give show tell explain describe summarize summarise summary synthesize synthesise synthesis combine analyze \
analyse analysis report reports article articles document documents documentation docs podcast episode script scripts notes note week weeks weekly today \
month monthly daily year file files folder attached attachment attachments input inputs output outputs result results goal task step please need needs \
want wants help about topic topics thing things information info facts material materials source sources quote quotes passage passages finding findings \
markdown readme one two three first second every etc e.g quality check review plan planning list read reading put together turn into important main \
keep keeps work works working happen happens handle handles python javascript typescript rust html page tool program application app dashboard code coding cli \
recherchiere schreibe erstelle bericht dokument dokumente datei dateien finde suche zusammenfassung ecris redige rapport cherche resume escribe informe \
investiga resumen scrivi ricerca riassunto escreva relatorio pesquisa resumo schrijf rapport onderzoek samenvatting";

/// Words of the instructions that recipes give: they say how to work and name no subject.
const RECIPE_WORDS: &str = "collect figure figures name names date dates disputed listeners ask asks lists overview details take user users side tasks \
order project attached facts questions question answer answers primary prefer disagree mark evidence fact reader readers \
ends text texts happened decided risk next comes say says themes";

static RECIPE: LazyLock<HashSet<&str>> = LazyLock::new(|| RECIPE_WORDS.split_whitespace().collect());
static STOP: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP_WORDS.split_whitespace().collect());
static TASK: LazyLock<HashSet<&str>> = LazyLock::new(|| TASK_WORDS.split_whitespace().collect());

/// What the step is about, best first: the goal's words count most, then the title's, then the instructions'.
pub fn terms(brief: &Brief) -> Vec<Term> {
    let mut found: Vec<Term> = Vec::new();
    for (text, weight) in [(&brief.goal, 1.0), (&brief.title, 0.8), (&brief.instructions, 0.5)] {
        let mut follows = false;
        for token in without_paths(text).split_whitespace() {
            for word in words(token) {
                let stem = stem(&word);
                let is_about_work = weight < 1.0 && RECIPE.contains(word.as_str());
                if !is_subject(&word) || is_about_work || found.iter().any(|term| term.stem == stem) {
                    follows = false;
                    continue;
                }
                found.push(Term { word, stem, weight, joined: follows });
                follows = true;
            }
            follows &= token.ends_with(char::is_alphanumeric);
        }
    }
    found.truncate(MAX_TERMS);
    found
}

/// The phrase that a term belongs to in the goal, as far as its words occur in the sources: `heat pumps` for `pumps`.
pub fn phrase(terms: &[Term], index: usize, occurs: impl Fn(&Term) -> bool) -> String {
    let joined = |at: usize| terms.get(at).is_some_and(|term| term.joined && occurs(term));
    let mut start = index;
    while start > 0 && joined(start) && terms.get(start - 1).is_some_and(&occurs) && index - start < 2 {
        start -= 1;
    }
    let mut end = index;
    while joined(end + 1) && end - start < 2 {
        end += 1;
    }
    let words: Vec<&str> = terms.get(start..=end).unwrap_or_default().iter().map(|term| term.word.as_str()).collect();
    words.join(" ")
}

/// The words of a text that could be its subject, in reading order, repeated ones included.
pub fn subjects(text: &str) -> Vec<String> {
    words(&without_paths(text)).into_iter().filter(|word| is_subject(word)).collect()
}

fn is_subject(word: &str) -> bool {
    let plain = plain(word);
    let number = plain.chars().all(|c| c.is_ascii_digit());
    (!number || plain.len() == 4) && !STOP.contains(plain.as_str()) && !TASK.contains(plain.as_str())
}

/// Stems of all words but the stop words.
pub fn stems(text: &str) -> Vec<String> {
    words(text).iter().map(|word| plain(word)).filter(|word| !STOP.contains(word.as_str())).map(|word| stem(&word)).collect()
}

/// The set of stems of a text.
pub fn stem_set(text: &str) -> BTreeSet<String> {
    stems(text).into_iter().collect()
}

/// Shared part of two sets, 0 to 1 (Jaccard).
pub fn likeness(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f64 {
    let shared = a.intersection(b).count();
    let all = a.len() + b.len() - shared;
    if all == 0 { 0.0 } else { shared as f64 / all as f64 }
}

/// Lower-case words of two letters or more; scripts written without spaces come as pairs of characters.
pub fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for run in text.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)) {
        let characters: Vec<char> = run.chars().collect();
        if characters.iter().any(|c| is_unspaced(*c)) {
            found.extend(characters.windows(2).map(|pair| pair.iter().collect::<String>()));
        } else if characters.len() > 1 {
            found.push(run.to_lowercase());
        }
    }
    found
}

fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// Paths and addresses name a place, not a subject.
fn without_paths(text: &str) -> String {
    let is_path = |word: &&str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let dotted =
            bare.rsplit_once('.').is_some_and(|(_, end)| (1..=5).contains(&end.len()) && end.chars().all(|c| c.is_ascii_alphanumeric()));
        let slashes = bare.matches('/').count();
        dotted && !bare.contains("e.g") || slashes > 1 || bare.contains("://")
    };
    text.split_whitespace().filter(|word| !is_path(word)).collect::<Vec<_>>().join(" ")
}

/// Lower case without accents.
pub fn plain(word: &str) -> String {
    if word.is_ascii() {
        return word.to_lowercase();
    }
    word.nfkd().filter(|c| !is_combining_mark(*c)).collect::<String>().to_lowercase()
}

/// A light stem: `charging`, `charged`, `chargers` and `charge` meet in `charg`. Never shorter than three letters.
pub fn stem(word: &str) -> String {
    let mut stem = plain(word);
    if !stem.is_ascii() {
        return stem;
    }
    stem = match stem.strip_suffix("ies") {
        Some(rest) if rest.len() > 2 => format!("{rest}y"),
        _ if stem.ends_with("ss") || stem.ends_with("us") || stem.ends_with("is") => stem,
        _ => cut(&stem, &["s"], 3),
    };
    stem = cut(&stem, &["ing", "edly", "ed", "ers", "er", "ly", "ment"], 4);
    let mut letters = stem.chars().rev();
    if let (Some(last), Some(before)) = (letters.next(), letters.next())
        && last == before
        && !"aeiouslz".contains(last)
        && stem.len() > 3
    {
        stem.pop();
    }
    cut(&stem.replace("ys", "yz"), &["e"], 3)
}

fn cut(word: &str, endings: &[&str], least: usize) -> String {
    let rest = endings.iter().find_map(|ending| word.strip_suffix(ending).filter(|rest| rest.len() >= least));
    rest.unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_meet_in_one_stem() {
        for (a, b) in
            [("charging", "charge"), ("batteries", "battery"), ("running", "runs"), ("Analyses", "analyzes"), ("Städte", "stadte")]
        {
            assert_eq!(stem(a), stem(b), "{a} and {b}");
        }
        assert_eq!(stem("class"), "class");
    }

    #[test]
    fn stop_words_paths_and_task_words_are_no_subjects() {
        assert_eq!(subjects("Research the costs of heat pumps in docs/a.md for my podcast"), ["costs", "heat", "pumps"]);
        assert_eq!(subjects("Erstelle einen Bericht über Wärmepumpen"), ["wärmepumpen"]);
    }

    #[test]
    fn words_that_stand_together_make_a_phrase() {
        let brief = crate::llm::offline::stage::Stage::new("researcher", "Research costs and heat pumps, hydrogen boilers").brief;
        let terms = terms(&brief);
        assert_eq!(phrase(&terms, 2, |_| true), "heat pumps");
        assert_eq!(phrase(&terms, 0, |_| true), "costs");
        assert_eq!(phrase(&terms, 4, |term| term.word != "hydrogen"), "boilers");
    }

    #[test]
    fn text_without_spaces_is_searched_in_pairs() {
        assert_eq!(words("電池価格"), ["電池", "池価", "価格"]);
    }
}
