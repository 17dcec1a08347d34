//! The corpus of the fuzz targets as an ordinary test: every seed, every finding of old, and pieces of them go through every parser.
use std::path::Path;

#[path = "../../fuzz/parsers.rs"]
mod parsers;

#[test]
fn the_corpus_of_every_fuzz_target_is_read_without_a_finding() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, parser) in parsers::ALL {
        let folder = corpus.join(name);
        let mut seeds = 0;
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for piece in [&bytes[..], &bytes[..bytes.len() / 2], &bytes[bytes.len() / 3..], &bytes[..bytes.len().saturating_sub(1)]] {
                parser(piece);
            }
            seeds += 1;
        }
        assert!(seeds >= 3, "{name} has a corpus of {seeds}");
    }
}

#[test]
fn every_fuzz_target_has_its_parser() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut found: Vec<String> = std::fs::read_dir(targets)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, parsers::ALL.map(|(name, _)| name.to_owned()));
}
