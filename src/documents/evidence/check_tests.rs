//! Tests of the checks: each rule finds what it is for, and leaves honest text alone.
use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::documents::evidence::{Known, cited_at};
use crate::domain::{Ledger, StepId, ToolCall};

const PAGE: &str = "Heat pumps in old houses\n\nThe median household paid 1,480 € for electricity in 2024, see https://stats.example/2024.\n\nOne in nine paid **more** than before.\n";

fn grounds() -> Grounds {
    let mut ledger = Ledger::default();
    let at = DateTime::parse_from_rfc3339("2026-11-24T14:30:22Z").unwrap();
    let mut take = |name: &str, input: serde_json::Value, content: String| {
        let call = ToolCall { id: "c".into(), name: name.into(), input };
        ledger.take(&call, (&content, &[]), (&StepId::numbered(1), at))
    };
    let page = format!("Address: https://pumps.example/costs\nKind: html, 9 characters\nTitle: Costs\n\n{PAGE}");
    take("web_fetch", json!({"url": "https://pumps.example/costs"}), page);
    take("search_files", json!({"query": "x"}), "inputs/grid.md:3: A street draws about twice its former peak.".into());
    let inputs = BTreeMap::from([(
        "inputs/grid.md".to_owned(),
        "# Grid\n\nA street draws about twice its former peak.\n\nIn January it was 37 kW.\n".to_owned(),
    )]);
    Grounds::new(&ledger, &Known { goal: "See https://goal.example/page for tides".into(), inputs })
}

fn rules(text: &str) -> Vec<(&'static str, String)> {
    check(text, &grounds()).flaws.into_iter().map(|flaw| (flaw.rule, flaw.evidence)).collect()
}

#[test]
fn honest_claims_pass() {
    let text = "# Costs\n\nThe survey says “The median household paid 1,480 € for electricity” [^s1]. One in nine \"paid more than before\".[^s1]\n\n\
        > A street draws about twice its former peak.\n>\n> — `inputs/grid.md:3` [^s2]\n\nIt drew 37 kW [^s2]; people paid about 1500 euros in 2024 [^s1]. \
        See <https://pumps.example/costs#top>, https://stats.example/2024/ and www.goal.example/page.\n\n\
        | what | source |\n| --- | --- |\n| “One in nine” | [^s1] |\n\n\
        [^s1]: Costs, <https://pumps.example/costs>, read 2026-11-24\n[^s2]: `inputs/grid.md`, line 3\n";
    assert_eq!(rules(text), []);
    let tally = check(text, &grounds()).tally;
    assert_eq!((tally.failed, tally.uncited), (0, 0));
    assert!(tally.checked >= 14, "{tally:?}");
}

#[test]
fn each_rule_finds_what_it_is_for() {
    for (text, expected) in [
        ("It is so [^s7].", (UNKNOWN_SOURCE, "[^s7]")),
        ("“The median household paid nothing at all” [^s1]", (FALSE_QUOTATION, "The median household paid nothing at all")),
        ("“paid less” [^s1]", (FALSE_QUOTATION, "paid less")),
        ("> A street draws about thrice its former peak. [^s2]", (FALSE_QUOTATION, "> A street draws about thrice its former peak.")),
        ("They paid 1,840 € [^s1].", (NUMBER_DIFFERS, "1,840")),
        ("It was 38 kW [^s2].", (NUMBER_DIFFERS, "38")),
        ("See https://pumps.example/prices.", (UNKNOWN_ADDRESS, "https://pumps.example/prices")),
        ("See [this](https://made-up.example/a) [^s1].", (UNKNOWN_ADDRESS, "https://made-up.example/a")),
        (
            "As \"nobody has ever written these very words anywhere\" shows.",
            (UNSOURCED_QUOTATION, "nobody has ever written these very words anywhere"),
        ),
        ("A [^s1].\n\n[^s1]: <https://goal.example/page>", (WRONG_SOURCE, "[^s1]: <https://goal.example/page>")),
        ("A [^s2].\n\n[^s2]: `inputs/other.md:3`", (WRONG_SOURCE, "[^s2]: `inputs/other.md:3`")),
    ] {
        assert_eq!(rules(text), [(expected.0, expected.1.to_owned())], "{text}");
    }
}

#[test]
fn what_is_no_claim_is_left_alone() {
    for text in [
        "```\n“made up words here” [^s9] https://made-up.example\n```\n",
        "Run `curl https://made-up.example` on http://localhost:8080/ or http://127.0.0.1/.",
        "1. First [^s1]\n2. Second, see section 12 and lines 40–44 [^s1]\n",
        "The “so-called” thing, the 3 of them, R410A [^s1].",
        "> **No language model was used.** 500 words.\n",
        "A plain footnote.[^1]\n\n[^1]: with text\n",
        "<!-- https://made-up.example [^s9] -->",
        "",
    ] {
        assert_eq!(rules(text), [], "{text}");
    }
}

#[test]
fn claims_without_a_source_are_counted_and_not_blamed() {
    let checked =
        check("They paid 1,480 €. It was “one of nine that paid more than ever before”.\n\nCovered 37 here. And said [^s2].", &grounds());
    assert_eq!(checked.tally.uncited, 2);
    assert_eq!(check("They paid 1,480 €.", &Grounds::default()).tally, Tally::default());
}

#[test]
fn a_cited_place_leads_to_its_passage() {
    let grounds = grounds();
    let text = "It says “one in nine paid more” [^s1]. Streets in January drew 37 kW [^s2]. None [^s8].\n\n[^s2]: x\n";
    let passage = |at: &str| {
        let cited = cited_at(text, text.find(at).unwrap(), &grounds)?;
        Some((cited.number, cited.passage.map(|place| grounds.get(cited.number).unwrap().text[place].to_owned())))
    };
    assert_eq!(passage("[^s1]"), Some((1, Some("One in nine paid **more".into()))));
    assert_eq!(passage("nine"), Some((1, Some("One in nine paid **more".into()))));
    assert_eq!(passage("Streets"), Some((2, Some("In January it was 37 kW.".into()))));
    assert_eq!(passage("[^s8]"), Some((8, None)));
    assert_eq!(passage("x\n").map(|(number, _)| number), Some(2));
    assert_eq!(cited_at("plain", 2, &grounds), None);
}

proptest::proptest! {
    #[test]
    fn no_artifact_makes_it_panic_and_every_flaw_has_its_place(text in "[a-z0-9“”\"\\[\\]^:>|`.,%€\n/(h)w-]{0,160}") {
        let grounds = grounds();
        for flaw in check(&text, &grounds).flaws {
            proptest::prop_assert!(text.get(flaw.start..flaw.end).is_some() && flaw.line >= 1);
        }
        for at in 0..text.len() {
            let _ = cited_at(&text, at, &grounds);
        }
    }
}
